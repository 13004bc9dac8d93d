"""Containers of arrays: flatten a tree to its leaves, and rebuild it with others.

A tree is a dict, list, tuple or named tuple, nested to any depth, or an object with the
two methods of `Container` (a ``Module`` is one). Everything else is a leaf. The order
of the leaves is the order of iteration, so the same tree flattens the same way every
time.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

__all__ = ["Container", "flatten", "leaves_as_in"]


@runtime_checkable
class Container(Protocol):
    """An object that holds arrays and can be copied with others in their place."""

    def tree_leaves(self) -> list[Any]:
        """Return the arrays that the object holds, in a fixed order."""

    def tree_rebuild(self, leaves: list[Any]) -> Any:
        """Return a copy of the object that holds `leaves` instead of its own."""


Rebuild = Callable[[list[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """Return the leaves of a tree and a function that rebuilds the tree from leaves.

    Examples
    --------
    >>> leaves, rebuild = flatten({"w": 1.0, "b": [2.0, 3.0]})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> rebuild([10.0, 20.0, 30.0])
    {'w': 10.0, 'b': [20.0, 30.0]}
    """
    if isinstance(tree, dict):
        return _flatten_items(list(tree.values()), functools.partial(_refilled, tree))
    if isinstance(tree, list):
        return _flatten_items(tree, list)
    if isinstance(tree, tuple):
        make = getattr(type(tree), "_make", tuple)  # a named tuple has _make
        return _flatten_items(list(tree), make)
    if isinstance(tree, Container):
        return tree.tree_leaves(), tree.tree_rebuild
    return [tree], _only


def _refilled(tree: dict[Any, Any], values: list[Any]) -> dict[Any, Any]:
    """Return a dict of the same class and keys with new values."""
    if type(tree) is dict:
        return dict(zip(tree, values, strict=True))
    made = copy.copy(tree)
    made.update(zip(tree, values, strict=True))
    return made


def leaves_as_in(pattern: Any, tree: Any) -> list[Any] | None:
    """Return the leaves of a tree in the order of a pattern's; None if it has another.

    The keys of a dict say which leaf belongs to which, not the order they stand in.

    Examples
    --------
    >>> leaves_as_in({"w": 1.0, "b": 2.0}, {"b": 20.0, "w": 10.0})
    [10.0, 20.0]
    """
    if isinstance(pattern, dict):
        if not isinstance(tree, dict) or tree.keys() != pattern.keys():
            return None
        pairs = [(pattern[key], tree[key]) for key in pattern]
    elif isinstance(pattern, (list, tuple)):
        if not isinstance(tree, (list, tuple)) or len(tree) != len(pattern):
            return None
        pairs = list(zip(pattern, tree, strict=True))
    else:
        return flatten(tree)[0] if isinstance(pattern, Container) else [tree]
    leaves: list[Any] = []
    for part, other in pairs:
        found = leaves_as_in(part, other)
        if found is None:
            return None
        leaves += found
    return leaves


def _only(leaves: list[Any]) -> Any:
    return leaves[0]


def _flatten_items(
    items: list[Any], make: Callable[[list[Any]], Any]
) -> tuple[list[Any], Rebuild]:
    parts = [flatten(item) for item in items]
    leaves = [leaf for part, _ in parts for leaf in part]

    def rebuild(new: list[Any]) -> Any:
        built, start = [], 0
        for part, rebuild_part in parts:
            built.append(rebuild_part(new[start : start + len(part)]))
            start += len(part)
        return make(built)

    return leaves, rebuild
