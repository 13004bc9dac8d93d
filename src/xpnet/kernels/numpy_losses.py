"""Twins for NumPy: losses, each in one pass that keeps what its derivative needs."""

from __future__ import annotations

import functools
import math
from typing import Any, final

import numpy as np

from .numpy_common import REAL, filled
from .numpy_elementwise import in_range
from .twin import register

__all__: list[str] = []

_SHORT = 2**12
"""Up to so many values the BLAS adds up: it starts faster."""

_NARROW = 64
"""Up to so many classes, rows are short, and loops over columns are faster."""


@functools.lru_cache(maxsize=8)
def _numbers(count: int, step: int) -> Any:
    """Return 0, step, 2 step, ...: shared, and so not to be written to."""
    out = np.arange(0, count * step, step)
    out.flags.writeable = False
    return out


@functools.lru_cache(maxsize=8)
def _column(count: int) -> Any:
    """Return 0, 1, 2, ... as a column: shared, and so not to be written to."""
    out = np.arange(count)[:, None]
    out.flags.writeable = False
    return out


def _reduced(values: Any, reduction: str) -> Any:
    """Return the values, their sum or their mean."""
    if reduction == "none":
        return values
    if values.ndim == 1 and values.size <= _SHORT:
        total = filled(values.size, 1, values.dtype).dot(values)
    else:
        total = np.add.reduce(values, axis=None)  # pairwise: long sums stay accurate
    return total if reduction == "sum" else total / values.size


def _scale(g: Any, count: int, reduction: str) -> Any:
    """Return the cotangent of each value, from that of the reduced ones."""
    return g / count if reduction == "mean" else g


@final
class _CrossEntropy:
    """``logsumexp(x) - x[label]`` for x (N, K) and labels (N,) in range.

    It works on classes by rows, (K, N), and keeps ``softmax(x) - onehot(label)``.
    """

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        labels: Any,
        weight: Any = None,
        *,
        reduction: str,
        ignore_index: int,
        label_smoothing: float,
    ) -> tuple[Any, Any] | None:
        if x.ndim != 2 or x.dtype not in REAL or not x.size:
            return None
        if weight is not None or ignore_index >= 0 or label_smoothing:
            return None
        narrow = x.shape[1] <= _NARROW
        z = x.T.copy() if narrow else x.copy().T
        top = np.maximum.reduce(z, axis=0)
        if not math.isfinite(top.dot(top)):  # a NaN, an inf, or a row of -inf
            return None
        np.subtract(z, top, z)
        if narrow and reduction != "none" and x.size <= _SHORT:
            made = self._few(needs, z, labels, reduction)
            if made is not None:
                return made
        if not in_range(labels, len(z)):
            return None
        return self._many(needs, z, labels, reduction)

    @staticmethod
    def _few(needs: Any, z: Any, labels: Any, reduction: str) -> tuple[Any, Any] | None:
        """Compute with one-hot labels; None for a label or logit that does not fit."""
        count = z.shape[1]
        chosen = np.equal(_column(len(z)), labels)
        if np.count_nonzero(chosen) != count:
            return None
        onehot = chosen.astype(z.dtype)
        picked = np.vdot(z, onehot)
        if not math.isfinite(picked):  # a logit of -inf
            return None
        np.exp(z, z)
        total = np.add.reduce(z, axis=0)
        # both parts of the sum are positive, so that nothing cancels
        loss = filled(count, 1, z.dtype).dot(np.log(total)) - picked
        if needs[0]:
            np.divide(z, total, z)
            np.subtract(z, onehot, z)
        return loss if reduction == "sum" else loss / count, (z, reduction)

    @staticmethod
    def _many(needs: Any, z: Any, labels: Any, reduction: str) -> tuple[Any, Any]:
        """Compute with the places of the labels in memory."""
        classes, count = z.shape
        labels = labels.astype(np.intp, copy=False)
        if z.flags.c_contiguous:
            flat, at = z.reshape(-1), labels * count + _numbers(count, 1)
        else:
            flat, at = z.T.reshape(-1), labels + _numbers(count, classes)
        picked = flat.take(at)
        np.exp(z, z)
        total = np.add.reduce(z, axis=0)
        values = np.subtract(np.log(total), picked, picked)
        if needs[0]:
            np.divide(z, total, z)
            flat[at] -= 1
        return _reduced(values, reduction), (z, reduction)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        slope, reduction = residual
        return (np.multiply(slope, _scale(g, slope.shape[1], reduction)).T,)


@final
class _MeanSquaredError:
    """``(x - y)**2``; it keeps ``x - y``."""

    def forward(
        self, needs: tuple[bool, ...], x: Any, y: Any, *, reduction: str
    ) -> tuple[Any, Any] | None:
        if x.dtype not in REAL or y.dtype != x.dtype or not x.size:
            return None
        difference = np.subtract(x, y)
        return _reduced(difference * difference, reduction), (difference, reduction)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        difference, reduction = residual
        dx = np.multiply(difference, 2 * _scale(g, difference.size, reduction))
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
        return _reduced(values, reduction), (slope, x, reduction)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        slope, x, reduction = residual
        g = _scale(g, x.size, reduction)
        dx = np.multiply(slope, g) if needs[0] else None
        return dx, np.multiply(np.negative(x), g) if needs[1] else None


register("binary_cross_entropy_with_logits", "numpy", _BinaryCrossEntropy())
register("cross_entropy", "numpy", _CrossEntropy())
register("mean_squared_error", "numpy", _MeanSquaredError())
