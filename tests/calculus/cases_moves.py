"""The cases of functions that move or choose elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from calculus.samples import add, between, corner, distinct, plain, precision

# --- moving elements ------------------------------------------------------------------

_block = plain((2, 1, 3), "block")
_MOVES: dict[str, list[Callable[..., Any]]] = {
    "broadcast_to": [
        lambda xp, x: xp.broadcast_to(x, (2, 2, 3)),
        lambda xp, x: xp.broadcast_to(x, (2, 2, 1, 3)),
        lambda xp, x: xp.broadcast_to(x, (2, 1, 3)),
    ],
    "expand_dims": [
        lambda xp, x: xp.expand_dims(x, axis=0),
        lambda xp, x: xp.expand_dims(x, axis=-1),
        lambda xp, x: xp.expand_dims(x, axis=2),
        lambda xp, x: xp.expand_dims(x, axis=(0, 3)),
    ],
    "flip": [
        lambda xp, x: xp.flip(x),
        lambda xp, x: xp.flip(x, axis=0),
        lambda xp, x: xp.flip(x, axis=(0, -1)),
    ],
    "moveaxis": [
        lambda xp, x: xp.moveaxis(x, 0, -1),
        lambda xp, x: xp.moveaxis(x, -1, 0),
        lambda xp, x: xp.moveaxis(x, (0, 1), (2, 0)),
    ],
    "permute_dims": [
        lambda xp, x: xp.permute_dims(x, (2, 0, 1)),
        lambda xp, x: xp.permute_dims(x, axes=(1, 2, 0)),
        lambda xp, x: xp.permute_dims(x, (-1, 0, -2)),
    ],
    "matrix_transpose": [lambda xp, x: xp.matrix_transpose(x), lambda xp, x: x.mT],
    "reshape": [
        lambda xp, x: xp.reshape(x, (6,)),
        lambda xp, x: xp.reshape(x, (3, -1)),
        lambda xp, x: xp.reshape(x, (3, 2), copy=True),
    ],
    "roll": [
        lambda xp, x: xp.roll(x, 1),
        lambda xp, x: xp.roll(x, -2, axis=-1),
        lambda xp, x: xp.roll(x, (1, 2), axis=(0, 2)),
    ],
    "squeeze": [
        lambda xp, x: xp.squeeze(x, axis=1),
        lambda xp, x: xp.squeeze(x, axis=(-2,)),
    ],
    "tile": [
        lambda xp, x: xp.tile(x, (2,)),
        lambda xp, x: xp.tile(x, (2, 1, 1, 2)),
        lambda xp, x: xp.tile(x, (1, 3, 1)),
    ],
    "repeat": [
        lambda xp, x: xp.repeat(x, 2),
        lambda xp, x: xp.repeat(x, 3, axis=1),
        lambda xp, x: xp.repeat(x, 2, axis=-1),
    ],
    "tril": [
        lambda xp, x: xp.tril(xp.reshape(x, (2, 3))),
        lambda xp, x: xp.tril(xp.reshape(x, (2, 3)), k=1),
        lambda xp, x: xp.tril(x, k=-1),
    ],
    "triu": [
        lambda xp, x: xp.triu(xp.reshape(x, (2, 3))),
        lambda xp, x: xp.triu(xp.reshape(x, (2, 3)), k=1),
        lambda xp, x: xp.triu(x, k=-1),
    ],
    "unstack": [
        lambda xp, x: xp.unstack(x),
        lambda xp, x: xp.unstack(x, axis=-1)[1:],
        lambda xp, x: xp.unstack(x, axis=2)[0],
    ],
    "copy_array": [lambda xp, x: xp.copy_array(x)],
    "asarray": [
        lambda xp, x: xp.asarray(x),
        lambda xp, x: xp.asarray(x, copy=True),
        lambda xp, x: xp.asarray([x, 2.0 * x]),
        lambda xp, x: xp.asarray([[x[0, 0, 0], x[1, 0, 2]], [x[0, 0, 1], x[0, 0, 0]]]),
    ],
    "astype": [
        lambda xp, x: xp.astype(x, x.dtype),
        lambda xp, x: xp.astype(x, x.dtype, copy=False),
    ],
    "to_device": [lambda xp, x: x.to_device(x.device)],
    "alias": [lambda xp, x: _alias(x)],
}


def _alias(x: Any) -> Any:
    from xpnet.calculus.rule import alias

    return alias(x) if x.requires_grad else x


def _squares(xp: Any, made: Any) -> Any:
    parts = made if isinstance(made, tuple) else (made,)
    return sum(xp.sum(part * part) for part in parts)


for _name, _calls in _MOVES.items():
    for _i, _call in enumerate(_calls):
        add(_name, f"form {_i}", _call, _block)
    add(
        _name,
        "twice",
        lambda xp, x, f=_calls[0]: _squares(xp, f(xp, x)) * x,
        _block,
        layouts=False,
    )
    add(
        _name,
        "not at all",
        lambda xp, x, y, f=_calls[0]: f(xp, x),
        _block,
        plain((2,)),
        layouts=False,
    )
    add(_name, "complex", _calls[0], corner((2, 1, 3), _name), layouts=False)

_EMPTY: dict[str, Callable[..., Any]] = {
    "broadcast_to": lambda xp, x: xp.broadcast_to(x, (2, 0, 3)),
    "expand_dims": lambda xp, x: xp.expand_dims(x, axis=1),
    "flip": lambda xp, x: xp.flip(x, axis=0),
    "moveaxis": lambda xp, x: xp.moveaxis(x, 0, 1),
    "permute_dims": lambda xp, x: xp.permute_dims(x, (1, 0)),
    "matrix_transpose": lambda xp, x: x.T,
    "reshape": lambda xp, x: xp.reshape(x, (3, 0)),
    "roll": lambda xp, x: xp.roll(x, 1, axis=0),
    "squeeze": lambda xp, x: xp.squeeze(x[None, :, :], axis=0),
    "tile": lambda xp, x: xp.tile(x, (2, 2)),
    "repeat": lambda xp, x: xp.repeat(x, 2, axis=1),
    "tril": lambda xp, x: xp.tril(x),
    "triu": lambda xp, x: xp.triu(x),
    "unstack": lambda xp, x: xp.unstack(x, axis=1),
    "astype": lambda xp, x: xp.astype(x, x.dtype),
    "copy_array": lambda xp, x: xp.copy_array(x),
    "asarray": lambda xp, x: xp.asarray(x),
}
for _name, _call in _EMPTY.items():
    add(_name, "empty", _call, plain((0, 3)))
for _name, _call in {
    "broadcast_to": lambda xp, x: xp.broadcast_to(x, (2, 3)),
    "expand_dims": lambda xp, x: xp.expand_dims(x, axis=0),
    "flip": lambda xp, x: xp.flip(x),
    "reshape": lambda xp, x: xp.reshape(x, (1, 1)),
    "tile": lambda xp, x: xp.tile(x, (3,)),
    "astype": lambda xp, x: xp.astype(x, x.dtype),
}.items():
    add(_name, "no axes", _call, plain(()))
add(
    "astype",
    "to complex",
    lambda xp, x: xp.astype(x, xp.complex128),
    plain((2, 3)),
    narrow=False,
)
for _axis in (None, 1):
    _times = [1, 0, 2, 3, 1, 2] if _axis is None else [2]
    add(
        "repeat",
        f"an array of counts, axis={_axis}",
        lambda xp, x, a=_axis, t=_times: xp.repeat(x, xp.put(np.asarray(t)), axis=a),
        plain((6,)) if _axis is None else _block,
        needs=("data_dependent_shapes",),
    )

for _axis in (0, 1, -1):
    _ends = [(2, 3)] * 3 if _axis == 0 else [(2, 3), (2, 1), (2, 0)]
    add(
        "concat",
        f"axis={_axis}",
        lambda xp, x, y, z, a=_axis: xp.concat([x, y, z], axis=a),
        *[plain(s, i) for i, s in enumerate(_ends)],
    )
    add(
        "stack",
        f"axis={_axis}",
        lambda xp, x, y, a=_axis: xp.stack([x, y], axis=a),
        plain((2, 3), 1),
        plain((2, 3), 2),
    )
add(
    "concat",
    "flattened",
    lambda xp, x, y: xp.concat([x, y], axis=None),
    plain((2, 2)),
    plain((3,)),
)
add("concat", "twice", lambda xp, x: xp.concat((x, x * x)), plain((3,)))
add(
    "concat",
    "one off the tape",
    lambda xp, x, y: xp.concat([x, xp.put(np.ones(2, precision(x)))]),
    plain((3,)),
    plain((2,)),
)
add("concat", "complex", lambda xp, x, y: xp.concat([x, y]), corner((2,)), corner((3,)))
add("stack", "twice", lambda xp, x: xp.stack((x, x * x)), plain((3,)))
add("stack", "no axes", lambda xp, x, y: xp.stack([x, y, x]), plain(()), plain((), 1))
add("stack", "empty", lambda xp, x: xp.stack([x, x]), plain((0,)))
add("meshgrid", "xy", lambda xp, x, y: xp.meshgrid(x, y), plain((2,)), plain((3,)))
add(
    "meshgrid",
    "ij",
    lambda xp, x, y: xp.meshgrid(x, y, indexing="ij"),
    plain((2,)),
    plain((3,)),
)
add(
    "meshgrid",
    "three",
    lambda xp, x, y, z: xp.meshgrid(x, y, z),
    plain((2,)),
    plain((1,)),
    plain((3,)),
)
add("meshgrid", "one twice", lambda xp, x: xp.meshgrid(x, x), plain((2,)))
add(
    "broadcast_arrays",
    "two",
    lambda xp, x, y: xp.broadcast_arrays(x, y),
    plain((2, 1)),
    plain((3,)),
)
add("broadcast_arrays", "one", lambda xp, x: xp.broadcast_arrays(x), plain((2, 1)))
add(
    "broadcast_arrays",
    "empty",
    lambda xp, x, y: xp.broadcast_arrays(x, y),
    plain((0, 3)),
    plain((3,)),
)
add(
    "broadcast_shapes",
    "shapes only",
    lambda xp, x: xp.broadcast_to(x, xp.broadcast_shapes(x.shape, (2, 1))),
    plain((3,)),
)


# --- choosing -------------------------------------------------------------------------

_yes = np.asarray([[True, False, True], [False, False, True]])
for _a, _b in (((2, 3), (2, 3)), ((), (3,)), ((2, 1), (1, 3)), ((3,), ())):
    add(
        "where",
        "a mask",
        lambda xp, x, y: xp.where(xp.put(_yes), x, y),
        plain(_a, 1),
        plain(_b, 2),
    )
add("where", "twice", lambda xp, x: xp.where(xp.put(_yes), x, x * x), plain((2, 3)))
add(
    "where",
    "number on the left",
    lambda xp, x: xp.where(xp.put(_yes), 2.0, x),
    plain((2, 3)),
)
add(
    "where",
    "number on the right",
    lambda xp, x: xp.where(xp.put(_yes), x, 0),
    plain((2, 3)),
)
add(
    "where",
    "computed",
    lambda xp, x, y: xp.where(x > y, x * y, y),
    plain((4,)),
    between(2.5, 3.0)((4,)),
)
add(
    "where",
    "a broadcast condition",
    lambda xp, x, y: xp.where(xp.put(_yes), x, y),
    plain((3,)),
    plain(()),
)
add(
    "where",
    "complex",
    lambda xp, x, y: xp.where(xp.put(_yes), x, y),
    corner((2, 3)),
    corner((3,)),
)
add(
    "where", "empty", lambda xp, x, y: xp.where(x > 0, x, y), plain((0, 3)), plain((3,))
)
add(
    "where",
    "not at all",
    lambda xp, x, y, z: xp.where(xp.put(_yes), x, y),
    plain((2, 3)),
    plain((3,)),
    plain((2,)),
)

for _axis, _order in ((-1, False), (0, True), (1, True)):
    add(
        "sort",
        f"axis={_axis}, descending={_order}",
        lambda xp, x, a=_axis, d=_order: xp.sort(x, axis=a, descending=d),
        distinct((3, 4), "sort", _axis),
    )
add("sort", "empty", lambda xp, x: xp.sort(x), plain((0, 3)))
add("sort", "one", lambda xp, x: xp.sort(x), plain((1,)))
add("sort", "twice", lambda xp, x: xp.sort(x) * x, distinct((4,)))
add("sort", "not stable", lambda xp, x: xp.sort(x, stable=False), distinct((4,)))

_repeated = np.asarray([0.5, -1.0, 0.75, 2.0])
for _name in ("unique_all", "unique_counts", "unique_inverse", "unique_values"):
    add(
        _name,
        "distinct values",
        lambda xp, x, n=_name: _ordered(xp, getattr(xp, n)(x)),
        distinct((2, 3), "unique"),
        needs=("data_dependent_shapes",),
    )


def _ordered(xp: Any, found: Any) -> Any:
    """The values in ascending order: the standard leaves the order open."""
    return xp.sort(found if hasattr(found, "shape") else found.values)
