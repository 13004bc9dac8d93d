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
    if ord == "nuc":
        out = xp.sum(_singular(xp, x), axis=-1)
    elif ord in (2, -2):
        out = _extreme(xp, _singular(xp, x), ord)
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


def _singular(xp: Any, x: Any) -> Any:
    """Return the singular values; those that are 0 to rounding have slope 0."""
    values = xp.svdvals(x)
    if 0 in x.shape[-2:]:
        return values
    top = xp.max(values, axis=-1, keepdims=True)
    rounding = float(xp.finfo(values.dtype).eps) * max(x.shape[-2:])
    return xp.where(values > rounding * top, values, xp.zeros_like(values))


composite("matrix_norm")(_matrix_norm)
