"""Values of SciPy's special functions, for the arrays of any library."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import LibraryError

__all__ = ["borrowed_special"]


def borrowed_special(library: Any, name: str) -> Callable[..., Any]:
    """Return a special function of SciPy for raw arrays of a library.

    CuPy has its own. Arrays of the libraries that have none go to NumPy and come back,
    as SciPy does it.

    Raises
    ------
    LibraryError
        If SciPy is not installed, or CuPy's part of it lacks the function.
    """
    package = "cupyx.scipy.special" if library.name == "cupy" else "scipy.special"
    try:
        function = getattr(importlib.import_module(package), name)
    except (ImportError, AttributeError) as error:
        raise LibraryError(f"{name}: its values are SciPy's, and {error}.") from error
    if library.name == "numpy":
        return functools.partial(_quietly, function)
    if library.name == "cupy":
        here = functools.partial(library._on_device, function)
        return function if library.alone else here
    return functools.partial(_by_host, library, function)


def _quietly(function: Callable[..., Any], *args: Any) -> Any:
    with np.errstate(all="ignore"):
        return function(*args)


def _by_host(library: Any, function: Callable[..., Any], *args: Any) -> Any:
    arrays = [a for a in args if isinstance(a, library.array_type)]
    device = library.device_of(arrays[0])
    host = [library.to_host(a) if any(a is b for b in arrays) else a for a in args]
    return library.from_host(np.asarray(_quietly(function, *host)), device)
