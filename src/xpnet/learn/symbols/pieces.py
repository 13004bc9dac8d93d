"""Parts of formulas: their markup, how tightly they hold, and what styles write."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "ATOM",
    "CHOICE",
    "COMPARISON",
    "MATMUL",
    "POWER",
    "PRODUCT",
    "QUOTIENT",
    "SUM",
    "Piece",
    "Style",
    "opaque",
]

# How tightly a piece holds together; a piece that is looser than its place allows is
# put in parentheses.
CHOICE, COMPARISON, SUM, QUOTIENT, MATMUL, PRODUCT, POWER, ATOM = range(8)


_PROSE = re.compile(r"\w[,)]? [^\W\d]\w")  # a word after a word: g where x holds


class Piece(NamedTuple):
    """A part of a formula: its markup, how tightly it holds, and how it begins."""

    markup: str
    level: int = ATOM
    negative: bool = False  # begins with a minus sign
    head: str = "other"  # what it begins with: "number", "letter", "word"
    literal: bool = False  # is a number and nothing else


class Style(ABC):
    """What each part of a formula looks like."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    @abstractmethod
    def said(self, words: str) -> str:
        """Write words between formulas."""

    @abstractmethod
    def mark(self, sign: str, *, tight: bool = False, prefix: bool = False) -> str:
        """Write an operator, with space around it unless it is `tight`."""

    @abstractmethod
    def leaf(self, shown: str, *, is_number: bool = False) -> str:
        """Write a name or a number."""

    @abstractmethod
    def foreign(self, shown: str) -> str:
        """Write a name that cannot be read as a formula."""

    @abstractmethod
    def fence(self, left: str, inner: str, right: str) -> str:
        """Put brackets around a part."""

    @abstractmethod
    def quotient(self, over: Piece, under: Piece) -> Piece:
        """Write a division."""

    @abstractmethod
    def root(self, inner: Piece) -> Piece:
        """Write a square root."""

    @abstractmethod
    def derivative(self, of: Piece, by: Piece) -> Piece:
        """Write a partial derivative."""

    @abstractmethod
    def raised(self, base: str, exponent: Piece) -> str:
        """Write an exponent."""

    @abstractmethod
    def lowered(self, base: str, index: str) -> str:
        """Write an index."""

    @abstractmethod
    def applied(self, function: str, arguments: str) -> str:
        """Write a function before its arguments."""

    @abstractmethod
    def choice(self, yes: Piece, test: Piece, no: Piece) -> Piece:
        """Write what is one thing where a test holds, and another elsewhere."""

    def within(self, piece: Piece, least: int, *, leading: bool = False) -> Piece:
        """Put a piece in parentheses where it is looser than its place allows."""
        if piece.level >= least and (leading or not piece.negative):
            return piece
        left, right = "[]" if piece.level == COMPARISON else "()"
        head = "number" if piece.literal else "other"
        return Piece(self.fence(left, piece.markup, right), head=head)


def opaque(shown: str, markup: str) -> Piece:
    """Judge a name that cannot be read by the signs outside its brackets."""
    depth, level = 0, ATOM
    for i, sign in enumerate(shown):
        depth += (sign in "([{") - (sign in ")]}")
        if depth > 0 or i == 0:
            continue
        if sign in "+−-":
            level = min(level, SUM)
        elif sign == "/":
            level = min(level, QUOTIENT)
        elif sign in "·*× ":
            level = min(level, PRODUCT)
        elif sign in "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿᵀᴴ^":
            level = min(level, POWER)
    if _PROSE.search(shown):
        level = min(level, SUM)
    if shown[:1].isdigit() and any(map(str.isalpha, shown)):
        level = min(level, PRODUCT)
    head = "number" if shown[:1].isdigit() else "word"
    return Piece(markup, level, shown.startswith(("−", "-")), head)
