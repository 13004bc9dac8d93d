"""Print the coefficients in src/xpnet/backend/special_tables.py (needs mpmath).

Each table is a polynomial or the quotient of two, lowest power first, that goes through
the function at Chebyshev points, in 60 digits. Its largest relative error is printed
with it::

    python benchmarks/special_coefficients.py > src/xpnet/backend/special_tables.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

mp.dps = 60
Function = Callable[[Any], Any]
HALF_LOG_2PI = mp.log(2 * mp.pi) / 2
ROOT = mp.findroot(lambda z: mp.digamma(1 + z), mpf("0.4616321449683623"))
"""Where ``digamma(1 + z)`` is 0."""


def erf_ratio(s: Any) -> Any:
    """Return ``erf(x) / x`` for ``s = x**2``."""
    x = mp.sqrt(s)
    return mp.erf(x) / x if s > mpf(10) ** -40 else 2 / mp.sqrt(mp.pi)


def erfcx(x: Any) -> Any:
    """Return ``exp(x**2) * erfc(x)``."""
    return mp.exp(x * x) * mp.erfc(x)


def log_erfc(x: Any) -> Any:
    return -mp.log(mp.erfc(x))


def bent(x: Any) -> Any:
    """Return x on a line that infinity is on."""
    return (mpf(x) - 4) / (mpf(x) + 4)


def erfcx_bent(t: Any) -> Any:
    """Return ``(1 + 2 * x) * erfcx(x)``, nearly a constant, where ``bent(x)`` is t."""
    x = 4 * (1 + t) / (1 - t)
    return (1 + 2 * x) * erfcx(x)


def gammaln_ratio(y: Any) -> Any:
    """Return ``gammaln(1 + z)`` without its zeros at 0 and 1, for ``y = z + 3/8``."""
    z = y - mpf(3) / 8
    return mp.loggamma(1 + z) / (z * (z - 1))


def digamma_ratio(z: Any) -> Any:
    """Return ``digamma(1 + z)`` without its zero."""
    return mp.digamma(1 + z) / (z - ROOT)


def stirling_rest(w: Any) -> Any:
    """Return x times what Stirling's formula lacks at x, for ``w = 1 / x**2``."""
    if w < mpf(10) ** -30:
        return mpf(1) / 12
    x = 1 / mp.sqrt(w)
    return x * (mp.loggamma(x) - (x - mpf(1) / 2) * mp.log(x) + x - HALF_LOG_2PI)


def digamma_rest(w: Any) -> Any:
    """Return ``x**2 * (log(x) - 1 / (2 * x) - digamma(x))`` for ``w = 1 / x**2``."""
    if w < mpf(10) ** -30:
        return mpf(1) / 12
    x = 1 / mp.sqrt(w)
    return x * x * (mp.log(x) - 1 / (2 * x) - mp.digamma(x))


def chebyshev(count: int, low: Any, high: Any) -> list[Any]:
    """Return the Chebyshev points of an interval."""
    middle, half = (mpf(low) + mpf(high)) / 2, (mpf(high) - mpf(low)) / 2
    angles = [mp.pi * (2 * k + 1) / (2 * count) for k in range(count)]
    return [middle + half * mp.cos(angle) for angle in angles]


def value(fit: Any, x: Any) -> Any:
    above, below = fit
    return mp.polyval(above[::-1], x) / mp.polyval(below[::-1], x)


def through(f: Function, points: list[Any], m: int, n: int) -> Any:
    """Return the quotient of degrees `m` and `n` that goes through the points."""
    rows, right = mp.matrix(len(points)), mp.matrix(len(points), 1)
    for i, x in enumerate(points):
        y = right[i] = f(x)
        for j in range(m + 1):
            rows[i, j] = x**j
        for j in range(1, n + 1):
            rows[i, m + j] = -y * x**j
    found = list(mp.lu_solve(rows, right))
    return found[: m + 1], [mpf(1), *found[m + 1 :]]


def shown(name: str, what: str, fit: Any, error: Any) -> str:
    """Return a table as Python."""
    lines = [f"# {what}", f"# largest relative error {mp.nstr(error, 2)}"]
    for part, numbers in zip(("ABOVE", "BELOW"), fit, strict=True):
        if len(numbers) == 1:
            continue
        lines.append(f"{name}_{part} = (")
        lines += [f"    {float(c)!r}," for c in numbers]
        lines.append(")")
    return "\n".join(lines)


FITS: tuple[tuple[str, str, Function, int, int, Any, Any], ...] = (
    ("ERF", "erf(x) / x - 1 in x**2, abs(x) <= 1", erf_ratio, 12, 0, 0, 1),
    ("ERF_SINGLE", "the same for single precision", erf_ratio, 6, 0, 0, 1),
    ("LOG_ERFC", "-log(erfc(x)), 1 <= x <= 3.95", log_erfc, 8, 0, 1, 3.95),
    ("ERFCX_SHORT", "erfcx(x), 1 <= x <= 6", erfcx, 8, 9, 1, 6),
    (
        "ERFCX",
        "(1 + 2 * x) * erfcx(x) in (x - 4) / (x + 4), 1/2 <= x <= 28",
        erfcx_bent,
        21,
        0,
        bent(0.5),
        bent(28),
    ),
    (
        "GAMMALN",
        "gammaln(1 + z) / (z * (z - 1)) in z + 3/8, -3/8 <= z <= 2",
        gammaln_ratio,
        10,
        10,
        0,
        2.375,
    ),
    (
        "STIRLING",
        "x times the rest of Stirling's formula, in 1 / x**2, x >= 3",
        stirling_rest,
        5,
        5,
        0,
        mpf(1) / 9,
    ),
    ("DIGAMMA", "digamma(1 + z) / (z - root), 0 <= z <= 2", digamma_ratio, 7, 7, 0, 2),
    (
        "DIGAMMA_REST",
        "x**2 * (log(x) - 1 / (2 * x) - digamma(x)), in 1 / x**2, x >= 3",
        digamma_rest,
        6,
        6,
        0,
        mpf(1) / 9,
    ),
)


def main() -> None:
    print('"""Coefficients of the special functions, lowest power first.')
    print("\nMade by benchmarks/special_coefficients.py with mpmath, in 60 digits.")
    print('"""\n')
    for name, what, f, m, n, low, high in FITS:
        fit = through(f, chebyshev(m + n + 1, low, high), m, n)
        error = max(abs(value(fit, x) / f(x) - 1) for x in chebyshev(501, low, high))
        if f is erf_ratio:
            fit[0][0] -= 1
        print(shown(name, what, fit, error))
        print()
    low = ROOT - mpf(float(ROOT))
    print("# the zero of digamma(1 + z): its leading part and the rest")
    print(f"DIGAMMA_ROOT = ({float(ROOT)!r}, {float(low)!r})")


if __name__ == "__main__":
    main()
