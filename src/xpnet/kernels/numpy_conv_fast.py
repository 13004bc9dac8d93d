"""Convolutions with three rows in the kernel, with two products in place of three.

Two neighbouring rows of the result, from four rows d of the input and three of the
kernel, w, take four products and not six (Winograd's F(2, 3); Lavin and Gray, "Fast
algorithms for convolutional neural networks", CVPR 2016)::

    m0 = (d0 - d2) w0               m1 = (d1 + d2) (w0 + w1 + w2) / 2
    m3 = (d1 - d3) w2               m2 = (d2 - d1) (w0 - w1 + w2) / 2
    even row = m0 + m1 + m2         odd row = m1 - m2 - m3

Every product of a row of the result lies within what the kernel covers there, so that
no number reaches a place that it does not reach otherwise, and rounding is at most
about twice that of plain sums. Along the other axes nothing changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .numpy_conv_pieces import Job, is_finite, quiet
from .numpy_conv_plan import Plan
from .numpy_conv_tiles import Tiles, each_chunk

__all__ = ["correlate", "spread", "weigh"]


def correlate(plan: Plan, x: Any, weight: Any, bias: Any) -> Job:
    """Prepare the convolution."""
    out = np.empty((plan.count, *plan.made), x.dtype)
    parts = _factors(plan, weight)
    wrong: list[bool] = []

    def work(lane: int) -> None:
        for tiles, first, last in each_chunk(plan, lane, x.dtype):
            tiles.load(x, first, last)
            _correlate(tiles, parts)
            wrong.append(not is_finite(tiles.made))
            tiles.store(out, bias, first, last)

    return Job(quiet(work), lambda: None if any(wrong) else out)


def spread(plan: Plan, g: Any, weight: Any, bias: Any) -> Job:
    """Prepare the transposed convolution: what goes back to the input."""
    out = np.empty((plan.count, plan.channels, *plan.sizes), g.dtype)
    parts = _factors(plan, weight)
    wrong: list[bool] = []

    def work(lane: int) -> None:
        for tiles, first, last in each_chunk(plan, lane, g.dtype):
            tiles.load_results(g, first, last)
            _spread(tiles, parts)
            wrong.append(not is_finite(tiles.rows))
            tiles.store_images(out, bias, first, last)

    return Job(quiet(work), lambda: None if any(wrong) else out)


def weigh(plan: Plan, x: Any, g: Any, slot: Any) -> Job:
    """Prepare the gradient of the weight, (O, C · kernel)."""
    shape = (4, plan.outputs, plan.channels * plan.places // 3)
    totals = np.zeros((len(plan.lanes), *shape), x.dtype)

    def work(lane: int) -> None:
        for tiles, first, last in each_chunk(plan, lane, x.dtype):
            tiles.load(x, first, last)
            tiles.load_results(g, first, last)
            _weigh(tiles, totals[lane])

    def finish() -> Any:
        if not is_finite(totals):
            return None
        for part in totals[1:]:
            totals[0] += part
        found = _weight_gradient(plan, totals[0])
        if slot is None:
            return found
        np.copyto(slot.reshape(found.shape), found)
        return slot

    return Job(quiet(work), finish)


def _factors(plan: Plan, weight: Any) -> Any:
    """Return what the four products take of the kernel, (4, O, C · rest)."""
    w0, w1, w2 = np.moveaxis(weight, 2, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        half = (w0 + w2) * weight.dtype.type(0.5)
        middle = w1 * weight.dtype.type(0.5)
        parts = np.stack([w0, half + middle, half - middle, w2])
    return parts.reshape(4, plan.outputs, -1)


def _correlate(tiles: Tiles, parts: Any) -> None:
    """Compute the results of the images in memory."""
    for start, stop in tiles.blocks():
        pixels = (stop - start) * tiles.pixels
        m0, m1, m2, m3 = (tiles.product(i, pixels) for i in range(4))
        for i, room in enumerate((m0, m1, m2, m3)):
            np.matmul(parts[i], tiles.sum_of(i, start, stop), out=room)
        m0 += m1
        m1 -= m2
        even, odd = (tiles.part(kind, start, stop) for kind in (0, 1))
        np.add(m0.reshape(even.shape), m2.reshape(even.shape), out=even)
        np.subtract(m1.reshape(odd.shape), m3.reshape(odd.shape), out=odd)


def _passed(tiles: Tiles, start: int, stop: int) -> tuple[Any, Any, Any, Any]:
    """Return the cotangents of the four products; of the last, with its sign turned."""
    pixels = (stop - start) * tiles.pixels
    even, odd = tiles.part(0, start, stop), tiles.part(1, start, stop)
    m0, m1, m2, m3 = (tiles.product(i, pixels) for i in range(4))
    np.copyto(m0.reshape(even.shape), even)
    np.add(even, odd, out=m1.reshape(even.shape))
    np.subtract(even, odd, out=m2.reshape(even.shape))
    np.copyto(m3.reshape(even.shape), odd)
    return m0, m1, m2, m3


def _spread(tiles: Tiles, parts: Any) -> None:
    """Compute what goes back to the images from the results in memory."""
    tiles.rows.fill(0)
    for start, stop in tiles.blocks():
        d0, d1, d2, d3 = tiles.four(start, stop)
        for i, passed in enumerate(_passed(tiles, start, stop)):
            columns = tiles.room(len(parts[i].T) * passed.shape[1])
            np.matmul(parts[i].T, passed, out=columns)
            sums = tiles.sums[: d0.size].reshape(d0.shape)
            tiles.sums.fill(0)
            seen = tiles.shifted(start, stop)
            columns = columns.reshape(seen.shape)
            for place in np.ndindex(tiles.plan.kernel[1:]):
                key = (slice(None), *place)
                np.add(seen[key], columns[key], out=seen[key])
            # the transpose of the sums above; the last has its sign turned
            plus, minus = ((d0, d2), (d1, None), (d2, d1), (d3, d1))[i]
            plus += sums
            if i == 1:
                d2 += sums
            else:
                minus -= sums


def _weigh(tiles: Tiles, total: Any) -> None:
    """Add the gradient of `factors` to `total`, of the last with its sign turned."""
    for start, stop in tiles.blocks():
        for i, passed in enumerate(_passed(tiles, start, stop)):
            total[i] += passed @ tiles.sum_of(i, start, stop).T


def _weight_gradient(plan: Plan, total: Any) -> Any:
    """Return the gradient of the weight from that of `factors`."""
    u0, u1, u2, u3 = total.reshape(4, plan.outputs, plan.channels, -1)
    half = (u1 + u2) * total.dtype.type(0.5)
    middle = (u1 - u2) * total.dtype.type(0.5)
    return np.stack([u0 + half, middle, half - u3], axis=2).reshape(plan.outputs, -1)
