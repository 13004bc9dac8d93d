"""Twelve lessons, from "why calculus" to a cat-or-dog classifier.

``xpnet learn`` lists them, ``xpnet learn 3`` plays one, and each is a plain script as
well: ``python -m xpnet.learn.lessons.chain_rule``. Every number in them is computed
while they run, by the library that everybody trains with.
"""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING

from ...errors import OptionError

if TYPE_CHECKING:
    from .lesson import Lesson

__all__ = ["TITLES", "find", "load"]

TITLES = {
    "rate-of-change": "Why calculus: rate of change",
    "derivatives": "Derivatives, by rule and by microscope",
    "gradient-descent": "Gradient descent: new = old − learning rate × gradient",
    "partial-derivatives": "Partial derivatives and the gradient",
    "chain-rule": "The chain rule, and two paths",
    "activations": "ReLU, sigmoid, tanh, and gradients that vanish",
    "neuron": "One neuron, step by step",
    "backpropagation": "Backpropagation: forward, backward, update",
    "landscape": "The landscape: valleys, momentum, Adam",
    "image": "From an image to a probability, and its cost",
    "hidden-layers": "Why hidden layers",
    "cat-or-dog": "A cat-or-dog classifier",
}
"""The title of each lesson, in order, by its name."""


def find(word: str) -> str:
    """Return the name of the lesson that is meant by a number or a name.

    Examples
    --------
    >>> find("5"), find("chain_rule")
    ('chain-rule', 'chain-rule')
    """
    names = list(TITLES)
    name = word.strip().casefold().replace("_", "-").replace(" ", "-")
    if name.isascii() and name.isdigit() and 1 <= int(name[:9]) <= len(names):
        return names[int(name[:9]) - 1]
    if name in TITLES:
        return name
    close = difflib.get_close_matches(name, names, 1) or ["chain-rule"]
    raise OptionError(
        f"there is no lesson {word!r:.40}; type a number from 1 to {len(names)} or a "
        f"name such as {close[0]}. xpnet learn lists them."
    )


def load(word: str) -> Lesson:
    """Return a lesson by its number or its name.

    Examples
    --------
    >>> load("rate-of-change").title
    'Why calculus: rate of change'
    """
    name = find(word)
    module = importlib.import_module(f".{name.replace('-', '_')}", __name__)
    lesson: Lesson = module.lesson
    return lesson
