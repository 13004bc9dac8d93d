"""Creation and data types: copies and casts are linear, new values have no past."""

from __future__ import annotations

from typing import Any

from ...backend.device import Device, resolve
from ...backend.library import library_for
from ..array import Array
from ..convert import asarray, wrap
from ..rule import Moving, addition, flat, function_of, linear, unbroadcast
from ..tape import Node, is_recording

_NEW = "it makes new values from shapes and numbers alone"


# --- copies and casts -----------------------------------------------------------------


@linear()
def astype(
    xp: Any, g: Any, x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None
) -> Any:
    """Return `x` cast to another dtype (back: cast to the first one)."""
    return g  # the kind brings every cotangent to its argument's dtype


@addition("copy_array")
def _copy_array(xp: Any, x: Any) -> Any:
    return xp.copy(x)


@linear("copy_array", public=False)
def copy_array(xp: Any, g: Any, x: Any, /) -> Any:
    """Return a copy of `x` (back: the identity)."""
    return g


class _Move(Moving):
    """Moving to another device: the cotangent moves back."""

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        source, home, _, _ = saved
        return (_carried(g, node.lib, source, home),)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        source, _, target, device = saved
        return _carried(tangents[0], source, target, device)


def _carried(value: Any, start: Any, target: Any, device: Any) -> Any:
    """Move a cotangent or tangent, raw or recorded, to another library's device."""
    if type(value) is Array:
        return to_device(value, device)
    return _moved(Array(value, start), target, device).data


_MOVE = _Move("to_device", public=False)


def _moved(x: Array, target: Any, device: Any) -> Array:
    """Return the values of `x` in library `target`, on one of its devices."""
    if target is x._lib:
        return (
            x
            if target.place is not None
            else Array(target.move(x.data, device), target)
        )
    place = None if target.place is not None else device
    return wrap(target, target.from_host(x._lib.to_host(x.data), place))


def to_device(x: Array, device: Any, /, *, stream: Any = None) -> Array:
    """Return `x` on another device; the gradient travels back.

    Parameters
    ----------
    x : Array
    device : str or Device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``; for foreign libraries their own device.
    stream : object, optional
        Not supported: must be None.

    Raises
    ------
    DeviceError
        If the device does not work.
    """
    if stream is not None:
        raise ValueError("to_device: streams are not supported; use None.")
    lib = x._lib
    if lib.place is not None:
        target = library_for(device)
        if target is lib:
            return x
        device = target.place
    elif isinstance(device, Device):
        target = library_for(resolve(device))
        device = target.place
    else:
        target = lib
    result = _moved(x, target, device)
    if x._node is not None and is_recording():
        result._node = Node(
            _MOVE, target, (x._node,), (lib, x.device, target, device), None
        )
    return result


_MOVE.function = to_device


# --- parts of a matrix ----------------------------------------------------------------


@linear()
def tril(xp: Any, g: Any, x: Any, /, *, k: int = 0) -> Any:
    """Return the lower triangle of `x`, 0 above it (back: the same)."""
    return unbroadcast(xp, xp.tril(g, k=k), x.shape)  # NumPy repeats a vector


@linear()
def triu(xp: Any, g: Any, x: Any, /, *, k: int = 0) -> Any:
    """Return the upper triangle of `x`, 0 below it (back: the same)."""
    return unbroadcast(xp, xp.triu(g, k=k), x.shape)  # NumPy repeats a vector


@function_of("meshgrid")
def meshgrid(*arrays: Any, indexing: str = "xy") -> tuple[Array, ...]:
    """Return the coordinates of the grid that arrays of one axis span, as a tuple."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', not {indexing!r}.")
    axes = [asarray(x) for x in arrays]
    swap = indexing == "xy" and len(axes) > 1
    order = [1, 0, *range(2, len(axes))] if swap else list(range(len(axes)))
    shape = tuple(axes[i].size for i in order)
    out = []
    for i, x in enumerate(axes):
        alone = [1] * len(axes)
        alone[order.index(i)] = x.size
        out.append(_broadcast_to(_reshape(x, tuple(alone)), shape))
    return tuple(out)


def _reshape(x: Array, shape: tuple[int, ...]) -> Array:
    from .manipulation import reshape

    out: Array = reshape.function(x, shape)
    return out


def _broadcast_to(x: Array, shape: tuple[int, ...]) -> Array:
    from .manipulation import broadcast_to

    out: Array = broadcast_to.function(x, shape)
    return out


# --- new arrays and questions about dtypes --------------------------------------------

flat(
    "arange", _NEW, lambda start, /, stop=None, step=1, *, dtype=None, device=None: None
)
flat("empty", _NEW, lambda shape, *, dtype=None, device=None: None)
flat("empty_like", _NEW, lambda x, /, *, dtype=None, device=None: None)
flat("eye", _NEW, lambda n_rows, n_cols=None, /, *, k=0, dtype=None, device=None: None)
flat(
    "from_dlpack",
    "what comes from another library has no past",
    lambda x, /, *, device=None, copy=None: None,
)
flat("full", _NEW, lambda shape, fill_value, *, dtype=None, device=None: None)
flat("full_like", _NEW, lambda x, /, fill_value, *, dtype=None, device=None: None)
flat(
    "linspace",
    _NEW,
    lambda start, stop, /, num, *, dtype=None, device=None, endpoint=True: None,
)
flat("ones", _NEW, lambda shape, *, dtype=None, device=None: None)
flat("ones_like", _NEW, lambda x, /, *, dtype=None, device=None: None)
flat("zeros", _NEW, lambda shape, *, dtype=None, device=None: None)
flat("zeros_like", _NEW, lambda x, /, *, dtype=None, device=None: None)

_ABOUT = "it answers a question about dtypes"
flat("can_cast", _ABOUT, lambda from_, to, /: None)
flat("finfo", _ABOUT, lambda type, /: None)
flat("iinfo", _ABOUT, lambda type, /: None)
flat("isdtype", _ABOUT, lambda dtype, kind: None)
flat("result_type", _ABOUT, lambda *arrays_and_dtypes: None)

function_of("asarray")(asarray)
