"""Functions that the standard lacks and networks need: rows of our own.

Where the standard has no function there is nothing in the library to call, so each row
also says how the value is computed, in the standard's functions.
"""

from __future__ import annotations

from typing import Any

from ..rule import addition, binary, general, unary

__all__ = ["PUBLIC"]

PUBLIC = tuple(
    """digamma einsum erf erfc expit gammaln index_add log_expit log_softmax logsumexp
    one_hot pad polygamma relu segment_sum sliding_windows softmax top_k
    xlogy""".split()
)
"""The functions of ``xp.special``."""


# --- the logistic function ------------------------------------------------------------


@addition("expit")
def _expit(xp: Any, x: Any) -> Any:
    if xp.is_complex(x):
        return 1 / (1 + xp.exp(-x))
    e = xp.exp(-xp.abs(x))  # never overflows
    return xp.where(x >= 0, xp.ones_like(e), e) / (1 + e)


@addition("expit_slope")
def _expit_slope(xp: Any, x: Any) -> Any:
    if xp.is_complex(x):
        return 1 / ((1 + xp.exp(-x)) * (1 + xp.exp(x)))
    e = xp.exp(-xp.abs(x))
    one = 1 + e
    return e / (one * one)


@addition("tanh_slope")
def _tanh_slope(xp: Any, x: Any) -> Any:
    c = xp.cosh(x)  # where it overflows the slope is 0
    return 1 / (c * c)


@addition("log_expit")
def _log_expit(xp: Any, x: Any) -> Any:
    return xp.minimum(x, xp.zeros_like(x)) - xp.log1p(xp.exp(-xp.abs(x)))


@addition("expit_difference")
def _expit_difference(xp: Any, x: Any, y: Any) -> Any:
    """``expit(x - y)``, with the rounding error of the difference put back."""
    d = x - y
    d = xp.where(x == y, xp.zeros_like(d), d)
    back = d - x
    error = (x - (d - back)) - (y + back)
    value = _expit(xp, d)
    correction = _expit_slope(xp, d) * error
    return xp.where(xp.isfinite(correction), value + correction, value)


unary("expit", "expit(x) * (1 - expit(x))", lambda xp, t, x, _: t * xp.expit_slope(x))
unary(
    "expit_slope",
    "expit_slope(x) * (1 - 2 * expit(x))",
    lambda xp, t, x, _: -t * (xp.expit_slope(x) * xp.tanh(0.5 * x)),
    public=False,
)
unary(
    "tanh_slope",
    "-2 * tanh(x) * tanh_slope(x)",
    lambda xp, t, x, out: t * (-2 * xp.tanh(x) * out),
    public=False,
)
unary("log_expit", "1 - expit(x)", lambda xp, t, x, _: t * xp.expit(-x))
binary(
    "expit_difference",
    ("expit(x - y) * expit(y - x)", "-expit(x - y) * expit(y - x)"),
    lambda xp, t, x, y, _: t * (xp.expit_difference(x, y) * xp.expit_difference(y, x)),
    lambda xp, t, x, y, _: -t * (xp.expit_difference(x, y) * xp.expit_difference(y, x)),
    public=False,
)

# --- relu: slope 0 at 0, and NaN stays NaN --------------------------------------------


@addition("relu")
def _relu(xp: Any, x: Any) -> Any:
    return xp.clip(x, 0, None)


@addition("gate")
def _gate(xp: Any, v: Any, out: Any) -> Any:
    """Let `v` through where a relu's output is above 0; NaN where that is NaN."""
    return xp.where(out > 0, v, xp.where(out == 0, xp.zeros_like(v), v * out))


unary("relu", "x > 0", lambda xp, t, _x, out: xp.gate(t, out))
binary(
    "gate",
    ("y > 0", "0"),
    lambda xp, t, _x, y, _: xp.gate(t, y),
    lambda xp, t, _x, _y, _: xp.zeros_like(t),
    public=False,
)

# --- softmax and its kin --------------------------------------------------------------


def _conj(xp: Any, x: Any) -> Any:
    return xp.conj(x) if xp.is_complex(x) else x


def _finite(xp: Any, x: Any) -> Any:
    return xp.where(xp.isfinite(x), x, xp.zeros_like(x))


@addition("logsumexp")
def _logsumexp(xp: Any, x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    size = xp.real(x) if xp.is_complex(x) else x
    top = _finite(xp, xp.max(size, axis=axis, keepdims=True))
    out = _log_sum_exp(xp, x - top, axis) + top
    return out if keepdims else xp.squeeze(out, axis=_axes(axis, x.ndim))


def _log_sum_exp(xp: Any, x: Any, axis: Any) -> Any:
    """Return ``log(sum(exp(x)))`` where the largest is 0, also when it is close to 0.

    The zeros are counted apart, and what the others add goes through `log1p`.
    """
    e = xp.exp(x)
    if xp.is_complex(x):
        return xp.log(xp.sum(e, axis=axis, keepdims=True, dtype=x.dtype))
    zeros = xp.astype(x == 0, x.dtype)
    count = xp.sum(zeros, axis=axis, keepdims=True, dtype=x.dtype)
    rest = xp.sum(e - zeros, axis=axis, keepdims=True, dtype=x.dtype)
    some = xp.where(count == 0, xp.ones_like(count), count)  # 0: all are -inf, or +inf
    return xp.log(some) + xp.log1p((rest - (some - count)) / some)


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    axes = range(ndim) if axis is None else ((axis,) if isinstance(axis, int) else axis)
    return tuple(a % ndim for a in axes)


def _kept(xp: Any, g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Give a reduced array its axes back, each of length 1."""
    if keepdims or x.ndim == 0:
        return g
    axes = _axes(axis, x.ndim)
    return xp.reshape(g, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


def _weights(xp: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Return ``exp(x) / sum(exp(x))``; 0 where every entry is -inf.

    Dividing by the sum again takes out the rounding of `out`.
    """
    e = xp.exp(x - _finite(xp, _kept(xp, out, x, axis, keepdims)))
    total = xp.sum(e, axis=axis, keepdims=True)
    return e / xp.where(total == 0, xp.ones_like(total), total)


def _logsumexp_vjp(
    xp: Any, g: Any, out: Any, x: Any, /, *, axis: Any = None, keepdims: bool = False
) -> Any:
    """Return ``log(sum(exp(x)))`` over `axis`; -inf where every entry is -inf."""
    weights = _weights(xp, out, x, axis, keepdims)
    return _kept(xp, g, x, axis, keepdims) * _conj(xp, weights)


def _logsumexp_jvp(
    xp: Any, t: Any, out: Any, x: Any, /, *, axis: Any = None, keepdims: bool = False
) -> Any:
    weights = _weights(xp, out, x, axis, keepdims)
    return xp.sum(t * weights, axis=axis, keepdims=keepdims)


general(
    "logsumexp",
    formula=("exp(x) / sum(exp(x))",),
    vjp=_logsumexp_vjp,
    jvp=_logsumexp_jvp,
    keeps_out=True,
)


@addition("softmax")
def _softmax(xp: Any, x: Any, /, *, axis: int = -1) -> Any:
    if 0 in x.shape:  # no element is the largest
        return xp.zeros_like(x)
    e = xp.exp(x - _finite(xp, xp.max(x, axis=axis, keepdims=True)))
    total = xp.sum(e, axis=axis, keepdims=True, dtype=x.dtype)
    # a row of -inf gives zeros
    return e / xp.where(total == 0, xp.ones_like(total), total)


def _softmax_jvp(xp: Any, t: Any, out: Any, x: Any, /, *, axis: int = -1) -> Any:
    return out * (t - xp.sum(t * out, axis=axis, keepdims=True))


def _softmax_vjp(xp: Any, g: Any, out: Any, x: Any, /, *, axis: int = -1) -> Any:
    """``exp(x) / sum(exp(x))`` along `axis`; exactly 0 where x is -inf."""
    return _softmax_jvp(xp, g, _conj(xp, out), x, axis=axis)


general(
    "softmax",
    formula=("softmax(x) * (g - sum(g * softmax(x)))",),
    vjp=_softmax_vjp,
    jvp=_softmax_jvp,
    keeps_out=True,
)


@addition("log_softmax")
def _log_softmax(xp: Any, x: Any, /, *, axis: int = -1) -> Any:
    if 0 in x.shape:
        return xp.zeros_like(x)
    shifted = x - _finite(xp, xp.max(x, axis=axis, keepdims=True))
    return shifted - _log_sum_exp(xp, shifted, axis)


def _log_softmax_vjp(xp: Any, g: Any, out: Any, x: Any, /, *, axis: int = -1) -> Any:
    """``x - logsumexp(x)`` along `axis`."""
    return g - _conj(xp, xp.exp(out)) * xp.sum(g, axis=axis, keepdims=True)


def _log_softmax_jvp(xp: Any, t: Any, out: Any, x: Any, /, *, axis: int = -1) -> Any:
    return t - xp.sum(xp.exp(out) * t, axis=axis, keepdims=True)


general(
    "log_softmax",
    formula=("g - softmax(x) * sum(g)",),
    vjp=_log_softmax_vjp,
    jvp=_log_softmax_jvp,
    keeps_out=True,
)
