"""The forward table of an explanation: each value, how it was computed, and where."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..calculus.rule import Spec
from .amounts import array_text
from .columns import WIDTH, cut, shortened, table
from .lines import line_of
from .naming import expression
from .steps import Constant, Step

if TYPE_CHECKING:
    from .explanation import Explanation

__all__ = ["forward"]

_MOST = 40  # steps
_LINES = 12  # source lines below the table, and names for each
_COMPUTED = 24  # characters of an expression that are always shown


def forward(explanation: Explanation) -> str:
    """Return the table of the named values, in order of computation."""
    steps = [step for step in explanation.trace.steps if step.named]
    shown = steps[:_MOST]
    rows = _values(explanation.constants, shown, norm=True)
    if max(map(len, table(rows))) > WIDTH:
        rows = _values(explanation.constants, shown, norm=False)
    room = WIDTH - 6 - sum(max(len(row[i]) for row in rows) for i in (0, 2))
    for row in rows:
        row[1] = cut(row[1], max(room, _COMPUTED))
    places = ["" for _ in explanation.constants]
    places += [_place(explanation, step) for step in shown]
    beside = table([[*row, place] for row, place in zip(rows, places, strict=True)])
    if max(map(len, beside)) <= WIDTH:
        lines = beside
    else:
        lines = table(rows) + _source(shown, places[len(places) - len(shown) :])
    if len(steps) > _MOST:
        lines.append(f"  … and {len(steps) - _MOST} more")
    return "\n".join(["Forward", *lines])


def _values(
    constants: list[Constant], steps: list[Step], norm: bool
) -> list[list[str]]:
    """Return what each value is called, how it was computed, and what it is."""
    rows = [[x.name, "constant", _form(x, norm)] for x in constants]
    return rows + [[x.name, _computed(x), _form(x, norm)] for x in steps]


def _computed(step: Step) -> str:
    return "variable" if step.row is None else expression(step)


def _form(step: Step | Constant, norm: bool) -> str:
    if type(step.value) is Spec:
        return f"{step.value.shape} not kept"
    return "not kept" if step.value is None else array_text(step.value, norm)


def _place(explanation: Explanation, step: Step) -> str:
    """Return the user's own line of a step; with its file, if there are several."""
    line = None if step.row is None else line_of(step.outer)
    if line is None:
        return ""
    last = line_of(explanation.loss.outer) if explanation.loss.row else line
    here = last is None or last.file == line.file
    file = "" if here else f"{os.path.basename(line.file)}, "
    return f"{file}line {line.number}: {line.text}"


def _source(steps: list[Step], places: list[str]) -> list[str]:
    """Return the source lines by themselves, each with the values that it computed."""
    found: dict[str, list[str]] = {}
    for step, place in zip(steps, places, strict=True):
        if place:
            found.setdefault(place, []).append(step.name)
    lines = []
    for place, names in found.items():
        lines.append(f"  {cut(place, WIDTH - 2)}")
        lines.append(f"    computes {', '.join(shortened(names, _LINES))}")
    return lines[: 2 * _LINES]
