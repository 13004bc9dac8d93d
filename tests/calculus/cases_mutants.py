"""Cases that catch broken rules which the others had let pass (see mutate.py)."""

from __future__ import annotations

import numpy as np

from calculus.samples import add, corner, distinct, plain

# --- elementwise ----------------------------------------------------------------------

add(
    "clip",
    "wider bounds than x",
    lambda xp, x, low: xp.clip(x, low, 5.0),
    distinct((3,), "narrow"),
    np.asarray([[-0.45, -0.2, -0.6], [0.1, 9.0, -0.9]]),
    narrow=False,
)
add(
    "clip",
    "a wider bound off the tape",
    lambda xp, x: xp.clip(x, xp.put([[-0.45], [0.2]]), None),
    distinct((3,), "narrow"),
    narrow=False,
)
add(
    "pow", "complex base 0", lambda xp, y: 0j**y, corner((3,), "exponent"), narrow=False
)
add("pow", "complex base", lambda xp, y: (1 + 2j) ** y, plain((3,), "exponent"))

# --- sums of exponentials -------------------------------------------------------------

for _axis in (0, 1, None):
    add(
        "logsumexp",
        f"complex, axis {_axis}",
        lambda xp, x, a=_axis: xp.logsumexp(x, axis=a, keepdims=a == 1),
        corner((2, 3), "sum"),
    )
