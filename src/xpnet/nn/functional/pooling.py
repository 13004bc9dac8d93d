"""Pooling: the largest element, or the mean, of every window."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from ...calculus.rule import fused
from ...errors import OptionError, ShapeError
from .inputs import check_floating, check_ordered
from .pooling_docs import AVG, MAX, named
from .precision import raised
from .resample import column
from .sizes import Window, outputs, several, spatial

__all__ = [
    "average",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "largest",
    "largest_of_windows",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]

Function = Callable[..., Any]


# --- the largest element --------------------------------------------------------------


@fused("max_pool", count=1)
def largest_of_windows(xp: Any, x: Any, *, window: Window) -> Any:
    """Return the largest element of every window."""
    return largest(xp, x, _windows(xp, x, window))[0]


def _windows(xp: Any, x: Any, window: Window) -> list[Any]:
    """Return for each axis the places of the elements of every window, (out, taps).

    A place in the padding is replaced by the nearest one of the same window that is in
    `x`: standing there twice, an element stays the largest, and the first.
    """
    count, device = len(window.kernel), xp.device(x)
    shape = x.shape[-count:]
    found = []
    sizes = outputs("max_pool", tuple(x.shape), window)
    for n, out, k, s, p, d in zip(shape, sizes, *window[:4], strict=True):
        start = column(xp, xp.arange(out, dtype=xp.int64, device=device)) * s - p
        first, last = (d - 1 - start) // d, (n - 1 - start) // d
        tap = xp.arange(k, dtype=xp.int64, device=device)
        found.append(start + d * xp.minimum(xp.maximum(tap, first), last))
    return found


def largest(xp: Any, x: Any, axes: list[Any]) -> tuple[Any, Any]:
    """Return the largest element of every window, and its place in the last axes.

    `axes` holds, for each of the last axes, the places of every window, (out, taps). Of
    equal elements the first is taken, and gets the whole cotangent.
    """
    count = len(axes)
    before, shape = tuple(x.shape[:-count]), tuple(x.shape[-count:])
    places = _numbered(xp, axes, shape)  # (windows, taps)
    windows, taps = places.shape
    flat = xp.reshape(x, (*before, math.prod(shape)))
    seen = xp.take(flat.detach(), xp.reshape(places, (-1,)), axis=-1)
    best = xp.argmax(xp.reshape(seen, (*before, windows, taps)), axis=-1)
    at = best + xp.arange(windows, dtype=best.dtype, device=xp.device(x)) * taps
    index = xp.take(xp.reshape(places, (-1,)), xp.reshape(at, (-1,)), axis=0)
    index = xp.reshape(index, (*before, windows))
    out = xp.take_along_axis(flat, index, axis=-1)
    whole = (*before, *(a.shape[0] for a in axes))
    return xp.reshape(out, whole), xp.reshape(index, whole)


def _numbered(xp: Any, axes: list[Any], shape: tuple[int, ...]) -> Any:
    """Return places along several axes as places in them all, (windows, taps)."""
    count, total = len(axes), 0
    for i, (places, n) in enumerate(zip(axes, shape, strict=True)):
        out, taps = places.shape
        spread = [1] * (2 * count)
        spread[i], spread[count + i] = out, taps
        total = total * n + xp.reshape(places, tuple(spread))
    windows = math.prod(a.shape[0] for a in axes)
    return xp.reshape(total, (windows, math.prod(a.shape[1] for a in axes)))


def _max_pool_of(count: int) -> Function:
    """Return max-pooling over the last `count` axes."""
    name = f"max_pool{count}d"

    def function(
        x: Any,
        /,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        array = spatial(name, x, count)
        check_ordered(name, array)
        window = window_of(
            name, count, kernel_size, stride, padding, dilation, ceil_mode
        )
        sizes = outputs(name, tuple(array.shape), window)
        _check_filled(name, tuple(array.shape), window, sizes)
        if return_indices:
            xp = array._lib.recorded
            return largest(xp, array, _windows(xp, array, window))
        return largest_of_windows(array, window=window)

    return named(function, name, MAX, count)


def window_of(
    name: str,
    count: int,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> Window:
    """Return the options of a window, checked."""
    size = several(name, "kernel_size", kernel, count)
    step = size if stride is None else several(name, "stride", stride, count)
    around = several(name, "padding", padding, count, 0)
    gaps = several(name, "dilation", dilation, count)
    for k, p, d in zip(size, around, gaps, strict=True):
        if 2 * p > (k - 1) * d + 1:
            raise OptionError(
                f"{name}: padding is {padding!r}, but at most half of what a window "
                f"covers, {((k - 1) * d + 1) // 2}, so that none lies in it alone."
            )
    return Window(size, step, around, gaps, bool(ceil_mode))


@functools.lru_cache(maxsize=256)
def _check_filled(
    name: str, shape: tuple[int, ...], window: Window, sizes: tuple[int, ...]
) -> None:
    """Raise where a dilated window steps over all of `x`."""
    ends = shape[-len(sizes) :]
    for n, out, k, s, p, d in zip(ends, sizes, *window[:4], strict=True):
        starts = range(-p, out * s - p, s)
        if d > 1 and not all(
            any(0 <= i < n for i in range(a, a + k * d, d)) for a in starts
        ):
            raise ShapeError(
                f"{name}: with dilation {d} a window has no element of an axis of "
                f"{n} (x: {shape}). Use a smaller dilation."
            )


# --- the mean -------------------------------------------------------------------------


@fused("avg_pool", count=1)
def average(
    xp: Any, x: Any, *, window: Window, count_include_pad: bool, divisor: int | None
) -> Any:
    """Return the sum of every window, divided by its number of elements."""
    count, low = len(window.kernel), x.dtype
    sizes = outputs("avg_pool", tuple(x.shape), window)
    shape = x.shape[-count:]
    widths = [(0, 0)] * (x.ndim - count)
    for n, out, k, s, p in zip(shape, sizes, *window[:3], strict=True):
        widths.append((p, max(0, (out - 1) * s + k - p - n)))
    scale = _divisor(xp, x, sizes, window, count_include_pad, divisor)
    x = raised(xp, x)
    x = xp.pad(x, tuple(widths)) if any(map(any, widths)) else x
    last = tuple(range(x.ndim - count, x.ndim))
    seen = xp.sliding_windows(x, window.kernel, axis=last, stride=window.stride)
    total = xp.sum(seen, axis=tuple(range(x.ndim, x.ndim + count)))
    return xp.astype(total / scale, low)


def _divisor(
    xp: Any,
    x: Any,
    sizes: tuple[int, ...],
    window: Window,
    count_include_pad: bool,
    divisor: int | None,
) -> Any:
    """Return what sums are divided by: a number, or an array over the last axes."""
    if divisor is not None:
        return divisor
    number, several = 1, None
    shape = x.shape[-len(sizes) :]
    for axis, (n, out, k, s, p) in enumerate(
        zip(shape, sizes, *window[:3], strict=True), start=1 - len(sizes)
    ):
        if (out - 1) * s + k <= n + 2 * p and (count_include_pad or not p):
            number *= k
            continue
        start = xp.arange(out, dtype=xp.int64, device=xp.device(x)) * s - p
        end = xp.minimum(start + k, n + p)
        if not count_include_pad:
            start, end = xp.maximum(start, 0), xp.minimum(end, n)
        counts = xp.reshape(end - start, (out, *(1,) * -axis))
        several = counts if several is None else several * counts
    return number if several is None else xp.astype(several * number, x.dtype)


def _avg_pool_of(count: int) -> Function:
    """Return average pooling over the last `count` axes."""
    name = f"avg_pool{count}d"

    def function(
        x: Any,
        /,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        array = spatial(name, x, count)
        check_floating(name, array)
        window = window_of(name, count, kernel_size, stride, padding, 1, ceil_mode)
        outputs(name, tuple(array.shape), window)
        divisor = divisor_override
        if divisor is not None and (not operator.index(divisor)):
            raise OptionError(f"{name}: divisor_override is {divisor}; use another.")
        include = bool(count_include_pad)
        return average(array, window=window, count_include_pad=include, divisor=divisor)

    return named(function, name, AVG, count)


max_pool1d, max_pool2d, max_pool3d = map(_max_pool_of, (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = map(_avg_pool_of, (1, 2, 3))
