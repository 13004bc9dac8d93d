"""Linear and bilinear functions: the row says the transpose."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from ..array import Array
from ..convert import SCALARS, asarray, like, wrap
from ..tape import Node, is_recording
from .base import (
    Row,
    Rule,
    Spec,
    cast_like,
    is_small,
    lifted,
    public_signature,
    strip,
)
from .refusals import refuse

__all__ = [
    "ArrayFunction",
    "Bilinear",
    "Call",
    "Linear",
    "LinearSequence",
    "bilinear",
    "linear",
    "linear_sequence",
]


class Call(NamedTuple):
    """What a function that is not elementwise keeps: its arguments."""

    arrays: tuple[Any, ...]
    rest: tuple[Any, ...]
    options: dict[str, Any]
    out: Any


class ArrayFunction(Row):
    """A function whose first `count` arguments are arrays with a derivative."""

    count = 1
    keeps_arrays = True
    keeps_out = False

    def _make(self) -> Callable[..., Any]:
        row, name, count, keeps_out = self, self.name, self.count, self.keeps_out

        def function(*args: Any, **options: Any) -> Any:
            arrays, rest = row._gather(args[:count]), args[count:]
            lib = arrays[0]._lib
            if rest:
                rest = tuple([strip(value, lib) for value in rest])
            if options:
                options = {key: strip(value, lib) for key, value in options.items()}
            raw = [x.data for x in arrays]
            try:
                out = lib.functions[name](*raw, *rest, **options)
            except Exception as error:
                refuse(name, [*raw, *rest], error, options)
            if type(out) is not lib.array_type:
                out = lib.coerce(out)
            result = Array(out, lib)
            nodes = tuple([x._node for x in arrays])
            if (
                nodes.count(None) != count
                and is_recording()
                and lib.is_floating(out.dtype)
            ):
                kept = row._keep(raw, nodes)
                call = Call(kept, rest, options, out if keeps_out else None)
                result._node = Node(row, lib, nodes, call, None)
            return result

        return function

    def _gather(self, values: tuple[Any, ...]) -> list[Array]:
        """Return the array arguments as arrays of one library."""
        if len(values) < self.count:
            raise TypeError(
                f"{self.name}{inspect.signature(self.function)}: got {len(values)} of "
                "its array arguments."
            )
        first = next((x for x in values if type(x) is Array), None)
        if first is None:
            lead = next((x for x in values if type(x) not in SCALARS), values[0])
            first = asarray(lead)
            values = tuple([first if x is lead else x for x in values])
        return [
            x if type(x) is Array and x._lib is first._lib else like(x, first)
            for x in values
        ]

    def _keep(self, raw: list[Any], nodes: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what of the arrays goes on the tape: values, or shapes only."""
        if self.keeps_arrays:
            return tuple(raw)
        return tuple([Spec(tuple(x.shape), x.dtype, x.ndim) for x in raw])

    def lift(self, node: Node) -> Any:
        call = node.saved
        arrays = call.arrays
        if self.keeps_arrays:
            arrays = tuple([lifted(node, i, x) for i, x in enumerate(arrays)])
        out = None if call.out is None else Array(call.out, node.lib, node)
        return call._replace(arrays=arrays, out=out)


class Linear(ArrayFunction):
    """A linear function of one array: the rule is its transpose."""

    kind = "linear"
    keeps_arrays = False

    def __init__(self, transpose: Rule, name: str, public: bool) -> None:
        super().__init__(name, public=public)
        self.transpose = transpose
        self._define(self._make(), public_signature(transpose, 2), transpose.__doc__)

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        x = saved.arrays[0]
        return (
            cast_like(xp, self.transpose(xp, g, x, *saved.rest, **saved.options), x),
        )

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        return getattr(xp, self.name)(tangents[0], *saved.rest, **saved.options)


def linear(name: str | None = None, *, public: bool = True) -> Callable[[Rule], Linear]:
    """Add the row of a linear function; the decorated rule is its transpose.

    ``rule(xp, g, x, ...)`` has the function's own parameters after `xp` and `g`; of `x`
    it knows the shape and dtype alone. It returns the cotangent of `x`.
    """
    return lambda transpose: Linear(transpose, name or transpose.__name__, public)


class LinearSequence(Row):
    """A linear function of a list of arrays (concat, stack)."""

    kind = "linear"

    def __init__(self, transpose: Rule) -> None:
        super().__init__(transpose.__name__)
        self.transpose = transpose
        self._define(self._make(), public_signature(transpose, 2), transpose.__doc__)

    def _make(self) -> Callable[..., Any]:
        row, name = self, self.name

        def function(arrays: Any, /, **options: Any) -> Array:
            values = list(arrays)
            first = next((x for x in values if type(x) is Array), None)
            if first is None:
                if not values:
                    raise ValueError(f"{name}: needs at least one array.")
                first = asarray(values[0])
            lib = first._lib
            whole = [
                x if type(x) is Array and x._lib is lib else like(x, first)
                for x in values
            ]
            raw = [x.data for x in whole]
            try:
                out = wrap(lib, lib.functions[name](raw, **options))
            except Exception as error:
                refuse(name, [raw], error, options)
            nodes = tuple([x._node for x in whole])
            if (
                nodes.count(None) != len(nodes)
                and is_recording()
                and lib.is_floating(out.data.dtype)
            ):
                specs = tuple(
                    [
                        x.data  # a constant, as `explain` shows it
                        if x._node is None and is_small(x.data)
                        else Spec(tuple(x.data.shape), x.data.dtype, x.data.ndim)
                        for x in whole
                    ]
                )
                out._node = Node(row, lib, nodes, Call(specs, (), options, None), None)
            return out

        return function

    def lift(self, node: Node) -> Any:
        return node.saved

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        parts = self.transpose(xp, g, saved.arrays, **saved.options)
        return tuple(
            [cast_like(xp, p, x) for p, x in zip(parts, saved.arrays, strict=True)]
        )

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        known = next(t for t in tangents if t is not None)
        whole = [
            xp.zeros(x.shape, dtype=x.dtype, device=xp.device(known))
            if t is None
            else t
            for t, x in zip(tangents, saved.arrays, strict=True)
        ]
        return getattr(xp, self.name)(whole, **saved.options)


def linear_sequence(transpose: Rule) -> LinearSequence:
    """Add the row of a linear function of a list; the rule gives each cotangent."""
    return LinearSequence(transpose)


class Bilinear(ArrayFunction):
    """A function linear in each of two arrays: two transposes, and the product rule."""

    kind = "bilinear"
    count = 2

    def __init__(
        self,
        name: str,
        pulls: tuple[Rule, Rule],
        formula: tuple[str, str],
        public: bool,
    ) -> None:
        super().__init__(name, formula=formula, public=public)
        self.pulls = pulls
        self._define(self._make(), public_signature(pulls[0], 2), pulls[0].__doc__)

    def _keep(self, raw: list[Any], nodes: tuple[Any, ...]) -> tuple[Any, ...]:
        """Each transpose needs the values of the other argument only."""
        return tuple(
            [
                x if nodes[1 - i] is not None else Spec(tuple(x.shape), x.dtype, x.ndim)
                for i, x in enumerate(raw)
            ]
        )

    def lift(self, node: Node) -> Any:
        arrays = tuple(
            [
                x if type(x) is Spec else lifted(node, i, x)
                for i, x in enumerate(node.saved.arrays)
            ]
        )
        return node.saved._replace(arrays=arrays)

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        x, y = saved.arrays
        pull_x, pull_y = self.pulls
        return (
            None
            if parents[0] is None
            else cast_like(xp, pull_x(xp, g, x, y, *saved.rest, **saved.options), x),
            None
            if parents[1] is None
            else cast_like(xp, pull_y(xp, g, x, y, *saved.rest, **saved.options), y),
        )

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        function = getattr(xp, self.name)
        (x, y), (tx, ty) = saved.arrays, tangents
        parts = []
        if tx is not None:
            parts.append(function(tx, y, *saved.rest, **saved.options))
        if ty is not None:
            parts.append(function(x, ty, *saved.rest, **saved.options))
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def bilinear(
    name: str,
    formula: tuple[str, str],
    pull_x: Rule,
    pull_y: Rule,
    *,
    public: bool = True,
) -> Bilinear:
    """Add the row of a function that is linear in each of its two arrays."""
    return Bilinear(name, (pull_x, pull_y), formula, public)
