# ruff: noqa: D102 - `Style` says what each method does
"""The two styles of formulas: plain text, and MathML."""

from __future__ import annotations

import re
from typing import final

from ..markup import escaped
from .pieces import ATOM, CHOICE, POWER, PRODUCT, QUOTIENT, SUM, Piece
from .writing import Writer

__all__ = ["MathML", "Text"]

_LEAF = re.compile(r"<(\w+)>[^<]*</\1>")
_RAISED = dict(zip("-−+0123456789nixyTH", "⁻⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹ⁿⁱˣʸᵀᴴ", strict=True))


@final
class Text(Writer):
    """Plain text with real minus signs, raised digits and few parentheses."""

    def said(self, words: str) -> str:
        return words

    def mark(self, sign: str, *, tight: bool = False, prefix: bool = False) -> str:
        if sign == ",":
            return ", "
        if sign == "\u2062":
            return ""
        return sign if tight or sign == "…" else f" {sign} "

    def leaf(self, shown: str, *, is_number: bool = False) -> str:
        return shown

    def foreign(self, shown: str) -> str:
        return shown

    def fence(self, left: str, inner: str, right: str) -> str:
        return left + inner + right

    def quotient(self, over: Piece, under: Piece) -> Piece:
        a, b = self.within(over, PRODUCT, leading=True), self.within(under, POWER)
        return Piece(f"{a.markup} / {b.markup}", QUOTIENT, a.negative, a.head)

    def derivative(self, of: Piece, by: Piece) -> Piece:
        shown = f"∂{self.within(of, ATOM).markup}/∂{self.within(by, ATOM).markup}"
        return Piece(shown, PRODUCT, head="word")

    def root(self, inner: Piece) -> Piece:
        return Piece("√" + self.within(inner, ATOM).markup)

    def raised(self, base: str, exponent: Piece) -> str:
        shown = exponent.markup.replace(" ", "")
        if all(sign in _RAISED for sign in shown):
            return base + "".join(_RAISED[sign] for sign in shown)
        return f"{base}^{self.within(exponent, ATOM).markup}"

    def lowered(self, base: str, index: str) -> str:
        return f"{base}[{index}]"

    def applied(self, function: str, arguments: str) -> str:
        return function + arguments

    def choice(self, yes: Piece, test: Piece, no: Piece) -> Piece:
        return Piece(f"{yes.markup} if {test.markup} else {no.markup}", CHOICE)


def _row(markup: str) -> str:
    """Return markup as exactly one element, as fractions and powers need it."""
    return markup if _LEAF.fullmatch(markup) else f"<mrow>{markup}</mrow>"


@final
class MathML(Writer):
    """Native MathML: fractions, raised powers, roots, identifiers and numbers."""

    def said(self, words: str) -> str:
        return f"<mtext>{words.replace(' ', chr(0xA0))}</mtext>"

    def mark(self, sign: str, *, tight: bool = False, prefix: bool = False) -> str:
        if sign == " ":  # between a number and what is no letter: 2 tanh(x)
            return '<mo lspace="0.17em" rspace="0">\u2062</mo>'
        form = ' form="prefix"' if prefix else ""
        return f"<mo{form}>{escaped(sign)}</mo>"

    def leaf(self, shown: str, *, is_number: bool = False) -> str:
        tag = "mn" if is_number else "mi"
        return f"<{tag}>{escaped(shown)}</{tag}>"

    def foreign(self, shown: str) -> str:
        return f"<mtext>{escaped(shown)}</mtext>"

    def fence(self, left: str, inner: str, right: str) -> str:
        return f"<mrow><mo>{left}</mo>{inner}<mo>{right}</mo></mrow>"

    def quotient(self, over: Piece, under: Piece) -> Piece:
        a, b = (
            self.within(over, SUM, leading=True),
            self.within(under, SUM, leading=True),
        )
        return Piece(f"<mfrac>{_row(a.markup)}{_row(b.markup)}</mfrac>", POWER)

    def derivative(self, of: Piece, by: Piece) -> Piece:
        parts = (
            f"<mrow><mi>∂</mi>{self.within(part, ATOM).markup}</mrow>"
            for part in (of, by)
        )
        return Piece(f"<mfrac>{''.join(parts)}</mfrac>", POWER)

    def root(self, inner: Piece) -> Piece:
        return Piece(f"<msqrt>{inner.markup}</msqrt>")

    def raised(self, base: str, exponent: Piece) -> str:
        return f"<msup>{_row(base)}{_row(exponent.markup)}</msup>"

    def lowered(self, base: str, index: str) -> str:
        return f"<msub>{_row(base)}{_row(index)}</msub>"

    def applied(self, function: str, arguments: str) -> str:
        return f"<mrow>{function}<mo>\u2061</mo>{arguments}</mrow>"

    def choice(self, yes: Piece, test: Piece, no: Piece) -> Piece:
        when = f"<mtext>if\u00a0</mtext>{test.markup}"
        rows = (
            f"<mtr><mtd>{yes.markup}</mtd><mtd>{when}</mtd></mtr>"
            f"<mtr><mtd>{no.markup}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr>"
        )
        shown = f"<mrow><mo>{{</mo><mtable>{rows}</mtable></mrow>"
        return Piece(shown, CHOICE)
