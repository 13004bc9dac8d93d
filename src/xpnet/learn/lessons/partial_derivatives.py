"""Lesson 4. Many variables: one derivative for each, the others held constant."""

# What a learner reads has no annotations.
# mypy: allow-untyped-defs, allow-untyped-decorators, no-check-untyped-defs

from __future__ import annotations

import numpy as np

import xpnet as xn
from xpnet import xp

from . import TITLES
from .answers import Shape
from .derivative import Derivative
from .lesson import Lesson
from .number import Number
from .terminal import script

lesson = Lesson("partial-derivatives", TITLES["partial-derivatives"])

lesson.text("""
    A network has many weights. We ask each of them the same question as before, one at
    a time, and while we ask one, all others are held constant: we treat them as if
    they were plain numbers. Such a derivative is called partial, and its sign is ∂
    instead of d.

    Inside every neuron stands one simple sum:

        z = W1·x1 + W2·x2 + … + Wn·xn + b
""")


@lesson.predict(
    "the inputs are x = (2, −1, 0.5). What is ∂z/∂W1, the derivative with respect to "
    "the first weight?",
    Number(
        lambda v: v["dW"][0],
        mistakes=(
            (lambda v: v["W"][0], "That is W1 itself. By what is W1 multiplied?"),
            (lambda v: v["W"][0] * 2.0, "That is the term W1·x1. Now move W1."),
        ),
    ),
)
def partials():
    """Ask the tape for all partial derivatives of one neuron's sum."""
    W, x, b = np.asarray([3.0, 1.0, -2.0]), np.asarray([2.0, -1.0, 0.5]), 0.1

    def z(W, x, b):
        return xp.sum(W * x) + b

    dW, dx, db = xn.grad(z, argnums=(0, 1, 2))(W, x, b)
    print("∂z/∂W", dW, "with x and b held constant")
    print("∂z/∂x", dx, "with W and b held constant")
    print("∂z/∂b", db, "with W and x held constant")
    return locals()


lesson.text("""
    Read the first line again: ∂z/∂Wi = xi. A weight's influence is the input that it
    stands beside. A large input gives its weight a large say; an input of 0 gives none.
""")

lesson.exercise(
    "z = W1·x1 + W2·x2 + b. What is ∂z/∂W2?",
    Derivative("W1*x1 + W2*x2 + b", "W2", "x2", "W1 x1 W2 x2 b"),
    hint="W1, x1, x2 and b are held constant. Only one term moves.",
)

lesson.exercise(
    "And ∂z/∂b?",
    Derivative("W1*x1 + W2*x2 + b", "b", "1", "W1 x1 W2 x2 b"),
    hint="If b grows by 0.1, by how much does z grow?",
)

lesson.exercise(
    "f = x²·y + y³. What is ∂f/∂x?",
    Derivative(
        "x**2*y + y**3",
        "x",
        "2*x*y",
        "x y",
        mistakes=(
            ("2*x", "y is held constant, like a number; 5x² would give 10x, not 2x."),
            ("2*x*y + 3*y**2", "y is held constant: y³ does not move with x."),
            ("2*x*y + y**3", "y³ does not move with x, and so it contributes 0."),
        ),
    ),
    hint="Think of y as of the number 5: f = 5x² + 125.",
)

lesson.text("""
    All partial derivatives together, in a list of the same shape as the weights, are
    the gradient. It points where f grows fastest, so training walks against it.
""")


@lesson.code
def gradient():
    """Take the same short step in four directions, one of them the gradient's."""

    def f(p):
        return p[0] ** 2 * p[1] + p[1] ** 3

    point = np.asarray([1.0, 1.0])
    slope = xn.grad(f)(point)
    print("gradient", slope)
    uphill = slope / np.linalg.norm(slope)
    for name, way in [
        ("the gradient", uphill),
        ("x alone", np.asarray([1.0, 0.0])),
        ("y alone", np.asarray([0.0, 1.0])),
        ("against the gradient", -uphill),
    ]:
        moved = f(point + 0.01 * way) - f(point)
        print(f"0.01 along {name:21} f moves by {moved:+.4f}")
    return locals()


lesson.exercise(
    "A layer has a weight matrix of shape (8, 3). Which shape has the gradient of the "
    "loss with respect to it?",
    Shape(lambda v: (8, 3)),
    hint="One partial derivative for each weight.",
)


if __name__ == "__main__":
    script(lesson)
