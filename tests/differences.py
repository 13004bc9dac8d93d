"""Central differences in plain NumPy: a second opinion that knows nothing of xpnet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def numeric_gradient(
    function: Callable[[Any], Any], x: Any, step: float = 1e-6
) -> np.ndarray[Any, Any]:
    """Return the gradient of a function of one float64 array that gives one number."""
    x = np.asarray(x, dtype=np.float64)
    out = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += step
        below[place] -= step
        out[place] = (float(function(above)) - float(function(below))) / (2 * step)
    return out
