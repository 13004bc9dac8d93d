"""Shapes with an axis of length n in front."""

from __future__ import annotations

from typing import Any

from ..kinds.base import fitted as cast
from ..tape import Node

__all__ = ["aligned", "fitted", "spread"]


def fitted(xp: Any, part: Any, fix: Any) -> Any:
    """Bring n cotangents to the shape and dtype of their argument."""
    if part is None or fix is None:
        return part
    shape, dtype = fix
    part = _unbroadcast(xp, part, tuple(shape))
    return part if part.dtype == dtype else cast(xp, part, (tuple(part.shape), dtype))


def _unbroadcast(xp: Any, part: Any, shape: tuple[int, ...]) -> Any:
    if tuple(part.shape)[1:] == shape:
        return part
    extra = part.ndim - 1 - len(shape)
    if extra < 0:  # axes of length 1 in front, which an assignment takes away
        part = _unbroadcast(xp, part, shape[-extra:])
        return xp.reshape(part, (part.shape[0], *shape))
    axes = tuple(range(1, 1 + extra)) + tuple(
        i + 1 + extra
        for i, size in enumerate(shape)
        if size == 1 and part.shape[i + 1 + extra] != 1
    )
    n = part.shape[0]
    if axes:
        part = xp.sum(part, axis=axes, dtype=part.dtype)
    return xp.reshape(part, (n, *shape))


def aligned(xp: Any, t: Any, ndim: int) -> Any:
    """Put axes of length 1 behind the first, up to `ndim` axes behind it."""
    missing = ndim - (t.ndim - 1)
    if missing <= 0:
        return t
    return xp.reshape(t, (t.shape[0], *(1,) * missing, *tuple(t.shape)[1:]))


def spread(xp: Any, t: Any, node: Node) -> Any:
    """Bring n tangents to the shape and dtype of the output."""
    if node.fix is None:
        return t
    *_, shape, dtype = node.fix
    if tuple(t.shape)[1:] != shape:
        t = xp.broadcast_to(t, (t.shape[0], *shape))
    return t if t.dtype == dtype else xp.astype(t, dtype)
