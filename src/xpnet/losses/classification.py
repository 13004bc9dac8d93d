"""Losses of one class out of several."""

from __future__ import annotations

from typing import Any

from ..calculus.array import Array
from ..calculus.convert import beside
from ..errors import OptionError
from .arguments import (
    check_labels,
    class_weight,
    predicted,
    real_beside,
)
from .labels import (
    along,
    label_misfit,
    look,
    picked,
    shares,
    unseen,
    without_classes,
)
from .reduction import reducing, times

__all__ = ["cross_entropy", "nll"]


def cross_entropy(
    logits: Any,
    labels: Any,
    /,
    *,
    weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the negative log-likelihood of labels under logits.

    ``-log(softmax(logits)[label]) = logsumexp(logits) - logits[label]``

    Parameters
    ----------
    logits : Array
        Shape (N, K) for K classes, (N, K, d1, ...): classes are axis 1, as in PyTorch;
        or (K,) for one example.
    labels : Array
        Integers of shape (N,), (N, d1, ...) or (): the class of each, from 0 to K - 1.
        On the CPU a label outside raises; elsewhere looking would wait for the device,
        and its loss is NaN. Or probabilities, floating point, of the shape of `logits`:
        ``-sum(labels * log(softmax(logits)))`` over the classes.
    weight : Array, optional
        One for each class, (K,). The mean divides by the weights of the labels; with
        probabilities by the number of losses.
    ignore_index : int
        A label that costs nothing and does not count in the mean.
    label_smoothing : float
        In [0, 1]: this share of each label is spread evenly over all classes.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If the labels are neither integers nor probabilities for every class.
    OptionError
        If a label is out of range, or an option or the reduction is not known.

    Notes
    -----
    The gradient is ``softmax(logits) - onehot(label)``. The mean of no labels, or of
    ignored ones only, is NaN. A class of probability 0 costs nothing, also at a logit
    of -inf, where PyTorch gives NaN.

    Examples
    --------
    >>> import numpy as np
    >>> round(cross_entropy(np.zeros((2, 4)), np.array([0, 3])).item(), 6)  # log(4)
    1.386294
    """
    name = "cross_entropy"
    logits = predicted(name, logits, "logits")
    if type(labels) is not Array or labels._lib is not logits._lib:
        labels = beside(labels, logits)
    soft = _fit(name, logits, labels, label_smoothing)
    if weight is not None:
        classes = logits.shape[min(1, logits.ndim - 1)]
        weight = class_weight(name, weight, logits, classes)
    if soft:
        _refuse_class(name, ignore_index)
        return _soft(
            logits,
            real_beside(name, labels, logits, "labels"),
            weight,
            label_smoothing=label_smoothing,
            reduction=reduction,
            sample_weight=sample_weight,
        )
    return _hard(
        logits,
        check_labels(name, labels),
        weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
        sample_weight=sample_weight,
    )


def _refuse_class(name: str, ignore_index: int) -> None:
    if ignore_index >= 0:
        raise OptionError(
            f"{name}: ignore_index={ignore_index} is a class, and the labels are "
            "probabilities. Give an example the sample_weight 0 to leave it out."
        )


def _fit(name: str, logits: Array, labels: Array, label_smoothing: float) -> bool:
    """Tell whether labels are probabilities; raise if they fit in neither way."""
    if not 0 <= label_smoothing <= 1:
        raise OptionError(
            f"{name}: label_smoothing is {label_smoothing!r}; it must be in [0, 1]."
        )
    shape, given = logits.data.shape, labels.data.shape
    if len(shape) == 2 and given == shape[:1]:  # the usual case
        return False
    soft = given == shape and labels._lib.is_floating(labels.data.dtype)
    if not soft and (not shape or given != without_classes(shape)):
        raise label_misfit(name, logits.shape, labels.shape)
    return bool(soft)


@reducing("cross_entropy", count=3, shares=shares, without=unseen)
def _hard(
    xp: Any,
    logits: Any,
    labels: Any,
    weight: Any = None,
    *,
    ignore_index: int,
    label_smoothing: float,
) -> Any:
    if type(labels) is Array:  # a twin looks at them itself
        look(labels, logits, "cross_entropy", "logits", ignore_index)
    axis = min(1, logits.ndim - 1)
    # what is ignored may be anything, and its slope is 0
    ignored = xp.expand_dims(labels == ignore_index, axis=axis)
    logits = xp.where(ignored, xp.zeros_like(logits), logits)
    logs = xp.log_softmax(logits, axis=axis)
    values = picked(xp, logs, labels, weight, ignore_index)
    if label_smoothing:
        if weight is not None:
            logs = times(xp, along(xp, weight, logits.ndim - 1 - axis), logs)
        even = -xp.sum(logs, axis=axis) / logits.shape[axis]
        even = xp.where(labels == ignore_index, xp.zeros_like(even), even)
        values = (1 - label_smoothing) * values + label_smoothing * even
    return values


@reducing("cross_entropy_of_probabilities", count=3, without=unseen)
def _soft(
    xp: Any, logits: Any, labels: Any, weight: Any = None, *, label_smoothing: float
) -> Any:
    axis = min(1, logits.ndim - 1)
    logs = xp.log_softmax(logits, axis=axis)
    if label_smoothing:
        spread = label_smoothing / max(logits.shape[axis], 1)
        labels = (1 - label_smoothing) * labels + spread
    if weight is not None:
        labels = labels * along(xp, weight, logits.ndim - 1 - axis)
    return -xp.sum(times(xp, labels, logs), axis=axis)


def nll(
    prediction: Any,
    labels: Any,
    /,
    *,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the negative log-likelihood of labels under log-probabilities.

    ``-prediction[label]``; `cross_entropy` is this after `nn.functional.log_softmax`.

    Parameters
    ----------
    prediction : Array
        Log-probabilities of shape (N, K), (N, K, d1, ...) or (K,).
    labels : Array of integers
        Of shape (N,), (N, d1, ...) or (): the class of each, as in `cross_entropy`.
    weight : Array, optional
        One for each class, (K,). The mean divides by the weights of the labels.
    ignore_index : int
        A label that costs nothing and does not count in the mean.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `cross_entropy`.

    Examples
    --------
    >>> import numpy as np
    >>> nll(np.array([[-1.0, -2.0]]), np.array([1])).item()
    2.0
    """
    name = "nll"
    x = predicted(name, prediction)
    labels = beside(labels, x)
    shape = x.shape
    if not shape or labels.shape != without_classes(shape):
        raise label_misfit(name, shape, labels.shape, "log-probabilities")
    labels = check_labels(name, labels)
    weight = class_weight(name, weight, x, shape[min(1, x.ndim - 1)])
    look(labels, x, name, "log-probabilities", ignore_index)
    return _nll(
        x,
        labels,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        sample_weight=sample_weight,
    )


@reducing("nll", count=3, shares=shares, without=unseen)
def _nll(xp: Any, x: Any, labels: Any, weight: Any = None, *, ignore_index: int) -> Any:
    return picked(xp, x, labels, weight, ignore_index)
