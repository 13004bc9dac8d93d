"""What an optimizer keeps for parameters of one group, library, device and dtype.

`Loose` is the store for libraries whose arrays have no views: it updates one parameter
after the other. `xpnet.optim.flat` has the other.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np

from ..calculus.array import Array
from ..calculus.tape import Leaf, Node, mark_changed
from ..errors import DeviceError, DTypeError, GradientError, LibraryError, ShapeError

__all__ = ["Formula", "Loose", "Store", "plain", "renew"]

CHANGED = (
    "backward: optimizer.step() has changed a parameter in place since this result was "
    "computed, so its gradient would mix old values and new ones."
)

Formula = Callable[[Any, Any, Any, dict[str, Any], Mapping[str, Any]], Any]
"""``formula(xp, w, g, state, options)`` returns the new `w` and rebinds `state`."""


def renew(arrays: list[Array]) -> None:
    """Note that parameters were changed: an older tape may not be used any more."""
    mark_changed(map(operator.attrgetter("_node"), arrays), CHANGED)


class Store(ABC):
    """Parameters of one group that share library, device and dtype.

    Attributes
    ----------
    arrays : list of Array
        The parameters.
    indices : list of int
        Their numbers in the whole optimizer.
    counts : list of int
        How often the state of each has been updated.
    names : tuple of str
        The names of the buffers of the state.
    """

    def __init__(
        self, arrays: list[Array], indices: list[int], formula: Formula
    ) -> None:
        self.arrays, self.indices, self.formula = arrays, indices, formula
        first = arrays[0]
        self.lib = first._lib
        self.dtype = first.data.dtype
        self.place = self.lib.device_of(first.data)
        self.shapes = [p.shape for p in arrays]
        self.counts = [0] * len(arrays)
        self.names: tuple[str, ...] = ()

    @abstractmethod
    def hold(self, names: tuple[str, ...]) -> None:
        """Make the buffers of the state, filled with zeros; those that exist stay."""

    @abstractmethod
    def step(self, names: tuple[str, ...], options: Mapping[str, Any]) -> None:
        """Update every parameter that has a gradient."""

    def count(self, i: int) -> int:
        """Return how often the state of the i-th parameter has been updated."""
        return self.counts[i]

    @abstractmethod
    def saved(self, i: int) -> dict[str, Any]:
        """Return the buffers of the i-th parameter's state, not copied."""

    @abstractmethod
    def restore(self, i: int, count: int, state: Mapping[str, Any]) -> None:
        """Set the count and the buffers, raw arrays, of the i-th parameter."""

    def zeros(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Return zeros where the parameters live."""
        raw = self.lib.raw
        place = raw.device(self.arrays[0].data)
        return raw.zeros(
            shape, dtype=self.dtype if dtype is None else dtype, device=place
        )

    def fits(self, i: int, what: str, x: Array) -> None:
        """Raise unless `x` can stand for the i-th parameter or its gradient."""
        name = f"{what} of parameter {self.indices[i]}"
        lib, data = x._lib, x.data
        place = lib.device_of(data)
        if lib.name == self.lib.name and place != self.place:
            raise DeviceError(
                f"optimizer: the {name} is on {place}, but was on {self.place} when "
                "the optimizer was made. Move the model first, then make its optimizer."
            )
        if lib is not self.lib:
            kind = LibraryError if None in (lib.place, self.lib.place) else DeviceError
            raise kind(
                f"optimizer: the {name} belongs to {lib}, but to {self.lib} when the "
                "optimizer was made. Move the model first, then make its optimizer."
            )
        if tuple(data.shape) != self.shapes[i]:
            raise ShapeError(
                f"optimizer: the {name} has shape {tuple(data.shape)}, but the "
                f"optimizer was made for {self.shapes[i]}. Make a new optimizer."
            )
        if data.dtype != self.dtype:
            raise DTypeError(
                f"optimizer: the {name} is {data.dtype}, but the optimizer was made "
                f"for {self.dtype}. Cast it back, or make a new optimizer."
            )

    def leaf(self, i: int) -> Leaf | None:
        """Return the leaf of the i-th parameter; None when it is frozen."""
        node = self.arrays[i]._node
        if isinstance(node, Node):
            raise GradientError(
                f"optimizer: parameter {self.indices[i]} is no leaf any more: it was "
                f"computed by {node.row.name}. Change parameters under `xn.no_grad()`."
            )
        return node


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options in which a NumPy number, say of a schedule, promotes no array."""
    return {
        key: float(value) if isinstance(value, np.floating) else value
        for key, value in options.items()
    }


@final
class Loose(Store):
    """Parameters that are updated one after the other, each to a new array."""

    def __init__(
        self, arrays: list[Array], indices: list[int], formula: Formula
    ) -> None:
        super().__init__(arrays, indices, formula)
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
        changed = []
        with self.lib.quiet():
            for i, p in enumerate(self.arrays):
                leaf = self.leaf(i)
                if leaf is not None and leaf.grad is not None:
                    self.fits(i, "value", p)
                    self.fits(i, "gradient", leaf.grad)
                    self.counts[i] += bool(names)
                    self.state[i]["step"] = self.counts[i]
                    g = leaf.grad.data
                    p.data = self.formula(
                        self.lib.raw, p.data, g, self.state[i], options
                    )
                    changed.append(p)
        renew(changed)

    def saved(self, i: int) -> dict[str, Any]:
        """Return the buffers of the i-th parameter's state, not copied."""
        return {name: self.state[i][name] for name in self.names}

    def restore(self, i: int, count: int, state: Mapping[str, Any]) -> None:
        """Set the count and the buffers of the i-th parameter."""
        self.counts[i] = count
        self.state[i] |= state
