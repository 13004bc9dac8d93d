"""Parameters in one flat buffer, gradients in another: a step is one pass over them."""

from __future__ import annotations

import functools
import operator
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, final

from ..calculus.array import Array
from ..calculus.tape import Leaf
from ..kernels import updates
from .parts import ALIGN, Rows
from .store import Formula, Piece, Store, plain, renew

__all__ = ["Flat", "owner"]

_grad, _data = map(operator.attrgetter, ("grad", "data"))

# the store whose gradients lie in an array, by the identity of the array
_owners: weakref.WeakValueDictionary[int, Flat] = weakref.WeakValueDictionary()


def owner(leaf: Leaf | None) -> Flat | None:
    """Return the buffers in which the gradient of a parameter is to be written."""
    return None if leaf is None or leaf.into is None else _owners.get(id(leaf.into))


@final
class Flat(Store):
    """Parameters as views of one buffer, and their gradients as views of another.

    Attributes
    ----------
    w, g : array
        The two buffers, one-dimensional. After each parameter lie zeros up to the next
        cache line.
    state : dict of str to array
        The state's buffers, of the same length.
    """

    def __init__(
        self,
        arrays: list[Array],
        indices: list[int],
        formula: Formula,
        numbers: tuple[str, ...],
        fused: str,
    ) -> None:
        super().__init__(arrays, indices, formula, numbers)
        dtype = str(self.dtype).rpartition(".")[2]
        self.fused = updates.find(fused, self.lib.name, dtype)
        self.on_device = self.fused is not None and self.fused.counts_on_device
        self.starts = [0]
        for p in arrays:
            self.starts.append(self.starts[-1] + -(-p.size // ALIGN) * ALIGN)
        self.w = self.zeros((self.starts[-1],))
        self.g = self.zeros((self.starts[-1],))
        self.state: dict[str, Any] = {}
        self.updates: dict[tuple[int, int], Callable[..., None]] = {}
        self.hold(())
        self.views = [self.view(self.w, i) for i in range(len(arrays))]
        self.slots = [Array(self.view(self.g, i), self.lib) for i in range(len(arrays))]
        self.written = [slot.data for slot in self.slots]  # where gradients belong
        for i in range(len(arrays)):
            self.settle(i)
            _owners[id(self.slots[i])] = self

    def view(self, buffer: Any, i: int) -> Any:
        """Return the i-th parameter's part of a buffer, in its shape."""
        start = self.starts[i]
        part = buffer[start : start + self.arrays[i].size]
        return self.lib.raw.reshape(part, self.shapes[i])

    def settle(self, i: int) -> bool:
        """Bring a parameter into the buffers, and tell whether it has a gradient.

        A value or gradient that was replaced by another array is copied, and the
        parameter becomes a view again.
        """
        p, view, slot = self.arrays[i], self.views[i], self.slots[i]
        if p.data is not view:
            self.fits(i, "value", p)
            view[...] = p.data
            p.data = view
        leaf = self.leaf(i)
        if leaf is None:
            return False
        leaf.into = slot
        if (
            slot.data is not self.written[i]
        ):  # p.grad was changed in place, by rebinding
            if leaf.grad is slot:
                self.fits(i, "gradient", slot)
                self.written[i][...] = slot.data
            slot.data = self.written[i]
        if leaf.grad is not None and leaf.grad is not slot:
            self.fits(i, "gradient", leaf.grad)
            slot.data[...] = leaf.grad.data
        return leaf.grad is not None

    def settled(self) -> bool:
        """Tell whether every value and gradient lies in the buffers: the usual case."""
        held = zip(self.arrays, self.views, self.slots, self.written, strict=True)
        for p, view, slot, kept in held:
            leaf = p._node
            if leaf is None or leaf.grad is not slot:
                return False
            if p.data is not view or slot.data is not kept:
                return False
        return self.counts.count(self.counts[0]) == len(self.counts) and (
            not self.numbers or self.held.count(self.held[0]) == len(self.held)
        )

    def collected(self) -> bool:
        """Tell whether every parameter has a gradient, and it lies in the buffer."""
        leaves = [p._node for p in self.arrays]
        return (
            all(type(leaf) is Leaf for leaf in leaves)
            and all(map(operator.is_, map(_grad, leaves), self.slots))
            and all(map(operator.is_, map(_data, self.slots), self.written))
        )

    def holds(self, arrays: list[Array]) -> bool:
        """Tell whether the buffer of values is that of these parameters, in order."""
        return (
            len(arrays) == len(self.arrays)
            and all(map(operator.is_, arrays, self.arrays))
            and all(map(operator.is_, map(_data, arrays), self.views))
        )

    def step(self, names: tuple[str, ...], options: Mapping[str, Any]) -> None:
        """Update every parameter that has a gradient, in as few calls as can be."""
        if names != self.names:
            self.hold(names)
        if self.settled():
            self.run(0, len(self.arrays), options)
            renew(self.arrays)
            return
        ready = [self.settle(i) for i in range(len(self.arrays))]
        for first, last in self.stretches(ready):
            self.run(first, last, options)
            renew(self.arrays[first:last])

    def stretches(self, ready: list[bool]) -> Iterator[tuple[int, int]]:
        """Return neighbours that have gradients and have taken equally many steps."""
        first = 0
        while first < len(ready):
            last = first + 1
            if ready[first]:
                while last < len(ready) and ready[last] and self.together(first, last):
                    last += 1
                yield first, last
            first = last

    def together(self, i: int, j: int) -> bool:
        """Tell whether two parameters have the same count of steps, and numbers."""
        return self.counts[i] == self.counts[j] and self.held[i] == self.held[j]

    def run(self, first: int, last: int, options: Mapping[str, Any]) -> None:
        """Update the parameters from `first` to before `last` in one call."""
        update = self.updates.get((first, last))
        if update is None:
            update = self.updates[first, last] = self.update_of(first, last)
        step = self.counts[first] + 1
        with self.lib.quiet():
            if self.numbers:
                numbers = dict(self.held[first])
                update(step, options, numbers)
                self.held[first:last] = [numbers] * (last - first)
            else:
                update(step, options)
        if self.names:
            self.counts[first:last] = [step] * (last - first)

    def update_of(self, first: int, last: int) -> Callable[..., None]:
        """Return the fused update of a stretch, or its formula where there is none."""
        cut = slice(self.starts[first], self.starts[last])
        w, g = self.w[cut], self.g[cut]
        state = {name: self.state[name][cut] for name in self.names}
        if self.fused is None:
            shapes = self.shapes[first:last]
            parts = Rows(self.lib, w, self.starts[first : last + 1], shapes)
            return _Whole(self, w, g, state, parts)
        if self.on_device:
            for name in ("step", *self.numbers):
                state[name] = self.state[name][first:last]
        return self.fused(w, g, state)

    def hold(self, names: tuple[str, ...]) -> None:
        """Make the buffers of the state, filled with zeros; those that exist stay."""
        self.names = names
        self.updates.clear()
        for name in names:
            if name not in self.state:
                self.state[name] = self.zeros(tuple(self.w.shape))
        if self.on_device and "step" not in self.state:
            count = (len(self.arrays),)
            self.state["step"] = self.zeros(count, self.lib.raw.int64)
            for name in self.numbers:
                self.state[name] = self.zeros(count, self.lib.raw.float64)

    def count(self, i: int) -> int:
        """Return how often the state of the i-th parameter has been updated."""
        if self.on_device and self.names:  # a replayed graph has counted there alone
            return int(self.lib.to_host(self.state["step"])[i])
        return self.counts[i]

    def number(self, i: int) -> dict[str, float]:
        """Return the numbers of the i-th parameter's state, by name."""
        if not self.on_device:
            return self.held[i]
        host = self.lib.to_host
        return {name: float(host(self.state[name])[i]) for name in self.numbers}

    def saved(self, i: int) -> dict[str, Any]:
        """Return the i-th parameter's part of each buffer, not copied."""
        return {name: self.view(self.state[name], i) for name in self.names}

    def restore(
        self, i: int, count: int, numbers: dict[str, float], state: Mapping[str, Any]
    ) -> None:
        """Set count, numbers and the i-th parameter's part of each buffer."""
        self.counts[i] = count
        self.held[i] = numbers
        if self.on_device:
            for name, number in {"step": count, **numbers}.items():
                self.state[name][i] = number
        for name, value in state.items():
            self.view(self.state[name], i)[...] = value

    def pieces(self) -> list[Piece]:
        """Return the stretches of the buffers that have gradients."""
        if self.settled():
            return [Piece(self.w, self.g, functools.partial(self.put, self.w))]
        ready = [self.settle(i) for i in range(len(self.arrays))]
        found = []
        for first, last in self.stretches(ready):
            cut = slice(self.starts[first], self.starts[last])
            write = functools.partial(self.put, self.w[cut])
            found.append(Piece(self.w[cut], self.g[cut], write))
        return found

    def values(self) -> list[Any]:
        """Return the one buffer of the values."""
        for i in range(len(self.arrays)):
            self.settle(i)
        return [self.w]

    def write(self, values: list[Any]) -> None:
        """Set the values of all parameters."""
        self.put(self.w, values[0])

    def parted(self, values: list[Any]) -> dict[int, Array]:
        """Return copies of arrays laid out as `values`, by the parameters' numbers."""
        return {
            number: Array(self.lib.copy(self.view(values[0], i)), self.lib)
            for i, number in enumerate(self.indices)
        }

    def joined(self, arrays: Sequence[Any]) -> list[Any]:
        """Return what `parted` gave, of all parameters, laid out as `values` again."""
        out = self.zeros((self.starts[-1],))
        for i, number in enumerate(self.indices):
            self.view(out, i)[...] = self.brought(i, arrays[number], "array")
        return [out]

    def gradient(self) -> Any:
        """Return a copy of all gradients as one vector, 0 where there is none."""
        ready = [self.settle(i) for i in range(len(self.arrays))]
        out = self.lib.copy(self.g)
        for i, has in enumerate(ready):
            if not has:
                self.view(out, i)[...] = 0.0
        return out

    def move_to(self, vector: Any) -> None:
        """Set the values of all parameters, laid out as `vector` returns them."""
        self.put(self.w, vector)

    def packed(self, vector: Any) -> Any:
        """Return such a vector without what lies between the parameters."""
        raw = self.lib.raw
        parts = [self.view(vector, i) for i in range(len(self.arrays))]
        return raw.concat([raw.reshape(part, (-1,)) for part in parts])

    def unpacked(self, vector: Any) -> Any:
        """Return what `packed` gave, laid out as `vector` again."""
        out, start = self.zeros((self.starts[-1],)), 0
        for i, p in enumerate(self.arrays):
            part = vector[start : start + p.size]
            self.view(out, i)[...] = self.lib.raw.reshape(part, self.shapes[i])
            start += p.size
        return out

    def put(self, part: Any, value: Any) -> None:
        """Write into a part of the buffer of values."""
        part[...] = value
        renew([p for p in self.arrays if p._node is not None])


class _Whole:
    """The formula as an update: its new arrays are copied into the buffers."""

    def __init__(
        self, store: Store, w: Any, g: Any, state: dict[str, Any], parts: Rows
    ) -> None:
        self.raw, self.formula = store.lib.raw, store.formula
        self.w, self.g, self.state, self.parts = w, g, state, parts

    def __call__(
        self,
        step: int,
        options: Mapping[str, Any],
        numbers: dict[str, float] | None = None,
        /,
    ) -> None:
        state = self.state | {"step": step, "parts": self.parts} | (numbers or {})
        self.w[...] = self.formula(self.raw, self.w, self.g, state, plain(options))
        for name, buffer in self.state.items():
            buffer[...] = state[name]
        for name in numbers or {}:
            numbers[name] = state[name]  # type: ignore[index]
