"""Lesson 5. The chain rule: multiply along a path, add over paths."""

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

lesson = Lesson("chain-rule", TITLES["chain-rule"])

lesson.text("""
    A network is functions inside functions: a weight moves z, z moves the output, the
    output moves the loss. If w moves z three times as fast, and z moves the loss twice
    as fast, then w moves the loss six times as fast. Rates multiply along the way:

        dL/dW = dL/dOut × dOut/dZ × dZ/dW
""")


@lesson.predict(
    "u = 3x + 1 and y = u². At x = 1, what is dy/dx?",
    Number(
        "whole",
        mistakes=(
            (lambda v: 8.0, "That is dy/du. On the way from x, u moves 3 times."),
            (lambda v: 6.0, "2u belongs at u, which is 4, not at x."),
            (lambda v: 16.0, "That is y itself."),
        ),
    ),
)
def links():
    """Take the two rates apart, and put them together."""
    x = 1.0
    u = 3 * x + 1
    dy_du = xn.grad(lambda u: u**2)(u)
    du_dx = xn.grad(lambda x: 3 * x + 1)(x)
    whole = xn.grad(lambda x: (3 * x + 1) ** 2)(x)
    print(f"dy/du {dy_du}  ×  du/dx {du_dx}  =  {dy_du * du_dx}")
    print(f"the tape says {whole}")
    return locals()


lesson.exercise(
    "Derive by hand: y = (3x + 1)².",
    Derivative("(3*x + 1)**2", "x", "6*(3*x + 1)"),
    hint="The square first, with what is inside left as it is; then times the "
    "derivative of what is inside.",
)

lesson.exercise(
    "Derive by hand: y = exp(−x²).",
    Derivative("exp(-x**2)", "x", "-2*x*exp(-x**2)"),
    hint="exp is its own derivative, at the same place: exp(−x²). Then what is inside.",
)

lesson.text("""
    Now the chain of a neuron: z = w·x, out = σ(z), L = (out − y)². Three links, three
    factors. (σ is the sigmoid, 1 / (1 + exp(−z)), and its derivative is σ·(1 − σ). The
    next lesson is about it.)
""")


@lesson.code
def neuron():
    """Let the tape name each factor on the way from w to the loss."""
    w = xn.asarray(0.5, requires_grad=True)
    x, y = 2.0, 1.0
    z = w * x
    out = xp.special.expit(z)
    loss = (out - y) ** 2
    print(xn.explain(loss, wrt=w))
    return locals()


lesson.exercise(
    "Derive by hand: L = (σ(w·x) − y)², with respect to w. (σ′ is σ·(1 − σ).)",
    Derivative(
        "(sigmoid(w*x) - y)**2",
        "w",
        "2*(sigmoid(w*x) - y)*sigmoid(w*x)*(1 - sigmoid(w*x))*x",
        "w x y",
    ),
    hint="Three factors: the square's, the sigmoid's (at w·x), and ∂z/∂w.",
)

lesson.text("""
    What if a number reaches the loss in two ways? y = x·x is the smallest example: x is
    the left factor and the right factor. Along one path the rates multiply; the two
    paths then add.
""")


@lesson.code
def two_paths():
    """Ask for the paths of x·x at 3."""
    x = xn.asarray(3.0, requires_grad=True)
    y = x * x
    print(xn.explain(y, wrt=x))
    return locals()


lesson.exercise(
    "Derive by hand: y = x·tanh(x). (tanh′ is 1 − tanh².)",
    Derivative("x*tanh(x)", "x", "tanh(x) + x*(1 - tanh(x)**2)"),
    hint="Two paths: hold the right factor constant, then the left one, and add.",
)

lesson.text("""
    This is why backpropagation sorts the steps first: a step may pass its derivative on
    only when all of its own have arrived. The tape goes through the steps so that each
    comes after everything that uses it. That order is called topological.
""")


@lesson.predict(
    "a = 2x, b = a + 1, L = a·b. The tape goes backward from L. Which order is right?",
    Choice(
        {
            "L, a, b: a stands on the left in a·b.": (
                "b hands something to a as well: a would pass on only a part."
            ),
            "L, b, a: a waits until b has handed on its part.": "",
            "a, b, L: as they were computed.": (
                "Backward begins at L: its derivative by itself is 1."
            ),
        }
    ),
)
def waiting():
    """See the two paths that meet at a."""
    x = xn.asarray(1.0, requires_grad=True)
    a = 2 * x
    b = a + 1
    L = a * b
    print(xn.explain(L, wrt=x))
    return locals()


@lesson.bug(
    "wave",
    at=lambda: (np.asarray([0.5, -1.2, 2.0]),),
    line="dx = g * x * (1 - xp.tanh(x) ** 2)  # through the right factor",
    fixes=(
        "dx += g * x * (1 - xp.tanh(x) ** 2)  # through the right factor",
        "dx *= g * x * (1 - xp.tanh(x) ** 2)  # through the right factor",
        "dx -= g * x * (1 - xp.tanh(x) ** 2)  # through the right factor",
    ),
    hint="There are two paths. What becomes of the first one?",
)
def overwritten():
    """Read this rule for x · tanh(x), with one line for each path."""

    @xn.custom_vjp
    def wave(x):
        return x * xp.tanh(x)

    @wave.defvjp
    def rule(g, out, x):
        dx = g * xp.tanh(x)  # through the left factor
        dx = g * x * (1 - xp.tanh(x) ** 2)  # through the right factor
        return dx

    return locals()


if __name__ == "__main__":
    script(lesson)
