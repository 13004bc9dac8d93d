"""From the losses of elements or examples to one number: the same way for every loss.

A loss is a function of `xp` and its arrays that returns values before any reduction;
`reducing` makes of it a function with ``reduction=`` and ``sample_weight=``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from ..calculus.array import Array
from ..calculus.convert import beside
from ..calculus.rule import fused
from ..errors import OptionError, ShapeError

__all__ = ["reduced", "reducing", "times"]

_REDUCTIONS = ("mean", "sum", "none")

Values = Callable[..., Any]


def reducing(
    name: str,
    *,
    count: int,
    shares: Values | None = None,
    batchmean: bool = False,
) -> Callable[[Values], Callable[..., Array]]:
    """Make a loss of a function that returns the values before they are reduced.

    Parameters
    ----------
    name : str
        The loss, and a twin that computes it with its reduction.
    count : int
        The number of array arguments of ``values(xp, ...)``; the last may be left out.
    shares : callable, optional
        With the arguments of `values`: how much each value, which is multiplied by it
        already, counts in the mean. By default 1.
    batchmean : bool
        Also know the reduction ``"batchmean"``.
    """
    known = (*_REDUCTIONS, "batchmean") if batchmean else _REDUCTIONS

    def decorate(values: Values) -> Callable[..., Array]:
        def reference(xp: Any, *arrays: Any, reduction: str, **options: Any) -> Any:
            counts = shares(xp, *arrays, **options) if shares else None
            return reduced(xp, values(xp, *arrays, **options), reduction, None, counts)

        whole = fused(name, count=count)(reference)

        @functools.wraps(values)
        def loss(
            *arrays: Any, reduction: str, sample_weight: Any = None, **options: Any
        ) -> Array:
            if reduction not in known:
                raise _unknown(name, reduction, known)
            while arrays[-1] is None:
                arrays = arrays[:-1]
            if sample_weight is None:
                return whole(*arrays, reduction=reduction, **options)  # type: ignore[no-any-return]
            each = whole(*arrays, reduction="none", **options)
            xp = each._lib.recorded
            weight = _aligned(name, sample_weight, each)
            counts = shares(xp, *arrays, **options) if shares else None
            return reduced(xp, each, reduction, weight, counts)  # type: ignore[no-any-return]

        return loss

    return decorate


def reduced(
    xp: Any, values: Any, reduction: str, weight: Any = None, counts: Any = None
) -> Any:
    """Return the mean, the sum, or the values themselves.

    Parameters
    ----------
    values : Array
        The losses.
    reduction : str
        ``"batchmean"`` is the sum divided by the length of the first axis.
    weight : Array, optional
        Multiplies the values, and counts in the mean.
    counts : Array, optional
        Counts in the mean only.
    """
    if weight is not None:
        values = times(xp, weight, values)
    if reduction == "none":
        return values
    total = xp.sum(values)
    if reduction == "sum":
        return total
    size = math.prod(values.shape)
    share = weight if counts is None else counts if weight is None else weight * counts
    if share is None:
        mean = total / size if size else total * math.nan
    else:
        # 0 / 0 without a warning
        whole = xp.sum(xp.broadcast_to(share, values.shape))
        mean = total / xp.where(whole == 0, math.nan, whole)
    if reduction == "batchmean" and size:
        return mean * (size // values.shape[0]) if values.ndim else mean
    return mean


def times(xp: Any, weight: Any, values: Any) -> Any:
    """Return ``weight * values``; a weight of 0 drops also what is infinite or NaN."""
    dropped = (weight == 0) & ~xp.isfinite(values)
    return weight * xp.where(dropped, xp.zeros_like(values), values)


def _unknown(name: str, reduction: Any, known: tuple[str, ...]) -> OptionError:
    return OptionError(f"{name}: reduction is one of {known}, not {reduction!r}.")


def _aligned(name: str, weight: Any, values: Array) -> Array:
    """Return weights of examples or elements, shaped to multiply the values."""
    w, shape = beside(weight, values), values.shape
    if w.shape != shape[: w.ndim]:
        raise ShapeError(
            f"{name}: sample_weight of shape {w.shape} does not fit losses of shape "
            f"{shape}: it has one weight for each example, {shape[:1]}, or for each "
            f"loss, {shape}. Its axes are the first ones."
        )
    xp = values._lib.recorded
    if w.data.dtype != values.data.dtype:
        w = xp.astype(w, values.data.dtype)
    return xp.reshape(w, (*w.shape, *[1] * (len(shape) - w.ndim)))  # type: ignore[no-any-return]
