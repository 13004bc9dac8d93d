"""Every twin equals its reference, is really taken, and leaves its arguments alone.

One table of cases: the function, its arguments, and the twin that it must take. A case
is run with the twins and without; value, gradients, dtypes and shapes are compared.
"""

import platform
from functools import partial

import numpy as np
import pytest

import xpnet as xn
from xpnet import losses, nn, optim, xp
from xpnet.backend.library import ADDITIONS
from xpnet.kernels import numpy_elementwise
from xpnet.kernels.memory import keep_freed_memory
from xpnet.kernels.twin import TWINS, twins_off
from xpnet.nn import functional
from xpnet.nn.functional.linear import dense, linear

DTYPES = ("float32", "float64")
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def numbers(shape, dtype="float64", seed=0, scale=1.0):
    values = np.random.default_rng([seed, *shape]).standard_normal(shape)
    return np.asarray(scale * values, dtype)


def classes(count, of, dtype="int64"):
    return np.random.default_rng(count).integers(0, of, count).astype(dtype)


def loss(function, reduction):
    return lambda x, y: function(x, y, reduction=reduction)


def dense_relu(x, weight, bias=None):
    return dense(x, weight, bias, relus=(True,))


def two_maps(x, w0, b0, w1, b1):
    return dense(x, w0, b0, w1, b1, relus=(True, False))


def cases(dtype):
    """Return (name, twin, function, arguments); labels are the integer arguments."""
    x, w, b = (numbers(shape, dtype) for shape in ((5, 3), (4, 3), (4,)))
    wide, tall = numbers((3, 100), dtype), numbers((700, 40), dtype)
    for name, function in (("linear", linear), ("dense", dense_relu)):
        yield f"{name}", name, function, (x, w, b)
        yield f"{name}, no bias", name, function, (x, w)
        yield f"{name}, columns first", name, function, (np.asfortranarray(x), w, b)
        yield f"{name}, backwards", name, function, (x[::-1], w[:, ::-1], b[::-1])
        yield f"{name}, no rows", name, function, (x[:0], w, b)
        yield f"{name}, large", name, function, (tall, numbers((30, 40), dtype))
    more = (numbers((2, 4), dtype, seed=3), numbers((2,), dtype, seed=4))
    yield "dense, two maps", "dense", two_maps, (x, w, b, *more)
    for reduction in ("mean", "sum", "none"):
        entropy = loss(losses.cross_entropy, reduction)
        twin = "cross_entropy"
        for kind, logits, labels in (
            ("", x, classes(5, 3)),
            ("small labels", x, classes(5, 3, "int8")),
            ("many classes", wide, classes(3, 100)),
            ("turned", wide.T, classes(100, 3)),
            ("huge", 1000 * x, classes(5, 3)),
            ("one", x[:1, :1], classes(1, 1)),
        ):
            yield f"{twin} {reduction} {kind}", twin, entropy, (logits, labels)
        grid, large = numbers((3, 5, 4, 2), dtype), numbers((70, 4000), dtype)
        some = np.where(classes(5, 3) == 1, -100, classes(5, 3))
        for kind, options, logits, labels in (
            ("many axes", {}, grid, classes(24, 5).reshape(3, 4, 2)),
            ("ignored", {}, x, some),
            ("ignore_index", {"ignore_index": 1}, x, classes(5, 3)),
            ("smoothed", {"label_smoothing": 0.2}, x, classes(5, 3)),
            ("smoothed, many", {"label_smoothing": 0.2}, wide, classes(3, 100)),
            ("smoothed, ignored", {"label_smoothing": 0.2}, x, some),
            ("weight", {"weight": [1.0, 2.0, 0.5]}, x, some),
            ("weight, many axes", {"weight": [1.0, 2.0, 0.5, 1.0, 0.0]},
             grid, classes(24, 5).reshape(3, 4, 2)),
            ("blocks in threads", {"label_smoothing": 0.1}, large, classes(70, 4000)),
        ):  # fmt: skip
            function = partial(losses.cross_entropy, reduction=reduction, **options)
            yield f"{twin} {reduction} {kind}", twin, function, (logits, labels)
        spoken, said = (
            numbers((9, 3, 5), dtype),
            np.array([[1, 1, 2], [3, 4, 0], [2, 0, 0]]),
        )
        for kind, options, times in (
            ("", {}, [9, 7, 9]),
            ("too short", {"zero_infinity": True}, [3, 7, 9]),
        ):
            function = partial(losses.ctc, reduction=reduction, **options)
            lengths = np.array(times), np.array([3, 2, 1])
            yield f"ctc {reduction} {kind}", "ctc", function, (spoken, said, *lengths)
        squared = loss(losses.mean_squared_error, reduction)
        twin = "mean_squared_error"
        yield f"{twin} {reduction}", twin, squared, (x, x[::-1].copy())
        pair = numbers((), dtype), numbers((), dtype, seed=1)
        yield f"{twin} {reduction}, no axes", twin, squared, pair
        twin = "binary_cross_entropy_with_logits"
        binary = loss(losses.binary_cross_entropy_with_logits, reduction)
        chance = np.asarray(1 / (1 + np.exp(3 * tall)), dtype)
        zeros = np.array([0.0, -0.0, 0.0], dtype)
        for kind, logits, target in (
            ("", tall, chance),
            ("certain", tall, (tall > 0).astype(dtype)),
            ("huge", 1000 * x, (x[::-1] > 0).astype(dtype)),
            ("outside", x, 3 * x[::-1].copy()),
            ("at zero", zeros, np.array([0, 1, 0.25], dtype)),
            ("no axes", pair[0], pair[1]),
        ):
            yield f"{twin} {reduction} {kind}", twin, binary, (logits, target)
    yield from elementwise_and_norms(dtype)


def trained(x, weight, bias):
    return functional.batch_norm(x, None, None, weight, bias, training=True)


def elementwise_and_norms(dtype):
    tall, image = numbers((70, 40), dtype), numbers((4, 3, 5, 6), dtype)
    for twin, function, x in (
        ("layer_norm", functional.layer_norm, tall),
        ("layer_norm", functional.layer_norm, np.asfortranarray(tall)),
        ("batch_norm", trained, tall),
        ("batch_norm", trained, image),
    ):
        size = x.shape[1]
        scale = numbers((size,), dtype, seed=3), numbers((size,), dtype, seed=4)
        yield f"{twin} {x.shape} {x.strides}", twin, function, (x, *scale)
    spread = 30 * numbers((7, 5), dtype, seed=5)  # sums that are little more than 1
    masked = np.where(spread > 20, -np.inf, spread)
    masked[:, 0] = 1
    for name in ("softmax", "log_softmax", "softmin"):
        twin = name.replace("softmin", "softmax") + "_layer"
        function = getattr(functional, name)
        for kind, x in (("", tall), ("spread", spread), ("axes", image)):
            yield f"{name} {kind}", twin, function, (x,)
        if name == "softmax":
            yield f"{name} masked", twin, function, (masked,)
    for twin in ("elu", "hardtanh", "leaky_relu", "silu"):
        yield twin, twin, getattr(functional, twin), (tall,)
    yield (
        "gelu_tanh",
        "gelu_tanh",
        partial(functional.gelu, approximate="tanh"),
        (tall,),
    )
    if dtype == "float32":
        yield "gelu", "gelu", functional.gelu, (tall,)


CASES = [
    pytest.param(dtype, twin, function, arguments, id=f"{name}, {dtype}")
    for dtype in DTYPES
    for name, twin, function, arguments in cases(dtype)
]
each_case = pytest.mark.parametrize(("dtype", "twin", "function", "arguments"), CASES)


class Watched:
    """A twin that counts what it took and declined."""

    def __init__(self, twin):
        self.twin = twin
        self.took = self.declined = self.went_back = 0

    def forward(self, *args, **options):
        made = self.twin.forward(*args, **options)
        self.took += made is not None
        self.declined += made is None
        return made

    def backward(self, *args):
        self.went_back += 1
        return self.twin.backward(*args)


@pytest.fixture
def watched(monkeypatch):
    def watch(name):
        twin = Watched(TWINS[name, "numpy"])
        monkeypatch.setitem(TWINS, (name, "numpy"), twin)
        return twin

    return watch


def leaves(arguments):
    return [xn.asarray(a, requires_grad=a.dtype.kind == "f") for a in arguments]


def run(function, arguments):
    """Return the value and the gradients for a random cotangent."""
    arrays = leaves(arguments)
    out = function(*arrays)
    out.backward(numbers(out.shape, out.dtype, seed=7))
    return [out.data, *(x.grad.data for x in arrays if x.requires_grad)]


def assert_same(got, expected, tolerance):
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        assert type(one) is np.ndarray
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_allclose(one, other, tolerance, tolerance)


# --- equal to the reference -----------------------------------------------------------


@each_case
def test_value_and_gradients_equal_the_reference(dtype, twin, function, arguments):
    got = run(function, arguments)
    with twins_off():
        expected = run(function, arguments)
    assert_same(got, expected, TOLERANCE[dtype])


@each_case
def test_the_twin_is_taken(dtype, twin, function, arguments, watched):
    counter = watched(twin)
    run(function, arguments)
    assert (counter.took, counter.declined, counter.went_back) == (1, 0, 1)


@each_case
def test_without_a_tape_the_value_is_the_same(dtype, twin, function, arguments):
    with xn.no_grad():
        plain = function(*map(xn.asarray, arguments))
    assert not plain.requires_grad
    np.testing.assert_array_equal(plain.data, function(*leaves(arguments)).data)


@each_case
def test_nothing_given_is_written_to(dtype, twin, function, arguments):
    kept = [a.copy() for a in arguments]
    frozen = [a.view() for a in arguments]
    for a in frozen:
        a.flags.writeable = False
    arrays = leaves(frozen)
    out = function(*arrays)
    g = numbers(out.shape, dtype, seed=7)
    g.flags.writeable = False
    before = out.data.copy()
    out.backward(g, retain_graph=True)
    first = [x.grad.data.copy() for x in arrays if x.requires_grad]
    for x in arrays:
        if x.requires_grad:
            x.grad = None
    out.backward(g)  # a second walk finds everything as it was
    assert_same([x.grad.data for x in arrays if x.requires_grad], first, 0)
    np.testing.assert_array_equal(out.data, before)
    for a, b in zip(arguments, kept, strict=True):
        np.testing.assert_array_equal(a, b)


@each_case
def test_each_argument_alone_gets_its_gradient(dtype, twin, function, arguments):
    everything = run(function, arguments)[1:]
    real = [i for i, a in enumerate(arguments) if a.dtype.kind == "f"]
    for place, i in enumerate(real):
        arrays = [xn.asarray(a, requires_grad=j == i) for j, a in enumerate(arguments)]
        out = function(*arrays)
        out.backward(numbers(out.shape, dtype, seed=7))
        assert [x.grad is not None for x in arrays] == [
            j == i for j in range(len(arrays))
        ]
        np.testing.assert_array_equal(arrays[i].grad.data, everything[place])


@each_case
def test_the_gradient_lands_in_the_buffer_that_waits(dtype, twin, function, arguments):
    expected = run(function, arguments)[1:]
    arrays = leaves(arguments)
    trained = [x for x in arrays if x.requires_grad]
    for x in trained:
        x._node.into = xn.asarray(np.full(x.shape, np.nan, dtype))
    out = function(*arrays)
    out.backward(numbers(out.shape, dtype, seed=7))
    for x, grad in zip(trained, expected, strict=True):
        assert x.grad is x._node.into
        np.testing.assert_array_equal(x.grad.data, grad)


# --- derivatives of derivatives: the reference takes over -----------------------------

HIGHER = [
    pytest.param(
        linear, (numbers((3, 2)), numbers((4, 2)), numbers((4,))), id="linear"
    ),
    pytest.param(
        two_maps,
        (
            numbers((3, 2)),
            numbers((4, 2)),
            numbers((4,)),
            numbers((2, 4)),
            numbers((2,)),
        ),
        id="dense",
    ),
    pytest.param(
        lambda x: losses.cross_entropy(x, xn.asarray(classes(4, 3))),
        (numbers((4, 3)),),
        id="cross_entropy",
    ),
    pytest.param(
        losses.mean_squared_error, (numbers((4,)), numbers((4,), seed=1)), id="mse"
    ),
    pytest.param(
        losses.binary_cross_entropy_with_logits,
        (numbers((4,)), numbers((4,), seed=1)),
        id="binary_cross_entropy",
    ),
]


@pytest.mark.parametrize(("function", "arguments"), HIGHER)
def test_second_derivatives_are_right(function, arguments):
    xn.check_grads(lambda *a: xp.sum(xp.sin(function(*a))), *arguments, order=2)


@pytest.mark.parametrize(("function", "arguments"), HIGHER)
def test_a_recorded_backward_pass_equals_the_plain_one(function, arguments):
    plain, recorded = leaves(arguments), leaves(arguments)
    xp.sum(xp.sin(function(*plain))).backward()
    xp.sum(xp.sin(function(*recorded))).backward(create_graph=True)
    for x, y in zip(plain, recorded, strict=True):
        np.testing.assert_allclose(x.grad.data, y.grad.data, 1e-12, 1e-12)


@pytest.mark.parametrize(("function", "arguments"), HIGHER)
def test_forward_mode_agrees(function, arguments):
    tangents = tuple(numbers(a.shape, seed=3) for a in arguments)

    def total(*a):
        return xp.sum(xp.sin(function(*a)))

    _, slope = xn.jvp(total, arguments, tangents)
    arrays = leaves(arguments)
    total(*arrays).backward()
    expected = sum(
        np.vdot(x.grad.data, t) for x, t in zip(arrays, tangents, strict=True)
    )
    np.testing.assert_allclose(float(slope), expected, 1e-12)


def test_a_matrix_that_is_input_and_weight_gets_both_parts():
    w = xn.asarray(numbers((4, 4)), requires_grad=True)
    w._node.into = xn.asarray(np.full((4, 4), np.nan))
    xp.sum(linear(w, w)).backward()
    np.testing.assert_allclose(
        w.grad.data, np.sum(w.data, 0) * np.ones((4, 1)) * 2, 1e-12
    )


def test_a_weight_used_twice_gets_both_parts():
    x, w = numbers((5, 4)), xn.asarray(numbers((4, 4)), requires_grad=True)
    w._node.into = xn.asarray(np.full((4, 4), np.nan))
    xp.sum(linear(linear(xn.asarray(x), w), w)).backward()
    got = w.grad.data.copy()
    with twins_off():
        v = xn.asarray(w.data.copy(), requires_grad=True)
        xp.sum(linear(linear(xn.asarray(x), v), v)).backward()
    np.testing.assert_allclose(got, v.grad.data, 1e-12)


# --- declining ------------------------------------------------------------------------

entropy, squared = losses.cross_entropy, losses.mean_squared_error
binary = losses.binary_cross_entropy_with_logits
DECLINED = [
    ("linear", linear, (numbers((3,)), numbers((2, 3)))),
    ("linear", linear, (numbers((4, 3), "float32"), numbers((2, 3), "float64"))),
    ("linear", linear, (numbers((4, 3)) + 1j, numbers((2, 3)) + 1j)),
    (
        "cross_entropy",
        lambda x, y: entropy(x, y, weight=[1.0, 2.0, 3.0], label_smoothing=0.1),
        (numbers((4, 3)), classes(4, 3)),
    ),
    (
        "cross_entropy",
        lambda x, y: entropy(x, y, weight=[0.0, 1.0], reduction="sum"),
        (np.array([[-np.inf, 0.0]]) + np.zeros((5, 1)), np.zeros(5, int)),
    ),
    ("cross_entropy", entropy, (numbers((0, 3)), classes(0, 3))),
    ("cross_entropy", entropy, (np.full((2, 3), -np.inf), classes(2, 3))),
    ("cross_entropy", entropy, (np.full((2, 3), np.nan), classes(2, 3))),
    ("binary_cross_entropy_with_logits", binary, (np.full(2, np.inf), np.ones(2))),
    ("binary_cross_entropy_with_logits", binary, (np.full(2, np.nan), np.ones(2))),
    ("binary_cross_entropy_with_logits", binary, (numbers((0,)), numbers((0,)))),
    (
        "mean_squared_error",
        squared,
        (numbers((3,)), numbers((3,), "float32")),
    ),
    ("mean_squared_error", squared, (numbers((0,)), numbers((0,)))),
    ("softmax_layer", functional.softmax, (np.full((2, 3), -np.inf),)),
    ("softmax_layer", functional.softmax, (np.array([[1.0, np.nan]]),)),
    ("softmax_layer", functional.softmax, (np.array([[1.0, np.inf]]),)),
    ("softmax_layer", functional.softmax, (numbers((0, 3)),)),
    ("softmax_layer", partial(functional.softmax, axis=0), (numbers((3, 3)),)),
    ("log_softmax_layer", functional.log_softmax, (np.full((2, 3), -np.inf),)),
    ("log_softmax_layer", functional.log_softmax, (numbers((4, 3)).T,)),
    ("gelu", functional.gelu, (np.array([1, -np.inf], "float32"),)),
    ("gelu", functional.gelu, (numbers((3,)),)),
    ("silu", functional.silu, (np.array([1, -np.inf]),)),
]


@pytest.mark.filterwarnings("ignore:(invalid value|divide by zero):RuntimeWarning")
@pytest.mark.parametrize(("twin", "function", "arguments"), DECLINED)
def test_what_a_twin_was_not_written_for_goes_to_the_reference(
    twin, function, arguments, watched
):
    counter = watched(twin)
    out = function(*map(xn.asarray, arguments))
    assert (counter.took, counter.declined) == (0, 1)
    with twins_off():
        expected = function(*map(xn.asarray, arguments))
    assert out.dtype == expected.dtype
    np.testing.assert_array_equal(out.data, expected.data)


def test_three_axes_reach_the_twin_as_two(watched):
    counter = watched("linear")
    linear(xn.asarray(numbers((2, 5, 3))), xn.asarray(numbers((4, 3))))
    assert counter.took == 1


def test_arrays_of_another_library_never_reach_a_twin(watched):
    strict = pytest.importorskip("array_api_strict")
    counter = watched("linear")
    x = xn.asarray(strict.ones((2, 3)))
    assert linear(x, x).shape == (2, 2)
    assert (counter.took, counter.declined) == (0, 0)


# --- the linear layer and its relu ----------------------------------------------------


def test_a_layer_that_is_used_twice_adds_its_parts():
    shared = nn.Linear(3, 3, rng=0)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    x = xn.asarray(numbers((5, 3), "float32"))
    xn.xp.sum(model(x)).backward()
    expected = [p.grad.data.copy() for p in model.parameters()]
    model.zero_grad()
    optim.SGD(model.parameters(), lr=0.1)  # gives the gradients a buffer
    xn.xp.sum(model(x)).backward()
    for p, grad in zip(model.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad.data, grad, rtol=1e-6)
    model.zero_grad()
    with twins_off():
        xn.xp.sum(model(x)).backward()
    for p, grad in zip(model.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad.data, grad, rtol=1e-5)


def test_sequential_computes_linear_layers_in_a_row_together(watched):
    model = nn.Sequential(
        nn.Linear(3, 4, rng=0),
        nn.ReLU(),
        nn.Linear(4, 4, rng=1),
        nn.Linear(4, 2, rng=2),
    )
    x = xn.asarray(numbers((5, 3), "float32"))
    apart = x
    for layer in model:
        apart = layer(apart)
    row, alone = watched("dense"), watched("linear")
    np.testing.assert_array_equal(model(x).data, apart.data)
    assert (row.took, alone.took) == (1, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_result_that_is_no_number_stays_what_the_reference_says(bad):
    x = numbers((3, 2))
    x[1, 0] = bad
    w = np.array([[1.0, 0.5], [-1.0, 0.5]])
    got = run(dense_relu, (x, w))
    with twins_off():
        expected = run(dense_relu, (x, w))
    assert_same(got, expected, 1e-12)


# --- relu and its gate ----------------------------------------------------------------


def special(shape, dtype):
    x = numbers(shape, dtype)
    flat = x.reshape(-1)
    flat[: flat.size // 2 : 7] = 0
    flat[1 : flat.size // 2 : 7] = -0.0
    return x


SHAPES = [(1,), (0, 3), (5, 3), (128, 128), (130, 127), (3, 70, 101)]
LAYOUTS = {
    "plain": lambda x: x,
    "turned": np.transpose,
    "backwards": lambda x: x[::-1],
    "stretched": lambda x: np.broadcast_to(x[:1], x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [*DTYPES, "float16", "int32"])
def test_relu_equals_the_reference(dtype, shape, layout):
    x = LAYOUTS[layout](special(shape, dtype))
    kept = x.copy()
    got = numpy_elementwise.relu(x)
    assert (got.dtype, got.shape) == (x.dtype, x.shape)
    np.testing.assert_array_equal(got, ADDITIONS["relu"](xn.asarray(x)._lib.raw, x))
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [*DTYPES, "float16"])
def test_gate_equals_the_reference(dtype, shape, layout):
    out = np.maximum(special(shape, dtype), 0)
    v = LAYOUTS[layout](numbers(shape, dtype, seed=1))
    if v.shape != out.shape:
        out = out.T
    kept = v.copy()
    got = numpy_elementwise.gate(v, out)
    assert (got.dtype, got.shape) == (v.dtype, v.shape)
    np.testing.assert_array_equal(
        got, ADDITIONS["gate"](xn.asarray(v)._lib.raw, v, out)
    )
    np.testing.assert_array_equal(v, kept)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38, -1e38])
@pytest.mark.parametrize("result", [0.0, 2.0, np.inf, np.nan, 1e38])
def test_gate_is_exact_at_hard_points(value, result):
    v, out = np.ones(9, "float32"), np.ones(9, "float32")
    v[4], out[4] = value, result
    with np.errstate(all="ignore"):
        got = numpy_elementwise.gate(v, out)
        expected = ADDITIONS["gate"](xn.asarray(v)._lib.raw, v, out)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.0])
@pytest.mark.parametrize("size", [5, 40_000])
def test_relu_keeps_what_is_not_finite(value, size):
    x = np.full(size, value)
    np.testing.assert_array_equal(numpy_elementwise.relu(x), np.maximum(x, 0))


def test_the_calculus_uses_them():
    lib = xn.asarray(1.0)._lib
    assert lib.raw.relu is numpy_elementwise.relu
    assert lib.raw.gate is numpy_elementwise.gate
    assert lib.raw.in_range is numpy_elementwise.in_range


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint64", "uint8"])
def test_in_range(dtype):
    for values, inside in (
        ([0, 2], True),
        ([0, 3], False),
        ([], True),
        ([5, 1], False),
    ):
        x = np.array(values, dtype)
        assert numpy_elementwise.in_range(x, 3) is inside
        assert numpy_elementwise.in_range(x[::-1], 3) is inside
    if dtype.startswith("int"):
        assert numpy_elementwise.in_range(np.array([1, -1], dtype), 3) is False


# --- memory ---------------------------------------------------------------------------


def test_freed_memory_is_used_again():
    resource = pytest.importorskip("resource")
    if "glibc" not in platform.libc_ver():
        pytest.skip("another C library than glibc")
    keep_freed_memory()
    x = np.ones((512, 1024), np.float32)  # 2 MiB: 512 pages

    def work():
        y = x + 1
        return (y + 1) + (y + 2)

    work()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        work()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    assert after - before < 20 * 512  # each array anew would be more than 20 * 3 * 512
