"""Convolutions, and their transposes, along one, two or three axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...calculus.rule import fused
from ...errors import OptionError, ShapeError
from .conv_docs import describe
from .conv_options import (
    Pairs,
    check,
    check_room,
    padding_pairs,
    several,
    size_before,
)
from .precision import lowered, precision, raised

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
]

_Numbers = tuple[int, ...]


def _convolution_along(count: int) -> Callable[..., Array]:
    """Return the convolution along `count` axes."""
    name = f"conv{count}d"

    def function(
        x: Any,
        weight: Any,
        bias: Any = None,
        /,
        *,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Array:
        x, weight, bias = _arrays(x, weight, bias)
        check(name, count, x, weight, bias, groups)
        strides = several(name, "stride", stride, count, 1)
        gaps = several(name, "dilation", dilation, count, 1)
        pairs = padding_pairs(name, padding, weight.shape[2:], strides, gaps)
        check_room(name, x, weight, pairs, gaps)
        return _batched(
            _convolution,
            count,
            x,
            weight,
            bias,
            stride=strides,
            padding=pairs,
            dilation=gaps,
            groups=groups,
        )

    return _named(function, name, describe(count, False))


def _transposed_along(count: int) -> Callable[..., Array]:
    """Return the transposed convolution along `count` axes."""
    name = f"conv_transpose{count}d"

    def function(
        x: Any,
        weight: Any,
        bias: Any = None,
        /,
        *,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Array:
        x, weight, bias = _arrays(x, weight, bias)
        check(name, count, x, weight, bias, groups, transposed=True)
        strides = several(name, "stride", stride, count, 1)
        gaps = several(name, "dilation", dilation, count, 1)
        margin = several(name, "padding", padding, count, 0)
        extra = several(name, "output_padding", output_padding, count, 0)
        shape = _sizes_before(name, x, weight, strides, margin, extra, gaps)
        return _batched(
            _transposed_convolution,
            count,
            x,
            weight,
            bias,
            shape=shape,
            stride=strides,
            padding=margin,
            dilation=gaps,
            groups=groups,
        )

    return _named(function, name, describe(count, True))


def _named(function: Any, name: str, doc: str) -> Callable[..., Array]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function  # type: ignore[no-any-return]


def _arrays(x: Any, weight: Any, bias: Any) -> tuple[Any, Any, Any]:
    """Return the arguments as arrays, of fewer bits inside `autocast`."""
    x = x if type(x) is Array else asarray(x)
    weight = weight if type(weight) is Array else asarray(weight)
    if bias is not None and type(bias) is not Array:
        bias = asarray(bias)
    return lowered(x, weight, bias) if precision.used else (x, weight, bias)


def _batched(
    function: Any, count: int, x: Array, weight: Array, bias: Any, **options: Any
) -> Array:
    """Call a function of batches; without a batch, as with a batch of one."""
    out: Array
    if x.ndim == count + 2:
        out = function(x, weight, bias, **options)
        return out
    xp = x._lib.recorded
    out = function(xp.expand_dims(x, axis=0), weight, bias, **options)
    out = xp.squeeze(out, axis=0)
    return out


def _sizes_before(
    name: str,
    x: Array,
    weight: Array,
    stride: _Numbers,
    padding: _Numbers,
    extra: _Numbers,
    dilation: _Numbers,
) -> _Numbers:
    """Return how long each axis is after a transposed convolution, or raise."""
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise OptionError(
            f"{name}: output_padding is {extra}; it must be smaller than the stride "
            f"{stride} or the dilation {dilation}."
        )
    sizes, kernel = x.shape[-len(stride) :], weight.shape[2:]
    shape = tuple(
        size_before(*numbers) + more
        for *numbers, more in zip(
            sizes, kernel, stride, padding, dilation, extra, strict=True
        )
    )
    if min(shape) < 1 or 0 in sizes:
        raise ShapeError(
            f"{name}: the output would have axes of {shape} (x: {tuple(x.shape)}, "
            f"weight: {tuple(weight.shape)}, padding: {padding}). Take away less."
        )
    return shape


conv1d = _convolution_along(1)
conv2d = _convolution_along(2)
conv3d = _convolution_along(3)
conv_transpose1d = _transposed_along(1)
conv_transpose2d = _transposed_along(2)
conv_transpose3d = _transposed_along(3)


# --- the references -------------------------------------------------------------------


@fused("convolution", count=3)
def _convolution(
    xp: Any,
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: _Numbers,
    padding: Pairs,
    dilation: _Numbers,
    groups: int,
) -> Any:
    n = len(stride)
    if any(map(any, padding)):
        x = xp.pad(x, ((0, 0), (0, 0), *padding))
    windows = xp.sliding_windows(
        x,
        tuple(weight.shape[2:]),
        axis=tuple(range(2, n + 2)),
        stride=stride,
        dilation=dilation,
    )  # (N, C, *out, *kernel)
    depthwise = groups > 1 and weight.shape[1] == 1
    join = _channel_by_channel if depthwise else _by_products
    out = join(xp, windows, weight, n, groups)
    return out if bias is None else out + xp.reshape(bias, (-1, *(1,) * n))


def _channel_by_channel(xp: Any, windows: Any, weight: Any, n: int, groups: int) -> Any:
    """Return the sums over the kernel for the outputs of each channel."""
    count, outs = windows.shape[0], tuple(windows.shape[2 : n + 2])
    kernel = tuple(weight.shape[2:])
    weight = xp.reshape(weight, (groups, -1, *(1,) * n, *kernel))
    products = xp.expand_dims(windows, axis=2) * weight  # (N, C, M, *out, *kernel)
    out = xp.sum(raised(xp, products), axis=tuple(range(3 + n, 3 + 2 * n)))
    out = out if out.dtype == products.dtype else xp.astype(out, products.dtype)
    return xp.reshape(out, (count, groups * weight.shape[1], *outs))


def _by_products(xp: Any, windows: Any, weight: Any, n: int, groups: int) -> Any:
    """Return the sums over channels and kernel, as a matrix product for each group."""
    count, outs = windows.shape[0], tuple(windows.shape[2 : n + 2])
    # Two axes each, since products of more are slow on a GPU.
    columns = xp.reshape(weight, (weight.shape[0], math.prod(weight.shape[1:])))
    order = (0, *range(2, n + 2), 1, *range(n + 2, 2 * n + 2))
    parts = []
    for inside, made in _each_group(windows.shape[1], weight.shape[0], groups):
        rows = xp.permute_dims(windows[:, inside, ...], order)
        rows = xp.reshape(rows, (count * math.prod(outs), columns.shape[1]))
        parts.append(xp.matmul(rows, xp.matrix_transpose(columns[made, ...])))
    out = parts[0] if groups == 1 else xp.concat(parts, axis=1)
    out = xp.reshape(out, (count, *outs, weight.shape[0]))
    return xp.permute_dims(out, (0, n + 1, *range(1, n + 1)))


def _each_group(inputs: int, outputs: int, groups: int) -> list[tuple[slice, slice]]:
    """Return the input and the output channels of each group."""
    a, b = inputs // groups, outputs // groups
    return [
        (slice(i * a, (i + 1) * a), slice(i * b, (i + 1) * b)) for i in range(groups)
    ]


@fused("transposed_convolution", count=3)
def _transposed_convolution(
    xp: Any,
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    shape: _Numbers,
    stride: _Numbers,
    padding: _Numbers,
    dilation: _Numbers,
    groups: int,
) -> Any:
    n = len(stride)
    depthwise = groups > 1 and weight.shape[0] == groups
    spread = _spread_channels if depthwise else _spread_products
    windows = raised(xp, spread(xp, x, weight, n, groups))  # (N, O, *in, *kernel)
    kernel = tuple(weight.shape[2:])
    geometry = zip(x.shape[2:], kernel, stride, dilation, strict=True)
    whole = tuple((m - 1) * s + d * (k - 1) + 1 for m, k, s, d in geometry)
    axes = tuple(range(2, n + 2))
    out = xp.overlap_add(
        windows, (*windows.shape[:2], *whole), axes, kernel, stride, dilation
    )
    out = out if out.dtype == x.dtype else xp.astype(out, x.dtype)
    inside = [slice(p, p + m) for p, m in zip(padding, shape, strict=True)]
    more = [(0, max(0, s.stop - w)) for s, w in zip(inside, whole, strict=True)]
    if any(map(any, more)):
        out = xp.pad(out, ((0, 0), (0, 0), *more))
    out = out[(slice(None), slice(None), *inside)]
    return out if bias is None else out + xp.reshape(bias, (-1, *(1,) * n))


def _spread_channels(xp: Any, x: Any, weight: Any, n: int, groups: int) -> Any:
    """Return each element times the kernels of its channel."""
    many, kernel = weight.shape[1], tuple(weight.shape[2:])
    sizes = tuple(x.shape[2:])
    weight = xp.reshape(weight, (groups, many, *(1,) * n, *kernel))
    windows = xp.reshape(x, (x.shape[0], groups, 1, *sizes, *(1,) * n)) * weight
    return xp.reshape(windows, (x.shape[0], groups * many, *sizes, *kernel))


def _spread_products(xp: Any, x: Any, weight: Any, n: int, groups: int) -> Any:
    """Return sums over the channels, as a matrix product for each group."""
    count, sizes, kernel = x.shape[0], tuple(x.shape[2:]), tuple(weight.shape[2:])
    many = weight.shape[1] * groups
    columns = xp.reshape(weight, (weight.shape[0], math.prod(weight.shape[1:])))
    parts = []
    for inside, _ in _each_group(weight.shape[0], many, groups):
        rows = xp.permute_dims(x[:, inside, ...], (0, *range(2, n + 2), 1))
        rows = xp.reshape(rows, (count * math.prod(sizes), rows.shape[-1]))
        parts.append(xp.matmul(rows, columns[inside, ...]))
    out = parts[0] if groups == 1 else xp.concat(parts, axis=1)
    out = xp.reshape(out, (count, *sizes, many, *kernel))
    return xp.permute_dims(out, (0, n + 1, *range(1, n + 1), *range(n + 2, 2 * n + 2)))
