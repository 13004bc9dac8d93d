"""One style for every picture: colours that all can tell apart, on light and on dark.

Lines are told apart by colour (Okabe and Ito's palette), by dash and by marker; maps
are viridis and cividis; what has a sign goes from blue over the background to orange.
Nothing here changes a setting of matplotlib for good.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ...errors import LibraryError, OptionError
from .. import theme

__all__ = [
    "MARKERS",
    "THEMES",
    "Theme",
    "drawing",
    "lightness",
    "matplotlib",
    "theme_of",
    "use_theme",
]

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.4)),
    (0, (6, 2, 1, 2)),
    (0, (8, 2, 3, 2)),
    (0, (3, 1.5, 1, 1.5, 1, 1.5)),
    (0, (10, 3)),
    (0, (2, 2)),
)


@dataclass(frozen=True)
class Theme:
    """The colours of one background.

    Attributes
    ----------
    lines : tuple of str
        The colours of lines and classes, in the order in which they are used.
    back, text, quiet, grid : str
        The background; letters; letters that matter less; the grid.
    """

    name: str
    back: str
    text: str
    quiet: str
    grid: str
    lines: tuple[str, ...]

    def line(self, number: int) -> dict[str, Any]:
        """Return colour and dash of the line of that number."""
        return {
            "color": self.lines[number % len(self.lines)],
            "linestyle": DASHES[number % len(DASHES)],
        }

    def point(self, number: int) -> dict[str, Any]:
        """Return colour and marker of the points of that number."""
        return {
            "color": self.lines[number % len(self.lines)],
            "marker": MARKERS[number % len(MARKERS)],
        }

    def signed(self) -> Any:
        """Return the map for numbers with a sign, whose middle is the background."""
        blue, orange = self.lines[:2]
        return matplotlib().colors.LinearSegmentedColormap.from_list(
            f"xpnet signed {self.name}", [blue, self.back, orange]
        )

    def settings(self) -> dict[str, Any]:
        """Return what matplotlib's own defaults are changed to while we draw."""
        return _FORM | {
            "axes.edgecolor": self.quiet,
            "axes.facecolor": self.back,
            "axes.labelcolor": self.text,
            "axes.titlecolor": self.text,
            "axes3d.xaxis.panecolor": self.back,
            "axes3d.yaxis.panecolor": self.back,
            "axes3d.zaxis.panecolor": self.back,
            "figure.edgecolor": self.back,
            "figure.facecolor": self.back,
            "grid.color": self.grid,
            "legend.labelcolor": self.text,
            "patch.edgecolor": self.back,
            "text.color": self.text,
            "xtick.color": self.quiet,
            "xtick.labelcolor": self.text,
            "ytick.color": self.quiet,
            "ytick.labelcolor": self.text,
        }


LIGHT = Theme(
    "light",
    back=theme.LIGHT["paper"],
    text=theme.LIGHT["ink"],
    quiet=theme.LIGHT["quiet"],
    grid=theme.LIGHT["rule"],
    lines=(
        "#0072B2",
        "#D55E00",
        "#009E73",
        "#CC79A7",
        "#E69F00",
        "#56B4E9",
        "#000000",
    ),
)
DARK = Theme(
    "dark",
    back=theme.DARK["paper"],
    text=theme.DARK["ink"],
    quiet=theme.DARK["quiet"],
    grid=theme.DARK["rule"],
    lines=(
        "#56B4E9",
        "#E69F00",
        "#009E73",
        "#CC79A7",
        "#F0E442",
        "#D55E00",
        "#ffffff",
    ),
)
_chosen: ContextVar[str] = ContextVar("theme", default="light")
THEMES = {one.name: one for one in (LIGHT, DARK)}

_FORM: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titlepad": 8,
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.dpi": 100,
    "font.size": 10,
    "grid.linewidth": 0.7,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "savefig.dpi": "figure",
    "svg.fonttype": "path",
    "svg.hashsalt": "xpnet",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}


def matplotlib() -> Any:
    """Return matplotlib with the parts that draw; the sentence where it is missing."""
    try:
        import matplotlib as package
        import matplotlib.colors
        import matplotlib.style
    except ImportError:
        raise LibraryError(
            "xpnet.learn.plots draws with matplotlib, and matplotlib is not installed. "
            "Type: pip install 'xpnet[plot]'."
        ) from None
    return package


@contextlib.contextmanager
def drawing(colors: Theme) -> Iterator[None]:
    """Draw by our settings inside a block; the user's are there again behind it."""
    with matplotlib().style.context(["default", colors.settings()]):
        yield


@contextlib.contextmanager
def use_theme(name: str) -> Iterator[None]:
    """Draw new pictures on a light or a dark background, inside a block.

    Parameters
    ----------
    name : str
        ``"light"`` or ``"dark"``.

    Raises
    ------
    OptionError
        If it is another word.

    Examples
    --------
    >>> from xpnet.learn import plots
    >>> with use_theme("dark"):
    ...     figure = plots.activations(["relu"])
    >>> figure.get_facecolor()[0] < 0.1
    True
    """
    before = _chosen.set(theme_of(name).name)
    try:
        yield
    finally:
        _chosen.reset(before)


def theme_of(name: str | None, figure: Any = None) -> Theme:
    """Return the theme of that name; None: as a figure's background, or as chosen.

    Raises
    ------
    OptionError
        If there is none of that name.
    """
    if name is not None:
        if name not in THEMES:
            raise OptionError(f"theme={name!r}; it is one of {', '.join(THEMES)}.")
        return THEMES[name]
    if figure is None:
        return THEMES[_chosen.get()]
    return LIGHT if lightness(figure.get_facecolor()) > 0.5 else DARK


def lightness(color: Any) -> float:
    """Return how light a colour looks, from 0 (black) to 1 (white)."""
    r, g, b, a = matplotlib().colors.to_rgba(color)
    seen = 0.2126 * r + 0.7152 * g + 0.0722 * b
    return float(a * seen + 1.0 - a)  # what is not there shows white paper
