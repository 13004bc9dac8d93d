"""Lesson 6. What bends: ReLU, sigmoid, tanh, and how their slopes multiply."""

# What a learner reads has no annotations.
# mypy: allow-untyped-defs, allow-untyped-decorators, no-check-untyped-defs

from __future__ import annotations

import numpy as np

import xpnet as xn
from xpnet import xp

from . import TITLES
from .answers import Choice
from .derivative import Derivative
from .lesson import Lesson
from .number import Number
from .terminal import script

lesson = Lesson("activations", TITLES["activations"])

lesson.text("""
    After the sum z comes an activation, a function that bends. Three of them are enough
    to begin with:

        relu(z)     z where z > 0, else 0
        sigmoid(z)  1 / (1 + exp(−z)), written σ(z): between 0 and 1
        tanh(z)     between −1 and 1
""")


@lesson.code
def slopes():
    """Look at each function and its slope."""
    relu, sigmoid = xp.special.relu, xp.special.expit
    print("     z    relu  slope     σ(z)   slope     tanh   slope")
    for z in (-4.0, -1.0, 0.5, 1.0, 4.0):
        columns = []
        for f in (relu, sigmoid, xp.tanh):
            value, slope = xn.value_and_grad(lambda z, f=f: f(z))(xn.asarray(z))
            columns += [float(value), float(slope)]
        print(
            f"{z:6.1f} {columns[0]:7.3f} {columns[1]:6.3f} {columns[2]:8.4f} "
            f"{columns[3]:7.4f} {columns[4]:8.4f} {columns[5]:7.4f}"
        )
    return locals()


lesson.exercise(
    "What is the slope of ReLU at z = −2?",
    Number(
        lambda v: xn.grad(v["relu"])(-2.0),
        mistakes=((lambda v: 1.0, "That is its slope on the right side of 0."),),
    ),
    hint="Left of 0 the function is 0 everywhere.",
)

lesson.exercise(
    "The slope of the sigmoid can be written with the sigmoid itself. What is it? "
    "(Type sigmoid(z) or σ(z).)",
    Derivative(
        "sigmoid(z)",
        "z",
        "sigmoid(z)*(1 - sigmoid(z))",
        mistakes=(
            ("z*(1 - z)", "Nearly: it is written with σ(z), not with z."),
            ("1 - sigmoid(z)", "That is one of the two factors."),
            ("1 - sigmoid(z)**2", "That is the form of tanh; σ has another one."),
        ),
    ),
    hint="At 0, σ is 1/2 and its slope is 1/4. Far out, where σ is 0 or 1, the slope "
    "is 0.",
)

lesson.exercise(
    "And the slope of tanh?",
    Derivative(
        "tanh(z)",
        "z",
        "1 - tanh(z)**2",
        mistakes=(
            ("tanh(z)*(1 - tanh(z))", "That is the form of the sigmoid."),
            ("1 - tanh(z)", "One square is missing."),
            ("1 - z**2", "Nearly: it is written with tanh(z), not with z."),
        ),
    ),
    hint="At 0 it is 1. Far out, where tanh is 1 or −1, it is 0.",
)

lesson.exercise(
    "How large can the slope of the sigmoid become at most?",
    Number(
        lambda v: xn.grad(v["sigmoid"])(0.0),
        mistakes=(
            (lambda v: 0.5, "That is σ(0). What is σ·(1 − σ) there?"),
            (lambda v: 1.0, "σ and 1 − σ cannot both be 1."),
        ),
    ),
    hint="σ·(1 − σ) is largest where the two factors are equal.",
)

lesson.text("""
    Now remember the chain rule: the factors multiply. A deep network of sigmoids has
    one such factor for each layer, and each is a quarter or less.
""")


@lesson.predict(
    "ten sigmoids, one inside the other, starting at 0. How large is the slope of the "
    "whole? Its order of magnitude is enough, such as 1e-3.",
    Number("deep", within=10.0),
)
def vanishing(relu, sigmoid):
    """Send a number through ten layers of each kind, and ask for the slope."""

    def repeated(f, times):
        def g(z):
            for _ in range(times):
                z = f(z)
            return z

        return g

    deep = float(xn.grad(repeated(sigmoid, 10))(xn.asarray(0.0)))
    print(f"sigmoid {deep:.2e}")
    for name, f in (("tanh", xp.tanh), ("relu", relu)):
        print(f"{name:7} {float(xn.grad(repeated(f, 10))(xn.asarray(0.5))):.2e}")
    return locals()


lesson.text("""
    The first layer of such a network hardly learns: its gradient has vanished on the
    way. ReLU's slope is 1 wherever it is open, and that is why deep networks use it.
    Its price: where z stays below 0 for every example, the slope is 0 and nothing moves
    the neuron's weights any more. People call it dead.
""")

lesson.exercise(
    "A hidden neuron with ReLU gives 0 for every example. What is the gradient of its "
    "weights?",
    Choice(
        {
            "Small, but enough to recover.": "ReLU's slope is exactly 0 there.",
            "Exactly 0: no step of gradient descent moves it.": "",
            "It depends on the learning rate.": "A multiple of 0 is 0.",
        }
    ),
    hint="One factor of the chain is the slope of ReLU.",
)


@lesson.bug(
    "sigmoid",
    at=lambda: (np.asarray([-1.0, 0.2, 3.0]),),
    line="return g * z * (1 - z)",
    fixes=("return g * out * (1 - out)", "return g * out * (1 - z)", "return g * out"),
    hint="The rule is given the result too, as `out`. Which of the two stands in "
    "σ(z)(1 − σ(z))?",
)
def wrong_place():
    """Read this sigmoid by somebody who knows its slope by heart, nearly."""

    @xn.custom_vjp
    def sigmoid(z):
        return 1 / (1 + xp.exp(-z))

    @sigmoid.defvjp
    def rule(g, out, z):
        return g * z * (1 - z)

    return locals()


if __name__ == "__main__":
    script(lesson)
