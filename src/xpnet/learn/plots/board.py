"""Where a picture is drawn: axes of its own, or those that the user gives."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import OptionError
from .style import Theme, drawing, matplotlib, theme_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Board", "board", "colour_bar"]


@dataclass(frozen=True)
class Board:
    """A figure, the axes in it that we draw on, and the colours."""

    figure: Figure
    axes: tuple[Any, ...]
    theme: Theme

    @property
    def ax(self) -> Any:
        """The first of the axes."""
        return self.axes[0]


@contextlib.contextmanager
def board(
    ax: Any,
    theme: str | None,
    size: tuple[float, float],
    columns: int = 1,
    rows: int = 1,
    **kind: Any,
) -> Iterator[Board]:
    """Give ``rows * columns`` axes to draw on, in our style until the block ends.

    Raises
    ------
    OptionError
        If `ax` holds another number of axes, or there is no such theme.
    """
    matplotlib()
    wanted = rows * columns
    if ax is None:
        from .picture import Picture

        colors = theme_of(theme)
        with drawing(colors):
            figure = Picture(colors, size)
            made = figure.subplots(rows, columns, squeeze=False, subplot_kw=kind)
            yield Board(figure, tuple(made.flat), colors)
        return
    given = tuple(np.ravel(np.asarray(ax, dtype=object)))
    if len(given) != wanted:
        raise OptionError(
            f"ax holds {len(given)} axes, and this picture has {wanted} "
            f"({rows} × {columns}). Give as many, or none."
        )
    figure = given[0].figure
    colors = theme_of(theme, figure)
    with drawing(colors):
        for one in given:
            _dress(one, colors)
        yield Board(figure, given, colors)


def colour_bar(b: Board, ax: Any, image: Any, label: str) -> Any:
    """Add the bar that says which colour is which number."""
    bar = b.figure.colorbar(image, ax=ax, shrink=0.85)
    bar.set_label(label)
    bar.outline.set_visible(False)
    bar.ax.tick_params(
        which="both", color=b.theme.quiet, labelcolor=b.theme.text, labelsize=9
    )
    return bar


def _dress(ax: Any, theme: Theme) -> None:
    """Give axes that somebody made our colours, also for what is drawn later."""
    ax.set_facecolor(theme.back)
    for side, spine in ax.spines.items():
        spine.set_color(theme.quiet)
        spine.set_visible(side in ("left", "bottom"))
    ax.tick_params(which="both", color=theme.quiet, labelcolor=theme.text, labelsize=9)
    ax.grid(True, color=theme.grid, linewidth=0.7)
    ax.set_axisbelow(True)
    for text in (ax.xaxis.label, ax.yaxis.label):
        text.set(color=theme.text, size=10)
