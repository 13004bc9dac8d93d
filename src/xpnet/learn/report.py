"""An explanation as text."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .amounts import array_text, brief, shown
from .columns import WIDTH, product, shortened, table
from .digits import number
from .forward import forward
from .rules import link, slope
from .sentences import notes
from .steps import Step
from .symbols import numbers, text

if TYPE_CHECKING:
    from .explanation import Explanation, Variable
    from .factors import Factor
    from .paths import Path

__all__ = ["report"]

_MOST = 40  # of the other variables
_VARIABLES = 8  # of which the paths are shown
_ROWS = 12  # rules, links of a path, notes
_CHECKED = 4  # elements beside their finite difference
_DIGITS = {"float16": 4, "bfloat16": 3, "float32": 7, "complex64": 7}

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def report(explanation: Explanation) -> str:
    """Return an explanation as text, for `print`."""
    loss = explanation.loss
    said: set[str] = set()
    parts = [f"{loss.name} = {shown(loss.value)}", forward(explanation)]
    parts += [
        _variable(explanation, v, said) for v in explanation.variables[:_VARIABLES]
    ]
    parts += [_others(explanation), _unreached(explanation)]
    return "\n\n".join(part for part in parts if part)


# --- backward -------------------------------------------------------------------------


def _variable(explanation: Explanation, variable: Variable, said: set[str]) -> str:
    """Return the paths from one variable, and the numbers that must agree."""
    lines = [_title(explanation, variable.step)]
    for i, path in enumerate(variable.paths):
        factors = explanation.factors(path)
        lines += _path(explanation, path, factors, i, variable)
    if variable.rest is not None:
        left = _many(variable.count - len(variable.paths))
        lines.append(f"  the other {left} together: {shown(variable.rest)}")
    lines += _agreement(variable)
    rules = _new(_rules(variable), said)
    lines += ["  rules of the table", *rules] if rules else []
    for note in _new([f"  note: {n}" for n in _notes(explanation, variable)], said):
        lines += textwrap.wrap(note, WIDTH, subsequent_indent=" " * 8)
    return "\n".join(lines)


def _new(lines: Iterable[str], said: set[str]) -> list[str]:
    """Return the lines that have not been said before, up to a number of them."""
    new = [line for line in dict.fromkeys(lines) if line not in said]
    said.update(new)
    more = [f"    … and {len(new) - _ROWS} more"] if len(new) > _ROWS else []
    return new[:_ROWS] + more


def _many(count: int) -> str:
    """Return a number of paths, in round figures where it is huge."""
    if count == 1:
        return "1 path"
    if count < 10**7:
        return f"{count} paths"
    power = int((count.bit_length() - 1) * math.log10(2.0))
    return f"about 10{str(power).translate(_RAISED)} paths"


def _title(explanation: Explanation, step: Step) -> str:
    """Say what changes, and what stays as it is meanwhile."""
    title = f"How {explanation.loss.name} changes with {step.name}"
    others = explanation.held(step)
    if not others:
        return title
    said = f"{title} ({', '.join(others)} held constant)"
    if len(said) <= WIDTH:
        return said
    return f"{title} (everything else held constant)"


def _path(
    explanation: Explanation,
    path: Path,
    factors: list[Factor],
    number_of_path: int,
    variable: Variable,
) -> list[str]:
    """Return one path: names, symbols, numbers; or link by link for arrays."""
    names = [f.below.name for f in reversed(factors)] + [explanation.loss.name]
    arrow = " → ".join(shortened(names, _ROWS))
    title = f"path {number_of_path + 1}: {arrow}" if variable.count > 1 else arrow
    lines = [f"  {title}"]
    if not factors:
        return lines
    if all(f.number is not None and not f.number.shape for f in factors):
        left = f"∂{explanation.loss.name}/∂{variable.step.name}"
        return lines + _product(left, factors, shown(path.contribution))
    return lines + _links(explanation.loss.name, factors)


def _product(left: str, factors: list[Factor], result: str) -> list[str]:
    """Return a product of numbers: by name, in symbols, and in numbers."""
    sides = [product(f.symbols for f in factors), [result]]
    if len(factors) > 1:
        sides.insert(0, [f.name for f in factors])
        sides.insert(2, product(number(f.number) for f in factors))
    rows = [row for i, row in enumerate(sides) if i == 0 or row != sides[i - 1]]
    lines = []
    for row in rows:
        lines += _equation(left, shortened(row, _ROWS))
        left = " " * len(left)
    return lines


def _equation(left: str, parts: list[str]) -> list[str]:
    """Return ``left = a · b · c``, on more lines where it is wide."""
    lines = [f"    {left} = {parts[0]}"]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 3 > WIDTH:
            lines.append(f"    {' ' * len(left)}   · {part}")
        else:
            lines[-1] += f" · {part}"
    return lines


def _links(loss: str, factors: list[Factor]) -> list[str]:
    """Return what becomes of the gradient, from one value to the one before."""
    links: list[Factor | None] = list(factors)
    if len(factors) > _ROWS:
        half = _ROWS // 2
        links = [*factors[:half], None, *factors[-half:]]
    for form in (array_text, brief):
        rows = [
            [
                f"∂{loss}/∂{f.below.name}",
                f"= {f.back.replace('∂L/∂', f'∂{loss}/∂')}",
                form(f.value),
            ]
            if f is not None
            else ["…", f"{len(factors) - len(links) + 1} more", ""]
            for f in links
        ]
        lines = table(rows, "    ")
        if max(map(len, lines)) <= WIDTH:
            return lines
    pairs = [(f"    {name} {back}", f"      {value}") for name, back, value in rows]
    return [line.rstrip() for pair in pairs for line in pair if line.strip()]


# --- what must agree ------------------------------------------------------------------


def _agreement(variable: Variable) -> list[str]:
    """Return the sum over paths, the tape's gradient and the difference together."""
    digits = _DIGITS.get(str(variable.gradient.dtype).rpartition(".")[2], 10)
    rows = [
        [f"sum of {_many(variable.count)}", shown(variable.total, digits)],
        ["the tape's gradient", shown(variable.gradient, digits)],
    ]
    differences = variable.differences
    if len(differences) == 1 and not differences[0].index:
        rows.append(["finite difference", number(differences[0].difference, digits)])
        return table(rows)
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
    return table(rows) + table(checked, "    ")


def _rules(variable: Variable) -> list[str]:
    """Return the rules on the paths, with the numbers put in where they are numbers."""
    edges = dict.fromkeys(
        (edge.step, edge.index) for path in variable.paths for edge in path.edges
    )
    rows: dict[tuple[str, ...], None] = {}
    for step, index in reversed(edges):
        rule = link(step, index)
        if rule.elementwise and rule.formula not in ("1", "-1"):
            left = f"∂out/∂{'xy'[index]} = {text(rule.formula, {})}"
            rows[step.operation, left, _here(step, index)] = None
    return table(list(rows), "    ")


def _here(step: Step, index: int) -> str:
    """Return a rule with the numbers of one step put in."""
    found = slope(step, index)
    if found is None or found.shape:
        return "for each element"
    values = {
        letter: x.value
        for letter, x in zip("xy", step.inputs, strict=False)
        if not getattr(x.value, "shape", ())
    }
    filled, value = numbers(link(step, index).formula, values), number(found)
    return f"here {value if filled == value else f'{filled} = {value}'}"


def _notes(explanation: Explanation, variable: Variable) -> list[str]:
    """Return what is worth saying about the steps on the paths."""
    edges = {edge: None for path in variable.paths for edge in path.edges}
    said = [note for e in reversed(edges) for note in notes(e.step, e.index)]
    if explanation.trace.lib.is_complex(variable.gradient):
        name, loss = variable.step.name, explanation.loss.name
        said.append(
            f"{name} is complex: its gradient is the slope of {loss} along the real "
            "part, plus i times the slope along the imaginary part."
        )
    if any(d.disagrees for d in variable.differences):
        said.append(
            "The finite difference is another number where the function has a corner "
            "or a jump (relu, abs, maximum, sorting), or is not finite."
        )
    return said


# --- more variables -------------------------------------------------------------------


def _others(explanation: Explanation) -> str:
    """Return the gradients of the variables whose paths are not shown."""
    others = explanation.variables[_VARIABLES:]
    if not others:
        return ""
    loss = explanation.loss.name
    rows = [
        [f"∂{loss}/∂{v.step.name}", array_text(v.gradient), f"sum of {_many(v.count)}"]
        for v in others[:_MOST]
    ]
    more = [f"  … and {len(others) - _MOST} more"] if len(others) > _MOST else []
    title = f"{len(others)} more (explain one by itself with wrt=)"
    return "\n".join([title, *table(rows), *more])


def _unreached(explanation: Explanation) -> str:
    """Say with what the result does not change."""
    names = explanation.unreached
    if not names:
        return ""
    listed = ", ".join(shortened(names, _ROWS))
    return (
        f"{explanation.loss.name} does not change with {listed}: it was not computed "
        "from this on the tape."
    )
