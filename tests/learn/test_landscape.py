"""A landscape is the loss of the user's own model, which stays as it is to the bit."""

import contextlib
import json
import math

import numpy as np
import pytest

import xpnet as xn
from libraries import NUMPY, STRICT_DEVICE1, TORCH
from xpnet import data, losses, nn, optim
from xpnet.errors import OptionError, ShapeError
from xpnet.learn import Trajectory, landscape
from xpnet.learn.landscape_grid import threads_for
from xpnet.learn.plane import plane_of

MOONS = data.moons(60, rng=1)


def network(rng=0):
    return nn.Sequential(
        nn.Linear(2, 6, rng=rng),
        nn.BatchNorm1d(6),
        nn.Tanh(),
        nn.Dropout(0.5, rng=3),
        nn.Linear(6, 2, rng=rng + 1),
    )


def seen(model, samples=MOONS, loss=losses.cross_entropy, **options):
    options = {"size": 5, "progress": False} | options
    return landscape(model, samples, loss, **options)


def state_of(model):
    """Return everything that must not change."""
    return (
        {name: (id(x), x.numpy().tobytes()) for name, x in model.named_buffers()},
        {
            name: (id(p), id(p.data), p.detach().numpy().tobytes(), p.requires_grad)
            for name, p in model.named_parameters()
        },
        [module.training for module in model.modules()],
        [None if p.grad is None else p.grad.tolist() for p in model.parameters()],
    )


def trained(model, steps=6, every=1):
    """Return where a model was while it was trained for a few steps."""
    passed = Trajectory(model, every)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    x, y = MOONS.arrays()
    for _ in range(steps):
        passed()
        loss = losses.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return passed


def test_the_heights_are_the_losses_of_the_model_with_moved_parameters():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 2, rng=1))
    size = model.num_parameters()
    one, two = np.eye(size, dtype=np.float32)[[0, -1]]
    x, y = MOONS.arrays()
    found = seen(model, directions=(one, two), size=(3, 5), span=2.0)
    assert found.loss.shape == (5, 3)
    assert found.x.tolist() == [-2, 0, 2]
    assert found.y.tolist() == [-2, -1, 0, 1, 2]
    assert found.centre == losses.cross_entropy(model(x), y).item()
    assert found.loss[2, 1] == found.centre
    moved = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 2, rng=1))
    with xn.no_grad():
        moved[0].weight[0, 0] += 2.0
        moved[2].bias[1] += -1.0
    assert found.loss[1, 2] == losses.cross_entropy(moved(x), y).item()


@pytest.mark.parametrize("size", [3, 7, 11])
@pytest.mark.parametrize("span", [0.1, 0.7, 3.3])
def test_the_model_is_in_the_middle_of_an_odd_grid(size, span):
    found = seen(network(), size=size, span=span)
    middle = size // 2
    assert found.x[middle] == found.y[middle] == 0.0
    assert found.loss[middle, middle] == found.centre
    assert found.x.tolist() == [-v for v in found.x.tolist()[::-1]]
    assert found.x[-1] == pytest.approx(span)


def test_random_directions_are_as_long_in_each_filter_as_the_filter():
    layers = nn.Conv2d(2, 3, 3, rng=0), nn.BatchNorm2d(3), nn.Flatten()
    model = nn.Sequential(*layers, nn.Linear(12, 4, rng=1))
    model[3].weight.requires_grad = False
    plane = plane_of(model, "filter", None, 0)
    for direction in plane.directions:
        by_name = dict(zip(dict(model.named_parameters()), direction, strict=True))
        assert [name for name, d in by_name.items() if d is not None] == ["0.weight"]
        lengths = np.linalg.norm(by_name["0.weight"].numpy().reshape(3, -1), axis=1)
        filters = model[0].weight.detach().numpy().reshape(3, -1)
        assert lengths == pytest.approx(np.linalg.norm(filters, axis=1), rel=1e-6)
    assert 0 < abs(plane.cosine) < 0.6


@pytest.mark.parametrize("mode", ["train", "eval", "mixed"])
def test_the_model_stays_as_it_is_to_the_bit(mode):
    model = network()
    passed = trained(model)
    model.train(mode != "eval")
    if mode == "mixed":
        model[1].eval()
    before = state_of(model)
    draws = model[3].rng.state_dict()
    for directions in ("filter", "pca"):
        seen(model, directions=directions, trajectory=passed)
        assert state_of(model) == before
    assert model[3].rng.state_dict() == draws


def test_the_model_stays_as_it_is_when_something_fails():
    model = network()
    before = state_of(model)
    calls = []

    def broken(out, y):
        calls.append(1)
        if len(calls) == 7:
            raise RuntimeError("in the middle")
        return losses.cross_entropy(out, y)

    with pytest.raises(RuntimeError, match="in the middle"):
        seen(model, loss=broken)
    assert state_of(model) == before


def test_a_buffer_that_forward_writes_is_that_of_a_copy():
    class Counting(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(2, 2, rng=0)
            self.register_buffer("calls", np.zeros(1, dtype=np.float32))

        def forward(self, x):
            self.calls += 1.0
            self.calls[0] = self.calls[0] + 1.0
            return self.linear(x)

    model = Counting()
    before = state_of(model)
    seen(model)
    assert state_of(model) == before


def test_training_goes_on_after_a_landscape_as_if_there_had_been_none():
    one, two = network(), network()
    for model in (one, two):
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        x, y = MOONS.arrays()
        for step in range(4):
            loss = losses.cross_entropy(model(x), y)
            if model is one and step == 2:
                seen(model)  # between forward and backward
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for p, q in zip(one.parameters(), two.parameters(), strict=True):
        assert p.tolist() == q.tolist()


def test_the_loss_is_that_of_evaluation_mode():
    model = network()
    trained(model)
    x, y = MOONS.arrays()
    expected = losses.cross_entropy(model.eval()(x), y).item()
    assert seen(model.train()).centre == expected


def test_data_comes_as_a_data_set_a_loader_a_pair_or_batches():
    model = network()
    x, y = MOONS.features, MOONS.labels
    loader = data.DataLoader(MOONS, batch_size=25, shuffle=True, rng=5)
    state = loader.rng.state_dict()
    whole = seen(model, MOONS)
    assert seen(model, (x, y)).loss.tolist() == whole.loss.tolist()
    assert seen(model, (x.astype(np.float64), y)).loss == pytest.approx(whole.loss)
    for samples in (loader, [(x[:10], y[:10]), (x[10:], y[10:])]):
        assert seen(model, samples).loss == pytest.approx(whole.loss, rel=1e-5)
    assert seen(model, batch_size=None).loss.tolist() == whole.loss.tolist()
    assert seen(model, batch_size=7).loss == pytest.approx(whole.loss, rel=1e-5)
    assert loader.rng.state_dict() == state


def test_the_plane_of_a_trajectory_is_that_of_its_singular_vectors():
    model = network()
    passed = trained(model, steps=8)
    found = seen(model, directions="pca", trajectory=passed)
    final = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    away = np.stack(passed.points).astype(np.float64) - final
    left, sizes, _ = np.linalg.svd(away, full_matrices=False)
    assert found.explained == pytest.approx((sizes**2 / np.sum(sizes**2))[:2])
    assert np.abs(found.trajectory) == pytest.approx(
        np.abs(left[:, :2] * sizes[:2]), abs=1e-9
    )
    assert abs(found.cosine) < 1e-9
    for ends, places in ((found.x, 0), (found.y, 1)):
        assert ends[0] < found.trajectory[:, places].min()
        assert ends[-1] > found.trajectory[:, places].max()
    again = seen(model, directions="pca", trajectory=passed)
    assert again.loss.tolist() == found.loss.tolist()


def test_states_and_vectors_are_trajectories_too():
    model = network()
    states = []
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    x, y = MOONS.arrays()
    passed = Trajectory(model)
    for _ in range(5):
        passed()
        states.append(model.state_dict())
        losses.cross_entropy(model(x), y).backward()
        optimizer.step()
    kinds = [
        seen(model, directions="pca", trajectory=points).trajectory.tolist()
        for points in (passed, states, passed.points, [list(p) for p in passed.points])
    ]
    assert kinds == [kinds[0]] * 4
    assert repr(passed) == f"Trajectory(5 points of {model.num_parameters()} numbers)"
    assert len(trained(model, steps=7, every=3)) == 3


def test_a_trajectory_in_a_plane_is_found_again_on_other_planes():
    model = nn.Linear(2, 2, rng=0, bias=False)
    start = model.weight.detach().numpy().ravel().astype(np.float64)
    one, two = np.asarray([1.0, 1, 0, 0]), np.asarray([0.0, 1, 0, 2])
    places = np.asarray([[1.0, 2.0], [0.5, -1.0], [0.0, 0.0]])
    points = [start + a * one + b * two for a, b in places]
    found = seen(model, directions=(one, two), trajectory=points)
    assert found.trajectory == pytest.approx(places, abs=1e-6)
    assert found.explained == pytest.approx((1.0,))
    assert found.cosine == pytest.approx(1 / math.sqrt(10))
    named = {"weight": one.reshape(2, 2)}
    listed = [two.reshape(2, 2)]
    assert seen(model, directions=(named, listed)).loss.tolist() == found.loss.tolist()


@pytest.mark.parametrize("target", [NUMPY, STRICT_DEVICE1, TORCH], ids=str)
def test_it_runs_where_the_model_is(target):
    target.skip_unless_here()
    here = network().to(like=target.make(np.zeros(1, dtype=np.float32)))
    place = {str(p.device) for p in here.parameters()}
    passed = Trajectory(here)
    for shift in (0.0, 0.1, 0.3):
        with xn.no_grad():
            here[0].bias += shift
            here[4].bias -= shift**2
        passed()
    for directions in ("filter", "pca"):
        found = seen(here, directions=directions, trajectory=passed)
        on_host = network()
        on_host.load_state_dict(here.state_dict())
        expected = seen(on_host, directions=directions, trajectory=passed)
        assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    assert {str(p.device) for p in here.parameters()} == place


def test_a_shared_parameter_moves_once():
    class Tied(nn.Module):
        def __init__(self):
            self.one = nn.Linear(2, 2, rng=0)
            self.two = nn.Linear(2, 2, rng=0)
            self.two.weight = self.one.weight

        def forward(self, x):
            return self.two(self.one(x))

    model = Tied()
    direction = {"one.weight": np.ones((2, 2))}
    other = {"one.bias": np.ones(2)}
    found = seen(model, directions=(direction, other), size=3)
    with xn.no_grad():
        model.one.weight[...] = model.one.weight + 1.0
    x, y = MOONS.arrays()
    assert found.loss[1, 2] == pytest.approx(losses.cross_entropy(model(x), y).item())


def test_what_is_seen_is_said_and_kept():
    model = network()
    passed = trained(model)
    found = seen(model, directions="pca", trajectory=passed)
    text = str(found)
    assert text.startswith("The loss on 5 × 5 points of the plane through the model")
    assert "The trajectory has 6 points, and " in text
    assert text.splitlines()[-1].split()[0] == "loss"
    kept = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert kept["loss"] == found.loss.tolist()
    assert (kept["kind"], len(kept["trajectory"])) == ("pca", 6)
    x, y, low = found.lowest
    assert found.loss.min() == low
    assert found.loss[found.y.tolist().index(y), found.x.tolist().index(x)] == low


def test_a_loss_that_is_not_finite_is_a_hole():
    def holed(out, y):
        loss = losses.cross_entropy(out, y)
        return loss / 0.0 if float(loss) > found.centre else loss

    model = network()
    found = seen(model)
    holes = seen(model, loss=holed)
    assert 0 < np.isinf(holes.loss).sum() < 25
    assert "it is not finite" in str(holes)
    assert any(None in row for row in holes.to_dict()["loss"])
    nothing = seen(model, loss=lambda out, y: losses.cross_entropy(out, y) * math.nan)
    assert math.isnan(nothing.lowest[2])


def test_small_batches_leave_the_blas_one_thread_and_large_ones_all():
    model = nn.Linear(1000, 1000, rng=0, bias=False)
    small, large = ([(np.zeros((n, 1)), np.zeros(n))] for n in (250, 251))
    assert not isinstance(threads_for(model, small), contextlib.nullcontext)
    assert isinstance(threads_for(model, large), contextlib.nullcontext)


def test_the_bar_counts_the_points(capsys):
    seen(network(), size=(3, 4), progress=True)
    assert "12/12" in capsys.readouterr().err
    seen(network(), size=2)
    assert capsys.readouterr().err == ""


def test_what_gives_no_plane_is_refused_with_a_sentence():
    model = network()
    size = model.num_parameters()
    vector = np.ones(size)
    states = [model.state_dict()] * 3
    with pytest.raises(OptionError, match='directions are "filter", "pca"'):
        seen(model, directions="random")
    with pytest.raises(OptionError, match="needs trajectory="):
        seen(model, directions="pca")
    with pytest.raises(OptionError, match="3 points of the trajectory and the model"):
        seen(model, directions="pca", trajectory=states)
    with pytest.raises(OptionError, match=r"lacks '0\.weight'"):
        seen(model, directions="pca", trajectory=[{}])
    with pytest.raises(ShapeError, match=f"has 3 numbers, and the model has {size}"):
        seen(model, trajectory=[[1.0, 2.0, 3.0]])
    with pytest.raises(OptionError, match="parallel"):
        seen(model, directions=(vector, -2 * vector))
    with pytest.raises(OptionError, match="zero everywhere"):
        seen(model, directions=(vector, 0 * vector))
    with pytest.raises(ShapeError, match="a direction has 2 numbers"):
        seen(model, directions=(vector, [1.0, 2.0]))
    with pytest.raises(ShapeError, match=r"shape \(2,\) where the parameter has"):
        seen(model, directions=({"0.weight": [1.0, 2.0]}, vector))
    with pytest.raises(OptionError, match="no parameter of the model"):
        seen(model, directions=({"weight": [1.0, 2.0]}, vector))
    with pytest.raises(OptionError, match="has two axes or more"):
        seen(nn.BatchNorm1d(2))
    with pytest.raises(OptionError, match="has no parameters"):
        seen(nn.ReLU())
    for options in ({"size": 1}, {"size": (3, 3, 3)}, {"span": 0.0}, {"batch_size": 0}):
        with pytest.raises(OptionError, match=next(iter(options))):
            seen(model, **options)
    with pytest.raises(OptionError, match="data is a Dataset, a DataLoader"):
        seen(model, MOONS.features)
    with pytest.raises(OptionError, match="several such batches, not list"):
        seen(model, [])
    with pytest.raises(OptionError, match="every is an integer"):
        Trajectory(model, 0)
