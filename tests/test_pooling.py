"""Hard cases of pooling, padding and folding: ties, infinities, borders, options."""

import contextlib
import itertools
import tracemalloc

import numpy as np
import pytest

import xpnet as xn
from libraries import NUMPY, STRICT_DEVICE1, TORCH, host, parameters
from xpnet import nn, xp
from xpnet.errors import OptionError, ShapeError
from xpnet.kernels.twin import TWINS, twins_off
from xpnet.nn import functional as F
from xpnet.nn.functional import sizes


def numbers(shape, dtype="float64", seed=0):
    drawn = np.random.default_rng([seed, *shape]).normal(size=shape)
    return np.asarray(drawn, dtype)


def ties(shape, dtype="float64"):
    """Few different numbers, a half of them 0, as after a relu."""
    return np.maximum(np.round(numbers(shape, dtype)), 0)


def both(function, x, g=None):
    """Return value and gradient."""
    x = xn.asarray(x, requires_grad=True)
    out = function(x)
    out.backward(numbers(out.shape, out.dtype, 3) if g is None else g)
    return host(out), host(x.grad)


def assert_same(one, other, tolerance=0.0):
    for a, b in zip(one, other, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, tolerance, tolerance)


# --- the twins ------------------------------------------------------------------------


class Watched:
    """A twin that counts what it took and declined."""

    def __init__(self, twin):
        self.twin = twin
        self.took = self.declined = 0

    def forward(self, *args, **options):
        made = self.twin.forward(*args, **options)
        self.took += made is not None
        self.declined += made is None
        return made

    def backward(self, *args):
        return self.twin.backward(*args)


@pytest.fixture
def watched(monkeypatch):
    def watch(name):
        twin = Watched(TWINS[name, "numpy"])
        monkeypatch.setitem(TWINS, (name, "numpy"), twin)
        return twin

    return watch


OPTIONS = [
    {
        "kernel_size": k,
        "stride": s,
        "padding": p,
        "dilation": d,
        "ceil_mode": c,
    }
    for k, s, p, d, c in itertools.product(
        (1, 2, 3, (2, 3)), (1, 2, 4, (3, 1)), (0, 1), (1, 2), (False, True)
    )
    if p == 0 or k != 1  # at most half a window
]


def undilated(options):
    return {k: v for k, v in options.items() if k != "dilation"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_twins_of_pooling_equal_their_references_for_all_options(dtype, watched):
    largest, mean = watched("max_pool"), watched("avg_pool")
    x = ties((3, 2, 9, 10), dtype)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for options in OPTIONS:

        def pooled(x, options=options):
            return F.max_pool2d(x, **options)

        fast = both(pooled, x)
        with twins_off():
            plain = both(pooled, x)
        assert_same(fast, plain, tolerance)
        for include in (True, False):

            def averaged(x, options=options, include=include):
                return F.avg_pool2d(x, count_include_pad=include, **undilated(options))

            fast = both(averaged, x)
            with twins_off():
                plain = both(averaged, x)
            assert_same(fast, plain, tolerance)
    assert (largest.took, largest.declined) == (len(OPTIONS), 0)
    assert (mean.took, mean.declined) == (2 * len(OPTIONS), 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pooling_of_ties_equals_pytorchs_for_all_options(dtype):
    torch = pytest.importorskip("torch")
    x = ties((3, 2, 9, 10), dtype)
    for options in OPTIONS:
        got = both(lambda x, o=options: F.max_pool2d(x, **o), x)
        given = torch.tensor(x, requires_grad=True)
        out, places = torch.nn.functional.max_pool2d(
            given, return_indices=True, **options
        )
        out.backward(torch.tensor(numbers(tuple(out.shape), dtype, 3)))
        expected = out.detach().numpy(), given.grad.numpy()
        assert_same(got, expected, 1e-5 if dtype == "float32" else 1e-13)
        _, ours = F.max_pool2d(x, return_indices=True, **options)
        np.testing.assert_array_equal(host(ours), places.numpy())


def test_large_inputs_are_pooled_in_blocks_as_small_ones_are(watched):
    counter = watched("max_pool")
    x = ties((40, 8, 34, 32), "float32")
    for function in (
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.max_pool2d(x, 3, 2, 1),
        lambda x: F.avg_pool2d(x, 2),
        lambda x: F.avg_pool2d(x, 3, 1, 1),
        lambda x: F.interpolate(x, scale_factor=2),
        lambda x: F.adaptive_avg_pool2d(x, 1),
    ):
        g = numbers(function(x).shape, "float32", 3)
        whole = both(function, x, g)
        parts = [both(function, x[i : i + 1], g[i : i + 1]) for i in range(len(x))]
        joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
        assert_same(whole, joined, 1e-6)
    assert counter.declined == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[:, :, ::-1, ::2],
        lambda x: np.asfortranarray(x),
        lambda x: np.broadcast_to(x[:1, :1], x.shape),
    ],
)
def test_pooling_takes_any_layout_and_writes_to_nothing(change):
    x = change(ties((2, 3, 8, 9)))
    x.flags.writeable = False
    for function in (
        lambda x: F.max_pool2d(x, 3, 2, 1),
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.avg_pool2d(x, 2),
        lambda x: F.interpolate(x, scale_factor=2),
    ):
        shape = function(x).shape
        g = np.broadcast_to(numbers(shape[-1:]), shape)
        got = both(function, x, g)
        assert_same(got, both(function, x.copy(), g.copy()))


def test_pooling_of_what_the_twin_was_not_written_for(watched):
    counter = watched("max_pool")
    long = ties((2, 1, 300))
    got = both(lambda x: F.max_pool1d(x, 290, 1), long)
    assert counter.declined == 1
    assert (got[0] == long.max(axis=-1, keepdims=True)).sum() > 0
    assert F.max_pool2d(ties((0, 2, 4, 4)), 2).shape == (0, 2, 2, 2)
    whole = xn.asarray(np.arange(16).reshape(1, 1, 4, 4))
    assert F.max_pool2d(whole, 2).tolist() == [[[[5, 7], [13, 15]]]]


# --- hard numbers ---------------------------------------------------------------------


@pytest.mark.parametrize("twins", [True, False])
@pytest.mark.parametrize("padding", [0, 1])
def test_infinities_and_nan_stay_in_their_windows(twins, padding):
    x = np.full((1, 1, 6, 6), -np.inf)
    x[0, 0, 0, 0], x[0, 0, 2, 3], x[0, 0, 5, 5] = 1.0, np.inf, np.nan
    torch = pytest.importorskip("torch")
    expected = torch.nn.functional.max_pool2d(torch.tensor(x), 2, padding=padding)
    with contextlib.nullcontext() if twins else twins_off():
        out = F.max_pool2d(x, 2, padding=padding)
    np.testing.assert_array_equal(host(out), expected.numpy())


@pytest.mark.parametrize("target", parameters((NUMPY, STRICT_DEVICE1, TORCH)))
def test_a_window_of_minus_infinity_gives_its_first_element_the_cotangent(target):
    target.skip_unless_here()
    x = target.make(np.full((1, 1, 4, 4), -np.inf), requires_grad=True)
    out = F.max_pool2d(x, 3, 2, 1)
    out.backward(target.make(np.ones((1, 1, 2, 2))))
    expected = np.zeros((4, 4))
    expected[0, 0] = expected[0, 1] = expected[1, 0] = expected[1, 1] = 1.0
    np.testing.assert_array_equal(host(x.grad)[0, 0], expected)


@pytest.mark.parametrize("shape", [(1, 2, 6, 6), (2, 8, 40, 40)])
@pytest.mark.parametrize("options", [{}, {"stride": 1, "padding": 1}, {"dilation": 2}])
def test_a_window_with_nan_gives_the_nan_its_cotangent(shape, options):
    torch = pytest.importorskip("torch")
    x = numbers(shape)
    x[0, 0, 2, 3] = x[0, 1, 5, 5] = x[-1, 1, 0, 0] = np.nan

    def pooled(x):
        return F.max_pool2d(x, 3, **options)

    out, grad = both(pooled, x)
    theirs = torch.tensor(x, requires_grad=True)
    expected = torch.nn.functional.max_pool2d(theirs, 3, **options)
    expected.backward(torch.tensor(numbers(out.shape, "float64", 3)))
    assert_same((out, grad), (expected.detach().numpy(), theirs.grad.numpy()), 1e-14)
    with twins_off():
        assert_same((out, grad), both(pooled, x))


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_an_infinite_cotangent_reaches_the_largest_element_alone(value):
    x = ties((1, 1, 6, 6))
    for function in (
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.max_pool2d(x, 3, 1, 1),
    ):
        g = np.zeros(function(x).shape)
        g[0, 0, 1, 1] = value
        _, grad = both(function, x, g)
        assert np.count_nonzero(grad) == 1
        np.testing.assert_array_equal(grad[grad != 0], [value])


def test_places_put_the_largest_elements_back():
    x = numbers((2, 3, 6, 8))
    out, places = F.max_pool2d(xn.asarray(x), (2, 4), return_indices=True)
    flat = x.reshape(2, 3, 48)
    found = np.take_along_axis(flat, host(places).reshape(2, 3, 6), axis=-1)
    np.testing.assert_array_equal(found.reshape(out.shape), host(out))


# --- memory ---------------------------------------------------------------------------


def peak(function):
    tracemalloc.start()
    function()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_max_pooling_keeps_less_than_pytorchs_places():
    x, g = ties((64, 16, 32, 32), "float32"), numbers((64, 16, 16, 16), "float32")
    window = sizes.Window((2, 2), (2, 2), (0, 0), (1, 1), False)
    twin = TWINS["max_pool", "numpy"]

    def step():
        out, kept = twin.forward((True,), x, window=window)
        return out, twin.backward(g, kept, (True,), (None,))

    step()
    # the result, the gradient of the input, and the 8 bytes of each place in PyTorch
    assert peak(step) < (4 + 16 + 8) * g.size


# --- options --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: nn.MaxPool2d(0), OptionError, "kernel_size is an integer of at leas"),
        (lambda: nn.MaxPool2d((2, 2, 2)), OptionError, "or 2 of them, not"),
        (lambda: nn.MaxPool2d(2, 0), OptionError, "stride is an integer of at least 1"),
        (lambda: nn.MaxPool2d(2, padding=2), OptionError, "at most half of what a wi"),
        (lambda: nn.AvgPool1d(2.5), OptionError, r"not 2\.5"),
        (lambda: nn.AvgPool1d(True), OptionError, "not True"),
        (
            lambda: F.avg_pool1d(numbers((1, 1, 4)), 2, divisor_override=0),
            OptionError,
            "divisor_override is 0",
        ),
        (
            lambda: F.max_pool1d(numbers((1, 1, 1)), 2, 1, 2, 4),
            ShapeError,
            "with dilation 4 a window has no element",
        ),
        (
            lambda: F.adaptive_avg_pool2d(numbers((1, 1, 4, 4)), (2, 0)),
            OptionError,
            "output_size is an integer of at least 1",
        ),
        (lambda: nn.ZeroPad2d((1, 2)), OptionError, "or 4 of them, a pair for each"),
        (lambda: F.pad(numbers((2, 3)), (1,)), OptionError, "integers in pairs"),
        (lambda: F.pad(numbers((2, 3)), (1, 1), "edge"), OptionError, "mode is 'edge'"),
        (
            lambda: F.pad(numbers((2, 3)), (1, 1), "reflect", 1.0),
            OptionError,
            "takes no value",
        ),
        (
            lambda: F.pad(numbers((2, 0)), (1, 1), "replicate"),
            ShapeError,
            "fills at most 0 elements",
        ),
        (lambda: nn.PixelShuffle(0), OptionError, "at least 1, not 0"),
        (lambda: F.channel_shuffle(numbers((1, 4, 2)), 0), OptionError, "groups is an"),
    ],
)
def test_what_does_not_go_together_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_functions_of_pooling_pass_options_in_pytorchs_order():
    torch = pytest.importorskip("torch")
    x = numbers((1, 2, 9, 9))
    tensor = torch.tensor(x)
    for name, options in (
        ("max_pool2d", (3, 2, 1, 1, True)),
        ("avg_pool2d", (3, 2, 1, True, False, 5)),
        ("unfold", (3, 2, 1, 2)),
        ("adaptive_max_pool2d", ((3, None),)),
    ):
        ours = host(getattr(F, name)(x, *options))
        theirs = getattr(torch.nn.functional, name)(tensor, *options)
        np.testing.assert_allclose(ours, theirs.numpy(), 1e-12, 1e-12)


# --- padding --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_negative_and_positive_widths_together_are_pytorchs(mode):
    torch = pytest.importorskip("torch")
    x = numbers((2, 3, 5))
    for p, q in itertools.product(range(-2, 4), repeat=2):
        got = both(lambda x, w=(p, q): F.pad(x, w, mode), x)
        given = torch.tensor(x, requires_grad=True)
        out = torch.nn.functional.pad(given, (p, q), mode)
        out.backward(torch.tensor(numbers(tuple(out.shape), seed=3)))
        assert_same(got, (out.detach().numpy(), given.grad.numpy()), 1e-13)


def test_padding_of_integers_keeps_their_type():
    x = np.arange(6).reshape(2, 3)
    out = F.pad(x, (1, 0), value=7)
    assert out.tolist() == [[7, 0, 1, 2], [7, 3, 4, 5]]
    assert out.dtype == np.int64


def test_fold_after_unfold_counts_how_often_an_element_was_seen():
    x = numbers((2, 3, 7, 6))
    options = {"kernel_size": 3, "stride": 2, "padding": 1}
    seen = F.fold(F.unfold(np.ones_like(x), **options), (7, 6), **options)
    there = F.fold(F.unfold(x, **options), (7, 6), **options)
    np.testing.assert_allclose(host(there), x * host(seen), 1e-13)


def test_second_derivatives_pass_through_the_twins():
    x = numbers((1, 2, 5, 6))
    for function in (
        lambda x: F.max_pool2d(xp.sin(x), 3, 2, 1),
        lambda x: F.avg_pool2d(xp.sin(x), 2),
        lambda x: F.interpolate(xp.sin(x), scale_factor=2),
    ):
        xn.check_grads(lambda x, f=function: xp.sum(xp.sin(f(x))), x, order=2)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0])
def test_sequential_gives_the_same_with_pooling_before_relu(value):
    x = np.round(numbers((2, 3, 9, 8)))
    x[0, 0, 1, 2] = x[1, 2, 4] = value
    layers = [nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.ReLU(), nn.ReLU()]
    layers += [nn.MaxPool2d(2, 1, 1, 2), nn.ReLU(), nn.Tanh(), nn.ReLU()]

    def each(out):
        for layer in layers:
            out = layer(out)
        return out

    joined, apart = both(nn.Sequential(*layers), x), both(each, x)
    # which element of a window with NaN has its derivative is open
    some = 1 if np.isnan(value) else 2
    assert_same(joined[:some], apart[:some])
