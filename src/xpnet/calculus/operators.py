"""The operators and attributes of `Array`, bound from the table."""

from __future__ import annotations

from typing import Any

from ..errors import DTypeError, GradientError, ShapeError
from . import table  # noqa: F401 - fills TABLE
from .array import Array
from .convert import reduce
from .leaves import (
    backward,
    get_grad,
    get_requires_grad,
    set_grad,
    set_requires_grad,
)
from .rule import TABLE
from .table.creation import to_device
from .table.indexing import _assign, getitem
from .tape import Leaf, is_recording, mark_changed

__all__ = ["rebind"]

_BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}
_COMPARISON = {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
}
_UNARY = {
    "abs": "abs",
    "neg": "negative",
    "pos": "positive",
    "invert": "bitwise_invert",
}


def rebind(x: Array, result: Array, text: str) -> None:
    """Make `x` stand for a newly computed array: in-place, done functionally.

    Under ``no_grad()`` a leaf stays a leaf. While recording, a leaf that a person
    declared cannot be rebound: its ``.grad`` would silently go to the old values.
    """
    node = x._node
    if type(node) is Leaf and node.declared:
        if is_recording():
            raise GradientError(
                f"{text}: x is a leaf that requires grad, and updating it in place "
                "would be recorded. Write `with xn.no_grad():` around an update, or "
                "work on a new array: x = x + ..."
            )
        mark_changed([node], f"backward: {text} has changed a leaf since.")
        result._node = node
    x.data, x._node, x._lib = result.data, result._node, result._lib


def _in_place(symbol: str, function: Any) -> Any:
    def operator(self: Array, other: Any, /) -> Any:
        result = function(self, other)
        if result is NotImplemented:
            return NotImplemented
        if result.shape != self.shape:
            raise ShapeError(
                f"x {symbol}= y: the result has shape {result.shape}, but x has "
                f"{self.shape} and keeps it."
            )
        if result.dtype != self.dtype:
            raise DTypeError(
                f"x {symbol}= y: the result has dtype {result.dtype}, but x has "
                f"{self.dtype} and keeps it. "
                "Write x = x ... y, or cast y first."
            )
        rebind(self, result, f"x {symbol}= y")
        return self

    return operator


_SYMBOLS = dict(
    zip(
        _BINARY,
        ("+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "<<", ">>"),
        strict=True,
    )
)


def _named(function: Any, name: str) -> Any:
    function.__name__ = name
    function.__qualname__ = f"Array.{name}"
    return function


def _matmul(self: Array, other: Any, /) -> Any:
    return TABLE["matmul"].function(self, other) if _is_array(other) else NotImplemented


def _rmatmul(self: Array, other: Any, /) -> Any:
    return TABLE["matmul"].function(other, self) if _is_array(other) else NotImplemented


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _transposed(self: Array) -> Array:
    """Return the matrix with its two axes exchanged."""
    if self.ndim != 2:
        raise ShapeError(
            f"x.T: only a matrix has a transpose; x has shape {self.shape}. Use x.mT "
            "or xp.permute_dims."
        )
    out: Array = TABLE["matrix_transpose"].function(self)
    return out


def _matrices_transposed(self: Array) -> Array:
    """Return the array with its last two axes exchanged."""
    if self.ndim < 2:
        raise ShapeError(
            f"x.mT: a matrix has two axes or more; x has shape {self.shape}."
        )
    out: Array = TABLE["matrix_transpose"].function(self)
    return out


def _bind() -> None:
    for short, name in _BINARY.items():
        row: Any = TABLE[name]
        setattr(Array, f"__{short}__", _named(row.operator, f"__{short}__"))
        setattr(Array, f"__r{short}__", _named(row.reflected, f"__r{short}__"))
        setattr(
            Array,
            f"__i{short}__",
            _named(_in_place(_SYMBOLS[short], row.operator), f"__i{short}__"),
        )
    for short, name in _COMPARISON.items():
        compare: Any = TABLE[name]
        setattr(Array, f"__{short}__", _named(compare.operator, f"__{short}__"))
    for short, name in _UNARY.items():
        setattr(Array, f"__{short}__", TABLE[name].function)
    bindings = {
        "__matmul__": _matmul,
        "__rmatmul__": _rmatmul,
        "__imatmul__": _in_place("@", _matmul),
        "__getitem__": getitem,
        "__setitem__": _assign,
        "to_device": to_device,
        "__reduce__": reduce,
        "backward": backward,
        "grad": property(get_grad, set_grad, doc=get_grad.__doc__),
        "requires_grad": property(
            get_requires_grad, set_requires_grad, doc=get_requires_grad.__doc__
        ),
        "T": property(_transposed),
        "mT": property(_matrices_transposed),
    }
    for name, value in bindings.items():
        setattr(Array, name, value)
    Array.__hash__ = None  # type: ignore[assignment, method-assign]


_bind()
