"""Libraries by name and by module, what each has of its own, and NumPy's layouts."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from types import ModuleType

import array_api_compat.numpy
import array_api_strict as strict
import numpy as np
import pytest

import xpnet as xn
from calculus.cases import CASES
from calculus.contract import check, chosen, on
from libraries import JAX, NUMPY, host
from plain_library import PLAIN, Array, plain
from xpnet import xp
from xpnet.backend.generic_library import GenericLibrary
from xpnet.errors import DTypeError, LibraryError

ROWS = sorted(CASES)
X = np.array([[0.5, -1.0, 2.0], [3.0, -0.25, 1.5]])


def cubes(space):
    """Return the gradient of the sum of cubes."""
    return xn.grad(lambda x: space.sum(x * x * x))


# --- names and modules ----------------------------------------------------------------


def test_modules_stand_for_the_names_of_their_libraries():
    assert xn.namespace(np) is xn.namespace("numpy") is xp
    assert xn.namespace(array_api_compat.numpy) is xp
    assert xn.namespace(strict) is xn.namespace("array_api_strict")


def test_modules_of_pytorch_are_one_namespace():
    torch = pytest.importorskip("torch")
    compat = pytest.importorskip("array_api_compat.torch")
    assert xn.namespace(torch) is xn.namespace("torch") is xn.namespace(compat)


def test_modules_of_jax_are_one_namespace():
    jax = pytest.importorskip("jax")
    assert xn.namespace(jax) is xn.namespace("jax") is xn.namespace(jax.numpy)


def test_a_namespace_of_ours_is_itself():
    found = xn.namespace("array_api_strict")
    assert xn.namespace(found) is found
    assert xn.namespace(xp) is xp


@pytest.mark.parametrize("value", [None, 3, 1.0, X, [np]])
def test_what_is_no_module_is_refused(value):
    with pytest.raises(LibraryError, match=r"is not an array library: use a module"):
        xn.namespace(value)


@pytest.mark.parametrize("module", [math, ModuleType("nothing")])
def test_a_module_without_the_standard_is_refused_with_what_it_lacks(module):
    text = rf"'{module.__name__}' does not follow the Array API standard: it has no add"
    with pytest.raises(LibraryError, match=text):
        xn.namespace(module)


# --- a library that nobody knew of ----------------------------------------------------


@pytest.mark.parametrize("name", ROWS)
def test_any_library_of_the_standard_keeps_the_contract(name):
    for case in chosen(CASES[name], JAX):
        if not case.only or "array_api_strict" in case.only:
            with np.errstate(all="ignore"):
                check(case, PLAIN, "float64", "contiguous")


def test_its_arrays_are_recognised_by_what_they_say():
    x = xn.asarray(Array(X))
    space = xn.namespace(plain)
    assert (type(x.data), x.device, x._lib.name) == (Array, "cpu", "plain_library")
    assert x.__array_namespace__() is space
    assert xn.asarray(Array(X))._lib is x._lib
    assert repr(space) == "<namespace xpnet(plain_library)>"
    assert type(space.zeros(2).data) is Array
    assert space.__array_namespace_info__().devices() == ("cpu",)


def test_raw_arrays_of_it_go_in_and_out_of_transforms():
    gradient = cubes(xn.namespace(plain))(Array(X))
    assert type(gradient) is Array
    np.testing.assert_allclose(gradient._values, 3 * X**2)


def test_its_arrays_are_never_written_to():
    raw = Array(X)
    x = xn.asarray(raw)
    x[0, 1:] = 7.0
    x += 1.0
    assert host(x).tolist() == [[1.5, 8.0, 8.0], [4.0, 0.75, 2.5]]
    assert np.array_equal(raw._values, X)


def test_it_is_not_mixed_with_another():
    with pytest.raises(LibraryError, match=r"numpy was mixed with one of plain_lib"):
        xp.add(xn.asarray(X), xn.asarray(Array(X)))


def test_what_it_lacks_is_named_when_it_is_used():
    less = ModuleType("less")
    less.__dict__.update({n: getattr(plain, n) for n in dir(plain) if n[0] != "_"})
    del less.exp
    library = GenericLibrary(less)
    assert library.raw.log(Array(1.0)) == 0.0
    with pytest.raises(LibraryError, match=r"less has no function 'exp'"):
        _ = library.raw.exp


def test_dask_is_such_a_library():
    dask = pytest.importorskip("dask.array")
    module = pytest.importorskip("array_api_compat.dask.array")
    gradient = cubes(xn.namespace(module))(dask.from_array(X, chunks=1))
    assert isinstance(gradient, dask.Array)
    np.testing.assert_allclose(gradient.compute(), 3 * X**2)


# --- PyTorch --------------------------------------------------------------------------


def test_torch_devices_are_taken_as_objects_and_as_strings():
    torch = pytest.importorskip("torch")
    space = xn.namespace("torch")
    for device in ("cpu", torch.device("cpu")):
        x = space.ones(2, device=device)
        for y in (x, space.zeros_like(x, device=device), x.to_device(device)):
            assert y.device == torch.device("cpu")
        assert space.asarray([1.0], device=device).device == torch.device("cpu")
        assert space.from_dlpack(np.ones(2), device=device).device == x.device


def test_torchs_own_autograd_is_not_looked_at():
    torch = pytest.importorskip("torch")
    raw = torch.ones(2, requires_grad=True)
    x = xn.asarray(raw)
    assert not x.requires_grad
    assert not x.data.requires_grad
    assert x.data.data_ptr() == raw.data_ptr()
    gradient = cubes(xn.namespace("torch"))(raw)
    assert gradient.tolist() == [3.0, 3.0]
    assert raw.grad is None


def test_sparse_tensors_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(LibraryError, match=r"layout torch\.sparse_coo .* x\.to_dense"):
        xn.asarray(torch.eye(2).to_sparse())


@pytest.mark.parametrize("library", ["torch", "jax", "array_api_strict"])
@pytest.mark.parametrize(
    "values",
    [X[:, ::-1], X.T, np.broadcast_to(X[0], (2, 3)), X.astype(">f8"), X[::2, 1:]],
    ids=["reversed", "transposed", "broadcast", "swapped", "part"],
)
def test_any_numpy_array_goes_to_any_library(library, values):
    pytest.importorskip(library)
    values = values.view()
    values.flags.writeable = False
    x = xn.namespace(library).asarray(values)
    assert host(x).tolist() == values.tolist()
    with pytest.raises(ValueError, match=r"copy, and copy=False"):
        xn.namespace(library).asarray(values, copy=False)


@pytest.mark.parametrize("source", ["torch", "jax", "numpy", "array_api_strict"])
@pytest.mark.parametrize("target", ["torch", "jax", "array_api_strict"])
def test_arrays_go_from_library_to_library(source, target):
    pytest.importorskip(source)
    pytest.importorskip(target)
    x = xn.namespace(source).asarray(X)
    y = xn.namespace(target).asarray(x)
    assert y._lib.name == target
    assert host(y).tolist() == X.tolist()


# --- JAX ------------------------------------------------------------------------------


def lossy(w):
    """Return a loss with a matrix product, indices that repeat, and a maximum."""
    space = w.__array_namespace__()
    rows = space.take(w, space.asarray(np.array([0, 2, 2])), axis=0)
    hidden = space.tanh(rows @ space.asarray(X[:, :2]))
    return space.sum(hidden**2) + space.max(w) + space.logaddexp(w[0, 0], w[1, 1])


@pytest.fixture
def jax():
    """Return JAX, where it is installed."""
    return pytest.importorskip("jax")


def test_xpnet_can_stand_inside_jit(jax):
    w = jax.numpy.asarray(X.T)
    plainly, compiled = xn.grad(lossy)(w), jax.jit(xn.grad(lossy))(w)
    np.testing.assert_allclose(compiled, plainly, rtol=1e-14)
    assert isinstance(plainly, jax.Array)


def test_jax_differentiates_what_xpnet_has_differentiated(jax):
    w = jax.numpy.asarray(X.T)
    square = jax.grad(lambda w: jax.numpy.sum(xn.grad(lossy)(w) ** 2))
    space = xn.namespace("jax")
    ours = xn.grad(lambda w: space.sum(xn.grad(lossy)(w) ** 2))
    np.testing.assert_allclose(square(w), ours(w), rtol=1e-12)


def test_jax_arrays_are_rebound_and_not_written_to(jax):
    raw = jax.numpy.asarray(X)
    x = xn.asarray(raw)
    x[0, 1:] = 7.0
    x += 1.0
    x[x > 7.5] = 0.0
    assert host(x).tolist() == [[1.5, 0.0, 0.0], [4.0, 0.75, 2.5]]
    assert np.array_equal(raw, X)


def test_jax_does_not_keep_the_memory_of_an_array_that_is_written_to(jax):
    values = np.zeros(1024)
    x = xn.namespace("jax").asarray(values)
    values[0] = 1.0
    assert host(x)[0] == 0.0


def test_the_devices_of_jax_are_its_own_and_none_is_none(jax):
    info = xn.namespace("jax").__array_namespace_info__()
    assert None not in info.devices()
    assert info.default_device() == jax.devices()[0]
    there = xn.namespace("jax").zeros(2, device=info.default_device())
    assert there.device == there.to_device(info.default_device()).device


def test_jax_functions_that_differ_from_the_standard_are_mended(jax):
    space = xn.namespace("jax")
    x = space.asarray(X[None])
    assert space.permute_dims(x, (-1, 0, -2)).shape == (3, 1, 2)
    found = space.searchsorted(space.asarray([1.0, 2.0]), space.asarray([1.5]))
    assert found.dtype == space.__array_namespace_info__().default_dtypes()["indexing"]


def test_a_random_key_of_jax_is_no_array_of_numbers(jax):
    with pytest.raises(DTypeError, match="PRNGKeyArray is not a number"):
        xn.asarray(jax.random.key(0))


WITHOUT_X64 = """
import jax.numpy as jnp, numpy as np
import xpnet as xn
from xpnet import losses, nn, optim

near = xn.asarray(jnp.zeros(1))
xp = near.__array_namespace__()


def f(x):
    y = xp.take(x, xp.argsort(x[:, 0]), axis=0)
    return xp.sum(xp.sort(y, axis=0) ** 3) + xp.max(y) + xp.std(x)


x = jnp.arange(12.0).reshape(3, 4)
assert xn.grad(f)(x).dtype == "float32"
assert xn.grad(lambda x: xp.sum(xn.grad(f)(x) ** 2))(x).dtype == "float32"
assert xp.__array_namespace_info__().default_dtypes()["integral"] == "int32"
model = nn.Linear(2, 3, rng=0).to(like=near)
sgd = optim.SGD(model.parameters(), lr=0.05)
x, y = xp.asarray(np.ones((6, 2), dtype="f4")), xp.asarray(np.arange(6) % 2)
history = []
for _ in range(3):
    loss = losses.cross_entropy(model(x), y)
    sgd.zero_grad()
    loss.backward()
    sgd.step()
    history.append(loss.item())
assert history[-1] < history[0]
print("done")
"""


def test_jax_as_it_comes_has_no_float64_and_gives_no_warning(jax):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_X64],
        capture_output=True,
        check=False,
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "JAX_PLATFORMS": "cpu"},
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


# --- NumPy's arrays as they come ------------------------------------------------------


def frozen(x):
    """Return a copy that cannot be written to, in the same layout."""
    out = np.array(x, order="K")
    out.flags.writeable = False
    return xn.asarray(out)


def gradient_bytes(case, freeze):
    """Return the values and the gradient of a case as bytes."""
    outs, pull = xn.vjp(on(NUMPY, case), *[freeze(x) for x in case.inputs])
    gradients = pull([freeze(np.ones_like(host(out))) for out in outs])
    return [host(x).tobytes() for x in (*outs, *gradients)]


@pytest.mark.parametrize("name", ROWS)
def test_read_only_arrays_go_through_every_function(name):
    for case in chosen(CASES[name], JAX):
        if not case.only or "numpy" in case.only:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the mean of nothing
                assert gradient_bytes(case, frozen) == gradient_bytes(case, xn.asarray)


@pytest.mark.parametrize(
    "values",
    [
        np.broadcast_to(X[0], (2, 3)),
        X[:, ::-1],
        X.T,
        X.astype(">f8"),
        X.astype("f2"),
        X.astype(np.longdouble),
        X[0, 0],
        X[0],
        np.float32(2.0),
        np.zeros((0, 3)),
    ],
    ids=str.split(
        "broadcast reversed transposed swapped half long scalar row single empty"
    ),
)
def test_gradients_have_the_values_and_dtype_of_the_input(values):
    found = cubes(xp)(values)
    assert found.dtype == np.asarray(values).dtype.newbyteorder("=")
    np.testing.assert_allclose(found, 3 * np.asarray(values) ** 2, rtol=1e-3)
    second = xn.grad(lambda x: xp.sum(cubes(xp)(x)))(values)
    np.testing.assert_allclose(second, 6 * np.asarray(values), rtol=1e-3)


@pytest.mark.parametrize("layout", ["read-only", "broadcast", "swapped"])
def test_what_a_person_holds_is_never_written_to(layout):
    values = {
        "read-only": X.copy(),
        "broadcast": np.broadcast_to(X[0], (2, 3)),
        "swapped": X.astype(">f8"),
    }[layout]
    values.flags.writeable = False
    before = values.copy()
    x = xn.asarray(values)
    x[0, 1] = 7.0
    x[x > 1.0] = 0.0
    x += 1.0
    x[xn.asarray([1])] *= 2.0
    right = before.astype("f8")
    right[0, 1] = 7.0
    right[right > 1.0] = 0.0
    right += 1.0
    right[[1]] *= 2.0
    assert x.tolist() == right.tolist()
    assert values.tobytes() == before.tobytes()


def test_another_byte_order_is_a_copy_and_so_refused_with_copy_false():
    values = X.astype(">f8")
    x = xn.asarray(values)
    assert x.dtype.isnative
    assert x.tolist() == X.tolist()
    with pytest.raises(ValueError, match=r"the byte order of >f8 needs a copy"):
        xn.asarray(values, copy=False)
    assert xn.asarray(X, copy=False).data is X


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_numpy_matrix_is_taken_as_an_array():
    matrix = np.matrix(X)
    x = xn.asarray(matrix)
    assert type(x.data) is np.ndarray
    assert np.shares_memory(x.data, matrix)
    np.testing.assert_allclose((x * x).data, X * X)  # a matrix would multiply


@pytest.mark.parametrize("take", [xn.asarray, cubes(xp)], ids=["asarray", "grad"])
def test_masked_arrays_are_refused(take):
    with pytest.raises(LibraryError, match=r"masked array would lose its mask"):
        take(np.ma.array([1.0, 2.0], mask=[False, True]))


def test_arrays_of_objects_are_refused():
    with pytest.raises(DTypeError, match="dtype object, which is not a number"):
        xn.asarray(np.array([1, "a"], dtype=object))
