"""The walk over a formula, in which each of its parts is written once.

What a sum, a fraction or a root looks like is said by a style (`styles`); which parts
need parentheses is decided here, for all styles.
"""

from __future__ import annotations

import ast
import operator
import re
from typing import Any

from ..digits import number
from .pieces import (
    ATOM,
    COMPARISON,
    MATMUL,
    POWER,
    PRODUCT,
    QUOTIENT,
    SUM,
    Piece,
    Style,
    opaque,
)
from .reading import Unreadable, read

__all__ = ["Writer"]

FUNCTIONS = {"expit": "σ", "expit_slope": "σ′", "tanh_slope": "tanh′"}
CONSTANTS = {"pi": "π", "inf": "∞", "nan": "NaN"}
FENCES = {"abs": ("|", "|"), "floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉")}
POWERED = frozenset({"sin", "cos", "tan", "sinh", "cosh", "tanh", "tanh_slope"})
_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.Lt: "<",
    ast.GtE: "≥",
    ast.LtE: "≤",
    ast.Eq: "=",
    ast.NotEq: "≠",
}
_FOLDED: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_NUMBER = re.compile(r"−?\d+(\.\d+)?(×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
_SIGNS = frozenset("·ᵀᴴⁿⁱˣʸ")  # which Python counts as letters


class Writer(Style):
    """Walks over a formula, from its outermost operation to its names and numbers."""

    def whole(self, node: ast.expr) -> str:
        """Write a whole formula: a comparison by itself is 1 or 0."""
        if isinstance(node, ast.Compare):
            one, none = self._constant(1), self._constant(0)
            return self.choice(one, self.write(node), none).markup
        return self.write(node).markup

    def write(self, node: ast.expr) -> Piece:
        """Write one part of a formula."""
        match node:
            case ast.Name(id=name):
                return self._name(name)
            case ast.Constant(value=int() | float() | complex() as value):
                return self._constant(value)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._negative(self.write(operand))
            case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
                return self._power(base, exponent)
            case ast.Attribute(value=base, attr="T" | "H" as mark):
                return self._transposed(base, mark)
            case ast.Attribute():
                return self._dotted(node)
            case ast.BinOp(left=left, op=op, right=right):
                return self._combined(self.write(left), op, self.write(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(self.write(left), op, self.write(right))
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
                return self._call(function, arguments)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.choice(*map(self.write, (body, test, orelse)))
            case ast.Subscript(value=base, slice=index):
                shown = self.within(self.write(base), ATOM).markup
                return Piece(self.lowered(shown, self._listed(index)))
            case ast.List(elts=[ast.Compare() as test]):  # [x > y]: 1 or 0
                return self.within(self.write(test), ATOM)
        raise Unreadable

    def _name(self, name: str) -> Piece:
        if name not in self.names:
            name = CONSTANTS.get(name, name)
            return Piece(self.leaf(name), head="letter" if len(name) == 1 else "word")
        shown = self.names[name]
        if _NUMBER.fullmatch(shown):
            return self._literal(shown)
        if shown.isidentifier() and not _SIGNS.intersection(shown):
            return type(self)({})._name(shown)
        try:
            return type(self)({}).write(read(shown))
        except Unreadable:
            return opaque(shown, self.foreign(shown))

    def _dotted(self, node: ast.Attribute) -> Piece:
        """Write a name with dots, such as ``m[0].weight``, as one word."""
        inner: ast.expr = node
        while not isinstance(inner, ast.Name):
            match inner:
                case (
                    ast.Attribute(value=inside)
                    | ast.Subscript(
                        value=inside, slice=ast.Constant(value=int() | str())
                    )
                ):
                    inner = inside
                case _:
                    raise Unreadable
        return Piece(self.leaf(ast.unparse(node)), head="word")

    def _constant(self, value: complex) -> Piece:
        if value == 1j:
            return Piece(self.leaf("i"), head="letter")
        return self._literal(number(value, 12))

    def _literal(self, shown: str) -> Piece:
        """Write a number with the digits that it is given with."""
        if shown.startswith("−"):
            return self._negative(self._literal(shown[1:]))
        level = PRODUCT if "×" in shown else ATOM
        leaf = self.leaf(shown, is_number=True)
        return Piece(leaf, level, head="number", literal=True)

    def _negative(self, piece: Piece) -> Piece:
        inner = self.within(piece, QUOTIENT)
        shown = self.mark("−", tight=True, prefix=True) + inner.markup
        return Piece(
            shown, min(inner.level, PRODUCT), True, inner.head, literal=inner.literal
        )

    def _combined(self, left: Piece, op: ast.operator, right: Piece) -> Piece:
        match op:
            case ast.Add():
                return self._joined_by("+", left, right, SUM)
            case ast.Sub():
                return self._joined_by("−", left, right, SUM, QUOTIENT)
            case ast.Mult():
                return self._product(left, right)
            case ast.MatMult():
                return self._joined_by("@", left, right, MATMUL)
            case ast.Div():
                return self.quotient(left, right)
        raise Unreadable

    def _joined_by(
        self, sign: str, left: Piece, right: Piece, level: int, other: int | None = None
    ) -> Piece:
        """Write two operands around a sign; the second at least at level `other`."""
        a = self.within(left, level, leading=True)
        b = self.within(right, level if other is None else other)
        return Piece(a.markup + self.mark(sign) + b.markup, level, a.negative, a.head)

    def _product(self, left: Piece, right: Piece) -> Piece:
        a, b = self.within(left, PRODUCT, leading=True), self.within(right, PRODUCT)
        sign = "·"
        if a.literal and b.head == "letter":
            sign = "\u2062"  # nothing to see: 2x
        elif a.literal and b.head == "other":
            sign = " "  # 2 (a − y), 2 tanh(x)
        shown = a.markup + self.mark(sign, tight=True) + b.markup
        return Piece(shown, PRODUCT, a.negative, a.head)

    def _power(self, base: ast.expr, exponent: ast.expr) -> Piece:
        folded = self._folded(exponent)
        if folded == 1:
            return self.write(base)
        power = self._constant(folded) if folded is not None else self.write(exponent)
        if folded is not None and folded < 0:
            power = self._negative(self._constant(-folded))
        match base:
            case ast.Call(func=ast.Name(id=function), args=arguments) if (
                function in POWERED and folded in (2, 3)
            ):
                return self._call(function, arguments, power)
        inner = self.within(self.write(base), ATOM)
        return Piece(self.raised(inner.markup, power), POWER, head=inner.head)

    def _folded(self, node: ast.expr) -> float | None:
        """Return an exponent made of numbers alone as one number: 2 − 1 is 1."""
        match node:
            case ast.Constant(value=int() | float() as value):
                return value
            case ast.Name(id=name) if name in self.names:
                try:
                    return type(self)({})._folded(read(self.names[name]))
                except Unreadable:
                    return None
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self._folded(operand)
                return None if inner is None else -inner
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _FOLDED:
                a, b = self._folded(left), self._folded(right)
                return None if a is None or b is None else _FOLDED[type(op)](a, b)
        return None

    def _transposed(self, base: ast.expr, mark: str) -> Piece:
        twice = self._untransposed(base, mark)
        if twice is not None:
            return twice
        inner = self.within(self.write(base), ATOM)
        exponent = Piece(self.leaf(mark), head="letter")
        return Piece(self.raised(inner.markup, exponent), POWER, head=inner.head)

    def _untransposed(self, node: ast.expr, mark: str) -> Piece | None:
        """Write what is transposed already, without its mark: (xᵀ)ᵀ is x."""
        match node:
            case ast.Attribute(value=base, attr=found) if found == mark:
                return self.write(base)
            case ast.Name(id=name) if name in self.names:
                try:
                    inner = read(self.names[name])
                except Unreadable:
                    return None
                return type(self)({})._untransposed(inner, mark)
        return None

    def _compared(self, left: Piece, op: ast.cmpop, right: Piece) -> Piece:
        if type(op) not in _COMPARED:
            raise Unreadable
        a, b = (
            self.within(left, SUM, leading=True),
            self.within(right, SUM, leading=True),
        )
        sign = self.mark(_COMPARED[type(op)])
        return Piece(a.markup + sign + b.markup, COMPARISON, a.negative)

    def _call(
        self, function: str, arguments: list[ast.expr], power: Piece | None = None
    ) -> Piece:
        if function == "sqrt" and len(arguments) == 1:
            return self.root(self.write(arguments[0]))
        if function == "partial" and len(arguments) == 2:
            return self.derivative(*map(self.write, arguments))
        inner = self._joined(arguments)
        if function in FENCES and len(arguments) == 1:
            left, right = FENCES[function]
            if left not in inner and right not in inner:  # ||x|| would be a norm
                return Piece(self.fence(left, inner, right))
        shown = self.leaf(FUNCTIONS.get(function, function))
        if power is not None:
            shown = self.raised(shown, power)
        level = ATOM if power is None else POWER
        return Piece(self.applied(shown, self.fence("(", inner, ")")), level)

    def _joined(self, nodes: list[ast.expr]) -> str:
        return self.mark(",").join(self.write(node).markup for node in nodes)

    def _listed(self, index: ast.expr) -> str:
        match index:
            case ast.Tuple(elts=parts):
                return self.mark(",").join(map(self._listed, parts))
            case ast.Slice(lower=low, upper=high, step=step):
                ends = [low, high] if step is None else [low, high, step]
                shown = ["" if x is None else self.write(x).markup for x in ends]
                return self.mark(":", tight=True).join(shown)
        return self.write(index).markup
