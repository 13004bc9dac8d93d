"""Layers that only rearrange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from ...calculus.array import Array
from ..functional.fold import fold, unfold
from ..functional.shape import (
    channel_shuffle,
    flatten,
    pixel_shuffle,
    pixel_unshuffle,
    unflatten,
)
from ..module import Module
from ..waiting import count
from .family import shown

__all__ = [
    "ChannelShuffle",
    "Flatten",
    "Fold",
    "Identity",
    "PixelShuffle",
    "PixelUnshuffle",
    "Unflatten",
    "Unfold",
]

Ints = int | Sequence[int]


@final
class Flatten(Module):
    """Make one axis of the axes from `start` to `end`, both included.

    Parameters
    ----------
    start, end : int
        The first and the last axis; by default all but the batch.

    Examples
    --------
    >>> import numpy as np
    >>> Flatten()(np.zeros((8, 3, 5, 5))).shape
    (8, 75)
    """

    def __init__(self, start: int = 1, end: int = -1) -> None:
        self.start = start
        self.end = end

    def forward(self, x: Any) -> Array:
        """Return `x` with the axes as one."""
        return flatten(x, self.start, self.end)

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        return "" if (self.start, self.end) == (1, -1) else f"{self.start}, {self.end}"


@final
class Identity(Module):
    """Return the input itself: what stands for a layer that is left out.

    Parameters
    ----------
    *args, **options
        Not used, so that it can stand where another layer was made.

    Examples
    --------
    >>> Identity()(3.0)
    3.0
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        """Return `x`."""
        return x


@final
class Unflatten(Module):
    """Make several axes of one.

    Parameters
    ----------
    axis : int
        Which axis; PyTorch calls it `dim`.
    unflattened_size : int or sequence of int
        The lengths of the new axes; one of them may be -1, and follows then.

    Examples
    --------
    >>> import numpy as np
    >>> Unflatten(1, (3, 5, 5))(np.zeros((8, 75))).shape
    (8, 3, 5, 5)
    """

    def __init__(self, axis: int, unflattened_size: Ints) -> None:
        self.axis = axis
        given = unflattened_size
        self.unflattened_size = tuple(given) if isinstance(given, Sequence) else given

    def forward(self, x: Any) -> Array:
        """Return `x` with the axis as several."""
        return unflatten(x, self.axis, self.unflattened_size)

    def extra_repr(self) -> str:
        """Return the axis and the sizes."""
        return f"{self.axis}, {self.unflattened_size}"


@final
class PixelShuffle(Module):
    """Make an image ``r`` times as high and wide of one with ``r²`` times the channels.

    ``out[..., c, r h + i, r w + j] = x[..., c r² + i r + j, h, w]`` for ``i, j < r``.

    Parameters
    ----------
    upscale_factor : int
        The number r.

    Raises
    ------
    OptionError
        If r is not a positive integer.
    ShapeError
        If r² does not divide the channels.

    Notes
    -----
    Input (..., channels · r², height, width). Shi et al., CVPR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> PixelShuffle(2)(np.zeros((1, 8, 3, 5))).shape
    (1, 2, 6, 10)
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = count("PixelShuffle", "upscale_factor", upscale_factor)

    def forward(self, x: Any) -> Array:
        """Return `x` with channels as pixels."""
        return pixel_shuffle(x, self.upscale_factor)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"upscale_factor={self.upscale_factor}"


@final
class PixelUnshuffle(Module):
    """Undo `PixelShuffle`: an image of ``1 / r`` the size with more channels.

    ``out[..., c r² + i r + j, h, w] = x[..., c, r h + i, r w + j]`` for ``i, j < r``.

    Parameters
    ----------
    downscale_factor : int
        The number r.

    Raises
    ------
    OptionError
        If r is not a positive integer.
    ShapeError
        If r does not divide height and width.

    Notes
    -----
    Input (..., channels, height, width).

    Examples
    --------
    >>> import numpy as np
    >>> PixelUnshuffle(2)(np.zeros((1, 2, 6, 10))).shape
    (1, 8, 3, 5)
    """

    def __init__(self, downscale_factor: int) -> None:
        factor = count("PixelUnshuffle", "downscale_factor", downscale_factor)
        self.downscale_factor = factor

    def forward(self, x: Any) -> Array:
        """Return `x` with pixels as channels."""
        return pixel_unshuffle(x, self.downscale_factor)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"downscale_factor={self.downscale_factor}"


@final
class ChannelShuffle(Module):
    """Deal the channels out: the first of every group, then the second of every group.

    Parameters
    ----------
    groups : int
        How many groups the channels are in.

    Raises
    ------
    OptionError
        If `groups` is not a positive integer.
    ShapeError
        If it does not divide the channels.

    Notes
    -----
    Input (batch, channels, ...). Zhang et al., "ShuffleNet", CVPR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> ChannelShuffle(2)(np.zeros((1, 6, 3, 5))).shape
    (1, 6, 3, 5)
    """

    def __init__(self, groups: int) -> None:
        self.groups = count("ChannelShuffle", "groups", groups)

    def forward(self, x: Any) -> Array:
        """Return `x` with channels in another order."""
        return channel_shuffle(x, self.groups)

    def extra_repr(self) -> str:
        """Return the number of groups."""
        return f"groups={self.groups}"


@final
class Unfold(Module):
    """Return every window of an image as a column.

    Parameters
    ----------
    kernel_size, dilation, padding, stride : int or pair of int
        The size of a window, how far apart its elements are, how many zeros stand on
        each side, and how far apart windows start.

    Raises
    ------
    ShapeError
        If a window does not fit, or the input has other axes.

    Notes
    -----
    Input (batch, channels, height, width), output (batch, channels · height · width of
    the window, windows); both may be without batch.

    Examples
    --------
    >>> import numpy as np
    >>> Unfold(2, stride=2)(np.zeros((2, 3, 6, 5))).shape
    (2, 12, 6)
    """

    def __init__(
        self, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
    ) -> None:
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, x: Any) -> Array:
        """Return the windows of `x`."""
        return unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        return shown(self)


@final
class Fold(Module):
    """Add the columns of `Unfold` up to an image: its transpose.

    Parameters
    ----------
    output_size : int or pair of int
        The height and width of the image.
    kernel_size, dilation, padding, stride : int or pair of int
        As for `Unfold`.

    Raises
    ------
    ShapeError
        If the input has not as many windows, or not as many elements in each.

    Notes
    -----
    Input (batch, channels · height · width of the window, windows), output (batch,
    channels, height, width); both may be without batch.

    Examples
    --------
    >>> import numpy as np
    >>> Fold((6, 5), 2, stride=2)(np.zeros((2, 12, 6))).shape
    (2, 3, 6, 5)
    """

    def __init__(
        self,
        output_size: Ints,
        kernel_size: Ints,
        dilation: Ints = 1,
        padding: Ints = 0,
        stride: Ints = 1,
    ) -> None:
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, x: Any) -> Array:
        """Return the image."""
        windows = self.kernel_size, self.dilation, self.padding, self.stride
        return fold(x, self.output_size, *windows)

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        return shown(self)
