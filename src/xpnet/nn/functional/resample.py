"""Weighted sums of a few elements of one axis: what resampling is made of."""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["adaptive", "column", "longest", "weigh"]

_DENSE = 2**20
"""Up to so many elements the weights are made into a matrix."""


def column(xp: Any, values: Any) -> Any:
    """Return a vector as a column."""
    return xp.reshape(values, (-1, 1))


def weigh(xp: Any, x: Any, axis: int, places: Any, weights: Any) -> Any:
    """Return ``out[..., i, ...] = sum over t of weights[i, t] · x[..., places[i, t]]``.

    Short axes go through a matrix product, which is fast forward and back; for a long
    axis the matrix would be large and nearly empty, and elements are taken one by one.
    """
    n, (many, taps) = x.shape[axis], places.shape
    if n * many * taps <= _DENSE:
        every = xp.arange(n, dtype=xp.int64, device=xp.device(x))
        hit = xp.astype(xp.expand_dims(places, axis=-1) == every, weights.dtype)
        matrix = xp.sum(hit * xp.expand_dims(weights, axis=-1), axis=1)
        matrix = xp.astype(matrix, x.dtype)  # (many, n)
        return xp.moveaxis(xp.tensordot(x, matrix, axes=((axis,), (1,))), -1, axis)
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    taken = xp.take(x, xp.reshape(places, (-1,)), axis=axis)
    taken = xp.reshape(taken, (*before, many, taps, *after))
    scale = xp.reshape(weights, (many, taps, *(1,) * len(after)))
    return xp.sum(taken * xp.astype(scale, x.dtype), axis=axis + 1)


@functools.lru_cache(maxsize=256)
def longest(n: int, many: int) -> int:
    """Return how many elements the longest of `many` parts of `n` elements has."""
    return max(-(-(i + 1) * n // many) - i * n // many for i in range(many))


def adaptive(xp: Any, n: int, many: int, near: Any) -> tuple[Any, Any]:
    """Return the places (many, taps) of `many` parts of `n` elements, and their ends.

    Part ``i`` goes from ``floor(i n / many)`` to ``ceil((i + 1) n / many)``; in a part
    that is shorter than the longest the last place stands again.
    """
    at = column(xp, xp.arange(many, dtype=xp.int64, device=xp.device(near)))
    taps = xp.arange(longest(n, many), dtype=xp.int64, device=xp.device(near))
    start, end = at * n // many, ((at + 1) * n + (many - 1)) // many
    return xp.minimum(start + taps, end - 1), (start, end)
