"""Losses: one number that says how wrong a prediction is.

Each takes ``reduction=``: ``"mean"`` over all elements, ``"sum"``, or ``"none"`` for
the loss of each element.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from .calculus import namespace as _namespace  # noqa: F401 - fills the table
from .calculus.array import Array
from .calculus.convert import asarray, beside
from .calculus.rule import addition, fused
from .errors import DTypeError, OptionError, ShapeError

__all__ = ["binary_cross_entropy_with_logits", "cross_entropy", "mean_squared_error"]

_REDUCTIONS = ("mean", "sum", "none")


def mean_squared_error(
    prediction: Any, target: Any, /, *, reduction: str = "mean"
) -> Array:
    """Return the squared difference: ``(prediction - target)**2``.

    Parameters
    ----------
    prediction, target : Array
        Of one shape; nothing is broadcast. Integer targets are cast.
    reduction : {"mean", "sum", "none"}
        Over all elements. The mean of no elements is NaN.

    Raises
    ------
    ShapeError
        If the shapes differ.
    OptionError
        If the reduction is unknown.

    Notes
    -----
    The gradient is ``2 (prediction - target)``, divided by the number of elements for
    the mean. PyTorch's ``mse_loss`` broadcasts, with a warning.

    Examples
    --------
    >>> mean_squared_error([1.0, 2.0], asarray([1.0, 4.0])).item()
    2.0
    """
    prediction, target = _pair("mean_squared_error", prediction, target, reduction)
    return _mean_squared_error(prediction, target, reduction=reduction)  # type: ignore[no-any-return]


@fused("mean_squared_error", count=2)
def _mean_squared_error(xp: Any, x: Any, y: Any, *, reduction: str) -> Any:
    return _reduced(xp, xp.square(x - y), reduction)


def binary_cross_entropy_with_logits(
    logits: Any, target: Any, /, *, reduction: str = "mean"
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
    reduction : {"mean", "sum", "none"}
        Over all elements. The mean of no elements is NaN.

    Raises
    ------
    ShapeError
        If the shapes differ.
    OptionError
        If the reduction is unknown.

    Notes
    -----
    The gradient is ``sigmoid(x) - y``. Exact for large logits, and 0 at x = -inf with
    y = 0 and at x = inf with y = 1, where PyTorch gives NaN.

    Examples
    --------
    >>> binary_cross_entropy_with_logits([0.0, 1000.0], asarray([1, 1])).item() * 2
    0.6931471805599453
    """
    name = "binary_cross_entropy_with_logits"
    logits, target = _pair(name, logits, target, reduction)
    return _binary_cross_entropy(logits, target, reduction=reduction)  # type: ignore[no-any-return]


@fused("binary_cross_entropy_with_logits", count=2)
def _binary_cross_entropy(xp: Any, x: Any, y: Any, *, reduction: str) -> Any:
    # With s = |x|, and w = 1 - y for positive and y for negative x, the loss is
    # w s - log(sigmoid(s)). Each branch is one smooth function, so that derivatives are
    # right at 0 as well, and nothing cancels.
    positive = x >= 0
    size = xp.where(positive, x, -x)
    weight = xp.where(positive, 1 - y, y)
    # an infinite logit that is right costs nothing: 0, and not 0 * inf
    free = (weight == 0) & xp.isinf(size)
    cost = weight * xp.where(free, xp.zeros_like(size), size)
    return _reduced(xp, cost - xp.log_expit(size), reduction)


def cross_entropy(logits: Any, labels: Any, /, *, reduction: str = "mean") -> Array:
    """Return the negative log-likelihood of integer labels under logits.

    ``-log(softmax(logits)[label]) = logsumexp(logits) - logits[label]``

    Parameters
    ----------
    logits : Array
        Shape (N, K) for K classes, or (N, K, d1, ...): classes are axis 1, as in
        PyTorch.
    labels : Array of integers
        Shape (N,), or (N, d1, ...): the class of each, from 0 to K - 1. On the CPU a
        label outside raises; elsewhere looking would wait for the device, and its loss
        is NaN.
    reduction : {"mean", "sum", "none"}
        Over all labels. The mean of no labels is NaN.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If the labels are not integers.
    OptionError
        If a label is out of range, or the reduction is unknown.

    Notes
    -----
    The gradient is ``softmax(logits) - onehot(label)``. PyTorch's also takes
    probabilities as labels.

    Examples
    --------
    >>> import numpy as np
    >>> round(cross_entropy(np.zeros((2, 4)), np.array([0, 3])).item(), 6)  # log(4)
    1.386294
    """
    if type(logits) is not Array:
        logits = asarray(logits)
    lib = logits._lib
    if type(labels) is not Array or labels._lib is not lib:
        labels = beside(labels, logits)
    shape = logits.data.shape
    if len(shape) < 2 or labels.data.shape != (shape[0], *shape[2:]):
        raise _label_misfit(logits.shape, labels.shape)
    if not _is_integer(lib, labels.data.dtype):
        raise DTypeError(
            f"cross_entropy: labels have dtype {labels.dtype}; they must be integers, "
            "the class of each row. Cast them: xp.astype(labels, xp.int64)."
        )
    _check_reduction("cross_entropy", reduction)
    if not _is_int64(lib, labels.data.dtype):
        labels = lib.recorded.astype(labels, lib.raw.int64)
    return _cross_entropy(logits, labels, reduction=reduction)  # type: ignore[no-any-return]


@fused("cross_entropy", count=1)
def _cross_entropy(xp: Any, logits: Any, labels: Any, *, reduction: str) -> Any:
    # A comparison with each class, and not an index: its transpose adds nothing up, so
    # gradients are the same bits every time on a GPU too.
    classes = logits.shape[1]
    if type(labels) is Array:  # a twin looks at them itself
        _check_range(labels._lib, labels.data, classes)
    kinds = xp.arange(classes, dtype=xp.int64, device=xp.device(labels))
    kinds = xp.reshape(kinds, (classes, *[1] * (logits.ndim - 2)))
    chosen = xp.expand_dims(labels, axis=1) == kinds  # (N, K, d1, ...)
    picked = xp.where(chosen, xp.log_softmax(logits, axis=1), xp.zeros_like(logits))
    known = (labels >= 0) & (labels < classes)
    total = xp.sum(picked, axis=1)
    return _reduced(xp, xp.where(known, -total, math.nan), reduction)


# --- shared: arguments, and the reduction ---------------------------------------------


def _pair(name: str, x: Any, y: Any, reduction: str) -> tuple[Array, Array]:
    """Return prediction and target as arrays of one library and one shape."""
    if type(x) is not Array:
        x = asarray(x)
    y = beside(y, x)
    if x.data.shape != y.data.shape:
        raise ShapeError(
            f"{name}: shapes {x.shape} and {y.shape} differ, and they must "
            "be equal: nothing is broadcast. Reshape one of them with xp.reshape."
        )
    _check_reduction(name, reduction)
    lib = x._lib
    if not lib.is_floating(y.data.dtype):
        y = lib.recorded.astype(y, x.data.dtype)
    return x, y


def _check_reduction(name: str, reduction: str) -> None:
    if reduction not in _REDUCTIONS:
        raise OptionError(
            f"{name}: reduction is one of {_REDUCTIONS}, not {reduction!r}."
        )


def _reduced(xp: Any, values: Any, reduction: str) -> Any:
    """Return the mean, the sum, or the values themselves."""
    if reduction == "none":
        return values
    total = xp.sum(values)
    if reduction == "sum":
        return total
    count = math.prod(values.shape)
    return total / count if count else total * math.nan


@functools.cache
def _is_integer(lib: Any, dtype: Any) -> bool:
    return bool(lib.raw.isdtype(dtype, "integral"))


@functools.cache
def _is_int64(lib: Any, dtype: Any) -> bool:
    return bool(dtype == lib.raw.int64)


@addition("in_range")
def _in_range(xp: Any, x: Any, stop: int) -> bool:
    """Tell whether all integers lie in ``range(stop)``."""
    return bool(xp.all((x >= 0) & (x < stop)))


def _check_range(lib: Any, labels: Any, classes: int) -> None:
    """Raise if a label is outside; for arrays that can be read without waiting."""
    if lib.place is None or lib.place.kind != "cpu":
        return
    if lib.raw.in_range(labels, classes):
        return
    low, high = lib.raw.min(labels), lib.raw.max(labels)
    if low < 0 or high >= classes:
        raise OptionError(
            f"cross_entropy: a label is {int(low if low < 0 else high)}, but the "
            f"logits have {classes} classes, so labels go from 0 to {classes - 1}."
        )


def _label_misfit(logits: tuple[int, ...], labels: tuple[int, ...]) -> ShapeError:
    if len(logits) < 2:
        return ShapeError(
            "cross_entropy: logits need two axes or more, (N, K, ...); they have "
            f"shape {logits}."
        )
    advice = ""
    if labels == logits:
        advice = " One-hot labels become classes with xp.argmax(labels, axis=1)."
    return ShapeError(
        f"cross_entropy: logits of shape {logits} need labels of shape "
        f"{(logits[0], *logits[2:])}, not {labels}. Classes are axis 1.{advice}"
    )
