"""Compute a formula of the table of derivatives with the library's own functions."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import xpnet as xn

from ...errors import LibraryError, OptionError
from .reading import Unreadable, read

__all__ = ["evaluate"]

_CONSTANTS = {"pi": math.pi}


def _power(x: Any, y: Any) -> Any:
    """Return a power; of two integers as floats, which cannot take forever."""
    return float(x) ** y if type(x) is type(y) is int else x**y


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: _power,
    ast.MatMult: operator.matmul,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Gt: operator.gt,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def evaluate(formula: str, values: Mapping[str, Any]) -> Any:
    """Return the value of a formula in the variables of `values`.

    Only arithmetic, comparisons (1 or 0), transposes (``x.T``, ``x^H``) and functions
    of the library by name are computed; the formula is never run as code. It may also
    be written as `xpnet.learn.symbols.text` writes it.

    Raises
    ------
    OptionError
        If the formula is prose, or holds anything else.

    Examples
    --------
    >>> evaluate("1 - tanh(x)**2", {"x": 0.0}).item()
    1.0
    """
    try:
        tree = read(formula)
    except Unreadable:
        raise OptionError(
            f"evaluate: {formula!r} is a description, not a formula."
        ) from None
    arrays = any(isinstance(v, xn.Array) for v in values.values())
    known = dict(values) if arrays else {n: xn.asarray(v) for n, v in values.items()}
    return _value(tree, known)


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name) if name in values or name in _CONSTANTS:
            return values[name] if name in values else _CONSTANTS[name]
        case ast.Constant(value=int() | float() | complex() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.Attribute(value=base, attr="H"):
            return _conjugate_transpose(_value(base, values))
        case ast.Attribute(value=base, attr="T"):
            return _value(base, values).T
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if (
            type(op) in _COMPARISONS
        ):
            a, b = _value(left, values), _value(right, values)
            return _indicator(_COMPARISONS[type(op)](a, b), a, b)
        case ast.List(elts=[ast.Compare() as test]):  # [x > y]
            return _value(test, values)
        case ast.IfExp(
            test=test, body=ast.Constant(value=1), orelse=ast.Constant(value=0)
        ):
            return _value(test, values)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, [_value(argument, values) for argument in arguments])
    raise OptionError(
        f"evaluate: {ast.unparse(node)!r} is not arithmetic, a comparison, a transpose "
        f"or a function of the library; known variables: {', '.join(values) or 'none'}."
    )


def _call(name: str, arguments: list[Any]) -> Any:
    arrays = [a for a in arguments if isinstance(a, xn.Array)]
    if not arrays:  # log(10), sqrt(pi): a number that takes the dtype of its neighbours
        return _call(name, [xn.asarray(a) for a in arguments]).item()
    xp = arrays[0]._lib.recorded
    if name in _EXTRA:
        return _EXTRA[name](xp, *arguments)
    return _known(xp, name)(*arguments)


def _known(xp: Any, name: str) -> Any:
    if name.startswith("_"):
        raise OptionError(f"evaluate: {name!r} is not a function of the library.")
    try:
        return getattr(xp, name)
    except (AttributeError, LibraryError):
        raise OptionError(
            f"evaluate: {name!r} is not a function of the library."
        ) from None


def _indicator(condition: Any, *sides: Any) -> Any:
    """Return 1 where a comparison holds and 0 elsewhere, in the dtype of its sides."""
    if not isinstance(condition, xn.Array):
        return float(condition)
    x = next(side for side in sides if isinstance(side, xn.Array))
    return x._lib.recorded.astype(condition, x.dtype)


def _conjugate_transpose(x: Any) -> Any:
    xp = x._lib.recorded
    turned = xp.matrix_transpose(x)
    return xp.conj(turned) if xp.is_complex(x) else turned


_EXTRA: dict[str, Callable[..., Any]] = {
    "count": lambda xp, x: xp.sum(x),
    "hermitian": lambda xp, x: (x + _conjugate_transpose(x)) / 2,
    "skew": lambda xp, x: (x - _conjugate_transpose(x)) / 2,
}
