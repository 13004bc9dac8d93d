"""The namespace: members, who finds it, where arrays go, and other people's code."""

from __future__ import annotations

import inspect
import subprocess
import sys

import array_api_compat
import array_api_strict as strict
import numpy as np
import pytest

import xpnet as xn
from differences import numeric_gradient
from libraries import TARGETS, host
from xpnet import xp as space
from xpnet.backend import device as device_module
from xpnet.errors import DeviceError, LibraryError

X = np.array([0.5, 1.2, -0.3, 2.0])
STANDARD = sorted(n for n in dir(strict) if not n.startswith("_"))
OURS_ALONE = {"special"}
NOT_STANDARD = {
    *("ArrayAPIStrictFlags", "Device", "get_array_api_strict_flags"),
    *("reset_array_api_strict_flags", "set_array_api_strict_flags"),
    *("fft", "linalg"),  # not yet
    "ModuleType",
}


# --- members --------------------------------------------------------------------------


def test_the_version_is_that_of_the_standard(xp):
    assert xp.__array_api_version__ == "2025.12"


def test_every_name_of_the_standard_is_there(xp):
    names = [name for name in STANDARD if name not in NOT_STANDARD]
    assert len(names) > 150
    assert [name for name in names if not hasattr(xp, name)] == []


def test_xp_exports_the_standard_and_no_more():
    extra = set(space.__all__) - set(STANDARD) - OURS_ALONE
    assert extra == {"fft", "linalg"}
    assert set(space.__all__) <= set(dir(space))


def test_signatures_are_those_of_the_standard():
    """The parameters of the standard, in order, positional where they are so there."""
    checked = 0
    for name in STANDARD:
        theirs, ours = getattr(strict, name), getattr(space, name, None)
        if name in NOT_STANDARD or not inspect.isfunction(theirs):
            continue
        right = inspect.signature(theirs).parameters
        found = inspect.signature(ours).parameters
        for kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.KEYWORD_ONLY):
            wanted = [p.name for p in right.values() if p.kind is kind]
            if kind is inspect.Parameter.KEYWORD_ONLY:
                missing = set(wanted) - set(found)
                assert not missing, f"{name} has no {missing}"
            else:
                positional = (kind, inspect.Parameter.POSITIONAL_OR_KEYWORD)
                count = sum(p.kind in positional for p in found.values())
                assert count >= len(wanted), name
        checked += 1
    assert checked > 130


def test_every_member_is_documented():
    silent = [
        name
        for name in space.__all__
        if callable(getattr(space, name))
        and not (getattr(space, name).__doc__ or "").strip()
    ]
    assert silent == []


def test_an_unknown_member_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"2025\.12 has no 'nothing'"):
        _ = space.nothing
    assert not hasattr(space, "nothing")
    with pytest.raises(AttributeError):
        _ = xn.namespace("array_api_strict").nothing


def test_constants_and_dtypes(xp):
    assert (xp.e, xp.pi, xp.inf) == (np.e, np.pi, np.inf)
    assert np.isnan(xp.nan)
    assert xp.newaxis is None
    for name in ("bool", "int8", "uint64", "float32", "complex128"):
        x = xp.zeros((2,), dtype=getattr(xp, name))
        assert x.dtype == getattr(xp, name)


def test_the_special_functions_are_kept_apart():
    assert space.special.expit(0.0).item() == 0.5
    for name in space.special.__all__:
        assert name not in space.__all__
        assert not hasattr(strict, name)


def test_results_of_several_arrays_are_named_tuples(make, xp):
    x = make(np.array([3.0, 1.0, 3.0]))
    found = xp.unique_all(x)
    assert found._fields == ("values", "indices", "inverse_indices", "counts")
    assert all(type(part) is xn.Array for part in found)
    assert xp.unique_counts(x)._fields == ("values", "counts")
    assert xp.unique_inverse(x)._fields == ("values", "inverse_indices")
    assert host(xp.unique_counts(x).counts).tolist() == [1, 2]
    assert type(xp.unique_values(x)) is xn.Array


def test_limits_of_dtypes_are_python_numbers(xp):
    for name, bits in (("float32", 32), ("float64", 64), ("complex64", 32)):
        info, right = xp.finfo(getattr(xp, name)), np.finfo(name)
        assert info.bits == bits
        for key in ("eps", "max", "min", "smallest_normal"):
            assert type(getattr(info, key)) is float
            assert getattr(info, key) == float(getattr(right, key))
    for name in ("int8", "int64", "uint8"):
        info, right = xp.iinfo(getattr(xp, name)), np.iinfo(name)
        found = (info.bits, info.min, info.max)
        assert found == (right.bits, right.min, right.max)
        assert {type(number) for number in found} == {int}
    assert xp.finfo(xp.float32).dtype == xp.float32
    assert xp.iinfo(xp.int8).dtype == xp.int8


def test_limits_are_told_of_an_array_too(make, xp):
    x = make(np.ones(2, dtype=np.float32))
    assert xp.finfo(x) == xp.finfo(xp.float32)


def test_questions_about_dtypes(make, xp):
    x = make(np.ones(2, dtype=np.float32))
    assert xp.isdtype(xp.float32, "real floating")
    assert not xp.isdtype(xp.int8, ("real floating", "complex floating"))
    assert xp.can_cast(xp.float32, xp.float64)
    assert xp.can_cast(x, xp.float64)
    assert xp.result_type(x, xp.float64) == xp.float64
    assert xp.result_type(x, 1.0) == xp.float32
    assert type(xp.isdtype(xp.float32, "real floating")) is bool


@pytest.mark.parametrize(
    "library",
    [
        "numpy",
        "array_api_strict",
        pytest.param(
            "torch",
            marks=pytest.mark.xfail(
                strict=True, reason="PyTorch's own rule, which lets float64 be float32"
            ),
        ),
    ],
)
def test_casts_that_lose_are_told(library):
    if library == "torch":
        pytest.importorskip("torch")
    xp = xn.namespace(library)
    assert not xp.can_cast(xp.float64, xp.float32)
    assert not xp.can_cast(xp.int64, xp.int8)


# --- information ----------------------------------------------------------------------


def test_the_information_of_the_standard(xp):
    info = xp.__array_namespace_info__()
    can = info.capabilities()
    assert set(can) == {"boolean indexing", "data-dependent shapes", "max dimensions"}
    assert info.default_device() in info.devices()
    assert set(info.default_dtypes()) == {
        *("real floating", "complex floating", "integral", "indexing")
    }
    assert set(info.dtypes(kind="real floating")) == {"float32", "float64"}
    everything = info.dtypes()
    assert {"bool", "int8", "uint8", "complex64", "complex128"} <= set(everything)
    for name, dtype in everything.items():
        assert dtype == getattr(xp, name)


def test_the_default_dtypes_are_what_creation_gives():
    defaults = space.__array_namespace_info__().default_dtypes()
    assert space.zeros(1).dtype == defaults["real floating"]
    assert space.arange(3).dtype == defaults["integral"]
    assert space.asarray(1j).dtype == defaults["complex floating"]
    assert space.argmax(space.zeros(3)).dtype == defaults["indexing"]


def test_the_default_device_follows_the_context(monkeypatch):
    monkeypatch.setattr(device_module, "_process_default", None)
    monkeypatch.delenv("XPNET_DEVICE", raising=False)
    info = space.__array_namespace_info__()
    assert info.default_device() == "cpu"
    assert type(info.default_device()) is xn.Device


# --- who finds it ---------------------------------------------------------------------


def test_arrays_belong_to_their_namespace(make, xp):
    x = make(X)
    assert x.__array_namespace__() is xp
    assert x.__array_namespace__(api_version="2025.12") is xp
    assert x.__array_namespace__(api_version="2022.12") is xp
    with pytest.raises(xn.XpnetError, match=r"'2019\.12' of the standard is not"):
        x.__array_namespace__(api_version="2019.12")


def test_array_api_compat_finds_it(make, xp):
    x = make(X, requires_grad=True)
    assert array_api_compat.array_namespace(x) is xp
    assert array_api_compat.array_namespace(x, x * 2, 3.0, None) is xp
    assert array_api_compat.is_array_api_obj(x)
    assert array_api_compat.device(x) == x.device
    assert array_api_compat.size(x) == 4
    assert not array_api_compat.is_numpy_array(x)


def test_array_api_compat_refuses_two_of_our_namespaces():
    one, two = xn.asarray(X), xn.asarray(strict.ones(4))
    with pytest.raises(TypeError, match="Multiple namespaces"):
        array_api_compat.array_namespace(one, two)


def test_namespaces_have_names():
    assert space.__name__ == "xpnet.xp"
    assert xn.namespace("numpy") is space
    found = xn.namespace("array_api_strict")
    assert found.__name__ == "xpnet(array_api_strict)"
    assert repr(found) == "<namespace xpnet(array_api_strict)>"
    assert xn.namespace("array_api_strict") is found
    assert {"exp", "sum", "__array_api_version__"} <= set(dir(found))


@pytest.mark.parametrize("name", ["tensorflow", "", "np"])
def test_an_unknown_library_is_refused_with_a_sentence(name):
    with pytest.raises(LibraryError, match="is not a known array library: use one of"):
        xn.namespace(name)


# --- where new arrays go --------------------------------------------------------------


@pytest.mark.parametrize(
    "create",
    [
        lambda xp, **o: xp.zeros((2,), **o),
        lambda xp, **o: xp.ones((2,), **o),
        lambda xp, **o: xp.full((2,), 1.0, **o),
        lambda xp, **o: xp.empty((2,), **o),
        lambda xp, **o: xp.eye(2, **o),
        lambda xp, **o: xp.arange(2.0, **o),
        lambda xp, **o: xp.linspace(0.0, 1.0, 2, **o),
        lambda xp, **o: xp.asarray([1.0, 2.0], **o),
    ],
)
def test_creation_over_a_foreign_library_takes_its_devices(create):
    xp, there = xn.namespace("array_api_strict"), strict.Device("device1")
    assert create(xp).device == strict.Device("CPU_DEVICE")
    x = create(xp, device=there)
    assert (x.device, type(x.data)) == (there, type(strict.ones(1)))
    assert create(xp, dtype=xp.float32).dtype == xp.float32
    with xn.use_device("cpu"):
        assert create(xp, device=there).device == there


def test_our_devices_are_not_a_foreign_librarys():
    with pytest.raises(DeviceError, match=r"Device\('cpu'\) is a device of xpnet\.xp"):
        xn.namespace("array_api_strict").zeros(2, device=xn.Device("cpu"))


def test_like_creation_stays_with_its_input(target, make, xp):
    x = make(X.astype(np.float32))
    for out in (
        *(xp.zeros_like(x), xp.ones_like(x), xp.empty_like(x), xp.full_like(x, 2.0)),
        *(xp.zeros_like(target.raw(X.astype(np.float32))), xp.tril(x[None, :])[0, :]),
    ):
        assert (out.shape, out.dtype, out.device) == (x.shape, x.dtype, x.device)
    assert xp.zeros_like(x, dtype=xp.float64).dtype == xp.float64


def test_a_device_argument_wins_over_the_input():
    x, there = xn.asarray(strict.ones(2)), strict.Device("device1")
    xp = xn.namespace("array_api_strict")
    assert xp.zeros_like(x, device=there).device == there
    assert xp.asarray(x, device=there).device == there


def test_new_arrays_are_off_the_tape(make, xp):
    x = make(X, requires_grad=True)
    for out in (xp.zeros_like(x), xp.full_like(x, 2.0), xp.ones((2,))):
        assert not out.requires_grad


def test_fill_values_may_be_arrays():
    assert space.full((2,), xn.asarray(3.0)).tolist() == [3.0, 3.0]
    assert space.full_like(xn.asarray(X), xn.asarray(2.0)).tolist() == [2.0] * 4


def test_asarray_of_a_namespace_gives_its_own_arrays():
    xp = xn.namespace("array_api_strict")
    assert xp.asarray(X).__array_namespace__() is xp


def test_a_torch_array_that_goes_to_the_cpu_stays_torchs():
    torch = pytest.importorskip("torch")
    x = xn.asarray(torch.ones(2))
    assert type(x.to_device("cpu").data) is torch.Tensor


# --- mixing ---------------------------------------------------------------------------

MIXED = {
    "add": lambda xp, x, y: xp.add(x, y),
    "concat": lambda xp, x, y: xp.concat([x, y]),
    "matmul": lambda xp, x, y: xp.matmul(x, y),
    "maximum": lambda xp, x, y: xp.maximum(x, y),
    "operator": lambda xp, x, y: x * y,
    "stack": lambda xp, x, y: xp.stack([x, y]),
    "tensordot": lambda xp, x, y: xp.tensordot(x, y, axes=1),
    "where": lambda xp, x, y: xp.where(x > 0, x, y),
}


@pytest.mark.parametrize("name", MIXED)
def test_mixing_libraries_names_both(name):
    torch = pytest.importorskip("torch")
    one, two = xn.asarray(X), xn.asarray(torch.ones(4))
    with pytest.raises(LibraryError, match=r"an array of .* was mixed with one of"):
        MIXED[name](space, one, two)
    with pytest.raises(LibraryError, match=r"an array of .* was mixed with one of"):
        MIXED[name](space, two, one)


@pytest.mark.parametrize("name", [name for name in MIXED if name != "operator"])
def test_mixing_with_a_raw_array_of_another_library_names_both(name):
    with pytest.raises(LibraryError, match=r"an array of .* was mixed with one of"):
        MIXED[name](space, xn.asarray(X), strict.ones(4))


def test_operators_with_a_raw_array_of_another_library_name_both():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="was mixed with one of"):
        xn.asarray(X) * torch.ones(4)


@pytest.mark.parametrize("name", MIXED)
def test_mixing_devices_of_a_library_raises(name):
    one = xn.asarray(strict.ones(4))
    two = xn.asarray(strict.ones(4, device=strict.Device("device1")))
    with pytest.raises((ValueError, RuntimeError), match="device"):
        MIXED[name](xn.namespace("array_api_strict"), one, two)


# --- other people's code --------------------------------------------------------------

SCIPY = """
import numpy as np
import scipy.optimize, scipy.special, scipy.stats
import xpnet as xn
from xpnet import xp

x = np.array([0.5, 1.2, -0.3, 2.0])


def numeric(f):
    out = np.zeros_like(x)
    for i in range(x.size):
        h = 1e-6 * (np.arange(x.size) == i)
        out[i] = (float(f(x + h)) - float(f(x - h))) / 2e-6
    return out


def entropy(x):
    return -xp.sum(scipy.special.xlogy(x * x, x * x))


for name, f in {
    "logsumexp": scipy.special.logsumexp,
    "rosen": scipy.optimize.rosen,
    "skew": scipy.stats.skew,
    "softmax": lambda x: scipy.special.softmax(x)[1],
    "xlogy": lambda x: entropy(xn.asarray(x)),
}.items():
    first = xn.grad(f)
    assert type(first(x)) is np.ndarray, name
    plain = lambda x: f(x).item() if name == "xlogy" else f(x)
    np.testing.assert_allclose(first(x), numeric(plain), 1e-5, 1e-7, err_msg=name)
    v = np.array([1.0, -2.0, 0.5, 3.0])
    second = xn.grad(lambda x: xp.sum(first(x) * v))
    along = numeric(lambda x: np.sum(first(x) * v))
    np.testing.assert_allclose(second(x), along, 1e-5, 1e-6, err_msg=name)
np.testing.assert_allclose(
    xn.grad(scipy.optimize.rosen)(x), scipy.optimize.rosen_der(x), 1e-13
)
xn.check_grads(lambda x: scipy.special.logsumexp(x, axis=0), np.outer(x, x), order=2)
print("checked")
"""


def test_scipy_is_differentiated_as_it_is():
    pytest.importorskip("scipy")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCIPY],
        capture_output=True,
        check=False,
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "SCIPY_ARRAY_API": "1"},
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stdout) == (0, "checked\n"), done.stderr


def check_against_differences(function, x):
    """Compare the gradient of <w, function> with differences, to second order."""
    w = np.cos(np.arange(np.size(function(xn.asarray(x)).data))).reshape(
        function(xn.asarray(x)).shape
    )
    found = xn.grad(lambda x: space.sum(function(x) * w))(x)
    right = numeric_gradient(lambda x: np.sum(function(xn.asarray(x)).data * w), x)
    np.testing.assert_allclose(found, right, rtol=1e-6, atol=1e-8)
    xn.check_grads(function, x, order=2)


MATRIX = np.random.default_rng(0).normal(size=(3, 4))


@pytest.mark.parametrize("name", ["cov", "kron", "sinc", "pad", "atleast_nd"])
def test_array_api_extra_is_differentiated_as_it_is(name):
    extra = pytest.importorskip("array_api_extra")
    function = {
        "cov": extra.cov,
        "kron": lambda x: extra.kron(x, x),
        "sinc": extra.sinc,
        "pad": lambda x: extra.pad(x * x, 1, constant_values=2.0),
        "atleast_nd": lambda x: extra.atleast_nd(x * x, ndim=3),
    }[name]
    check_against_differences(function, MATRIX if name != "kron" else MATRIX[:2, :2])


@pytest.mark.parametrize(
    "name", ["rearrange", "mean", "max", "repeat", "pack", "unpack"]
)
def test_einops_is_differentiated_as_it_is(name):
    einops = pytest.importorskip("einops.array_api")

    def unpack(x):
        first, second = einops.unpack(x, [(1,), (2,)], "* b")
        return first * second

    function = {
        "rearrange": lambda x: einops.rearrange(x * x, "a (b c) -> b (a c)", c=2),
        "mean": lambda x: einops.reduce(x * x, "a b -> b", "mean"),
        "max": lambda x: einops.reduce(x, "a (b c) -> a b", "max", c=2),
        "repeat": lambda x: einops.repeat(x * x, "a b -> a b c", c=2),
        "pack": lambda x: einops.pack([x, x * x], "* b")[0],
        "unpack": unpack,
    }[name]
    check_against_differences(function, MATRIX)


def test_updates_by_array_api_extra_are_on_the_tape():
    extra = pytest.importorskip("array_api_extra")

    def function(x):
        y = extra.at(x * x)[1].set(x[0] * 3.0)
        return extra.at(y)[2].add(x[3])

    check_against_differences(function, X)


def test_the_targets_of_these_tests_are_the_libraries_we_name():
    assert {t.library for t in TARGETS} == {
        *("numpy", "array_api_strict", "torch", "jax", "cupy")
    }


def test_the_dtypes_are_the_librarys_own_objects():
    # not instances of numpy.dtype, of which one equals None (float64 does)
    for name in ("bool", "int32", "float32", "float64", "complex64"):
        assert getattr(space, name) is getattr(np, name)
    assert space.float64 != None  # noqa: E711 - the comparison is the point
