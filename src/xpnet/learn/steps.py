"""One operation on the tape as it is read: its inputs, its value, its rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..calculus.array import Array
from ..calculus.kinds.custom import Custom
from ..calculus.kinds.linear import LinearSequence
from ..calculus.kinds.several import Cotangents
from ..calculus.rule import Late, Row
from ..calculus.tape import Leaf, no_grad, recording_as

__all__ = ["Constant", "Step"]


class Constant:
    """An input that is not on the tape: it is held constant."""

    __slots__ = ("name", "named", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.name = ""
        self.named = False  # after a word of the user's


class Step:
    """One operation, or a variable.

    Attributes
    ----------
    node : Node or Leaf
        Its place on the tape.
    row : Row or None
        Its row in the table of derivatives; None for a variable.
    inputs : list of Step or Constant
        Its array arguments.
    rest, options
        Its other arguments.
    pick : int or None
        Which result it is, where the function has several.
    value : array or None
        Its value, the library's own array; None where it cannot be known.
    outer : Node
        The node on the user's tape that it is a part of.
    """

    def __init__(self, node: Any, outer: Any) -> None:
        self.node = node
        self.outer = outer
        self.row: Row | None = None if type(node) is Leaf else node.row
        self.saved: Any = None  # also when a backward pass has released the node
        self.inputs: list[Step | Constant] = []
        self.rest: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}
        self.pick: int | None = None
        self.value: Any = None
        self.id = 0
        self.name = ""
        self.named = False

    @property
    def lib(self) -> Any:
        """The library of its arrays."""
        return self.node.lib

    def __repr__(self) -> str:
        return f"<{self.id}: {self.name or self.operation}>"

    @property
    def operation(self) -> str:
        """The name of its row; ``"variable"`` for a leaf."""
        return "variable" if self.row is None else self.row.name

    @property
    def parts(self) -> list[tuple[int, Step]]:
        """The inputs that are on the tape, each with its place among the inputs."""
        return [(i, x) for i, x in enumerate(self.inputs) if type(x) is Step]

    @property
    def is_identity(self) -> bool:
        """Whether it is a choice that chose its one variable everywhere: a guard."""
        if self.operation != "where" or len(self.parts) != 1 or self.value is None:
            return False
        ((i, x),) = self.parts
        if x.value is None or tuple(x.value.shape) != tuple(self.value.shape):
            return False
        chosen = self.lib.to_host(self.rest[0])
        return bool(chosen.all() if i == 0 else not chosen.any())

    def pull(self, g: Any, only: int | None = None) -> list[Any]:
        """Return what each input gets of a cotangent, by the row's own rule.

        With `only` the rule is asked for that input alone.
        """
        parents = tuple(
            [
                p if only is None or i == only else None
                for i, p in enumerate(self.node.parents)
            ]
        )
        cotangent = g if self.pick is None else Cotangents({self.pick: g})
        with recording_as(False), self.lib.quiet():
            found = self._row.pull(
                self.node, parents, self.saved, cotangent, self.lib.raw
            )
        return list(found)

    def push(self, tangents: Mapping[int, Any]) -> Any:
        """Return the tangent of the result, given those of some inputs."""
        incoming = [tangents.get(i) for i in range(len(self.node.parents))]
        with recording_as(False), self.lib.quiet():
            out = self._row.push(self.node, incoming, self.saved, self.lib.raw)
        if self.pick is not None:
            out = out[self.pick]
            out = out.make() if type(out) is Late else out
        return out

    @property
    def _row(self) -> Row:
        assert self.row is not None
        return self.row

    @property
    def can_run(self) -> bool:
        """Whether it can be computed again from other inputs."""
        return not isinstance(self.row, Custom)

    def compute(self, values: list[Any]) -> Any:
        """Return the result for other values of the inputs, off the tape."""
        lib, row = self.lib, self._row
        given = [
            x
            if x is None or isinstance(x, (bool, int, float, complex))
            else Array(x, lib)
            for x in values
        ]
        name, function = row.name, row.function
        with no_grad(), lib.quiet():
            if name == "where":
                out = function(Array(self.rest[0], lib), *given)
            elif name in ("getitem", "scatter"):
                out = function(*given, *self.rest)
            elif name == "setitem":
                out = function(given[0], self.rest[0], given[1])
            elif isinstance(row, LinearSequence):
                out = function(given, **self.options)
            else:
                out = function(*given, *self.rest, **self.options)
        if self.pick is not None:
            out = out[self.pick]
        return out.data
