"""Optimizers on their way down: still on the surface, and moving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import OptionError
from ..descent import Descent, Race
from .board import board
from .heights import Box, size_of
from .movie import Movie
from .ways import (
    Surface,
    draw_legend,
    draw_surface,
    draw_way,
    ends_of,
    function_of,
    heights_of,
    plane_of,
    points_of,
    runs_of,
    variables_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["animate", "descent"]


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
    runs = runs_of(ways)
    if len(variables_of(runs)) == 1:
        return _on_a_curve(runs, f, box, ax, theme)
    return _on_a_map(runs, f, box, ax, theme).figure


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
    runs = runs_of(ways)
    variables_of(runs, least=2)
    drawn = _on_a_map(runs, f, box, ax, theme, title="step 0")
    if ax is None:  # the axes stay where they are from frame to frame
        drawn.figure.draw_without_rendering()
        drawn.figure.set_layout_engine("none")
    longest = max(len(points) for points, _, _ in drawn.ways)
    steps = np.unique(np.linspace(0, longest - 1, frames).round().astype(int)).tolist()
    return Movie(drawn.figure, len(steps), lambda k: drawn.go(steps[k]), fps)


class _Map(NamedTuple):
    """A surface with ways on it."""

    figure: Figure
    title: Any
    ways: list[tuple[Any, Any, Any]]  # points, line, head

    def go(self, step: int) -> None:
        """Draw the ways up to a step."""
        self.title.set_text(f"step {step}")
        for points, line, head in self.ways:
            part = points[: step + 1]
            line.set_data(*part.T)
            head.set_data(*part[-1:].T)


def _on_a_map(
    runs: Mapping[str, Descent],
    f: Surface,
    box: Box | None,
    ax: Any,
    theme: str | None,
    title: str = "",
) -> _Map:
    """Draw descents in two variables on the lines of equal height."""
    xs, ys = plane_of(runs, f, box)
    function = function_of(f, runs)
    with board(ax, theme, size_of(xs, ys)) as b:
        draw_surface(b, function, variables_of(runs), xs, ys)
        ways = []
        for i, (name, way) in enumerate(runs.items()):
            points = points_of(way)
            ways.append((points, *draw_way(b, i, name, points)))
        draw_legend(b, runs)
        return _Map(b.figure, b.ax.set_title(title, loc="left"), ways)


def _on_a_curve(
    runs: Mapping[str, Descent], f: Surface, box: Box | None, ax: Any, theme: str | None
) -> Figure:
    """Draw descents in one variable as points on the curve of the function."""
    (variable,) = variables_of(runs)
    low, high = ends_of(runs) if box is None else box[:2]
    xs = np.linspace(low, high, 721)
    heights = heights_of(function_of(f, runs), xs)
    with board(ax, theme, (6.0, 4.0)) as b:
        b.ax.plot(xs, heights, color=b.theme.quiet, lw=2.0, label=f"f({variable})")
        for i, (name, way) in enumerate(runs.items()):
            places = np.column_stack([points_of(way), way.values])
            draw_way(b, i, name, places)
        b.ax.set(xlabel=variable, ylabel=f"f({variable})", xlim=(low, high))
        room = 0.08 * (np.nanmax(heights) - np.nanmin(heights))
        b.ax.set_ylim(np.nanmin(heights) - room, np.nanmax(heights) + room)
        b.ax.legend()
    return b.figure
