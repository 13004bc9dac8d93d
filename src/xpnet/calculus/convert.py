"""Arrays of xpnet from numbers, lists and the arrays of any library."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from ..backend.device import Device
from ..backend.library import Library, library_for, library_of
from ..errors import ConversionError, DeviceError, DTypeError, LibraryError
from .array import Array
from .tape import Leaf, Node

__all__ = [
    "SCALARS",
    "asarray",
    "beside",
    "holds_array",
    "like",
    "mixed",
    "new_leaf",
    "own",
    "reduce",
    "wrap",
]

SCALARS = frozenset({bool, int, float, complex})


def asarray(
    obj: Any,
    /,
    *,
    dtype: Any = None,
    device: str | Device | None = None,
    requires_grad: bool = False,
    copy: bool | None = None,
) -> Array:
    """Return an array of xpnet from numbers, lists, or an array of any known library.

    Parameters
    ----------
    obj : number, nested list, or array
        An `Array` stays on the tape; a list that holds arrays is stacked. Arrays of
        NumPy, CuPy, PyTorch, JAX, array-api-strict, and of any library whose arrays
        have ``__array_namespace__``, are taken without a copy; only NumPy's of another
        byte order than the machine's are copied. PyTorch's ``requires_grad`` is not
        looked at: its own autograd sees nothing of what xpnet computes.
    dtype : dtype, optional
        The data type of the result; by default the input's own.
    device : str or Device, optional
        ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"auto"``; by default the input's own,
        and for numbers and lists the default device.
    requires_grad : bool
        Make the result a leaf: `Array.backward` accumulates into its ``.grad``.
    copy : bool, optional
        True copies always, False raises ValueError where a copy would be needed.

    Returns
    -------
    Array

    Raises
    ------
    DeviceError
        If the device is unknown or does not work.
    DTypeError
        If `requires_grad` is asked for an array of integers or booleans.

    Examples
    --------
    >>> asarray([1.0, 2.0], requires_grad=True)
    Array([1., 2.], dtype=float64, device='cpu', requires_grad=True)
    """
    out = _convert(obj, dtype, device, copy)
    if requires_grad:
        out = Array(out.data, out._lib)
        out._node = new_leaf(out)
    return out


def _convert(obj: Any, dtype: Any, device: Any, copy: bool | None) -> Array:
    if type(obj) is Array:
        out = obj
    else:
        lib = library_of(obj)
        if lib is None:
            return _from_python(obj, dtype, device, copy)
        out = Array(lib.adopt(obj), lib)
        if copy is False and out.data.dtype != obj.dtype:
            raise ValueError(
                f"asarray: the byte order of {obj.dtype} needs a copy, and copy=False."
            )
    table = out._lib.recorded
    if device is not None:
        out = table.to_device(out, device)
    if dtype is not None and out.data.dtype != dtype:
        if copy is False:
            raise ValueError(
                f"asarray: going from {out.dtype} to {dtype} needs a copy, and "
                "copy=False."
            )
        return table.astype(out, dtype)  # type: ignore[no-any-return]
    return table.copy_array(out) if copy else out


def _from_python(obj: Any, dtype: Any, device: Any, copy: bool | None) -> Array:
    if copy is False:
        raise ValueError(
            "asarray: Python numbers and lists always need a copy, and copy=False."
        )
    if isinstance(obj, (list, tuple)) and holds_array(obj):
        parts = [_convert(part, dtype, device, None) for part in obj]
        return parts[0]._lib.recorded.stack(parts)  # type: ignore[no-any-return]
    if hasattr(obj, "__dlpack__") and not _is_numpy(obj):
        host = library_for("cpu")
        return _convert(host.raw.from_dlpack(obj), dtype, device, copy)
    lib = library_for(device)
    try:
        data = lib.raw.asarray(obj, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise DTypeError(
            f"asarray: {type(obj).__name__} is not a number, a nested list or an "
            f"array: {error}"
        ) from None
    if library_of(data) is None:
        raise DTypeError(
            f"asarray: {obj!r:.80} has dtype {data.dtype}, which is not a number."
        )
    return wrap(lib, data)


def _is_numpy(obj: Any) -> bool:
    """Tell whether an array that no library knows is NumPy's own, of another dtype."""
    return type(obj).__module__.partition(".")[0] == "numpy"


def holds_array(obj: Any) -> bool:
    """Tell whether an object is an Array, or a list with one somewhere inside."""
    return type(obj) is Array or (
        isinstance(obj, (list, tuple)) and any(map(holds_array, obj))
    )


def like(value: Any, other: Array) -> Array:
    """Return `value` as an array that fits with `other`."""
    lib = other._lib
    if type(value) is Array:
        if value._lib is not lib:
            raise mixed(value._lib, lib)
        return value
    if type(value) in SCALARS:
        return Array(lib.coerce(lib.number(value, other.data)), lib)
    found = library_of(value)
    if found is None:
        raise LibraryError(
            f"a {type(value).__name__} is not an array or a number. Make an array of "
            "numbers with xn.asarray(...) first."
        )
    if found is not lib:
        # a NumPy scalar is a number
        if value.ndim == 0 and not hasattr(value, "__setitem__"):
            return like(value.item(), other)
        raise mixed(found, lib)
    return Array(lib.adopt(value), lib)


def beside(value: Any, other: Array) -> Array:
    """Return `value`, which may be a list, as an array beside `other`.

    The fractions of a list take the dtype of a floating-point `other`.
    """
    if not isinstance(value, (list, tuple)) or holds_array(value):
        return like(value, other)
    lib = other._lib
    raw = lib.raw.asarray(value, device=lib.raw.device(other.data))
    both = lib.is_floating(raw.dtype) and lib.is_floating(other.data.dtype)
    fits = both and (lib.is_complex(other.data) or not lib.is_complex(raw))
    return wrap(lib, lib.raw.astype(raw, other.data.dtype) if fits else raw)


def mixed(one: Library, two: Library) -> Exception:
    """Return the error for two arrays that do not live together."""
    if one.place is not None and two.place is not None:
        return DeviceError(
            f"one array is on {one.place} and another on {two.place}. Move one of "
            f"them: x.to_device('{two.place}')."
        )
    return LibraryError(
        f"an array of {one.name} was mixed with one of {two.name}; convert one of them "
        "first."
    )


def own(leaves: Iterable[Any]) -> list[Any]:
    """Return leaves with each array as a new object: ``x *= 2`` rebinds an object."""
    return [Array(x.data, x._lib, x._node) if type(x) is Array else x for x in leaves]


def wrap(lib: Library, data: Any) -> Array:
    """Return a function's result as an array off the tape."""
    return Array(data if type(data) is lib.array_type else lib.coerce(data), lib)


def new_leaf(x: Array) -> Leaf:
    """Return a leaf that a person declares, if the array can have a gradient."""
    if not x._lib.is_floating(x.data.dtype):
        raise DTypeError(
            f"only floating-point arrays can require gradients; this one is {x.dtype}."
        )
    leaf = Leaf(x._lib, declared=True)
    leaf.owner = weakref.ref(x)
    return leaf


def reduce(x: Array) -> tuple[Any, ...]:
    """Return how an array is pickled: its values, and whether it is a leaf."""
    if type(x._node) is Node:
        raise ConversionError(
            "a computed array cannot be copied or pickled; use x.detach()."
        )
    return _restore, (x.data, x._node is not None)


def _restore(data: Any, requires_grad: bool) -> Array:
    return asarray(data, requires_grad=requires_grad)
