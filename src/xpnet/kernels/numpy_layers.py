"""Twins for NumPy: the linear layer, alone and with the relu that follows it.

The product ``x @ weight.T`` and its transposes are left to the BLAS, which reads a
transposed matrix as fast as a plain one. What a twin saves is everything around it: one
node in place of several, bias and relu in place, the gradient of the weights written
straight into the optimizer's buffer, and sums over rows done by the BLAS as well.

`dot` and not `matmul`: for small matrices it takes a third less time.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np

from .numpy_common import REAL, filled
from .numpy_elementwise import gate, relu
from .twin import register

__all__: list[str] = []


def _takes(x: Any, weight: Any, bias: Any) -> bool:
    """Tell whether shapes fit together, in two axes, and dtypes are one real type."""
    dtype = x.dtype
    return (
        x.ndim == 2
        and dtype in REAL
        and weight.dtype == dtype
        and weight.ndim == 2
        and x.shape[1] == weight.shape[1]
        and (bias is None or (bias.dtype == dtype and bias.shape == weight.shape[:1]))
    )


@final
class _Linear:
    """``x @ weight.T + bias`` for x (N, in), weight (out, in), bias (out,) or None."""

    def forward(
        self, needs: tuple[bool, ...], x: Any, weight: Any, bias: Any = None
    ) -> tuple[Any, Any] | None:
        if not _takes(x, weight, bias):
            return None
        out = x.dot(weight.T)  # (N, out)
        if bias is not None:
            np.add(out, bias, out)
        return out, (x, weight)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        x, weight = residual
        dx = g.dot(weight) if needs[0] else None
        dW = g.T.dot(x, out=slots[1]) if needs[1] else None
        db = filled(len(g), 1, g.dtype).dot(g, out=slots[2]) if needs[2] else None
        return dx, dW, db


@final
class _LinearRelu:
    """``relu(x @ weight.T + bias)``, as `_Linear`; it keeps the result."""

    def forward(
        self, needs: tuple[bool, ...], x: Any, weight: Any, bias: Any = None
    ) -> tuple[Any, Any] | None:
        made = _LINEAR.forward(needs, x, weight, bias)
        if made is None:
            return None
        out = relu(made[0], made[0])
        return out, (made[1], out)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        linear, out = residual
        return _LINEAR.backward(gate(g, out), linear, needs, slots)


_LINEAR = _Linear()
register("linear", "numpy", _LINEAR)
register("linear_relu", "numpy", _LinearRelu())
