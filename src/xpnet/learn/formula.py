"""A typed formula as a function that can be differentiated, read without `eval`."""

from __future__ import annotations

import ast
import keyword
import math
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any, final

import numpy as np

from ..backend.library import library_of
from ..calculus.array import Array
from ..calculus.convert import asarray
from ..errors import DTypeError, FormulaError
from . import notation
from .notation import quoted

__all__ = ["CONSTANTS", "FUNCTIONS", "Formula"]

MAX_DEPTH = 100  # operations inside one another

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

_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
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
class Formula:
    """A formula that a person typed, as a function of its variables.

    It is read with a list of what may stand in it (numbers, the variables, ``+ - * /``,
    powers, the functions of ``FUNCTIONS``, ``pi`` and ``e``), and computed by the
    differentiable namespace of its arguments: `xpnet.grad` gives its derivative.

    Parameters
    ----------
    text : str
        ``"x**2 + sin(x*y)"``, or as learners write: ``^`` for a power, ``2x``,
        ``3 sin(x)``, ``x²``, ``·``, ``π``. At most 500 characters. A comparison may be
        the first argument of ``where(x > 0, a, b)``, and stand nowhere else.
    variables : iterable of str
        The names of its arguments, in their order.

    Attributes
    ----------
    text : str
        What was typed.
    variables : tuple of str
        The names of its arguments.
    tree : ast.expr
        The formula as Python's syntax tree.

    Raises
    ------
    FormulaError
        If it cannot be read: one sentence with the place, and what to type instead.
    DTypeError
        When it is called with an array of something else than floating point.

    Notes
    -----
    Python numbers give a Python number, arrays of a library give its arrays, and Arrays
    an Array. Where a formula has no value, as ``log(x)`` at −1, the result is NaN.

    Examples
    --------
    >>> import xpnet as xn
    >>> f = Formula("x^2 + 3x", variables=("x",))
    >>> f(2.0), xn.grad(f)(2.0)
    (10.0, 7.0)
    >>> f.python
    'x ** 2 + 3 * x'
    """

    __slots__ = ("text", "tree", "variables")

    def __init__(self, text: str, variables: Iterable[str] = ("x",)) -> None:
        self.text = text
        self.variables = _checked_names(variables)
        values = (*self.variables, *CONSTANTS)
        written = notation.read(text, FUNCTIONS, values)
        self.tree = _checked(_parsed(written, text), text)
        self._refuse_infinite_constants()

    @property
    def python(self) -> str:
        """The formula as Python writes it."""
        return ast.unparse(self.tree)

    def __call__(self, *values: Any) -> Any:
        """Return the value of the formula where its variables have these values."""
        if len(values) != len(self.variables):
            raise FormulaError(
                f"the formula {quoted(self.text)} takes {len(self.variables)} values "
                f"({', '.join(self.variables)}), and {len(values)} were given."
            )
        arrays, back = _as_arrays(values)
        names = dict(zip(self.variables, arrays, strict=True))
        # where a formula has no value it is NaN, and nobody needs a warning
        with np.errstate(all="ignore"):
            return back(_spread(_Evaluation(names, arrays[0]).of(self.tree), arrays))

    def __repr__(self) -> str:
        return f"Formula({self.text!r}, variables={self.variables!r})"

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Formula):
            return NotImplemented
        return (self.python, self.variables) == (other.python, other.variables)

    def __hash__(self) -> int:
        return hash((self.python, self.variables))

    def _refuse_infinite_constants(self) -> None:
        """Refuse a part without variables that is no finite number, as 9^9^9^9."""
        like = asarray(1.0, device="cpu")
        with np.errstate(all="ignore"):
            for part in _constant_parts(self.tree):
                value = float(_as_array(_Evaluation({}, like).of(part), like))
                if not math.isfinite(value):
                    raise FormulaError(
                        f"the formula {quoted(self.text)} contains "
                        f"{quoted(ast.unparse(part))}, which is {value} in float64; "
                        "type a number that is finite."
                    )


# --- reading --------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")


def _checked_names(variables: Iterable[str]) -> tuple[str, ...]:
    """Return the names of variables, or raise FormulaError."""
    names = (variables,) if isinstance(variables, str) else tuple(variables)
    for name in names:
        usable = isinstance(name, str) and len(name) <= 20 and _NAME.fullmatch(name)
        if not usable or keyword.iskeyword(name):
            raise FormulaError(
                f"{quoted(str(name))} cannot name a variable: type a letter, or a "
                "letter and digits such as x1."
            )
        if name in FUNCTIONS or name in CONSTANTS or name in notation.SAME:
            raise FormulaError(
                f"{quoted(name)} cannot name a variable, since it is a function or a "
                "constant; choose another letter."
            )
    if not names or len(set(names)) < len(names):
        raise FormulaError(
            f"the variables {names!r:.60} are not one name or several different ones; "
            'give them as ("x", "y").'
        )
    return names


def _parsed(written: str, text: str) -> ast.expr:
    """Return the tree of a formula that `notation` has written."""
    try:
        return ast.parse(written, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FormulaError(
            f"the formula {quoted(text)} cannot be read; type it in smaller parts with "
            "parentheses around each."
        ) from error


def _checked(tree: ast.expr, text: str) -> ast.expr:
    """Return the tree if everything in it may stand where it stands."""
    level: list[tuple[ast.expr, bool]] = [(tree, False)]  # node, may it be a comparison
    for _ in range(MAX_DEPTH):
        level = [part for node, free in level for part in _parts(node, free, text)]
        if not level:
            return tree
    raise FormulaError(
        f"the formula {quoted(text)} has more than {MAX_DEPTH} operations inside one "
        "another; type a shorter one."
    )


def _parts(node: ast.expr, free: bool, text: str) -> list[tuple[ast.expr, bool]]:
    """Return what stands directly in a node, and whether it may be a comparison."""
    match node:
        case ast.Constant(value=int() | float()) | ast.Name():
            return []
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return [(operand, False)]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return [(left, False), (right, False)]
        case ast.Compare(left=left, comparators=[right]) if free:
            return [(left, False), (right, False)]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return _arguments(name, args, text)
        case ast.Compare():
            raise FormulaError(
                f"the formula {quoted(text)} compares where it needs a number "
                f"({quoted(ast.unparse(node))}); type one comparison as the first "
                "argument of where, as in where(x > 0, x, 0)."
            )
    raise FormulaError(
        f"the formula {quoted(text)} contains {quoted(ast.unparse(node))}, which is no "
        "part of formulas; type numbers, variables, operators and functions."
    )


def _arguments(
    name: str, args: list[ast.expr], text: str
) -> list[tuple[ast.expr, bool]]:
    """Return the arguments of a call, if they are as many as the function takes."""
    count = FUNCTIONS[name][0]
    if len(args) != count:
        example = ", ".join(("x", "y", "z")[:count])
        if name == "where":
            example = "x > 0, a, b"
        raise FormulaError(
            f"the formula {quoted(text)} gives {name} {len(args)} "
            f"argument{'s' if len(args) > 1 else ''}, and it takes {count}; type "
            f"{name}({example})."
        )
    if name == "where" and not isinstance(args[0], ast.Compare):
        raise FormulaError(
            f"the formula {quoted(text)} gives where no comparison first; type "
            "where(x > 0, a, b)."
        )
    return [(arg, name == "where" and at == 0) for at, arg in enumerate(args)]


def _constant_parts(tree: ast.expr) -> list[ast.expr]:
    """Return the largest parts in which no variable stands."""
    found: list[ast.expr] = []

    def is_constant(node: ast.expr) -> bool:
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Call):
            parts = list(node.args)
        else:
            children = ast.iter_child_nodes(node)
            parts = [part for part in children if isinstance(part, ast.expr)]
        if not parts:
            return isinstance(node, ast.Constant) or (
                isinstance(node, ast.Name) and node.id in CONSTANTS
            )
        constant = [is_constant(part) for part in parts]
        if all(constant):
            return True
        found.extend(part for part, yes in zip(parts, constant, strict=True) if yes)
        return False

    if is_constant(tree):
        found.append(tree)
    return [node for node in found if not isinstance(node, ast.Compare)]


# --- computing ------------------------------------------------------------------------


class _Evaluation:
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
            one = _as_array(one, self.like)  # Python would compute 9**9**9 to the end
        return _OPERATORS[type(op)](one, two)

    def _call(self, name: str, args: list[Any]) -> Any:
        first = 1 if name == "where" else 0
        if all(type(arg) is not Array for arg in args[first:]):
            args[first] = _as_array(args[first], self.like)
        return FUNCTIONS[name][1](self.xp, *args)


def _as_array(value: Any, like: Array) -> Array:
    """Return a number as an Array of the library, dtype and device of another."""
    if type(value) is Array:
        return value
    xp = like.__array_namespace__()
    made: Array = xp.asarray(float(value), dtype=like.dtype, device=like.device)
    return made


def _as_arrays(values: tuple[Any, ...]) -> tuple[list[Array], Callable[[Array], Any]]:
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
        asarray(v) if is_raw else _as_array(v, known[0])
        for v, is_raw in zip(values, raw, strict=True)
    ]
    if any(type(v) is Array for v in values):
        return arrays, lambda out: out
    return arrays, lambda out: out.data


def _spread(out: Any, arrays: list[Array]) -> Array:
    """Return a result in the shape that all arguments have together."""
    xp = arrays[0].__array_namespace__()
    result = _as_array(out, arrays[0])
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    if result.shape == shape:
        return result
    spread: Array = xp.broadcast_to(result, shape)
    return spread
