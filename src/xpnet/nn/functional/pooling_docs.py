"""What the functions of pooling say of themselves, for any number of axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["ADAPTIVE_AVG", "ADAPTIVE_MAX", "AVG", "MAX", "named"]

Function = Callable[..., Any]


def named(function: Function, name: str, doc: str, count: int) -> Function:
    """Give a function its name and its text."""
    function.__name__ = function.__qualname__ = name
    sizes = ", ".join(("depth", "height", "width")[-count:])
    examples = (4, 6, 8)
    function.__doc__ = doc.format(
        name=name,
        count=count,
        sizes=sizes if count > 1 else "length",
        shape=(2, 3, *examples[:count]),
        half=(2, 3, *[n // 2 for n in examples[:count]]),
        two=(2, 3, *(2,) * count),
    )
    return function


_PARAMETERS = """
    Parameters
    ----------
    x : Array
        Shape (batch, channels, {sizes}), or without batch."""

MAX = (
    """Take the largest element of every window of the last {count} axes.

    ``out[i] = max over k < kernel_size of x[stride · i - padding + dilation · k]``, in
    each of the axes.
"""
    + _PARAMETERS
    + """
    kernel_size, stride, padding, dilation : int or sequence of int
        The size of the window; how far apart windows start (the size by default); how
        many elements that are never the largest stand on each side; how far apart the
        elements of a window are.
    ceil_mode : bool
        Whether a last window may reach over the end.
    return_indices : bool
        Whether to return the places of the largest elements too, counted through the
        last {count} axes as one.

    Returns
    -------
    Array, or two
        Each axis has ``floor((n + 2 · padding - dilation · (kernel_size - 1) - 1)
        / stride) + 1`` elements.

    Raises
    ------
    ShapeError
        If a window does not fit, or `x` has other axes.
    OptionError
        If an option is not a positive integer, or the padding above half a window.
    DTypeError
        If `x` is complex.

    Notes
    -----
    Of equal elements the first gets the cotangent, as in PyTorch; in `xp.max` each gets
    its share.

    Examples
    --------
    >>> import numpy as np
    >>> {name}(np.ones({shape}), 2).shape
    {half}
    """
)

AVG = (
    """Take the mean of every window of the last {count} axes.

    ``out[i] = sum over k < kernel_size of x[stride · i - padding + k] / number``, in
    each of the axes.
"""
    + _PARAMETERS
    + """
    kernel_size, stride, padding : int or sequence of int
        The size of the window; how far apart windows start (the size by default); how
        many zeros stand on each side.
    ceil_mode : bool
        Whether a last window may reach over the end.
    count_include_pad : bool
        Whether `number` counts the zeros of the padding too.
    divisor_override : int, optional
        What `number` is instead.

    Raises
    ------
    ShapeError
        If a window does not fit, or `x` has other axes.
    OptionError
        If an option is not a positive integer, or the padding above half a window.
    DTypeError
        If `x` is not real floating point.

    Examples
    --------
    >>> import numpy as np
    >>> {name}(np.ones({shape}), 2).shape
    {half}
    """
)

_ADAPTIVE = (
    _PARAMETERS
    + """
    output_size : int, None or sequence of them
        The size along each of the axes; None leaves an axis as long as it is.{more}

    Raises
    ------
    ShapeError
        If `x` has other axes, or one of length 0.
    OptionError
        If a size is not a positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> {name}(np.ones({shape}), 2).shape
    {two}
    """
)

ADAPTIVE_AVG = """Take the mean of every part of the last {count} axes.

    Part ``i`` of ``m`` goes from ``floor(i n / m)`` to ``ceil((i + 1) n / m)``.
""" + _ADAPTIVE.replace("{more}", "")

ADAPTIVE_MAX = """Take the largest element of every part of the last {count} axes.

    Part ``i`` of ``m`` goes from ``floor(i n / m)`` to ``ceil((i + 1) n / m)``.
""" + _ADAPTIVE.replace(
    "{more}",
    """
    return_indices : bool
        Whether to return the places of the largest elements too, counted through the
        last {count} axes as one.""",
)
