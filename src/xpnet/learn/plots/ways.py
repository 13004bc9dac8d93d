"""The parts of pictures of descents: the plane, the surface, the ways on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import xpnet as xn

from ...errors import OptionError, ShapeError
from ..descent import Descent, Race
from ..formula import Formula
from ..surfaces import SURFACES
from .board import Board
from .heights import Box, contours
from .hosts import numbers

__all__ = [
    "Surface",
    "draw_legend",
    "draw_surface",
    "draw_way",
    "ends_of",
    "function_of",
    "heights_of",
    "plane_of",
    "points_of",
    "runs_of",
    "variables_of",
]

_POINTS = 181  # of the surface, along each side
_FAR = 1e100  # what runs away further cannot be drawn

Surface = Callable[..., Any] | str | None


def runs_of(ways: Descent | Race) -> Mapping[str, Descent]:
    """Return descents by what the legend calls them."""
    return {ways.optimizer: ways} if isinstance(ways, Descent) else ways


def variables_of(
    runs: Mapping[str, Descent], least: int = 1, most: int = 2
) -> tuple[str, ...]:
    """Return the names of the variables, of which there are not too many."""
    variables = next(iter(runs.values())).variables
    if not least <= len(variables) <= most:
        raise ShapeError(
            f"a descent in {len(variables)} numbers ({', '.join(variables)}) has no "
            "picture of its way; draw its values instead: "
            "plots.learning_curves({'value': way.values})."
        )
    return variables


def function_of(f: Surface, runs: Mapping[str, Descent]) -> Callable[..., Any]:
    """Return the function of the descents."""
    way = next(iter(runs.values()))
    if callable(f):
        return f
    if f in SURFACES:
        return SURFACES[f].formula
    text = f or way.text
    if not text:
        raise OptionError(
            "the descent was on a function of Python, which it does not keep; give it "
            "once more: plots.descent(ways, f)."
        )
    return Formula(text, way.variables)


def points_of(way: Descent) -> Any:
    """Return where a descent went, ``(steps + 1, variables)``; NaN very far away."""
    points = np.asarray(way.points)
    return np.where(np.abs(points) < _FAR, points, np.nan)


def plane_of(
    runs: Mapping[str, Descent], f: Surface, box: Box | None
) -> tuple[Any, Any]:
    """Return the coordinates of the part of the plane that is shown."""
    if box is None and isinstance(f, str) and f in SURFACES:
        box = SURFACES[f].box
    if box is None:
        (left, lower), (right, upper) = _around(runs)
        box = (left, right, lower, upper)
    left, right, lower, upper = box
    if not (left < right and lower < upper):
        raise OptionError(
            f"box={box}; it is left, right, lower and upper end: left < right and "
            "lower < upper."
        )
    return np.linspace(left, right, _POINTS), np.linspace(lower, upper, _POINTS)


def ends_of(runs: Mapping[str, Descent]) -> tuple[float, float]:
    """Return the ends of what is shown of a curve."""
    (low,), (high,) = _around(runs)
    return float(low), float(high)


def _around(runs: Mapping[str, Descent]) -> Any:
    """Return the ends of all ways that came down, or of all starts, and a margin."""
    kept = [points_of(w) for w in runs.values() if w.values[-1] <= w.values[0]]
    points = np.concatenate(kept or [points_of(way)[:3] for way in runs.values()])
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    reach = np.maximum(high - low, 0.25 * (high - low).max() + 1e-6)
    middle = (low + high) / 2
    return middle - 0.65 * reach, middle + 0.65 * reach


def draw_surface(
    b: Board, function: Callable[..., Any], variables: tuple[str, ...], xs: Any, ys: Any
) -> None:
    """Draw the lines of equal height."""
    X, Y = np.meshgrid(xs, ys)
    heights = heights_of(function, X, Y)
    first, second = variables
    contours(b, b.ax, xs, ys, heights, f"f({first}, {second})")
    b.ax.set(xlabel=first, ylabel=second)


def heights_of(function: Callable[..., Any], *coordinates: Any) -> Any:
    """Return an elementwise function on a grid, on the host."""
    with xn.no_grad(), np.errstate(all="ignore"):
        heights = numbers(function(*(xn.asarray(c) for c in coordinates)))
    if heights.shape != coordinates[0].shape:
        raise ShapeError(
            f"the function gives shape {heights.shape} for arrays of shape "
            f"{coordinates[0].shape}; to draw its surface it must be elementwise."
        )
    return heights


def draw_way(b: Board, i: int, name: str, points: Any) -> tuple[Any, Any]:
    """Draw one way, and where it is at last, over a border that sets it off."""
    from matplotlib import patheffects

    line_style, head_style = b.theme.line(i), b.theme.point(i)
    around = [patheffects.withStroke(linewidth=3.2, foreground=b.theme.back)]
    every = max(1, len(points) // 25)
    (line,) = b.ax.plot(
        *points.T,
        label=name,
        lw=1.8,
        path_effects=around,
        marker=head_style["marker"],
        markersize=3.2,
        markevery=every,
        zorder=3 + i,
        **line_style,
    )
    (head,) = b.ax.plot(
        *points[-1:].T,
        ls="none",
        markersize=9,
        markeredgecolor=b.theme.back,
        zorder=20 + i,
        **head_style,
    )
    return line, head


def draw_legend(b: Board, runs: Mapping[str, Descent]) -> None:
    """Mark the start, and say which line is whose, below the axes."""
    from matplotlib import transforms

    start = next(iter(runs.values())).points[0]
    b.ax.plot(
        *np.asarray([start]).T,
        "o",
        markerfacecolor=b.theme.back,
        markeredgecolor=b.theme.text,
        markeredgewidth=1.6,
        markersize=8,
        zorder=40,
        ls="none",
        label="start",
    )
    below = transforms.offset_copy(b.ax.transAxes, b.figure, y=-0.42, units="inches")
    b.ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0.0), bbox_transform=below, ncols=3
    )
