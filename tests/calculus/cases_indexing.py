"""The cases of reading and writing elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from calculus.samples import add, away, corner, plain

# --- indexing -------------------------------------------------------------------------

_cube = plain((3, 2, 4), "cube")
_KEYS: dict[str, Any] = {
    "an integer": (1, ...),
    "a negative integer": (-1, ...),
    "integers": (1, 0, -2),
    "a slice": (slice(1, 3), ...),
    "a stepped slice": (slice(None, None, 2), ...),
    "slices": (slice(0, 2), slice(None), slice(1, 4, 2)),
    "an ellipsis": (..., 1),
    "an ellipsis and a slice": (0, ..., slice(2)),
    "everything": ...,
    "an empty slice": (slice(2, 2), ...),
}
_NEW_AXES = {
    "a new axis": (None, 1, ...),
    "new axes": (..., None, slice(None), None),
}
# what others take and the standard leaves open
NOT_STRICT = ("numpy", "torch", "jax", "cupy")
_OPEN = {"one integer": 1, "one slice": slice(1, 3), "an axis first": (None, slice(2))}
_NEGATIVE = {
    "a negative step": (slice(None, None, -1), ...),
    "negative steps": (slice(None, None, -2), slice(None), slice(3, 0, -1)),
}
_INTEGER_ARRAYS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "integer arrays": (([0, 2, 0], [1, 1, 1], [3, 0, 3]), ()),
    "an integer array and an integer": (([0, 2, 0], 1, [[3], [0]]), ()),
    "one integer array": (([2, 0, 2],), NOT_STRICT),
    "an integer array and a slice": (([2, 0, 2], slice(1)), NOT_STRICT),
    "integer arrays around a slice": (([2, 0], slice(None), [-1, 0]), NOT_STRICT),
    "an integer array and a negative step": (
        (slice(None, None, -1), [1, 0], slice(3, 0, -2)),
        NOT_STRICT,
    ),
    "a new axis and integer arrays": ((None, 1, [[0, 1], [1, 1]]), NOT_STRICT),
}


def _with_arrays(xp: Any, key: Any) -> Any:
    return tuple(
        xp.put(np.asarray(part)) if isinstance(part, list) else part for part in key
    )


def _get(key: Any) -> Callable[..., Any]:
    return lambda xp, x: x[key]


def _set(key: Any, number: bool = False) -> Callable[..., Any]:
    def call(xp: Any, x: Any, v: Any = 3.0) -> Any:
        y = x * x
        y[key] = v
        return y

    return call


for _label, _key in {**_KEYS, **_NEGATIVE, **_NEW_AXES, **_OPEN}.items():
    _only = NOT_STRICT if _label in _OPEN else ()
    add("getitem", _label, _get(_key), _cube, only=_only)
    if _label in _NEW_AXES:  # the standard writes to no new axes
        _only = NOT_STRICT
    _part = _cube[_key].shape
    add("setitem", _label, _set(_key), _cube, plain(_part, "value"), only=_only)
    add("setitem", f"{_label}, a number", _set(_key), _cube, only=_only, layouts=False)
add(
    "setitem",
    "a value that is broadcast",
    _set((slice(1, 3), ...)),
    _cube,
    plain((4,), "value"),
)
add("setitem", "a value of one", _set((..., 0)), _cube, plain((), "value"))
add("getitem", "no axes", lambda xp, x: x[()], plain(()))
add("getitem", "an empty array", lambda xp, x: x[:, 1], plain((0, 3)))
add("getitem", "twice", lambda xp, x: x[0, :] * x[1, :] + x[0, :], plain((2, 3)))
add("getitem", "not at all", lambda xp, x, y: x[0, ...], plain((2, 3)), plain((2,)))
add("getitem", "complex", lambda xp, x: x[1:, 0], corner((2, 3)))
add("getitem", "iteration", lambda xp, x: [part * 2.0 for part in x], plain((3,)))
add("setitem", "complex", _set((0, slice(1, 3))), corner((2, 3)), corner((2,)))
add("setitem", "its own past", lambda xp, x: _shifted(x), plain((4,)))
add(
    "setitem",
    "in place arithmetic",
    lambda xp, x, y: _added(x, y),
    plain((4,)),
    plain((2,)),
)


def _shifted(x: Any) -> Any:
    y = x * 1.0
    y[1:] = y[:-1] * x[1:]
    return y


def _added_at(x: Any, key: Any, y: Any) -> Any:
    z = x * x
    z[key] += y  # as in NumPy, of two values for one place the last one is added
    return z


def _added(x: Any, y: Any) -> Any:
    z = x * x
    z[1:3] += y
    z[0] *= y[1]
    return z


_mask = np.asarray([[True, False], [False, True], [True, True]])
add(
    "getitem",
    "a mask",
    lambda xp, x: x[xp.put(_mask)],
    plain((3, 2)),
    needs=("boolean_indexing", "data_dependent_shapes"),
)
add(
    "getitem",
    "a mask of the first axes",
    lambda xp, x: x[xp.put(_mask)],
    _cube,
    needs=("boolean_indexing", "data_dependent_shapes"),
)
add(
    "getitem",
    "a computed mask",
    lambda xp, x: x[x > 0],
    away(0.2, 2.0)((2, 3)),
    needs=("boolean_indexing", "data_dependent_shapes"),
)
add(
    "setitem",
    "a mask and a number",
    lambda xp, x: _set(xp.put(_mask))(xp, x),
    plain((3, 2)),
    needs=("boolean_indexing",),
)
add(
    "setitem",
    "a mask and a value",
    lambda xp, x, v: _set(xp.put(_mask))(xp, x, v),
    plain((3, 2)),
    plain(()),
    needs=("boolean_indexing",),
)
for _label, (_key, _only) in _INTEGER_ARRAYS.items():
    add(
        "getitem",
        _label,
        lambda xp, x, k=_key: x[_with_arrays(xp, k)],
        _cube,
        only=_only,
    )
    _part = _cube[
        tuple(np.asarray(p) if isinstance(p, list) else p for p in _key)
    ].shape
    add(
        "setitem",
        _label,
        lambda xp, x, v, k=_key: _set(_with_arrays(xp, k))(xp, x, v),
        _cube,
        plain(_part, "value"),
        only=_only,
    )
add(
    "setitem",
    "integer arrays without repeats",
    lambda xp, x, v: _set(_with_arrays(xp, ([0, 2], [1, 0])))(xp, x, v),
    plain((3, 2)),
    plain((2,)),
)
add(
    "setitem",
    "a mask and a value for each place",
    lambda xp, x, v: _set(xp.put(_mask))(xp, x, v),
    plain((3, 2)),
    plain((4,)),
    needs=("boolean_indexing", "data_dependent_shapes"),
)
for _label, _key in {
    "a mask and a slice": (_mask[:, 0], slice(1)),
    "a slice and a mask": (slice(None, None, -2), np.asarray([True, False])),
    "a mask and an integer array": (_mask[:, 0], [[1], [0]]),
    "a mask, a new axis and an integer": (_mask[:, 0], None, 1),
}.items():
    _host = tuple(np.asarray(p) if isinstance(p, list) else p for p in _key)
    add("getitem", _label, _get(_host), _cube, only=NOT_STRICT)
    add(
        "setitem",
        _label,
        _set(_host),
        _cube,
        plain(_cube[_host].shape, "value"),
        only=NOT_STRICT,
    )
add("getitem", "a list", lambda xp, x: x[[2, 0, 2]], _cube, only=NOT_STRICT)
add("getitem", "NumPy's integer", lambda xp, x: x[np.int64(-1), ...], _cube)
add("getitem", "its own integer", lambda xp, x: x[xp.put(np.asarray(2)), ...], _cube)
add(
    "setitem",
    "a list of values",
    lambda xp, x: _set((0, ...))(xp, x, [1, 2]),
    _mask * 1.0,
)
add(
    "setitem",
    "integers added at a repeated place",
    lambda xp, x, v: _added_at(x, [0, 1, 0], v),
    plain((3, 2)),
    plain((3, 2)),
    only=NOT_STRICT,
)
add(
    "scatter",
    "a slice",
    lambda xp, g: xp.scatter(g, (slice(1, 3), ...), (4, 2)),
    plain((2, 2)),
)
add("scatter", "an integer", lambda xp, g: xp.scatter(g, (1, ...), (4, 2)), plain((2,)))
add(
    "scatter",
    "repeated integers",
    lambda xp, g: xp.scatter(
        g, (xp.put(np.asarray([0, 2, 0])), xp.put(np.asarray([1, 0, 1]))), (3, 2)
    ),
    plain((3,)),
)

for _axis in (0, 1, -1):
    add(
        "take",
        f"axis={_axis}",
        lambda xp, x, a=_axis: xp.take(x, xp.put(np.asarray([1, 0, 1])), axis=a),
        plain((2, 2, 3), "take"),
    )
add(
    "take",
    "a row",
    lambda xp, x: xp.take(x, xp.put(np.asarray([3, 0, 0, 1]))),
    plain((4,)),
)
add("take", "a list", lambda xp, x: xp.take(x, [-1, 0, -1], axis=1), plain((2, 3)))
add(
    "take",
    "rows of rows",
    lambda xp, x: xp.take(x, xp.put(np.asarray([2, 0, 2])), axis=0) * x,
    plain((3, 2, 2)),
)
add(
    "take",
    "nothing",
    lambda xp, x: xp.take(x, xp.put(np.zeros(0, int)), axis=0),
    plain((2, 3)),
)
add(
    "take",
    "twice",
    lambda xp, x: xp.take(x, xp.put(np.asarray([1, 0])), axis=0) * x,
    plain((2, 3)),
)
add(
    "take",
    "complex",
    lambda xp, x: xp.take(x, xp.put(np.asarray([1, 1])), axis=0),
    corner((2, 3)),
)
_places = np.asarray([[0, 2, 2], [1, 1, 0]])
for _axis, _index in ((1, _places), (-1, _places), (0, np.asarray([[1, 0, 1]]))):
    add(
        "take_along_axis",
        f"axis={_axis}",
        lambda xp, x, a=_axis, i=_index: xp.take_along_axis(x, xp.put(i), axis=a),
        plain((2, 3), "along"),
    )
add(
    "take_along_axis",
    "counted from the end",
    lambda xp, x: xp.take_along_axis(x, np.asarray([[-1, 0], [-3, -3]]), axis=1),
    plain((2, 3)),
)
add(
    "take_along_axis",
    "twice",
    lambda xp, x: xp.take_along_axis(x, xp.put(_places)) * x,
    plain((2, 3)),
)
add(
    "take_along_axis",
    "complex",
    lambda xp, x: xp.take_along_axis(x, xp.put(_places)),
    corner((2, 3)),
)
