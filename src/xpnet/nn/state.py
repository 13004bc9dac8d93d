"""Moving the arrays of a model, and loading values into them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ..backend.device import Device
from ..backend.library import Library, foreign, library_for
from ..calculus.array import Array
from ..calculus.convert import asarray
from ..calculus.tape import Leaf, mark_changed
from ..errors import DeviceError, DTypeError, LibraryError, OptionError, ShapeError

__all__ = [
    "by_new_names",
    "check_mapping",
    "fill",
    "load",
    "misfit",
    "move",
    "without_prefix",
]


def move(arrays: Iterable[Array], device: Any, like: Any, dtype: Any) -> None:
    """Move arrays in place to a device, or to where another array is, and cast them."""
    if device is not None and like is not None:
        raise OptionError("to: device= and like= both say where to move; give one.")
    like = None if like is None else asarray(like)
    plans = [(x, *_target(x, device, like)) for x in arrays]
    casts = [_cast_dtype(x, lib, dtype) for x, lib, _ in plans]
    for (x, lib, place), cast in zip(plans, casts, strict=True):
        data = _carried(x.data, x._lib, lib, place, cast)
        if data is not x.data:
            _replace(x, data, lib, place, cast)


def _target(x: Array, device: Any, like: Array | None) -> tuple[Library, Any]:
    """Return the library to move to, and the device in its own terms."""
    if like is not None:
        return like._lib, like._lib.raw.device(like.data)
    if device is None:
        return x._lib, x._lib.raw.device(x.data)
    if isinstance(device, Device) or device in ("cpu", "auto"):
        return library_for(device), None
    if _name_of(device) in _FLOATS:
        raise DeviceError(
            f"to: {device!r} is a dtype, not a device. Write "
            f"to(dtype={_name_of(device)!r})."
        )
    if isinstance(device, str):
        return (library_for(device), None) if x._lib.place else (x._lib, device)
    package = type(device).__module__.partition(".")[0]
    try:
        return foreign(package), device
    except LibraryError:
        raise DeviceError(
            f"to: {device!r:.80} is not a device. Pass 'cpu', 'cuda', 'cuda:1', "
            "'auto', a device of an array library, or like=x for the place of x."
        ) from None


def _cast_dtype(x: Array, lib: Library, dtype: Any) -> Any:
    """Return the dtype object to cast to in the target library, or None to leave it."""
    if dtype is None:
        return None
    try:
        sample = lib.raw.zeros((), dtype=getattr(lib.raw, _name_of(dtype)))
    except (LibraryError, TypeError):
        sample = None
    if sample is None or not _is_real(lib, sample):
        raise DTypeError(
            "to: a model is cast to a real floating-point dtype, 'float32' or "
            f"'float64', not to {dtype!r}."
        )
    return sample.dtype if _is_real(x._lib, x.data) else None


def _is_real(lib: Library, data: Any) -> bool:
    return lib.is_floating(data.dtype) and not lib.is_complex(data)


def _name_of(dtype: Any) -> str:
    """Return the standard's name of any library's dtype."""
    if isinstance(dtype, str):
        return dtype
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None)
    return name or str(dtype).rpartition(".")[2]


def _carried(data: Any, lib: Library, target: Library, place: Any, cast: Any) -> Any:
    """Return raw data in a library, on its device, as a dtype; itself if it is."""
    if target is not lib:
        data = target.copy(target.from_host(lib.to_host(data), place))
    elif lib.place is None and lib.raw.device(data) != place:
        data = lib.move(data, place)
    if cast is not None and data.dtype != cast:
        data = target.raw.astype(data, cast)
    return data


_FLOATS = ("float16", "bfloat16", "float32", "float64")


def _replace(x: Array, data: Any, lib: Library, place: Any, cast: Any) -> None:
    """Put moved data into an array; a leaf stays one and keeps its gradient."""
    node = x._node
    if type(node) is Leaf:
        grad = node.grad
        if grad is not None:
            grad = Array(_carried(grad.data, grad._lib, lib, place, cast), lib)
        mark_changed([node], _changed("the model was moved"))
        x._node = Leaf(lib, node.declared)
        x._node.owner = node.owner
        x._node.grad = grad
    x.data, x._lib = data, lib


def _changed(what: str) -> str:
    """Return why a tape from before a change is of no use."""
    return (
        f"{what} after this result was computed, so its tape holds other values than "
        "the parameters have now."
    )


# --- names ----------------------------------------------------------------------------


def check_mapping(values: Any) -> None:
    """Raise OptionError unless values come with names."""
    if not isinstance(values, Mapping):
        raise OptionError(
            "load_state_dict: the state is a dict of arrays by name, not a "
            f"{type(values).__name__}. A file is read first: "
            "xpnet.interop.safetensors.load_file(path)."
        )


_OLD = {"original0": "g", "original1": "v"}


def by_new_names(values: Mapping[str, Any], own: Iterable[str]) -> Mapping[str, Any]:
    """Return values with ``weight_g`` and ``weight_v`` under their names of today.

    So PyTorch's weight norm called them before it had parametrizations.
    """
    out = dict(values)
    for name in own:
        path, found, rest = name.rpartition("parametrizations.")
        parameter, _, last = rest.rpartition(".")
        old = f"{path}{parameter}_{_OLD.get(last)}"
        if found and name not in out and old in out:
            out[name] = out.pop(old)
    return out


def without_prefix(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the entries whose names begin with a prefix, named without it."""
    found = {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix)
    }
    if not found:
        raise OptionError(
            f"load_state_dict: no name begins with {prefix!r}; the first is "
            f"{next(iter(values), None)!r}."
        )
    return found


def misfit(model: str, report: Any, own: list[str]) -> str:
    """Return what is missing and unexpected, and what was probably meant."""
    missing, unexpected = report
    text = (
        f"load_state_dict: the names do not fit {model}: missing {_few(missing)}, "
        f"unexpected {_few(unexpected)}."
    )
    prefix = _prefix(unexpected, own)
    if prefix:
        return f"{text} They do without {prefix!r}: pass prefix={prefix!r}."
    close = [
        (name, difflib.get_close_matches(name, unexpected, 1, 0.7))
        for name in missing[:_SHOWN]
    ]
    meant = ", ".join(f"{found[0]!r} for {name!r}" for name, found in close if found)
    hint = f" Is it {meant}?" if meant else ""
    return f"{text}{hint} Pass strict=False to load the others."


_SHOWN = 8  # names in a message


def _few(names: list[str]) -> str:
    if len(names) <= _SHOWN:
        return str(names)
    return f"{str(names[:_SHOWN])[:-1]}, ... {len(names)} in all]"


def _prefix(names: list[str], own: list[str]) -> str:
    """Return what all names begin with, if without it they are the model's own."""
    for name in names if own else []:
        prefix = name.removesuffix(own[0])
        if prefix != name and {n.removeprefix(prefix) for n in names} == set(own):
            return prefix
    return ""


# --- values ---------------------------------------------------------------------------


def load(pairs: Mapping[str, tuple[Array, Any]]) -> None:
    """Write a value into each array, by name; check all before the first write."""
    values = {name: asarray(value) for name, (_, value) in pairs.items()}
    wrong = [
        f"{name} has shape {values[name].shape}, the model needs {x.shape}"
        for name, (x, _) in pairs.items()
        if values[name].shape != x.shape
    ]
    if wrong:
        raise ShapeError(f"load_state_dict: {'; '.join(wrong)}. Nothing was loaded.")
    raw = {name: _fitting(name, values[name], x) for name, (x, _) in pairs.items()}
    for name, (x, _) in pairs.items():
        _write(x, raw[name])


def fill(name: str, x: Array, value: Array) -> None:
    """Write a value of its shape into an array of real floating point."""
    if not _is_real(x._lib, x.data):
        raise DTypeError(
            f"{name}: x has dtype {x.dtype}, and needs real floating point."
        )
    _write(x, _fitting(name, value, x))


def _fitting(name: str, value: Array, x: Array) -> Any:
    """Return a value as raw data of the library, device and dtype of `x`."""
    if _kind(value) != _kind(x):
        raise DTypeError(
            f"load_state_dict: {name} has dtype {value.dtype}, which does not cast to "
            f"the model's {x.dtype}. Nothing was loaded."
        )
    lib = x._lib
    return _carried(value.data, value._lib, lib, lib.raw.device(x.data), x.dtype)


def _kind(x: Array) -> tuple[bool, bool]:
    return x._lib.is_floating(x.dtype), x._lib.is_complex(x.data)


def _write(x: Array, data: Any) -> None:
    """Write into the storage of `x`, which may be a view of an optimizer's buffer."""
    if x._lib.mutable:
        x.data[...] = data
    else:
        x.data = x._lib.copy(data)
    node = x._node
    if type(node) is Leaf:
        mark_changed([node], _changed("values were loaded into the model"))
