"""Lesson 7. One neuron, step by step, with every number."""

# What a learner reads has no annotations.
# mypy: allow-untyped-defs, allow-untyped-decorators, no-check-untyped-defs

from __future__ import annotations

import xpnet as xn
from xpnet import optim, xp

from . import TITLES
from .answers import Choice
from .lesson import Lesson
from .number import Number
from .terminal import script

lesson = Lesson("neuron", TITLES["neuron"])

lesson.text("""
    Everything so far fits into one neuron that learns from one example. Forward:

        z    = w·x + b
        a    = σ(z)
        loss = (a − y)²
""")


@lesson.code
def forward():
    """Compute forward, one line at a time; the tape remembers each."""
    x, y = 1.5, 1.0
    w = xn.asarray(0.8, requires_grad=True)
    b = xn.asarray(-0.5, requires_grad=True)
    z = w * x + b
    a = xp.special.expit(z)
    loss = (a - y) ** 2
    print(f"z = {z:.4f}   a = {a:.4f}   loss = {loss:.4f}")
    return locals()


lesson.text("""
    Now backward, link by link. Each of the next three answers is one factor; type a
    number with three digits or more.
""")

lesson.exercise(
    "a = {a:.4f} and y = {y:g}. What is ∂loss/∂a?",
    Number(
        lambda v: 2 * (float(v["a"]) - v["y"]),
        mistakes=(
            (lambda v: float(v["a"]) - v["y"], "The power 2 comes down as a factor."),
            (lambda v: float(v["loss"]), "That is the loss itself."),
        ),
    ),
    hint="loss = (a − y)², so ∂loss/∂a = 2(a − y).",
)

lesson.exercise(
    "What is ∂a/∂z?",
    Number(
        lambda v: float(v["a"]) * (1 - float(v["a"])),
        mistakes=(
            (
                lambda v: float(v["z"]) * (1 - float(v["z"])),
                "σ′ is written with a = σ(z), not with z.",
            ),
            (lambda v: 1 - float(v["a"]), "That is one of the two factors."),
            (lambda v: float(v["a"]), "That is a itself."),
        ),
    ),
    hint="σ′(z) = σ(z)·(1 − σ(z)), and σ(z) is a.",
)

lesson.exercise(
    "And ∂z/∂w?",
    Number(
        "x",
        mistakes=(
            ("w", "w is what moves. By what is it multiplied?"),
            ("z", "That is z itself."),
        ),
    ),
    hint="z = w·x + b, with x and b held constant.",
)

lesson.exercise(
    "Now the whole: what is ∂loss/∂w?",
    Number(
        lambda v: 2 * (float(v["a"]) - v["y"]) * float(v["a"] * (1 - v["a"])) * v["x"],
        mistakes=(
            (
                lambda v: 2 * (float(v["a"]) - v["y"]) * float(v["a"] * (1 - v["a"])),
                "The last factor is missing: ∂z/∂w. What you have is ∂loss/∂b.",
            ),
            (
                lambda v: 2 * (float(v["a"]) - v["y"]) * v["x"],
                "The activation is missing: ∂a/∂z.",
            ),
        ),
    ),
    hint="Multiply the three factors.",
)


@lesson.code
def backward(loss, w):
    """Let the tape show the same path: names, symbols, numbers."""
    print(xn.explain(loss, wrt=w))
    return locals()


lesson.exercise(
    "The path from b is the same but for its last factor. What is ∂z/∂b?",
    Number(lambda v: 1.0, mistakes=(("x", "That belongs to w. b is only added."),)),
    hint="z = w·x + b: a step of b is a step of z.",
)


@lesson.predict(
    "now one update with learning rate 0.5. Will the loss be smaller?",
    Choice(
        {
            "Yes: both w and b step against their gradients.": "",
            "No: a neuron needs more than one example.": (
                "More examples make it useful, but one is enough to learn that one."
            ),
        }
    ),
)
def update(w, b, x, y, loss):
    """Go backward, step once, and go forward again."""
    sgd = optim.SGD([w, b], lr=0.5)
    sgd.zero_grad()
    loss.backward()
    print(f"gradients: w {w.grad:.4f}, b {b.grad:.4f}")
    sgd.step()
    better = (xp.special.expit(w * x + b) - y) ** 2
    print(f"loss before {loss:.4f}, after {better:.4f}")
    return locals()


lesson.text("""
    Forward, backward, update: these three steps, many times, are all of training. The
    next lesson does them for a whole layer at once.
""")


if __name__ == "__main__":
    script(lesson)
