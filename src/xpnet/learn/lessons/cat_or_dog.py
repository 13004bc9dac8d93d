"""Lesson 12. A classifier of pictures, from the pixels to the test."""

# mypy: allow-untyped-defs, allow-untyped-decorators

from __future__ import annotations

import numpy as np

import xpnet as xn
from xpnet import data, losses, metrics, nn, optim

from . import TITLES
from .answers import Number, Shape
from .lesson import Lesson
from .terminal import play

lesson = Lesson("cat-or-dog", TITLES["cat-or-dog"])

lesson.text("""
    Now everything together. A classifier that tells cats from dogs needs pictures of
    both, and none come with this library. So we take what is at hand and learn the same
    way: patches of pictures, of two kinds.
""")


@lesson.predict(
    "each patch is 8 × 8 pixels in 3 colours. Which shape has a batch of 64 of them, "
    "unrolled into vectors?",
    Shape(lambda v: (64, 8 * 8 * 3)),
)
def pictures():
    """Make patches with stripes: lying ones are kind 0, standing ones are kind 1."""
    rng = np.random.default_rng(0)
    y = np.arange(600) % 2
    phase = rng.uniform(0, 2 * np.pi, size=(600, 1))
    stripes = np.sin(np.arange(8) + phase)[:, :, None] + np.zeros((600, 8, 8))
    stripes[y == 1] = stripes[y == 1].transpose(0, 2, 1)
    images = stripes[:, :, :, None] + 0.7 * rng.normal(size=(600, 8, 8, 3))
    X = xn.asarray(images.reshape(600, -1).astype(np.float32))
    Y = xn.asarray(y[:, None].astype(np.float32))
    print("images", images.shape, "→ vectors", X.shape)
    return locals()


lesson.text("""
    Before training, some are put aside. They are the test: the network never learns
    from them, and only they say what it knows.
""")


@lesson.code
def training(X, Y):
    """Write the three steps once, for any model."""

    def train(model, epochs=30):
        adam = optim.Adam(model.parameters(), lr=0.005)
        rows = data.Dataset(X.numpy()[:450], Y.numpy()[:450])
        for _ in range(epochs):
            for x, y in data.DataLoader(rows, batch_size=50, shuffle=True, rng=0):
                loss = losses.binary_cross_entropy_with_logits(model(x), y)  # forward
                adam.zero_grad()
                loss.backward()  # backward
                adam.step()  # update
        seen = float(metrics.accuracy(model(X[:450, :]), Y[:450, :]))
        unseen = float(metrics.accuracy(model(X[450:, :]), Y[450:, :]))
        print(f"right on what it learned from {seen:.1%}, on the test {unseen:.1%}")
        return unseen

    return locals()


@lesson.predict(
    "logistic regression: one neuron, one weight for each of the {X.shape[1]} numbers. "
    "Which share of the test does it get right, between 0 and 1?",
    Number("logistic", tolerance=0.2),
)
def without_hidden(X, train):
    """Train one neuron."""
    logistic = train(nn.Linear(X.shape[1], 1, rng=0))
    return locals()


@lesson.predict(
    "now with a hidden layer of 32 neurons with ReLU. Which share?",
    Number("hidden", tolerance=0.06),
)
def with_hidden(X, train):
    """Train one hidden layer."""
    model = nn.Sequential(
        nn.Linear(X.shape[1], 32, rng=0), nn.ReLU(), nn.Linear(32, 1, rng=1)
    )
    hidden = train(model)
    return locals()


lesson.text("""
    From {logistic:.0%} to {hidden:.0%}: an honest reason for a hidden layer.
""")

lesson.exercise(
    "How many numbers does the network with the hidden layer learn?",
    Number(
        lambda v: sum(p.size for p in v["model"].parameters()),
        tolerance=0.0,
        mistakes=(
            (lambda v: v["X"].shape[1] * 32 + 32, "The biases are missing: 32 and 1."),
        ),
    ),
    hint="Weights and biases of the hidden layer, then those of the output.",
)

if __name__ == "__main__":
    play(lesson)
