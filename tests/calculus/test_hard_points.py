"""The derivative at points where it is a matter of choice: the promises, frozen.

Each line of a table is a function, where it is differentiated, and what must come out,
on every library. NaN stands for NaN.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from calculus.cases import CASES
from calculus.contract import Space, directions
from libraries import NUMPY, Target, host
from xpnet import xp as cpu
from xpnet.calculus.rule import TABLE, Binary, Unary
from xpnet.calculus.tape import Node

INF, NAN = math.inf, math.nan
Function = Callable[..., Any]


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    """The values here are infinite or undefined, and NumPy would warn of them."""
    with np.errstate(all="ignore"):
        yield


def pulled(
    target: Target, function: Function, *inputs: Any, g: Any = None
) -> list[Any]:
    """Return value and gradients, as NumPy arrays; the cotangent is `g` or ones."""
    xs = [target.make(np.asarray(x, dtype=np.float64)) for x in inputs]
    out, pull = xn.vjp(lambda *a: function(Space(target), *a), *xs)
    seed = np.ones(out.shape) if g is None else np.asarray(g, dtype=np.float64)
    gradients = pull(target.make(seed))
    for x, gradient in zip(xs, gradients, strict=True):
        assert (gradient.shape, gradient.dtype) == (x.shape, x.dtype)
    return [host(out), *map(host, gradients)]


def equal(found: Any, wanted: Any) -> None:
    np.testing.assert_array_equal(found, np.asarray(wanted, dtype=np.float64))


# --- one argument ---------------------------------------------------------------------

ROOT_OF_3 = np.full(3, 1 / 3)
ONE: dict[str, tuple[Function, Any, Any]] = {
    "relu at 0": (lambda xp, x: xp.relu(x), [-1.0, 0.0, -0.0, 1.0], [0, 0, 0, 1]),
    "relu of NaN": (lambda xp, x: xp.relu(x), [NAN, 2.0], [NAN, 1]),
    "abs at 0": (lambda xp, x: xp.abs(x), [-2.0, 0.0, -0.0, 2.0], [-1, 0, 0, 1]),
    "sign": (lambda xp, x: xp.sign(x), [-2.0, 0.0, 2.0], [0, 0, 0]),
    "max of a tie": (lambda xp, x: xp.max(x), [3.0, 1.0, 3.0], [0.5, 0, 0.5]),
    "min of a tie": (lambda xp, x: xp.min(x), [1.0, 1.0, 1.0], ROOT_OF_3),
    "max of rows with ties": (
        lambda xp, x: xp.max(x, axis=1),
        [[2.0, 2.0, 1.0], [0.0, 5.0, 1.0]],
        [[0.5, 0.5, 0], [0, 1, 0]],
    ),
    "max of infinities": (lambda xp, x: xp.max(x), [INF, 1.0, INF], [0.5, 0, 0.5]),
    "max with a NaN": (lambda xp, x: xp.max(x), [1.0, NAN, 2.0], [0, 1, 0]),
    "clip at its bounds": (
        lambda xp, x: xp.clip(x, -1.0, 1.0),
        [-2.0, -1.0, 0.0, 1.0, 2.0],
        [0, 0, 1, 0, 0],
    ),
    "clip of NaN": (lambda xp, x: xp.clip(x, -1.0, 1.0), [NAN, 0.5], [NAN, 1]),
    "sqrt at 0": (lambda xp, x: xp.sqrt(x), [0.0, 4.0], [INF, 0.25]),
    "std of a constant": (lambda xp, x: xp.std(x), [2.0, 2.0, 2.0], [0, 0, 0]),
    "std of one constant row": (
        lambda xp, x: xp.std(x, axis=1),
        [[2.0, 2.0], [1.0, 3.0]],
        [[0, 0], [-0.5, 0.5]],
    ),
    "var of one, correction 0": (lambda xp, x: xp.var(x), [2.0], [0]),
    "sum of nothing": (lambda xp, x: xp.sum(x), np.zeros((0, 3)), np.zeros((0, 3))),
    "prod of nothing": (lambda xp, x: xp.prod(x), np.zeros((0,)), np.zeros((0,))),
    "prod with a zero": (lambda xp, x: xp.prod(x), [2.0, 0.0, 3.0], [0, 6, 0]),
    "prod with two zeros": (lambda xp, x: xp.prod(x), [2.0, 0.0, 0.0], [0, 0, 0]),
    "prod of small numbers": (
        lambda xp, x: xp.prod(x),
        [2.0**-1000, 2.0**999],
        [2.0**999, 2.0**-1000],
    ),
    "cumulative_prod with a zero": (
        lambda xp, x: xp.cumulative_prod(x),
        [2.0, 0.0, 3.0],
        [1, 2 + 6, 0],
    ),
    "logsumexp of -inf": (lambda xp, x: xp.logsumexp(x), [-INF, -INF], [0, 0]),
    "logsumexp with -inf": (lambda xp, x: xp.logsumexp(x), [-INF, 5.0], [0, 1]),
    "logsumexp of large numbers": (
        lambda xp, x: xp.logsumexp(x),
        [1000.0, 1000.0],
        [0.5, 0.5],
    ),
    "log_expit at 0": (lambda xp, x: xp.log_expit(x), [0.0], [0.5]),
    "log_expit far out": (lambda xp, x: xp.log_expit(x), [-1000.0, 1000.0], [1, 0]),
    "log_expit at the ends": (lambda xp, x: xp.log_expit(x), [-INF, INF], [1, 0]),
    "expit far out": (lambda xp, x: xp.expit(x), [-1000.0, 0.0, 1000.0], [0, 0.25, 0]),
    "tanh far out": (lambda xp, x: xp.tanh(x), [-1000.0, 0.0, INF], [0, 1, 0]),
    "x**2 at 0": (lambda xp, x: x**2, [0.0], [0]),
    "x**1 at 0": (lambda xp, x: x**1, [0.0], [1]),
    "x**0 at 0": (lambda xp, x: x**0, [0.0, -1.0], [0, 0]),
    "x**0.5 at 0": (lambda xp, x: x**0.5, [0.0], [INF]),
    "x**-1 at 0": (lambda xp, x: x**-1.0, [0.0], [-INF]),
    "0**y": (lambda xp, y: 0.0**y, [-1.0, 0.0, 2.5], [0, 0, 0]),
    "erf at the ends": (lambda xp, x: xp.erf(x), [-INF, -30.0, INF], [0, 0, 0]),
    "entropy": (lambda xp, x: xp.xlogy(x, x), [0.0, 1.0], [0, 1]),
    "xlogy(0, y)": (lambda xp, y: xp.xlogy(0.0, y), [0.0, 1.0, INF], [0, 0, 0]),
    "xlogy(2, y)": (lambda xp, y: xp.xlogy(2.0, y), [0.0, 4.0], [INF, 0.5]),
    "xlogy(x, 1/2)": (lambda xp, x: xp.xlogy(x, 0.5), [0.0], [math.log(0.5)]),
    "xlogy(x, 0)": (lambda xp, x: xp.xlogy(x, 0.0), [0.0, 1.0], [0, -INF]),
    "polygamma at its poles": (
        lambda xp, x: xp.polygamma(1, x),
        [0.0, -1.0],
        [-INF, -INF],
    ),
    "gammaln at its poles": (lambda xp, x: xp.gammaln(x), [0.0, -1.0], [-INF, NAN]),
}
FLAT = "ceil floor round trunc isfinite isinf isnan signbit".split()


@pytest.mark.parametrize("name", ONE)
def test_the_gradient_at_a_hard_point_of_one_argument(
    name: str, target: Target
) -> None:
    function, x, wanted = ONE[name]
    equal(pulled(target, function, x)[1], wanted)


# --- two arguments --------------------------------------------------------------------

TWO: dict[str, tuple[Function, Any, Any, Any, Any]] = {
    "maximum of equals": (
        lambda xp, x, y: xp.maximum(x, y),
        [1.0, 0.0],
        [1.0, -0.0],
        0.5,
        0.5,
    ),
    "minimum of equals": (
        lambda xp, x, y: xp.minimum(x, y),
        [1.0, INF],
        [1.0, INF],
        0.5,
        0.5,
    ),
    "hypot at 0": (lambda xp, x, y: xp.hypot(x, y), [0.0], [0.0], 0, 0),
    "hypot on an axis": (lambda xp, x, y: xp.hypot(x, y), [-3.0], [0.0], -1, 0),
    "atan2 at 0": (lambda xp, x, y: xp.atan2(x, y), [0.0], [0.0], 0, 0),
    "logaddexp of equals": (
        lambda xp, x, y: xp.logaddexp(x, y),
        [3.0, -1000.0, 0.0],
        [3.0, -1000.0, 0.0],
        0.5,
        0.5,
    ),
    "logaddexp of -inf": (lambda xp, x, y: xp.logaddexp(x, y), [-INF], [2.0], 0, 1),
    "pow: 0**0": (lambda xp, x, y: xp.pow(x, y), [0.0], [0.0], 0, 0),
    "pow: 0**b": (
        lambda xp, x, y: xp.pow(x, y),
        [0.0, 0.0, 0.0],
        [1.0, 2.5, 0.5],
        [1, 0, INF],
        0,
    ),
    "pow: 0**-b": (
        lambda xp, x, y: xp.pow(x, y),
        [0.0, -0.0],
        [-1.0, -2.0],
        [-INF, INF],
        0,
    ),
    "pow: negative base": (
        lambda xp, x, y: xp.pow(x, y),
        [-2.0, -2.0, -2.0, -2.0],
        [3.0, 2.0, 0.0, -1.0],
        [12, -4, 0, -0.25],
        NAN,
    ),
    "pow: undefined": (lambda xp, x, y: xp.pow(x, y), [-2.0], [0.5], NAN, NAN),
    "divide by 0": (
        lambda xp, x, y: x / y,
        [1.0, 0.0],
        [0.0, 2.0],
        [INF, 0.5],
        [-INF, 0],
    ),
}


@pytest.mark.parametrize("name", TWO)
def test_the_gradient_at_a_hard_point_of_two_arguments(
    name: str, target: Target
) -> None:
    function, x, y, wanted_x, wanted_y = TWO[name]
    _, gx, gy = pulled(target, function, x, y)
    equal(gx, np.broadcast_to(wanted_x, gx.shape))
    equal(gy, np.broadcast_to(wanted_y, gy.shape))


def test_a_negative_base_is_no_problem_where_only_the_base_is_asked_for() -> None:
    equal(
        pulled(NUMPY, lambda xp, x: xp.pow(x, xp.put([3.0, 2.0])), [-2.0, -2.0])[1],
        [12, -4],
    )


# --- shapes and values that go with them ----------------------------------------------


@pytest.mark.parametrize("ties", range(1, 11))
def test_the_shares_of_a_tie_sum_to_exactly_1(ties: int, target: Target) -> None:
    _, gradient = pulled(target, lambda xp, x: xp.max(x), [5.0] * ties + [1.0])
    assert math.fsum(gradient) == 1.0
    assert len(set(gradient[:ties])) == 1


def test_logsumexp_of_nothing_but_minus_infinity_is_minus_infinity(
    target: Target,
) -> None:
    value, _ = pulled(target, lambda xp, x: xp.logsumexp(x), [-INF, -INF])
    assert value == -INF
    rows = [[-INF, -INF], [0.0, -INF]]
    value, gradient = pulled(target, lambda xp, x: xp.logsumexp(x, axis=1), rows)
    equal(value, [-INF, 0])
    equal(gradient, [[0, 0], [1, 0]])


def test_a_masked_entry_of_softmax_is_exactly_0_and_gets_nothing(
    target: Target,
) -> None:
    rows = [[1.0, -INF, 1.0], [-INF, -INF, -INF], [0.0, -INF, -INF]]
    g = [[1.0, 2.0, -1.0], [1.0, 2.0, 3.0], [1.0, 5.0, 2.0]]
    value, gradient = pulled(target, lambda xp, x: xp.softmax(x), rows, g=g)
    equal(value, [[0.5, 0, 0.5], [0, 0, 0], [1, 0, 0]])
    equal(gradient, [[0.5, 0, -0.5], [0, 0, 0], [0, 0, 0]])


def test_a_masked_row_does_not_reach_shared_weights(target: Target) -> None:
    def attention(xp: Any, w: Any, x: Any) -> Any:
        mask = xp.put([[0.0, -INF], [-INF, -INF]])
        return xp.matmul(xp.softmax(xp.matmul(x, w) + mask), x)

    _, gw, gx = pulled(
        target, attention, [[1.0, 2.0], [0.5, -1.0]], [[1.0, 0.0], [2.0, 1.0]]
    )
    assert np.isfinite(gw).all()
    assert np.isfinite(gx).all()


def test_the_log_of_a_masked_softmax_is_finite_where_it_is_used(target: Target) -> None:
    _, gradient = pulled(
        target, lambda xp, x: xp.log_softmax(x), [0.0, -INF, 0.0], g=[1.0, 0.0, 0.0]
    )
    equal(gradient, [0.5, 0, -0.5])


@pytest.mark.filterwarnings("ignore:Degrees of freedom <= 0:RuntimeWarning")
@pytest.mark.filterwarnings(r"ignore:var\(\).*degrees of freedom:UserWarning")
@pytest.mark.filterwarnings(r"ignore:std\(\).*degrees of freedom:UserWarning")
def test_the_variance_of_one_element_is_nan_of_the_right_shape(target: Target) -> None:
    for name in ("var", "std"):
        value, gradient = pulled(
            target,
            lambda xp, x, n=name: getattr(xp, n)(x, axis=1, correction=1),
            [[2.0], [3.0]],
        )
        equal(value, [NAN, NAN])
        equal(gradient, [[NAN], [NAN]])


@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var"])
@pytest.mark.filterwarnings("ignore:Degrees of freedom <= 0:RuntimeWarning")
@pytest.mark.filterwarnings(r"ignore:var\(\).*degrees of freedom:UserWarning")
def test_a_reduction_of_nothing_has_a_gradient_of_its_shape(
    name: str, shape: tuple[int, ...], target: Target
) -> None:
    _, gradient = pulled(target, lambda xp, x: getattr(xp, name)(x), np.zeros(shape))
    assert gradient.shape == shape


@pytest.mark.parametrize("name", FLAT)
def test_a_flat_function_has_gradient_zero_and_no_error(
    name: str, target: Target
) -> None:
    def function(xp: Any, x: Any) -> Any:
        return xp.sum(xp.astype(getattr(xp, name)(x), x.dtype))

    equal(pulled(target, function, [-1.5, 0.0, 2.0])[1], [0, 0, 0])
    leaf = target.make(np.asarray([1.5, 2.0]), requires_grad=True)
    assert not getattr(Space(target), name)(leaf).requires_grad


def test_grad_of_a_function_that_does_not_depend_on_its_argument_is_zero() -> None:
    assert xn.grad(lambda x: cpu.floor(x))(2.5) == 0.0
    assert xn.grad(lambda x: 3.0)(2.5) == 0.0


# --- the strong-zero rule -------------------------------------------------------------

ZETA_OF_3 = 1.2020569031595942

# a singular point, and one where the function is fine
SINGULAR: dict[str, tuple[Function, list[float], float, float, float]] = {
    "acos": (lambda xp, x: xp.acos(x), [1.0, -1.0, 2.0], 0.0, -1.0, 0.0),
    "acosh": (lambda xp, x: xp.acosh(x), [1.0, 0.0], math.sqrt(2), 1.0, -math.sqrt(2)),
    "asin": (lambda xp, x: xp.asin(x), [1.0, -1.0, 2.0], 0.0, 1.0, 0.0),
    "atanh": (lambda xp, x: xp.atanh(x), [1.0, -1.0, 2.0], 0.0, 1.0, 0.0),
    "digamma": (
        lambda xp, x: xp.digamma(x),
        [0.0, -1.0, -2.0],
        1.0,
        math.pi**2 / 6,
        -2 * ZETA_OF_3,
    ),
    "divide": (lambda xp, x: 3.0 / x, [0.0, -0.0], 2.0, -0.75, 0.75),
    "gammaln": (
        lambda xp, x: xp.gammaln(x),
        [0.0, -1.0, -2.0],
        1.0,
        -0.5772156649015329,
        math.pi**2 / 6,
    ),
    "log": (lambda xp, x: xp.log(x), [0.0, -1.0], 2.0, 0.5, -0.25),
    "log10": (lambda xp, x: xp.log10(x), [0.0], 1 / math.log(10), 1.0, -math.log(10)),
    "log1p": (lambda xp, x: xp.log1p(x), [-1.0, -2.0], 1.0, 0.5, -0.25),
    "log2": (lambda xp, x: xp.log2(x), [0.0], 1 / math.log(2), 1.0, -math.log(2)),
    "pow": (lambda xp, x: x**0.5, [0.0, -1.0], 4.0, 0.25, -1 / 32),
    "reciprocal": (lambda xp, x: xp.reciprocal(x), [0.0], 2.0, -0.25, 0.25),
    "sqrt": (lambda xp, x: xp.sqrt(x), [0.0, -1.0], 4.0, 0.25, -1 / 32),
    "xlogy": (lambda xp, x: xp.xlogy(3.0, x), [0.0, -1.0], 2.0, 1.5, -0.75),
}
MORE: dict[str, tuple[Function, list[float], float, float, float]] = {
    "divide itself": (lambda xp, x: x / x, [0.0], 2.0, 0.0, 0.0),
    "hypot": (lambda xp, x: xp.hypot(x, 0.0 * x), [0.0], 2.0, 1.0, 0.0),
    "pow with an array": (
        lambda xp, x: xp.pow(x, xp.full_like(x, 0.5)),
        [0.0, -1.0],
        4.0,
        0.25,
        -1 / 32,
    ),
    "pow with itself": (lambda xp, x: xp.pow(x, x), [0.0], 1.0, 1.0, 2.0),
    "a negative power": (lambda xp, x: x**-1, [0.0], 2.0, -0.25, 0.25),
    "polygamma": (
        lambda xp, x: xp.polygamma(1, x),
        [0.0, -1.0, 1e-200],
        1.0,
        -2 * ZETA_OF_3,
        math.pi**4 / 15,
    ),
    "xlogy with itself": (lambda xp, x: xp.xlogy(x, x), [0.0, -1.0], 1.0, 1.0, 1.0),
    "log of sqrt": (lambda xp, x: xp.log(xp.sqrt(x)), [0.0], 2.0, 0.25, -0.125),
    "sqrt of a square": (lambda xp, x: xp.sqrt(x * x), [0.0], 2.0, 1.0, 0.0),
    "norm": (
        lambda xp, x: xp.sqrt(xp.sum(x * x)) * xp.ones_like(x),
        [0.0],
        2.0,
        1.0,
        0.0,
    ),
}


def _chosen(function: Function, fine: float) -> Function:
    """The function where x is the fine point, and 0 elsewhere, summed."""

    def total(xp: Any, x: Any) -> Any:
        return xp.sum(xp.where(x == fine, function(xp, x), xp.zeros_like(x)))

    return total


def test_every_singular_row_is_in_the_table() -> None:
    rows = [r for r in TABLE.values() if isinstance(r, (Unary, Binary)) and r.singular]
    assert {r.name for r in rows} == set(SINGULAR)


@pytest.mark.parametrize("name", [*SINGULAR, *MORE])
def test_what_was_not_chosen_gets_exactly_0_at_orders_1_and_2(
    name: str, target: Target
) -> None:
    function, bad, fine, slope, bend = (SINGULAR | MORE)[name]
    x = target.make(np.asarray([*bad, fine]) if name != "norm" else np.asarray(bad))
    space = Space(target)
    first = xn.grad(lambda x: _chosen(function, fine)(space, x))
    second = xn.grad(lambda x: space.sum(first(x)))
    _, along = xn.jvp(first, (x,), (space.ones_like(x),))
    for found, good in ((first(x), slope), (second(x), bend), (along, bend)):
        values = host(found)
        equal(values[: len(bad)], np.zeros(len(bad)))
        if name != "norm":
            np.testing.assert_allclose(values[-1], good, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", SINGULAR)
def test_a_cotangent_of_0_is_stronger_than_a_pole(name: str, target: Target) -> None:
    function, bad, *_ = SINGULAR[name]
    _, gradient = pulled(target, function, bad, g=np.zeros(len(bad)))
    equal(gradient, np.zeros(len(bad)))


@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.parametrize("g", [0.0, 1.0])
def test_a_nan_in_the_input_still_gives_nan(
    name: str, g: float, target: Target
) -> None:
    _, gradient = pulled(target, SINGULAR[name][0], [NAN], g=[g])
    assert np.isnan(gradient).all()


MIXED: dict[str, tuple[Function, float]] = {
    "c log(x)": (lambda xp, c, x: c * xp.log(x), 0.5),
    "c sqrt(x)": (lambda xp, c, x: c * xp.sqrt(x), 0.5 / math.sqrt(2)),
    "c / x": (lambda xp, c, x: c / x, -0.25),
    "c x**3": (lambda xp, c, x: c * x**3, 12.0),
    "c x**0.5": (lambda xp, c, x: c * x**0.5, 0.5 / math.sqrt(2)),
    "c reciprocal(x)": (lambda xp, c, x: c * xp.reciprocal(x), -0.25),
    "c log1p(x)": (lambda xp, c, x: c * xp.log1p(x), 1 / 3),
    "c log2(x)": (lambda xp, c, x: c * xp.log2(x), 0.5 / math.log(2)),
    "x**c": (lambda xp, c, x: xp.pow(x, c), 0.5),
    "2**(c x)": (lambda xp, c, x: 2.0 ** (c * x), math.log(2)),
    "c acosh(x)": (lambda xp, c, x: c * xp.acosh(x), 1 / math.sqrt(3)),
}


@pytest.mark.parametrize("name", MIXED)
def test_the_mixed_second_derivative_where_the_cotangent_is_0(
    name: str, target: Target
) -> None:
    function, wanted = MIXED[name]
    space = Space(target)
    c, x = target.make(np.asarray(0.0)), target.make(np.asarray(2.0))

    def f(c: Any, x: Any) -> Any:
        return function(space, c, x)

    by_x_then_c = xn.grad(lambda c: xn.grad(f, 1)(c, x))(c)
    by_c_then_x = xn.grad(lambda x: xn.grad(f, 0)(c, x))(x)
    _, forward = xn.jvp(
        lambda c: xn.grad(f, 1)(c, x), (c,), (target.make(np.asarray(1.0)),)
    )
    for found in (by_x_then_c, by_c_then_x, forward):
        assert found.item() == pytest.approx(wanted, rel=1e-14)


# --- third derivatives, and long chains -----------------------------------------------


def _third(function: Function) -> Function:
    return xn.grad(xn.grad(xn.grad(function)))


POLYNOMIALS: dict[str, tuple[Function, Function]] = {
    "x**3": (lambda x: x**3, lambda x: 6.0),
    "x**3 by products": (lambda x: x * x * x, lambda x: 6.0),
    "2 x**5 - x**4 + x": (lambda x: 2 * x**5 - x**4 + x, lambda x: 120 * x**2 - 24 * x),
    "Horner": (lambda x: ((x - 2.0) * x + 3.0) * x * x - 1.0, lambda x: 24 * x - 12),
    "square": (lambda x: cpu.square(x) * x, lambda x: 6.0),
    "pow with an array": (lambda x: cpu.pow(x, cpu.asarray(4.0)), lambda x: 24 * x),
}


@pytest.mark.parametrize("at", [0.0, 0.3, -1.7, 5.0])
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_third_derivatives_of_polynomials(name: str, at: float) -> None:
    function, wanted = POLYNOMIALS[name]
    assert _third(function)(at) == pytest.approx(wanted(at), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("at", [0.0, -0.0, 0.3, -1.2, 4.0, 20.0])
def test_third_derivatives_of_tanh(at: float) -> None:
    square, slope = math.tanh(at) ** 2, 1 / math.cosh(at) ** 2
    wanted = slope * (6 * square - 2)
    assert _third(cpu.tanh)(at) == pytest.approx(wanted, rel=1e-10, abs=1e-10)


def _nodes_alive() -> int:
    gc.collect()
    return sum(type(thing) is Node for thing in gc.get_objects())


def test_a_chain_of_100_000_operations_differentiates_and_is_freed() -> None:
    before = _nodes_alive()
    x = xn.asarray(1.0, requires_grad=True)
    y = x
    for _ in range(50_000):
        y = y * 1.0 + 1.0
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == 1.0
    del y
    assert _nodes_alive() == before


def test_a_chain_that_is_never_differentiated_is_freed() -> None:
    before = _nodes_alive()
    x = xn.asarray(1.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = -y
    assert _nodes_alive() - before == 100_000
    del y
    assert _nodes_alive() == before


def test_a_chain_of_100_000_operations_has_a_forward_derivative() -> None:
    def chain(x: Any) -> Any:
        for _ in range(100_000):
            x = -x
        return x

    assert xn.jvp(chain, (2.0,), (1.0,)) == (2.0, 1.0)


# --- complex numbers: the gradient is dL/da + i dL/db ---------------------------------

COMPLEX = """abs acos acosh add asin asinh atan atanh conj cos cosh divide exp expm1
        expit imag log log10 log1p log2 multiply negative positive pow real
        reciprocal sign sin sinh sqrt square subtract tan tanh sum mean prod
        cumulative_sum cumulative_prod matmul vecdot tensordot where concat
        getitem setitem take take_along_axis reshape permute_dims
        matrix_transpose broadcast_to flip roll tile repeat tril triu astype""".split()


@pytest.mark.parametrize("name", COMPLEX)
def test_every_function_of_complex_numbers_is_checked_with_them(name: str) -> None:
    assert any(x.dtype.kind == "c" for case in CASES[name] for x in case.inputs)


def test_the_gradient_points_uphill(target: Target) -> None:
    z = target.make(np.asarray([1.0 + 2.0j, -0.5j]))
    space = Space(target)

    def loss(z: Any) -> Any:
        return space.sum(space.real(z * space.conj(z)))

    gradient = xn.grad(loss)(z)
    np.testing.assert_allclose(host(gradient), 2 * host(z), rtol=1e-15)
    assert loss(z - 0.1 * gradient).item() < loss(z).item()


def test_a_holomorphic_function_has_the_conjugate_derivative_as_gradient() -> None:
    z = 0.7 - 1.3j
    assert xn.grad(lambda z: cpu.real(z**2))(z) == pytest.approx(
        np.conj(2 * z), rel=1e-15
    )
    assert xn.grad(lambda z: cpu.imag(z**2))(z) == pytest.approx(
        1j * np.conj(2 * z), rel=1e-15
    )
    assert xn.grad(lambda z: cpu.real(cpu.exp(z)))(z) == pytest.approx(
        np.conj(np.exp(z)), rel=1e-15
    )


def test_duality_of_complex_numbers_is_in_the_real_part() -> None:
    (z, u, v) = (directions([np.zeros(3, "c16")], seed)[0] for seed in (1, 2, 3))
    _, tangent = xn.jvp(lambda z: cpu.exp(z) * cpu.conj(z), (z,), (u,))
    _, pull = xn.vjp(lambda z: cpu.exp(z) * cpu.conj(z), z)
    (gradient,) = pull(v)
    assert np.vdot(v, tangent).real == pytest.approx(
        np.vdot(gradient, u).real, rel=1e-14
    )


def test_abs_and_sign_of_a_complex_0_have_gradient_0(target: Target) -> None:
    z = target.make(np.asarray([0.0j, 3.0 + 4.0j]))
    space = Space(target)
    _, pull = xn.vjp(space.abs, z)
    np.testing.assert_allclose(
        host(pull(space.put([1.0, 1.0]))[0]), [0, 0.6 + 0.8j], rtol=1e-15
    )
    _, pull = xn.vjp(space.sign, z)
    (gradient,) = pull(space.put([1.0 + 0.0j, 1.0 + 0.0j]))
    assert host(gradient)[0] == 0
    assert np.isfinite(host(gradient)).all()


# --- special functions, to second order -----------------------------------------------


def test_the_second_derivative_at_a_pole_is_infinite(target: Target) -> None:
    space = target.namespace
    slope = xn.grad(lambda x: space.sum(space.special.polygamma(1, x)))
    x = target.make(np.asarray([0.0, -1.0, 1.0]))
    bend = host(xn.grad(lambda x: space.sum(slope(x)))(x))
    assert np.all(np.isinf(bend[:2]))
    assert abs(bend[2] - math.pi**4 / 15) < 1e-14


def test_xlogy_is_flat_at_the_origin_to_second_order(target: Target) -> None:
    space = target.namespace

    def value(x: Any, y: Any) -> Any:
        return space.sum(space.special.xlogy(x, y))

    def slope(i: int) -> Any:
        return lambda x, y: space.sum(xn.grad(value, argnums=(0, 1))(x, y)[i])

    origin = [target.make(np.zeros(2)) for _ in range(2)]
    for function in (value, slope(0), slope(1)):
        for g in xn.grad(function, argnums=(0, 1))(*origin):
            assert np.all(host(g) == 0)


def test_a_negative_number_to_a_complex_power(target: Target) -> None:
    y = target.make(np.asarray([1 + 1j, 0.5 - 2j]))
    base = target.make(np.asarray([-2.0, -0.3]))
    xn.check_grads(lambda x, y: x**y, base, y, order=2)
    if target is NUMPY:
        xn.check_grads(lambda y: (-2.0) ** y, y, order=2)
