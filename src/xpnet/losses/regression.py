"""Losses of numbers: how far a prediction is from its target."""

from __future__ import annotations

import math
from typing import Any

from ..calculus.array import Array
from .arguments import nonnegative, pair, positive
from .reduction import reducing

__all__ = [
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_squared_error",
    "smooth_l1",
]


def mean_squared_error(
    prediction: Any,
    target: Any,
    /,
    *,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the squared difference: ``(prediction - target)**2``.

    Parameters
    ----------
    prediction, target : Array
        Of one shape; nothing is broadcast. Integer targets are cast.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError
        If the shapes differ.
    DTypeError
        If the prediction is not real floating point.
    OptionError
        If the reduction is unknown.

    Notes
    -----
    The gradient is ``2 (prediction - target)``, divided by the number of elements for
    the mean. PyTorch's ``mse_loss`` broadcasts, with a warning.

    Examples
    --------
    >>> mean_squared_error([1.0, 2.0], [1.0, 4.0]).item()
    2.0
    """
    x, y = pair("mean_squared_error", prediction, target)
    return _squared(x, y, reduction=reduction, sample_weight=sample_weight)


@reducing("mean_squared_error", count=2)
def _squared(xp: Any, x: Any, y: Any) -> Any:
    return xp.square(x - y)


def mean_absolute_error(
    prediction: Any,
    target: Any,
    /,
    *,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the absolute difference: ``|prediction - target|``.

    Parameters
    ----------
    prediction, target : Array
        Of one shape; nothing is broadcast. Integer targets are cast.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `mean_squared_error`.

    Notes
    -----
    The slope is the sign of the difference, 0 where both are equal. PyTorch's
    ``l1_loss`` broadcasts, with a warning.

    Examples
    --------
    >>> mean_absolute_error([1.0, 2.0], [1.0, 4.0]).item()
    1.0
    """
    x, y = pair("mean_absolute_error", prediction, target)
    return _absolute(x, y, reduction=reduction, sample_weight=sample_weight)


@reducing("mean_absolute_error", count=2)
def _absolute(xp: Any, x: Any, y: Any) -> Any:
    return xp.abs(x - y)


def smooth_l1(
    prediction: Any,
    target: Any,
    /,
    *,
    beta: float = 1.0,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return a parabola for small differences d that goes on as a straight line.

    ``d**2 / (2 beta)`` where ``|d| < beta``, else ``|d| - beta / 2``

    Parameters
    ----------
    prediction, target : Array
        Of one shape; nothing is broadcast. Integer targets are cast.
    beta : float
        Where the line begins, 0 or more; 0 gives `mean_absolute_error`.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `mean_squared_error`; OptionError also if `beta` is negative.

    Notes
    -----
    Girshick, "Fast R-CNN", 2015. It is `huber` divided by `beta`.

    Examples
    --------
    >>> smooth_l1([0.5, 3.0], [0.0, 0.0], reduction="none").tolist()
    [0.125, 2.5]
    """
    name = "smooth_l1"
    x, y = pair(name, prediction, target)
    nonnegative(name, "beta", beta)
    if beta == 0:
        return _absolute(x, y, reduction=reduction, sample_weight=sample_weight)
    return _smooth(x, y, beta=beta, reduction=reduction, sample_weight=sample_weight)


@reducing("smooth_l1", count=2)
def _smooth(xp: Any, x: Any, y: Any, *, beta: float) -> Any:
    d = x - y
    size = xp.abs(d)
    small = size < beta
    near = xp.where(small, d, xp.zeros_like(d))  # whose square is finite
    return xp.where(small, (0.5 / beta) * xp.square(near), size - 0.5 * beta)


def huber(
    prediction: Any,
    target: Any,
    /,
    *,
    delta: float = 1.0,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return half the square of small differences d, and a straight line beyond.

    ``d**2 / 2`` where ``|d| < delta``, else ``delta (|d| - delta / 2)``

    Parameters
    ----------
    prediction, target : Array
        Of one shape; nothing is broadcast. Integer targets are cast.
    delta : float
        Where the line begins, above 0.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `mean_squared_error`; OptionError also if `delta` is not above 0.

    Notes
    -----
    Huber, "Robust estimation of a location parameter", 1964. The slope is the
    difference, cut off at `delta`.

    Examples
    --------
    >>> huber([0.5, 3.0], [0.0, 0.0], delta=2.0, reduction="none").tolist()
    [0.125, 4.0]
    """
    name = "huber"
    x, y = pair(name, prediction, target)
    positive(name, "delta", delta)
    return _huber(x, y, delta=delta, reduction=reduction, sample_weight=sample_weight)


@reducing("huber", count=2)
def _huber(xp: Any, x: Any, y: Any, *, delta: float) -> Any:
    d = x - y
    size = xp.abs(d)
    small = size < delta
    near = xp.where(small, d, xp.zeros_like(d))  # whose square is finite
    return xp.where(small, 0.5 * xp.square(near), delta * (size - 0.5 * delta))


def log_cosh(
    prediction: Any,
    target: Any,
    /,
    *,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return ``log(cosh(prediction - target))``: d**2 / 2 when small, then |d| - log 2.

    Parameters
    ----------
    prediction, target : Array
        Of one shape; nothing is broadcast. Integer targets are cast.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `mean_squared_error`.

    Notes
    -----
    The slope is ``tanh(prediction - target)``. Exact for small and large differences:
    it runs as ``log1p(sinh(d)**2) / 2`` below 1 and as ``|d| + log1p(exp(-2 |d|)) -
    log 2`` above. PyTorch has no such loss.

    Examples
    --------
    >>> log_cosh([0.0, 1000.0], [0.0, 0.0], reduction="none").tolist()
    [0.0, 999.3068528194401]
    """
    x, y = pair("log_cosh", prediction, target)
    return _log_cosh(x, y, reduction=reduction, sample_weight=sample_weight)


@reducing("log_cosh", count=2)
def _log_cosh(xp: Any, x: Any, y: Any) -> Any:
    d = x - y
    size = xp.abs(d)
    small = size < 1
    near = xp.sinh(xp.where(small, d, xp.zeros_like(d)))
    far = xp.where(small, xp.ones_like(d), size)
    beyond = far + (xp.log1p(xp.exp(-2 * far)) - math.log(2))
    return xp.where(small, 0.5 * xp.log1p(near * near), beyond)
