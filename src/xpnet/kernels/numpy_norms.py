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

from .blas import one_thread
from .numpy_common import REAL, filled
from .threads import run_blocks, scratch
from .twin import register

__all__: list[str] = []

_BLOCK = 2**17
"""Elements of a block: threads wait less for each other in larger ones.

It does not depend on the number of threads, as there are sums of blocks.
"""


def _by_rows(
    function: Callable[..., None], shape: tuple[int, ...], spares: int, dtype: Any
) -> None:
    """Call ``function(at, number, *scratch)`` for blocks of rows of a matrix.

    `at` is the slice of rows, `number` that of the block, and each scratch array has
    the shape of the block.
    """
    rows, length = shape
    step = max(1, _BLOCK // length)

    def work(start: int, stop: int) -> None:
        first, last = start // length, stop // length
        made = scratch(spares, step * length, dtype) if spares else []
        spare = [s[: stop - start].reshape(last - first, length) for s in made]
        function(slice(first, last), first // step, *spare)

    with one_thread():
        run_blocks(work, rows * length, step * length)


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

    @np.errstate(all="ignore")
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

        _by_rows(block, rows.shape, 1, x.dtype)
        kept = (rows, w, mean, rest if moved else None, rstd, x.shape, axes)
        return out.reshape(x.shape), kept

    @np.errstate(all="ignore")
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

        _by_rows(block, rows.shape, 2, g.dtype)
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


class _Rows:
    """An array (N, C, ...) as rows, one for each example and channel."""

    def __init__(self, x: Any) -> None:
        self.count, self.channels = x.shape[:2]
        self.shape = (x.shape[0] * x.shape[1], math.prod(x.shape[2:]))

    def spread(self, values: Any) -> Callable[[slice], Any]:
        """Return what gives the values of the channels to a block."""
        column = np.tile(values, self.count)[:, None]
        return lambda at: column[at]

    def partial(self, dtype: Any) -> Any:
        """Return an array for the sums of blocks."""
        return np.empty(self.shape[0], dtype)

    def add(self, part: Any, at: slice, _: int, block: Any) -> None:
        """Add a block up."""
        block.dot(filled(self.shape[1], 1, block.dtype), out=part[at])

    def add_product(
        self, part: Any, at: slice, _: int, x: Any, y: Any, spare: Any
    ) -> None:
        """Add the product of two blocks up."""
        np.vecdot(x, y, out=part[at])

    def total(self, part: Any) -> Any:
        """Return the sums of the channels."""
        return part.reshape(self.count, self.channels).sum(axis=0, dtype=np.float64)


class _Columns:
    """An array (N, C), whose columns are the channels."""

    shape: tuple[int, int]

    def __init__(self, x: Any) -> None:
        self.shape = x.shape[:2]

    def spread(self, values: Any) -> Callable[[slice], Any]:
        """Return what gives the values of the channels to a block."""
        return lambda at: values

    def partial(self, dtype: Any) -> Any:
        """Return an array for the sums of blocks."""
        return np.empty((_blocks(*self.shape), self.shape[1]), dtype)

    def add(self, part: Any, at: slice, number: int, block: Any) -> None:
        """Add a block up."""
        filled(len(block), 1, block.dtype).dot(block, out=part[number])

    def add_product(
        self, part: Any, at: slice, number: int, x: Any, y: Any, spare: Any
    ) -> None:
        """Add the product of two blocks up."""
        self.add(part, at, number, np.multiply(x, y, spare))

    def total(self, part: Any) -> Any:
        """Return the sums of the channels."""
        return part.sum(axis=0, dtype=np.float64)


def _layout(x: Any) -> _Rows | _Columns:
    return _Columns(x) if math.prod(x.shape[2:]) == 1 else _Rows(x)


@final
class _BatchNorm:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` over all but the channels."""

    @np.errstate(all="ignore")
    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        weight: Any = None,
        bias: Any = None,
        *,
        eps: float,
        stats: list[Any],
    ) -> tuple[Any, Any] | None:
        if not _fits(x, (weight, bias), x.shape[1]):
            return None
        by, kind = _layout(x), x.dtype
        size = x.size // x.shape[1]
        table = np.ascontiguousarray(x).reshape(by.shape)
        first, second = by.partial(kind), by.partial(kind)

        def add(at: slice, number: int) -> None:
            by.add(first, at, number, table[at])

        _by_rows(add, by.shape, 0, kind)
        mean = (by.total(first) / size).astype(kind)
        means = by.spread(mean)

        def square(at: slice, number: int, c: Any, t: Any) -> None:
            np.subtract(table[at], means(at), c)
            by.add(first, at, number, c)
            by.add_product(second, at, number, c, c, t)

        _by_rows(square, by.shape, 2, kind)
        rest = by.total(first) / size
        var = np.maximum(by.total(second) / size - rest * rest, 0)
        rstd = 1 / np.sqrt(var + eps)
        scale = rstd if weight is None else rstd * weight
        shift = -rest * scale if bias is None else bias - rest * scale
        scales, shifts = by.spread(scale.astype(kind)), by.spread(shift.astype(kind))
        out = np.empty_like(table)

        def finish(at: slice, _: int) -> None:
            c = out[at]
            np.subtract(table[at], means(at), c)
            np.multiply(c, scales(at), c)
            np.add(c, shifts(at), c)

        _by_rows(finish, by.shape, 0, kind)
        stats[:] = [(mean + rest).astype(kind), var.astype(kind)]
        kept = (table, by, mean, rest, rstd, scale, x.shape)
        return out.reshape(x.shape), kept

    @np.errstate(all="ignore")
    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        table, by, mean, rest, rstd, scale, shape = residual
        kind, size = g.dtype, table.size // shape[1]
        g = np.ascontiguousarray(g).reshape(by.shape)
        means = by.spread(mean)
        first, second = by.partial(kind), by.partial(kind)

        def add(at: slice, number: int, c: Any, t: Any) -> None:
            np.subtract(table[at], means(at), c)
            by.add(first, at, number, g[at])
            by.add_product(second, at, number, g[at], c, t)

        _by_rows(add, by.shape, 2, kind)
        total = by.total(first)
        along = (by.total(second) - rest * total) * rstd
        parts: list[Any] = [None, along.astype(kind), total.astype(kind)]
        if needs[0]:
            slope = scale * rstd * along / size
            shift = rest * slope - scale * total / size
            scales, slopes, shifts = (
                by.spread(v.astype(kind)) for v in (scale, slope, shift)
            )
            dx = np.empty_like(table)

            def finish(at: slice, _: int, c: Any) -> None:
                d = dx[at]
                np.subtract(table[at], means(at), c)
                np.multiply(c, slopes(at), c)
                np.multiply(g[at], scales(at), d)
                np.subtract(d, c, d)
                np.add(d, shifts(at), d)

            _by_rows(finish, by.shape, 1, kind)
            parts[0] = dx.reshape(shape)
        return tuple(
            [
                part if needed else None
                for part, needed in zip(parts, needs, strict=False)
            ]
        )


register("batch_norm", "numpy", _BatchNorm())
register("layer_norm", "numpy", _LayerNorm())
