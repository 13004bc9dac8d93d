"""The array that remembers: a library's own array, and its place on the tape."""

from __future__ import annotations

import contextvars
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, final

from ..backend.library import Library
from ..errors import ConversionError, DTypeError, ShapeError
from .tape import Leaf, Node

__all__ = ["Array", "is_differentiating"]

is_differentiating: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "xpnet_is_differentiating", default=False
)
"""Whether a transform is running its function: then no number may leave the tape."""


class _NoAxesError(ShapeError, TypeError):
    """What `len` and `iter` raise; code that asks whether one can iterate knows it."""


def _follows_a_variable(node: Node | Leaf) -> bool:
    """Tell whether a transform that is still running differentiates with this node."""
    stack: list[Any] = [node]
    seen = set(stack)
    while stack:
        node = stack.pop()
        if type(node) is Leaf and node.open and not node.declared:
            return True
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return False


@final
class Array:
    """An array of any library that can be differentiated; make one with `asarray`.

    It has every operator and attribute of the Array API standard. Values never change
    under a recorded result: ``x[i] = v`` and ``x *= 2`` compute a new array and rebind
    `x` to it, on the tape.

    Attributes
    ----------
    data : array
        The library's own array (NumPy, CuPy, ...), without a copy.
    requires_grad : bool
        Whether the array is on the tape.
    grad : Array or None
        For an array made with ``requires_grad=True``: what `backward` has accumulated.

    Examples
    --------
    >>> x = asarray([1.0, 2.0], requires_grad=True)
    >>> y = x * x + 3.0
    >>> y.data
    array([4., 7.])
    """

    __slots__ = ("__weakref__", "_lib", "_node", "data")

    # NumPy then leaves `numpy_array * Array` to us instead of building an object array
    __array_ufunc__ = None
    __array_priority__ = 1_000_000.0
    __hash__ = None  # type: ignore[assignment]

    data: Any
    _lib: Library
    _node: Node | Leaf | None

    def __init__(
        self, data: Any, lib: Library, node: Node | Leaf | None = None
    ) -> None:
        self.data = data
        self._lib = lib
        self._node = node

    # --- attributes of the standard ---------------------------------------------------

    @property
    def dtype(self) -> Any:
        """The data type, as the library's own object."""
        return self.data.dtype

    @property
    def device(self) -> Any:
        """The device: a `Device`, or the library's own object for a foreign library."""
        return self._lib.device_of(self.data)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return tuple(self.data.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return int(self.data.ndim)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.data.shape)

    def __array_namespace__(self, /, *, api_version: str | None = None) -> Any:
        """Return the namespace `xp` that this array belongs to."""
        return self._lib.space(api_version)

    # --- the tape ---------------------------------------------------------------------

    @property
    def is_leaf(self) -> bool:
        """Whether the array was made by a person rather than computed on the tape."""
        return type(self._node) is not Node

    def detach(self) -> Array:
        """Return the same values, off the tape (no copy)."""
        return Array(self.data, self._lib)

    # --- conversions ------------------------------------------------------------------

    def item(self) -> Any:
        """Return the one element as a Python number (this waits for a GPU)."""
        if self.size != 1:
            raise ShapeError(f"item: the array has {self.size} elements, not one.")
        return self._lib.to_host(self.data).item()

    def tolist(self) -> Any:
        """Return the values as nested lists of Python numbers."""
        return self._lib.to_host(self.data).tolist()

    def numpy(self) -> Any:
        """Return the values as a NumPy array, copied from a GPU where they are on one.

        Raises
        ------
        ConversionError
            If the array is on the tape: its gradient would be lost without a word.
        """
        self._refuse_tape("numpy()")
        return self._lib.to_host(self.data)

    def _refuse_tape(self, what: str) -> None:
        if self._node is not None:
            raise ConversionError(
                f"{what}: this array is on the tape, and the gradient would be lost. "
                "Use x.detach() first, or the functions of xpnet.xp in place of the "
                "library's."
            )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        self._refuse_tape("numpy.asarray")
        if self._lib.place is None or self._lib.place.kind != "cpu":
            raise ConversionError(
                f"numpy.asarray: this array is on {self.device}; copy it with "
                "x.numpy() if that is meant."
            )
        return self._lib.raw.asarray(self.data, dtype=dtype, copy=copy)

    def __dlpack__(
        self,
        /,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: Any = None,
        copy: bool | None = None,
    ) -> Any:
        if self._node is not None:
            raise BufferError(
                "DLPack: the array is on the tape; export x.detach() instead."
            )
        asked = {
            "stream": stream,
            "max_version": max_version,
            "dl_device": dl_device,
            "copy": copy,
        }
        return self.data.__dlpack__(
            **{key: value for key, value in asked.items() if value is not None}
        )

    def __dlpack_device__(self, /) -> Any:
        return self.data.__dlpack_device__()

    def __bool__(self, /) -> bool:
        return bool(self._scalar("bool"))

    def __int__(self, /) -> int:
        return int(self._scalar("int"))

    def __float__(self, /) -> float:
        self._refuse_number("float(x)")
        return float(self._scalar("float"))

    def __complex__(self, /) -> complex:
        self._refuse_number("complex(x)")
        return complex(self._scalar("complex"))

    def __floor__(self) -> int:
        out: int = math.floor(self._scalar("floor"))
        return out

    def __ceil__(self) -> int:
        out: int = math.ceil(self._scalar("ceil"))
        return out

    def _refuse_number(self, what: str) -> None:
        if (
            self._node is not None
            and is_differentiating.get()
            and _follows_a_variable(self._node)
        ):
            raise ConversionError(
                f"{what}: the array depends on what is being differentiated, and a "
                "Python number would lose the gradient. Keep the array without axes; "
                "where only the number is wanted, write x.item()."
            )

    def __index__(self, /) -> int:
        value = self._scalar("index")
        if type(value) is not int:
            raise DTypeError(
                f"an array of dtype {self.dtype} cannot be an index; it must be an "
                "integer."
            )
        return value

    def _scalar(self, what: str) -> Any:
        if self.data.ndim != 0:
            raise ShapeError(
                f"{what}(x): only an array with no axes converts; this one has shape "
                f"{self.shape}."
            )
        return self._lib.to_host(self.data).item()

    def __len__(self) -> int:
        if self.data.ndim == 0:
            raise _NoAxesError("len(x): the array has no axes.")
        return int(self.data.shape[0])

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def __format__(self, spec: str) -> str:
        if not spec:
            return repr(self)
        return format(self._scalar("format"), spec)  # f"{loss:.4f}"

    def __repr__(self) -> str:
        text = repr(self._lib.to_host(self.data))  # array([...], dtype=...)
        values = text[text.index("(") + 1 : -1].partition(", dtype=")[0]
        values = values.partition(",\n      dtype=")[0]
        notes = [f"dtype={self.dtype}", f"device='{self.device}'"]
        node = self._node
        if type(node) is Node:
            notes.append(f"from={node.row.name}")
        elif node is not None:
            notes.append("requires_grad=True")
        return f"Array({values}, {', '.join(notes)})"

    if TYPE_CHECKING:  # bound by calculus.operators: from the table, and from leaves
        requires_grad: bool
        grad: Array | None

        def backward(
            self,
            gradient: Any = None,
            *,
            retain_graph: bool = False,
            create_graph: bool = False,
        ) -> None:
            """Add the derivative of this result to the ``.grad`` of every leaf."""

        T: Array
        mT: Array

        def to_device(self, device: Any, /, *, stream: Any = None) -> Array:
            """Return the array on another device; the gradient travels back."""

        def __getitem__(self, key: Any, /) -> Array: ...
        def __setitem__(self, key: Any, value: Any, /) -> None: ...
        def __abs__(self, /) -> Array: ...
        def __neg__(self, /) -> Array: ...
        def __pos__(self, /) -> Array: ...
        def __invert__(self, /) -> Array: ...
        def __add__(self, other: Any, /) -> Array: ...
        def __radd__(self, other: Any, /) -> Array: ...
        def __sub__(self, other: Any, /) -> Array: ...
        def __rsub__(self, other: Any, /) -> Array: ...
        def __mul__(self, other: Any, /) -> Array: ...
        def __rmul__(self, other: Any, /) -> Array: ...
        def __truediv__(self, other: Any, /) -> Array: ...
        def __rtruediv__(self, other: Any, /) -> Array: ...
        def __floordiv__(self, other: Any, /) -> Array: ...
        def __rfloordiv__(self, other: Any, /) -> Array: ...
        def __mod__(self, other: Any, /) -> Array: ...
        def __rmod__(self, other: Any, /) -> Array: ...
        def __pow__(self, other: Any, /) -> Array: ...
        def __rpow__(self, other: Any, /) -> Array: ...
        def __matmul__(self, other: Any, /) -> Array: ...
        def __rmatmul__(self, other: Any, /) -> Array: ...
        def __and__(self, other: Any, /) -> Array: ...
        def __or__(self, other: Any, /) -> Array: ...
        def __xor__(self, other: Any, /) -> Array: ...
        def __lshift__(self, other: Any, /) -> Array: ...
        def __rshift__(self, other: Any, /) -> Array: ...
        def __lt__(self, other: Any, /) -> Array: ...
        def __le__(self, other: Any, /) -> Array: ...
        def __gt__(self, other: Any, /) -> Array: ...
        def __ge__(self, other: Any, /) -> Array: ...
        def __eq__(self, other: Any, /) -> Array: ...  # type: ignore[override]
        def __ne__(self, other: Any, /) -> Array: ...  # type: ignore[override]
