"""How far the special functions are from the true values, over their whole range.

Against mpmath, in units in the last place, by who computes them: NumPy with SciPy's
help, NumPy alone, array-api-strict, PyTorch. docs/numerics.md says the same limits; a
test compares.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from libraries import STRICT, TORCH, host
from xpnet.backend import native_special
from xpnet.backend.library import library_for
from xpnet.calculus.rule import TABLE

DOCS = Path(__file__).parents[2] / "docs" / "numerics.md"
Points = Callable[[np.random.Generator, int], Any]

# --- where ----------------------------------------------------------------------------


def near(*places: float) -> Any:
    """Return the numbers next to some places, at distances 2**-k times their size."""
    steps = 0.5 ** np.arange(2, 52)
    parts = [[p * (1 + steps), p * (1 - steps), [p]] for p in places]
    return np.concatenate([np.concatenate(part) for part in parts])


def both(rng: np.random.Generator, n: int) -> Any:
    x = [10 ** rng.uniform(-300, 2, n), rng.uniform(0, 27, n), rng.uniform(0.4, 1.1, n)]
    x = [*x, near(0.5, 1.0, 6.0, 26.5), [1e-310, 5e-324]]
    return np.concatenate([*x, *[-np.asarray(part) for part in x]])


def right(rng: np.random.Generator, n: int) -> Any:
    sizes = [10 ** rng.uniform(-300, 300, n), 10 ** rng.uniform(-8, 3, n)]
    root = 1.4616321449683623  # of digamma
    edges = near(0.625, 1.0, 2.0, 3.0, root)
    return np.concatenate([*sizes, rng.uniform(0, 30, n), edges, [root, 2.5e305]])


def left(rng: np.random.Generator, n: int) -> Any:
    """Return negative numbers, also close to the integers and halves."""
    whole = np.round(rng.uniform(1, 40, n))
    x = [10 ** rng.uniform(-300, 3, n), rng.uniform(0, 5, n), rng.uniform(0, 40, n)]
    x += [whole + 10 ** rng.uniform(-14, -1, n), whole - 10 ** rng.uniform(-14, -1, n)]
    return -np.concatenate([*x, whole + 0.5])


def moderate(points: Points, n: int) -> Points:
    """Return points at which the n-th polygamma neither overflows nor underflows."""

    def chosen(rng: np.random.Generator, count: int) -> Any:
        x = points(rng, count)
        pole = np.abs(x - np.minimum(np.round(x), 0))
        least, most = 10 ** (-250 / (n + 1)), 10 ** (250 / n)
        return x[(pole > least) & (np.abs(x) < most) & (x > -60)]

    return chosen


# --- what is true, and what counts as large -------------------------------------------


def true_gammaln(x: Any) -> Any:
    return mp.re(mp.loggamma(x))


def true_polygamma(n: int) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        with mp.workdps(120):  # the terms left of 0 cancel
            return mp.psi(n, x)

    return function


def itself(x: float) -> float:
    """Errors are relative to the value."""
    return 0.0


def gammaln_terms(x: float) -> float:
    """Left of 0 they are relative to the terms of the reflection, too."""
    return max(math.lgamma(-x), abs(math.log(-x)), 1.0)


def digamma_terms(x: float) -> float:
    return max(abs(math.log(-x)), 1.0)


def polygamma_terms(n: int) -> Callable[[float], float]:
    return lambda x: math.gamma(n) / (1 - x) ** n


# name in the docs: function, arguments, points, truth, scale
WHAT: dict[str, tuple[str, tuple[int, ...], Points, Any, Any]] = {
    "erf": ("erf", (), both, mp.erf, itself),
    "erfc": ("erfc", (), both, mp.erfc, itself),
    "gammaln, x > 0": ("gammaln", (), right, true_gammaln, itself),
    "gammaln, x < 0": ("gammaln", (), left, true_gammaln, gammaln_terms),
    "digamma, x > 0": ("digamma", (), right, mp.digamma, itself),
    "digamma, x < 0": ("digamma", (), left, mp.digamma, digamma_terms),
}
for _n in (1, 2, 3, 5, 10, 20):
    _row = "polygamma_at", (_n,)
    _name, _true = f"polygamma({_n}, x)", true_polygamma(_n)
    WHAT[f"{_name}, x > 0"] = (*_row, moderate(right, _n), _true, itself)
    WHAT[f"{_name}, x < 0"] = (*_row, moderate(left, _n), _true, polygamma_terms(_n))


@functools.cache
def truth(what: str, single: bool, thorough: bool) -> tuple[Any, list[Any], Any]:
    """Return points, true values there, and the unit that errors are counted in."""
    _, _, points, true, scale = WHAT[what]
    x = points(np.random.default_rng(8), 1500 if thorough else 150)
    kind = np.float32 if single else np.float64
    with np.errstate(over="ignore", under="ignore"):
        x = np.unique(x.astype(kind))
    limits = np.finfo(kind)
    least, most = float(limits.smallest_normal), float(limits.max)
    xs, values, units = [], [], []
    with mp.workdps(40):
        for point in x[np.isfinite(x) & (x != 0)]:
            if point < 0 and point == np.floor(point) and what[:3] != "erf":
                continue
            value = mp.re(true(mpf(float(point))))
            size = max(abs(float(value)), scale(float(point)))
            if least <= size <= most:
                xs.append(point)
                values.append(value)
                units.append(float(np.spacing(kind(size))))
    return np.asarray(xs), values, units


# --- where they are computed ----------------------------------------------------------


def on_numpy(name: str) -> Callable[..., Any]:
    return library_for("cpu").functions[name]  # type: ignore[no-any-return]


def ours_alone(name: str) -> Callable[..., Any]:
    """Return the function as it is where SciPy is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native_special, "scipy_special", lambda: None)
        found = native_special.native_special(library_for("cpu"), name)
    assert found is not None
    return found


def on_target(target: Any) -> Callable[[str], Callable[..., Any]]:
    def chosen(name: str) -> Callable[..., Any]:
        target.skip_unless_here()
        function = TABLE[name].function
        return lambda x, *n: host(function(target.make(x), *n))

    return chosen


PATHS: dict[str, Callable[[str], Callable[..., Any]]] = {
    "NumPy with SciPy": on_numpy,
    "NumPy alone": ours_alone,
    "array-api-strict": on_target(STRICT),
    "PyTorch": on_target(TORCH),
}

# the most units in the last place, in the order of the columns of docs/numerics.md
COLUMN = {"NumPy with SciPy": 0, "NumPy alone": 1, "array-api-strict": 1, "PyTorch": 2}
DOUBLE: dict[str, tuple[int, int, int]] = {
    "erf": (3, 2, 1),
    "erfc": (5, 5, 1),
    "gammaln, x > 0": (5, 5, 1),
    "gammaln, x < 0": (5, 6, 1),
    "digamma, x > 0": (4, 5, 5),
    "digamma, x < 0": (7, 7, 7),
    "polygamma(1, x), x > 0": (6, 6, 6),
    "polygamma(1, x), x < 0": (6, 6, 6),
    "polygamma(2, x), x > 0": (8, 8, 8),
    "polygamma(2, x), x < 0": (13, 13, 13),
    "polygamma(3, x), x > 0": (10, 10, 10),
    "polygamma(3, x), x < 0": (12, 12, 12),
    "polygamma(5, x), x > 0": (10, 10, 10),
    "polygamma(5, x), x < 0": (16, 16, 16),
    "polygamma(10, x), x > 0": (18, 18, 18),
    "polygamma(10, x), x < 0": (28, 28, 28),
    "polygamma(20, x), x > 0": (18, 18, 18),
    "polygamma(20, x), x < 0": (50, 50, 50),
}
SINGLE_MOST = 1.5


def worst(what: str, path: str, single: bool, thorough: bool) -> tuple[float, str]:
    """Return the largest error in units in the last place, and where it is."""
    name, rest, *_ = WHAT[what]
    x, values, units = truth(what, single, thorough)
    assert len(x) > 100
    found = np.asarray(PATHS[path](name)(x, *rest))
    assert found.dtype == x.dtype
    with mp.workdps(40):
        errors = [
            float(abs(mpf(float(a)) - b) / mpf(unit)) if np.isfinite(a) else math.inf
            for a, b, unit in zip(found, values, units, strict=True)
        ]
    k = int(np.argmax(errors))
    text = f"{x[k]!r}: {found[k]!r}, but the value is {mp.nstr(values[k], 20)}"
    return errors[k], text


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", WHAT)
def test_double_precision_is_within_so_many_ulp(
    what: str, path: str, thorough: bool
) -> None:
    limit = DOUBLE[what][COLUMN[path]]
    error, where = worst(what, path, False, thorough)
    assert error <= limit, f"{what} on {path} is {error:.3g} ulp off at {where}"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", WHAT)
def test_single_precision_is_rounded_about_once(
    what: str, path: str, thorough: bool
) -> None:
    error, where = worst(what, path, True, thorough)
    assert error <= SINGLE_MOST, f"{what} on {path} is {error:.3g} ulp off at {where}"


def test_the_docs_say_the_same_limits() -> None:
    section = DOCS.read_text().split("## Special functions")[1].split("\n## ")[0]
    found = {}
    cell = r"(\d+) \(\d+\.\d\)"  # the limit, and what was measured
    row = rf"^\| `([^`]+)`(, x [<>] 0)? \| {cell} \| {cell} \| {cell} \|$"
    for name, side, *limits in re.findall(row, section, re.MULTILINE):
        found[name + side] = tuple(map(int, limits))
    assert found == DOUBLE


# --- sums of exponentials -------------------------------------------------------------


def _sums(x: Any) -> tuple[Any, Any]:
    total = mp.fsum(mp.exp(mpf(float(v))) for v in x)
    return mp.log(total), [mpf(float(v)) - mp.log(total) for v in x]


@pytest.mark.parametrize("gap", [0.0, 0.5, 10.0, 40.0, 700.0])
def test_a_sum_of_exponentials_keeps_its_digits_where_one_is_far_the_largest(
    gap: float,
) -> None:
    x = np.asarray([0.0, -gap, -gap - 1.25, -2 * gap])
    with mp.workdps(400):
        wanted, rows = _sums(x)
        wanted_log_softmax = [float(v) for v in rows]
    value = float(TABLE["logsumexp"].function(x))
    assert abs(value - float(wanted)) <= 4 * math.ulp(float(wanted))
    found = host(TABLE["log_softmax"].function(x))
    np.testing.assert_allclose(found, wanted_log_softmax, rtol=1e-15)
    probabilities = host(TABLE["softmax"].function(x))
    np.testing.assert_allclose(probabilities, np.exp(wanted_log_softmax), rtol=1e-12)


@pytest.mark.parametrize("name", ["expit", "log_expit"])
def test_the_logistic_function_is_within_4_ulp(name: str) -> None:
    rng = np.random.default_rng(9)
    x = np.concatenate([rng.uniform(-700, 40, 500), rng.uniform(-2, 2, 500)])
    found = host(TABLE[name].function(x))
    with mp.workdps(400):
        for point, value in zip(x, found, strict=True):
            true = 1 / (1 + mp.exp(-mpf(point)))
            true = mp.log(true) if name == "log_expit" else true
            assert abs(mpf(value) - true) <= 4 * math.ulp(float(true)), point


def measured() -> None:
    """Print the largest errors as the table of docs/numerics.md has them."""
    for what in WHAT:
        row = [f"{worst(what, path, False, True)[0]:.1f}" for path in PATHS]
        row += [f"{max(worst(what, path, True, True)[0] for path in PATHS):.2f}"]
        print(f"| {what} | " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    measured()
