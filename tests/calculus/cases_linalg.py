"""The cases of norms, cross and outer products, diagonals and powers of matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from calculus.samples import add, away, corner, named, plain

NEEDS = ("enabled_extensions",)


def calling(name: str, *rest: Any, **options: Any) -> Callable[..., Any]:
    """Return the function that calls a name with further arguments and options."""
    return lambda xp, *xs: getattr(xp, name)(*xs, *rest, **options)


# --- outer and cross ------------------------------------------------------------------

for _a, _b in (((3,), (2,)), ((1,), (1,)), ((0,), (3,)), ((2,), (0,))):
    add("outer", "once", named("outer"), plain(_a, 1), plain(_b, 2), needs=NEEDS)
add("outer", "twice", lambda xp, x: xp.outer(x, x), plain((3,)), needs=NEEDS)
add("outer", "complex", named("outer"), corner((3,), 1), corner((2,), 2), needs=NEEDS)
add("outer", "mixed", named("outer"), plain((3,), 1), corner((2,), 2), needs=NEEDS)
add(
    "outer",
    "one not at all",
    lambda xp, x, y, z: xp.outer(x, y),
    plain((3,)),
    plain((2,)),
    plain((2,)),
    needs=NEEDS,
)

for _a, _b, _axis in (
    ((3,), (3,), -1),
    ((2, 3), (2, 3), -1),
    ((3, 2), (3, 2), -2),
    ((3, 2), (3, 2), 0),
    ((2, 3), (3,), -1),
    ((3,), (2, 1, 3), -1),
    ((2, 1, 3), (4, 3), -1),
    ((3, 2), (4, 3, 1), -2),
    ((0, 3), (0, 3), -1),
    ((0, 3), (1, 3), -1),
):
    add(
        "cross",
        f"axis={_axis}",
        calling("cross", axis=_axis),
        plain(_a, 1),
        plain(_b, 2),
        needs=NEEDS,
        only=() if _axis < 0 else ("numpy", "torch", "jax", "cupy"),
    )
add("cross", "twice", lambda xp, x: xp.cross(x, x * x), plain((2, 3)), needs=NEEDS)
add("cross", "complex", named("cross"), corner((3,), 1), corner((2, 3), 2), needs=NEEDS)
add("cross", "mixed", named("cross"), plain((2, 3), 1), corner((3,), 2), needs=NEEDS)

# --- diagonals ------------------------------------------------------------------------

for _shape, _offset in (
    ((1, 1), 0),
    ((3, 3), 0),
    ((2, 3), 0),
    ((3, 2), 0),
    ((2, 3), 1),
    ((2, 3), 2),
    ((3, 2), -2),
    ((3, 2), 1),
    ((2, 2, 3), -1),
    ((0, 3), 0),
    ((0, 3), 1),
    ((3, 0), 0),
    ((0, 2, 2), 0),
    ((2, 1, 3, 3), 1),
):
    for _name in ("diagonal", "trace"):
        add(
            _name,
            f"offset={_offset}",
            calling(_name, offset=_offset),
            plain(_shape),
            needs=NEEDS,
        )
for _name in ("diagonal", "trace"):
    add(_name, "complex", calling(_name, offset=1), corner((2, 3, 3)), needs=NEEDS)
    add(
        _name,
        "twice",
        lambda xp, x, n=_name: getattr(xp, n)(x) * getattr(xp, n)(x * x, offset=0),
        plain((2, 3, 3)),
        needs=NEEDS,
    )
add(
    "trace",
    "dtype",
    lambda xp, x: xp.trace(x, offset=1, dtype=x.dtype),
    corner((3, 3)),
    needs=NEEDS,
)

# --- powers and rank ------------------------------------------------------------------

_near_one = np.eye(3) + 0.25 * plain((3, 3), "power")
for _n in (0, 1, 2, 3, 4, 7, 13, -1, -2, -5):
    _order = 2 if abs(_n) < 5 else 1
    add(
        "matrix_power",
        f"n={_n}",
        calling("matrix_power", _n),
        _near_one / (1.0 if _n < 8 else 2.0),
        needs=NEEDS,
        order=_order,
    )
for _n in (0, 3, -2):
    add(
        "matrix_power",
        f"batch, n={_n}",
        calling("matrix_power", _n),
        np.eye(2) + 0.25 * plain((2, 1, 2, 2)),
        needs=NEEDS,
    )
    add(
        "matrix_power",
        f"complex, n={_n}",
        calling("matrix_power", _n),
        np.eye(2) + 0.25 * corner((2, 2)),
        needs=NEEDS,
    )
for _shape in ((0, 0), (0, 2, 2), (1, 1)):
    add(
        "matrix_power",
        "few elements",
        calling("matrix_power", 3),
        plain(_shape),
        needs=NEEDS,
    )
add(
    "matrix_power",
    "twice",
    lambda xp, x: xp.matrix_power(x, 2) @ xp.matrix_power(x, 3),
    plain((2, 2)),
    needs=NEEDS,
)

for _shape in ((3, 3), (2, 3), (2, 3, 2), (0, 3), (2, 0, 3)):
    for _options in ({}, {"rtol": 0.25}):
        add(
            "matrix_rank",
            "options" if _options else "plain",
            lambda xp, x, o=_options: (
                x * xp.astype(xp.sum(xp.matrix_rank(x, **o)), x.dtype)
            ),
            plain(_shape),
            needs=NEEDS,
        )

# --- norms of vectors -----------------------------------------------------------------

ORDERS = (2, 1, 0, 3, 4, 6, 2.5, 1.5, 0.5, -1, -2, -1.5, math.inf, -math.inf)
VECTORS: tuple[tuple[tuple[int, ...], Any, bool], ...] = (
    ((3,), None, False),
    ((2, 3), -1, False),
    ((2, 3), 0, True),
    ((2, 1, 3), (0, -1), False),
)
_far = away(0.4, 2.0)
for _ord in ORDERS:
    for _shape, _axis, _keep in VECTORS:
        add(
            "vector_norm",
            f"ord={_ord}, axis={_axis}, keepdims={_keep}",
            calling("vector_norm", ord=_ord, axis=_axis, keepdims=_keep),
            _far(_shape, "norm"),
            layouts=_ord == 2,
        )
    add(
        "vector_norm",
        f"complex, ord={_ord}",
        calling("vector_norm", ord=_ord, axis=-1),
        corner((2, 3), "norm"),
        layouts=False,
    )
for _ord in (2, 1, 3, math.inf):
    for _shape, _axis in (((), None), ((1,), None), ((2, 1, 3), None), ((2, 3), ())):
        add(
            "vector_norm",
            f"ord={_ord}, axis={_axis}",
            calling("vector_norm", ord=_ord, axis=_axis),
            _far(_shape, "norm"),
            layouts=False,
        )
    add(
        "vector_norm",
        f"complex, nothing reduced, ord={_ord}",
        calling("vector_norm", ord=_ord, axis=()),
        corner((2,), "norm"),
        layouts=False,
    )
for _ord in (2, 1, 0, 3, math.inf):
    for _shape, _axis in (((0,), None), ((0, 3), None), ((0, 3), 0), ((0, 3), 1)):
        add(
            "vector_norm",
            f"ord={_ord}, axis={_axis}",
            calling("vector_norm", ord=_ord, axis=_axis),
            plain(_shape),
        )
add(
    "vector_norm",
    "twice",
    lambda xp, x: xp.vector_norm(x, axis=-1) * xp.vector_norm(x * x, ord=3),
    _far((2, 3), "norm"),
)
for _ord in (2, 4, 6):
    add(
        "vector_norm",
        f"zeros among the entries, ord={_ord}",
        calling("vector_norm", ord=_ord),
        np.asarray([0.0, 1.5, -0.5]),
    )
add(
    "vector_norm",
    "zeros among the entries, ord=3",
    calling("vector_norm", ord=3),
    np.asarray([0.0, 1.5, -0.5]),
    order=1,
)

# --- norms of matrices ----------------------------------------------------------------

MATRIX_ORDERS = ("fro", None, "nuc", 1, -1, 2, -2, math.inf, -math.inf)
for _ord in MATRIX_ORDERS:
    for _shape, _keep in (((2, 2), False), ((3, 2), True), ((2, 2, 3), False)):
        add(
            "matrix_norm",
            f"ord={_ord}, keepdims={_keep}",
            calling("matrix_norm", ord=_ord, keepdims=_keep),
            _far(_shape, "matrix"),
            needs=NEEDS,
            layouts=_shape == (3, 2),
        )
    add(
        "matrix_norm",
        f"complex, ord={_ord}",
        calling("matrix_norm", ord=_ord),
        corner((2, 3), "matrix") * np.asarray([[1, 1j, -1], [0.5, -1j, 2]]),
        needs=NEEDS,
        layouts=False,
    )
    add(
        "matrix_norm",
        f"of nothing, ord={_ord}",
        calling("matrix_norm", ord=_ord),
        plain((0, 2, 3)),
        needs=NEEDS,
    )
    add(
        "matrix_norm",
        f"of one, ord={_ord}",
        calling("matrix_norm", ord=_ord, keepdims=True),
        plain((1, 1)),
        needs=NEEDS,
    )
for _ord in ("fro", "nuc", 1, 2, math.inf):
    add(
        "matrix_norm",
        f"without rows, ord={_ord}",
        calling("matrix_norm", ord=_ord),
        plain((0, 3)),
        needs=NEEDS,
    )
add("matrix_norm", "plain", named("matrix_norm"), plain((2, 3)), needs=NEEDS)
add(
    "matrix_norm",
    "twice",
    lambda xp, x: xp.matrix_norm(x) * xp.matrix_norm(x @ x, ord=math.inf),
    _far((2, 2), "matrix"),
    needs=NEEDS,
)

# --- norms of singular values and their slopes ----------------------------------------

_turned = np.asarray([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
for _label, _x in (
    ("square", _far((2, 2), "singular")),
    ("tall", _far((3, 2), "singular")),
    ("wide batch", _far((2, 2, 3), "singular")),
    ("complex", corner((3, 2), "s") * np.asarray([[1, 1j], [-1, 0.5], [2, -1j]])),
    ("one", plain((1, 1))),
):
    for _ord in ("nuc", 2, -2):
        for _name in ("singular_norm", "singular_slope"):
            add(
                _name,
                f"{_label}, ord={_ord}",
                calling(_name, _ord),
                _x,
                layouts=_label == "tall" and _ord == "nuc",
                needs=NEEDS,
            )
# the norms that stay smooth where singular values are equal
for _label, _ord, _values in (
    ("all equal", "nuc", [1.5, 1.5, 1.5]),
    ("two equal", "nuc", [2.0, 2.0, 0.5]),
    ("the smaller two equal", 2, [2.0, 0.5, 0.5]),
    ("the larger two equal", -2, [2.0, 2.0, 0.5]),
):
    _x = _turned @ np.diag(_values) @ _turned
    _call = calling("singular_norm", _ord)
    add("singular_norm", _label, _call, _x, needs=NEEDS, narrow=False)
    _call = calling("singular_slope", _ord)
    add("singular_slope", _label, _call, _x, needs=NEEDS, narrow=False, order=1)
for _name in ("singular_norm", "singular_slope"):
    for _shape in ((0, 3), (0, 2, 3)):
        add(_name, "nothing", calling(_name, "nuc"), plain(_shape), needs=NEEDS)
    add(
        _name,
        "twice",
        lambda xp, x, n=_name: x @ x * getattr(xp, n)(x, "nuc"),
        _far((2, 2), "singular"),
        needs=NEEDS,
    )
