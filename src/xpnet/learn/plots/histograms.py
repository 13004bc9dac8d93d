"""What each layer of a model gives, and which gradients come back to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import OptionError
from ...nn import Module
from ..digits import number
from .board import Board, board
from .probe import Seen, watched_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["activation_histograms", "gradient_histograms"]

_BINS = 60


def activation_histograms(
    model: Module,
    x: Any,
    *,
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw how the outputs of each layer are spread.

    Each layer has a row, as high as its fullest bin; beside it stand the mean, the
    standard deviation, and the share of exact zeros, which are not drawn.

    Parameters
    ----------
    model : Module
        A copy runs, in the model's own mode, with hooks on its layers: nothing of the
        model changes, no buffer, no gradient, no random number of a layer.
    x : array
        What it is called with.
    ax, theme : optional
        As for `slope`.

    Returns
    -------
    Figure

    Examples
    --------
    >>> from xpnet import nn
    >>> model = nn.Sequential(nn.Linear(3, 8, rng=0), nn.ReLU(), nn.Linear(8, 2, rng=1))
    >>> figure = activation_histograms(model, [[0.5, -1.0, 2.0], [1.0, 0.0, -1.0]])
    >>> [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    ['0  Linear', '1  ReLU', '2  Linear']
    """
    seen = watched_run(model, x)
    return _rows(seen, "output of the layer", False, ax, theme)


def gradient_histograms(
    model: Module,
    x: Any,
    y: Any,
    loss: Callable[[Any, Any], Any],
    *,
    of: str = "outputs",
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw how large the gradients are in each layer: vanishing and exploding ones.

    The axis is logarithmic and shows absolute values; exact zeros are counted, not
    drawn.

    Parameters
    ----------
    model : Module
        A copy runs, as for `activation_histograms`; no ``.grad`` of the model changes.
    x, y : array
        What it is called with, and the targets of the loss.
    loss : callable
        ``loss(model(x), y)`` is a number: `losses.cross_entropy` say.
    of : str
        ``"outputs"``: the gradient of the loss with respect to what each layer gives,
        or ``"parameters"``: with respect to each parameter.
    ax, theme : optional
        As for `slope`.

    Returns
    -------
    Figure

    Raises
    ------
    OptionError
        If `of` is another word.

    Examples
    --------
    >>> from xpnet import losses, nn
    >>> model = nn.Sequential(nn.Linear(3, 8, rng=0), nn.Tanh(), nn.Linear(8, 2, rng=1))
    >>> figure = gradient_histograms(
    ...     model, [[0.5, -1.0, 2.0], [1.0, 0.0, -1.0]], [0, 1], losses.cross_entropy
    ... )
    >>> figure.axes[0].get_xlabel()
    '|∂loss/∂output|'
    """
    if of not in ("outputs", "parameters"):
        raise OptionError(
            f"gradient_histograms: of={of!r}; it is 'outputs' or 'parameters'."
        )
    seen = watched_run(model, x, y, loss, parameters=of == "parameters")
    return _rows(seen, f"|∂loss/∂{of[:-1]}|", True, ax, theme)


def _rows(
    seen: list[Seen], label: str, log: bool, ax: Any, theme: str | None
) -> Figure:
    """Draw one histogram above the other."""
    edges = _edges([one.values for one in seen], log)
    count = len(seen)
    with board(ax, theme, (7.2, 0.62 * count + 1.1)) as b:
        for row, one in enumerate(seen):
            _histogram(b, one, row, edges, log)
        b.ax.set_yticks(range(count), [one.name for one in seen])
        b.ax.set_ylim(count - 0.75, -1.0)
        b.ax.set(xlabel=label, xlim=(edges[0], edges[-1]))
        if log:
            b.ax.set_xscale("log")
        b.ax.spines["left"].set_visible(False)
        b.ax.tick_params(axis="y", length=0)
    return b.figure


def _edges(arrays: list[Any], log: bool) -> Any:
    """Return the edges of the bins that all layers share."""
    kept = np.concatenate([_drawn(values, log) for values in arrays])
    if not kept.size:
        kept = np.asarray([1e-3, 1.0])  # every number is 0: any axis will do
    low, high = float(kept.min()), float(kept.max())
    if log:
        return np.geomspace(low / 1.2, high * 1.2, _BINS + 1)
    room = 0.03 * (high - low) or 0.5
    return np.linspace(low - room, high + room, _BINS + 1)


def _drawn(values: Any, log: bool) -> Any:
    """Return the numbers that a histogram counts: finite, and not exactly 0."""
    flat = values.ravel().astype(np.float64)
    flat = flat[np.isfinite(flat) & (flat != 0.0)]
    return np.abs(flat) if log else flat


def _histogram(b: Board, one: Seen, row: int, edges: Any, log: bool) -> None:
    """Draw one layer: its bins stand on the line of its name."""
    counts, _ = np.histogram(_drawn(one.values, log), edges)
    heights = row - 0.85 * counts / max(counts.max(), 1)
    heights[counts == 0] = np.nan
    color = b.theme.lines[0]
    b.ax.axhline(row, color=b.theme.quiet, linewidth=0.8)
    b.ax.stairs(heights, edges, baseline=row, fill=True, color=color, alpha=0.35)
    b.ax.stairs(heights, edges, baseline=row, color=color, linewidth=1.2)
    b.ax.annotate(
        _words(one.values, log),
        (1.0, row),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        va="bottom",
        fontsize=8.5,
        color=b.theme.quiet,
    )


def _words(values: Any, log: bool) -> str:
    """Return the numbers of one layer in words."""
    values = values.astype(np.float64)
    zeros, lost = np.mean(values == 0.0), np.sum(~np.isfinite(values))
    tail = f"\n{zeros:.0%} exactly 0" if zeros else ""
    tail += f"\n{lost} not finite" if lost else ""
    if log:
        return f"rms {number(np.sqrt(np.mean(values**2)), 3)}{tail}"
    return f"mean {number(values.mean(), 3)}, sd {number(values.std(), 3)}{tail}"
