"""What is inside a model: its weights as images, and what each layer gives and gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import OptionError, ShapeError
from ...nn import Module
from ..digits import number
from .board import board
from .hosts import numbers
from .probe import Seen, watched_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["activation_histograms", "gradient_histograms", "weights_as_images"]

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


def _histogram(b: Any, one: Seen, row: int, edges: Any, log: bool) -> None:
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
    zeros = float(np.mean(values == 0.0))
    tail = f"\n{zeros:.0%} exactly 0" if zeros else ""
    if log:
        return f"rms {number(np.sqrt(np.mean(values**2)), 3)}{tail}"
    return f"mean {number(values.mean(), 3)}, sd {number(values.std(), 3)}{tail}"


# --- weights --------------------------------------------------------------------------


def weights_as_images(
    layer: Any,
    *,
    shape: tuple[int, int] | None = None,
    limit: int = 64,
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw the weights of a layer as images, side by side.

    A dense layer has an image for each neuron: how much it listens to each input. A
    convolution has one for each pair of an output and an input channel, a row for each
    output; with three input channels, one in colour for each output.

    Parameters
    ----------
    layer : Module or array
        A layer with a ``weight``, or the array itself: ``(out, in)``, or a
        convolution's ``(out, in, height, width)``.
    shape : tuple of int, optional
        Height and width of the image that a dense layer's inputs were; by default a
        square, where they fill one, else one row.
    limit : int
        How many neurons or output channels are drawn at most: the first ones.
    ax, theme : optional
        As for `slope`.

    Returns
    -------
    Figure

    Raises
    ------
    OptionError
        If the layer has no weight.
    ShapeError
        If the weights are no images of that shape.

    Examples
    --------
    >>> from xpnet import nn
    >>> figure = weights_as_images(nn.Linear(16, 6, rng=0))
    >>> figure.axes[0].images[0].get_array().shape  # 2 rows of 3 images, lines between
    (9, 14)
    """
    weight = numbers(_weight(layer)).astype(np.float64)
    tiles = _tiles(weight, shape)[:limit]
    whole = _montage(tiles.reshape(-1, *tiles.shape[2:]), _columns(tiles))
    color = whole.ndim == 3
    with board(ax, theme, _inches(whole, bar=not color)) as b:
        bound = float(np.abs(weight).max()) or 1.0
        if color:
            whole = np.nan_to_num(0.5 + 0.5 * whole / bound, nan=_grey(b.theme))
            b.ax.imshow(whole, interpolation="nearest")
        else:
            signed = b.theme.signed().with_extremes(bad=b.theme.quiet)
            options = {"cmap": signed, "vmin": -bound, "vmax": bound}
            image = b.ax.imshow(whole, interpolation="nearest", **options)
            bar = b.figure.colorbar(image, ax=b.ax, shrink=0.85)
            bar.set_label("weight")
            bar.outline.set_visible(False)
        b.ax.set_axis_off()
    return b.figure


def _weight(layer: Any) -> Any:
    """Return the array of weights of a layer."""
    if not isinstance(layer, Module):
        return layer
    held = dict(layer.named_parameters(recurse=False))
    if "weight" not in held:
        names = [n for n, _ in layer.named_parameters() if n.endswith(".weight")]
        inside = ", ".join(repr(n.removesuffix(".weight")) for n in names)
        raise OptionError(
            f"weights_as_images: {type(layer).__name__} has no weight of its own"
            + (
                f"; get_submodule gives a layer that has one: {inside}."
                if inside
                else "."
            )
        )
    return held["weight"]


def _tiles(weight: Any, shape: tuple[int, int] | None) -> Any:
    """Return images: ``(rows, columns, height, width)``, and 3 behind for colours."""
    if weight.ndim == 4:
        if weight.shape[1] == 3:
            return np.moveaxis(weight, 1, -1)[:, None]
        return weight
    if weight.ndim == 3:  # a convolution along one axis: an image of channels and taps
        return weight[:, None]
    if weight.ndim != 2:
        raise ShapeError(
            f"weights_as_images: the weight has shape {weight.shape}; it is (out, in) "
            "or (out, in, height, width)."
        )
    size = weight.shape[1]
    side = round(size**0.5)
    height, width = shape or ((side, side) if side * side == size else (1, size))
    if height * width != size:
        raise ShapeError(
            f"weights_as_images: shape={shape} is {height * width} numbers, but a "
            f"neuron has {size} weights (weight: {weight.shape})."
        )
    return weight.reshape(-1, 1, height, width)


def _columns(tiles: Any) -> int:
    """Return how many images stand in a row: all pairs of an output, or a rectangle."""
    rows, columns, height, width = tiles.shape[:4]
    if columns > 1:
        return int(columns)
    about = max(1, int(np.ceil(np.sqrt(rows * 1.4 * height / width))))
    full = (k for k in range(about, min(2 * about, rows) + 1) if rows % k == 0)
    return next(full, about)  # rows that are all full, where there are such


def _montage(tiles: Any, columns: int) -> Any:
    """Return images in one, with lines of NaN between them."""
    count, height, width = tiles.shape[:3]
    columns = min(columns, count)
    rows = -(-count // columns)
    size = (rows * (height + 1) - 1, columns * (width + 1) - 1)
    whole = np.full(size + tiles.shape[3:], np.nan)
    for k, tile in enumerate(tiles):
        i, j = (k // columns) * (height + 1), (k % columns) * (width + 1)
        whole[i : i + height, j : j + width] = tile
    return whole


def _inches(whole: Any, *, bar: bool) -> tuple[float, float]:
    """Return a size for an image whose longer side takes six inches."""
    height, width = whole.shape[:2]
    longest = 6.0 / max(height, width)
    beside = 1.1 if bar else 0.2
    return max(width * longest, 1.5) + beside, max(height * longest, 0.8) + 0.3


def _grey(theme: Any) -> float:
    return 1.0 if theme.name == "light" else 0.08
