"""What the microscope says: the function in symbols, its table, and sentences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import xpnet as xn

from . import symbols
from .digits import number
from .formula import Formula
from .steps import Constant
from .trace import Trace

if TYPE_CHECKING:
    from .microscope import Microscope

__all__ = ["HEAD", "in_symbols", "rows", "sentences", "table"]

HEAD = ("h", "forward secant", "error", "central secant", "error", "")


def in_symbols(function: Callable[..., Any], at: Any) -> tuple[str, str]:
    """Return a function and its derivative as text, where they are known.

    A derivative is known where the function is one operation of the table.
    """
    if not isinstance(function, Formula) or len(function.variables) != 1:
        return "", ""
    shown = symbols.text(function.python, {})
    variable = xn.asarray(at, requires_grad=True)
    with np.errstate(all="ignore"):
        out = function(variable)
    if not out.requires_grad:
        return shown, "0"
    steps = Trace(out).steps
    if len(steps) == 1:
        return shown, "1"
    last = steps[1]
    if len(steps) > 2 or last.row is None or len(last.parts) != 1:
        return shown, ""
    name = function.variables[0]
    names = {
        letter: number(value.value) if isinstance(value, Constant) else name
        for letter, value in zip("xy", last.inputs, strict=False)
    }
    formula = last.row.formula[last.parts[0][0]] if last.row.formula else ""
    return shown, symbols.text(formula, names)


def rows(seen: Microscope) -> list[tuple[str, ...]]:
    """Return the table as text: h, the secants with their errors, and a remark."""
    return [
        (
            _power(s.h),
            number(s.forward, 10),
            number(s.forward_error, 2),
            number(s.central, 10),
            number(s.central_error, 2),
            "" if s.moved else f"x + h is x in {seen.dtype}",
        )
        for s in seen.secants
    ]


def table(seen: Microscope) -> list[str]:
    """Return the table as lines, its columns one below the other."""
    lines = [HEAD, *rows(seen)]
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    return [
        "  ".join([*map(str.rjust, line, widths), line[5]]).rstrip() for line in lines
    ]


def sentences(seen: Microscope) -> list[str]:
    """Return what is to be seen: first the slope, then which h is best and why."""
    said = [
        f"At x = {number(seen.x, 6)}, where y = {number(seen.y, 6)}, a tiny change of "
        f"x is multiplied by {number(seen.slope, 6)}."
    ]
    if seen.corner is not None:
        left, right = (number(slope) for slope in seen.corner)
        return [
            *said,
            f"There is a corner: the slope is {left} from the left and {right} from "
            f"the right, and xn.grad gives {number(seen.slope)}. No h is best.",
        ]
    if seen.second == 0.0 and seen.best_forward.h == seen.secants[0].h:
        return [
            *said,
            "The function is straight near x: no secant bends away from it, and what "
            "error there is, is rounding.",
        ]
    return [*said, _of_forward(seen), _of_central(seen)]


def _of_forward(seen: Microscope) -> str:
    best = seen.best_forward
    said = (
        f"Forward, h = {_power(best.h)} is best (error "
        f"{number(best.forward_error, 2)}). With a larger h the curve bends away from "
        "the secant, by an error like h;"
    )
    if best.h == min(s.h for s in seen.secants):
        return f"{said} rounding does not show down to this h."
    near = number(math.sqrt(seen.eps), 2)
    if seen.y and seen.second:
        where = f"2√(ε |y/y″|) = {number(seen.meeting, 2)} (√ε is {near})"
    else:
        where = f"√ε = {near}"
    return (
        f"{said} with a smaller one rounding takes over, by an error like ε/h, where "
        f"{seen.dtype} has ε = {number(seen.eps, 2)}. The two meet near {where}."
    )


def _of_central(seen: Microscope) -> str:
    best = seen.best_central
    said = (
        f"Central, h = {_power(best.h)} is best (error "
        f"{number(best.central_error, 2)}): the bends to both sides"
    )
    if best.h == max(s.h for s in seen.secants):
        return f"{said} are equal here and cancel."
    said += " nearly cancel, and what is left is an error like h²"
    if best.h == min(s.h for s in seen.secants):
        return f"{said}; rounding does not show down to this h."
    return (
        f"{said}, which meets rounding near ∛ε = {number(seen.eps ** (1 / 3), 2)} for "
        "a function of usual size."
    )


def _power(h: float) -> str:
    """Return a step as text: 0.01, or 10⁻⁸ where it is a power of ten."""
    return number(h).removeprefix("1×")
