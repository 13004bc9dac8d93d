"""Reading and writing elements: linear, and each other's transposes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...backend.library import library_of
from ...errors import DTypeError
from ..array import Array
from ..convert import SCALARS, asarray, beside, holds_array, mixed
from ..rule import Linear, Moving, Spec, addition, fitted, held, refuse
from ..tape import Node, is_recording


def _grid(xp: Any, shape: tuple[int, ...], near: Any) -> Any:
    """Return an array of `shape` that holds the position of each element."""
    return xp.reshape(
        xp.arange(math.prod(shape), dtype=xp.int64, device=xp.device(near)), shape
    )


def _put_back(xp: Any, g: Any, places: Any, shape: tuple[int, ...]) -> Any:
    """Add the cotangents to zeros at their places; repeated places add up."""
    total = xp.segment_sum(
        xp.reshape(g, (-1,)), xp.reshape(places, (-1,)), math.prod(shape)
    )
    return xp.reshape(total, tuple(shape))


class _Taking(Linear):
    """A function of an array and positions, which may be a list or NumPy's array."""

    def _make(self) -> Callable[..., Any]:
        compute = super()._make()

        def function(x: Any, indices: Any, /, **options: Any) -> Any:
            x = asarray(x)
            if type(indices) is not Array:
                indices = _raw_part(indices, x)
            return compute(x, indices, **options)

        return function


def _take(xp: Any, g: Any, x: Any, indices: Any, /, *, axis: Any = None) -> Any:
    """Return the elements of `x` at `indices` along `axis` (back: added in place)."""
    flat = axis is None
    whole = (math.prod(x.shape),) if flat else tuple(x.shape)
    axis = 0 if flat else axis % x.ndim
    before, after = whole[:axis], whole[axis + 1 :]
    g = xp.reshape(g, (*before, math.prod(indices.shape), *after))
    shape = (whole[axis], *before, *after)
    back = _put_rows(xp, xp.moveaxis(g, axis, 0), indices, shape)
    return xp.reshape(xp.moveaxis(back, 0, axis), tuple(x.shape))


def _take_along_axis(
    xp: Any, g: Any, x: Any, indices: Any, /, *, axis: int = -1
) -> Any:
    """Return the elements at `indices`, row by row along `axis` (back: added)."""
    places = xp.take_along_axis(_grid(xp, x.shape, g), indices, axis=axis)
    return _put_back(xp, g, places, x.shape)


_Taking(_take, "take", True)
_Taking(_take_along_axis, "take_along_axis", True)


# --- x[key] ---------------------------------------------------------------------------


def _parts(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def is_basic(key: Any) -> bool:
    """Tell whether a key is made of slices, integers, ``...`` and None alone."""
    return all(
        part is None or part is Ellipsis or type(part) in (int, slice)
        for part in _parts(key)
    )


def _may_repeat(key: Any) -> bool:
    """Tell whether a key holds an array of integers: a place may stand twice."""
    return any("int" in str(getattr(part, "dtype", "")) for part in _parts(key))


def _raw_key(key: Any, near: Array) -> Any:
    """Return a key as the library of `near` takes it, with arrays as raw ones."""
    if isinstance(key, tuple) and len(key) != 1:
        return tuple([_raw_part(part, near) for part in key])
    if isinstance(key, tuple):
        (key,) = key
    return _raw_part(key, near)


_WHOLE = frozenset({int, type(None)})


def _raw_part(part: Any, near: Array) -> Any:
    if part is None or part is Ellipsis or type(part) in (int, bool):
        return part
    if isinstance(part, slice):
        if _WHOLE.issuperset((type(part.start), type(part.stop), type(part.step))):
            return part
        return slice(*[_whole(v) for v in (part.start, part.stop, part.step)])
    if isinstance(part, (list, tuple)) and holds_array(part):
        part = asarray(part)
    lib = near._lib
    raw: Any = part
    if type(part) is Array:
        found, raw = part._lib, part.data
    elif isinstance(part, (list, tuple)):
        found, raw = lib, lib.index(part, near.data)
    else:
        other = library_of(part)
        if other is None:
            return _whole(part)
        found = other
        if found.name == "numpy":  # NumPy's arrays fit beside those of any library
            found, raw = lib, lib.index(part, near.data)
    if found is not lib:
        raise mixed(found, lib)
    single = getattr(raw, "ndim", 1) == 0 and "int" in str(raw.dtype)
    return int(raw) if single and lib.on_host(raw) else raw


def _whole(value: Any) -> Any:
    """Return a bound of a slice, or an index, as a Python integer where it is one."""
    return value.__index__() if hasattr(value, "__index__") else value


class _GetItem(Moving):
    """``x[key]``: back, the cotangents are written (or added) into zeros."""

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        spec, key = saved
        return (xp.scatter(g, key, spec.shape),)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        return xp.getitem(tangents[0], saved[1])


class _Scatter(Moving):
    """Zeros with values written at a key: the transpose of `getitem`."""

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        return (xp.getitem(g, saved[0]),)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        return xp.scatter(tangents[0], *saved)


class _SetItem(Moving):
    """``x[key] = value``: the cotangent of `x` is 0 there, the value's read there."""

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        key, fix, _ = saved
        gx = gv = None
        if parents[0] is not None:
            gx = xp.setitem(g, key, 0)
        if parents[1] is not None:
            gv = fitted(xp, _kept_values(xp, xp.getitem(g, key), key, g), fix)
        return gx, gv

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        key, *_ = saved
        tx, tv = tangents
        if tx is None:
            shape, dtype = node.fix
            tx = xp.zeros(shape, dtype=dtype, device=xp.device(tv))
        return xp.setitem(tx, key, 0 if tv is None else tv)


def _kept_values(xp: Any, values: Any, key: Any, whole: Any) -> Any:
    """Zero the cotangents of values that a later value at the same place overwrote."""
    if not _may_repeat(key):
        return values
    shape = tuple(values.shape)
    places = xp.getitem(_grid(xp, tuple(whole.shape), whole), key)
    order = _grid(xp, shape, whole)
    winner = xp.setitem(_grid(xp, tuple(whole.shape), whole), key, order)
    kept = xp.take(
        xp.reshape(winner, (-1,)), xp.reshape(places, (-1,)), axis=0
    ) == xp.reshape(order, (-1,))
    return xp.where(xp.reshape(kept, shape), values, xp.zeros_like(values))


_GETITEM = _GetItem("getitem", public=False)
_SCATTER = _Scatter("scatter", public=False)
_SETITEM = _SetItem("setitem", public=False)


@addition("scatter")
def _scatter_raw(xp: Any, g: Any, key: Any, shape: tuple[int, ...]) -> Any:
    new_axes = any(part is None for part in _parts(key))
    if not _may_repeat(key) and (not new_axes or is_basic(key)):
        out = xp.zeros(shape, dtype=g.dtype, device=xp.device(g))
        if new_axes:  # nothing is written to
            key = tuple(part for part in _parts(key) if part is not None)
            g = xp.reshape(g, xp.getitem(out, key).shape)
        return xp.write(out, key, g)
    rows = _rows(key)
    if rows is not None:
        return _put_rows(xp, g, rows, shape)
    places = xp.getitem(_grid(xp, shape, g), key)
    return _put_back(xp, g, places, shape)


def _rows(key: Any) -> Any:
    """Return the integer array of a key that chooses whole rows, or None."""
    first, *rest = _parts(key) or (None,)
    whole = all(
        part is Ellipsis or (type(part) is slice and part == slice(None))
        for part in rest
    )
    return first if whole and _may_repeat(first) and first.ndim else None


def _put_rows(xp: Any, g: Any, rows: Any, shape: tuple[int, ...]) -> Any:
    """Add rows of cotangents to zeros; a row that was chosen twice adds up."""
    ids = xp.reshape(xp.astype(rows, xp.int64), (-1,))
    ids = xp.where(ids < 0, ids + shape[0], ids)
    values = xp.reshape(g, (ids.shape[0], *shape[1:]))
    return xp.segment_sum(values, ids, shape[0])


def getitem(x: Array, key: Any, /) -> Array:
    """Return ``x[key]``: slices, integers, masks, integer arrays, ``...``, None."""
    lib = x._lib
    raw = key if type(key) in (int, slice) else _raw_key(key, x)
    try:
        out = lib.getitem(x.data, raw)
    except Exception as error:
        refuse("x[key]", (x.data,), error, {"key": key})
    result = Array(out if type(out) is lib.array_type else lib.coerce(out), lib)
    if x._node is not None and is_recording():
        spec = Spec(tuple(x.data.shape), x.data.dtype, x.data.ndim)
        result._node = Node(_GETITEM, lib, (x._node,), (spec, raw), None)
    return result


def scatter(g: Array, key: Any, shape: tuple[int, ...], /) -> Array:
    """Return zeros of `shape` with `g` written at `key`; repeated places add up."""
    lib = g._lib
    raw = _raw_key(key, g)
    result = Array(lib.coerce(lib.raw.scatter(g.data, raw, tuple(shape))), lib)
    if g._node is not None and is_recording():
        result._node = Node(_SCATTER, lib, (g._node,), (raw, tuple(shape)), None)
    return result


def setitem(x: Array, key: Any, value: Any, /) -> Array:
    """Return a copy of `x` in which ``x[key]`` is `value`; `x` itself is unchanged."""
    lib = x._lib
    raw = _raw_key(key, x)
    if type(value) in SCALARS:
        data, node = value, None
    else:
        value = beside(value, x)
        data, node = value.data, value._node
    _check_cast(x, data)
    written = data
    if type(value) is Array and data.dtype != x.data.dtype:
        written = lib.raw.astype(data, x.data.dtype)
    try:
        result = Array(lib.setitem(x.data, raw, written), lib)
    except Exception as error:
        refuse("x[key] = y", (x.data, written), error, {"key": key})
    if (x._node is not None or node is not None) and is_recording():
        fix = None if node is None else (tuple(data.shape), data.dtype)
        own = (tuple(x.data.shape), x.data.dtype)
        constant = held(written) if node is None else None
        if x._node is None:
            constant = held(x.data)  # of the two, one at most is off the tape
        saved = (raw, fix, constant)
        result._node = Node(_SETITEM, lib, (x._node, node), saved, own)
    return result


def _check_cast(x: Array, value: Any) -> None:
    """Raise where writing would cut off fractions or imaginary parts."""
    lib = x._lib
    if type(value) in SCALARS:
        fraction, imaginary = (
            isinstance(value, (float, complex)),
            type(value) is complex,
        )
    else:
        fraction, imaginary = lib.is_floating(value.dtype), lib.is_complex(value)
    if (fraction and not lib.is_floating(x.data.dtype)) or (
        imaginary and not lib.is_complex(x.data)
    ):
        raise DTypeError(
            f"x[key] = value: {getattr(value, 'dtype', type(value).__name__)} does "
            f"not fit into an array of {x.dtype}. Cast x or the value first with "
            "xp.astype."
        )


def _assign(x: Array, key: Any, value: Any) -> None:
    """``x[key] = value``: compute the new array and rebind `x` to it."""
    from ..operators import rebind

    rebind(x, setitem(x, key, value), "x[key] = value")


_GETITEM.function, _SCATTER.function, _SETITEM.function = getitem, scatter, setitem
