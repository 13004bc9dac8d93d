"""Lesson 11. What a hidden layer is for."""

# What a learner reads has no annotations.
# mypy: allow-untyped-defs, allow-untyped-decorators, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from xpnet import data, losses, metrics, nn, optim, xp

from . import TITLES
from .answers import Choice, Shape
from .lesson import Lesson
from .number import Number
from .terminal import script

lesson = Lesson("hidden-layers", TITLES["hidden-layers"])

lesson.text("""
    Logistic regression draws one straight line. Some things cannot be told apart by a
    straight line, and the smallest of them has four points: "exactly one of the two".

        (0, 0) → 0     (0, 1) → 1     (1, 0) → 1     (1, 1) → 0
""")


@lesson.predict(
    "points in a square; the label is 1 where exactly one coordinate is positive. A "
    "neuron with two weights and a bias is trained on them. What share does it get "
    "right, between 0 and 1?",
    Number("straight", tolerance=0.15),
)
def line():
    """Train one neuron, without a hidden layer."""
    points = data.xor(200, rng=0)
    X, y = points.arrays("cpu")
    y = y[:, None]

    def train(model, X=X, y=y, steps=300):
        adam = optim.Adam(model.parameters(), lr=0.03)
        for _ in range(steps):
            loss = losses.binary_cross_entropy_with_logits(model(X), y * 1.0)
            adam.zero_grad()
            loss.backward()
            adam.step()
        return float(metrics.accuracy(model(X), y))

    straight = train(nn.Linear(2, 1, rng=0))
    print(f"one neuron: {straight:.1%} right")
    return locals()


lesson.text("""
    {straight:.0%} is hardly better than guessing, and longer training does not help: no
    straight line does it. So let us put a layer in between, a hidden one.
""")


@lesson.predict(
    "two layers, 2 → 8 → 1, with nothing between them. Does it help?",
    Choice(
        {
            "Yes: more weights can draw a curve.": (
                "Sums of sums are sums: two matrices in a row are one matrix."
            ),
            "No: two linear layers are one linear layer.": "",
        }
    ),
)
def linear(train):
    """Train two layers without an activation, and then with one."""
    without = train(nn.Sequential(nn.Linear(2, 8, rng=0), nn.Linear(8, 1, rng=1)))
    print(f"without activation: {without:.1%} right")
    model = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Tanh(), nn.Linear(8, 1, rng=1))
    bent = train(model)
    print(f"with tanh between:  {bent:.1%} right")
    return locals()


lesson.text("""
    W2·(W1·x) = (W2·W1)·x: without something that bends in between, the hidden layer
    folds into one matrix. With tanh, {bent:.0%} are right.

    So a network has three kinds of layers. The input layer is the numbers that go in,
    here two. The output layer is the neurons whose answer is read, here one. What lies
    between them is hidden: nobody says from outside what it should answer.
""")

lesson.exercise(
    "W1 has the shape (8, 2) and W2 the shape (1, 8). Which shape has W2·W1?",
    Shape(lambda v: (1, 2)),
    hint="The inner numbers meet and vanish.",
)

lesson.exercise(
    "How many numbers does the network 2 → 8 → 1 learn, with its biases?",
    Number(
        lambda v: sum(p.size for p in v["model"].parameters()),
        tolerance=0.0,
        mistakes=(
            (lambda v: 2 * 8 + 8, "The biases are missing: one for each neuron."),
            (lambda v: 2 * 8 + 8 + 8, "The output neuron has a bias too."),
        ),
    ),
    hint="2·8 weights and 8 biases, then 8·1 weights and 1 bias.",
)

lesson.exercise(
    "A batch of 64 points goes into this network. Which shape has the output of the "
    "hidden layer?",
    Shape(lambda v: (64, 8)),
    hint="A row for each point, a column for each hidden neuron.",
)


@lesson.code
def layers(model):
    """Let the library count, layer by layer."""
    print(nn.summary(model, xp.zeros((64, 2), dtype=xp.float32)))
    return locals()


lesson.text("""
    What does a hidden layer do? It makes new features, in which a straight line is
    enough. For the four points two neurons with ReLU can be found by hand:

        h1 = relu(x1 + x2)     h2 = relu(x1 + x2 − 1)     out = h1 − 2·h2
""")


@lesson.code
def by_hand():
    """Check the four points with weights that nobody trained."""
    W1, b1 = np.asarray([[1.0, 1.0], [1.0, 1.0]]), np.asarray([0.0, -1.0])
    corners = np.asarray([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    hidden = xp.special.relu(corners @ W1.T + b1).numpy()
    out = hidden @ np.asarray([1.0, -2.0])
    for corner, h, o in zip(corners, hidden, out, strict=True):
        print(corner, "→ hidden", h, "→ out", o)
    return locals()


lesson.exercise(
    "At (1, 1), what is h2?",
    Number(
        lambda v: float(v["hidden"][3][1]),
        mistakes=((lambda v: 2.0, "That is h1; h2 has the bias −1."),),
    ),
    hint="1 + 1 − 1, and ReLU leaves what is positive.",
)

lesson.text("""
    Deeper networks fold the plane again and again. Two spirals that wind around each
    other twice are hard for one layer of eight neurons.
""")


@lesson.code
def spirals(train):
    """Train one hidden layer of 8 on two spirals, and then two of 32."""
    X, y = data.spirals(200, turns=2.0, rng=0).arrays("cpu")
    y = y[:, None]
    shallow = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Tanh(), nn.Linear(8, 1, rng=1))
    eight = train(shallow, X, y)
    deep = nn.Sequential(
        nn.Linear(2, 32, rng=0),
        nn.Tanh(),
        nn.Linear(32, 32, rng=1),
        nn.Tanh(),
        nn.Linear(32, 1, rng=2),
    )
    both = train(deep, X, y)
    print(f"one hidden layer of 8:   {eight:.1%} right")
    print(f"two hidden layers of 32: {both:.1%} right")
    return locals()


lesson.exercise(
    "A network has learned its training points to 100 %. What do you know about new "
    "points?",
    Choice(
        {
            "It will get all of them right.": (
                "It may have learned the noise of these points by heart."
            ),
            "Nothing yet: test it on points that it has not seen.": "",
            "It will get half of them right.": "That would be guessing.",
        }
    ),
    hint="What would a network do that had memorised every point?",
)


if __name__ == "__main__":
    script(lesson)
