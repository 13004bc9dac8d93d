"""Containers hold their parts; layers wait; parameters are shared and frozen."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import xpnet as xn
from contracts.layers_container import Branches
from xpnet import nn, optim
from xpnet.errors import OptionError, ShapeError

# --- lists and dicts ------------------------------------------------------------------


def test_names_are_those_of_pytorch():
    torch = pytest.importorskip("torch")

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            t = torch.nn
            self.tower = t.ModuleList([t.Linear(3, 4), t.Linear(4, 4)])
            self.ends = t.ModuleDict({"bend": t.Tanh(), "last": t.Linear(4, 2)})
            self.scales = t.ParameterList([torch.randn(2), torch.randn(2)])
            self.shifts = t.ParameterDict({"a": torch.randn(2)})

        def forward(self, x):
            for layer in self.tower:
                x = self.ends["bend"](layer(x))
            x = self.ends["last"](x)
            return x * self.scales[0] * self.scales[1] + self.shifts["a"]

    theirs, mine = Theirs(), Branches()
    assert set(mine.state_dict()) == set(theirs.state_dict())
    mine.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    want = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(mine(x).data, want, 1e-5)


def test_a_residual_adds():
    x = np.array([[1.0, -2.0]], np.float32)
    f = nn.Linear(2, 2, rng=0)
    np.testing.assert_array_equal(nn.Residual(f)(x).data, x + f(x).data)
    p = nn.Linear(2, 2, rng=1)
    got = nn.Residual(f, nn.Tanh(), projection=p)(x)
    np.testing.assert_allclose(got.data, p(x).data + np.tanh(f(x).data), rtol=1e-6)
    assert list(nn.Residual(f, projection=p).state_dict()) == [
        "layers.0.weight",
        "layers.0.bias",
        "projection.weight",
        "projection.bias",
    ]


def test_a_list_is_a_list():
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
    found = nn.ModuleList([a])
    assert found.append(c) is found
    found.insert(1, b)
    assert list(found) == [a, b, c]
    assert [name for name, _ in found.named_children()] == ["0", "1", "2"]
    assert found[-1] is c
    assert list(found[1:]) == [b, c]
    assert type(found[1:]) is nn.ModuleList
    found[0] = c
    del found[1]
    assert list(found) == [c, c]
    assert len(found) == 2
    with pytest.raises(IndexError):
        found[2]


def test_a_dict_is_a_dict():
    a, b = nn.ReLU(), nn.Tanh()
    found = nn.ModuleDict([("one", a)])
    found["two"] = b
    assert list(found) == ["one", "two"]
    assert list(found.values()) == [a, b]
    assert dict(found.items()) == {"one": a, "two": b}
    assert "two" in found
    assert found.pop("one") is a
    del found["two"]
    assert len(found) == 0
    with pytest.raises(KeyError):
        found["one"]
    for key, words in [
        ("a.b", "have no dot"),
        ("train", "a ModuleDict has an attribute of that name"),
        (3, "st"),
    ]:
        with pytest.raises(OptionError, match=words):
            found[key] = a


def test_lists_of_parameters_make_leaves_and_keep_those_there_are():
    p = nn.Parameter([1.0])
    found = nn.ParameterList([p, [2.0, 3.0], xn.asarray(4.0)])
    assert found[0] is p
    assert all(x.requires_grad for x in found)
    assert found.num_parameters() == 4
    values = nn.ParameterDict({"p": p})
    assert values["p"] is p


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: nn.ModuleList([3]),
            "ModuleList: the entry '0' is of type int; it must",
        ),
        (
            lambda: nn.ModuleDict({"a": "b"}),
            "ModuleDict: the entry 'a' is of type str; it must",
        ),
        (lambda: nn.ModuleDict({"keys": nn.ReLU()}), "'keys' cannot name a module"),
        (lambda: nn.ParameterDict({"pop": [1.0]}), "'pop' cannot name a parameter"),
        (lambda: nn.ModuleList()(1.0), "ModuleList only holds what is in it"),
        (lambda: nn.Sequential({"a": 3}), "layer a is not a Module"),
    ],
)
def test_wrong_entries_get_a_sentence(make, words):
    with pytest.raises(OptionError, match=words):
        make()


def test_a_sequential_of_names():
    model = nn.Sequential({"inner": nn.Linear(2, 3, rng=0), "bend": nn.Tanh()})
    assert list(model.state_dict()) == ["inner.weight", "inner.bias"]
    assert model.inner is model[0]
    model.bend = nn.ReLU()
    assert type(model[1]) is nn.ReLU
    assert [name for name, _ in model[1:].named_children()] == ["bend"]
    with pytest.raises(OptionError, match="a Sequential holds its layers alone"):
        model.other = nn.ReLU()


# --- finding things -------------------------------------------------------------------


def test_things_are_found_by_name():
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 3, rng=0)), nn.BatchNorm1d(3))
    assert model.get_submodule("") is model
    assert model.get_submodule("0.0") is model[0][0]
    assert model.get_parameter("0.0.weight") is model[0][0].weight
    assert model.get_buffer("1.running_mean") is model[1].running_mean
    for find, target, words in [
        (model.get_submodule, "0.1", r"0 has no module '1'; it has \['0'\]"),
        (model.get_submodule, "a", "Sequential has no module 'a'"),
        (model.get_parameter, "0.0.w", r"0.0 has no 'w'; it has \['weight', 'bias'\]"),
        (model.get_buffer, "1.weight", "1 has no 'weight'; it has"),
    ]:
        with pytest.raises(OptionError, match=words):
            find(target)


def test_arrays_are_listed_as_pytorch_lists_them():
    torch = pytest.importorskip("torch")

    def names(n):
        model = n.Sequential(n.Linear(2, 2), n.BatchNorm1d(2), n.Linear(2, 2))
        model[2].weight = model[0].weight
        part = model[1]
        return [
            [k for k, _ in model.named_parameters("net")],
            [k for k, _ in model.named_parameters(remove_duplicate=False)],
            [k for k, _ in part.named_parameters("a.b", recurse=False)],
            [k for k, _ in model.named_parameters(recurse=False)],
            [k for k, _ in part.named_buffers(prefix="x")],
            len(list(model.parameters(recurse=False))),
            len(list(part.buffers(recurse=False))),
        ]

    assert names(nn) == names(torch.nn)


def test_apply_calls_children_first():
    model = nn.Sequential(nn.Sequential(nn.ReLU()), nn.Tanh())
    seen = []
    assert model.apply(seen.append) is model
    assert seen == [model[0][0], model[0], model[1], model]


# --- layers that wait -----------------------------------------------------------------

WAITING = {
    "Linear": (lambda n: nn.Linear(n, 4, rng=0), 3, (5, 3)),
    "Linear without bias": (lambda n: nn.Linear(n, 4, bias=False, rng=0), 4, (5, 4)),
    "Conv1d": (lambda n: nn.Conv1d(n, 4, 3, rng=0), 2, (5, 2, 7)),
    "Conv2d": (lambda n: nn.Conv2d(n, 6, 3, groups=2, rng=0), 4, (5, 4, 7, 7)),
    "ConvTranspose2d": (lambda n: nn.ConvTranspose2d(n, 4, 3, rng=0), 2, (5, 2, 3, 3)),
    "BatchNorm1d": (lambda n: nn.BatchNorm1d(n), 3, (5, 3)),
    "BatchNorm2d": (lambda n: nn.BatchNorm2d(n), 3, (5, 3, 2, 2)),
    "GroupNorm": (lambda n: nn.GroupNorm(2, n), 4, (5, 4)),
    "RNN": (lambda n: nn.RNN(n, 4, num_layers=2, rng=0), 3, (6, 5, 3)),
    "LSTM": (lambda n: nn.LSTM(n, 4, bidirectional=True, rng=0), 3, (6, 5, 3)),
    "GRUCell": (lambda n: nn.GRUCell(n, 4, rng=0), 3, (5, 3)),
}
each = pytest.mark.parametrize(
    ("make", "size", "shape"),
    [pytest.param(*line, id=name) for name, line in WAITING.items()],
)


def first(out):
    return out[0] if isinstance(out, tuple) else out


def numbers(shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@each
def test_a_waiting_layer_becomes_that_of_the_size(make, size, shape):
    waits, known = make(None), make(size)
    waits(numbers(shape))
    known(numbers(shape))
    assert repr(waits) == repr(known)
    for name, value in known.state_dict().items():
        assert (waits.state_dict()[name].data == value.data).all()


@each
def test_a_waiting_layer_shows_that_it_waits(make, size, shape):
    text = repr(nn.Sequential(make(None)))
    assert "None" in text
    assert "Total: 0 parameters" in text


@each
def test_a_waiting_layer_is_built_from_a_state(make, size, shape):
    waits, known = make(None), make(size)
    state = {name: x.data + x.data.dtype.type(1) for name, x in known._state()}
    waits.load_state_dict(state)
    known.load_state_dict(state)
    waits.eval()
    known.eval()
    a, b = first(waits(numbers(shape))), first(known(numbers(shape)))
    assert a.data.tobytes() == b.data.tobytes()


@each
def test_a_waiting_layer_has_no_parameters_to_give(make, size, shape):
    model = nn.Sequential(nn.ReLU(), make(None))
    for use in (
        model.parameters,
        model.named_parameters,
        model.state_dict,
        model.num_parameters,
        lambda: optim.SGD(model.parameters(), 0.1),
        lambda: xn.grad(lambda m: 0.0)(model),
    ):
        with pytest.raises(
            OptionError, match=r"\(1\) has no parameters yet: its .* is "
        ):
            use()
    model.zero_grad()
    model.train().eval()


@each
def test_what_is_asked_of_a_waiting_layer_is_done_later(make, size, shape):
    model = nn.Sequential(make(None)).to(dtype="float64").freeze()
    for other in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        other(numbers(shape).astype(np.float64))
        for p in other.parameters():
            assert p.dtype == np.float64
            assert not p.requires_grad


def test_a_waiting_layer_moves_to_another_library():
    torch = pytest.importorskip("torch")
    layer = nn.Linear(None, 2, rng=0).to(like=torch.ones(1))
    assert type(layer(torch.ones(4, 3)).data) is torch.Tensor


def test_a_waiting_layer_refuses_a_state_of_other_shapes():
    with pytest.raises(ShapeError, match="no in_features gives it those of the state"):
        nn.Linear(None, 2).load_state_dict(nn.Linear(3, 5).state_dict())
    with pytest.raises(ShapeError, match="state: none of them"):
        nn.Sequential(nn.Linear(None, 2)).load_state_dict({})


def test_every_layer_that_can_wait_is_tested():
    can = set()
    for name in nn.__all__:
        kind = getattr(nn, name)
        bases = kind.__mro__ if inspect.isclass(kind) else ()
        if any("_build" in vars(base) for base in bases if base is not nn.Module):
            can.add(name)
    tested = {name.split()[0] for name in WAITING}
    same = {  # share everything but the number of axes or a formula
        "Conv3d", "ConvTranspose1d", "ConvTranspose3d", "BatchNorm3d", "GRU",
        "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LSTMCell", "RNNCell",
    }  # fmt: skip
    assert can == tested | same


# --- sharing and freezing -------------------------------------------------------------


class Tied(nn.Module):
    """A model whose last layer has the weight of its first."""

    def __init__(self):
        self.first = nn.Linear(3, 3, bias=False, rng=0)
        self.last = nn.Linear(3, 3, bias=False, rng=1)
        self.last.weight = self.first.weight

    def forward(self, x):
        return self.last(xn.xp.tanh(self.first(x)))


def test_a_shared_parameter_is_one_parameter():
    model = Tied()
    assert model.num_parameters() == 9
    assert list(model.state_dict()) == ["first.weight", "last.weight"]
    assert len(list(model.parameters())) == 1
    before = model.first.weight.data.copy()
    opt = optim.SGD(model.parameters(), lr=0.1)
    xn.xp.sum(model(numbers((4, 3)))).backward()
    g = model.first.weight.grad.data.copy()
    opt.step()
    assert model.first.weight is model.last.weight
    np.testing.assert_allclose(model.last.weight.data, before - 0.1 * g, rtol=1e-6)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.first.weight is other.last.weight


def test_a_shared_parameter_has_the_gradient_of_both_places():
    torch = pytest.importorskip("torch")
    model = Tied()
    a = torch.nn.Linear(3, 3, bias=False)
    a.weight.data = torch.tensor(model.first.weight.data)
    a(torch.tanh(a(torch.tensor(numbers((4, 3)))))).sum().backward()
    xn.xp.sum(model(numbers((4, 3)))).backward()
    got = model.first.weight.grad.data
    np.testing.assert_allclose(got, a.weight.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_frozen_parts_are_not_trained_and_cost_no_gradient():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))
    model[0].freeze()
    opt = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    before = {k: v.data.copy() for k, v in model.state_dict().items()}
    xn.xp.sum(model(numbers((4, 2)))).backward()
    opt.step()
    after = model.state_dict()
    assert model[0].weight.grad is None
    for name, value in before.items():
        assert (value == after[name].data).all() == name.startswith("0.")
    model[0].requires_grad_()
    opt.zero_grad()
    xn.xp.sum(model(numbers((4, 2)))).backward()
    opt.step()
    assert (model[0].weight.data != before["0.weight"]).any()


@pytest.mark.parametrize(
    "kind", [nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict]
)
def test_none_makes_an_empty_one(kind):
    assert len(kind(None)) == len(kind()) == 0


def test_a_sequential_is_changed_as_a_list():
    a, b, c, d = nn.Linear(2, 2, rng=0), nn.ReLU(), nn.Tanh(), nn.Linear(2, 1, rng=1)
    model = nn.Sequential(a, d)
    assert model.insert(1, b) is model
    assert model.extend([c]) is model
    assert list(model) == [a, b, d, c]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert model.pop() is c
    assert model.pop(0) is a
    del model[0]
    assert list(model) == [d]
    assert list(model.state_dict()) == ["0.weight", "0.bias"]
    assert model(np.ones((3, 2), "float32")).shape == (3, 1)
    with pytest.raises(OptionError, match="layer 0 is not a Module"):
        model.insert(0, 3)
    with pytest.raises(OptionError, match="no numbers to move up"):
        nn.Sequential({"one": a, "two": b}).pop()
    with pytest.raises(IndexError):
        nn.Sequential().pop()
