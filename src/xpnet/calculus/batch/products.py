"""Matrix products: many cotangents are one more matrix."""

from __future__ import annotations

from typing import Any

from ..table.special import _conj
from ..tape import Node
from .shapes import aligned, fitted

__all__ = ["matmul_pull", "matmul_push"]

Parts = tuple[Any, ...]


def matmul_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts | None:
    x, y = saved.arrays
    vectors = (x.ndim == 1, y.ndim == 1)
    if any(vectors) and max(x.ndim, y.ndim) > 2:
        return None
    rules = (_matmul_left, _matmul_right)
    return tuple(
        [
            None
            if p is None
            else fitted(
                xp, rule(xp, g, _conj(xp, other), vectors), (own.shape, own.dtype)
            )
            for p, rule, own, other in zip(parents, rules, (x, y), (y, x), strict=True)
        ]
    )


def _matmul_left(xp: Any, g: Any, y: Any, vectors: tuple[bool, bool]) -> Any:
    if vectors[1]:  # (n, rows) or (n,) times y
        return xp.expand_dims(g, axis=-1) * y
    return xp.matmul(g, xp.matrix_transpose(y))


def _matmul_right(xp: Any, g: Any, x: Any, vectors: tuple[bool, bool]) -> Any:
    if vectors == (True, True):
        return xp.expand_dims(g, axis=-1) * x
    if vectors[0]:
        return xp.expand_dims(x, axis=-1) * xp.expand_dims(g, axis=-2)
    if vectors[1]:
        return xp.matmul(g, x)
    return xp.matmul(xp.matrix_transpose(x), g)


def matmul_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    (x, y), (tx, ty) = saved.arrays, incoming
    if (x.ndim == 1 or y.ndim == 1) and max(x.ndim, y.ndim) > 2:
        return None
    parts = []
    if tx is not None:
        ndim = y.ndim if x.ndim > 1 else 1
        parts.append(xp.matmul(aligned(xp, tx, ndim), y))
    if ty is not None:
        parts.append(_matmul_push_right(xp, x, y, ty))
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _matmul_push_right(xp: Any, x: Any, y: Any, ty: Any) -> Any:
    if y.ndim > 1:
        return xp.matmul(x, aligned(xp, ty, max(x.ndim, y.ndim)))
    if x.ndim == 1:
        return xp.matmul(ty, x)
    return xp.matmul(ty, xp.matrix_transpose(x))
