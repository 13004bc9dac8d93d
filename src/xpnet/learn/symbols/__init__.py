"""Formulas of the table of derivatives as a learner reads them: text and MathML.

``1 - tanh(x)**2`` with `z` for `x` becomes ``1 − tanh²(z)``. A formula is read by
`ast` and never run; what cannot be read is shown as it is.
"""

from ..digits import number, shape_text, summary, value_text
from .shown import factor, inline, marked, mathml, numbers, text
from .templates import evaluate

__all__ = [
    "evaluate",
    "factor",
    "inline",
    "marked",
    "mathml",
    "number",
    "numbers",
    "shape_text",
    "summary",
    "text",
    "value_text",
]
