"""Elementwise functions: their rules broadcast over the axis in front."""

from __future__ import annotations

from typing import Any

from ..kinds.elementwise import times
from ..tape import Node
from .shapes import aligned, fitted, spread

__all__ = [
    "binary_pull",
    "binary_push",
    "direct_pull",
    "direct_push",
    "where_pull",
    "where_push",
]

Parts = tuple[Any, ...]


def direct_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts:
    return node.row.pull(node, parents, saved, g, xp)


def direct_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    return node.row.push(node, incoming, saved, xp)


def binary_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts:
    row: Any = node.row
    fixes = (None, None) if node.fix is None else node.fix[:2]
    return tuple(
        [
            None if p is None else fitted(xp, row._careful(i, xp, g, saved), fix)
            for i, (p, fix) in enumerate(zip(parents, fixes, strict=True))
        ]
    )


def _aligned_all(node: Node, incoming: list[Any], xp: Any) -> list[Any]:
    """Align the tangents of arguments that are broadcast with each other."""
    known = [t for t in incoming if t is not None]
    ndim = known[0].ndim - 1 if node.fix is None else len(node.fix[-2])
    return [None if t is None else aligned(xp, t, ndim) for t in incoming]


def binary_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    parts = [
        times(node.row, i, xp, t, *saved)  # type: ignore[arg-type]
        for i, t in enumerate(_aligned_all(node, incoming, xp))
        if t is not None
    ]
    out = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    return spread(xp, out, node)


def where_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts:
    zero = xp.zeros_like(g)
    fixes = (None, None) if node.fix is None else node.fix[:2]
    choices = ((g, zero), (zero, g))
    return tuple(
        [
            None if p is None else fitted(xp, xp.where(saved.condition, *choice), fix)
            for p, choice, fix in zip(parents, choices, fixes, strict=True)
        ]
    )


def where_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    tx, ty = _aligned_all(node, incoming, xp)
    zero = xp.zeros_like(ty if tx is None else tx)
    out = xp.where(
        saved.condition, zero if tx is None else tx, zero if ty is None else ty
    )
    return spread(xp, out, node)
