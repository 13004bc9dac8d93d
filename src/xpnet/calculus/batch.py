"""Many cotangents, or many tangents, through the tape together.

A Jacobian pulls one cotangent for each element of a result. Here all of them go through
a node at once: each array of cotangents has a first axis of length n in front of the
axes that it stands for, and so have the tangents of forward mode. Elementwise rules
broadcast over that axis as they are. A rule with an axis is told the one behind it. Any
other rule runs once for each of the n, and the parts are stacked, which is right for
every row and merely slower.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..errors import GradientError
from . import tape
from .kinds.elementwise import times
from .kinds.several import Cotangents
from .rule import (
    Binary,
    Composite,
    Fused,
    General,
    Linear,
    LinearSequence,
    Spec,
    Unary,
    fitted,
)
from .table.indexing import is_basic
from .tape import Node

__all__ = ["pulled_many", "pushed_many"]

Parts = tuple[Any, ...]


def pulled_many(
    node: Node, parents: Any, g: Any, cotangents: dict[Any, Any], higher: bool
) -> Parts:
    """Return the n cotangents of each of a node's arguments."""
    row, saved = node.row, node.saved
    if saved is None:
        raise GradientError(tape._released(node))
    if row.nested:
        return row.pull_nested(node, parents, g, cotangents, higher, pulled_many)
    rule = None if _watched() else _pull_rule(row)
    if rule is not None:
        saved, xp = _space(node, saved, higher)
        try:
            parts = rule(node, parents, saved, g, xp)
        except Exception as error:
            raise tape._explained(node, error, "backward") from error
        if parts is not None:
            return parts  # type: ignore[no-any-return]
    return _pulled_in_turn(node, parents, g, higher)


def pushed_many(node: Node, incoming: list[Any], higher: bool) -> Any:
    """Return the n tangents of a node's result."""
    row, saved = node.row, node.saved
    if row.nested:
        return row.push_nested(node, incoming, higher, pushed_many)
    if row.name == "pick":
        return row.push(node, incoming, saved, None)
    rule = None if _watched() else _push_rule(row)
    if rule is not None and saved is not None:
        saved, xp = _space(node, saved, higher)
        try:
            out = rule(node, incoming, saved, xp)
        except Exception as error:
            raise tape._explained(node, error, "forward") from error
        if out is not None:
            return out
    return _pushed_in_turn(node, incoming, higher)


_plain = (tape._pulled, tape._pushed)


def _watched() -> bool:
    """Tell whether somebody looks at what each rule returns, one at a time."""
    return (tape._pulled, tape._pushed) != _plain


def _space(node: Node, saved: Any, higher: bool) -> tuple[Any, Any]:
    """Return what a node saved and the `xp` for its rule."""
    if higher:
        return node.row.lift(node), node.lib.recorded
    return saved, node.lib.raw


def _pull_rule(row: Any) -> Callable[..., Any] | None:
    """Return the rule that pulls many cotangents through a row, if it has one."""
    return _PULLS_BY_NAME.get(row.name) or _PULLS.get(type(row))


def _push_rule(row: Any) -> Callable[..., Any] | None:
    return _PUSHES_BY_NAME.get(row.name) or _PUSHES.get(type(row))


# --- one after the other --------------------------------------------------------------


def _pulled_in_turn(node: Node, parents: Any, g: Any, higher: bool) -> Parts:
    xp = node.lib.recorded if higher else node.lib.raw
    parts = [
        tape._pulled(node, parents, each, {}, higher) for each in _apart(node, g, xp)
    ]
    return tuple([_stacked(xp, column) for column in zip(*parts, strict=True)])


def _apart(node: Node, g: Any, xp: Any) -> list[Any]:
    if type(g) is not Cotangents:
        return [xp.getitem(g, (i, ...)) for i in range(g.shape[0])]
    columns = {k: _apart(node, part, xp) for k, part in g.parts.items()}
    n = len(next(iter(columns.values())))
    return [Cotangents({k: part[i] for k, part in columns.items()}) for i in range(n)]


def _pushed_in_turn(node: Node, incoming: list[Any], higher: bool) -> Any:
    xp = node.lib.recorded if higher else node.lib.raw
    n = next(t for t in incoming if t is not None).shape[0]
    outs = []
    for i in range(n):
        each = [None if t is None else xp.getitem(t, (i, ...)) for t in incoming]
        outs.append(tape._pushed(node, each, higher))
    if type(outs[0]) is tuple:
        return tuple([_stacked(xp, column) for column in zip(*outs, strict=True)])
    return _stacked(xp, outs)


def _stacked(xp: Any, parts: Any) -> Any:
    """Return parts along a first axis; None where there is nothing."""
    if parts[0] is None:
        return None
    if type(parts[0]) is Cotangents:
        return Cotangents(
            {k: _stacked(xp, [p.parts[k] for p in parts]) for k in parts[0].parts}
        )
    return xp.stack(list(parts))


# --- shapes with an axis of length n in front -----------------------------------------


def _fitted(xp: Any, part: Any, fix: Any) -> Any:
    """Bring n cotangents to the shape and dtype of their argument."""
    if part is None or fix is None:
        return part
    shape, dtype = fix
    part = _unbroadcast(xp, part, tuple(shape))
    return part if part.dtype == dtype else fitted(xp, part, (tuple(part.shape), dtype))


def _unbroadcast(xp: Any, part: Any, shape: tuple[int, ...]) -> Any:
    if tuple(part.shape)[1:] == shape:
        return part
    extra = part.ndim - 1 - len(shape)
    axes = tuple(range(1, 1 + extra)) + tuple(
        i + 1 + extra
        for i, size in enumerate(shape)
        if size == 1 and part.shape[i + 1 + extra] != 1
    )
    n = part.shape[0]
    if axes:
        part = xp.sum(part, axis=axes, dtype=part.dtype)
    return xp.reshape(part, (n, *shape))


def _aligned(xp: Any, t: Any, ndim: int) -> Any:
    """Put axes of length 1 behind the first, up to `ndim` axes behind it."""
    missing = ndim - (t.ndim - 1)
    if missing <= 0:
        return t
    return xp.reshape(t, (t.shape[0], *(1,) * missing, *tuple(t.shape)[1:]))


def _spread(xp: Any, t: Any, node: Node) -> Any:
    """Bring n tangents to the shape and dtype of the output."""
    if node.fix is None:
        return t
    *_, shape, dtype = node.fix
    if tuple(t.shape)[1:] != shape:
        t = xp.broadcast_to(t, (t.shape[0], *shape))
    return t if t.dtype == dtype else xp.astype(t, dtype)


def _result_ndim(node: Node, t: Any) -> int:
    """Return the number of axes of an elementwise result, from its tangent's."""
    return t.ndim - 1 if node.fix is None else len(node.fix[-2])


# --- elementwise ----------------------------------------------------------------------


def _direct_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts:
    return node.row.pull(node, parents, saved, g, xp)


def _direct_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    return node.row.push(node, incoming, saved, xp)


def _binary_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts:
    row: Any = node.row
    fixes = (None, None) if node.fix is None else node.fix[:2]
    return tuple(
        [
            None if p is None else _fitted(xp, row._careful(i, xp, g, saved), fix)
            for i, (p, fix) in enumerate(zip(parents, fixes, strict=True))
        ]
    )


def _aligned_all(node: Node, incoming: list[Any], xp: Any) -> list[Any]:
    """Align the tangents of arguments that are broadcast with each other."""
    known = [t for t in incoming if t is not None]
    ndim = known[0].ndim - 1 if node.fix is None else len(node.fix[-2])
    return [None if t is None else _aligned(xp, t, ndim) for t in incoming]


def _binary_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    parts = [
        times(node.row, i, xp, t, *saved)  # type: ignore[arg-type]
        for i, t in enumerate(_aligned_all(node, incoming, xp))
        if t is not None
    ]
    out = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    return _spread(xp, out, node)


def _where_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts:
    zero = xp.zeros_like(g)
    fixes = (None, None) if node.fix is None else node.fix[:2]
    choices = ((g, zero), (zero, g))
    return tuple(
        [
            None if p is None else _fitted(xp, xp.where(saved, *choice), fix)
            for p, choice, fix in zip(parents, choices, fixes, strict=True)
        ]
    )


def _where_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    tx, ty = _aligned_all(node, incoming, xp)
    zero = xp.zeros_like(ty if tx is None else tx)
    out = xp.where(saved, zero if tx is None else tx, zero if ty is None else ty)
    return _spread(xp, out, node)


# --- functions with an axis: it moves one place behind --------------------------------


def _behind(axis: Any) -> Any:
    """Return an axis, or several, one place behind; those from the end stay."""
    if isinstance(axis, int):
        return axis + 1 if axis >= 0 else axis
    return tuple([_behind(a) for a in axis])


def _reduced(named: dict[str, Any], ndim: int, _n: int) -> bool:
    axis = named.get("axis")
    named["axis"] = tuple(range(1, ndim + 1)) if axis is None else _behind(axis)
    return named["axis"] != ()  # what the libraries take () for differs


def _running(named: dict[str, Any], ndim: int, _n: int) -> bool:
    axis = named.get("axis")
    named["axis"] = 1 if axis is None else _behind(axis)
    return ndim > 0


def _along(named: dict[str, Any], ndim: int, _n: int) -> bool:
    if named.get("axis") is not None:
        named["axis"] = _behind(named["axis"])
        return ndim > 0
    return False


def _along_last(named: dict[str, Any], ndim: int, _n: int) -> bool:
    return ndim > 0 and ("axis" not in named or _along(named, ndim, _n))


def _inserted(named: dict[str, Any], _ndim: int, _n: int) -> bool:
    named["axis"] = _behind(named.get("axis", 0))
    return True


def _moved(named: dict[str, Any], _ndim: int, _n: int) -> bool:
    named["source"] = _behind(named["source"])
    named["destination"] = _behind(named["destination"])
    return True


def _permuted(named: dict[str, Any], ndim: int, _n: int) -> bool:
    named["axes"] = (0, *[a % ndim + 1 for a in named["axes"]])
    return True


def _reshaped(named: dict[str, Any], _ndim: int, n: int) -> bool:
    shape = named["shape"]
    named["shape"] = (n, *((shape,) if isinstance(shape, int) else shape))
    return -1 not in named["shape"]


def _broadcast(named: dict[str, Any], ndim: int, n: int) -> bool:
    named["shape"] = (n, *named["shape"])
    return len(named["shape"]) == ndim + 1


def _unchanged(_named: dict[str, Any], _ndim: int, _n: int) -> bool:
    return True


_Shift = Callable[[dict[str, Any], int, int], bool]
_SHIFTS: dict[str, _Shift] = {
    "astype": _unchanged,
    "broadcast_to": _broadcast,
    "concat": _along,
    "copy_array": _unchanged,
    "cumulative_prod": _running,
    "cumulative_sum": _running,
    "expand_dims": _inserted,
    "flip": _reduced,
    "log_softmax": _along_last,
    "logsumexp": _reduced,
    "matrix_transpose": _unchanged,
    "max": _reduced,
    "mean": _reduced,
    "min": _reduced,
    "moveaxis": _moved,
    "permute_dims": _permuted,
    "prod": _reduced,
    "reshape": _reshaped,
    "roll": _along,
    "softmax": _along_last,
    "squeeze": _along,
    "stack": _inserted,
    "sum": _reduced,
    "take": _running,
    "tril": _unchanged,
    "triu": _unchanged,
}
"""Changes a call's arguments, by name, to those of n calls at once; False if it cannot.

It is given the arguments, the number of axes of x, and n."""


def _shifted(node: Node, saved: Any, ndim: int, n: int) -> Any:
    """Return the further arguments of n calls at once, or None."""
    shift = _SHIFTS.get(node.row.name)
    if shift is None:
        return None
    names = _further_names(node.row)
    positional = names[: len(saved.rest)]
    named = dict(zip(positional, saved.rest, strict=True)) | saved.options
    if not shift(named, ndim, n):
        return None
    rest = tuple([named.pop(name) for name in positional])
    return rest, named


@functools.cache
def _further_names(row: Any) -> list[str]:
    """Return the names of a function's parameters after its array."""
    return list(inspect.signature(row.function).parameters)[1:]


def _spec(x: Any, n: int) -> Spec:
    return Spec((n, *x.shape), x.dtype, x.ndim + 1)


def _linear_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts | None:
    (x,), n = saved.arrays, g.shape[0]
    found = _shifted(node, saved, x.ndim, n)
    if found is None:
        return None
    call = saved._replace(arrays=(_spec(x, n),), rest=found[0], options=found[1])
    return node.row.pull(node, parents, call, g, xp)


def _linear_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    found = _shifted(node, saved, incoming[0].ndim - 1, incoming[0].shape[0])
    if found is None:
        return None
    return node.row.push(
        node, incoming, saved._replace(rest=found[0], options=found[1]), xp
    )


def _sequence(node: Node, saved: Any, n: int) -> Any:
    """Return a call of concat or stack for n lists at once, or None."""
    ndim = max((x.ndim for x in saved.arrays), default=0)
    given = {"axis": 0} | saved.options
    call = saved._replace(options=given)
    found = _shifted(node, call, ndim, n)
    if found is None:
        return None
    specs = tuple([_spec(x, n) for x in saved.arrays])
    return call._replace(arrays=specs, options=found[1])


def _sequence_pull(
    node: Node, parents: Any, saved: Any, g: Any, xp: Any
) -> Parts | None:
    call = _sequence(node, saved, g.shape[0])
    return None if call is None else node.row.pull(node, parents, call, g, xp)


def _sequence_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    n = next(t for t in incoming if t is not None).shape[0]
    call = _sequence(node, saved, n)
    return None if call is None else node.row.push(node, incoming, call, xp)


def _general(node: Node, saved: Any, n: int, xp: Any) -> Any:
    """Return n calls of a function of one array at once, or None."""
    if len(saved.arrays) != 1:
        return None
    (x,) = saved.arrays
    found = _shifted(node, saved, x.ndim, n)
    if found is None or 0 in x.shape:
        return None
    arrays = (xp.broadcast_to(x, (n, *x.shape)),)
    out = saved.out
    out = None if out is None else xp.broadcast_to(out, (n, *out.shape))
    return saved._replace(arrays=arrays, rest=found[0], options=found[1], out=out)


def _general_pull(
    node: Node, parents: Any, saved: Any, g: Any, xp: Any
) -> Parts | None:
    call = _general(node, saved, g.shape[0], xp)
    return None if call is None else node.row.pull(node, parents, call, g, xp)


def _general_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    call = _general(node, saved, incoming[0].shape[0], xp)
    return None if call is None else node.row.push(node, incoming, call, xp)


# --- indexing -------------------------------------------------------------------------


def _key_behind(key: Any) -> Any:
    """Return a key for the axes behind the first, or None where it holds arrays."""
    if not is_basic(key):
        return None
    return (slice(None), *(key if isinstance(key, tuple) else (key,)))


def _getitem_pull(
    node: Node, parents: Any, saved: Any, g: Any, xp: Any
) -> Parts | None:
    spec, key = saved
    key = _key_behind(key)
    if key is None:
        return None
    return (xp.scatter(g, key, (g.shape[0], *spec.shape)),)


def _getitem_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    key = _key_behind(saved[1])
    return None if key is None else xp.getitem(incoming[0], key)


def _scatter_pull(
    node: Node, parents: Any, saved: Any, g: Any, xp: Any
) -> Parts | None:
    key = _key_behind(saved[0])
    return None if key is None else (xp.getitem(g, key),)


def _scatter_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    (t,), (key, shape) = incoming, saved
    key = _key_behind(key)
    return None if key is None else xp.scatter(t, key, (t.shape[0], *shape))


def _setitem_pull(
    node: Node, parents: Any, saved: Any, g: Any, xp: Any
) -> Parts | None:
    key, fix = saved
    key = _key_behind(key)
    if key is None:
        return None
    gx = None if parents[0] is None else xp.setitem(g, key, 0)
    gv = None if parents[1] is None else _fitted(xp, xp.getitem(g, key), fix)
    return gx, gv


# --- products -------------------------------------------------------------------------


def _conj(xp: Any, x: Any) -> Any:
    return xp.conj(x) if xp.is_complex(x) else x


def _matmul_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts | None:
    x, y = saved.arrays
    vectors = (x.ndim == 1, y.ndim == 1)
    if any(vectors) and max(x.ndim, y.ndim) > 2:
        return None
    rules = (_matmul_left, _matmul_right)
    return tuple(
        [
            None
            if p is None
            else _fitted(
                xp, rule(xp, g, _conj(xp, other), vectors), (own.shape, own.dtype)
            )
            for p, rule, own, other in zip(parents, rules, (x, y), (y, x), strict=True)
        ]
    )


def _matmul_left(xp: Any, g: Any, y: Any, vectors: tuple[bool, bool]) -> Any:
    if vectors[1]:  # (n, rows) or (n,) times y
        return xp.expand_dims(g, axis=-1) * y
    return xp.matmul(g, xp.matrix_transpose(y))


def _matmul_right(xp: Any, g: Any, x: Any, vectors: tuple[bool, bool]) -> Any:
    if vectors == (True, True):
        return xp.expand_dims(g, axis=-1) * x
    if vectors[0]:
        return xp.expand_dims(x, axis=-1) * xp.expand_dims(g, axis=-2)
    if vectors[1]:
        return xp.matmul(g, x)
    return xp.matmul(xp.matrix_transpose(x), g)


def _matmul_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    (x, y), (tx, ty) = saved.arrays, incoming
    if (x.ndim == 1 or y.ndim == 1) and max(x.ndim, y.ndim) > 2:
        return None
    parts = []
    if tx is not None:
        ndim = y.ndim if x.ndim > 1 else 1
        parts.append(xp.matmul(_aligned(xp, tx, ndim), y))
    if ty is not None:
        parts.append(_matmul_push_right(xp, x, y, ty))
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _matmul_push_right(xp: Any, x: Any, y: Any, ty: Any) -> Any:
    if y.ndim > 1:
        return xp.matmul(x, _aligned(xp, ty, max(x.ndim, y.ndim)))
    if x.ndim == 1:
        return xp.matmul(ty, x)
    return xp.matmul(ty, xp.matrix_transpose(x))


# --- functions written with others ----------------------------------------------------


def _composite_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts:
    row: Any = node.row
    return row.pull_by(node, parents, saved, g, pulled_many)  # type: ignore


def _composite_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    row: Any = node.row
    return row.push_by(node, incoming, saved, pushed_many)


_DIRECT = ("abs", "alias", "clip", "conj", "imag", "pick", "real", "sign", "to_device")

_PULLS: dict[type, Callable[..., Any]] = {
    Binary: _binary_pull,
    Composite: _composite_pull,
    Fused: _composite_pull,
    General: _general_pull,
    Linear: _linear_pull,
    LinearSequence: _sequence_pull,
    Unary: _direct_pull,
}
_PULLS_BY_NAME: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_DIRECT, _direct_pull),
    "getitem": _getitem_pull,
    "matmul": _matmul_pull,
    "scatter": _scatter_pull,
    "setitem": _setitem_pull,
    "where": _where_pull,
}
_PUSHES: dict[type, Callable[..., Any]] = {
    Binary: _binary_push,
    Composite: _composite_push,
    Fused: _composite_push,
    General: _general_push,
    Linear: _linear_push,
    LinearSequence: _sequence_push,
    Unary: _direct_push,
}
_PUSHES_BY_NAME: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_DIRECT, _direct_push),
    "getitem": _getitem_push,
    "matmul": _matmul_push,
    "scatter": _scatter_push,
    "where": _where_push,
}
