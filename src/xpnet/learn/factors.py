"""The factors of a path: how one named value changes with the one before it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from .paths import Edge
from .rules import link, slope, summed_axes
from .steps import Step
from .symbols import text

__all__ = ["Factor", "factor_of"]


@dataclass(frozen=True, eq=False, slots=True)
class Factor:
    """One factor of a path.

    Attributes
    ----------
    name : str
        The derivative by its name, ``∂z/∂w``.
    symbols : str
        The derivative as a formula; what becomes of the gradient, where it is none.
    back : str
        The gradient of `below`, from that of `above`.
    number : array or None
        The derivative, where each element depends on its own element alone.
    value : array
        What the path has made of the gradient when it arrives at `below`.
    above, below : Step
        The two values.
    """

    name: str
    symbols: str
    back: str
    number: Any
    value: Any
    above: Step
    below: Step


def factor_of(group: list[Edge], value: Any, first: bool) -> Factor:
    """Return the factor that some operations in a row make together.

    `first` tells that they end in the result itself, whose gradient is 1.
    """
    above, below = group[0].step, group[-1].below
    symbols, back = "1", "1" if first else _UPSTREAM
    amount: Any = None
    simple = True
    for i, edge in enumerate(group):
        shown, words = link(edge.step, edge.index), _words(edge.step)
        if shown.elementwise:
            part = _conjugated(edge, text(shown.formula, words))
            symbols, back = _times(symbols, part), _times(back, part)
            local = slope(edge.step, edge.index)
            amount = local if i == 0 else _product(amount, local)
            if not (_is_complex(edge.step) or summed_axes(edge.step, edge.index)):
                continue
            simple, amount, back = False, None, _fitted(edge, back)
            continue
        simple, amount = False, None
        if i and _turns_back(group[i - 1], edge):
            continue
        formula = shown.formula
        if i + 1 < len(group) and _turns_back(edge, group[i + 1]):
            formula = "g.T @ x"
        back = _filled(formula, {**words, "g": back})
        if edge.step.operation == "where":
            back = _fitted(edge, back)
    back = back.replace(_UPSTREAM, f"∂L/∂{above.name}")
    name = f"∂{above.name}/∂{below.name}"
    return Factor(name, symbols if simple else back, back, amount, value, above, below)


def _is_complex(x: Step) -> bool:
    return x.value is not None and bool(x.lib.is_complex(x.value))


def _conjugated(edge: Edge, part: str) -> str:
    """Return a slope as a complex gradient is multiplied by it."""
    if not _is_complex(edge.step) or part.replace("−", "").isdigit():
        return part
    return text("conj(x)", {"x": part})


def _fitted(edge: Edge, back: str) -> str:
    """Return a gradient brought to its array: summed where that was broadcast."""
    axes = summed_axes(edge.step, edge.index)
    if axes and back == "1":
        back = str(math.prod(edge.step.value.shape[axis] for axis in axes))
    elif axes:
        back = text("sum(g)", {"g": back})
    if _is_complex(edge.step) and not _is_complex(edge.below):
        back = text("real(g)", {"g": back})
    return back


_UPSTREAM = "upstream_gradient"  # a word that a formula can be written with


def _filled(formula: str, words: dict[str, str]) -> str:
    """Return a formula, or a description, of what becomes of a gradient `g`."""
    if formula.startswith("g * "):
        return _times(words["g"], text(formula.removeprefix("g * "), words))
    if words["g"] == "1" and ("@" in formula or "(" in formula):
        words = {**words, "g": "ones"}
    if formula == "reshape(g)" and re.fullmatch(r"reshape\([^()]*\)", words["g"]):
        return words["g"]  # twice in a row is once
    shown = text(formula, words)
    if shown != formula:
        return shown
    # words, or a name that cannot be read: each letter is replaced by itself
    return re.sub(r"\b(g|x|y|out)\b", lambda m: words.get(m[1], m[1]), formula)


def _turns_back(edge: Edge, below: Edge) -> bool:
    """Tell whether a matrix product's gradient is transposed again: (xᵀ @ g)ᵀ."""
    return (
        edge.step.operation == "matmul"
        and edge.index == 1
        and below.step.operation == "matrix_transpose"
        and link(edge.step, 1).formula == "x.T @ g"
    )


def _words(step: Step) -> dict[str, str]:
    """Return what the letters of a formula stand for in one step."""
    words = {"out": step.name}
    for letter, x in zip("xy", step.inputs, strict=False):
        words[letter] = x.name or "constant"
    return words


def _times(x: str, y: str) -> str:
    """Return the product of two expressions, without a factor of 1."""
    ones = ("1", "1 / 1")
    if x in ones or y in ones:
        return y if x in ones else x
    if "−1" in (x, y):
        return text("-x", {"x": x if y == "−1" else y})
    return text("x * y", {"x": x, "y": y})


def _product(x: Any, y: Any) -> Any:
    if x is None or y is None:
        return None
    try:
        return x * y
    except (ValueError, TypeError, RuntimeError):
        return None  # a broadcast that is summed again
