"""Sliding windows: linear, with a transpose that adds strided slices."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from typing import Any

from ...errors import OptionError, ShapeError
from ..rule import addition, linear

_Layout = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def _several(value: Any, count: int, what: str) -> tuple[int, ...]:
    """Return one positive integer for each axis."""
    if not isinstance(value, Sequence):
        value = (value,) * count
    numbers = tuple(operator.index(v) for v in value)
    if len(numbers) != count:
        raise ShapeError(
            f"sliding_windows: {what} has {len(numbers)} numbers for {count} axes."
        )
    if min(numbers, default=1) < 1:
        raise OptionError(
            f"sliding_windows: {what} is {numbers}; it must be at least 1."
        )
    return numbers


def _layout(
    shape: tuple[int, ...], window_shape: Any, axis: Any, stride: Any, dilation: Any
) -> _Layout:
    """Return the axes, and the window, stride and dilation of each; check that fits."""
    ndim = len(shape)
    if axis is None:
        axis = tuple(range(ndim))
    axes = axis if isinstance(axis, Sequence) else (axis,)
    for a in axes:
        if not -ndim <= a < ndim:
            raise ShapeError(
                f"sliding_windows: axis {a} is out of range for {ndim} axes."
            )
    axes = tuple(operator.index(a) % ndim for a in axes)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"sliding_windows: axis={axis} names an axis twice.")
    if not isinstance(window_shape, Sequence):
        window_shape = (window_shape,)
    window = _several(window_shape, len(axes), "window_shape")
    steps = _several(stride, len(axes), "stride")
    gaps = _several(dilation, len(axes), "dilation")
    for a, w, d in zip(axes, window, gaps, strict=True):
        if (w - 1) * d + 1 > shape[a]:
            raise ShapeError(
                f"sliding_windows: a window of {w} with dilation {d} covers "
                f"{(w - 1) * d + 1} elements, but axis {a} has {shape[a]}. Pad x first."
            )
    return axes, window, steps, gaps


@addition("sliding_windows")
def _sliding_windows(
    xp: Any,
    x: Any,
    /,
    window_shape: Any,
    *,
    axis: Any = None,
    stride: Any = 1,
    dilation: Any = 1,
) -> Any:
    return xp.windows(x, *_layout(tuple(x.shape), window_shape, axis, stride, dilation))


@linear()
def sliding_windows(
    xp: Any,
    g: Any,
    x: Any,
    /,
    window_shape: Any,
    *,
    axis: Any = None,
    stride: Any = 1,
    dilation: Any = 1,
) -> Any:
    """Return every window of `x`, as the last axes of the result.

    Along one axis of ``n`` elements, with a window of ``w``::

        out[..., i, ..., k] = x[..., i * stride + k * dilation, ...]

    for ``k < w`` and ``i < (n - (w - 1) * dilation - 1) // stride + 1``.

    Parameters
    ----------
    x : array
        Any shape and dtype.
    window_shape : int or sequence of int
        The size of the window along each axis of `axis`.
    axis : int or sequence of int, optional
        The axes that the window moves along; all of them when omitted.
    stride, dilation : int or sequence of int
        How far apart windows start, and how far apart the elements of one window are.

    Returns
    -------
    array
        The axes of `x`, shortened to the number of windows, and then `window_shape`.
        With NumPy (read-only), CuPy and PyTorch it is a view: no element is copied.

    Raises
    ------
    ShapeError
        If a window covers more elements than its axis has, or the numbers of axes
        differ.
    OptionError
        If a size, stride or dilation is below 1.

    Notes
    -----
    Back, windows that overlap add up: a loop over the places in a window (or over the
    windows, if they are fewer) that adds a strided slice at a time, in a fixed order.

    Examples
    --------
    >>> xp.special.sliding_windows(xn.asarray([1.0, 2.0, 3.0, 4.0]), 3).data
    array([[1., 2., 3.],
           [2., 3., 4.]])
    """
    shape = tuple(x.shape)
    return xp.overlap_add(
        g, shape, *_layout(shape, window_shape, axis, stride, dilation)
    )


@addition("overlap_add")
def _overlap_add(
    xp: Any,
    g: Any,
    /,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    window: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Any:
    ndim = len(shape)
    counts = tuple(g.shape[a] for a in axes)
    if math.prod(counts) < math.prod(window):  # fewer windows than places in one
        order = list(range(g.ndim))
        for i, a in enumerate(axes):
            order[a], order[ndim + i] = ndim + i, a
        g = xp.permute_dims(g, tuple(order))
        counts, window, stride, dilation = window, counts, dilation, stride
    out = xp.zeros(shape, dtype=g.dtype, device=xp.device(g))
    for place in itertools.product(*map(range, window)):
        key = [slice(None)] * ndim
        for a, k, m, s, d in zip(axes, place, counts, stride, dilation, strict=True):
            key[a] = slice(k * d, k * d + (m - 1) * s + 1, s)
        out = xp.add_to(out, tuple(key), xp.getitem(g, (..., *place)))
    return out


@linear(public=False)
def overlap_add(
    xp: Any,
    g: Any,
    windows: Any,
    /,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    window: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Any:
    """Return zeros of `shape` to which windows were added (back: sliding windows)."""
    return xp.sliding_windows(g, window, axis=axes, stride=stride, dilation=dilation)
