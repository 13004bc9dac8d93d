"""Twins for NumPy: softmax and its logarithm along the last axis.

Blocks of rows stay in the cache through all operations, in threads where arrays are
large. Sums along rows are products with ones, which the BLAS computes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, final

import numpy as np

from ..backend.library import ADDITIONS, library_for
from .blas import one_thread
from .numpy_common import REAL, filled
from .threads import run_blocks
from .twin import register

__all__: list[str] = []

_NUMPY = library_for("cpu")
_BLOCK = 2**17
"""Elements of a block: threads wait less for each other in larger ones.

It does not depend on the number of threads, as the numbers of a block choose the way.
"""


def _by_rows(function: Callable[[slice], None], shape: tuple[int, ...]) -> None:
    """Call a function for blocks of rows."""
    rows, length = shape
    step = max(1, _BLOCK // length) * length

    def work(start: int, stop: int) -> None:
        function(slice(start // length, stop // length))

    with one_thread(), np.errstate(all="ignore"):
        run_blocks(work, rows * length, step)


def _column(values: Any) -> Any:
    """Return a number for each row as a column."""
    return values[:, None]


def _sums(x: Any) -> Any:
    """Return the sums of rows."""
    return x.dot(filled(x.shape[1], 1, x.dtype))


def _exponentials(x: Any, out: Any) -> tuple[Any, Any] | None:
    """Write ``exp(x - top)``; return `top` and the sums of rows, None to decline.

    A row without a largest finite number is left to the reference.
    """
    top = np.maximum.reduce(x, axis=1)
    if not np.isfinite(top).all():
        return None
    np.subtract(x, _column(top), out)
    np.exp(out, out)
    return top, _sums(out)


class _AlongRows(ABC):
    """What both have in common: the arrays as rows, and the blocks."""

    @abstractmethod
    def value(self, x: Any, out: Any) -> bool:
        """Write the value for a block of rows; False to decline."""

    @abstractmethod
    def pull(self, g: Any, out: Any, dx: Any) -> None:
        """Write the cotangent for a block of rows."""

    def forward(
        self, needs: tuple[bool, ...], x: Any, *, axis: int
    ) -> tuple[Any, Any] | None:
        fits = x.dtype in REAL and x.size and x.flags.c_contiguous
        if not fits or axis not in (-1, x.ndim - 1):
            return None
        rows = x.reshape(-1, x.shape[-1])
        out, declined = np.empty_like(rows), []

        def work(at: slice) -> None:
            if not self.value(rows[at], out[at]):
                declined.append(at)

        _by_rows(work, rows.shape)
        return None if declined else (out.reshape(x.shape), out)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        cotangent = np.ascontiguousarray(g).reshape(residual.shape)
        dx = np.empty_like(residual)
        _by_rows(lambda at: self.pull(cotangent[at], residual[at], dx[at]), dx.shape)
        return (dx.reshape(g.shape),)


@final
class _Softmax(_AlongRows):
    """``exp(x) / sum(exp(x))``."""

    small = 40.0
    """Exponentials of numbers up to this, and sums of them, are far from overflow."""

    def value(self, x: Any, out: Any) -> bool:
        flat = x.reshape(-1)
        low, high = np.minimum.reduce(flat), np.maximum.reduce(flat)
        if -self.small <= low and high <= self.small:  # whatever the largest of a row
            np.exp(x, out)
            total = _sums(out)
        else:
            made = _exponentials(x, out)
            if made is None:
                return False
            total = made[1]
        np.multiply(out, _column(1 / total), out)
        return True

    def pull(self, g: Any, out: Any, dx: Any) -> None:
        np.subtract(g, _column(np.vecdot(g, out)), dx)
        np.multiply(dx, out, dx)


@final
class _LogSoftmax(_AlongRows):
    """``x - log(sum(exp(x)))``."""

    close = 1.25
    """A sum of exponentials below this: 1 and little more, whose digits count."""

    def value(self, x: Any, out: Any) -> bool:
        made = _exponentials(x, out)
        if made is None:
            return False
        top, total = made
        np.subtract(x, _column(top), out)
        np.subtract(out, _column(np.log(total)), out)
        (close,) = np.nonzero(total < self.close)
        if close.size:
            out[close] = ADDITIONS["log_softmax"](_NUMPY.raw, x[close])
        return True

    def pull(self, g: Any, out: Any, dx: Any) -> None:
        np.exp(out, dx)
        np.multiply(dx, _column(_sums(g)), dx)
        np.subtract(g, dx, dx)


register("log_softmax_layer", "numpy", _LogSoftmax())
register("softmax_layer", "numpy", _Softmax())
