"""Any other library that follows the standard, known by its module alone."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ..errors import LibraryError
from . import portable
from .base import Library

__all__ = ["GenericLibrary"]

_NEEDED = (
    "add asarray astype isdtype multiply ones_like reshape sum where zeros".split()
)


class GenericLibrary(Library):
    """A library over a module; what the module lacks raises when it is used.

    Parameters
    ----------
    module : module
        The functions and dtypes of the standard.

    Raises
    ------
    LibraryError
        If the module lacks what every rule is written with.
    """

    mutable = False  # not known, and nothing needs it

    def __init__(self, module: Any) -> None:
        missing = [
            name for name in _NEEDED if not callable(getattr(module, name, None))
        ]
        if missing:
            raise LibraryError(
                f"the module {module.__name__!r} does not follow the Array API "
                f"standard: it has no {', '.join(missing)}."
            )
        self.name = module.__name__.rpartition("array_api_compat.")[2]
        version = getattr(module, "__array_api_version__", None) or "2022.12"
        self.scalar_operands = version >= "2024.12"
        super().__init__(module)
        self.compat: Any = importlib.import_module("array_api_compat")
        self.array_type = type(module.zeros(()))
        self.writable = hasattr(self.array_type, "__setitem__")

    def device_of(self, x: Any) -> Any:
        return self.compat.device(x)  # "cpu" for Dask's, which have no attribute

    def copy(self, x: Any) -> Any:
        try:
            return self.module.asarray(x, copy=True)
        except NotImplementedError:  # arrays that are never written to
            return self.module.asarray(x)

    def setitem(self, x: Any, key: Any, value: Any) -> Any:
        if not self.writable or portable.has_integer_array(key):
            return portable.set_positions(self.module, x, key, value)
        return super().setitem(x, key, value)

    def write(self, out: Any, key: Any, value: Any) -> Any:
        return self.setitem(out, key, value)

    def add_to(self, out: Any, key: Any, value: Any) -> Any:
        return self.setitem(out, key, out[key] + value)

    def to_host(self, x: Any) -> np.ndarray[Any, Any]:
        host = np.asarray(x)
        return np.from_dlpack(x) if host.dtype == object else host

    def move(self, x: Any, device: Any) -> Any:
        return x if device == self.device_of(x) else super().move(x, device)
