"""The graph of a computation as SVG: a box for each step, arrows between them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..markup import escaped
from ..theme import style
from . import svg
from .layout import Layout, Place, layered
from .outline import Arrow, Box, Outline, outline

__all__ = ["graph_svg"]

_NAME = "xn-graph"
_MARGIN = 16.0
_PAD = 10.0
_LINE = 16.0
_LEAST, _MOST = 96.0, 210.0  # how wide a box is
_SIZE = 12.0
_BOLD = 13.2  # as wide as bold letters of 12
_LABEL = 11.0
_LONGEST = 190.0  # how wide a label on an arrow may be
_WIDEST = 1000.0  # a graph that is wider goes downwards

_STYLE = style(
    _NAME,
    "% .paper{fill:var(--xn-paper)}"
    "% text{font-size:12px;fill:var(--xn-ink)}"
    "% .name{font-weight:600}% .quiet{fill:var(--xn-quiet);font-size:11px}"
    "% .gradient{fill:var(--xn-gradient)}"
    "% .box{fill:var(--xn-box);stroke:var(--xn-line);stroke-width:1}"
    "% .variable .box{stroke-width:2}% .constant .box{stroke-dasharray:2 3}"
    "% .loss .box{stroke:var(--xn-ink);stroke-width:2}"
    "% .group .box{stroke-dasharray:8 3}"
    "% .path .box{fill:var(--xn-soft);stroke:var(--xn-accent);stroke-width:2.5}"
    "% .arrow{fill:none;stroke:var(--xn-line);stroke-width:1.3}"
    "% .head{fill:var(--xn-line)}"
    "% .aside{stroke-dasharray:4 3}"
    "% .path .arrow{stroke:var(--xn-accent);stroke-width:3.2}"
    "% .path .head{fill:var(--xn-accent)}"
    "% .label{font-size:11px;paint-order:stroke;stroke:var(--xn-paper);"
    "stroke-width:4px;stroke-linejoin:round}"
    "% .path .label{font-weight:600}",
)


def graph_svg(
    explanation: Mapping[str, Any],
    *,
    path: Mapping[str, Any] | Iterable[int] | None = None,
) -> str:
    """Return the graph of a computation as SVG.

    A box for each step, with its operation, value and gradient; on each arrow the
    derivative of what it leads to. The path of interest has thick, unbroken arrows.
    More than forty steps are joined: chains first, then runs of steps.

    Parameters
    ----------
    explanation : mapping
        What ``Explanation.to_dict()`` returns.
    path : mapping or iterable of int, optional
        The path of interest: one of those in `explanation`, or its steps; by default
        the strongest path of the first variable, ``()`` for none.
    """
    drawn = outline(explanation, path)
    sheet = _Sheet(drawn)
    body = sheet.arrows() + sheet.boxes()
    width, height = sheet.size()
    moved = f'<g transform="translate({sheet.left:.0f} {_MARGIN:.0f})">{body}</g>'
    words = (drawn.title, drawn.description + sheet.way)
    return svg.picture(_NAME, _STYLE, (width, height), words, moved)


class _Sheet:
    """An outline on paper: from left to right, or downwards where it is long."""

    def __init__(self, drawn: Outline) -> None:
        self.drawn = drawn
        self.shown = {key: _roomy(box) for key, box in drawn.boxes.items()}
        self.labels = _labels(drawn.arrows)
        self.taken: list[svg.Region] = []  # where labels are
        self.down = False
        self.layout = self._placed()
        if self.layout.width > _WIDEST:
            self.down = True
            self.layout = self._placed()
        self.highlighted = any(arrow.path for arrow in drawn.arrows)

    def _placed(self) -> Layout:
        arrows = self.drawn.arrows
        sizes = {key: _size(box) for key, box in self.shown.items()}
        if self.down:
            sizes = {key: (h, w) for key, (w, h) in sizes.items()}
        placed = layered(
            sizes,
            [(arrow.source, arrow.target) for arrow in arrows],
            self._run,
            bend=32.0,
            weights=[20.0 if arrow.path else 1.0 for arrow in arrows],
        )
        return _turned(placed) if self.down else placed

    @property
    def way(self) -> str:
        """In which direction values and derivatives go."""
        there, back = ("down", "up") if self.down else ("to the right", "to the left")
        return (
            f" Values go {there}; derivatives, written on the arrows, go {back}. "
            "Thick, unbroken arrows are the path of interest."
        )

    def _run(self, edges: list[int]) -> float:
        """Return the room that labels need before the column they lead to."""
        if self.down:
            return 18.0 + 7 * min(len(edges), 6)
        longest = max((svg.width(self.labels[i], _LABEL) for i in edges), default=0.0)
        return 15.0 + longest

    def boxes(self) -> str:
        places = self.layout.places
        return "".join(_box(box, places[key]) for key, box in self.shown.items())

    def arrows(self) -> str:
        """Return the lines, those of the path last, and the labels over them."""
        lines, words = [], []
        arrows = self.drawn.arrows
        for i in sorted(range(len(arrows)), key=lambda i: arrows[i].path):
            lines.append(self._line(self.layout.routes[i], arrows[i].path))
            if self.labels[i]:
                words.append(self._words(i))
        return "".join(lines) + "".join(words)

    def _line(self, route: list[svg.Point], path: bool) -> str:
        *before, (x, y) = route
        short = (x, y - 6) if self.down else (x - 6, y)
        data = svg.curve([*before, short], self.down)
        kind = "arrow aside" if self.highlighted and not path else "arrow"
        head = svg.arrow_head(
            (x, y), 11 if path else 8, math.pi / 2 if self.down else 0.0
        )
        return (
            f'<g class="{"path" if path else "edge"}"><path class="{kind}" d="{data}"/>'
            f'<polygon class="head" points="{head}"/></g>'
        )

    def _words(self, i: int) -> str:
        """Return the label of an arrow, beside the straight run at its end."""
        arrow, label = self.drawn.arrows[i], self.labels[i]
        x, y = self.layout.routes[i][-1]
        wide = svg.width(label, _LABEL) * (1.07 if arrow.path else 1.0)  # bold
        place = self.layout.places[arrow.target]
        if not self.down:
            left, y, anchor = x - 13 - wide, y - 5, "end"
        elif x < place.x + place.width / 2 - 1:
            left, y, anchor = x - 6 - wide, y - 12, "end"
        else:
            left, y, anchor = x + 6, y - 12, "start"
        while any(
            svg.overlap((left, y - 10, left + wide, y + 2), r) for r in self.taken
        ):
            y -= 7
        self.taken.append((left, y - 10, left + wide, y + 2))
        at = (left + wide, y) if anchor == "end" else (left, y)
        tip = f"{arrow.formula} = {arrow.value}" if arrow.formula else label
        shown = svg.text(at, label, "label", anchor)
        classes = "path" if arrow.path else "edge"
        return f'<g class="{classes}"><title>{escaped(tip)}</title>{shown}</g>'

    @property
    def left(self) -> float:
        """How far everything moves to the right."""
        return _MARGIN - min([0.0, *(region[0] for region in self.taken)])

    def size(self) -> tuple[float, float]:
        right = max([self.layout.width, *(region[2] for region in self.taken)])
        width = self.left + right + _MARGIN
        return width, self.layout.height + 2 * _MARGIN


def _turned(layout: Layout) -> Layout:
    """Return a layout from top to bottom of one from left to right."""
    places = {
        key: Place(p.y, p.x, p.height, p.width) for key, p in layout.places.items()
    }
    routes = [[(y, x) for x, y in route] for route in layout.routes]
    return Layout(places, routes, layout.height, layout.width)


def _labels(arrows: Sequence[Arrow]) -> list[str]:
    """Return the labels of arrows; of more than two alike into one box, one for all."""
    labels = [_label(arrow) for arrow in arrows]
    alike: dict[tuple[int | str, str], list[int]] = {}
    for i, arrow in enumerate(arrows):
        alike.setdefault((arrow.target, labels[i]), []).append(i)
    for (_, label), some in alike.items():
        if label and len(some) > 2:
            shown = max(some, key=lambda i: arrows[i].path)
            for i in some:
                labels[i] = f"each: {label}" if i == shown else ""
    return labels


def _label(arrow: Arrow) -> str:
    """Return what is written on an arrow: the derivative, and its value."""
    if arrow.count > 1:
        return f"{arrow.count} arrows"
    both = [part for part in (arrow.formula, arrow.value) if part]
    if len(set(both)) == 2 and svg.width(" = ".join(both), _LABEL) > _LONGEST:
        both = both[1:]
    return svg.fitted(" = ".join(dict.fromkeys(both)), _LABEL, _LONGEST)


def _roomy(box: Box) -> Box:
    """Give a long name the first line of its box for itself."""
    both = svg.width(box.name, _BOLD) + svg.width(box.operation, _LABEL) + 10
    if both + 2 * _PAD <= _MOST or not box.operation:
        return box
    said = [] if box.lines and box.lines[0][0] == "" else [("", box.operation)]
    return dataclasses.replace(box, operation="", lines=[*said, *box.lines])


def _size(box: Box) -> tuple[float, float]:
    wide = svg.width(box.name, _BOLD) + svg.width(box.operation, _LABEL) + 10
    for label, value in box.lines:
        wide = max(wide, svg.width(label, _LABEL) + 8 + svg.width(value, _SIZE))
    height = (1 + len(box.lines)) * _LINE + 2 * _PAD - 4
    return min(max(wide + 2 * _PAD, _LEAST), _MOST), height


def _box(box: Box, place: Place) -> str:
    x, y, w, h = place
    classes = box.kind + (" path" if box.path else "")
    left, right, base = x + _PAD, x + w - _PAD, y + _PAD + 9
    room = w - 2 * _PAD
    corner = 12 if box.kind in ("variable", "constant") else 4
    free = room - svg.width(box.name, _BOLD) - 8
    said = svg.fitted(box.operation, _LABEL, max(free, room * 0.45))
    name = svg.fitted(box.name, _BOLD, room - svg.width(said, _LABEL) - 8)
    parts = [
        f"<title>{escaped(box.tip)}</title>",
        f'<rect class="box" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" '
        f'height="{h:.1f}" rx="{corner}"/>',
        svg.text((left, base), name, "name"),
        svg.text((right, base), said, "quiet", "end") if said else "",
    ]
    for i, (label, value) in enumerate(box.lines, 1):
        at = base + i * _LINE
        kind = "gradient" if label == "gradient" else "value"
        shown = svg.fitted(value, _SIZE, room - svg.width(label, _LABEL) - 4)
        if label:
            parts.append(svg.text((left, at), label, "quiet"))
            parts.append(svg.text((right, at), shown, kind, "end"))
        else:
            parts.append(svg.text((left, at), shown, kind))
    return f'<g class="{classes}">{"".join(parts)}</g>'
