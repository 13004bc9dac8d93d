"""Creation in a namespace: where an array goes, and what it may be made from.

``device=`` decides, then an input, then the default device.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..backend.device import Device
from ..backend.library import Library, library_for, library_of
from ..errors import ConversionError, DeviceError, DTypeError
from .array import Array
from .convert import asarray, holds_array, mixed, wrap
from .rule import TABLE

__all__ = [
    "CREATION",
    "FREQUENCIES",
    "LIKE",
    "asarray_in",
    "creator",
    "from_dlpack",
    "from_dlpack_in",
    "liker",
]

CREATION = ("arange", "empty", "eye", "full", "linspace", "ones", "zeros")
FREQUENCIES = ("fftfreq", "rfftfreq")
LIKE = ("empty_like", "full_like", "ones_like", "zeros_like")


def _place(home: Library | None, device: Any) -> tuple[Library, Any]:
    """Return the library that creates an array, and the device to tell it."""
    if home is None or home.place is not None:
        lib = library_for(device) if device is not None or home is None else home
        return lib, None
    if isinstance(device, Device):
        raise DeviceError(
            f"{device!r} is a device of xpnet.xp; {home.name} has devices of its own."
        )
    return home, device


def _raw_argument(name: str, value: Any) -> Any:
    """Return a creation argument as a Python or raw value (a fill value, say)."""
    if type(value) is not Array:
        return value
    if value.requires_grad:
        raise ConversionError(
            f"{name}: an argument is on the tape, and its gradient would be lost: new "
            "arrays have no past. Use x.detach(), or compute with x: "
            "x * xp.ones(shape)."
        )
    return value.data


def creator(name: str, home: Library | None) -> Callable[..., Array]:
    """Return a creation function over a foreign library, or over CPU and CUDA."""

    def create(*args: Any, device: Any = None, **options: Any) -> Array:
        lib, told = _place(home, device)
        if told is not None:
            options["device"] = told
        out = lib.functions[name](
            *[_raw_argument(name, a) for a in args],
            **{key: _raw_argument(name, value) for key, value in options.items()},
        )
        return wrap(lib, out)

    return _like_row(create, name)


def liker(name: str) -> Callable[..., Array]:
    """Return a function that makes an array like another, where that one is."""

    def create(x: Any, /, *args: Any, device: Any = None, **options: Any) -> Array:
        x = asarray(x)
        lib = x._lib
        if device is not None and lib.place is not None:
            lib = library_for(device)
            if lib is not x._lib:
                options.setdefault("dtype", x.dtype)
                return creator(name.removesuffix("_like"), lib)(
                    x.shape, *args, **options
                )
        elif device is not None:
            options["device"] = device
        return wrap(
            lib,
            lib.functions[name](
                x.data,
                *[_raw_argument(name, a) for a in args],
                **{key: _raw_argument(name, value) for key, value in options.items()},
            ),
        )

    return _like_row(create, name)


def _like_row(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    row = TABLE[name]
    function.__name__ = function.__qualname__ = name
    function.__signature__ = inspect.signature(row.function)  # type: ignore
    function.__doc__ = f"{name} of the Array API standard."
    return function


def asarray_in(home: Library | None) -> Callable[..., Array]:
    """Return `asarray` of a namespace: its arrays are those of the namespace."""
    if home is None or home.place is not None:
        return asarray

    def convert(
        obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None
    ) -> Array:
        """Return an array of this namespace's library."""
        if (
            type(obj) is not Array
            and library_of(obj) is None
            and not isinstance(obj, (list, tuple))
        ):
            return wrap(
                home, home.raw.asarray(obj, dtype=dtype, device=device, copy=copy)
            )
        if isinstance(obj, (list, tuple)):
            if not holds_array(obj):
                return wrap(home, home.raw.asarray(obj, dtype=dtype, device=device))
            obj = TABLE["stack"].function(
                [convert(part, dtype=dtype, device=device) for part in obj]
            )
        out = asarray(obj, dtype=dtype if type(obj) is Array else None, copy=copy)
        if out._lib is not home:
            if out.requires_grad:
                raise mixed(out._lib, home)
            if copy is False:
                raise ValueError(
                    f"asarray: going from {out._lib.name} to {home.name} may copy, and "
                    "copy=False. Use from_dlpack(x, copy=False)."
                )
            host = out._lib.to_host(out.data)
            out = wrap(home, home.from_host(host, device))
        if dtype is not None and out.dtype != dtype:
            out = TABLE["astype"].function(out, dtype)
        return out if device is None else out.to_device(device)

    return convert


def from_dlpack(
    x: Any, /, *, device: str | Device | None = None, copy: bool | None = None
) -> Array:
    """Return an array that shares the memory of another library's array (DLPack).

    Parameters
    ----------
    x : array
        Anything with ``__dlpack__``: an array of NumPy, CuPy, PyTorch, JAX, or another
        library. It becomes an array of NumPy where its memory is the CPU's, and of CuPy
        where it is a GPU's; ``xn.namespace("torch").from_dlpack`` and the like make an
        array of that library instead.
    device : str or Device, optional
        Where the result is to be; by default where `x` is.
    copy : bool, optional
        None shares the memory where that can be done, True copies always, and False
        raises ValueError where a copy would be needed.

    Returns
    -------
    Array
        On the tape if `x` is an `Array` of the same library that is. Writing to the
        memory from elsewhere changes it.

    Raises
    ------
    ConversionError
        If `x` is an `Array` on the tape and would go to another library.
    DTypeError
        If `x` has no ``__dlpack__``.
    ValueError
        If a copy is needed and `copy` is False.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.zeros(3)
    >>> y = from_dlpack(values)
    >>> values[0] = 5.0
    >>> y.data
    array([5., 0., 0.])
    """
    out = _taken(library_for(_home_of(x)), x, None)
    if device is not None and library_for(device) is not out._lib:
        if copy is False:
            raise ValueError(
                f"from_dlpack: the data is on {out.device}; going to {device} needs a "
                "copy, and copy=False."
            )
        return out.to_device(device)
    return out._lib.recorded.copy_array(out) if copy else out


def _home_of(obj: Any) -> str:
    """Return the name of our device that DLPack says the memory of an object is on."""
    if not hasattr(obj, "__dlpack_device__"):
        raise DTypeError(
            f"from_dlpack: a {type(obj).__name__} has no __dlpack__. For numbers and "
            "lists use xn.asarray."
        )
    kind, index = obj.__dlpack_device__()
    kind = int(kind)
    if kind not in _DLPACK_PLACES:
        raise DeviceError(
            f"from_dlpack: the data is on a device of DLPack's kind {kind}. Only the "
            "CPU and CUDA GPUs are known: copy it to one of them first."
        )
    return _DLPACK_PLACES[kind].format(int(index))


# DLPack's numbers: kDLCPU, kDLCUDA, kDLCUDAHost, kDLCUDAManaged
_DLPACK_PLACES = {1: "cpu", 2: "cuda:{}", 3: "cpu", 13: "cuda:{}"}


def _taken(lib: Library, obj: Any, device: Any, **options: Any) -> Array:
    """Return an object's memory as an array of one library."""
    if type(obj) is Array:
        if obj.requires_grad and obj._lib is lib and device in (None, obj.device):
            return asarray(obj, copy=options.get("copy"))
        obj._refuse_tape("from_dlpack")
        obj = obj.data
    if device is not None:
        options["device"] = device
    return wrap(lib, lib.functions["from_dlpack"](obj, **options))


def from_dlpack_in(home: Library | None) -> Callable[..., Array]:
    """Return `from_dlpack` of a namespace: its arrays are those of the namespace."""
    if home is None or home.place is not None:
        return from_dlpack

    def convert(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Array:
        options = {} if copy is None else {"copy": copy}
        return _taken(home, x, _place(home, device)[1], **options)

    return _like_row(convert, "from_dlpack")
