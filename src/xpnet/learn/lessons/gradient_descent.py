"""Lesson 3. Walk downhill: new = old − learning rate × gradient."""

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

lesson = Lesson("gradient-descent", TITLES["gradient-descent"])

lesson.text("""
    A model predicts, and we know the target. How wrong is it? The simplest loss is the
    square of the difference:

        loss = (prediction − target)²

    Zero where the prediction is right, and growing on both sides. Here the model is one
    weight: prediction = w · x.
""")


@lesson.code
def start():
    """Take one example, a first weight, and ask for the derivative of the loss."""
    x, target = 2.0, 6.0

    def loss(w):
        prediction = w * x
        return (prediction - target) ** 2

    w = 1.0
    first_loss = loss(w)
    gradient = xn.grad(loss)(w)
    print("loss", first_loss, " dloss/dw", gradient)
    return locals()


lesson.exercise(
    "Derive by hand: loss = (p − t)², with respect to the prediction p.",
    Derivative("(p - t)**2", "p", "2*(p - t)", "p t"),
    hint="Power rule on the square; what is inside changes as fast as p does.",
)

lesson.exercise(
    "And with respect to the weight w, where loss = (w·x − t)²?",
    Derivative("(w*x - t)**2", "w", "2*(w*x - t)*x", "w x t"),
    hint="First the square, then: by how much does w·x change when w does?",
)

lesson.text("""
    The derivative at w = {w:g} is {gradient:g}. It is negative, so a larger w makes the
    loss smaller. Gradient descent takes a step against the derivative:

        new = old − learning_rate × gradient
""")

lesson.exercise(
    "w is {w:g}, the gradient is {gradient:g}, the learning rate is 0.1. What is the "
    "new w?",
    Number(
        lambda v: v["w"] - 0.1 * v["gradient"],
        tolerance=1e-6,
        mistakes=(
            (
                lambda v: v["w"] + 0.1 * v["gradient"],
                "That is a step uphill: the gradient is subtracted.",
            ),
            (
                lambda v: v["w"] - v["gradient"],
                "The gradient is multiplied by the learning rate first.",
            ),
            (
                lambda v: -0.1 * v["gradient"],
                "That is the step alone: it is taken from where w was.",
            ),
        ),
    ),
    hint="Put the three numbers in the line above. Minus a negative number adds.",
)


@lesson.code
def descend(loss, x):
    """Walk eight steps."""
    w, learning_rate = 1.0, 0.1
    for step in range(8):
        gradient = xn.grad(loss)(w)
        print(f"step {step}: w {w:.5f}  loss {loss(w):9.5f}  gradient {gradient:9.5f}")
        w = w - learning_rate * gradient
    reached, found = w, w * x
    return locals()


lesson.text("""
    w is now {reached:.4f}, and w · x is {found:.4f}: the target is {target:g}. The
    steps became shorter by themselves, because the gradient is smaller near the bottom.

    An optimizer does the same to all weights of a network. `optim.SGD` is that very
    line, as `explain_step` shows.
""")


@lesson.code
def optimizer(x, target, reached):
    """Walk the same eight steps as every model is trained."""
    weight = xn.asarray(1.0, requires_grad=True)
    sgd = xn.optim.SGD([weight], lr=0.1)
    for step in range(8):
        loss = (weight * x - target) ** 2
        sgd.zero_grad()
        loss.backward()
        if step == 0:
            print(xn.explain_step(sgd, weight))
        sgd.step()
    print(f"by hand {reached!r}\noptimizer {float(weight)!r}")
    return locals()


@lesson.predict(
    "now the learning rate is 0.3 instead of 0.1. What does the loss do?",
    Choice(
        {
            "It falls three times as fast.": "Look at how far each step jumps.",
            "It grows: each step jumps over the valley and lands higher.": "",
            "It stays where it is.": "The gradient is not 0, so w moves.",
        }
    ),
)
def too_fast(x, target):
    """Walk with steps that are too long."""
    w, learning_rate = 1.0, 0.3
    for step in range(4):
        loss, gradient = xn.value_and_grad(lambda w: (w * x - target) ** 2)(w)
        print(f"step {step}: w {w:8.4f}  loss {loss:9.4f}")
        w = w - learning_rate * gradient
    return locals()


@lesson.bug(
    "squared_error",
    at=lambda: (2.0, 6.0),
    line="return -slope, slope",
    fixes=("return slope, -slope", "return slope, slope", "return slope / 2, -slope"),
    hint="Where the prediction is too small, a larger one makes the loss smaller: its "
    "derivative is negative there. Which sign does the rule give?",
)
def wrong_sign():
    """Read this rule. With it, training ran away from the target."""

    @xn.custom_vjp
    def squared_error(prediction, target):
        return (prediction - target) ** 2

    @squared_error.defvjp
    def rule(g, out, prediction, target):
        slope = 2 * g * (prediction - target)
        return -slope, slope

    return locals()


if __name__ == "__main__":
    script(lesson)
