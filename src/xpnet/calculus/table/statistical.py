"""Sums, means, products, extremes; and the utility functions all, any and diff."""

from __future__ import annotations

import math
from typing import Any

from ..array import Array
from ..convert import asarray
from ..rule import composite, flat, function_of, general, linear
from .special import _axes, _kept

_EMPTY: dict[str, Any] = {}


def _spread(xp: Any, g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Copy the cotangent of a reduction along the axes that it reduced."""
    return xp.broadcast_to(_kept(xp, g, x, axis, keepdims), tuple(x.shape))


def _count(x: Any, axis: Any) -> int:
    return math.prod(x.shape[a] for a in _axes(axis, x.ndim))


@linear()
def sum(
    xp: Any,
    g: Any,
    x: Any,
    /,
    *,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
) -> Any:
    """Return the sum over `axis` (back: a copy for each summand)."""
    return _spread(xp, g, x, axis, keepdims)


@linear()
def mean(
    xp: Any, g: Any, x: Any, /, *, axis: Any = None, keepdims: bool = False
) -> Any:
    """Return the mean over `axis` (back: an equal part for each)."""
    n = _count(x, axis)
    return _spread(xp, g / n if n else g, x, axis, keepdims)


@composite()
def var(
    xp: Any,
    x: Any,
    /,
    *,
    axis: Any = None,
    correction: float = 0.0,
    keepdims: bool = False,
) -> Any:
    """Return the mean squared distance from the mean, over n - correction."""
    n = _count(x, axis)
    centred = x - xp.mean(x, axis=axis, keepdims=True)
    if xp.is_complex(centred):
        centred = xp.abs(centred)
    total = xp.sum(xp.square(centred), axis=axis, keepdims=keepdims)
    if n - correction <= 0:
        return total * math.nan
    return total / (n - correction)


@composite()
def std(
    xp: Any,
    x: Any,
    /,
    *,
    axis: Any = None,
    correction: float = 0.0,
    keepdims: bool = False,
) -> Any:
    """Return the root of the variance; its slope is 0 where all values are equal."""
    v = xp.var(x, axis=axis, correction=correction, keepdims=keepdims)
    constant = v == 0
    return xp.where(
        constant, xp.zeros_like(v), xp.sqrt(xp.where(constant, xp.ones_like(v), v))
    )


# --- extremes: ties share equally, and the shares sum to exactly 1 --------------------


def _shares(xp: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Return 1 / (number of ties) at each extreme, 0 elsewhere."""
    hit = x == _kept(xp, out, x, axis, keepdims)
    hit = hit | (x != x)  # a NaN is the extreme of its row, and equals nothing
    ties = xp.count_nonzero(hit, axis=axis, keepdims=True)
    return xp.astype(hit, x.dtype) / xp.astype(ties, x.dtype)


def _extreme_vjp(
    xp: Any, g: Any, out: Any, x: Any, /, *, axis: Any = None, keepdims: bool = False
) -> Any:
    """Return the extreme over `axis`; its derivative is shared equally among ties."""
    return _kept(xp, g, x, axis, keepdims) * _shares(xp, out, x, axis, keepdims)


def _extreme_jvp(
    xp: Any, t: Any, out: Any, x: Any, /, *, axis: Any = None, keepdims: bool = False
) -> Any:
    return xp.sum(t * _shares(xp, out, x, axis, keepdims), axis=axis, keepdims=keepdims)


for _name in ("max", "min"):
    general(
        _name,
        formula=(f"(x == {_name}(x)) / count(x == {_name}(x))",),
        vjp=_extreme_vjp,
        jvp=_extreme_jvp,
        keeps_out=True,
    )

# --- products, without division: exact where factors are 0 ----------------------------


def _products_of_others(xp: Any, x: Any) -> Any:
    """Along the last axis: for each element, the product of all the others.

    The product of those before times the product of those after, each by doubling
    strides (a scan in log2(n) passes), so that nothing is divided by.
    """
    n = x.shape[-1]
    one = xp.ones_like(xp.getitem(x, (..., slice(0, 1))))
    before = xp.concat(
        [one, _running_product(xp, xp.getitem(x, (..., slice(0, n - 1))))], axis=-1
    )
    turned = xp.flip(x, axis=-1)
    after = xp.concat(
        [one, _running_product(xp, xp.getitem(turned, (..., slice(0, n - 1))))], axis=-1
    )
    return before * xp.flip(after, axis=-1)


def _running_product(xp: Any, x: Any) -> Any:
    """Return the cumulative product along the last axis, from multiplications alone."""
    n, step = x.shape[-1], 1
    while step < n:
        head = xp.getitem(x, (..., slice(0, step)))
        tail = xp.getitem(x, (..., slice(step, n))) * xp.getitem(
            x, (..., slice(0, n - step))
        )
        x = xp.concat([head, tail], axis=-1)
        step *= 2
    return x


def _rows(xp: Any, x: Any, axis: Any) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """Return `x` with the reduced axes as a last one, their order, the shape before."""
    axes = _axes(axis, x.ndim)
    order = tuple(i for i in range(x.ndim) if i not in axes) + axes
    moved = xp.permute_dims(x, order) if x.ndim else x
    kept = tuple(moved.shape)[: x.ndim - len(axes)]
    return xp.reshape(moved, (*kept, _count(x, axis))), order, tuple(moved.shape)


def _others(xp: Any, x: Any, axis: Any) -> Any:
    """For each element, the product of the others that `prod` multiplies it with."""
    if 0 in x.shape:
        return xp.ones_like(x)
    rows, order, shape = _rows(xp, x, axis)
    out = xp.reshape(_products_of_others(xp, rows), shape)
    if not x.ndim:
        return out
    return xp.permute_dims(out, tuple(sorted(range(x.ndim), key=order.__getitem__)))


def _prod_vjp(
    xp: Any,
    g: Any,
    out: Any,
    x: Any,
    /,
    *,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
) -> Any:
    """Return the product over `axis`; its derivative is exact where factors are 0."""
    return (
        _kept(xp, g, x, axis, keepdims) * xp.conj(_others(xp, x, axis))
        if xp.is_complex(x)
        else (_kept(xp, g, x, axis, keepdims) * _others(xp, x, axis))
    )


def _prod_jvp(
    xp: Any,
    t: Any,
    out: Any,
    x: Any,
    /,
    *,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
) -> Any:
    return xp.sum(t * _others(xp, x, axis), axis=axis, dtype=dtype, keepdims=keepdims)


general(
    "prod", formula=("product of the other elements",), vjp=_prod_vjp, jvp=_prod_jvp
)

# --- running sums and products --------------------------------------------------------


def _axis_of(x: Any, axis: int | None) -> int:
    return 0 if axis is None else axis % x.ndim


def _slice_along(axis: int, part: slice) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, part, ...)


@linear()
def cumulative_sum(
    xp: Any,
    g: Any,
    x: Any,
    /,
    *,
    axis: Any = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Any:
    """Return the running sums along `axis` (back: the running sums from the end)."""
    a = _axis_of(x, axis)
    if include_initial:
        g = xp.getitem(g, _slice_along(a, slice(1, None)))
    if x.ndim == 0:
        return xp.reshape(g, ())
    return xp.flip(xp.cumulative_sum(xp.flip(g, axis=a), axis=a), axis=a)


def _products_before(xp: Any, x: Any) -> Any:
    """Return, along the last axis, the product of the elements before each one."""
    n = x.shape[-1]
    one = xp.ones_like(xp.getitem(x, (..., slice(0, 1))))
    head = xp.getitem(x, (..., slice(0, n - 1)))
    return xp.concat([one, _running_product(xp, head)], axis=-1)


def _recurrence(xp: Any, a: Any, b: Any) -> Any:
    """Return y with ``y[i] = a[i] * y[i - 1] + b[i]`` along the last axis, from 0.

    Two steps of it are one step of the same form, so that doubling strides computes it
    in log2(n) passes; what `a` holds before its stride is not used any more.
    """
    n, step = b.shape[-1], 1
    while step < n:
        late, early = (..., slice(step, n)), (..., slice(0, n - step))
        first = (..., slice(0, step))
        factor = xp.getitem(a, late)
        sums = xp.getitem(b, late) + factor * xp.getitem(b, early)
        b = xp.concat([xp.getitem(b, first), sums], axis=-1)
        products = factor * xp.getitem(a, early)
        a = xp.concat([xp.getitem(a, first), products], axis=-1)
        step *= 2
    return b


def _cumulative_prod_vjp(
    xp: Any,
    g: Any,
    out: Any,
    x: Any,
    /,
    *,
    axis: Any = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Any:
    """Return the running products; the derivative is exact where factors are 0."""
    if 0 in x.shape:
        return xp.zeros_like(x)
    if x.ndim == 0:
        return xp.reshape(
            xp.getitem(g, (slice(1, None),)) if include_initial else g, ()
        )
    a = _axis_of(x, axis)
    if include_initial:
        g = xp.getitem(g, _slice_along(a, slice(1, None)))
    rows = xp.moveaxis(xp.conj(x) if xp.is_complex(x) else x, a, -1)
    # from the end: s[j] = g[j] + x[j + 1] * s[j + 1]; what came before multiplies it
    turned = xp.flip(rows, axis=-1)
    one = xp.ones_like(xp.getitem(turned, (..., slice(0, 1))))
    factor = xp.concat([one, xp.getitem(turned, (..., slice(0, -1)))], axis=-1)
    sums = _recurrence(xp, factor, xp.flip(xp.moveaxis(g, a, -1), axis=-1))
    part = _products_before(xp, rows) * xp.flip(sums, axis=-1)
    return xp.moveaxis(part, -1, a)


def _cumulative_prod_jvp(
    xp: Any,
    t: Any,
    out: Any,
    x: Any,
    /,
    *,
    axis: Any = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Any:
    a = _axis_of(x, axis)
    if 0 in x.shape or x.ndim == 0:
        part = t
    else:
        rows = xp.moveaxis(x, a, -1)
        new = xp.moveaxis(t, a, -1) * _products_before(xp, rows)
        part = xp.moveaxis(_recurrence(xp, rows, new), -1, a)
    if include_initial:
        part = xp.reshape(part, (1,)) if part.ndim == 0 else part
        shape = (*part.shape[:a], 1, *part.shape[a + 1 :])
        first = xp.zeros(shape, dtype=part.dtype, device=xp.device(part))
        part = xp.concat([first, part], axis=a)
    return part if dtype is None else xp.astype(part, dtype)


general(
    "cumulative_prod",
    formula=("sum of g[i] times the product of x[0..i] without x[j]",),
    vjp=_cumulative_prod_vjp,
    jvp=_cumulative_prod_jvp,
)

# --- utility --------------------------------------------------------------------------

flat(
    "all",
    "its values are true or false",
    lambda x, /, *, axis=None, keepdims=False: None,
)
flat(
    "any",
    "its values are true or false",
    lambda x, /, *, axis=None, keepdims=False: None,
)


@function_of("diff")
def diff(
    x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
) -> Array:
    """Return the differences of neighbours along `axis`, taken `n` times."""
    out: Array = asarray(x)
    xp = out._lib.recorded
    ends = [v for v in (prepend, out, append) if v is not None]
    if len(ends) > 1:
        out = xp.concat(ends, axis=axis)
    if not -out.ndim <= axis < out.ndim:
        raise IndexError(
            f"diff: axis {axis} is out of range for an array with {out.ndim} axes."
        )
    a = axis % out.ndim
    truth = xp.isdtype(out.dtype, "bool")
    for _ in range(n):
        later = out[_slice_along(a, slice(1, None))]
        earlier = out[_slice_along(a, slice(0, -1))]
        out = (later != earlier) if truth else later - earlier
    return out
