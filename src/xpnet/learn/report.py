"""An explanation as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .digits import number, summary, value_text
from .lines import line_of
from .naming import expression
from .rules import link, slope
from .sentences import notes
from .steps import Constant, Step
from .symbols import numbers, text

if TYPE_CHECKING:
    from .explain import Explanation, Variable
    from .factors import Factor
    from .paths import Path

__all__ = ["report"]

_MOST = 40  # steps of the forward table
_CHECKED = 4  # elements beside their finite difference
_LISTED = 8  # numbers of an array that are written out


def report(explanation: Explanation) -> str:
    """Return an explanation as text, for `print`."""
    loss = explanation.loss
    parts = [f"{loss.name} = {_shown(loss.value)}", _forward(explanation)]
    parts += [_variable(explanation, v) for v in explanation.variables]
    return "\n\n".join(part for part in parts if part)


def _shown(value: Any, digits: int = 4) -> str:
    return "not kept" if value is None else value_text(summary(value, _LISTED), digits)


def _table(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Return rows of text with their columns under one another."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        (
            indent + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


# --- forward --------------------------------------------------------------------------


def _forward(explanation: Explanation) -> str:
    """Return the table of the named values, in order of computation."""
    steps = [step for step in explanation.trace.steps if step.named]
    rows = [[x.name, "constant", _form(x), ""] for x in explanation.constants]
    rows += [
        [step.name, _computed(step), _form(step), _place(step)]
        for step in steps[:_MOST]
    ]
    if not any(row[3] for row in rows):
        rows = [row[:3] for row in rows]
    more = len(steps) - _MOST
    tail = [f"  … and {more} more"] if more > 0 else []
    return "\n".join(["Forward", *_table(rows), *tail])


def _computed(step: Step) -> str:
    return "variable" if step.row is None else expression(step)


def _form(step: Step | Constant) -> str:
    """Return a value, with the shape of an array in front."""
    if step.value is None:
        return "not kept"
    shape = tuple(getattr(step.value, "shape", ()))
    return f"{shape} {_shown(step.value)}" if shape else _shown(step.value)


def _place(step: Step) -> str:
    """Return the user's own line of a step."""
    line = None if step.row is None else line_of(step.outer)
    return "" if line is None else f"line {line.number}: {line.text}"


# --- backward -------------------------------------------------------------------------


def _variable(explanation: Explanation, variable: Variable) -> str:
    """Return the paths from one variable, and the numbers that must agree."""
    step, loss = variable.step, explanation.loss
    held = _held(explanation, step)
    lines = [f"How {loss.name} changes with {step.name}{held}"]
    for i, path in enumerate(variable.paths):
        factors = explanation.factors(path)
        lines += _path(explanation, path, factors, i, variable)
    if variable.rest is not None:
        left = variable.count - len(variable.paths)
        lines.append(f"  the other {left} paths together: {_shown(variable.rest)}")
    lines += _agreement(variable)
    lines += _rules(explanation, variable)
    lines += [f"  note: {note}" for note in _notes(variable)]
    return "\n".join(lines)


def _held(explanation: Explanation, step: Step) -> str:
    """Say what stays as it is while one variable changes."""
    steps = explanation.trace.steps
    others = [x.name for x in steps if x.row is None and x is not step]
    others += [x.name for x in explanation.constants]
    if not others:
        return ""
    if len(others) > 5:
        return " (all other variables held constant)"
    return f" ({', '.join(others)} held constant)"


def _path(
    explanation: Explanation,
    path: Path,
    factors: list[Factor],
    number_of_path: int,
    variable: Variable,
) -> list[str]:
    """Return one path: names, symbols, numbers; or link by link for arrays."""
    names = [f.below.name for f in reversed(factors)] + [explanation.loss.name]
    arrow = " → ".join(names)
    title = f"path {number_of_path + 1}: {arrow}" if variable.count > 1 else arrow
    lines = [f"  {title}"]
    if not factors:
        return lines
    left = f"∂{explanation.loss.name}/∂{variable.step.name}"
    if all(f.number is not None and _is_number(f.number) for f in factors):
        pad = " " * len(left)
        lines.append(f"    {left} = {' · '.join(f.name for f in factors)}")
        lines.append(f"    {pad} = {_joined(f.symbols for f in factors)}")
        values = _joined(number(f.number) for f in factors)
        lines.append(f"    {pad} = {values}")
        if len(factors) > 1:
            lines.append(f"    {pad} = {_shown(path.contribution)}")
        return lines
    rows = []
    for f in factors:
        back = f.back.replace("∂L/∂", f"∂{explanation.loss.name}/∂")
        name = f"∂{explanation.loss.name}/∂{f.below.name}"
        rows.append([name, f"= {back}", f"{tuple(f.value.shape)} {_shown(f.value)}"])
    return lines + _table(rows, "    ")


def _is_number(value: Any) -> bool:
    return getattr(value, "ndim", 0) == 0


def _joined(parts: Any) -> str:
    """Return a product; a factor that is a sum or negative gets parentheses."""
    shown = []
    for i, part in enumerate(parts):
        loose = any(sign in _outside(part) for sign in (" + ", " − ", " if ", " = "))
        negative = i > 0 and part.startswith("−")
        shown.append(f"({part})" if loose or negative else part)
    return " · ".join(shown)


def _outside(shown: str) -> str:
    """Return what of an expression stands outside of parentheses."""
    depth, kept = 0, []
    for c in shown:
        depth += c == "("
        if depth == 0:
            kept.append(c)
        depth -= c == ")"
    return "".join(kept)


def _agreement(variable: Variable) -> list[str]:
    """Return the sum over paths, the tape's gradient and the difference together."""
    total = f"sum of {variable.count} {'path' if variable.count == 1 else 'paths'}"
    digits = 7 if "32" in str(variable.gradient.dtype) else 10
    rows = [
        [total, _shown(variable.total, digits)],
        ["the tape's gradient", _shown(variable.gradient, digits)],
    ]
    differences = variable.differences
    if len(differences) == 1 and not differences[0].index:
        rows.append(["finite difference", number(differences[0].difference, digits)])
        return _table(rows)
    checked = [
        [
            str(list(d.index)),
            number(d.gradient, digits),
            number(d.difference, digits),
        ]
        for d in differences[:_CHECKED]
    ]
    if checked:
        checked.insert(0, ["element", "the tape's gradient", "finite difference"])
    return _table(rows) + _table(checked, "    ")


def _rules(explanation: Explanation, variable: Variable) -> list[str]:
    """Return the rules on the paths, with the numbers put in where they are numbers."""
    edges = dict.fromkeys(
        (edge.step, edge.index) for path in variable.paths for edge in path.edges
    )
    rows = []
    for step, index in reversed(edges):
        shown = link(step, index)
        if not shown.elementwise or shown.formula in ("1", "-1"):
            continue
        found = slope(step, index)
        row = [step.operation, f"∂out/∂{'xy'[index]} = {text(shown.formula, {})}"]
        values = {
            letter: x.value
            for letter, x in zip("xy", step.inputs, strict=False)
            if _is_number(x.value)
        }
        if found is not None and _is_number(found):
            filled, value = numbers(shown.formula, values), number(found)
            row.append(f"here {value if filled == value else f'{filled} = {value}'}")
        else:
            row.append("for each element")
        rows.append(row)
    if not rows:
        return []
    return ["  rules of the table", *_table(rows, "    ")]


def _notes(variable: Variable) -> list[str]:
    """Return what is worth saying about the steps on the paths."""
    edges = {edge: None for path in variable.paths for edge in path.edges}
    said = [note for e in reversed(edges) for note in notes(e.step, e.index)]
    return list(dict.fromkeys(said))
