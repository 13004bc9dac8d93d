"""Pooling over as many parts of an axis as the output has elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...calculus.array import Array
from ...errors import ShapeError
from .inputs import check_floating, check_ordered
from .pooling import average, largest, largest_of_windows
from .pooling_docs import ADAPTIVE_AVG, ADAPTIVE_MAX, named
from .precision import raised
from .resample import adaptive, longest, weigh
from .sizes import Window, several, spatial

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]

Function = Callable[..., Any]


def _adaptive_sizes(
    name: str, count: int, output_size: Any, x: Array
) -> tuple[int, ...]:
    """Return the size of the output along each axis; None is that of the input."""
    given = output_size
    if given is None or not isinstance(given, Sequence):
        given = (given,) * count
    shape = tuple(x.shape[-count:])
    if len(given) == count:
        given = tuple(
            [n if v is None else v for v, n in zip(given, shape, strict=True)]
        )
    found = several(name, "output_size", given, count)
    if min(shape) < 1:
        raise ShapeError(
            f"{name}: x has shape {tuple(x.shape)}, with no element to take from along "
            "one of its last axes."
        )
    return found


def _even(shape: tuple[int, ...], sizes: tuple[int, ...]) -> Window | None:
    """Return the window whose pooling is the adaptive one, where there is one."""
    if any(n % out for n, out in zip(shape, sizes, strict=True)):
        return None
    size = tuple([n // out for n, out in zip(shape, sizes, strict=True)])
    return Window(size, size, (0,) * len(size), (1,) * len(size), False)


def _adaptive_avg_pool_of(count: int) -> Function:
    """Return adaptive average pooling over the last `count` axes."""
    name = f"adaptive_avg_pool{count}d"

    def function(x: Any, /, output_size: int | Sequence[int | None] | None) -> Any:
        array = spatial(name, x, count)
        check_floating(name, array)
        sizes = _adaptive_sizes(name, count, output_size, array)
        window = _even(array.shape[-count:], sizes)
        if window is not None:
            return average(array, window=window, count_include_pad=True, divisor=None)
        return _means(array._lib.recorded, array, sizes)

    return named(function, name, ADAPTIVE_AVG, count)


def _means(xp: Any, x: Any, sizes: tuple[int, ...]) -> Any:
    """Return the means of parts of unequal length, one axis after another."""
    low = x.dtype
    x = raised(xp, x)
    for axis, out in zip(range(x.ndim - len(sizes), x.ndim), sizes, strict=True):
        n = x.shape[axis]
        places, (start, end) = adaptive(xp, n, out, x)
        taps = xp.arange(longest(n, out), dtype=xp.int64, device=xp.device(x))
        inside = xp.astype(start + taps < end, x.dtype)
        x = weigh(xp, x, axis, places, inside / xp.astype(end - start, x.dtype))
    return xp.astype(x, low)


def _adaptive_max_pool_of(count: int) -> Function:
    """Return adaptive max-pooling over the last `count` axes."""
    name = f"adaptive_max_pool{count}d"

    def function(
        x: Any,
        /,
        output_size: int | Sequence[int | None] | None,
        return_indices: bool = False,
    ) -> Any:
        array = spatial(name, x, count)
        check_ordered(name, array)
        sizes = _adaptive_sizes(name, count, output_size, array)
        shape = tuple(array.shape[-count:])
        window = _even(shape, sizes)
        if window is not None and not return_indices:
            return largest_of_windows(array, window=window)
        xp = array._lib.recorded
        pairs = zip(shape, sizes, strict=True)
        axes = [adaptive(xp, n, out, array)[0] for n, out in pairs]
        out, index = largest(xp, array, axes)
        return (out, index) if return_indices else out

    return named(function, name, ADAPTIVE_MAX, count)


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(
    _adaptive_avg_pool_of, (1, 2, 3)
)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(
    _adaptive_max_pool_of, (1, 2, 3)
)
