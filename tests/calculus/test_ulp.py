"""Every elementwise derivative is within 8 units in the last place of the true one.

In float64, against sixty digits, at normal numbers of every size and next to the edges
of each domain, wherever the derivative itself is a normal number. What the library's
own functions lose (`tan`, `pow`, `hypot`, ... are within 1 ulp in NumPy) counts in the
8.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from calculus.exact import SLOPES, mpmath
from xpnet.calculus.rule import TABLE, Binary, Unary

LIMIT = 8.0
SMALLEST, LARGEST = np.finfo("f8").smallest_normal, np.finfo("f8").max
ROWS = sorted(n for n, row in TABLE.items() if isinstance(row, (Unary, Binary)))

# --- where: magnitudes of every size, both signs, and the edges of each domain --------


def sizes(low: float, high: float, count: int) -> Any:
    """Return numbers of every size between 10**low and 10**high, with uneven digits."""
    return 10.0 ** np.linspace(low, high, count) * np.linspace(0.95, 1.05, count)


def both(x: Any) -> Any:
    return np.concatenate([-x[::-1], x])


def edge(at: float, bits: int = 52) -> Any:
    """Return the numbers next to an edge, at distances 2**-k."""
    steps = 0.5 ** np.arange(1, bits + 1)
    return np.concatenate([at - steps, at + steps])


def unary_points(thorough: bool) -> Any:
    n = 3000 if thorough else 300
    rng = np.random.default_rng(5)
    quarter_turns = np.arange(1, 20) * (math.pi / 2)
    parts = [
        both(sizes(-307.5, 308.2, n)),
        both(sizes(-5, 4, n)),
        rng.uniform(-10, 10, n),
        rng.uniform(-745, 710, n),
        edge(1.0),
        edge(-1.0),
        edge(0.0),
        both(quarter_turns),
        both(np.asarray([0.5, 2.0, 20.0, 40.0, 100.0, 355.0, 708.0, 1e5, 1e22])),
    ]
    return np.unique(np.concatenate(parts))


def pair_points(thorough: bool) -> tuple[Any, Any]:
    """Return pairs of every size, equal pairs, and pairs that nearly cancel."""
    n = 40 if thorough else 14
    some = [1.0, 2.0, 0.5, 700.0, 1.7e308]
    side = both(np.concatenate([sizes(-307, 308, n), sizes(-3, 3, n), some]))
    pairs = list(itertools.product(side, side))
    rng = np.random.default_rng(6)
    x = rng.uniform(-800, 800, 25 * n)
    pairs += list(zip(x, x + rng.uniform(-30, 30, len(x)), strict=True))
    pairs += list(zip(x, x * (1 + rng.uniform(-1e-9, 1e-9, len(x))), strict=True))
    pairs += list(zip(x, rng.uniform(-800, 800, len(x)), strict=True))
    return tuple(np.asarray(pairs).T)


def power_points(thorough: bool) -> tuple[Any, Any]:
    """Return bases of every size and exponents that keep the power in range."""
    n = 60 if thorough else 22
    rng = np.random.default_rng(7)
    exponents = [
        1e-300,
        1e-20,
        1e-5,
        0.01,
        0.1,
        0.3,
        1 / 3,
        0.5,
        0.7,
        0.999,
        1.0,
        1.001,
    ]
    exponents += [
        1.3,
        1.5,
        1.9,
        2.0,
        2.5,
        3.0,
        math.pi,
        7.3,
        10.1,
        100.7,
        1000.3,
        1e5,
        1e8,
    ]
    pairs = list(itertools.product(sizes(-307, 308, n), both(np.asarray(exponents))))
    near_one = np.concatenate([edge(1.0, 45), rng.uniform(0.5, 2.0, 4 * n)])
    pairs += [
        (x, u / math.log(x))
        for x in near_one
        for u in (-709.3, -300.1, 0.7, 40.3, 709.6)
    ]
    whole = [-301.0, -100.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 17.0, 300.0]
    pairs += list(itertools.product(-sizes(-10, 10, n), whole))
    pairs += list(
        zip(rng.uniform(0, 5, 20 * n), rng.uniform(-20, 20, 20 * n), strict=True)
    )
    return tuple(np.asarray(pairs).T)


def quotient_points(thorough: bool) -> tuple[Any, Any]:
    """Return pairs whose quotient can be counted."""
    rng = np.random.default_rng(8)
    n = 5000 if thorough else 500
    x = rng.uniform(-1, 1, n) * 10.0 ** rng.uniform(-5, 12, n)
    return x, rng.uniform(0.1, 10, n) * rng.choice((-1, 1), n)


POINTS: dict[str, Callable[[bool], tuple[Any, Any]]] = {
    "pow": power_points,
    "remainder": quotient_points,
}
DOMAINS: dict[str, Callable[[Any], Any]] = {
    "acos": lambda x: np.abs(x) < 1,
    "acosh": lambda x: x > 1,
    "asin": lambda x: np.abs(x) < 1,
    "atanh": lambda x: np.abs(x) < 1,
    "digamma": lambda x: (x > -1e6) & (x != np.floor(x)),
    "gammaln": lambda x: x > 0,
    "log": lambda x: x > 0,
    "log10": lambda x: x > 0,
    "log1p": lambda x: x > -1,
    "log2": lambda x: x > 0,
    "reciprocal": lambda x: x != 0,
    "sqrt": lambda x: x > 0,
    "gate": lambda x, y: y >= 0,
    "xlogy": lambda x, y: y > 0,
}


def points(name: str, thorough: bool) -> tuple[Any, ...]:
    row = TABLE[name]
    found = (unary_points(thorough),)
    if isinstance(row, Binary):
        found = POINTS.get(name, pair_points)(thorough)
    inside = DOMAINS.get(name, lambda *xs: np.ones(xs[0].shape, bool))(*found)
    return tuple(x[inside & np.all(np.isfinite(found), axis=0)] for x in found)


# --- how far --------------------------------------------------------------------------


def slopes(name: str, xs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the derivative for each argument, from the rule that runs."""
    with np.errstate(all="ignore"):
        _, pull = xn.vjp(TABLE[name].function, *xs)
        return tuple(pull(np.ones(xs[0].shape)))


def errors(
    name: str, index: int, xs: tuple[Any, ...], found: Any
) -> tuple[Any, list[Any]]:
    """Return the distance in ulp where the true derivative is normal or 0."""
    true_slope = SLOPES[name][index]
    distance, wanted = np.full(found.shape, -1.0), []
    for i, values in enumerate(zip(*xs, strict=True)):
        exact = _exact(true_slope, values)
        wanted.append(exact)
        if exact is None:
            continue
        if exact == 0:
            distance[i] = 0.0 if found[i] == 0 else math.inf
        elif SMALLEST <= abs(exact) <= LARGEST:
            ulp = math.ulp(float(exact))
            gap = (
                abs(mpmath.mpf(found[i]) - exact) / ulp
                if math.isfinite(found[i])
                else math.inf
            )
            distance[i] = float(gap)
    return distance, wanted


def _exact(slope: Callable[..., Any], values: tuple[float, ...]) -> Any:
    """Return the true derivative; None where it is not a real number."""
    try:
        exact = slope(*map(mpmath.mpf, values))
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    return exact if isinstance(exact, mpmath.mpf) and mpmath.isfinite(exact) else None


@pytest.mark.parametrize("name", ROWS)
def test_every_derivative_is_within_8_ulp(name: str, thorough: bool) -> None:
    assert name in SLOPES, f"{name} has no reference in tests/calculus/exact.py"
    xs = points(name, thorough)
    for index, found in enumerate(slopes(name, xs)):
        distance, wanted = errors(name, index, xs, found)
        assert np.sum(distance >= 0) > 0.1 * len(distance), (
            "too few points were compared"
        )
        worst = int(np.argmax(distance))
        assert distance[worst] <= LIMIT, (
            f"{name}, argument {index}: {distance[worst]:.4g} ulp at "
            f"{tuple(float(x[worst]) for x in xs)}: {found[worst]!r}, "
            f"but the derivative is {mpmath.nstr(wanted[worst], 20)}"
        )


@pytest.mark.parametrize(
    "exponent", [-3, -1.5, -1, -0.5, 0.3, 0.5, 1.5, 2, 2.5, 3, 10, 100.5]
)
def test_a_power_with_a_number_as_exponent_is_within_8_ulp(exponent: float) -> None:
    xs = (sizes(-307, 308, 300),)
    with np.errstate(all="ignore"):
        _, pull = xn.vjp(lambda x: x**exponent, *xs)
        (found,) = pull(np.ones(xs[0].shape))
    both_arguments = (*xs, np.full(xs[0].shape, float(exponent)))
    distance, _ = errors("pow", 0, both_arguments, found)
    assert np.max(distance) <= LIMIT


@pytest.mark.parametrize("base", [0.001, 0.5, 2, 10.0, 1e100])
def test_a_power_with_a_number_as_base_is_within_8_ulp(base: float) -> None:
    ys = np.linspace(-700, 700, 401) / abs(math.log(base))
    with np.errstate(all="ignore"):
        _, pull = xn.vjp(lambda y: base**y, ys)
        (found,) = pull(np.ones(ys.shape))
    distance, _ = errors("pow", 1, (np.full(ys.shape, float(base)), ys), found)
    assert np.max(distance) <= LIMIT
