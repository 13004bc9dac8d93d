"""Lines of equal height, close together near the lowest point, on a quiet ground."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import OptionError
from ..digits import number
from .board import Board, colour_bar
from .style import Theme, matplotlib

__all__ = ["Box", "contours", "fits_equal", "muted", "size_of"]

Box = tuple[float, float, float, float]

_LEVELS = 16
_LONGEST = 4.6  # inches


def contours(b: Board, ax: Any, xs: Any, ys: Any, heights: Any, label: str) -> None:
    """Fill and line the heights ``(len(ys), len(xs))``; add their colour bar."""
    levels = spaced(heights)
    norm = matplotlib().colors.BoundaryNorm(levels, 256)
    clipped = np.clip(heights, levels[0], levels[-1])
    filled = ax.contourf(xs, ys, clipped, levels, cmap=muted(b.theme), norm=norm)
    thin = {"linewidths": 0.5, "linestyles": "solid", "alpha": 0.6}
    ax.contour(xs, ys, clipped, levels, colors=b.theme.quiet, **thin)
    ax.set(xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
    ax.set_aspect("equal" if fits_equal(xs, ys) else "auto")
    ax.grid(False)
    bar = colour_bar(b, ax, filled, label)
    shown = levels[::3]
    bar.set_ticks(shown, labels=[number(level, 3) for level in shown])
    bar.ax.tick_params(which="both", length=0)


def spaced(heights: Any) -> Any:
    """Return levels whose distances from the lowest point grow by a factor."""
    finite = heights[np.isfinite(heights)]
    if not finite.size:
        raise OptionError("no height on the plane is finite; look at another part.")
    low, high = float(finite.min()), float(finite.max())
    rise = high - low
    if not rise > 1e-12 * max(abs(low), 1e-300):  # flat
        return np.asarray([low - 0.5, low + 0.5])
    quiet = float(np.quantile(finite, 0.02)) - low  # how far the lowest part rises
    least = min(max(quiet, 1e-4 * rise), 0.5 * rise)
    return np.concatenate([[low], low + np.geomspace(least, rise, _LEVELS)])


def muted(theme: Theme) -> Any:
    """Return viridis, pale on light and dim on dark, so that lines stand out on it."""
    mpl = matplotlib()
    back = np.asarray(mpl.colors.to_rgb(theme.back))
    full = mpl.colormaps["viridis"](np.linspace(0.0, 1.0, 256))[:, :3]
    part = 0.45 if theme.name == "light" else 0.55
    return mpl.colors.ListedColormap(part * full + (1.0 - part) * back)


def fits_equal(xs: Any, ys: Any) -> bool:
    """Tell whether both sides can have one scale without one of them vanishing."""
    wide, high = xs[-1] - xs[0], ys[-1] - ys[0]
    return bool(max(wide, high) <= 3.0 * min(wide, high))


def size_of(xs: Any, ys: Any) -> tuple[float, float]:
    """Return the inches of a picture of such a plane, with its colour bar."""
    if not fits_equal(xs, ys):
        return 6.4, 4.2
    wide, high = xs[-1] - xs[0], ys[-1] - ys[0]
    inch = _LONGEST / max(wide, high)
    return max(wide * inch, 2.4) + 1.6, max(high * inch, 1.8) + 1.3
