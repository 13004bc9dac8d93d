"""Data types by name: one name of the standard stands for each library's own object."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError
from .library import Library

__all__ = ["dtype_in", "dtype_name"]


def dtype_name(dtype: Any) -> str:
    """Return the standard's name of a dtype, from the object of any library.

    Raises
    ------
    DTypeError
        If it names no data type.

    Examples
    --------
    >>> dtype_name(np.float32), dtype_name("int64"), dtype_name(float)
    ('float32', 'int64', 'float64')
    """
    try:
        return str(np.dtype(dtype).name)
    except TypeError:
        name = str(dtype).rpartition(".")[2]  # torch.float32, array_api_strict.float32
    if name not in np.sctypeDict:
        raise DTypeError(f"{dtype!r} is not a data type.")
    return name


def dtype_in(lib: Library, dtype: Any) -> Any:
    """Return the dtype object of a library that has the same name as `dtype`.

    Raises
    ------
    DTypeError
        If the library has none of that name.
    """
    name = dtype_name(dtype)
    found = getattr(lib.module, name, None)
    if found is None:
        raise DTypeError(f"{lib.name} has no data type {name}.")
    return found
