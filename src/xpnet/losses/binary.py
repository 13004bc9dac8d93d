"""Losses of yes-or-no answers, each on its own."""

from __future__ import annotations

import math
from typing import Any

from ..calculus.array import Array
from ..errors import ShapeError
from .arguments import class_weight, pair, real_beside, refuse_values
from .reduction import reducing, times

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "logistic",
    "multilabel_soft_margin",
    "soft_margin",
]


def binary_cross_entropy(
    prediction: Any,
    target: Any,
    /,
    *,
    weight: Any = None,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the negative log-likelihood of yes-or-no labels under probabilities.

    ``-(y log(p) + (1 - y) log(1 - p))``, each logarithm at least -100

    Parameters
    ----------
    prediction : Array
        p, in [0, 1]. On the CPU a value outside raises; elsewhere its loss is NaN.
    target : Array
        y, in [0, 1], of the same shape. Integers and booleans are cast.
    weight : Array, optional
        Multiplies the losses, broadcast with them; the mean does not divide by it.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError
        If the shapes differ, or the weight does not fit.
    DTypeError
        If the prediction is not real floating point.
    OptionError
        If a probability is outside [0, 1] or the reduction is unknown.

    Notes
    -----
    `binary_cross_entropy_with_logits` keeps all digits, also close to 0 and 1; use it
    where there are logits. The gradient is that of the formula: 0 where a logarithm is
    cut off. PyTorch's is ``(p - y) / max(p (1 - p), 1e-12)`` there.

    Examples
    --------
    >>> binary_cross_entropy([1.0, 0.0], [1, 1], reduction="none").tolist()
    [0.0, 100.0]
    """
    name = "binary_cross_entropy"
    x, y = pair(name, prediction, target)
    refuse_values(name, x, 0, 1, "probability")
    weight = _broadcast_weight(name, "weight", weight, x)
    return _binary(x, y, weight, reduction=reduction, sample_weight=sample_weight)


@reducing("binary_cross_entropy", count=3)
def _binary(xp: Any, x: Any, y: Any, weight: Any = None) -> Any:
    yes, no = _log(xp, x, x), _log(xp, 1 - x, -x)
    values = -(y * yes) - (1 - y) * no
    values = xp.where((x < 0) | (x > 1), math.nan, values)
    return values if weight is None else weight * values


def _log(xp: Any, p: Any, short: Any) -> Any:
    """Return log(p), at least -100; `short` is p or p - 1, whichever is exact."""
    none = p <= 0
    if short is p:
        out = xp.log(xp.where(none, xp.ones_like(p), p))
    else:
        out = xp.log1p(xp.where(none, xp.zeros_like(p), short))
    low = none | (out < -100)
    return xp.where(low, xp.full_like(p, -100.0), out)


def binary_cross_entropy_with_logits(
    logits: Any,
    target: Any,
    /,
    *,
    weight: Any = None,
    pos_weight: Any = None,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the negative log-likelihood of yes-or-no labels under logits.

    ``-(y log(sigmoid(x)) + (1 - y) log(1 - sigmoid(x)))
    = max(x, 0) - x y + log(1 + exp(-|x|))``

    Parameters
    ----------
    logits : Array
        x, any real numbers: the log of the odds.
    target : Array
        y, in [0, 1], of the same shape. Integers and booleans are cast.
    weight : Array, optional
        Multiplies the losses, broadcast with them; the mean does not divide by it.
    pos_weight : Array, optional
        Multiplies the first term, that of the positive answers; broadcast as well.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError
        If the shapes differ, or a weight does not fit.
    DTypeError
        If the logits are not real floating point.
    OptionError
        If the reduction is unknown.

    Notes
    -----
    The gradient is ``sigmoid(x) - y``. Exact for large logits, and 0 at x = -inf with
    y = 0 and at x = inf with y = 1, where PyTorch gives NaN.

    Examples
    --------
    >>> binary_cross_entropy_with_logits([0.0, 1000.0], [1, 1]).item() * 2
    0.6931471805599453
    """
    name = "binary_cross_entropy_with_logits"
    x, y = pair(name, logits, target, "logits")
    if weight is not None or pos_weight is not None:
        weight = _broadcast_weight(name, "weight", weight, x)
        pos_weight = _broadcast_weight(name, "pos_weight", pos_weight, x)
    return _with_logits(
        x, y, weight, pos_weight, reduction=reduction, sample_weight=sample_weight
    )


@reducing("binary_cross_entropy_with_logits", count=4)
def _with_logits(
    xp: Any, x: Any, y: Any, weight: Any = None, pos_weight: Any = None
) -> Any:
    values = logistic(xp, x, y, pos_weight)
    return values if weight is None else weight * values


def logistic(xp: Any, x: Any, y: Any, pos_weight: Any = None) -> Any:
    """Return the binary cross-entropy of each logit."""
    # With s = |x|, and w = 1 - y for positive and y for negative x, the loss is
    # w s - log(sigmoid(s)). Each branch is one smooth function, so that derivatives are
    # right at 0 as well, and nothing cancels.
    positive = x >= 0
    size = xp.where(positive, x, -x)
    yes = y if pos_weight is None else pos_weight * y
    weight = xp.where(positive, 1 - y, yes)
    # an infinite logit that is right costs nothing: 0, and not 0 * inf
    free = (weight == 0) & xp.isinf(size)
    cost = weight * xp.where(free, xp.zeros_like(size), size)
    rest = xp.log_expit(size)
    return cost - (rest if pos_weight is None else (yes + (1 - y)) * rest)


def soft_margin(
    prediction: Any,
    target: Any,
    /,
    *,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return ``log(1 + exp(-y x))`` for answers y that are 1 or -1.

    Parameters
    ----------
    prediction, target : Array
        x, any real numbers, and y, of one shape; nothing is broadcast.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `binary_cross_entropy_with_logits`.

    Notes
    -----
    Exact for large products; PyTorch's ``soft_margin_loss`` overflows there in its
    derivatives.

    Examples
    --------
    >>> soft_margin([0.0, -1000.0], [1, 1], reduction="none").tolist()
    [0.6931471805599453, 1000.0]
    """
    x, y = pair("soft_margin", prediction, target)
    return _soft_margin(x, y, reduction=reduction, sample_weight=sample_weight)


@reducing("soft_margin", count=2)
def _soft_margin(xp: Any, x: Any, y: Any) -> Any:
    return -xp.log_expit(y * x)


def multilabel_soft_margin(
    logits: Any,
    target: Any,
    /,
    *,
    weight: Any = None,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the mean over classes of the binary cross-entropy of each.

    ``-mean_k(w[k] (y[k] log(sigmoid(x[k])) + (1 - y[k]) log(sigmoid(-x[k]))))``

    Parameters
    ----------
    logits : Array
        x, of shape (..., K): classes are the last axis.
    target : Array
        y, in [0, 1], of the same shape.
    weight : Array, optional
        w, of shape (K,).
    reduction, sample_weight
        As for every loss: see `xpnet.losses`. There is one loss for each example.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `binary_cross_entropy_with_logits`.

    Examples
    --------
    >>> multilabel_soft_margin([[0.0, 0.0]], [[0, 1]]).item()
    0.6931471805599453
    """
    name = "multilabel_soft_margin"
    x, y = pair(name, logits, target, "logits")
    if x.ndim == 0:
        raise ShapeError(f"{name}: logits need an axis of classes; they have shape ().")
    weight = class_weight(name, weight, x, x.shape[-1])
    return _multilabel(x, y, weight, reduction=reduction, sample_weight=sample_weight)


@reducing("multilabel_soft_margin", count=3)
def _multilabel(xp: Any, x: Any, y: Any, weight: Any = None) -> Any:
    values = logistic(xp, x, y)
    if weight is not None:
        values = times(xp, weight, values)
    return xp.sum(values, axis=-1) / max(x.shape[-1], 1)


def _broadcast_weight(name: str, what: str, weight: Any, x: Array) -> Array | None:
    """Return weights that broadcast to the shape of the losses, or None."""
    if weight is None:
        return None
    w = real_beside(name, weight, x, what)
    tail = x.shape[len(x.shape) - w.ndim :] if w.ndim <= x.ndim else ()
    if w.ndim > x.ndim or any(
        a not in (1, b) for a, b in zip(w.shape, tail, strict=True)
    ):
        raise ShapeError(
            f"{name}: {what} of shape {w.shape} does not broadcast to losses of shape "
            f"{x.shape}. One weight for each example is sample_weight=."
        )
    return w
