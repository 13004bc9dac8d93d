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
from ..calculus.rule import fused
from ..errors import OptionError, ShapeError
from .arguments import real_beside

__all__ = ["emptied", "left_out", "reduced", "reducing", "times"]

_REDUCTIONS = ("mean", "sum", "none")

Values = Callable[..., Any]


def left_out(xp: Any, none: Any, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return arrays with zeros in the examples of no weight: the first two of them.

    Their axes begin with those of `none`, which tells what has no weight. So what such
    an example holds, infinities and NaN too, touches no gradient.
    """
    return (*[emptied(xp, none, x) for x in arrays[:2]], *arrays[2:])


def emptied(xp: Any, none: Any, x: Any) -> Any:
    """Return `x` with zeros where `none`, along the first axes."""
    more = x.ndim - none.ndim
    if more < 0 or any(
        a not in (1, b) for a, b in zip(none.shape, x.shape, strict=False)
    ):
        return x  # the weights fit no losses
    none = xp.reshape(none, (*none.shape, *[1] * more))
    return xp.where(none, xp.zeros_like(x), x)


def reducing(
    name: str,
    *,
    count: int,
    shares: Values | None = None,
    batchmean: bool = False,
    without: Values | None = left_out,
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
    without : callable, optional
        Given `xp`, where a sample weight is 0, and the arrays: returns them without
        those examples, whose gradients are 0 then. None where the examples are not
        apart.
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
            xp = arrays[0]._lib.recorded
            given = real_beside(name, sample_weight, arrays[0], "sample_weight")
            if without is not None and given._node is None:
                arrays = without(xp, given == 0, arrays)
            each = whole(*arrays, reduction="none", **options)
            weight = _aligned(name, given, each)
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


def _aligned(name: str, w: Array, values: Array) -> Array:
    """Return weights of examples or elements, shaped to multiply the values."""
    shape = values.shape
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
