"""A typed formula as a function that can be differentiated, read without `eval`."""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Iterable
from typing import Any, final

import numpy as np

from ..calculus.convert import asarray
from ..errors import FormulaError
from . import notation
from .evaluation import (
    CONSTANTS,
    FUNCTIONS,
    OPERATORS,
    Evaluation,
    arrays_of,
    as_array,
    spread,
)
from .notation import quoted

__all__ = ["CONSTANTS", "FUNCTIONS", "Formula"]

MAX_OPERATIONS = 100  # so that everything that is done with one takes little time
MAX_NUMBER = 1.7e308


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
        ``3 sin(x)``, ``x²``, ``sin²(x)``, ``·``, ``π``. At most 500 characters and
        100 operations. A comparison may be the first argument of
        ``where(x > 0, a, b)``, and stand nowhere else.
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
        self.tree = _checked(_parsed(written, text), text, values)
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
        arrays, back = arrays_of(values)
        names = dict(zip(self.variables, arrays, strict=True))
        # where a formula has no value it is NaN, and nobody needs a warning
        with np.errstate(all="ignore"):
            return back(spread(Evaluation(names, arrays[0]).of(self.tree), arrays))

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
                value = float(as_array(Evaluation({}, like).of(part), like))
                if not math.isfinite(value):
                    raise FormulaError(
                        f"the formula {quoted(self.text)} contains "
                        f"{quoted(ast.unparse(part))}, which is {value} in float64; "
                        "type a number that is finite."
                    )


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


def _checked(tree: ast.expr, text: str, values: tuple[str, ...]) -> ast.expr:
    """Return the tree if everything in it may stand where it stands.

    `notation` has refused already what is on no list; this holds without it too.
    """
    left: list[tuple[ast.expr, bool]] = [(tree, False)]  # node, may it be a comparison
    operations = 0
    while left:
        parts = _parts(*left.pop(), text, values)
        operations += bool(parts)
        if operations > MAX_OPERATIONS:
            raise FormulaError(
                f"the formula {quoted(text)} has more than {MAX_OPERATIONS} "
                "operations; type a shorter one."
            )
        left += parts
    return tree


def _parts(
    node: ast.expr, free: bool, text: str, values: tuple[str, ...]
) -> list[tuple[ast.expr, bool]]:
    """Return what stands directly in a node, and whether it may be a comparison."""
    match node:
        case ast.Constant(value=int() | float() as value):
            if type(value) is not bool and abs(value) <= MAX_NUMBER:
                return []
        case ast.Name(id=name) if name in values:
            return []
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return [(operand, False)]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return [(left, False), (right, False)]
        case ast.Compare(left=left, ops=[op], comparators=[right]) if free:
            if type(op) in OPERATORS:
                return [(left, False), (right, False)]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if name in FUNCTIONS:
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
        example = {1: "x", 2: "x, y", 3: "x > 0, a, b"}[count]
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
