"""What optimizers are given: parameters and groups of them, looked at one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..calculus.array import Array
from ..calculus.tape import Node
from ..errors import ConversionError, DTypeError, GradientError, OptionError

__all__ = ["admit", "all_arrays", "as_arrays", "as_groups", "described"]


def as_groups(name: str, params: Any) -> list[Mapping[str, Any]]:
    """Return parameter groups: those given, or one of all parameters."""
    if isinstance(params, Mapping):
        params = [params]
    items = as_arrays(name, params)
    if items and all(isinstance(item, Mapping) for item in items):
        return items
    return [{"params": items}]


def as_arrays(name: str, params: Any) -> list[Any]:
    """Return parameters as a list without their names, or say what was given."""
    if isinstance(params, Array):
        return [params]
    try:
        return [_unnamed(p) for p in params]
    except TypeError:
        raise OptionError(
            f"{name}: parameters are a {type(params).__name__}, not an iterable of "
            "arrays. Is it model.parameters() that is meant?"
        ) from None


def _unnamed(item: Any) -> Any:
    """Return the array of a pair of a name and an array, and others as they are."""
    named = isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)
    return item[1] if named else item


def all_arrays(name: str, params: Any) -> list[Array]:
    """Return parameters as a list, after a check that each is an array."""
    found = as_arrays(name, params)
    for i, p in enumerate(found):
        _is_array(name, i, p)
    return found


def _is_array(name: str, number: int, p: Any) -> None:
    if type(p) is not Array:
        raise ConversionError(
            f"{name}: parameter {number} is a {type(p).__name__}, not an xn.Array."
        )


def admit(name: str, p: Any, known: dict[int, int], takes_complex: bool) -> None:
    """Check that a parameter can be optimized, and give it a number in `known`."""
    number = len(known)
    _is_array(name, number, p)
    node = p._node
    if type(node) is Node:
        raise GradientError(
            f"{name}: parameter {number} of shape {p.shape} was computed by "
            f"{node.row.name}; only leaves can be optimized. Make a leaf of it: "
            "xn.asarray(x.detach(), requires_grad=True)."
        )
    if not p._lib.is_floating(p.dtype):
        raise DTypeError(
            f"{name}: parameter {number} is {p.dtype}; only floating-point arrays have "
            "gradients."
        )
    if p._lib.is_complex(p.data) and not takes_complex:
        raise DTypeError(
            f"{name}: parameter {number} is {p.dtype}; only SGD takes complex "
            "parameters. Keep real and imaginary part apart."
        )
    if id(p) in known:
        raise OptionError(
            f"{name}: parameter {number} of shape {p.shape} is parameter "
            f"{known[id(p)]} again. Give each parameter once."
        )
    known[id(p)] = number


def described(group: Mapping[str, Any]) -> str:
    """Return a group in words: its size, and every option."""
    arrays = group["params"]
    size = sum(p.size for p in arrays)
    options = [f"{k}={v!r}" for k, v in group.items() if k != "params"]
    count = f"{len(arrays)} parameter{'s' if len(arrays) != 1 else ''}"
    return ", ".join([f"{count} of {size} elements", *options])
