"""The gradients of parameters as few arrays, to be looked at and changed whole."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..backend.library import Library
from ..calculus.array import Array
from ..calculus.tape import Leaf
from ..kernels import updates
from .flat import Flat, owner

__all__ = ["Part", "gradients", "moved"]


class Part(NamedTuple):
    """One or more gradients in one raw array.

    Attributes
    ----------
    lib : Library
        The array's library.
    g : array
        The gradients.
    leaf : Leaf or None
        Whose gradient it is; None if it is a buffer of an optimizer, to be written to.
    """

    lib: Library
    g: Any
    leaf: Leaf | None

    def scale(self, factor: Any) -> None:
        """Multiply the gradients by a number, or an array without axes."""
        g = self.g
        if hasattr(factor, "dtype"):
            factor = moved(self.lib, factor, self.lib.raw.device(g))
            factor = self.lib.raw.astype(factor, g.dtype)
        if self.leaf is None:
            g *= factor
        else:  # its array may be another leaf's gradient too
            self.leaf.grad = Array(g * factor, self.lib)

    def clip(self, bound: float) -> None:
        """Bring the gradients between ``-bound`` and ``bound``."""
        inside = updates.helper("clip", self.lib.name, str(self.g.dtype))
        if self.leaf is not None:
            self.leaf.grad = Array(self.lib.clip(self.g, -bound, bound), self.lib)
        elif inside is not None:
            inside(self.g, bound)
        else:
            self.g[...] = self.lib.clip(self.g, -bound, bound)


def gradients(arrays: list[Array]) -> list[Part]:
    """Return the gradients of parameters, whole buffers where all of one are there."""
    leaves: dict[int, Leaf] = {
        id(p._node): p._node for p in arrays if isinstance(p._node, Leaf)
    }
    found = []
    for store in _whole(leaves):
        found.append(Part(store.lib, store.g, None))
        for p in store.arrays:
            leaves.pop(id(p._node), None)
    for leaf in leaves.values():
        grad = leaf.grad
        if grad is not None:
            own = None if grad is leaf.into else leaf
            found.append(Part(grad._lib, grad.data, own))
    return found


def _whole(leaves: dict[int, Leaf]) -> list[Flat]:
    """Return the buffers whose parameters all are among `leaves`, with gradients."""
    stores = {id(s): s for s in map(owner, leaves.values()) if s is not None}
    return [
        store
        for store in stores.values()
        if all(id(p._node) in leaves for p in store.arrays) and store.collected()
    ]


def moved(lib: Library, x: Any, device: Any) -> Any:
    """Return an array on one of the devices that a library has of its own."""
    return x if lib.place is not None else lib.move(x, device)
