"""The little that pictures need of SVG: escaped text that fits, lines, arrows."""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Sequence

__all__ = ["arrow_head", "curve", "escaped", "fitted", "picture", "text", "width"]

Point = tuple[float, float]

_ILLEGAL = "\x7f\ufffe\uffff"

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


def escaped(shown: str) -> str:
    """Return a text as it stands in markup, without what no XML may hold."""
    legal = "".join(
        c if c >= " " and c not in "\x7f\ufffe\uffff" else " " for c in shown
    )
    return html.escape(legal.encode("utf-8", "replace").decode())


def text(at: Point, shown: str, classes: str, anchor: str = "start") -> str:
    """Return an element ``<text>``."""
    x, y = at
    place = f'x="{x:.1f}" y="{y:.1f}"'
    end = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text {place} class="{classes}"{end}>{escaped(shown)}</text>'


def curve(points: Sequence[Point]) -> str:
    """Return the data of a path through points, level wherever it meets one."""
    (x, y), *rest = points
    data = [f"M{x:.1f} {y:.1f}"]
    for u, v in rest:
        bend = (u - x) / 2
        if v == y:
            data.append(f"H{u:.1f}")
        else:
            data.append(
                f"C{x + bend:.1f} {y:.1f} {u - bend:.1f} {v:.1f} {u:.1f} {v:.1f}"
            )
        x, y = u, v
    return "".join(data)


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
