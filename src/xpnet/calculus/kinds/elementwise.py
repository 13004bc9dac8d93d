"""Elementwise functions: the row says the slope, the kind multiplies and sums it."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

from ...backend.library import library_of
from ...errors import LibraryError
from ..array import Array
from ..convert import SCALARS, asarray, like, mixed
from ..tape import Node, is_recording
from .base import Row, Rule, fitted, held, lifted, needs_fix, spread, wanted_names
from .refusals import refuse

_new = object.__new__

__all__ = ["Binary", "Unary", "binary", "times", "unary"]


def _strong_zero(xp: Any, part: Any, g: Any, *inputs: Any) -> Any:
    """Return `part` with exactly 0 where the cotangent is 0 and no input is NaN."""
    return xp.strong_zero(part, g, *[x for x in inputs if type(x) not in SCALARS])


def times(row: Unary | Binary, index: int, xp: Any, t: Any, *saved: Any) -> Any:
    """Return `t` times the slope, by the strong-zero rule."""
    singular = row.singular
    if singular is False or (singular is not True and not singular(*saved[:-1])):
        return row.rules[index](xp, t, *saved)
    if type(t) is Array:
        return _recorded_times(row, index, xp, t, saved)
    return _strong_zero(xp, row.rules[index](xp, t, *saved), t, *saved[:-1])


def _recorded_times(
    row: Unary | Binary, index: int, xp: Any, t: Array, saved: tuple[Any, ...]
) -> Any:
    """Return `t` times the slope, by the strong-zero rule for its derivative too.

    Where the 0 is stronger, the slope is taken at a regular point instead: a cotangent
    of 0 then meets no infinity inside the rule.
    """
    rule, raw = row.rules[index], t._lib.raw
    values = [v.data if type(v) is Array else v for v in saved]
    masked = (t.data == 0) & ~raw.isfinite(rule(raw, t.data, *values))
    for value in values[:-1]:
        if type(value) not in SCALARS and value is not None:
            masked = masked & (value == value)
    regular = [
        xp.where(masked, row.regular, v) if type(v) is Array else v for v in saved
    ]
    return xp.where(masked, 0.0, rule(xp, t, *regular))


class Unary(Row):
    """An elementwise function of one array; the rule returns ``t * slope``."""

    kind = "elementwise"

    def __init__(
        self,
        name: str,
        formula: str,
        rule: Rule,
        *,
        singular: bool,
        regular: float,
        public: bool,
    ) -> None:
        super().__init__(name, formula=(formula,), public=public)
        self.regular = regular
        self.rules = (rule,)
        self.singular = singular
        names = wanted_names(rule)
        self.keeps_x, self.keeps_out = "x" in names or singular, "out" in names
        self._define(self._make(), _UNARY_SIGNATURE)

    def _make(self) -> Callable[[Any], Array]:
        row, name, keeps_x, keeps_out = self, self.name, self.keeps_x, self.keeps_out

        def function(x: Any, /) -> Array:
            if type(x) is not Array:
                x = asarray(x)
            lib = x._lib
            a = x.data
            try:
                out = lib.functions[name](a)
            except Exception as error:
                refuse(name, (a,), error)
            if type(out) is not lib.array_type:
                out = lib.coerce(out)
            result = _new(Array)
            result.data = out
            result._lib = lib
            node = x._node
            if node is None or not is_recording():
                result._node = None
            else:
                saved = (a if keeps_x else None, out if keeps_out else None)
                result._node = Node(row, lib, (node,), saved, None)
            return result

        return function

    def lift(self, node: Node) -> Any:
        x, out = node.saved
        return lifted(node, 0, x), None if out is None else Array(out, node.lib, node)

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        if xp.is_complex(g):
            return (xp.conj(times(self, 0, xp, xp.conj(g), *saved)),)
        if self.singular:
            return (times(self, 0, xp, g, *saved),)
        return (self.rules[0](xp, g, *saved),)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        return times(self, 0, xp, tangents[0], *saved)


def unary(
    name: str,
    formula: str,
    rule: Rule,
    *,
    singular: bool = False,
    regular: float = 0.5,
    public: bool = True,
) -> Unary:
    """Add the row of an elementwise function of one array.

    Parameters
    ----------
    name : str
        The function.
    formula : str
        Its derivative as text, in `x` and the standard's functions.
    rule : callable
        ``rule(xp, t, x, out)`` returns ``t`` times the derivative.
    singular : bool
        Whether the slope can be infinite or NaN where the function is defined: then a
        cotangent of exactly 0 gives exactly 0 (the strong-zero rule).
    regular : float
        A number at which the rule of a singular row is finite.
    """
    return Unary(name, formula, rule, singular=singular, regular=regular, public=public)


class Binary(Row):
    """An elementwise function of two arrays; rule i is ``t * slope`` for argument i."""

    kind = "elementwise"
    regular = 0.5

    def __init__(
        self,
        name: str,
        formula: tuple[str, str],
        rules: tuple[Rule, Rule],
        *,
        singular: bool | Callable[[Any, Any], bool],
        public: bool,
    ) -> None:
        super().__init__(name, formula=formula, public=public)
        self.rules = rules
        self.singular = singular
        self.keeps = [
            self._kept(*on_tape)
            for on_tape in itertools.product((False, True), repeat=2)
        ]
        self._define(self._make(operator=False), _BINARY_SIGNATURE)
        self.operator = self._make(operator=True)
        self.reflected = self._make(operator=True, reflected=True)

    def _kept(self, first: bool, second: bool) -> tuple[bool, bool, bool, int]:
        """Return what to keep of x, y and out, and the place of a constant.

        The place, 1 or 2, is that of a constant which is kept only so that `explain`
        can show it; 0 where there is none.
        """
        names: set[str] = set()
        for rule, on_tape in zip(self.rules, (first, second), strict=True):
            if on_tape:
                names |= wanted_names(rule) | ({"x", "y"} if self.singular else set())
        keeps_x, keeps_y = "x" in names, "y" in names
        shown = 0
        if first != second:
            shown = 1 if second and not keeps_x else 2 if first and not keeps_y else 0
        return keeps_x or shown == 1, keeps_y or shown == 2, "out" in names, shown

    def _make(
        self, *, operator: bool, reflected: bool = False
    ) -> Callable[[Any, Any], Any]:
        row, name, keeps = self, self.name, self.keeps

        def function(x: Any, y: Any, /) -> Any:
            if reflected:
                x, y = y, x
            if type(x) is Array:
                lib = x._lib
                a = x.data
                nx = x._node
                if type(y) is Array:
                    if y._lib is not lib:
                        raise mixed(lib, y._lib)
                    b = y.data
                    ny = y._node
                elif type(y) in SCALARS and lib.scalar_operands:
                    b = y
                    ny = None
                else:
                    b, ny = _raw_beside(y, x, operator), None
                    if b is NotImplemented:
                        return b
            elif type(y) is Array:
                lib = y._lib
                b = y.data
                ny = y._node
                nx = None
                if type(x) in SCALARS and lib.scalar_operands:
                    a = x
                else:
                    a = _raw_beside(x, y, operator)
                    if a is NotImplemented:
                        return a
            else:
                return function(*_as_arrays(x, y))
            try:
                out = lib.functions[name](a, b)
            except Exception as error:
                refuse(name, (a, b), error, broadcasts=True)
            if type(out) is not lib.array_type:
                out = lib.coerce(out)
            result = _new(Array)
            result.data = out
            result._lib = lib
            if (nx is None and ny is None) or not is_recording():
                result._node = None
                return result
            fix_x = None if nx is None else needs_fix(a, out)
            fix_y = None if ny is None else needs_fix(b, out)
            fix = None
            if fix_x is not None or fix_y is not None:
                fix = (fix_x, fix_y, tuple(out.shape), out.dtype)
            keep_x, keep_y, keep_out, shown = keeps[
                2 * (nx is not None) + (ny is not None)
            ]
            if shown == 1 and type(a) not in SCALARS:
                a = held(a)
            elif shown == 2 and type(b) not in SCALARS:
                b = held(b)
            saved = (
                a if keep_x else None,
                b if keep_y else None,
                out if keep_out else None,
            )
            result._node = Node(row, lib, (nx, ny), saved, fix)
            return result

        return function

    def lift(self, node: Node) -> Any:
        x, y, out = node.saved
        return (
            lifted(node, 0, x),
            lifted(node, 1, y),
            None if out is None else Array(out, node.lib, node),
        )

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        px, py = parents
        rule_x, rule_y = self.rules
        if self.singular is not False or xp.is_complex(g):
            gx = None if px is None else self._careful(0, xp, g, saved)
            gy = None if py is None else self._careful(1, xp, g, saved)
        else:
            gx = None if px is None else rule_x(xp, g, *saved)
            gy = None if py is None else rule_y(xp, g, *saved)
        if node.fix is not None:
            fix_x, fix_y = node.fix[:2]
            if gx is not None and fix_x is not None:
                gx = fitted(xp, gx, fix_x)
            if gy is not None and fix_y is not None:
                gy = fitted(xp, gy, fix_y)
        return gx, gy

    def _careful(self, index: int, xp: Any, g: Any, saved: Any) -> Any:
        if xp.is_complex(g):
            return xp.conj(times(self, index, xp, xp.conj(g), *saved))
        return times(self, index, xp, g, *saved)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        parts = [
            times(self, i, xp, t, *saved)
            for i, t in enumerate(tangents)
            if t is not None
        ]
        out = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        return spread(xp, out, node)


def _raw_beside(value: Any, other: Array, operator: bool) -> Any:
    """Return an operand as a raw array; NotImplemented for what an operator leaves."""
    try:
        return like(value, other).data
    except LibraryError:
        if operator and library_of(value) is None:
            return NotImplemented
        raise


def _as_arrays(x: Any, y: Any) -> tuple[Any, Any]:
    """Return two operands of which neither is an Array, one of them as an Array."""
    if type(x) in SCALARS:
        return x, asarray(y)
    return asarray(x), y


def binary(
    name: str,
    formula: tuple[str, str],
    rule_x: Rule,
    rule_y: Rule,
    *,
    singular: bool | Callable[[Any, Any], bool] = False,
    public: bool = True,
) -> Binary:
    """Add the row of an elementwise function of two arrays.

    ``rule_x(xp, t, x, y, out)`` returns ``t`` times the derivative with respect to `x`,
    `rule_y` with respect to `y`. Sums over broadcast axes are done here, once.
    `singular` may be a function of `x` and `y` that tells whether a slope can be
    infinite or NaN.
    """
    return Binary(name, formula, (rule_x, rule_y), singular=singular, public=public)


def _parameters(*names: str) -> inspect.Signature:
    only = inspect.Parameter.POSITIONAL_ONLY
    return inspect.Signature([inspect.Parameter(name, only) for name in names])


_UNARY_SIGNATURE = _parameters("x")
_BINARY_SIGNATURE = _parameters("x1", "x2")
