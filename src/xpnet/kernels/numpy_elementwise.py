"""Faster element-by-element functions for NumPy: relu and its derivative.

`numpy.where` and `numpy.maximum` with a number take a branch, or a slow loop, for every
element; comparing and multiplying whole arrays does not. These functions replace the
library's own by name, so that every rule that calls them gains.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend.library import ADDITIONS, library_for
from .numpy_layers import REAL, filled

__all__ = ["gate", "relu"]

_NUMPY = library_for("cpu")
_BLOCK = 2**14
"""Elements that fit, twice, into the first-level cache or little more."""


def relu(x: Any, /) -> Any:
    """Return ``maximum(x, 0)``; NaN stays NaN."""
    if x.dtype not in REAL or x.ndim == 0:
        return ADDITIONS["relu"](_NUMPY.raw, x)
    if x.size <= _BLOCK:
        return np.maximum(x, filled(x.shape, 0, x.dtype))
    if not x.flags.c_contiguous:
        return np.maximum(x, x.dtype.type(0))
    out = np.empty_like(x)
    flat, zeros = out.reshape(-1), filled(_BLOCK, 0, x.dtype)
    whole = x.size - x.size % _BLOCK
    np.maximum(
        x.reshape(-1)[:whole].reshape(-1, _BLOCK),
        zeros,
        out=flat[:whole].reshape(-1, _BLOCK),
    )
    np.maximum(x.reshape(-1)[whole:], zeros[: x.size - whole], out=flat[whole:])
    return out


def gate(v: Any, out: Any, /) -> Any:
    """Return `v` where ``out > 0``, 0 where ``out == 0``, NaN where `out` is NaN.

    The fast product is wrong only where an infinite `v` meets a closed gate, or a
    finite one a NaN; both make the inner product with `out` infinite or NaN.
    """
    if v.dtype in REAL and out.dtype == v.dtype and out.shape == v.shape:
        passed = np.multiply(v, out > 0)
        if math.isfinite(np.vdot(passed, out)):
            return passed
    return ADDITIONS["gate"](_NUMPY.raw, v, out)


_NUMPY.functions["relu"] = relu
_NUMPY.functions["gate"] = gate
