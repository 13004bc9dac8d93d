"""Formulas of the table of derivatives as a learner reads them: text and MathML.

``1 - tanh(x)**2`` with `z` for `x` becomes ``1 − tanh²(z)``. A formula is read by
`ast` and never run; what cannot be read is shown as it is.
"""

from __future__ import annotations

import ast
import html
import operator
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .digits import number, shape_text, summary, value_text
from .reading import Unreadable, parts_of, read
from .templates import evaluate

__all__ = [
    "evaluate",
    "mathml",
    "number",
    "numbers",
    "shape_text",
    "summary",
    "text",
    "value_text",
]

# How tightly a piece holds together; a piece that is looser than its place allows is
# put in parentheses.
CHOICE, COMPARISON, SUM, QUOTIENT, MATMUL, PRODUCT, POWER, ATOM = range(8)

FUNCTIONS = {"expit": "σ", "expit_slope": "σ′", "tanh_slope": "tanh′"}
CONSTANTS = {"pi": "π", "inf": "∞", "nan": "NaN"}
FENCES = {"abs": ("|", "|"), "floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉")}
POWERED = frozenset({"sin", "cos", "tan", "sinh", "cosh", "tanh", "tanh_slope"})
_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.Lt: "<",
    ast.GtE: "≥",
    ast.LtE: "≤",
    ast.Eq: "=",
    ast.NotEq: "≠",
}
_FOLDED: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_LEAF = re.compile(r"<(\w+)>[^<]*</\1>")
_RAISED = dict(zip("-−+0123456789nixyTH", "⁻⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹ⁿⁱˣʸᵀᴴ", strict=True))


_SIGNS = frozenset("·ᵀᴴⁿⁱˣʸ")  # which Python counts as letters


class Piece(NamedTuple):
    """A part of a formula: its markup, how tightly it holds, and how it begins."""

    markup: str
    level: int = ATOM
    negative: bool = False  # begins with a minus sign
    head: str = "other"  # what it begins with: "number", "letter", "word"
    literal: bool = False  # is a number and nothing else


def text(formula: str, names: Mapping[str, str]) -> str:
    """Return a formula as a learner reads it, with `names` put for its variables.

    Parameters
    ----------
    formula : str
        A formula of the table of derivatives.
    names : mapping of str to str
        What to call each variable; may be an expression, which gets parentheses where
        it needs them. Variables that are not in `names` keep their own.

    Examples
    --------
    >>> text("1 - tanh(x)**2", {"x": "z"})
    '1 − tanh²(z)'
    >>> text("2 * x", {"x": "a − y"})
    '2 (a − y)'
    >>> text("x > 0", {"x": "z"})
    '1 if z > 0 else 0'
    """
    return _written(_Text, formula, names, otherwise=formula)


def mathml(formula: str, names: Mapping[str, str]) -> str:
    """Return a formula as an element ``<math>``, with `names` put for its variables.

    Its attribute ``alttext`` is what `text` returns.

    Examples
    --------
    >>> mathml("x**2", {})
    '<math alttext="x²"><msup><mi>x</mi><mn>2</mn></msup></math>'
    """
    plain = html.escape(text(formula, names))
    body = _written(_MathML, formula, names, otherwise=f"<mtext>{plain}</mtext>")
    return f'<math alttext="{plain}">{body}</math>'


def numbers(formula: str, values: Mapping[str, Any], digits: int = 4) -> str:
    """Return a formula with numbers put for its variables.

    Variables whose value is not a single number keep their names.

    Examples
    --------
    >>> numbers("1 - tanh(x)**2", {"x": 0.8}), numbers("2 * x", {"x": -0.5})
    ('1 − tanh²(0.8)', '2·(−0.5)')
    """
    shown = {n: number(v, digits) for n, v in values.items() if _is_number(v)}
    return text(formula, shown)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, complex)) or getattr(value, "ndim", 1) == 0


def _written(
    style: type[_Writer], formula: str, names: Mapping[str, str], otherwise: str
) -> str:
    """Return a formula in one of the two styles; `otherwise` where it is prose."""
    try:
        first, *where = parts_of(formula)
        writer = style(names)
        shown = writer.whole(first.value)
        for i, part in enumerate(where):
            shown += writer.said(", " if i else ", where ")
            if part.name is not None:
                shown += writer.write(part.name).markup + writer.mark("=")
            shown += writer.write(part.value).markup
        return shown
    except Unreadable:
        return otherwise


class _Writer:
    """Walks a formula; the two styles below say what each of its parts looks like."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    # --- what a style says --------------------------------------------------------

    def said(self, words: str) -> str:
        raise NotImplementedError

    def mark(self, sign: str, *, tight: bool = False, prefix: bool = False) -> str:
        raise NotImplementedError

    def leaf(self, shown: str, *, is_number: bool = False) -> str:
        raise NotImplementedError

    def foreign(self, shown: str) -> str:
        raise NotImplementedError

    def fence(self, left: str, inner: str, right: str) -> str:
        raise NotImplementedError

    def quotient(self, over: Piece, under: Piece) -> Piece:
        raise NotImplementedError

    def root(self, inner: Piece) -> Piece:
        raise NotImplementedError

    def derivative(self, of: Piece, by: Piece) -> Piece:
        raise NotImplementedError

    def raised(self, base: str, exponent: Piece) -> str:
        raise NotImplementedError

    def lowered(self, base: str, index: str) -> str:
        raise NotImplementedError

    def applied(self, function: str, arguments: str) -> str:
        raise NotImplementedError

    def choice(self, yes: Piece, test: Piece, no: Piece) -> Piece:
        raise NotImplementedError

    # --- the walk -----------------------------------------------------------------

    def whole(self, node: ast.expr) -> str:
        """Write a whole formula: a comparison by itself is 1 or 0."""
        if isinstance(node, ast.Compare):
            one, none = self.constant(1), self.constant(0)
            return self.choice(one, self.write(node), none).markup
        return self.write(node).markup

    def write(self, node: ast.expr) -> Piece:
        """Write one part of a formula."""
        match node:
            case ast.Name(id=name):
                return self.name(name)
            case ast.Constant(value=int() | float() | complex() as value):
                return self.constant(value)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.negative(self.write(operand))
            case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
                return self.power(base, exponent)
            case ast.Attribute(value=base, attr="T" | "H" as mark):
                return self.transposed(base, mark)
            case ast.Attribute():
                return self.dotted(node)
            case ast.BinOp(left=left, op=op, right=right):
                return self.combined(self.write(left), op, self.write(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self.compared(self.write(left), op, self.write(right))
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
                return self.call(function, arguments)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.choice(*map(self.write, (body, test, orelse)))
            case ast.Subscript(value=base, slice=index):
                shown = self.within(self.write(base), ATOM).markup
                return Piece(self.lowered(shown, self.listed(index)))
            case ast.List(elts=[ast.Compare() as test]):  # [x > y]: 1 or 0
                return self.within(self.write(test), ATOM)
        raise Unreadable

    def within(self, piece: Piece, least: int, *, leading: bool = False) -> Piece:
        """Put a piece in parentheses where it is looser than its place allows."""
        if piece.level >= least and (leading or not piece.negative):
            return piece
        left, right = "[]" if piece.level == COMPARISON else "()"
        head = "number" if piece.literal else "other"
        return Piece(self.fence(left, piece.markup, right), head=head)

    def name(self, name: str) -> Piece:
        if name not in self.names:
            name = CONSTANTS.get(name, name)
            return Piece(self.leaf(name), head="letter" if len(name) == 1 else "word")
        shown = self.names[name]
        if shown.isidentifier() and not _SIGNS.intersection(shown):
            return type(self)({}).name(shown)
        try:
            return type(self)({}).write(read(shown))
        except Unreadable:
            return _opaque(shown, self.foreign(shown))

    def dotted(self, node: ast.Attribute) -> Piece:
        """Write a name with dots, such as ``m[0].weight``, as one word."""
        inner: ast.expr = node
        while not isinstance(inner, ast.Name):
            match inner:
                case (
                    ast.Attribute(value=inside)
                    | ast.Subscript(
                        value=inside, slice=ast.Constant(value=int() | str())
                    )
                ):
                    inner = inside
                case _:
                    raise Unreadable
        return Piece(self.leaf(ast.unparse(node)), head="word")

    def constant(self, value: complex) -> Piece:
        if value == 1j:
            return Piece(self.leaf("i"), head="letter")
        shown = number(value, 12)
        level = PRODUCT if "×" in shown else ATOM
        return Piece(
            self.leaf(shown, is_number=True), level, head="number", literal=True
        )

    def negative(self, piece: Piece) -> Piece:
        inner = self.within(piece, QUOTIENT)
        shown = self.mark("−", tight=True, prefix=True) + inner.markup
        return Piece(
            shown, min(inner.level, PRODUCT), True, inner.head, literal=inner.literal
        )

    def combined(self, left: Piece, op: ast.operator, right: Piece) -> Piece:
        match op:
            case ast.Add():
                return self.joined_by("+", left, right, SUM)
            case ast.Sub():
                return self.joined_by("−", left, right, SUM, QUOTIENT)
            case ast.Mult():
                return self.product(left, right)
            case ast.MatMult():
                a, b = (
                    self.within(left, MATMUL, leading=True),
                    self.within(right, MATMUL),
                )
                return Piece(
                    a.markup + self.mark("@") + b.markup, MATMUL, a.negative, a.head
                )
            case ast.Div():
                return self.quotient(left, right)
        raise Unreadable

    def joined_by(
        self, sign: str, left: Piece, right: Piece, level: int, other: int | None = None
    ) -> Piece:
        """Write two operands around a sign; the second at least at level `other`."""
        a = self.within(left, level, leading=True)
        b = self.within(right, level if other is None else other)
        return Piece(a.markup + self.mark(sign) + b.markup, level, a.negative, a.head)

    def product(self, left: Piece, right: Piece) -> Piece:
        a, b = self.within(left, PRODUCT, leading=True), self.within(right, PRODUCT)
        sign = "·"
        if a.literal and b.head == "letter":
            sign = "\u2062"  # nothing to see: 2x
        elif a.literal and b.head == "other":
            sign = " "  # 2 (a − y), 2 tanh(x)
        shown = a.markup + self.mark(sign, tight=True) + b.markup
        return Piece(shown, PRODUCT, a.negative, a.head)

    def power(self, base: ast.expr, exponent: ast.expr) -> Piece:
        folded = self.folded(exponent)
        if folded == 1:
            return self.write(base)
        power = self.constant(folded) if folded is not None else self.write(exponent)
        if folded is not None and folded < 0:
            power = self.negative(self.constant(-folded))
        match base:
            case ast.Call(func=ast.Name(id=function), args=arguments) if (
                function in POWERED and folded in (2, 3)
            ):
                return self.call(function, arguments, power)
        inner = self.within(self.write(base), ATOM)
        return Piece(self.raised(inner.markup, power), POWER, head=inner.head)

    def folded(self, node: ast.expr) -> float | None:
        """Return an exponent made of numbers alone as one number: 2 − 1 is 1."""
        match node:
            case ast.Constant(value=int() | float() as value):
                return value
            case ast.Name(id=name) if name in self.names:
                try:
                    return type(self)({}).folded(read(self.names[name]))
                except Unreadable:
                    return None
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.folded(operand)
                return None if inner is None else -inner
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _FOLDED:
                a, b = self.folded(left), self.folded(right)
                return None if a is None or b is None else _FOLDED[type(op)](a, b)
        return None

    def transposed(self, base: ast.expr, mark: str) -> Piece:
        twice = self.untransposed(base, mark)
        if twice is not None:
            return twice
        inner = self.within(self.write(base), ATOM)
        exponent = Piece(self.leaf(mark), head="letter")
        return Piece(self.raised(inner.markup, exponent), POWER, head=inner.head)

    def untransposed(self, node: ast.expr, mark: str) -> Piece | None:
        """Write what is transposed already, without its mark: (xᵀ)ᵀ is x."""
        match node:
            case ast.Attribute(value=base, attr=found) if found == mark:
                return self.write(base)
            case ast.Name(id=name) if name in self.names:
                try:
                    inner = read(self.names[name])
                except Unreadable:
                    return None
                return type(self)({}).untransposed(inner, mark)
        return None

    def compared(self, left: Piece, op: ast.cmpop, right: Piece) -> Piece:
        if type(op) not in _COMPARED:
            raise Unreadable
        a, b = (
            self.within(left, SUM, leading=True),
            self.within(right, SUM, leading=True),
        )
        sign = self.mark(_COMPARED[type(op)])
        return Piece(a.markup + sign + b.markup, COMPARISON, a.negative)

    def call(
        self, function: str, arguments: list[ast.expr], power: Piece | None = None
    ) -> Piece:
        if function == "sqrt" and len(arguments) == 1:
            return self.root(self.write(arguments[0]))
        if function == "partial" and len(arguments) == 2:
            return self.derivative(*map(self.write, arguments))
        inner = self.joined(arguments)
        if function in FENCES and len(arguments) == 1:
            left, right = FENCES[function]
            return Piece(self.fence(left, inner, right))
        shown = self.leaf(FUNCTIONS.get(function, function))
        if power is not None:
            shown = self.raised(shown, power)
        level = ATOM if power is None else POWER
        return Piece(self.applied(shown, self.fence("(", inner, ")")), level)

    def joined(self, nodes: list[ast.expr]) -> str:
        return self.mark(",").join(self.write(node).markup for node in nodes)

    def listed(self, index: ast.expr) -> str:
        match index:
            case ast.Tuple(elts=parts):
                return self.joined(parts)
            case ast.Slice(
                lower=ast.expr() as low, upper=ast.expr() as high, step=None
            ):
                ends = self.write(low).markup, self.write(high).markup
                return self.mark("…").join(ends)
        return self.write(index).markup


def _opaque(shown: str, markup: str) -> Piece:
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
    if shown[:1].isdigit() and any(map(str.isalpha, shown)):
        level = min(level, PRODUCT)
    head = "number" if shown[:1].isdigit() else "word"
    return Piece(markup, level, shown.startswith(("−", "-")), head)


class _Text(_Writer):
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


class _MathML(_Writer):
    """Native MathML: fractions, raised powers, roots, identifiers and numbers."""

    def said(self, words: str) -> str:
        return f"<mtext>{words.replace(' ', chr(0xA0))}</mtext>"

    def mark(self, sign: str, *, tight: bool = False, prefix: bool = False) -> str:
        form = ' form="prefix"' if prefix else ""
        sign = "\u2062" if sign == " " else sign
        return f"<mo{form}>{html.escape(sign)}</mo>"

    def leaf(self, shown: str, *, is_number: bool = False) -> str:
        tag = "mn" if is_number else "mi"
        return f"<{tag}>{html.escape(shown)}</{tag}>"

    def foreign(self, shown: str) -> str:
        return f"<mtext>{html.escape(shown)}</mtext>"

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
        rows = (
            f"<mtr><mtd>{yes.markup}</mtd><mtd><mtext>if\u00a0</mtext>{test.markup}</mtd></mtr>"
            f"<mtr><mtd>{no.markup}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr>"
        )
        shown = f"<mrow><mo>{{</mo><mtable>{rows}</mtable></mrow>"
        return Piece(shown, CHOICE)
