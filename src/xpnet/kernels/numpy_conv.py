"""Twins for NumPy: convolutions and their transposes.

What the kernel covers is copied into columns, (C · kernel, pixels), as much as stays in
the cache, and multiplied there; back, columns are computed and added to where they came
from. `numpy_conv_plan` says how much is taken at once, `numpy_conv_fast` has the way of
large kernels of three rows, and `numpy_conv_channels` that of depthwise ones.

Measured against PyTorch 2.13 eager on one core of an AMD EPYC (shared, thread time,
forward and backward, float32): 3x3 64-64 at 32x32, batch 64: 1.4 to 1.8; 3x3 256-256 at
8x8: 1.7; 1x1 and strided ones 1.3 to 2; few channels (5x5 1-6 and 6-16 at 28x28 and
14x14) 1.4 to 1.9; four groups 2.8; depthwise 3.6, where each place of the kernel is two
passes over memory. OpenBLAS takes that processor for one without AVX-512, and
multiplies at half the speed of PyTorch's kernels. What else was tried: columns for each
image alone (twice as slow for images of 14x14), products of shifted rows that are added
up (as fast or slower), threads of the BLAS in place of our own (several times slower
where cores are shared).
"""

from __future__ import annotations

from typing import Any, final

import numpy as np

from . import numpy_conv_channels as channels
from . import numpy_conv_fast as fast
from .numpy_common import REAL, filled
from .numpy_conv_pieces import (
    Chunk,
    Columns,
    Pixels,
    chunks,
    column,
    in_lanes,
    is_finite,
    steps,
)
from .numpy_conv_plan import Plan, plan_for
from .twin import register

__all__: list[str] = []


def _takes(x: Any, weight: Any, bias: Any) -> bool:
    """Tell whether a convolution is one that the twins were written for."""
    dtype = x.dtype
    return bool(
        dtype in REAL
        and weight.dtype == dtype
        and (bias is None or bias.dtype == dtype)
        and x.size
    )


def correlate(plan: Plan, x: Any, weight: Any, bias: Any) -> Any:
    """Return the convolution."""
    if plan.fast:
        found = fast.correlate(plan, x, weight, bias)
        if found is not None:
            return found
        plan = plan.plain()
    out = np.empty((plan.count, plan.outputs, *plan.out), x.dtype)
    matrix = weight.reshape(plan.outputs, -1)

    def work(lane: int) -> None:
        chunk, pixels = Chunk(plan, x.dtype), Pixels(plan, x.dtype)
        columns = Columns(plan, x.dtype)
        for first, last in chunks(plan, lane):
            chunk.load(x, first, last)
            room = pixels.room(out, first, last)
            if plan.depthwise:
                channels.multiply(plan, chunk, weight, room)
            else:
                for group, start, stop, part, made in steps(plan, last - first):
                    found = columns.of(chunk, group, start, stop)
                    np.matmul(matrix[made], found, out=room[made, part])
            pixels.store(out, bias, first, last)

    in_lanes(plan, work)
    return out


def spread(plan: Plan, g: Any, weight: Any, bias: Any = None) -> Any:
    """Return the transposed convolution: what goes back to the input."""
    if plan.fast:
        found = fast.spread(plan, g, weight, bias)
        if found is not None:
            return found
        plan = plan.plain()
    if plan.inner != plan.out and not is_finite(weight):
        plan = plan.plain()
    out = np.empty((plan.count, plan.channels, *plan.sizes), g.dtype)
    matrix = weight.reshape(plan.outputs, -1)

    def work(lane: int) -> None:
        chunk, pixels = Chunk(plan, g.dtype), Pixels(plan, g.dtype)
        columns = Columns(plan, g.dtype)
        for first, last in chunks(plan, lane):
            chunk.use(last - first)
            chunk.clear()
            given = pixels.load(g, first, last)
            if plan.depthwise:
                channels.multiply_back(plan, chunk, weight, given)
            else:
                _multiply_matrices_back(plan, chunk, matrix, given, columns)
            inside = np.moveaxis(chunk.inside(chunk.own()), -1, 0)
            if bias is None:
                np.copyto(out[first:last], inside)
            else:
                np.add(inside, column(bias, plan), out=out[first:last])

    in_lanes(plan, work)
    return out


def _multiply_matrices_back(
    plan: Plan, chunk: Chunk, matrix: Any, given: Any, columns: Columns
) -> None:
    """Add to a chunk what its columns would have contributed to `given`."""
    for group, start, stop, part, made in steps(plan, chunk.images):
        back, passed = matrix[made].T, given[made, part]
        place = (group * plan.inside, plan.inside, start, stop)
        if plan.pointwise:
            np.matmul(back, passed, out=chunk.matrix(*place))
            continue
        found = columns.room(passed.shape[1])
        np.matmul(back, passed, out=found)
        _add(chunk.windows(*place), found, plan)


def _add(windows: Any, columns: Any, plan: Plan) -> None:
    """Add columns to where they came from, a place of the kernel at a time."""
    columns = columns.reshape(windows.shape)
    for place in np.ndindex(plan.kernel):
        key = (slice(None), *place)
        target = windows[key]
        np.add(target, columns[key], out=target)


def weigh(plan: Plan, x: Any, g: Any, slot: Any = None) -> Any:
    """Return the gradient of the weight, (O, C / groups · kernel)."""
    if plan.fast:
        found = fast.weigh(plan, x, g, slot)
        if found is not None:
            return found
        plan = plan.plain()
    shape = (plan.outputs, plan.inside * plan.places)
    parts = [np.zeros(shape, x.dtype) for _ in plan.lanes]

    def work(lane: int) -> None:
        chunk, pixels = Chunk(plan, x.dtype), Pixels(plan, x.dtype)
        columns, total = Columns(plan, x.dtype), parts[lane]
        for first, last in chunks(plan, lane):
            chunk.load(x, first, last)
            given = pixels.load(g, first, last)
            if plan.depthwise:
                channels.weigh(plan, chunk, given, total)
                continue
            for group, start, stop, part, made in steps(plan, last - first):
                found = columns.of(chunk, group, start, stop)
                total[made] += given[made, part] @ found.T

    in_lanes(plan, work)
    out = slot.reshape(shape) if slot is not None else parts[0]
    np.copyto(out, parts[0])
    for part in parts[1:]:
        out += part
    if plan.inner != plan.out and not is_finite(out):
        return weigh(plan.plain(), x, g, slot)
    return out


def _bias_gradient(g: Any, slot: Any) -> Any:
    """Return the sums of `g` for each channel."""
    sums = g.reshape(*g.shape[:2], -1).sum(axis=2)
    return filled(len(g), 1, g.dtype).dot(sums, out=slot)


@final
class _Convolution:
    """The convolution; it keeps the input and the weight."""

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        weight: Any,
        bias: Any = None,
        *,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
    ) -> tuple[Any, Any] | None:
        if not _takes(x, weight, bias):
            return None
        plan = plan_for(
            x.shape, weight.shape, stride, padding, dilation, groups, x.itemsize
        )
        return correlate(plan, x, weight, bias), (plan, x, weight)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        plan, x, weight = residual
        dx = spread(plan, g, weight) if needs[0] else None
        dW = weigh(plan, x, g, slots[1]).reshape(weight.shape) if needs[1] else None
        dW = slots[1] if needs[1] and slots[1] is not None else dW
        return dx, dW, _bias_gradient(g, slots[2]) if needs[2] else None


@final
class _TransposedConvolution:
    """The transposed convolution; it keeps the input and the weight."""

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        weight: Any,
        bias: Any = None,
        *,
        shape: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
    ) -> tuple[Any, Any] | None:
        if not _takes(x, weight, bias):
            return None
        made = (len(x), weight.shape[1] * groups, *shape)
        pairs = tuple((p, p) for p in padding)
        plan = plan_for(made, weight.shape, stride, pairs, dilation, groups, x.itemsize)
        if plan.out != x.shape[2:]:
            return None
        return spread(plan, x, weight, bias), (plan, x, weight)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        plan, x, weight = residual
        dx = correlate(plan, g, weight, None) if needs[0] else None
        dW = weigh(plan, g, x, slots[1]).reshape(weight.shape) if needs[1] else None
        dW = slots[1] if needs[1] and slots[1] is not None else dW
        return dx, dW, _bias_gradient(g, slots[2]) if needs[2] else None


register("convolution", "numpy", _Convolution())
register("transposed_convolution", "numpy", _TransposedConvolution())
