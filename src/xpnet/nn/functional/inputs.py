"""What functions of a network ask of their input."""

from __future__ import annotations

from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import DTypeError

__all__ = ["floating"]


def floating(name: str, x: Any) -> Array:
    """Return `x` as an Array, or raise DTypeError if it is not floating point."""
    array: Array = x if type(x) is Array else asarray(x)
    if not array._lib.is_floating(array.dtype):
        raise DTypeError(
            f"{name}: x has dtype {array.dtype}; it is defined for floating-point "
            "numbers. Cast it first: xp.astype(x, xp.float32)."
        )
    return array
