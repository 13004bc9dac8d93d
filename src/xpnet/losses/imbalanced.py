"""Losses of yes-or-no answers where one answer is rare."""

from __future__ import annotations

import math
from typing import Any

from ..calculus.array import Array
from ..errors import ShapeError
from .arguments import pair
from .binary import logistic
from .reduction import reducing, times

__all__ = ["dice", "focal"]


def focal(
    logits: Any,
    target: Any,
    /,
    *,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return a binary cross-entropy that counts easy examples less.

    ``a (1 - q)**gamma * bce(x, y)`` with ``q = p y + (1 - p) (1 - y)``,
    ``p = sigmoid(x)`` and ``a = alpha y + (1 - alpha) (1 - y)``

    Parameters
    ----------
    logits : Array
        x, any real numbers.
    target : Array
        y, in [0, 1], of the same shape. Integers and booleans are cast.
    alpha : float
        The share of the positive answers; a negative one leaves `a` out.
    gamma : float
        How much easy examples are weighed down; 0 does not.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `binary_cross_entropy_with_logits`.

    Notes
    -----
    Lin et al., "Focal loss for dense object detection", 2017. The formula is that of
    ``torchvision.ops.sigmoid_focal_loss``, whose default reduction is ``"none"``.

    Examples
    --------
    >>> round(focal([0.0], [1]).item(), 6)  # 0.25 * 0.5**2 * log(2)
    0.043322
    """
    x, y = pair("focal", logits, target, "logits")
    return _focal(
        x, y, alpha=alpha, gamma=gamma, reduction=reduction, sample_weight=sample_weight
    )


@reducing("focal", count=2)
def _focal(xp: Any, x: Any, y: Any, *, alpha: float, gamma: float) -> Any:
    values = logistic(xp, x, y)
    if gamma:  # 1 - q without cancellation
        missed = xp.expit(-x) * y + xp.expit(x) * (1 - y)
        values = times(xp, missed**gamma, values)
    return values if alpha < 0 else (alpha * y + (1 - alpha) * (1 - y)) * values


def dice(
    prediction: Any,
    target: Any,
    /,
    *,
    smooth: float = 1.0,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return how little the areas of prediction and target overlap.

    ``1 - (2 sum(p y) + smooth) / (sum(p) + sum(y) + smooth)`` for each example, the
    sums over all its axes

    Parameters
    ----------
    prediction : Array
        p, of shape (N, ...): probabilities, as `nn.functional.sigmoid` or
        `nn.functional.softmax` give them.
    target : Array
        y, in [0, 1], of the same shape. Integers and booleans are cast.
    smooth : float
        Added above and below; two empty areas then have the loss 0, and NaN with 0.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`. There is one loss for each example.

    Raises
    ------
    ShapeError
        If the shapes differ, or there is no axis of examples.
    DTypeError, OptionError
        As `binary_cross_entropy`.

    Notes
    -----
    Milletari, Navab and Ahmadi, "V-Net", 2016, who square p and y below; with plain
    sums, as here, labels need not be 0 or 1 for the slopes to be those of the overlap.
    PyTorch has no such loss.

    Examples
    --------
    >>> dice([[1.0, 0.0]], [[1, 1]], smooth=0.0).item()
    0.33333333333333337
    """
    name = "dice"
    x, y = pair(name, prediction, target)
    if x.ndim == 0:
        raise ShapeError(f"{name}: axis 0 counts the examples; the shape is ().")
    return _dice(x, y, smooth=smooth, reduction=reduction, sample_weight=sample_weight)


@reducing("dice", count=2)
def _dice(xp: Any, x: Any, y: Any, *, smooth: float) -> Any:
    axes = tuple(range(1, x.ndim))
    both, p, q = (xp.sum(v, axis=axes) if axes else v for v in (x * y, x, y))
    whole = p + q + smooth
    # 0 / 0 without a warning
    return 1 - (2 * both + smooth) / xp.where(whole == 0, math.nan, whole)
