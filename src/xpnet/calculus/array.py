"""The array that remembers: a library's own array, and its place on the tape."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, final

from ..backend.device import Device
from ..backend.library import Library, library_for, library_of
from ..errors import (
    ConversionError,
    DeviceError,
    DTypeError,
    GradientError,
    LibraryError,
    ShapeError,
)
from .tape import Leaf, Node, pull_back

__all__ = [
    "SCALARS",
    "Array",
    "accumulate",
    "asarray",
    "like",
    "mixed",
    "new_leaf",
    "wrap",
]

SCALARS = frozenset({bool, int, float, complex})
_new = object.__new__


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
    def requires_grad(self) -> bool:
        """Whether the array is on the tape."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value == (self._node is not None):
            return
        if value:
            self._node = new_leaf(self, declared=True)
        elif type(self._node) is not Node:
            self._node = None
        else:
            raise GradientError(
                "requires_grad can only be switched off on a leaf; this array was "
                f"computed by {self._node.row.name}. Use x.detach()."
            )

    @property
    def is_leaf(self) -> bool:
        """Whether the array was made by a person rather than computed on the tape."""
        return type(self._node) is not Node

    @property
    def grad(self) -> Array | None:
        """The accumulated gradient of a leaf; None before `backward`."""
        node = self._node
        return node.grad if type(node) is Leaf else None

    @grad.setter
    def grad(self, value: Array | None) -> None:
        node = self._node
        if type(node) is not Leaf:
            raise GradientError(
                "only an array made with requires_grad=True has a .grad to set."
            )
        if value is not None:
            value = like(asarray(value), self).detach()
            if value.shape != self.shape:
                raise ShapeError(
                    f"grad: has shape {value.shape}, but the array has {self.shape}."
                )
            if value.dtype != self.dtype:
                raise DTypeError(
                    f"grad: has dtype {value.dtype}, but the array has {self.dtype}."
                )
        node.grad = value

    def detach(self) -> Array:
        """Return the same values, off the tape (no copy)."""
        return Array(self.data, self._lib)

    def backward(
        self,
        gradient: Any = None,
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> None:
        """Add the derivative of this result to the ``.grad`` of every leaf behind it.

        Parameters
        ----------
        gradient : array, optional
            The cotangent, of this array's shape; 1 when the array has one element.
        retain_graph : bool
            Keep the tape for another backward pass instead of releasing it on the way.
        create_graph : bool
            Record the backward pass, so that the gradients can be differentiated.

        Raises
        ------
        GradientError
            If the array is not on the tape, or has several elements and no `gradient`.

        Examples
        --------
        >>> x = asarray(3.0, requires_grad=True)
        >>> (x**2).backward()
        >>> x.grad.item()
        6.0
        """
        node = self._node
        if node is None:
            raise GradientError(
                "backward: this array is not on the tape. Was it computed from an "
                "array made with "
                "requires_grad=True, outside no_grad()?"
            )
        if gradient is None:
            if self.size != 1:
                raise GradientError(
                    f"backward: a result of shape {self.shape} needs a `gradient` of "
                    "the same shape; only "
                    "one element (a loss) has an obvious one. Reduce it with xp.sum or "
                    "xp.mean."
                )
            seed: Any = self._lib.raw.ones_like(self.data)
        else:
            seed = like(gradient, self)
            if seed.shape != self.shape:
                raise ShapeError(
                    f"backward: gradient has shape {seed.shape}, the result {self.shape}."
                )
            if seed.dtype != self.dtype:
                seed = self._lib.recorded.astype(seed, self.dtype)
            seed = seed if create_graph else seed.data
        if create_graph and not isinstance(seed, Array):
            seed = Array(seed, self._lib)
        found = pull_back(
            [(node, seed)], higher=create_graph, keep=retain_graph or create_graph
        )
        for leaf, g in found.items():
            if leaf.declared:
                accumulate(leaf, g)

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
                "Use "
                "x.detach() first, or the functions of xpnet.xp in place of the "
                "library's."
            )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        self._refuse_tape("numpy.asarray")
        if self._lib.place is None or self._lib.place.kind != "cpu":
            raise ConversionError(
                f"numpy.asarray: this array is on {self.device}; copy it with x.numpy() "
                "if that is meant."
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
        return float(self._scalar("float"))

    def __complex__(self, /) -> complex:
        return complex(self._scalar("complex"))

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
            raise ShapeError("len(x): the array has no axes.")
        return int(self.data.shape[0])

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        if type(self._node) is Node:
            raise ConversionError(
                "a computed array cannot be copied or pickled with its tape; use "
                "x.detach()."
            )
        return _restore, (
            self._lib.name,
            self.data,
            str(self.device),
            self._node is not None,
        )

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

    if TYPE_CHECKING:  # bound from the table of derivatives by calculus.operators
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


def _restore(library: str, data: Any, device: str, requires_grad: bool) -> Array:
    return asarray(data, requires_grad=requires_grad)


def wrap(lib: Library, data: Any) -> Array:
    """Return a function's result as an array off the tape."""
    return Array(data if type(data) is lib.array_type else lib.coerce(data), lib)


def new_leaf(x: Array, *, declared: bool) -> Leaf:
    """Return a leaf for an array, after checking that it can have a gradient."""
    if not x._lib.is_floating(x.data.dtype):
        raise DTypeError(
            f"only floating-point arrays can require gradients; this one is {x.dtype}."
        )
    return Leaf(x._lib, declared)


def accumulate(leaf: Leaf, g: Any) -> None:
    """Add a cotangent (raw, or an Array when it was recorded) to a leaf's gradient."""
    lib = leaf.lib
    if type(g) is Array:
        leaf.grad = g if leaf.grad is None else leaf.grad + g
        return
    into = leaf.into
    if leaf.grad is None and into is not None:
        if g is not into.data:
            into.data[...] = g
        leaf.grad = into
    elif leaf.grad is None:
        leaf.grad = Array(lib.copy(g), lib)
    elif leaf.grad is into:
        into.data += g
    else:
        leaf.grad = Array(leaf.grad.data + g, lib)


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
        NumPy, CuPy, PyTorch, JAX and array-api-strict are taken without a copy.
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
        out._node = new_leaf(out, declared=True)
    return out


def _convert(obj: Any, dtype: Any, device: Any, copy: bool | None) -> Array:
    if type(obj) is Array:
        out = obj
    else:
        lib = library_of(obj)
        if lib is None:
            return _from_python(obj, dtype, device, copy)
        out = Array(lib.adopt(obj), lib)
    table = lib_functions(out)
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


def lib_functions(x: Array) -> Any:
    """Return the recorded functions of an array's library."""
    return x._lib.recorded


def _from_python(obj: Any, dtype: Any, device: Any, copy: bool | None) -> Array:
    if copy is False:
        raise ValueError(
            "asarray: Python numbers and lists always need a copy, and copy=False."
        )
    if isinstance(obj, (list, tuple)) and _holds_array(obj):
        parts = [_convert(part, dtype, device, None) for part in obj]
        return lib_functions(parts[0]).stack(parts)  # type: ignore[no-any-return]
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
    return Array(data if type(data) is lib.array_type else lib.coerce(data), lib)


def _is_numpy(obj: Any) -> bool:
    """Tell whether an array that no library knows is NumPy's own, of another dtype."""
    return type(obj).__module__.partition(".")[0] == "numpy"


def _holds_array(obj: Any) -> bool:
    return type(obj) is Array or (
        isinstance(obj, (list, tuple)) and any(map(_holds_array, obj))
    )


def like(value: Any, other: Array) -> Array:
    """Return `value` as an array that fits with `other`."""
    lib = other._lib
    if type(value) is Array:
        if value._lib is not lib:
            raise mixed(value._lib, lib)
        return value
    if type(value) in SCALARS:
        return Array(
            lib.coerce(
                lib.raw.full(
                    (), value, dtype=other.data.dtype, device=lib.raw.device(other.data)
                )
            ),
            lib,
        )
    found = library_of(value)
    if found is None:
        raise LibraryError(f"a {type(value).__name__} is not an array or a number.")
    if found is not lib:
        if value.ndim == 0 and not hasattr(
            value, "__setitem__"
        ):  # a NumPy scalar is a number
            return like(value.item(), other)
        raise mixed(found, lib)
    return Array(lib.adopt(value), lib)


def mixed(one: Library, two: Library) -> Exception:
    """Return the error for two arrays that do not live together."""
    if one.place is not None and two.place is not None:
        return DeviceError(
            f"one array is on {one.place} and another on {two.place}. Move one of "
            "them: "
            f"x.to_device('{two.place}')."
        )
    return LibraryError(
        f"an array of {one.name} was mixed with one of {two.name}; convert one of them "
        "first."
    )
