"""Layers that are random in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, final

from ...calculus.array import Array
from ...random import as_generator
from ..functional.dropout import (
    alpha_dropout,
    check_probability,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from ..module import Module

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
]


class _Dropping(Module):
    """What these layers share: a probability and a generator."""

    _function: ClassVar[Callable[..., Array]]

    def __init__(self, p: float = 0.5, *, rng: Any = None) -> None:
        check_probability(type(self).__name__, p)
        self.p = p
        self.rng = as_generator(rng)

    def forward(self, x: Any) -> Array:
        """Return `x`, in training with parts dropped."""
        return type(self)._function(x, self.p, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}"


@final
class Dropout(_Dropping):
    """In training, set each element to 0 with probability `p` and scale the others.

    After `eval` the layer is the identity. The generator's two integers of state are
    pickled and copied with the module; they are not part of `state_dict`.

    Parameters
    ----------
    p : float
        The probability, in [0, 1].
    rng : int or Generator, optional
        Draws the masks: the same on every device.

    Raises
    ------
    OptionError
        If `p` is outside [0, 1].

    Notes
    -----
    Any shape; the kept elements are multiplied by ``1 / (1 - p)``, so that the mean
    stays. Srivastava et al., "Dropout", JMLR 15, 2014.

    Examples
    --------
    >>> Dropout(0.2, rng=0)
    Dropout(p=0.2)
    """

    _function = staticmethod(dropout)


@final
class Dropout1d(_Dropping):
    """In training, set whole channels to 0 with probability `p` and scale the others.

    Options and errors are those of `Dropout`.

    Notes
    -----
    Input and output (N, C, L) or (C, L).

    Examples
    --------
    >>> Dropout1d(0.2, rng=0)
    Dropout1d(p=0.2)
    """

    _function = staticmethod(dropout1d)


@final
class Dropout2d(_Dropping):
    """In training, set whole channels of images to 0 with probability `p`.

    The others are scaled. Options and errors are those of `Dropout`.

    Notes
    -----
    Input and output (N, C, H, W); three axes are an error, where PyTorch warns. Tompson
    et al., "Efficient Object Localization Using Convolutional Networks", CVPR 2015.

    Examples
    --------
    >>> Dropout2d(0.2, rng=0)
    Dropout2d(p=0.2)
    """

    _function = staticmethod(dropout2d)


@final
class Dropout3d(_Dropping):
    """In training, set whole channels of volumes to 0 with probability `p`.

    The others are scaled. Options and errors are those of `Dropout`.

    Notes
    -----
    Input and output (N, C, D, H, W) or (C, D, H, W).

    Examples
    --------
    >>> Dropout3d(0.2, rng=0)
    Dropout3d(p=0.2)
    """

    _function = staticmethod(dropout3d)


@final
class AlphaDropout(_Dropping):
    """In training, drop elements so that a mean of 0 and a variance of 1 stay.

    For networks with `SELU`: see `functional.alpha_dropout` for the formula. Options
    and errors are those of `Dropout`.

    Notes
    -----
    Any shape. Klambauer et al., "Self-Normalizing Neural Networks", NeurIPS 2017.

    Examples
    --------
    >>> AlphaDropout(0.2, rng=0)
    AlphaDropout(p=0.2)
    """

    _function = staticmethod(alpha_dropout)


@final
class FeatureAlphaDropout(_Dropping):
    """In training, drop whole channels so that mean 0 and variance 1 stay.

    Options and errors are those of `Dropout`.

    Notes
    -----
    Input and output (N, C, ...).

    Examples
    --------
    >>> FeatureAlphaDropout(0.2, rng=0)
    FeatureAlphaDropout(p=0.2)
    """

    _function = staticmethod(feature_alpha_dropout)
