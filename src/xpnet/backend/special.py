"""Special functions written in the standard's own functions.

They are what runs where a library has none (array-api-strict), or none as good. Each
takes ``xp`` and real arrays. Single precision is computed in double and rounded once,
but for `erf`, which has a form of its own. The tables of coefficients are made by
benchmarks/special_coefficients.py; what each function is worth against sixty digits
stands in docs/numerics.md.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from ..errors import DTypeError
from . import special_tables as tables

__all__ = ["FALLBACKS", "digamma_from"]

_HALF_LOG_2PI = 0.9189385332046728
_WHOLE = 2.0**53  # from here on every number is an even integer


def _polynomial(coefficients: Sequence[float], x: Any) -> Any:
    """Return the polynomial, lowest power first, by Horner's rule in place."""
    out = x * coefficients[-1]
    for c in coefficients[-2:0:-1]:
        out += c
        out *= x
    out += coefficients[0]
    return out


def _quotient(above: Sequence[float], below: Sequence[float], x: Any) -> Any:
    out = _polynomial(above, x)
    out /= _polynomial(below, x)
    return out


def _number(xp: Any, value: float, like: Any) -> Any:
    return xp.full((), value, dtype=like.dtype, device=xp.device(like))


def _between(xp: Any, x: Any, low: float | None, high: float | None) -> Any:
    """Return `x` cut off at `low` and `high`; NaN stays NaN."""
    if low is not None:
        x = xp.maximum(x, _number(xp, low, x))
    return x if high is None else xp.minimum(x, _number(xp, high, x))


def _in_double(name: str) -> Callable[[Any], Any]:
    """Compute in double precision; round to the precision of the argument."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def rounded(xp: Any, x: Any, *options: Any) -> Any:
            if not xp.isdtype(x.dtype, "real floating"):
                raise DTypeError(
                    f"{name}: the array has dtype {x.dtype}; it is defined here for "
                    "real floating-point numbers. Convert with xp.astype(x, "
                    "xp.float64)."
                )
            if x.dtype == xp.float64:
                return function(xp, x, *options)
            return xp.astype(function(xp, xp.astype(x, xp.float64), *options), x.dtype)

        return rounded

    return wrap


# --- the error function ---------------------------------------------------------------


def _either(xp: Any, mask: Any, x: Any, y: Any) -> Any:
    """Return `x` where the mask holds, else `y`; both are finite, or both are NaN.

    Two products are several times faster than NumPy's `where` on a mask without order.
    """
    chosen = xp.astype(mask, x.dtype)
    out = x * chosen
    out += y * (1.0 - chosen)
    return out


def _erf_near(xp: Any, x: Any, table: Sequence[float]) -> Any:
    """Return ``erf(x)`` for ``0 <= x <= 1``, as x and a small part of it more."""
    x = _between(xp, x, None, 1.0)
    return x + x * _polynomial(table, x * x)


@_in_double("erf")
def _erf_double(xp: Any, x: Any) -> Any:
    a = xp.abs(x)
    b = _between(xp, a, 1.0, 6.0)  # from 6 on it is 1
    far = _quotient(tables.ERFCX_SHORT_ABOVE, tables.ERFCX_SHORT_BELOW, b)
    far *= xp.exp(-(b * b))
    near = _erf_near(xp, a, tables.ERF_ABOVE)
    return xp.copysign(_either(xp, a < 1.0, near, 1.0 - far), x)


def erf(xp: Any, x: Any) -> Any:
    """Return ``2 / sqrt(pi)`` times the integral of ``exp(-t**2)`` from 0 to `x`."""
    if x.dtype != xp.float32:
        return _erf_double(xp, x)
    a = xp.abs(x)
    near = _erf_near(xp, a, tables.ERF_SINGLE_ABOVE)
    # from 3.95 on it is 1 to the last bit
    far = xp.exp(-_polynomial(tables.LOG_ERFC_ABOVE, _between(xp, a, 1.0, 3.95)))
    return xp.copysign(_either(xp, a < 1.0, near, 1.0 - far), x)


_PLACES = {"float32": (256.0, 14.0), "float64": (1024.0, 28.0)}
"""By dtype: steps between integers whose squares are exact; where exp(-x**2) is 0."""


def gauss(xp: Any, x: Any) -> Any:
    """Return ``exp(-x**2)`` without the error of rounding the square.

    The square of x to some binary places is exact; what is left is small.
    """
    if xp.is_complex(x):
        return xp.exp(-(x * x))
    places, most = _PLACES["float32" if x.dtype == xp.float32 else "float64"]
    x = _between(xp, x, -most, most)
    h = xp.round(x * places) / places
    return xp.exp(-(h * h)) * xp.exp((h - x) * (h + x))


@_in_double("erfc")
def erfc(xp: Any, x: Any) -> Any:
    """Return ``1 - erf(x)`` without cancellation: relatively exact to underflow."""
    a = xp.abs(x)
    b = _between(xp, a, 0.5, 28.0)
    far = _polynomial(tables.ERFCX_ABOVE, (b - 4.0) / (b + 4.0)) / (1.0 + 2.0 * b)
    far *= gauss(xp, b)
    near = 1.0 - _erf_near(xp, a, tables.ERF_ABOVE)
    out = _either(xp, a < 0.5, near, far)
    return _either(xp, x < 0.0, 2.0 - out, out)


# --- the logarithm of the gamma function ----------------------------------------------


def _away_from_integers(xp: Any, a: Any) -> Any:
    """Return how far `a` is from the nearest integer, exactly; infinity counts as 0."""
    a = _between(xp, a, -_WHOLE, _WHOLE)
    return a - xp.round(a)


def _gammaln_right(xp: Any, x: Any) -> Any:
    """Return ``gammaln(x)`` for x >= 0."""
    low = x < 0.625
    z = _between(xp, xp.where(low, x, x - 1.0), -0.375, 2.0)
    near = _quotient(tables.GAMMALN_ABOVE, tables.GAMMALN_BELOW, z + 0.375)
    near *= z * (z - 1.0)  # its zeros, which are those at 1 and 2
    near -= xp.log(xp.where(low, x, xp.ones_like(x)))
    b = _between(xp, x, 3.0, None)
    far = _quotient(tables.STIRLING_ABOVE, tables.STIRLING_BELOW, 1.0 / (b * b)) / b
    far = (b - 0.5) * (xp.log(b) - 1.0) + (far + (_HALF_LOG_2PI - 0.5))
    return xp.where(x <= 3.0, near, far)


@_in_double("gammaln")
def gammaln(xp: Any, x: Any) -> Any:
    """Return ``log(abs(gamma(x)))``; inf at 0 and at the negative integers."""
    left = x < 0.0
    a = xp.where(left, -x, x)
    out = _gammaln_right(xp, a)
    r = xp.abs(_away_from_integers(xp, x))
    pole = left & (r == 0.0)
    left = left & ~pole
    # gamma(x) * gamma(-x) = -pi / (x * sin(pi * x))
    one = xp.ones_like(x)
    sine = xp.log(xp.where(left, xp.sin(math.pi * r) / math.pi, one))
    mirrored = -xp.log(xp.where(left, a, one)) - sine - out
    out = xp.where(left, mirrored, out)
    return xp.where(pole, xp.full_like(x, math.inf), out)


# --- its derivatives ------------------------------------------------------------------


def _cot_pi(xp: Any, r: Any) -> Any:
    """Return ``cot(pi * r)`` for ``0 < abs(r) <= 1/2``, relatively exact at 1/2 too."""
    size = xp.abs(r)
    near = size < 0.25
    slope = xp.tan(math.pi * xp.where(near, size, 0.5 - size))
    slope = xp.where(near, 1.0 / xp.where(near, slope, xp.ones_like(r)), slope)
    return xp.where(r < 0.0, -slope, slope)


def _digamma_right(xp: Any, x: Any) -> Any:
    """Return ``digamma(x)`` for x >= 0."""
    low = x < 1.0
    z = _between(xp, xp.where(low, x, x - 1.0), 0.0, 2.0)
    near = _quotient(tables.DIGAMMA_ABOVE, tables.DIGAMMA_BELOW, z)
    leading, rest = tables.DIGAMMA_ROOT
    near *= (z - leading) - rest
    near -= xp.where(low, 1.0 / xp.where(low, x, xp.ones_like(x)), xp.zeros_like(x))
    b = _between(xp, x, 3.0, None)
    w = 1.0 / (b * b)
    far = w * _quotient(tables.DIGAMMA_REST_ABOVE, tables.DIGAMMA_REST_BELOW, w)
    far = xp.log(b) - (0.5 / b + far)
    return xp.where(x <= 3.0, near, far)


def digamma_from(xp: Any, x: Any, right: Callable[[Any], Any]) -> Any:
    """Return ``digamma(x)`` where ``right(x)`` gives it for x >= 0, by reflection."""
    left = x < 0.0
    a = xp.where(left, -x, x)
    out = right(a)
    r = _away_from_integers(xp, xp.where(left, a, xp.full_like(x, 0.5)))
    pole = left & (r == 0.0)
    # digamma(1 - x) - digamma(x) = pi * cot(pi * x)
    turned = math.pi * _cot_pi(xp, xp.where(pole, xp.full_like(x, 0.5), r))
    mirrored = out + 1.0 / xp.where(left, a, xp.ones_like(x)) + turned
    out = xp.where(left, mirrored, out)
    return xp.where(pole, xp.full_like(x, math.nan), out)


@_in_double("digamma")
def digamma(xp: Any, x: Any) -> Any:
    """Return the derivative of `gammaln`; NaN at the negative integers."""
    return digamma_from(xp, x, functools.partial(_digamma_right, xp))


@functools.cache
def _bernoulli(count: int) -> tuple[Fraction, ...]:
    """Return the Bernoulli numbers B_2, B_4, ... exactly, by their recurrence."""
    numbers = [Fraction(1)]
    for m in range(1, 2 * count + 1):
        total = sum(
            (math.comb(m + 1, k) * b for k, b in enumerate(numbers)), Fraction(0)
        )
        numbers.append(-total / (m + 1))
    return tuple(numbers[2::2])


_TERMS = 12


@functools.cache
def _tail(n: int) -> tuple[int, tuple[float, ...]]:
    """Return how many terms are summed one by one, and the series for the others.

    The sum of ``(x + k)**-s`` over k >= 0, s = n + 1, is ``x**-n`` times
    ``1 / n + (1 / 2 + series(1 / x**2) / x) / x`` (Euler and Maclaurin). The series is
    cut where its next term is below 2**-56 of the whole.
    """
    s, rising = n + 1, Fraction(n + 1)  # rising: s (s + 1) ... (s + 2j - 2)
    series = []
    for j, b in enumerate(_bernoulli(_TERMS + 1), start=1):
        series.append(b * rising / math.factorial(2 * j))
        rising *= (s + 2 * j - 1) * (s + 2 * j)
    power = 2 * _TERMS + 2
    least = (float(abs(series.pop())) * n * 2.0**56) ** (1 / power)
    return math.ceil(least), tuple(float(c) for c in series)


@functools.cache
def _scale(n: int) -> tuple[float, float]:
    """Return a power of two c below the n-th root of n!, and ``n! / c**(n + 1)``."""
    exponent = math.floor(math.lgamma(n + 1) / (math.log(2) * (n + 1)))
    return 2.0**exponent, float(Fraction(math.factorial(n), 2 ** (exponent * (n + 1))))


def _negative_power(x: Any, n: int) -> Any:
    """Return ``x**-n``; small powers by products."""
    if n == 1:
        return 1.0 / x
    if n == 2:
        return 1.0 / (x * x)
    return x ** float(-n)


def _zeta(xp: Any, x: Any, n: int) -> Any:
    """Return ``n!`` times the sum of ``(x + k)**-(n + 1)`` over k >= 0, for x > 0."""
    count, series = _tail(n)
    c, factor = _scale(n)
    y = x + float(count)
    inverse = 1.0 / y
    rest = 0.5 + inverse * _polynomial(series, inverse * inverse)
    total = (c * _negative_power(y / c, n)) * (1.0 / n + inverse * rest)
    for k in reversed(range(count)):  # the smallest first
        total = total + _negative_power((x + float(k)) / c, n + 1)
    return factor * total


@functools.cache
def _cotangent(n: int) -> tuple[float, ...]:
    """Return the n-th derivative of cot, up to its sign, as a polynomial in cot.

    Its coefficients are whole numbers and none is negative: they come from
    ``cot' = -(1 + cot**2)``.
    """
    p = [0, 1]
    for _ in range(n):
        slope = [k * c for k, c in enumerate(p)][1:]
        p = [a + b for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    return tuple(float(c) for c in p)


@_in_double("polygamma")
def polygamma_at(xp: Any, x: Any, n: int) -> Any:
    """Return the n-th derivative of `digamma`; infinite at 0, -1, -2, ..."""
    if n == 0:
        return digamma(xp, x)
    left = x <= 0.0
    sign = 1.0 if n % 2 else -1.0
    # (-1)**n polygamma(n, 1 - x) - polygamma(n, x) is a derivative of pi * cot(pi * x)
    right = _zeta(xp, xp.where(left, 1.0 - x, x), n)
    r = _away_from_integers(xp, xp.where(left, x, xp.full_like(x, 0.5)))
    pole = left & (r == 0.0)
    cot = _cot_pi(xp, xp.where(pole, xp.full_like(x, 0.5), r))
    coefficients = _cotangent(n)
    turned = _polynomial(coefficients[(n + 1) % 2 :: 2], cot * cot)
    turned = turned * cot if n % 2 == 0 else turned
    mirrored = sign * math.pi ** (n + 1) * turned - right
    out = xp.where(left, mirrored, sign * right)
    return xp.where(pole, xp.full_like(x, sign * math.inf), out)


# --- x * log(y) -----------------------------------------------------------------------


def xlogy(xp: Any, x: Any, y: Any) -> Any:
    """Return ``x * log(y)``, and 0 where x is 0 and y is not NaN."""
    if not hasattr(x, "dtype"):
        x = _number(xp, x, y)
    if not hasattr(y, "dtype"):
        y = _number(xp, y, x)
    zero = (x == 0) & (y == y)
    return xp.where(zero, x * 0, x * xp.log(xp.where(zero, xp.ones_like(y), y)))


FALLBACKS: dict[str, Callable[..., Any]] = {
    "digamma": digamma,
    "erf": erf,
    "erfc": erfc,
    "gammaln": gammaln,
    "gauss": gauss,
    "polygamma_at": polygamma_at,
    "xlogy": xlogy,
}
"""Special functions by name: ``f(xp, x, ...)`` over raw functions."""
