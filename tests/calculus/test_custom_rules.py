"""Functions with a derivative of the user's own."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import xpnet as xn
from libraries import host
from xpnet import nn
from xpnet import xp as space
from xpnet.errors import GradientError, OptionError

RNG = np.random.default_rng(5)
X = RNG.normal(size=3)
Y = RNG.normal(size=3)
Z = X + 1j * Y


def soft(kind, xp=space):
    """log(1 + exp(x)) with one rule or both."""

    def softplus(x):
        return xp.log(1 + xp.exp(x))

    def vjp(g, out, x):
        return g * (1 - xp.exp(-out))

    made = xn.custom_jvp(softplus) if kind == "jvp" else xn.custom_vjp(softplus)
    if kind != "jvp":
        made.defvjp(vjp)
    if kind != "vjp":
        made.defjvp(vjp)  # the same formula: it is elementwise
    return made


KINDS = ["vjp", "jvp", "both"]


@pytest.mark.parametrize("kind", KINDS)
def test_both_modes_and_all_orders_are_right(kind):
    function = soft(kind)
    xn.check_grads(function, X, order=3)
    slope = 1 / (1 + np.exp(-X))
    np.testing.assert_allclose(xn.grad(lambda x: space.sum(function(x)))(X), slope)
    np.testing.assert_allclose(xn.jvp(function, (X,), (Y,))[1], slope * Y)
    np.testing.assert_allclose(
        xn.hessian(lambda x: space.sum(function(x)))(X), np.diag(slope * (1 - slope))
    )
    for mode in ("forward", "reverse"):
        found = xn.jacobian(function, mode=mode)(X)
        np.testing.assert_allclose(found, np.diag(slope), atol=1e-16)


@pytest.mark.parametrize("kind", KINDS)
def test_every_library(kind, target, xp):
    function = soft(kind, xp)
    x, v = target.make(X), target.make(Y)
    slope = 1 / (1 + np.exp(-X))
    found = xn.grad(lambda x: xp.sum(function(x)))(x)
    assert (found.dtype, found.device) == (x.dtype, x.device)
    np.testing.assert_allclose(host(found), slope, rtol=1e-13)
    np.testing.assert_allclose(
        host(xn.jvp(function, (x,), (v,))[1]), slope * Y, rtol=1e-13
    )
    (_,), (second,) = xn.hvp(lambda x: xp.sum(function(x)), (x,), (v,))
    np.testing.assert_allclose(host(second), slope * (1 - slope) * Y, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_value_and_leaves(kind):
    function = soft(kind)
    assert function(0.0) == pytest.approx(np.log(2.0))
    x = xn.asarray(X, requires_grad=True)
    out = function(x)
    assert out.requires_grad
    space.sum(out * out).backward()
    np.testing.assert_allclose(
        host(x.grad), 2 * np.logaddexp(0, X) / (1 + np.exp(-X)), rtol=1e-13
    )
    with xn.no_grad():
        assert not function(x).requires_grad


def test_a_rule_replaces_the_derivative_that_would_be_recorded():
    @xn.custom_vjp
    def double(x):
        return space.floor(x) * 2.0

    @double.defvjp
    def _(g, out, x):
        return 2.0 * g  # straight through

    assert xn.grad(double)(1.7) == 2.0
    assert xn.jvp(double, (1.7,), (1.0,)) == (2.0, 2.0)


# --- arguments and results ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["vjp", "jvp"])
def test_containers_and_several_arguments_and_results(kind):
    def function(t, y):
        return {"p": t["a"] * y, "s": [space.sum(t["b"] ** 2)]}

    def vjp(g, out, t, y):
        (gs,) = g["s"]
        return {"a": g["p"] * y, "b": 2 * t["b"] * gs}, g["p"] * t["a"]

    def jvp(t, out, primal, y):
        first, second = t
        product = first["a"] * y + primal["a"] * second
        return {"p": product, "s": [2 * space.sum(first["b"] * primal["b"])]}

    made = xn.custom_vjp(function)
    if kind == "vjp":
        made.defvjp(vjp)
    else:
        made.defjvp(jvp)
    tree = {"a": X, "b": Y}
    xn.check_grads(made, tree, Y + 2.0, order=2)
    # a part that is not used, an argument that is not differentiated
    slope = xn.grad(lambda t: space.sum(made(t, Y)["p"]))(tree)
    np.testing.assert_allclose(slope["a"], Y)
    np.testing.assert_allclose(slope["b"], 0 * Y)
    np.testing.assert_allclose(
        xn.grad(lambda y: space.sum(made({"a": X, "b": Y}, y)["p"]))(Y), X
    )


@pytest.mark.parametrize("kind", ["vjp", "jvp"])
def test_results_may_be_reused_by_the_rule(kind):
    @xn.custom_vjp
    def both(x):
        e = space.exp(x)
        return e / (1 + e), e

    if kind == "vjp":

        @both.defvjp
        def _(g, out, x):
            slope = out[1] / (1 + out[1]) ** 2
            return g[0] * slope + g[1] * out[1]

    else:

        @both.defjvp
        def _(t, out, x):
            return t * out[1] / (1 + out[1]) ** 2, t * out[1]

    xn.check_grads(both, X, order=2)
    xn.check_grads(lambda x: both(x)[0], X, order=2)


@pytest.mark.parametrize("decorator", [xn.custom_vjp, xn.custom_jvp])
def test_arguments_that_are_not_differentiated(decorator):
    @decorator(nondiff_argnums=(1,))
    def power(x, n, *, scale=1.0):
        return scale * x**n

    @power.defvjp
    def _(g, out, x, n, *, scale):
        return g * scale * n * x ** (n - 1)

    @power.defjvp
    def _(t, out, x, n, *, scale):
        return t * scale * n * x ** (n - 1)

    assert xn.grad(power)(2.0, 3) == 12.0
    assert xn.grad(power)(2.0, n=3, scale=10.0) == 120.0
    assert xn.jvp(lambda x: power(x, 3), (2.0,), (1.0,)) == (8.0, 12.0)
    n = xn.asarray(3.0, requires_grad=True)
    assert xn.grad(lambda x: power(x, n))(2.0) == 12.0
    assert xn.grad(lambda n: power(xn.asarray(2.0), n))(3.0) == 0.0


def test_none_stands_for_no_derivative():
    @xn.custom_vjp
    def first(x, y):
        return x + space.floor(y)

    first.defvjp(lambda g, out, x, y: (g, None))
    assert xn.grad(first, (0, 1))(1.5, 2.5) == (1.0, 0.0)
    found = xn.jvp(first, (1.5, 2.5), (10.0, 1.0))
    assert found == (3.5, 10.0)


def test_integer_results_and_defaults_are_carried_along():
    @xn.custom_vjp
    def top(x, y=2.0):
        return space.max(x) * y, space.argmax(x)

    @top.defvjp
    def _(g, out, x, y):
        assert g[1] is None
        one = space.arange(x.shape[0]) == out[1]
        return space.astype(one, x.dtype) * g[0] * y, None

    (value, place), pull = xn.vjp(top, X)
    assert int(place) == int(np.argmax(X))
    assert value == 2 * np.max(X)
    np.testing.assert_array_equal(pull((1.0, 0))[0], 2.0 * (np.max(X) == X))


def test_code_outside_xp_is_wrapped():
    @xn.custom_vjp
    def outside(x):
        return np.sinh(host(x))  # any library's function, on raw arrays

    outside.defvjp(lambda g, out, x: g * space.cosh(x))
    np.testing.assert_allclose(
        xn.grad(lambda x: space.sum(outside(x)))(X), np.cosh(X), rtol=1e-15
    )


def test_modules_are_arguments():
    @xn.custom_vjp
    def apply(model, x):
        return x @ model.weight.mT

    @apply.defvjp
    def _(g, out, model, x):
        return model.tree_rebuild([g.mT @ x]), g @ model.weight

    model = nn.Linear(3, 2, bias=False, rng=0)
    x = xn.asarray(np.ones((4, 3), dtype=np.float32))
    found = xn.grad(lambda m: space.sum(apply(m, x) ** 2))(model)
    wanted = xn.grad(lambda m: space.sum(m(x) ** 2))(model)
    assert type(found) is nn.Linear
    np.testing.assert_allclose(host(found.weight), host(wanted.weight), rtol=1e-6)
    space.sum(apply(model, x) ** 2).backward()
    np.testing.assert_allclose(host(model.weight.grad), host(wanted.weight), rtol=1e-6)


@pytest.mark.parametrize("kind", ["vjp", "jvp"])
def test_complex_numbers(kind):
    made = xn.custom_vjp(lambda z: z * z)
    if kind == "vjp":
        made.defvjp(lambda g, out, z: g * space.conj(2 * z))
    else:
        made.defjvp(lambda t, out, z: t * 2 * z)
    xn.check_grads(made, Z, order=2)
    for mode in ("forward", "reverse"):
        found = xn.jacobian(made, mode=mode, holomorphic=True)(Z)
        np.testing.assert_allclose(found, np.diag(2 * Z))


def test_pytorch_agrees():
    torch = pytest.importorskip("torch")

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x**2

    cube = xn.custom_vjp(lambda x: x**3)
    cube.defvjp(lambda g, out, x: g * 3 * x**2)
    wanted = torch.autograd.functional.hessian(
        lambda x: (Cube.apply(x) * x.sum()).sum(), torch.from_numpy(X)
    )
    found = xn.hessian(lambda x: space.sum(cube(x) * space.sum(x)))(X)
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-12)


def test_the_name_and_doc_are_the_function_s():
    @xn.custom_vjp
    def named(x):
        """What it is."""
        return x

    assert (named.__name__, named.__doc__) == ("named", "What it is.")
    assert repr(named) == "<named with no rule of its own>"
    named.defvjp(lambda g, out, x: g)
    assert repr(named) == "<named with vjp rule of its own>"


# --- checks ---------------------------------------------------------------------------


def wrong(rule, kind="vjp", function=lambda x: x * 1.0, arguments=(X,)):
    """Differentiate a function with a rule; return what the error says."""

    def named(*args):
        return function(*args)

    named.__signature__ = inspect.signature(function)
    made = xn.custom_vjp(named)
    if kind == "vjp":
        made.defvjp(rule)
    else:
        made.defjvp(rule)

    def derivative():
        if kind == "jvp":
            return xn.jvp(made, arguments, arguments)
        out, pull = xn.vjp(made, *arguments)
        return pull(out)

    with pytest.raises(GradientError) as caught:
        derivative()
    return str(caught.value)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (lambda g, out, x: g[:2], r"cotangent of argument 0 has shape (2,), but the"),
        (lambda g, out, x: space.sum(g), "has shape (), but the argument has (3,)"),
        (lambda g, out, x: space.astype(g, space.float32), "dtype float32, but the"),
        (lambda g, out, x: g * 1j, "has dtype complex128, but the argument has"),
        (lambda g, out, x: {"a": g}, "is not an array"),
        (lambda g, out, x: "text", "is not an array"),
    ],
)
def test_cotangents_that_do_not_fit_are_refused(rule, sentence):
    text = wrong(rule)
    assert "named: its backward rule failed" in text
    assert sentence in text
    assert "test_custom_rules.py" in text


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            lambda t, out, x: t[:2],
            "the tangent has shape (2,), but the result has (3,)",
        ),
        (lambda t, out, x: space.astype(t, space.float32), "tangent has dtype float32"),
        (lambda t, out, x: t * 1j, "the tangent has dtype complex128"),
    ],
)
def test_tangents_that_do_not_fit_are_refused(rule, sentence):
    text = wrong(rule, "jvp")
    assert "named: its forward rule failed" in text
    assert sentence in text


def test_a_rule_returns_one_part_for_each_argument():
    text = wrong(lambda g, out, x, y: g, function=lambda x, y: x * y, arguments=(X, Y))
    assert "one cotangent for each of its 2 arguments" in text
    assert "it returned an Array" in text
    text = wrong(
        lambda g, out, x, y: (g,), function=lambda x, y: x * y, arguments=(X, Y)
    )
    assert "it returned 1 of them" in text
    text = wrong(lambda t, out, x: t, "jvp", function=lambda x: (x * 1.0, x * 2.0))
    assert "has not the structure of the result, with 2 arrays" in text
    text = wrong(
        lambda g, out, t: [g], function=lambda t: t[0] * t[1], arguments=((X, Y),)
    )
    assert "has not the structure of the argument, with 2 arrays" in text


def test_a_wrong_rule_is_found_by_check_grads_and_named():
    @xn.custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda g, out, x: g * 3 * x)
    with pytest.raises(GradientError, match=r"derivative of square is wrong"):
        xn.check_grads(square, X)
    square.defvjp(lambda g, out, x: g * 2 * x)
    square.defjvp(lambda t, out, x: t * x)
    with pytest.raises(GradientError, match=r"reverse mode of square disagree"):
        xn.check_grads(square, X)


def test_a_function_without_a_rule_says_how_to_give_one():
    @xn.custom_vjp
    def bare(x):
        return x * x

    for run in (
        lambda: xn.grad(bare)(1.0),
        lambda: xn.jvp(bare, (1.0,), (1.0,)),
    ):
        with pytest.raises(GradientError, match=r"bare has no rule yet.*@bare\.def"):
            run()


def test_arrays_from_outside_are_refused():
    w = xn.asarray(Y, requires_grad=True)

    @xn.custom_vjp
    def scaled(x):
        return x * w

    scaled.defvjp(lambda g, out, x: g * w)
    with pytest.raises(GradientError, match=r"scaled uses an array on the .* Make"):
        xn.grad(lambda x: space.sum(scaled(x)))(X)

    @xn.custom_vjp
    def keyword(x, *, w):
        return x * w

    with pytest.raises(GradientError, match="keyword-only argument 'w' is on the tape"):
        xn.grad(lambda x: space.sum(keyword(x, w=w)))(X)
    fine = xn.custom_vjp(lambda x: x * xn.stop_gradient(w))
    fine.defvjp(lambda g, out, x: g * xn.stop_gradient(w))
    np.testing.assert_allclose(xn.grad(lambda x: space.sum(fine(x)))(X), Y)


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, out, x: space.clip(g, -1.0, 1.0),
        lambda g, out, x: space.special.relu(g),
        lambda g, out, x: g / space.sqrt(1.0 + space.sum(g * g)),
        lambda g, out, x: g * g,
    ],
    ids=["clip", "relu", "norm", "square"],
)
@pytest.mark.parametrize("x", [X, 0.5])
def test_forward_mode_refuses_a_vjp_that_is_not_linear(rule, x):
    @xn.custom_vjp
    def clipped(x):
        return x * 1.0

    clipped.defvjp(rule)
    xn.vjp(clipped, x)[1](x)  # reverse mode takes any rule
    with pytest.raises(
        GradientError, match=r"clipped: its vjp rule is not linear.*defjvp"
    ):
        xn.jvp(clipped, (x,), (x,))
    clipped.defjvp(lambda t, out, x: t)
    assert np.all(xn.jvp(clipped, (x,), (x,))[1] == x)


def test_a_rule_off_the_tape_has_no_transpose():
    function = xn.custom_vjp(lambda x: x * 2.0)
    function.defvjp(lambda g, out, x: xn.asarray(2.0 * g.data))
    assert xn.grad(function)(1.0) == 2.0
    with pytest.raises(GradientError, match=r"vjp rule alone.*leaves the tape.*defjvp"):
        xn.jvp(function, (1.0,), (1.0,))
    other = xn.custom_jvp(lambda x: x * 2.0)
    other.defjvp(lambda t, out, x: xn.asarray(2.0 * t.data))
    assert xn.jvp(other, (1.0,), (1.0,)) == (2.0, 2.0)
    with pytest.raises(GradientError, match=r"jvp rule alone.*leaves the tape.*defvjp"):
        xn.grad(other)(1.0)


def test_nondiff_argnums_are_checked():
    with pytest.raises(OptionError, match=r"has 2, but the function has 1"):
        xn.custom_vjp(lambda x: x, nondiff_argnums=(2,))
    with pytest.raises(OptionError, match="'x'"):
        xn.custom_vjp(lambda x: x, nondiff_argnums=("x",))
    many = xn.custom_vjp(lambda *xs: xs[0] * xs[1], nondiff_argnums=(1,))
    many.defvjp(lambda g, out, *xs: (g * xs[1],))
    assert xn.grad(many)(2.0, 3.0) == 3.0


def test_names_of_table_rows_are_free():
    @xn.custom_vjp
    def matmul(x):
        return x * x

    matmul.defvjp(lambda g, out, x: 2 * x * g)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(xn.jacobian(matmul, mode=mode)(X), np.diag(2 * X))


def test_a_whole_number_in_place_of_a_float_has_the_tangent_zero():
    @xn.custom_jvp
    def product(x, y):
        return x * y

    product.defjvp(lambda t, out, x, y: t[0] * y + x * t[1])
    assert xn.grad(product, 1)(2, 3.0) == 2.0
    assert xn.jvp(lambda y: product(2, y), (3.0,), (1.0,)) == (6.0, 2.0)


def test_functions_and_rules_may_rebind_what_they_are_given():
    def cube(x):
        x *= x * x  # computes a new array and gives it the name
        return x

    def vjp(g, out, x):
        g *= 3
        x *= x
        out *= 0
        return g * x

    by_vjp, by_jvp = xn.custom_vjp(cube), xn.custom_jvp(cube)
    by_vjp.defvjp(vjp)
    by_jvp.defjvp(vjp)  # the same formula: it is elementwise
    for function in (by_vjp, by_jvp):
        xn.check_grads(function, X, order=2)
        for mode in ("forward", "reverse"):
            found = xn.jacobian(function, mode=mode)(X)
            np.testing.assert_allclose(found, np.diag(3 * X * X), rtol=1e-14)
        # the cotangent that the rule rebinds is the product's as well
        both = xn.grad(lambda x, f=function: x * x + f(x))
        np.testing.assert_allclose(xn.grad(both)(2.0), 14.0, rtol=1e-14)
