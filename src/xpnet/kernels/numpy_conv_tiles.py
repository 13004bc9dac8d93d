"""The memory for a fast convolution: even and odd rows apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import numpy as np

from .numpy_conv_pieces import chunks, column
from .numpy_conv_plan import Plan

__all__ = ["Tiles", "each_chunk"]


@final
class Tiles:
    """Memory for some images, with even and odd rows apart, and for what is computed.

    The images are (2, C, pairs + 1, ..., m) and the results (2, O, pairs, ..., m), for
    so many pairs of rows of results.
    """

    def __init__(self, plan: Plan, dtype: Any, images: int) -> None:
        self.plan, self.images = plan, images
        self.pairs = -(-plan.out[0] // 2)
        rest = (*plan.padded[1:], images)
        self.rows: Any = np.zeros((2, plan.channels, self.pairs + 1, *rest), dtype)
        self.made: Any = np.zeros(
            (2, plan.outputs, self.pairs, *plan.inner[1:], images), dtype
        )
        self.width = self.rows[0, 0, 0].size  # elements of a row
        self.pixels = plan.width * images  # and of a row of results
        most = min(plan.rows, self.pairs)
        slack = plan.slack * images
        self.sums = np.zeros(plan.channels * most * self.width + slack, dtype)
        self.columns = np.empty(
            plan.channels * plan.places // 3 * most * self.pixels, dtype
        )
        self.products = np.empty((4, plan.outputs * most * self.pixels), dtype)

    def blocks(self) -> list[tuple[int, int]]:
        """Return where the blocks of pairs of rows begin and end."""
        step = self.plan.rows
        return [(i, min(i + step, self.pairs)) for i in range(0, self.pairs, step)]

    def load(self, x: Any, start: int, stop: int) -> None:
        """Copy images into the memory, rows of two kinds apart."""
        images = np.moveaxis(x[start:stop], 0, -1)
        for kind, begin, key in self._places():
            rows = images[:, begin::2]
            np.copyto(self.rows[(kind, slice(None), *key)], rows)

    def load_results(self, g: Any, start: int, stop: int) -> None:
        """Copy cotangents into the memory of the results."""
        key = tuple(map(slice, self.plan.out[1:]))
        images = np.moveaxis(g[start:stop], 0, -1)
        for kind in (0, 1):
            rows = images[:, kind::2]
            np.copyto(self.made[(kind, slice(None), slice(rows.shape[1]), *key)], rows)

    def store(self, out: Any, bias: Any, start: int, stop: int) -> None:
        """Put the results into `out`, and add the bias."""
        plan = self.plan
        key = tuple(map(slice, plan.out[1:]))
        images = np.moveaxis(out[start:stop], 0, -1)
        for kind in (0, 1):
            rows = images[:, kind::2]
            made = self.made[(kind, slice(None), slice(rows.shape[1]), *key)]
            if bias is None:
                np.copyto(rows, made)
            else:
                np.add(made, column(bias, plan)[..., None], out=rows)

    def store_images(self, out: Any, bias: Any, start: int, stop: int) -> None:
        """Put what goes back to the images into `out`, and add the bias."""
        images = np.moveaxis(out[start:stop], 0, -1)
        for kind, begin, key in self._places():
            rows = images[:, begin::2]
            found = self.rows[(kind, slice(None), *key)]
            if bias is None:
                np.copyto(rows, found)
            else:
                np.add(found, column(bias, self.plan)[..., None], out=rows)

    def _places(self) -> list[tuple[int, int, tuple[slice, ...]]]:
        """Return, for even and odd rows, the first of an image and where they go."""
        (first, _), *others = self.plan.padding
        rows, *sizes = self.plan.sizes
        rest = [slice(p, p + n) for n, (p, _) in zip(sizes, others, strict=True)]
        found = []
        for kind in (0, 1):
            begin = (kind - first) % 2
            at = (begin + first) // 2
            count = len(range(begin, rows, 2))
            found.append((kind, begin, (slice(at, at + count), *rest)))
        return found

    def four(self, start: int, stop: int) -> tuple[Any, Any, Any, Any]:
        """Return the four rows that each pair of rows of the result needs."""
        (even, odd), more = self.rows, slice(start + 1, stop + 1)
        return even[:, start:stop], odd[:, start:stop], even[:, more], odd[:, more]

    def shifted(self, start: int, stop: int) -> Any:
        """Return `sums` as the places of the kernel see it: (C, *kernel[1:], ...)."""
        plan, item = self.plan, self.sums.itemsize
        steps = [item * self.images]
        for n in plan.padded[:1:-1]:
            steps.insert(0, steps[0] * n)
        row = self.width * item
        taps = [a * d for a, d in zip(steps, plan.dilation[1:], strict=True)]
        shape = (
            plan.channels, *plan.kernel[1:], stop - start, *plan.inner[1:], self.images
        )  # fmt: skip
        strides = (row * (stop - start), *taps, row, *steps, item)
        return np.ndarray(shape, self.sums.dtype, self.sums, 0, strides)

    def sum_of(self, i: int, start: int, stop: int) -> Any:
        """Compute the sum of rows that the `i`-th product takes; return its columns."""
        d0, d1, d2, d3 = self.four(start, stop)
        sums = self.sums[: d0.size].reshape(d0.shape)
        if i == 0:
            np.subtract(d0, d2, out=sums)
        elif i == 1:
            np.add(d1, d2, out=sums)
        elif i == 2:
            np.subtract(d2, d1, out=sums)
        else:
            np.subtract(d1, d3, out=sums)
        seen = self.shifted(start, stop)
        columns = self.room(seen.size)
        np.copyto(columns.reshape(seen.shape), seen)
        return columns

    def room(self, size: int) -> Any:
        """Return memory for columns of so many elements."""
        depth = self.plan.channels * self.plan.places // 3
        return self.columns[:size].reshape(depth, -1)

    def product(self, i: int, pixels: int) -> Any:
        """Return memory for the `i`-th product."""
        outputs = self.plan.outputs
        return self.products[i, : outputs * pixels].reshape(outputs, pixels)

    def part(self, kind: int, start: int, stop: int) -> Any:
        """Return some rows of one kind of the results."""
        return self.made[kind, :, start:stop]


def each_chunk(plan: Plan, lane: int, dtype: Any) -> Iterator[tuple[Tiles, int, int]]:
    """Iterate over the chunks of a part: memory for it, its first and last image."""
    tiles = None
    for first, last in chunks(plan, lane):
        if tiles is None or tiles.images != last - first:
            tiles = Tiles(plan, dtype, last - first)
        yield tiles, first, last
