"""Functions that only rearrange."""

from __future__ import annotations

import math
from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import ShapeError

__all__ = ["flatten"]


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
