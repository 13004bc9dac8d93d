"""The memory for a piece of a convolution: images, columns and results."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np

from .numpy_conv_plan import Plan
from .threads import run_blocks

__all__ = [
    "Chunk",
    "Columns",
    "Job",
    "Pixels",
    "chunks",
    "column",
    "in_lanes",
    "is_finite",
    "quiet",
    "steps",
]


@final
class Chunk:
    """Memory for the images of a chunk, and views of what the kernel covers."""

    def __init__(self, plan: Plan, dtype: Any) -> None:
        self.plan, self.dtype = plan, dtype
        size = plan.channels * math.prod(plan.padded) + plan.slack
        self.memory: Any = None
        self._size = size * plan.images
        self.use(plan.images)

    def use(self, images: int) -> None:
        """Take the memory for so many images."""
        plan, item = self.plan, self.plan.item
        self.images = images
        steps = [item * images]
        for n in plan.padded[::-1]:
            steps.insert(0, steps[0] * n)
        self.channel, *axes = steps
        taps = [a * d for a, d in zip(axes, plan.dilation, strict=True)]
        moves = [a * s for a, s in zip(axes, plan.stride, strict=True)]
        self.steps = (self.channel, *taps, *moves, item)
        self.first = moves[0]

    def own(self) -> Any:
        """Return the memory as (C, *padded, m), made when it is first wanted."""
        if self.memory is None:
            self.memory = np.zeros(self._size, self.dtype)
        plan = self.plan
        used = plan.channels * math.prod(plan.padded) * self.images
        return self.memory[:used].reshape(plan.channels, *plan.padded, self.images)

    def load(self, x: Any, start: int, stop: int) -> None:
        """Copy images into the memory, or use them where they stand."""
        self.use(stop - start)
        plan = self.plan
        self.offset = 0
        if plan.as_it_is and not plan.is_padded and x.flags.c_contiguous:
            self.buffer = x
            self.offset = start * x.strides[0]
            return
        if self.images != plan.images and self.memory is not None:
            self.memory.fill(0)  # the margins are elsewhere now
        inside = self.inside(self.own())
        np.copyto(inside, np.moveaxis(x[start:stop], 0, -1))
        self.buffer = self.memory

    def inside(self, whole: Any) -> Any:
        """Return the part of (C, *padded, m) that is not padding."""
        plan = self.plan
        key = [
            slice(p, p + n) for n, (p, _) in zip(plan.sizes, plan.padding, strict=True)
        ]
        return whole[(slice(None), *key)]

    def clear(self) -> None:
        """Fill the memory with 0."""
        fresh = self.memory is None
        self.own()
        self.buffer, self.offset = self.memory, 0
        if not fresh:
            self.memory.fill(0)

    def windows(self, channel: int, channels: int, start: int, stop: int) -> Any:
        """Return a view (channels, *kernel, rows, *inner, m) of what rows look at."""
        plan = self.plan
        shape = (channels, *plan.kernel, stop - start, *plan.inner[1:], self.images)
        offset = self.offset + channel * self.channel + start * self.first
        return np.ndarray(shape, self.dtype, self.buffer, offset, self.steps)

    def matrix(self, channel: int, channels: int, start: int, stop: int) -> Any:
        """Return the pixels of rows as (channels, pixels): of a pointwise plan."""
        pixels = (stop - start) * self.plan.width * self.images
        offset = self.offset + channel * self.channel + start * self.first
        steps = (self.channel, self.plan.item)
        return np.ndarray((channels, pixels), self.dtype, self.buffer, offset, steps)


@final
class Pixels:
    """The results of a chunk, or cotangents, as (O, pixels)."""

    def __init__(self, plan: Plan, dtype: Any) -> None:
        self.plan = plan
        self.memory: Any = None
        self.size = plan.outputs * math.prod(plan.inner) * plan.images
        self.dtype = dtype

    def _whole(self, images: int) -> Any:
        if self.memory is None:
            self.memory = np.empty(self.size, self.dtype)
        plan = self.plan
        used = plan.outputs * math.prod(plan.inner) * images
        return self.memory[:used].reshape(plan.outputs, *plan.inner, images)

    def room(self, out: Any, start: int, stop: int) -> Any:
        """Return memory for a chunk: that of `out` itself, where it has this order."""
        if self.plan.as_it_is:
            return out[start].reshape(self.plan.outputs, -1)
        return self._whole(stop - start).reshape(self.plan.outputs, -1)

    def store(self, out: Any, bias: Any, start: int, stop: int) -> None:
        """Put what was computed in the room into `out`, and add the bias."""
        plan = self.plan
        if not plan.as_it_is:
            made, rows = self._made(stop - start), self._rows(out[start:stop])
            if bias is None:
                np.copyto(rows, made)
            else:
                np.add(made, bias.reshape(-1, *(1,) * (made.ndim - 1)), out=rows)
        elif bias is not None:
            out[start] += column(bias, plan)

    def load(self, g: Any, start: int, stop: int) -> Any:
        """Return the cotangents of a chunk; what is computed beyond `out` gets 0."""
        plan = self.plan
        if plan.as_it_is and g.flags.c_contiguous:
            return g[start].reshape(plan.outputs, -1)
        whole = self._whole(stop - start)
        for axis, (n, m) in enumerate(zip(plan.out, plan.inner, strict=True), 1):
            if n != m:
                whole[(*(slice(None),) * axis, slice(n, None))] = 0
        np.copyto(self._made(stop - start), self._rows(g[start:stop]))
        return whole.reshape(plan.outputs, -1)

    def _made(self, images: int) -> Any:
        """Return a view of the memory as (O, tall, *out, m), without `tall` if 1."""
        plan = self.plan
        key = tuple(map(slice, plan.out))
        made = self._whole(images)[(slice(None), *key)]
        if plan.tall == 1:
            return made
        return made.reshape(-1, plan.tall, *made.shape[1:])

    def _rows(self, images: Any) -> Any:
        """Return a view of results (m, O, ...) with the axes of `_made`."""
        tall = self.plan.tall
        if tall != 1:
            m, outputs, rows, *rest = images.shape
            images = images.reshape(m, outputs, rows // tall, tall, *rest)
            images = np.moveaxis(images, 3, 2)
        return np.moveaxis(images, 0, -1)


def column(bias: Any, plan: Plan) -> Any:
    """Return a number for each channel in a shape that is added to (N, C, ...)."""
    return bias.reshape(-1, *(1,) * len(plan.out))


@final
class Columns:
    """The columns of a block, (C · kernel, pixels), and the steps through a chunk."""

    def __init__(self, plan: Plan, dtype: Any) -> None:
        self.plan = plan
        size = plan.inside * plan.places * plan.rows * plan.width * plan.images
        unused = plan.pointwise or plan.depthwise
        self.memory = None if unused else np.empty(size, dtype)

    def room(self, pixels: int) -> Any:
        """Return memory for the columns of so many pixels."""
        depth = self.plan.inside * self.plan.places
        assert self.memory is not None
        return self.memory[: depth * pixels].reshape(depth, pixels)

    def of(self, chunk: Chunk, group: int, start: int, stop: int) -> Any:
        """Return the columns of a group of channels and some rows."""
        plan = self.plan
        place = (group * plan.inside, plan.inside, start, stop)
        if plan.pointwise:
            return chunk.matrix(*place)
        out = self.room((stop - start) * plan.width * chunk.images)
        windows = chunk.windows(*place)
        np.copyto(out.reshape(windows.shape), windows)
        return out


class Job(NamedTuple):
    """Work on the parts of a batch, and what makes the result when all are done.

    The result is None where it is not right, because some number is not finite.
    """

    work: Callable[[int], None]
    finish: Callable[[], Any]


def quiet(work: Callable[[int], None]) -> Callable[[int], None]:
    """Return the work without warnings: if there is a reason, the plain way warns."""

    def quietly(lane: int) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            work(lane)

    return quietly


def in_lanes(plan: Plan, jobs: list[Job]) -> None:
    """Do the work of each part of the batch, in threads where there are several."""
    size = 2**20  # a part is always worth a thread
    count = len(plan.lanes)

    def each(start: int, _: int) -> None:
        for job in jobs:
            job.work(start // size)

    if count == 1:
        each(0, size)
    else:
        run_blocks(each, count * size, size)


def chunks(plan: Plan, lane: int) -> list[tuple[int, int]]:
    """Return the first and last image of each chunk of a part of the batch."""
    first, last = plan.lanes[lane]
    return [(n, min(n + plan.images, last)) for n in range(first, last, plan.images)]


def is_finite(values: Any) -> bool:
    """Tell whether the sum of all is finite, and so each number is."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(np.add.reduce(values, axis=None))


def steps(plan: Plan, images: int) -> Any:
    """Iterate over blocks and groups: group, rows, their pixels, their outputs."""
    each = plan.outputs // plan.groups
    width = plan.width * images
    for start, stop in plan.blocks():
        pixels = slice(start * width, stop * width)
        for group in range(plan.groups):
            made = slice(group * each, (group + 1) * each)
            yield group, start, stop, pixels, made
