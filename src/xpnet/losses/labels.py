"""What losses of labels share: the picked class, its weight, ignored labels."""

from __future__ import annotations

import math
from typing import Any

from ..calculus.array import Array
from ..errors import ShapeError
from .arguments import check_range, one_of_classes
from .reduction import emptied, times

__all__ = [
    "along",
    "label_misfit",
    "look",
    "picked",
    "shares",
    "unseen",
    "without_classes",
]


def shares(
    xp: Any,
    logits: Any,
    labels: Any,
    weight: Any = None,
    *,
    ignore_index: int,
    **_: Any,
) -> Any:
    """Return how much each label counts: its class weight, 0 where it is ignored."""
    axis = min(1, logits.ndim - 1)
    counted = xp.astype(labels != ignore_index, logits.dtype)
    if weight is None:
        return counted
    chosen = one_of_classes(xp, labels, logits.shape[axis], axis, logits.ndim)
    w = along(xp, weight, logits.ndim - 1 - axis)
    return counted * xp.sum(xp.where(chosen, w, xp.zeros_like(w)), axis=axis)


def unseen(xp: Any, none: Any, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return logits, and labels that are probabilities, with zeros where `none`."""
    logits, labels, *rest = arrays
    none = xp.expand_dims(none, axis=1) if none.ndim > 1 else none
    if labels.ndim == logits.ndim:
        labels = emptied(xp, none, labels)
    return (emptied(xp, none, logits), labels, *rest)


def without_classes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of labels, from that of logits."""
    return (shape[0], *shape[2:]) if len(shape) > 1 else ()


def along(xp: Any, weight: Any, after: int) -> Any:
    """Give weights of classes as many axes of length 1 as follow the classes."""
    return xp.reshape(weight, (weight.shape[0], *[1] * after))


def picked(xp: Any, logs: Any, labels: Any, weight: Any, ignore_index: int) -> Any:
    """Return ``-weight[label] logs[label]``: 0 if ignored, NaN if out of range."""
    axis = min(1, logs.ndim - 1)
    classes = logs.shape[axis]
    chosen = one_of_classes(xp, labels, classes, axis, logs.ndim)  # (N, K, d1, ...)
    if weight is not None:
        logs = times(xp, along(xp, weight, logs.ndim - 1 - axis), logs)
    total = xp.sum(xp.where(chosen, logs, xp.zeros_like(logs)), axis=axis)
    known = (labels >= 0) & (labels < classes)
    values = xp.where(known, -total, math.nan)
    return xp.where(labels == ignore_index, xp.zeros_like(values), values)


def look(labels: Array, x: Array, name: str, what: str, ignored: int) -> None:
    """Raise if a label is out of range and not ignored, where it can be read."""
    check_range(name, labels, x.shape[min(1, x.ndim - 1)], what, ignored)


def label_misfit(
    name: str, shape: tuple[int, ...], labels: tuple[int, ...], what: str = "logits"
) -> ShapeError:
    """Return what to raise where labels do not fit logits."""
    if not shape:
        return ShapeError(
            f"{name}: {what} need an axis of classes, (N, K, ...) or (K,); they have "
            "shape ()."
        )
    advice = ""
    if labels == shape:
        advice = (
            " One-hot labels become classes with xp.argmax(labels, axis="
            f"{min(1, len(shape) - 1)})."
        )
    where = "axis 1" if len(shape) > 1 else "axis 0"
    return ShapeError(
        f"{name}: {what} of shape {shape} need labels of shape "
        f"{without_classes(shape)}, not {labels}. Classes are {where}.{advice}"
    )
