"""Layers by themselves, and what modules promise; `contracts` has what all promise."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import pickle
from collections import OrderedDict, deque
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from libraries import TORCH, host
from xpnet import losses, nn, optim, xp
from xpnet.errors import DTypeError, GradientError, OptionError, ShapeError
from xpnet.nn import functional, init
from xpnet.random import Generator


def numbers(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> Any:
    """Return the same numbers for the same shape and seed, whatever ran before."""
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


# --- layers by themselves -------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ((8, 3), "x has 3 features but weight needs 4 (x: (8, 3), weight: (5, 4))."),
        ((), "x has no axes"),
    ],
)
def test_linear_says_which_shape_is_wrong(x, message):
    with pytest.raises(ShapeError) as caught:
        nn.Linear(4, 5, rng=0)(xn.asarray(np.ones(x, "float32")))
    assert message in str(caught.value)


def test_linear_as_a_function_checks_weight_and_bias():
    x = np.ones((2, 3))
    with pytest.raises(ShapeError, match=r"weight needs two axes"):
        functional.linear(x, np.ones(3))
    with pytest.raises(ShapeError, match=r"bias has shape \(3,\).*must be \(4,\)"):
        functional.linear(x, np.ones((4, 3)), np.ones(3))


def test_linear_refuses_integers():
    with pytest.raises(DTypeError, match=r"x has dtype int64 but weight is float32"):
        nn.Linear(3, 4, rng=0)(xn.asarray(np.ones((2, 3), "int64")))


@pytest.mark.parametrize("bad", [0, -1, 2.5, "3"])
def test_linear_wants_a_count_of_features(bad):
    with pytest.raises(OptionError, match="in_features is an integer of at least 1"):
        nn.Linear(bad, 2)


def test_linear_starts_the_same_from_the_same_seed_and_takes_an_initializer():
    one, two, other = (nn.Linear(30, 40, rng=seed) for seed in (0, 0, 1))
    assert one.weight.data.tobytes() == two.weight.data.tobytes()
    assert one.weight.data.tobytes() != other.weight.data.tobytes()
    assert one.weight.dtype == one.bias.dtype == np.float32
    assert abs(one.weight.data).max() <= 30**-0.5
    assert not nn.Linear(3, 4, init="zeros").weight.data.any()
    assert (nn.Linear(3, 4, init=init.ones, dtype=xp.float64).weight.data == 1).all()
    with pytest.raises(OptionError, match="he_normal"):
        nn.Linear(3, 4, init="he")


def test_flatten_says_which_axes_are_missing():
    with pytest.raises(ShapeError, match=r"x of shape \(3,\) has no axes from 1 to -1"):
        nn.Flatten()(xn.asarray(np.ones(3)))


def test_softmax_names_its_option():
    assert nn.Softmax(axis=1).axis == 1
    assert str(inspect.signature(nn.Softmax)) == "(axis=-1)"
    with pytest.raises(TypeError):
        nn.ReLU(3)


def test_dropout_drops_in_training_alone(target):
    x = target.make(np.ones((40, 50)), requires_grad=True)
    layer = nn.Dropout(0.25, rng=3)
    out = layer(x)
    assert (out.device, out.dtype) == (x.device, x.dtype)
    values = host(out)
    assert set(np.unique(values)) == {0.0, 1 / 0.75}
    assert abs((values == 0).mean() - 0.25) < 0.05
    out.backward(target.make(np.ones((40, 50))))
    np.testing.assert_array_equal(host(x.grad), values)
    assert (host(layer(x)) != values).any()  # the state went on
    assert layer.eval()(x) is x


def test_dropout_draws_the_same_on_every_library(target):
    x = np.ones((6, 7))
    expected = nn.Dropout(0.5, rng=1)(xn.asarray(x))
    np.testing.assert_array_equal(
        host(nn.Dropout(0.5, rng=1)(target.make(x))), host(expected)
    )


def test_dropout_at_its_ends():
    x = xn.asarray([1.0, np.inf, -np.inf], requires_grad=True)
    assert functional.dropout(x, 0.0) is x
    out = functional.dropout(x, 1.0, rng=0)
    assert out.tolist() == [0.0, 0.0, 0.0]
    out.backward(xn.asarray(np.ones(3)))
    assert x.grad.tolist() == [0.0, 0.0, 0.0]
    for bad in (-0.1, 1.5, float("nan")):
        with pytest.raises(OptionError, match=r"p is a probability in \[0, 1\]"):
            nn.Dropout(bad)
        with pytest.raises(OptionError, match=r"p is a probability in \[0, 1\]"):
            functional.dropout(x, bad)


def test_dropout_shares_a_generator_and_pickles_its_state():
    rng = Generator(5)
    layer = nn.Dropout(0.5, rng=rng)
    layer(xn.asarray(np.ones(3)))
    assert rng.counter == 1
    assert pickle.loads(pickle.dumps(layer)).rng == rng
    assert layer.state_dict() == {}


# --- Sequential -----------------------------------------------------------------------


def stack() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(4, 8, rng=0),
        nn.ReLU(),
        nn.Dropout(0.1, rng=0),
        nn.Linear(8, 3, rng=1),
    )


def test_sequential_is_a_sequence():
    model = stack()
    assert len(model) == 4
    assert [type(m).__name__ for m in model] == ["Linear", "ReLU", "Dropout", "Linear"]
    assert model[-1] is list(model)[3]
    assert list(model.eval()[1:3]) == [model[1], model[2]]
    assert not model[1:3].training
    assert model.append(nn.Tanh()) is model
    model[4] = nn.Sigmoid()
    assert type(model[4]) is nn.Sigmoid
    assert [name for name, _ in model.named_children()] == list("01234")
    with pytest.raises(IndexError):
        _ = model[5]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (nn.ReLU, r"layer 1 is not a Module but the class ReLU: write ReLU\(...\)"),
        (xp.tanh, r"layer 1 is not a Module but a function"),
        ([nn.ReLU()], r"layer 1 is not a Module but a list"),
    ],
)
def test_sequential_takes_modules_alone(bad, message):
    with pytest.raises(OptionError, match=message):
        nn.Sequential(nn.ReLU(), bad)


def test_sequential_holds_its_layers_alone():
    model = stack()
    with pytest.raises(OptionError, match=r"Sequential\.scale: .* Use append"):
        model.scale = nn.Parameter([1.0])
    with pytest.raises(OptionError, match=r"cannot be deleted"):
        delattr(model, "1")
    with pytest.raises(OptionError, match=r"Sequential\.total: .* Use append"):
        model.register_buffer("total", np.ones(1))


def test_sequential_moves_to_its_device():
    assert nn.Sequential(nn.Linear(1, 1), device="cpu")[0].weight.device == "cpu"
    with pytest.raises(xn.DeviceError):
        nn.Sequential(nn.Linear(1, 1), device="gpu")


# --- Module: what it holds ------------------------------------------------------------


class Block(nn.Module):
    """A parameter, a buffer, a plain attribute and a child; no super().__init__()."""

    def __init__(self) -> None:
        self.scale = nn.Parameter([1.0, 2.0])
        self.inner = nn.Linear(2, 2, rng=0, dtype="float64")
        self.register_buffer("offset", np.array([0.5, 0.25]))
        self.power = 2

    def forward(self, x: Any) -> Any:
        return self.inner(self.scale * x + self.offset) ** self.power


def test_a_module_records_what_it_is_given():
    block = Block()
    names = ["scale", "inner.weight", "inner.bias"]
    assert [name for name, _ in block.named_parameters()] == names
    assert [id(p) for p in block.parameters()] == [
        id(p) for p in (block.scale, block.inner.weight, block.inner.bias)
    ]
    assert [name for name, _ in block.named_buffers()] == ["offset"]
    assert next(block.buffers()) is block.offset
    assert [name for name, _ in block.named_modules()] == ["", "inner"]
    assert list(block.modules()) == [block, block.inner]
    assert list(block.children()) == [block.inner]
    assert block.num_parameters() == 8
    assert block.__dict__["scale"] is block.scale
    assert list(block.state_dict()) == ["scale", "offset", "inner.weight", "inner.bias"]
    assert repr(block) == (
        "Block(                   scale (2,), offset (2,) buffer  2\n"
        "  (inner): Linear(2, 2)  weight (2, 2), bias (2,)        6\n"
        ")\n"
        "Total: 8 parameters, float64 on cpu"
    )


def test_a_module_must_define_forward():
    class Nothing(nn.Module):
        pass

    with pytest.raises(TypeError, match="forward"):
        Nothing()


def test_a_module_works_before_and_without_super_init():
    class Late(nn.Module):
        def __init__(self) -> None:
            self.weight = nn.Parameter([1.0])
            super().__init__()

        def forward(self, x: Any) -> Any:
            return self.weight * x

    assert [name for name, _ in Late().named_parameters()] == ["weight"]


def test_a_parameter_is_replaced_by_an_array_and_removed_by_none():
    layer = nn.Linear(2, 1, rng=0)
    new = nn.Parameter([[3.0, 4.0]])
    layer.weight = new
    assert layer.weight is new
    layer.weight = xn.asarray(
        [[5.0, 6.0]]
    )  # not a leaf yet, but the name is a parameter's
    assert layer.weight.requires_grad
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    del layer.weight
    assert not list(layer.parameters())


@pytest.mark.parametrize("value", [3.0, np.ones((1, 2)), "x"])
def test_a_parameter_is_not_replaced_by_something_else(value):
    with pytest.raises(OptionError, match=r"Linear\.weight is a parameter: assign"):
        nn.Linear(2, 1).weight = value


def test_a_computed_array_is_refused():
    layer = nn.Linear(2, 1)
    with pytest.raises(GradientError, match=r"Linear\.weight.*\(by multiply\)"):
        layer.weight = 2 * nn.Parameter([[3.0, 4.0]])


def test_an_array_off_the_tape_is_a_plain_attribute():
    block = Block()
    block.last = xn.asarray([1.0])
    assert "last" not in block.state_dict()
    assert block.last.tolist() == [1.0]


def test_a_buffer_is_a_copy_and_takes_new_values():
    values = np.zeros(2)
    block = Block()
    block.register_buffer("total", values)
    values += 1
    assert block.total.tolist() == [0.0, 0.0]
    block.total = xn.asarray([2.0, 3.0])
    assert block.state_dict()["total"].tolist() == [2.0, 3.0]
    block.total = nn.Parameter([4.0, 5.0])  # a buffer stays one
    assert not block.total.requires_grad
    with pytest.raises(OptionError, match="scale is a parameter already"):
        block.register_buffer("scale", values)
    with pytest.raises(OptionError, match="power is a plain attribute already"):
        block.register_buffer("power", values)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.b", "have no dot"),
        ("", "not empty"),
        ("train", "has an attribute of that name already"),
        ("parameters", "has an attribute of that name already"),
        ("training", "has an attribute of that name already"),
    ],
)
def test_a_name_must_be_free(name, message):
    block = Block()
    for value in (nn.Parameter([1.0]), nn.ReLU()):
        with pytest.raises(OptionError, match=message):
            setattr(block, name, value)


def test_a_role_does_not_change_silently():
    block = Block()
    with pytest.raises(OptionError, match=r"Block\.scale is a parameter already"):
        block.scale = nn.ReLU()
    with pytest.raises(OptionError, match=r"Block\.inner is a module already"):
        block.inner = nn.Parameter([1.0])
    del block.inner
    block.inner = nn.Parameter([1.0])


@pytest.mark.parametrize(
    "hidden",
    [
        [nn.ReLU()],
        (nn.Parameter([1.0]),),
        {"a": nn.ReLU()},
        {"a": [1, (nn.ReLU(),)]},
        {nn.ReLU()},
        OrderedDict(a=nn.ReLU()),
        deque([nn.ReLU()]),
    ],
)
def test_modules_in_a_list_are_refused(hidden):
    with pytest.raises(OptionError, match=r"are not seen\. Use nn\.ModuleList"):
        Block().layers = hidden


def test_a_module_cannot_contain_itself():
    inner = Block()
    outer = nn.Sequential(inner)
    with pytest.raises(OptionError, match="cannot contain itself"):
        inner.outer = outer


def test_a_shared_parameter_counts_once():
    one, two = nn.Linear(3, 3, rng=0), nn.Linear(3, 3, rng=1)
    two.weight = one.weight
    model = nn.Sequential(one, two, one)
    assert model.num_parameters() == 9 + 3 + 3
    assert [n for n, _ in model.named_modules()] == ["", "0", "1"]
    assert len(model.state_dict()) == 6  # PyTorch names each place too
    other = copy.deepcopy(model)
    assert other[0] is other[2]
    assert other[1].weight is other[0].weight


# --- Module: what it does -------------------------------------------------------------


def test_train_and_eval_reach_everything_inside():
    model = nn.Sequential(stack(), Block())
    assert all(m.training for m in model.modules())
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    model.train()
    assert all(m.training for m in model.modules())


def test_zero_grad_forgets():
    layer = nn.Linear(2, 1, rng=0)
    layer(xn.asarray(np.ones((1, 2), "float32"))).backward(
        xn.asarray(np.ones((1, 1), "float32"))
    )
    assert layer.weight.grad is not None
    layer.zero_grad()
    assert layer.weight.grad is None


def test_frozen_parameters_get_no_gradient():
    model = stack().eval()
    assert model[0].freeze() is model[0]
    x, y = xn.asarray(numbers((5, 4), "float32")), xn.asarray(np.arange(5) % 3)
    losses.cross_entropy(model(x), y).backward()
    assert model[0].weight.grad is None
    assert model[3].weight.grad is not None
    gradient = xn.grad(lambda m: losses.cross_entropy(m(x), y))(model)
    assert not host(gradient[0].weight).any()
    assert host(gradient[3].weight).any()
    assert "weight (8, 4) frozen, bias (8,) frozen" in repr(model)
    assert repr(model).endswith(
        "Total: 67 parameters, 40 of them frozen, float32 on cpu"
    )
    model.requires_grad_()
    assert all(p.requires_grad for p in model.parameters())
    assert "frozen" not in repr(model)


def test_to_moves_in_place_and_keeps_leaves(target):
    model = stack().eval()
    before = list(model.parameters())
    x = numbers((5, 4), "float32")
    losses.cross_entropy(model(xn.asarray(x)), xn.asarray(np.arange(5) % 3)).backward()
    gradients = [host(p.grad) for p in before]
    like = target.make(x)
    assert model.to(like=like) is model
    assert all(p is q for p, q in zip(before, model.parameters(), strict=True))
    for p, g in zip(before, gradients, strict=True):
        assert p.requires_grad
        assert p.is_leaf
        assert p.device == p.grad.device == like.device
        np.testing.assert_array_equal(host(p.grad), g)
    labels = target.make(np.arange(5) % 3)
    losses.cross_entropy(model(like), labels).backward()
    for p, g in zip(before, gradients, strict=True):
        np.testing.assert_allclose(host(p.grad), 2 * g, 1e-5, 1e-6)
    model.to("cpu")
    assert all(p.device == "cpu" for p in before)


def test_to_takes_a_device_of_another_library():
    strict = pytest.importorskip("array_api_strict")
    block = Block().to(strict.Device("device1"))
    assert block.scale.device == block.offset.device == strict.Device("device1")
    block.to(strict.Device("device2"))
    assert block.scale.device == block.offset.device == strict.Device("device2")


def test_to_casts_what_is_floating_point():
    block = Block()
    block.register_buffer("count", np.array([3]))
    block.to(dtype="float32")
    assert {str(p.dtype) for p in block.parameters()} == {"float32"}
    assert (str(block.offset.dtype), str(block.count.dtype)) == ("float32", "int64")
    assert block.to(dtype=xp.float64).scale.dtype == np.float64
    for bad in ("int64", "complex64", "nonsense", "sum"):
        with pytest.raises(DTypeError, match="real floating-point"):
            block.to(dtype=bad)
    with pytest.raises(OptionError, match="give one"):
        block.to("cpu", like=np.ones(1))
    for bad in ("gpu", 3.5):
        with pytest.raises(xn.DeviceError, match=f"{bad!r} is not a device"):
            block.to(bad)


def test_to_where_it_is_changes_nothing():
    layer = nn.Linear(2, 1, rng=0)
    out = layer(xn.asarray(np.ones((1, 2), "float32")))
    data = layer.weight.data
    layer.to("cpu", dtype="float32")
    assert layer.weight.data is data
    out.backward()


def test_a_tape_from_before_a_move_or_a_load_is_refused():
    for change in (
        lambda m: m.to(dtype="float64"),
        lambda m: m.load_state_dict(m.state_dict()),
    ):
        layer = nn.Linear(2, 1, rng=0)
        out = layer(xn.asarray(np.ones((1, 2), "float32")))
        change(layer)
        with pytest.raises(GradientError, match="Compute the result again"):
            out.backward()


# --- state ----------------------------------------------------------------------------


def test_state_dict_is_a_copy_off_the_tape():
    layer = nn.Linear(2, 1, rng=0)
    state = layer.state_dict()
    layer.weight.data[...] = 7.0
    assert not (state["weight"].data == 7.0).any()
    assert not state["weight"].requires_grad


def test_load_state_dict_writes_into_the_same_memory():
    layer = nn.Linear(2, 1, rng=0)
    weight, data = layer.weight, layer.weight.data
    into = xn.asarray(np.zeros((1, 2), "float32"))
    weight._node.into = into
    layer.load_state_dict({"weight": np.array([[1.0, 2.0]]), "bias": np.array([3.0])})
    assert layer.weight is weight
    assert weight.data is data
    assert weight._node.into is into
    assert data.tolist() == [[1.0, 2.0]]
    assert data.dtype == np.float32


def test_load_state_dict_takes_any_library(target):
    state = {"weight": target.raw(np.ones((1, 2))), "bias": target.make(np.ones(1))}
    layer = nn.Linear(2, 1, rng=0)
    layer.load_state_dict(state)
    assert layer.weight.data.tolist() == [[1.0, 1.0]]
    there = nn.Linear(2, 1, rng=0).to(like=target.make(np.ones(1, "float32")))
    there.load_state_dict({"weight": np.ones((1, 2)), "bias": np.ones(1)})
    assert host(there.weight).tolist() == [[1.0, 1.0]]
    assert there.weight.dtype == there.bias.dtype


def test_load_state_dict_names_what_does_not_fit():
    layer = nn.Linear(2, 1, rng=0)
    before = layer.weight.tolist()
    with pytest.raises(OptionError, match=r"missing \['bias'\], unexpected \['b'\]"):
        layer.load_state_dict({"weight": np.ones((1, 2)), "b": np.ones(1)})
    with pytest.raises(
        ShapeError, match=r"bias has shape \(2,\), the model needs \(1,\)"
    ):
        layer.load_state_dict({"weight": np.ones((1, 2)), "bias": np.ones(2)})
    with pytest.raises(DTypeError, match="weight has dtype int64"):
        layer.load_state_dict({"weight": np.ones((1, 2), "int64"), "bias": np.ones(1)})
    assert layer.weight.tolist() == before
    report = layer.load_state_dict({"weight": np.ones((1, 2)), "b": 1.0}, strict=False)
    assert report.missing_keys == ["bias"]
    assert report.unexpected_keys == ["b"]
    assert layer.weight.tolist() == [[1.0, 1.0]]


def test_weights_move_to_pytorch_and_back_unchanged():
    torch = pytest.importorskip("torch")
    mine = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)
    )
    theirs.load_state_dict(
        {name: torch.from_numpy(x.data) for name, x in mine.state_dict().items()}
    )
    other = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    other.load_state_dict(theirs.state_dict())
    for p, q in zip(mine.parameters(), other.parameters(), strict=True):
        assert p.data.tobytes() == q.data.tobytes()


# --- a module as a container ----------------------------------------------------------


def test_the_gradient_of_a_module_is_a_module(target):
    block = Block()
    x = target.make(numbers((3, 2)))
    block.to(like=x)
    space = target.namespace
    with xn.no_grad():
        value, gradient = xn.value_and_grad(lambda m: space.sum(m(x)))(block)
    assert type(gradient) is Block
    assert gradient.offset is block.offset
    assert gradient.power == 2
    space.sum(block(x)).backward()
    named = dict(gradient.named_parameters())
    assert not any(g.requires_grad for g in named.values())
    for name, p in block.named_parameters():
        assert named[name].device == p.device
        np.testing.assert_allclose(host(named[name]), host(p.grad), 1e-12, 1e-12)
    np.testing.assert_allclose(host(value), host(space.sum(block(x))), 1e-12)


def test_the_gradient_of_a_shared_parameter_is_one_sum():
    one, two = nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1)
    two.weight = one.weight
    model = nn.Sequential(one, nn.Tanh(), two)
    x = xn.asarray(numbers((3, 2), "float32"))
    gradient = xn.grad(lambda m: xp.sum(m(x)))(model)
    assert gradient[0].weight is gradient[2].weight
    assert len(model.tree_leaves()) == 3
    xp.sum(model(x)).backward()
    np.testing.assert_allclose(host(gradient[0].weight), host(one.weight.grad), 1e-6)


def test_a_module_is_trained_by_its_gradient_alone():
    """Functional descent: new modules, no optimizer, nothing changed in place."""
    x, y = xn.asarray(numbers((32, 4), "float32")), xn.asarray(np.arange(32) % 3)
    model = stack().eval()
    loss_and_grad = xn.value_and_grad(lambda m: losses.cross_entropy(m(x), y))
    first, values = model.state_dict(), []
    with xn.no_grad():
        for _ in range(20):
            value, gradient = loss_and_grad(model)
            steps = zip(model.tree_leaves(), gradient.tree_leaves(), strict=True)
            model = model.tree_rebuild([p - 0.5 * g for p, g in steps])
            values.append(value.item())
    assert values[-1] < values[0]
    assert (host(model[0].weight) != host(first["0.weight"])).any()


def test_a_shallow_copy_has_its_own_list_of_names():
    block = Block()
    other = copy.copy(block)
    assert other.scale is block.scale
    other.extra = nn.Parameter([1.0])
    assert "extra" not in dict(block.named_parameters())
    other.inner.register_buffer("more", np.ones(1))
    assert not dict(block.inner.named_buffers())


def test_training_runs_on_a_second_device_with_nothing_leaking(target):
    x = target.make(numbers((8, 4), "float32"))
    y = target.make(np.arange(8) % 3)
    model = stack().to(like=x)
    start = losses.cross_entropy(model.eval()(x), y).item()
    model.train()
    for _ in range(30):
        loss = losses.cross_entropy(model(x), y)
        model.zero_grad()
        loss.backward()
        with xn.no_grad():
            for p in model.parameters():
                p -= 0.3 * p.grad
    assert losses.cross_entropy(model.eval()(x), y).item() < start
    assert all(p.device == x.device for p in model.parameters())


def test_an_optimizer_goes_on_after_a_load_and_refuses_a_moved_model():
    x, y = xn.asarray(numbers((8, 4), "float32")), xn.asarray(np.arange(8) % 3)
    model, twin = stack().eval(), stack().eval()
    start = model.state_dict()

    def steps(module: nn.Module, opt: Any) -> None:
        for _ in range(3):
            opt.zero_grad()
            losses.cross_entropy(module(x), y).backward()
            opt.step()

    one, two = (optim.SGD(m.parameters(), lr=0.5) for m in (model, twin))
    steps(model, one)
    model.load_state_dict(start)
    steps(model, one)
    steps(twin, two)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert p.data.tobytes() == q.data.tobytes()
    model.to(dtype="float64")
    with pytest.raises(DTypeError, match="make a new optimizer"):
        steps(model, one)


# --- the twins and the public face ----------------------------------------------------


def test_layers_of_torch_take_torch_arrays():
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    x = TORCH.make(numbers((2, 4), "float32"))
    out = stack().to(like=x)(x)
    assert type(out.data).__module__ == "torch"


def test_mixing_libraries_is_an_error():
    pytest.importorskip("torch")
    with pytest.raises(xn.XpnetError, match="convert one of them"):
        nn.Linear(4, 2)(TORCH.make(numbers((2, 4), "float32")))


@pytest.mark.parametrize("name", functional.__all__)
def test_every_function_is_there(name):
    assert callable(getattr(functional, name))


def test_nothing_stands_between_an_activation_and_its_row():
    assert nn.ReLU.forward is functional.relu
    assert nn.Tanh.forward is functional.tanh


COMPLEX = np.ones((2, 2, 4, 4), np.complex128)
WHOLE = np.ones((2, 2, 4, 4), np.int64)


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda x: nn.functional.gelu(x), id="gelu"),
        pytest.param(lambda x: nn.functional.softmax(x), id="softmax"),
        pytest.param(lambda x: nn.functional.layer_norm(x), id="layer_norm"),
        pytest.param(lambda x: nn.functional.max_pool2d(x, 2), id="max_pool2d"),
        pytest.param(lambda x: nn.functional.avg_pool2d(x, 2), id="avg_pool2d"),
        pytest.param(
            lambda x: nn.functional.adaptive_avg_pool2d(x, 3), id="adaptive_avg"
        ),
        pytest.param(
            lambda x: nn.functional.adaptive_max_pool2d(x, 3), id="adaptive_max"
        ),
        pytest.param(
            lambda x: nn.functional.interpolate(x, 3, mode="bilinear"), id="bilinear"
        ),
        pytest.param(lambda x: nn.GRU(4, 2, rng=0)(x[0]), id="gru"),
    ],
)
def test_functions_of_real_numbers_refuse_complex_ones(function):
    with pytest.raises(
        DTypeError, match=r"complex128; .* real numbers\. Take xp\.real"
    ):
        function(COMPLEX)


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda x: nn.functional.avg_pool2d(x, 2), id="avg_pool2d"),
        pytest.param(
            lambda x: nn.functional.adaptive_avg_pool2d(x, 3), id="adaptive_avg"
        ),
        pytest.param(
            lambda x: nn.functional.interpolate(x, 3, mode="bilinear"), id="bilinear"
        ),
    ],
)
def test_a_mean_of_integers_is_not_cut_to_an_integer(function):
    with pytest.raises(DTypeError, match=r"int64; .* Cast it first"):
        function(WHOLE)


def test_dropout_and_normalize_take_complex_numbers():
    z = np.array([[3.0 + 4.0j]])
    np.testing.assert_allclose(nn.functional.normalize(z).data, [[0.6 + 0.8j]])
    assert nn.Dropout(0.0)(z).tolist() == z.tolist()


def test_the_options_of_a_layer_with_children_have_a_line_and_brackets_close():
    assert repr(nn.MultiheadAttention(4, 2, rng=0)) == (
        "MultiheadAttention(\n"
        "  4, 2                      in_proj_weight (12, 4), in_proj_bias (12,)  60\n"
        "  (out_proj): Linear(4, 4)  weight (4, 4), bias (4,)                    20\n"
        ")\n"
        "Total: 80 parameters, float32 on cpu"
    )


class Positions(nn.Module):
    """A module with a buffer that no state needs."""

    def __init__(self) -> None:
        self.register_buffer("kept", np.ones(2))
        self.register_buffer("made", np.arange(3.0), persistent=False)
        self.register_parameter("scale", nn.Parameter([1.0, 2.0]))
        self.register_parameter("shift", None)
        self.register_module("inner", nn.Linear(2, 2, rng=0))
        self.add_module("last", nn.ReLU())

    def forward(self, x: Any) -> Any:
        return self.last(self.inner(x) * self.scale + self.made[0])


def test_a_buffer_that_is_not_persistent_moves_but_is_not_saved():
    model = Positions()
    assert list(model.state_dict()) == ["scale", "kept", "inner.weight", "inner.bias"]
    assert [name for name, _ in model.named_buffers()] == ["kept", "made"]
    assert model.to(dtype="float32").made.dtype == xp.float32
    assert "made (3,) unsaved buffer" in repr(model)
    model.made = xn.asarray(np.zeros(3, "float32"))
    assert model.get_buffer("made").tolist() == [0.0, 0.0, 0.0]
    assert model.load_state_dict(model.state_dict()) == ([], [])
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert repr(copied) == repr(model)
    gradient = xn.grad(lambda m: xp.sum(m(np.ones((1, 2), "float32"))))(model)
    assert gradient.made is model.made


def test_parameters_and_modules_are_registered_by_name():
    model = Positions()
    assert [name for name, _ in model.named_children()] == ["inner", "last"]
    assert model.shift is None
    for function, name, value, words in (
        (
            model.register_parameter,
            "scale",
            model.scale,
            "scale is a parameter already",
        ),
        (model.register_parameter, "bias", np.ones(2), "made by nn.Parameter"),
        (model.register_module, "inner", nn.ReLU(), "inner is a module already"),
        (model.register_module, "other", np.tanh, "a ufunc is not a Module"),
        (model.register_buffer, "kept", np.ones(2), "kept is a buffer already"),
    ):
        with pytest.raises(OptionError, match=words):
            function(name, value)


def test_casts_and_moves_have_their_short_names():
    model = nn.Linear(2, 1, rng=0)
    assert model.double() is model
    assert model.weight.dtype == xp.float64
    assert model.float().cpu().weight.dtype == xp.float32


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (lambda: nn.LSTM(2, 2, dropout=2), "LSTM: dropout"),
        (lambda: nn.MultiheadAttention(2, 2, dropout=2), "MultiheadAttention: dropout"),
        (lambda: nn.Dropout(2), "Dropout: p"),
    ],
)
def test_the_option_that_is_no_probability_is_named(make, option):
    with pytest.raises(OptionError, match=f"{option} is a probability"):
        make()


@pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64")])
def test_a_dtype_in_the_place_of_a_device_gets_the_next_step(dtype):
    with pytest.raises(xn.DeviceError, match=r"Write to\(dtype='float64'\)"):
        nn.Linear(2, 1, rng=0).to(dtype)


def test_gradients_become_zeros_where_they_are_not_to_be_none():
    layer = nn.Linear(2, 1, rng=0)
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad is None
    xp.sum(layer(np.ones((1, 2), "float32"))).backward()
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad.tolist() == [[0.0, 0.0]]
    layer.zero_grad()
    assert layer.weight.grad is None


def test_a_parameter_is_frozen_by_itself_as_by_its_module():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
    other = copy.deepcopy(model)
    model[0].freeze()
    for p in other[0].parameters():
        p.requires_grad = False
    assert repr(other) == repr(model)
    assert "16 of them frozen" in repr(model)

    def loss(m):
        return xp.sum(m(np.ones((1, 3), "float32")) ** 2)

    for one in (model, other, copy.deepcopy(other)):
        gradient = xn.grad(loss)(one)
        assert not xp.any(gradient[0].weight)
        assert xp.any(gradient[2].weight)
        assert "16 of them frozen" in repr(gradient)
        twice = xn.grad(lambda m: xp.sum(xn.grad(loss)(m)[2].weight))(one)
        assert not xp.any(twice[0].weight)
        moved = one.tree_rebuild([0.5 * p.detach() for p in one.parameters()])
        again = xn.grad(loss)(moved)
        assert xp.any(again[2].weight)
        assert not xp.any(again[0].weight)
    for p in model[0].parameters():
        p.requires_grad = True
    assert "frozen" not in repr(model)
    assert xp.any(xn.grad(loss)(model)[0].weight)


def test_numbers_of_numpy_are_options_as_well():
    one, x = np.int64(1), np.ones((1, 2, 3, 3))
    assert nn.ZeroPad2d(one)(x).shape == (1, 2, 5, 5)
    assert nn.ReflectionPad1d((one, 2))(x.tolist()).shape == (1, 2, 3, 6)
    assert functional.layer_norm(x, normalized_shape=np.int64(3)).shape == x.shape
    assert nn.Dropout(np.float32(0.5)).eval()(x).shape == x.shape
    assert nn.Conv2d(np.int64(2), one, np.int64(2), rng=0)(x).shape == (1, 1, 2, 2)
    for bad in (1.5, (1, 1.5), True):
        with pytest.raises(OptionError, match="padding is an integer, or 2"):
            nn.ZeroPad1d(bad)
    with pytest.raises(OptionError, match="integers in pairs"):
        functional.pad(x, (1.5, 1))


def test_a_forward_without_a_return_is_named():
    class Forgets(nn.Module):
        def forward(self, x):
            xp.exp(x)

    last = nn.Linear(2, 1, rng=0)
    x = np.ones((1, 2), "float32")
    for model in (nn.Sequential(Forgets(), last), lambda x: last(Forgets()(x))):
        with pytest.raises(DTypeError, match=r"x is None\. Does the forward .* return"):
            model(x)
