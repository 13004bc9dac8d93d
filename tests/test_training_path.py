"""The whole training path on every library: on its device, and without reading back."""

import numpy as np
import pytest

import xpnet as xn
from libraries import TARGETS
from xpnet import data, losses, metrics, nn, optim
from xpnet.backend.library import Library
from xpnet.calculus.array import Array

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
}
READS = ("__bool__", "__float__", "__int__", "__index__", "__complex__", "item")


def spirals(target):
    """Return a small data set as a loader whose batches are where the target is."""
    points = data.spirals(96, noise=0.05, rng=0)
    near = target.make(np.zeros(1, dtype=np.float32))
    return data.DataLoader(points, batch_size=32, shuffle=True, rng=0, like=near), near


def network(near):
    """Return a network where the array `near` is."""
    layers = [
        nn.Flatten(),
        nn.Linear(2, 16, rng=0),
        nn.Tanh(),
        nn.Dropout(0.1, rng=1),
        nn.Linear(16, 16, rng=2),
        nn.ReLU(),
        nn.Linear(16, 2, rng=3),
    ]
    return nn.Sequential(*layers).to(like=near)


def step(model, optimizer, x, y):
    """Take one training step and return the loss."""
    loss = losses.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_lowers_the_loss_and_stays_on_the_device(target, optimizer):
    target.skip_unless_here()
    if target.library == "jax" and optimizer == "adamw":
        pytest.skip("JAX compiles for seconds, and AdamW is Adam but for one product")
    with target.flags("data_dependent_shapes"):
        loader, near = spirals(target)
        model = network(near)
        made = OPTIMIZERS[optimizer](model.parameters())
        history = []
        for _ in range(8):
            for x, y in loader:
                loss = step(model, made, x, y)
                for array in (x, y, loss, *model.parameters()):
                    assert array._lib is near._lib
                    assert array.device == near.device
                for p in model.parameters():
                    assert p.grad is not None
                    assert p.grad.device == near.device
                    assert p.grad.dtype == p.dtype
                history.append(loss.item())
        assert np.mean(history[-3:]) < 0.97 * np.mean(history[:3])
        score = metrics.accuracy(model.eval()(x), y)
        assert score.device == near.device


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_reads_nothing_back_to_the_host(target, optimizer, monkeypatch):
    target.skip_unless_here()
    if target.library == "numpy":
        pytest.skip("NumPy's arrays are on the host")
    loader, near = spirals(target)
    model = network(near)
    made = OPTIMIZERS[optimizer](model.parameters())
    x, y = next(iter(loader))
    step(model, made, x, y)  # the first step may make state

    def forbidden(*args, **options):
        raise AssertionError("an array was read back to the host")

    raw_type = type(near.data)
    with monkeypatch.context() as patch:
        for name in READS:
            patch.setattr(Array, name, forbidden, raising=True)
            if hasattr(raw_type, name) and target.library != "cupy":
                patch.setattr(raw_type, name, forbidden)
        patch.setattr(Library, "to_host", forbidden)
        patch.setattr(type(near._lib), "to_host", forbidden)
        loss = step(model, made, x, y)
    assert np.isfinite(loss.item())


def test_one_seed_gives_the_same_weights_everywhere():
    weights = []
    for target in TARGETS:
        if target.library in ("numpy", "array_api_strict"):
            near = target.make(np.zeros(1, dtype=np.float32))
            state = network(near).state_dict()
            weights.append({k: v._lib.to_host(v.data) for k, v in state.items()})
    for other in weights[1:]:
        for name, value in weights[0].items():
            np.testing.assert_array_equal(value, other[name])


def test_training_twice_gives_the_same_bytes():
    def trained():
        near = xn.asarray(np.zeros(1, dtype=np.float32))
        points = data.spirals(96, noise=0.05, rng=0)
        loader = data.DataLoader(points, batch_size=32, shuffle=True, rng=0)
        model = network(near)
        made = optim.Adam(model.parameters(), lr=0.01)
        for x, y in loader:
            step(model, made, x, y)
        return b"".join(p.data.tobytes() for p in model.parameters())

    assert trained() == trained()
