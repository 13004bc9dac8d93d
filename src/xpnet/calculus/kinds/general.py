"""Functions with a jvp and a vjp of their own."""

from __future__ import annotations

from typing import Any

from ..tape import Node
from .base import Rule, cast_like, public_signature
from .linear import ArrayFunction

__all__ = ["General", "general"]


class General(ArrayFunction):
    """A function with a jvp and a vjp of its own."""

    kind = "general"

    def __init__(
        self,
        name: str,
        jvp: Rule,
        vjp: Rule,
        *,
        count: int,
        formula: tuple[str, ...],
        keeps_out: bool,
        public: bool,
    ) -> None:
        super().__init__(name, formula=formula, public=public)
        self.count, self.keeps_out = count, keeps_out
        self.jvp, self.vjp = jvp, vjp
        self._define(self._make(), public_signature(vjp, 3), vjp.__doc__)

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        parts = self.vjp(xp, g, saved.out, *saved.arrays, *saved.rest, **saved.options)
        if self.count == 1:
            parts = (parts,)
        return tuple(
            [
                None if p is None else cast_like(xp, p, x)
                for p, x in zip(parts, saved.arrays, strict=True)
            ]
        )

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        t = tangents[0] if self.count == 1 else tuple(tangents)
        return self.jvp(xp, t, saved.out, *saved.arrays, *saved.rest, **saved.options)


def general(
    name: str,
    *,
    jvp: Rule,
    vjp: Rule,
    count: int = 1,
    formula: tuple[str, ...] = (),
    keeps_out: bool = False,
    public: bool = True,
) -> General:
    """Add the row of a function with rules of its own.

    ``vjp(xp, g, out, x, ...)`` returns the cotangent of `x` (a tuple when `count` > 1),
    ``jvp(xp, t, out, x, ...)`` the tangent of the output.
    """
    return General(
        name, jvp, vjp, count=count, formula=formula, keeps_out=keeps_out, public=public
    )
