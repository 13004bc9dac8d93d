"""Dropout in training: what it drops, the moments it keeps, and that it replays."""

import numpy as np
import pytest

import xpnet as xn
from libraries import NUMPY, STRICT_DEVICE1, TORCH, host, parameters
from xpnet import nn
from xpnet.errors import OptionError, ShapeError
from xpnet.nn import functional as F

LAYERS = {
    "Dropout": (40, 50, 5, 4),
    "Dropout1d": (400, 50, 5),
    "Dropout2d": (400, 50, 5, 4),
    "Dropout3d": (400, 50, 2, 5, 2),
    "AlphaDropout": (40, 50, 5, 4),
    "FeatureAlphaDropout": (400, 50, 5, 4),
}


def made(name, p=0.3):
    return getattr(nn, name)(p, rng=0)


@pytest.mark.parametrize("target", parameters((NUMPY, STRICT_DEVICE1, TORCH)))
@pytest.mark.parametrize("name", LAYERS)
def test_the_same_seed_drops_the_same_on_every_library(name, target):
    target.skip_unless_here()
    x = np.random.default_rng(0).normal(size=[min(n, 5) for n in LAYERS[name]])
    want = host(made(name)(xn.asarray(x)))
    with target.flags():
        layer = made(name)
        first, second = (host(layer(target.make(x))) for _ in range(2))
    np.testing.assert_allclose(first, want, rtol=1e-13)
    assert (first != second).any()


@pytest.mark.parametrize("name", LAYERS)
def test_the_share_that_is_dropped_is_p(name):
    shape = LAYERS[name]
    out = host(made(name)(np.ones(shape, dtype=np.float32)))
    whole = "Feature" in name or name[-1] == "d"
    values = out.reshape(*shape[:2], -1)
    if whole:
        assert (values == values[..., :1]).all()
        values = values[..., 0]
    low = values.min()
    share = float((values == low).mean())
    assert share == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / values.size))


@pytest.mark.parametrize("name", ["AlphaDropout", "FeatureAlphaDropout"])
def test_alpha_dropout_keeps_mean_and_variance(name):
    x = np.random.default_rng(1).normal(size=(400, 500))
    out = host(made(name, 0.4)(x))
    assert abs(out.mean()) < 0.01
    assert abs(out.var() - 1) < 0.02


def test_alpha_dropout_has_pytorchs_two_values():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.AlphaDropout(0.5)(torch.ones(1000, dtype=torch.float64))
    out = host(nn.AlphaDropout(0.5, rng=0)(np.ones(1000)))
    np.testing.assert_allclose(np.unique(out), np.unique(theirs.numpy()), rtol=1e-7)


@pytest.mark.parametrize("name", LAYERS)
def test_its_gradient_is_the_mask(name):
    shape = [min(n, 6) for n in LAYERS[name]]
    x = xn.asarray(np.random.default_rng(0).normal(size=shape), requires_grad=True)
    out = made(name)(x)
    xn.xp.sum(out).backward()
    slopes = np.unique(host(x.grad))
    assert len(slopes) <= 2
    dropped = host(x.grad) == 0
    assert dropped.any()
    assert len(np.unique(host(out)[dropped])) == 1


@pytest.mark.parametrize("name", LAYERS)
def test_at_the_ends_of_p(name):
    x = np.ones([min(n, 3) for n in LAYERS[name]])
    assert not host(made(name, 1.0)(x)).any()
    given = xn.asarray(x)
    assert made(name, 0.0)(given) is given
    assert made(name).eval()(given) is given
    with pytest.raises(OptionError, match=f"{name}: p is a probability"):
        getattr(nn, name)(1.5)


def test_shapes_without_channels_are_refused():
    for function, shape in (
        (F.dropout1d, (2,)),
        (F.dropout2d, (2, 3, 4)),
        (F.dropout3d, (2, 3, 4)),
        (F.feature_alpha_dropout, (2,)),
    ):
        with pytest.raises(ShapeError, match=r"its shape is \("):
            function(np.ones(shape))


def test_dropped_infinities_are_zeros():
    out = host(F.dropout(np.full(100, np.inf), 0.5, rng=0))
    assert set(out) == {0.0, np.inf}


@pytest.mark.parametrize(
    ("name", "default"),
    [("dropout", True), ("dropout1d", True), ("alpha_dropout", False)],
)
def test_functions_take_training_third_as_in_pytorch(name, default):
    function, x = getattr(F, name), np.ones((2, 3, 4))
    assert (function(x, 0.5, False, rng=0).data == x).all()
    assert not (function(x, 0.5, True, rng=0).data == x).all()
    assert (function(x, 0.5, rng=0).data == x).all() is np.bool_(not default)
