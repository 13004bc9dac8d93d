"""Twins for NumPy: pooling and repeating, one axis after another.

Along one axis, element k of all windows together is a strided slice of the input. The
largest of these slices, or their sum, is what one axis adds, and the next axis goes on
from there. Each step is a pass of NumPy over a block of images that stays in the cache.

Max-pooling keeps for each axis which slice was the largest, in one byte; that of the
last axis is found first, so that of equal elements the first one in memory is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np

from .numpy_common import REAL, filled
from .threads import WORTH, available, run_blocks
from .twin import register

__all__: list[str] = []

_BLOCK = 2**17
"""Elements of the input in a block: fewer cost more in calls than the cache saves."""

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


def _over_images(function: Callable[[slice], None], count: int, size: int) -> None:
    """Call a function for blocks of `count` images of `size` elements, in threads."""
    threads = available() if count * size >= WORTH else 1
    blocks = -(-count * size // (_BLOCK * threads)) * threads  # as many for each
    images = max(1, -(-count // max(1, blocks)))

    def block(start: int, stop: int) -> None:
        function(slice(start // size, stop // size))

    run_blocks(block, count * size, images * size)


@final
class _MaxPool:
    """The largest element of every window; NaN where a window has one."""

    def forward(
        self, needs: tuple[bool, ...], x: Any, *, window: Any
    ) -> tuple[Any, Any] | None:
        if x.dtype not in REAL or not x.size or max(window.kernel) > 2**8:
            return None
        axes = _axes(x, window)
        sizes, outs = [a.n for a in axes], [a.out for a in axes]
        images = x.reshape(-1, *sizes)
        result = np.empty((*x.shape[: -len(axes)], *outs), x.dtype)
        out = result.reshape(len(images), *outs)
        places = [  # of the first axis: what the axes before the last have become
            np.empty((len(images), *sizes[:i], *outs[i:]), np.uint8)
            for i in range(len(axes))
        ]
        bad: list[slice] = []

        def block(at: slice) -> None:
            part = images[at]
            for i in range(len(axes) - 1, -1, -1):
                shape = places[i][at].shape
                top = out[at] if i == 0 else np.empty(shape, x.dtype)
                _largest(part, i + 1, axes[i], top, places[i][at])
                part = top
            if needs[0] and math.isnan(np.maximum.reduce(part, axis=None)):
                bad.append(at)

        _over_images(block, len(images), math.prod(sizes))
        if bad:  # the place of a NaN is not known here
            return None
        kept = (places, axes, x.shape) if needs[0] else None
        return result, kept

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        places, axes, shape = residual
        g = g.reshape(places[0].shape)
        result = np.empty(shape, g.dtype)
        dx = result.reshape(len(g), *[a.n for a in axes])

        def block(at: slice) -> None:
            part = g[at]
            for i, axis in enumerate(axes):
                if i == len(axes) - 1:
                    below = dx[at]
                else:
                    below = np.empty(places[i + 1][at].shape, g.dtype)
                _given_back(part, i + 1, axis, below, places[i][at])
                part = below

        _over_images(block, len(g), dx[:1].size)
        return (result,)


def _largest(x: Any, place: int, axis: _Axis, out: Any, best: Any) -> None:
    """Write the largest elements along one axis, and which of the window they are."""
    before = (slice(None),) * place
    pairs = [axis.slices(tap) for tap in range(axis.kernel)]
    whole = slice(0, axis.out)
    start = 0
    # Slices of the last axis are copied: comparing with gaps takes three times as long.
    gaps = axis.stride > 1 and place == x.ndim - 1
    if axis.kernel > 1 and pairs[0][0] == whole == pairs[1][0]:
        one, two = x[(*before, pairs[0][1])], x[(*before, pairs[1][1])]
        one, two = (one.copy(), two.copy()) if gaps else (one, two)
        np.greater(two, one, out=best.view(bool))
        np.maximum(one, two, out=out)
        start = 2
    else:
        out[...] = -np.inf
        best[...] = axis.first.reshape(-1, *(1,) * (x.ndim - place - 1))
    if start == axis.kernel:
        return
    larger, numbers = np.empty(out.shape, bool), np.empty(out.shape, np.uint8)
    for tap, (windows, elements) in enumerate(pairs[start:], start):
        at = (*before, windows)
        new, old = x[(*before, elements)], out[at]
        new = new.copy() if gaps else new
        mask, number = larger[at], numbers[at]
        np.greater(new, old, out=mask)
        np.multiply(mask.view(np.uint8), np.uint8(tap), out=number)
        np.maximum(best[at], number, out=best[at])
        np.maximum(old, new, out=old)


def _given_back(g: Any, place: int, axis: _Axis, out: Any, best: Any) -> None:
    """Write the cotangents of the elements along one axis: of the largest, or 0.

    A number is taken with all its bits or none: a product would make NaN of 0 · inf.
    """
    before = (slice(None),) * place
    real: Any = g.dtype
    bits: Any = _BITS[real.itemsize]
    given, below = g.view(bits), out.view(bits)
    mask = np.empty(g.shape, bits)
    if axis.tiled and axis.kernel == 2:
        one, two = (below[(*before, slice(i, None, 2))] for i in range(2))
        np.copyto(mask, np.negative(best.view(np.int8)))
        np.bitwise_and(given, mask, out=two)
        np.bitwise_xor(given, two, out=one)
        return
    chosen = np.empty(g.shape, np.int8)

    def passed(tap: int, at: Any) -> Any:
        """Return the cotangents where this element was the largest, else 0, as bits."""
        here, ones = chosen[at], mask[at]
        np.equal(best[at], tap, out=here.view(bool))
        np.copyto(ones, np.negative(here, out=here))
        return np.bitwise_and(ones, given[at], out=ones)

    if axis.apart:
        if not axis.tiled:
            below[...] = 0
        for tap in range(axis.kernel):
            windows, elements = axis.slices(tap)
            below[(*before, elements)] = passed(tap, (*before, windows))
        return
    for phase in range(axis.stride):  # elements that lie apart by the stride
        target = out[(*before, slice(phase, None, axis.stride))]
        total = target if axis.stride == 1 else np.empty(target.shape, real)
        total[...] = 0
        for tap in range(axis.kernel):
            windows, elements = axis.slices(tap)
            if elements.start % axis.stride == phase:
                first = elements.start // axis.stride
                count = windows.stop - windows.start
                part = total[(*before, slice(first, first + count))]
                np.add(part, passed(tap, (*before, windows)).view(real), out=part)
        if total is not target:
            target[...] = total


@final
class _AvgPool:
    """The mean of every window; it keeps nothing."""

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
        axes, count = _axes(x, window), len(window.kernel)
        scale = _divisors(axes, count_include_pad, divisor).astype(x.dtype)
        sizes, outs = [a.n for a in axes], [a.out for a in axes]
        if all(a.n == a.kernel and a.tiled for a in axes):  # the mean of all
            n = math.prod(sizes)
            axes = [_Axis(n, n, n, 0, 1, 1)]
        images = x.reshape(-1, *[a.n for a in axes])
        result = np.empty((*x.shape[:-count], *outs), x.dtype)
        out = result.reshape(len(images), *[a.out for a in axes])

        def block(at: slice) -> None:
            part = images[at]
            for i, axis in enumerate(axes, start=1):
                part = _summed(part, i, axis)
            np.divide(part, scale, out=out[at])

        _over_images(block, len(images), math.prod(sizes))
        return result, (axes, scale, x.shape)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        axes, scale, shape = residual
        g = g.reshape(-1, *[a.out for a in axes])
        result = np.empty(shape, g.dtype)
        dx = result.reshape(len(g), *[a.n for a in axes])

        def block(at: slice) -> None:
            _spread_all(g[at] / scale, axes, dx[at])

        _over_images(block, len(g), dx[:1].size)
        return (result,)


@final
class _Repeat:
    """Every element several times: the transpose of the sums over tiles."""

    def forward(
        self, needs: tuple[bool, ...], x: Any, *, times: tuple[int, ...]
    ) -> tuple[Any, Any] | None:
        if x.dtype not in REAL or not x.size:
            return None
        shape = x.shape[-len(times) :]
        axes = [_Axis(n * k, k, k, 0, 1, n) for n, k in zip(shape, times, strict=True)]
        images = x.reshape(-1, *shape)
        sizes = [a.n for a in axes]
        result = np.empty((*x.shape[: -len(times)], *sizes), x.dtype)
        out = result.reshape(len(images), *sizes)

        def block(at: slice) -> None:
            _spread_all(images[at], axes, out[at])

        _over_images(block, len(images), out[:1].size)
        return result, (axes, x.shape)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        axes, shape = residual
        g = g.reshape(-1, *[a.n for a in axes])
        result = np.empty(shape, g.dtype)
        dx = result.reshape(len(g), *[a.out for a in axes])

        def block(at: slice) -> None:
            part = g[at]
            for i, axis in enumerate(axes, start=1):
                part = _summed(part, i, axis)
            dx[at] = part

        _over_images(block, len(g), g[:1].size)
        return (result,)


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
    if axis.kernel == axis.n == x.shape[-1] and axis.tiled and place == x.ndim - 1:
        return x.dot(filled((axis.n, 1), 1, x.dtype))
    shape = (*x.shape[:place], axis.out, *x.shape[place + 1 :])
    before = (slice(None),) * place
    pairs = [axis.slices(tap) for tap in range(axis.kernel)]
    start, whole = 0, slice(0, axis.out)
    if axis.kernel > 1 and pairs[0][0] == whole == pairs[1][0]:
        out, start = x[(*before, pairs[0][1])] + x[(*before, pairs[1][1])], 2
    else:
        out = np.zeros(shape, x.dtype)
    for windows, elements in pairs[start:]:
        target = out[(*before, windows)]
        np.add(target, x[(*before, elements)], out=target)
    return out


def _spread_all(g: Any, axes: list[_Axis], out: Any) -> None:
    """Write the cotangents of all elements: the transpose of sums along axes."""
    for i in range(len(axes), 1, -1):
        axis = axes[i - 1]
        below = np.empty((*g.shape[:i], axis.n, *g.shape[i + 1 :]), g.dtype)
        _spread(g, i, axis, below)
        g = below
    _spread(g, 1, axes[0], out)


def _spread(g: Any, place: int, axis: _Axis, out: Any) -> None:
    """Write the cotangents of the elements along one axis: the transpose of a sum."""
    if axis.out == 1 and axis.tiled:
        out[...] = g
        return
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


register("max_pool", "numpy", _MaxPool())
register("avg_pool", "numpy", _AvgPool())
register("repeat_axes", "numpy", _Repeat())
