"""What a library refuses, said in a sentence with the function and the shapes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

from ...errors import DTypeError, OptionError, ShapeError, XpnetError

__all__ = ["refuse"]

_LETTERS = "xyzuvw"
_OF_SHAPES = ("shape", "dimension", "size", "axis", "axes")


def refuse(
    name: str,
    args: Sequence[Any],
    error: Exception,
    options: Mapping[str, Any] = MappingProxyType({}),
    *,
    broadcasts: bool = False,
) -> NoReturn:
    """Raise the error of a library's function again, as one of ours.

    Errors that say more by their class (IndexError, LinAlgError, ...) keep it and get
    a note with the function and the shapes.
    """
    if isinstance(error, XpnetError):
        raise error
    shown = ", ".join(
        [_shown(i, a) for i, a in enumerate(args)]
        + [f"{key}={value!r:.60}" for key, value in options.items()]
    )
    misfit = _misfit(name, args) if broadcasts or name == "matmul" else ""
    if misfit:
        raise ShapeError(f"{name}: {misfit} ({shown}).") from error
    reason = " ".join(str(error).split()).rstrip(".")
    kind = type(error)
    if kind in (ValueError, TypeError, RuntimeError):
        if any(word in reason for word in _OF_SHAPES):
            raise ShapeError(f"{name}: {reason} ({shown}).") from error
        if kind is not RuntimeError:
            own = DTypeError if kind is TypeError else OptionError
            raise own(f"{name}: {reason} ({shown}).") from error
    error.add_note(f"in {name} ({shown})")
    raise error


def _shown(index: int, value: Any) -> str:
    """Return an argument as a reader wants it: its letter, shape and dtype."""
    letter = _LETTERS[index] if index < len(_LETTERS) else f"argument {index}"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{letter}: {tuple(value.shape)} {value.dtype}"
    if isinstance(value, (list, tuple)) and any(hasattr(v, "shape") for v in value):
        return f"{letter}: {[tuple(v.shape) for v in value if hasattr(v, 'shape')]}"
    return f"{value!r:.60}"


def _misfit(name: str, args: Sequence[Any]) -> str:
    """Return why arrays do not fit together, or an empty string."""
    shapes = [tuple(a.shape) for a in args if hasattr(a, "shape")]
    if name == "matmul":
        return _product_misfit(*shapes)
    for (i, x), (j, y) in itertools.combinations(enumerate(shapes), 2):
        reason = _broadcast_misfit(x, y)
        if reason:
            of = f" of {_LETTERS[i]} and {_LETTERS[j]}" if len(shapes) > 2 else ""
            return f"the shapes{of} do not broadcast: {reason}"
    return ""


def _product_misfit(x: tuple[int, ...], y: tuple[int, ...]) -> str:
    if not x or not y:
        return "a product needs arrays with at least one axis; multiply by x * y"
    axis = -2 if len(y) > 1 else 0
    if x[-1] != y[axis]:
        return (
            f"the last axis of x has {x[-1]} elements, but axis {axis} of y has "
            f"{y[axis]}; they are multiplied and must be equal"
        )
    reason = _broadcast_misfit(x[:-2], y[:-2], behind=2)
    return f"the shapes do not broadcast: {reason}" if reason else ""


def _broadcast_misfit(x: tuple[int, ...], y: tuple[int, ...], behind: int = 0) -> str:
    pairs = zip(reversed(x), reversed(y), strict=False)
    for i, (m, n) in enumerate(pairs, start=1 + behind):
        if m != n and 1 not in (m, n):
            return f"axis {-i} has {m} and {n} elements, and neither is 1"
    return ""
