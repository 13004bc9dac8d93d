"""Convolutions by columns: what the kernel covers, copied and multiplied.

Each function prepares a `Job` for a plan: what one part of the batch needs, and what is
left to do when all parts are done.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import numpy_conv_channels as channels
from .numpy_common import filled
from .numpy_conv_pieces import (
    Chunk,
    Columns,
    Job,
    Pixels,
    chunks,
    column,
    is_finite,
    quiet,
    steps,
)
from .numpy_conv_plan import Plan

__all__ = ["add_up", "correlate", "spread", "weigh"]


def correlate(plan: Plan, x: Any, weight: Any, bias: Any) -> Job:
    """Prepare the convolution."""
    out = np.empty((plan.count, *plan.made), x.dtype)
    matrix = _matrix(plan, weight)

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

    # rows computed together: there 0 meets what is not finite
    together = plan.tall > 1 or (plan.depthwise and not plan.exact)
    return _job(together, work, lambda: None if together and not is_finite(x) else out)


def spread(plan: Plan, g: Any, weight: Any, bias: Any = None) -> Job:
    """Prepare the transposed convolution: what goes back to the input."""
    out = np.empty((plan.count, plan.channels, *plan.sizes), g.dtype)
    matrix = _matrix(plan, weight)

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

    def finish() -> Any:
        whole = plan.inner == plan.out or is_finite(weight)
        return out if whole and (plan.tall == 1 or is_finite(out)) else None

    return _job(plan.tall > 1, work, finish)


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


def weigh(plan: Plan, x: Any, g: Any, slot: Any) -> Job:
    """Prepare the gradient of the weight, (O, C / groups · kernel)."""
    shape = (plan.outputs, plan.inside * plan.places)
    totals = np.zeros((len(plan.lanes), *shape), x.dtype)

    def work(lane: int) -> None:
        chunk, pixels = Chunk(plan, x.dtype), Pixels(plan, x.dtype)
        columns, total = Columns(plan, x.dtype), totals[lane]
        for first, last in chunks(plan, lane):
            chunk.load(x, first, last)
            given = pixels.load(g, first, last)
            if plan.depthwise:
                channels.weigh(plan, chunk, given, total)
                continue
            for group, start, stop, part, made in steps(plan, last - first):
                found = columns.of(chunk, group, start, stop)
                total[made] += given[made, part] @ found.T

    def finish() -> Any:
        for part in totals[1:]:
            totals[0] += part
        whole = plan.inner == plan.out and plan.tall == 1
        if not whole and not is_finite(totals[0]):
            return None
        found = _without_rows(plan, totals[0])
        if slot is None:
            return found
        np.copyto(slot.reshape(found.shape), found)
        return slot

    return _job(plan.tall > 1, work, finish)


def add_up(plan: Plan, g: Any, slot: Any) -> Job:
    """Prepare the sums of `g` for each channel: the gradient of the bias."""
    sums = np.empty(g.shape[:2], g.dtype)

    def work(lane: int) -> None:
        part = slice(*plan.lanes[lane])
        np.add.reduce(g[part].reshape(-1, g.shape[1], g[0, 0].size), 2, out=sums[part])

    return Job(work, lambda: filled(len(g), 1, g.dtype).dot(sums, out=slot))


def _job(together: bool, work: Any, finish: Any) -> Job:
    """Return a job; where rows are computed together, one without warnings."""
    return Job(quiet(work) if together else work, finish)


# --- rows of results that are computed together ---------------------------------------


def _shifts(plan: Plan, whole: Any) -> list[Any]:
    """Return the part of (O · tall, C, *kernel) where each row has its weight."""
    each = whole.reshape(-1, plan.tall, plan.inside, *plan.kernel)
    rows = plan.kernel[0] - plan.tall + 1
    return [each[:, i, :, i : i + rows] for i in range(plan.tall)]


def _matrix(plan: Plan, weight: Any) -> Any:
    """Return a weight as the matrix that makes the results of a row of columns."""
    if plan.tall == 1:
        return weight.reshape(plan.outputs, -1)
    matrix = np.zeros((plan.outputs, plan.inside * plan.places), weight.dtype)
    for part in _shifts(plan, matrix):
        np.copyto(part, weight)
    return matrix


def _without_rows(plan: Plan, total: Any) -> Any:
    """Return the gradient of a weight from that of its matrix."""
    if plan.tall == 1:
        return total
    return sum(_shifts(plan, total)).reshape(plan.outputs // plan.tall, -1)
