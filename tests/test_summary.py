"""A summary has the shapes, parameters, operations and bytes of every layer."""

import contextlib
import importlib
import pathlib

import numpy as np
import pytest

import xpnet as xn
from contracts import layers as table
from xpnet import nn
from xpnet.errors import OptionError
from xpnet.kernels.twin import twins_off

for _path in sorted((pathlib.Path(__file__).parent / "contracts").glob("layers_*.py")):
    importlib.import_module(f"contracts.{_path.stem}")

MODULES = {
    name: line
    for name, line in table.LAYERS.items()
    if isinstance(line.make(), nn.Module)
}


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def only(found, path):
    return next(layer for layer in found.layers if layer.path == path)


@pytest.mark.parametrize("line", [pytest.param(v, id=k) for k, v in MODULES.items()])
def test_every_layer_has_one_and_stays_as_it_is(line):
    model = line.make().train(line.train)
    kept = {name: x.data.tobytes() for name, x in model._all_state()}
    found = nn.summary(model, *line.arrays("float32"), **line.options)
    assert "?" not in str(found)
    paths = [layer.path for layer in found.layers]
    assert paths == [name for name, _ in model.named_modules()]
    assert list(found.layers[0].outputs) == line.outs
    assert found.parameters == model.num_parameters()
    assert found.forward == sum(layer.forward for layer in found.layers)
    assert found.backward >= 0
    assert all(m.training is line.train for m in model.modules())
    assert all(m._detour is None for m in model.modules())
    for name, x in model._all_state():
        assert x.data.tobytes() == kept[name]


@pytest.mark.parametrize("twins", [True, False])
def test_a_linear_layer_is_what_one_computes_by_hand(twins):
    model = nn.Sequential(nn.Linear(64, 128, rng=0), nn.ReLU(), nn.Linear(128, 10))
    with contextlib.nullcontext() if twins else twins_off():
        found = nn.summary(model, numbers(32, 64))
    one, two = only(found, "0"), only(found, "2")
    assert one.forward == 2 * 32 * 64 * 128 + 32 * 128
    assert one.backward == 2 * 32 * 64 * 128 + 2 * 32 * 128  # no gradient of the input
    assert two.backward == 2 * two.forward == 2 * (2 * 32 * 128 * 10 + 32 * 10)
    assert one.formula == "128·64 + 128 = 8,320"
    assert found.parameter_bytes == 4 * found.parameters == 4 * (8320 + 1290)
    assert only(found, "1").activation_bytes == 4 * 32 * 128
    if twins:
        assert found.activation_bytes == 4 * 32 * 128


@pytest.mark.parametrize("groups", [1, 2])
def test_a_convolution_is_what_one_computes_by_hand(groups):
    model = nn.Conv2d(4, 6, (3, 5), stride=2, padding=1, groups=groups, rng=0)
    found = nn.summary(model, numbers(2, 4, 9, 11))
    out = 2 * 6 * 5 * 5
    assert found.layers[0].outputs == ((2, 6, 5, 5),)
    assert found.forward == 2 * out * (4 // groups) * 3 * 5 + out


def test_a_transposed_convolution_is_what_one_computes_by_hand():
    model = nn.ConvTranspose2d(4, 6, 3, stride=2, bias=False, rng=0)
    found = nn.summary(model, numbers(2, 4, 5, 5))
    products = 2 * (2 * 4 * 5 * 5) * 6 * 3 * 3
    assert products <= found.forward <= 1.2 * products  # and the sums of overlaps


def test_attention_is_what_one_computes_by_hand():
    class Attention(nn.Module):
        def forward(self, q, k, v):
            return nn.functional.scaled_dot_product_attention(q, k, v)

    q, k, v = numbers(2, 3, 7, 8), numbers(2, 3, 5, 8), numbers(2, 3, 5, 4)
    found = nn.summary(Attention(), q, k, v)
    products = 2 * 2 * 3 * 7 * 5 * (8 + 4)
    assert products <= found.forward <= products + 12 * 2 * 3 * 7 * 5 + q.size


def test_a_recurrent_layer_is_what_one_computes_by_hand():
    found = nn.summary(nn.LSTM(3, 5, rng=0), numbers(7, 2, 3))
    products = 2 * 7 * 2 * 4 * 5 * (3 + 5)
    assert products < found.forward < products + 7 * 2 * 5 * 40
    assert found.layers[0].formula == "20·3 + 20·5 + 20 + 20 = 200"


def test_functions_of_ones_own_are_counted():
    class Own(nn.Module):
        def __init__(self):
            self.a = nn.Parameter(numbers(3, 4))

        def forward(self, x):
            y = xn.xp.exp(x @ self.a)
            return xn.xp.sum(y * y, axis=0), y

    found = nn.summary(Own(), numbers(5, 3))
    assert found.forward == 2 * 5 * 3 * 4 + 20 + 20 + 20
    assert found.layers[0].outputs == ((4,), (5, 4))
    assert found.layers[0].formula == "3·4 = 12"


def test_contractions_are_counted():
    class Own(nn.Module):
        def forward(self, x, y):
            product = x._lib.recorded.einsum("bij,bjk->bik", x, y)
            return product + xn.xp.tensordot(x, y[0, ...], axes=1)

    found = nn.summary(Own(), numbers(2, 3, 4), numbers(2, 4, 5))
    assert found.forward == 2 * (2 * 2 * 3 * 4 * 5) + 2 * 3 * 5


def test_a_layer_that_runs_again_says_so():
    class Twice(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(3, 3, rng=0)

        def forward(self, x):
            return self.layer(self.layer(x))

    found = nn.summary(Twice(), numbers(4, 3))
    line = only(found, "layer")
    assert line.calls == 2
    assert line.forward == 2 * (2 * 4 * 9 + 12)
    assert "(2 times)" in str(found)


def test_shared_and_frozen_parameters_count_once_and_not_at_all():
    model = nn.Sequential(nn.Linear(3, 3, rng=0), nn.Linear(3, 3, rng=1))
    model[1].weight = model[0].weight
    model[0].requires_grad_(False)
    found = nn.summary(model, numbers(4, 3))
    assert found.parameters == 15
    assert found.trainable == 3
    assert only(found, "1").formula == "3, 1 shared"
    assert only(found, "0").backward == 0
    assert only(found, "1").backward == 12  # of the bias alone
    assert "Parameters: 15 (12 of them frozen)" in str(found)


def test_nothing_of_the_model_changes():
    torch = pytest.importorskip("torch")
    model = nn.Sequential(
        nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.Dropout(0.5, rng=1)
    )
    seen = []
    model[1].register_forward_hook(lambda *call: seen.append(1))
    x = numbers(5, 3)
    kept = {name: v.data.tobytes() for name, v in model.state_dict().items()}
    nn.summary(model, x)
    nn.summary(model, x)
    assert not seen
    assert kept == {name: v.data.tobytes() for name, v in model.state_dict().items()}
    fresh = nn.Sequential(
        nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.Dropout(0.5, rng=1)
    )
    assert model(x).data.tobytes() == fresh(x).data.tobytes()
    assert all(p.grad is None for p in model.parameters())
    fresh.to(like=torch.ones(1))
    assert nn.summary(fresh, torch.tensor(x)).forward == nn.summary(model, x).forward


def test_layers_that_wait_are_built_as_by_a_first_call():
    waits = nn.Sequential(nn.Linear(None, 4, rng=0), nn.BatchNorm1d(None))
    found = nn.summary(waits, numbers(5, 3))
    fresh = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4))
    assert found.parameters == fresh.num_parameters() == waits.num_parameters()
    assert waits(numbers(5, 3)).data.tobytes() == fresh(numbers(5, 3)).data.tobytes()
    assert "Linear(3, 4)" in str(found)


def test_checkpoints_are_counted():
    class Own(nn.Module):
        def __init__(self, wrap):
            self.layer = nn.Linear(3, 3, rng=0)
            self.wrap = wrap

        def forward(self, x):
            return xn.checkpoint(self.layer)(x) if self.wrap else self.layer(x)

    one, two = (nn.summary(Own(wrap), numbers(4, 3)) for wrap in (True, False))
    assert one.forward == two.forward
    assert one.backward == two.backward


def test_something_else_is_refused():
    with pytest.raises(OptionError, match="summary: a function is not a Module"):
        nn.summary(numbers, 3)


def test_options_are_cut_between_two_of_them():
    made = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=(2, 1), padding=(1, 1), dilation=(1, 2), rng=0),
        nn.Conv2d(4, 4, 3, padding=1, rng=0),
    )
    found = nn.summary(made, numbers(1, 3, 9, 9))
    assert [layer.kind for layer in found.layers] == [
        "Sequential",
        "Conv2d(3, 4, kernel_size=(3, 3), stride=(2, 1), ...)",
        "Conv2d(4, 4, kernel_size=(3, 3), padding=(1, 1))",
    ]


def test_many_parameters_of_one_shape_are_one_term():
    found = nn.summary(nn.LSTM(3, 4, 2, bidirectional=True, rng=0), numbers(5, 2, 3))
    assert found.layers[0].formula == "2×16·3 + 4×16·4 + 8×16 + 2×16·8 = 736"


def test_a_shape_is_not_an_input():
    with pytest.raises(OptionError, match=r"\(1, 2\) looks like the shape"):
        nn.summary(nn.Linear(2, 2, rng=0), (1, 2))
    assert nn.summary(nn.Embedding(3, 2, rng=0), [1, 2]).layers[0].outputs == ((2, 2),)
