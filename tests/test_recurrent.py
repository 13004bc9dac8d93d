"""Recurrent layers where it is hard: lengths, states, twins, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import xpnet as xn
from libraries import TORCH, host
from xpnet import nn, optim
from xpnet.errors import DTypeError, OptionError, ShapeError
from xpnet.kernels.twin import TWINS, twins_off
from xpnet.nn import functional

KINDS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
each_kind = pytest.mark.parametrize("kind", KINDS)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def numbers(shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def states(out):
    """Return outputs and last states of any layer as a flat list."""
    out, last = out
    return [out, *(last if isinstance(last, tuple) else (last,))]


# --- against PyTorch ------------------------------------------------------------------


def pair(kind, *sizes, **options):
    """Return a layer of PyTorch in float64, and ours with its weights."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = getattr(torch.nn, kind)(*sizes, **options).double()
    ours = KINDS[kind](*sizes, **options, rng=0).to(dtype="float64")
    ours.load_state_dict(theirs.state_dict())
    return torch, theirs, ours


OPTIONS = [
    {},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
    {"num_layers": 2, "bias": False},
]
PROJECTED = [{"proj_size": 2}, {"proj_size": 2, "bidirectional": True, "num_layers": 2}]
CASES = [(kind, o) for kind in KINDS for o in OPTIONS] + [
    ("LSTM", o) for o in PROJECTED
]


@pytest.mark.parametrize("states_given", [False, True])
@pytest.mark.parametrize("lengths", [[5, 2, 4], [1, 1, 1], [5, 5, 5]], ids=str)
@pytest.mark.parametrize(("kind", "options"), CASES, ids=str)
def test_lengths_are_packed_sequences(kind, options, lengths, states_given):
    torch, theirs, ours = pair(kind, 3, 4, **options)
    first = options.get("batch_first", False)
    x = numbers((3, 5, 3) if first else (5, 3, 3))
    rows = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    sizes = [options.get("proj_size") or 4, 4][: 2 if kind == "LSTM" else 1]
    given = [numbers((rows, 3, size), seed=1 + i) for i, size in enumerate(sizes)]
    mine, yours = xn.asarray(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    hx = [xn.asarray(g, requires_grad=True) for g in given]
    their_hx = [torch.tensor(g, requires_grad=True) for g in given]
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        yours, torch.tensor(lengths), batch_first=first, enforce_sorted=False
    )
    if states_given:
        got = ours(mine, tuple(hx) if kind == "LSTM" else hx[0], lengths=lengths)
        want = theirs(packed, tuple(their_hx) if kind == "LSTM" else their_hx[0])
    else:
        got, want = ours(mine, lengths=lengths), theirs(packed)
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(
        want[0], batch_first=first, total_length=5
    )
    got, want = states(got), states((padded, want[1]))
    total, other = 0.0, 0.0
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        np.testing.assert_allclose(a.data, b.detach().numpy(), 0, 1e-12)
        w = numbers(a.shape, seed=10 + i)
        total, other = total + xn.xp.sum(a * w), other + (b * torch.tensor(w)).sum()
    total.backward()
    other.backward()
    np.testing.assert_allclose(mine.grad.data, yours.grad.numpy(), 0, 1e-12)
    expected = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        np.testing.assert_allclose(
            p.grad.data, expected[name].grad.numpy(), 0, 1e-11, err_msg=name
        )
    for a, b in zip(hx, their_hx, strict=True):
        assert (a.grad is None) == (b.grad is None)
        if a.grad is not None:
            np.testing.assert_allclose(a.grad.data, b.grad.numpy(), 0, 1e-12)


def test_an_lstm_takes_first_states_and_cells_as_pytorch_does():
    torch, theirs, ours = pair("LSTM", 3, 4, num_layers=2, bidirectional=True)
    x, h, c = numbers((5, 2, 3)), numbers((4, 2, 4), seed=1), numbers((4, 2, 4), seed=2)
    got = states(ours(xn.asarray(x), (xn.asarray(h), xn.asarray(c))))
    want = states(theirs(torch.tensor(x), (torch.tensor(h), torch.tensor(c))))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), 0, 1e-12)
    one = states(ours(xn.asarray(x[:, 0]), (xn.asarray(h[:, 0]), xn.asarray(c[:, 0]))))
    for a, b in zip(one, got, strict=True):
        np.testing.assert_allclose(a.data, b.data[:, 0], 0, 1e-12)


def test_an_lstm_cell_takes_and_gives_a_pair_as_pytorch_does():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.LSTMCell(3, 4).double()
    ours = nn.LSTMCell(3, 4, rng=0).to(dtype="float64")
    ours.load_state_dict(theirs.state_dict())
    x, h, c = numbers((2, 3)), numbers((2, 4), seed=1), numbers((2, 4), seed=2)
    got = ours(xn.asarray(x), (xn.asarray(h), xn.asarray(c)))
    want = theirs(torch.tensor(x), (torch.tensor(h), torch.tensor(c)))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), 0, 1e-12)


@each_kind
def test_parameters_have_the_names_the_order_and_the_shapes_of_pytorch(kind):
    torch = pytest.importorskip("torch")
    options = {"num_layers": 2, "bidirectional": True}
    theirs = getattr(torch.nn, kind)(3, 4, **options).state_dict()
    ours = KINDS[kind](3, 4, **options, rng=0).state_dict()
    assert [(k, tuple(v.shape)) for k, v in ours.items()] == [
        (k, tuple(v.shape)) for k, v in theirs.items()
    ]


@each_kind
def test_initial_weights_are_uniform_in_one_over_the_root_of_the_size(kind):
    layer = KINDS[kind](30, 64, rng=0)
    for p in layer.parameters():
        values = host(p)
        assert np.abs(values).max() <= 1 / 8
        assert np.abs(values).max() > 0.9 / 8
        assert abs(values.mean()) < 0.02


# --- lengths --------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_what_stands_behind_the_end_has_no_influence(kind, bad):
    layer = KINDS[kind](3, 4, bidirectional=True, rng=0).to(dtype="float64")
    x = numbers((5, 2, 3))
    results = []
    for value in (0.0, bad):
        x[3:, 0] = value
        leaf = xn.asarray(x, requires_grad=True)
        out = states(layer(leaf, lengths=[3, 5]))
        layer.zero_grad()
        sum(xn.xp.sum(y * y) for y in out).backward()
        assert not leaf.grad.data[3:, 0].any()
        results.append([*out, leaf.grad, *[p.grad for p in layer.parameters()]])
        assert not out[0].data[3:, 0].any()
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a.data, b.data)


@each_kind
def test_a_sequence_of_a_length_is_the_shorter_sequence(kind):
    layer = KINDS[kind](3, 4, bidirectional=True, rng=0).to(dtype="float64")
    x = numbers((6, 3, 3))
    lengths = [6, 1, 4]
    whole = states(layer(x, lengths=lengths))
    for i, n in enumerate(lengths):
        alone = states(layer(x[:n, i]))
        np.testing.assert_allclose(whole[0].data[:n, i], alone[0].data, 0, 1e-13)
        for a, b in zip(whole[1:], alone[1:], strict=True):
            np.testing.assert_allclose(a.data[:, i], b.data, 0, 1e-13)


@pytest.mark.parametrize(
    "lengths",
    [[3, 2], (3, 2), np.array([3, 2], "int32"), xn.asarray(np.array([3, 2], "uint8"))],
)
def test_lengths_are_integers_of_any_kind(lengths):
    layer = nn.GRU(3, 4, rng=0)
    x = numbers((3, 2, 3), "float32")
    want = layer(x, lengths=[3, 2])[0]
    np.testing.assert_array_equal(layer(x, lengths=lengths)[0].data, want.data)


def test_lengths_of_numpy_go_to_the_library_of_the_input():
    TORCH.skip_unless_here()
    layer = nn.GRU(3, 4, rng=0)
    x = TORCH.make(numbers((3, 2, 3), "float32"))
    layer.to(like=x)
    assert layer(x, lengths=np.array([3, 1]))[0].shape == (3, 2, 4)


@pytest.mark.parametrize(
    ("lengths", "error", "pattern"),
    [
        ([3, 0], OptionError, "a length is 0, but x has 3 steps, so lengths go from 1"),
        ([4, 1], OptionError, "a length is 4, but x has 3 steps, so lengths go from 1"),
        ([3], ShapeError, r"lengths have shape \(1,\), and need \(2,\)"),
        ([3.0, 1.0], DTypeError, "lengths have dtype float64; they are integers"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, error, pattern):
    with pytest.raises(error, match=pattern):
        nn.LSTM(3, 4, rng=0)(numbers((3, 2, 3), "float32"), lengths=lengths)


def test_one_sequence_has_no_lengths():
    with pytest.raises(ShapeError, match="lengths belong to a batch"):
        nn.LSTM(3, 4, rng=0)(numbers((3, 3), "float32"), lengths=[3])


# --- options --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda: nn.RNN(3, 4, nonlinearity="sin"), "one of .'tanh', 'relu'., not 'sin"),
        (lambda: nn.RNNCell(3, 4, nonlinearity="sin"), "RNNCell: nonlinearity is one"),
        (lambda: nn.LSTM(3, 0), "LSTM: hidden_size is an integer of at least 1, not 0"),
        (lambda: nn.LSTM(0, 3), "LSTM: input_size is an integer of at least 1, not 0"),
        (lambda: nn.GRU(3, 4, 0), "GRU: num_layers is an integer of at least 1"),
        (lambda: nn.GRU(3, 4, dropout=2), r"GRU: dropout is a probability in \[0, 1\]"),
        (lambda: nn.LSTM(3, 4, proj_size=4), "it must be less than hidden_size"),
        (lambda: nn.LSTM(None, 4, proj_size=5), "it must be less than hidden_size"),
        (lambda: nn.LSTM(3, 4, proj_size=-1), "proj_size is an integer of at least 0"),
        (lambda: nn.GRUCell(3, 0), "GRUCell: hidden_size is an integer of at least 1"),
    ],
)
def test_options_out_of_range_are_refused(make, pattern):
    with pytest.raises(OptionError, match=pattern):
        make()


@pytest.mark.parametrize("layer", [nn.LSTM(3, 4, rng=0), nn.LSTMCell(3, 4, rng=0)])
@pytest.mark.parametrize("hx", [np.zeros((1, 2, 4)), (np.zeros((1, 2, 4)),)])
def test_the_states_of_an_lstm_are_a_pair(layer, hx):
    with pytest.raises(OptionError, match=r"hx is a pair \(h, c\) of arrays, not a"):
        layer(numbers((1, 2, 3), "float32"), hx)


@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell])
def test_integers_are_refused(make):
    layer = make(3, 4, rng=0)
    shape = (2, 3) if make is nn.RNNCell else (5, 2, 3)
    with pytest.raises(
        DTypeError, match=r"x has dtype int64; it is defined for floating"
    ):
        layer(np.ones(shape, "int64"))


@pytest.mark.parametrize("make", [*KINDS.values(), nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_the_input_size_can_be_learned(make):
    x = numbers((2, 5) if "Cell" in make.__name__ else (3, 2, 5), "float32")
    layer, known = make(None, 4, rng=0), make(5, 4, rng=0)
    layer(x)
    assert repr(layer) == repr(known)
    for p, q in zip(layer.parameters(), known.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_dropout_acts_between_layers_alone_and_in_training_alone():
    x = numbers((4, 2, 3), "float32")
    one = nn.GRU(3, 4, 1, dropout=1.0, rng=0)
    np.testing.assert_array_equal(one(x)[0].data, one.eval()(x)[0].data)
    two = nn.GRU(3, 4, 2, dropout=1.0, rng=0)
    dropped = two(x)[0].data
    assert not np.allclose(dropped, two.eval()(x)[0].data)
    two.train()
    np.testing.assert_array_equal(dropped, two(2 * x)[0].data)  # nothing comes through
    half = nn.GRU(3, 4, 2, dropout=0.5, rng=0)
    assert not np.allclose(half(x)[0].data, half(x)[0].data)


def test_a_step_of_a_cell_is_a_step_of_the_layer():
    for layer, cell in ((nn.RNN, nn.RNNCell), (nn.GRU, nn.GRUCell)):
        whole, step = layer(3, 4, rng=0), cell(3, 4, rng=0)
        x = numbers((5, 2, 3), "float32")
        h = None
        for t in range(5):
            h = step(x[t], h)
        np.testing.assert_allclose(h.data, whole(x)[1].data[0], 0, 1e-6)


def test_a_long_sequence_remembers_and_its_gradient_is_finite():
    layer = nn.LSTM(1, 8, rng=0)
    x = xn.asarray(numbers((1000, 1, 1), "float32"), requires_grad=True)
    out, _ = layer(x)
    xn.xp.sum(out[-1, ...]).backward()
    assert np.isfinite(x.grad.data).all()
    assert x.grad.data[-1].any()


# --- the twins ------------------------------------------------------------------------


class Watched:
    """A twin that counts how often it was taken."""

    def __init__(self, twin):
        self.twin, self.took, self.went_back = twin, 0, 0

    def forward(self, needs, *args, **options):
        made = self.twin.forward(needs, *args, **options)
        self.took += made is not None
        return made

    def backward(self, g, residual, needs, slots):
        self.went_back += 1
        return self.twin.backward(g, residual, needs, slots)


def ran(layer, x, first=None, lengths=None):
    """Return results and all gradients of a layer."""
    leaf = xn.asarray(x, requires_grad=True)
    out = states(layer(leaf, first, lengths=lengths))
    layer.zero_grad()
    weights = [numbers(y.shape, y.dtype, seed=5 + i) for i, y in enumerate(out)]
    sum(xn.xp.sum(y * w) for y, w in zip(out, weights, strict=True)).backward()
    return [*out, leaf.grad, *[p.grad for p in layer.parameters()]]


@each_dtype
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@each_kind
def test_the_twin_is_taken_and_changes_nothing(kind, options, dtype, monkeypatch):
    layer = KINDS[kind](3, 4, **options, rng=0).to(dtype=dtype)
    x = numbers((6, 2, 3), dtype)
    name = kind.lower()
    watched = Watched(TWINS[name, "numpy"])
    monkeypatch.setitem(TWINS, (name, "numpy"), watched)
    got = ran(layer, x)
    runs = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    assert (watched.took, watched.went_back) == (runs, runs)
    with twins_off():
        want = ran(layer, x)
    tolerance = {"float32": 2e-5, "float64": 1e-12}[dtype]
    for a, b in zip(got, want, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a.data, b.data, tolerance, tolerance)


@each_dtype
@pytest.mark.parametrize("lengths", [[6, 1, 4], [2, 2, 2], [6, 6, 6]], ids=str)
@pytest.mark.parametrize("states_given", [False, True])
@each_kind
def test_the_twin_takes_lengths(kind, states_given, lengths, dtype, monkeypatch):
    layer = KINDS[kind](3, 4, bidirectional=True, rng=0).to(dtype=dtype)
    x, h = numbers((6, 3, 3), dtype), numbers((2, 3, 4), dtype, seed=1)
    first = ((h, h) if kind == "LSTM" else h) if states_given else None
    watched = Watched(TWINS[kind.lower(), "numpy"])
    monkeypatch.setitem(TWINS, (kind.lower(), "numpy"), watched)
    got = ran(layer, x, first, lengths)
    # a first state of the second direction waits for the end: that is the reference's
    assert watched.took == watched.went_back == (1 if states_given else 2)
    with twins_off():
        want = ran(layer, x, first, lengths)
    tolerance = {"float32": 2e-5, "float64": 1e-12}[dtype]
    for a, b in zip(got, want, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a.data, b.data, tolerance, tolerance)


@each_kind
def test_saturated_gates_stay_what_they_are(kind):
    layer = KINDS[kind](3, 4, rng=0).to(dtype="float64")
    x = 1e4 * numbers((5, 2, 3))
    got = ran(layer, x)
    with twins_off():
        want = ran(layer, x)
    for a, b in zip(got, want, strict=True):
        assert np.isfinite(a.data).all()
        np.testing.assert_allclose(a.data, b.data, 1e-9, 1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@each_kind
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_is_not_a_number_shows_in_the_output(kind, bad):
    layer = KINDS[kind](3, 4, rng=0)
    x = numbers((5, 2, 3), "float32")
    x[2, 1, 0] = bad
    got = layer(x)[0].data
    with twins_off():
        want = layer(x)[0].data
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    assert np.isfinite(got[:, 0]).all()


@each_kind
def test_behind_the_end_the_gradient_is_0_whatever_stands_before(kind):
    layer = KINDS[kind](2, 3, rng=0, dtype="float64")
    values = numbers((4, 2, 2))
    values[1, 0, 0] = np.nan

    def gradient():
        x = xn.asarray(values, requires_grad=True)
        out, _ = layer(x, lengths=np.array([2, 3]))
        out.backward(numbers(out.shape, seed=1))
        return host(x.grad)

    grad = gradient()
    np.testing.assert_array_equal(grad[2:, 0], 0)
    np.testing.assert_array_equal(grad[3:, 1], 0)
    assert np.isfinite(grad[:, 1]).all()
    with twins_off():
        np.testing.assert_allclose(gradient(), grad, 1e-12, 1e-15)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_function_alone_goes_either_way(reverse):
    x, w, u = numbers((4, 2, 3)), numbers((5, 3), seed=1), numbers((5, 5), seed=2)
    out, h = functional.rnn(x, None, w, u, reverse=reverse)
    order = x[::-1] if reverse else x
    forward, last = functional.rnn(order.copy(), None, w, u)
    want = forward.data[::-1] if reverse else forward.data
    np.testing.assert_allclose(out.data, want, 0, 1e-14)
    np.testing.assert_array_equal(h.data, last.data)


@each_kind
def test_a_second_walk_and_inputs_that_cannot_be_written_to(kind):
    layer = KINDS[kind](3, 4, bidirectional=True, rng=0)
    arrays = [numbers((6, 2, 3), "float32"), numbers((2, 2, 4), "float32", seed=1)]
    for a in arrays:
        a.flags.writeable = False
    x, h = (xn.asarray(a, requires_grad=True) for a in arrays)
    out = states(layer(x, (h, h) if kind == "LSTM" else h))
    total = sum(xn.xp.sum(y * y) for y in out)
    found = []
    for _ in range(2):
        layer.zero_grad()
        x.grad = h.grad = None
        total.backward(retain_graph=True)
        leaves = [x, h, *layer.parameters()]
        found.append([leaf.grad.data.copy() for leaf in leaves])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@each_kind
def test_gradients_land_in_the_buffer_of_an_optimizer(kind):
    layer = KINDS[kind](3, 4, 2, rng=0)
    x, h = numbers((6, 2, 3), "float32"), numbers((2, 2, 4), "float32", seed=1)
    first = (xn.asarray(h), xn.asarray(h)) if kind == "LSTM" else h
    want = [g.data.copy() for g in ran(layer, x, first)]
    optim.SGD(layer.parameters(), lr=0.1)
    got = ran(layer, x, first)
    for p in layer.parameters():
        assert p.grad is p._node.into
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a.data, b, 1e-5, 1e-5)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_each_argument_alone_gets_its_gradient(name):
    gates, count = {"rnn": (1, 1), "lstm": (4, 2), "gru": (3, 1)}[name]
    arrays = [numbers((5, 2, 3))]
    arrays += [numbers((2, 4), seed=1 + i) for i in range(count)]
    shapes = [(4 * gates, 3), (4 * gates, 4), (4 * gates,), (4 * gates,)]
    arrays += [numbers(shape, seed=5 + i) for i, shape in enumerate(shapes)]

    def gradients(wanted):
        given = [xn.asarray(a, requires_grad=i in wanted) for i, a in enumerate(arrays)]
        out = getattr(functional, name)(*given)
        sum(xn.xp.sum(y * numbers(y.shape, seed=9)) for y in out).backward()
        return [x.grad for x in given]

    every = gradients(range(len(arrays)))
    with twins_off():
        for a, b in zip(every, gradients(range(len(arrays))), strict=True):
            np.testing.assert_allclose(a.data, b.data, 1e-11, 1e-11)
    for i in range(len(arrays)):
        alone = gradients([i])
        assert [g is not None for g in alone] == [j == i for j in range(len(arrays))]
        np.testing.assert_allclose(alone[i].data, every[i].data, 0, 1e-13)


def test_one_array_as_both_biases_gets_both_parts():
    x, w, u = numbers((5, 2, 3)), numbers((16, 3), seed=1), numbers((16, 4), seed=2)
    b = xn.asarray(numbers((16,), seed=3), requires_grad=True)
    b._node.into = xn.asarray(np.full(16, np.nan))
    xn.xp.sum(functional.lstm(x, None, None, w, u, b, b)[0]).backward()
    got = b.grad.data.copy()
    with twins_off():
        c = xn.asarray(b.data, requires_grad=True)
        xn.xp.sum(functional.lstm(x, None, None, w, u, c, c)[0]).backward()
    np.testing.assert_allclose(got, c.grad.data, 1e-12, 1e-12)


@each_kind
def test_other_types_go_to_the_reference(kind, monkeypatch):
    watched = Watched(TWINS[kind.lower(), "numpy"])
    monkeypatch.setitem(TWINS, (kind.lower(), "numpy"), watched)
    layer = KINDS[kind](3, 4, rng=0)
    out = layer(numbers((5, 2, 3), "float64"))[0]  # beside weights of float32
    assert (out.dtype, watched.took) == (np.float64, 0)
    out = layer.to(dtype="float16")(numbers((5, 2, 3), "float16"))[0]
    assert (out.dtype, watched.took) == (np.float16, 0)
