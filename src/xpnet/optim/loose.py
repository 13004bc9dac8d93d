"""The store for libraries whose arrays have no views: one parameter after another."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, final

from ..calculus.array import Array
from .parts import Alone
from .store import Formula, Piece, Store, plain, renew

__all__ = ["Loose"]


@final
class Loose(Store):
    """Parameters that are updated one after the other, each to a new array."""

    def __init__(
        self,
        arrays: list[Array],
        indices: list[int],
        formula: Formula,
        numbers: tuple[str, ...] = (),
    ) -> None:
        super().__init__(arrays, indices, formula, numbers)
        self.state: list[dict[str, Any]] = [{} for _ in arrays]

    def hold(self, names: tuple[str, ...]) -> None:
        """Make the buffers of the state, filled with zeros; those that exist stay."""
        self.names = names
        for state, shape in zip(self.state, self.shapes, strict=True):
            for name in names:
                if name not in state:
                    state[name] = self.zeros(shape)

    def step(self, names: tuple[str, ...], options: Mapping[str, Any]) -> None:
        """Update every parameter that has a gradient."""
        if names != self.names:
            self.hold(names)
        options = plain(options)
        ready = self.ready()
        with self.lib.quiet():
            for i in ready:
                self.run(i, options)
        renew([self.arrays[i] for i in ready])

    def ready(self) -> list[int]:
        """Return the positions of the parameters that have gradients, after a check."""
        found = []
        for i, p in enumerate(self.arrays):
            leaf = self.leaf(i)
            if leaf is not None and leaf.grad is not None:
                self.fits(i, "value", p)
                self.fits(i, "gradient", leaf.grad)
                found.append(i)
        return found

    def run(self, i: int, options: Mapping[str, Any]) -> None:
        """Update the i-th parameter."""
        p, node, state = self.arrays[i], self.leaf(i), self.state[i]
        assert node is not None
        self.counts[i] += bool(self.names)
        lib = self.lib
        rest = {"step": self.counts[i], "parts": Alone(lib), **self.held[i]}
        seen = state | rest
        p.data = self.formula(lib.raw, p.data, node.grad.data, seen, options)
        for name in self.names:
            state[name] = seen[name]
        self.held[i] = {name: seen[name] for name in self.numbers}

    def saved(self, i: int) -> dict[str, Any]:
        """Return the buffers of the i-th parameter's state, not copied."""
        return {name: self.state[i][name] for name in self.names}

    def restore(
        self, i: int, count: int, numbers: dict[str, float], state: Mapping[str, Any]
    ) -> None:
        """Set count, numbers and buffers, raw arrays, of the i-th parameter."""
        self.counts[i] = count
        self.held[i] = numbers
        self.state[i] |= state

    def pieces(self) -> list[Piece]:
        """Return each parameter that has a gradient."""
        return [
            Piece(p.data, p._node.grad.data, functools.partial(_rebind, p))  # type: ignore[union-attr]
            for p in (self.arrays[i] for i in self.ready())
        ]

    def values(self) -> list[Any]:
        """Return the values of all parameters as raw arrays, not copied."""
        return [p.data for p in self.arrays]

    def write(self, values: list[Any]) -> None:
        """Set the values of all parameters, laid out as `values` returns them."""
        for p, value in zip(self.arrays, values, strict=True):
            _rebind(p, value)

    def parted(self, values: list[Any]) -> dict[int, Array]:
        """Return copies of arrays laid out as `values`, by the parameters' numbers."""
        pairs = zip(self.indices, values, strict=True)
        return {i: Array(self.lib.copy(x), self.lib) for i, x in pairs}

    def joined(self, arrays: Sequence[Any]) -> list[Any]:
        """Return what `parted` gave, of all parameters, laid out as `values` again."""
        pairs = enumerate(self.indices)
        return [
            self.lib.copy(self.brought(i, arrays[number], "array"))
            for i, number in pairs
        ]

    def gradient(self) -> Any:
        """Return a copy of all gradients as one vector, 0 where there is none."""
        ready, raw = set(self.ready()), self.lib.raw
        return raw.concat(
            [
                raw.reshape(p._node.grad.data, (-1,))  # type: ignore[union-attr]
                if i in ready
                else self.zeros((p.size,))
                for i, p in enumerate(self.arrays)
            ]
        )

    def move_to(self, vector: Any) -> None:
        """Set the values of all parameters, laid out as `vector` returns them."""
        start = 0
        for p, shape in zip(self.arrays, self.shapes, strict=True):
            _rebind(p, self.lib.raw.reshape(vector[start : start + p.size], shape))
            start += p.size

    def packed(self, vector: Any) -> Any:
        """Return such a vector without what lies between the parameters."""
        return vector

    def unpacked(self, vector: Any) -> Any:
        """Return what `packed` gave, laid out as `vector` again."""
        return vector


def _rebind(p: Array, value: Any) -> None:
    """Give a parameter another array of values."""
    p.data = value
    if p._node is not None:
        renew([p])
