"""The types that functions compute in, inside `xpnet.autocast`.

A function that multiplies begins with::

    if precision.used:
        x, weight, bias = lowered(x, weight, bias)

and one that sums many numbers (a norm, a softmax, a loss) with `raised` in its place.
Without any `xpnet.autocast` in the program this is the test of one global.
"""

from ...calculus import precision
from ...calculus.precision import lowered, raised

__all__ = ["lowered", "precision", "raised"]
