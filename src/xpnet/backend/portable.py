"""What the standard lacks or leaves slow, written in the standard's own functions."""

from __future__ import annotations

import math
from typing import Any

__all__ = [
    "axes_of",
    "has_integer_array",
    "last_values",
    "segment_sum",
    "set_positions",
    "sorted_segment_sum",
    "strided_windows",
    "windows",
]


def segment_sum(xp: Any, values: Any, ids: Any, count: int) -> Any:
    """Return the sums of `values` over equal `ids`, by a comparison with each id.

    An infinite value stays in its own sum, as it would not in a product with 0 and 1.
    It costs ``count * len(ids)``; libraries with a real scatter override it.
    """
    kinds = xp.arange(count, dtype=ids.dtype, device=values.device)
    member = xp.expand_dims(kinds, axis=1) == xp.expand_dims(ids, axis=0)  # (count, n)
    rest = values.ndim - 1
    member = xp.reshape(member, (*member.shape, *(1,) * rest))
    chosen = xp.where(member, values, xp.zeros_like(values))
    return xp.sum(chosen, axis=1, dtype=values.dtype)


def sorted_segment_sum(
    xp: Any, reduceat: Any, values: Any, ids: Any, count: int
) -> Any:
    """Return the sums of `values` over equal `ids`: sort by id, then add runs in order.

    `reduceat` is the library's ``add.reduceat``. Nothing is read back to the host.
    """
    order = xp.argsort(ids, stable=True)
    ids = xp.take(ids, order, axis=0)
    kinds = xp.arange(count + 1, dtype=ids.dtype, device=ids.device)
    edges = xp.searchsorted(ids, kinds)
    rest = tuple(values.shape[1:])
    end = xp.zeros((1, *rest), dtype=values.dtype, device=values.device)
    # a run may start at the end
    padded = xp.concat([xp.take(values, order, axis=0), end])
    sums = reduceat(padded, edges[:-1], axis=0)
    some = xp.reshape(edges[1:] > edges[:-1], (count, *(1,) * len(rest)))
    return xp.where(some, sums, xp.zeros_like(sums))


def has_integer_array(key: Any) -> bool:
    """Tell whether an index holds an array of integers."""
    parts = key if isinstance(key, tuple) else (key,)
    return any(hasattr(part, "dtype") and "int" in str(part.dtype) for part in parts)


def axes_of(part: Any) -> int:
    """Return how many axes of the array one part of a key stands for."""
    if part is None or part is Ellipsis or type(part) is bool:
        return 0
    boolean = "bool" in str(getattr(part, "dtype", ""))
    return int(part.ndim) if boolean else 1


def last_values(xp: Any, x: Any, key: Any, value: Any) -> Any:
    """Return `value` with each position's last value wherever the position is named.

    A library that writes in any order then leaves what NumPy leaves: the last one.
    """
    where = positions(xp, x.shape, key, x.device)
    while value.ndim > where.ndim:  # axes of length 1 in front
        value = xp.reshape(value, tuple(value.shape[1:]))
    value = xp.reshape(xp.broadcast_to(value, tuple(where.shape)), (-1,))
    shape, where = tuple(where.shape), xp.reshape(where, (-1,))
    order = xp.argsort(where, stable=True)
    ordered = xp.take(where, order, axis=0)
    last = xp.searchsorted(ordered, where, side="right") - 1
    return xp.reshape(xp.take(value, xp.take(order, last, axis=0), axis=0), shape)


def positions(xp: Any, shape: tuple[int, ...], key: Any, device: Any) -> Any:
    """Return the positions in the flattened array that ``x[key]`` would read."""
    grid = xp.arange(math.prod(shape), dtype=xp.int64, device=device)
    return xp.reshape(grid, shape)[key]


def set_positions(xp: Any, x: Any, key: Any, value: Any) -> Any:
    """Return a copy of `x` with ``x[key] = value``, where a library cannot assign.

    Where a position is named several times, the last value stays, as in NumPy.
    """
    where = positions(xp, x.shape, key, x.device)
    value = xp.broadcast_to(
        xp.asarray(value, dtype=x.dtype, device=x.device), where.shape
    )
    flat, where = xp.reshape(x, (-1,)), xp.reshape(where, (-1,))
    if where.shape[0] == 0:
        return xp.asarray(x, copy=True)
    grid = xp.arange(flat.shape[0], dtype=where.dtype, device=x.device)
    hit = xp.expand_dims(grid, axis=1) == xp.expand_dims(where, axis=0)  # (size, n)
    order = xp.arange(1, where.shape[0] + 1, dtype=where.dtype, device=x.device)
    last = xp.max(
        xp.where(hit, xp.expand_dims(order, axis=0), xp.zeros_like(order[:1])), axis=1
    )
    chosen = xp.take(
        xp.reshape(value, (-1,)), xp.where(last > 0, last - 1, xp.zeros_like(last))
    )
    return xp.reshape(xp.where(last > 0, chosen, flat), x.shape)


def windows(
    xp: Any,
    x: Any,
    axes: tuple[int, ...],
    window: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Any:
    """Return the sliding windows of `x` along axes, gathered; they are its last axes.

    Element ``[..., i, ..., k]`` is ``x[..., i * stride + k * dilation, ...]``.
    """
    for axis, w, s, d in zip(axes, window, stride, dilation, strict=True):
        count = window_count(x.shape[axis], w, s, d)
        device = xp.device(x)
        first = xp.arange(count, dtype=xp.int64, device=device) * s
        within = xp.arange(w, dtype=xp.int64, device=device) * d
        places = xp.expand_dims(first, axis=1) + xp.expand_dims(within, axis=0)
        taken = xp.take(x, xp.reshape(places, (-1,)), axis=axis)
        shape = (*x.shape[:axis], count, w, *x.shape[axis + 1 :])
        x = xp.moveaxis(xp.reshape(taken, shape), axis + 1, -1)
    return x


def window_count(n: int, window: int, stride: int, dilation: int) -> int:
    """Return how many windows an axis of length `n` has room for."""
    return (n - (window - 1) * dilation - 1) // stride + 1


def strided_windows(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    axes: tuple[int, ...],
    window: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shape and strides of the view that holds the sliding windows."""
    lengths, steps = list(shape), list(strides)
    for axis, w, s, d in zip(axes, window, stride, dilation, strict=True):
        lengths[axis] = window_count(shape[axis], w, s, d)
        steps[axis] = strides[axis] * s
        lengths.append(w)
        steps.append(strides[axis] * d)
    return tuple(lengths), tuple(steps)
