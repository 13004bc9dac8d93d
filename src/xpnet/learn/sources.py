"""The library's own source of a rule, as it stands in the table of derivatives."""

from __future__ import annotations

import ast
import functools
import inspect
from typing import Any

from ..calculus.kinds.composite import Composite
from ..calculus.rule import Binary, Unary
from .steps import Step

__all__ = ["rule_source"]

_LONGEST = 60  # lines of a statement that are shown


def rule_source(step: Step) -> str:
    """Return the library's own source of a step's row, as it stands in the table."""
    row = step.row
    if row is None:
        return ""
    if isinstance(row, (Unary, Binary)):
        return _statement(row.rules[0])
    if isinstance(row, Composite):
        return _statement(row.reference)
    for name in ("vjp", "transpose", "pulls"):
        found = getattr(row, name, None)
        if found is not None:
            return _statement(found[0] if isinstance(found, tuple) else found)
    return _statement(type(row).pull)


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
    for node in ast.parse(source).body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)])
        last = node.end_lineno or 0
        if isinstance(node, (ast.ClassDef, ast.For)) or last - first >= _LONGEST:
            continue
        if first <= code.co_firstlineno <= last:
            return "".join(source.splitlines(keepends=True)[first - 1 : last])
    return inspect.cleandoc(inspect.getsource(function))
