"""Convolutions of each channel alone.

Forward, four rows of a channel's results are one product of a small matrix, where the
stride allows it. Otherwise, and backward, there are no products of matrices, but
shifted arrays.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .numpy_conv_pieces import Chunk
from .numpy_conv_plan import Plan

__all__ = ["multiply", "multiply_back", "weigh"]


def _each_place(plan: Plan, chunk: Chunk, values: Any) -> Any:
    """Iterate over rows, outputs of a channel, places of the kernel.

    Gives the part of `values` that rows and outputs have, (C, rows, *inner, m), what
    the place of the kernel sees of the chunk, and the index of the two in a weight.
    """
    many = plan.outputs // plan.groups
    whole = values.reshape(plan.groups, many, *plan.inner, chunk.images)
    for start, stop in plan.blocks():
        windows = chunk.windows(0, plan.channels, start, stop)
        for i in range(many):
            part = whole[:, i, start:stop]
            for place in np.ndindex(plan.kernel):
                yield part, windows[(slice(None), *place)], (slice(None), i, *place)


def multiply(plan: Plan, chunk: Chunk, weight: Any, room: Any) -> None:
    """Compute the outputs of each channel from that channel."""
    if _can_be_tall(plan):
        _multiply_rows(plan, chunk, weight, room)
        return
    factors, column = _by_channel(plan, weight)
    first = (0,) * len(plan.kernel)
    for part, seen, at in _each_place(plan, chunk, room):
        factor = factors[at].reshape(column)
        if at[2:] == first:
            np.multiply(seen, factor, out=part)
        else:
            part += seen * factor


def _can_be_tall(plan: Plan) -> bool:
    """Tell whether four rows of results are computed together."""
    one = plan.stride[0] == plan.dilation[0] == 1 and plan.kernel[0] > 1
    return one and not plan.exact and len(plan.kernel) > 1


def _multiply_rows(plan: Plan, chunk: Chunk, weight: Any, room: Any) -> None:
    """Compute the outputs of each channel by a product of small matrices.

    A matrix has the weights of four rows of results, with zeros between.
    """
    many = plan.outputs // plan.groups
    factors = weight.reshape(plan.groups, many, *plan.kernel)
    whole = room.reshape(plan.groups, many, *plan.inner, chunk.images)
    for start, stop in plan.blocks():
        seen = chunk.windows(0, plan.channels, start, stop)
        part = whole[:, :, start:stop]
        rows = stop - start
        for tall, begin, end in ((4, 0, rows - rows % 4), (1, rows - rows % 4, rows)):
            if end > begin:
                _multiply_some(factors, seen, part, tall, begin, end)


def _multiply_some(
    factors: Any, seen: Any, out: Any, tall: int, begin: int, end: int
) -> None:
    """Compute some rows, so many at once."""
    channels, many, kernel, *rest = factors.shape
    count = (end - begin) // tall
    axes = len(rest) + 2  # where the axis of rows is in `seen`
    row = seen.strides[axes]
    shape = [channels, kernel + tall - 1, *rest, count, *seen.shape[axes + 1 :]]
    strides = [*seen.strides[:axes], row * tall, *seen.strides[axes + 1 :]]
    view = np.lib.stride_tricks.as_strided(
        seen[(slice(None),) * axes + (slice(begin, None),)], shape, strides
    )
    columns = np.ascontiguousarray(view).reshape(channels, -1, math.prod(shape[axes:]))
    matrix = np.zeros((channels, many, tall, kernel + tall - 1, *rest), out.dtype)
    for i in range(tall):
        matrix[:, :, i, i : i + kernel] = factors
    found = np.matmul(matrix.reshape(channels, many * tall, -1), columns)
    found = found.reshape(channels, many, tall, count, *shape[axes + 1 :])
    target = out[:, :, begin:end]
    target = target.reshape(channels, many, count, tall, *shape[axes + 1 :])
    np.copyto(target, np.moveaxis(found, 2, 3))


def multiply_back(plan: Plan, chunk: Chunk, weight: Any, given: Any) -> None:
    """Add to each channel of a chunk what goes back from its outputs."""
    factors, column = _by_channel(plan, weight)
    for part, seen, at in _each_place(plan, chunk, given):
        seen += part * factors[at].reshape(column)


def weigh(plan: Plan, chunk: Chunk, given: Any, total: Any) -> None:
    """Add the gradient of the weight of each channel to `total`."""
    sums, _ = _by_channel(plan, total)
    for part, seen, at in _each_place(plan, chunk, given):
        rows = (plan.channels, -1)
        sums[at] += np.vecdot(part.reshape(rows), seen.reshape(rows))


def _by_channel(plan: Plan, weight: Any) -> tuple[Any, tuple[int, ...]]:
    """Return a weight as (C, M, *kernel), and the shape of factors for channels."""
    many = plan.outputs // plan.groups
    column = (-1, *(1,) * (len(plan.kernel) + 1))
    return weight.reshape(plan.groups, many, *plan.kernel), column
