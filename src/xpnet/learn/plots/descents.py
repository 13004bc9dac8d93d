"""Optimizers on their way down: still on the surface, and moving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import xpnet as xn

from ...errors import OptionError, ShapeError
from ..descent import Descent, Race
from ..formula import Formula
from ..surfaces import SURFACES
from .board import Board, board
from .heights import Box, contours, size_of
from .hosts import numbers
from .movie import Movie

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["animate", "descent"]

_POINTS = 181  # of the surface, along each side

Surface = Callable[..., Any] | str | None


def descent(
    ways: Descent | Race,
    f: Surface = None,
    *,
    box: Box | None = None,
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw the ways of optimizers down a surface (or a curve).

    Parameters
    ----------
    ways : Descent or Race
        What `learn.descend` returned, on a function of two numbers, or of one.
    f : callable, Formula or str, optional
        The function, elementwise; or the name of one of ``learn.SURFACES``. Needed only
        where the descent was not on a formula.
    box : tuple of float, optional
        Left, right, lower and upper end of what is shown; by default that of the named
        surface, or all points and a margin around them.
    ax, theme : optional
        As for `slope`.

    Returns
    -------
    Figure

    Raises
    ------
    OptionError
        If the function is not known.
    ShapeError
        If it has more than two variables, or is not elementwise.

    Examples
    --------
    >>> from xpnet import learn, optim
    >>> way = learn.descend("x^2 + 4y^2", (2.0, 1.0), optim.SGD, steps=5, lr=0.1)
    >>> figure = descent(way)
    >>> figure.axes[0].lines[0].get_xydata()[0].tolist()
    [2.0, 1.0]
    """
    runs = _runs(ways)
    variables = _variables(runs)
    function = _function(f, runs)
    if len(variables) == 1:
        return _on_a_curve(runs, function, variables[0], box, ax, theme)
    xs, ys = _plane(runs, f, box)
    with board(ax, theme, size_of(xs, ys)) as b:
        _surface(b, function, variables, xs, ys)
        for i, (name, way) in enumerate(runs.items()):
            _way(b, i, name, np.asarray(way.points))
        _legend(b, runs)
    return b.figure


def animate(
    ways: Descent | Race,
    f: Surface = None,
    *,
    box: Box | None = None,
    frames: int = 60,
    fps: int = 12,
    ax: Any = None,
    theme: str | None = None,
) -> Movie:
    """Let optimizers run down a surface, step by step.

    Parameters
    ----------
    ways, f, box, ax, theme : optional
        As for `descent`, on a function of two numbers.
    frames : int
        How many pictures there are at most; of a longer descent some steps are left
        out.
    fps : int
        Pictures a second.

    Returns
    -------
    Movie
        ``movie.save("race.gif")``, or ``.html``, or (with ffmpeg) ``.mp4``; a notebook
        shows it.

    Examples
    --------
    >>> from xpnet import learn, optim
    >>> way = learn.descend("x^2 + 4y^2", (2.0, 1.0), optim.SGD, steps=5, lr=0.1)
    >>> animate(way).frames
    6
    """
    if frames < 2 or fps < 1:
        raise OptionError(
            f"animate: frames={frames} and fps={fps}; there are 2 pictures or more, "
            "and 1 a second or more."
        )
    runs = _runs(ways)
    variables = _variables(runs, most=2, least=2)
    xs, ys = _plane(runs, f, box)
    with board(ax, theme, size_of(xs, ys)) as b:
        _surface(b, _function(f, runs), variables, xs, ys)
        moving = [
            (np.asarray(way.points), _way(b, i, name, np.asarray(way.points)))
            for i, (name, way) in enumerate(runs.items())
        ]
        _legend(b, runs)
        title = b.ax.set_title("step 0", loc="left")
    if ax is None:  # the axes stay where they are from frame to frame
        b.figure.draw_without_rendering()
        b.figure.set_layout_engine("none")
    longest = max(len(points) for points, _ in moving)
    shown = np.unique(np.linspace(0, longest - 1, frames).round().astype(int)).tolist()

    def draw(frame: int) -> None:
        step = shown[frame]
        title.set_text(f"step {step}")
        for points, (line, head) in moving:
            part = points[: step + 1]
            line.set_data(*part.T)
            head.set_data(*part[-1:].T)

    return Movie(b.figure, len(shown), draw, fps)


# --- what is drawn --------------------------------------------------------------------


def _runs(ways: Descent | Race) -> Mapping[str, Descent]:
    """Return descents by what the legend calls them."""
    return {ways.optimizer: ways} if isinstance(ways, Descent) else ways


def _variables(
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


def _function(f: Surface, runs: Mapping[str, Descent]) -> Callable[..., Any]:
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


def _plane(runs: Mapping[str, Descent], f: Surface, box: Box | None) -> tuple[Any, Any]:
    """Return the coordinates of the part of the plane that is shown."""
    if box is None and isinstance(f, str) and f in SURFACES:
        box = SURFACES[f].box
    if box is None:
        box = _around(runs)
    left, right, lower, upper = box
    if not (left < right and lower < upper):
        raise OptionError(
            f"box={box}; it is left, right, lower and upper end: left < right and "
            "lower < upper."
        )
    return np.linspace(left, right, _POINTS), np.linspace(lower, upper, _POINTS)


def _around(runs: Mapping[str, Descent]) -> Box:
    """Return the ends of all points that did not run away, with a margin."""
    kept = [way.points for way in runs.values() if way.values[-1] <= way.values[0]]
    points = np.concatenate(kept or [way.points[:3] for way in runs.values()])
    low, high = points.min(axis=0), points.max(axis=0)
    reach = np.maximum(high - low, 0.25 * (high - low).max() + 1e-6)
    middle = (low + high) / 2
    (left, lower), (right, upper) = middle - 0.65 * reach, middle + 0.65 * reach
    return float(left), float(right), float(lower), float(upper)


def _surface(
    b: Board, function: Callable[..., Any], variables: tuple[str, ...], xs: Any, ys: Any
) -> None:
    """Draw the lines of equal height."""
    X, Y = np.meshgrid(xs, ys)
    heights = _heights(function, X, Y)
    first, second = variables
    contours(b, b.ax, xs, ys, heights, f"f({first}, {second})")
    b.ax.set(xlabel=first, ylabel=second)


def _heights(function: Callable[..., Any], *coordinates: Any) -> Any:
    """Return an elementwise function on a grid, on the host."""
    with xn.no_grad(), np.errstate(all="ignore"):
        heights = numbers(function(*(xn.asarray(c) for c in coordinates)))
    if heights.shape != coordinates[0].shape:
        raise ShapeError(
            f"the function gives shape {heights.shape} for arrays of shape "
            f"{coordinates[0].shape}; to draw its surface it must be elementwise."
        )
    return heights


def _way(b: Board, i: int, name: str, points: Any) -> tuple[Any, Any]:
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


def _legend(b: Board, runs: Mapping[str, Descent]) -> None:
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


def _on_a_curve(
    runs: Mapping[str, Descent],
    function: Callable[..., Any],
    variable: str,
    box: Box | None,
    ax: Any,
    theme: str | None,
) -> Figure:
    """Draw descents in one variable as points on the curve of the function."""
    points = np.concatenate([np.ravel(way.points) for way in runs.values()])
    low, high = (points.min(), points.max()) if box is None else box[:2]
    room = 0.15 * (high - low) if box is None else 0.0
    xs = np.linspace(low - room, high + room, 4 * _POINTS)
    with board(ax, theme, (6.0, 4.0)) as b:
        heights = _heights(function, xs)
        b.ax.plot(xs, heights, color=b.theme.quiet, lw=2.0, label=f"f({variable})")
        for i, (name, way) in enumerate(runs.items()):
            _way(b, i, name, np.stack([np.ravel(way.points), way.values], axis=1))
        b.ax.set(xlabel=variable, ylabel=f"f({variable})")
        b.ax.legend()
    return b.figure
