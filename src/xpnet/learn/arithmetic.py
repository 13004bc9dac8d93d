"""Formulas of a step: computed, and written with × as a guide writes them.

A formula is a Python expression, ``"old - learning_rate * gradient"``, written in this
library and never by a user. What is shown and what is computed are two walks over the
same tree, and cannot drift apart.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np

from .digits import number

__all__ = ["DIGITS", "evaluate", "names_in", "text"]

Values = Mapping[str, Any]
Words = Mapping[str, str]

DIGITS = 6  # of a number put into a formula
_SMALL = str.maketrans("0123456789t", "⁰¹²³⁴⁵⁶⁷⁸⁹ᵗ")
_CHOICE, _ADD, _MULTIPLY, _POWER, _ATOM = range(5)  # how tightly a part binds

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_COMPARED = {ast.Gt: (np.greater, ">"), ast.Lt: (np.less, "<")}
_MARKS = {ast.Add: "+", ast.Sub: "−", ast.Mult: "×", ast.Div: "/"}
_FENCES = {"abs": "|", "norm": "‖"}


def _norm(x: Any) -> Any:
    """Return the Euclidean norm of all elements together."""
    return np.sqrt(np.sum(np.square(x)))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "clip": np.clip,
    "max": np.maximum,
    "min": np.minimum,
    "norm": _norm,
    "sign": np.sign,
    "sqrt": np.sqrt,
    "sum": np.sum,
}


@functools.lru_cache(maxsize=512)
def _tree(formula: str) -> ast.expr:
    return ast.parse(formula, mode="eval").body


def names_in(formula: str) -> set[str]:
    """Return the names of a formula, functions with them."""
    return {x.id for x in ast.walk(_tree(formula)) if isinstance(x, ast.Name)}


def evaluate(formula: str, values: Values) -> Any:
    """Return the value of a formula, elementwise in the type of its values."""
    with np.errstate(all="ignore"):
        return _value(_tree(formula), values)


def _value(node: ast.expr, values: Values) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _COMPARED[type(op)][0](_value(left, values), _value(right, values))
        case ast.IfExp(test=test, body=body, orelse=other):
            return np.where(*(_value(x, values) for x in (test, body, other)))
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name](*(_value(x, values) for x in args))
    raise TypeError(f"no arithmetic: {ast.unparse(node)}")


def text(formula: str, words: Words, values: Values | None = None) -> str:
    """Return a formula in words, or with numbers where `values` has them.

    >>> text("old - rate * slope", {"rate": "η"}, {"slope": -6.0})
    'old − η × (−6)'
    """
    return _Writer(words, values or {}).write(_tree(formula))[0]


@final
class _Writer:
    """A formula as one line; each part comes with how tightly it binds."""

    def __init__(self, words: Words, values: Values) -> None:
        self.words, self.values = words, values

    def write(self, node: ast.expr) -> tuple[str, float]:
        match node:
            case ast.Constant(value=int() | float() as value):
                return _number(value)
            case ast.Name(id=name) if name in self.values:
                return _number(np.asarray(self.values[name]).item())
            case ast.Name(id=name):
                return self.words.get(name, name), _ATOM
            case ast.UnaryOp(operand=operand):
                return "−" + self.within(operand, _MULTIPLY, leading=False), _MULTIPLY
            case ast.BinOp():
                return self.binary(node)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                shown = self.write(left)[0], self.write(right)[0]
                return f" {_COMPARED[type(op)][1]} ".join(shown), _CHOICE
            case ast.IfExp(test=test, body=body, orelse=other):
                yes, when, no = (self.write(x)[0] for x in (body, test, other))
                return f"{yes} if {when} else {no}", _CHOICE
            case ast.Call(func=ast.Name(id=name), args=args):
                return self.call(name, args), _ATOM
        raise TypeError(f"no arithmetic: {ast.unparse(node)}")

    def within(self, node: ast.expr, least: float, *, leading: bool = True) -> str:
        """Return a part, in parentheses if it binds less or has a minus inside."""
        written, binds = self.write(node)
        if binds < least or (not leading and written.startswith("−")):
            return f"({written})"
        return written

    def binary(self, node: ast.BinOp) -> tuple[str, float]:
        if isinstance(node.op, ast.Pow):
            return self.power(node), _POWER
        level = _ADD if isinstance(node.op, (ast.Add, ast.Sub)) else _MULTIPLY
        more = 0 if isinstance(node.op, (ast.Add, ast.Mult)) else 0.5
        left = self.within(node.left, level)
        right = self.within(node.right, level + more, leading=False)
        return f"{left} {_MARKS[type(node.op)]} {right}", level

    def power(self, node: ast.BinOp) -> str:
        base = self.within(node.left, _ATOM, leading=False)
        small = self.write(node.right)[0].translate(_SMALL)
        raised = all(sign in "⁰¹²³⁴⁵⁶⁷⁸⁹ᵗ" for sign in small)
        return base + small if raised else f"{base}^{self.within(node.right, _ATOM)}"

    def call(self, name: str, args: list[ast.expr]) -> str:
        if name == "sqrt":
            return "√" + self.within(args[0], _ATOM, leading=False)
        inside = ", ".join(self.write(x)[0] for x in args)
        if name in _FENCES:
            return _FENCES[name] + inside + _FENCES[name]
        return f"{name}({inside})"


def _number(value: float) -> tuple[str, float]:
    """Return a number; one with a sign or a power of ten is a product."""
    shown = number(value, DIGITS)
    return shown, _MULTIPLY if "−" in shown or "×" in shown else _ATOM
