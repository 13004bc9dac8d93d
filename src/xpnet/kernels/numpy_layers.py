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
    """Tell whether a layer is one that the twins were written for."""
    dtype = x.dtype
    if x.ndim != 2 or weight.ndim != 2 or dtype not in REAL or weight.dtype != dtype:
        return False
    outputs, inputs = weight.shape
    return x.shape[1] == inputs and (
        bias is None or (bias.dtype == dtype and bias.shape == (outputs,))
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

    It keeps the input, the weight and (for a relu) the result of each. What `_Linear`
    does stands here again in the loops: for small layers the calls cost as much.
    """

    def forward(
        self, needs: tuple[bool, ...], x: Any, *parameters: Any, relus: tuple[bool, ...]
    ) -> tuple[Any, Any] | None:
        kept = []
        pairs = iter(parameters)
        for bent, weight, bias in zip(relus, pairs, pairs, strict=True):
            if not _takes(x, weight, bias):
                return None
            out = x.dot(weight.T)
            if bias is not None:
                np.add(out, bias, out)
            if bent:
                relu(out, out)
            kept.append((x, weight, out if bent else None))
            x = out
        return x, kept

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        if len(set(map(id, slots))) < len(slots):
            slots = _without_repeats(slots)
        parts: list[Any] = [None] * len(needs)
        ones = filled(len(g), 1, g.dtype)
        first = needs.index(True)
        for at in range(len(needs) - 2, 0, -2):  # the place of the weight
            x, weight, out = residual[at // 2]
            if out is not None:
                g = gate(g, out)
            if needs[at]:
                parts[at] = g.T.dot(x, out=slots[at])
            if needs[at + 1]:
                parts[at + 1] = ones.dot(g, out=slots[at + 1])
            if first >= at:  # nothing before this map needs anything
                return tuple(parts)
            g = g.dot(weight)
        parts[0] = g
        return tuple(parts)


def _without_repeats(slots: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return no slots where one is named twice: the parts have to be added."""
    given = [id(slot) for slot in slots if slot is not None]
    return slots if len(set(given)) == len(given) else (None,) * len(slots)


_LINEAR = _Linear()
register("linear", "numpy", _LINEAR)
register("dense", "numpy", _Dense())
