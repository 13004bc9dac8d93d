"""Functions with an axis: it moves one place behind."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..kinds.base import Spec
from ..tape import Node

__all__ = [
    "general_pull",
    "general_push",
    "linear_pull",
    "linear_push",
    "sequence_pull",
    "sequence_push",
]

Parts = tuple[Any, ...]


def _behind(axis: Any) -> Any:
    """Return an axis, or several, one place behind; those from the end stay."""
    if isinstance(axis, int):
        return axis + 1 if axis >= 0 else axis
    return tuple([_behind(a) for a in axis])


def _reduced(named: dict[str, Any], ndim: int, _n: int) -> bool:
    axis = named.get("axis")
    named["axis"] = tuple(range(1, ndim + 1)) if axis is None else _behind(axis)
    # what the libraries take () for differs, and some take an axis of a number
    return ndim > 0 and named["axis"] != ()


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


def _of_matrices(_named: dict[str, Any], ndim: int, _n: int) -> bool:
    return ndim > 1


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
    "matrix_transpose": _of_matrices,
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
    "tril": _of_matrices,
    "triu": _of_matrices,
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


def linear_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts | None:
    (x,), n = saved.arrays, g.shape[0]
    found = _shifted(node, saved, x.ndim, n)
    if found is None:
        return None
    call = saved._replace(arrays=(_spec(x, n),), rest=found[0], options=found[1])
    return node.row.pull(node, parents, call, g, xp)


def linear_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
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


def sequence_pull(
    node: Node, parents: Any, saved: Any, g: Any, xp: Any
) -> Parts | None:
    call = _sequence(node, saved, g.shape[0])
    return None if call is None else node.row.pull(node, parents, call, g, xp)


def sequence_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
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


def general_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Parts | None:
    call = _general(node, saved, g.shape[0], xp)
    return None if call is None else node.row.pull(node, parents, call, g, xp)


def general_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    n = next(t for t in incoming if t is not None).shape[0]
    call = _general(node, saved, n, xp)
    return None if call is None else node.row.push(node, incoming, call, xp)
