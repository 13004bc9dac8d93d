"""Determinants.

The derivative of det is the adjugate, a polynomial: it exists at every matrix. With
``x = U S V^H`` it is ``det(U) det(V^H) V adj(S) U^H``, and adj(S) has products of all
singular values but one. Its own derivative has products of all but two: nothing is
divided, and singular matrices of any rank are right to second order. Beyond that, the
adjugate is written as determinants of minors. Small matrices have their cofactors
written out.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..array import Array
from ..rule import addition, general, several
from .matrices import adjoint, batch, column, on_diagonal, plain, product, raw_of
from .special import _conj


def _det_vjp(xp: Any, g: Any, out: Any, x: Any, /) -> Any:
    """Return the determinant of square matrices.

    The derivative is the adjugate, also at singular matrices and to every order.
    """
    return batch(xp, g) * adjoint(xp, xp.adjugate(x))


def _det_jvp(xp: Any, t: Any, out: Any, x: Any) -> Any:
    return _contracted(xp, xp.adjugate(x), t)


def _contracted(xp: Any, x: Any, t: Any) -> Any:
    """Return the trace of ``x @ t``."""
    terms = xp.matrix_transpose(x) * t
    return xp.sum(terms, axis=(-2, -1), dtype=terms.dtype)


general("det", jvp=_det_jvp, vjp=_det_vjp, formula=("g * adjugate(x)^H",))


class _Factors(NamedTuple):
    """Finite matrices by their singular values, and which were not finite."""

    u: Any
    s: Any
    vh: Any
    turn: Any  # the product of the determinants of u and vh
    finite: Any


def _factors(xp: Any, x: Any) -> _Factors:
    finite = xp.all(xp.isfinite(x), axis=(-2, -1), keepdims=True)
    u, s, vh = xp.svd(xp.where(finite, x, xp.zeros_like(x)), full_matrices=False)
    turn = batch(xp, xp.det(u) * xp.det(vh))
    return _Factors(u, s, vh, turn, finite)


def _assembled(xp: Any, f: _Factors, middle: Any, back: bool = False) -> Any:
    """Return ``turn * V @ middle @ U^H``, or ``U @ middle @ V^H``; NaN where x was."""
    middle = xp.astype(middle, f.u.dtype)
    if back:
        out = product(xp, f.u, middle, f.vh)
    else:
        out = f.turn * product(xp, adjoint(xp, f.vh), middle, adjoint(xp, f.u))
    nan = xp.full((), math.nan, dtype=out.dtype, device=xp.device(out))
    return xp.where(f.finite, out, nan)


def _shifted(xp: Any, x: Any) -> Any:
    """Return products along the last axis of all entries in front of each one."""
    ones = xp.ones_like(x[..., :1])
    return xp.concat([ones, xp.cumulative_prod(x, axis=-1)[..., :-1]], axis=-1)


def _all_but_one(xp: Any, s: Any) -> tuple[Any, Any]:
    """Return the products of all entries in front of each, and of all behind it."""
    behind = xp.flip(_shifted(xp, xp.flip(s, axis=-1)), axis=-1)
    return _shifted(xp, s), behind


def _all_but_two(xp: Any, s: Any) -> Any:
    """Return the products of all entries but the i-th and the j-th, 0 where i = j."""
    n = s.shape[-1]
    before, behind = _all_but_one(xp, s)
    ones = xp.ones((n, n), dtype=s.dtype, device=xp.device(s))
    row = xp.expand_dims(s, axis=-2)
    between = xp.triu(row * ones, k=1) + xp.tril(ones)  # 1 up to i, then s
    part = column(xp, before) * _shifted(xp, between) * xp.expand_dims(behind, axis=-2)
    part = xp.triu(part, k=1)
    return part + xp.matrix_transpose(part)


def _cofactors_of_2(xp: Any, x: Any) -> Any:
    eye = xp.eye(2, dtype=x.dtype, device=xp.device(x))
    return xp.flip(x, axis=(-2, -1)) * (2 * eye - 1)


def _cofactors_of_3(xp: Any, x: Any) -> Any:
    """Return the cross products of each two rows, in turn."""
    return xp.cross(xp.roll(x, -1, axis=-2), xp.roll(x, -2, axis=-2), axis=-1)


@addition("adjugate")
def _adjugate(xp: Any, x: Any) -> Any:
    n = x.shape[-1]
    if n < 2:
        return xp.ones_like(x)
    if n < 4:
        return xp.matrix_transpose(
            (_cofactors_of_2 if n == 2 else _cofactors_of_3)(xp, x)
        )
    f = _factors(xp, x)
    before, behind = _all_but_one(xp, f.s)
    return _assembled(xp, f, on_diagonal(xp, before * behind))


def _diagonal_bend(xp: Any, s: Any, t: Any) -> Any:
    """Return the derivative of the adjugate of ``diag(s)`` along `t`: symmetric."""
    rest = _all_but_two(xp, s)
    diagonal = column(xp, xp.diagonal(t))
    turned = product(xp, xp.astype(rest, t.dtype), diagonal)
    return on_diagonal(xp, turned[..., 0]) - rest * t


def _adjugate_vjp(xp: Any, g: Any, out: Any, x: Any) -> Any:
    """Return the adjugate of matrices: ``det(x) * inv(x)`` without a division."""
    if x.shape[-1] < 2:
        return xp.zeros_like(x)
    if type(x) is Array or type(g) is Array:
        g = xp.reshape(xp.matrix_transpose(g), (*g.shape, 1, 1))
        return xp.sum(g * _conj(xp, _minor_slopes(xp, x)), axis=(-4, -3))
    f = _factors(xp, x)
    g = product(xp, f.vh, _conj(xp, f.turn) * g, f.u)
    return _assembled(xp, f, _diagonal_bend(xp, f.s, g), back=True)


def _adjugate_jvp(xp: Any, t: Any, out: Any, x: Any) -> Any:
    if x.shape[-1] < 2:
        return xp.zeros_like(x)
    if type(x) is Array or type(t) is Array:
        t = xp.expand_dims(xp.expand_dims(t, axis=-3), axis=-3)
        part = xp.sum(t * _minor_slopes(xp, x), axis=(-2, -1))
        return xp.matrix_transpose(part)
    f = _factors(xp, x)
    t = product(xp, adjoint(xp, f.u), t, adjoint(xp, f.vh))
    return _assembled(xp, f, _diagonal_bend(xp, f.s, t))


def _minor_slopes(xp: Any, x: Any) -> Any:
    """Return the derivative of each cofactor by each entry: (..., n, n, n, n)."""
    n = x.shape[-1]
    raw = raw_of(x)
    at = {"device": raw.device(plain(x))}
    i = raw.arange(n, **at)
    a = raw.arange(n - 1, **at)
    each = column(raw, i)
    kept = a + raw.astype(a >= each, a.dtype)  # (n, n - 1): all rows but the i-th
    pick = raw.astype(column(raw, kept) == i, x.dtype)  # (n, n - 1, n)
    sign = batch(raw, raw.astype(1 - 2 * ((each + i) % 2), x.dtype))
    rows, columns = raw.expand_dims(pick, axis=1), raw.expand_dims(pick, axis=0)
    lifted = xp.expand_dims(xp.expand_dims(x, axis=-3), axis=-3)
    minors = xp.matmul(xp.matmul(rows, lifted), raw.matrix_transpose(columns))
    slopes = xp.matrix_transpose(xp.adjugate(minors))
    spread = xp.matmul(xp.matmul(raw.matrix_transpose(rows), slopes), columns)
    return spread * sign


general("adjugate", jvp=_adjugate_jvp, vjp=_adjugate_vjp, formula=("",), public=False)


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Any
    logabsdet: Any


def _weighted_inverse(xp: Any, x: Any, logabsdet: Any, dead: Any) -> Any:
    """Return the inverse: inf for a singular matrix, 0 where its weight is 0."""
    raw = raw_of(dead)
    singular = batch(raw, plain(logabsdet) == -math.inf)
    n, at = x.shape[-1], raw.device(dead)
    inf = raw.full((), math.inf, dtype=x.dtype, device=at)
    instead = raw.where(dead, raw.zeros_like(inf), inf)
    regular = xp.where(singular, raw.eye(n, dtype=x.dtype, device=at), x)
    return xp.where(singular, instead, xp.inv(regular))


def _slogdet_vjp(xp: Any, gs: Any, outs: Any, x: Any, /) -> Any:
    """Return the sign of the determinant and the logarithm of its absolute value.

    A singular matrix has sign 0 and logarithm -inf; there the derivative is infinite,
    as that of ``log`` at 0, and exactly 0 where the cotangent is 0.
    """
    g_sign, g = gs
    sign, logabsdet = outs
    if xp.is_complex(x):
        weight = 0.0 * sign if g is None else xp.astype(g, x.dtype)
        if g_sign is not None:
            turn = xp.imag(g_sign * xp.conj(sign))
            weight = weight + xp.astype(turn, x.dtype) * 1j
    elif g is None:
        return xp.zeros_like(x)
    else:
        weight = g
    weight = batch(xp, weight)
    inverse = _weighted_inverse(xp, x, logabsdet, plain(weight) == 0)
    return weight * adjoint(xp, inverse)


def _slogdet_jvp(xp: Any, t: Any, outs: Any, x: Any) -> Any:
    sign, logabsdet = outs
    raw = raw_of(plain(t))
    dead = raw.all(plain(t) == 0, axis=(-2, -1), keepdims=True)
    slope = _contracted(xp, _weighted_inverse(xp, x, logabsdet, dead), t)
    if xp.is_complex(x):
        turn = xp.astype(xp.imag(slope), x.dtype) * 1j
        return sign * turn, xp.real(slope)
    return xp.zeros_like(sign), slope


several(
    "slogdet",
    SlogdetResult,
    jvp=_slogdet_jvp,
    vjp=_slogdet_vjp,
    formula=("g * inv(x)^H",),
)
