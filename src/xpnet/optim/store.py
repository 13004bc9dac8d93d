"""What an optimizer keeps for parameters of one group, library, device and dtype."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..calculus.tape import Leaf, Node, mark_changed
from ..errors import DeviceError, DTypeError, GradientError, LibraryError, ShapeError

__all__ = ["Formula", "Piece", "Store", "plain", "renew"]

CHANGED = (
    "backward: optimizer.step() has changed a parameter in place since this result was "
    "computed, so its gradient would mix old values and new ones."
)

Formula = Callable[[Any, Any, Any, dict[str, Any], Mapping[str, Any]], Any]
"""``formula(xp, w, g, state, options)`` returns the new `w` and rebinds `state`."""


def renew(arrays: list[Array]) -> None:
    """Note that parameters were changed: an older tape may not be used any more."""
    mark_changed(map(operator.attrgetter("_node"), arrays), CHANGED)


class Piece(NamedTuple):
    """One or more parameters that have gradients, in one raw array.

    Attributes
    ----------
    w, g : array
        Their values and gradients.
    write : callable
        Sets the values, given an array like `w`.
    """

    w: Any
    g: Any
    write: Callable[[Any], None]


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
    numbers : tuple of str
        The names of the numbers of the state, one for each parameter.
    held : list of dict
        Those numbers, by name. Parameters that took all their steps together share
        one dict.
    """

    def __init__(
        self,
        arrays: list[Array],
        indices: list[int],
        formula: Formula,
        numbers: tuple[str, ...] = (),
    ) -> None:
        self.arrays, self.indices, self.formula = arrays, indices, formula
        first = arrays[0]
        self.lib = first._lib
        self.dtype = first.data.dtype
        self.place = self.lib.device_of(first.data)
        self.shapes = [p.shape for p in arrays]
        self.counts = [0] * len(arrays)
        self.names: tuple[str, ...] = ()
        self.numbers = numbers
        self.held = [dict.fromkeys(numbers, 0.0)] * len(arrays)

    @abstractmethod
    def hold(self, names: tuple[str, ...]) -> None:
        """Make the buffers of the state, filled with zeros; those that exist stay."""

    @abstractmethod
    def step(self, names: tuple[str, ...], options: Mapping[str, Any]) -> None:
        """Update every parameter that has a gradient."""

    def count(self, i: int) -> int:
        """Return how often the state of the i-th parameter has been updated."""
        return self.counts[i]

    def number(self, i: int) -> dict[str, float]:
        """Return the numbers of the i-th parameter's state, by name."""
        return self.held[i]

    @abstractmethod
    def saved(self, i: int) -> dict[str, Any]:
        """Return the buffers of the i-th parameter's state, not copied."""

    @abstractmethod
    def restore(
        self, i: int, count: int, numbers: dict[str, float], state: Mapping[str, Any]
    ) -> None:
        """Set count, numbers and buffers, raw arrays, of the i-th parameter."""

    @abstractmethod
    def pieces(self) -> list[Piece]:
        """Return what has a gradient, as few arrays as can be, to be changed whole."""

    @abstractmethod
    def values(self) -> list[Any]:
        """Return the values of all parameters as raw arrays, not copied."""

    @abstractmethod
    def write(self, values: list[Any]) -> None:
        """Set the values of all parameters, laid out as `values` returns them."""

    @abstractmethod
    def parted(self, values: list[Any]) -> dict[int, Array]:
        """Return copies of arrays laid out as `values`, by the parameters' numbers."""

    @abstractmethod
    def joined(self, arrays: Sequence[Any]) -> list[Any]:
        """Return what `parted` gave, of all parameters, laid out as `values` again."""

    def bring(self, x: Array) -> Any:
        """Return an array of any library as a raw one like the parameters'."""
        lib, data = self.lib, x.data
        if x._lib is not lib or x._lib.device_of(data) != self.place:
            place = lib.raw.device(self.arrays[0].data)
            data = lib.from_host(x._lib.to_host(data), place)
        return data if data.dtype == self.dtype else lib.raw.astype(data, self.dtype)

    def brought(self, i: int, given: Any, what: str) -> Any:
        """Return a saved array for the i-th parameter, after a check of its shape."""
        x = asarray(given)
        if x.shape != self.shapes[i]:
            raise ShapeError(
                f"load_state_dict: {what} of parameter {self.indices[i]} has shape "
                f"{x.shape}, the parameter {self.shapes[i]}."
            )
        return self.bring(x)

    def vector(self) -> Any:
        """Return a copy of all values, one after the other."""
        return self.lib.raw.concat(
            [self.lib.raw.reshape(x, (-1,)) for x in self.values()]
        )

    @abstractmethod
    def gradient(self) -> Any:
        """Return a copy of all gradients as one vector, 0 where there is none."""

    @abstractmethod
    def move_to(self, vector: Any) -> None:
        """Set the values of all parameters, laid out as `vector` returns them."""

    @abstractmethod
    def packed(self, vector: Any) -> Any:
        """Return such a vector without what lies between the parameters."""

    @abstractmethod
    def unpacked(self, vector: Any) -> Any:
        """Return what `packed` gave, laid out as `vector` again."""

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
