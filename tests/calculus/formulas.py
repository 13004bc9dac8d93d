"""Evaluate the formula of a row as a learner reads it, and nothing else."""

from __future__ import annotations

import ast
from typing import Any

_ALLOWED = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.Call,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
)


def evaluate(formula: str, xp: Any, **values: Any) -> Any:
    """Return the value of a formula in variables and the functions of `xp`.

    Only arithmetic, comparisons and calls of functions of `xp` by name are allowed.
    """
    tree = ast.parse(formula, mode="eval")
    names = dict(values)
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ValueError(
                f"{formula!r}: {type(node).__name__} is not part of a formula."
            )
        if isinstance(node, ast.Name) and node.id not in names:
            names[node.id] = getattr(xp, node.id)
    return eval(compile(tree, formula, "eval"), {"__builtins__": {}}, names)
