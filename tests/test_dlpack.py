"""DLPack: memory shared in and out, and what is refused."""

from __future__ import annotations

import array_api_strict as strict
import numpy as np
import pytest

import xpnet as xn
from libraries import has
from xpnet import xp
from xpnet.errors import ConversionError, DeviceError, DTypeError


def aligned(n: int) -> np.ndarray:
    """Return zeros that start at a multiple of 64 bytes, as JAX wants its memory."""
    memory = np.zeros(n * 8 + 64, dtype=np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + n * 8].view(np.float64)


def address(raw) -> int:
    """Return where the memory of a raw array starts."""
    if hasattr(raw, "data_ptr"):
        return raw.data_ptr()
    if hasattr(raw, "unsafe_buffer_pointer"):
        return raw.unsafe_buffer_pointer()
    return np.asarray(getattr(raw, "_array", raw)).ctypes.data  # array-api-strict's


class Elsewhere:
    """An object whose memory is on some device that only it knows."""

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def __dlpack__(self, **options):
        raise AssertionError("the data was asked for")

    def __dlpack_device__(self):
        return self.kind, 0


# --- in -------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["numpy", "torch", "jax", "array_api_strict"])
def test_arrays_of_the_cpu_come_in_as_numpys_without_a_copy(library):
    if library in ("torch", "jax") and not has(library):
        pytest.skip(f"{library} is not installed")
    raw = xn.namespace(library).asarray(np.arange(8.0)).data
    x = xn.from_dlpack(raw)
    assert (type(x.data), x.device, x.requires_grad) == (np.ndarray, "cpu", False)
    assert address(x.data) == address(raw)
    assert x.tolist() == list(range(8))


def test_what_is_written_outside_is_seen_inside():
    values = np.zeros(3)
    x, y = xn.from_dlpack(values), xp.from_dlpack(values)
    values[1] = 5.0
    assert x.tolist() == y.tolist() == [0.0, 5.0, 0.0]


@pytest.mark.parametrize("library", ["torch", "jax", "array_api_strict"])
def test_the_from_dlpack_of_a_namespace_makes_its_own_arrays(library):
    if library in ("torch", "jax") and not has(library):
        pytest.skip(f"{library} is not installed")
    values = aligned(16)
    space = xn.namespace(library)
    x = space.from_dlpack(xn.asarray(values))
    assert x.__array_namespace__() is space
    assert address(x.data) == address(values)
    copied = space.from_dlpack(values, copy=True)
    assert address(copied.data) != address(values)


def test_strict_arrays_stay_on_their_device():
    there = strict.Device("device1")
    space = xn.namespace("array_api_strict")
    raw = strict.ones(3, device=there)
    assert space.from_dlpack(raw).device == there
    assert space.from_dlpack(xn.asarray(raw)).device == there
    home = strict.Device("CPU_DEVICE")
    assert space.from_dlpack(raw, device=home).device == home
    assert space.from_dlpack(np.ones(3), device=there).device == there


def test_copies_are_made_when_asked_for_and_refused_when_not_wanted():
    values = np.zeros(3)
    assert address(xn.from_dlpack(values, copy=True).data) != address(values)
    for options in ({"copy": False}, {"device": "cpu", "copy": False}):
        assert address(xn.from_dlpack(values, **options).data) == address(values)


def test_read_only_memory_stays_read_only():
    values = np.zeros(3)
    values.flags.writeable = False
    x = xn.from_dlpack(values)
    assert address(x.data) == address(values)
    assert not x.data.flags.writeable
    x[0] = 2.0  # computes a new array
    assert (x.tolist(), values.tolist()) == ([2.0, 0.0, 0.0], [0.0, 0.0, 0.0])


def test_arrays_on_the_tape_stay_on_it_in_their_own_library():
    def second(x, copy):
        return (xn.from_dlpack(x, copy=copy) ** 2)[1]

    for copy in (None, True):
        slopes = xn.grad(second)(xn.asarray([1.0, 2.0]), copy)
        assert slopes.tolist() == [0.0, 4.0]


def test_arrays_on_the_tape_do_not_go_to_another_library_by_dlpack():
    x = xn.asarray([1.0, 2.0], requires_grad=True)
    with pytest.raises(ConversionError, match="on the tape"):
        xn.namespace("array_api_strict").from_dlpack(x)
    assert xn.from_dlpack(x.detach()).tolist() == [1.0, 2.0]


def test_what_has_no_dlpack_is_refused():
    with pytest.raises(DTypeError, match=r"a list has no __dlpack__\. .* use xn\.asar"):
        xn.from_dlpack([1.0])


def test_unknown_devices_are_refused_before_the_data_is_asked_for():
    with pytest.raises(DeviceError, match=r"device of DLPack's kind 10\. Only the CPU"):
        xn.from_dlpack(Elsewhere(10))


def test_the_memory_of_a_gpu_needs_that_gpu(monkeypatch):
    from xpnet.calculus import creation

    asked = []
    monkeypatch.setattr(creation, "library_for", lambda d: asked.append(str(d)))
    for kind in (1, 2, 3, 13):
        with pytest.raises(AttributeError):  # the stand-in has no library
            xn.from_dlpack(Elsewhere(kind))
    assert asked == ["cpu", "cuda:0", "cpu", "cuda:0"]


# --- out ------------------------------------------------------------------------------


def test_numpy_takes_our_arrays_without_a_copy(target, make):
    if target.library == "cupy":
        pytest.skip("NumPy has no memory on a GPU")
    x = make(np.arange(8.0))
    taken = np.from_dlpack(x)
    assert address(taken) == address(x.data)
    assert taken.tolist() == list(range(8))


@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch", "jax"])
def test_pytorch_takes_our_arrays_without_a_copy(library):
    torch = pytest.importorskip("torch")
    if not has(library):
        pytest.skip(f"{library} is not installed")
    x = xn.namespace(library).asarray(np.arange(8.0))
    taken = torch.from_dlpack(x)
    assert address(taken) == address(x.data)
    assert taken.tolist() == list(range(8))


@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch"])
def test_jax_takes_our_arrays_without_a_copy(library):
    jax = pytest.importorskip("jax")
    if not has(library):
        pytest.skip(f"{library} is not installed")
    values = aligned(16)
    x = xn.namespace(library).from_dlpack(values)
    taken = jax.dlpack.from_dlpack(x)
    assert address(taken) == address(values)


def test_a_view_is_shared_with_its_strides():
    values = np.arange(12.0).reshape(3, 4)
    x = xn.asarray(values)[:, ::2]
    taken = np.from_dlpack(x)
    assert taken.strides == (32, 16)
    assert address(taken) == address(values)


@pytest.mark.parametrize("computed", [False, True])
def test_arrays_on_the_tape_do_not_leave_by_dlpack(make, computed):
    x = make(np.ones(3), requires_grad=True)
    x = x * 2.0 if computed else x
    with pytest.raises(BufferError, match=r"on the tape; export x\.detach\(\) instead"):
        x.__dlpack__()
    x.detach().__dlpack__()


@pytest.mark.parametrize("library", ["numpy", "array_api_strict"])
def test_numpy_says_why_it_cannot_take_an_array_on_the_tape(library):
    x = xn.asarray(xn.namespace(library).ones(3), requires_grad=True)
    with pytest.raises(BufferError, match="on the tape"):
        np.from_dlpack(x)


def test_the_device_is_told_as_the_library_tells_it(make):
    x = make(np.ones(3))
    kind, index = x.__dlpack_device__()
    assert (int(kind), int(index)) == (2 if x.device == "cuda" else 1, 0)


def test_an_object_with_dlpack_alone_is_an_array():
    class Holder:
        def __init__(self, values):
            self.values = values

        def __dlpack__(self, **options):
            return self.values.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.values.__dlpack_device__()

    values = np.arange(3.0)
    for make in (xn.from_dlpack, xn.asarray):
        x = make(Holder(values))
        assert (x.tolist(), address(x.data)) == ([0.0, 1.0, 2.0], address(values))


@pytest.mark.gpu
def test_the_memory_of_a_gpu_is_shared():
    cupy = pytest.importorskip("cupy")
    values = cupy.zeros(4)
    x = xn.from_dlpack(values)
    assert (x.device, x.data.data.ptr) == ("cuda", values.data.ptr)
    assert cupy.from_dlpack(x).data.ptr == values.data.ptr
    with pytest.raises(ValueError, match=r"going to cpu needs a copy, and copy=False"):
        xn.from_dlpack(values, device="cpu", copy=False)
    assert xn.from_dlpack(values, device="cpu").device == "cpu"
