"""The cases of products of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from calculus.samples import add, corner, named, plain, precision

# --- products of arrays ---------------------------------------------------------------

_matmul = named("matmul")
for _a, _b in (
    ((2, 3), (3, 2)),
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 2, 3), (3, 2)),
    ((2, 3), (2, 3, 1)),
    ((2, 2, 3), (3,)),
    ((3,), (2, 3, 2)),
    ((2, 1, 2, 3), (2, 3, 1)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((2, 3, 0), (0, 4)),
    ((1, 3), (3, 1)),
):
    add("matmul", "once", _matmul, plain(_a, 1), plain(_b, 2))
add("matmul", "operator", lambda xp, x, y: x @ y, plain((2, 3)), plain((3, 2)))
add(
    "matmul",
    "operator with a raw array",
    lambda xp, x: x @ xp.put(np.ones((3, 2), precision(x))).data,
    plain((2, 3)),
)
add(
    "matmul",
    "reflected operator",
    lambda xp, x: _reflected(xp, x),
    plain((3, 2)),
    only=("numpy", "torch", "jax", "cupy"),
)
add("matmul", "twice", lambda xp, x: xp.matmul(x, x), plain((3, 3)))
add(
    "matmul",
    "not at all",
    lambda xp, x, y, z: x @ y,
    plain((2, 3)),
    plain((3,)),
    plain((2,)),
)
add(
    "matmul",
    "the first off the tape",
    lambda xp, x: xp.matmul(xp.put(np.ones((2, 3), precision(x))), x),
    plain((3, 2)),
)
add("matmul", "complex", _matmul, corner((2, 3), 1), corner((3, 2), 2))
add("matmul", "complex vectors", _matmul, corner((3,), 1), corner((3,), 2))
add("matmul", "complex batches", _matmul, corner((2, 2, 3), 1), corner((3,), 2))
add(
    "matmul",
    "in place",
    lambda xp, x, y: _product(x, y),
    plain((2, 2)),
    plain((2, 2), 1),
)


def _reflected(xp: Any, x: Any) -> Any:
    return xp.put(np.ones((2, 3), precision(x))).data @ x


def _product(x: Any, y: Any) -> Any:
    z = x * 1.0
    z @= y
    return z * x


_vecdot = named("vecdot")
for _a, _b in (
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1, 3), (2, 3)),
    ((0, 3), (3,)),
    ((2, 0), (2, 0)),
):
    add("vecdot", "once", _vecdot, plain(_a, 1), plain(_b, 2))
add(
    "vecdot",
    "axis=-2",
    lambda xp, x, y: xp.vecdot(x, y, axis=-2),
    plain((3, 2)),
    plain((2, 3, 1)),
)
add("vecdot", "twice", lambda xp, x: xp.vecdot(x, x), plain((2, 3)))
add("vecdot", "complex", _vecdot, corner((2, 3), 1), corner((3,), 2))
add("vecdot", "complex, twice", lambda xp, x: xp.vecdot(x, x), corner((2, 3), 1))
add(
    "vecdot",
    "not at all",
    lambda xp, x, y, z: xp.vecdot(x, y),
    plain((2, 3)),
    plain((3,)),
    plain((2,)),
)

for _axes, _a, _b in (
    (2, (2, 2, 3), (2, 3, 1)),
    (1, (2, 3), (3, 2)),
    (0, (2,), (3,)),
    (((0,), (1,)), (3, 2), (2, 3)),
    (((2, 0), (0, 1)), (2, 1, 3), (3, 2, 2)),
    (((-1, 0), (0, -1)), (2, 1, 3), (3, 2, 2)),
    (1, (2, 0), (0, 3)),
):
    add(
        "tensordot",
        f"axes={_axes}",
        lambda xp, x, y, a=_axes: xp.tensordot(x, y, axes=a),
        plain(_a, 1),
        plain(_b, 2),
    )
add("tensordot", "twice", lambda xp, x: xp.tensordot(x, x, axes=1), plain((2, 2)))
add(
    "tensordot",
    "complex",
    lambda xp, x, y: xp.tensordot(x, y, axes=1),
    corner((2, 3)),
    corner((3, 2)),
)
