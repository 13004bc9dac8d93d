"""Averages of parameters in one buffer, laid out as that of their optimizer."""

from __future__ import annotations

from typing import Any

from ..calculus.array import Array
from ..calculus.tape import Leaf
from .flat import owner
from .parts import ALIGN

__all__ = ["Averages"]


class Averages:
    """The averages of parameters of one library, device and dtype, in one buffer."""

    def __init__(self, arrays: list[Array]) -> None:
        self.arrays = arrays
        self.lib = arrays[0]._lib
        self.shapes = [p.shape for p in arrays]
        self.starts = [0]
        for p in arrays:
            self.starts.append(self.starts[-1] + -(-p.size // ALIGN) * ALIGN)
        self.place = self.lib.raw.device(arrays[0].data)
        self.value = self.lib.copy(self.current())

    def current(self) -> Any:
        """Return the parameters as one array: their optimizer's buffer, or a copy."""
        leaf = self.arrays[0]._node
        store = owner(leaf) if isinstance(leaf, Leaf) else None
        if store is not None and store.holds(self.arrays):
            return store.w
        return self.joined([p.data for p in self.arrays])

    def joined(self, values: list[Any]) -> Any:
        """Return raw arrays, one for each parameter, laid out as the buffer."""
        raw, dtype = self.lib.raw, self.arrays[0].data.dtype
        parts = []
        for x, start, end in zip(values, self.starts, self.starts[1:], strict=False):
            parts.append(raw.reshape(x, (-1,)))
            if gap := end - start - parts[-1].shape[0]:
                parts.append(raw.zeros((gap,), dtype=dtype, device=self.place))
        return raw.concat(parts)

    def view(self, i: int) -> Any:
        """Return the average of the i-th parameter."""
        start, shape = self.starts[i], self.shapes[i]
        part = self.value[start : start + self.arrays[i].size]
        return self.lib.raw.reshape(part, shape)

    def write(self, value: Any) -> None:
        """Set all averages."""
        if self.lib.has_views:
            self.value[...] = value
        else:
            self.value = self.lib.copy(value)
