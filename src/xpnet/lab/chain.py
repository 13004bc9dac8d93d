"""Explanations with their formulas in MathML, as the pages show them."""

from __future__ import annotations

from typing import Any

from ..learn import symbols
from ..learn.arithmetic import DIGITS, names_in
from ..learn.digits import number
from ..learn.explain import Explanation
from ..learn.step_shown import WORDS, Shown, StepExplanation

__all__ = ["chain", "name_results", "quantities"]

_LETTERS = "abcdghijkmnpqrstuvw"  # without those that look like a number or are taken


def name_results(explanation: Explanation) -> None:
    """Call the results on the way a, b, c, ..., so that every operation is a factor.

    Where there are more of them than letters, all keep their expressions.
    """
    steps = explanation.trace.steps
    between = [s for s in steps if s.row is not None and s is not explanation.loss]
    taken = {step.name for step in steps if step not in between}
    letters = [letter for letter in _LETTERS if letter not in taken]
    if len(between) > len(letters):
        return
    for step, letter in zip(between, letters, strict=False):
        step.name, step.named = letter, True


def chain(explanation: Explanation) -> dict[str, Any]:
    """Return `Explanation.to_dict()` with a "mathml" beside each formula.

    Each step has it for its expression, and each path a list of it, one for each of
    its symbols. The lines are left out: they are this package's own, and a saved page
    would tell where on a machine it is installed.
    """
    found = explanation.to_dict()
    for step in found["steps"]:
        step["line"] = None
        step["mathml"] = symbols.mathml(step["expression"], {})
    for variable in found["variables"]:
        for path in variable["paths"]:
            path["mathml"] = [symbols.mathml(text, {}) for text in path["symbols"]]
    return found


def quantities(step: StepExplanation) -> list[dict[str, Any]]:
    """Return what a step of an optimizer computes for one element, in order.

    Each has its name, its formula in MathML with names and with numbers, and its value;
    the last is the new value.
    """
    shown = [*step.lines, Shown("new", step.formula, step.after)]
    return [
        {
            "name": WORDS.get(x.name, x.name),
            "mathml": symbols.mathml(x.formula, WORDS),
            "numbers": symbols.mathml(x.formula, _numbers(step, x.formula)),
            "value": float(x.value),
        }
        for x in shown
    ]


def _numbers(step: StepExplanation, formula: str) -> dict[str, str]:
    """Return the number of each name in a formula, as text."""
    known = names_in(formula) & set(step.values)
    return {name: number(step.values[name].item(), DIGITS) for name in known}
