"""Typical wrong derivatives, each with a sentence that names what went wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..symbols import text
from .chain import INNER, chain_text, holds, links_of, tree_of
from .points import Points, differentiate, evaluate, same

if TYPE_CHECKING:
    from .derivative import Derivative

__all__ = ["mistakes_in"]

Mistake = tuple[Any, str]


def mistakes_in(
    question: Derivative, points: Points, wanted: Any, typed: str
) -> Iterator[Mistake]:
    """Yield wrong values at the points, and what to say to who typed them."""
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
        f"That is {text(question.of, {})} itself. The question is how fast it changes.",
    )
    yield (
        np.zeros(len(points[question.by])),
        f"0 would mean that {question.by} moves nothing here, and it does.",
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
    than = f"{abs(shift):.4g} {'more' if shift > 0 else 'less'} than the derivative"
    yield wanted + shift, f"All but a constant is right: yours is {than}."


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
            f"{text(question.of, {})}.",
        )


def _power(question: Derivative, points: Points) -> Iterator[Mistake]:
    """Yield n·xⁿ, where the exponent has not gone down."""
    node = tree_of(question.of)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        exponent = ast.unparse(node.right)
        yield (
            evaluate(f"({exponent})*({question.of})", points),
            "The exponent comes down as a factor, and it also goes down by one.",
        )


# --- products -------------------------------------------------------------------------


def _product(question: Derivative, points: Points) -> Iterator[Mistake]:
    node = tree_of(question.of)
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)):
        return
    if not (holds(node.left, question.by) and holds(node.right, question.by)):
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
            f"That is the path through {text(factor, {})} alone. {question.by} reaches "
            "the result by two paths: add the other one.",
        )


# --- the chain rule ------------------------------------------------------------------


def _chain(question: Derivative, points: Points) -> Iterator[Mistake]:
    """Yield products of the links' derivatives with one forgotten or misplaced."""
    links = links_of(question.of, question.by)
    if len(links) < 2:
        return
    factors = _factors(links, question.by, points)
    for i, link in enumerate(links):
        others = [factor for j, factor in enumerate(factors) if j != i]
        if i == len(links) - 1:
            missing = f"{text(link, {})} with respect to {question.by}, the innermost"
        else:
            inside = chain_text(links, i + 1)
            missing = f"{text(link, {})} with respect to {INNER}, at {INNER} = {inside}"
        yield (
            np.prod(others, axis=0),
            f"A factor of the chain rule is missing: the derivative of {missing}.",
        )
    yield from _misplaced(question, points, links, factors)


def _misplaced(
    question: Derivative, points: Points, links: list[str], factors: list[Any]
) -> Iterator[Mistake]:
    """Yield the outermost derivative taken at the variable, not at what is inside."""
    at_variable = dict(points) | {INNER: points[question.by]}
    wrong = differentiate(links[0], INNER, at_variable)
    where = chain_text(links, 1)
    says = (
        f"The derivative of the outer function belongs at {where}, not at "
        f"{question.by}."
    )
    yield wrong * np.prod(factors[1:], axis=0), says
    yield wrong, says + f" The derivative of {where} is missing too."
    at_slope = dict(points) | {INNER: np.prod(factors[1:], axis=0)}
    yield (
        differentiate(links[0], INNER, at_slope),
        f"The derivative of the outer function belongs at {where}, not at its "
        "derivative; that one is a factor.",
    )


def _factors(links: list[str], by: str, points: Points) -> list[Any]:
    """Return the derivative of each link at the points, from the outside."""
    factors = [differentiate(links[-1], by, points)]
    value = evaluate(links[-1], points)
    for link in reversed(links[:-1]):
        at = dict(points) | {INNER: value}
        factors.insert(0, differentiate(link, INNER, at))
        value = evaluate(link, at)
    return factors
