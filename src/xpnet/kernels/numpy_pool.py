"""Twins for NumPy: pooling, one place of the window after another.

A place of the window, as it moves, sees a strided slice of the input; the largest of
these slices, or their sum, is the result. A window may be long, the loop is as long as
the window and each step a pass of NumPy over a block of images that stays in the cache.
Max-pooling keeps which place was the largest, one byte for each element of the result,
and never the input.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, final

import numpy as np

from .numpy_common import REAL
from .threads import run_blocks
from .twin import register

__all__: list[str] = []

_BLOCK = 2**15
"""Elements of the input in a block: with its results it stays in the cache."""

_BITS = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}


class _Axis(NamedTuple):
    """How a window moves along one axis: the arguments, and the number of windows."""

    n: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    out: int

    def slices(self, tap: int) -> tuple[slice, slice]:
        """Return the windows whose element `tap` is in the input, and these elements.

        Both are empty where every such element lies in the padding.
        """
        start = tap * self.dilation - self.padding
        first = max(0, -(start // self.stride))
        last = min(self.out - 1, (self.n - 1 - start) // self.stride)
        if last < first:
            return slice(0, 0), slice(0, 0)
        begin = first * self.stride + start
        end = last * self.stride + start + 1
        return slice(first, last + 1), slice(begin, end, self.stride)

    @property
    def first(self) -> Any:
        """The first element of every window that is in the input."""
        start = np.arange(self.out) * self.stride - self.padding
        return np.maximum(0, -(start // self.dilation))

    @property
    def apart(self) -> bool:
        """Whether no element is in two windows."""
        return self.stride >= (self.kernel - 1) * self.dilation + 1

    @property
    def tiled(self) -> bool:
        """Whether every element is in exactly one window."""
        return (
            self.dilation == 1
            and self.padding == 0
            and self.stride == self.kernel
            and self.n == self.out * self.kernel
        )


def _axes(x: Any, window: Any) -> list[_Axis]:
    """Return the movement along each of the last axes."""
    found = []
    shape = x.shape[-len(window.kernel) :]
    for n, k, s, p, d in zip(shape, *window[:4], strict=True):
        room = n + 2 * p - (k - 1) * d - 1
        out = (-(-room // s) if window.ceil_mode else room // s) + 1
        if window.ceil_mode and (out - 1) * s >= n + p:
            out -= 1
        found.append(_Axis(n, k, s, p, d, out))
    return found


def _taps(axes: list[_Axis]) -> Iterator[tuple[int, tuple[Any, ...], tuple[Any, ...]]]:
    """Iterate over the places of a window: number, windows that have it, elements."""
    for tap, place in enumerate(itertools.product(*(range(a.kernel) for a in axes))):
        pairs = [a.slices(i) for a, i in zip(axes, place, strict=True)]
        yield tap, (..., *(w for w, _ in pairs)), (..., *(e for _, e in pairs))


def _over_images(function: Callable[[slice], None], count: int, size: int) -> None:
    """Call a function for blocks of `count` images of `size` elements, in threads."""
    images = max(1, _BLOCK // size)

    def block(start: int, stop: int) -> None:
        function(slice(start // size, stop // size))

    run_blocks(block, count * size, images * size)


@final
class _MaxPool:
    """The largest element of every window; it keeps its place in the window.

    Of equal elements it is the first. The value of a window that has a NaN is NaN.
    """

    def forward(
        self, needs: tuple[bool, ...], x: Any, *, window: Any
    ) -> tuple[Any, Any] | None:
        places = math.prod(window.kernel)
        if x.dtype not in REAL or not x.size or places > 2**16:
            return None
        axes = _axes(x, window)
        sizes, outs = tuple(a.n for a in axes), tuple(a.out for a in axes)
        lead = x.shape[: -len(axes)]
        images = x.reshape(-1, *sizes)
        out = np.empty((len(images), *outs), x.dtype)
        kind = np.uint8 if places <= 2**8 else np.uint16
        best = np.empty(out.shape, kind) if needs[0] else None
        first = _first_places(axes).astype(kind)
        taps = list(_taps(axes))
        padded = any(a.slices(0)[0] != slice(0, a.out) for a in axes)

        def block(at: slice) -> None:
            seen, top = images[at], out[at]
            where = None if best is None else best[at]
            if where is not None:
                where[...] = first
                larger = np.empty(where.shape, bool)
                numbers = np.empty(where.shape, kind)
            if padded:
                top[...] = -np.inf
            else:
                top[...] = seen[taps[0][2]]
            for tap, windows, elements in taps[not padded :]:
                new, old = seen[elements], top[windows]
                if where is not None:
                    mask, number = larger[windows], numbers[windows]
                    np.greater(new, old, out=mask)
                    np.multiply(mask.view(np.uint8), kind(tap), out=number)
                    np.maximum(where[windows], number, out=where[windows])
                np.maximum(old, new, out=old)

        _over_images(block, len(images), math.prod(sizes))
        return out.reshape(*lead, *outs), (best, axes, x.shape)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        best, axes, shape = residual
        sizes = tuple(a.n for a in axes)
        tiled, apart = all(a.tiled for a in axes), all(a.apart for a in axes)
        real, bits = g.dtype, _BITS[g.dtype.itemsize]
        g = g.reshape(best.shape).view(bits)
        dx = np.empty((len(best), *sizes), bits)
        taps = list(_taps(axes))

        def block(at: slice) -> None:
            below, given, where = dx[at], g[at], best[at]
            if not tiled:
                below[...] = 0
            sums = below.view(real)
            chosen = np.empty(where.shape, bool)
            mask = np.empty(where.shape, bits)
            for tap, windows, elements in taps:
                here, passed = chosen[windows], mask[windows]
                np.equal(where[windows], tap, out=here)
                # All bits of a number or none: no product, in which 0 · inf is NaN.
                np.negative(here.view(np.int8), out=here.view(np.int8))
                np.copyto(passed, here.view(np.int8))
                target = below[elements] if apart else passed
                np.bitwise_and(passed, given[windows], out=target)
                if not apart:
                    np.add(sums[elements], passed.view(real), out=sums[elements])

        _over_images(block, len(best), math.prod(sizes))
        return (dx.view(real).reshape(shape),)


def _first_places(axes: list[_Axis]) -> Any:
    """Return the first place of every window that is in the input."""
    total: Any = np.zeros((), np.int64)
    for a in axes:
        total = total[..., None] * a.kernel + a.first
    return total


@final
class _AvgPool:
    """The mean of every window: sums along one axis after another; it keeps nothing."""

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        *,
        window: Any,
        count_include_pad: bool,
        divisor: int | None,
    ) -> tuple[Any, Any] | None:
        if x.dtype not in REAL or not x.size:
            return None
        axes = _axes(x, window)
        scale = _divisors(axes, count_include_pad, divisor).astype(x.dtype)
        sizes, outs = tuple(a.n for a in axes), tuple(a.out for a in axes)
        images = x.reshape(-1, *sizes)
        out = np.empty((len(images), *outs), x.dtype)

        def block(at: slice) -> None:
            part = images[at]
            for i, axis in enumerate(axes, start=1):
                part = _summed(part, i, axis)
            np.divide(part, scale, out=out[at])

        _over_images(block, len(images), math.prod(sizes))
        return out.reshape(*x.shape[: -len(axes)], *outs), (axes, scale, x.shape)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        axes, scale, shape = residual
        sizes, outs = tuple(a.n for a in axes), tuple(a.out for a in axes)
        g = g.reshape(-1, *outs)
        dx = np.empty((len(g), *sizes), g.dtype)

        def block(at: slice) -> None:
            part = g[at] / scale
            for i in range(len(axes), 1, -1):
                part = _spread(part, i, axes[i - 1], None)
            _spread(part, 1, axes[0], dx[at])

        _over_images(block, len(g), math.prod(sizes))
        return (dx.reshape(shape),)


def _divisors(axes: list[_Axis], include: bool, divisor: int | None) -> Any:
    """Return the number of elements of every window, or what stands for it."""
    if divisor is not None:
        return np.asarray(divisor)
    total: Any = np.ones((), np.int64)
    for n, kernel, stride, padding, _, out in axes:
        start = np.arange(out) * stride - padding
        end = np.minimum(start + kernel, n + padding)
        if not include:
            start, end = np.maximum(start, 0), np.minimum(end, n)
        total = total[..., None] * (end - start)
    return total.reshape(-1)[0] if (total == total.reshape(-1)[0]).all() else total


def _summed(x: Any, place: int, axis: _Axis) -> Any:
    """Return the sums of the windows along one axis of `x`."""
    shape = (*x.shape[:place], axis.out, *x.shape[place + 1 :])
    before = (slice(None),) * place
    out = np.zeros(shape, x.dtype)
    for tap in range(axis.kernel):
        windows, elements = axis.slices(tap)
        target = out[(*before, windows)]
        np.add(target, x[(*before, elements)], out=target)
    return out


def _spread(g: Any, place: int, axis: _Axis, out: Any) -> Any:
    """Return the cotangents of the elements along one axis: the transpose of a sum."""
    if out is None:
        out = np.empty((*g.shape[:place], axis.n, *g.shape[place + 1 :]), g.dtype)
    before = (slice(None),) * place
    if not axis.tiled:
        out[...] = 0
    for tap in range(axis.kernel):
        windows, elements = axis.slices(tap)
        target, given = out[(*before, elements)], g[(*before, windows)]
        if axis.apart:
            target[...] = given
        else:
            np.add(target, given, out=target)
    return out


register("max_pool", "numpy", _MaxPool())
register("avg_pool", "numpy", _AvgPool())
