"""A step as HTML for notebooks: its formulas as MathML, its parts in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import symbols
from .arithmetic import DIGITS, names_in
from .digits import number
from .html import page
from .markup import escaped, paragraph, table
from .step_shown import OWN_CODE, WORDS, Shown, value_of

if TYPE_CHECKING:
    from .step_shown import StepExplanation

__all__ = ["step_html"]


def step_html(step: StepExplanation) -> str:
    """Return a fragment of HTML in the style of all explanations."""
    title = f"The next step of {step.optimizer} for {step.parameter}"
    lines = [*step.lines, Shown("new", step.formula, step.after)]
    quantities = [[_name(x), *_cells(step, x)] for x in lines]
    parts = [[escaped(x.name), *_cells(step, x)] for x in step.terms]
    parts.append(["sum of the parts", "", "", escaped(value_of(step.sum))])
    if step.rounds:
        kind = escaped(f"in {step.dtype}")
        parts.append(["rounding", kind, "", escaped(value_of(step.rounding))])
    own = escaped(OWN_CODE)
    parts.append(["actual change", own, "", escaped(value_of(step.actual))])
    given = f"with {step.settings()}" if step.before.shape else ""
    head = ("formula", "with numbers", "value")
    return page(
        f"<h3>{escaped(title)}</h3>"
        + table("The step, in order", ("quantity", *head), quantities, "numbers")
        + table("Where the change comes from", ("part", *head), parts, "numbers")
        + (paragraph(given, "quiet") if given else "")
        + "".join(paragraph(note, "quiet") for note in step.all_notes())
    )


def _name(x: Shown) -> str:
    return f"<math><mi>{escaped(WORDS.get(x.name, x.name))}</mi></math>"


def _cells(step: StepExplanation, x: Shown) -> list[str]:
    """Return a formula in names, in numbers where there are, and its value."""
    numbers = ""
    if step.numbers(x.formula) is not None:
        used = names_in(x.formula) & set(step.values)
        given = {name: number(step.values[name].item(), DIGITS) for name in used}
        numbers = _large(symbols.mathml(x.formula, given))
    formula = _large(symbols.mathml(x.formula, WORDS))
    return [formula, numbers, escaped(value_of(x.value))]


def _large(math: str) -> str:
    """Return MathML whose fractions are not made small."""
    return math.replace("<math ", '<math displaystyle="true" ', 1)
