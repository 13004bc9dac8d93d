"""The transforms: kinds of input, arguments, nesting, closures and refusals."""

from __future__ import annotations

import math
from collections import namedtuple

import array_api_strict as strict
import numpy as np
import pytest

import xpnet as xn
from differences import numeric_gradient
from libraries import host
from xpnet import nn
from xpnet import xp as space
from xpnet.errors import DTypeError, GradientError, ShapeError

Pair = namedtuple("Pair", ["first", "second"])
X = np.array([0.5, -1.0, 2.0])
W = np.array([3.0, 1.0, -2.0])


def cube(x):
    return space.sum(x * x * x)


# --- input kind = output kind ---------------------------------------------------------


@pytest.mark.parametrize("number", [3.0, 3])
def test_python_numbers_give_python_floats(number):
    value, slope = xn.value_and_grad(lambda x: x**2)(number)
    assert (value, slope) == (9.0, 6.0)
    assert type(value) is float
    assert type(slope) is float
    assert type(xn.grad(lambda x: x**2)(number)) is float
    value, tangent = xn.jvp(lambda x: x * x, (number,), (2,))
    assert (value, tangent, type(value), type(tangent)) == (9.0, 12.0, float, float)
    value, pull = xn.vjp(lambda x: x * x, number)
    assert (value, pull(1), type(pull(1)[0])) == (9.0, (6.0,), float)


def test_a_complex_number_gives_a_complex_gradient():
    slope = xn.grad(lambda z: space.real(z * space.conj(z)))(1 + 2j)
    assert slope == 2 + 4j
    assert type(slope) is complex


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(), (3,), (2, 1), (0,)])
def test_numpy_arrays_give_numpy_arrays_of_their_dtype(dtype, shape):
    x = np.full(shape, 2.0, dtype=dtype)
    value, slope = xn.value_and_grad(cube)(x)
    for out, wanted in ((value, ()), (slope, shape)):
        assert type(out) is np.ndarray
        assert out.dtype == dtype
        assert out.shape == wanted
    assert np.array_equal(slope, 3 * x * x)
    out, tangent = xn.jvp(lambda x: x * 2.0, (x,), (x,))
    assert (type(out), type(tangent)) == (np.ndarray, np.ndarray)
    assert (out.dtype, tangent.dtype, tangent.shape) == (dtype, dtype, shape)
    out, pull = xn.vjp(lambda x: x * 2.0, x)
    (back,) = pull(x)
    assert (type(out), type(back), back.dtype) == (np.ndarray, np.ndarray, dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numpy_scalars_give_numpy_values_of_their_dtype(dtype):
    value, slope = xn.value_and_grad(lambda x: x**3)(dtype(2))
    for out, right in ((value, 8.0), (slope, 12.0)):
        assert isinstance(out, (np.ndarray, np.generic))
        assert out.dtype == dtype
        assert out.shape == ()
        assert float(out) == right


def test_arrays_give_arrays(make, xp):
    x = make(X)
    value, slope = xn.value_and_grad(lambda x: xp.sum(x * x * x))(x)
    assert (type(value), type(slope)) == (xn.Array, xn.Array)
    assert not value.requires_grad
    assert not slope.requires_grad
    assert (slope.dtype, slope.device) == (x.dtype, x.device)
    np.testing.assert_allclose(host(slope), 3 * X * X)
    _, tangent = xn.jvp(lambda x: x * x, (x,), (make(W),))
    np.testing.assert_allclose(host(tangent), 2 * X * W)
    assert tangent.device == x.device
    _, pull = xn.vjp(lambda x: x * x, x)
    np.testing.assert_allclose(host(pull(make(W))[0]), 2 * X * W)


def test_raw_arrays_of_any_library_give_that_librarys_own(target, xp):
    raw = target.raw(X)
    value, slope = xn.value_and_grad(lambda x: xp.sum(x * x * x))(raw)
    assert (type(value), type(slope)) == (type(raw), type(raw))
    assert (slope.dtype, slope.device) == (raw.dtype, raw.device)
    np.testing.assert_allclose(host(xn.asarray(slope)), 3 * X * X)
    _, tangent = xn.jvp(lambda x: x * x, (raw,), (target.raw(W),))
    _, pull = xn.vjp(lambda x: x * x, raw)
    assert type(tangent) is type(raw)
    assert type(pull(target.raw(W))[0]) is type(raw)


def test_containers_come_back_as_they_went_in():
    tree = {
        "w": X,
        "nested": [2.0, (xn.asarray(W), Pair(np.float32(3.0), 4))],
    }

    def function(t):
        (w, pair) = t["nested"][1]
        return (
            space.sum(t["w"] * w) * t["nested"][0] * pair.second
            + pair.first * pair.second
        )

    slope = xn.grad(function)(tree)
    dot = float(np.sum(X * W))
    assert list(slope) == ["w", "nested"]
    assert type(slope["nested"]) is list
    assert type(slope["nested"][1]) is tuple
    assert type(slope["nested"][1][1]) is Pair
    assert np.array_equal(slope["w"], W * 2.0 * 4.0)
    assert slope["nested"][0] == pytest.approx(dot * 4.0)
    assert type(slope["nested"][0]) is float
    assert type(slope["nested"][1][0]) is xn.Array
    assert slope["nested"][1][0].tolist() == (X * 8.0).tolist()
    assert slope["nested"][1][1].first.dtype == np.float32
    assert slope["nested"][1][1].second == pytest.approx(dot * 2.0 + 3.0)
    assert tree["nested"][0] == 2.0


def test_jvp_and_vjp_take_and_return_containers():
    def function(d, y):
        return {"product": d["a"] * y, "sum": [d["a"] + y, 3.0]}

    out, tangent = xn.jvp(function, ({"a": X}, W), ({"a": W}, X))
    assert np.array_equal(out["product"], X * W)
    assert np.array_equal(tangent["product"], W * W + X * X)
    assert np.array_equal(tangent["sum"][0], W + X)
    assert float(tangent["sum"][1]) == 0.0
    out, pull = xn.vjp(function, {"a": X}, W)
    d, y = pull({"product": np.ones(3), "sum": [W, 1.0]})
    assert np.array_equal(d["a"], W + W)
    assert np.array_equal(y, X + W)


def test_modules_give_modules_of_gradients():
    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Tanh(), nn.Linear(2, 1, rng=1))
    x = np.arange(6.0, dtype=np.float32).reshape(2, 3) / 3
    value, slope = xn.value_and_grad(lambda m: space.sum(m(xn.asarray(x))))(model)
    assert type(slope) is type(model)
    space.sum(model(xn.asarray(x))).backward()
    pairs = list(zip(slope.parameters(), model.parameters(), strict=True))
    assert len(pairs) == 4
    for found, p in pairs:
        assert found.shape == p.shape
        np.testing.assert_allclose(host(found), host(p.grad), rtol=1e-6)
    assert value.item() == pytest.approx(space.sum(model(xn.asarray(x))).item())


# --- arguments ------------------------------------------------------------------------


def polynomial(x, y, z=1.0):
    return x * x * y * z


@pytest.mark.parametrize(
    ("argnums", "right"),
    [
        (0, 12.0),
        (1, 4.0),
        (-1, 4.0),
        (-2, 12.0),
        ((0, 1), (12.0, 4.0)),
        ((1, 0), (4.0, 12.0)),
        ([1], (4.0,)),
        ((-1, 0), (4.0, 12.0)),
    ],
)
def test_argnums_choose_the_arguments(argnums, right):
    assert xn.grad(polynomial, argnums)(2.0, 3.0) == right
    assert xn.value_and_grad(polynomial, argnums)(2.0, 3.0) == (12.0, right)


@pytest.mark.parametrize("argnums", [2, -3, (0, 5)])
def test_argnums_out_of_range_say_how_many_arguments_there_were(argnums):
    with pytest.raises(GradientError, match=r"argnums has -?\d.* with 2 arguments"):
        xn.grad(polynomial, argnums)(2.0, 3.0)


@pytest.mark.parametrize("argnums", [(0, 0), (0, -2)])
def test_an_argument_named_twice_is_refused_or_right(argnums):
    try:
        found = xn.grad(polynomial, argnums)(2.0, 3.0)
    except xn.XpnetError:
        return
    assert found == (12.0, 12.0)


def test_keyword_arguments_pass_through():
    assert xn.grad(polynomial)(2.0, 3.0, z=10.0) == 120.0
    assert xn.grad(lambda x, *, power: x**power)(2.0, power=3) == 12.0


def test_arguments_that_are_not_differentiated_are_passed_as_they_are():
    seen = []

    def function(x, y, name, *, option):
        seen.append((y, name, option))
        return x * 2.0

    marker = object()
    assert xn.grad(function)(1.0, X, "text", option=marker) == 2.0
    assert seen[0][0] is X
    assert seen[0][1:] == ("text", marker)


def test_has_aux_passes_the_second_result_through():
    def function(x):
        return x * x, {"twice": x * 2, "text": "text"}

    (value, aux), slope = xn.value_and_grad(function, has_aux=True)(3.0)
    assert (value, slope, aux["text"]) == (9.0, 6.0, "text")
    assert float(aux["twice"]) == 6.0
    slope, aux = xn.grad(function, has_aux=True)(3.0)
    assert slope == 6.0
    assert float(aux["twice"]) == 6.0


def test_aux_leaves_the_released_tape():
    _, aux = xn.grad(lambda x: (x * x, x * 2), has_aux=True)(xn.asarray(3.0))
    assert not aux.requires_grad


def test_transforms_keep_the_name_and_doc_of_the_function():
    def named(x):
        """What it is."""
        return x

    for transform in (xn.grad, xn.value_and_grad):
        assert transform(named).__name__ == "named"
        assert transform(named).__doc__ == "What it is."


# --- degenerate functions -------------------------------------------------------------


@pytest.mark.parametrize("x", [2.0, X, np.ones((2, 0), np.float32), xn.asarray(X)])
@pytest.mark.parametrize(
    "function", [lambda x: 5.0, lambda x: 1, lambda x: space.sum(xn.asarray([1.0]))]
)
def test_functions_that_ignore_their_input_have_gradient_zero(function, x):
    value, slope = xn.value_and_grad(function)(x)
    assert float(value) == float(function(x))
    assert type(slope) is type(x)
    if not isinstance(x, float):
        assert (slope.shape, slope.dtype) == (x.shape, x.dtype)
    assert not np.any(host(slope))
    assert not np.any(host(xn.jvp(function, (x,), (x,))[1]))
    assert not np.any(host(xn.vjp(function, x)[1](1.0)[0]))


def test_functions_that_return_their_argument_have_gradient_one():
    assert xn.value_and_grad(lambda x: x)(2.0) == (2.0, 1.0)
    assert xn.value_and_grad(lambda x: x)(np.array(2.0)) == (2.0, 1.0)
    assert xn.grad(lambda x, y: y, (0, 1))(2.0, 3.0) == (0.0, 1.0)
    assert xn.jvp(lambda x: x, (2.0,), (5.0,)) == (2.0, 5.0)
    assert xn.vjp(lambda x, y: (y, x), 2.0, 3.0)[1]((5.0, 7.0)) == (7.0, 5.0)
    assert xn.grad(xn.grad(lambda x: x))(2.0) == 0.0


def test_flat_functions_have_gradient_zero():
    assert xn.grad(lambda x: space.sum(space.floor(x)))(X).tolist() == [0.0, 0.0, 0.0]
    assert xn.grad(lambda x: space.floor(x) * x)(2.5) == 2.0


def test_integer_results_are_carried_along():
    value, pull = xn.vjp(lambda x: (x * x, space.argmax(x)), X)
    assert int(value[1]) == 2
    (back,) = pull((np.ones(3), 0))
    np.testing.assert_allclose(back, 2 * X)
    value, tangent = xn.jvp(lambda x: (x * x, space.argmax(x)), (X,), (W,))
    np.testing.assert_allclose(tangent[0], 2 * X * W)
    assert int(value[1]) == 2


# --- refusals -------------------------------------------------------------------------


def test_several_results_are_refused_with_the_way_out():
    with pytest.raises(GradientError, match=r"shape \(3,\).*one number.*xp\.sum.*vjp"):
        xn.grad(lambda x: x * x)(X)


def test_one_element_of_any_shape_is_a_number():
    value, slope = xn.value_and_grad(lambda x: x[None, :1] * 2.0)(X)
    assert value.shape == (1, 1)
    assert slope.tolist() == [2.0, 0.0, 0.0]


def test_complex_results_are_refused():
    with pytest.raises(GradientError, match=r"complex128.*real number"):
        xn.grad(lambda z: z * z)(1 + 2j)


@pytest.mark.parametrize("result", [None, "text", object()])
def test_results_that_are_not_numbers_are_refused(result):
    with pytest.raises(xn.XpnetError):
        xn.grad(lambda x: result)(2.0)


@pytest.mark.parametrize("x", [np.arange(3), np.array([True]), True, xn.asarray([1])])
def test_integers_and_booleans_are_refused_with_a_sentence(x):
    with pytest.raises(DTypeError, match=r"dtype (int64|bool); cast it to a float"):
        xn.grad(lambda x: space.sum(x * 1.0))(x)
    with pytest.raises(DTypeError, match=r"^jvp: .* cast it to a float"):
        xn.jvp(lambda x: x * 1.0, (x,), (x,))
    with pytest.raises(DTypeError, match=r"^vjp: .* cast it to a float"):
        xn.vjp(lambda x: x * 1.0, x)


@pytest.mark.parametrize("empty", [{}, [], ()])
def test_an_argument_without_arrays_is_refused(empty):
    with pytest.raises(GradientError, match="holds no arrays"):
        xn.grad(lambda x: 1.0)(empty)


def test_a_container_that_holds_a_string_is_refused():
    with pytest.raises(DTypeError, match="not a number"):
        xn.grad(lambda d: d["x"])({"x": 1.0, "name": "text"})


def test_tangents_must_fit():
    with pytest.raises(ShapeError, match="2 primals but 1 tangents"):
        xn.jvp(lambda x, y: x * y, (1.0, 2.0), (1.0,))
    with pytest.raises(ShapeError, match=r"tangent has shape \(2,\).* \(3,\)"):
        xn.jvp(lambda x: x * 1.0, (X,), (np.ones(2),))
    with pytest.raises(ShapeError, match="structure of the primal, with 2 arrays"):
        xn.jvp(lambda t: t[0], ((1.0, 2.0),), ((1.0,),))


def test_cotangents_must_fit():
    _, pull = xn.vjp(lambda x: (x, x * 2.0), X)
    with pytest.raises(ShapeError, match="structure of the result, with 2 arrays"):
        pull(np.ones(3))
    with pytest.raises(ShapeError, match=r"cotangent has shape \(2,\).* \(3,\)"):
        pull((np.ones(2), np.ones(3)))


def test_tangents_and_cotangents_are_cast_to_the_dtype_of_what_they_go_with():
    x = X.astype(np.float32)
    out, tangent = xn.jvp(lambda x: x * 2.0, (x,), (W,))
    assert (out.dtype, tangent.dtype) == (np.float32, np.float32)
    _, pull = xn.vjp(lambda x: x * 2.0, x)
    assert pull(W)[0].dtype == np.float32
    assert pull(np.array([1, 2, 3]))[0].tolist() == [2.0, 4.0, 6.0]


def test_a_cotangent_of_another_library_is_refused():
    _, pull = xn.vjp(lambda x: x * 2.0, X)
    with pytest.raises(
        xn.XpnetError, match="array_api_strict was mixed with one of nu"
    ):
        pull(strict.ones(3))


def test_an_error_in_the_function_comes_through_and_recording_goes_on():
    def fails(x):
        raise KeyError("mine")

    with xn.no_grad():
        with pytest.raises(KeyError, match="mine"):
            xn.grad(fails)(1.0)
        assert not (xn.asarray(1.0, requires_grad=True) * 2).requires_grad


# --- values ---------------------------------------------------------------------------


def test_gradients_equal_finite_differences_for_a_deep_function():
    def function(x):
        h = space.tanh(x * 2.0) + space.exp(-x * x)
        return space.sum(h * space.sin(x)) / (1.0 + space.sum(x * x))

    def plain(x):
        return function(xn.asarray(x)).item()

    np.testing.assert_allclose(
        xn.grad(function)(X), numeric_gradient(plain, X), rtol=1e-7, atol=1e-9
    )


def test_forward_and_reverse_agree():
    def function(x, y):
        return space.exp(x) * y, space.sum(x / (2.0 + y * y))

    _, pull = xn.vjp(function, X, W)
    v = (np.array([0.3, -0.7, 1.1]), 0.9)
    back = pull(v)
    u = (np.array([1.0, 2.0, -1.0]), np.array([0.5, -0.25, 3.0]))
    _, tangent = xn.jvp(function, (X, W), u)
    forward = np.sum(v[0] * tangent[0]) + v[1] * tangent[1]
    reverse = sum(np.sum(a * b) for a, b in zip(back, u, strict=True))
    assert forward == pytest.approx(reverse, rel=1e-13)


def test_gradients_do_not_alias_inputs_or_each_other_and_are_writable():
    x, y, g = X.copy(), W.copy(), np.ones(3)
    grads = xn.grad(lambda x, y: space.sum(x * y), (0, 1))(x, y)
    _, pull = xn.vjp(lambda x, y: x + y, x, y)
    back = pull(g)
    _, tangent = xn.jvp(lambda x: x, (x,), (g,))
    outs = [*grads, *back, tangent]
    for i, out in enumerate(outs):
        assert out.flags.writeable
        for other in [x, y, g, *outs[:i]]:
            assert not np.shares_memory(out, other)
        out[...] = 99.0
    assert np.array_equal(x, X)
    assert np.array_equal(y, W)
    assert g.tolist() == [1.0, 1.0, 1.0]


def test_constant_gradients_are_writable():
    slope = xn.grad(space.sum)(np.zeros((2, 3)))
    slope[0, 0] = 5.0
    assert slope.tolist() == [[5.0, 1.0, 1.0], [1.0, 1.0, 1.0]]


def test_arguments_are_not_changed_by_the_function():
    x, a = X.copy(), xn.asarray(X.copy())

    def function(x):
        y = x * 1.0
        y *= 2.0
        y[0] = 0.0
        return space.sum(y * y)

    xn.grad(function)(x)
    xn.grad(function)(a)
    assert np.array_equal(x, X)
    assert np.array_equal(a.data, X)


def assigned(x):
    x[0] = 5.0
    return space.sum(x * x)


def doubled(x):
    x *= 2.0
    return space.sum(x * x)


@pytest.mark.parametrize(
    ("function", "right"),
    [(assigned, [0.0, 2 * X[1], 2 * X[2]]), (doubled, 8 * X)],
)
def test_updates_of_the_argument_in_place_are_differentiated(function, right):
    np.testing.assert_allclose(xn.grad(function)(X.copy()), right)
    np.testing.assert_allclose(
        xn.jvp(function, (X.copy(),), (W,))[1], np.sum(W * np.asarray(right))
    )
    (back,) = xn.vjp(function, X.copy())[1](1.0)
    np.testing.assert_allclose(back, right)


def test_updates_of_the_argument_in_place_do_not_reach_the_callers_array():
    for x in (X.copy(), xn.asarray(X.copy())):
        xn.grad(assigned)(x)
        assert np.array_equal(host(x), X)


# --- nesting --------------------------------------------------------------------------


def derivatives(function, x, count):
    out = []
    for _ in range(count):
        function = xn.grad(function)
        out.append(function(x))
    return out


@pytest.mark.parametrize("x", [-1.5, 0.0, 0.3, 2.0])
def test_four_derivatives_of_a_polynomial(x):
    found = derivatives(lambda x: 2 * x**5 - x**3 + 4 * x - 1, x, 4)
    right = [
        10 * x**4 - 3 * x**2 + 4,
        40 * x**3 - 6 * x,
        120 * x**2 - 6,
        240 * x,
    ]
    assert found == pytest.approx(right, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("x", [-2.0, -0.5, 0.0, 0.1, 1.0, 3.0])
def test_three_derivatives_of_tanh(x):
    found = derivatives(space.tanh, x, 3)
    t, s = math.tanh(x), 1 / math.cosh(x) ** 2
    right = [s, -2 * t * s, s * (6 * t * t - 2)]
    assert found == pytest.approx(right, rel=1e-10, abs=1e-10)


def test_derivatives_of_sine_return_after_four():
    found = derivatives(space.sin, 0.7, 4)
    s, c = math.sin(0.7), math.cos(0.7)
    assert found == pytest.approx([c, -s, -c, s], rel=1e-12)


def test_perturbations_are_not_confused():
    assert xn.grad(lambda x: x * xn.grad(lambda y: x + y)(1.0))(2.0) == 1.0
    assert xn.grad(lambda x: x * xn.grad(lambda y: x * y)(1.0))(2.0) == 4.0
    inner = xn.grad(lambda x: xn.grad(lambda y: x * x * y * y)(x))
    assert inner(3.0) == 6.0 * 9.0  # d(2x³)/dx
    assert xn.grad(lambda x: xn.grad(lambda y: y * y)(x) * x)(3.0) == 12.0


def test_perturbations_are_not_confused_in_forward_mode():
    def slope(function, x):
        return xn.jvp(function, (x,), (1.0,))[1]

    assert slope(lambda x: x * slope(lambda y: x + y, 1.0), 2.0) == 1.0
    assert slope(lambda x: x * slope(lambda y: x * y, 1.0), 2.0) == 4.0
    assert slope(lambda x: slope(lambda y: x * x * y * y, x), 3.0) == 54.0
    assert xn.grad(lambda x: x * slope(lambda y: x * y, 1.0))(2.0) == 4.0
    assert slope(lambda x: x * xn.grad(lambda y: x * y)(1.0), 2.0) == 4.0


def hessian_product(x, v):
    """The Hessian of sum(x³)·sum(x) times v, by hand."""
    s, one = np.sum(x), np.ones_like(x)
    return 6 * x * v * s + 3 * x * x * np.sum(v) + one * np.sum(3 * x * x * v)


def curved(x):
    return space.sum(x**3) * space.sum(x)


def test_every_nesting_of_modes_gives_the_hessian():
    slope = xn.grad(curved)
    forward = xn.jvp(slope, (X,), (W,))[1]
    reverse = xn.vjp(slope, X)[1](W)[0]
    backward = xn.grad(lambda x: xn.jvp(curved, (x,), (W,))[1])(X)
    inner = xn.grad(lambda x: space.sum(xn.vjp(curved, x)[1](1.0)[0] * W))(X)
    twice = xn.jvp(lambda x: xn.jvp(curved, (x,), (W,))[1], (X,), (W,))[1]
    for found in (forward, reverse, backward, inner):
        assert type(found) is np.ndarray
        np.testing.assert_allclose(found, hessian_product(X, W), rtol=1e-13)
    np.testing.assert_allclose(twice, np.sum(W * hessian_product(X, W)), rtol=1e-13)


def test_vjp_of_vjp_differentiates_with_respect_to_the_cotangent():
    def pulled(g):
        return xn.vjp(lambda x: x * x, X)[1](g)[0]

    out, pull = xn.vjp(pulled, W)
    np.testing.assert_allclose(out, 2 * X * W)
    np.testing.assert_allclose(pull(np.ones(3))[0], 2 * X)


def test_a_pull_of_an_outer_vjp_is_differentiable_inside_grad():
    _, pull = xn.vjp(lambda x: x * x, X)
    slope = xn.grad(lambda g: space.sum(pull(g)[0] * g))(W)
    np.testing.assert_allclose(host(xn.stop_gradient(slope)), 4 * X * W)


def test_a_pull_of_an_outer_vjp_inside_grad_keeps_the_kind():
    _, pull = xn.vjp(lambda x: x * x, X)
    slope = xn.grad(lambda g: space.sum(pull(g)[0] * g))(W)
    assert type(slope) is np.ndarray


def test_value_and_grad_nest_in_the_value_too():
    def function(x):
        value, slope = xn.value_and_grad(lambda y: y**3)(x)
        return value * slope  # 3x⁵

    assert xn.grad(function)(2.0) == 15 * 16.0


def test_inner_derivatives_work_under_no_grad():
    def function(x):
        with xn.no_grad():
            constant = xn.grad(lambda y: y**3)(x)
        return x * constant

    assert xn.grad(function)(2.0) == 12.0  # 3x² is a constant


@pytest.mark.parametrize("power", [1, 2])
def test_a_gradient_penalty_trains_an_outer_leaf(power):
    w = xn.asarray(W, requires_grad=True)
    slope = xn.grad(lambda x: space.sum(space.tanh(x * w)))(X)
    assert slope.requires_grad
    space.sum(slope**power).backward()

    def plain(v):
        return np.sum((v / np.cosh(X * v) ** 2) ** power)

    right = numeric_gradient(plain, W)
    np.testing.assert_allclose(host(w.grad), right, rtol=1e-7, atol=1e-9)


def test_a_transform_does_not_touch_the_grad_of_leaves():
    w = xn.asarray(W, requires_grad=True)
    xn.grad(lambda x: space.sum(x * w))(X)
    xn.grad(lambda v: space.sum(v * X))(w)
    assert w.grad is None


def test_the_gradient_at_a_leaf_stays_on_its_tape():
    w = xn.asarray(W, requires_grad=True)
    slope = xn.grad(cube)(w)
    assert slope.requires_grad
    space.sum(slope).backward()
    np.testing.assert_allclose(host(w.grad), 6 * W)


def test_functions_may_call_backward_inside():
    w = xn.asarray(2.0, requires_grad=True)

    def function(x):
        (w * w).backward()
        return x * w.grad

    assert float(xn.grad(function)(3.0)) == 4.0


# --- stop_gradient --------------------------------------------------------------------


def test_stop_gradient_is_a_constant():
    assert xn.grad(lambda x: x * xn.stop_gradient(x))(3.0) == 3.0
    assert xn.grad(lambda x: xn.stop_gradient(x * x))(3.0) == 0.0
    assert xn.jvp(lambda x: x * xn.stop_gradient(x), (3.0,), (1.0,))[1] == 3.0
    assert xn.grad(xn.grad(lambda x: x**2 * xn.stop_gradient(x)))(3.0) == 6.0


def test_stop_gradient_takes_containers_and_leaves_other_things_alone():
    x = xn.asarray(3.0, requires_grad=True)
    tree = {"x": x * 2, "rest": [1, "text", (None, X)]}
    out = xn.stop_gradient(tree)
    assert not out["x"].requires_grad
    assert out["x"].item() == 6.0
    assert out["rest"][:2] == [1, "text"]
    assert out["rest"][2][1] is X


# --- containers whose keys stand in another order -------------------------------------


def scaled(tree):
    return {"a": tree["a"] * 1.0, "b": tree["b"] * 10.0}


def test_a_cotangent_belongs_to_its_key_and_not_to_its_place():
    _, pull = xn.vjp(scaled, {"a": 1.0, "b": 1.0})
    assert pull({"b": 0.0, "a": 1.0}) == ({"a": 1.0, "b": 0.0},)


def test_a_tangent_belongs_to_its_key_and_not_to_its_place():
    _, tangent = xn.jvp(scaled, ({"a": 1.0, "b": 1.0},), ({"b": 0.0, "a": 1.0},))
    assert tangent == {"a": 1.0, "b": 0.0}


@pytest.mark.parametrize("g", [[1.0, 0.0], {"a": 1.0}, {"a": 1.0, "c": 0.0}, 1.0])
def test_a_cotangent_of_another_structure_is_refused(g):
    _, pull = xn.vjp(scaled, {"a": 1.0, "b": 1.0})
    with pytest.raises(ShapeError, match="structure of the result, with 2 arrays"):
        pull(g)


def test_jvp_says_that_it_takes_tuples():
    with pytest.raises(GradientError, match="primals is a float, not a tuple"):
        xn.jvp(lambda x: x * x, 3.0, 1.0)


# --- complex numbers in functions that are mostly real --------------------------------

Z = np.array([0.3 + 0.4j, -1.0 + 0.2j, 0.5 - 0.7j])


@pytest.mark.parametrize(
    "function",
    [
        space.var,
        space.std,
        space.special.softmax,
        space.special.log_softmax,
        space.special.logsumexp,
    ],
    ids=lambda function: function.__name__,
)
def test_complex_derivatives_are_right(function):
    xn.check_grads(function, Z)


def test_dicts_keep_their_class_and_order():
    from collections import OrderedDict

    given = OrderedDict(b=2.0, a=3.0)
    found = xn.grad(lambda p: p["a"] ** 2 * p["b"])(given)
    assert type(found) is OrderedDict
    assert list(found.items()) == [("b", 9.0), ("a", 12.0)]


def test_masked_arrays_are_refused():
    masked = np.ma.array([1.0, 2.0], mask=[0, 1])
    with pytest.raises(xn.XpnetError, match="mask"):
        xn.grad(lambda x: space.sum(x * x))(masked)


def test_cumulative_products_differentiate_in_linear_memory():
    x = np.linspace(0.999, 1.001, 20_000)  # a square matrix of this size is 3 GB
    found = xn.grad(lambda x: space.cumulative_prod(x)[-1])(x)
    np.testing.assert_allclose(found, np.prod(x) / x, rtol=1e-10)


def test_a_function_that_forgets_its_return_is_told_so():
    def forgetful(x):
        x * x

    for transform in (
        lambda: xn.grad(forgetful)(3.0),
        lambda: xn.jacobian(forgetful)(3.0),
        lambda: xn.jvp(forgetful, (3.0,), (1.0,)),
    ):
        with pytest.raises(GradientError, match=r"returned None\. Does it end"):
            transform()


def test_rebinding_a_value_does_not_change_its_derivative():
    kept = []

    def square(x):
        kept.append(x * x)
        return kept[-1]

    x = xn.asarray([2.0], requires_grad=True)
    value, pull = xn.vjp(square, x)
    value *= 3.0
    kept[-1] *= 3.0
    (g,) = pull(xn.asarray([1.0]))
    value, push = xn.linearize(square, x)
    value *= 3.0
    kept[-1] *= 3.0
    t = push(xn.asarray([1.0]))
    assert g.tolist() == t.tolist() == [4.0]
