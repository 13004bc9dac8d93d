"""How a convolution is cut into pieces that stay in the cache.

A *chunk* is a few images with their padding, images last: (C, *padded, m). Every place
of the kernel then selects a view of the chunk, and its inner runs are long also where
images are small. Large images come one at a time, and by blocks of rows.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any, final

import numpy as np

__all__ = ["Chunk", "Plan", "plan_for"]

_BUDGET = 2**20
"""Bytes of columns, (C · kernel, pixels), that stay in the second cache."""

_PIXELS = 256
"""Pixels of a matrix product below which the BLAS is slow."""

_LANES = 4
"""Into how many parts a batch falls; threads take whole parts, whatever their number,
so that sums over the batch are the same for any."""

_LANE_WORK = 2**21
"""Multiplications below which a part is not worth a thread."""

Numbers = tuple[int, ...]


@final
class Plan:
    """The sizes of a convolution, and of its pieces.

    Attributes
    ----------
    out : tuple of int
        The lengths of the last axes of the result.
    padded : tuple of int
        Those of the input with its padding.
    inner : tuple of int
        Those that are computed: `out`, or longer where whole rows of `padded` are
        computed, which makes every run one piece; what is beyond `out` is dropped.
    images, rows : int
        The images of a chunk, and the entries of the first axis in a block.
    lanes : list of (int, int)
        The first and last image of each part of the batch.
    """

    def __init__(
        self,
        x_shape: Numbers,
        weight_shape: Numbers,
        stride: Numbers,
        padding: tuple[tuple[int, int], ...],
        dilation: Numbers,
        groups: int,
        item: int,
    ) -> None:
        self.count, self.channels, *sizes = x_shape
        self.outputs, self.inside, *kernel = weight_shape
        self.sizes, self.kernel = tuple(sizes), tuple(kernel)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.groups, self.item = groups, item
        self.padded = tuple(n + p + q for n, (p, q) in zip(sizes, padding, strict=True))
        spans = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        self.out = tuple(
            (n - s - 1) // step + 1
            for n, s, step in zip(self.padded, spans, stride, strict=True)
        )
        self.places = math.prod(kernel)
        self.depthwise = groups > 1 and self.inside == 1
        self.pointwise = self.places == 1 and set(stride) == {1}
        self.is_padded = any(map(any, padding))
        self._cut()

    def _cut(self) -> None:
        """Choose how many images and rows are taken at once."""
        depth = self.channels if self.depthwise else self.inside * self.places
        pixels = math.prod(self.out)
        work = self.outputs * self.inside * self.places * pixels * self.count
        parts = max(1, min(_LANES, self.count, work // _LANE_WORK))
        edges = [self.count * i // parts for i in range(parts + 1)]
        self.lanes = list(itertools.pairwise(edges))
        fits = _BUDGET // (depth * pixels * self.item)
        if self.pointwise and not self.is_padded:
            fits = 1
        least = -(-_PIXELS // pixels) if pixels < _PIXELS // 4 else 1
        self.images = max(1, least, min(fits, -(-self.count // parts)))
        whole = (self.out[0], *self.padded[1:])
        junk = math.prod(whole) / pixels
        flat = set(self.stride) == {1} and self.images < 4 and junk < 1.2
        self.inner = whole if flat else self.out
        self.width = math.prod(self.inner[1:])  # pixels of a row
        row = self.width * self.images
        fits = max(_BUDGET // (depth * row * self.item), -(-_PIXELS // row))
        self.rows = max(1, min(fits, self.inner[0]))
        self.slack = math.prod(self.padded) // self.padded[0] if flat else 0
        self.as_it_is = self.images == 1 and self.inner == self.out

    def blocks(self) -> list[tuple[int, int]]:
        """Return where the blocks of rows begin and end."""
        starts = range(0, self.inner[0], self.rows)
        return [(r, min(r + self.rows, self.inner[0])) for r in starts]


@functools.lru_cache(maxsize=64)
def plan_for(*description: Any) -> Plan:
    """Return the plan of a convolution; see `Plan`."""
    return Plan(*description)


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
