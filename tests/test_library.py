"""Libraries: raw functions behind one face, and CuPy's rules on a stand-in for it."""

from __future__ import annotations

import inspect
import sys

import array_api_strict as strict
import numpy as np
import pytest

import fake_cupy
import xpnet as xn
from libraries import host
from xpnet import xp
from xpnet.backend import cupy_library, portable
from xpnet.backend import device as device_module
from xpnet.backend import library as module
from xpnet.backend.library import foreign, library_for, library_of
from xpnet.errors import LibraryError

X = np.array([[0.5, -1.0, 2.0], [3.0, -0.25, 1.5]])


def raw_of(target):
    return library_of(target.raw(X))


# --- finding a library ----------------------------------------------------------------


def test_arrays_tell_their_library(target):
    lib = raw_of(target)
    assert lib.name == target.library
    assert isinstance(target.raw(X), lib.array_type)
    assert library_of(target.raw(X * 2)) is lib
    assert target.make(X)._lib is lib


def test_numpy_is_the_cpu_and_one_library():
    assert library_for("cpu") is library_of(np.ones(2)) is library_of(np.float32(1))
    assert library_for("cpu").place == "cpu"
    assert repr(library_for("cpu")) == "<Library numpy on cpu>"


@pytest.mark.parametrize(
    "value",
    [
        *(1.0, 1, True, None, "text", [1.0], (1.0,), {}, object(), range(3)),
        *(np.array(["text"]), np.array([None]), np.str_("text"), np.dtype("float64")),
        *(np.array(["2020-01-01"], dtype="datetime64[D]"), np.ndarray, strict.float64),
    ],
)
def test_what_is_no_array_of_numbers_has_no_library(value):
    assert library_of(value) is None


def test_an_unknown_library_is_named_with_those_that_are_known():
    with pytest.raises(
        LibraryError, match=r"'tensorflow' is not a known array library"
    ):
        foreign("tensorflow")
    with pytest.raises(LibraryError, match=r"array_api_strict.*jax.*torch"):
        foreign("tensorflow")


def test_a_library_that_is_not_installed_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax.numpy", None)
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(foreign.kept, "jax", raising=False)
    with pytest.raises(LibraryError, match=r"jax cannot be used: .* Install it first"):
        foreign("jax")


def test_a_function_that_a_library_lacks_is_named():
    lib = library_for("cpu")
    with pytest.raises(LibraryError, match=r"numpy has no function 'no_such_thing'"):
        lib.functions["no_such_thing"]
    with pytest.raises(LibraryError, match=r"numpy has no function 'no_such_thing'"):
        _ = lib.raw.no_such_thing
    assert "no_such_thing" not in lib.functions


def test_functions_are_bound_once(target):
    lib = raw_of(target)
    assert lib.raw.exp is lib.functions["exp"]
    assert lib.functions["exp"] is lib.functions["exp"]
    np.testing.assert_allclose(lib.to_host(lib.raw.exp(target.raw(X))), np.exp(X))


# --- the face -------------------------------------------------------------------------


def test_values_go_to_the_library_and_back(target):
    lib, x = raw_of(target), target.raw(X)
    assert type(lib.to_host(x)) is np.ndarray
    assert np.array_equal(lib.to_host(x), X)
    device = None if lib.place else x.device
    back = lib.from_host(X, device=device)
    assert np.array_equal(lib.to_host(back), X)
    assert back.device == x.device
    assert lib.to_host(back).dtype == np.float64


def test_kinds_of_dtype_are_told(target):
    lib = raw_of(target)
    for values, floating, is_complex in [
        (X, True, False),
        (X.astype(np.float32), True, False),
        (X + 1j, True, True),
        (X.astype(int), False, False),
        (X > 0, False, False),
    ]:
        raw = target.raw(values)
        assert lib.is_floating(raw.dtype) is floating
        assert lib.is_complex(raw) is is_complex
        assert bool(lib.raw.is_complex(raw)) is is_complex


def test_a_copy_is_contiguous_and_separate(target):
    lib, x = raw_of(target), target.raw(X)
    copied = lib.copy(lib.raw.permute_dims(x, (1, 0)))
    assert np.array_equal(lib.to_host(copied), X.T)
    assert copied.device == x.device
    if lib.mutable:
        copied[0, 0] = 99.0
    assert np.array_equal(lib.to_host(x), X)


def test_setitem_leaves_its_argument_alone(target):
    lib, x = raw_of(target), target.raw(X)
    out = lib.setitem(x, (slice(None), 1), 7.0)
    right = X.copy()
    right[:, 1] = 7.0
    assert np.array_equal(lib.to_host(out), right)
    assert np.array_equal(lib.to_host(x), X)
    assert out.device == x.device


@pytest.mark.parametrize("bounds", [(-0.5, 1.6), (0, None), (None, 1), (None, None)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_clip_by_numbers_keeps_the_dtype(target, bounds, dtype):
    lib = raw_of(target)
    values = X.astype(dtype)
    values[0, 0] = np.nan
    x = target.raw(values)
    out = lib.clip(x, *bounds)
    right = values if bounds == (None, None) else np.clip(values, *bounds)
    assert np.array_equal(lib.to_host(out), right, equal_nan=True)
    assert (out.dtype, out.device) == (x.dtype, x.device)
    assert out is not x


def test_clip_takes_arrays_and_integers(target):
    lib, x = raw_of(target), target.raw(X)
    low = target.raw(np.array([0.0, -0.5, 1.75]))
    right = np.clip(X, lib.to_host(low), 2.5)
    assert np.array_equal(lib.to_host(lib.clip(x, low, 2.5)), right)
    whole = target.raw(np.array([1, 5, -3]))
    assert lib.to_host(lib.clip(whole, 0, 4)).tolist() == [1, 4, 0]
    assert lib.clip(whole, 0, 4).dtype == whole.dtype


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int64])
@pytest.mark.parametrize("ids", [[2, 0, 2, 2, 0], [1, 1, 1, 1, 1]])
def test_segment_sums_add_equal_ids(target, dtype, ids):
    lib = raw_of(target)
    values = np.array([1, 2, 4, 8, 16], dtype=dtype)
    raw = target.raw(values)
    if dtype == np.int64 and target.library == "array_api_strict":
        pytest.skip("cotangents are floating-point")
    out = lib.segment_sum(raw, target.raw(np.array(ids)), 4)
    right = np.zeros(4, dtype=dtype)
    np.add.at(right, ids, values)
    assert np.array_equal(lib.to_host(out), right)
    assert (out.dtype, out.device) == (raw.dtype, raw.device)


def test_segment_sums_of_nothing_are_zeros(target):
    lib = raw_of(target)
    empty = target.raw(np.zeros(0)), target.raw(np.zeros(0, dtype=np.int64))
    assert lib.to_host(lib.segment_sum(*empty, 3)).tolist() == [0.0, 0.0, 0.0]


def test_foreign_libraries_move_between_their_devices():
    lib = foreign("array_api_strict")
    x = strict.ones(3)
    there = lib.move(x, strict.Device("device1"))
    assert lib.device_of(there) == strict.Device("device1")
    assert lib.move(there, strict.Device("CPU_DEVICE")).device == x.device


def test_torch_devices_are_torchs_own():
    torch = pytest.importorskip("torch")
    lib = foreign("torch")
    assert lib.device_of(torch.ones(2)) == torch.device("cpu")
    assert lib.move(torch.ones(2), "cpu").device == torch.device("cpu")


# --- what every library can do, in the standard's functions ---------------------------


def test_the_portable_segment_sums_agree():
    numbers = np.random.default_rng(0)
    values, ids = numbers.normal(size=50), numbers.integers(0, 7, size=50)
    right = np.zeros(9)
    np.add.at(right, ids, values)
    by_product = portable.segment_sum(np, values, ids, 9)
    by_sorting = portable.sorted_segment_sum(np, np.add.reduceat, values, ids, 9)
    np.testing.assert_allclose(by_product, right, atol=1e-14)
    np.testing.assert_allclose(by_sorting, right, atol=1e-14)


def test_sorted_segment_sums_add_in_order_and_know_empty_runs():
    values, ids = np.array([1e16, 1.0, -1e16, 3.0]), np.array([1, 1, 1, 3])
    out = portable.sorted_segment_sum(np, np.add.reduceat, values, ids, 5)
    assert out.tolist() == [0.0, (1e16 + 1.0) - 1e16, 0.0, 3.0, 0.0]


@pytest.mark.parametrize(
    "key",
    [
        np.array([1, 1, 0]),
        (np.array([0, 1, 0]), np.array([2, 2, 2])),
        np.array([], dtype=np.int64),
    ],
)
def test_positions_are_set_as_numpy_sets_them(key):
    value = np.arange(10.0, 10.0 + X[key].size).reshape(X[key].shape)
    right = X.copy()
    right[key] = value
    assert np.array_equal(portable.set_positions(np, X, key, value), right)


def test_integer_arrays_in_a_key_are_recognised():
    integers = np.array([0, 1])
    assert portable.has_integer_array(integers)
    assert portable.has_integer_array((slice(None), integers))
    assert portable.has_integer_array(np.array([0], dtype=np.uint8))
    for key in (0, slice(None), (0, ...), None, np.array([True]), (slice(1), None)):
        assert not portable.has_integer_array(key)


# --- CuPy, on a stand-in --------------------------------------------------------------


@pytest.fixture
def cupy(monkeypatch):
    """A CuPy with two GPUs that are NumPy arrays (no kernels of our own)."""
    for name, stand_in in fake_cupy.modules().items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    device_module.cuda_problem.cache_clear()
    module._cupy.kept.clear()
    library_for("cuda"), library_for("cuda:1")
    fake_cupy.reads.clear()
    fake_cupy.calls.clear()
    yield sys.modules["cupy"]
    device_module.cuda_problem.cache_clear()
    module._cupy.kept.clear()


CREATE = {
    "arange": lambda device: xp.arange(3, device=device),
    "asarray": lambda device: xp.asarray([1.0, 2.0], device=device),
    "empty": lambda device: xp.empty((2, 3), device=device),
    "eye": lambda device: xp.eye(3, device=device),
    "full": lambda device: xp.full((2,), 3.0, device=device),
    "linspace": lambda device: xp.linspace(0, 1, 5, device=device),
    "ones": lambda device: xp.ones((2, 3), device=device),
    "zeros": lambda device: xp.zeros((2, 3), device=device),
}
LIKE = ["empty_like", "ones_like", "zeros_like"]


@pytest.mark.parametrize("name", CREATE)
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_creation_goes_where_device_says(cupy, name, device):
    x = CREATE[name](device)
    assert x.device == device
    assert (type(x.data), x.data.index) == (cupy.ndarray, x.device.index)
    with xn.use_device(device):
        y = CREATE[name](None)
    assert y.device == device
    assert y.dtype == CREATE[name]("cpu").dtype


@pytest.mark.parametrize("name", LIKE)
def test_like_creation_goes_where_its_input_is_or_device_says(cupy, name):
    function = getattr(xp, name)
    x = xp.ones((2, 3), dtype=xp.float32, device="cuda:1")
    with xn.use_device("cuda"):
        assert function(x).device == "cuda:1"
    for device in ("cpu", "cuda", "cuda:1"):
        moved = function(x, device=device)
        assert moved.device == device
        assert (moved.shape, moved.dtype) == ((2, 3), xp.float32)
    assert xp.full_like(x, 2.0, device="cuda").tolist() == [[2.0] * 3] * 2


def test_a_library_of_one_gpu_does_not_create_on_another(cupy):
    lib = library_for("cuda:1")
    with pytest.raises(xn.DeviceError, match=r"cupy on cuda:1; it cannot make .* cuda"):
        lib.raw.zeros(3, device=xn.Device("cuda"))
    assert lib.raw.zeros(3, device=lib.place).index == 1


def test_arrays_tell_their_gpu(cupy):
    with cupy.cuda.Device(1):
        raw = cupy.ones(3)
    assert library_of(raw) is library_for("cuda:1")
    assert xn.asarray(raw).device == "cuda:1"
    assert xn.asarray(raw).data is raw
    assert repr(library_for("cuda:1")) == "<Library cupy on cuda:1>"


def test_arrays_move_between_devices_and_gradients_return(cupy):
    x = xn.asarray(X, requires_grad=True)
    there = x.to_device("cuda")
    further = (there * there).to_device("cuda:1")
    assert (there.device, further.device) == ("cuda", "cuda:1")
    xp.sum(further * 2.0).backward()
    assert x.grad.device == "cpu"
    np.testing.assert_allclose(host(x.grad), 4 * X)
    assert there.to_device("cuda") is there
    back = further.detach().to_device("cpu")
    assert (back.device, type(back.data)) == ("cpu", np.ndarray)
    assert np.array_equal(back.data, X * X)


def test_moving_has_second_derivatives(cupy):
    slope = xn.grad(
        lambda x: xp.sum(xn.grad(lambda y: xp.sum(y.to_device("cuda:1") ** 3))(x) * x)
    )
    np.testing.assert_allclose(slope(X), 9 * X**2)
    out, tangent = xn.jvp(
        lambda x: x.to_device("cuda:1") * 2.0, (X,), (np.ones((2, 3)),)
    )
    assert (type(out), tangent.index) == (cupy.ndarray, 1)


def test_mixing_devices_says_how_to_move(cupy):
    a, b, c = (xp.ones(3, device=d) for d in ("cpu", "cuda", "cuda:1"))
    for left, right in ((a, b), (b, a), (b, c)):
        text = rf"one array is on {left.device} and another on {right.device}.*to_dev"
        with pytest.raises(xn.DeviceError, match=text):
            left + right
        with pytest.raises(xn.DeviceError, match="to_device"):
            xp.matmul(left, right)
        with pytest.raises(xn.DeviceError, match="to_device"):
            xp.concat([left, right])
        with pytest.raises(xn.DeviceError, match="to_device"):
            xp.where(left > 0, right, right)


def test_nothing_converts_without_being_asked(cupy):
    x = xp.ones(3, device="cuda")
    with pytest.raises(TypeError, match=r"on cuda; copy it with x\.numpy\(\)"):
        np.asarray(x)
    assert x.numpy().tolist() == [1.0, 1.0, 1.0]
    assert repr(x) == "Array([1., 1., 1.], dtype=float64, device='cuda')"
    assert xp.sum(x).item() == 3.0


def test_clip_waits_for_no_mask(cupy):
    x = xp.asarray(X, device="cuda:1")
    fake_cupy.reads.clear()
    out = xp.clip(x, -0.5, 1.0)
    assert fake_cupy.reads == []
    assert out.device == "cuda:1"
    assert np.array_equal(out.numpy(), np.clip(X, -0.5, 1.0))


def test_a_batch_times_one_matrix_is_one_flat_product(cupy):
    x = xp.ones((4, 5, 3), device="cuda")
    w = xp.ones((3, 2), device="cuda")
    shapes = []
    plain = library_for("cuda").module.matmul

    def noted(a, b):
        shapes.append((a.shape, b.shape))
        return plain(a, b)

    library_for("cuda").module.matmul = noted
    out = x @ w
    assert (out.shape, out.tolist()[0][0]) == ((4, 5, 2), [3.0, 3.0])
    assert shapes == [((20, 3), (3, 2))]
    assert (w @ xp.ones((2, 2), device="cuda")).shape == (3, 2)


def step(x, w, v):
    """One training step's worth of operations."""
    hidden = xp.tanh(x @ w.T)
    picked = xp.take(hidden, xp.asarray([0, 1, 1], device=x.device), axis=0)
    scaled = xp.where(picked > 0, picked, picked * 0.1) @ v
    parts = xp.stack([xp.max(scaled), xp.mean(scaled), xp.std(scaled[1:])])
    return xp.sum(xp.log(1.0 + xp.exp(parts)) * xp.clip(parts, -1.0, 1.0))


def test_a_step_stays_on_its_gpu_and_reads_nothing_back(cupy):
    w0, v0 = X[:, :], np.array([0.5, -1.5])
    found = {}
    for device in ("cpu", "cuda:1"):
        x = xp.asarray(X, device=device)
        w = xn.asarray(w0, device=device, requires_grad=True)
        v = xn.asarray(v0, device=device, requires_grad=True)
        fake_cupy.reads.clear()
        loss = step(x, w, v)
        loss.backward()
        if device != "cpu":
            assert fake_cupy.reads == []
        assert loss.device == w.grad.device == v.grad.device == device
        found[device] = [host(loss), host(w.grad), host(v.grad)]
    for there, here in zip(found["cuda:1"], found["cpu"], strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-12, atol=1e-15)


def test_second_derivatives_stay_on_their_gpu(cupy):
    x = xp.asarray(X, device="cuda:1")
    slope = xn.grad(lambda x: xp.sum(xn.grad(lambda y: xp.sum(y**3))(x) * x))(x)
    assert slope.device == "cuda:1"
    np.testing.assert_allclose(slope.numpy(), 9 * X**2)
    raw = xn.grad(lambda x: xp.sum(x**3))(x.data)
    assert (type(raw), raw.index) == (cupy.ndarray, 1)


def test_the_namespace_of_cupy_is_xp(cupy):
    assert xn.namespace("cupy") is xp
    assert xp.ones(2, device="cuda").__array_namespace__() is xp


def test_the_stand_in_enforces_what_a_gpu_does(cupy):
    one, other = cupy.ones(2), fake_cupy.ndarray(np.ones(2), 1)
    with pytest.raises(ValueError, match="must be same"):
        one + other
    with pytest.raises(TypeError, match="Unsupported type"):
        one + np.ones(2)
    with pytest.raises(TypeError, match="device"):
        cupy.zeros(2, device="cuda")
    bool(cupy.ones(()))
    _ = one[one > 0]
    assert fake_cupy.reads == ["bool", "mask read"]


def test_creation_functions_of_the_library_are_those_of_the_standard():
    names = set(cupy_library._CREATION) | {"asarray", "from_dlpack"}
    public = {n for n in dir(strict) if not n.startswith("_")}
    takes_device = {
        name
        for name in public
        if inspect.isfunction(getattr(strict, name))
        and "device" in inspect.signature(getattr(strict, name)).parameters
    }
    assert takes_device - {"astype"} == names
