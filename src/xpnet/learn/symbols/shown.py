"""A formula in one of its two styles, with names or numbers for its variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..digits import number
from ..markup import escaped
from .pieces import PRODUCT
from .reading import Unreadable, parts_of, read
from .styles import MathML, Text
from .writing import Writer

__all__ = ["factor", "inline", "marked", "mathml", "numbers", "text"]


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
    return _written(Text, formula, names, otherwise=formula)


def mathml(formula: str, names: Mapping[str, str]) -> str:
    """Return a formula as an element ``<math>``, with `names` put for its variables.

    Its attribute ``alttext`` is what `text` returns.

    Examples
    --------
    >>> mathml("x**2", {})
    '<math alttext="x²"><msup><mi>x</mi><mn>2</mn></msup></math>'
    """
    plain = escaped(text(formula, names))
    return f'<math alttext="{plain}">{marked(formula, names)}</math>'


def inline(formula: str, names: Mapping[str, str]) -> str:
    """Return a formula as `mathml` does, but prose as text that lines can break."""
    if _written(MathML, formula, names, otherwise=""):
        return mathml(formula, names)
    return escaped(text(formula, names))


def marked(formula: str, names: Mapping[str, str]) -> str:
    """Return what stands inside the element ``<math>`` of a formula."""
    plain = f"<mtext>{escaped(text(formula, names))}</mtext>"
    return _written(MathML, formula, names, otherwise=plain)


def factor(
    formula: str, names: Mapping[str, str] | None = None, *, leading: bool = False
) -> str:
    """Return a formula as a factor of a product, in MathML: a sum gets parentheses.

    The first factor (`leading`) may begin with a minus sign.
    """
    writer = MathML(names or {})
    try:
        piece = writer.write(read(formula))
        return writer.within(piece, PRODUCT, leading=leading).markup
    except Unreadable:
        return marked(formula, names or {})


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
    style: type[Writer], formula: str, names: Mapping[str, str], otherwise: str
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
