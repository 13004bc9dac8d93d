"""Special functions borrowed from SciPy: its values, with slopes written here.

SciPy looks for a special function in the ``special`` part of an array's namespace
before it calls its compiled one. These are its functions that are no row of the table;
they are found there, and stand in no list of ours. A slope is written in the table's
functions and in borrowed ones, so that there are derivatives of any order. An argument
without a slope here (the shape of a gamma distribution, say) can be given, but not
differentiated: that raises an error, and only when the derivative is asked for.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from ..backend.borrowed_special import borrowed_special
from ..errors import GradientError
from .array import Array
from .convert import SCALARS, asarray, like, wrap
from .kinds.base import cast_like
from .rule import TABLE
from .transforms.custom import custom_vjp

__all__ = ["borrowed"]

Slope = Callable[..., Any]
"""``slope(f, out, *args)``: `f` has the table's functions and the borrowed ones."""

_DEGREE = math.pi / 180
_LOG_2PI = math.log(2 * math.pi)


class _Functions:
    """The table's functions and the borrowed ones, as attributes."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = _find(name) if name in SLOPES else TABLE[name].function
        setattr(self, name, found)
        return found


_F = _Functions()


# --- densities of the distributions, as exponentials of their logarithms --------------


def _normal(f: Any, x: Any) -> Any:
    return f.exp(-0.5 * x * x - 0.5 * _LOG_2PI)


def _gamma(f: Any, a: Any, x: Any) -> Any:
    return f.exp(f.xlogy(a - 1, x) - x - f.gammaln(a))


def _beta(f: Any, a: Any, b: Any, x: Any) -> Any:
    return f.exp(f.xlogy(a - 1, x) + f.xlog1py(b - 1, -x) - f.betaln(a, b))


def _student(f: Any, v: Any, t: Any) -> Any:
    top = f.gammaln((v + 1) / 2) - f.gammaln(v / 2) - 0.5 * f.log(math.pi * v)
    return f.exp(top - (v + 1) / 2 * f.log1p(t * t / v))


def _fisher(f: Any, v: Any, w: Any, x: Any) -> Any:
    share = v * x / (v * x + w)
    return _beta(f, v / 2, w / 2, share) * v * w / (v * x + w) ** 2


def _poisson(f: Any, k: Any, m: Any) -> Any:
    return f.exp(f.xlogy(k, m) - m - f.gammaln(k + 1))


# --- slopes, one for each argument; None where there is none --------------------------

SLOPES: dict[str, tuple[Slope | None, ...]] = {
    # logarithms and powers
    "cbrt": (lambda f, out, x: 1 / (3 * out * out),),
    "cosm1": (lambda f, out, x: -f.sin(x),),
    "entr": (lambda f, out, x: -f.log(x) - 1,),
    "exp10": (lambda f, out, x: math.log(10) * out,),
    "exp2": (lambda f, out, x: math.log(2) * out,),
    "kl_div": (lambda f, out, x, y: f.log(x / y), lambda f, out, x, y: 1 - x / y),
    "logit": (lambda f, out, x: 1 / (x * (1 - x)),),
    "xlog1py": (lambda f, out, x, y: f.log1p(y), lambda f, out, x, y: x / (1 + y)),
    "boxcox": (lambda f, out, x, p: x ** (p - 1), None),
    "boxcox1p": (lambda f, out, x, p: (1 + x) ** (p - 1), None),
    "inv_boxcox": (lambda f, out, y, p: out ** (1 - p), None),
    "inv_boxcox1p": (lambda f, out, y, p: (1 + out) ** (1 - p), None),
    # losses
    "huber": (
        lambda f, out, d, r: f.relu(f.abs(r) - d),
        lambda f, out, d, r: f.maximum(-d, f.minimum(r, d)),
    ),
    "pseudo_huber": (
        lambda f, out, d, r: (2 * out - r * r / f.hypot(r / d, 1.0)) / d,
        lambda f, out, d, r: r / f.hypot(r / d, 1.0),
    ),
    # degrees
    "cosdg": (lambda f, out, x: -_DEGREE * f.sindg(x),),
    "cotdg": (lambda f, out, x: -_DEGREE * (1 + out * out),),
    "sindg": (lambda f, out, x: _DEGREE * f.cosdg(x),),
    "tandg": (lambda f, out, x: _DEGREE * (1 + out * out),),
    "radian": tuple(
        lambda f, out, d, m, s, k=k: _DEGREE / 60**k * (1 + 0 * out) for k in range(3)
    ),
    # the gamma and beta functions
    "betaln": (
        lambda f, out, a, b: f.digamma(a) - f.digamma(a + b),
        lambda f, out, a, b: f.digamma(b) - f.digamma(a + b),
    ),
    "binom": (
        lambda f, out, n, k: out * (f.digamma(n + 1) - f.digamma(n - k + 1)),
        lambda f, out, n, k: out * (f.digamma(n - k + 1) - f.digamma(k + 1)),
    ),
    "gamma": (lambda f, out, x: out * f.digamma(x),),
    "gammasgn": (lambda f, out, x: 0 * out,),
    "loggamma": (lambda f, out, x: f.digamma(x),),
    "poch": (
        lambda f, out, x, m: out * (f.digamma(x + m) - f.digamma(x)),
        lambda f, out, x, m: out * f.digamma(x + m),
    ),
    "psi": (lambda f, out, x: f.polygamma(1, x),),
    "rgamma": (lambda f, out, x: -out * f.digamma(x),),
    "zeta": (None, lambda f, out, x, q: -x * f.zeta(x + 1, q)),
    # the normal distribution and the error function's kin
    "erfcx": (lambda f, out, x: 2 * x * out - 2 / math.sqrt(math.pi),),
    "erfinv": (lambda f, out, p: 0.5 * math.sqrt(math.pi) * f.exp(out * out),),
    "log_ndtr": (lambda f, out, x: f.exp(-0.5 * x * x - 0.5 * _LOG_2PI - out),),
    "ndtr": (lambda f, out, x: _normal(f, x),),
    "ndtri": (lambda f, out, p: 1 / _normal(f, out),),
    # distributions: by the variable, and from there back
    "betainc": (None, None, lambda f, out, a, b, x: _beta(f, a, b, x)),
    "betaincc": (None, None, lambda f, out, a, b, x: -_beta(f, a, b, x)),
    "betaincinv": (None, None, lambda f, out, a, b, p: 1 / _beta(f, a, b, out)),
    "chdtr": (None, lambda f, out, v, x: 0.5 * _gamma(f, v / 2, x / 2)),
    "chdtrc": (None, lambda f, out, v, x: -0.5 * _gamma(f, v / 2, x / 2)),
    "chdtri": (None, lambda f, out, v, p: -2 / _gamma(f, v / 2, out / 2)),
    "fdtr": (None, None, lambda f, out, v, w, x: _fisher(f, v, w, x)),
    "fdtrc": (None, None, lambda f, out, v, w, x: -_fisher(f, v, w, x)),
    "fdtri": (None, None, lambda f, out, v, w, p: 1 / _fisher(f, v, w, out)),
    "gammainc": (None, lambda f, out, a, x: _gamma(f, a, x)),
    "gammaincc": (None, lambda f, out, a, x: -_gamma(f, a, x)),
    "gammaincinv": (None, lambda f, out, a, p: 1 / _gamma(f, a, out)),
    "gammainccinv": (None, lambda f, out, a, p: -1 / _gamma(f, a, out)),
    "gdtr": (
        lambda f, out, a, b, x: x * _gamma(f, b, a * x),
        None,
        lambda f, out, a, b, x: a * _gamma(f, b, a * x),
    ),
    "gdtrc": (
        lambda f, out, a, b, x: -x * _gamma(f, b, a * x),
        None,
        lambda f, out, a, b, x: -a * _gamma(f, b, a * x),
    ),
    "stdtr": (None, lambda f, out, v, t: _student(f, v, t)),
    "stdtrit": (None, lambda f, out, v, p: 1 / _student(f, v, out)),
    # counts: the first arguments are whole numbers
    "bdtr": (None, None, lambda f, out, k, n, p: -_beta(f, k + 1, n - k, p)),
    "bdtrc": (None, None, lambda f, out, k, n, p: _beta(f, k + 1, n - k, p)),
    "bdtri": (None, None, lambda f, out, k, n, y: -1 / _beta(f, k + 1, n - k, out)),
    "nbdtr": (None, None, lambda f, out, k, n, p: _beta(f, n, k + 1, p)),
    "nbdtrc": (None, None, lambda f, out, k, n, p: -_beta(f, n, k + 1, p)),
    "nbdtri": (None, None, lambda f, out, k, n, y: 1 / _beta(f, n, k + 1, out)),
    "pdtr": (None, lambda f, out, k, m: -_poisson(f, k, m)),
    "pdtrc": (None, lambda f, out, k, m: _poisson(f, k, m)),
    "pdtri": (None, lambda f, out, k, y: -1 / _poisson(f, k, out)),
    # integrals of the exponential
    "exp1": (lambda f, out, x: -f.exp(-x) / x,),
    "expi": (lambda f, out, x: f.exp(x) / x,),
    "expn": (None, lambda f, out, n, x: -f.expn(n - 1, x)),
    "hyp1f1": (None, None, lambda f, out, a, b, x: a / b * f.hyp1f1(a + 1, b + 1, x)),
    # Bessel's functions
    "i0": (lambda f, out, x: f.i1(x),),
    "i0e": (lambda f, out, x: f.i1e(x) - f.sign(x) * out,),
    "i1": (lambda f, out, x: (f.i0(x) + f.iv(2.0, x)) / 2,),
    "i1e": (lambda f, out, x: (f.i0e(x) + f.ive(2.0, x)) / 2 - f.sign(x) * out,),
    "iv": (None, lambda f, out, n, x: (f.iv(n - 1, x) + f.iv(n + 1, x)) / 2),
    "ive": (
        None,
        lambda f, out, n, x: (f.ive(n - 1, x) + f.ive(n + 1, x)) / 2 - f.sign(x) * out,
    ),
    "j0": (lambda f, out, x: -f.j1(x),),
    "j1": (lambda f, out, x: (f.j0(x) - f.jv(2.0, x)) / 2,),
    "jv": (None, lambda f, out, n, x: (f.jv(n - 1, x) - f.jv(n + 1, x)) / 2),
    "k0": (lambda f, out, x: -f.k1(x),),
    "k0e": (lambda f, out, x: out - f.k1e(x),),
    "k1": (lambda f, out, x: -(f.k0(x) + f.kv(2.0, x)) / 2,),
    "k1e": (lambda f, out, x: out - (f.k0e(x) + f.kve(2.0, x)) / 2,),
    "kv": (None, lambda f, out, n, x: -(f.kv(n - 1, x) + f.kv(n + 1, x)) / 2),
    "kve": (None, lambda f, out, n, x: out - (f.kve(n - 1, x) + f.kve(n + 1, x)) / 2),
    "y0": (lambda f, out, x: -f.y1(x),),
    "y1": (lambda f, out, x: (f.y0(x) - f.yv(2.0, x)) / 2,),
    "yn": (None, lambda f, out, n, x: (f.yv(n - 1, x) - f.yv(n + 1, x)) / 2),
    "yv": (None, lambda f, out, n, x: (f.yv(n - 1, x) - f.yv(n + 1, x)) / 2),
}


# --- from a name to a function --------------------------------------------------------


@functools.cache
def _find(name: str) -> Callable[..., Any]:
    def function(*args: Any) -> Any:
        return _called(name, args)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = _doc(name)
    return function


def _doc(name: str) -> str:
    known = [str(i + 1) for i, slope in enumerate(SLOPES[name]) if slope is not None]
    count = len(SLOPES[name])
    which = "" if count == 1 else f" by argument {' and '.join(known)} of {count}"
    return (
        f"Return ``scipy.special.{name}``, differentiable{which}.\n\n"
        "Its values need SciPy (cupyx on a GPU). A derivative by another argument\n"
        "raises GradientError.\n"
    )


def borrowed() -> dict[str, Callable[..., Any]]:
    """Return the borrowed functions by SciPy's names."""
    return {name: _find(name) for name in SLOPES}


def _called(name: str, args: tuple[Any, ...]) -> Any:
    """Return a borrowed function's value; its slopes go on the tape."""
    near = asarray(next((a for a in args if type(a) not in SCALARS), args[0]))
    lib = near._lib
    value = borrowed_special(lib, name)
    raw = [a if type(a) in SCALARS else like(a, near).data for a in args]
    if not any(type(a) is Array and a._node is not None for a in args):
        return wrap(lib, value(*raw))
    arrays = [_floating(like(a, near), near) for a in args]
    arrays = TABLE["broadcast_arrays"].function(*arrays)
    known = [slope is not None for slope in SLOPES[name]]
    lost = [i + 1 for i, x in enumerate(arrays) if x._node is not None and not known[i]]

    xp = lib.recorded

    def compiled(*_: Any) -> Any:
        return wrap(lib, value(*raw))

    function = custom_vjp(compiled)
    function._row.name = name
    function._row.single = len(arrays) == 1

    def rule(g: Any, out: Any, *inputs: Any) -> Any:
        _refuse(name, lost)
        parts = [
            None
            if slope is None
            else cast_like(xp, _times(name, slope, g, out, inputs), x)
            for slope, x in zip(SLOPES[name], inputs, strict=True)
        ]
        return parts[0] if len(parts) == 1 else tuple(parts)

    function.defvjp(rule)
    return function(*arrays)


def _times(name: str, slope: Slope, g: Any, out: Any, inputs: tuple[Any, ...]) -> Any:
    """Return `g` times the slope, by the strong-zero rule.

    On the tape the slope is taken at a regular point where the 0 is stronger, so that
    no infinity meets a cotangent of 0 in the derivative of this one.
    """
    lib = g._lib
    xp, raw = lib.recorded, lib.raw
    part = g * _conj(slope(_F, out, *inputs))
    if all(x._node is None for x in (g, out, *inputs)):
        return xp.strong_zero(part, g, *inputs)
    masked = (g.data == 0) & ~raw.isfinite(part.data)
    for x in inputs:
        masked = masked & (x.data == x.data)
    regular = [
        x if known is None else xp.where(masked, 0.5, x)
        for known, x in zip(SLOPES[name], inputs, strict=True)
    ]
    part = g * _conj(slope(_F, xp.where(masked, 0.5, out), *regular))
    return xp.where(masked, 0.0, part)


def _floating(x: Array, near: Array) -> Array:
    lib = x._lib
    if lib.is_floating(x.data.dtype):
        return x
    dtype = near.dtype if lib.is_floating(near.data.dtype) else lib.raw.float64
    out: Array = TABLE["astype"].function(x, dtype)
    return out


def _conj(x: Array) -> Array:
    out: Array = TABLE["conj"].function(x) if x._lib.is_complex(x.data) else x
    return out


def _refuse(name: str, lost: list[int]) -> None:
    if lost:
        raise GradientError(
            f"{name}: its derivative by argument {lost[0]} is not known here, and the "
            "result depends on that argument. Pass xn.stop_gradient(...) of it if it "
            "is meant as a constant."
        )
