"""An explanation with its formulas in MathML, as the pages show it."""

from __future__ import annotations

from typing import Any

from ..learn import symbols
from ..learn.explain import Explanation

__all__ = ["chain", "name_results"]

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
    its symbols.
    """
    found = explanation.to_dict()
    for step in found["steps"]:
        step["mathml"] = symbols.mathml(step["expression"], {})
    for variable in found["variables"]:
        for path in variable["paths"]:
            path["mathml"] = [symbols.mathml(text, {}) for text in path["symbols"]]
    return found
