"""Functions without a derivative, and functions that need no kind of their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...backend.library import library_of
from ...errors import LibraryError
from ..array import Array
from ..convert import SCALARS, asarray, like, wrap
from .base import Row, strip
from .refusals import refuse

__all__ = ["Composed", "Flat", "flat", "function_of"]


class Flat(Row):
    """A function without a derivative: what it returns is off the tape."""

    kind = "flat"

    def __init__(
        self, name: str, why: str, signature: inspect.Signature, public: bool
    ) -> None:
        super().__init__(name, why=why, public=public)
        self.broadcasts = list(signature.parameters) == ["x1", "x2"]
        self._define(self._make(), signature)
        self.operator = self._operator(reflected=False)
        self.reflected = self._operator(reflected=True)

    def _make(self) -> Callable[..., Any]:
        name, broadcasts = self.name, self.broadcasts

        def function(*args: Any, **options: Any) -> Any:
            first = _first_array([*args, *options.values()])
            lib = first._lib
            raw = [_operand(a, first) for a in args]
            options = {k: strip(v, lib) for k, v in options.items()}
            try:
                out = lib.functions[name](*raw, **options)
            except Exception as error:
                refuse(name, raw, error, options, broadcasts=broadcasts)
            return _wrapped(lib, out)

        return function

    def _operator(self, *, reflected: bool) -> Callable[[Any, Any], Any]:
        name = self.name

        def function(x: Array, y: Any, /) -> Any:
            lib = x._lib
            if type(y) is Array and y._lib is lib:
                b = y.data
            elif type(y) in SCALARS and lib.scalar_operands:
                b = y
            else:
                try:
                    b = like(y, x).data
                except LibraryError:
                    if library_of(y) is None:
                        return NotImplemented
                    raise
            a = x.data
            if reflected:
                a, b = b, a
            try:
                return wrap(lib, lib.functions[name](a, b))
            except Exception as error:
                refuse(name, (a, b), error, broadcasts=True)

        return function


def _first_array(values: list[Any]) -> Array:
    """Return the array that says which library to call; raw arrays and lists count."""
    for value in values:
        if type(value) is Array:
            return value
    for value in values:
        if isinstance(value, (list, tuple)):
            for part in value:
                if type(part) is Array:
                    return part
    return asarray(next((v for v in values if type(v) not in SCALARS), values[0]))


def _operand(value: Any, first: Array) -> Any:
    """Return an argument of a flat function as the library takes it."""
    lib = first._lib
    if type(value) in SCALARS:
        return value if lib.scalar_operands else lib.operand(value, first.data)
    if type(value) is Array or isinstance(value, (list, tuple)):
        return strip(value, lib)
    return value


def _wrapped(lib: Any, out: Any) -> Any:
    """Return a raw result as recorded arrays: one, or a (named) tuple of them."""
    if isinstance(out, tuple):
        parts = [_wrapped(lib, part) for part in out]
        return type(out)(*parts) if hasattr(out, "_fields") else tuple(parts)
    return wrap(lib, out) if hasattr(out, "dtype") else out


def flat(
    name: str,
    why: str,
    like: Callable[..., Any] = lambda x, /: None,
    *,
    public: bool = True,
) -> Flat:
    """Add the row of a function without a derivative, and say why there is none.

    `like` is a function with the same parameters; only its signature is used.
    """
    return Flat(name, why, inspect.signature(like), public)


def function_of(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function that is composed of recorded ones."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        row = Composed(name)
        row._define(function, inspect.signature(function), function.__doc__)
        return function

    return add


class Composed(Row):
    """A function written with recorded ones that may return several arrays."""

    kind = "composite"
