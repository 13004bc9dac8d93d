"""A formula as a chain of links, each a function of the next."""

from __future__ import annotations

import ast
from typing import Any

from ..symbols import text

__all__ = ["INNER", "chain_text", "holds", "links_of", "tree_of"]

INNER = "u"


def links_of(formula: str, by: str) -> list[str]:
    """Return the links of a chain, from the outside, each as a formula of ``u``.

    Examples
    --------
    >>> links_of("(tanh(w*x + b) - y)**2", "w")
    ['u ** 2', 'tanh(u) - y', 'w * x + b']
    """
    node = tree_of(formula)
    inner = _inner(node, by)
    if inner is None:
        return [ast.unparse(node)]
    outer = ast.unparse(_replace(node, inner))
    return [outer, *links_of(ast.unparse(inner), by)]


def chain_text(links: list[str], start: int) -> str:
    """Return the formula of the links from one on, as a learner reads it.

    Examples
    --------
    >>> chain_text(["u ** 2", "tanh(u) - y", "w * x + b"], 1)
    'tanh(w·x + b) − y'
    """
    whole = tree_of(links[-1])
    for link in reversed(links[start:-1]):
        whole = _put(tree_of(link), whole)
    return text(ast.unparse(whole), {})


def tree_of(formula: str) -> ast.expr:
    """Return a formula of a lesson (never one that was typed) as a tree."""
    return ast.parse(formula, mode="eval").body


def holds(node: ast.AST, name: str) -> bool:
    """Whether a variable stands anywhere in a tree."""
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))


def _inner(node: ast.expr, by: str) -> ast.expr | None:
    """Return what the outermost function of the variable is a function of."""
    inside = _argument(node, by)
    if inside is not None:
        return None if isinstance(inside, ast.Name) else inside
    parts = [part for part in ast.iter_child_nodes(node) if holds(part, by)]
    if len(parts) != 1 or not isinstance(parts[0], ast.expr):
        return None
    return _inner(parts[0], by)


def _argument(node: ast.expr, by: str) -> ast.expr | None:
    """Return u where a node is f(u), uⁿ or c/u and u holds the variable."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        return node.args[0]
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Pow) and not holds(node.right, by):
            return node.left
        if isinstance(node.op, ast.Div) and not holds(node.left, by):
            return node.right
    return None


def _replace(node: ast.expr, inner: ast.expr) -> ast.expr:
    """Return the tree with ``u`` in place of one of its parts."""

    class Replace(ast.NodeTransformer):
        def visit(self, part: ast.AST) -> Any:
            if part is inner:
                return ast.Name(INNER, ast.Load())
            return self.generic_visit(part)

    return Replace().visit(node)  # type: ignore[no-any-return]


def _put(link: ast.expr, inner: ast.expr) -> ast.expr:
    """Return the tree with a part in place of ``u``."""

    class Put(ast.NodeTransformer):
        def visit_Name(self, part: ast.Name) -> Any:
            return inner if part.id == INNER else part

    return Put().visit(link)  # type: ignore[no-any-return]
