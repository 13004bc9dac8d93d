"""Lesson 8. Backpropagation in three steps, for a layer and a batch."""

# What a learner reads has no annotations.
# mypy: allow-untyped-defs, allow-untyped-decorators, no-check-untyped-defs

from __future__ import annotations

import numpy as np

import xpnet as xn
from xpnet import optim, xp

from . import TITLES
from .answers import Choice, Shape
from .lesson import Lesson
from .number import Number
from .terminal import script

lesson = Lesson("backpropagation", TITLES["backpropagation"])

lesson.text("""
    A layer is several neurons side by side: its weights are the rows of a matrix. A
    batch is several examples at once: the rows of another matrix. Then one product of
    matrices computes every neuron for every example:

        Z = X · Wᵀ + b

    Step 1 is forward.
""")


@lesson.code
def forward():
    """Go forward: 4 examples of 3 numbers, through 2 neurons."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    W = xn.asarray(rng.normal(size=(2, 3)), requires_grad=True)
    b = xn.asarray(np.zeros(2), requires_grad=True)
    Z = X @ W.T + b
    A = xp.tanh(Z)
    loss = xp.sum((A - Y) ** 2) / 4
    print("X", X.shape, " W", W.shape, " b", b.shape)
    print(f"loss {loss:.4f}, the mean over the 4 examples")
    return locals()


lesson.exercise(
    "X is (4, 3) and Wᵀ is (3, 2). Which shape has Z?",
    Shape("Z"),
    hint="The inner numbers meet and vanish; the outer ones remain.",
)

lesson.exercise(
    "Which shape has dZ, the gradient of the loss with respect to Z?",
    Shape("Z"),
    hint="A gradient has one number for each number that it belongs to.",
)

lesson.text("""
    Step 2 is backward, and the shapes lead the way. The loss is a number, so each
    gradient has the shape of its array. dZ comes first; from it dW, db and dX follow.
""")

lesson.exercise(
    "dW must have the shape of W, (2, 3). dZ is (4, 2) and X is (4, 3). Which product?",
    Choice(
        {
            "dZ · X": "The inner numbers do not meet: (4, 2) and (4, 3).",
            "X · dZᵀ": "The inner numbers do not meet: (4, 3) and (2, 4).",
            "dZᵀ · X": "",
            "Xᵀ · dZ": "That is (3, 2): right up to a transpose.",
        }
    ),
    hint="Make a (2, …) and a (…, 3) meet. The 4 examples are what is summed.",
)


@lesson.code
def backward(X, Y, W, b, A, loss):
    """Go backward by hand, and compare with the tape."""
    a, weights = A.detach().numpy(), W.detach().numpy()
    dZ = 2 * (a - Y) / 4 * (1 - a**2)
    dW = dZ.T @ X
    db = dZ.sum(axis=0)
    dX = dZ @ weights
    loss.backward()
    print("dW differs from the tape's by", abs(dW - W.grad.numpy()).max())
    print("db differs from the tape's by", abs(db - b.grad.numpy()).max())
    print("dX", dX.shape, "is handed on to the layer before")
    return locals()


lesson.exercise(
    "Why is db the sum of dZ over the examples?",
    Choice(
        {
            "The same b is added to every example: four paths, and paths add.": "",
            "To make the numbers larger.": "What does b reach, and by how many ways?",
            "Because the loss is a mean.": (
                "The mean gave the division by 4 that is in dZ already."
            ),
        }
    ),
    hint="Count the ways by which one number of b reaches the loss.",
)

lesson.exercise(
    "dX is dZ · W. With dZ (4, 2) and W (2, 3), which shape is it?",
    Shape(lambda v: v["X"].shape),
    hint="It is the gradient of X.",
)


@lesson.predict(
    "step 3 is the update, W = W − 0.1 · dW. The gradient of W[0, 0] is "
    "{dW[0][0]:.4f}. By how much does W[0, 0] change?",
    Number(
        lambda v: -0.1 * v["dW"][0, 0],
        mistakes=(
            (lambda v: v["dW"][0, 0], "Times the learning rate, and against it."),
        ),
    ),
)
def update(X, Y, W, b, loss):
    """Update all weights at once."""
    old = W.detach().numpy().copy()
    optim.SGD([W, b], lr=0.1).step()
    print(f"W[0, 0] changed by {W.detach().numpy()[0, 0] - old[0, 0]:.4f}")
    after = xp.sum((xp.tanh(X @ W.T + b) - Y) ** 2) / 4
    print(f"loss before {loss:.4f}, after {after:.4f}")
    return locals()


lesson.text("""
    Here are two layers that somebody wrote. Both compute the right thing forward, and
    both learn wrongly: the most expensive kind of error, since nothing complains.
""")


@lesson.bug(
    "linear",
    at=lambda: tuple(np.random.default_rng(1).normal(size=(3, 3, 3))[:2]),
    line="dW = g @ x",
    fixes=("dW = g.T @ x", "dW = x @ g", "dW = x.T @ g"),
    hint="With square matrices every product fits, so the shapes do not warn. Which "
    "product did you choose above?",
)
def missing_transpose():
    """Read this layer of 3 neurons, for a batch of 3 examples of 3 numbers."""

    @xn.custom_vjp
    def linear(x, W):
        return x @ W.T

    @linear.defvjp
    def rule(g, out, x, W):
        dx = g @ W
        dW = g @ x
        return dx, dW

    return locals()


@lesson.bug(
    "scaled",
    at=lambda: (
        np.random.default_rng(2).normal(size=(4, 2)),
        np.asarray([0.5, -1.5]),
        np.asarray([0.1, 0.2]),
    ),
    line="db = g[0, :]",
    fixes=("db = xp.sum(g, axis=0)", "db = xp.mean(g, axis=0)", "db = g[-1, :]"),
    hint="Every example uses the same b.",
)
def forgotten_sum():
    """Read this layer, which scales and shifts; it was tried with one example only."""

    @xn.custom_vjp
    def scaled(x, s, b):
        return x * s + b

    @scaled.defvjp
    def rule(g, out, x, s, b):
        dx = g * s
        ds = xp.sum(g * x, axis=0)
        db = g[0, :]
        return dx, ds, db

    return locals()


if __name__ == "__main__":
    script(lesson)
