"""Read a formula into a tree by `ast`, as typed in code or as shown to a learner.

``1 − tanh²(z)``, ``2 (a − y)`` and ``g @ yᵀ`` are read as the code they stand for, so
what has been written for a learner can be written again in another style.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Part", "Unreadable", "parts_of", "read"]

_LONGEST = 1000
_DEEPEST = 60
_RAISED = "⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹ⁿⁱˣʸ"
_LOWERED = str.maketrans(_RAISED, "-+0123456789nixy")
_FOREIGN = re.compile("[\"'\\\\`#;\\n]")
_APPLIED_POWER = re.compile(rf"((?:(?![{_RAISED}])\w)+)([{_RAISED}]+)\(")

# a name of a user's: loss, m[0].weight; a transpose is no part of it
_NAME = r"[^\W\d]\w*(?:\.(?![TH]\b)[^\W\d]\w*|\[\d+\])*"
_BY_EXPRESSION = re.compile(rf"∂({_NAME})/∂\(")

# Signs of the page, and the code they stand for, in the order in which they are read.
_SIGNS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(r"([\d.]+)×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"), lambda m: m[1] + "e" + _lowered(m[2])),
    (re.compile("ᵀ"), ".T"),
    (re.compile(r"ᴴ|\^H\b"), ".H"),  # `^` binds more loosely than `@`
    (re.compile(r"\^"), "**"),
    (re.compile(f"[{_RAISED}]+"), lambda m: f"**({_lowered(m[0])})"),
    (re.compile("−"), "-"),
    (re.compile("[·×\u2062]"), "*"),
    (re.compile("≥"), ">="),
    (re.compile("≤"), "<="),
    (re.compile("≠"), "!="),
    (re.compile(r"√(?=\()"), "sqrt"),
    (re.compile(r"√(\w+)"), r"sqrt(\1)"),
    (re.compile(r"\|([^|]*)\|"), r"abs(\1)"),
    (re.compile("⌊([^⌊⌋]*)⌋"), r"floor(\1)"),
    (re.compile("⌈([^⌈⌉]*)⌉"), r"ceil(\1)"),
    (re.compile("π"), "pi"),
    (re.compile(rf"∂({_NAME})/∂({_NAME})"), r"partial(\1, \2)"),
    (re.compile("σ′"), "expit_slope"),
    (re.compile(r"σ(?=\()"), "expit"),
    (re.compile("tanh′"), "tanh_slope"),
    (re.compile(r"(?<![=<>!])=(?!=)"), "=="),
    # 2x and 2 (a − y), but not 1e-7, 1j, w1, 1 if
    (
        re.compile(
            r"(?<![\w.])(\d+(?:\.\d+)?)(?: (?=[\w(])|(?=[^\W\d_]))"
            r"(?!e[-+]?\d|j\b|if\b|else\b)"
        ),
        r"\1*",
    ),
]


class Unreadable(Exception):
    """A text is not a formula."""


class Part(NamedTuple):
    """A formula, or the definition ``name = value`` of a symbol in one."""

    name: ast.expr | None
    value: ast.expr


def read(shown: str) -> ast.expr:
    """Return the tree of an expression, or raise `Unreadable`."""
    if len(shown) > _LONGEST or _FOREIGN.search(shown):
        raise Unreadable
    code = _code(shown)
    try:
        tree = ast.parse(code.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable from None
    if _depth(tree) > _DEEPEST:
        raise Unreadable
    return tree


def _depth(tree: ast.AST) -> int:
    """Return how many levels a tree has; without recursion, which is limited."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def parts_of(formula: str) -> list[Part]:
    """Return a formula and the definitions that follow it after commas."""
    return [_part(part) for part in _split(formula.replace(", where ", ", "))]


def _part(shown: str) -> Part:
    at = [i for i in _outside(shown, "=") if shown[i - 1 : i + 2] == " = "]
    if not at:
        return Part(None, read(shown))
    return Part(read(shown[: at[0]]), read(shown[at[0] + 1 :]))


def _split(shown: str) -> list[str]:
    """Split at the commas outside brackets."""
    ends = [*_outside(shown, ","), len(shown)]
    starts = [0, *(end + 1 for end in ends)]
    return [shown[a:b] for a, b in zip(starts, ends, strict=False)]


def _outside(shown: str, wanted: str) -> list[int]:
    """Return where a sign stands outside brackets."""
    found, depth = [], 0
    for i, sign in enumerate(shown):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == wanted and depth == 0:
            found.append(i)
    return found


def _lowered(raised: str) -> str:
    return raised.translate(_LOWERED)


def _code(shown: str) -> str:
    """Return the code that a formula on the page stands for."""
    while found := _APPLIED_POWER.search(shown):  # tanh²(z)
        inside, rest = _bracketed(shown, found.end() - 1)
        whole = f"({found[1]}{inside}**({_lowered(found[2])}))"
        shown = shown[: found.start()] + whole + rest
    while found := _BY_EXPRESSION.search(shown):  # ∂loss/∂(a − y)
        inside, rest = _bracketed(shown, found.end() - 1)
        shown = f"{shown[: found.start()]}partial({found[1]}, {inside}){rest}"
    for pattern, code in _SIGNS:
        shown = pattern.sub(code, shown)
    return shown


def _bracketed(shown: str, start: int) -> tuple[str, str]:
    """Return what stands in the bracket that opens at `start`, and what follows it."""
    depth = 0
    for i in range(start, len(shown)):
        depth += (shown[i] == "(") - (shown[i] == ")")
        if depth == 0:
            return shown[start : i + 1], shown[i + 1 :]
    raise Unreadable
