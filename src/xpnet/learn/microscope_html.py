"""The microscope in a notebook: a picture of the secants, and their table."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

from .microscope_words import HEAD, rows

if TYPE_CHECKING:
    from .microscope import Microscope

__all__ = ["page"]

_WIDTH, _HEIGHT, _MARGIN = 420, 260, 24
_STYLES = (("#0072B2", "8 4"), ("#009E73", "3 3"), ("#CC79A7", "10 3 2 3"))
_TANGENT = "#D55E00"


def page(seen: Microscope) -> str:
    """Return what a notebook shows of a microscope."""
    words = "".join(f"<p>{html.escape(line)}</p>" for line in seen.words)
    title = f"<p><strong>{html.escape(seen.heading)}</strong></p>"
    shown = f"{title}{_picture(seen)}{_table(seen)}{words}"
    return f'<div class="xpnet-microscope">{shown}</div>'


def _table(seen: Microscope) -> str:
    cells = "".join(f'<th scope="col">{cell}</th>' for cell in HEAD)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows(seen)
    )
    caption = f"Slopes of secants, computed in {seen.dtype}"
    return (
        f"<table><caption>{caption}</caption><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


class _Scale:
    """From the plane of the function to the picture."""

    def __init__(self, xs: list[float], ys: list[float]) -> None:
        self.left, self.right = min(xs), max(xs)
        self.low, self.high = min(ys), max(ys)
        if self.low == self.high:
            self.low, self.high = self.low - 1.0, self.high + 1.0

    def __call__(self, x: float, y: float) -> str:
        across = (x - self.left) / (self.right - self.left)
        up = (y - self.low) / (self.high - self.low)
        return (
            f"{_MARGIN + across * (_WIDTH - 2 * _MARGIN):.1f},"
            f"{_HEIGHT - _MARGIN - up * (_HEIGHT - 2 * _MARGIN):.1f}"
        )


def _picture(seen: Microscope) -> str:
    """Return the curve, the tangent and the longest secants as SVG."""
    points = [(x, y) for x, y in zip(*seen.curve(), strict=True) if math.isfinite(y)]
    if len(points) < 2:
        return ""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    scale = _Scale(xs, ys)
    drawn = [_line(scale, xs, seen, seen.slope, _TANGENT, "", "tangent")]
    longest = sorted(seen.secants, key=lambda s: -s.h)[: len(_STYLES)]
    for secant, (colour, dash) in zip(longest, _STYLES, strict=False):
        if math.isfinite(secant.forward):
            name = f"secant, h = {secant.h:g}"
            drawn.append(_line(scale, xs, seen, secant.forward, colour, dash, name))
    path = " ".join(scale(x, y) for x, y in points)
    here = scale(seen.x, seen.y).split(",")
    return (
        f'<svg role="img" viewBox="0 0 {_WIDTH} {_HEIGHT + 20 * len(drawn)}" '
        f'width="{_WIDTH}" aria-label="{html.escape(seen.heading)}">'
        f'<svg width="{_WIDTH}" height="{_HEIGHT}">'
        f'<polyline points="{path}" fill="none" stroke="currentColor" '
        'stroke-width="2"/>'
        + "".join(line for line, _ in drawn)
        + f'<circle cx="{here[0]}" cy="{here[1]}" r="4" fill="currentColor"/></svg>'
        + "".join(_legend(i, name) for i, (_, name) in enumerate(drawn))
        + "</svg>"
    )


def _line(
    scale: _Scale,
    xs: list[float],
    seen: Microscope,
    slope: float,
    colour: str,
    dash: str,
    name: str,
) -> tuple[str, Any]:
    """Return a straight line through the point, and its entry in the legend."""
    ends = [scale(x, seen.y + slope * (x - seen.x)).split(",") for x in (xs[0], xs[-1])]
    (x1, y1), (x2, y2) = ends
    style = f'stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dash}"'
    line = f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {style}/>'
    return line, (style, f"{name}: slope {slope:.6g}")


def _legend(at: int, entry: tuple[str, str]) -> str:
    style, name = entry
    y = _HEIGHT + 20 * at + 10
    return (
        f'<line x1="{_MARGIN}" y1="{y}" x2="{_MARGIN + 40}" y2="{y}" {style}/>'
        f'<text x="{_MARGIN + 50}" y="{y + 4}" font-size="12" fill="currentColor">'
        f"{html.escape(name)}</text>"
    )
