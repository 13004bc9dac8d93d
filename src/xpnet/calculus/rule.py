"""The kinds of row: how one line of the table becomes a function, a jvp and a vjp.

A rule receives `xp` and computes with it. On the plain path `xp` holds the library's
own functions and every array is a raw one; when a higher derivative is wanted, `xp`
holds xpnet's functions and every array is recorded. The rule does not know the
difference, and so one rule gives derivatives of any order.

Letters, everywhere: `x`, `y` inputs, `out` output, `g` cotangent, `t` tangent. A
parameter of an elementwise rule whose name starts with an underscore is not kept on the
tape.
"""

from .kinds.base import (
    TABLE,
    Held,
    Moving,
    Row,
    Spec,
    addition,
    fitted,
    held,
    lifted,
    needs_fix,
    spread,
    unbroadcast,
)
from .kinds.composite import Composite, Fused, alias, composite, fused
from .kinds.elementwise import Binary, Unary, binary, unary
from .kinds.flat import Composed, Flat, flat, function_of
from .kinds.general import General, general
from .kinds.linear import (
    Bilinear,
    Linear,
    LinearSequence,
    bilinear,
    linear,
    linear_sequence,
)
from .kinds.refusals import refuse
from .kinds.several import Late, Several, several

__all__ = [
    "TABLE",
    "Bilinear",
    "Binary",
    "Composed",
    "Composite",
    "Flat",
    "Fused",
    "General",
    "Held",
    "Late",
    "Linear",
    "LinearSequence",
    "Moving",
    "Row",
    "Several",
    "Spec",
    "Unary",
    "addition",
    "alias",
    "bilinear",
    "binary",
    "composite",
    "fitted",
    "flat",
    "function_of",
    "fused",
    "general",
    "held",
    "lifted",
    "linear",
    "linear_sequence",
    "needs_fix",
    "refuse",
    "several",
    "spread",
    "unary",
    "unbroadcast",
]
