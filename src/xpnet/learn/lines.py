"""The user's own lines: where an operation was recorded, and what stands there.

The tape knows which instruction recorded an operation, and Python knows which part of
which line that instruction came from. So ``z = w * x + b`` gives `z` its name, and also
`w`, `x` and `b`.
"""

from __future__ import annotations

import ast
import functools
import itertools
import linecache
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..calculus.tape import Node, is_inside
from .symbols import text

__all__ = [
    "LONGEST",
    "Line",
    "arguments",
    "calls_more",
    "is_name",
    "line_of",
    "operands",
]

LONGEST = 40  # an expression of more characters gets a name
_SHORT = 12  # an expression of fewer stands for a constant


class Line(NamedTuple):
    """A place in the user's source.

    Attributes
    ----------
    file, number, function, text : str, int, str, str
        Where it is, and what stands there: one line, or all that an expression is
        written on, without indentation.
    expression : ast.AST or None
        The part of the line that was computed.
    target : str or None
        The name that the value was given there.
    """

    file: str
    number: int
    function: str
    text: str
    expression: Any
    target: str | None


def line_of(node: Node) -> Line | None:
    """Return the user's own line that recorded a node, if there is a source."""
    return _line(node.code, node.instruction)


@functools.lru_cache(maxsize=4096)
def _line(code: Any, instruction: int) -> Line | None:
    if is_inside(code.co_filename) or instruction < 0:
        return None
    positions = list(code.co_positions())
    place = positions[instruction // 2] if instruction // 2 < len(positions) else None
    if place is None or place[0] is None:
        return None
    lines = linecache.getlines(code.co_filename)
    first, last = int(place[0]), int(place[1] or place[0])
    if not 0 < first <= last <= len(lines):
        return None
    parts = _parts("".join(lines))
    if parts and place not in parts:
        return None  # the file was changed since it was run
    expression, target = parts.get(place, (None, None))
    return Line(
        code.co_filename,
        first,
        code.co_name,
        " ".join(line.strip() for line in lines[first - 1 : last]),
        expression,
        target,
    )


@functools.lru_cache(maxsize=64)
def _parts(source: str) -> dict[tuple[int, ...], tuple[ast.AST, str | None]]:
    """Return the expressions of a source by position, with the name that one gets."""
    found: dict[tuple[int, ...], tuple[ast.AST, str | None]] = {}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            found.setdefault(_position(node), (node, None))
        for value, name in _named(node):
            found[_position(value)] = (value, name)
        if isinstance(node, ast.AugAssign):
            whole = ast.BinOp(left=node.target, op=node.op, right=node.value)
            found[_position(node)] = (whole, _name_of(node.target))
    return found


def _named(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Go through the values that a statement gives names to."""
    if isinstance(node, ast.Assign):
        yield from _paired(node.targets[0], node.value)
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        yield from _paired(node.target, node.value)


def _paired(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, str]]:
    """Go through names and values, side by side: ``a, b = x, y`` has two of each."""
    lists = (ast.Tuple, ast.List)
    if isinstance(target, lists) and isinstance(value, lists):
        if len(target.elts) == len(value.elts):
            for one, other in zip(target.elts, value.elts, strict=True):
                yield from _paired(one, other)
        return
    name = _name_of(target)
    if name is not None:
        yield value, name


def _name_of(target: ast.expr) -> str | None:
    """Return the name that an assignment gives: ``z``, ``self.z``."""
    if isinstance(target, (ast.Name, ast.Attribute)):
        name = ast.unparse(target)
        return name if is_name(name) and len(name) <= LONGEST else None
    return None


def _position(node: Any) -> tuple[int, ...]:
    return (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)


# --- the words for the arguments ------------------------------------------------------


def operands(expression: Any, operation: str) -> list[str | None]:
    """Return the words that a line has for the array arguments of an operation."""
    parts: list[ast.expr] = []
    match expression:
        case ast.BinOp(left=left, right=right):
            parts = [left, right]
        case ast.UnaryOp(operand=operand):
            parts = [operand]
        case ast.Subscript(value=value):
            parts = [value]
        case ast.Call() if _calls(expression, operation):
            parts = _array_arguments(expression, operation)
    return [_word_for(part) for part in parts]


def arguments(expression: Any, function: str) -> list[str | None]:
    """Return the words for the arguments of a call of a function, or of a model."""
    if not isinstance(expression, ast.Call):
        return []
    if len(expression.args) != 1 and not _calls(expression, function):
        return []
    return [_word_for(part) for part in _until_starred(expression.args)]


def calls_more(expression: Any, operation: str) -> bool:
    """Tell whether a call may make several operations, not just the one it names."""
    return isinstance(expression, ast.Call) and not _calls(expression, operation)


def _until_starred(found: list[ast.expr]) -> list[ast.expr]:
    """Return the arguments before ``*others``, whose places are known."""
    return list(itertools.takewhile(lambda x: not isinstance(x, ast.Starred), found))


def _array_arguments(call: ast.Call, operation: str) -> list[ast.expr]:
    """Return the arguments of a call that are arrays, in the order of the table."""
    found = _until_starred(call.args)
    if operation == "where":  # its condition is no array of the tape
        return found[1:]
    if operation in ("concat", "stack") and found:
        first = found[0]
        return (
            _until_starred(first.elts)
            if isinstance(first, (ast.List, ast.Tuple))
            else []
        )
    return found


def _calls(call: ast.Call, operation: str) -> bool:
    """Tell whether a call in the user's line is of the operation itself."""
    function = call.func
    name = getattr(function, "attr", getattr(function, "id", ""))
    return bool(name == operation)


def _word_for(part: ast.expr) -> str | None:
    """Return what the user's line says for an argument, where that is short."""
    if isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)):
        word = ast.unparse(part)
        return word if len(word) <= LONGEST else None
    if isinstance(part, (ast.BinOp, ast.UnaryOp, ast.Call)):
        word = ast.unparse(part)
        return text(word, {}) if len(word) <= _SHORT else None
    return None


def is_name(word: str) -> bool:
    """Tell whether a word is a name, an attribute or an item, and not a formula."""
    return word[:1].isidentifier() and all(c.isalnum() or c in "_.[]\"'" for c in word)
