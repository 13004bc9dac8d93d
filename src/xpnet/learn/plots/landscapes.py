"""The loss around a model: lines of equal loss, or a surface in three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import OptionError
from ..digits import number
from ..landscape import Landscape
from .board import Board, board
from .heights import contours, size_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["landscape"]

_KINDS = {"contour": None, "3d": "3d"}


def landscape(
    seen: Landscape,
    *,
    kind: str = "contour",
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw the loss of a model on a plane through its parameters.

    Parameters
    ----------
    seen : Landscape
        What `learn.landscape` returned; its trajectory is drawn too. On a plane of
        "pca" the axes say which share of the trajectory lies along them.
    kind : str
        ``"contour"``: lines of equal loss, close together near the lowest; or ``"3d"``:
        a surface. There the heights of the trajectory are those of the surface.
    ax : matplotlib Axes, optional
        Where to draw; for ``"3d"`` one made with ``projection="3d"``.
    theme : str, optional
        As for `slope`.

    Returns
    -------
    Figure

    Raises
    ------
    OptionError
        If `kind` is another word, no loss is finite, or `ax` is flat and `kind` is not.

    Examples
    --------
    >>> from xpnet import data, learn, losses, nn
    >>> model = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Tanh(), nn.Linear(8, 2, rng=1))
    >>> seen = learn.landscape(
    ...     model, data.moons(50), losses.cross_entropy, size=5, progress=False
    ... )
    >>> landscape(seen).axes[0].get_xlabel()
    'first direction'
    """
    if kind not in _KINDS:
        raise OptionError(f"landscape: kind={kind!r}; it is 'contour' or '3d'.")
    if not np.isfinite(seen.loss).any():
        raise OptionError("landscape: no loss on the plane is finite.")
    if kind == "3d":
        with board(ax, theme, (6.4, 5.0), projection="3d", computed_zorder=False) as b:
            _surface(b, seen)
        return b.figure
    with board(ax, theme, size_of(seen.x, seen.y)) as b:
        contours(b, b.ax, seen.x, seen.y, seen.loss, "loss")
        _on_the_plane(b, seen)
        b.ax.set(xlabel=_label(seen, 0), ylabel=_label(seen, 1))
    return b.figure


def _label(seen: Landscape, axis: int) -> str:
    """Return what an axis is called, with its share of the trajectory."""
    label = ("first direction", "second direction")[axis]
    if seen.kind != "pca" or seen.explained is None:
        return label
    return f"{label} ({seen.explained[axis]:.0%})"


def _on_the_plane(b: Board, seen: Landscape) -> None:
    """Draw the trajectory and the model."""
    from matplotlib import patheffects

    around = [patheffects.withStroke(linewidth=3.2, foreground=b.theme.back)]
    if len(seen.trajectory):
        style = {"color": b.theme.text, "path_effects": around}
        b.ax.plot(
            *seen.trajectory.T,
            "o-",
            lw=1.8,
            markersize=3.5,
            label="training",
            zorder=3,
            **style,
        )
    label = f"the model: loss {number(seen.centre)}"
    _star(b, [0.0], [0.0], color=b.theme.text, label=label)
    b.ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def _star(b: Board, *place: Any, color: str, label: str) -> None:
    b.ax.plot(
        *place,
        "*",
        color=color,
        markeredgecolor=b.theme.back,
        markersize=16,
        label=label,
        zorder=4,
    )


def _surface(b: Board, seen: Landscape) -> None:
    """Draw the surface, and on it the trajectory and the model."""
    if b.ax.name != "3d":
        raise OptionError(
            "landscape: kind='3d' needs axes in three dimensions: "
            "figure.add_subplot(projection='3d')."
        )
    heights = np.where(np.isfinite(seen.loss), seen.loss, np.nan)
    X, Y = np.meshgrid(seen.x, seen.y)
    b.ax.plot_surface(
        X,
        Y,
        heights,
        cmap="viridis",
        rcount=60,
        ccount=60,
        linewidth=0.2,
        edgecolor=b.theme.back,
        alpha=0.92,
        zorder=1,
    )
    if len(seen.trajectory):
        way = seen.trajectory
        z = _height_at(seen, heights, way)
        b.ax.plot(
            *way.T,
            z,
            "o-",
            color=b.theme.lines[1],
            markersize=3,
            label="training",
            zorder=3,
        )
    label = f"the model: loss {number(seen.centre)}"
    _star(b, [0.0], [0.0], [seen.centre], color=b.theme.lines[1], label=label)
    b.ax.set_xlabel("first direction", labelpad=7)
    b.ax.set_ylabel("second direction", labelpad=7)
    b.ax.set_zlabel("loss", labelpad=7)
    b.ax.locator_params(nbins=5)
    b.ax.view_init(elev=38, azim=-58)
    b.ax.legend(loc="upper center", ncols=2)


def _height_at(seen: Landscape, heights: Any, places: Any) -> Any:
    """Return the height of the drawn surface at some places, between its points."""
    i, s = _between(seen.x, places[:, 0])
    j, t = _between(seen.y, places[:, 1])
    lower = (1 - s) * heights[j, i] + s * heights[j, i + 1]
    upper = (1 - s) * heights[j + 1, i] + s * heights[j + 1, i + 1]
    return (1 - t) * lower + t * upper


def _between(ends: Any, places: Any) -> tuple[Any, Any]:
    """Return in which interval of an axis places are, and how far along it."""
    i = np.clip(np.searchsorted(ends, places) - 1, 0, len(ends) - 2)
    return i, (places - ends[i]) / (ends[i + 1] - ends[i])
