"""Hints from `xpnet.explain`: the factors of a path, and the paths that add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xpnet as xn

from ..explain import explain
from ..formula import Formula
from ..symbols import number, text
from .chain import INNER, links_of
from .points import Points

if TYPE_CHECKING:
    from .derivative import Derivative

__all__ = ["path_hint"]

_LETTERS = "uvstrq"


def path_hint(question: Derivative, points: Points, at: int) -> str:
    """Return what `explain` reads from the tape at one point; nothing if it is plain.

    Examples
    --------
    >>> from xpnet.learn.lessons.derivative import Derivative
    >>> question = Derivative("(3*x + 1)**2", "x", "6*(3*x + 1)")
    >>> path_hint(question, {"x": [1.0]}, 0)
    'There ∂f/∂u · ∂u/∂x is 8 · 3, with u = 3x + 1.'
    """
    links = links_of(question.of, question.by)
    free = [letter for letter in _LETTERS if letter not in question.variables]
    names = ["f", *free[: len(links) - 1]]
    told = _explained(question, points, at, list(zip(links, names, strict=True)))
    if told["path_count"] > 1:
        parts = " and ".join(number(path["contribution"]) for path in told["paths"])
        return f"There {told['path_count']} paths give {parts}, and they add."
    (path,) = told["paths"]
    factors = _factors(path, {*names, question.by})
    if len(factors) < 2:
        return ""
    values = " · ".join(number(value) for value in factors.values())
    inside = " and ".join(
        f"{name} = {text(link, {INNER: below})}"
        for link, name, below in zip(
            links[1:], names[1:], [*names[2:], ""], strict=True
        )
    )
    return f"There {' · '.join(factors)} is {values}, with {inside}."


def _factors(path: Any, names: set[str]) -> dict[str, float]:
    """Return the factors between values of these names; what is between is joined."""
    found: dict[str, float] = {}
    above, product = "", 1.0
    for name, value in zip(path["names"], path["numbers"], strict=True):
        top, below = name.removeprefix("∂").split("/∂")
        above, product = above or top, product * value
        if below in names:
            found[f"∂{above}/∂{below}"] = product
            above, product = "", 1.0
    return found


def _explained(
    question: Derivative, points: Points, at: int, links: list[tuple[str, str]]
) -> Any:
    """Compute link after link, each with a name, and return what `explain` says."""
    start = {
        name: xn.asarray(float(points[name][at]), requires_grad=name == question.by)
        for name in points
    }
    names, inputs, value = dict(start), dict(start), start[question.by]
    for link, name in reversed(links):
        value = Formula(link, tuple(inputs))(*inputs.values())
        names[name] = value
        inputs = {**start, INNER: value}
    told = explain(value, wrt=start[question.by], names=names)
    return told.to_dict()["variables"][0]
