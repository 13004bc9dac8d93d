"""Special functions of mathematics: the error function, the gamma function and kin.

Their values are the library's where those are accurate, else those of
`xpnet.backend.special`; docs/numerics.md says how far each is from the true value.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from ...errors import OptionError
from ..array import Array
from ..rule import TABLE, addition, binary, function_of, general, unary

__all__ = ["MOST"]

MOST = 100
"""The highest order of polygamma: 100! is about 1e158."""

# --- the error function ---------------------------------------------------------------

_SLOPE_AT_0 = 2 / math.sqrt(math.pi)


def _gauss_slope(xp: Any, t: Any, x: Any, out: Any) -> Any:
    """Return ``t * -2 * x * exp(-x**2)``; 0 at infinity, where exp(-x**2) is 0."""
    if not xp.is_complex(x):
        x = xp.clip(x, -1e3, 1e3)
    return t * (-2 * x * out)


unary("gauss", "-2 * x * exp(-x**2)", _gauss_slope, public=False)
unary(
    "erf",
    "2 / sqrt(pi) * exp(-x**2)",
    lambda xp, t, x, _: t * (_SLOPE_AT_0 * xp.gauss(x)),
)
unary(
    "erfc",
    "-2 / sqrt(pi) * exp(-x**2)",
    lambda xp, t, x, _: t * (-_SLOPE_AT_0 * xp.gauss(x)),
)

# --- the gamma function ---------------------------------------------------------------

unary("gammaln", "digamma(x)", lambda xp, t, x, _: t * xp.digamma(x), singular=True)
unary(
    "digamma",
    "polygamma(1, x)",
    lambda xp, t, x, _: t * xp.polygamma_at(x, 1),
    singular=True,
)


def _polygamma_slope(xp: Any, t: Any, out: Any, x: Any, /, n: int) -> Any:
    """Return ``t`` times the next polygamma, by the strong-zero rule at the poles."""
    slope = xp.polygamma_at(x, n + 1)
    if type(slope) is not Array:
        return xp.strong_zero(t * slope, t, x)
    masked = (t == 0) & ~xp.isfinite(slope) & (x == x)
    regular = xp.where(masked, xp.full_like(x, 0.5), x)
    return t * xp.polygamma_at(regular, n + 1)


general(
    "polygamma_at",
    formula=("polygamma(n + 1, x)",),
    vjp=_polygamma_slope,
    jvp=_polygamma_slope,
    public=False,
)


@addition("polygamma")
def _raw_polygamma(xp: Any, n: int, x: Any) -> Any:
    return xp.polygamma_at(x, n)


@function_of("polygamma")
def polygamma(n: int, x: Any, /) -> Any:
    """Return the n-th derivative of `digamma`; `digamma` itself for n = 0.

    Its derivative is ``polygamma(n + 1, x)``.

    Parameters
    ----------
    n : int
        From 0 to 100.
    x : array
        Real, floating-point. At 0, -1, -2, ... the result is infinite.

    Raises
    ------
    OptionError
        If `n` is not an integer in that range.

    Examples
    --------
    >>> round(float(xp.special.polygamma(1, asarray(1.0))), 6)  # pi**2 / 6
    1.644934
    """
    try:
        order = operator.index(n)
    except TypeError:
        order = -1
    if not 0 <= order <= MOST:
        raise OptionError(
            f"polygamma: the order is {n!r}; it is the first argument, and an integer "
            f"from 0 to {MOST}: polygamma(1, x)."
        )
    return TABLE["polygamma_at"].function(x, order)


# --- x * log(y) -----------------------------------------------------------------------


def _xlogy_slope_x(xp: Any, t: Any, x: Any, y: Any, _out: Any) -> Any:
    """Return ``t * log(y)``; 0 where x is 0 and y is not positive."""
    zero = (x == 0) & (y <= 0)
    return t * xp.log(xp.where(zero, xp.ones_like(t), y))


def _xlogy_slope_y(xp: Any, t: Any, x: Any, y: Any, _out: Any) -> Any:
    """Return ``t * x / y``; 0 where both are 0, and flat there."""
    zero = (x == 0) & (y == 0)
    ratio = x / xp.where(zero, xp.ones_like(t), y)
    return xp.where(zero, xp.zeros_like(t), t * ratio)


binary("xlogy", ("log(y)", "x / y"), _xlogy_slope_x, _xlogy_slope_y, singular=True)
