"""Pooling, for one to three axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..functional import adaptive, pooling
from ..module import Module
from .family import family, shown

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]

Ints = int | Sequence[int]
Function = Callable[..., Any]

_MAX: dict[int, Function] = {
    1: pooling.max_pool1d,
    2: pooling.max_pool2d,
    3: pooling.max_pool3d,
}
_AVG: dict[int, Function] = {
    1: pooling.avg_pool1d,
    2: pooling.avg_pool2d,
    3: pooling.avg_pool3d,
}
_ADAPTIVE_AVG: dict[int, Function] = {
    1: adaptive.adaptive_avg_pool1d,
    2: adaptive.adaptive_avg_pool2d,
    3: adaptive.adaptive_avg_pool3d,
}
_ADAPTIVE_MAX: dict[int, Function] = {
    1: adaptive.adaptive_max_pool1d,
    2: adaptive.adaptive_max_pool2d,
    3: adaptive.adaptive_max_pool3d,
}


class _MaxPool(Module):
    """Max-pooling over the last axes."""

    _count: ClassVar[int]

    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode
        name = type(self).__name__
        pooling.window_of(
            name, self._count, kernel_size, stride, padding, dilation, ceil_mode
        )

    def forward(self, x: Any) -> Any:
        """Return the largest element of every window, and if asked for its place."""
        return _MAX[self._count](
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        return shown(self, stride=self.kernel_size)


class _AvgPool(Module):
    """Average pooling over the last axes."""

    _count: ClassVar[int]

    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override
        name = type(self).__name__
        pooling.window_of(name, self._count, kernel_size, stride, padding, 1, ceil_mode)

    def forward(self, x: Any) -> Any:
        """Return the mean of every window."""
        return _AVG[self._count](
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        return shown(self, stride=self.kernel_size)


class _AdaptiveAvgPool(Module):
    """Average pooling to a given size."""

    _count: ClassVar[int]

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        self.output_size = output_size

    def forward(self, x: Any) -> Any:
        """Return the mean of every part."""
        return _ADAPTIVE_AVG[self._count](x, self.output_size)

    def extra_repr(self) -> str:
        """Return the size of the output."""
        return f"output_size={self.output_size!r}"


class _AdaptiveMaxPool(Module):
    """Max-pooling to a given size."""

    _count: ClassVar[int]

    def __init__(
        self,
        output_size: int | Sequence[int | None] | None,
        return_indices: bool = False,
    ) -> None:
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, x: Any) -> Any:
        """Return the largest element of every part, and if asked for its place."""
        options = self.output_size, self.return_indices
        return _ADAPTIVE_MAX[self._count](x, *options)

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        return shown(self, output_size=...)


# --- what they say of themselves ------------------------------------------------------

_SHAPES = ((2, 3, 8), (2, 3, 8, 6), (2, 3, 8, 6, 4))
_HALVES = ((2, 3, 4), (2, 3, 4, 3), (2, 3, 4, 3, 2))
_TWOS = ((2, 3, 2), (2, 3, 2, 2), (2, 3, 2, 2, 2))

_SAME = """
    Notes
    -----
    Input (batch, channels, {sizes}), or without batch. As PyTorch's
    ``{name}``."""

_EXAMPLE = """

    Examples
    --------
    >>> import numpy as np
    >>> {name}(2)(np.ones({shape})).shape
    {half}
    """

_ERRORS = """
    Raises
    ------
    OptionError
        If an option is not a positive integer, or the padding above half a window.
    ShapeError
        If a window does not fit into the input.
"""

_MAX_DOC = (
    """Take the largest element of every window of the last {count} axes.

    ``out[i] = max over k < kernel_size of x[stride · i - padding + dilation · k]``, in
    each of the axes, which then have
    ``floor((n + 2 · padding - dilation · (kernel_size - 1) - 1) / stride) + 1``
    elements. The first of equal elements gets the cotangent.

    Parameters
    ----------
    kernel_size : int or sequence of int
        The size of a window.
    stride : int or sequence of int, optional
        How far apart windows start; `kernel_size` by default.
    padding : int or sequence of int
        How many elements, never the largest, stand on each side.
    dilation : int or sequence of int
        How far apart the elements of a window are.
    return_indices : bool
        Whether to return the places of the largest elements too, counted through the
        last {count} axes as one.
    ceil_mode : bool
        Whether a last window may reach over the end.
"""
    + _ERRORS
    + _SAME
    + _EXAMPLE
)

_AVG_DOC = (
    """Take the mean of every window of the last {count} axes.

    ``out[i] = sum over k < kernel_size of x[stride · i - padding + k] / number``, in
    each of the axes, which then have
    ``floor((n + 2 · padding - kernel_size) / stride) + 1`` elements.

    Parameters
    ----------
    kernel_size : int or sequence of int
        The size of a window.
    stride : int or sequence of int, optional
        How far apart windows start; `kernel_size` by default.
    padding : int or sequence of int
        How many zeros stand on each side.
    ceil_mode : bool
        Whether a last window may reach over the end.
    count_include_pad : bool
        Whether `number` counts the zeros of the padding too.
    divisor_override : int, optional
        What `number` is instead.
"""
    + _ERRORS
    + _SAME
    + _EXAMPLE
)

_ADAPTIVE_DOC = """{{line}}

    Part ``i`` of ``m`` goes from ``floor(i n / m)`` to ``ceil((i + 1) n / m)``.

    Parameters
    ----------
    output_size : int, None or sequence of them
        The number of parts along each axis; None leaves an axis as it is.{more}
"""

_PLACES = """
    return_indices : bool
        Whether to return the places of the largest elements too, counted through the
        last {count} axes as one."""

_ADAPTIVE_AVG_DOC = (
    _ADAPTIVE_DOC.format(more="").replace(
        "{line}",
        "Take the mean of every part of the last {count} axes.",
    )
    + _SAME
    + _EXAMPLE
)

_ADAPTIVE_MAX_DOC = (
    _ADAPTIVE_DOC.format(more=_PLACES).replace(
        "{line}",
        "Take the largest element of every part of the last {count} axes.",
    )
    + _SAME
    + _EXAMPLE
)

MaxPool1d, MaxPool2d, MaxPool3d = family(
    _MaxPool, "MaxPool", _MAX_DOC, shape=_SHAPES, half=_HALVES
)
AvgPool1d, AvgPool2d, AvgPool3d = family(
    _AvgPool, "AvgPool", _AVG_DOC, shape=_SHAPES, half=_HALVES
)
AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d = family(
    _AdaptiveAvgPool, "AdaptiveAvgPool", _ADAPTIVE_AVG_DOC, shape=_SHAPES, half=_TWOS
)
AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d = family(
    _AdaptiveMaxPool, "AdaptiveMaxPool", _ADAPTIVE_MAX_DOC, shape=_SHAPES, half=_TWOS
)
