"""`detect_nonfinite` names the operation and the line, and costs nothing when off."""

import asyncio
import threading

import numpy as np
import pytest

import xpnet as xn
from calculus.cases import CASES
from calculus.contract import on
from libraries import NUMPY, host
from xpnet import nn
from xpnet.backend.base import Functions
from xpnet.calculus import diagnosis, tape
from xpnet.kernels.twin import TWINS, Twins
from xpnet.trees import flatten

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
xp = xn.xp


def message(function, *args, **options):
    """Return what a watched call says."""
    with pytest.raises(xn.NonFiniteError) as caught, xn.detect_nonfinite(**options):
        function(*args)
    return str(caught.value)


# --- forward --------------------------------------------------------------------------


def test_the_first_operation_is_named_with_ranges_index_value_and_line():
    x = xn.asarray([[3.0, 0.5], [2.0, 1.0]])

    def loss():
        y = xp.log(x - 0.5)  # the culprit
        return xp.sum(y * 2.0)

    text = message(loss)
    assert text.startswith("log made -inf at index (0, 1), out of finite numbers.")
    assert "x: float64 (2, 2) from 0 to 2.5, and 0 at that index" in text
    assert "in loss: y = xp.log(x - 0.5)  # the culprit" in text
    assert f"{__file__}, line " in text
    assert "xp.log(xp.where(x > 0, x, 1.0))" in text


def test_operators_and_numbers_beside_arrays_are_named(target):
    x = target.make(np.asarray([1.0, 0.0]))
    text = message(lambda: x / 0.0)
    assert text.startswith("divide made nan at index (1,)")
    assert "without a NaN" in text
    assert "x / xp.where(y != 0, y, 1.0)" in text


def test_every_library_is_watched(target):
    x = target.make(np.asarray([1.0, 800.0, 900.0]))
    space = target.namespace
    text = message(lambda: space.exp(x))
    assert text.startswith("exp made inf at index (1,), and 1 more,")
    assert "larger than the dtype can hold" in text


def test_a_list_of_arrays_an_axis_free_result_and_complex_numbers():
    big = xn.asarray([1e308, 1e308])
    text = message(lambda: xp.sum(big))
    assert text.startswith("sum made inf, out of finite numbers.")
    z = xn.asarray([1e200 + 1e200j])
    text = message(lambda: z * z)
    assert "complex128 (1,) of sizes from 1.41421e+200" in text


def test_what_is_not_finite_when_it_comes_in_passes():
    x = xn.asarray([np.nan, np.inf, 1.0])
    with xn.detect_nonfinite():
        assert np.isnan(host(xp.exp(x))[0])
        assert host(x * 2.0)[1] == np.inf
        xp.full((2,), np.nan)
        xp.empty((1000,))
        xp.where(x > 2, x, -np.inf)
        xp.maximum(x, np.inf)
    # but a NaN out of infinities is new
    assert "subtract made nan" in message(lambda: x[1:2] - x[1:2])


def test_infinities_can_be_allowed():
    x = xn.asarray([0.0, 1.0])
    with xn.detect_nonfinite(infinities=False):
        assert host(xp.log(x))[0] == -np.inf
    assert "sqrt made nan" in message(lambda: xp.sqrt(x - 1.0), infinities=False)


def test_twins_are_watched():
    model = nn.Linear(2, 3, rng=0)
    x = xn.asarray(np.full((4, 2), 3e38, np.float32))
    assert ("linear", "numpy") in TWINS
    text = message(lambda: model(x))
    assert text.startswith("linear made")
    assert "x: float32 (4, 2) from 3e+38 to 3e+38" in text
    assert "in <lambda>: text = message(lambda: model(x))" in text


def test_the_backward_rule_of_a_twin_is_watched():
    x = xn.asarray(np.full((4, 2), 1e38, np.float32), requires_grad=True)
    weight = xn.asarray(np.full((3, 2), 1e-10, np.float32), requires_grad=True)
    y = nn.functional.linear(x, weight)
    g = np.full((4, 3), 10.0, np.float32)
    text = message(y.backward, g)
    assert text.startswith("the backward rule of linear made inf")
    assert "in test_the_backward_rule_of_a_twin_is_watched: y = nn.func" in text


# --- derivatives ----------------------------------------------------------------------


def test_a_backward_rule_is_named_with_the_line_that_recorded_it(target):
    x = target.make(np.asarray([4.0, 0.0]), requires_grad=True)
    y = target.namespace.sqrt(x)  # recorded here
    total = target.namespace.sum(y)
    text = message(total.backward)
    assert text.startswith("the backward rule of sqrt made inf at index (1,), out of")
    assert "the cotangent: " in text
    assert " (2,) from 1 to 1" in text
    assert "x: " in text
    assert "from 0 to 4, and 0 at that index" in text
    assert "y = target.namespace.sqrt(x)  # recorded here" in text


def test_a_forward_rule_is_named():
    def f(x):
        return xp.sqrt(x) * 2.0

    text = message(xn.jvp, f, (0.0,), (1.0,))
    assert text.startswith("the forward rule of sqrt made inf, out of finite numbers.")
    assert "in f: return xp.sqrt(x) * 2.0" in text


def test_a_sum_of_cotangents_that_overflows_is_found():
    text = message(xn.grad(lambda x: x * 1e308 + x * 1.5e308), 1e-300)
    assert text.startswith("the sum of two cotangents, one of them from multiply, made")
    assert "from 1e+308 to 1e+308" in text


def test_second_derivatives_are_watched():
    def f(x):
        return xp.sum(x**1.5)

    x = np.asarray([1.0, 0.0])
    assert np.isfinite(xn.grad(f)(x)).all()
    text = message(xn.jvp, xn.grad(f), (x,), (np.ones(2),))
    assert "made inf at index (1,)" in text


@pytest.mark.parametrize("higher", [False, True])
def test_a_strong_zero_is_no_flaw(higher):
    def f(x):
        return xp.sum(xp.where(x > 0, xp.sqrt(x), 0.0))

    x = np.asarray([1.0, 0.0])
    with xn.detect_nonfinite():
        g = xn.grad(f)(x)
        if higher:
            xn.jvp(xn.grad(f), (x,), (np.asarray([1.0, 0.0]),))
    assert np.isfinite(g).all()


def test_what_a_checkpoint_runs_again_is_watched():
    def f(x):
        return xp.sum(xp.sqrt(x) * 2.0)  # inside

    x = xn.asarray([4.0, 0.0], requires_grad=True)
    y = xn.checkpoint(f)(x)
    text = message(y.backward)
    assert text.startswith("the backward rule of sqrt made inf at index (1,)")
    assert "in f: return xp.sum(xp.sqrt(x) * 2.0)  # inside" in text


def test_a_jacobian_is_watched():
    text = message(xn.jacobian(xp.sqrt), np.asarray([4.0, 0.0]))
    assert " rule of sqrt made inf" in text


def test_a_function_with_several_results_is_watched():
    x = np.asarray([[2.0, 0.0], [0.0, 2.0]])
    text = message(xn.grad(lambda x: xp.sum(xp.sqrt(xp.linalg.slogdet(x)[1] * 0.0))), x)
    assert text.startswith("the backward rule of sqrt made inf")
    with xn.detect_nonfinite():
        _, vectors = xp.linalg.eigh(xn.asarray([[2.0, 1.0], [1.0, 3.0]]))
        xn.grad(lambda x: xp.sum(xp.linalg.eigh(x)[0] ** 2))(x)
    assert vectors.shape == (2, 2)


def test_the_gradient_of_a_seed_that_is_not_finite_passes():
    x = xn.asarray([1.0, 2.0], requires_grad=True)
    with xn.detect_nonfinite():
        (x * 2.0).backward(np.asarray([np.inf, 1.0]))
    assert host(x.grad)[0] == np.inf


def finite(values):
    return all(np.isfinite(host(v)).all() for v in values)


@pytest.mark.parametrize("name", sorted(CASES))
def test_no_row_has_a_flaw_where_values_and_derivatives_are_finite(name):
    for case in CASES[name][:12]:
        xs = [xn.asarray(x) for x in case.inputs]
        function = on(NUMPY, case)
        outs, pull = xn.vjp(function, *xs)
        gradient = pull([xp.ones_like(out) for out in outs])
        if not finite([*outs, *gradient]):
            continue
        with xn.detect_nonfinite():
            outs, pull = xn.vjp(function, *xs)
            again = pull([xp.ones_like(out) for out in outs])
            xn.jvp(function, xs, [xp.ones_like(x) for x in xs])
        for a, b in zip(again, gradient, strict=True):
            assert host(a).tobytes() == host(b).tobytes()


# --- where it watches, and where not --------------------------------------------------


def engine():
    return (
        "__getitem__" in vars(Functions),
        "get" in vars(Twins),
        tape._pulled is diagnosis._watched_pull,
        tape._pushed is diagnosis._watched_push,
    )


def test_the_engine_is_untouched_before_and_after():
    assert engine() == (False,) * 4
    with xn.detect_nonfinite():
        assert engine() == (True,) * 4
        with xn.detect_nonfinite():
            pass
        assert engine() == (True,) * 4
    assert engine() == (False,) * 4
    message(lambda: xp.log(xn.asarray(0.0)))
    assert engine() == (False,) * 4


def test_no_watched_function_stays_behind():
    raw = xn.asarray(1.0)._lib.raw
    vars(raw).pop("atan", None)
    dict.pop(raw._functions, "atan", None)
    with xn.detect_nonfinite():
        xn.grad(xp.atan)(1.0)
        assert raw.atan is np.atan
    assert raw.atan is np.atan
    assert raw._functions["atan"] is np.atan


def test_it_is_a_decorator_and_an_object_can_be_used_again():
    watching = xn.detect_nonfinite()

    @watching
    def f(x):
        """What f is for."""
        with watching:
            return xp.log(x)

    assert f.__doc__ == "What f is for."
    assert f(xn.asarray(1.0)).item() == 0.0
    for _ in range(2):
        with pytest.raises(xn.NonFiniteError):
            f(xn.asarray(0.0))
    assert engine() == (False,) * 4


def test_other_threads_and_tasks_are_not_watched():
    found = []
    with xn.detect_nonfinite():
        thread = threading.Thread(
            target=lambda: found.append(float(xp.log(xn.asarray(0.0))))
        )
        thread.start()
        thread.join()
    assert found == [-np.inf]

    async def watched(entered, leave):
        with xn.detect_nonfinite():
            entered.set()
            await leave.wait()

    async def both():
        entered, leave = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(watched(entered, leave))
        await entered.wait()
        value = float(xp.log(xn.asarray(0.0)))
        leave.set()
        await task
        return value

    assert asyncio.run(both()) == -np.inf
    assert engine() == (False,) * 4


def test_a_loss_over_a_model_is_watched_throughout():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
    x, y = xn.asarray(np.ones((5, 3), np.float32)), xn.asarray([0, 1, 0, 1, 1])

    def loss():
        return xn.losses.cross_entropy(model(x), y)

    with xn.detect_nonfinite():
        loss().backward()
    leaves = flatten(model)[0]
    assert all(np.isfinite(host(leaf.grad)).all() for leaf in leaves)


def test_it_is_an_xpnet_error_and_a_floating_point_error():
    assert issubclass(xn.NonFiniteError, xn.XpnetError)
    assert issubclass(xn.NonFiniteError, FloatingPointError)


def test_a_rule_of_the_user_s_own_is_watched():
    @xn.custom_vjp
    def double(x):
        return x + x

    double.defvjp(lambda g, out, x: g * 2 / (x - 1))
    with xn.detect_nonfinite():
        assert xn.grad(double)(2.0) == 2.0
        assert xn.jvp(double, (3.0,), (1.0,)) == (6.0, 1.0)
    text = message(xn.grad(double), 1.0)
    assert text.startswith("the backward rule of double made inf, out of finite")
    assert "argument 0: float64 () from 1 to 1" in text
    assert "the result: float64 () from 2 to 2" in text


def test_a_borrowed_function_is_watched():
    with xn.detect_nonfinite():
        assert xn.grad(xp.special.ndtr)(0.0) == pytest.approx(0.3989422804)
