"""Lesson 9. Valleys and steps: learning rate, momentum, Adam."""

# What a learner reads has no annotations.
# mypy: allow-untyped-defs, allow-untyped-decorators, no-check-untyped-defs

from __future__ import annotations

import numpy as np

import xpnet as xn
from xpnet import optim

from . import TITLES
from .answers import Choice
from .derivative import Derivative
from .lesson import Lesson
from .number import Number
from .terminal import script

lesson = Lesson("landscape", TITLES["landscape"])

lesson.text("""
    Think of the loss as a landscape: two weights are east and north, the loss is the
    height. Training walks downhill in fog, feeling only the slope underfoot.

    A first landscape has two valleys: f(x) = x⁴ − 3x² + x.
""")


@lesson.predict(
    "two walkers start at x = −0.5 and at x = 0.5. Do they meet?",
    Choice(
        {
            "Yes: gradient descent finds the lowest point.": (
                "It only feels the slope where it stands, and walks down from there."
            ),
            "No: each ends in the valley on its own side.": "",
        }
    ),
)
def valleys():
    """Walk down from both places."""

    def f(x):
        return x**4 - 3 * x**2 + x

    ends = []
    for start in (-0.5, 0.5):
        x = start
        for _ in range(200):
            x = x - 0.05 * xn.grad(f)(x)
        ends.append(x)
        slope = xn.grad(f)(x)
        print(f"from {start:4} to x = {x:.4f}, f = {f(x):.4f}, slope {slope:.1e}")
    left, right = ends
    return locals()


lesson.exercise(
    "At the bottom of a valley, what is the slope?",
    Number(lambda v: 0.0),
    hint="Neither way goes down any more.",
)

lesson.exercise(
    "Derive by hand: f = x⁴ − 3x² + x.",
    Derivative("x**4 - 3*x**2 + x", "x", "4*x**3 - 6*x + 1"),
    hint="Term by term.",
)

lesson.text("""
    One valley is deeper than the other: {left:.3f} is the place of the deeper one. Both
    are minima; only one is the global one. Gradient descent does not know which it is
    in. In large networks the valleys that it finds are often about equally good.

    The second landscape is a long, narrow valley: f(x, y) = x² + 20y². One learning
    rate has to serve both directions.
""")


@lesson.code
def narrow():
    """Walk in the narrow valley with three learning rates."""

    def f(p):
        return p[0] ** 2 + 20 * p[1] ** 2

    for learning_rate in (0.005, 0.04, 0.051):
        p = np.asarray([4.0, 1.0])
        for _ in range(50):
            p = p - learning_rate * xn.grad(f)(p)
        print(f"learning rate {learning_rate:<6} f after 50 steps: {f(p):.3g}")
    return locals()


lesson.exercise(
    "Along y the step is y − learning_rate · 40y. From which learning rate on does y "
    "no longer shrink?",
    Number(
        lambda v: 2 / 40,
        mistakes=(
            (lambda v: 1 / 40, "There y becomes 0 in one step: the best one for y."),
        ),
    ),
    hint="1 − 40·learning_rate is the factor of each step. When does it reach −1?",
)

lesson.text("""
    Momentum lets the steps build up speed where they agree, and cancels them where they
    go to and fro. Adam gives every weight a step size of its own: it divides by the
    size of the recent gradients.
""")


@lesson.code
def race(f):
    """Run three optimizers from the same place."""

    def run(make):
        p = xn.asarray([4.0, 1.0], requires_grad=True)
        optimizer = make([p])
        for _ in range(50):
            optimizer.zero_grad()
            f(p).backward()
            optimizer.step()
        return float(f(p))

    plain = run(lambda p: optim.SGD(p, lr=0.04))
    momentum = run(lambda p: optim.SGD(p, lr=0.04, momentum=0.8))
    adam = run(lambda p: optim.Adam(p, lr=0.5))
    print(f"SGD {plain:.3g}   with momentum {momentum:.3g}   Adam {adam:.3g}")
    return locals()


lesson.text("""
    No optimizer is ahead on every landscape: it depends on the valley, on the learning
    rate, and on how long you walk. What is special about Adam shows in its first step.
""")


@lesson.predict(
    "Adam's first step with learning rate 0.1. The two gradients are 8 and 40. How far "
    "does the second weight move?",
    Number(
        lambda v: abs(v["moved"][1]),
        mistakes=(
            (lambda v: 4.0, "That is SGD's step. Adam divides by the gradient's size."),
        ),
    ),
)
def first_step(f):
    """Take one step of Adam, and see first where it comes from."""
    p = xn.asarray([4.0, 1.0], requires_grad=True)
    adam = optim.Adam([p], lr=0.1)
    f(p).backward()
    print(xn.explain_step(adam, p))
    before = p.detach().numpy().copy()
    adam.step()
    moved = p.detach().numpy() - before
    return locals()


lesson.text("""
    Both weights move by the learning rate, however steep their slopes are: m̂/√v̂ is 1
    at the first step.
""")

lesson.exercise(
    "The loss of your network grows and then becomes nan. What do you try first?",
    Choice(
        {
            "A smaller learning rate.": "",
            "More epochs.": "Each step leads further away; more of them do not help.",
            "A larger learning rate.": "The steps are too long already.",
        }
    ),
    hint="What did 0.051 do in the narrow valley?",
)


if __name__ == "__main__":
    script(lesson)
