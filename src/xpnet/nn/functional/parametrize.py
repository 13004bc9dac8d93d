"""Weights as functions of other parameters: their norm apart, or their norm bounded."""

from __future__ import annotations

import math

from ...calculus.array import Array
from .normalization import normalize

__all__ = ["as_rows", "norm_except", "power_step", "spectral_weight", "weight_of"]


def norm_except(x: Array, axis: int | None) -> Array:
    """Return the norms of the slices along `axis`, kept as axes; None: of the whole."""
    xp = x._lib.recorded
    others = None if axis is None else _others(x, axis)
    out: Array = xp.vector_norm(x, axis=others, keepdims=axis is not None)
    return out


def weight_of(g: Array, v: Array, axis: int | None) -> Array:
    """Return ``v * (g / norm(v))``, the norm being that of each slice along `axis`."""
    return v * (g / norm_except(v, axis))


def _others(x: Array, axis: int) -> tuple[int, ...]:
    return tuple(i for i in range(x.ndim) if i != axis % x.ndim)


def as_rows(weight: Array, axis: int) -> Array:
    """Return a weight as a matrix, with `axis` first and the others as one."""
    xp = weight._lib.recorded
    moved = xp.permute_dims(weight, (axis % weight.ndim, *_others(weight, axis)))
    rows = moved.shape[0]
    out: Array = xp.reshape(moved, (rows, math.prod(moved.shape[1:])))
    return out


def power_step(matrix: Array, v: Array, eps: float) -> tuple[Array, Array]:
    """Return better singular vectors of the largest singular value, by one step."""
    xp = matrix._lib.recorded
    u = normalize(xp.matmul(matrix, v), axis=0, eps=eps)
    return u, normalize(xp.matmul(xp.matrix_transpose(matrix), u), axis=0, eps=eps)


def spectral_weight(weight: Array, u: Array, v: Array, axis: int) -> Array:
    """Return a weight divided by ``u @ W @ v``, where W is the weight as a matrix."""
    xp = weight._lib.recorded
    sigma = xp.vecdot(u, xp.matmul(as_rows(weight, axis), v))
    out: Array = weight / sigma
    return out
