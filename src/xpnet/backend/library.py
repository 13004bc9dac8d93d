"""Array libraries behind one face, and how the one of an array or a device is found.

A `Library` is one array package on one of *our* devices: NumPy is the CPU, CuPy on the
first GPU is ``cuda:0``, CuPy on the second is another library. Two arrays fit together
exactly when they hold the same library, which is one identity test per operation.
PyTorch, JAX and array-api-strict keep their own devices and are one library each.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import LibraryError
from .base import ADDITIONS, EXTENSIONS, Library
from .cupy_library import CupyLibrary
from .device import Device, resolve
from .generic_library import GenericLibrary
from .jax_library import JaxLibrary
from .numpy_library import NumpyLibrary
from .strict_library import StrictLibrary
from .torch_library import TorchLibrary

__all__ = [
    "ADDITIONS",
    "EXTENSIONS",
    "Library",
    "foreign",
    "generic",
    "is_known",
    "library_for",
    "library_of",
    "name_of",
]

_NUMPY = NumpyLibrary()

_FOREIGN: dict[str, Callable[[], Library]] = {
    "torch": TorchLibrary,
    "jax": JaxLibrary,
    "array_api_strict": StrictLibrary,
}


_one_at_a_time = threading.RLock()  # two objects for one library would not fit together


def _made_once(make: Callable[..., Library]) -> Callable[..., Library]:
    """Keep what `make` returns for each argument; threads that ask wait for it."""
    kept: dict[Any, Library] = {}

    @functools.wraps(make)
    def find(key: Any) -> Library:
        found = kept.get(key)
        if found is None:
            with _one_at_a_time:
                found = kept.get(key)
                if found is None:
                    found = kept[key] = make(key)
        return found

    find.kept = kept  # type: ignore[attr-defined]
    return find


@_made_once
def _cupy(index: int) -> Library:
    return CupyLibrary(Device(f"cuda:{index}"))


@_made_once
def foreign(name: str) -> Library:
    """Return the library of a package that keeps devices of its own, by its name.

    Raises
    ------
    LibraryError
        If the name is unknown or the package is not installed.
    """
    if name not in _FOREIGN:
        raise LibraryError(
            f"{name!r} is not a known array library: use one of {sorted(_FOREIGN)}."
        )
    try:
        return _FOREIGN[name]()
    except ImportError as error:
        raise LibraryError(
            f"{name} cannot be used: {error}. Install it first."
        ) from error


def is_known(name: str) -> bool:
    """Tell whether a name is that of a library xpnet knows by itself."""
    return name in _FOREIGN


def name_of(module: Any) -> str:
    """Return the name that xpnet has for a module of array functions.

    Raises
    ------
    LibraryError
        If it is no module.
    """
    name = getattr(module, "__name__", None)
    if not isinstance(name, str) or not hasattr(module, "__dict__"):
        raise LibraryError(
            f"{module!r} is not an array library: use a module, or one of the names "
            f"{['cupy', 'numpy', *sorted(_FOREIGN)]}."
        )
    name = name.rpartition("array_api_compat.")[2]
    return "jax" if name == "jax.numpy" else name


@_made_once
def generic(module: Any) -> Library:
    """Return the library over any module that follows the standard.

    Raises
    ------
    LibraryError
        If the module does not follow the standard.
    """
    found = GenericLibrary(module)
    _GENERIC[found.array_type] = found
    return found


_GENERIC: dict[type, Library] = {}  # by the type of its arrays


def library_for(device: str | Device | None) -> Library:
    """Return the library of a device of ours; None is the default device."""
    found = resolve(device)
    return _NUMPY if found.kind == "cpu" else _cupy(found.index)


def library_of(x: Any) -> Library | None:
    """Return the library that a raw array belongs to, or None when `x` is no array.

    Nothing is imported: an array's package is already loaded.
    """
    kind = type(x)
    if kind is np.ndarray or isinstance(x, (np.ndarray, np.generic)):
        if isinstance(x, np.ma.MaskedArray):
            raise LibraryError(
                "a masked array would lose its mask. Pass x.filled(...) or "
                "x.compressed()."
            )
        return None if x.dtype.kind not in "biufc" else _NUMPY
    package = kind.__module__.partition(".")[0]
    if package == "cupy" and isinstance(x, sys.modules["cupy"].ndarray):
        return _cupy(int(x.device.id))
    if package in ("jax", "jaxlib"):
        # a random key has a dtype of JAX's own
        numbers = isinstance(getattr(x, "dtype", None), np.dtype)
        return foreign("jax") if numbers and hasattr(x, "aval") else None
    if package in _FOREIGN and hasattr(x, "shape") and hasattr(x, "dtype"):
        return foreign(package)
    return _GENERIC.get(kind) or _by_its_own_word(x, package)


def _by_its_own_word(x: Any, package: str) -> Library | None:
    """Return the library that an array of an unknown class says it belongs to."""
    if package == "xpnet" or not hasattr(type(x), "__array_namespace__"):
        return None
    return generic(x.__array_namespace__())
