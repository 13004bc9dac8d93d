"""A descent in words: its table, the update line with numbers, and how it ended."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from . import symbols
from .digits import number

if TYPE_CHECKING:
    from .descent import Descent, Race

__all__ = ["Ending", "ending_of", "standings", "table", "title", "update"]

_FIRST, _LAST = 6, 3  # rows of a long table that are shown
_SMALL = 1e-4  # of the largest gradient on the way: the gradient has become small
_TINY = 1e-12  # a gradient that is small however it began
_FLAT = 1e-6  # of the largest curvature: no curvature


class Ending(NamedTuple):
    """Where a descent came to.

    Attributes
    ----------
    kind : str
        One word or two for it.
    words : str
        A sentence or two for it.
    gradient_norm : float
        The length of the last gradient.
    eigenvalues : list of float or None
        The curvatures there: the eigenvalues of the Hessian, the smallest first.
    """

    kind: str
    words: str
    gradient_norm: float
    eigenvalues: list[float] | None


# --- the table ------------------------------------------------------------------------


def title(way: Descent) -> str:
    """Return the function, the optimizer and the start."""
    names = ", ".join(way.variables)
    shown = symbols.text(way.text, {}) if way.text else ""
    what = f"f({names})" + (f" = {shown}" if shown else "")
    return f"{what}: {way.optimizer} from {_point(way.points[0])}"


def table(way: Descent) -> list[str]:
    """Return the points as lines, the middle of many left out."""
    names = way.variables
    function = f"f({', '.join(names)})"
    head = ["step", *names, function, *(f"∂f/∂{name}" for name in names)]
    lines = [head, *(_row(way, i) for i in _shown(len(way.moves)))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    plain = all(way.is_plain(i) for i in range(len(way)) if way.moves[i + 1].is_finite)
    rule = "new = old − learning_rate × gradient" if plain else "new = old + change"
    ends = [rule, *(update(way, i) for i in _shown(len(way.moves)))]
    if len(names) > 2:
        ends = [""] * len(ends)
    out = [
        "  ".join([*map(str.rjust, line, widths), end]).rstrip()
        for line, end in zip(lines, ends, strict=True)
    ]
    if len(way.moves) > _FIRST + _LAST + 1:
        out.insert(_FIRST + 1, "…".rjust(widths[0]))
    return out


def _shown(count: int) -> list[int]:
    """Return which of many rows are shown."""
    if count <= _FIRST + _LAST + 1:
        return list(range(count))
    return [*range(_FIRST), *range(count - _LAST, count)]


def _row(way: Descent, step: int) -> list[str]:
    move = way.moves[step]
    return [str(step), *map(number, (*move.point, move.value, *move.gradient))]


def update(way: Descent, step: int) -> str:
    """Return how a step changed each variable, with the numbers put in."""
    if step >= len(way):
        return ""
    old, new = way.moves[step], way.moves[step + 1]
    plain = way.is_plain(step)
    parts = []
    for name, a, g, b in zip(
        way.variables, old.point, old.gradient, new.point, strict=True
    ):
        if plain:
            slope = number(g)
            slope = f"({slope})" if slope.startswith("−") else slope
            change = f"− {number(old.learning_rate)} × {slope}"
        else:
            change = f"{'−' if b < a else '+'} {number(abs(b - a))}"
        parts.append(f"{name}: {number(b)} = {number(a)} {change}")
    return "; ".join(parts)


def standings(race: Race) -> list[str]:
    """Return who came down how far, the lowest first."""
    head = ("", "f at the end", "steps", "ended at", "how")
    lines = [head]
    for name in race.ranking:
        way = race[name]
        last = way.moves[-1]
        lines.append(
            (name, number(last.value), str(len(way)), _point(last.point), way.ending[0])
        )
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]


def _point(point: tuple[float, ...]) -> str:
    shown = ", ".join(number(v) for v in point)
    return f"({shown})" if len(point) > 1 else shown


# --- the end --------------------------------------------------------------------------

Curvatures = Callable[[tuple[float, ...]], "list[float] | None"]


def ending_of(way: Descent, curvatures: Curvatures) -> Ending:
    """Return where a descent came to, by its last gradient and the curvatures there."""
    last = way.moves[-1]
    norm = math.hypot(*last.gradient)
    if not last.is_finite:
        return Ending("diverged", _diverged(way, curvatures), norm, None)
    eigenvalues = curvatures(last.point)
    largest = max(math.hypot(*gradient) for gradient in way.gradients)
    if norm <= _SMALL * largest or norm <= _TINY:
        kind, words = _stationary(norm, eigenvalues)
    else:
        kind, words = _moving(way, norm)
    return Ending(kind, words, norm, eigenvalues)


def _diverged(way: Descent, curvatures: Curvatures) -> str:
    """Say that the numbers grew without end, and which learning rate avoids it."""
    last, rate = way.moves[-1], way.moves[0].learning_rate
    slopes = [f"∂f/∂{name}" for name in way.variables]
    names = (*way.variables, "f", *slopes)
    values = (*last.point, last.value, *last.gradient)
    what = next(
        f"{name} is {number(value)}"
        for name, value in zip(names, values, strict=True)
        if not math.isfinite(value)
    )
    said = f"Diverged: after step {len(way)} {what}."
    steep = max(curvatures(way.points[0]) or [0.0])
    plain = all(way.is_plain(step) for step in range(min(len(way), 2)))
    if plain and rate and steep > 0 and rate > 2 / steep:
        return (
            f"{said} The learning rate {number(rate)} is too large: at the start the "
            f"largest curvature is {number(steep)}, and steps shrink only below "
            f"2/{number(steep)} = {number(2 / steep)}."
        )
    return f"{said} Try a smaller learning rate" + (
        f" than {number(rate)}." if rate else "."
    )


def _stationary(norm: float, eigenvalues: list[float] | None) -> tuple[str, str]:
    """Name a place where the gradient is small, by the curvatures."""
    said = f"The gradient has become small (norm {number(norm, 2)})"
    if eigenvalues is None:
        return "plateau", f"{said}; the curvatures are not known here."
    flat = _FLAT * max(1.0, *(abs(v) for v in eigenvalues))
    up = sum(v > flat for v in eigenvalues)
    down = sum(v < -flat for v in eigenvalues)
    listed = "curvatures " + ", ".join(number(v) for v in eigenvalues)
    if up == len(eigenvalues):
        return "minimum", f"{said}: a minimum, upward in every direction ({listed})."
    if down == len(eigenvalues):
        return "maximum", f"{said}: a maximum, downward in every direction ({listed})."
    if up and down:
        return "saddle", (
            f"{said}: a saddle, upward one way and downward another ({listed}). A push "
            "to the side leads on down."
        )
    return "plateau", f"{said}: a plateau, flat in some direction ({listed})."


def _moving(way: Descent, norm: float) -> tuple[str, str]:
    """Say whether a descent that has not arrived goes down or to and fro."""
    last = way.gradients[-6:]
    turns = sum(
        sum(a * b for a, b in zip(one, two, strict=True)) < 0
        for one, two in itertools.pairwise(last)
    )
    said = f"Not there yet (the gradient has norm {number(norm, 2)})"
    if len(last) > 2 and turns > (len(last) - 1) / 2:
        return "zigzag", (
            f"{said}: it goes to and fro across the valley. A smaller learning rate "
            "calms it."
        )
    return "going down", f"{said}: more steps or a larger learning rate lead further."
