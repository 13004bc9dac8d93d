"""What losses take: predictions, targets, labels and options, checked in one place."""

from __future__ import annotations

import functools
import math
from typing import Any

from ..calculus import namespace as _namespace  # noqa: F401 - fills the table
from ..calculus.array import Array
from ..calculus.convert import asarray, beside
from ..calculus.rule import addition
from ..errors import DTypeError, OptionError, ShapeError

__all__ = [
    "check_labels",
    "check_range",
    "class_weight",
    "classes_of",
    "int64",
    "is_integer",
    "nonnegative",
    "one_of_classes",
    "pair",
    "positive",
    "predicted",
    "readable",
    "real_beside",
    "refuse_values",
    "same_shape",
]

Shape = tuple[int, ...]


# --- predictions and targets ----------------------------------------------------------


def predicted(name: str, x: Any, what: str = "prediction") -> Array:
    """Return a prediction: an array of real numbers, in at least single precision."""
    given: Array = x if type(x) is Array else asarray(x)
    lib = given._lib
    kind = _kind(lib, given.data.dtype)
    if kind == "real":
        return given
    if kind != "half":
        raise DTypeError(
            f"{name}: the {what} has dtype {given.dtype}; it must be real floating "
            f"point. Cast it: xp.astype({what}, xp.float32)."
        )
    single: Array = lib.recorded.astype(given, lib.raw.float32)
    return single


def real_beside(name: str, y: Any, x: Array, what: str = "target") -> Array:
    """Return a target beside a prediction; integers and truths take its dtype."""
    given: Array = beside(y, x)
    lib = x._lib
    kind = _kind(lib, given.data.dtype)
    if kind == "real":
        return given
    if kind in ("complex", "other"):
        raise DTypeError(
            f"{name}: the {what} has dtype {given.dtype}; it must be real."
        )
    cast: Array = lib.recorded.astype(given, x.data.dtype)
    return cast


def pair(
    name: str, x: Any, y: Any, one: str = "prediction", other: str = "target"
) -> tuple[Array, Array]:
    """Return two arrays of real numbers, of one library and one shape."""
    x = predicted(name, x, one)
    y = real_beside(name, y, x, other)
    same_shape(name, x, y)
    return x, y


def same_shape(name: str, x: Array, y: Array) -> None:
    """Raise if two shapes differ."""
    if x.data.shape != y.data.shape:
        raise ShapeError(
            f"{name}: shapes {x.shape} and {y.shape} differ, and they must "
            "be equal: nothing is broadcast. Reshape one of them with xp.reshape."
        )


@functools.cache
def _kind(lib: Any, dtype: Any) -> str:
    """Return half, real, complex, int64, integral, bool, or other: no number."""
    if dtype == lib.raw.int64:
        return "int64"
    if lib.raw.isdtype(dtype, "real floating"):
        return "half" if lib.raw.finfo(dtype).bits < 32 else "real"
    kinds = ("complex floating", "integral", "bool")
    found = (k for k in kinds if lib.raw.isdtype(dtype, k))
    return next(found, "other").partition(" ")[0]


# --- labels ---------------------------------------------------------------------------


def is_integer(x: Array) -> bool:
    """Tell whether an array holds integers."""
    return _kind(x._lib, x.data.dtype) in ("integral", "int64")


def int64(x: Array) -> Array:
    """Return labels as 64-bit integers."""
    lib = x._lib
    if _kind(lib, x.data.dtype) == "int64":
        return x
    cast: Array = lib.recorded.astype(x, lib.raw.int64)
    return cast


def check_labels(name: str, labels: Array, what: str = "labels") -> Array:
    """Return labels as int64; raise if they are not integers."""
    kind = _kind(labels._lib, labels.data.dtype)
    if kind == "int64":
        return labels
    if kind != "integral":
        raise DTypeError(
            f"{name}: {what} have dtype {labels.dtype}; they must be integers, "
            f"the class of each row. Cast them: xp.astype({what}, xp.int64)."
        )
    return int64(labels)


def classes_of(name: str, x: Any, labels: Any, what: str) -> tuple[Array, Array]:
    """Return (N, K) or (K,) and labels (N,) or (); the labels as int64, in range."""
    x = predicted(name, x, what)
    labels = beside(labels, x)
    if x.ndim not in (1, 2) or labels.shape != x.shape[:-1]:
        raise ShapeError(
            f"{name}: {what} (N, K) need labels (N,), and {what} (K,) one label; the "
            f"shapes are {x.shape} and {labels.shape}."
        )
    labels = check_labels(name, labels)
    check_range(name, labels, x.shape[-1], what)
    return x, labels


def one_of_classes(xp: Any, labels: Any, classes: int, axis: int, ndim: int) -> Any:
    """Return where each class is the label's: a new axis of truths.

    A comparison with each class, and not an index: its transpose adds nothing up, so
    gradients are the same bits every time on a GPU too.
    """
    kinds = xp.arange(classes, dtype=labels.dtype, device=xp.device(labels))
    kinds = xp.reshape(kinds, (classes, *[1] * (ndim - 1 - axis)))
    return xp.expand_dims(labels, axis=axis) == kinds


@addition("in_range")
def _in_range(xp: Any, x: Any, stop: int) -> bool:
    """Tell whether all integers lie in ``range(stop)``."""
    return bool(xp.all((x >= 0) & (x < stop)))


def readable(x: Array) -> bool:
    """Tell whether values can be looked at without waiting for a device."""
    place = x._lib.place
    return place is not None and place.kind == "cpu"


def check_range(
    name: str,
    labels: Array,
    classes: int,
    what: str = "logits",
    ignored: int | None = None,
) -> None:
    """Raise if a label is outside; for arrays that can be read without waiting."""
    if not readable(labels):
        return
    raw, data = labels._lib.raw, labels.data
    if raw.in_range(data, classes):
        return
    if ignored is not None:
        data = raw.where(data == ignored, raw.zeros_like(data), data)
        if raw.in_range(data, classes):
            return
    low, high = int(raw.min(data)), int(raw.max(data))
    raise OptionError(
        f"{name}: a label is {low if low < 0 else high}, but the "
        f"{what} have {classes} classes, so labels go from 0 to {classes - 1}."
    )


def refuse_values(name: str, x: Array, low: float, high: float, what: str) -> None:
    """Raise if a number lies outside; for arrays that can be read without waiting."""
    if not readable(x):
        return
    raw = x._lib.raw
    outside = (x.data < low) | (x.data > high)
    if bool(raw.any(outside)):
        worst = float(x.data[outside][0])
        bounds = f"in [{low:g}, {high:g}]" if high < math.inf else f"{low:g} or more"
        raise OptionError(f"{name}: a {what} is {worst:g}; each must be {bounds}.")


def class_weight(name: str, weight: Any, x: Array, classes: int) -> Array | None:
    """Return one weight for each class, or None."""
    if weight is None:
        return None
    w = real_beside(name, weight, x, "weight")
    if w.shape != (classes,):
        raise ShapeError(
            f"{name}: weight has shape {w.shape}, but there are {classes} classes "
            f"(prediction: {x.shape}), so it needs shape {(classes,)}."
        )
    return w


# --- options --------------------------------------------------------------------------


def positive(name: str, what: str, value: float) -> None:
    """Raise if a number is not above 0."""
    if not value > 0:
        raise OptionError(f"{name}: {what} is {value!r}; it must be above 0.")


def nonnegative(name: str, what: str, value: float) -> None:
    """Raise if a number is below 0."""
    if not value >= 0:
        raise OptionError(f"{name}: {what} is {value!r}; it must be 0 or more.")
