"""What functions of a network ask of their input."""

from __future__ import annotations

from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import DTypeError

__all__ = ["check_floating", "check_ordered", "floating"]


def floating(name: str, x: Any, *, or_complex: bool = False) -> Array:
    """Return `x` as an Array, or raise DTypeError if it is not real floating point."""
    array: Array = x if type(x) is Array else asarray(x)
    check_floating(name, array, or_complex=or_complex)
    return array


def check_floating(name: str, x: Array, *, or_complex: bool = False) -> None:
    """Raise DTypeError if `x` is not real floating point; complex numbers may do."""
    lib = x._lib
    if not lib.is_floating(x.data.dtype):
        raise DTypeError(
            f"{name}: x has dtype {x.dtype}; it is defined for floating-point "
            "numbers. Cast it first: xp.astype(x, xp.float32)."
        )
    if not or_complex:
        check_ordered(name, x)


def check_ordered(name: str, x: Array) -> None:
    """Raise DTypeError if `x` is complex."""
    if x._lib.is_complex(x.data):
        raise DTypeError(
            f"{name}: x has dtype {x.dtype}; it is defined for real numbers. Take "
            "xp.real(x) and xp.imag(x) one by one."
        )
