"""Sorting: the order is flat, the sorted values are elements taken in that order."""

from __future__ import annotations

from typing import Any

from ..rule import composite, flat

flat(
    "argsort",
    "its values are positions",
    lambda x, /, *, axis=-1, descending=False, stable=True: None,
)


@composite(formula=("x is taken in sorted order",))
def sort(
    xp: Any, x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Any:
    """Return `x` sorted along `axis` (back: each to where its element stood)."""
    order = xp.argsort(x, axis=axis, descending=descending, stable=stable)
    return xp.take_along_axis(x, order, axis=axis)
