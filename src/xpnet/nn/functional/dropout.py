"""Dropout: of elements, of whole channels, and for networks with SELU."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from ...calculus.array import Array
from ...calculus.rule import fused
from ...errors import OptionError, ShapeError
from ...random import as_generator
from .inputs import floating

__all__ = [
    "alpha_dropout",
    "check_probability",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
]

_SATURATED = 1.7580993408473766
"""What `selu` goes to on the left, with its sign changed."""


def dropout(x: Any, p: float = 0.5, training: bool = True, *, rng: Any = None) -> Array:
    """Set elements to 0 with probability `p`, scale the others by ``1 / (1 - p)``.

    The expected value of each element stays what it was, so that nothing has to change
    when `training` is False: then, and with ``p = 0``, the result is `x` itself. With
    ``p = 1`` it is zeros.

    Parameters
    ----------
    x : Array
        Floating point, of any shape.
    p : float
        The probability, in [0, 1].
    training : bool
        Whether to drop anything.
    rng : int or Generator, optional
        Draws the mask, on the host: the same on every device.

    Raises
    ------
    OptionError
        If `p` is outside [0, 1].
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    Srivastava et al., "Dropout", JMLR 15, 2014; scaled in training ("inverted") as in
    PyTorch.

    Examples
    --------
    >>> dropout([1.0, 1.0, 1.0, 1.0], 0.5, rng=0).shape
    (4,)
    """
    check_probability("dropout", p)
    array = floating("dropout", x, or_complex=True)
    return _dropped(array, array.shape, p, rng, training)


def dropout1d(
    x: Any, p: float = 0.5, training: bool = True, *, rng: Any = None
) -> Array:
    """Set whole channels to 0 with probability `p`, and scale the others.

    `x` has shape (N, C, L) or (C, L). Parameters and errors are those of `dropout`; a
    ShapeError is raised if `x` has another number of axes.

    Examples
    --------
    >>> dropout1d([[1.0, 1.0], [1.0, 1.0]], 1.0).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    return _of_channels("dropout1d", x, (3, 2), p, rng, training)


def dropout2d(
    x: Any, p: float = 0.5, training: bool = True, *, rng: Any = None
) -> Array:
    """Set whole channels of images to 0 with probability `p`, and scale the others.

    `x` has shape (N, C, H, W). Parameters and errors are those of `dropout`; a
    ShapeError is raised if `x` has another number of axes. (PyTorch takes three as
    (N, C, L), and warns that it will take them as (C, H, W).)

    Notes
    -----
    Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR
    2015.

    Examples
    --------
    >>> dropout2d([[[[1.0, 1.0]]]], 1.0).tolist()
    [[[[0.0, 0.0]]]]
    """
    return _of_channels("dropout2d", x, (4,), p, rng, training)


def dropout3d(
    x: Any, p: float = 0.5, training: bool = True, *, rng: Any = None
) -> Array:
    """Set whole channels of volumes to 0 with probability `p`, and scale the others.

    `x` has shape (N, C, D, H, W) or (C, D, H, W). Parameters and errors are those of
    `dropout`; a ShapeError is raised if `x` has another number of axes.

    Examples
    --------
    >>> dropout3d([[[[1.0, 1.0]]]], 1.0).tolist()
    [[[[0.0, 0.0]]]]
    """
    return _of_channels("dropout3d", x, (5, 4), p, rng, training)


def alpha_dropout(
    x: Any, p: float = 0.5, training: bool = False, *, rng: Any = None
) -> Array:
    """Drop elements so that a mean of 0 and a variance of 1 stay: for `selu`.

    Dropped elements become -1.7581, where `selu` is saturated; then all are scaled by
    ``a = 1 / sqrt((1 - p) * (1 + p * 1.7581**2))`` and shifted by ``1.7581 * a * p``.
    With ``p = 1`` the result is zeros. Parameters and errors are those of `dropout`,
    but `training` is False by default, as in PyTorch.

    Notes
    -----
    Klambauer et al., "Self-Normalizing Neural Networks", NeurIPS 2017, section 3; the
    formula is PyTorch's.

    Examples
    --------
    >>> alpha_dropout([1.0, 1.0, 1.0, 1.0], 0.5, training=True, rng=0).shape
    (4,)
    """
    check_probability("alpha_dropout", p)
    array = floating("alpha_dropout", x)
    return _alpha_dropped(array, array.shape, p, rng, training)


def feature_alpha_dropout(
    x: Any, p: float = 0.5, training: bool = False, *, rng: Any = None
) -> Array:
    """Drop whole channels as `alpha_dropout` drops elements.

    `x` has shape (N, C, ...). Parameters and errors are those of `alpha_dropout`; a
    ShapeError is raised if `x` has fewer than two axes.

    Examples
    --------
    >>> feature_alpha_dropout([[1.0, 1.0]], 0.5, training=True, rng=0).shape
    (1, 2)
    """
    check_probability("feature_alpha_dropout", p)
    array = floating("feature_alpha_dropout", x)
    if array.ndim < 2:
        raise ShapeError(
            "feature_alpha_dropout: x needs two axes or more, (N, C, ...), its shape "
            f"is {array.shape}."
        )
    shape = (*array.shape[:2], *(1,) * (array.ndim - 2))
    return _alpha_dropped(array, shape, p, rng, training)


def _of_channels(
    name: str, x: Any, ndims: tuple[int, ...], p: float, rng: Any, training: bool
) -> Array:
    """Drop whole channels: axis 1 of a batch, of ``ndims[0]`` axes, else axis 0."""
    check_probability(name, p)
    array = floating(name, x, or_complex=True)
    if array.ndim not in ndims:
        raise ShapeError(
            f"{name}: x has {' or '.join(map(str, ndims))} axes, the channels before "
            f"the last {ndims[0] - 2}; its shape is {array.shape}."
        )
    after = ndims[0] - 2
    shape = (*array.shape[:-after], *(1,) * after)
    return _dropped(array, shape, p, rng, training)


def _dropped(
    x: Array, shape: tuple[int, ...], p: float, rng: Any, training: bool
) -> Array:
    """Return `x` with a mask of a shape that broadcasts, and scaled."""
    if p == 0.0 or not training:
        return x
    keep = as_generator(rng).bernoulli(1.0 - p, shape, like=x)
    scale = 1.0 / (1.0 - p) if p < 1.0 else 0.0
    return _masked(x, keep, scale=scale)  # type: ignore[no-any-return]


@fused("dropout_masked", count=2)
def _masked(xp: Any, x: Any, keep: Any, *, scale: float) -> Any:
    return xp.where(keep, x, 0.0) * scale


def _alpha_dropped(
    x: Array, shape: tuple[int, ...], p: float, rng: Any, training: bool
) -> Array:
    if p == 0.0 or not training:
        return x
    if p == 1.0:
        return x * 0.0
    keep = as_generator(rng).bernoulli(1.0 - p, shape, like=x)
    a = 1.0 / math.sqrt((1.0 - p) * (1.0 + p * _SATURATED**2))
    moved = x._lib.recorded.where(keep, x, -_SATURATED)
    return moved * a + _SATURATED * a * p  # type: ignore[no-any-return]


def check_probability(name: str, p: Any, what: str = "p") -> None:
    """Raise OptionError if `p`, the option `what`, is not a number in [0, 1]."""
    if not isinstance(p, Real) or not 0.0 <= float(p) <= 1.0:  # NaN as well
        raise OptionError(f"{name}: {what} is a probability in [0, 1], not {p!r}.")
