"""Jacobians, Hessians, their products, and linearize."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import xpnet as xn
from libraries import STRICT, host
from xpnet import nn
from xpnet import xp as space
from xpnet.calculus.batch import walk
from xpnet.errors import DTypeError, GradientError, OptionError, ShapeError

Pair = namedtuple("Pair", ["first", "second"])
MODES = ["auto", "forward", "reverse"]
RNG = np.random.default_rng(3)
X = RNG.normal(size=4)
W = RNG.normal(size=(3, 4))
M = RNG.normal(size=(2, 3))
Z = RNG.normal(size=3) + 1j * RNG.normal(size=3)


def by_differences(function, x, step=1e-6):
    """The Jacobian of a function of one real array, by central differences."""
    columns = []
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += step
        below[place] -= step
        difference = host(function(xn.asarray(above))) - host(
            function(xn.asarray(below))
        )
        columns.append(difference / (2 * step))
    out = np.stack(columns, axis=-1)
    return out.reshape(out.shape[:-1] + x.shape)


def by_torch(function, *xs):
    """The same functions differentiated by PyTorch."""
    torch = pytest.importorskip("torch")
    return torch.autograd.functional.jacobian(
        function, tuple(torch.from_numpy(x.copy()) for x in xs)
    )


def layer(x):
    return space.tanh(space.asarray(W) @ x + 0.5)


def chain(x):
    for _ in range(3):
        x = space.sin(x) * 0.9 + space.exp(-x) * x[0]
    return x


def shares(x):
    e = space.exp(x - space.max(x))
    return e / space.sum(e) * space.cumulative_sum(x)


def pieces(x):
    return space.where(x > 0, x**3, -x) + space.flip(x) * space.mean(x)


def joined(x):
    return space.concat([x[2:], space.stack([x[0] * x[1], x[2]])]) * x


def matrix(x):
    y = space.reshape(x, (2, 2))
    return space.stack([y @ y.mT, y * y[0, 1]])


FUNCTIONS = [layer, chain, shares, pieces, joined, matrix, space.special.softmax]


# --- values ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_a_jacobian_equals_finite_differences(function, mode):
    found = xn.jacobian(function, mode=mode)(X)
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, by_differences(function, X), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_forward_and_reverse_mode_agree_to_rounding(function):
    forward = xn.jacobian(function, mode="forward")(X)
    reverse = xn.jacobian(function, mode="reverse")(X)
    np.testing.assert_allclose(forward, reverse, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_the_rows_are_what_vjp_gives_one_by_one(function):
    found = xn.jacobian(function)(X)
    out, pull = xn.vjp(function, X)
    for place in np.ndindex(out.shape):
        unit = np.zeros(out.shape)
        unit[place] = 1.0
        np.testing.assert_allclose(found[place], pull(unit)[0], rtol=1e-13, atol=1e-14)


def test_pytorch_agrees():
    torch = pytest.importorskip("torch")
    w = torch.from_numpy(W)
    (wanted,) = by_torch(lambda x: torch.tanh(w @ x) * x.sum(), X)
    found = xn.jacobian(lambda x: space.tanh(space.asarray(W) @ x) * space.sum(x))(X)
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_every_library_gives_its_own_arrays(target, xp, mode):
    raw = target.raw(X)
    found = xn.jacobian(lambda x: xp.tanh(x[1:] * xp.sum(x)), mode=mode)(raw)
    assert type(found) is type(raw)
    assert (found.dtype, found.device) == (raw.dtype, raw.device)
    wanted = xn.jacobian(lambda x: space.tanh(x[1:] * space.sum(x)))(X)
    np.testing.assert_allclose(host(xn.asarray(found)), wanted, rtol=1e-12)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_functions_of_every_library_nest(target, xp, mode):
    x = target.make(X)
    found = xn.jacobian(xn.grad(lambda x: xp.sum(xp.sin(x) * x[0] ** 2)), mode=mode)(x)
    wanted = xn.hessian(lambda x: space.sum(space.sin(x) * x[0] ** 2))(X)
    np.testing.assert_allclose(host(found), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_the_argument_s(dtype):
    for mode in MODES:
        assert xn.jacobian(chain, mode=mode)(X.astype(dtype)).dtype == dtype


def test_auto_takes_the_mode_with_fewer_passes(monkeypatch):
    from xpnet.calculus.transforms import jacobians

    seen = []
    for name in ("pull_back", "push_forward"):
        real = getattr(jacobians, name)

        def noted(*args, name=name, real=real, **options):
            seen.append(name)
            return real(*args, **options)

        monkeypatch.setattr(jacobians, name, noted)
    xn.jacobian(lambda x: x[0] * x)(X[:2])
    xn.jacobian(lambda x: space.sum(x))(X)
    xn.jacobian(lambda x: space.concat([x, x]))(X)
    assert seen == ["pull_back", "pull_back", "push_forward"]


@pytest.mark.parametrize("mode", MODES)
def test_the_function_runs_once(mode):
    calls = []

    def counted(x):
        calls.append(1)
        return layer(x)

    xn.jacobian(counted, mode=mode)(X)
    assert len(calls) == 1


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("function", FUNCTIONS[:-1], ids=lambda f: f.__name__)
def test_common_operations_go_through_all_at_once(function, mode, monkeypatch):
    def refuse(*_):
        raise AssertionError("one by one")

    monkeypatch.setattr(walk, "_pulled_in_turn", refuse)
    monkeypatch.setattr(walk, "_pushed_in_turn", refuse)
    xn.jacobian(function, mode=mode)(X)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_large_jacobians_are_computed_in_parts(mode, monkeypatch):
    from xpnet.calculus.transforms import jacobians

    wanted = xn.jacobian(chain, mode=mode)(X)
    monkeypatch.setattr(jacobians, "_ELEMENTS", 12)  # three at a time of four
    np.testing.assert_array_equal(xn.jacobian(chain, mode=mode)(X), wanted)
    strict = STRICT.make(X)
    found = xn.jacobian(lambda x: STRICT.namespace.sin(x) * x[0], mode=mode)(strict)
    right = xn.jacobian(lambda x: space.sin(x) * x[0], mode=mode)(X)
    np.testing.assert_allclose(host(found), right, rtol=1e-13)


# --- kinds, shapes, containers --------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_numbers_and_shapes(mode):
    assert xn.jacobian(lambda x: x**3, mode=mode)(2.0) == 12.0
    assert type(xn.jacobian(lambda x: x**3, mode=mode)(2.0)) is float
    column = xn.jacobian(lambda x: space.stack([x, x * x]), mode=mode)(3.0)
    assert host(column).tolist() == [1.0, 6.0]
    x = np.ones((2, 3))
    assert xn.jacobian(lambda x: x[None, :, :1] * 2.0, mode=mode)(x).shape == (
        1,
        2,
        1,
        2,
        3,
    )
    assert xn.jacobian(lambda x: space.sum(x), mode=mode)(x).shape == (2, 3)
    a = xn.jacobian(lambda x: x * x, mode=mode)(xn.asarray([1.0, 2.0]))
    assert type(a) is xn.Array
    assert not a.requires_grad


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("rows", "columns"), [((0,), (3,)), ((3,), (0,)), ((0,), (0,))]
)
def test_empty_arrays_have_empty_jacobians(mode, rows, columns):
    def function(x):
        return space.sum(x) * space.ones(rows)

    assert xn.jacobian(function, mode=mode)(np.ones(columns)).shape == rows + columns


@pytest.mark.parametrize("mode", MODES)
def test_what_is_ignored_has_derivative_zero(mode):
    found = xn.jacobian(lambda x, y: (y, 5.0), (0, 1), mode=mode)(X, X[:2])
    (first, second), (zero, nothing) = found
    assert (first.shape, zero.shape, nothing.shape) == ((2, 4), (4,), (2,))
    assert not first.any()
    assert not zero.any()
    np.testing.assert_array_equal(second, np.eye(2))


@pytest.mark.parametrize("mode", MODES)
def test_containers_nest_the_result_s_outside_the_argument_s(mode):
    def function(t, y):
        return {"s": t["a"] * y, "p": Pair(space.sum(t["b"][0] ** 2), t["a"][:2])}

    tree = {"a": X, "b": [np.ones((2, 2))]}
    found = xn.jacobian(function, (0, 1), mode=mode)(tree, 3.0)
    in_tree, in_y = found["s"]
    assert list(in_tree) == ["a", "b"]
    np.testing.assert_array_equal(in_tree["a"], 3.0 * np.eye(4))
    assert in_tree["b"][0].shape == (4, 2, 2)
    assert not in_tree["b"][0].any()
    np.testing.assert_array_equal(host(in_y), X)
    assert type(found["p"]) is Pair
    np.testing.assert_array_equal(found["p"].first[0]["b"][0], 2 * np.ones((2, 2)))
    np.testing.assert_array_equal(found["p"].second[0]["a"], np.eye(4)[:2])
    assert xn.jacobian(function, mode=mode)(tree, 3.0)["s"]["a"].shape == (4, 4)


@pytest.mark.parametrize("mode", MODES)
def test_a_module_gives_a_module_of_jacobians(mode):
    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Tanh(), nn.Dropout(0.0))
    x = xn.asarray(np.ones((5, 3), dtype=np.float32))
    found = xn.jacobian(lambda m: m(x), mode=mode)(model)
    assert type(found) is type(model)
    weight, bias = found.parameters()
    assert (weight.shape, bias.shape) == ((5, 2, 2, 3), (5, 2, 2))
    value = host(xn.stop_gradient(model(x)))
    np.testing.assert_allclose(
        np.einsum("nij->ni", host(bias)), 1 - value**2, rtol=1e-5
    )


@pytest.mark.parametrize("mode", MODES)
def test_aux_is_passed_through(mode):
    found, aux = xn.jacobian(lambda x: (x * x, {"n": x}), mode=mode, has_aux=True)(X)
    np.testing.assert_allclose(found, np.diag(2 * X))
    assert not aux["n"].requires_grad
    with pytest.raises(GradientError, match=r"jacobian: with has_aux=True .* a pair"):
        xn.jacobian(lambda x: x, has_aux=True)(X)


def test_vjp_passes_aux_through():
    value, pull, aux = xn.vjp(lambda x: (x * x, x + 1.0), 3.0, has_aux=True)
    assert (value, pull(1.0), float(aux)) == (9.0, (6.0,), 4.0)
    assert not aux.requires_grad


# --- complex numbers ------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_holomorphic_function_has_its_complex_derivative(mode):
    found = xn.jacobian(lambda z: space.exp(z) * z[0], mode=mode, holomorphic=True)(Z)
    wanted = np.diag(np.exp(Z) * Z[0])
    wanted[:, 0] += np.exp(Z)
    np.testing.assert_allclose(found, wanted, rtol=1e-13)
    assert found.dtype == np.complex128


@pytest.mark.parametrize("mode", MODES)
def test_a_complex_result_of_real_numbers_has_a_complex_derivative(mode):
    found = xn.jacobian(lambda x: space.exp(1j * x) * x[0], mode=mode)(X)
    wanted = np.diag(1j * np.exp(1j * X) * X[0])
    wanted[:, 0] += np.exp(1j * X)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("mode", MODES)
def test_a_real_result_of_complex_numbers_has_rows_that_are_gradients(mode):
    def function(z):
        return space.stack([space.abs(z[0]) ** 2, space.imag(z[1] * z[2])])

    found = xn.jacobian(function, mode=mode)(Z)
    for i in range(2):
        row = xn.grad(lambda z, i=i: function(z)[i])(Z)
        np.testing.assert_allclose(found[i], row, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("mode", MODES)
def test_real_and_complex_arguments_together(mode):
    def function(x, z):
        return {"c": x * z, "r": space.real(z) * x}

    found = xn.jacobian(function, (0, 1), mode=mode, holomorphic=True)(X[:3], Z)
    np.testing.assert_allclose(found["c"][0], np.diag(Z))
    np.testing.assert_allclose(found["c"][1], np.diag(X[:3]))
    np.testing.assert_allclose(found["r"][0], np.diag(Z.real))
    np.testing.assert_allclose(found["r"][1], np.diag(X[:3]))
    assert found["r"][0].dtype == np.float64
    assert found["r"][1].dtype == np.complex128


def test_complex_to_complex_needs_a_word():
    with pytest.raises(DTypeError, match=r"complex128.*holomorphic=True"):
        xn.jacobian(lambda z: space.conj(z))(Z)
    with pytest.raises(DTypeError, match=r"holomorphic"):
        xn.hessian(lambda z: space.sum(space.abs(z) ** 2))(Z)


# --- nesting --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_jacobian_is_differentiable(mode):
    def function(x):
        return space.sum(xn.jacobian(layer, mode=mode)(x) ** 2)

    xn.check_grads(function, X, order=2)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_a_jacobian_of_a_jacobian_is_the_second_derivative(function, mode):
    found = xn.jacobian(xn.jacobian(function, mode=mode), mode=mode)(X)
    wanted = by_differences(lambda x: xn.jacobian(function)(x), X)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


def test_a_jacobian_at_a_leaf_stays_on_its_tape():
    w = xn.asarray(X, requires_grad=True)
    found = xn.jacobian(lambda x: x * w)(xn.asarray(X))
    assert found.requires_grad
    space.sum(found * space.asarray(np.diag(X))).backward()
    np.testing.assert_allclose(host(w.grad), X)


def quartic(x):
    return space.sum(x**4) + space.prod(x[:3]) * x[3]


def test_the_hessian_is_right_and_symmetric():
    found = xn.hessian(quartic)(X)
    wanted = by_differences(xn.grad(quartic), X)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found, found.T, rtol=1e-14, atol=1e-15)


def test_the_hessian_agrees_with_pytorch():
    torch = pytest.importorskip("torch")
    wanted = torch.autograd.functional.hessian(
        lambda x: (x**4).sum() + x[:3].prod() * x[3], torch.from_numpy(X)
    )
    np.testing.assert_allclose(xn.hessian(quartic)(X), wanted.numpy(), rtol=1e-12)


def test_the_hessian_of_a_container_is_nested():
    def function(t):
        return space.sum(t["a"] ** 2) * t["b"] ** 3

    found = xn.hessian(function)({"a": X, "b": 2.0})
    np.testing.assert_allclose(found["a"]["a"], 16.0 * np.eye(4))
    np.testing.assert_allclose(host(found["a"]["b"]), 24.0 * X)
    np.testing.assert_allclose(found["b"]["a"], 24.0 * X)
    assert found["b"]["b"] == pytest.approx(12.0 * np.sum(X**2))
    (xx, xy), (yx, yy) = xn.hessian(lambda x, y: x * x * y, (0, 1))(2.0, 3.0)
    assert (xx, xy, yx, yy) == (6.0, 4.0, 4.0, 0.0)


def test_the_hessian_on_every_library(target, xp):
    found = xn.hessian(lambda x: xp.sum(xp.tanh(x) * x) ** 2)(target.make(X))
    wanted = xn.hessian(lambda x: space.sum(space.tanh(x) * x) ** 2)(X)
    np.testing.assert_allclose(host(found), wanted, rtol=1e-12)


def test_hvp_is_the_hessian_times_a_direction(target, xp):
    v = RNG.normal(size=4)

    def function(x):
        return xp.sum(xp.exp(x) * x[0])

    (gradient,), (product,) = xn.hvp(function, (target.make(X),), (target.make(v),))
    matrix = host(xn.hessian(function)(target.make(X)))
    np.testing.assert_allclose(host(product), matrix @ v, rtol=1e-12)
    np.testing.assert_allclose(
        host(gradient), host(xn.grad(function)(target.make(X))), rtol=1e-13
    )


def test_hvp_takes_several_arguments_and_containers():
    gradient, product = xn.hvp(
        lambda x, t: x * x * t["y"], (2.0, {"y": 3.0}), (1.0, {"y": 10.0})
    )
    assert gradient == (12.0, {"y": 4.0})
    assert product == (6.0 + 40.0, {"y": 4.0})
    xn.check_grads(lambda x: xn.hvp(lambda x: space.sum(x**4), (x,), (x,))[1][0], X)


def test_hvp_refuses_what_is_not_a_pair_of_tuples():
    with pytest.raises(GradientError, match=r"hvp: primals is a float.*xn\.hvp"):
        xn.hvp(lambda x: x, 1.0, (1.0,))
    with pytest.raises(ShapeError, match="hvp: 1 primals but 2 tangents"):
        xn.hvp(lambda x: x, (1.0,), (1.0, 1.0))


# --- linearize ------------------------------------------------------------------------


def test_linearize_runs_the_function_once(target, xp):
    calls = []

    def function(x):
        calls.append(1)
        return {"y": xp.sin(x) * x}

    x = target.make(X)
    value, push = xn.linearize(function, x)
    for seed in range(3):
        v = np.random.default_rng(seed).normal(size=4)
        wanted = (np.sin(X) + np.cos(X) * X) * v
        np.testing.assert_allclose(host(push(target.make(v))["y"]), wanted, rtol=1e-13)
    assert len(calls) == 1
    np.testing.assert_allclose(host(value["y"]), np.sin(X) * X, rtol=1e-14)


def test_linearize_gives_a_function_that_is_differentiable():
    _, push = xn.linearize(lambda x: x**3, X)
    xn.check_grads(push, X)
    slope = xn.grad(lambda x: space.sum(xn.linearize(lambda y: y**3, x)[1](X)))(X)
    np.testing.assert_allclose(slope, 6 * X * X)


def test_linearize_refuses_another_number_of_tangents():
    _, push = xn.linearize(lambda x, y: x * y, 2.0, 3.0)
    assert push(1.0, 10.0) == 23.0
    with pytest.raises(ShapeError, match="linearize: 2 primals but 1 tangents"):
        push(1.0)
    with pytest.raises(ShapeError, match="linearize: a tangent has shape"):
        push(1.0, np.ones(2))


# --- refusals -------------------------------------------------------------------------


def test_unknown_modes_and_results_without_a_derivative_are_refused():
    with pytest.raises(OptionError, match=r"mode is one of .* not 'fast'"):
        xn.jacobian(layer, mode="fast")
    with pytest.raises(DTypeError, match=r"int64, which has no derivative.*has_aux"):
        xn.jacobian(lambda x: space.argmax(x))(X)
    with pytest.raises(DTypeError, match=r"^jacobian: .* cast it to a float"):
        xn.jacobian(lambda x: x)(np.arange(3))
    with pytest.raises(GradientError, match=r"one number"):
        xn.hessian(lambda x: x)(X)


def test_an_error_in_a_rule_names_the_users_line():
    @xn.custom_vjp
    def broken(x):
        return x * 1.0

    @broken.defvjp
    def _(g, out, x):
        raise ValueError("mine")

    with pytest.raises(GradientError, match=r"broken: its backward rule .* mine"):
        xn.jacobian(broken, mode="reverse")(X)


def test_a_nan_inside_a_jacobian_is_found_and_named():
    with (
        xn.detect_nonfinite(),
        pytest.raises(xn.XpnetError, match="backward rule of sqrt"),
    ):
        xn.jacobian(lambda x: space.sqrt(x), mode="reverse")(np.zeros(2))


@pytest.mark.parametrize("mode", MODES)
def test_a_value_with_axes_of_length_one_in_front_can_be_assigned(mode):
    def rows(v):
        x = space.zeros((2, 4))
        x[0] = space.reshape(v * v, (1, 4))
        x[1, :] = space.reshape(v[2], (1, 1))
        return x

    found = xn.jacobian(rows, mode=mode)(X)
    np.testing.assert_array_equal(found[0], np.diag(2 * X))
    np.testing.assert_array_equal(found[1], np.tile([0.0, 0.0, 1.0, 0.0], (4, 1)))


@pytest.mark.parametrize("mode", MODES)
def test_where_numpy_takes_fewer_axes_than_the_standard_the_shapes_are_right(mode):
    one = np.asarray(3.0)
    assert xn.jacobian(lambda x: space.max(x * x, axis=0), mode=mode)(one) == 6.0
    for part in (space.tril, space.triu):
        found = xn.jacobian(part, mode=mode)(X)
        np.testing.assert_array_equal(found, by_jvp(part, X))
        assert xn.grad(lambda x, part=part: space.sum(part(x)))(X).shape == X.shape


def by_jvp(function, x):
    """The Jacobian of a function of a vector, one direction at a time."""
    units = np.eye(len(x))
    return np.stack([xn.jvp(function, (x,), (unit,))[1] for unit in units], axis=-1)
