"""Twins for NumPy: normalization over rows, and over all but the channels.

Everything runs on blocks of rows that stay in the cache, in threads where arrays are
large, and sums along rows are products with a vector, which the BLAS computes. Kept for
the derivative are the input, the means and the reciprocal deviations, as in PyTorch.

A mean of large numbers has a rounding error that counts against their spread. What it
leaves in the differences, their own mean, is taken out again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, final

import numpy as np

from .numpy_common import REAL, filled
from .threads import run_blocks, scratch
from .twin import register

__all__: list[str] = []

_BLOCK = 2**16
"""Elements of a block: with its scratch arrays it stays in the second-level cache."""


def _by_rows(
    function: Callable[..., None], rows: int, length: int, spares: int, dtype: Any
) -> int:
    """Call ``function(rows, number, *scratch)`` for blocks of rows; return how many.

    `rows` is a slice, `number` that of the block, and each scratch array has the shape
    of the block.
    """
    step = max(1, _BLOCK // length)

    def work(start: int, stop: int) -> None:
        first, last = start // length, stop // length
        made = scratch(spares, step * length, dtype)
        shape = (last - first, length)
        spare = [s[: stop - start].reshape(shape) for s in made]
        function(slice(first, last), first // step, *spare)

    run_blocks(work, rows * length, step * length)
    return -(-rows // step)


def _blocks(rows: int, length: int) -> int:
    """Return the number of blocks."""
    return -(-rows // max(1, _BLOCK // length))


def _fits(x: Any, parameters: tuple[Any, ...], size: int) -> bool:
    """Tell whether the twins were written for these arrays."""
    return (
        x.dtype in REAL
        and x.size > 0
        and all(
            p is None or (p.dtype == x.dtype and p.size == size) for p in parameters
        )
    )


@final
class _LayerNorm:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` over the last axes.

    A number for each row is spread over its row 2.5 times more slowly than two whole
    arrays are multiplied; a product of row and column by the BLAS lies between.
    """

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        weight: Any = None,
        bias: Any = None,
        *,
        axes: int,
        eps: float,
    ) -> tuple[Any, Any] | None:
        length = math.prod(x.shape[len(x.shape) - axes :])
        if not _fits(x, (weight, bias), length):
            return None
        rows = np.ascontiguousarray(x).reshape(-1, length)
        w = None if weight is None else weight.reshape(1, -1)
        b = None if bias is None else _repeated(bias, length)
        out = np.empty_like(rows)
        mean, rest, rstd = np.empty((3, len(rows)), x.dtype)
        share = filled(length, 1 / length, x.dtype)
        seen = 4 * float(np.finfo(x.dtype).eps)
        moved = []

        def block(at: slice, number: int, t: Any) -> None:
            c, r, e = out[at], rstd[at], rest[at]
            np.dot(rows[at], share, out=mean[at])
            np.subtract(rows[at], mean[at, None], c)
            np.dot(c, share, out=e)
            _reciprocal(c, r, length, eps)
            off = e * r
            if not np.vdot(off, off) <= seen * seen:
                moved.append(number)
                np.subtract(c, e[:, None], c)
                _reciprocal(c, r, length, eps)
            else:
                e[...] = 0
            np.multiply(c, r[:, None] if w is None else r[:, None].dot(w, out=t), c)
            if b is not None:
                np.add(c, b[: len(c)], c)

        _by_rows(block, *rows.shape, 1, x.dtype)
        kept = (rows, w, mean, rest if moved else None, rstd, x.shape, axes)
        return out.reshape(x.shape), kept

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        rows, w, mean, rest, rstd, shape, axes = residual
        count, length = rows.shape
        g = np.ascontiguousarray(g).reshape(rows.shape)
        dx = np.empty_like(rows)
        share = filled(length, 1 / length, g.dtype) if w is None else w[0] / length
        sums = np.empty((2, _blocks(count, length), length), g.dtype)
        some = (*needs, False, False)

        def block(at: slice, number: int, c: Any, t: Any) -> None:
            r, part, d = rstd[at], g[at], dx[at]
            np.subtract(rows[at], mean[at, None], c)
            if rest is not None:
                np.subtract(c, rest[at, None], c)
            np.multiply(part, c, t)
            if some[1]:
                r.dot(t, out=sums[0, number])
            if some[2]:
                filled(len(part), 1, g.dtype).dot(part, out=sums[1, number])
            if not some[0]:
                return
            np.multiply(c, (t.dot(share) * (r * r * r))[:, None], c)
            np.add(c, (part.dot(share) * r)[:, None], c)
            scale = r[:, None] if w is None else r[:, None].dot(w, out=t)
            np.multiply(part, scale, d)
            np.subtract(d, c, d)

        _by_rows(block, count, length, 2, g.dtype)
        tail = shape[len(shape) - axes :]
        parts = [dx.reshape(shape) if needs[0] else None]
        for needed, found in zip(needs[1:], sums, strict=False):
            total = np.add.reduce(found, axis=0).reshape(tail) if needed else None
            parts.append(total)
        return tuple(parts)


def _reciprocal(c: Any, out: Any, length: int, eps: float) -> None:
    """Write ``1 / sqrt(mean(c**2) + eps)`` of each row."""
    np.vecdot(c, c, out=out)
    np.multiply(out, 1 / length, out)
    np.add(out, eps, out)
    np.sqrt(out, out)
    np.divide(1, out, out)


def _repeated(vector: Any, length: int) -> Any:
    """Return a vector as the rows of a whole block."""
    rows = max(1, _BLOCK // length)
    return np.ascontiguousarray(np.broadcast_to(vector.reshape(1, -1), (rows, length)))


register("layer_norm", "numpy", _LayerNorm())
