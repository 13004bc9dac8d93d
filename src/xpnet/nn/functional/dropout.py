"""Dropout."""

from __future__ import annotations

from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import OptionError
from ...random import as_generator

__all__ = ["check_probability", "dropout"]


def dropout(x: Any, p: float = 0.5, rng: Any = None, training: bool = True) -> Array:
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
    rng : int or Generator, optional
        Draws the mask, on the host: the same on every device.
    training : bool
        Whether to drop anything.

    Raises
    ------
    OptionError
        If `p` is outside [0, 1].

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
    array: Array = x if type(x) is Array else asarray(x)
    if p == 0.0 or not training:
        return array
    keep = as_generator(rng).bernoulli(1.0 - p, array.shape, like=array)
    scale = 1.0 / (1.0 - p) if p < 1.0 else 0.0
    return array._lib.recorded.where(keep, array, 0.0) * scale  # type: ignore[no-any-return]


def check_probability(name: str, p: float) -> None:
    """Raise OptionError if `p` is not a number in [0, 1]."""
    if not isinstance(p, (int, float)) or not 0.0 <= p <= 1.0:  # NaN as well
        raise OptionError(f"{name}: p is a probability in [0, 1], not {p!r}.")
