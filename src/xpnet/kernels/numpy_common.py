"""What the twins for NumPy share."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .threads import workers

__all__ = ["REAL", "block_length", "filled"]

REAL = frozenset({np.dtype(np.float32), np.dtype(np.float64)})
"""The data types of the twins for NumPy, in the machine's byte order."""

_BLOCK = 2**16
"""Elements of a block: larger ones leave the cache, in smaller ones calls cost more."""


def block_length(size: int) -> int:
    """Return the length of the blocks of `size` elements that do not meet.

    Threads take the interpreter's lock at each call, and wait less for each other where
    calls are longer.
    """
    return _BLOCK if workers(size) < 2 else 2 * _BLOCK


@functools.lru_cache(maxsize=32)
def filled(shape: int | tuple[int, ...], value: float, dtype: Any) -> Any:
    """Return an array of one value that is shared and cannot be written to."""
    out = np.full(shape, value, dtype=dtype)
    out.flags.writeable = False
    return out
