"""What a namespace tells: of dtypes and their limits, of devices, of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..backend.device import devices, get_default_device
from ..backend.library import Library, library_for
from .array import Array

__all__ = ["DTYPES", "QUESTIONS", "FloatInfo", "Info", "IntegerInfo", "questions"]

DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
QUESTIONS = ("can_cast", "finfo", "iinfo", "isdtype", "result_type")


class FloatInfo(NamedTuple):
    """What `finfo` tells of a floating-point dtype, as Python numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: Any


class IntegerInfo(NamedTuple):
    """What `iinfo` tells of an integer dtype, as Python numbers."""

    bits: int
    max: int
    min: int
    dtype: Any


def questions(raw_of: Callable[[], Library]) -> dict[str, Callable[..., Any]]:
    """Return the functions of a namespace that answer questions about dtypes."""

    def finfo(type: Any, /) -> FloatInfo:
        """Return the machine limits of a floating-point dtype, as Python numbers."""
        lib = raw_of()
        info = lib.raw.finfo(_dtype_of(type))
        dtype = _dtype_object(lib, info.dtype)
        return FloatInfo(
            int(info.bits),
            float(info.eps),
            float(info.max),
            float(info.min),
            float(info.smallest_normal),
            dtype,
        )

    def iinfo(type: Any, /) -> IntegerInfo:
        """Return the machine limits of an integer dtype, as Python numbers."""
        lib = raw_of()
        info = lib.raw.iinfo(_dtype_of(type))
        return IntegerInfo(
            int(info.bits), int(info.max), int(info.min), _dtype_object(lib, info.dtype)
        )

    def can_cast(from_: Any, to: Any, /) -> bool:
        """Tell whether one dtype casts to another by the promotion rules."""
        lib = from_._lib if type(from_) is Array else raw_of()
        return bool(lib.raw.can_cast(_dtype_of(from_), to))

    def isdtype(dtype: Any, kind: Any) -> bool:
        """Tell whether a dtype is of a kind."""
        return bool(raw_of().raw.isdtype(dtype, kind))

    def result_type(*arrays_and_dtypes: Any) -> Any:
        """Return the dtype that an operation on these would give."""
        first = next((a for a in arrays_and_dtypes if type(a) is Array), None)
        lib = raw_of() if first is None else first._lib
        return lib.raw.result_type(
            *[a.data if type(a) is Array else a for a in arrays_and_dtypes]
        )

    return {f.__name__: f for f in (finfo, iinfo, can_cast, isdtype, result_type)}


def _dtype_of(value: Any) -> Any:
    return value.dtype if type(value) is Array else value


def _dtype_object(lib: Library, dtype: Any) -> Any:
    return getattr(lib.raw, dtype) if isinstance(dtype, str) else dtype


class Info:
    """What ``__array_namespace_info__()`` returns."""

    def __init__(self, home: Library | None) -> None:
        self._home = home

    def capabilities(self) -> dict[str, Any]:
        """Return what the namespace can do."""
        return {
            "boolean indexing": True,
            "data-dependent shapes": True,
            "max dimensions": 64,
        }

    def default_device(self) -> Any:
        """Return where new arrays go."""
        return (
            get_default_device() if self._home is None else self._home.default_device()
        )

    def devices(self) -> tuple[Any, ...]:
        """Return the devices of the namespace."""
        return devices().available if self._home is None else self._home.devices()

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """Return the dtypes of new arrays by kind."""
        return dict(
            self._info().default_dtypes(device=None if self._home is None else device)
        )

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """Return the dtypes of a kind by name."""
        return dict(
            self._info().dtypes(
                device=None if self._home is None else device, kind=kind
            )
        )

    def _info(self) -> Any:
        lib = library_for("cpu") if self._home is None else self._home
        return lib.module.__array_namespace_info__()
