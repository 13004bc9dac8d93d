"""For NumPy: a twin of the embedding, and sums of rows over equal ids.

Rows are sorted by their place, so that the same bytes come out every time. Where few
rows share a place, the k-th of each is added in one go for all places, k = 0, 1, ...;
where many do, they are summed place by place. (`numpy.add.at` and
`numpy.add.reduceat` take 5 to 10 times longer for rows that are short and places that
are many.)
"""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from ..backend.library import library_for
from .numpy_common import REAL
from .twin import register

__all__ = ["add_rows", "segment_sum"]

_NUMPY = library_for("cpu")

_FEW = 8
"""Up to so many rows of one place are added in rounds."""


def add_rows(out: Any, ids: Any, values: Any) -> None:
    """Write into `out` (count, width) the sums of the values that have the same id.

    Equal ids are added in the order in which they stand.
    """
    out[...] = 0
    if not len(ids):
        return
    keys = ids.astype(np.uint16) if len(out) <= 2**16 else ids  # sorted by their digits
    order = np.argsort(keys, kind="stable")
    found = ids[order]
    starts = np.flatnonzero(np.concatenate([[True], found[1:] != found[:-1]]))
    counts = np.diff(starts, append=len(found))
    many = counts > _FEW
    for start, count in zip(starts[many].tolist(), counts[many].tolist(), strict=True):
        rows = values.take(order[start : start + count], axis=0)
        np.add.reduce(rows, axis=0, out=out[found[start]])
    _add_few(out, found, order, values, starts[~many], counts[~many])


def _add_few(
    out: Any, found: Any, order: Any, values: Any, starts: Any, counts: Any
) -> None:
    """Add the rows of places that have few, those with most of them first."""
    if not len(starts):
        return
    falling = np.argsort(-counts, kind="stable")
    starts, counts = starts[falling], counts[falling]
    total = values.take(order[starts], axis=0)
    for k in range(1, int(counts[0])):
        some = int(np.searchsorted(-counts, -k, side="left"))  # have more than k rows
        total[:some] += values.take(order[starts[:some] + k], axis=0)
    out[found[starts]] = total


def segment_sum(values: Any, ids: Any, count: int) -> Any:
    """Return `count` sums; the k-th adds ``values[i, ...]`` where ``ids[i] == k``."""
    if values.ndim < 2 or values.dtype not in REAL:
        return _NUMPY.segment_sum(values, ids, count)
    shape = values.shape[1:]
    width = math.prod(shape)
    out = np.empty((count, width), values.dtype)
    add_rows(out, ids, values.reshape(len(ids), width))
    return out.reshape(count, *shape)


_NUMPY.functions["segment_sum"] = segment_sum


@final
class _Embedding:
    """``weight[ids]`` for weight (rows, width) and ids (n,), without negative ones."""

    def forward(
        self,
        needs: tuple[bool, ...],
        weight: Any,
        ids: Any,
        *,
        padding: int | None,
        by_frequency: bool,
    ) -> tuple[Any, Any] | None:
        if weight.dtype not in REAL or by_frequency:
            return None
        return weight.take(ids, axis=0), (weight.shape, ids, padding)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        shape, ids, padding = residual
        out = np.empty(shape, g.dtype) if slots[0] is None else slots[0]
        add_rows(out, ids, g)
        if padding is not None:
            out[padding] = 0
        return (out,)


register("embedding", "numpy", _Embedding())
