"""Functions that only rearrange."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import ShapeError
from .sizes import several

__all__ = [
    "channel_shuffle",
    "flatten",
    "pixel_shuffle",
    "pixel_unshuffle",
    "unflatten",
]


def flatten(x: Any, start: int = 1, end: int = -1) -> Array:
    """Make one axis of the axes from `start` to `end`, both included.

    Parameters
    ----------
    x : Array
        Of any dtype.
    start, end : int
        The first and the last axis; negative ones count from the end. The default keeps
        the first axis, the batch (PyTorch's function flattens that too, its layer not).

    Raises
    ------
    ShapeError
        If `x` has no such axes.

    Examples
    --------
    >>> import numpy as np
    >>> flatten(np.zeros((8, 3, 5, 5))).shape
    (8, 75)
    """
    array: Array = x if type(x) is Array else asarray(x)
    shape = array.shape
    ndim = len(shape)
    first = start + ndim if start < 0 else start
    last = end + ndim if end < 0 else end
    if not 0 <= first <= last < ndim:
        raise ShapeError(
            f"flatten: x of shape {shape} has no axes from {start} to {end}."
        )
    if first == last:
        return array
    size = math.prod(shape[first : last + 1])
    flat = (*shape[:first], size, *shape[last + 1 :])
    return array._lib.recorded.reshape(array, flat)  # type: ignore[no-any-return]


def unflatten(x: Any, axis: int, sizes: int | Sequence[int], /) -> Array:
    """Make several axes of one.

    Parameters
    ----------
    x : Array
        Of any dtype.
    axis : int
        Which axis; a negative one counts from the end.
    sizes : sequence of int
        The lengths of the new axes; one of them may be -1, and follows then.

    Raises
    ------
    ShapeError
        If `x` has no such axis, or its elements do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> unflatten(np.zeros((8, 75)), 1, (3, 5, 5)).shape
    (8, 3, 5, 5)
    """
    array: Array = x if type(x) is Array else asarray(x)
    shape = tuple(array.shape)
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"unflatten: x of shape {shape} has no axis {axis}.")
    at = axis % len(shape)
    new = list(sizes) if isinstance(sizes, Sequence) else [sizes]
    known = math.prod(v for v in new if v != -1)
    if new.count(-1) == 1 and known:
        new[new.index(-1)] = shape[at] // known
    if any(v < 0 for v in new) or math.prod(new) != shape[at]:
        raise ShapeError(
            f"unflatten: axis {axis} of x has {shape[at]} elements, which do not make "
            f"axes of {tuple(sizes) if isinstance(sizes, Sequence) else sizes} "
            f"(x: {shape})."
        )
    whole = (*shape[:at], *new, *shape[at + 1 :])
    return array._lib.recorded.reshape(array, whole)  # type: ignore[no-any-return]


# --- channels and pixels --------------------------------------------------------------


def pixel_shuffle(x: Any, upscale_factor: int, /) -> Array:
    """Make an image ``r`` times as high and wide of one with ``r²`` times the channels.

    ``out[..., c, r h + i, r w + j] = x[..., c r² + i r + j, h, w]`` for ``i, j < r``.

    Parameters
    ----------
    x : Array
        Shape (..., channels · r², height, width).
    upscale_factor : int
        The number r.

    Raises
    ------
    ShapeError
        If `x` has fewer than three axes, or channels that r² does not divide.
    OptionError
        If r is not a positive integer.

    Notes
    -----
    Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network", CVPR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> pixel_shuffle(np.zeros((1, 8, 3, 5)), 2).shape
    (1, 2, 6, 10)
    """
    r = _factor("pixel_shuffle", "upscale_factor", upscale_factor)
    array = _image("pixel_shuffle", x)
    *before, c, h, w = array.shape
    if c % (r * r):
        raise ShapeError(
            f"pixel_shuffle: x has {c} channels, which {r}² = {r * r} does not divide "
            f"(x: {tuple(array.shape)}). Channels are axis -3."
        )
    shape = (c // (r * r), r, r, h, w)
    return _moved(array, before, shape, (0, 3, 1, 4, 2), (c // (r * r), h * r, w * r))


def pixel_unshuffle(x: Any, downscale_factor: int, /) -> Array:
    """Undo `pixel_shuffle`: an image of ``1 / r`` the size with more channels.

    ``out[..., c r² + i r + j, h, w] = x[..., c, r h + i, r w + j]`` for ``i, j < r``.

    Parameters
    ----------
    x : Array
        Shape (..., channels, height, width).
    downscale_factor : int
        The number r.

    Raises
    ------
    ShapeError
        If `x` has fewer than three axes, or r does not divide height and width.
    OptionError
        If r is not a positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> pixel_unshuffle(np.zeros((1, 2, 6, 10)), 2).shape
    (1, 8, 3, 5)
    """
    r = _factor("pixel_unshuffle", "downscale_factor", downscale_factor)
    array = _image("pixel_unshuffle", x)
    *before, c, h, w = array.shape
    if h % r or w % r:
        raise ShapeError(
            f"pixel_unshuffle: the height {h} and the width {w} must be multiples of "
            f"{r} (x: {tuple(array.shape)})."
        )
    shape = (c, h // r, r, w // r, r)
    return _moved(array, before, shape, (0, 2, 4, 1, 3), (c * r * r, h // r, w // r))


def channel_shuffle(x: Any, groups: int, /) -> Array:
    """Deal the channels out: the first of every group, then the second of every group.

    Parameters
    ----------
    x : Array
        Shape (batch, channels, ...).
    groups : int
        How many groups the channels are in.

    Raises
    ------
    ShapeError
        If `x` has fewer than three axes, or `groups` does not divide the channels.
    OptionError
        If `groups` is not a positive integer.

    Notes
    -----
    Zhang et al., "ShuffleNet", CVPR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(6.0).reshape(1, 6, 1)
    >>> channel_shuffle(x, 2).data.ravel().tolist()
    [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    """
    parts = _factor("channel_shuffle", "groups", groups)
    array: Array = x if type(x) is Array else asarray(x)
    shape = tuple(array.shape)
    if len(shape) < 3 or shape[1] % parts:
        raise ShapeError(
            f"channel_shuffle: x needs (batch, channels, ...), three axes or more, "
            f"with channels in {parts} equal groups; its shape is {shape}."
        )
    n, c, *rest = shape
    size = math.prod(rest)
    xp = array._lib.recorded
    rows = xp.reshape(array, (n, parts, c // parts, size))
    return xp.reshape(xp.permute_dims(rows, (0, 2, 1, 3)), shape)  # type: ignore[no-any-return]


def _factor(name: str, what: str, value: Any) -> int:
    """Return a positive integer."""
    return several(name, what, operator.index(value), 1)[0]


def _image(name: str, x: Any) -> Array:
    """Return `x` as an Array, which has channels, height and width."""
    array: Array = x if type(x) is Array else asarray(x)
    if array.ndim < 3:
        raise ShapeError(
            f"{name}: x needs three axes or more, (..., channels, height, width); its "
            f"shape is {tuple(array.shape)}."
        )
    return array


def _moved(
    x: Array,
    before: list[int],
    parts: tuple[int, ...],
    order: tuple[int, ...],
    after: tuple[int, ...],
) -> Array:
    """Split the last axes into parts, reorder these, and join them again."""
    xp, lead = x._lib.recorded, len(before)
    split = xp.reshape(x, (*before, *parts))
    axes = (*range(lead), *(lead + a for a in order))
    return xp.reshape(xp.permute_dims(split, axes), (*before, *after))  # type: ignore[no-any-return]
