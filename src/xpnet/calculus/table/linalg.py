"""Products of arrays and of matrices, diagonals, powers, rank.

A product is bilinear: its row is its two transposes. Norms are in `norms`, the rest of
the standard's extension in `decompositions` and `spectral`.
"""

from __future__ import annotations

import math
from typing import Any

from ..rule import bilinear, composite, flat, linear, unbroadcast
from .special import _conj

# --- matmul ---------------------------------------------------------------------------


def _pull_left(xp: Any, g: Any, x1: Any, x2: Any, /) -> Any:
    """Return the matrix product (back: ``g @ y.T`` and ``x.T @ g``)."""
    x, y = x1, _conj(xp, x2)
    if x.ndim == 2 and y.ndim == 2:
        return xp.matmul(g, xp.matrix_transpose(y))
    if y.ndim == 1:
        outer = xp.expand_dims(g, axis=-1) * y
        return unbroadcast(xp, outer, tuple(x.shape))
    row = xp.expand_dims(g, axis=-2) if x.ndim == 1 else g
    part = xp.matmul(row, xp.matrix_transpose(y))
    if x.ndim == 1:
        part = xp.squeeze(part, axis=-2)
    return unbroadcast(xp, part, tuple(x.shape))


def _pull_right(xp: Any, g: Any, x: Any, y: Any, /) -> Any:
    x = _conj(xp, x)
    if x.ndim == 2 and y.ndim == 2:
        return xp.matmul(xp.matrix_transpose(x), g)
    if x.ndim == 1:
        if y.ndim == 1:
            return x * g
        outer = xp.expand_dims(x, axis=-1) * xp.expand_dims(g, axis=-2)
        return unbroadcast(xp, outer, tuple(y.shape))
    if y.ndim == 1:
        part = xp.sum(
            xp.expand_dims(g, axis=-1) * x, axis=tuple(range(g.ndim)), dtype=g.dtype
        )
        return xp.reshape(part, tuple(y.shape))
    if y.ndim == 2:  # one matrix for the whole batch: no batch of products, no sum
        n = math.prod(x.shape[:-1])
        rows, gs = xp.reshape(x, (n, x.shape[-1])), xp.reshape(g, (n, g.shape[-1]))
        return xp.matmul(xp.matrix_transpose(rows), gs)
    return unbroadcast(xp, xp.matmul(xp.matrix_transpose(x), g), tuple(y.shape))


bilinear("matmul", ("g @ y.T", "x.T @ g"), _pull_left, _pull_right)

# --- vecdot: the sum of conj(x) * y along one axis ------------------------------------


def _along(xp: Any, g: Any, axis: int) -> Any:
    """Give `g` the summed axis back, in the place that broadcasting gave it."""
    return xp.expand_dims(g, axis=axis if axis >= 0 else g.ndim + 1 + axis)


def _vecdot_left(xp: Any, g: Any, x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Return the sum of conj(x) * y along `axis` (back: ``g * y`` and ``g * x``)."""
    outer = _conj(xp, _along(xp, g, axis)) * x2
    return unbroadcast(xp, outer, tuple(x1.shape))


def _vecdot_right(xp: Any, g: Any, x: Any, y: Any, /, *, axis: int = -1) -> Any:
    return unbroadcast(xp, _along(xp, g, axis) * x, tuple(y.shape))


bilinear("vecdot", ("g * y", "g * x"), _vecdot_left, _vecdot_right)

# --- tensordot ------------------------------------------------------------------------


def _contracted(x: Any, y: Any, axes: Any) -> tuple[list[int], list[int]]:
    """Return the contracted axes of `x` and of `y`, non-negative and paired."""
    if isinstance(axes, int):
        return list(range(x.ndim - axes, x.ndim)), list(range(axes))
    first, second = axes
    return [a % x.ndim for a in first], [b % y.ndim for b in second]


def _tensordot_pull(
    xp: Any,
    g: Any,
    other: Any,
    shape: tuple[int, ...],
    own: list[int],
    theirs: list[int],
    first: bool,
) -> Any:
    """Return the cotangent of one argument of tensordot."""
    free = [i for i in range(len(shape)) if i not in own]
    other_free = [i for i in range(other.ndim) if i not in theirs]
    rows = math.prod(shape[i] for i in free)
    columns = math.prod(other.shape[i] for i in other_free)
    inner = math.prod(shape[i] for i in own)
    # pairs of contracted axes in the argument's own order
    paired = [theirs[own.index(i)] for i in sorted(own)]
    matrix = xp.reshape(
        xp.permute_dims(_conj(xp, other), tuple(paired + other_free)), (inner, columns)
    )
    if first:
        part = xp.matmul(xp.reshape(g, (rows, columns)), xp.matrix_transpose(matrix))
    else:
        part = xp.matmul(
            xp.matrix_transpose(xp.reshape(g, (columns, rows))),
            xp.matrix_transpose(matrix),
        )
    order = free + sorted(own)
    part = xp.reshape(part, tuple(shape[i] for i in order))
    return xp.permute_dims(
        part, tuple(sorted(range(len(shape)), key=order.__getitem__))
    )


def _tensordot_left(xp: Any, g: Any, x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """Return the sum of products over pairs of axes (back: with `g` for the other)."""
    own, theirs = _contracted(x1, x2, axes)
    return _tensordot_pull(xp, g, x2, tuple(x1.shape), own, theirs, True)


def _tensordot_right(xp: Any, g: Any, x: Any, y: Any, /, *, axes: Any = 2) -> Any:
    theirs, own = _contracted(x, y, axes)
    return _tensordot_pull(xp, g, x, tuple(y.shape), own, theirs, False)


bilinear("tensordot", ("g with y", "g with x"), _tensordot_left, _tensordot_right)

# --- outer and cross ------------------------------------------------------------------


def _outer_left(xp: Any, g: Any, x1: Any, x2: Any, /) -> Any:
    """Return all products of an entry of `x` and one of `y` (back: ``g @ y``)."""
    return xp.matmul(g, _conj(xp, x2))


def _outer_right(xp: Any, g: Any, x: Any, y: Any, /) -> Any:
    return xp.matmul(xp.matrix_transpose(g), _conj(xp, x))


bilinear("outer", ("g @ y", "g.T @ x"), _outer_left, _outer_right)


def _cross_back(xp: Any, first: Any, second: Any, x: Any, axis: int) -> Any:
    """Return a cross product along `axis`, summed to the shape of argument `x`."""
    first, second = (xp.moveaxis(v, axis, -1) for v in (first, second))
    a = axis % x.ndim
    shape = (*x.shape[:a], *x.shape[a + 1 :], 3)
    return xp.moveaxis(unbroadcast(xp, xp.cross(first, second), shape), -1, axis)


def _cross_left(xp: Any, g: Any, x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Return the cross product of vectors along `axis` (back: ``cross(y, g)``)."""
    return _cross_back(xp, _conj(xp, x2), g, x1, axis)


def _cross_right(xp: Any, g: Any, x: Any, y: Any, /, *, axis: int = -1) -> Any:
    return _cross_back(xp, g, _conj(xp, x), y, axis)


bilinear("cross", ("cross(y, g)", "cross(g, x)"), _cross_left, _cross_right)

# --- diagonals ------------------------------------------------------------------------


def _on_diagonal(xp: Any, columns: Any, x: Any, offset: int) -> Any:
    """Return matrices of the shape of `x`: `columns` on a diagonal, 0 elsewhere."""
    rows, width = x.shape[-2:]
    at = xp.eye(rows, width, k=offset, dtype=xp.bool, device=xp.device(columns))
    return xp.where(at, columns, xp.zeros_like(columns))


@linear()
def diagonal(xp: Any, g: Any, x: Any, /, *, offset: int = 0) -> Any:
    """Return a diagonal of each matrix (back: a matrix with `g` on that diagonal)."""
    rows = x.shape[-2]
    above = min(max(-offset, 0), rows)
    counts = (above, rows - above - g.shape[-1])
    ends = [
        xp.zeros((*g.shape[:-1], n), dtype=g.dtype, device=xp.device(g)) for n in counts
    ]
    column = xp.concat([ends[0], g, ends[1]], axis=-1)  # (..., rows)
    part = _on_diagonal(xp, xp.expand_dims(column, axis=-1), x, offset)
    return xp.broadcast_to(part, tuple(x.shape))


@linear()
def trace(xp: Any, g: Any, x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Return the sum of a diagonal of each matrix (back: `g` times the identity)."""
    g = xp.reshape(g, (*g.shape, 1, 1))
    return _on_diagonal(xp, g, x, offset)


# --- powers and rank ------------------------------------------------------------------


@composite()
def matrix_power(xp: Any, x: Any, n: int, /) -> Any:
    """Return a square matrix multiplied by itself `n` times; its inverse where n < 0.

    The derivative is the one of the products by repeated squaring.
    """
    if n < 0:
        x, n = xp.inv(x), -n
    if n == 0:
        return xp.zeros_like(x) + xp.eye(
            x.shape[-1], dtype=x.dtype, device=xp.device(x)
        )
    out = None
    while n:
        if n % 2:
            out = x if out is None else xp.matmul(out, x)
        n //= 2
        x = xp.matmul(x, x) if n else x
    return out


flat(
    "matrix_rank",
    "it counts singular values, and a count jumps",
    lambda x, /, *, rtol=None: None,
)
