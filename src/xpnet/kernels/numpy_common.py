"""What the twins for NumPy share."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

__all__ = ["REAL", "filled"]

REAL = frozenset({np.dtype(np.float32), np.dtype(np.float64)})
"""The data types of the twins for NumPy, in the machine's byte order."""


@functools.lru_cache(maxsize=32)
def filled(shape: int | tuple[int, ...], value: float, dtype: Any) -> Any:
    """Return an array of one value that is shared and cannot be written to."""
    out = np.full(shape, value, dtype=dtype)
    out.flags.writeable = False
    return out
