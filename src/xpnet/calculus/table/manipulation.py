"""Functions that move elements: linear, so each row is its transpose."""

from __future__ import annotations

import itertools
import math
from typing import Any

from ...errors import ShapeError
from ..array import Array
from ..convert import asarray
from ..rule import function_of, linear, linear_sequence, unbroadcast
from .indexing import _grid
from .special import _axes


def _negated(shift: Any) -> Any:
    return -shift if isinstance(shift, int) else tuple(-s for s in shift)


@linear()
def broadcast_to(xp: Any, g: Any, x: Any, /, shape: Any) -> Any:
    """Return `x` repeated along axes, new or of length 1 (back: the sum over them)."""
    return unbroadcast(xp, g, x.shape)


@linear()
def expand_dims(xp: Any, g: Any, x: Any, /, axis: Any = 0) -> Any:
    """Return `x` with axes of length 1 put in (back: reshape)."""
    return xp.reshape(g, x.shape)


@linear()
def flip(xp: Any, g: Any, x: Any, /, *, axis: Any = None) -> Any:
    """Return `x` with the order along `axis` reversed (back: flip)."""
    return xp.flip(g, axis=axis)


@linear()
def moveaxis(xp: Any, g: Any, x: Any, source: Any, destination: Any, /) -> Any:
    """Return `x` with axes moved (back: moved the other way)."""
    return xp.moveaxis(g, destination, source)


@linear()
def permute_dims(xp: Any, g: Any, x: Any, /, axes: Any) -> Any:
    """Return `x` with its axes in another order (back: the inverse order)."""
    order = _axes(axes, x.ndim)
    return xp.permute_dims(g, tuple(sorted(range(x.ndim), key=order.__getitem__)))


@linear()
def matrix_transpose(xp: Any, g: Any, x: Any, /) -> Any:
    """Return `x` with its last two axes exchanged (back: the same)."""
    return xp.matrix_transpose(g)


@linear()
def reshape(xp: Any, g: Any, x: Any, /, shape: Any, *, copy: Any = None) -> Any:
    """Return the elements of `x` in another shape (back: reshape)."""
    return xp.reshape(g, x.shape)


@linear()
def roll(xp: Any, g: Any, x: Any, /, shift: Any, *, axis: Any = None) -> Any:
    """Return `x` shifted along `axis`, round the end (back: shifted the other way)."""
    return xp.roll(g, _negated(shift), axis=axis)


@linear()
def squeeze(xp: Any, g: Any, x: Any, /, axis: Any) -> Any:
    """Return `x` without axes of length 1 (back: reshape)."""
    return xp.reshape(g, x.shape)


@linear()
def tile(xp: Any, g: Any, x: Any, repetitions: Any, /) -> Any:
    """Return `x` repeated whole along each axis (back: the sum over the copies)."""
    ndim = max(x.ndim, len(repetitions))
    shape = (1,) * (ndim - x.ndim) + tuple(x.shape)
    times = (1,) * (ndim - len(repetitions)) + tuple(repetitions)
    parts = xp.reshape(
        g, tuple(itertools.chain.from_iterable(zip(times, shape, strict=True)))
    )
    total = xp.sum(parts, axis=tuple(range(0, 2 * ndim, 2)), dtype=g.dtype)
    return xp.reshape(total, x.shape)


@linear()
def repeat(xp: Any, g: Any, x: Any, repeats: Any, /, *, axis: Any = None) -> Any:
    """Return `x` with each element repeated (back: the sum over its copies)."""
    shape = (math.prod(x.shape),) if axis is None else tuple(x.shape)
    a = 0 if axis is None else axis % x.ndim
    n = shape[a]
    if isinstance(repeats, int):
        split = (*shape[:a], n, repeats, *shape[a + 1 :])
        total = xp.sum(xp.reshape(g, split), axis=a + 1, dtype=g.dtype)
        return xp.reshape(total, x.shape)
    # each element gets the cotangents of its own copies
    source = _grid(xp, shape, g)
    ids = xp.reshape(xp.repeat(source, repeats, axis=a), (-1,))
    return xp.reshape(
        xp.segment_sum(xp.reshape(g, (-1,)), ids, math.prod(shape)), x.shape
    )


# --- several arrays -------------------------------------------------------------------


@linear_sequence
def concat(xp: Any, g: Any, arrays: Any, /, *, axis: Any = 0) -> list[Any]:
    """Return the arrays joined along an axis (back: cut apart)."""
    if axis is None:
        sizes = [math.prod(x.shape) for x in arrays]
        return [
            xp.reshape(p, x.shape)
            for p, x in zip(_cut(xp, g, sizes, 0), arrays, strict=True)
        ]
    axis = axis % arrays[0].ndim
    return _cut(xp, g, [x.shape[axis] for x in arrays], axis)


def _cut(xp: Any, g: Any, sizes: list[int], axis: int) -> list[Any]:
    ends = list(itertools.accumulate(sizes))
    before = (slice(None),) * axis
    return [
        xp.getitem(g, (*before, slice(end - size, end), ...))
        for size, end in zip(sizes, ends, strict=True)
    ]


@linear_sequence
def stack(xp: Any, g: Any, arrays: Any, /, *, axis: int = 0) -> list[Any]:
    """Return the arrays joined along a new axis (back: cut apart)."""
    before = (slice(None),) * (axis % g.ndim)
    return [xp.getitem(g, (*before, i, ...)) for i in range(len(arrays))]


@function_of("unstack")
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Array, ...]:
    """Return the slices of `x` along an axis as a tuple."""
    x = asarray(x)
    if not -x.ndim <= axis < x.ndim:
        raise IndexError(
            f"unstack: axis {axis} is out of range for an array with {x.ndim} axes."
        )
    before = (slice(None),) * (axis % x.ndim)
    return tuple(x[(*before, i, ...)] for i in range(x.shape[axis]))


@function_of("broadcast_arrays")
def broadcast_arrays(*arrays: Any) -> tuple[Array, ...]:
    """Return the arrays broadcast to their common shape, as a tuple."""
    whole = [asarray(x) for x in arrays]
    shape = broadcast_shapes(*[x.shape for x in whole])
    return tuple(broadcast_to.function(x, shape) for x in whole)


@function_of("broadcast_shapes")
def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the common shape that arrays of these shapes broadcast to."""
    ndim = max((len(shape) for shape in shapes), default=0)
    common = []
    for sizes in zip(
        *[(1,) * (ndim - len(shape)) + tuple(shape) for shape in shapes], strict=True
    ):
        different = {n for n in sizes if n != 1}
        if len(different) > 1:
            raise ShapeError(
                f"shapes {', '.join(map(str, shapes))} do not broadcast: "
                f"{sorted(different)} differ."
            )
        common.append(different.pop() if different else 1)
    return tuple(common)
