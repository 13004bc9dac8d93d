"""The numbers of the two beginner's guides, one test for each of their rows.

The guides: *calculus in neural networks* and *the mathematics behind neural networks*.
docs/gallery.md says where each row can be run, read, moved and seen.
"""

import itertools
import math

import numpy as np
import pytest

import xpnet as xn
from xpnet import data, learn, losses, nn, optim, xp
from xpnet.calculus.rule import TABLE
from xpnet.learn import drawing


def test_y_is_x_squared_and_a_tiny_change_at_3_is_multiplied_by_6():
    assert xn.grad(lambda x: x**2)(3.0) == 6.0
    x = xn.asarray(3.0, requires_grad=True)
    y = x**2
    assert learn.nudge(y, x, 0.001).predicted == pytest.approx(0.006)
    assert learn.nudge(y, x, 0.001).actual == pytest.approx(0.006001)
    seen = learn.microscope(lambda x: x**2, 3.0)
    assert "multiplied by 6" in str(seen)


def test_new_is_old_minus_learning_rate_times_gradient():
    """loss = (prediction − target)²; prediction = w · 2, w = 3, target = 4."""
    w = xn.asarray(3.0, requires_grad=True)
    prediction = w * 2.0
    loss = (prediction - 4.0) ** 2
    optimizer = optim.SGD([w], lr=0.1)
    loss.backward()
    assert loss.item() == 4.0
    assert w.grad.item() == 8.0  # 2 · (6 − 4) · 2
    step = str(xn.explain_step(optimizer, w))
    assert "new = old − learning_rate × gradient\n      = 3 − 0.1 × 8" in step
    optimizer.step()
    assert w.item() == pytest.approx(3 - 0.1 * 8)
    path = learn.descend("(2*x - 4)^2", 3.0, lambda p: optim.SGD(p, lr=0.1), steps=2)
    text = str(path)
    assert "new = old − learning_rate × gradient" in text
    assert "3 − 0.1 × 8" in text.replace("·", "×")


def test_the_gradient_is_the_vector_of_all_partial_derivatives():
    """z = W1·x1 + W2·x2 + W3·x3 + b: ∂z/∂Wi = xi and ∂z/∂b = 1, the rest constant."""
    w1, w2, w3, b = (xn.asarray(v, requires_grad=True) for v in (0.2, -0.4, 0.6, 0.1))
    x1, x2, x3 = 1.5, -2.0, 3.0
    z = w1 * x1 + w2 * x2 + w3 * x3 + b
    explanation = xn.explain(z)
    found = [float(explanation.gradient(name)) for name in ("w1", "w2", "w3", "b")]
    assert found == [1.5, -2.0, 3.0, 1.0]
    assert "held constant" in str(explanation)
    held = explanation.to_dict()["variables"][0]["held_constant"]
    assert sorted(held) == ["b", "w2", "w3", "x1", "x2", "x3"]
    gradient = xn.grad(lambda w: w @ np.asarray([1.5, -2.0, 3.0]) + 0.1)
    assert gradient(np.asarray([0.2, -0.4, 0.6])).tolist() == [1.5, -2.0, 3.0]


def test_the_chain_rule_multiplies_three_factors():
    """dL/dW = dL/dOut × dOut/dZ × dZ/dW."""
    W = xn.asarray(0.7, requires_grad=True)
    x, target = 1.5, 1.0
    Z = W * x
    Out = xp.special.expit(Z)
    L = (Out - target) ** 2
    explanation = xn.explain(L, wrt=W)
    (path,) = explanation.variable().paths
    factors = explanation.factors(path)
    assert [f.name for f in factors] == ["∂L/∂Out", "∂Out/∂Z", "∂Z/∂W"]
    out = 1 / (1 + math.exp(-1.05))
    expected = [2 * (out - 1), out * (1 - out), 1.5]
    assert [float(f.number) for f in factors] == pytest.approx(expected, rel=1e-14)
    assert float(path.contribution) == pytest.approx(math.prod(expected), rel=1e-14)


def test_backpropagation_is_forward_backward_update():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    x, y = xp.asarray([[1.0, -1.0]], dtype=xp.float32), xp.ones((1, 1), xp.float32)
    loss = losses.mean_squared_error(model(x), y)  # forward
    loss.backward()  # backward
    steps = {
        name: xn.explain_step(optimizer, p, name=name)
        for name, p in model.named_parameters()
    }
    before = {name: p.numpy().copy() for name, p in _detached(model)}
    optimizer.step()  # update
    for name, parameter in model.named_parameters():
        moved = parameter.detach().numpy() - before[name]
        np.testing.assert_allclose(
            moved, -0.5 * parameter.grad.numpy(), rtol=1e-5, atol=1e-7
        )
        assert [term.name for term in steps[name].terms] == ["gradient"]


def _detached(model):
    return [(name, p.detach()) for name, p in model.named_parameters()]


@pytest.mark.parametrize(
    ("name", "formula", "at", "value"),
    [
        ("relu", "x > 0", (2.0, -2.0), (1.0, 0.0)),
        ("expit", "expit(x) * (1 - expit(x))", (0.0,), (0.25,)),
        ("tanh", "1 - tanh(x)**2", (0.0,), (1.0,)),
    ],
)
def test_the_activations_and_their_derivatives(name, formula, at, value):
    assert TABLE[name].formula == (formula,)
    function = TABLE[name].function
    assert [xn.grad(function)(x) for x in at] == list(value)


def test_sigmoid_is_one_over_one_plus_e_to_the_minus_z():
    z = np.linspace(-6, 6, 25)
    sigmoid = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(xp.special.expit(z).data, sigmoid, rtol=1e-15)
    slopes = xn.grad(lambda z: xp.sum(xp.special.expit(z)))(z)
    np.testing.assert_allclose(slopes, sigmoid * (1 - sigmoid), rtol=1e-13)


def test_the_landscape_is_walked_down_to_a_minimum():
    path = learn.descend(
        "x^2 + 3y^2", (2.0, 1.0), lambda p: optim.SGD(p, lr=0.1), steps=60
    )
    values = path.values
    assert all(later < earlier for earlier, later in itertools.pairwise(values))
    assert "minimum" in str(path)
    model = nn.Sequential(nn.Linear(2, 4, rng=0), nn.Tanh(), nn.Linear(4, 1, rng=1))
    points = data.moons(40, rng=0)
    seen = learn.landscape(
        model,
        points,
        lambda z, y: losses.binary_cross_entropy_with_logits(
            z[:, 0], xp.astype(y, z.dtype)
        ),
        size=5,
        progress=False,
    )
    assert np.asarray(seen.loss).shape == (5, 5)


def test_an_image_becomes_a_vector_and_the_logistic_cost_a_sum_of_logarithms():
    """cost = −1/m Σ (y log a + (1 − y) log(1 − a)), a = σ(wᵀx + b)."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)  # RGB
    vectors = np.stack([np.asarray(data.image.unroll(image)) for image in images])
    assert vectors.shape == (5, 48)
    assert vectors[0, 0] == pytest.approx(images[0, 0, 0, 0] / 255)
    x = vectors.astype("float64")
    y = np.asarray([1.0, 0.0, 1.0, 1.0, 0.0])
    w, b = draw.normal(size=48) / 10, 0.2

    def cost(w, b):
        a = xp.special.expit(x @ w + b)
        return losses.binary_cross_entropy(a, y)

    value, (dw, db) = xn.value_and_grad(cost, argnums=(0, 1))(w, b)
    a = 1 / (1 + np.exp(-(x @ w + b)))
    m = 5
    by_hand = -sum(
        yi * math.log(ai) + (1 - yi) * math.log(1 - ai)
        for yi, ai in zip(y, a, strict=True)
    )
    assert float(value) == pytest.approx(by_hand / m, rel=1e-14)
    np.testing.assert_allclose(dw, x.T @ (a - y) / m, rtol=1e-12)
    assert float(db) == pytest.approx(float(np.mean(a - y)), rel=1e-12)


def test_the_layers_are_counted_and_drawn():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
    summary = str(nn.summary(model, np.zeros((1, 3), "float32")))
    assert "(1, 4)" in summary
    assert "(1, 2)" in summary
    picture = drawing.network_svg(
        [{"values": [0.1] * n} for n in (3, 4, 2)],
        [np.asarray(model[0].weight.detach().data), model[2].weight.detach().data],
    )
    assert picture.count("<circle") >= 9
