"""Pictures of our own as SVG: the graph of a computation, and a network's neurons.

Nothing is needed but the library. Each picture follows light and dark pages, has a
title and a description for screen readers, and says nothing by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import svg
from .layout import Layout, Place, layered
from .neurons import network_svg
from .outline import Arrow, Box, Outline, outline
from .theme import style

__all__ = ["graph_svg", "network_svg"]

_NAME = "xn-graph"
_MARGIN = 16.0
_PAD = 10.0
_LINE = 16.0
_LEAST, _MOST = 96.0, 210.0  # how wide a box is
_SIZE = 12.0
_LABEL = 11.0
_LONGEST = 190.0  # how wide a label on an arrow may be

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
    explanation: Mapping[str, Any], *, path: Iterable[int] | None = None
) -> str:
    """Return the graph of a computation as SVG.

    A box for each step, with its operation, value and gradient; on each arrow the
    derivative of what it leads to. The path of interest has thick, unbroken arrows.
    More than forty steps are joined: chains first, then runs of steps.

    Parameters
    ----------
    explanation : mapping
        What ``Explanation.to_dict()`` returns.
    path : iterable of int, optional
        The steps of the path of interest: by default the strongest path of the first
        variable; ``()`` for none.
    """
    drawn = outline(explanation, path)
    labels = [_label(arrow) for arrow in drawn.arrows]
    sizes = {key: _size(box) for key, box in drawn.boxes.items()}
    edges = [(arrow.source, arrow.target) for arrow in drawn.arrows]

    def gap(column: int, crossing: list[int]) -> float:
        longest = max((svg.width(labels[i], _LABEL) for i in crossing), default=0.0)
        return 44.0 + min(longest, _LONGEST)

    layout = layered(sizes, edges, gap)
    highlighted = any(arrow.path for arrow in drawn.arrows)
    body = _arrows(drawn, layout, labels, highlighted) + _boxes(drawn, layout)
    size = (layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN)
    moved = f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">{body}</g>'
    return svg.picture(_NAME, _STYLE, size, (drawn.title, drawn.description), moved)


def _label(arrow: Arrow) -> str:
    """Return what is written on an arrow: the derivative, and its value."""
    both = [part for part in (arrow.formula, arrow.value) if part not in ("", "–")]
    if len(set(both)) == 2 and svg.width(" = ".join(both), _LABEL) > _LONGEST:
        both = both[1:]
    return svg.fitted(" = ".join(dict.fromkeys(both)), _LABEL, _LONGEST)


def _size(box: Box) -> tuple[float, float]:
    wide = svg.width(box.name, _SIZE) * 1.06 + svg.width(box.operation, _LABEL) + 10
    for label, value in box.lines:
        wide = max(wide, svg.width(label, _LABEL) + 8 + svg.width(value, _SIZE))
    height = (1 + len(box.lines)) * _LINE + 2 * _PAD - 4
    return min(max(wide + 2 * _PAD, _LEAST), _MOST), height


def _boxes(drawn: Outline, layout: Layout) -> str:
    return "".join(_box(box, layout.places[key]) for key, box in drawn.boxes.items())


def _box(box: Box, place: Place) -> str:
    x, y, w, h = place
    classes = box.kind + (" path" if box.path else "")
    left, right, base = x + _PAD, x + w - _PAD, y + _PAD + 9
    room = w - 2 * _PAD
    corner = 12 if box.kind in ("variable", "constant") else 4
    said = svg.fitted(box.operation, _LABEL, room * 0.6)
    name = svg.fitted(box.name, _SIZE * 1.06, room - svg.width(said, _LABEL) - 6)
    parts = [
        f"<title>{svg.escaped(box.tip)}</title>",
        f'<rect class="box" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" '
        f'height="{h:.1f}" rx="{corner}"/>',
        svg.text((left, base), name, "name"),
        svg.text((right, base), said, "quiet", "end") if said else "",
    ]
    for i, (label, value) in enumerate(box.lines, 1):
        at = base + i * _LINE
        kind = "gradient" if label == "gradient" else "value"
        if label:
            parts.append(svg.text((left, at), label, "quiet"))
        shown = svg.fitted(value, _SIZE, room - svg.width(label, _LABEL) - 4)
        parts.append(svg.text((right, at), shown, kind, "end"))
    return f'<g class="{classes}">{"".join(parts)}</g>'


def _arrows(
    drawn: Outline, layout: Layout, labels: list[str], highlighted: bool
) -> str:
    """Return the lines first and the labels over all of them."""
    lines, words = [], []
    taken: list[tuple[float, float, float, float]] = []
    order = sorted(range(len(labels)), key=lambda i: drawn.arrows[i].path)
    for i in order:
        arrow, route = drawn.arrows[i], layout.routes[i]
        classes = "path" if arrow.path else "edge"
        lines.append(_line(route, classes, highlighted and not arrow.path))
        if labels[i]:
            words.append(_words(route, labels[i], arrow, classes, taken))
    return "".join(lines) + "".join(words)


def _line(route: list[svg.Point], classes: str, aside: bool) -> str:
    *_, (x, y) = route
    data = svg.curve([*route[:-1], (x - 7, y)])
    kind = "arrow aside" if aside else "arrow"
    head = svg.arrow_head((x, y), 10 if classes == "path" else 8)
    return (
        f'<g class="{classes}"><path class="{kind}" d="{data}"/>'
        f'<polygon class="head" points="{head}"/></g>'
    )


def _words(
    route: list[svg.Point],
    label: str,
    arrow: Arrow,
    classes: str,
    taken: list[tuple[float, float, float, float]],
) -> str:
    """Return the label of an arrow, moved off the labels that are there already."""
    (a, b), (c, d) = route[-2:]
    x, y = (a + c) / 2, (b + d) / 2 - 5
    half = svg.width(label, _LABEL) / 2
    step = 0
    while any(_overlap((x - half, y, x + half, y + 13), other) for other in taken):
        step += 1
        y += (step if step % 2 else -step) * 14
    taken.append((x - half, y, x + half, y + 13))
    tip = f"<title>{svg.escaped(f'{arrow.formula} = {arrow.value}')}</title>"
    shown = svg.text((x, y), label, "label", "middle")
    return f'<g class="{classes}">{tip}{shown}</g>'


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
