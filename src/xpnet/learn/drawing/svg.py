"""The little that pictures need of SVG: text that fits, lines, arrows."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from ..markup import escaped

__all__ = [
    "arrow_head",
    "curve",
    "fitted",
    "overlap",
    "picture",
    "text",
    "width",
]

Point = tuple[float, float]
Region = tuple[float, float, float, float]


_NARROW = frozenset("iljtfrI.,:;'|!()[]{}/ ·⁻¹²³")
_BROAD = frozenset("mwMW@%∂σ√×−+=→∞")


def width(shown: str, size: float) -> float:
    """Return about how wide a text is, rather more than less."""
    return size * sum(_share(sign) for sign in shown)


def _share(sign: str) -> float:
    if sign in _NARROW:
        return 0.38
    if unicodedata.east_asian_width(sign) in "WF":
        return 1.05
    if sign in _BROAD or unicodedata.category(sign) == "So":
        return 0.9
    return 0.72 if sign.isupper() else 0.61


def fitted(shown: str, size: float, room: float) -> str:
    """Return a text, cut with … where it is wider than `room`."""
    shown = " ".join(shown.split())
    if width(shown, size) <= room:
        return shown
    while shown and width(shown + "…", size) > room:
        shown = shown[:-1]
    return shown.rstrip() + "…"


def text(at: Point, shown: str, classes: str, anchor: str = "start") -> str:
    """Return an element ``<text>``."""
    x, y = at
    place = f'x="{x:.1f}" y="{y:.1f}"'
    end = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text {place} class="{classes}"{end}>{escaped(shown)}</text>'


def curve(points: Sequence[Point], down: bool = False) -> str:
    """Return the data of a path through points, level (or upright) at each of them."""
    start, *rest = points
    data = [f"M{_at(start)}"]
    for end in rest:
        a, b = _bends(start, end, down)
        straight = start[0] == end[0] if down else start[1] == end[1]
        data.append(f"L{_at(end)}" if straight else f"C{_at(a)} {_at(b)} {_at(end)}")
        start = end
    return "".join(data)


def _bends(start: Point, end: Point, down: bool) -> tuple[Point, Point]:
    """Return the two points that hold a curve between its ends."""
    (x, y), (u, v) = start, end
    if down:
        half = (y + v) / 2
        return (x, half), (u, half)
    half = (x + u) / 2
    return (half, y), (half, v)


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def arrow_head(tip: Point, size: float, angle: float = 0.0) -> str:
    """Return the points of an arrow head."""
    x, y = tip
    turns = (0.0, math.pi - 0.42, math.pi + 0.42)
    lengths = (0.0, size, size)
    ends = (
        (x + length * math.cos(angle + turn), y + length * math.sin(angle + turn))
        for turn, length in zip(turns, lengths, strict=True)
    )
    return " ".join(f"{u:.1f},{v:.1f}" for u, v in ends)


def overlap(a: Region, b: Region) -> bool:
    """Tell whether two regions (left, top, right, bottom) have a place in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def picture(
    name: str, style: str, size: tuple[float, float], words: tuple[str, str], body: str
) -> str:
    """Return a whole picture that a screen reader announces by its title."""
    w, h = (math.ceil(length) for length in size)
    title, description = (escaped(said) for said in words)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" role="img" '
        f'viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
        f'aria-label="{title}. {description}">'
        f"<title>{title}</title><desc>{description}</desc>{style}"
        f'<rect class="paper" width="{w}" height="{h}"/>{body}</svg>'
    )
