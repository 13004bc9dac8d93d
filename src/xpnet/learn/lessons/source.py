"""The lines of a function, as they stand in its file and as they ran."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

__all__ = ["code_of"]


def code_of(function: Callable[..., Any]) -> str:
    """Return the body of a function, without its docstring and ``return locals()``.

    Examples
    --------
    >>> import colorsys
    >>> print(code_of(colorsys.rgb_to_yiq).splitlines()[0])
    y = 0.30*r + 0.59*g + 0.11*b
    """
    text = textwrap.dedent(inspect.getsource(function))
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    body = list(node.body)
    first = body[0].lineno
    if ast.get_docstring(node) is not None:
        first = (body[0].end_lineno or first) + 1
        body = body[1:]
    if ast.unparse(body[-1]) == "return locals()":
        body = body[:-1]
    lines = text.splitlines()[first - 1 : body[-1].end_lineno]
    return textwrap.dedent("\n".join(lines)).strip("\n")
