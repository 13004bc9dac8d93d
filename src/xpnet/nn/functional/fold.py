"""Windows of an image as columns, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import ShapeError
from .sizes import Window, outputs, several, spatial

__all__ = ["fold", "unfold"]


def unfold(
    x: Any,
    /,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Array:
    """Return every window of an image as a column.

    Parameters
    ----------
    x : Array
        Shape (batch, channels, height, width), or without batch.
    kernel_size, dilation, padding, stride : int or pair of int
        The size of a window, how far apart its elements are, how many zeros stand on
        each side, and how far apart windows start.

    Returns
    -------
    Array
        Shape (batch, channels · height · width of the window, windows).

    Raises
    ------
    ShapeError
        If a window does not fit, or `x` has other axes.
    OptionError
        If an option is not an integer that is large enough.

    Examples
    --------
    >>> import numpy as np
    >>> unfold(np.zeros((2, 3, 6, 5)), 2, stride=2).shape
    (2, 12, 6)
    """
    array = spatial("unfold", x, 2)
    window = _columns("unfold", kernel_size, dilation, padding, stride)
    outputs("unfold", tuple(array.shape), window)
    xp, lead = array._lib.recorded, array.ndim - 3
    before, c = tuple(array.shape[:lead]), array.shape[lead]
    if any(window.padding):
        widths = [(0, 0)] * (lead + 1) + [(p, p) for p in window.padding]
        array = xp.pad(array, tuple(widths))
    seen = xp.sliding_windows(
        array,
        window.kernel,
        axis=(lead + 1, lead + 2),
        stride=window.stride,
        dilation=window.dilation,
    )  # (..., c, rows, columns, kh, kw)
    rows, columns = seen.shape[lead + 1 : lead + 3]
    order = (*range(lead + 1), lead + 3, lead + 4, lead + 1, lead + 2)
    whole = (*before, c * math.prod(window.kernel), rows * columns)
    return xp.reshape(xp.permute_dims(seen, order), whole)  # type: ignore[no-any-return]


def fold(
    x: Any,
    /,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Array:
    """Add the columns of `unfold` up to an image: its transpose.

    Parameters
    ----------
    x : Array
        Shape (batch, channels · height · width of the window, windows), or without
        batch.
    output_size : int or pair of int
        The height and width of the image.
    kernel_size, dilation, padding, stride : int or pair of int
        As for `unfold`.

    Returns
    -------
    Array
        Shape (batch, channels, height, width).

    Raises
    ------
    ShapeError
        If `x` has not as many windows, or not as many elements in each.
    OptionError
        If an option is not an integer that is large enough.

    Examples
    --------
    >>> import numpy as np
    >>> fold(np.zeros((2, 12, 6)), (6, 5), 2, stride=2).shape
    (2, 3, 6, 5)
    """
    array: Array = x if type(x) is Array else asarray(x)
    size = several("fold", "output_size", output_size, 2)
    window = _columns("fold", kernel_size, dilation, padding, stride)
    kernel, shape = window.kernel, tuple(array.shape)
    counts = outputs("fold", size, window)
    taps, many = math.prod(kernel), math.prod(counts)
    if len(shape) not in (2, 3) or shape[-2] % taps or shape[-1] != many:
        raise ShapeError(
            f"fold: an image of {size} has {counts[0]} x {counts[1]} windows of "
            f"{taps} elements, so x needs the axes (batch, channels · {taps}, {many}), "
            f"or the last two; its shape is {shape}."
        )
    xp, lead = array._lib.recorded, len(shape) - 2
    before, c = shape[:lead], shape[lead] // taps
    parts = xp.reshape(array, (*before, c, *kernel, *counts))
    order = (*range(lead + 1), lead + 3, lead + 4, lead + 1, lead + 2)
    padded = tuple([n + 2 * p for n, p in zip(size, window.padding, strict=True)])
    out = xp.overlap_add(
        xp.permute_dims(parts, order),
        (*before, c, *padded),
        (lead + 1, lead + 2),
        kernel,
        window.stride,
        window.dilation,
    )
    (p, q), (h, w) = window.padding, size
    return out[..., p : p + h, q : q + w]  # type: ignore[no-any-return]


def _columns(
    name: str, kernel: Any, dilation: Any, padding: Any, stride: Any
) -> Window:
    """Return the options of a window in two axes, checked."""
    return Window(
        several(name, "kernel_size", kernel, 2),
        several(name, "stride", stride, 2),
        several(name, "padding", padding, 2, 0),
        several(name, "dilation", dilation, 2),
        False,
    )
