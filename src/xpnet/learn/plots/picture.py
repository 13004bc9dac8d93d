"""A figure that keeps its style whoever draws it later, and knows no pyplot."""

from __future__ import annotations

import io
from typing import Any, final

from matplotlib.figure import Figure

from .style import Theme, drawing

__all__ = ["Picture"]


@final
class Picture(Figure):
    """A matplotlib Figure that is drawn and saved by the settings of its theme.

    matplotlib makes ticks and lays things out when it draws; by then the user's own
    settings are back.
    """

    def __init__(self, theme: Theme, size: tuple[float, float]) -> None:
        self.theme = theme
        super().__init__(figsize=size, layout="constrained")

    def draw(self, renderer: Any) -> None:
        """Draw it, as matplotlib asks."""
        with drawing(self.theme):
            super().draw(renderer)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write it to a file; the options are matplotlib's."""
        with drawing(self.theme):
            super().savefig(fname, **options)

    def _repr_png_(self) -> bytes:
        """Return what a notebook shows."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=110)
        return file.getvalue()
