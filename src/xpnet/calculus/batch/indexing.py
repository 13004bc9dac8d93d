"""Indexing with slices and integers: the axis in front is taken whole."""

from __future__ import annotations

from typing import Any

from ..table.indexing import is_basic
from ..tape import Node
from .shapes import fitted

__all__ = [
    "getitem_pull",
    "getitem_push",
    "scatter_pull",
    "scatter_push",
    "setitem_pull",
]

Parts = tuple[Any, ...]


def _key_behind(key: Any) -> Any:
    """Return a key for the axes behind the first, or None where it holds arrays."""
    if not is_basic(key):
        return None
    return (slice(None), *(key if isinstance(key, tuple) else (key,)))


def getitem_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts | None:
    spec, key = saved
    key = _key_behind(key)
    if key is None:
        return None
    return (xp.scatter(g, key, (g.shape[0], *spec.shape)),)


def getitem_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    key = _key_behind(saved[1])
    return None if key is None else xp.getitem(incoming[0], key)


def scatter_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts | None:
    key = _key_behind(saved[0])
    return None if key is None else (xp.getitem(g, key),)


def scatter_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    (t,), (key, shape) = incoming, saved
    key = _key_behind(key)
    return None if key is None else xp.scatter(t, key, (t.shape[0], *shape))


def setitem_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts | None:
    key, fix, _ = saved
    key = _key_behind(key)
    if key is None:
        return None
    gx = None if parents[0] is None else xp.setitem(g, key, 0)
    gv = None if parents[1] is None else fitted(xp, xp.getitem(g, key), fix)
    return gx, gv
