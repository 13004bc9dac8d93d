"""Computed parameters: made, chained, assigned, removed, trained."""

import copy
import pickle

import numpy as np
import pytest

import xpnet as xn
from libraries import host
from xpnet import nn, optim
from xpnet.errors import OptionError, ShapeError


class Positive(nn.Module):
    """The exponential."""

    def forward(self, x):
        return xn.xp.exp(x)

    def right_inverse(self, value):
        return xn.xp.log(value)


class Doubled(nn.Module):
    """Twice the original, and no way back."""

    def forward(self, x):
        return 2 * x


class Flat(nn.Module):
    """Of another shape than the original."""

    def forward(self, x):
        return xn.xp.reshape(x, (-1,))


def test_the_weight_is_the_same_at_first_and_a_plain_one_again_after_removal():
    layer = nn.Linear(3, 4, rng=0)
    before = host(layer.weight)
    assert nn.weight_norm(layer) is layer
    assert isinstance(layer, nn.Linear)
    np.testing.assert_allclose(host(layer.weight), before, rtol=1e-6)
    assert [name for name, _ in layer.named_parameters()] == [
        "bias",
        "parametrizations.weight.original0",
        "parametrizations.weight.original1",
    ]
    nn.remove_parametrizations(layer)
    assert type(layer) is nn.Linear
    np.testing.assert_allclose(host(layer.weight), before, rtol=1e-6)
    assert layer.weight.requires_grad


def test_training_changes_the_originals_and_keeps_what_the_formula_says():
    layer = nn.weight_norm(nn.Linear(3, 2, rng=0))
    g = layer.parametrizations.weight.original0
    opt = optim.SGD(layer.parameters(), lr=0.1)
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    for _ in range(3):
        opt.zero_grad()
        xn.xp.sum(layer(x) ** 2).backward()
        opt.step()
    norms = np.linalg.norm(host(layer.weight), axis=1, keepdims=True)
    np.testing.assert_allclose(norms, np.abs(host(g)), rtol=1e-5)


def test_spectral_norm_bounds_the_largest_singular_value():
    layer = nn.spectral_norm(nn.Linear(6, 5, rng=0), rng=1)
    for _ in range(50):
        weight = layer.weight  # each reading in training is a step
    assert np.linalg.norm(host(weight), 2) == pytest.approx(1.0, abs=1e-5)
    layer.eval()
    u = host(layer.state_dict()["parametrizations.weight.0._u"])
    assert (host(layer.weight) == host(layer.weight)).all()
    assert (host(layer.state_dict()["parametrizations.weight.0._u"]) == u).all()


def test_transposed_convolutions_have_their_outputs_on_axis_1():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.ConvTranspose2d(2, 3, 2)
    theirs = torch.nn.utils.parametrizations.spectral_norm(theirs).eval()
    mine = nn.spectral_norm(nn.ConvTranspose2d(2, 3, 2, rng=0), rng=0).eval()
    mine.load_state_dict(theirs.state_dict())
    np.testing.assert_allclose(
        host(mine.weight), theirs.weight.detach().numpy(), rtol=1e-5
    )


def test_parametrizations_chain_and_copies_are_apart():
    layer = nn.Linear(2, 2, rng=0)
    with xn.no_grad():
        layer.weight = nn.Parameter(np.full((2, 2), 0.5, dtype=np.float32))
    nn.register_parametrization(layer, "weight", Positive())
    nn.register_parametrization(layer, "weight", Doubled())
    np.testing.assert_allclose(host(layer.weight), 1.0, rtol=1e-6)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(other) is type(layer)
        other.parametrizations.weight.original.data[...] = 0
        np.testing.assert_allclose(host(other.weight), 2.0, rtol=1e-6)
        np.testing.assert_allclose(host(layer.weight), 1.0, rtol=1e-6)


def test_assigning_goes_through_the_inverse():
    layer = nn.register_parametrization(nn.Linear(2, 2, rng=0), "bias", Doubled())
    nn.remove_parametrizations(layer, "bias", leave_parametrized=False)
    layer.bias = nn.Parameter(np.ones(2, dtype=np.float32))
    nn.register_parametrization(layer, "bias", Positive())
    layer.bias = np.full(2, 3.0, dtype=np.float32)
    original = layer.parametrizations.bias.original
    np.testing.assert_allclose(host(original), np.log(3.0), rtol=1e-6)
    np.testing.assert_allclose(host(layer.bias), 3.0, rtol=1e-6)


def test_two_parameters_of_one_layer():
    layer = nn.weight_norm(nn.Linear(3, 2, rng=0))
    nn.register_parametrization(layer, "bias", Doubled())
    bias = host(layer.bias)
    nn.remove_parametrizations(layer)
    assert (host(layer.bias) == bias).all()
    assert "weight" in layer.state_dict()
    assert "parametrizations.bias.original" in layer.state_dict()


def test_a_frozen_parameter_stays_frozen():
    layer = nn.weight_norm(nn.Linear(3, 2, rng=0).freeze())
    out = layer(np.ones((1, 3), dtype=np.float32))
    assert out._node is None
    nn.remove_parametrizations(layer)
    assert not layer.weight.requires_grad


def test_what_cannot_be_done_is_refused():
    layer = nn.Linear(3, 2, rng=0)
    for make in (
        lambda: nn.weight_norm(layer, "scale"),
        lambda: nn.spectral_norm(layer, "scale"),
        lambda: nn.weight_norm(layer, axis=2),
        lambda: nn.spectral_norm(layer, n_power_iterations=0),
        lambda: nn.weight_norm(nn.Linear(None, 2, rng=0)),
        lambda: nn.remove_parametrizations(layer),
        lambda: nn.remove_parametrizations(
            nn.weight_norm(nn.Linear(3, 2, rng=0)), leave_parametrized=False
        ),
    ):
        with pytest.raises(OptionError, match=r"\.$"):
            make()
    assert type(layer) is nn.Linear
    with pytest.raises(ShapeError, match=r"weight has shape \(2, 3\), and the par"):
        nn.register_parametrization(layer, "weight", Flat())
    assert type(layer) is nn.Linear


class Same(nn.Module):
    """A parametrization that changes nothing."""

    def forward(self, x):
        return x


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(4, 4, rng=0),
        nn.Bilinear(4, 4, 2, rng=0),
        nn.Conv2d(4, 2, 1, rng=0),
        nn.Conv1d(4, 2, 1, bias=False, rng=0),
        nn.ConvTranspose2d(4, 2, 1, rng=0),
        nn.Embedding(4, 2, rng=0),
        nn.EmbeddingBag(4, 2, rng=0),
        nn.BatchNorm1d(4),
        nn.LayerNorm(4),
        nn.RMSNorm(4),
        nn.GroupNorm(2, 4),
        nn.InstanceNorm1d(4, affine=True),
        nn.PReLU(4),
        nn.LSTM(4, 2, rng=0),
        nn.GRUCell(4, 2, rng=0),
        nn.MultiheadAttention(4, 2, rng=0),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_every_parameter_of_every_layer_can_be_computed(layer):
    options = layer.extra_repr()
    names = [name for name, _ in layer.named_parameters(recurse=False)]
    for name in names:
        nn.register_parametrization(layer, name, Same())
    assert layer.extra_repr() == options
    assert repr(layer).startswith(f"Parametrized{type(layer).__bases__[0].__name__}(")
    assert nn.summary(layer, *inputs(layer)).parameters
    for name in names:
        nn.remove_parametrizations(layer, name)
    assert layer.extra_repr() == options


def inputs(layer):
    """Return what a layer of 4 features or channels takes."""
    kind = type(layer).__name__.removeprefix("Parametrized")
    if "Embedding" in kind:
        return (np.zeros((2, 3), "int64"),)
    shape = (2, 4, 3, 3) if "2d" in kind else (2, 4, 4) if "1d" in kind else (2, 4)
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    return (x,) * {"Bilinear": 2, "MultiheadAttention": 3}.get(kind, 1)


def test_what_is_frozen_by_itself_stays_frozen():
    layer = nn.Linear(2, 2, rng=0)
    layer.weight.requires_grad = False
    nn.weight_norm(layer)
    originals = layer.parametrizations.weight
    assert not any(p.requires_grad for p in originals.parameters())
    nn.remove_parametrizations(layer, "weight")
    assert not layer.weight.requires_grad
    assert "weight (2, 2) frozen" in repr(layer)
