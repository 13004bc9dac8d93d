"""A network drawn as layers of neurons, with what goes along every edge."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import xpnet as xn

from ...errors import ShapeError
from ..digits import number
from ..markup import escaped
from ..theme import style
from . import svg

__all__ = ["network_svg"]

_NAME = "xn-network"
_MARGIN = 20.0
_RADIUS = 22.0
_COLUMN = 270.0
_ROW = 66.0
_AIRY = 96.0  # between neurons whose edges have numbers
_MOST = 8  # neurons of a layer that are drawn
_LABELLED = 16  # edges up to which each has its numbers beside it
_SIZE = 11.0
_SHARES = (0.3, 0.36, 0.42, 0.24, 0.6, 0.66, 0.72, 0.54, 0.48, 0.5)  # along an edge

_STYLE = style(
    _NAME,
    "% .paper{fill:var(--xn-paper)}"
    "% text{font-size:11px;fill:var(--xn-ink)}"
    "% .title{font-weight:600;font-size:12px}% .quiet{fill:var(--xn-quiet)}"
    "% circle{fill:var(--xn-box);stroke:var(--xn-ink);stroke-width:1.3}"
    "% .up{stroke:var(--xn-positive);fill:none}"
    "% .down{stroke:var(--xn-negative);fill:none;stroke-dasharray:6 4}"
    "% .none{stroke:var(--xn-rule);fill:none;stroke-dasharray:1 4}"
    "% .label{font-size:10px}",
)


class Neuron(NamedTuple):
    """A neuron that is drawn: its number in the layer, and its middle."""

    place: int
    x: float
    y: float


def network_svg(
    layers: Sequence[Mapping[str, Any]],
    weights: Sequence[Any],
    gradients: Sequence[Any] | None = None,
) -> str:
    """Return a picture of a network: layers of neurons, and an edge for each weight.

    An edge is thick where its weight (or, with `gradients`, its gradient) is large;
    unbroken and blue where it is positive, dashed and orange where it is negative. Of a
    layer of more than eight neurons the first seven are drawn and the others counted.

    Parameters
    ----------
    layers : sequence of mappings
        For each layer ``"values"`` (one number per neuron) and, if wanted, ``"names"``
        (one per neuron) and ``"title"``.
    weights : sequence of arrays
        Between each layer and the next, of shape (neurons of the next, neurons of this
        layer), as in ``nn.Linear``.
    gradients : sequence of arrays, optional
        The gradient of each weight, in the same shapes.

    Raises
    ------
    ShapeError
        If an array of weights does not fit its two layers.
    """
    values = [_numbers(layer["values"]) for layer in layers]
    matrices = [_matrix(w, values, k, "weights") for k, w in enumerate(weights)]
    slopes = [_matrix(g, values, k, "gradients") for k, g in enumerate(gradients or ())]
    rows = max(min(len(v), _MOST) for v in values)
    counts = [min(len(v), _MOST) for v in values]
    few = sum(a * b for a, b in itertools.pairwise(counts)) <= _LABELLED
    row = _AIRY if few else _ROW
    placed = [_placed(len(v), k, rows, row) for k, v in enumerate(values)]
    body = _edges(placed, matrices, slopes or None, few)
    body += "".join(
        _layer(layer, v, p, row)
        for layer, v, p in zip(layers, values, placed, strict=True)
    )
    size = (_COLUMN * (len(layers) - 1) + 2 * (_MARGIN + 60), rows * row + 52)
    return svg.picture(_NAME, _STYLE, size, _words(values, slopes), body)


def _numbers(values: Any) -> list[float]:
    return [float(v) for v in _host(values).reshape(-1)]


def _host(values: Any) -> Any:
    x = values if isinstance(values, xn.Array) else xn.asarray(values)
    return x._lib.to_host(x.data)


def _matrix(array: Any, values: list[list[float]], k: int, what: str) -> Any:
    host = _host(array)
    wanted = (len(values[k + 1]), len(values[k]))
    if host.shape != wanted:
        raise ShapeError(
            f"network_svg: {what}[{k}] has shape {host.shape}; between layers of "
            f"{wanted[1]} and {wanted[0]} neurons it must be {wanted}."
        )
    return host


def _placed(count: int, column: int, rows: int, row: float) -> list[Neuron]:
    """Return the neurons of a layer that are drawn, in the middle of the picture."""
    shown = min(count, _MOST)
    kept = count if count <= _MOST else _MOST - 1
    x = _MARGIN + 60 + column * _COLUMN
    top = 44 + _RADIUS + (rows - shown) * row / 2
    return [Neuron(i, x, top + i * row) for i in range(kept)]


def _edges(
    placed: list[list[Neuron]],
    matrices: list[Any],
    slopes: list[Any] | None,
    few: bool,
) -> str:
    """Return all lines, and over them the numbers where there are few."""
    lines: list[str] = []
    labels: list[str] = []
    taken: list[svg.Region] = []
    for k, matrix in enumerate(matrices):
        looks = matrix if slopes is None else slopes[k]
        most = _largest(looks, placed[k], placed[k + 1])
        for a, b in itertools.product(placed[k], placed[k + 1]):
            weight = float(matrix[b.place, a.place])
            slope = None if slopes is None else float(slopes[k][b.place, a.place])
            lines.append(_edge(a, b, weight, slope, most))
            if few:
                labels.append(_edge_label(a, b, weight, slope, taken))
    return "".join(lines + labels)


def _largest(looks: Any, left: list[Neuron], right: list[Neuron]) -> float:
    sizes = (abs(float(looks[b.place, a.place])) for a in left for b in right)
    return max((s for s in sizes if math.isfinite(s)), default=0.0)


def _edge(a: Neuron, b: Neuron, weight: float, slope: float | None, most: float) -> str:
    shown = weight if slope is None else slope
    size = abs(shown) / most if most and math.isfinite(shown) else 0.0
    kind = "none" if not size else "up" if shown > 0 else "down"
    (x, y), (u, v) = _ends(a, b)
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}"'
    tip = f"weight {number(weight)}"
    if slope is not None:
        tip += f", gradient {number(slope)}"
    return (
        f'<line class="{kind}" {ends} stroke-width="{0.6 + 4.4 * size:.2f}">'
        f"<title>{tip}</title></line>"
    )


def _ends(a: Neuron, b: Neuron) -> tuple[svg.Point, svg.Point]:
    """Return where the line between two neurons leaves their circles."""
    long = math.hypot(b.x - a.x, b.y - a.y)
    x, y = (b.x - a.x) / long * _RADIUS, (b.y - a.y) / long * _RADIUS
    return (a.x + x, a.y + y), (b.x - x, b.y - y)


def _edge_label(
    a: Neuron, b: Neuron, weight: float, slope: float | None, taken: list[svg.Region]
) -> str:
    """Return the numbers of an edge, where no other label is."""
    shown = number(weight, 3) + ("" if slope is None else f" (∂ {number(slope, 3)})")
    half = svg.width(shown, _SIZE) / 2
    (x, y), (u, v) = _ends(a, b)
    for share in _SHARES:
        at = (x + share * (u - x), y + share * (v - y) + 3)
        region = (at[0] - half, at[1] - 10, at[0] + half, at[1] + 3)
        if not any(svg.overlap(region, other) for other in taken):
            break
    taken.append(region)
    ground = (
        f'<rect class="paper" x="{region[0]:.1f}" y="{region[1] + 1:.1f}" '
        f'width="{2 * half:.1f}" height="13"/>'
    )
    return ground + svg.text(at, shown, "label", "middle")


def _layer(
    layer: Mapping[str, Any], values: list[float], placed: list[Neuron], row: float
) -> str:
    names = [str(name) for name in layer.get("names") or ()]
    x = placed[0].x
    parts = [svg.text((x, 22), str(layer.get("title") or ""), "title", "middle")]
    for neuron in placed:
        name = names[neuron.place] if neuron.place < len(names) else ""
        parts.append(_neuron(neuron, values[neuron.place], name))
    rest = len(values) - len(placed)
    if rest:
        y = placed[-1].y + row
        parts.append(svg.text((x, y), f"… {rest} more", "quiet", "middle"))
    return "".join(parts)


def _neuron(neuron: Neuron, value: float, name: str) -> str:
    x, y = neuron.x, neuron.y
    said = f"{name or f'neuron {neuron.place + 1}'}: {number(value)}"
    below = svg.fitted(name, _SIZE, _COLUMN - 70)
    return (
        f"<g><title>{escaped(said)}</title>"
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS:.0f}"/>'
        f"{svg.text((x, y + 4), number(value, 3), 'value', 'middle')}"
        f"{svg.text((x, y + _RADIUS + 13), below, 'quiet', 'middle')}</g>"
    )


def _words(values: list[list[float]], slopes: list[Any]) -> tuple[str, str]:
    sizes = ", ".join(str(len(v)) for v in values)
    seen = "gradient" if slopes else "weight"
    return (
        f"A network of {len(values)} layers",
        f"Layers of {sizes} neurons, from left to right. The thicker an edge, the "
        f"larger its {seen}; a dashed edge has a negative one.",
    )
