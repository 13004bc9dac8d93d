"""The types that functions compute in: `xpnet.autocast`, and sums of low numbers.

A function that multiplies begins with::

    if precision.used:
        x, weight, bias = lowered(x, weight, bias)

and one whose result inside an `autocast` is float32 (a softmax, a loss) has `widened`
there. Without any `xpnet.autocast` in the program this is the test of one global.
Sums inside a reference use `raised`.
"""

from __future__ import annotations

from typing import Any

from ...calculus import precision
from ...calculus.precision import lowered, widened

__all__ = ["lowered", "precision", "raised", "widened"]


def raised(xp: Any, x: Any) -> Any:
    """Return `x` as float32 where its dtype has 16 bits, else `x` itself."""
    low = str(x.dtype).rpartition(".")[2] in precision.LOW
    return xp.astype(x, xp.float32) if low else x
