"""Where one parameter ends and the next begins, for formulas that need to know.

Most formulas are elementwise and see one long array. A norm of each parameter (LARS,
LAMB) or a product of matrices (Muon) asks the *parts* of the array: `Alone` where it
is one parameter, `Rows` where it is a stretch of a flat buffer. Neither reads an array
back to the host.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Protocol, final

import numpy as np

from ..backend.library import Library

__all__ = ["ALIGN", "Alone", "Parts", "Rows"]

ALIGN = 16  # elements: in a flat buffer, every parameter starts on a cache line


class Parts(Protocol):
    """The parameters that lie in one array."""

    def norms(self, x: Any, /) -> Any:
        """Return the Euclidean norm of each parameter's part of `x`."""

    def times(self, x: Any, factors: Any, /) -> Any:
        """Return `x`, each parameter's part times its factor."""

    def each(self, function: Callable[[Any], Any], x: Any, /) -> Any:
        """Return `x` with each part, in its shape, replaced by a function of it."""


@final
class Alone:
    """An array that is one parameter, in its own shape."""

    def __init__(self, lib: Library) -> None:
        self.lib = lib

    def norms(self, x: Any, /) -> Any:
        """Return the Euclidean norm of `x`, an array without axes."""
        raw = self.lib.raw
        wide = _wide(self.lib, x)
        return raw.astype(raw.sqrt(raw.sum(wide * wide)), x.dtype)

    def times(self, x: Any, factors: Any, /) -> Any:
        """Return `x` times its one factor."""
        return x * factors

    def each(self, function: Callable[[Any], Any], x: Any, /) -> Any:
        """Return the function of `x`."""
        return function(x)


@final
class Rows:
    """A stretch of a flat buffer, seen as rows of `ALIGN` elements.

    Every parameter is a whole number of rows, with zeros behind its last element. Sums
    over parameters are sums over rows, and then over the rows of each.

    Parameters
    ----------
    lib : Library
        The buffer's library.
    like : array
        The stretch, or any array like it.
    starts : list of int
        Where each parameter begins, and behind them where the last one ends.
    shapes : list of tuple of int
        The shapes of the parameters.
    """

    def __init__(
        self,
        lib: Library,
        like: Any,
        starts: list[int],
        shapes: list[tuple[int, ...]],
    ) -> None:
        self.lib, self.like, self.shapes = lib, like, shapes
        self.starts = [start - starts[0] for start in starts]

    @functools.cached_property
    def owners(self) -> Any:
        """For each row, the number of its parameter: sent to the device once."""
        rows = np.diff(np.asarray(self.starts)) // ALIGN
        ids = np.repeat(np.arange(len(rows)), rows)
        return self.lib.from_host(ids, self.lib.raw.device(self.like))

    def norms(self, x: Any, /) -> Any:
        """Return the Euclidean norm of each parameter's part of `x`."""
        raw = self.lib.raw
        wide = _wide(self.lib, x)
        rows = raw.sum(raw.reshape(wide * wide, (-1, ALIGN)), axis=1)
        sums = raw.segment_sum(rows, self.owners, len(self.shapes))
        return raw.astype(raw.sqrt(sums), x.dtype)

    def times(self, x: Any, factors: Any, /) -> Any:
        """Return `x`, each parameter's part times its factor."""
        raw = self.lib.raw
        column = raw.reshape(raw.take(factors, self.owners, axis=0), (-1, 1))
        return raw.reshape(raw.reshape(x, (-1, ALIGN)) * column, x.shape)

    def each(self, function: Callable[[Any], Any], x: Any, /) -> Any:
        """Return `x` with each part, in its shape, replaced by a function of it."""
        raw = self.lib.raw
        out = raw.zeros_like(x)
        for start, shape in zip(self.starts, self.shapes, strict=False):
            cut = slice(start, start + math.prod(shape))
            out[cut] = raw.reshape(function(raw.reshape(x[cut], shape)), (-1,))
        return out


def _wide(lib: Library, x: Any) -> Any:
    """Return `x` in float32 where its own dtype has 16 bits, whose squares overflow."""
    narrow = lib.raw.finfo(x.dtype).bits < 32
    return lib.raw.astype(x, lib.raw.float32) if narrow else x
