"""Activations far out, at infinity, in their tails; their options; their twins."""

import math

import numpy as np
import pytest

import xpnet as xn
from libraries import NUMPY, STRICT_DEVICE1, TORCH, host, parameters
from xpnet import nn
from xpnet.backend.library import ADDITIONS, library_for
from xpnet.errors import DTypeError, OptionError, ShapeError
from xpnet.kernels.threads import limited
from xpnet.kernels.twin import TWINS
from xpnet.nn import functional as F

INF = math.inf
each_library = pytest.mark.parametrize(
    "target", parameters((NUMPY, STRICT_DEVICE1, TORCH))
)
# at -inf, -1000, 1000, inf: the value, and the slope
FAR = {
    "relu": ([0, 0, 1000, INF], [0, 0, 1, 1]),
    "relu6": ([0, 0, 6, 6], [0, 0, 0, 0]),
    "leaky_relu": ([-INF, -10, 1000, INF], [0.01, 0.01, 1, 1]),
    "hardtanh": ([-1, -1, 1, 1], [0, 0, 0, 0]),
    "hardsigmoid": ([0, 0, 1, 1], [0, 0, 0, 0]),
    "hardswish": ([0, 0, 1000, INF], [0, 0, 1, 1]),
    "softshrink": ([-INF, -999.5, 999.5, INF], [1, 1, 1, 1]),
    "hardshrink": ([-INF, -1000, 1000, INF], [1, 1, 1, 1]),
    "elu": ([-1, -1, 1000, INF], [0, 0, 1, 1]),
    "celu": ([-1, -1, 1000, INF], [0, 0, 1, 1]),
    "softplus": ([0, 0, 1000, INF], [0, 0, 1, 1]),
    "silu": ([0, 0, 1000, INF], [0, 0, 1, 1]),
    "mish": ([0, 0, 1000, INF], [0, 0, 1, 1]),
    "gelu": ([0, 0, 1000, INF], [0, 0, 1, 1]),
    "sigmoid": ([0, 0, 1, 1], [0, 0, 0, 0]),
    "logsigmoid": ([-INF, -1000, 0, 0], [1, 1, 0, 0]),
    "tanh": ([-1, -1, 1, 1], [0, 0, 0, 0]),
    "tanhshrink": ([-INF, -999, 999, INF], [1, 1, 1, 1]),
    "softsign": ([-1, -1000 / 1001, 1000 / 1001, 1], [0, 1001**-2, 1001**-2, 0]),
}
ROW = np.asarray([-INF, -1000.0, 1000.0, INF])


@each_library
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FAR)
def test_values_and_slopes_far_out_are_right(name, dtype, target):
    target.skip_unless_here()
    values, slopes = FAR[name]
    tolerance = 1e-6 if dtype == "float32" else 1e-13
    # array-api-strict computes with NumPy, and lets it warn of what is masked
    with target.flags(), np.errstate(all="ignore"):
        x = target.make(ROW.astype(dtype), requires_grad=True)
        out = getattr(F, name)(x)
        np.testing.assert_allclose(host(out), values, rtol=tolerance)
        x._lib.recorded.sum(out[1:3]).backward()
        got = host(x.grad)[1:3]
        np.testing.assert_allclose(got, slopes[1:3], rtol=tolerance, atol=1e-20)
        each = [xn.grad(getattr(F, name))(x[i].detach()) for i in (0, 3)]
    np.testing.assert_allclose([float(host(g)) for g in each], [slopes[0], slopes[3]])


@pytest.mark.parametrize("name", [name for name in FAR if name != "relu6"])
def test_nan_stays_nan_and_second_derivatives_are_finite(name):
    function = getattr(F, name)
    assert np.isnan(float(function(xn.asarray(math.nan))))
    for point in (-1000.0, -40.0, -3.0, 0.0, 3.0, 40.0, 1000.0):
        second = xn.grad(xn.grad(function))(xn.asarray(point))
        assert np.isfinite(float(second)), point


def test_the_tails_keep_their_digits():
    mpmath = pytest.importorskip("mpmath")
    mpmath.mp.dps = 40
    for point in (-0.5, -3.0, -8.0, -20.0, -35.0):
        x = mpmath.mpf(point)
        exact = {
            "gelu": x * mpmath.ncdf(x),
            "silu": x / (1 + mpmath.exp(-x)),
            "mish": x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
            "softplus": mpmath.log1p(mpmath.exp(x)),
        }
        for name, value in exact.items():
            got = float(getattr(F, name)(xn.asarray(point)))
            assert got == pytest.approx(float(value), rel=1e-13), (name, point)


def test_gelu_in_single_precision_is_right_to_a_millionth_also_in_its_tail():
    x = np.linspace(-6, 6, 30001).astype(np.float32)
    for approximate in ("none", "tanh"):
        low, high = (
            xn.asarray(x.astype(dtype), requires_grad=True)
            for dtype in (np.float32, np.float64)
        )
        for a in (low, high):
            xn.xp.sum(F.gelu(a, approximate=approximate)).backward()
        with xn.no_grad():
            value = host(F.gelu(low, approximate=approximate))
            exact = host(F.gelu(high, approximate=approximate))
        np.testing.assert_allclose(value, exact, rtol=6e-6)
        np.testing.assert_allclose(host(low.grad), host(high.grad), rtol=0, atol=1e-6)


def test_the_two_forms_of_gelu_differ_by_little():
    x = xn.asarray(np.linspace(-6, 6, 1001))
    difference = np.abs(host(F.gelu(x) - F.gelu(x, approximate="tanh")))
    assert 1e-4 < difference.max() < 5e-4


def test_softplus_has_no_threshold():
    x = xn.asarray(25.0)
    assert float(F.softplus(x)) == 25.0 + math.log1p(math.exp(-25.0))


def test_swiglu_is_its_formula():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(3, 8))
    mine, theirs = xn.asarray(x, requires_grad=True), torch.tensor(x)
    theirs.requires_grad_()
    gate, value = theirs.chunk(2, -1)
    expected = torch.nn.functional.silu(gate) * value
    out = nn.SwiGLU()(mine)
    np.testing.assert_allclose(host(out), expected.detach().numpy(), rtol=1e-13)
    xn.xp.sum(out * out).backward()
    (expected**2).sum().backward()
    np.testing.assert_allclose(host(mine.grad), theirs.grad.numpy(), rtol=1e-12)


def test_random_slopes_stay_between_their_bounds_and_replay():
    x = xn.asarray(-np.ones(10_000, dtype=np.float32))
    layer = nn.RReLU(0.1, 0.3, rng=0)
    out = -host(layer(x))
    assert (out >= 0.1).all()
    assert (out < 0.3).all()
    assert abs(out.mean() - 0.2) < 0.003
    again = -host(nn.RReLU(0.1, 0.3, rng=0)(x))
    assert (out == again).all()
    assert (host(layer.eval()(x)) == np.float32(-0.2)).all()


def test_options_that_make_no_sense_are_refused():
    for make in (
        lambda: nn.GELU("sigmoid"),
        lambda: nn.RReLU(0.5, 0.1),
        lambda: nn.PReLU(0),
        lambda: F.rrelu(1.0, lower=0.5, upper=0.1),
        lambda: F.softshrink(xn.asarray(1.0), lambd=-1.0),
        lambda: F.softplus(xn.asarray(1.0), beta=0.0),
        lambda: F.celu(xn.asarray(1.0), alpha=0.0),
    ):
        with pytest.raises(OptionError, match=r"\.$"):
            make()
    with pytest.raises(
        TypeError, match=r"Threshold: missing a required .* 'value'; it"
    ):
        nn.Threshold(1.0)
    with pytest.raises(DTypeError, match="gelu: x has dtype int64"):
        F.gelu(xn.asarray([1, 2]))
    with pytest.raises(ShapeError, match=r"softmax: x of shape \(2,\) has no axis 1"):
        F.softmax(xn.asarray([1.0, 2.0]), axis=1)


@pytest.mark.parametrize(
    "name", ["elu", "gelu", "gelu_tanh", "hardtanh", "leaky_relu", "silu"]
)
def test_twins_are_taken_and_do_not_depend_on_threads(name):
    options = {"gelu_tanh": {"approximate": "tanh"}}.get(name, {})
    function = getattr(F, name.removesuffix("_tanh"))
    x = np.random.default_rng(0).normal(size=(700, 500)).astype(np.float32)
    runs = []
    for count in (1, 2):
        leaf = xn.asarray(x, requires_grad=True)
        with limited(count):
            out = function(leaf, **options)
            assert out._node.saved.out[0] is TWINS[name, "numpy"]
            out.backward(xn.asarray(x[::-1]))
        runs.append((host(out).tobytes(), host(leaf.grad).tobytes()))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu"])
def test_far_out_twins_of_gates_are_lines(name, dtype):
    options = {"gelu_tanh": {"approximate": "tanh"}}.get(name, {})
    function = getattr(F, name.removesuffix("_tanh"))
    row = np.asarray([-1e12, -2000, -90, -40, -16, -15, 0, 40, 90, 2000, 1e12], dtype)
    with np.errstate(all="raise", under="ignore"):
        x = xn.asarray(row, requires_grad=True)
        out = function(x, **options)
        if (name, dtype) != ("gelu", "float64"):
            assert out._node.saved.out[0] is TWINS[name, "numpy"]
        xn.xp.sum(out).backward()
    np.testing.assert_allclose(host(out), np.maximum(row, 0), atol=1e-4)
    np.testing.assert_array_equal(host(out)[:2], 0)
    np.testing.assert_allclose(host(x.grad), np.heaviside(row, 0.5), atol=1e-4)


@pytest.mark.parametrize(("dtype", "low"), [("float32", -91.5), ("float64", -712)])
def test_silu_keeps_its_digits_where_the_probability_is_no_number(dtype, low):
    v = np.append(np.linspace(low, low + 8, 99), [-1e4, 5]).astype(dtype)
    x = xn.asarray(v, requires_grad=True)
    out = F.silu(x)
    out.backward(np.ones_like(v))
    root = np.exp(v[:-2].astype("float64") / 2)
    for got, factor in ((out, v[:-2].astype("float64")), (x.grad, 1.0 + v[:-2])):
        expected = factor * root * root
        np.testing.assert_allclose(
            host(got)[:-2], expected, 1e-5 if dtype == "float32" else 1e-14
        )
        assert host(got)[-2] == 0
        assert host(got)[-1] > 1
    np.testing.assert_array_equal(host(F.silu(v)), host(out))


@each_library
@pytest.mark.parametrize("bad", [INF, -INF, math.nan])
@pytest.mark.parametrize("name", ["hardtanh", "relu6"])
def test_where_it_is_flat_no_cotangent_passes(name, bad, target):
    target.skip_unless_here()
    x = target.make(np.array([-9.0, 0.5, 9.0]), requires_grad=True)
    getattr(F, name)(x).backward(target.make(np.array([bad, bad, bad])))
    np.testing.assert_array_equal(host(x.grad), [0, bad, 0])


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu"])
def test_slopes_that_are_used_up_are_computed_again(name):
    x = np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32)
    g, twin = x[::-1], TWINS[name, "numpy"]
    _, residual = twin.forward((True,), x)
    first, again = (twin.backward(g, residual, (True,), (None,))[0] for _ in range(2))
    assert first is not again
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_twins_along_rows_do_not_depend_on_threads(name):
    x = np.random.default_rng(0).normal(size=(700, 500)).astype(np.float32)
    x[100, 0] = 60  # this block goes another way
    runs = []
    for count in (1, 2):
        leaf = xn.asarray(x, requires_grad=True)
        with limited(count):
            out = getattr(F, name)(leaf)
            assert out._node.saved.out[0] is TWINS[f"{name}_layer", "numpy"]
            out.backward(xn.asarray(x[::-1]))
        runs.append((host(out).tobytes(), host(leaf.grad).tobytes()))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["expit", "expit_slope"])
def test_the_logistic_function_in_blocks_is_that_of_the_library(name, dtype):
    lib = library_for("cpu")
    x = 30 * np.random.default_rng(0).normal(size=(300, 401)).astype(dtype)
    x[0, :4] = [np.inf, -np.inf, np.nan, -0.0]
    for given in (x, x[:, ::2], x[:3], x[0, 0]):
        given = np.asarray(given)
        got = lib.functions[name](given)
        want = ADDITIONS[name](lib.raw, given)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


def test_twins_leave_what_is_not_finite_to_the_reference():
    x = np.asarray([1.0, np.inf, -np.inf, np.nan], dtype=np.float32)
    out = host(F.gelu(xn.asarray(x)))
    np.testing.assert_array_equal(out[1:], [np.inf, 0.0, np.nan])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: nn.Softmax(dim=1),
            r"Softmax\(axis=-1\)\. What PyTorch calls dim is axis",
        ),
        (lambda: nn.ReLU(inplace=True), r"ReLU\(\)\. Nothing is computed in place"),
        (
            lambda: nn.Softplus(1.0, 20.0),
            r"too many .*; it is Softplus\(beta=1\.0\)\.$",
        ),
    ],
)
def test_options_of_pytorch_that_are_not_here_get_a_next_step(make, words):
    with pytest.raises(TypeError, match=words):
        make()
