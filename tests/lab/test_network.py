"""The page Network: any step again bit for bit, and health in words."""

import itertools
import json
import math
import statistics
import time

import numpy as np
import pytest

import xpnet as xn
from xpnet import data, losses, nn, optim
from xpnet.lab import health
from xpnet.lab.ask import Ask
from xpnet.lab.look import chain, look
from xpnet.lab.networks import ACTIVATIONS, DATA, LOSSES, OPTIMIZERS, Config, build
from xpnet.lab.own import Own
from xpnet.lab.pages.network import Network
from xpnet.lab.session import Session
from xpnet.lab.timeline import Timeline
from xpnet.lab.training import Run
from xpnet.lab.wire import decode, encode


class Lab:
    """A session with the page alone, asked as a browser asks."""

    def __init__(self, **own):
        self.session = Session([Network], **own)

    def ask(self, kind, **fields):
        message = {"page": "network", "type": kind, "id": 1, **fields}
        (frame,) = self.session.handle(json.loads(json.dumps(message)))
        return decode(encode(frame))


@pytest.fixture
def lab():
    return Lab()


def same(one, other, but=()):
    """Return whether two frames hold the same, to the last bit."""
    heads = [{k: v for k, v in f.header.items() if k not in but} for f in (one, other)]
    arrays = [{k: v.tobytes() for k, v in f.arrays.items()} for f in (one, other)]
    return heads[0] == heads[1] and arrays[0] == arrays[1]


def run_of(**fields):
    return build(Config.read(Ask(fields), None), None)


# --- the time machine -----------------------------------------------------------------

LATER = ("furthest", "type", "stopped", "rates")


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_a_step_back_restores_every_bit_and_what_follows_repeats(lab, optimizer):
    lab.ask("start", optimizer=optimizer, batch=30)
    seen = [lab.ask("train", steps=7) for _ in range(8)]
    for k in (5, 0, 7, 3):
        again = lab.ask("go", step=7 * (k + 1))
        for name, known in seen[k].arrays.items():
            if not name.startswith("curve"):
                assert known.tobytes() == again.arrays[name].tobytes(), name
        now, then = again.header, seen[k].header
        assert {key: now[key] for key in now if key not in LATER} == {
            key: then[key] for key in then if key not in LATER
        }
    lab.ask("go", step=10)
    for k in range(2, 8):
        last = lab.ask("train", steps=7 * (k + 1) - (10 if k == 2 else 7 * k))
        assert last.header["state"] == seen[k].header["state"]
        assert last.header["batch_loss"] == seen[k].header["batch_loss"]
    assert same(last, seen[-1])
    assert last.header["exact"] is True


def test_every_single_step_back_is_exact_across_epochs():
    run, _ = run_of(points=50, batch=16, optimizer="Adam")
    line = Timeline(run, every=7)
    states = [run.snapshot().fingerprint()]
    for _ in range(40):
        line.forward(1)
        states.append(run.snapshot().fingerprint())
    assert len(set(states)) == 41
    for step in range(40, -1, -1):
        line.go(step)
        assert run.snapshot().fingerprint() == states[step]
        assert run.epoch == max(step - 1, 0) // 4


def test_a_fingerprint_sees_weights_moments_counts_and_the_order():
    def fingerprint(change):
        run, _ = run_of(batch=30)
        for _ in range(3):
            run.advance()
        saved = run.snapshot()
        return change(run, saved).fingerprint()

    def bit(run, saved):
        saved.model["0.weight"].data.view(np.uint32)[0, 0] ^= 1
        return saved

    def moment(run, saved):
        saved.optimizer["state"][0]["exp_avg"].data.view(np.uint32)[0, 0] ^= 1
        return saved

    def count(run, saved):
        saved.optimizer["state"][0]["step"] += 1
        return saved

    changes = [
        lambda run, saved: saved,
        bit,
        moment,
        count,
        lambda run, saved: saved._replace(batch=2),
        lambda run, saved: saved._replace(order={"seed": 1, "counter": 0}),
    ]
    found = [fingerprint(change) for change in changes]
    assert len(set(found)) == len(changes)
    assert fingerprint(changes[0]) == found[0]


def test_dropout_and_batch_norm_go_back_too():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype("float32")
    y = (X[:, 0] > 0).astype("int64")
    model = nn.Sequential(
        nn.Linear(3, 8, rng=0), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5, rng=1),
        nn.Linear(8, 1, rng=2),
    )  # fmt: skip
    lab = Lab(model=model, data=(X, y))
    lab.ask("start", batch=20)
    seen = [lab.ask("train", steps=1) for _ in range(25)]
    for step in (13, 1, 24):
        again = lab.ask("go", step=step)
        assert again.header["state"] == seen[step - 1].header["state"]
        assert again.header["loss"] == seen[step - 1].header["loss"]
        assert again.header["exact"] is True


def test_a_model_that_draws_elsewhere_is_found_out():
    state = np.random.default_rng(0)

    class Noisy(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 1, rng=0)

        def forward(self, x):
            return self.layer(x) + float(state.normal())

    points = data.moons(40)
    model = Noisy()
    loader = data.DataLoader(
        data.Dataset(points.features, points.labels[:, None].astype("float32")), rng=0
    )
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    run = Run(model, losses.binary_cross_entropy_with_logits, optimizer, loader)
    line = Timeline(run)
    line.forward(5)
    assert line.exact
    line.go(3)
    assert not line.exact


def test_looking_changes_no_bit_of_the_training(lab):
    run, _ = run_of(optimizer="SGD with momentum")
    for _ in range(60):
        run.advance()
    lab.ask("start", optimizer="SGD with momentum")
    for example in range(60):
        last = lab.ask("train", steps=1, example=example)
    assert last.header["state"] == run.snapshot().fingerprint()


def test_snapshots_stay_within_their_memory():
    run, _ = run_of()
    size = run.snapshot().nbytes() * 3
    line = Timeline(run, memory=8 * size, every=1)
    line.forward(300)
    state = run.snapshot().fingerprint()
    assert line.snapshots <= 8
    assert line.every >= 32
    line.go(17)
    line.go(300)
    assert line.exact
    assert run.snapshot().fingerprint() == state


def test_another_learning_rate_belongs_to_the_run_from_there_on(lab):
    lab.ask("start", optimizer="SGD", lr=0.1)
    lab.ask("train", steps=30)
    lab.ask("go", step=20)
    changed = lab.ask("rate", lr=0.5)
    assert changed.header["furthest"] == 20
    assert changed.header["rates"] == [[20, 0.5]]
    far = lab.ask("train", steps=30)
    lab.ask("go", step=5)
    before = lab.ask("go", step=19)
    assert before.header["config"]["lr"] == 0.1
    again = lab.ask("go", step=50)
    assert again.header["config"]["lr"] == 0.5
    assert again.header["state"] == far.header["state"]
    assert again.header["exact"] is True


def test_a_lost_loss_ends_the_run_until_it_goes_back(lab):
    X = np.array([[1e20, 0.0], [-1e20, 1.0]] * 20, dtype="float32")
    model = nn.Sequential(nn.Linear(2, 1, rng=0))
    lab = Lab(model=model, data=(X, np.linspace(0.0, 1.0, 40)))
    lab.ask("start", optimizer="SGD", lr=1.0)
    lost = lab.ask("train", steps=50)
    assert lost.header["stopped"] is True
    assert lost.header["step"] < 50
    assert lost.header["health"][0]["kind"] == "not finite"
    assert lab.ask("train", steps=5).header["step"] == lost.header["step"]
    first = lab.ask("go", step=0)
    assert first.header["stopped"] is False
    again = lab.ask("go", step=lost.header["step"])
    assert again.header["change"] == lost.header["change"] == "NaN"
    assert again.header["state"] == lost.header["state"]
    first = lab.ask("go", step=0)
    assert np.isfinite(first.header["layers"][0]["weight"])


# --- what the frames say --------------------------------------------------------------


def test_the_run_is_the_one_that_a_user_writes(lab):
    lab.ask("start", batch=25, seed=3, lr=0.02)
    shown = lab.ask("train", steps=40)

    first, *streams = xn.random.Generator(3).split(5)
    points = data.spirals(200, noise=0.02, rng=3)
    sizes = [2, 8, 8, 1]
    layers = []
    for n, m, rng in zip(sizes, sizes[1:], streams, strict=False):
        layers += [nn.Tanh()] if layers else []
        layers.append(nn.Linear(n, m, rng=rng))
    model = nn.Sequential(*layers)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    y = points.labels[:, None].astype("float32")
    loader = data.DataLoader(
        data.Dataset(points.features, y), batch_size=25, shuffle=True, rng=first
    )
    for _ in range(5):
        for x, target in loader:
            loss = losses.binary_cross_entropy_with_logits(model(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    weight = shown.arrays["weights.2"]
    assert weight.tobytes() == model[2].weight.data.tobytes()
    assert shown.header["batch_loss"] == float(loss)
    assert shown.header["epoch"] == 4


def test_edges_have_the_weights_and_the_gradients_of_grad(lab):
    lab.ask("start", layers=[3, 2], points=20)
    shown = lab.ask("train", steps=9, example=4)
    (page,) = lab.session.pages
    model, problem = page.run.model, page.problem
    x, y = problem.x[4:5], problem.y[4:5]
    value, grads = xn.value_and_grad(lambda m: problem.loss(m(x), y))(model)
    assert shown.header["example"]["loss"] == pytest.approx(float(value), rel=1e-6)
    for k, layer in enumerate((0, 2, 4), 1):
        for word, name in (("weights", "weight"), ("biases", "bias")):
            mine = getattr(model[layer], name).data
            assert np.array_equal(shown.arrays[f"{word}.{k}"], mine)
            gradient = getattr(grads[layer], name).data
            shown_gradient = shown.arrays[f"{word}.{k}.gradient"]
            assert shown_gradient == pytest.approx(gradient, rel=1e-5, abs=1e-9)
    with xn.no_grad():
        hidden = model[1](model[0](x))
    assert np.array_equal(shown.arrays["units.1"], hidden.data[0])
    assert np.array_equal(shown.arrays["units.0"], x.data[0])
    dz = shown.arrays["units.3.gradient"]
    probability = shown.header["example"]["prediction"][0]
    assert dz[0] == pytest.approx(probability - float(y.data[0, 0]), rel=1e-5)
    assert not model[0].weight.grad, "gradients of a look stay out of the training"


def test_gradients_over_all_examples_are_those_of_the_mean_loss(lab):
    lab.ask("start")
    shown = lab.ask("train", steps=3)
    (page,) = lab.session.pages
    model, problem = page.run.model, page.problem
    value, grads = xn.value_and_grad(lambda m: problem.loss(m(problem.x), problem.y))(
        model
    )
    assert shown.header["loss"] == pytest.approx(float(value), rel=1e-6)
    assert shown.arrays["weights.1.gradient"] == pytest.approx(
        grads[0].weight.data, rel=1e-4, abs=1e-8
    )
    table = {row["name"]: row for row in shown.header["layers"]}
    assert table["0"]["gradient"] == pytest.approx(
        float(np.sqrt(np.mean(grads[0].weight.data ** 2))), rel=1e-4
    )


def test_the_boundary_is_what_the_network_says(lab):
    lab.ask("start", data="moons")
    shown = lab.ask("train", steps=20)
    (page,) = lab.session.pages
    left, right, bottom, top = shown.header["bounds"]
    for i, j in ((0, 0), (59, 59), (10, 50)):
        x = [left + (right - left) * j / 59, bottom + (top - bottom) * i / 59]
        with xn.no_grad():
            z = float(page.run.model(np.array([x], "float32")).data[0, 0])
        assert shown.arrays["boundary"][i, j] == pytest.approx(
            1 / (1 + math.exp(-z)), abs=1e-5
        )
    assert shown.arrays["boundary"].dtype == np.float32


@pytest.mark.parametrize("name", list(DATA))
@pytest.mark.parametrize("loss", list(LOSSES))
def test_each_data_set_is_learned_with_each_loss(lab, name, loss):
    start = lab.ask("start", data=name, loss=loss, points=100)
    assert start.arrays["points"].shape == (100, 2)
    assert set(start.arrays["labels"]) == set(range(len(start.header["classes"])))
    end = lab.ask("train", steps=150)
    assert end.header["loss"] < start.header["loss"]
    assert end.header["accuracy"] > start.header["accuracy"] - 0.01
    assert ("winner" in end.arrays) == (name == "blobs")


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("layers", [[], [4], [3, 3, 3, 3]])
def test_each_network_can_be_made(lab, activation, layers):
    lab.ask("start", activation=activation, layers=layers, points=40)
    shown = lab.ask("train", steps=5)
    drawn = shown.header["network"]["layers"]
    assert [layer["units"] for layer in drawn] == [2, *layers, 1]
    kind = type(ACTIVATIONS[activation]()).__name__
    labels = ["inputs", *[kind] * len(layers), "output"]
    assert [layer["label"] for layer in drawn] == labels
    assert f"weights.{len(layers) + 1}.gradient" in shown.arrays


@pytest.mark.parametrize(
    ("kind", "fields", "sentence"),
    [
        ("start", {"layers": [8, 8, 8, 8, 8]}, "layers is a list of 0 to 4 numbers"),
        ("start", {"layers": [2.5]}, "whole numbers of units"),
        ("start", {"layers": [65]}, "from 1 to 64"),
        ("start", {"data": "own"}, "data is one of spirals"),
        ("start", {"optimizer": "LBFGS"}, "optimizer is one of SGD"),
        ("start", {"lr": -0.1}, "lr is a number from 0"),
        ("train", {"steps": 0}, "steps is a whole number from 1 to 1000"),
        ("go", {"step": -1}, "step is a whole number from 0"),
        ("go", {}, "the field step is missing"),
        ("show", {"example": 200}, "example is a whole number from -1 to 199"),
        ("show", {"axes": [0, 0]}, "two different features"),
        ("rate", {"lr": "fast"}, "lr is a number"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(lab, kind, fields, sentence):
    found = lab.ask(kind, **fields)
    assert found.header["type"] == "error"
    assert sentence in found.header["message"]


def test_an_export_keeps_marks_of_the_time_slider_and_comes_back(lab):
    lab.ask("start")
    lab.ask("train", steps=250)
    here = lab.ask("go", step=200)
    for _ in range(2):  # a second export has nothing of the first
        lab.session.keep("network")
        entries = lab.session.recordings["network"].entries
        first, *marks = [decode(entry.frames[0]) for entry in entries]
        assert first.arrays["points"].shape == (200, 2)
        assert first.header["choices"]["data"] == list(DATA)
        steps = [mark.header["step"] for mark in marks]
        assert (steps[0], steps[-1], len(steps)) == (0, 250, 120)
        assert steps == sorted(steps)
        assert lab.ask("show").header["state"] == here.header["state"]
    lab.ask("rate", lr=0.5)
    lab.session.keep("network")
    entries = lab.session.recordings["network"].entries
    assert max(entry.message.get("step", 0) for entry in entries) == 200


def test_a_picture_of_a_training_takes_less_than_10_milliseconds(lab):
    lab.ask("start")
    seconds = []
    for _ in range(21):
        since = time.perf_counter()
        lab.ask("train", steps=5)
        seconds.append(time.perf_counter() - since)
    assert statistics.median(seconds) < 0.010


# --- a user's own model ---------------------------------------------------------------


def test_a_model_of_ones_own_is_copied_and_trained():
    digits = np.random.default_rng(0).normal(size=(80, 5)).astype("float64")
    labels = np.argmax(digits[:, :3], axis=1)
    model = nn.Sequential(nn.Linear(5, 20, rng=0), nn.ReLU(), nn.Linear(20, 3, rng=1))
    before = model.state_dict()
    lab = Lab(model=model, data=(digits, labels))
    start = lab.ask("start")
    assert start.header["choices"]["data"][0] == "own"
    assert start.header["config"]["data"] == "own"
    assert start.header["network"]["layers"][1]["units"] == 20
    assert start.arrays["weights.1"].shape == (16, 5)
    assert "first 16 units" in start.header["network"]["message"]
    end = lab.ask("train", steps=100)
    assert end.header["accuracy"] > 0.9
    assert end.arrays["winner"].max() <= 2
    other = lab.ask("show", axes=[3, 1])
    assert other.header["axes"] == [3, 1]
    for name, value in model.state_dict().items():
        assert value.data.tobytes() == before[name].data.tobytes()


def test_a_model_on_arrays_of_another_library_goes_back_too():
    torch = pytest.importorskip("torch")
    model = nn.Sequential(nn.Linear(2, 6, rng=0), nn.Tanh(), nn.Linear(6, 1, rng=1))
    model.to(like=xn.asarray(torch.zeros(1)))
    points = data.moons(60)
    lab = Lab(model=model, data=(points.features, points.labels))
    lab.ask("start", lr=0.1)
    seen = [lab.ask("train", steps=5) for _ in range(3)]
    assert same(lab.ask("go", step=15), seen[2], but=("type",))
    again = lab.ask("go", step=5)
    assert again.header["state"] == seen[0].header["state"]
    assert again.header["exact"] is True
    assert seen[2].header["loss"] < seen[0].header["loss"]


def test_images_and_numbers_are_shown_without_what_they_have_not():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 1, 6, 6)).astype("float32")
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2, rng=1)
    )
    lab = Lab(model=model, data=(X, rng.normal(size=(12, 2))))
    start = lab.ask("start", batch=4)
    assert start.header["task"] == "numbers"
    assert start.header["config"]["loss"] == "squared error"
    assert start.header["accuracy"] is None
    assert "boundary" not in start.arrays
    assert "Linear layers in a row" in start.header["network"]["message"]
    assert [row["kind"] for row in start.header["layers"]] == [
        "Conv2d", "ReLU", "Flatten", "Linear",
    ]  # fmt: skip
    assert lab.ask("train", steps=30, example=3).header["loss"] < start.header["loss"]


def test_one_number_is_drawn_as_a_map():
    X = np.random.default_rng(0).uniform(-1, 1, (60, 2))
    own = {"model": nn.Sequential(nn.Linear(2, 1, rng=0)), "data": (X, X @ [2.0, -1.0])}
    lab = Lab(**own)
    lab.ask("start", lr=0.1)
    end = lab.ask("train", steps=200)
    left, _, bottom, _ = end.header["bounds"]
    assert end.arrays["boundary"][0, 0] == pytest.approx(2 * left - bottom, abs=0.05)


# --- health in words ------------------------------------------------------------------


def kinds(model, change=0.01, told=(0.5,), lr=0.1, n=64, loss=None):
    """Return the findings about a model on points, by kind."""
    points = data.moons(n)
    x, y = points.arrays("cpu")
    y = xn.asarray(y.data[:, None].astype("float32"))
    seen = look(model, loss or losses.binary_cross_entropy_with_logits, x, y)
    found = health.findings(seen.layers, list(told), change, lr)
    return {finding.kind: finding for finding in found}


def stack(activation, scale=1.0, units=8, depth=3):
    """Return Linear layers with an activation between two, their weights scaled."""
    sizes = [2, *[units] * depth, 1]
    layers = []
    for k, (n, m) in enumerate(itertools.pairwise(sizes)):
        layers += [activation()] if layers else []
        layers.append(nn.Linear(n, m, rng=k, init="glorot_normal"))
        with xn.no_grad():
            layers[-1].weight *= scale
    return nn.Sequential(*layers)


@pytest.mark.parametrize("activation", [nn.Tanh, nn.LeakyReLU, nn.GELU, nn.Identity])
def test_a_healthy_network_is_called_so(activation):
    found = kinds(stack(activation))
    assert list(found) == ["healthy"]
    assert found["healthy"].level == "good"
    assert "no unit is dead" in found["healthy"].text


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_the_first_choices_of_the_page_have_no_problem(lab, optimizer):
    lr = {"SGD": 0.3, "RMSprop": 0.003}.get(optimizer, 0.03)
    lab.ask("start", optimizer=optimizer, lr=lr)
    for steps in (1, 49, 150):
        shown = lab.ask("train", steps=steps)
        assert [f for f in shown.header["health"] if f["level"] == "problem"] == []


def test_vanishing_gradients_are_named_with_their_layers():
    found = kinds(stack(nn.Sigmoid, depth=6))
    vanishing = found["vanishing"]
    assert vanishing.level == "problem"
    assert vanishing.number < health.VANISHING
    assert "layer 0 (Linear)" in vanishing.text
    assert "Try tanh or ReLU" in vanishing.advice
    assert "healthy" not in found


def test_the_ratio_is_that_of_the_gradients():
    model = stack(nn.Sigmoid, depth=6)
    x, y = data.moons(64).arrays("cpu")
    y = xn.asarray(y.data[:, None].astype("float32"))
    loss = losses.binary_cross_entropy_with_logits
    grads = xn.grad(lambda m: loss(m(x), y))(model)
    sizes = [np.sqrt(np.mean(grads[i].weight.data ** 2)) for i in range(0, 13, 2)]
    number = kinds(model)["vanishing"].number
    assert number == pytest.approx(min(sizes) / max(sizes), rel=1e-3)


def test_exploding_gradients_are_named():
    found = kinds(stack(nn.Identity, scale=30.0, depth=4))
    assert found["exploding"].level == "problem"
    assert found["exploding"].number > health.EXPLODING
    assert "clip" in found["exploding"].advice


def test_dead_relus_are_counted_and_named():
    model = stack(nn.ReLU, depth=2)
    with xn.no_grad():
        for layer in (model[0], model[2]):
            layer.bias += 10.0
        for unit in (2, 5):
            model[0].bias[unit] -= 100.0
    dead = kinds(model)["dead"]
    assert (dead.level, dead.number) == ("note", 2)
    assert "2 of 8 in layer 1 (ReLU) (units 3, 6 are 0" in dead.text
    assert "leaky ReLU" in dead.advice


def test_a_layer_of_dead_relus_is_a_problem_and_cuts_every_gradient():
    model = stack(nn.ReLU, depth=1)
    with xn.no_grad():
        model[0].bias -= 100.0
    found = kinds(model)
    assert found["dead"].level == "problem"
    assert found["dead"].number == 8
    assert found["vanishing"].number == 0
    assert "nothing is learned" in found["vanishing"].text


def test_dead_channels_are_counted_over_their_places():
    model = nn.Sequential(
        nn.Conv2d(1, 3, 2, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(12, 1, rng=1)
    )
    with xn.no_grad():
        model[0].bias[1] -= 100.0
        model[0].bias[0] += 5.0
        model[0].bias[2] += 5.0
    x = xn.asarray(np.random.default_rng(0).normal(size=(9, 1, 3, 3)).astype("float32"))
    y = xn.asarray(np.zeros((9, 1), "float32"))
    seen = look(model, losses.mean_squared_error, x, y)
    (dead,) = (
        f for f in health.findings(seen.layers, [1.0], 0.01, 0.1) if f.kind == "dead"
    )
    assert "1 of 3" in dead.text
    assert "unit 2 is" in dead.text


@pytest.mark.parametrize("activation", [nn.Sigmoid, nn.Tanh])
def test_saturated_layers_are_named_with_their_share(activation):
    found = kinds(stack(activation, scale=1000.0, depth=1))
    assert found["saturated"].level == "problem"
    assert found["saturated"].number > health.STUCK
    assert f"layer 1 ({activation.__name__})" in found["saturated"].text
    assert "saturated" not in kinds(stack(activation, depth=1))


def test_steps_that_are_too_large_or_too_small_are_named():
    large = kinds(stack(nn.Tanh), change=3.0, lr=7.0)["large step"]
    assert (large.level, large.number) == ("problem", 3.0)
    assert "3 times" in large.text
    assert "smaller than 7" in large.advice
    assert "60 %" in kinds(stack(nn.Tanh), change=0.6)["large step"].text
    small = kinds(stack(nn.Tanh), change=1e-9)["small step"]
    assert (small.level, small.number) == ("note", 1e-9)
    assert list(kinds(stack(nn.Tanh), change=0.0, told=())) == ["healthy"]


def test_a_rising_loss_and_a_lost_one_are_named():
    rising = kinds(stack(nn.Tanh), told=[1.0] * 10 + [2.0] * 40)["rising"]
    assert rising.number == 2.0
    assert "first step had 1" in rising.text
    falling = kinds(stack(nn.Tanh), told=[2.0] * 10 + [1.0] * 40)
    assert list(falling) == ["healthy"]
    lost = kinds(stack(nn.Tanh), told=[1.0, 5.0, math.nan], lr=3.0)
    assert list(lost) == ["not finite"]
    assert lost["not finite"].number == 3
    assert "smaller than 3" in lost["not finite"].advice


def test_a_learning_rate_that_is_too_large_is_found_in_a_real_run(lab):
    lab.ask("start", activation="ReLU", optimizer="SGD", lr=100.0)
    first = lab.ask("train", steps=1)
    assert "large step" in [f["kind"] for f in first.header["health"]]
    later = lab.ask("train", steps=100)
    found = {f["kind"] for f in later.header["health"]}
    assert {"rising", "dead"} <= found


# --- parts ----------------------------------------------------------------------------


def test_only_linear_layers_in_a_row_are_drawn():
    drawn = nn.Sequential(
        nn.Linear(2, 3, rng=0), nn.Sequential(nn.ReLU()), nn.Linear(3, 1, rng=0)
    )
    assert [type(layer).__name__ for layer in chain(drawn)] == [
        "Linear",
        "ReLU",
        "Linear",
    ]
    assert chain(nn.Sequential(nn.Linear(2, 3, rng=0), nn.LayerNorm(3))) is None


def test_an_own_model_may_have_outputs_of_any_form():
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = (X[:, 0] > 0).astype(int)

    class Flat(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 1, rng=0)

        def forward(self, x):
            return self.layer(x)[:, 0]

    own = Own.of(Flat(), (X, y))
    run, problem = build(Config.read(Ask({"lr": 0.1}), own), own)
    assert problem.y.shape == (20,)
    for _ in range(60):
        run.advance()
    out = run.model(problem.x).data
    assert problem.right(out).mean() >= 0.95


def test_the_noise_is_that_of_the_data_unless_it_is_chosen(lab):
    for name, noise in (("spirals", 0.02), ("blobs", 0.25), ("xor", 0.0)):
        assert lab.ask("start", data=name).header["config"]["noise"] == noise
    assert lab.ask("start", data="xor", noise=0.3).header["config"]["noise"] == 0.3


def test_gradients_that_are_not_finite_are_named():
    model = stack(nn.Identity)
    with xn.no_grad():
        for layer in (model[0], model[2], model[4]):
            layer.weight *= 1e20
    with np.errstate(all="ignore"):
        found = kinds(model, told=[0.5])
    assert found["exploding"].number == math.inf
    assert "is not finite" in found["exploding"].text
    assert "healthy" not in found
