"""Faster element-by-element functions for NumPy: relu, its derivative, ranges.

`numpy.where` and `numpy.maximum` with a number take a branch, or a slow loop, for every
element; comparing and multiplying whole arrays does not. These functions replace the
library's own by name, so that every rule that calls them gains.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend.library import ADDITIONS, library_for
from .numpy_common import REAL, filled

__all__ = ["gate", "in_range", "relu"]

_NUMPY = library_for("cpu")
_BLOCK = 2**14
"""Elements that, twice, stay in the fast levels of the cache."""


def relu(x: Any, /, out: Any = None) -> Any:
    """Return ``maximum(x, 0)``, or write it into `out`; NaN stays NaN."""
    if x.dtype not in REAL or x.ndim == 0:
        return ADDITIONS["relu"](_NUMPY.raw, x)
    if x.size <= _BLOCK:
        return np.maximum(x, filled(x.shape, 0, x.dtype), out=out)
    if not x.flags.c_contiguous:
        return np.maximum(x, x.dtype.type(0), out=out)
    out = np.empty_like(x) if out is None else out
    whole = x.size - x.size % _BLOCK
    zeros = filled(_BLOCK, 0, x.dtype)
    source, target = x.reshape(-1), out.reshape(-1)
    rows = source[:whole].reshape(-1, _BLOCK)
    np.maximum(rows, zeros, out=target[:whole].reshape(-1, _BLOCK))
    np.maximum(source[whole:], zeros[: x.size - whole], out=target[whole:])
    return out


def gate(v: Any, out: Any, /) -> Any:
    """Return `v` where ``out > 0``, 0 where ``out == 0``, NaN where `out` is NaN.

    The fast product is wrong only where an infinite `v` meets a closed gate, or a
    finite one a NaN; both make the inner product with `out` infinite or NaN.
    """
    if v.ndim and v.dtype in REAL and out.dtype == v.dtype and out.shape == v.shape:
        passed = (out > 0).astype(v.dtype)  # a product with bool casts more slowly
        np.multiply(v, passed, passed)
        if math.isfinite(np.vdot(passed, out)):
            return passed
    return ADDITIONS["gate"](_NUMPY.raw, v, out)


def in_range(x: Any, stop: int, /) -> bool:
    """Tell whether all integers lie in ``range(stop)``, reading each once."""
    if x.dtype != np.int64 or not x.size:
        return bool(ADDITIONS["in_range"](_NUMPY.raw, x, stop))
    unsigned = x.reshape(-1).view(np.uint64)  # what was negative is now huge
    return bool(unsigned[unsigned.argmax()] < stop)


_NUMPY.functions["in_range"] = in_range
_NUMPY.functions["relu"] = relu
_NUMPY.functions["gate"] = gate
