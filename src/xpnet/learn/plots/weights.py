"""The weights of a layer as images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import OptionError, ShapeError
from ...nn import Module
from .board import board, colour_bar
from .hosts import numbers
from .style import Theme, matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["weights_as_images"]

_SMALL = 8  # points along a side, up to which an image is enlarged
_MANY = 1000  # images
_LOST = 4.0  # times the largest weight: what stands for one that is not finite


def weights_as_images(
    layer: Any,
    *,
    shape: tuple[int, ...] | None = None,
    limit: int = 64,
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw the weights of a layer as images, side by side.

    A dense layer has an image for each neuron: how much it listens to each input. A
    convolution has one for each pair of an output and an input channel, a row for each
    output; with three input channels, one in colour for each output, where 0 is mid
    grey. What is not finite is black (white on a dark background).

    Parameters
    ----------
    layer : Module or array
        A layer with a ``weight``, or the array itself: ``(out, in)``, or a
        convolution's ``(out, in, height, width)``.
    shape : tuple of int, optional
        The image that a dense layer's inputs were: height and width, and 3 behind them
        for one in colour that `data.image.unroll` made a vector; or channels, height
        and width, as `nn.Flatten` leaves them. By default a square, where they fill
        one, else one row.
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
        If the layer has no weight, or one that holds nothing or complex numbers.
    ShapeError
        If the weights are no images of that shape.

    Examples
    --------
    >>> from xpnet import nn
    >>> figure = weights_as_images(nn.Linear(16, 6, rng=0))
    >>> len(figure.axes), figure.axes[1].get_ylabel()
    (2, 'weight')
    """
    weight = numbers(_weight(layer))
    if not weight.size or limit < 1 or weight.dtype.kind == "c":
        raise OptionError(
            f"weights_as_images: there is nothing to draw of a weight of shape "
            f"{weight.shape} and {weight.dtype} with limit={limit}: it holds real "
            "numbers, and limit is 1 or more."
        )
    weight = weight.astype(np.float64)
    bound = float(np.abs(weight[np.isfinite(weight)]).max(initial=0.0)) or 1.0
    weight = np.where(np.isfinite(weight), weight, _LOST * bound)
    tiles = _tiles(weight, shape)[:limit]
    columns = _columns(tiles)
    whole = _montage(_enlarged(tiles.reshape(-1, *tiles.shape[2:])), columns)
    color = whole.ndim == 3
    with board(ax, theme, _inches(whole, bar=not color)) as b:
        if color:
            b.ax.imshow(_mixed(whole, bound, b.theme), interpolation="nearest")
        else:
            signed = b.theme.signed()
            signed = signed.with_extremes(bad=b.theme.quiet, over=b.theme.text)
            options = {"cmap": signed, "vmin": -bound, "vmax": bound}
            image = b.ax.imshow(whole, interpolation="nearest", **options)
            colour_bar(b, b.ax, image, "weight")
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
        hint = f"; get_submodule gives a layer that has one: {inside}" if names else ""
        kind = type(layer).__name__
        raise OptionError(f"weights_as_images: {kind} has no weight of its own{hint}.")
    return held["weight"]


def _tiles(weight: Any, shape: tuple[int, ...] | None) -> Any:
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
    if shape is None:
        shape = (side, side) if side * side == size else (1, size)
    if len(shape) not in (2, 3) or math.prod(shape) != size:
        raise ShapeError(
            f"weights_as_images: shape={shape} is no image of the {size} weights of a "
            f"neuron (weight: {weight.shape}); it is (height, width), (height, width, "
            "3) or (channels, height, width)."
        )
    if len(shape) == 2 or shape[2] == 3:
        return weight.reshape(-1, 1, *shape)
    return _tiles(weight.reshape(-1, *shape), None)  # as a convolution's


def _columns(tiles: Any) -> int:
    """Return how many images stand in a row: all pairs of an output, or a rectangle."""
    rows, columns, height, width = tiles.shape[:4]
    if columns > 1:
        return int(columns)
    about = max(1, int(np.ceil(np.sqrt(rows * 1.4 * height / width))))
    full = (k for k in range(about, min(2 * about, rows) + 1) if rows % k == 0)
    return next(full, about)  # rows that are all full, where there are such


def _enlarged(images: Any) -> Any:
    """Repeat the numbers of small images, beside which lines would look thick."""
    height, width = images.shape[1:3]
    times = -(-_SMALL // min(height, width)) if len(images) <= _MANY else 1
    return images.repeat(times, axis=1).repeat(times, axis=2)


def _mixed(whole: Any, bound: float, theme: Theme) -> Any:
    """Return weights of three channels as colours; mid grey is 0."""
    rgb = matplotlib().colors.to_rgb
    colors = np.where(np.isnan(whole), rgb(theme.back), 0.5 + 0.5 * whole / bound)
    lost = (whole > bound).any(axis=-1, keepdims=True)
    return np.where(lost, rgb(theme.text), colors)


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
