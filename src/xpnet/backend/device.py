"""Devices: the CPU, and CUDA GPUs through CuPy, looked for only when asked for."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, final

from ..errors import DeviceError

__all__ = [
    "Device",
    "DeviceReport",
    "cuda_problem",
    "devices",
    "get_default_device",
    "resolve",
    "set_default_device",
    "use_device",
]

_NAME = re.compile(r"(cpu|cuda)(?::(\d+))?")


@final
class Device:
    """A place where arrays live: ``"cpu"``, ``"cuda"`` (the first GPU) or ``"cuda:1"``.

    A device equals another device, or a string, that names the same place; making one
    does not look for the hardware (`resolve` does).

    Parameters
    ----------
    name : str or Device
        ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Raises
    ------
    DeviceError
        If the name is none of these.

    Examples
    --------
    >>> Device("cuda") == Device("cuda:0") == "cuda"
    True
    """

    __slots__ = ("index", "kind")

    kind: str
    index: int

    def __init__(self, name: str | Device) -> None:
        if isinstance(name, Device):
            self.kind, self.index = name.kind, name.index
            return
        match = _NAME.fullmatch(name) if isinstance(name, str) else None
        if match is None or (match[1] == "cpu" and match[2] not in (None, "0")):
            raise DeviceError(
                f"{name!r} is not a device: use 'cpu', 'cuda', 'cuda:1' (the second "
                "GPU) or 'auto'."
            )
        self.kind = match[1]
        self.index = int(match[2] or 0)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            try:
                other = Device(other)
            except DeviceError:
                return False
        if not isinstance(other, Device):
            return NotImplemented
        return (self.kind, self.index) == (other.kind, other.index)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return f"{self.kind}:{self.index}" if self.index else self.kind

    def __repr__(self) -> str:
        return f"Device('{self}')"

    def __reduce__(self) -> tuple[Any, ...]:
        return Device, (str(self),)


class DeviceReport(NamedTuple):
    """What `devices` found: what works, and in words why CUDA does or does not."""

    available: tuple[Device, ...]
    cuda: str

    def __str__(self) -> str:
        lines = [str(device) for device in self.available]
        return "\n".join([*lines, self.cuda])


# --- CUDA is found in four steps; the first that fails says why -----------------------


def _load_cupy() -> Any:
    import cupy

    return cupy


@functools.cache
def cuda_problem(index: int = 0) -> str | None:
    """Return None when ``cuda:index`` works, else the reason and the remedy.

    The answer is kept for the life of the process: a broken driver is probed once.
    """
    if importlib.util.find_spec("cupy") is None:
        return (
            "cupy is not installed. Type: pip install 'xpnet[cuda]' (CUDA 12) or "
            "'xpnet[cuda13]'."
        )
    try:
        cupy = _load_cupy()
    except (
        Exception
    ) as error:  # a broken installation raises anything, ImportError mostly
        return (
            f"cupy cannot be imported ({_said(error)}). Install exactly one cupy-cuda "
            "package."
        )
    try:
        if not cupy.cuda.is_available():
            return (
                f"no CUDA device was found ({_driver_state(cupy)}). Check that "
                "`nvidia-smi` lists a GPU."
            )
        count = int(cupy.cuda.runtime.getDeviceCount())
        if index >= count:
            return (
                f"there is no cuda:{index}: this machine has {count} CUDA device(s), "
                "counted from cuda:0."
            )
        with cupy.cuda.Device(
            index
        ):  # compiles a kernel: needs NVRTC and the CUDA headers
            if float((cupy.zeros(1) + 1.0)[0]) != 1.0:
                return (
                    f"cuda:{index} computed 0 + 1 wrongly: the driver or the GPU is "
                    "broken."
                )
    except Exception as error:
        return (
            f"a first operation on cuda:{index} failed ({_said(error)}). If NVRTC or "
            "headers are missing, type: pip install 'cupy-cuda12x[ctk]'."
        )
    return None


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}" if text else type(error).__name__


def _driver_state(cupy: Any) -> str:
    try:
        cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        return _said(error)
    return "the driver works but lists no device"


# --- choosing -------------------------------------------------------------------------

_context: contextvars.ContextVar[Device | None] = contextvars.ContextVar(
    "xpnet_device", default=None
)
_process_default: Device | None = None
_announced = False


def resolve(device: str | Device | None) -> Device:
    """Return a device that is known to work.

    ``None`` is the default device; ``"auto"`` is CUDA where it works and otherwise the
    CPU, which is said in one line on standard error, once.

    Raises
    ------
    DeviceError
        If the name is unknown, or CUDA was asked for and does not work: the message
        gives the reason and what to type.
    """
    if device is None:
        return get_default_device()
    if type(device) is not Device:
        if device == "auto":
            return _automatic()
        device = Device(device)
    if device.kind == "cuda":
        problem = cuda_problem(device.index)
        if problem is not None:
            raise DeviceError(
                f"device='{device}' cannot be used: {problem} To run without a GPU, "
                "use device='cpu'."
            )
    return device


def _automatic() -> Device:
    global _announced
    problem = cuda_problem()
    if problem is None:
        return Device("cuda")
    if not _announced:
        _announced = True
        print(f"xpnet: device='auto' chose the CPU: {problem}", file=sys.stderr)
    return Device("cpu")


def get_default_device() -> Device:
    """Return the device that new arrays get when nothing else says where they go.

    The order: the innermost `use_device`, then `set_default_device`, then the
    environment variable ``XPNET_DEVICE``, then the CPU.
    """
    chosen = _context.get() or _process_default
    if chosen is not None:
        return chosen
    named = os.environ.get("XPNET_DEVICE")
    if not named:
        return _CPU
    try:
        return resolve(named)
    except DeviceError as error:
        raise DeviceError(
            f"The environment variable XPNET_DEVICE is {named!r}. {error}"
        ) from None


def set_default_device(device: str | Device | None) -> None:
    """Set the default device of the whole process; None goes back to the start.

    Examples
    --------
    >>> set_default_device("cpu")
    """
    global _process_default
    _process_default = None if device is None else resolve(device)


@contextlib.contextmanager
def use_device(device: str | Device) -> Iterator[Device]:
    """Make `device` the default inside a ``with`` block, in this thread or task alone.

    Examples
    --------
    >>> with use_device("cpu") as device:
    ...     print(device)
    cpu
    """
    found = resolve(device)
    token = _context.set(found)
    try:
        yield found
    finally:
        _context.reset(token)


def devices() -> DeviceReport:
    """Return the devices that work here, and in words why CUDA does or does not.

    This asks CuPy, so the first call may take a second on a machine with a GPU.

    Examples
    --------
    >>> Device("cpu") in devices().available
    True
    """
    problem = cuda_problem()
    if problem is not None:
        return DeviceReport((_CPU,), f"cuda is not available: {problem}")
    cupy = _load_cupy()
    names, found = [], []
    for index in range(int(cupy.cuda.runtime.getDeviceCount())):
        if cuda_problem(index) is None:
            found.append(Device(f"cuda:{index}"))
            names.append(_device_name(cupy, index))
    return DeviceReport((_CPU, *found), "cuda is available: " + ", ".join(names))


def _device_name(cupy: Any, index: int) -> str:
    name = cupy.cuda.runtime.getDeviceProperties(index)["name"]
    return name.decode() if isinstance(name, bytes) else str(name)


_CPU = Device("cpu")
