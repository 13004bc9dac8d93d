"""Containers of arrays: flatten a tree to its leaves, and rebuild it with others.

A tree is a dict, list, tuple or named tuple, nested to any depth, or an object with the
two methods of `Container` (a ``Module`` is one). Everything else is a leaf. The order
of the leaves is the order of iteration, so the same tree flattens the same way every
time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

__all__ = ["Container", "flatten", "map_tree"]


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
        keys = list(tree)
        return _flatten_items(
            list(tree.values()), lambda parts: dict(zip(keys, parts, strict=True))
        )
    if isinstance(tree, list):
        return _flatten_items(tree, list)
    if isinstance(tree, tuple):
        make = getattr(type(tree), "_make", tuple)  # a named tuple has _make
        return _flatten_items(list(tree), make)
    if isinstance(tree, Container):
        return tree.tree_leaves(), tree.tree_rebuild
    return [tree], _only


def map_tree(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the tree with `function` applied to each leaf.

    Examples
    --------
    >>> map_tree(lambda v: 2 * v, (1.0, {"a": 2.0}))
    (2.0, {'a': 4.0})
    """
    leaves, rebuild = flatten(tree)
    return rebuild([function(leaf) for leaf in leaves])


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
