"""check_grads: right derivatives pass, wrong ones are named."""

from __future__ import annotations

import re

import numpy as np
import pytest

import xpnet as xn
from xpnet import xp
from xpnet.calculus.rule import TABLE
from xpnet.errors import GradientError

X = np.array([0.5, -1.0, 2.0])


def smooth(x):
    return xp.sin(x) * xp.exp(x / 3.0) + x**3


@pytest.mark.parametrize("order", [1, 2, 3])
def test_right_derivatives_pass(order):
    xn.check_grads(smooth, X, order=order)
    xn.check_grads(lambda x, y: xp.sum(x * y) * y, X, 2 * X, order=order)
    xn.check_grads(lambda x: x**4, 1.5, order=order)


def test_it_returns_nothing_and_leaves_its_arguments_alone():
    x = X.copy()
    leaf = xn.asarray(X.copy(), requires_grad=True)
    assert xn.check_grads(smooth, x) is None
    assert xn.check_grads(smooth, leaf) is None
    assert np.array_equal(x, X)
    assert np.array_equal(leaf.data, X)
    assert leaf.grad is None


def test_containers_and_several_results_pass():
    def function(tree, y):
        return {"a": tree["w"] * y, "b": (xp.sum(tree["b"][0] ** 2), y)}

    xn.check_grads(function, {"w": X, "b": [2.0]}, X, order=2)


def test_complex_functions_pass():
    z = np.array([1.0 + 2.0j, -0.5 + 0.25j])
    xn.check_grads(lambda z: z * z, z, order=2)
    xn.check_grads(lambda z: xp.conj(z) * xp.exp(z), z)
    xn.check_grads(lambda z: xp.abs(z) ** 2, z, order=2)


@pytest.mark.parametrize("order", [1, 2])
def test_every_library_passes(make, order, xp):
    xn.check_grads(lambda x: xp.tanh(x) * x, make(X), order=order)


def test_float32_passes_within_its_wider_tolerance():
    xn.check_grads(lambda x: xp.sin(x), X.astype(np.float32))


def test_integer_results_are_left_out():
    xn.check_grads(lambda x: (x * x, xp.argmax(x)), X)


def test_a_wrong_derivative_is_named_with_several_steps():
    with pytest.raises(GradientError) as error:
        xn.check_grads(lambda x: x * xn.stop_gradient(x), np.array([2.0]))
    message = str(error.value)
    assert message.startswith("order 1, reverse mode: the derivative is wrong")
    assert "for input 0 at element (0,)" in message
    found = float(re.search(r"derivative (-?\d+\.\d+),", message)[1])
    numeric = [float(n) for n in re.findall(r"h=[\de.-]+: (-?\d+\.\d+)", message)]
    assert len(numeric) == 3
    assert numeric == pytest.approx([2 * found] * 3, rel=1e-5)
    assert "float32" not in message


def test_the_worst_element_of_the_right_input_is_named():
    weights = np.array([[0.0, 1.0], [50.0, 2.0]])

    def function(x, y):
        return xp.sum(x) + xp.sum(xn.stop_gradient(y) * weights)

    with pytest.raises(GradientError, match=r"for input 1 at element \(1, 0\):"):
        xn.check_grads(function, X, np.ones((2, 2)))


def test_an_error_in_one_element_alone_is_found():
    mask = np.array([0.0, 1.0, 0.0])

    def function(x):
        return x**3 + 1e-3 * mask * xn.stop_gradient(x)

    with pytest.raises(GradientError, match=r"at element \(1,\)"):
        xn.check_grads(function, X)


def test_a_wrong_imaginary_part_is_named():
    def function(z):
        return xp.real(z) + xp.imag(xn.stop_gradient(z))

    with pytest.raises(GradientError, match=r"element \(0,\), imaginary part"):
        xn.check_grads(function, np.array([1.0 + 1.0j]))


def test_float32_inputs_get_the_advice():
    x = np.array([2.0], dtype=np.float32)
    with pytest.raises(GradientError, match="inputs are float32: use float64"):
        xn.check_grads(lambda x: x * xn.stop_gradient(x), x)


def broken_rule(monkeypatch, name, **methods):
    for method, change in methods.items():
        right = getattr(TABLE[name], method)
        monkeypatch.setattr(TABLE[name], method, change(right), raising=False)


def test_a_wrong_second_derivative_is_found_at_order_2_only(monkeypatch):
    row = TABLE["exp"]
    (rule,) = row.rules

    def frozen(namespace, t, *saved):
        first = namespace is not xn.asarray(1.0)._lib.recorded
        return rule(namespace, t, *saved) if first else rule(namespace, t, *saved) * 1.5

    monkeypatch.setattr(row, "rules", (frozen,))
    xn.check_grads(xp.exp, X)
    with pytest.raises(GradientError, match=r"^order 2"):
        xn.check_grads(xp.exp, X, order=2)


def test_forward_and_reverse_that_disagree_are_reported(monkeypatch):
    broken_rule(
        monkeypatch, "exp", push=lambda right: lambda *args: right(*args) * 1.25
    )
    with pytest.raises(
        GradientError,
        match=r"forward and reverse mode of exp disagree: <v, J u> = .* but <J\^T",
    ):
        xn.check_grads(xp.exp, X)


def test_a_wrong_reverse_rule_is_found(monkeypatch):
    def doubled(right):
        return lambda *args: tuple(2 * part for part in right(*args))

    broken_rule(monkeypatch, "exp", pull=doubled)
    with pytest.raises(GradientError, match="the derivative of exp is wrong"):
        xn.check_grads(xp.exp, X)


def test_tolerances_decide():
    def function(x):
        return x**2 + 1e-4 * xn.stop_gradient(x)

    with pytest.raises(GradientError):
        xn.check_grads(function, X)
    xn.check_grads(function, X, atol=1e-2)
    with pytest.raises(GradientError):
        xn.check_grads(function, X, atol=0.0, rtol=1e-8)


def test_the_seed_alone_chooses_the_directions():
    said = []
    for seed in (1, 1, 2):
        with pytest.raises(GradientError) as error:
            xn.check_grads(lambda x: x * xn.stop_gradient(x), X, seed=seed)
        said.append(str(error.value))
    assert said[0] == said[1] != said[2]


@pytest.mark.parametrize("order", [0, -1])
def test_an_order_below_one_is_refused(order):
    with pytest.raises(GradientError, match=f"1 or more, not {order}"):
        xn.check_grads(smooth, X, order=order)


def test_integers_are_refused():
    with pytest.raises(xn.XpnetError, match="int64"):
        xn.check_grads(lambda x: x * 1.0, np.arange(3))


def test_a_whole_number_is_checked_as_a_float():
    xn.check_grads(lambda x: x**3, 2, order=2)


def test_a_function_without_floating_point_results_is_refused():
    with pytest.raises(xn.XpnetError, match="no floating-point array"):
        xn.check_grads(xn.xp.argmax, np.ones(3))
