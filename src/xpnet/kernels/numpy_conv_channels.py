"""Convolutions of each channel alone: no products of matrices, but shifted arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .numpy_common import filled
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
    factors, column = _by_channel(plan, weight)
    first = (0,) * len(plan.kernel)
    for part, seen, at in _each_place(plan, chunk, room):
        factor = factors[at].reshape(column)
        if at[2:] == first:
            np.multiply(seen, factor, out=part)
        else:
            part += seen * factor


def multiply_back(plan: Plan, chunk: Chunk, weight: Any, given: Any) -> None:
    """Add to each channel of a chunk what goes back from its outputs."""
    factors, column = _by_channel(plan, weight)
    for part, seen, at in _each_place(plan, chunk, given):
        seen += part * factors[at].reshape(column)


def weigh(plan: Plan, chunk: Chunk, given: Any, total: Any) -> None:
    """Add the gradient of the weight of each channel to `total`."""
    sums, _ = _by_channel(plan, total)
    for part, seen, at in _each_place(plan, chunk, given):
        product = (part * seen).reshape(plan.channels, -1)
        sums[at] += product @ filled(product.shape[1], 1, product.dtype)


def _by_channel(plan: Plan, weight: Any) -> tuple[Any, tuple[int, ...]]:
    """Return a weight as (C, M, *kernel), and the shape of factors for channels."""
    many = plan.outputs // plan.groups
    column = (-1, *(1,) * (len(plan.kernel) + 1))
    return weight.reshape(plan.groups, many, *plan.kernel), column
