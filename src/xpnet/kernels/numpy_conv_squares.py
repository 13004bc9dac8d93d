"""Convolutions with a kernel of 3x3, with four products in place of nine.

Four neighbouring pixels of the result, 2x2, come from 4x4 of the input. What
`numpy_conv_fast` does along one axis is done along both (Winograd's F(2x2, 3x3); Lavin
and Gray, CVPR 2016): sixteen products for four pixels, and no columns to copy.

An image is kept as four planes, of even and odd rows and columns. In a plane, the
pixels that belong to neighbouring squares are neighbours, one row after the other, and
so each step is one pass over long runs. The last square of each row is not used: there
a run goes on to the next row.

A pixel of the result still is a sum of what the kernel covers there, and of nothing
else. Rounding is about twice to three times that of plain sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import numpy as np

from .numpy_conv_pieces import Job, is_finite, quiet
from .numpy_conv_plan import Plan

__all__ = ["correlate", "spread", "weigh"]

_BUDGET = 5 * 2**19
"""Bytes of transformed pixels, of input and result, that stay in the second cache."""

_LEAST = 128
"""Squares of a matrix product below which the BLAS is slow."""


def correlate(plan: Plan, x: Any, weight: Any, bias: Any) -> Job:
    """Prepare the convolution."""
    before = tuple(p for p, _ in plan.padding)
    return _correlate(plan, x, weight, bias, before, plan.out)


def spread(plan: Plan, g: Any, weight: Any, bias: Any) -> Job:
    """Prepare the transposed convolution: that with the weight turned round."""
    turned = np.swapaxes(weight[:, :, ::-1, ::-1], 0, 1)
    before = tuple(2 - p for p, _ in plan.padding)
    return _correlate(plan, g, turned, bias, before, plan.sizes)


def _correlate(
    plan: Plan, x: Any, weight: Any, bias: Any, before: Any, size: Any
) -> Job:
    """Prepare a convolution with so much padding before, and results of a size."""
    out = np.empty((len(x), len(weight), *size), x.dtype)
    factors = _factors(weight)
    wrong: list[bool] = []

    def work(lane: int) -> None:
        squares = _Squares(x, before, size)
        made = np.empty((16, len(weight) * squares.most), x.dtype)
        for image in range(*plan.lanes[lane]):
            squares.load(x[image])
            for start, stop in squares.blocks():
                seen = squares.seen(start, stop)
                length = seen.shape[2]
                room = made[:, : len(weight) * length].reshape(16, -1, length)
                found = _results(np.matmul(factors, seen, out=room))
                squares.store(out[image], bias, found, start, stop)
            wrong.append(not is_finite(out[image]))

    return Job(quiet(work), lambda: None if any(wrong) else out)


def weigh(plan: Plan, x: Any, g: Any, slot: Any) -> Job:
    """Prepare the gradient of the weight."""
    before = tuple(p for p, _ in plan.padding)
    totals = np.zeros((len(plan.lanes), 16, plan.outputs, plan.channels), x.dtype)

    def work(lane: int) -> None:
        squares = _Squares(x, before, plan.out)
        given, total = _Planes(g, (0, 0), squares.rows, squares.width), totals[lane]
        passed = np.empty((4, 4, plan.outputs, squares.most), x.dtype)
        for image in range(*plan.lanes[lane]):
            squares.load(x[image])
            given.load(g[image])
            for start, stop in squares.blocks():
                seen = squares.seen(start, stop)
                part = given.run(start * squares.width, seen.shape[2])
                room = passed[..., : seen.shape[2]]
                total += np.matmul(_passed(part, room), seen.swapaxes(1, 2))

    def finish() -> Any:
        for part in totals[1:]:
            totals[0] += part
        found = _weight_gradient(totals[0])
        if not is_finite(found):
            return None
        if slot is None:
            return found
        np.copyto(slot.reshape(found.shape), found)
        return slot

    return Job(quiet(work), finish)


@final
class _Planes:
    """Images with even and odd rows and columns apart, (2, 2, C, rows · width + 1)."""

    def __init__(self, x: Any, before: Any, rows: int, width: int) -> None:
        self.memory: Any = np.zeros((2, 2, x.shape[1], rows * width + 1), x.dtype)
        whole = self.memory[..., :-1].reshape(2, 2, -1, rows, width)
        self._places = []
        for i, j in np.ndindex(2, 2):
            (top, down), (left, right) = (
                _every_second(kind, first, n)
                for kind, first, n in zip((i, j), before, x.shape[2:], strict=True)
            )
            self._places.append((whole[i, j, :, down, right], top, left))

    def load(self, image: Any) -> None:
        """Copy an image (C, H, W) into the planes."""
        for place, top, left in self._places:
            np.copyto(place, image[:, top, left])

    def run(self, start: int, length: int) -> Any:
        """Return a run of pixels of every plane, (2, 2, C, length)."""
        return self.memory[..., start : start + length]


def _every_second(kind: int, first: int, n: int) -> tuple[slice, slice]:
    """Return which entries of `n`, the first at `first`, are in a plane, and where."""
    begin = (kind - first) % 2
    at = (begin + first) // 2
    return slice(begin, None, 2), slice(at, at + len(range(begin, n, 2)))


@final
class _Squares:
    """The squares of results of one image, and what they see of it."""

    def __init__(self, x: Any, before: Any, size: Any) -> None:
        self.size = size
        self.rows, self.width = (n // 2 + n % 2 + 1 for n in size)
        self.planes = _Planes(x, before, self.rows, self.width)
        self.load = self.planes.load
        pixels = 16 * 2 * x.shape[1] * x.itemsize
        fits = max(_BUDGET // pixels, _LEAST) // self.width
        self.step = max(1, min(fits, self.rows - 1))
        self.most = self.step * self.width
        self.channels = x.shape[1]
        self.half = np.zeros((4, 2, self.channels * self.most + 1), x.dtype)
        self.whole = np.empty((4, 4, self.channels * self.most), x.dtype)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Iterate over the first and the last row of squares of a block."""
        last = self.rows - 1
        return ((i, min(i + self.step, last)) for i in range(0, last, self.step))

    def seen(self, start: int, stop: int) -> Any:
        """Return the sums of pixels that the products take, (16, C, squares)."""
        length = (stop - start) * self.width
        near, far = (
            self.planes.run(row * self.width, length) for row in (start, start + 1)
        )
        n = self.channels * length
        half = self.half[..., :n].reshape(4, 2, -1, length)
        _differences(near[0], near[1], far[0], far[1], half)
        # one run for all channels: what follows the last square of a row is not used
        even, odd = self.half[:, 0], self.half[:, 1]
        left, right = (slice(None), slice(n)), (slice(None), slice(1, n + 1))
        whole = self.whole[..., :n]
        _differences(
            even[left], odd[left], even[right], odd[right], whole.swapaxes(0, 1)
        )
        return whole.reshape(16, -1, length)

    def store(self, out: Any, bias: Any, found: Any, start: int, stop: int) -> None:
        """Put the results of a block, (2, 2, O, squares), into an image."""
        found = found.reshape(2, 2, -1, stop - start, self.width)
        for i, j in np.ndindex(2, 2):
            place = out[:, 2 * start + i : 2 * stop : 2, j::2]
            part = found[i, j, :, : place.shape[1], : place.shape[2]]
            if bias is None:
                np.copyto(place, part)
            else:
                np.add(part, bias.reshape(-1, 1, 1), out=place)


def _differences(d0: Any, d1: Any, d2: Any, d3: Any, out: Any) -> None:
    """Write what the products along one axis take of four pixels."""
    np.subtract(d0, d2, out=out[0])
    np.add(d1, d2, out=out[1])
    np.subtract(d2, d1, out=out[2])
    np.subtract(d1, d3, out=out[3])


def _results(products: Any) -> Any:
    """Return the results, (2, 2, O, squares), from the products; it writes to them."""
    sums = products.reshape(4, 4, *products.shape[1:])
    for m in (sums.swapaxes(0, 1), sums[:, :2]):
        m[0] += m[1]
        m[0] += m[2]
        m[1] -= m[2]
        m[1] -= m[3]
    return sums[:2, :2]


def _passed(g: Any, out: Any) -> Any:
    """Return the cotangents of the products, (16, O, squares), from (2, 2, O, squares).

    Those of the last along an axis have their sign turned.
    """
    ends = out[:, ::3]  # the first and last along columns take one result each
    np.copyto(ends[::3], g)
    np.add(g[0], g[1], out=ends[1])
    np.subtract(g[0], g[1], out=ends[2])
    np.add(out[:, 0], out[:, 3], out=out[:, 1])
    np.subtract(out[:, 0], out[:, 3], out=out[:, 2])
    return out.reshape(16, *out.shape[2:])


def _mixing(last: float, dtype: Any) -> Any:
    """Return the matrix (16, 9) from a kernel to what the products take of it."""
    half = [0.5, 0.5, 0.5], [0.5, -0.5, 0.5]
    along = np.asarray([[1, 0, 0], *half, [0, 0, last]], dtype)
    return np.kron(along, along)


def _factors(weight: Any) -> Any:
    """Return what the products take of a weight (O, C, 3, 3): (16, O, C)."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = _mixing(1, weight.dtype) @ weight.reshape(-1, 9).T
    return found.reshape(16, *weight.shape[:2])


def _weight_gradient(total: Any) -> Any:
    """Return the gradient of the weight, (O, C · 9), from that of the factors."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = total.reshape(16, -1).T @ _mixing(-1, total.dtype)
    return found.reshape(total.shape[1], -1)
