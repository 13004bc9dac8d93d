"""Layers that only rearrange."""

from __future__ import annotations

from typing import Any, final

from ...calculus.array import Array
from ..functional.shape import flatten
from ..module import Module

__all__ = ["Flatten"]


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
