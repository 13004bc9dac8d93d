"""What rules compute with when the derivative is itself to be differentiated."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..backend.library import Library
from .array import Array
from .convert import wrap
from .creation import CREATION, FREQUENCIES, LIKE, liker
from .dtypes import QUESTIONS
from .rule import TABLE

__all__ = ["Recorded"]


class Recorded:
    """The functions of the table on recorded arrays, for one library."""

    def __init__(self, lib: Library) -> None:
        self._lib = lib

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        lib = self._lib
        found: Any
        if name in ("is_complex", "device"):
            found = functools.partial(_on_raw, getattr(lib.raw, name))
        elif name in CREATION or name in FREQUENCIES:
            found = _creator_on(name, lib)
        elif name in LIKE:
            found = liker(name)
        elif name in TABLE and name not in QUESTIONS:
            found = TABLE[name].function
        elif name == "strong_zero":
            found = _strong_zero
        else:
            found = getattr(lib.raw, name)
        setattr(self, name, found)
        return found


def _on_raw(function: Callable[[Any], Any], x: Any) -> Any:
    return function(x.data if type(x) is Array else x)


def _creator_on(name: str, lib: Library) -> Callable[..., Array]:
    function = getattr(lib.raw, name)
    return lambda *args, **options: wrap(lib, function(*args, **options))


def _strong_zero(part: Array, g: Array, *inputs: Any) -> Array:
    """Apply the strong-zero rule to recorded arrays: flat mask, recorded choice."""
    raw = part._lib.raw
    masked = (g.data == 0) & ~raw.isfinite(part.data)
    for x in inputs:
        value = x.data if type(x) is Array else x
        masked = masked & (value == value)
    where: Any = TABLE["where"].function
    out: Array = where(
        masked, 0.0 if part._lib.scalar_operands else raw.zeros_like(part.data), part
    )
    return out
