"""Every row of the table keeps the contract, on every library (see `contract`)."""

import json
from pathlib import Path

import numpy as np
import pytest

import xpnet as xn
from calculus.cases import CASES, UNARY
from calculus.contract import check, chosen, variations
from libraries import STRICT, STRICT_DEVICE1, Target, host
from xpnet.calculus.rule import TABLE, Fused

# how many checks ran, by row and library, as counts.py wrote it
COUNTS = json.loads(Path(__file__).with_name("counts.json").read_text())
ROWS = sorted(name for name, row in TABLE.items() if not isinstance(row, Fused))


def run_row(name: str, target: Target, thorough: bool) -> int:
    """Check all cases of a row on a target; return how many there were."""
    done = 0
    for case in chosen(CASES[name], target, thorough):
        with target.flags(*case.needs), np.errstate(all="ignore"):
            for dtype, layout in variations(case, target, thorough):
                done += check(case, target, dtype, layout)
    return done


# what NumPy and PyTorch themselves say of a mean or variance of nothing
@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:Degrees of freedom <= 0:RuntimeWarning")
@pytest.mark.filterwarnings(r"ignore:(std|var)\(\).*degrees of freedom:UserWarning")
@pytest.mark.parametrize("name", ROWS)
def test_the_derivatives_of_a_row_are_right(
    name: str, target: Target, thorough: bool
) -> None:
    done = run_row(name, target, thorough)
    wanted = COUNTS.get(name, {}).get(target.library, 1)
    assert done >= wanted, (
        f"{name}: {done} checks ran on {target}, but there were {wanted}. If they were "
        "taken away on purpose, run tests/calculus/counts.py."
    )


def test_every_row_has_cases() -> None:
    missing = [name for name in ROWS if name not in CASES]
    assert not missing, f"rows without a case in tests/calculus/cases.py: {missing}"


def test_there_are_no_cases_without_a_row() -> None:
    assert not set(CASES) - set(TABLE)


def test_a_gradient_travels_back_to_the_device_that_it_came_from() -> None:
    x = STRICT_DEVICE1.make(np.asarray([1.0, -2.0]))
    y = STRICT.make(np.asarray([3.0, 5.0]))

    def moved(x: xn.Array) -> xn.Array:
        return x.to_device(y.device) ** 3 * y

    def gradient(x: xn.Array) -> xn.Array:
        out, pull = xn.vjp(moved, x)
        assert out.device == y.device
        return pull(y)[0]

    first, second = gradient(x), xn.vjp(gradient, x)[1](x)[0]
    _, tangent = xn.jvp(moved, (x,), (x,))
    _, bend = xn.jvp(gradient, (x,), (x,))
    assert first.device == second.device == bend.device == x.device
    assert tangent.device == y.device
    a, b = host(x), host(y)
    np.testing.assert_allclose(host(first), 3 * a**2 * b**2, rtol=1e-15)
    np.testing.assert_allclose(host(tangent), 3 * a**3 * b, rtol=1e-15)
    for found in (second, bend):
        np.testing.assert_allclose(host(found), 6 * a**2 * b**2, rtol=1e-15)


HOLOMORPHIC = """acos acosh asin asinh atan atanh cos cosh exp expm1 expit log log10
    log1p log2 negative positive reciprocal sin sinh sqrt square tan tanh""".split()


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_a_holomorphic_rule_agrees_with_a_complex_step(name: str) -> None:
    x = UNARY[name]((50,), "complex step")
    function = TABLE[name].function
    wanted = host(function(x + 1e-30j)).imag / 1e-30
    _, pull = xn.vjp(function, x)
    np.testing.assert_allclose(pull(np.ones(50))[0], wanted, rtol=1e-12, atol=1e-14)
