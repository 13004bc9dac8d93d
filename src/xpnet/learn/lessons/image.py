"""Lesson 10. Image, vector, probability, and the cost with its Σ and its log."""

# What a learner reads has no annotations.
# mypy: allow-untyped-defs, allow-untyped-decorators, no-check-untyped-defs

from __future__ import annotations

import math

import numpy as np

import xpnet as xn
from xpnet import data, losses, xp

from . import TITLES
from .answers import Shape
from .derivative import Derivative
from .lesson import Lesson
from .number import Number
from .terminal import script

lesson = Lesson("image", TITLES["image"])

lesson.text("""
    To a computer an image is three tables of numbers: how much red, green and blue each
    pixel has, from 0 to 255. To a neuron it is one long row of numbers. Here is a very
    small image.
""")


@lesson.predict(
    "the image has 2 × 2 pixels with 3 colours each. Which shape has the vector, "
    "when all its numbers stand in one row?",
    Shape("x"),
)
def unroll():
    """Unroll an image into a vector, with numbers between 0 and 1."""
    image = np.asarray(
        [[[255, 120, 0], [250, 110, 10]], [[30, 20, 10], [200, 100, 5]]], dtype=np.uint8
    )
    x = data.image.unroll(image)
    print("image", image.shape, "→ vector", x.shape)
    print("first pixel:", x[:3].round(3), " second pixel:", x[3:6].round(3))
    return locals()


lesson.exercise(
    "A photograph of 64 × 64 pixels in colour becomes a vector of how many numbers?",
    Number(
        lambda v: 64 * 64 * 3,
        tolerance=0.0,
        mistakes=((lambda v: 64 * 64, "Each pixel has three numbers."),),
    ),
    hint="Height times width times colours.",
)

lesson.text("""
    One weight for each of these numbers, one bias, and a sigmoid: the result lies
    between 0 and 1, and we read it as the probability of "cat". This is logistic
    regression.

        z = wᵀx + b        a = σ(z)
""")


@lesson.code
def probability(x):
    """Go from the vector to a probability."""
    w, b = np.linspace(-1.0, 1.0, 12), 0.2
    z = w @ x + b
    a = float(xp.special.expit(z))
    print(f"z = {z:.4f}   a = σ(z) = {a:.4f}")
    return locals()


lesson.text("""
    How wrong is a probability? Let y be 1 for a cat and 0 for a dog. The probability
    that the neuron gave to what is true is a for a cat, and 1 − a for a dog; in one
    line, a^y · (1 − a)^(1 − y). We want it large. A logarithm turns products into sums,
    and a minus makes a cost of it:

        cost = −[ y·log(a) + (1 − y)·log(1 − a) ]

    For m examples it is the mean, with a Σ over them:

        J = −1/m · Σ [ y·log(a) + (1 − y)·log(1 − a) ]
""")

lesson.exercise(
    "A neuron that knows nothing says a = 0.5 to everything. What is its cost?",
    Number(
        lambda v: -math.log(0.5),
        mistakes=(
            (lambda v: math.log(0.5), "A cost is positive: mind the minus."),
            (lambda v: 0.5, "The cost is its logarithm, with a minus."),
            (lambda v: -math.log10(0.5), "It is the natural logarithm, to base e."),
        ),
    ),
    hint="Either term gives −log(0.5).",
)


@lesson.code
def confident():
    """See what it costs to be sure, when the answer is cat: y = 1."""
    for a in (0.99, 0.9, 0.5, 0.1, 0.01):
        print(f"a = {a:4}   cost {-float(xp.log(xn.asarray(a))):.4f}")
    return locals()


lesson.text("""
    To be sure and wrong is expensive: the cost has no upper end. That is what the
    logarithm is for. Now derive, link by link.
""")

lesson.exercise(
    "The cost by a: derive −(y·log(a) + (1 − y)·log(1 − a)) with respect to a.",
    Derivative(
        "-(y*log(a) + (1 - y)*log(1 - a))",
        "a",
        "-y/a + (1 - y)/(1 - a)",
        "a y",
        low=0.1,
        high=0.9,
        mistakes=(
            ("-y/a - (1 - y)/(1 - a)", "1 − a has the derivative −1: a chain rule."),
            ("y/a - (1 - y)/(1 - a)", "The size is right, the sign is not."),
            ("-1/a + 1/(1 - a)", "y and 1 − y stay as factors: they are constants."),
        ),
    ),
    hint="log(a) gives 1/a; log(1 − a) gives −1/(1 − a).",
)

lesson.exercise(
    "Now with a = σ(z): the cost by z. Multiply with σ′ = a(1 − a), and simplify. It "
    "becomes surprisingly short. (Type σ(z) for a.)",
    Derivative(
        "-(y*log(sigmoid(z)) + (1 - y)*log(1 - sigmoid(z)))",
        "z",
        "sigmoid(z) - y",
        "z y",
        mistakes=(
            ("z - y", "Nearly: it is σ(z), the probability, that is compared with y."),
            ("y - sigmoid(z)", "The size is right, the sign is not."),
        ),
    ),
    hint="(−y/a + (1 − y)/(1 − a)) · a(1 − a) = −y(1 − a) + (1 − y)a. Multiply out.",
)

lesson.exercise(
    "And by one weight, with z = w·x + b?",
    Derivative(
        "-(y*log(sigmoid(w*x + b)) + (1 - y)*log(1 - sigmoid(w*x + b)))",
        "w",
        "(sigmoid(w*x + b) - y)*x",
        "w x b y",
        mistakes=(
            ("sigmoid(w*x + b) - y", "That is ∂J/∂z, and ∂J/∂b. ∂z/∂w is missing."),
        ),
    ),
    hint="∂J/∂z is σ(z) − y, and ∂z/∂w is what stands beside w.",
)


@lesson.code
def batch():
    """Compare the derivation with the library's cost, for 5 examples of 12 numbers."""
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(5, 12)), np.asarray([1.0, 0.0, 1.0, 1.0, 0.0])
    w = xn.asarray(rng.normal(size=12), requires_grad=True)
    z = X @ w
    a = xp.special.expit(z)
    J = -xp.mean(y * xp.log(a) + (1 - y) * xp.log(1 - a))
    library = losses.binary_cross_entropy_with_logits(z, xn.asarray(y))
    by_hand = X.T @ (a.detach().numpy() - y) / 5
    library.backward()
    print(f"cost {float(J):.10f}, the library's {float(library):.10f}")
    print("by hand minus the tape:", abs(by_hand - w.grad.numpy()).max())
    return locals()


@lesson.bug(
    "cost",
    at=lambda: (np.asarray([0.5, -1.0, 2.0, 0.1]), np.asarray([1.0, 0.0, 0.0, 1.0])),
    line="dz = g * (a - y)",
    fixes=(
        "dz = g * (a - y) / m",
        "dz = g * (y - a) / m",
        "dz = g * (a - y) * a * (1 - a) / m",
    ),
    hint="Compare the two numbers: by which factor do they differ? What is missing?",
)
def forgotten_mean():
    """Read this cost with a rule from a paper; its learning rates never fit."""

    @xn.custom_vjp
    def cost(z, y):
        a = xp.special.expit(z)
        return -xp.mean(y * xp.log(a) + (1 - y) * xp.log(1 - a))

    @cost.defvjp
    def rule(g, out, z, y):
        m = z.shape[0]
        a = xp.special.expit(z)
        dz = g * (a - y)
        dy = g * (xp.log(1 - a) - xp.log(a)) / m
        return dz, dy

    return locals()


if __name__ == "__main__":
    script(lesson)
