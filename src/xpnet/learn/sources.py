"""The library's own source of a rule, as it stands in the table of derivatives."""

from __future__ import annotations

import ast
import functools
import inspect
from typing import Any

from ..calculus.kinds.composite import Composite
from ..calculus.kinds.custom import Custom
from ..calculus.rule import (
    Bilinear,
    Binary,
    General,
    Linear,
    LinearSequence,
    Row,
    Several,
    Unary,
)
from .steps import Step

__all__ = ["rule_source"]

_LONGEST = 60  # lines of a statement that are shown


def rule_source(step: Step) -> str:
    """Return the source of a step's rule: its row as it stands in the table.

    Of a rule that somebody else has written it is the function itself.
    """
    return "" if step.row is None else _statement(_rule(step.row))


def _rule(row: Row) -> Any:
    """Return the function of a row that says how a gradient goes back."""
    if isinstance(row, (Unary, Binary)):
        return row.rules[0]
    if isinstance(row, Composite):
        return row.reference
    if isinstance(row, (Linear, LinearSequence)):
        return row.transpose
    if isinstance(row, Bilinear):
        return row.pulls[0]
    if isinstance(row, (General, Several)):
        return row.vjp
    if isinstance(row, Custom):
        return row.vjp or row.jvp
    return type(row).pull


@functools.cache
def _statement(function: Any) -> str:
    """Return the statement of a module that a function stands in."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    try:
        source = "".join(inspect.findsource(function)[0])
    except (OSError, TypeError):
        return ""
    inner = "<locals>" in function.__qualname__  # of a function, which is not the rule
    for node in [] if inner else ast.parse(source).body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)])
        last = node.end_lineno or 0
        if isinstance(node, (ast.ClassDef, ast.For)) or last - first >= _LONGEST:
            continue
        if first <= code.co_firstlineno <= last:
            return "".join(source.splitlines(keepends=True)[first - 1 : last])
    return inspect.cleandoc(inspect.getsource(function))
