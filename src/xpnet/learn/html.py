"""An explanation as HTML for notebooks and pages: pictures, tables and native MathML.

A fragment needs nothing from elsewhere: its style is inside, and it follows light and
dark pages. All names, lines and rules are escaped. There are no ids, so one page may
hold many.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .chain import agreement, broken, path_html, route
from .digits import number, shape_text, spread_text, value_text
from .drawing import graph_svg
from .markup import code, details, escaped, paragraph, section, table
from .symbols import factor, inline, marked
from .theme import style

__all__ = ["STYLE", "element_html", "explanation_html", "page"]

_NAME = "xn-explain"
_MOST_ROWS = 60  # of the forward table; the others can be opened
_MOST_OPERATIONS = 200
_OPEN = 2  # variables that are shown without a click
_MOST_VARIABLES = 24
_MOST_NOTES = 6

STYLE = style(
    _NAME,
    "%{color:var(--xn-ink);background:var(--xn-paper);padding:.75em 1em;"
    "line-height:1.45;font-size:14px;max-width:100%}"
    "% h3,% h4,% h5{margin:.9em 0 .3em;font-size:1.1em}% h3{font-size:1.25em}"
    "% h5{font-size:1em}"
    "% p{margin:.3em 0}% .quiet{color:var(--xn-quiet)}"
    "% .scroll{overflow-x:auto;max-width:100%;padding:2px}"
    "% .scroll:focus-visible,% pre:focus-visible"
    "{outline:2px solid var(--xn-accent)}"
    "% table{border-collapse:collapse;margin:.5em 0;font-size:13px;"
    "color:var(--xn-ink);background:transparent;border:0}"
    "% caption{text-align:left;font-weight:600;padding:.2em 0;color:var(--xn-ink);"
    "caption-side:top}"
    "% tr{background:transparent!important;border:0}"
    "% th,% td{text-align:left;vertical-align:baseline;padding:.25em .8em .25em 0;"
    "border:0;border-bottom:1px solid var(--xn-rule);font-weight:400;"
    "max-width:32em;white-space:normal}"
    "% thead th{color:var(--xn-quiet);font-size:12px}"
    "% tbody th{font-weight:600}"
    "% table.numbers td,% table.forward td{font-variant-numeric:tabular-nums}"
    "% table.forward td:nth-child(3){white-space:nowrap}"
    "% table.forward td:nth-child(6){min-width:13em}"
    "% .one,% td math{white-space:nowrap}% td:has(math){max-width:none}"
    "% details{margin:.5em 0;border-left:3px solid var(--xn-rule);padding-left:.8em}"
    "% summary{cursor:pointer;font-weight:600}"
    "% pre{background:var(--xn-box);color:var(--xn-ink);"
    "border:1px solid var(--xn-rule);padding:.5em;overflow-x:auto;"
    "font-size:12px;margin:.3em 0}"
    "% math{font-size:1.1em}% td math{math-style:normal}"
    "% mtd{padding:.35em .3em}"
    "% .scroll>math{margin:.2em 0 .2em 1em}"
    "% ul{margin:.3em 0;padding-left:1.2em}",
)


def page(inner: str) -> str:
    """Return markup inside the style that all explanations share."""
    return f'<div class="{_NAME}">{STYLE}{inner}</div>'


def explanation_html(explanation: Mapping[str, Any]) -> str:
    """Return an explanation as a fragment of HTML.

    The graph, the forward table, for each variable its paths in names, symbols and
    numbers with the sum over paths beside the tape's gradient and a finite difference,
    the notes, and the lines and rules that everything came from.

    Parameters
    ----------
    explanation : mapping
        What ``Explanation.to_dict()`` returns.
    """
    loss = explanation["loss"]
    title = f"{loss['name']} = {value_text(loss['value'])}"
    parts = [
        f"<h3>{escaped(title)}</h3>",
        _graph(explanation),
        _forward(explanation),
        _variables(explanation),
        _notes(explanation["steps"]),
        _sources(explanation["steps"]),
    ]
    return page("".join(parts))


def _graph(explanation: Mapping[str, Any]) -> str:
    return (
        '<div class="scroll" role="group" tabindex="0" aria-label="The computation">'
        f"{graph_svg(explanation)}</div>"
    )


# --- forward --------------------------------------------------------------------------

_Steps = Sequence[Mapping[str, Any]]
_HEAD = ["name", "computed as", "kind", "value", "gradient", "line"]


def _forward(explanation: Mapping[str, Any]) -> str:
    """Return the table of named values; every operation can be opened below it."""
    steps = explanation["steps"]
    named = [step for step in steps if step.get("named", True)]
    caption = "Forward: what was computed"
    if len(named) > _MOST_ROWS:
        caption += f", the first {_MOST_ROWS} of {len(named)} values"
    shown = _forward_table(caption, named[:_MOST_ROWS])
    if len(named) == len(steps) <= _MOST_ROWS:
        return shown
    return shown + _operations(steps)


def _operations(steps: _Steps) -> str:
    """Return the table of every operation; of very many, of the last ones."""
    left = len(steps) - _MOST_OPERATIONS
    title, caption = f"All {len(steps)} operations", "Every operation"
    if left > 0:
        title = f"The last {_MOST_OPERATIONS} of {len(steps)} operations"
        caption = title
    whole = _forward_table(
        f"{caption}, in the order of computation", steps[max(left, 0) :]
    )
    return details(title, whole)


def _forward_table(caption: str, steps: _Steps) -> str:
    return table(caption, _HEAD, [_row(step) for step in steps], "forward")


def _row(step: Mapping[str, Any]) -> list[str]:
    line = step.get("line")
    variable = step["operation"] == "variable"
    where = "" if not line else f"line {line['number']}: {line['text'].strip()}"
    return [
        escaped(str(step["name"])),
        "a variable" if variable else inline(str(step["expression"]), {}),
        "not kept" if step.get("shape") is None else shape_text(step["shape"]),
        broken(spread_text(step.get("value"))),
        broken(spread_text(step.get("cotangent"))),
        f"<code>{escaped(where)}</code>" if where else "",
    ]


# --- variables ------------------------------------------------------------------------


def _variables(explanation: Mapping[str, Any]) -> str:
    loss = explanation["loss"]["name"]
    variables = explanation["variables"]
    parts = []
    for i, variable in enumerate(variables[:_MOST_VARIABLES]):
        title = f"How {loss} changes with {variable['name']}"
        inner = _variable(variable, loss)
        if len(variables) <= _OPEN:
            parts.append(section(title, inner))
        else:
            parts.append(details(title, inner, opened=i == 0))
    if len(variables) > _MOST_VARIABLES:
        more = len(variables) - _MOST_VARIABLES
        parts.append(paragraph(f"… and {more} more variables.", "quiet"))
    return "".join(parts)


def _variable(variable: Mapping[str, Any], loss: str) -> str:
    """Return what is said of one variable."""
    name, count = str(variable["name"]), variable["path_count"]
    parts = [paragraph(_held(variable["held_constant"]), "quiet")]
    for i, path in enumerate(variable["paths"], 1):
        which = f"Path {i} of {count}: " if count > 1 else ""
        parts.append(paragraph(which + route(path["names"])))
        parts.append(path_html(path, loss, name))
    left = count - len(variable["paths"])
    if variable.get("rest") is not None and left > 0:
        others = "other path" if left == 1 else f"{left} other paths together"
        parts.append(paragraph(f"The {others}: {value_text(variable['rest'])}."))
    return "".join(parts) + agreement(variable, loss)


def _held(names: Sequence[str]) -> str:
    if not names:
        return "Nothing else is involved."
    said = ", ".join(map(str, names[:8])) + (" and others" if len(names) > 8 else "")
    return f"Held constant: {said}."


# --- notes, lines and rules -----------------------------------------------------------


def _notes(steps: _Steps) -> str:
    notes = dict.fromkeys(note for step in steps for note in step.get("notes") or ())
    if not notes:
        return ""
    items = [f"<li>{escaped(note)}</li>" for note in notes]
    shown = f"<ul>{''.join(items[:_MOST_NOTES])}</ul>"
    if len(items) > _MOST_NOTES:
        others = f"<ul>{''.join(items[_MOST_NOTES:])}</ul>"
        shown += details(f"{len(items) - _MOST_NOTES} more notes", others)
    return section("Notes", shown)


def _sources(steps: _Steps) -> str:
    """Return each of the user's lines once, with the rules that ran for it."""
    found: dict[tuple[Any, ...], tuple[str, dict[str, str]]] = {}
    for step in steps:
        rule, line = str(step.get("rule") or ""), step.get("line")
        if not rule and not line:
            continue
        key = (line["file"], line["number"]) if line else ("", 0)
        _, rules = found.setdefault(key, (line["text"] if line else "", {}))
        if rule:
            rules.setdefault(rule, str(step["operation"]))
    if not found:
        return ""
    parts = [_source(key, text, rules) for key, (text, rules) in found.items()]
    return details("Your lines, and the library's own rules", "".join(parts))


def _source(key: tuple[Any, ...], text: str, rules: Mapping[str, str]) -> str:
    file, line = key
    base = str(file).replace("\\", "/").rpartition("/")[2]
    where = f"{base}, line {line}" if line else "Elsewhere"
    shown = code(text) if text else ""
    for rule, operation in rules.items():
        shown += paragraph(f"The rule of {operation}:", "quiet") + code(rule)
    return section(where, shown, 5)


# --- one element ----------------------------------------------------------------------


def element_html(element: Mapping[str, Any]) -> str:
    """Return one element of a gradient as the table of the terms of its sum.

    Parameters
    ----------
    element : mapping
        What ``Explanation.element(...).to_dict()`` returns.
    """
    loss, name = str(element["loss"]), str(element["name"])
    head = ["through", "its gradient", f"its change with {name}", "product"]
    caption = f"∂{loss}/∂{name} = {number(element['gradient'])}, a sum of "
    many = "term" if element["count"] == 1 else "terms, the largest first"
    caption += f"{element['count']} {many}"
    rows = [*map(_term, element["terms"]), *_rest(element)]
    title = f"<h3>{escaped(f'∂{loss}/∂{name}')}</h3>"
    shown = table(caption, head, rows, "numbers") + _largest(element["chain"], name)
    return page(title + shown)


def _largest(chain: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return the way that follows the largest term each time, and its product."""
    if not chain:
        return ""
    way = " → ".join([name, *(str(term["name"]) for term in chain)])
    slopes = [float(term["slope"]) for term in reversed(chain)]
    factors = [
        factor("x", {"x": number(slope)}, leading=i == 0)
        for i, slope in enumerate(slopes)
    ]
    value = marked("x", {"x": number(math.prod(slopes))})
    product = f"<math>{'<mo>·</mo>'.join(factors)}<mo>=</mo>{value}</math>"
    said = paragraph("The largest term, followed to the end:") + paragraph(way, "quiet")
    return f"{said}<p>{product}</p>"


def _term(term: Mapping[str, Any]) -> list[str]:
    cells = (number(term[part]) for part in ("gradient", "slope", "product"))
    return [escaped(str(term["name"])), *map(escaped, cells)]


def _rest(element: Mapping[str, Any]) -> Iterable[list[str]]:
    left = element["count"] - len(element["terms"])
    if left > 0:
        yield [f"{left} others", "", "", escaped(number(element["rest"]))]
    yield ["sum", "", "", escaped(number(element["sum"]))]
