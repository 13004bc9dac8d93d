"""Choosing and searching; sets. `where` is linear in what it chooses from."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...errors import LibraryError
from ..array import Array
from ..convert import SCALARS, asarray, like, mixed, wrap
from ..rule import Moving, fitted, flat, function_of, held, needs_fix, refuse, spread
from ..tape import Node, is_recording

_PLACES = "its values are positions"


class Choice(NamedTuple):
    """What `where` keeps: the condition, and what of the two is off the tape."""

    condition: Any
    x: Any
    y: Any


class _Where(Moving):
    """Elementwise choice: each cotangent goes to the argument that was chosen."""

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        condition = saved.condition
        zero = xp.zeros_like(g)
        parts: list[Any] = [None, None]
        if parents[0] is not None:
            parts[0] = xp.where(condition, g, zero)
        if parents[1] is not None:
            parts[1] = xp.where(condition, zero, g)
        if node.fix is not None:
            parts = [
                p if p is None or f is None else fitted(xp, p, f)
                for p, f in zip(parts, node.fix[:2], strict=True)
            ]
        return tuple(parts)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        tx, ty = tangents
        zero = xp.zeros_like(ty if tx is None else tx)
        out = xp.where(
            saved.condition, zero if tx is None else tx, zero if ty is None else ty
        )
        return spread(xp, out, node)


_WHERE = _Where("where", formula=("condition", "1 - condition"))


def _operand(v: Any, other: Any, first: Array) -> tuple[Any, Any]:
    """Return what the library takes for a choice, and its place on the tape."""
    lib = first._lib
    if type(v) not in SCALARS:
        x = v if type(v) is Array else like(v, first)
        if x._lib is not lib:
            raise mixed(x._lib, lib)
        return x.data, x._node
    if lib.scalar_operands:
        return v, None
    near = first if type(other) in SCALARS else like(other, first)
    return lib.operand(v, near.data), None


def where(condition: Any, x1: Any, x2: Any, /) -> Array:
    """Return elements of `x1` where the condition holds and of `x2` elsewhere.

    The cotangent of the argument that was not chosen is exactly 0.
    """
    first = next((v for v in (x1, x2, condition) if type(v) is Array), None)
    if first is None:
        first = asarray(
            next((v for v in (x1, x2, condition) if type(v) not in SCALARS), condition)
        )
    lib = first._lib
    chosen = (
        condition.data
        if type(condition) is Array and condition._lib is lib
        else like(condition, first).data
    )
    (a, na), (b, nb) = _operand(x1, x2, first), _operand(x2, x1, first)
    try:
        out = lib.functions["where"](chosen, a, b)
    except Exception as error:
        refuse("where", (chosen, a, b), error, broadcasts=True)
    if type(out) is not lib.array_type:
        out = lib.coerce(out)
    result = Array(out, lib)
    if (na is not None or nb is not None) and is_recording():
        fix_a = None if na is None else needs_fix(a, out)
        fix_b = None if nb is None else needs_fix(b, out)
        fix = None
        if fix_a is not None or fix_b is not None:
            fix = (fix_a, fix_b, tuple(out.shape), out.dtype)
        choice = Choice(chosen, None if na else held(a), None if nb else held(b))
        result._node = Node(_WHERE, lib, (na, nb), choice, fix)
    return result


_WHERE.function = where

flat("argmax", _PLACES, lambda x, /, *, axis=None, keepdims=False: None)
flat("argmin", _PLACES, lambda x, /, *, axis=None, keepdims=False: None)
flat("count_nonzero", "it counts", lambda x, /, *, axis=None, keepdims=False: None)
flat("nonzero", _PLACES)
flat("searchsorted", _PLACES, lambda x1, x2, /, *, side="left", sorter=None: None)

# --- sets: the values are elements of x, so their derivative is that of taking them ---

flat("isin", "its values are true or false", lambda x1, x2, /, *, invert=False: None)


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: Array
    counts: Array


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: Array
    inverse_indices: Array


def _first_places(x: Array, inverse: Array, count: int) -> Array:
    """Return, for each unique value, where it first stands in the flattened array."""
    xp = x._lib.recorded
    flat_inverse = xp.reshape(inverse, (-1,))
    order = xp.argsort(flat_inverse, stable=True)
    kinds = xp.arange(count, dtype=flat_inverse.dtype, device=xp.device(flat_inverse))
    starts = xp.searchsorted(xp.take(flat_inverse, order, axis=0), kinds)
    places: Array = xp.take(order, starts, axis=0)
    return places


def _values(x: Array, values: Array, inverse: Array) -> Array:
    """Return the unique values, taken from `x` where it is on the tape."""
    if not x.requires_grad:
        return values
    xp = x._lib.recorded
    places = _first_places(x, inverse, values.size)
    chosen: Array = xp.take(xp.reshape(x, (-1,)), places, axis=0)
    return chosen


def _raw(name: str, x: Array) -> tuple[Array, ...]:
    lib = x._lib
    return tuple(Array(lib.coerce(part), lib) for part in lib.functions[name](x.data))


@function_of("unique_all")
def unique_all(x: Any, /) -> UniqueAll:
    """Return the unique values, their first places, each element's number, counts."""
    x = asarray(x)
    try:
        values, indices, inverse, counts = _raw("unique_all", x)
    except (
        LibraryError,
        NotImplementedError,
        AttributeError,
    ):  # torch has no unique_all
        values, inverse = _raw("unique_inverse", x)
        indices = _first_places(x, inverse, values.size)
        counts = _raw("unique_counts", x)[1]
    return UniqueAll(_values(x, values, inverse), indices, inverse, counts)


@function_of("unique_counts")
def unique_counts(x: Any, /) -> UniqueCounts:
    """Return the unique values and how often each stands in `x`."""
    x = asarray(x)
    values, counts = _raw("unique_counts", x)
    return UniqueCounts(unique_values(x) if x.requires_grad else values, counts)


@function_of("unique_inverse")
def unique_inverse(x: Any, /) -> UniqueInverse:
    """Return the unique values and which one each element is."""
    x = asarray(x)
    values, inverse = _raw("unique_inverse", x)
    return UniqueInverse(_values(x, values, inverse), inverse)


@function_of("unique_values")
def unique_values(x: Any, /) -> Array:
    """Return the unique values; the derivative goes to each one's first element."""
    x = asarray(x)
    if x.requires_grad:
        found: UniqueInverse = unique_inverse(x)
        return found.values
    lib = x._lib
    return wrap(lib, lib.functions["unique_values"](x.data))
