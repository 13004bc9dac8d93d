"""Typical wrong derivatives, each with a sentence that names what went wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .points import Points, differentiate, evaluate, same

if TYPE_CHECKING:
    from .derivative import Derivative

__all__ = ["links_of", "mistakes_in"]

_INNER = "u"
Mistake = tuple[Any, str]


def mistakes_in(
    question: Derivative, points: Points, wanted: Any, typed: str
) -> Iterator[Mistake]:
    """Yield wrong values at the points, and what to say to who typed them."""
    for formula, says in question.mistakes:
        yield evaluate(formula, points), says
    yield from _not_this_derivative(question, points)
    yield from _chain(question, points)
    yield from _product(question, points)
    yield from _power(question, points)
    yield from _constants(points, wanted, typed)
    yield from _other_variables(question, points)
    yield from _other_order(question, points, typed)


def _not_this_derivative(question: Derivative, points: Points) -> Iterator[Mistake]:
    yield (
        evaluate(question.of, points),
        f"That is {question.of} itself. The question is how fast it changes.",
    )


def _constants(points: Points, wanted: Any, typed: str) -> Iterator[Mistake]:
    """Yield the derivative with a wrong sign, factor or constant."""
    given = evaluate(typed, points)
    yield -wanted, "The size is right, the sign is not."
    there = np.isfinite(wanted) & (np.abs(wanted) > 1e-9)
    if not there.any():
        return
    first = int(np.flatnonzero(there)[0])
    factor = given[first] / wanted[first]
    if 0.9 < factor < 1.1:
        yield factor * wanted, "Close: type exact numbers, such as 1/3."
    yield (
        factor * wanted,
        f"A constant factor is off: yours is {factor:.4g} times the derivative.",
    )
    shift = given[first] - wanted[first]
    yield (
        wanted + shift,
        "All but a constant is right: the derivative of a constant is 0."
        if shift > 0
        else f"A constant is missing: yours is {-shift:.4g} less than the derivative.",
    )


def _other_variables(question: Derivative, points: Points) -> Iterator[Mistake]:
    for name in question.variables:
        if name != question.by:
            yield (
                differentiate(question.of, name, points),
                f"That is the derivative with respect to {name}; here {name} is held "
                f"constant, and {question.by} moves.",
            )


def _other_order(question: Derivative, points: Points, typed: str) -> Iterator[Mistake]:
    """Yield what was differentiated twice, or in the wrong direction."""
    yield (
        differentiate(question.answer, question.by, points),
        "You have differentiated twice: once is asked for.",
    )
    back = differentiate(typed, question.by, points)
    if same(back, evaluate(question.of, points)):
        yield (
            evaluate(typed, points),
            f"You have gone the other way: the derivative of your formula is "
            f"{question.of}.",
        )


def _power(question: Derivative, points: Points) -> Iterator[Mistake]:
    """Yield n·xⁿ, where the exponent has not gone down."""
    node = _formula(question.of)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        exponent = ast.unparse(node.right)
        yield (
            evaluate(f"({exponent})*({question.of})", points),
            "The exponent comes down as a factor, and it also goes down by one.",
        )


# --- products ----------------------------------------------------------------------


def _product(question: Derivative, points: Points) -> Iterator[Mistake]:
    node = _formula(question.of)
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)):
        return
    if not (_holds(node.left, question.by) and _holds(node.right, question.by)):
        return
    u, v = ast.unparse(node.left), ast.unparse(node.right)
    du, dv = (differentiate(part, question.by, points) for part in (u, v))
    yield (
        du * dv,
        "The derivative of a product is not the product of the derivatives: there are "
        "two paths, one through each factor, and they add.",
    )
    for one_path, factor in (
        (du * evaluate(v, points), u),
        (evaluate(u, points) * dv, v),
    ):
        yield (
            one_path,
            f"That is the path through {factor}. {question.by} reaches the result by "
            "two paths: add the other one.",
        )


# --- the chain rule ------------------------------------------------------------------


def links_of(formula: str, by: str) -> list[str]:
    """Return the links of a chain, from the outside, each as a formula of ``u``.

    Examples
    --------
    >>> links_of("(tanh(w*x + b) - y)**2", "w")
    ['u ** 2', 'tanh(u) - y', 'w * x + b']
    """
    node = _formula(formula)
    inner = _inner(node, by)
    if inner is None:
        return [ast.unparse(node)]
    outer = ast.unparse(_replace(node, inner))
    return [outer, *links_of(ast.unparse(inner), by)]


def _chain(question: Derivative, points: Points) -> Iterator[Mistake]:
    """Yield products of the links' derivatives with one forgotten or misplaced."""
    links = links_of(question.of, question.by)
    if len(links) < 2:
        return
    factors = _factors(links, question.by, points)
    for i, link in enumerate(links):
        others = [factor for j, factor in enumerate(factors) if j != i]
        last = i == len(links) - 1
        yield (
            np.prod(others, axis=0),
            (
                f"A factor of the chain rule is missing: the derivative of {link} with "
                f"respect to {question.by if last else _INNER}"
                + (
                    ", the innermost."
                    if last
                    else f", where u is {_text(links, i + 1)}."
                )
            ),
        )
    yield from _misplaced(question, points, links, factors)


def _misplaced(
    question: Derivative, points: Points, links: list[str], factors: list[Any]
) -> Iterator[Mistake]:
    """Yield the outermost derivative taken at the variable, not at what is inside."""
    at_variable = dict(points) | {_INNER: points[question.by]}
    wrong = differentiate(links[0], _INNER, at_variable)
    where = _text(links, 1)
    says = (
        f"The derivative of the outer function belongs at {where}, not at "
        f"{question.by}."
    )
    yield wrong * np.prod(factors[1:], axis=0), says
    yield wrong, says + f" The derivative of {where} is missing too."
    at_slope = dict(points) | {_INNER: np.prod(factors[1:], axis=0)}
    yield (
        differentiate(links[0], _INNER, at_slope),
        f"The derivative of the outer function belongs at {where}, not at its "
        "derivative; that one is a factor.",
    )


def _factors(links: list[str], by: str, points: Points) -> list[Any]:
    """Return the derivative of each link at the points, from the outside."""
    factors = [differentiate(links[-1], by, points)]
    value = evaluate(links[-1], points)
    for link in reversed(links[:-1]):
        at = dict(points) | {_INNER: value}
        factors.insert(0, differentiate(link, _INNER, at))
        value = evaluate(link, at)
    return factors


def _text(links: list[str], start: int) -> str:
    """Return the formula of the links from one on, put together again."""
    whole = _formula(links[-1])
    for link in reversed(links[start:-1]):
        whole = _put(_formula(link), whole)
    return ast.unparse(whole)


# --- formulas as trees ---------------------------------------------------------------


def _formula(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _holds(node: ast.AST, name: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))


def _inner(node: ast.expr, by: str) -> ast.expr | None:
    """Return what the outermost function of the variable is a function of."""
    inside = _argument(node, by)
    if inside is not None:
        return None if isinstance(inside, ast.Name) else inside
    parts = [part for part in ast.iter_child_nodes(node) if _holds(part, by)]
    if len(parts) != 1 or not isinstance(parts[0], ast.expr):
        return None
    return _inner(parts[0], by)


def _argument(node: ast.expr, by: str) -> ast.expr | None:
    """Return u where a node is f(u), uⁿ or c/u and u holds the variable."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        return node.args[0]
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Pow) and not _holds(node.right, by):
            return node.left
        if isinstance(node.op, ast.Div) and not _holds(node.left, by):
            return node.right
    return None


def _replace(node: ast.expr, inner: ast.expr) -> ast.expr:
    """Return the tree with ``u`` in place of one of its parts."""

    class Replace(ast.NodeTransformer):
        def visit(self, part: ast.AST) -> Any:
            if part is inner:
                return ast.Name(_INNER, ast.Load())
            return self.generic_visit(part)

    return Replace().visit(node)  # type: ignore[no-any-return]


def _put(link: ast.expr, inner: ast.expr) -> ast.expr:
    """Return the tree with a part in place of ``u``."""

    class Put(ast.NodeTransformer):
        def visit_Name(self, part: ast.Name) -> Any:
            return inner if part.id == _INNER else part

    return Put().visit(link)  # type: ignore[no-any-return]
