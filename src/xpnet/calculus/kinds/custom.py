"""Functions whose derivative a user has written, as rows of their own.

One of the two rules is enough. A cotangent goes through a function that has a jvp alone
by the transpose of that rule, and a tangent through one that has a vjp alone by the
transpose of *that*: each is linear, so recording it once and walking back is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ...backend.library import library_of
from ...errors import DTypeError, GradientError, ShapeError
from ...trees import leaves_as_in
from ..array import Array
from ..convert import asarray, like, own
from ..tape import Node, mark, pull_back, recording_as
from .base import Row
from .composite import alias
from .several import _PICK, Cotangents

__all__ = ["Custom", "CustomCall"]

Rebuild = Callable[[list[Any]], Any]


class CustomCall(NamedTuple):
    """One call: the leaves of its arguments and results, and how they stand together.

    Attributes
    ----------
    leaves : list
        The leaves of all positional arguments.
    slots : tuple of int
        Which leaves have a parent on the tape, in the order of the parents.
    counts : tuple of int
        How many leaves each positional argument has.
    rebuild : callable
        From leaves to the list of positional arguments.
    options : dict
        The keyword arguments.
    outs : list
        The leaves of the result.
    rebuild_out : callable
        From leaves to the result.
    """

    leaves: list[Any]
    slots: tuple[int, ...]
    counts: tuple[int, ...]
    rebuild: Rebuild
    options: dict[str, Any]
    outs: list[Any]
    rebuild_out: Rebuild


class Custom(Row):
    """A function with a rule of the user's own; it stands in no table."""

    kind = "custom"

    def __init__(self, name: str, fixed: frozenset[int], single: bool) -> None:
        self.name = name
        self.formula = ()
        self.why = ""
        self.public = False
        self.fixed = fixed  # arguments that are not differentiated
        self.single = single  # one argument is: rules take and return it bare
        self.vjp: Callable[..., Any] | None = None
        self.jvp: Callable[..., Any] | None = None

    # --- what a call records ----------------------------------------------------------

    def record(self, call: CustomCall, parents: tuple[Any, ...]) -> Any:
        """Put a call on the tape and return its result."""
        lib = call.leaves[call.slots[0]]._lib
        node = Node(self, lib, parents, call, None)
        return call.rebuild_out(_on_tape(node, call.outs))

    def lift(self, node: Node) -> CustomCall:
        call: CustomCall = node.saved
        leaves = list(call.leaves)
        for i, parent in zip(call.slots, node.parents, strict=True):
            leaves[i] = Array(leaves[i].data, leaves[i]._lib, parent)
        return call._replace(leaves=leaves, outs=_on_tape(node, call.outs))

    # --- the two modes ----------------------------------------------------------------

    def pull(
        self, node: Node, parents: Any, saved: CustomCall, g: Cotangents, xp: Any
    ) -> tuple[Any, ...]:
        higher = any(type(part) is Array for part in g.parts.values())
        gs = _filled(saved.outs, [g.parts.get(i) for i in range(len(saved.outs))])
        if self.vjp is not None:
            found = self._cotangents(saved, gs)
        else:
            found = self._transposed_jvp(saved, parents, gs, higher)
        return tuple([_given(x, higher) for x in found])

    def push(
        self, node: Node, tangents: list[Any], saved: CustomCall, xp: Any
    ) -> tuple[Any, ...]:
        higher = any(type(t) is Array for t in tangents)
        inputs = [saved.leaves[i] for i in saved.slots]
        if self.jvp is not None:
            found = self._tangents(saved, _filled(inputs, tangents))
        else:
            ts = [
                t if t is None or type(t) is Array else Array(t, x._lib)
                for t, x in zip(tangents, inputs, strict=True)
            ]
            found = self._transposed_vjp(saved, ts, higher)
        return tuple([_given(x, higher) for x in found])

    # --- the rules, checked -----------------------------------------------------------

    def _cotangents(self, call: CustomCall, gs: list[Any]) -> list[Array | None]:
        """Return what the vjp rule gives for each slot."""
        assert self.vjp is not None
        args = call.rebuild(own(call.leaves))
        g, out = call.rebuild_out(own(gs)), call.rebuild_out(own(call.outs))
        given = self.vjp(g, out, *args, **call.options)
        places = [i for i in range(len(args)) if i not in self.fixed]
        parts = self._parts(given, places)
        found: dict[int, Array | None] = {}
        starts = [sum(call.counts[:i]) for i in range(len(args))]
        for i, part in zip(places, parts, strict=True):
            leaves = range(starts[i], starts[i] + call.counts[i])
            wanted = set(leaves) & set(call.slots)
            if part is None or not wanted:
                continue
            values = leaves_as_in(args[i], part)
            if values is None or len(values) != len(leaves):
                raise ShapeError(
                    f"the cotangent of argument {i} has not the structure of the "
                    f"argument, with {len(leaves)} arrays."
                )
            for k, value in zip(leaves, values, strict=True):
                if k in wanted:
                    what = f"the cotangent of argument {i}"
                    found[k] = _checked(value, call.leaves[k], what, "the argument")
        return [found.get(k) for k in call.slots]

    def _parts(self, given: Any, places: list[int]) -> tuple[Any, ...]:
        """Return what a vjp rule returned as one part for each argument."""
        if self.single:
            return (given,)
        if not isinstance(given, (tuple, list)) or len(given) != len(places):
            what = (
                f"{len(given)} of them"
                if isinstance(given, (tuple, list))
                else f"{_an(type(given).__name__)}"
            )
            raise ShapeError(
                f"its vjp rule returns a tuple with one cotangent for each of its "
                f"{len(places)} arguments that are differentiated (None where there is "
                f"none); it returned {what}."
            )
        return tuple(given)

    def _tangents(self, call: CustomCall, ts: list[Any]) -> list[Array | None]:
        """Return what the jvp rule gives for each leaf of the result."""
        assert self.jvp is not None
        args = call.rebuild(own(call.leaves))
        leaves = [_no_tangent(x) for x in call.leaves]
        for i, t in zip(call.slots, ts, strict=True):
            leaves[i] = t
        tangents = [
            t for i, t in enumerate(call.rebuild(own(leaves))) if i not in self.fixed
        ]
        t = tangents[0] if self.single else tuple(tangents)
        out = call.rebuild_out(own(call.outs))
        given = self.jvp(t, out, *args, **call.options)
        values = leaves_as_in(out, given)
        if values is None or len(values) != len(call.outs):
            raise ShapeError(
                "the tangent has not the structure of the result, with "
                f"{len(call.outs)} arrays."
            )
        return [
            None
            if value is None or not _is_smooth(x)
            else _checked(value, x, "the tangent", "the result")
            for value, x in zip(values, call.outs, strict=True)
        ]

    # --- the transposes ---------------------------------------------------------------

    def _transposed_jvp(
        self, call: CustomCall, parents: Any, gs: list[Any], higher: bool
    ) -> list[Any]:
        """Pull cotangents through the jvp rule, which is linear in the tangents."""
        self._require(self.jvp, "defvjp")
        inputs = [call.leaves[i] for i in call.slots]
        since = mark()
        with recording_as(True):
            ts = [alias(_like(x, x._lib.raw.ones_like(x.data))) for x in inputs]
            outs = self._tangents(call, ts)
        self._require_recorded(outs, "jvp")
        seeds = _seeds(outs, gs, higher)
        nodes = [t._node for t in ts]
        found = pull_back(seeds, nodes, since=since, higher=higher) if seeds else {}
        return [
            None if p is None else _wrapped(found.get(t._node), t)
            for p, t in zip(parents, ts, strict=True)
        ]

    def _transposed_vjp(
        self, call: CustomCall, ts: list[Any], higher: bool
    ) -> list[Any]:
        """Push tangents through the vjp rule, which is linear in the cotangents."""
        self._require(self.vjp, "defjvp")
        since = mark()
        with recording_as(True):
            gs = [
                alias(_pattern(x, _HERE)) if _is_smooth(x) else None for x in call.outs
            ]
            parts = self._cotangents(call, gs)
        self._require_recorded(parts, "vjp")
        seeds = _seeds(parts, ts, higher)
        nodes = [g._node for g in gs if g is not None]
        found = pull_back(seeds, nodes, since=since, higher=higher) if seeds else {}
        outs = [None if g is None else _wrapped(found.get(g._node), g) for g in gs]
        self._require_linear(call, ts, outs)
        return outs

    def _require(self, rule: Any, other: str) -> None:
        if rule is None:
            raise GradientError(
                f"{self.name} has no rule yet. Give it one with @{self.name}.{other}."
            )

    def _require_recorded(self, parts: list[Array | None], kind: str) -> None:
        """Refuse a rule that leaves the tape: it has no transpose."""
        other = "vjp" if kind == "jvp" else "jvp"
        for part in parts:
            if part is not None and part._node is None:
                lib = part._lib
                if bool(lib.raw.any(part.data != 0)):
                    raise GradientError(
                        f"{self.name} has a {kind} rule alone, and that leaves the "
                        f"tape: write it with the functions of xp, or give a {other} "
                        f"rule as well (@{self.name}.def{other})."
                    )

    def _require_linear(self, call: CustomCall, ts: list[Any], outs: list[Any]) -> None:
        """Refuse a vjp rule that is not linear (it clips, say): no jvp belongs to it.

        For a linear rule <t, vjp(v)> = <jvp(t), v> for every v, also far from where the
        rule was transposed.
        """
        with recording_as(False):
            vs = [_pattern(x, _THERE) if _is_smooth(x) else None for x in call.outs]
            parts = self._cotangents(_detached(call), vs)
        one = [_inner(t, p) for t, p in zip(ts, parts, strict=True)]
        two = [_inner(t, v) for t, v in zip(outs, vs, strict=True)]
        a, b = sum(x for x, _ in one), sum(x for x, _ in two)
        scale = sum(x for _, x in one) + sum(x for _, x in two)
        if abs(a - b) > max(map(_tolerance, call.outs)) * scale:
            raise GradientError(
                f"{self.name}: its vjp rule is not linear in the cotangent, so it has "
                "no forward mode: <t, vjp(v)> is "
                f"{a:.6g} where a linear rule gives {b:.6g}. Use reverse mode (grad, "
                f"vjp), or give the rule that is meant: @{self.name}.defjvp."
            )


# Two points at which a linear rule must agree with itself: signs and sizes differ.
_HERE = (1.0, -2.0, 0.5, -1.0, 3.0)
_THERE = (-300.0, 0.01, 7.0, 40.0, -0.3, -2.0, 500.0)


def _pattern(x: Array, values: tuple[float, ...]) -> Array:
    """Return an array like `x` that repeats some numbers."""
    raw = x._lib.raw
    flat = [values[i % len(values)] for i in range(x.size)]
    made = raw.asarray(flat, dtype=x.dtype, device=raw.device(x.data))
    return Array(raw.reshape(made, x.shape), x._lib)


def _inner(x: Array | None, y: Array | None) -> tuple[float, float]:
    """Return the real inner product of two arrays, and the sum of its sizes."""
    if x is None or y is None:
        return 0.0, 0.0
    a = x._lib.to_host(x.data).astype("complex128")
    products = (a.conj() * y._lib.to_host(y.data)).real
    total, sizes = float(products.sum()), float(abs(products).sum())
    return (total, sizes) if math.isfinite(total) else (0.0, 0.0)


def _tolerance(x: Any) -> float:
    """Return how far sums of an array's dtype may differ by rounding."""
    if not _is_smooth(x):
        return 0.0
    return 10.0 * math.sqrt(float(x._lib.raw.finfo(x.dtype).eps))


def _detached(call: CustomCall) -> CustomCall:
    def plain(leaves: list[Any]) -> list[Any]:
        return [x.detach() if type(x) is Array else x for x in leaves]

    return call._replace(leaves=plain(call.leaves), outs=plain(call.outs))


def _on_tape(node: Node, outs: list[Any]) -> list[Any]:
    """Return the leaves of a result, each floating one as a pick of the node."""
    return [
        Array(x.data, x._lib, Node(_PICK, x._lib, (node,), i, None))
        if _is_smooth(x)
        else x
        for i, x in enumerate(own(outs))
    ]


def _is_smooth(x: Any) -> bool:
    return type(x) is Array and x._lib.is_floating(x.data.dtype)


def _like(x: Array, raw: Any) -> Array:
    return Array(raw, x._lib)


def _zeros(x: Array) -> Array:
    return Array(x._lib.raw.zeros_like(x.data), x._lib)


def _an(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOUaeio" else f"a {name}"


def _no_tangent(x: Any) -> Any:
    """Return the tangent of an argument that is constant; None where it has none."""
    if type(x) in (int, float, complex):
        return 0.0
    if type(x) is not Array and library_of(x) is not None:
        x = asarray(x)
    return _zeros(x) if _is_smooth(x) else None


def _filled(xs: list[Any], parts: list[Any]) -> list[Any]:
    """Return parts as arrays, zeros where there is none; None for what has none."""
    return [
        None
        if not _is_smooth(x)
        else (_zeros(x) if part is None else _wrapped(part, x))
        for x, part in zip(xs, parts, strict=True)
    ]


def _wrapped(part: Any, x: Array) -> Any:
    return part if part is None or type(part) is Array else Array(part, x._lib)


def _given(x: Array | None, higher: bool) -> Any:
    return x if x is None or higher else x.data


def _seeds(parts: list[Any], values: list[Any], higher: bool) -> list[tuple[Any, Any]]:
    return [
        (part._node, _given(value, higher))
        for part, value in zip(parts, values, strict=True)
        if part is not None and part._node is not None and value is not None
    ]


def _checked(value: Any, x: Array, what: str, whose: str) -> Array:
    """Return a part of what a rule gave, of the shape and dtype of `x`."""
    part = like(value, x)
    if part.shape != x.shape:
        raise ShapeError(f"{what} has shape {part.shape}, but {whose} has {x.shape}.")
    if part.dtype != x.dtype:
        raise DTypeError(f"{what} has dtype {part.dtype}, but {whose} has {x.dtype}.")
    return part
