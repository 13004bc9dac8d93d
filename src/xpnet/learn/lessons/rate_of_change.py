"""Lesson 1. Why calculus: how fast one number changes when another one moves."""

# What a learner reads has no annotations.
# mypy: allow-untyped-defs, allow-untyped-decorators, no-check-untyped-defs

from __future__ import annotations

import xpnet as xn

from . import TITLES
from .answers import Choice
from .derivative import Derivative
from .lesson import Lesson
from .number import Number
from .terminal import script

lesson = Lesson("rate-of-change", TITLES["rate-of-change"])

lesson.text("""
    Training a network means turning many knobs, its weights, until one number, the
    loss, is small. For every knob we need to know: if I turn it a tiny bit, how much
    does the loss move, and which way? That is a question about change, and calculus is
    the mathematics of change.

    Take the simplest curve that bends, y = x². We stand at x = 3 and take smaller and
    smaller steps.
""")


@lesson.predict(
    "at x = 3, y = x² is 9. Move x by a tiny amount. By which number is that "
    "amount multiplied on its way to y?",
    Number("slope", mistakes=(("y", "That is y itself. The question is its change."),)),
)
def steps():
    """Take a step, see how far y moves, and divide one by the other."""
    x = 3.0
    y = x**2
    for step in (1.0, 0.1, 0.01, 0.001):
        change = (x + step) ** 2 - y
        print(f"step {step:<6g} y moves {change:<10.6f} ratio {change / step:.4f}")

    slope = xn.grad(lambda x: x**2)(x)
    print(f"xn.grad says {slope}")
    return locals()


lesson.text("""
    The ratio settles at {slope:g}: at 3 a tiny change is multiplied by {slope:g}. This
    multiplier is the derivative. It is written dy/dx, and it is the slope of the curve
    at that point.

    The last line asked the library. It took no step at all: it knows the rule for a
    power, and computes the limit itself.
""")


@lesson.code
def elsewhere():
    """Ask at other places: the multiplier is another one there."""
    for place in (-2.0, -1.0, 0.0, 1.0, 3.0, 5.0):
        print(f"x = {place:4g}   dy/dx = {xn.grad(lambda x: x**2)(place):4g}")
    at_five = xn.grad(lambda x: x**2)(5.0)
    return locals()


lesson.exercise(
    "Look for the pattern: what is dy/dx of y = x², as a formula?",
    Derivative(
        "x**2",
        "x",
        "2*x",
        mistakes=(("6", "That is its value at 3 alone; at other x it differs."),),
    ),
    hint="Each number of the second column is the same multiple of x.",
)

lesson.exercise(
    "At x = 5, by which number is a tiny change multiplied?",
    Number("at_five", mistakes=((lambda v: 25.0, "That is y at 5, not its change."),)),
    hint="Twice the place where you stand.",
)


@lesson.predict(
    "at x = 3 a step of 0.01 is taken. By how much does y move, nearly?",
    Number(
        "actual",
        tolerance=0.02,
        mistakes=(("slope", "That is the multiplier: multiply the step by it."),),
    ),
)
def nudge(slope):
    """Predict a change before it happens: the step times the multiplier."""
    step = 0.01
    predicted = slope * step
    actual = (3.0 + step) ** 2 - 3.0**2
    print(f"predicted {predicted:.6f}, actual {actual:.6f}")
    missed = actual - predicted
    return locals()


lesson.text("""
    The prediction misses by {missed:.6f}, which is the step squared: the curve bends.
    Make the step ten times smaller, and the miss is a hundred times smaller. This is
    why a derivative is about tiny changes.
""")

lesson.exercise(
    "A knob has the derivative −4: dL/dw = −4. You want the loss L smaller. Which way "
    "do you turn w?",
    Choice(
        {
            "Up: where the derivative is negative, a larger w makes L smaller.": "",
            "Down: a negative number means that w is too large.": (
                "A change of w is multiplied by −4 on its way to L: a step down, say "
                "−0.1, moves L by +0.4."
            ),
            "Either way: L is already falling.": (
                "The sign of the step decides the sign of the change of L."
            ),
        }
    ),
    hint="Multiply a small step up, 0.1, by −4. Is L larger or smaller then?",
)

lesson.text("""
    This is the whole idea of training: ask every weight for its derivative, and turn
    each one a little, against it. The next lessons find the derivatives.
""")

if __name__ == "__main__":
    script(lesson)
