"""Where each row of the table of derivatives stands in the library's own files."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..calculus.kinds.base import TABLE

__all__ = ["Place", "place_of"]

FOLDER = Path(__file__).parents[1] / "calculus" / "table"


class Place(NamedTuple):
    """A statement of the table: its file, its first line, and its source."""

    file: str
    line: int
    source: str


def place_of(name: str) -> Place:
    r"""Return where a row stands; a place without a file where that is not known.

    Examples
    --------
    >>> place_of("tanh").source
    'unary("tanh", "1 - tanh(x)**2", lambda xp, t, x, _: t * xp.tanh_slope(x))\n'
    """
    return _places().get(name, Place("", 0, ""))


@cache
def _places() -> dict[str, Place]:
    """Return the statement in which each row of the table stands, by the row's name."""
    found: dict[str, Place] = {}
    for path in sorted(FOLDER.glob("*.py")):
        text = path.read_text("utf-8")
        name = path.relative_to(FOLDER.parents[2]).as_posix()
        for statement in ast.parse(text).body:
            for row in _named(statement):
                found.setdefault(row, _statement(name, text, statement))
    return found


def _named(statement: ast.stmt) -> list[str]:
    """Return the rows that a statement of the table makes."""
    match statement:
        case ast.FunctionDef(name=name, decorator_list=decorators):
            makers = [d for d in decorators if not _is_addition(d)]
            return _rows_of(makers) or [name][: len(makers)]
        case ast.Expr(value=ast.Call() as call) | ast.Assign(value=ast.Call() as call):
            return _rows_of([call, call.func])
        case ast.For():  # over names, or over their ends
            words = [word for text in _texts(statement) for word in text.split()]
            return [*words, *(first + last for first in words for last in words)]
        case _:
            return []


def _is_addition(decorator: ast.expr) -> bool:
    """Whether a function is for rules to call, and has no row of its own by this."""
    return ast.unparse(decorator).startswith("addition(")


def _rows_of(calls: Iterable[ast.expr]) -> list[str]:
    """Return the rows whose names are arguments of calls."""
    arguments = [a for call in calls if isinstance(call, ast.Call) for a in call.args]
    values = [a.value for a in arguments if isinstance(a, ast.Constant)]
    return [value for value in values if isinstance(value, str) and value in TABLE]


def _texts(tree: ast.AST) -> list[str]:
    """Return the texts that stand in a part of a program."""
    found = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [text for text in found if isinstance(text, str)]


def _statement(name: str, text: str, statement: ast.stmt) -> Place:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(d.lineno for d in decorators)])
    lines = text.splitlines(keepends=True)[first - 1 : statement.end_lineno]
    return Place(name, first, "".join(lines))
