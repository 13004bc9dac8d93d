"""Losses that ask for a margin between right and wrong answers."""

from __future__ import annotations

import math
from typing import Any

from ..calculus.array import Array
from ..calculus.convert import beside
from ..errors import OptionError, ShapeError
from .arguments import (
    check_labels,
    check_range,
    class_weight,
    classes_of,
    one_of_classes,
    pair,
    predicted,
)
from .reduction import reducing, times

__all__ = ["hinge", "multi_margin", "multilabel_margin", "squared_hinge"]


def hinge(
    prediction: Any,
    target: Any,
    /,
    *,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return ``max(0, 1 - y x)`` for answers y that are 1 or -1.

    Parameters
    ----------
    prediction, target : Array
        x, any real numbers, and y, of one shape; nothing is broadcast.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `xpnet.losses.mean_squared_error`.

    Notes
    -----
    The loss of support vector machines. Where ``y x = 1`` the slope is 0.

    Examples
    --------
    >>> hinge([0.5, 2.0], [1, -1], reduction="none").tolist()
    [0.5, 3.0]
    """
    x, y = pair("hinge", prediction, target)
    return _hinge(x, y, reduction=reduction, sample_weight=sample_weight)


@reducing("hinge", count=2)
def _hinge(xp: Any, x: Any, y: Any) -> Any:
    return xp.relu(1 - y * x)


def squared_hinge(
    prediction: Any,
    target: Any,
    /,
    *,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return ``max(0, 1 - y x)**2`` for answers y that are 1 or -1.

    Parameters
    ----------
    prediction, target : Array
        x, any real numbers, and y, of one shape; nothing is broadcast.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `xpnet.losses.mean_squared_error`.

    Examples
    --------
    >>> squared_hinge([0.5, 2.0], [1, -1], reduction="none").tolist()
    [0.25, 9.0]
    """
    x, y = pair("squared_hinge", prediction, target)
    return _squared_hinge(x, y, reduction=reduction, sample_weight=sample_weight)


@reducing("squared_hinge", count=2)
def _squared_hinge(xp: Any, x: Any, y: Any) -> Any:
    return xp.square(xp.relu(1 - y * x))


def multi_margin(
    prediction: Any,
    labels: Any,
    /,
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return by how much other classes come too close to the right one.

    ``sum over j != label of w[label] max(0, margin - x[label] + x[j])**p / K``

    Parameters
    ----------
    prediction : Array
        x, of shape (N, K) or (K,).
    labels : Array of integers
        Of shape (N,) or (), from 0 to K - 1. On the CPU a label outside raises;
        elsewhere its loss is NaN.
    p : {1, 2}
        The power.
    margin : float
        How far apart the classes are to be.
    weight : Array, optional
        w, one for each class. The mean does not divide by it.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`. There is one loss for each example.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If the labels are not integers.
    OptionError
        If a label is out of range, or an option is not known.

    Examples
    --------
    >>> multi_margin([[0.1, 0.2, 0.9]], [2]).item()  # (0.2 + 0.3) / 3
    0.16666666666666666
    """
    name = "multi_margin"
    x, labels = classes_of(name, prediction, labels, "predictions")
    if p not in (1, 2):
        raise OptionError(f"{name}: p is 1 or 2, not {p!r}.")
    weight = class_weight(name, weight, x, x.shape[-1])
    return _multi(
        x,
        labels,
        weight,
        p=p,
        margin=margin,
        reduction=reduction,
        sample_weight=sample_weight,
    )


@reducing("multi_margin", count=3)
def _multi(
    xp: Any, x: Any, labels: Any, weight: Any = None, *, p: int, margin: float
) -> Any:
    classes = x.shape[-1]
    chosen = one_of_classes(xp, labels, classes, x.ndim - 1, x.ndim)
    zero = xp.zeros_like(x)
    right = xp.sum(xp.where(chosen, x, zero), axis=-1, keepdims=True)
    near = xp.relu(margin - right + x)
    if p == 2:
        near = xp.square(near)
    values = xp.sum(xp.where(chosen, zero, near), axis=-1) / classes
    if weight is not None:
        zero = xp.zeros_like(weight)
        values = times(xp, xp.sum(xp.where(chosen, weight, zero), axis=-1), values)
    known = (labels >= 0) & (labels < classes)
    return xp.where(known, values, math.nan)


def multilabel_margin(
    prediction: Any,
    labels: Any,
    /,
    *,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return by how much wrong classes come too close to the right ones.

    ``sum over labels j, over classes i that are no label, of
    max(0, 1 - (x[j] - x[i])) / K``

    Parameters
    ----------
    prediction : Array
        x, of shape (N, K) or (K,).
    labels : Array of integers
        Of the same shape: in each row the right classes, from 0 to K - 1, then -1; what
        comes after the first -1 is not looked at. On the CPU another label raises;
        elsewhere its loss is NaN.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`. There is one loss for each example.

    Raises
    ------
    ShapeError
        If the shapes differ, or there are more than two axes.
    DTypeError
        If the labels are not integers.
    OptionError
        If a label is out of range, or the reduction is unknown.

    Notes
    -----
    It compares all pairs of classes at once: memory grows as N K**2.

    Examples
    --------
    >>> multilabel_margin([[0.1, 0.2, 0.4, 0.8]], [[3, 0, -1, 1]]).item()
    0.8500000000000001
    """
    name = "multilabel_margin"
    x = predicted(name, prediction)
    labels = beside(labels, x)
    if x.ndim not in (1, 2) or labels.shape != x.shape:
        raise ShapeError(
            f"{name}: predictions and labels have one shape, (N, K) or (K,); these "
            f"have {x.shape} and {labels.shape}. Rows of labels are filled up with -1."
        )
    labels = check_labels(name, labels)
    xp = x._lib.recorded
    ended = xp.cumulative_sum(xp.astype(labels == -1, xp.int64), axis=-1) > 0
    labels = xp.where(ended, -1, labels)
    check_range(name, labels, x.shape[-1], "predictions", ignored=-1)
    return _labels_margin(x, labels, reduction=reduction, sample_weight=sample_weight)


@reducing("multilabel_margin", count=2)
def _labels_margin(xp: Any, x: Any, labels: Any) -> Any:
    classes = x.shape[-1]
    # (..., J, K): which class the label J is
    chosen = one_of_classes(xp, labels, classes, x.ndim, x.ndim + 1)
    across = xp.expand_dims(x, axis=-2)
    right = xp.sum(xp.where(chosen, across, 0.0), axis=-1, keepdims=True)
    wrong = ~xp.any(chosen, axis=-2, keepdims=True)
    counts = xp.expand_dims(labels >= 0, axis=-1) & wrong
    near = xp.where(counts, xp.relu(1 - right + across), 0.0)
    values = xp.sum(near, axis=(-2, -1)) / max(classes, 1)
    known = xp.all((labels >= -1) & (labels < classes), axis=-1)
    return xp.where(known, values, math.nan)
