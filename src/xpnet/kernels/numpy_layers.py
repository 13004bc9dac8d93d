"""Twins for NumPy: the linear layer, alone and in a row with relus between.

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
class _Dense:
    """Linear maps one after another, each followed by a relu where ``relus[i]``.

    It keeps the input, the weight and (for a relu) the result of each.
    """

    def forward(
        self, needs: tuple[bool, ...], x: Any, *parameters: Any, relus: tuple[bool, ...]
    ) -> tuple[Any, Any] | None:
        kept = []
        for i, bent in enumerate(relus):
            made = _LINEAR.forward(needs, x, parameters[2 * i], parameters[2 * i + 1])
            if made is None:
                return None
            x, linear = made
            if bent:
                relu(x, x)
            kept.append((linear, x if bent else None))
        return x, kept

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        given = [id(slot) for slot in slots if slot is not None]
        if len(set(given)) < len(given):  # a layer that is used twice: parts are added
            slots = (None,) * len(slots)
        parts: list[Any] = [None] * len(needs)
        first = needs.index(True)
        for i in range(len(residual) - 1, -1, -1):
            linear, out = residual[i]
            if out is not None:
                g = gate(g, out)
            at = 2 * i + 1  # the place of the weight among the arguments
            wanted = (first < at, needs[at], needs[at + 1])
            into = (None, slots[at], slots[at + 1])
            g, parts[at], parts[at + 1] = _LINEAR.backward(g, linear, wanted, into)
            if g is None:  # nothing before this map needs anything
                break
        if needs[0]:
            parts[0] = g
        return tuple(parts)


_LINEAR = _Linear()
register("linear", "numpy", _LINEAR)
register("dense", "numpy", _Dense())
