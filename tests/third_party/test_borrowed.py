"""SciPy's special functions with slopes of ours: what `scipy.special` finds in `xp`."""

import numpy as np
import pytest

import xpnet as xn
from libraries import NUMPY, STRICT, STRICT_DEVICE1, TORCH, host
from xpnet import xp
from xpnet.backend import borrowed_special
from xpnet.calculus.borrowed import SLOPES
from xpnet.errors import GradientError, LibraryError

special = pytest.importorskip("scipy.special")
X = np.asarray([0.4, 1.3, 2.2])
ORDERS = ("iv", "ive", "jv", "kv", "kve", "yv")  # what the others' slopes are made of


@pytest.mark.parametrize("name", ORDERS)
def test_bessel_functions_of_any_order(name):
    function = getattr(xp.special, name)
    np.testing.assert_array_equal(
        function(2.0, xn.asarray(X)).numpy(), getattr(special, name)(2.0, X)
    )
    xn.check_grads(lambda x: function(2.0, x), X, order=2)


def test_values_are_scipys_to_the_bit():
    for name in ("entr", "ndtr", "log_ndtr", "gamma", "k1e", "expi"):
        found = getattr(xp.special, name)(xn.asarray(X, requires_grad=True))
        np.testing.assert_array_equal(host(found.detach()), getattr(special, name)(X))


def test_an_unknown_slope_raises_only_when_it_is_asked_for():
    def value(a):
        return xp.special.gammainc(a, xn.asarray(X))

    np.testing.assert_array_equal(
        value(xn.asarray(2.5)).numpy(), special.gammainc(2.5, X)
    )

    def unused(a):
        value(a)
        return a * a

    assert xn.grad(unused)(2.5) == 5.0
    with pytest.raises(GradientError, match="by argument 1 is not known"):
        xn.grad(lambda a: xp.sum(value(a)))(2.5)
    with pytest.raises(GradientError, match="by argument 1 is not known"):
        xn.jvp(value, (2.5,), (1.0,))
    by_x = xn.grad(lambda x: xp.sum(xp.special.gammainc(2.5, x)))(X)
    np.testing.assert_allclose(by_x, X**1.5 * np.exp(-X) / special.gamma(2.5))


def test_arguments_are_broadcast_and_cotangents_summed():
    def f(x, y):
        return xp.sum(xp.special.kl_div(x, y))

    x, y = np.asarray([[0.5], [1.5]]), np.asarray([1.0, 2.0, 0.7])
    by_x, by_y = xn.grad(f, (0, 1))(x, y)
    assert by_x.shape == (2, 1)
    assert by_y.shape == (3,)
    np.testing.assert_allclose(by_x, np.sum(np.log(x / y), axis=1, keepdims=True))
    np.testing.assert_allclose(by_y, np.sum(1 - x / y, axis=0))


@pytest.mark.parametrize(
    "target", [NUMPY, STRICT, STRICT_DEVICE1, TORCH], ids=lambda t: t.name
)
def test_the_result_stays_in_its_library_on_its_device_in_its_dtype(target):
    target.skip_unless_here()
    x = target.make(X.astype(np.float32))
    space = target.namespace
    out = space.special.ndtr(x)
    assert out.dtype == x.dtype
    assert out.device == x.device
    g = xn.grad(lambda x: space.sum(space.special.ndtr(x)))(x)
    assert g.dtype == x.dtype
    assert g.device == x.device
    expected = np.exp(-0.5 * X**2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(host(g), expected, rtol=1e-5)


def test_counts_may_be_integers():
    k, p = np.asarray([1, 2, 3]), np.asarray([0.2, 0.5, 0.7])
    xn.check_grads(lambda p: xp.special.bdtr(xn.asarray(k), 5, p), p, order=2)


def test_without_scipy_the_error_says_what_is_missing(monkeypatch):
    def missing(name):
        raise ImportError(f"no module named {name}")

    monkeypatch.setattr(borrowed_special.importlib, "import_module", missing)
    with pytest.raises(LibraryError, match=r"ndtr: its values are SciPy's"):
        xp.special.ndtr(xn.asarray(X))


def test_each_borrowed_function_is_scipys_and_stands_in_no_list_of_ours():
    for name in SLOPES:
        assert callable(getattr(special, name))
        assert callable(getattr(xp.special, name))
        assert name not in xp.special.__all__


def test_a_cotangent_of_zero_is_stronger_than_an_infinite_slope():
    def value(x):
        return xp.sum(xp.where(x > 0, xp.special.entr(x) * x, 0.0))

    x = np.asarray([0.0, 0.5])
    slope, bend = -2 * 0.5 * np.log(0.5) - 0.5, -2 * np.log(0.5) - 3
    np.testing.assert_allclose(xn.grad(value)(x), [0.0, slope], rtol=1e-14)
    np.testing.assert_allclose(xn.hessian(value)(x), np.diag([0.0, bend]), rtol=1e-14)


def test_single_precision_and_python_numbers():
    x = X.astype(np.float32)
    for order in (2, 2.0):  # SciPy computes in double precision beside a number
        found = xn.grad(lambda x, n=order: xp.sum(xp.special.gammainc(n, x)))(x)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, x * np.exp(-x), rtol=1e-6)
    assert float(xp.special.ndtr(0.0)) == 0.5


def test_a_docstring_says_which_derivatives_there_are():
    assert "differentiable.\n" in xp.special.ndtr.__doc__
    assert "differentiable by argument 2 of 2." in xp.special.gammainc.__doc__
    assert "differentiable by argument 1 and 3 of 3." in xp.special.gdtr.__doc__
