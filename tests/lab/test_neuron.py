"""The page Neuron: its numbers are those of `xn.grad`, and the pulls add up."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xpnet as xn
from xpnet import optim, xp
from xpnet.lab.pages.neuron import Neuron
from xpnet.lab.session import Session
from xpnet.lab.wire import decode, encode

FIRST = {
    "weights": [0.5, -0.3],
    "bias": 0.1,
    "activation": "sigmoid",
    "loss": "logistic cost",
    "examples": [2.0, -1.0, 1.0, 1.0, 1.0, 0.0, -1.5, 0.5, 0.0, 0.5, -2.0, 1.0],
    "chosen": 0,
    "lr": 0.5,
}


def ask(kind="show", **fields):
    """Return the header of the answer to a request, as it comes over the wire."""
    session = Session([Neuron])
    message = {"page": "neuron", "type": kind, "id": 1, **FIRST, **fields}
    (frame,) = session.handle(json.loads(json.dumps(message)))
    return decode(encode(frame)).header


def rows(fields):
    width = len(fields["weights"]) + 1
    flat = fields["examples"]
    return [flat[i : i + width] for i in range(0, len(flat), width)]


def by_hand(name, z):
    """Return a and da/dz, from the textbook."""
    if name == "sigmoid":
        a = 1 / (1 + math.exp(-z))
        return a, a * (1 - a)
    if name == "tanh":
        return math.tanh(z), 1 - math.tanh(z) ** 2
    if name == "ReLU":
        return max(z, 0.0), float(z > 0)
    return z, 1.0


def of_loss(name, a, y):
    """Return the loss and its derivative with regard to a, from the textbook."""
    if name == "squared error":
        return (a - y) ** 2, 2 * (a - y)
    loss = -(y * math.log(a) + (1 - y) * math.log(1 - a))
    return loss, (a - y) / (a * (1 - a))


def cost_of(fields, w, b):
    """Return the cost as a user writes it, for `xn.grad`."""
    total = 0.0
    for *x, y in rows(fields):
        z = sum((w[i] * x[i] for i in range(len(x))), b)
        a = {
            "sigmoid": lambda z: 1 / (1 + xp.exp(-z)),
            "tanh": xp.tanh,
            "ReLU": lambda z: xp.maximum(z, 0.0 * z),
            "identity": lambda z: z,
        }[fields["activation"]](z)
        if fields["loss"] == "squared error":
            total = total + (a - y) ** 2
        else:
            total = total - (y * xp.log(a) + (1 - y) * xp.log(1 - a))
    return total / len(rows(fields))


numbers = st.floats(-3, 3).map(lambda x: round(x, 3))


@st.composite
def neurons(draw):
    count = draw(st.sampled_from([2, 3]))
    activation = draw(st.sampled_from(["sigmoid", "tanh", "ReLU", "identity"]))
    losses = ["squared error"] + ["logistic cost"] * (activation == "sigmoid")
    loss = draw(st.sampled_from(losses))
    targets = st.sampled_from([0.0, 1.0]) if loss == "logistic cost" else numbers
    points = draw(
        st.lists(st.tuples(*[numbers] * count, targets), min_size=1, max_size=4)
    )
    return {
        "weights": draw(st.lists(numbers, min_size=count, max_size=count)),
        "bias": draw(numbers),
        "activation": activation,
        "loss": loss,
        "examples": [value for point in points for value in point],
        "chosen": draw(st.integers(0, len(points) - 1)),
        "lr": draw(st.sampled_from([0.0, 0.1, 1.0])),
    }


@given(neurons())
@settings(max_examples=40)
def test_every_number_is_that_of_the_textbook(fields):
    found = ask(**fields)
    for (*x, y), pull in zip(rows(fields), found["pulls"], strict=True):
        products = [w * xi for w, xi in zip(fields["weights"], x, strict=True)]
        z = sum(products) + fields["bias"]
        a, da_dz = by_hand(fields["activation"], z)
        loss, dl_da = of_loss(fields["loss"], a, y)
        assert pull["products"] == pytest.approx(products)
        assert (pull["z"], pull["a"]) == pytest.approx((z, a), abs=1e-12)
        assert pull["loss"] == pytest.approx(loss, rel=1e-9, abs=1e-12)
        assert pull["of_a"] == pytest.approx(dl_da, rel=1e-6, abs=1e-9)
        if fields["activation"] == "ReLU" and abs(z) < 1e-9:
            continue  # at the corner the rounding of z decides
        assert pull["of_z"] == pytest.approx(dl_da * da_dz, rel=1e-6, abs=1e-9)
        chain = [dl_da * da_dz * xi for xi in (*x, 1.0)]
        assert pull["gradients"] == pytest.approx(chain, rel=1e-6, abs=1e-9)


@given(neurons())
@settings(max_examples=40)
def test_the_pulls_add_up_to_the_way_that_each_parameter_goes(fields):
    found = ask(**fields)
    pulls = np.sum([pull["pulls"] for pull in found["pulls"]], axis=0)
    gradients = [line["gradient"] for line in found["update"]]
    assert -pulls == pytest.approx(gradients, rel=1e-9, abs=1e-12)
    for line in found["update"]:
        new = line["old"] - fields["lr"] * line["gradient"]
        assert line["new"] == pytest.approx(new, rel=1e-15, abs=1e-300)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "ReLU", "identity"])
def test_the_gradient_is_that_of_grad_and_the_step_that_of_sgd(activation):
    fields = FIRST | {"activation": activation, "loss": "squared error"}
    w, b = np.array(fields["weights"]), fields["bias"]
    dw, db = xn.grad(lambda w, b: cost_of(fields, w, b), argnums=(0, 1))(w, b)
    found = ask(**fields)
    gradients = [line["gradient"] for line in found["update"]]
    assert gradients == pytest.approx([*dw, db], rel=1e-12)
    assert found["cost"] == pytest.approx(float(cost_of(fields, w, b)), rel=1e-12)

    leaf = xn.asarray(w, requires_grad=True)
    cost_of(fields, leaf, b).backward()
    optim.SGD([leaf], lr=0.5).step()
    new = [line["new"] for line in found["update"]]
    assert new[:2] == pytest.approx(leaf.tolist(), rel=1e-14)


def test_the_logistic_cost_is_the_mean_of_its_losses():
    found = ask()
    losses = [pull["loss"] for pull in found["pulls"]]
    w, b = np.array(FIRST["weights"]), FIRST["bias"]
    assert found["cost"] == pytest.approx(np.mean(losses), rel=1e-15)
    assert found["cost"] == pytest.approx(float(cost_of(FIRST, w, b)), rel=1e-12)
    for pull, (*_, y) in zip(found["pulls"], rows(FIRST), strict=True):
        assert pull["of_z"] == pytest.approx(pull["a"] - y, rel=1e-12)


def test_steps_lead_where_single_steps_do_and_lower_the_cost():
    ten = ask("step", steps=10)
    fields, costs = dict(FIRST), []
    for _ in range(10):
        one = ask("step", **fields)
        costs += one["costs"]
        fields |= {key: one["given"][key] for key in ("weights", "bias")}
    assert ten["given"] == one["given"]
    assert ten["costs"] == costs
    assert ten["cost_after"] < ten["cost"] < costs[-1] < costs[0]
    assert one["cost"] == ask(**fields)["cost"]


@pytest.mark.parametrize("wrt", ["w1", "w2", "b"])
def test_the_chain_rule_is_told_in_names_symbols_and_numbers(wrt):
    fields = FIRST | {"activation": "tanh", "loss": "squared error"}
    told = ask("explain", wrt=wrt, **fields)["explanation"]
    (variable,) = told["variables"]
    (path,) = variable["paths"]
    assert path["names"] == ["∂L/∂a", "∂a/∂z", f"∂z/∂{wrt}"]
    symbol = "1" if wrt == "b" else wrt.replace("w", "x")
    assert path["symbols"] == ["2 (a − y)", "1 − tanh²(z)", symbol]
    place = ["w1", "w2", "b"].index(wrt)
    gradient = ask(**fields)["pulls"][0]["gradients"][place]
    assert math.prod(path["numbers"]) == pytest.approx(gradient, rel=1e-12)
    assert variable["gradient"] == pytest.approx(gradient, rel=1e-12)
    assert variable["finite_difference"] == pytest.approx(gradient, rel=1e-6)
    assert [step["name"] for step in told["steps"]][-3:] == ["z", "a", "L"]


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        ("sigmoid", "logistic cost"),
        ("sigmoid", "squared error"),
        ("tanh", "squared error"),
        ("ReLU", "squared error"),
        ("identity", "squared error"),
    ],
)
def test_the_sum_of_the_paths_is_the_gradient(activation, loss):
    fields = FIRST | {
        "weights": [0.5, -0.3, 0.2],
        "examples": [2.0, -1.0, 0.5, 1.0],
        "activation": activation,
        "loss": loss,
    }
    gradients = ask(**fields)["pulls"][0]["gradients"]
    for name, gradient in zip(["w1", "w2", "w3", "b"], gradients, strict=True):
        told = ask("explain", wrt=name, **fields)["explanation"]
        (variable,) = told["variables"]
        total = sum(path["contribution"] for path in variable["paths"])
        assert total == pytest.approx(gradient, rel=1e-12)
        assert variable["name"] == name
        assert all(path["mathml"] for path in variable["paths"])


def test_the_logistic_cost_is_reached_on_two_paths():
    told = ask("explain", wrt="w1")["explanation"]
    (variable,) = told["variables"]
    assert variable["path_count"] == 2
    total = sum(path["contribution"] for path in variable["paths"])
    assert total == pytest.approx(ask()["pulls"][0]["gradients"][0], rel=1e-12)


def test_notes_say_what_is_out_of_the_ordinary():
    assert ask()["note"] == ""
    off = ask(activation="ReLU", loss="squared error", bias=-9.0)
    assert "slope is 0" in off["note"]
    assert off["pulls"][0]["gradients"] == [0.0, 0.0, 0.0]
    assert "flat" in ask(bias=9.0)["note"]
    lost = ask(weights=[90.0, 0.0], examples=[1.0, 0.0, 0.0])
    assert "no finite number" in lost["note"]
    assert "binary_cross_entropy_with_logits" in lost["note"]


def test_steps_stop_where_the_numbers_end():
    far = ask("step", activation="identity", loss="squared error", lr=1e6, steps=1000)
    assert all(map(math.isfinite, far["given"]["weights"]))
    assert len(far["costs"]) < 1000


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"activation": "tanh"}, "choose sigmoid, not tanh"),
        ({"examples": [1.0, 2.0, 3.0]}, "every target is from 0 to 1"),
        ({"examples": [1.0, 2.0, 0.0, 1.0]}, "4 do not fit"),
        ({"examples": [1.0, 2.0, 0.0] * 9}, "at most 8 examples"),
        ({"weights": [1.0]}, "weights is a list of 2 to 3 numbers"),
        ({"chosen": 4}, "chosen is a whole number from 0 to 3"),
        ({"activation": "relu"}, "activation is one of sigmoid, tanh, ReLU, identity"),
        ({"lr": -1.0}, "lr is a number from 0"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(fields, sentence):
    found = ask(**fields)
    assert found["type"] == "error"
    assert sentence in found["message"]


def test_an_export_keeps_each_example_and_the_next_steps():
    session = Session([Neuron])
    session.handle({"page": "neuron", "type": "show", **FIRST})
    (page,) = session.pages
    kept = list(page.keep())
    for message in kept:
        (frame,) = session.handle(message)
        assert frame.header["type"] == message["type"], frame.header
    assert sum(message["type"] == "step" for message in kept) == 20
    assert {m["chosen"] for m in kept if m["type"] == "show"} == {0, 1, 2, 3}
    step = [message for message in kept if message["type"] == "step"]
    assert step[1]["weights"] == ask("step")["given"]["weights"]
    assert list(page.keep()) == kept
    assert list(Neuron().keep()) == []
