"""Functions written with others: a reference in ``xp`` terms gives the derivative."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ...backend.library import ADDITIONS
from ...kernels.twin import TWINS
from ..array import Array
from ..convert import asarray, like
from ..tape import Leaf, Node, is_recording, pull_back, push_forward, recording_as
from .base import Moving, Rule, lifted, public_signature, strip
from .linear import ArrayFunction, Call

__all__ = ["Composite", "Fused", "alias", "composite", "fused"]


class Composite(ArrayFunction):
    """A function whose value is the library's and whose derivative is a reference's."""

    kind = "composite"

    def __init__(
        self,
        reference: Rule,
        name: str,
        count: int,
        public: bool,
        formula: tuple[str, ...],
    ) -> None:
        super().__init__(name, formula=formula, public=public)
        self.reference = reference
        self.count = count
        self._define(self._make(), public_signature(reference, 1), reference.__doc__)

    def _run(self, node: Node, arrays: list[Array], saved: Any) -> Array:
        with recording_as(True):
            out: Array = self.reference(
                node.lib.recorded, *arrays, *saved.rest, **saved.options
            )
        return out

    def _arguments(
        self, parents: Any, saved: Any, lib: Any, higher: bool
    ) -> list[Array]:
        """Return the array arguments, those on the tape as new variables."""
        arrays: list[Any] = [
            x if x is None or type(x) is Array else Array(x, lib) for x in saved.arrays
        ]
        with recording_as(higher):
            return [
                x if p is None else alias(x)
                for x, p in zip(arrays, parents, strict=True)
            ]

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        return self.pull_by(node, parents, saved, g, None)

    def pull_by(
        self, node: Node, parents: Any, saved: Any, g: Any, step: Any
    ) -> tuple[Any, ...]:
        """Run the reference, and pull the cotangent through what it recorded."""
        higher = type(g) is Array
        arrays = self._arguments(parents, saved, node.lib, higher)
        out = self._run(node, arrays, saved)
        wanted = [
            x._node for x, p in zip(arrays, parents, strict=True) if p is not None
        ]
        found: dict[Any, Any] = {}
        if out._node is not None:
            found = pull_back(
                [(out._node, g)],
                wanted,
                since=_oldest(wanted),
                higher=higher,
                step=step,
            )
        return tuple(
            [
                None if p is None else found.get(x._node)
                for x, p in zip(arrays, parents, strict=True)
            ]
        )

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        return self.push_by(node, tangents, saved, None)

    def push_by(self, node: Node, tangents: list[Any], saved: Any, step: Any) -> Any:
        """Run the reference, and push the tangents through what it recorded."""
        higher = any(type(t) is Array for t in tangents)
        arrays = self._arguments(tangents, saved, node.lib, higher)
        out = self._run(node, arrays, saved)
        known = {
            x._node: t for x, t in zip(arrays, tangents, strict=True) if t is not None
        }
        return push_forward(
            [out._node], known, since=_oldest(known), higher=higher, step=step
        )[0]


def _oldest(nodes: Any) -> int:
    return min(int(node.number) for node in nodes)


def composite(
    name: str | None = None,
    *,
    count: int = 1,
    public: bool = True,
    formula: tuple[str, ...] = (),
) -> Callable[[Rule], Composite]:
    """Add the row of a function written with others: ``reference(xp, x, ...)``."""
    return lambda reference: Composite(
        reference, name or reference.__name__, count, public, formula
    )


_ALL = 2**31  # as many array arguments as there are


class Fused(Composite):
    """A composite of our own: one node where a twin computes it, else its parts."""

    writes = True

    def __init__(self, reference: Rule, name: str, count: int | None) -> None:
        ADDITIONS[name] = reference
        super().__init__(reference, name, count or _ALL, False, ())

    def _make(self) -> Callable[..., Any]:
        row, name, count, reference = self, self.name, self.count, self.reference

        def function(*args: Any, **options: Any) -> Any:
            arrays, rest = args[:count], args[count:]
            lib: Any = None
            raw: list[Any] = []
            nodes: list[Any] = []
            for x in arrays:  # one loop: a step of a small model is short
                if type(x) is Array:
                    if x._lib is not lib:
                        if lib is not None:
                            lib = None
                            break
                        lib = x._lib
                    raw.append(x.data)
                    nodes.append(x._node)
                elif x is None:
                    raw.append(None)
                    nodes.append(None)
                else:
                    lib = None
                    break
            if lib is None:
                return function(*row._gather(arrays), *rest, **options)
            twin = TWINS.get((name, lib.name))
            if twin is None:
                return reference(lib.recorded, *args, **options)
            if rest:
                rest = tuple([strip(v, lib) if type(v) is Array else v for v in rest])
            on_tape = nodes.count(None) != len(nodes) and is_recording()
            needs = tuple([on_tape and node is not None for node in nodes])
            made = twin.forward(needs, *raw, *rest, **options)
            if made is None:
                return reference(lib.recorded, *args, **options)
            out, residual = made
            result = Array(out if type(out) is lib.array_type else lib.coerce(out), lib)
            if on_tape:
                call = Call(tuple(raw), rest, options, (twin, residual))
                result._node = Node(row, lib, tuple(nodes), call, None)
            return result

        return function

    def _gather(self, values: tuple[Any, ...]) -> list[Any]:
        if any(value is None for value in values):
            present = iter(self._some([v for v in values if v is not None]))
            return [None if v is None else next(present) for v in values]
        return self._some(list(values))

    def _some(self, values: list[Any]) -> list[Array]:
        first = next((x for x in values if type(x) is Array), None)
        first = asarray(values[0]) if first is None else first
        return [
            x if type(x) is Array and x._lib is first._lib else like(x, first)
            for x in values
        ]

    def lift(self, node: Node) -> Any:
        call = node.saved
        return call._replace(
            arrays=tuple([lifted(node, i, x) for i, x in enumerate(call.arrays)]),
            out=None,
        )

    def pull_into(
        self, node: Node, parents: Any, saved: Any, g: Any, slots: Any
    ) -> tuple[Any, ...]:
        twin, residual = saved.out
        needs = tuple(map(bool, parents))
        parts: tuple[Any, ...] = twin.backward(g, residual, needs, slots)
        return parts


def fused(
    name: str, *, count: int | None = None
) -> Callable[[Rule], Callable[..., Any]]:
    """Make a function of our own whose work a twin can take over as a whole.

    The decorated reference ``f(xp, x, ...)`` has `count` array arguments first (by
    default all positional ones; each may be None) and is written in ``xp`` terms; it
    defines the value and every derivative. The result is the function without `xp`.
    """
    return lambda reference: Fused(reference, name, count).function


class _Alias(Moving):
    """The identity: a node of its own for a value, to take a derivative to."""

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        return (g,)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        return tangents[0]


_ALIAS = _Alias("alias", public=False)


def alias(x: Array) -> Array:
    """Return the same values as a new variable: a leaf, or a node leading to `x`."""
    lib = x._lib
    if x._node is None or not is_recording():
        out = Array(x.data, lib, Leaf(lib))
        out._node.owner = weakref.ref(out)  # type: ignore[union-attr]
        return out
    return Array(x.data, lib, Node(_ALIAS, lib, (x._node,), (), None))
