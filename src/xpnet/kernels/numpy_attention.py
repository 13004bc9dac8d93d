"""Twins for NumPy: attention, in blocks of rows that stay in the cache.

The weights are never there as a whole: each block of them is computed, used and
overwritten, and computed again in the backward pass, for which the sum and the maximum
of each row are kept (Dao et al., "FlashAttention", NeurIPS 2022, on a CPU's cache).
With a causal mask, a block stops at its last visible column. Rows are divided by their
sums after the product with the values, where they are short.

While no score can be large, as the lengths of queries and keys tell, exponentials need
no maximum taken off first: the result is the same, and two passes are saved.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple, final

import numpy as np

from .numpy_common import REAL
from .threads import run_blocks
from .twin import register

__all__: list[str] = []

_LARGE = 40.0
"""Scores up to this size are taken to the exponential as they are."""

_SINGLE = 2**18
"""Up to this product of three lengths the BLAS multiplies in the calling thread."""

_TILE = 2**15
"""Elements of one block of scores, which are to stay in the cache."""

_local = threading.local()


class _Plan(NamedTuple):
    """What is the same in all blocks of a call; arrays are (N, H, L, ...)."""

    query: Any
    key: Any
    value: Any
    bias: Any  # added to the scores; broadcast, or None
    keep: Any  # False where a weight is dropped; broadcast, or None
    is_causal: bool
    scale: float
    share: float  # one over the share of weights that are kept
    largest: float  # of the bias

    @property
    def rows(self) -> int:
        """How many rows of scores are in one block."""
        keys, width = self.key.shape[2:]
        most = self.query.shape[2]
        fair = _SINGLE // max(1, keys * max(width, self.value.shape[3]))
        # a causal block computes half a square of its own rows in vain
        rows: int = min(most, max(32, min(fair, 64 if self.is_causal else most)))
        return rows

    def run(self, work: Any) -> None:
        """Call ``work(n, heads)`` for every few heads of every example, in threads."""
        examples, heads, queries, _ = self.query.shape
        keys = self.key.shape[2]
        few = max(1, min(heads, _TILE // (self.rows * keys)))
        chunks = -(-heads // few)
        size = few * queries * keys

        def block(start: int, _stop: int) -> None:
            n, chunk = divmod(start // size, chunks)
            work(n, slice(few * chunk, min(few * (chunk + 1), heads)))

        run_blocks(block, examples * chunks * size, size)

    def blocks(self) -> Iterator[tuple[slice, int]]:
        """Yield rows, and how many columns they see, the last rows first."""
        queries, keys = self.query.shape[2], self.key.shape[2]
        step = self.rows
        for start in reversed(range(0, queries, step)):
            stop = min(start + step, queries)
            yield slice(start, stop), min(stop, keys) if self.is_causal else keys

    def scores(self, n: int, heads: slice, q: Any, rows: slice, columns: int) -> Any:
        """Return the scores of a block, masked, in scratch memory."""
        shape = (q.shape[0], rows.stop - rows.start, columns)
        out = _scratch("scores", shape, q.dtype)
        key = self.key[n, heads, :columns].transpose(0, 2, 1)
        np.matmul(q[:, rows], key, out=out)
        if self.bias is not None:
            np.add(out, self.bias[n, heads, rows, :columns], out)
        if self.is_causal and columns > rows.start:
            last = out[:, :, rows.start :]
            np.add(last, _triangle(*last.shape[1:], q.dtype), last)
        return out

    def bound(self, n: int, heads: slice, q: Any) -> float:
        """Return what no score exceeds: the product of the greatest lengths."""
        with np.errstate(over="ignore", invalid="ignore"):
            squares = [
                float(np.einsum("hld,hld->hl", x, x).max())
                for x in (q, self.key[n, heads])
            ]
        return math.prod(map(math.sqrt, squares)) + self.largest

    def scaled(self, n: int, heads: slice) -> Any:
        """Return the queries of some heads times the scale."""
        q = self.query[n, heads]
        return np.multiply(q, q.dtype.type(self.scale), _scratch("q", q.shape, q.dtype))


def _scratch(name: str, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return memory to compute in, of this thread, by name; it is kept."""
    buffers: dict[Any, Any] = _local.__dict__.setdefault("buffers", {})
    size = math.prod(shape)
    found = buffers.get((name, dtype))
    if found is None or found.size < size:
        found = buffers[name, dtype] = np.empty(size, dtype)
    return found[:size].reshape(shape)


@functools.lru_cache(maxsize=16)
def _triangle(rows: int, columns: int, dtype: Any) -> Any:
    """Return -inf right of the diagonal and 0 elsewhere: shared, not to be changed."""
    out = np.triu(np.full((rows, columns), -np.inf, dtype), k=1)
    out.flags.writeable = False
    return out


def _attended(plan: _Plan, out: Any) -> tuple[Any, Any] | None:
    """Write the result into `out`; return one over the sum, and the shift, of each row.

    The sums are 0 where no key takes part, and so is what stands for their inverse.
    None is returned where a length is not finite.
    """
    shape = (*plan.query.shape[:3], 1)
    inverse, shift = np.empty(shape, out.dtype), np.zeros(shape, out.dtype)
    finite = True

    def work(n: int, heads: slice) -> None:
        nonlocal finite
        q = plan.scaled(n, heads)
        bound = plan.bound(n, heads, q)
        if not math.isfinite(bound):
            finite = False
            return
        for rows, columns in plan.blocks():
            s = plan.scores(n, heads, q, rows, columns)
            if bound > _LARGE:
                top = np.max(s, axis=2, keepdims=True)
                top[np.isneginf(top)] = 0
                shift[n, heads, rows] = top
                np.subtract(s, top, s)
            np.exp(s, s)
            total = np.add.reduce(s, axis=2, keepdims=True)
            one = np.divide(1, total, where=total != 0, out=np.zeros_like(total))
            inverse[n, heads, rows] = one
            if plan.keep is not None:
                np.multiply(s, plan.keep[n, heads, rows, :columns], s)
                one *= one.dtype.type(plan.share)
            part = out[n, heads, rows]
            np.matmul(s, plan.value[n, heads, :columns], out=part)
            np.multiply(part, one, part)

    plan.run(work)
    return (inverse, shift) if finite else None


def _pulled(plan: _Plan, g: Any, kept: Any, parts: tuple[Any, Any, Any]) -> None:
    """Write the cotangents of query, key and value into `parts`."""
    out, inverse, shift = kept

    def work(n: int, heads: slice) -> None:
        q, key = plan.scaled(n, heads), plan.key[n, heads]
        value = plan.value[n, heads].transpose(0, 2, 1)
        dq, dk, dv = (part[n, heads] for part in parts)
        one, shifts = inverse[n, heads], shift[n, heads]
        shifted = bool(shifts.any())
        slope = np.multiply(g[n, heads], one * one.dtype.type(plan.share))
        both = np.einsum("hld,hld->hl", g[n, heads], out[n, heads])[..., None] * one
        seen = 0  # columns that have been written to
        for rows, columns in plan.blocks():
            s = plan.scores(n, heads, q, rows, columns)
            if shifted:
                np.subtract(s, shifts[:, rows], s)
            np.exp(s, s)
            t = _scratch("slopes", s.shape, s.dtype)
            np.matmul(slope[:, rows], value[:, :, :columns], out=t)
            if plan.keep is not None:
                keep = plan.keep[n, heads, rows, :columns]
                np.multiply(t, keep, t)
            np.subtract(t, both[:, rows], t)
            np.multiply(t, s, t)
            if plan.keep is not None:
                np.multiply(s, keep, s)
            np.matmul(t, key[:, :columns], out=dq[:, rows])
            _gather(dk[:, :columns], t, q[:, rows], first=not seen)
            _gather(dv[:, :columns], s, slope[:, rows], first=not seen)
            seen = max(seen, columns)
        np.multiply(dq, dq.dtype.type(plan.scale), dq)
        dk[:, seen:] = 0
        dv[:, seen:] = 0

    plan.run(work)


def _gather(d: Any, s: Any, right: Any, *, first: bool) -> None:
    """Write ``s.T @ right`` into `d`, or add it."""
    if first:
        np.matmul(s.transpose(0, 2, 1), right, out=d)
    else:
        more = _scratch("more", d.shape, d.dtype)
        np.matmul(s.transpose(0, 2, 1), right, out=more)
        np.add(d, more, d)


# --- the twins ------------------------------------------------------------------------


def _planned(
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    keep: Any,
    is_causal: bool,
    kept: float,
    scale: float,
) -> _Plan | None:
    """Return the plan for arrays (N, H, L, width); None where it cannot be made."""
    shape = (*query.shape[:3], key.shape[2])
    for x in (mask, keep):
        if x is not None and np.broadcast_shapes(x.shape, shape) != shape:
            return None
    bias, largest = _bias(mask, query.dtype)
    if not math.isfinite(largest):
        return None
    bias = None if bias is None else np.broadcast_to(bias, shape)
    keep = None if keep is None else np.broadcast_to(keep, shape)
    share = 1.0 / kept if kept else 0.0
    return _Plan(query, key, value, bias, keep, is_causal, float(scale), share, largest)


def _bias(mask: Any, dtype: Any) -> tuple[Any, float]:
    """Return what is added to the scores, and the largest of its numbers but -inf."""
    if mask is None:
        return None, 0.0
    if mask.dtype == np.bool_:
        return np.where(mask, dtype.type(0), dtype.type(-np.inf)), 0.0
    mask = mask.astype(dtype, copy=False)
    return mask, float(np.max(np.abs(mask), where=mask != -np.inf, initial=0.0))


def _plain(x: Any) -> Any:
    """Return an array whose last axis the BLAS can read."""
    return x if x.strides[-1] == x.itemsize else np.ascontiguousarray(x)


@final
class _Attention:
    """Attention of (..., H, L, width) with at most one axis before the heads.

    It keeps its arguments and its result, and two numbers for each row.
    """

    def forward(
        self,
        needs: tuple[bool, ...],
        query: Any,
        key: Any,
        value: Any,
        mask: Any = None,
        keep: Any = None,
        *,
        is_causal: bool,
        kept: float = 1.0,
        scale: float | None = None,
    ) -> tuple[Any, Any] | None:
        if any(needs[3:]) or not _fits(query, key, value):
            return None
        leading, (queries, width) = query.shape[:-2], query.shape[-2:]
        q, k, v = (_plain(x if x.ndim == 4 else x[None]) for x in (query, key, value))
        if q.shape[1] != k.shape[1]:
            k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
        scale = width**-0.5 if scale is None else scale
        plan = _planned(q, k, v, mask, keep, is_causal, kept, scale)
        if plan is None:
            return None
        out = _beside(q, v.shape[3])
        sums = _attended(plan, out)
        if sums is None:
            return None
        out_shape = (*leading, queries, v.shape[3])
        return out.reshape(out_shape), (plan, (out, *sums), key.shape[-3])

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        plan, kept, shared = residual
        dq, dk, dv = (_beside(x, x.shape[3]) for x in plan[:3])
        _pulled(plan, _plain(g if g.ndim == 4 else g[None]), kept, (dq, dk, dv))
        if shared != dq.shape[1]:
            dk, dv = (_summed(x, shared) for x in (dk, dv))
        parts = [part if g.ndim == 4 else part[0] for part in (dq, dk, dv)]
        given = [x if need else None for x, need in zip(parts, needs, strict=False)]
        return (*given, *[None] * (len(needs) - 3))


def _fits(query: Any, key: Any, value: Any) -> bool:
    """Tell whether arrays are ones that the twin was written for."""
    arrays = (query, key, value)
    if not all(x.dtype in REAL and x.dtype == query.dtype and x.size for x in arrays):
        return False
    if not 3 <= query.ndim <= 4 or not query.ndim == key.ndim == value.ndim:
        return False
    if not query.shape[:-3] == key.shape[:-3] == value.shape[:-3]:
        return False
    return (
        bool(key.shape[-3] == value.shape[-3]) and not query.shape[-3] % key.shape[-3]
    )


def _summed(d: Any, heads: int) -> Any:
    """Add up the cotangents of a head of keys or values that queries share."""
    examples, many, keys, width = d.shape
    groups = d.reshape(examples, heads, many // heads, keys, width)
    return np.add.reduce(groups, axis=2)


def _beside(x: Any, width: int) -> Any:
    """Return a new array (N, H, L, width) with the axes of `x` in the same order."""
    return np.empty_like(x, shape=(*x.shape[:3], width))


@final
class _PackedAttention:
    """Attention of tokens to each other, from queries, keys and values side by side."""

    def forward(
        self,
        needs: tuple[bool, ...],
        packed: Any,
        mask: Any = None,
        keep: Any = None,
        *,
        heads: int,
        kv_heads: int,
        is_causal: bool,
        kept: float,
    ) -> tuple[Any, Any] | None:
        if packed.dtype not in REAL or not packed.size or any(needs[1:]):
            return None
        if heads != kv_heads:
            return None
        packed = _plain(packed)
        scale = (packed.shape[2] // (3 * heads)) ** -0.5
        q, k, v = _unpacked(packed, heads, 3)
        plan = _planned(q, k, v, mask, keep, is_causal, kept, scale)
        if plan is None:
            return None
        out = np.empty_like(packed, shape=(*packed.shape[:2], packed.shape[2] // 3))
        (split,) = _unpacked(out, heads, 1)
        sums = _attended(plan, split)
        return None if sums is None else (out, (plan, (split, *sums), packed))

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        plan, kept, packed = residual
        out = np.empty_like(packed)
        heads = plan.query.shape[1]
        (split,) = _unpacked(_plain(g), heads, 1)
        _pulled(plan, split, kept, tuple(_unpacked(out, heads, 3)))
        return (out, *[None] * (len(needs) - 1))


def _unpacked(x: Any, heads: int, count: int) -> list[Any]:
    """Return views (N, H, L, D) of `count` arrays in (N, L, count H D)."""
    examples, length, total = x.shape
    width = total // (count * heads)
    whole = x.reshape(examples, length, count, heads, width)
    return [whole[:, :, i].transpose(0, 2, 1, 3) for i in range(count)]


register("attention", "numpy", _Attention())
register("packed_attention", "numpy", _PackedAttention())
