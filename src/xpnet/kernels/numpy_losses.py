"""Twins for NumPy: losses, each in one pass that keeps what its derivative needs."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from .numpy_common import REAL
from .numpy_cross_entropy import reduced, scale
from .twin import register

__all__: list[str] = []


@final
class _MeanSquaredError:
    """``(x - y)**2``; it keeps ``x - y``."""

    def forward(
        self, needs: tuple[bool, ...], x: Any, y: Any, *, reduction: str
    ) -> tuple[Any, Any] | None:
        if x.dtype not in REAL or y.dtype != x.dtype or not x.size:
            return None
        difference = np.subtract(x, y)
        return reduced(difference * difference, reduction), (difference, reduction)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        difference, reduction = residual
        dx = np.multiply(difference, 2 * scale(g, difference.size, reduction))
        return dx if needs[0] else None, np.negative(dx) if needs[1] else None


@final
class _BinaryCrossEntropy:
    """``max(x, 0) - x y + log(1 + exp(-|x|))``, as ``w s + log1p(exp(-s))``, s = |x|.

    As in the reference, w = 1 - y for x >= 0 and y for x < 0, so nothing cancels. It
    keeps the slope, ``w - sigmoid(-s)`` with the sign of x.
    """

    def forward(
        self, needs: tuple[bool, ...], x: Any, y: Any, *weights: Any, reduction: str
    ) -> tuple[Any, Any] | None:
        if weights or x.dtype not in REAL or y.dtype != x.dtype or not x.size:
            return None
        if not math.isfinite(np.vdot(x, x)):
            return None
        positive = (x >= 0).astype(x.dtype)
        sign = 2 * positive - 1
        weight = positive - sign * y
        size = sign * x
        e = np.exp(-size)
        values = weight * size + np.log1p(e)
        slope = sign * (weight - e / (1 + e)) if needs[0] else None
        return reduced(values, reduction), (slope, x, reduction)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        slope, x, reduction = residual
        g = scale(g, x.size, reduction)
        dx = np.multiply(slope, g) if needs[0] else None
        return dx, np.multiply(np.negative(x), g) if needs[1] else None


register("binary_cross_entropy_with_logits", "numpy", _BinaryCrossEntropy())
register("mean_squared_error", "numpy", _MeanSquaredError())
