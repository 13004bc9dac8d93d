"""A stand-in for CuPy on NumPy arrays: devices, and the rules that a GPU enforces.

It cannot show that kernels are right. It shows what NumPy alone hides: an array made on
the wrong device, two devices or NumPy mixed in, a value read back to the host.
"""

from __future__ import annotations

import importlib.machinery
import types
from collections.abc import Callable
from typing import Any

import numpy as np

COUNT = 2
CREATION = "arange empty eye full linspace ones zeros asarray array".split()
LIKE = "empty_like full_like ones_like zeros_like".split()

current = [0]
calls: list[str] = []
reads: list[str] = []


class Device:
    """A GPU; a context in which new arrays go there."""

    def __init__(self, index: int) -> None:
        if not 0 <= index < COUNT:
            raise RuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        self.id = index

    def __enter__(self) -> Device:
        current.append(self.id)
        return self

    def __exit__(self, *_: Any) -> None:
        current.pop()


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array on a pretended GPU."""

    def __init__(self, values: Any, index: int) -> None:
        self.values = np.asarray(values)
        self.index = index

    @property
    def device(self) -> Device:
        return Device(self.index)

    shape = property(lambda self: self.values.shape)
    dtype = property(lambda self: self.values.dtype)
    ndim = property(lambda self: self.values.ndim)
    size = property(lambda self: self.values.size)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **options: Any):
        outs = options.pop("out", None)
        result = on_device(getattr(ufunc, method), *args, **options)
        if outs is None:
            return result
        outs[0].values[...] = result.values
        return outs[0]

    def __getitem__(self, key: Any) -> ndarray:
        noted(key, "read")
        return on_device(lambda x, k: x[k], self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        noted(key, "written")
        on_device(lambda x, k, v: x.__setitem__(k, v), self, key, value)

    def __len__(self) -> int:
        return len(self.values)

    def _to_python(self, kind: Callable[[Any], Any]) -> Any:
        reads.append(kind.__name__)
        return kind(self.values)

    def __float__(self) -> float:
        return self._to_python(float)

    def __bool__(self) -> bool:
        return self._to_python(bool)

    def __int__(self) -> int:
        return self._to_python(int)

    def __repr__(self) -> str:
        return f"cupy({self.values!r}, device={self.index})"


ndarray.__module__ = "cupy"


def noted(key: Any, what: str) -> None:
    """Note a mask: its number of elements is read back to the host."""
    for part in key if isinstance(key, tuple) else (key,):
        if getattr(part, "dtype", None) == np.bool_:
            reads.append(f"mask {what}")


def arrays_in(value: Any) -> list[ndarray]:
    if isinstance(value, ndarray):
        return [value]
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    parts = value.values() if isinstance(value, dict) else value
    if isinstance(value, (list, tuple, dict)):
        return [x for part in parts for x in arrays_in(part)]
    return []


def unwrapped(value: Any) -> Any:
    if isinstance(value, ndarray):
        return value.values
    if isinstance(value, dict):
        return {key: unwrapped(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([unwrapped(part) for part in value])
    return value


def wrapped(value: Any, index: int) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return ndarray(value, index)
    if isinstance(value, (list, tuple)):
        parts = [wrapped(part, index) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def on_device(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Run a NumPy function; all arrays on one device, which is the current one."""
    found = {x.index for x in arrays_in([args, options])}
    if len(found) > 1:
        raise ValueError(f"Array device must be same: {sorted(found)}")
    index = found.pop() if found else current[-1]
    return wrapped(function(*unwrapped(args), **unwrapped(options)), index)


def creator(name: str, *, ignores_device: bool = False) -> Callable[..., ndarray]:
    """Return a creation function: the current device decides, whatever `device=` says.

    CuPy's own take no `device=`; array-api-compat's take it, and ignore it.
    """

    def create(*args: Any, **options: Any) -> ndarray:
        if ignores_device:
            options.pop("device", None)
        if "device" in options:
            raise TypeError(f"{name}() got an unexpected keyword argument 'device'")
        args = tuple([a.values if isinstance(a, ndarray) else a for a in args])
        return ndarray(getattr(np, name)(*args, **options), current[-1])

    return create


def function(name: str) -> Any:
    found = getattr(np, name)
    if not callable(found) or isinstance(found, type):
        return found

    def call(*args: Any, **options: Any) -> Any:
        calls.append(name)
        return on_device(found, *args, **options)

    call.__name__ = name
    return call


def asnumpy(x: Any) -> np.ndarray[Any, Any]:
    reads.append("asnumpy")
    return x.values.copy()


def modules() -> dict[str, types.ModuleType]:
    """Return the modules that stand in for cupy and array-api-compat's wrapper."""
    calls.clear()
    reads.clear()
    cupy, compat = types.ModuleType("cupy"), types.ModuleType("array_api_compat.cupy")
    cupy.__spec__ = importlib.machinery.ModuleSpec("cupy", None)
    properties = {"name": b"Pretended GPU"}
    runtime = types.SimpleNamespace(
        getDeviceCount=lambda: COUNT, getDeviceProperties=lambda index: properties
    )
    vars(cupy).update(
        {name: creator(name) for name in [*CREATION, *LIKE]},
        add=types.SimpleNamespace(
            reduceat=lambda *args, **options: on_device(
                np.add.reduceat, *args, **options
            )
        ),
        asnumpy=asnumpy,
        cuda=types.SimpleNamespace(
            Device=Device, is_available=lambda: True, runtime=runtime
        ),
        is_available=lambda: True,
        ndarray=ndarray,
    )
    compat.__getattr__ = function  # type: ignore[method-assign]
    vars(compat).update(
        {name: creator(name, ignores_device=True) for name in [*CREATION, *LIKE]}
    )
    return {"cupy": cupy, "array_api_compat.cupy": compat}
