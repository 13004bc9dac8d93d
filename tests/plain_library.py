"""An array library that xpnet has never heard of: the standard, and nothing more.

Its arrays hold NumPy's, are never written to, and say in ``__array_namespace__`` which
module they belong to.
"""

from __future__ import annotations

import builtins
import functools
import operator
from collections.abc import Callable
from types import ModuleType
from typing import Any

import array_api_compat.numpy as standard
import array_api_strict
import numpy as np

from libraries import Target

OPERATORS = """add sub mul truediv floordiv mod pow matmul and or xor lshift rshift
    lt le gt ge eq ne""".split()


class Array:
    """An immutable array."""

    __slots__ = ("_values",)
    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)

    dtype = property(lambda self: self._values.dtype)
    shape = property(lambda self: self._values.shape)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    device = property(lambda self: "cpu")
    mT = property(lambda self: Array(self._values.mT))

    def __array_namespace__(self, api_version: str | None = None) -> ModuleType:
        return plain

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self._values, dtype=dtype)  # nobody writes to an array of mine

    def __getitem__(self, key: Any) -> Array:
        return Array(self._values[bare(key)])

    def to_device(self, device: str) -> Array:
        return self

    def __neg__(self) -> Array:
        return Array(-self._values)

    def __invert__(self) -> Array:
        return Array(~self._values)


def bare(value: Any) -> Any:
    """Return a value with NumPy's arrays in place of the library's."""
    if isinstance(value, Array):
        return value._values
    if isinstance(value, (list, tuple)):
        return type(value)(map(bare, value))
    return value


def covered(value: Any) -> Any:
    """Return a result with the library's arrays in place of NumPy's."""
    if isinstance(value, (np.ndarray, np.generic)):
        return Array(value)
    if isinstance(value, (list, tuple)):
        parts = map(covered, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return one of NumPy's functions as one of the library's."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        options = {key: bare(value) for key, value in options.items()}
        return covered(function(*map(bare, args), **options))

    return call


def module(name: str, source: Any, names: Any) -> ModuleType:
    """Return a module with the functions, dtypes and constants of another."""
    out = ModuleType(name)
    for key in names:
        value = getattr(source, key, None)
        plain_value = isinstance(value, (type, ModuleType)) or not callable(value)
        setattr(out, key, value if plain_value else lifted(value))
    return out


def public(source: Any) -> list[str]:
    return [n for n in dir(source) if n[0] != "_" and hasattr(source, n)]


for _name in OPERATORS:
    _function = getattr(operator, f"{_name}_" if _name in ("and", "or") else _name)
    setattr(Array, f"__{_name}__", lifted(_function))
    setattr(Array, f"__r{_name}__", lifted(lambda x, y, f=_function: f(y, x)))

for _name in ("bool", "int", "float", "complex", "index"):
    _convert = operator.index if _name == "index" else getattr(builtins, _name)
    setattr(Array, f"__{_name}__", lambda x, f=_convert: f(x._values[()]))

_names = [name for name in public(array_api_strict) if name != "fft"]
plain = module("plain_library", standard, _names)
for _part in ("linalg", "fft"):
    _names = public(getattr(array_api_strict, _part))
    _source = getattr(standard, _part)
    setattr(plain, _part, module(f"plain_library.{_part}", _source, _names))
plain.__array_namespace_info__ = np.__array_namespace_info__
plain.__array_api_version__ = "2024.12"


class PlainTarget(Target):
    """The library as tests of every library know one."""

    @property
    def namespace(self) -> Any:
        import xpnet as xn

        return xn.namespace(plain)

    def raw(self, values: Any) -> Array:
        return Array(np.array(values))


PLAIN = PlainTarget("plain", "plain_library")
