"""A path of the chain rule in MathML: names, symbols and numbers under one another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .digits import condensed, number, shape_text, value_text
from .markup import escaped, table, unbroken
from .symbols import factor, inline, marked

__all__ = ["agreement", "broken", "derivative", "is_scalar", "path_html", "route"]

_DIGITS = 10  # of numbers that are compared
_MOST = 24  # factors of a path; of a longer one the middle is left out
_MANY = re.compile(", norm ")
_BREAKS = re.compile("(?<=,) |(?<=numbers) ")
_ONE_NAME = re.compile(r"\w+(\.\w+|\[[\d, ]+\])*")


def derivative(above: str, below: str) -> str:
    """Return ``∂above/∂below`` as a fraction, in MathML."""
    return f"<mfrac>{_partial(above)}{_partial(below)}</mfrac>"


def _partial(name: str) -> str:
    inner = marked(name, {})
    if not _ONE_NAME.fullmatch(name):
        inner = f"<mo>(</mo>{inner}<mo>)</mo>"
    return f"<mrow><mi>∂</mi>{inner}</mrow>"


def route(names: Sequence[str]) -> str:
    """Return the values that a path goes through, from the variable to the loss.

    `names` are those of its factors, ``∂loss/∂a``, ``∂a/∂w``.
    """
    pairs = [_ends(name) for name in names]
    if not pairs:
        return ""
    stops = [*(below for _, below in reversed(pairs)), pairs[0][0]]
    kept = _kept(len(stops))
    return " → ".join("…" if i is None else stops[i] for i in kept)


def _kept(count: int) -> list[int | None]:
    """Return which of so many factors are shown; None stands for those left out."""
    if count <= _MOST + 1:
        return list(range(count))
    half = _MOST // 2
    return [*range(half), None, *range(count - half, count)]


def _ends(name: str) -> tuple[str, str]:
    """Return the two values of a factor ``∂a/∂w``."""
    above, _, below = name.removeprefix("∂").rpartition("/∂")
    return above, below


def is_scalar(value: Any) -> bool:
    """Tell whether a value of an explanation is one number."""
    if isinstance(value, dict):
        return "real" in value
    return isinstance(value, int | float | str)


def path_html(path: Mapping[str, Any], loss: str, variable: str) -> str:
    """Return one path: a product where every factor is a number, else link by link."""
    if not path["names"]:
        return ""
    if all(is_scalar(value) for value in path["numbers"]):
        return _product(path, loss, variable)
    return _links(path, loss)


# --- numbers --------------------------------------------------------------------------


def _product(path: Mapping[str, Any], loss: str, variable: str) -> str:
    """Return the three lines of a path, each factor in a column of its own."""
    kept = _kept(len(path["names"]))
    many = len(kept) > 1
    names = _factors(path["names"], kept, lambda name, _: derivative(*_ends(name)))
    symbols = _factors(path["symbols"], kept, _symbol if many else _alone)
    values = _factors(path["numbers"], kept, _numeral)
    lines = [names, symbols, values]
    if many:
        lines.append([marked("x", {"x": value_text(path["contribution"])})])
    left = derivative(loss, variable)
    rows = "".join(_line(left if i == 0 else "", line) for i, line in enumerate(lines))
    spoken = ("…" if i is None else path["names"][i] for i in kept)
    said = f"∂{loss}/∂{variable} = {' · '.join(spoken)}"
    return (
        '<div class="scroll" role="group" tabindex="0" aria-label="A path">'
        f'<math alttext="{escaped(said)}"><mtable displaystyle="true">{rows}</mtable>'
        "</math></div>"
    )


def _factors(
    given: Sequence[Any], kept: list[int | None], write: Callable[[Any, bool], str]
) -> list[str]:
    """Write those factors that are shown; `write` is told which of them is leading."""
    return ["<mo>⋯</mo>" if i is None else write(given[i], i == 0) for i in kept]


def _symbol(shown: str, leading: bool) -> str:
    return factor(shown, leading=leading)


def _alone(shown: str, _: bool) -> str:
    return marked(shown, {})


def _numeral(value: Any, leading: bool) -> str:
    return factor("x", {"x": number(value)}, leading=leading)


def _line(left: str, factors: Sequence[str]) -> str:
    cells = [left, "<mo>=</mo>"]
    for i, shown in enumerate(factors):
        cells += ["<mo>·</mo>", shown] if i else [shown]
    return f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in cells)}</mtr>"


# --- arrays ---------------------------------------------------------------------------


def _links(path: Mapping[str, Any], loss: str) -> str:
    """Return each gradient on the path, as what becomes of the one before it."""
    rows = []
    backs = path.get("back") or path["symbols"]
    values = path.get("values") or path["numbers"]
    for i in _kept(len(path["names"])):
        if i is None:
            rows.append(["…", "", ""])
            continue
        below = _ends(path["names"][i])[1]
        said = inline(backs[i].replace("∂L/∂", f"∂{loss}/∂"), {})
        rows.append([escaped(f"∂{loss}/∂{below}"), said, _value(values[i])])
    return table("Link by link", ["gradient", "is", "value"], rows)


def _value(value: Any) -> str:
    """Return a value, an array with its shape."""
    if isinstance(value, list):
        shown = f"{shape_text(_shape(value))}: {value_text(condensed(value))}"
        return escaped(shown)
    return broken(value_text(value))


def broken(shown: str) -> str:
    """Return what `value_text` said of many numbers, in parts that stay in a line."""
    if not _MANY.search(shown):
        return escaped(shown)
    return " ".join(unbroken(part) for part in _BREAKS.split(shown))


def _shape(value: Any) -> tuple[int, ...]:
    return (len(value), *_shape(value[0])) if isinstance(value, list) and value else ()


# --- three ways to one gradient -------------------------------------------------------


def agreement(variable: Mapping[str, Any], loss: str) -> str:
    """Return the three numbers that must agree, side by side."""
    name, count = str(variable["name"]), variable["path_count"]
    ways = "the path" if count == 1 else f"sum of {count} paths"
    first = "derivative" if is_scalar(variable["gradient"]) else "element"
    head = [first, ways, "the tape's gradient", "finite difference"]
    three = [variable[k] for k in ("sum_of_paths", "gradient", "finite_difference")]
    if is_scalar(three[1]):
        rows = [[escaped(f"∂{loss}/∂{name}"), *map(_number, three)]]
    elif isinstance(three[1], list):
        rows = _elements(name, three)
    else:
        whole = [broken(value_text(value)) for value in three]
        rows = [["all", *whole], *map(_checked(name), variable.get("checked") or ())]
    return table(f"∂{loss}/∂{name}, computed in three ways", head, rows, "numbers")


def _number(value: Any) -> str:
    return escaped(value_text(value, _DIGITS))


def _elements(name: str, three: Sequence[Any]) -> list[list[str]]:
    """Return a row for each element of a small array."""
    return [
        [_at(name, index), *(_number(_element(value, index)) for value in three)]
        for index in _indices(three[1])
    ]


def _indices(value: Any) -> list[tuple[int, ...]]:
    if not isinstance(value, list):
        return [()]
    return [(i, *rest) for i, part in enumerate(value) for rest in _indices(part)]


def _element(value: Any, index: Sequence[int]) -> Any:
    for i in index:
        value = value[i] if isinstance(value, list) else None
    return value


def _at(name: str, index: Sequence[int]) -> str:
    return escaped(f"{name}[{', '.join(map(str, index))}]")


def _checked(name: str) -> Callable[[Mapping[str, Any]], list[str]]:
    def row(one: Mapping[str, Any]) -> list[str]:
        pair = _number(one["gradient"]), _number(one["difference"])
        return [_at(name, one["index"]), "", *pair]

    return row
