"""Norms of vectors and matrices: slope 0 where a norm has a corner, ties share.

A norm grows fastest along its slope: ``x / norm`` for the Euclidean one. Everything is
computed from ``x / norm``, whose entries are at most 1, so that nothing overflows.
"""

from __future__ import annotations

import math
from typing import Any

from ...backend.extensions import order_of
from ...errors import OptionError, ShapeError
from ..rule import addition, composite, general
from .matrices import adjoint, batch, column, hermitian, product, skew
from .special import _axes, _conj, _kept
from .statistical import _shares

# --- vectors --------------------------------------------------------------------------


def _slope(
    xp: Any, out: Any, x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Any:
    """Return the direction in which the norm grows, one number for each entry.

    It is 0 at an entry of 0 (as for `abs`) and where the norm itself is 0.
    """
    p = order_of(ord)
    if p == 0:
        return xp.zeros_like(x)
    if p == 1 or not _axes(axis, x.ndim):
        return xp.sign(x)
    if math.isinf(p):
        return xp.sign(x) * _shares(xp, out, xp.abs(x), axis, keepdims)
    return _power_slope(xp, _kept(xp, out, x, axis, keepdims), x, p)


def _power_slope(xp: Any, norm: Any, x: Any, p: float) -> Any:
    """Return ``sign(x) * (abs(x) / norm) ** (p - 1)``."""
    zero = norm == 0
    part = x / xp.where(zero, xp.ones_like(norm), norm)
    part = xp.where(zero, xp.zeros_like(part), part)
    if p == 2:
        return part
    if p > 0 and p % 2 == 0:  # a polynomial: smooth at 0, to every order
        square = xp.real(_conj(xp, part) * part)
        return part * square ** (p / 2 - 1)
    size = xp.abs(part)
    none = size == 0
    size = xp.where(none, xp.ones_like(size), size)
    slope = xp.sign(part) * size ** (p - 1)
    return xp.where(none, xp.zeros_like(slope), slope)


def _norm_vjp(
    xp: Any,
    g: Any,
    out: Any,
    x: Any,
    /,
    *,
    axis: Any = None,
    keepdims: bool = False,
    ord: Any = 2,
) -> Any:
    """Return the norm of vectors along `axis`: ``sum(abs(x) ** ord) ** (1 / ord)``.

    The orders inf and -inf give the largest and the smallest size, 0 the number of
    entries other than 0. At a corner (the norm of zeros, an entry of 0) the slope is 0;
    equal entries of an extreme share it.
    """
    g = _kept(xp, g, x, axis, keepdims)
    slope = _slope(xp, out, x, axis, keepdims, ord)
    return xp.strong_zero(g * slope, g, x)


def _norm_jvp(
    xp: Any,
    t: Any,
    out: Any,
    x: Any,
    /,
    *,
    axis: Any = None,
    keepdims: bool = False,
    ord: Any = 2,
) -> Any:
    slope = _slope(xp, out, x, axis, keepdims, ord)
    part = xp.strong_zero(xp.real(_conj(xp, slope) * t), t, x)
    axes = _axes(axis, x.ndim)
    return xp.sum(part, axis=axes, keepdims=keepdims) if axes else part


general(
    "vector_norm",
    formula=("sign(x) * (abs(x) / out) ** (ord - 1)",),
    vjp=_norm_vjp,
    jvp=_norm_jvp,
    keeps_out=True,
)

# --- norms of singular values ---------------------------------------------------------
#
# With x = U S V^H, a norm of the singular values has the slope U W V^H, where W holds
# how the norm grows with each of them. That slope and its own derivative are determined
# where singular values are equal, though U and V are not.


def _weights(xp: Any, s: Any, x: Any, ord: Any) -> Any:
    """Return how the norm grows with each singular value: shared by those that tie.

    For a singular value of 0, to rounding, it is 0.
    """
    if 0 in x.shape[-2:]:
        return xp.zeros_like(s)
    rounding = 4 * float(xp.finfo(s.dtype).eps) * max(x.shape[-2:])
    top = xp.max(s, axis=-1, keepdims=True)
    alive = s > rounding * top
    if ord == "nuc":
        return xp.astype(alive, s.dtype)
    if ord == 2:
        hit = s >= top - rounding * top
    else:
        hit = s <= xp.min(s, axis=-1, keepdims=True) + rounding * top
    ties = xp.astype(xp.count_nonzero(hit, axis=-1, keepdims=True), s.dtype)
    return xp.astype(hit & alive, s.dtype) / ties


@addition("singular_norm")
def _singular_norm(xp: Any, x: Any, ord: Any) -> Any:
    s = xp.svdvals(x)
    if ord == "nuc":
        return xp.sum(s, axis=-1)
    return _extreme(xp, s, ord)


def _singular_vjp(xp: Any, g: Any, out: Any, x: Any, ord: Any, /) -> Any:
    """Return the sum, the largest or the smallest of the singular values."""
    return batch(xp, g) * xp.singular_slope(x, ord)


def _singular_jvp(xp: Any, t: Any, out: Any, x: Any, ord: Any, /) -> Any:
    slope = _conj(xp, xp.singular_slope(x, ord))
    return xp.sum(xp.real(slope * t), axis=(-2, -1))


general("singular_norm", vjp=_singular_vjp, jvp=_singular_jvp, public=False)


@addition("singular_slope")
def _singular_slope(xp: Any, x: Any, ord: Any) -> Any:
    u, s, vh = xp.svd(x, full_matrices=False)
    return xp.matmul(u * xp.expand_dims(_weights(xp, s, x, ord), axis=-2), vh)


def _slope_bend(xp: Any, t: Any, out: Any, x: Any, ord: Any, /) -> Any:
    """Return ``U @ W @ V^H`` of a matrix ``U @ S @ V^H``.

    Its derivative is a second one, and so symmetric: forward and reverse are the same.
    """
    u, s, vh = xp.svd(x, full_matrices=False)
    w, v = _weights(xp, s, x, ord), adjoint(xp, vh)
    inner = product(xp, adjoint(xp, u), t, v)
    row, weights = xp.expand_dims(s, axis=-2), xp.expand_dims(w, axis=-2)
    across = _ratio(xp, column(xp, w) - weights, column(xp, s) - row)
    around = _ratio(xp, column(xp, w) + weights, column(xp, s) + row)
    bend = across * hermitian(xp, inner) + around * skew(xp, inner)
    out = product(xp, u, bend, vh)
    scale = _ratio(xp, weights, row)
    if x.shape[-2] > x.shape[-1]:  # what U leaves out of t
        rest = xp.matmul(t, v) - xp.matmul(u, inner)
        out = out + xp.matmul(scale * rest, vh)
    elif x.shape[-2] < x.shape[-1]:  # what V leaves out of it
        rest = xp.matmul(adjoint(xp, t), u) - xp.matmul(v, adjoint(xp, inner))
        out = out + xp.matmul(u, adjoint(xp, scale * rest))
    return out


def _ratio(xp: Any, part: Any, divisor: Any) -> Any:
    """Return ``part / divisor``, and 0 where `part` is 0."""
    none = part == 0
    divisor = xp.where(none, xp.ones_like(divisor), divisor)
    return part / divisor


general("singular_slope", vjp=_slope_bend, jvp=_slope_bend, public=False)

# --- matrices -------------------------------------------------------------------------


@addition("matrix_norm")
def _matrix_norm(
    xp: Any, x: Any, /, *, keepdims: bool = False, ord: Any = "fro"
) -> Any:
    if x.ndim < 2:
        raise ShapeError(
            f"matrix_norm: x has shape {tuple(x.shape)}, and a matrix has 2 axes. Use "
            "xp.linalg.vector_norm for vectors."
        )
    if ord is None or ord == "fro":
        return xp.vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord in ("nuc", 2, -2):
        out = xp.singular_norm(x, ord)
    elif ord in (1, -1, math.inf, -math.inf):
        sums = xp.sum(xp.abs(x), axis=-2 if abs(ord) == 1 else -1)
        out = _extreme(xp, sums, ord)
    else:
        raise OptionError(
            f"matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, not "
            f"{ord!r}."
        )
    return xp.reshape(out, (*x.shape[:-2], 1, 1)) if keepdims else out


def _extreme(xp: Any, values: Any, ord: float) -> Any:
    """Return the largest or the smallest value of the last axis."""
    if ord < 0:
        return xp.min(values, axis=-1)
    return xp.max(values, axis=-1) if values.shape[-1] else xp.sum(values, axis=-1)


composite("matrix_norm")(_matrix_norm)
