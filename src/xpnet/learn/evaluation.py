"""Computing a formula: its tree, with the differentiable functions of its arguments."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any, final

import numpy as np

from ..backend.library import library_of
from ..calculus.array import Array
from ..calculus.convert import asarray
from ..errors import DTypeError, FormulaError

__all__ = [
    "CONSTANTS",
    "FUNCTIONS",
    "OPERATORS",
    "Evaluation",
    "arrays_of",
    "as_array",
    "spread",
]

CONSTANTS = {"pi": math.pi, "e": math.e}

_OF_ONE = (
    "exp expm1 log log10 log1p log2 sqrt square sin cos tan asin acos atan sinh cosh "
    "tanh asinh acosh atanh abs sign floor"
).split()
_OF_TWO = "maximum minimum atan2 hypot".split()
_SPECIAL = {"relu": "relu", "sigmoid": "expit", "logsigmoid": "log_expit", "erf": "erf"}


def _member(name: str) -> Callable[..., Any]:
    return lambda xp, *args: getattr(xp, name)(*args)


def _special(name: str) -> Callable[..., Any]:
    return lambda xp, x: getattr(xp.special, name)(x)


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    **{name: (1, _member(name)) for name in _OF_ONE},
    **{name: (2, _member(name)) for name in _OF_TWO},
    **{name: (1, _special(row)) for name, row in _SPECIAL.items()},
    "silu": (1, lambda xp, x: x * xp.special.expit(x)),
    "softplus": (1, lambda xp, x: xp.logaddexp(x, 0.0)),
    "where": (3, _member("where")),
}
"""How many arguments each function takes, and what it calls in the namespace."""

OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@final
class Evaluation:
    """Computes a tree where the variables have given values, all where `like` is."""

    def __init__(self, names: dict[str, Array], like: Array) -> None:
        self.names = CONSTANTS | names
        self.like = like
        self.xp = like.__array_namespace__()

    def of(self, node: ast.expr) -> Any:
        """Return the value of a node: an Array, or a number where no operation is."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.names[name]
            case ast.UnaryOp(op=op, operand=operand):
                value = self.of(operand)
                return -value if isinstance(op, ast.USub) else value
            case ast.BinOp(left=left, op=op, right=right):
                return self._operation(op, left, right)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._operation(op, left, right)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, [self.of(arg) for arg in args])
        raise FormulaError(f"{type(node).__name__} is no part of formulas.")

    def _operation(self, op: ast.AST, left: ast.expr, right: ast.expr) -> Any:
        one, two = self.of(left), self.of(right)
        if type(one) is not Array and type(two) is not Array:
            one = as_array(one, self.like)  # Python would compute 9**9**9 to the end
        return OPERATORS[type(op)](one, two)

    def _call(self, name: str, args: list[Any]) -> Any:
        first = 1 if name == "where" else 0
        if all(type(arg) is not Array for arg in args[first:]):
            args[first] = as_array(args[first], self.like)
        return FUNCTIONS[name][1](self.xp, *args)


def as_array(value: Any, like: Array) -> Array:
    """Return a number as an Array of the library, dtype and device of another."""
    if type(value) is Array:
        return value
    xp = like.__array_namespace__()
    made: Array = xp.asarray(float(value), dtype=like.dtype, device=like.device)
    return made


def arrays_of(values: tuple[Any, ...]) -> tuple[list[Array], Callable[[Array], Any]]:
    """Return arguments as Arrays, and what makes a result of their kind of an Array."""
    raw = [type(v) is not Array and library_of(v) is not None for v in values]
    known = [
        asarray(v) if is_raw else v
        for v, is_raw in zip(values, raw, strict=True)
        if is_raw or type(v) is Array
    ]
    if not known:
        return [asarray(float(v), device="cpu") for v in values], float
    for x in known:
        if not x._lib.is_floating(x.dtype):
            raise DTypeError(
                f"a formula computes with floating-point numbers, not with {x.dtype}; "
                "cast the array first, with xp.astype(x, xp.float64)."
            )
    arrays = [
        asarray(v) if is_raw else as_array(v, known[0])
        for v, is_raw in zip(values, raw, strict=True)
    ]
    if any(type(v) is Array for v in values):
        return arrays, lambda out: out
    return arrays, lambda out: out.data


def spread(out: Any, arrays: list[Array]) -> Array:
    """Return a result in the shape that all arguments have together."""
    xp = arrays[0].__array_namespace__()
    result = as_array(out, arrays[0])
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    if result.shape == shape:
        return result
    spread: Array = xp.broadcast_to(result, shape)
    return spread
