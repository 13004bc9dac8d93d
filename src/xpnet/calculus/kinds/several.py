"""Functions that return several arrays: one node, and a pick for each result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..array import Array
from ..tape import Node, is_recording
from .base import TABLE, Moving, Rule, cast_like, public_signature, strip
from .linear import ArrayFunction, Call
from .refusals import refuse

__all__ = ["Cotangents", "Several", "several"]


class Cotangents:
    """The cotangents of a function's results, None where there is none; they add."""

    __slots__ = ("parts",)

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def __add__(self, other: Cotangents) -> Cotangents:
        parts = dict(self.parts)
        for i, g in other.parts.items():
            parts[i] = parts[i] + g if i in parts else g
        return Cotangents(parts)


class Late:
    """The tangent of a result that is computed when something depends on it."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __mul__(self, factor: Any) -> Late:
        return Late(lambda: self.make() * factor)


class _Pick(Moving):
    """One result among several: its cotangent goes to its own place."""

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        return (Cotangents({saved: g}),)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        t = tangents[0][saved]
        return t.make() if type(t) is Late else t


_PICK = _Pick("pick", public=False)
del TABLE["pick"]  # no function of its own


class Several(ArrayFunction):
    """A function of one array that returns a named tuple of arrays."""

    kind = "general"
    keeps_out = True

    def __init__(
        self,
        name: str,
        result: Callable[..., Any],
        jvp: Rule,
        vjp: Rule,
        formula: tuple[str, ...],
    ) -> None:
        super().__init__(name, formula=formula)
        self.result, self.jvp, self.vjp = result, jvp, vjp
        self._define(self._make(), public_signature(vjp, 3), vjp.__doc__)

    def _make(self) -> Callable[..., Any]:
        row, name = self, self.name

        def function(*args: Any, **options: Any) -> Any:
            (x,), rest = row._gather(args[:1]), args[1:]
            lib = x._lib
            rest = tuple([strip(value, lib) for value in rest])
            try:
                outs = lib.functions[name](x.data, *rest, **options)
            except Exception as error:
                refuse(name, [x.data, *rest], error, options)
            raw = tuple(
                [
                    out if type(out) is lib.array_type else lib.coerce(out)
                    for out in outs
                ]
            )
            results = [Array(out, lib) for out in raw]
            if x._node is not None and is_recording():
                call = Call((x.data,), rest, options, raw)
                node = Node(row, lib, (x._node,), call, None)
                for i, out in enumerate(results):
                    if lib.is_floating(out.data.dtype):
                        out._node = Node(_PICK, lib, (node,), i, None)
            return row.result(*results)

        return function

    def lift(self, node: Node) -> Any:
        call = node.saved
        lib = node.lib
        x = Array(call.arrays[0], lib, node.parents[0])
        outs = tuple(
            [
                Array(out, lib, Node(_PICK, lib, (node,), i, None))
                for i, out in enumerate(call.out)
            ]
        )
        return call._replace(arrays=(x,), out=outs)

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        (x,) = saved.arrays
        gs = tuple([g.parts.get(i) for i in range(len(saved.out))])
        part = self.vjp(xp, gs, saved.out, x, *saved.rest, **saved.options)
        return (cast_like(xp, part, x),)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        (x,) = saved.arrays
        return self.jvp(xp, tangents[0], saved.out, x, *saved.rest, **saved.options)


def several(
    name: str,
    result: Callable[..., Any],
    *,
    jvp: Rule,
    vjp: Rule,
    formula: tuple[str, ...] = (),
) -> Several:
    """Add the row of a function that returns several arrays.

    ``vjp(xp, gs, outs, x, ...)`` returns the cotangent of `x` from those of the results
    (None for a result that nothing depends on); ``jvp(xp, t, outs, x, ...)`` returns
    the tangents of the results, some of them `Late`. `result` makes the named tuple.
    """
    return Several(name, result, jvp, vjp, formula)
