"""The derivative of every elementwise function, in arithmetic of sixty digits.

``SLOPES[name]`` has one function for each argument. Each is written so that it is exact
to far more digits than are compared; none is copied from the rule that it judges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mp, mpf

mp.dps = 60
one = mpf(1)
Slope = Callable[..., Any]


def _logistic(x: Any) -> Any:
    return one / (one + mp.exp(-x))


def _logistic_slope(x: Any) -> Any:
    e = mp.exp(-abs(x))
    return e / (one + e) ** 2


def _sech2(x: Any) -> Any:
    return one / mp.cosh(x) ** 2


def _square_sum(x: Any, y: Any) -> Any:
    return x * x + y * y


def _step(x: Any) -> Any:
    return one if x > 0 else mpf(0)


def _larger(x: Any, y: Any) -> Any:
    return one / 2 if x == y else _step(x - y)


def _signed(x: Any, y: Any) -> Any:
    return mp.sign(x) * (-1 if y < 0 else 1)


UNARY: dict[str, Slope] = {
    "acos": lambda x: -one / mp.sqrt((one - x) * (one + x)),
    "acosh": lambda x: one / mp.sqrt((x - one) * (x + one)),
    "asin": lambda x: one / mp.sqrt((one - x) * (one + x)),
    "asinh": lambda x: one / mp.sqrt(one + x * x),
    "atan": lambda x: one / (one + x * x),
    "atanh": lambda x: one / ((one - x) * (one + x)),
    "cos": lambda x: -mp.sin(x),
    "cosh": mp.sinh,
    "digamma": lambda x: mp.psi(1, x),
    "erf": lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
    "erfc": lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
    "exp": mp.exp,
    "expm1": mp.exp,
    "expit": _logistic_slope,
    "expit_slope": lambda x: -_logistic_slope(x) * mp.tanh(x / 2),
    "gammaln": lambda x: mp.psi(0, x),
    "gauss": lambda x: -2 * x * mp.exp(-x * x),
    "log": lambda x: one / x,
    "log10": lambda x: one / (x * mp.log(10)),
    "log1p": lambda x: one / (one + x),
    "log2": lambda x: one / (x * mp.log(2)),
    "log_expit": lambda x: _logistic(-x),
    "negative": lambda x: -one,
    "positive": lambda x: one,
    "reciprocal": lambda x: -one / (x * x),
    "relu": _step,
    "sin": mp.cos,
    "sinh": mp.cosh,
    "sqrt": lambda x: one / (2 * mp.sqrt(x)),
    "square": lambda x: 2 * x,
    "tan": lambda x: one + mp.tan(x) ** 2,
    "tanh": _sech2,
    "tanh_slope": lambda x: -2 * mp.tanh(x) * _sech2(x),
}

BINARY: dict[str, tuple[Slope, Slope]] = {
    "add": (lambda x, y: one, lambda x, y: one),
    "atan2": (
        lambda x, y: y / _square_sum(x, y),
        lambda x, y: -x / _square_sum(x, y),
    ),
    "copysign": (_signed, lambda x, y: mpf(0)),
    "divide": (lambda x, y: one / y, lambda x, y: -x / (y * y)),
    "expit_difference": (
        lambda x, y: _logistic_slope(x - y),
        lambda x, y: -_logistic_slope(x - y),
    ),
    "gate": (lambda x, y: _step(y), lambda x, y: mpf(0)),
    "hypot": (
        lambda x, y: x / mp.sqrt(_square_sum(x, y)),
        lambda x, y: y / mp.sqrt(_square_sum(x, y)),
    ),
    "logaddexp": (lambda x, y: _logistic(x - y), lambda x, y: _logistic(y - x)),
    "maximum": (_larger, lambda x, y: _larger(y, x)),
    "minimum": (lambda x, y: _larger(y, x), _larger),
    "multiply": (lambda x, y: y, lambda x, y: x),
    "nextafter": (lambda x, y: one, lambda x, y: mpf(0)),
    "pow": (
        lambda x, y: y * mp.power(x, y - 1) if y != 0 else mpf(0),
        lambda x, y: mp.power(x, y) * mp.log(x),
    ),
    "remainder": (lambda x, y: one, lambda x, y: -mp.floor(x / y)),
    "subtract": (lambda x, y: one, lambda x, y: -one),
    "xlogy": (lambda x, y: mp.log(y), lambda x, y: x / y),
}

SLOPES: dict[str, tuple[Slope, ...]] = {**{n: (f,) for n, f in UNARY.items()}, **BINARY}

__all__ = ["SLOPES", "mpmath"]
