"""Lesson 2. The rules that give a derivative, and the microscope that checks them."""

# What a learner reads has no annotations.
# mypy: allow-untyped-defs, allow-untyped-decorators, no-check-untyped-defs

from __future__ import annotations

import xpnet as xn
from xpnet import learn, xp

from . import TITLES
from .answers import Choice
from .derivative import Derivative
from .lesson import Lesson
from .terminal import script

lesson = Lesson("derivatives", TITLES["derivatives"])

lesson.text("""
    Nobody takes limits by hand twice. A few rules go a long way:

        a number        5        0
        a power         xⁿ       n · xⁿ⁻¹
        a multiple      5 · f    5 · f′
        a sum           f + g    f′ + g′
        exponential     eˣ       eˣ
        logarithm       log x    1 / x

    Products, and functions inside functions, come with the chain rule in lesson 5. The
    library holds all such rules in a table. Here are a few of its answers.
""")


@lesson.code
def table():
    """Ask for derivatives at x = 2."""
    x = 2.0
    cube = xn.grad(lambda x: x**3)(x)
    print("x³     ", cube)
    print("5x² + 3x − 7", xn.grad(lambda x: 5 * x**2 + 3 * x - 7)(x))
    print("eˣ     ", xn.grad(xp.exp)(x))
    print("log x  ", xn.grad(xp.log)(x))
    return locals()


lesson.exercise(
    "Derive by hand: y = x³.",
    Derivative("x**3", "x", "3*x**2"),
    hint="Bring the exponent down as a factor, then make it one smaller.",
)

lesson.exercise(
    "Derive by hand: y = 5x² + 3x − 7.",
    Derivative(
        "5*x**2 + 3*x - 7",
        "x",
        "10*x + 3",
        mistakes=(("10*x + 3 - 7", "−7 stands alone, and does not change with x."),),
    ),
    hint="Term by term. What does a number that stands alone contribute?",
)

lesson.exercise(
    "Derive by hand: y = 1/x. (It is a power: x⁻¹.)",
    Derivative(
        "1/x",
        "x",
        "-1/x**2",
        mistakes=(
            ("log(x)", "log x is what has 1/x as its derivative."),
            ("1", "The derivative of x is 1, but x stands below the line here."),
            ("-x**0", "One less than −1 is −2, not 0."),
        ),
    ),
    hint="n is −1 here, and one less than −1 is −2.",
)

lesson.text("""
    How can anybody check a rule? With a microscope: take a small step h, divide the
    change of y by it, and compare. The straight line through the two points is a
    secant; as h shrinks it turns into the tangent. A step to both sides, from x − h to
    x + h, is better still.
""")


@lesson.predict(
    "a step to both sides of sin x, with ever smaller h. Which h comes closest "
    "to the derivative?",
    Choice(
        {
            "The smallest, 1e-12: the smaller the step, the better.": (
                "In a computer the two values of y agree in nearly all digits then, "
                "and their difference is mostly rounding."
            ),
            "One in between, near 1e-5.": "",
            "The largest, 0.1: it is the least disturbed by rounding.": (
                "Then the curve bends too much between the two points."
            ),
        }
    ),
)
def microscope():
    """Look at sin near x = 1; the central secant goes through x − h and x + h."""
    print(learn.microscope("sin(x)", 1.0, steps=(1e-1, 1e-3, 1e-5, 1e-8, 1e-12)))
    return locals()


lesson.text("""
    Two errors fight: a large h misses the bend, a small h drowns in rounding. So
    differences are for checking, and rules are for computing. `xn.check_grads` does
    this check for any function, and names the element where a rule is worst. It hands
    the rule a random g to multiply with, so compare its two numbers with each other.
""")


@lesson.bug(
    "cube",
    at=lambda: (1.5,),
    line="return 3 * g * x",
    fixes=("return 3 * g * x**2", "return g * x**2", "return 6 * g * x"),
    hint="The rule gets g, the derivative of the loss by the result, and multiplies it "
    "by the derivative of x³.",
)
def wrong_power():
    """Read this rule, which somebody wrote for x³. Something is wrong with it."""

    @xn.custom_vjp
    def cube(x):
        return x**3

    @cube.defvjp
    def rule(g, out, x):
        return 3 * g * x

    return locals()


if __name__ == "__main__":
    script(lesson)
