"""The microscope in a notebook: a picture of the secants, and their table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from .digits import number
from .html import page as styled
from .markup import escaped, paragraph, section, table
from .microscope_words import HEAD, rows

if TYPE_CHECKING:
    from .microscope import Microscope
    from .secants import Secant

__all__ = ["page"]

_LEFT, _TOP, _WIDE, _HIGH = 76, 12, 380, 220  # the box with the curve
_LINE = 20

# Of the secants that are drawn: a colour, a dash and the shape of their second point.
_SECANTS = (
    ("positive", "9 4", "M-4 -4h8v8h-8z"),
    ("gradient", "3 3", "M0 -5l5 9h-10z"),
)


def page(seen: Microscope) -> str:
    """Return what a notebook shows of a microscope."""
    first, *words = seen.words
    body = [[escaped(cell) for cell in row] for row in rows(seen)]
    caption = f"Slopes of secants, computed in {seen.dtype}"
    inner = (
        paragraph(first)
        + _picture(seen)
        + table(caption, (*HEAD[:-1], "note"), body, "numbers")
        + "".join(map(paragraph, words))
    )
    return styled(section(seen.heading, inner))


class _Scale(NamedTuple):
    """From the plane of the function to the picture."""

    left: float
    right: float
    low: float
    high: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.left) / (self.right - self.left)
        up = (y - self.low) / (self.high - self.low)
        return (
            _LEFT + across * _WIDE,
            _TOP + (1.0 - up) * _HIGH,
        )

    def line(self, seen: Microscope, slope: float) -> str:
        """Return the ends of a line through the point, as attributes."""
        x1, x2 = self.left, self.right
        ends = [self.place(x, seen.y + slope * (x - seen.x)) for x in (x1, x2)]
        (x1, y1), (x2, y2) = ends
        return f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'


def _picture(seen: Microscope) -> str:
    """Return the curve, the tangent and the longest secants as SVG."""
    points = [(x, y) for x, y in zip(*seen.curve(), strict=True) if math.isfinite(y)]
    if len(points) < 2:
        return ""
    scale = _scale(points)
    longest = sorted(seen.secants, key=lambda s: -s.h)
    drawn = [s for s in longest if math.isfinite(s.forward)][: len(_SECANTS)]
    tangent = _style("accent", "")
    inside = [
        _curve(scale, points),
        f"<line {scale.line(seen, seen.slope)} {tangent}/>",
    ]
    touching = "tangent" if seen.corner is None else "xn.grad"
    legend = [_entry(0, tangent, f"{touching}: slope {number(seen.slope, 6)}")]
    for i, secant in enumerate(drawn):
        colour, dash, shape = _SECANTS[i]
        style = _style(colour, dash)
        inside.append(f"<line {scale.line(seen, secant.forward)} {style}/>")
        inside.append(_mark(scale, seen, secant, colour, shape))
        name = f"secant, h = {number(secant.h)}: slope {number(secant.forward, 6)}"
        legend.append(_entry(i + 1, style, name))
    x, y = scale.place(seen.x, seen.y)
    inside.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="var(--xn-ink)"/>')
    width, height = _LEFT + _WIDE + 8, _TOP + _HIGH + 30 + _LINE * len(legend)
    box = f"{_LEFT} {_TOP} {_WIDE} {_HIGH}"
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" width="{width}" '
        f'style="max-width:100%" aria-label="{escaped(seen.heading)}, with its tangent '
        f'and secants">{_frame(scale)}<svg x="{_LEFT}" y="{_TOP}" width="{_WIDE}" '
        f'height="{_HIGH}" viewBox="{box}">{"".join(inside)}</svg>'
        f"{''.join(legend)}</svg>"
    )


def _scale(points: list[tuple[float, float]]) -> _Scale:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low, high = min(ys), max(ys)
    if not high > low:
        low, high = low - 1.0, high + 1.0
    room = 0.05 * (high - low)
    return _Scale(min(xs), max(xs), low - room, high + room)


def _style(colour: str, dash: str) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="var(--xn-{colour})" stroke-width="2"{dashed}'


def _curve(scale: _Scale, points: list[tuple[float, float]]) -> str:
    places = " ".join("{:.1f},{:.1f}".format(*scale.place(*p)) for p in points)
    return (
        f'<polyline points="{places}" fill="none" stroke="var(--xn-ink)" '
        'stroke-width="2.5"/>'
    )


def _mark(
    scale: _Scale, seen: Microscope, secant: Secant, colour: str, shape: str
) -> str:
    """Return the second point of a secant."""
    x, y = scale.place(seen.x + secant.h, seen.y + secant.forward * secant.h)
    return (
        f'<path d="{shape}" transform="translate({x:.1f} {y:.1f})" '
        f'fill="var(--xn-{colour})"/>'
    )


def _frame(scale: _Scale) -> str:
    """Return a box with the numbers at the ends of both axes."""
    right, bottom = _LEFT + _WIDE, _TOP + _HIGH
    labels = (
        (_LEFT, bottom + 16, "start", f"x = {number(scale.left)}"),
        (right, bottom + 16, "end", number(scale.right)),
        (_LEFT - 6, bottom, "end", f"y = {number(scale.low, 3)}"),
        (_LEFT - 6, _TOP + 10, "end", number(scale.high, 3)),
    )
    box = (
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDE}" height="{_HIGH}" fill="none" '
        'stroke="var(--xn-rule)"/>'
    )
    return box + "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="12" '
        f'fill="var(--xn-quiet)">{escaped(shown)}</text>'
        for x, y, anchor, shown in labels
    )


def _entry(at: int, style: str, name: str) -> str:
    """Return one line of the legend."""
    y = _TOP + _HIGH + 32 + _LINE * at
    return (
        f'<line x1="{_LEFT}" y1="{y}" x2="{_LEFT + 40}" y2="{y}" {style}/>'
        f'<text class="name" x="{_LEFT + 50}" y="{y + 4}" font-size="13" '
        f'fill="var(--xn-ink)">{escaped(name)}</text>'
    )
