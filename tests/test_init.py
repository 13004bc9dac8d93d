"""Initial weights: PyTorch's distributions, exact structure, the same everywhere."""

import inspect

import numpy as np
import pytest

import xpnet as xn
from libraries import CUPY, host, parameters
from xpnet import nn, optim, xp
from xpnet.errors import DTypeError, OptionError, ShapeError
from xpnet.nn import init


def numbers(shape, dtype):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


SHAPE, FAN_IN, FAN_OUT = (60, 20, 3, 2), 120, 360
SPREADS = {  # the standard deviation of each initializer that has one
    "fan_in_uniform": (1 / (3 * FAN_IN)) ** 0.5,
    "glorot_normal": (2 / (FAN_IN + FAN_OUT)) ** 0.5,
    "glorot_uniform": (2 / (FAN_IN + FAN_OUT)) ** 0.5,
    "he_normal": (2 / FAN_IN) ** 0.5,
    "he_uniform": (2 / FAN_IN) ** 0.5,
    "lecun_normal": (1 / FAN_IN) ** 0.5,
    "lecun_uniform": (1 / FAN_IN) ** 0.5,
    "normal": 0.05,
    "uniform": 0.05 / 3**0.5,
}


def test_every_initializer_is_in_the_table():
    drawn = {*SPREADS, "xavier_normal", "xavier_uniform", "kaiming_normal"}
    drawn |= {"kaiming_uniform", "orthogonal", "trunc_normal"}
    assert set(init.INITIALIZERS) == {
        *drawn,
        "constant",
        "dirac",
        "eye",
        "ones",
        "zeros",
    }
    assert init.xavier_normal is init.glorot_normal
    assert set(init.INITIALIZERS) < {*init.__all__}


@pytest.mark.parametrize("name", SPREADS)
def test_an_initializer_has_the_spread_of_its_formula(name):
    x = init.INITIALIZERS[name](SHAPE, rng=0)
    assert (x.shape, x.dtype, x.requires_grad) == (SHAPE, np.float32, False)
    values = host(x).astype("float64")
    assert abs(values.std() / SPREADS[name] - 1) < 0.03
    assert abs(values.mean()) < 0.03 * SPREADS[name] * 3
    if name.endswith("uniform"):
        bound = SPREADS[name] * 3**0.5
        assert 0.99 * bound < abs(values).max() <= bound * (1 + 1e-6)
    again = init.INITIALIZERS[name](SHAPE, rng=0, dtype=xp.float64, device="cpu")
    assert again.dtype == np.float64


def distance(one, other):
    """Return the largest distance of two empirical distribution functions."""
    one, other = np.sort(one.ravel()), np.sort(other.ravel())
    both = np.concatenate([one, other])
    below = [np.searchsorted(x, both, side="right") / x.size for x in (one, other)]
    return abs(below[0] - below[1]).max()


def assert_drawn_alike(mine, theirs):
    """Kolmogorov and Smirnov's test at a level of 1e-6; the seeds are fixed."""
    mine, theirs = host(mine).astype("float64"), theirs.numpy().astype("float64")
    n, m = mine.size, theirs.size
    assert distance(mine, theirs) < 2.694 * ((n + m) / (n * m)) ** 0.5


KAIMING = [
    {"a": a, "mode": mode, "nonlinearity": nonlinearity}
    for a in (0, 0.3)
    for mode in ("fan_in", "fan_out")
    for nonlinearity in ("leaky_relu", "relu", "tanh", "conv2d")
]
DRAWN = [
    ("uniform", "uniform_", {}, {"low": -2.0, "high": 3.0}, {"a": -2.0, "b": 3.0}),
    ("normal", "normal_", {"mean": 1.0, "std": 2.0}, {}, {}),
    *[("trunc_normal", "trunc_normal_", o, {}, {}) for o in (
        {}, {"mean": 1.0, "std": 0.5}, {"mean": -3.0, "a": -1.0, "b": 4.0},
        {"std": 0.02}, {"mean": 2.0, "std": 3.0, "a": -7.0, "b": -4.0},
    )],
    *[(n, f"{n}_", {"gain": g}, {}, {}) for n in ("xavier_uniform", "xavier_normal")
      for g in (1.0, 2.5)],
    *[(n, f"{n}_", o, {}, {}) for n in ("kaiming_uniform", "kaiming_normal")
      for o in KAIMING],
    ("he_uniform", "kaiming_uniform_", {}, {}, {"nonlinearity": "relu"}),
    ("he_normal", "kaiming_normal_", {}, {}, {"nonlinearity": "relu"}),
    ("orthogonal", "orthogonal_", {"gain": 1.5}, {}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "theirs", "options", "ours", "more"), DRAWN)
def test_an_initializer_draws_as_pytorchs_does(name, theirs, options, ours, more):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    empty = torch.empty((90, 20, 3, 2))
    drawn = getattr(torch.nn.init, theirs)(empty, **options, **more)
    mine = getattr(init, name)((90, 20, 3, 2), rng=0, **options, **ours)
    assert_drawn_alike(mine, drawn)


def test_sparse_draws_as_pytorchs_does():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    drawn = torch.nn.init.sparse_(torch.empty(200, 50), 0.3, std=0.5)
    mine = init.sparse((200, 50), 0.3, std=0.5, rng=0)
    assert_drawn_alike(mine, drawn)
    for sparsity in (0.0, 0.3, 0.301, 1.0):
        zeros = (host(init.sparse((10, 4), sparsity, rng=1)) == 0).sum(axis=0)
        other = torch.nn.init.sparse_(torch.empty(10, 4), sparsity)
        assert zeros.tolist() == (other == 0).sum(dim=0).tolist()
    columns = host(init.sparse((30, 8), 0.5, rng=2)) == 0
    assert len({column.tobytes() for column in columns.T}) == 8


def test_truncated_normal_numbers_stay_within_their_bounds():
    for options in (
        {},
        {"mean": 5.0},  # all of it is in the tail
        {"std": 0.01, "a": 0.2, "b": 0.3},
        {"a": 30.0, "b": 31.0},
        {"a": -31.0, "b": -30.0},
        {"a": float("-inf"), "b": 0.0},
    ):
        x = host(init.trunc_normal((5000,), rng=0, dtype=xp.float64, **options))
        low, high = options.get("a", -2.0), options.get("b", 2.0)
        assert np.isfinite(x).all()
        assert x.min() >= low
        assert x.max() <= high
        assert len(np.unique(x)) > 4000
    for bad in ({"std": 0.0}, {"a": 1.0, "b": 1.0}):
        with pytest.raises(OptionError, match="std is positive and a below b"):
            init.trunc_normal((3,), **bad)


def test_truncated_normal_numbers_have_the_exact_distribution():
    stats = pytest.importorskip("scipy.stats")
    u = host(xn.random.Generator(4).uniform((4000,), dtype=xp.float64))
    for a, b in ((-2.0, 2.0), (-9.0, 0.5), (3.0, 8.0), (-8.0, -3.0), (20.0, 21.0)):
        x = host(init.trunc_normal((4000,), 0.0, 1.0, a, b, rng=4, dtype=xp.float64))
        exact = stats.truncnorm.ppf(1 - u if a > 0 else u, a, b)
        np.testing.assert_allclose(x, exact, 1e-10, 1e-10)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (4, 3, 2, 2), (20, 3, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal_weights_are_orthonormal(shape, dtype):
    w = host(init.orthogonal(shape, 2.0, rng=0, dtype=getattr(xp, dtype)))
    assert (w.shape, str(w.dtype)) == (shape, dtype)
    w = w.reshape(len(w), -1).astype("float64")
    w = w if w.shape[0] <= w.shape[1] else w.T
    atol = 1e-14 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(w @ w.T, 4 * np.eye(len(w)), 0, atol)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_reproduces_the_input_through_a_convolution(count, groups):
    x = numbers((2, 4, *(6, 5, 4)[:count]), "float32")
    conv = getattr(nn.functional, f"conv{count}d")
    w = init.dirac((4, 4 // groups, *(3,) * count), groups)
    out = conv(x, w, padding=1, groups=groups)
    np.testing.assert_array_equal(host(out), x)
    torch = pytest.importorskip("torch")
    for shape in ((6, 2), (2, 6), (4, 4)):
        whole = (*shape, *(3, 4, 1)[:count])
        theirs = torch.nn.init.dirac_(torch.empty(whole), groups)
        np.testing.assert_array_equal(host(init.dirac(whole, groups)), theirs.numpy())


def test_eye_reproduces_the_input_through_a_linear_layer():
    x = numbers((3, 4), "float32")
    np.testing.assert_array_equal(host(nn.functional.linear(x, init.eye((4, 4)))), x)
    assert init.eye((2, 3), dtype=xp.float64).dtype == np.float64


@pytest.mark.parametrize("name", ["trunc_normal", "orthogonal", "sparse"])
def test_what_is_computed_from_draws_is_the_same_each_time(name):
    options = {"sparsity": 0.5} if name == "sparse" else {}
    draw = getattr(init, name)
    one, again = (draw((5, 4), rng=3, **options) for _ in range(2))
    assert host(one).tobytes() == host(again).tobytes()
    assert (one.dtype, one.requires_grad) == (np.float32, False)
    rng = xn.random.Generator(3)
    draw((5, 4), rng=rng, **options)
    assert rng.counter == 1 + (name == "sparse")


@pytest.mark.parametrize("gpu", parameters((CUPY,)))
@pytest.mark.parametrize("name", ["trunc_normal", "orthogonal", "eye", "dirac"])
def test_an_initializer_gives_the_same_on_a_gpu(name, gpu):
    shape = (4, 4, 3) if name == "dirac" else (4, 4)
    there = getattr(init, name)(shape, rng=0, device="cuda")
    assert there.device == "cuda"
    np.testing.assert_array_equal(host(there), host(getattr(init, name)(shape, rng=0)))


def test_gains_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name in init.GAINS:
        assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    for slope in (0, 0.2, -1.0):
        theirs = torch.nn.init.calculate_gain("leaky_relu", slope)
        assert init.calculate_gain("leaky_relu", slope) == theirs
    with pytest.raises(OptionError, match="nonlinearity is one of"):
        init.calculate_gain("gelu")
    with pytest.raises(OptionError, match="slope of leaky_relu is a number"):
        init.calculate_gain("leaky_relu", "steep")


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: init.eye((2, 2, 2)), ShapeError, "eye: the shape needs two axes"),
        (lambda: init.sparse((2,), 0.5), ShapeError, "sparse: the shape needs two"),
        (lambda: init.sparse((2, 2), 1.5), OptionError, r"sparsity is in \[0, 1\]"),
        (lambda: init.orthogonal((3,)), ShapeError, "needs two axes or more"),
        (lambda: init.dirac((3, 2)), ShapeError, "three to five axes"),
        (lambda: init.dirac((3, 2, 1), 2), OptionError, "a divisor of the 3 outputs"),
        (lambda: init.kaiming_normal((3, 2), mode="fan"), OptionError, "'fan_out'"),
        (lambda: init.initializer("he", None), OptionError, "init is a function or"),
    ],
)
def test_an_initializer_refuses_what_does_not_fit(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_an_empty_weight_has_initial_values():
    assert init.orthogonal((3, 0), rng=0).shape == (3, 0)
    assert init.sparse((0, 3), 0.5, rng=0).shape == (0, 3)


def test_gains_and_fans():
    assert init.fans((5, 4)) == (4, 5)
    tanh = host(init.glorot_uniform((40, 60), gain="tanh", rng=0))
    plain = host(init.glorot_uniform((40, 60), rng=0))
    np.testing.assert_allclose(tanh, plain * 5 / 3, 1e-6, 1e-7)
    for bad in ("swish", 0.0, -1.0, float("nan")):
        with pytest.raises(OptionError, match="gain is a positive number or one of"):
            init.he_normal((2, 2), gain=bad)
    for shape in ((3,), (), (0, 3)):
        with pytest.raises(ShapeError, match="two axes or more"):
            init.he_normal(shape)


FILLING = [name for name in init.__all__ if name.endswith("_")]
GIVEN = {"constant_": {"val": 3.0}, "sparse_": {"sparsity": 0.5}}


def test_the_names_and_options_of_pytorch_are_there():
    torch = pytest.importorskip("torch")
    theirs = [n for n in dir(torch.nn.init) if n.endswith("_") and n[0] != "_"]
    assert sorted(theirs) == sorted(FILLING)

    def options(function, generator):
        found = list(inspect.signature(function).parameters.values())[1:]
        return [(p.name, p.default) for p in found if p.name != generator]

    for name in FILLING:
        wanted = options(getattr(torch.nn.init, name), "generator")
        assert options(getattr(init, name), "rng") == wanted


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FILLING)
def test_arrays_are_filled_and_stay_the_same_leaves(name, dtype):
    shape = (4, 4, 3) if name == "dirac_" else (4, 6)
    x = xn.asarray(np.full(shape, 7.0, dtype), requires_grad=True)
    raw = x.data
    again = getattr(init, name)(x, **GIVEN.get(name, {}), rng=0)
    assert again is x
    assert x.data is raw
    assert x.requires_grad
    options = {"value": 3.0} if name == "constant_" else GIVEN.get(name, {})
    if name in ("uniform_", "normal_"):
        options = {"uniform_": {"low": 0.0, "high": 1.0}, "normal_": {"std": 1.0}}[name]
    made = getattr(init, name[:-1])(shape, **options, rng=0, dtype=dtype)
    np.testing.assert_array_equal(x.data, made.data)


def test_a_parameter_in_an_optimizer_is_filled_in_its_buffer():
    layer = nn.Linear(3, 2, rng=0)
    opt = optim.SGD(layer.parameters(), lr=1.0)
    init.ones_(layer.weight)
    xp.sum(layer(np.ones((1, 3), "float32"))).backward()
    opt.step()
    assert layer.weight.tolist() == [[0.0] * 3] * 2


def test_what_cannot_be_filled_gets_a_sentence():
    with pytest.raises(OptionError, match=r"fills an xpnet Array.* ones\(shape\)\.$"):
        init.ones_(np.ones(3))
    with pytest.raises(DTypeError, match="ones_: x has dtype int64"):
        init.ones_(xn.asarray([1, 2]))
    with pytest.raises(ShapeError):
        init.eye_(xn.asarray(np.ones(3)))
