"""The array: operators, in-place updates, conversions, pickling and `asarray`."""

from __future__ import annotations

import copy
import operator
import pickle

import array_api_strict as strict
import numpy as np
import pytest

import xpnet as xn
from differences import numeric_gradient
from libraries import host
from xpnet import xp as space

FLOAT = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
BITS = {
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
}
COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
IN_PLACE = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "**=": operator.ipow,
    "%=": operator.imod,
    "//=": operator.ifloordiv,
}
IN_PLACE_BITS = {
    "&=": operator.iand,
    "|=": operator.ior,
    "^=": operator.ixor,
    "<<=": operator.ilshift,
    ">>=": operator.irshift,
}
SMOOTH = ["+", "-", "*", "/", "**"]
A = np.array([[1.5, 2.5, 3.25], [0.5, 4.0, 2.25]])
B = np.array([[2.0, 0.75, 1.25], [3.0, 0.5, 1.5]])
I = np.array([[1, 6, 3], [5, 2, 7]])  # noqa: E741 - the integers
J = np.array([[2, 1, 3], [1, 2, 1]])


def declared(values=(1.0, 2.0, 3.0)):
    return xn.asarray(np.asarray(values), requires_grad=True)


# --- the standard's face --------------------------------------------------------------


def test_every_operator_and_attribute_of_the_standard_is_there():
    names = {
        name
        for name in set(dir(type(strict.zeros(1)))) - set(dir(object))
        if not (name.startswith("_") and not name.startswith("__"))
    } - {"__buffer__", "__annotations__", "__module__", "__slots__", "__weakref__"}
    assert len(names) > 55
    assert names - set(dir(xn.Array)) == set()


def test_it_has_no_methods_beyond_the_standard_and_the_tape():
    public = {name for name in dir(xn.Array) if not name.startswith("_")}
    assert public == {
        *("T", "mT", "data", "device", "dtype", "ndim", "shape", "size", "to_device"),
        *("backward", "detach", "grad", "is_leaf", "requires_grad"),
        *("item", "numpy", "tolist"),
    }


def test_attributes_tell_shape_and_dtype(make):
    x = make(np.ones((2, 3), dtype=np.float32))
    assert (x.shape, x.ndim, x.size) == ((2, 3), 2, 6)
    assert x.dtype == x.data.dtype
    assert type(x.shape) is tuple


def test_attributes_cannot_be_set():
    x = xn.asarray([1.0])
    for name in ("shape", "dtype", "device", "ndim", "size", "is_leaf", "name"):
        with pytest.raises(AttributeError):
            setattr(x, name, 1)


def test_unary_operators_give_the_functions(make):
    x = make(A - 2.0)
    assert np.array_equal(host(-x), -(A - 2.0))
    assert np.array_equal(host(+x), A - 2.0)
    assert np.array_equal(host(abs(x)), abs(A - 2.0))
    assert np.array_equal(host(~make(I)), ~I)
    assert np.array_equal(host(~make(I > 3)), ~(I > 3))


@pytest.mark.parametrize("symbol", [*FLOAT, *COMPARE])
def test_operators_of_two_arrays_equal_numpy(make, symbol):
    function = (FLOAT | COMPARE)[symbol]
    out = function(make(A), make(B))
    assert type(out) is xn.Array
    np.testing.assert_allclose(host(out), function(A, B), rtol=1e-15)


@pytest.mark.parametrize("symbol", BITS)
def test_integer_operators_equal_numpy(make, symbol):
    function = BITS[symbol]
    assert np.array_equal(host(function(make(I), make(J))), function(I, J))
    assert np.array_equal(host(function(make(I), 2)), function(I, 2))
    assert np.array_equal(host(function(2, make(J))), function(2, J))


@pytest.mark.parametrize("symbol", ["&", "|", "^"])
def test_boolean_operators_equal_numpy(make, symbol):
    function = BITS[symbol]
    x, y = I > 2, J > 1
    assert np.array_equal(host(function(make(x), make(y))), function(x, y))
    assert np.array_equal(host(function(make(x), True)), function(x, True))


@pytest.mark.parametrize("symbol", [*FLOAT, *COMPARE])
@pytest.mark.parametrize("number", [2, 2.5])
def test_operators_take_python_numbers_on_both_sides(make, symbol, number):
    function = (FLOAT | COMPARE)[symbol]
    for out, right in [
        (function(make(A), number), function(A, number)),
        (function(number, make(A)), function(number, A)),
    ]:
        np.testing.assert_allclose(host(out), right, rtol=1e-15)


@pytest.mark.parametrize("symbol", FLOAT)
def test_python_numbers_never_promote_float32(make, symbol):
    x = make(A.astype(np.float32))
    assert FLOAT[symbol](x, 2.5).dtype == x.dtype
    assert FLOAT[symbol](2.5, x).dtype == x.dtype
    assert FLOAT[symbol](x, 2).dtype == x.dtype


@pytest.mark.parametrize("symbol", SMOOTH)
def test_gradients_of_operators_with_arrays_and_numbers(make, symbol):
    function = FLOAT[symbol]
    x, y = make(A, requires_grad=True), make(B, requires_grad=True)
    out = function(x, y)
    out = function(out, 1.5) + function(1.5, x)
    out.backward(make(np.ones_like(A)))

    def plain(a, b):
        return np.sum(function(function(a, b), 1.5) + function(1.5, a))

    right = numeric_gradient(lambda a: plain(a, B), A)
    np.testing.assert_allclose(host(x.grad), right, rtol=1e-6)
    right = numeric_gradient(lambda b: plain(A, b), B)
    np.testing.assert_allclose(host(y.grad), right, rtol=1e-6)


@pytest.mark.parametrize("symbol", [*FLOAT, *COMPARE, "@"])
def test_a_raw_numpy_array_on_either_side_gives_an_array(symbol):
    function = {**FLOAT, **COMPARE, "@": operator.matmul}[symbol]
    x, square = declared(A[:, :2]), B[:, :2]
    for out in (function(x, square), function(square, x)):
        assert type(out) is xn.Array
        assert out.dtype in (np.float64, np.bool_)
        assert out.requires_grad == (symbol in [*SMOOTH, "%", "@"])
    np.testing.assert_array_equal(
        function(square, x).detach().data, function(square, x.data)
    )


@pytest.mark.parametrize("number", [np.float64(2), np.float32(2), np.int64(2)])
def test_numpy_scalars_on_either_side_give_arrays(number):
    x = declared()
    for out in (number * x, x * number, number + x, x / number, number - x):
        assert type(out) is xn.Array
        assert out.requires_grad
        assert out.dtype == np.float64
    assert np.array_equal((number * x).data, 2 * x.data)
    assert type(number == x) is xn.Array


def test_numpy_functions_refuse_instead_of_building_object_arrays():
    with pytest.raises(TypeError, match="__array_ufunc__"):
        np.add(np.ones(3), declared())
    with pytest.raises(TypeError):
        np.exp(declared())


def test_raw_arrays_of_the_same_library_take_part(target, make):
    x = make(A, requires_grad=True)
    out = x * target.raw(B)
    assert type(out) is xn.Array
    out.backward(target.raw(np.ones_like(A)))
    assert np.array_equal(host(x.grad), B)


@pytest.mark.parametrize("foreign", ["text", None, [1.0, 2.0, 3.0], object(), {}])
def test_foreign_operands_are_type_errors(foreign):
    x = declared()
    # Python tries `sequence * index` next, and there the array has no single index
    refused = (TypeError, xn.XpnetError)
    for function in [*FLOAT.values(), operator.matmul, operator.lt, operator.ge]:
        with pytest.raises(refused):
            function(x, foreign)
        if not (isinstance(foreign, str) and function is operator.mod):  # formatting
            with pytest.raises(refused):
                function(foreign, x)
    for function in BITS.values():
        with pytest.raises(TypeError):
            function(xn.asarray([1, 2, 3]), foreign)


def test_equality_with_a_foreign_object_is_a_plain_answer():
    x = declared()
    assert (x == None) is False  # noqa: E711 - the operator is what is tested
    assert (x != None) is True  # noqa: E711
    assert (x == "text") is False


class Friend:
    """Another library's operand, which knows what to do with ours."""

    def __radd__(self, other):
        return "taken"

    def __rmatmul__(self, other):
        return "taken"


def test_operators_leave_unknown_types_to_their_own_reflected_operator():
    assert declared() + Friend() == "taken"
    assert declared() @ Friend() == "taken"
    assert xn.Array.__add__(declared(), Friend()) is NotImplemented
    assert xn.Array.__matmul__(declared(), 2.0) is NotImplemented


def test_comparisons_and_floor_operators_are_off_the_tape():
    x = declared()
    for out in (x < 2, x == x, x // 2.0):
        assert not out.requires_grad


def test_transposes_carry_gradients(make):
    x = make(A, requires_grad=True)
    (x.T * make(B.T * 2)).backward(make(np.ones((3, 2))))
    assert np.array_equal(host(x.grad), 2 * B)
    y = make(np.arange(12.0).reshape(2, 2, 3))
    assert np.array_equal(host(y.mT), np.arange(12.0).reshape(2, 2, 3).swapaxes(1, 2))


@pytest.mark.parametrize("shape", [(), (3,), (1, 2, 3)])
def test_the_transpose_of_anything_but_a_matrix_says_what_to_use(make, shape):
    with pytest.raises(xn.XpnetError, match=r"only a matrix.*x\.mT or xp\.permute"):
        _ = make(np.ones(shape)).T


def test_the_matrix_transpose_of_a_vector_is_refused(make):
    with pytest.raises((ValueError, RuntimeError)):
        _ = make(np.ones(3)).mT


def test_the_matrix_transpose_of_a_vector_is_a_shape_error(make):
    with pytest.raises(xn.XpnetError, match="mT"):
        _ = make(np.ones(3)).mT


def test_indexing_takes_every_basic_key(target, make):
    x = make(np.arange(24.0).reshape(2, 3, 4))
    back = 1 if target.library == "torch" else -1  # which has no negative steps
    for key in [
        *(0, -1, (1, 2, 3), slice(None), (slice(None), 1), (..., 0), (0, ...)),
        *((slice(1, None), slice(None, None, back), slice(0, 4, 2)), (None, 0), ...),
    ]:
        # array-api-strict wants one index for each axis
        full = key if key is ... else (*(key if type(key) is tuple else (key,)), ...)
        full = key if type(key) is tuple and ... in key else full
        assert np.array_equal(host(x[full]), host(x)[full])


def test_indexing_takes_masks_and_arrays_of_integers():
    x = xn.asarray(np.arange(6.0), requires_grad=True)
    taken = x[xn.asarray([0, 0, 5])] * xn.asarray([1.0, 2.0, 3.0])
    (space.sum(taken) + space.sum(x[x > 3.0])).backward()
    assert x.grad.tolist() == [3.0, 0.0, 0.0, 0.0, 1.0, 4.0]


def test_arrays_are_indices_and_slice_bounds():
    x, two = xn.asarray(np.arange(6.0)), xn.asarray(2)
    assert x[two].item() == 2.0
    assert x[two:].tolist() == [2.0, 3.0, 4.0, 5.0]
    assert [10, 20, 30][two] == 30


# --- in place: functional updates that rebind -----------------------------------------


@pytest.mark.parametrize("symbol", IN_PLACE)
def test_in_place_operators_equal_numpy(make, symbol):
    x, plain = make(A), A.copy()
    x = IN_PLACE[symbol](x, make(B))
    IN_PLACE[symbol](plain, B)
    np.testing.assert_allclose(host(x), plain, rtol=1e-15)
    x = IN_PLACE[symbol](x, 2.0)
    IN_PLACE[symbol](plain, 2.0)
    np.testing.assert_allclose(host(x), plain, rtol=1e-15)


@pytest.mark.parametrize("symbol", IN_PLACE_BITS)
def test_in_place_integer_operators_equal_numpy(make, symbol):
    x = IN_PLACE_BITS[symbol](make(I), make(J))
    plain = IN_PLACE_BITS[symbol](I.copy(), J)
    assert np.array_equal(host(x), plain)


def test_in_place_matmul_equals_numpy(make):
    x = make(A[:, :2])
    before = x
    x @= make(B[:, :2])
    np.testing.assert_allclose(host(x), A[:, :2] @ B[:, :2], rtol=1e-15)
    assert x is before


@pytest.mark.parametrize("symbol", ["+=", "-=", "*=", "/=", "**="])
def test_in_place_operators_have_the_functional_gradient(make, symbol):
    function = IN_PLACE[symbol]
    x, y = make(A, requires_grad=True), make(B, requires_grad=True)
    z = x * 1.0
    early = z * z
    z = function(z, y)
    z = function(z, 1.5)
    (z + early).backward(make(np.ones_like(A)))

    def plain(a, b):
        return np.sum(function(function(a * 1.0, b), 1.5) + a * a)

    right = numeric_gradient(lambda a: plain(a, B), A)
    np.testing.assert_allclose(host(x.grad), right, rtol=1e-6)
    right = numeric_gradient(lambda b: plain(A, b), B)
    np.testing.assert_allclose(host(y.grad), right, rtol=1e-6)


def test_setting_items_has_the_functional_gradient(make):
    x, v = make(A, requires_grad=True), make(np.array([5.0, 7.0]), requires_grad=True)
    z = x * 1.0
    early = z * z
    z[:, 1] = v * v
    z[0, 0] = 3.0
    (z * z + early).backward(make(np.ones_like(A)))

    def plain(a, b):
        out = a * 1.0
        out[:, 1] = b * b
        out[0, 0] = 3.0
        return np.sum(out * out + a * a)

    right = numeric_gradient(lambda a: plain(a, np.array([5.0, 7.0])), A)
    np.testing.assert_allclose(host(x.grad), right, rtol=1e-6, atol=1e-9)
    right = numeric_gradient(lambda b: plain(A, b), np.array([5.0, 7.0]))
    np.testing.assert_allclose(host(v.grad), right, rtol=1e-6)


def test_an_update_does_not_reach_results_computed_before(make):
    x = make(A, requires_grad=True)
    z = x * 1.0
    views = [z.detach(), z[:, :], space.positive(z) if z.device == "cpu" else +z]
    kept = [host(v).copy() for v in views]
    z *= 3.0
    z[0, 0] = 100.0
    for view, values in zip(views, kept, strict=True):
        assert np.array_equal(host(view), values)


def test_an_update_does_not_write_into_the_array_it_was_made_from():
    raw = np.ones(3)
    x = xn.asarray(raw)
    x += 1.0
    x[0] = 9.0
    assert raw.tolist() == [1.0, 1.0, 1.0]
    assert x.tolist() == [9.0, 2.0, 2.0]


def test_an_update_rebinds_the_same_object():
    z = declared() * 1.0
    before = z
    z += 1.0
    z[0] = 0.0
    assert z is before


def test_a_constant_array_joins_the_tape_when_a_recorded_value_is_put_in():
    x = declared()
    z = xn.asarray(np.zeros(3))
    z[1] = x[2] * x[2]
    space.sum(z).backward()
    assert x.grad.tolist() == [0.0, 0.0, 6.0]


def test_in_place_shape_changes_are_refused(make):
    x = make(np.ones(3))
    with pytest.raises(xn.XpnetError, match=r"\(2, 3\), but x has \(3,\)"):
        x += make(np.ones((2, 3)))
    assert x.shape == (3,)


@pytest.mark.parametrize(
    ("start", "other"),
    [(np.ones(2), 1j), (np.ones(2, np.float32), np.ones(2)), (np.ones(2, int), 0.5)],
)
def test_in_place_dtype_changes_are_refused(start, other):
    x = xn.asarray(start)
    with pytest.raises(TypeError, match="keeps it"):
        x += other
    assert np.array_equal(x.data, start)
    assert x.dtype == start.dtype


def test_in_place_division_of_integers_is_refused():
    x = xn.asarray([1, 2])
    with pytest.raises(TypeError, match="float64, but x has int64"):
        x /= 2


def test_in_place_with_a_foreign_operand_is_a_type_error():
    x = declared() * 1.0
    with pytest.raises(TypeError):
        x += "text"
    with pytest.raises(TypeError):
        x[0] = "text"


def test_setting_a_float_into_integers_is_refused():
    x = xn.asarray([1, 2])
    with pytest.raises(TypeError):
        x[0] = 1.5


def test_setting_a_recorded_value_into_integers_does_not_tape_integers():
    x = xn.asarray([1, 2])
    with pytest.raises(TypeError):
        x[0] = declared()[0]


def test_a_bad_key_or_value_leaves_the_array_as_it_was():
    x = declared() * 1.0
    node = x._node
    with pytest.raises(IndexError):
        x[7] = 1.0
    with pytest.raises(ValueError, match="sequence"):
        x[0] = np.ones(3)
    assert x._node is node
    assert x.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("update", [lambda x: x.__iadd__(1.0), lambda x: x.T])
def test_a_declared_leaf_refuses_updates_while_recording(update):
    x = declared(A)
    if update(declared(A) * 1.0).shape != A.shape:  # not an update: the leaf allows it
        assert update(x).shape == A.T.shape
        return
    with pytest.raises(xn.XpnetError, match=r"with xn\.no_grad\(\)"):
        update(x)
    assert np.array_equal(x.data, A)


def test_a_declared_leaf_refuses_item_assignment_while_recording():
    x = declared()
    with pytest.raises(xn.XpnetError, match="leaf that requires grad"):
        x[0] = 5.0
    assert x.tolist() == [1.0, 2.0, 3.0]
    assert x.is_leaf


def test_under_no_grad_a_leaf_stays_a_leaf_and_keeps_its_gradient(make):
    x = make(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    (x * x).backward(make(np.ones(3)))
    kept = x.grad
    with xn.no_grad():
        x -= 0.5 * x.grad
        x[0] = 7.0
    assert x.is_leaf
    assert x.requires_grad
    assert x.grad is kept
    assert host(x).tolist() == [7.0, 0.0, 0.0]
    (x * x).backward(make(np.ones(3)))
    assert host(x.grad).tolist() == [2.0 + 14.0, 4.0, 6.0]


# --- conversions ----------------------------------------------------------------------


def test_arrays_without_axes_convert_to_python_numbers(make):
    assert float(make(np.float64(2.5))) == 2.5
    assert int(make(np.float64(2.5))) == 2
    assert complex(make(np.complex128(1 + 2j))) == 1 + 2j
    assert bool(make(np.asarray(True))) is True
    assert operator.index(make(np.int64(3))) == 3
    assert list(range(5))[make(np.int64(3))] == 3


@pytest.mark.parametrize("convert", [float, int, complex, bool, operator.index])
@pytest.mark.parametrize("shape", [(1,), (2,), (1, 1)])
def test_arrays_with_axes_do_not_convert(make, convert, shape):
    with pytest.raises(ValueError, match="only an array with no axes"):
        convert(make(np.ones(shape)))


def test_indices_must_be_integers():
    for value in (2.0, True):
        with pytest.raises(TypeError, match="cannot be an index"):
            operator.index(xn.asarray(value))


def test_a_complex_number_does_not_become_a_float():
    with pytest.raises(TypeError):
        float(xn.asarray(1 + 2j))


def test_length_and_iteration(make):
    x = make(A, requires_grad=True)
    assert len(x) == 2
    with pytest.raises((ValueError, TypeError), match="no axes"):
        len(make(np.float64(1)))
    with pytest.raises((ValueError, TypeError), match="no axes"):
        iter(make(np.float64(1)))


def test_iteration_stays_on_the_tape():
    x = declared()
    first, second, third = x
    (first * second + third * third).backward()
    assert x.grad.tolist() == [2.0, 1.0, 6.0]


def test_item_and_tolist(make):
    assert make(np.array([[2.5]])).item() == 2.5
    assert type(make(np.array(3)).item()) is int
    assert make(A, requires_grad=True).tolist() == A.tolist()
    with pytest.raises(ValueError, match="2 elements, not one"):
        make(np.ones(2)).item()


def test_numpy_gives_a_numpy_array_off_the_tape_only(make):
    out = make(A).numpy()
    assert type(out) is np.ndarray
    assert np.array_equal(out, A)
    with pytest.raises(xn.XpnetError, match=r"x\.detach\(\)"):
        make(A, requires_grad=True).numpy()


def test_np_asarray_works_off_the_tape_without_a_copy():
    x = xn.asarray(A)
    assert np.asarray(x) is x.data
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    assert np.array(x, copy=True) is not x.data
    with pytest.raises(ValueError, match="copy"):
        np.array(x, dtype=np.float32, copy=False)


def test_np_asarray_is_refused_on_the_tape():
    with pytest.raises(TypeError, match="gradient would be lost"):
        np.asarray(declared())
    with pytest.raises(TypeError, match="gradient would be lost"):
        np.asarray(declared() * 2)


def test_np_asarray_is_refused_for_another_library():
    x = xn.asarray(strict.ones(3, device=strict.Device("device1")))
    with pytest.raises(TypeError, match=r"device1.*x\.numpy\(\)"):
        np.asarray(x)


def test_dlpack_goes_out_and_comes_back_without_a_copy():
    x = xn.asarray(A)
    out = np.from_dlpack(x)
    assert np.shares_memory(out, x.data)
    assert x.__dlpack_device__() == x.data.__dlpack_device__()
    back = space.from_dlpack(x)
    assert type(back) is xn.Array
    assert np.shares_memory(back.data, x.data)
    assert np.array_equal(space.from_dlpack(x, copy=True).data, A)


def test_dlpack_reaches_torch_and_returns():
    torch = pytest.importorskip("torch")
    there = torch.from_dlpack(xn.asarray(A))
    assert there.tolist() == A.tolist()
    back = space.from_dlpack(there, device="cpu")
    assert back.device == "cpu"
    assert back.tolist() == A.tolist()


def test_from_dlpack_gives_an_array_of_its_own_namespace():
    torch = pytest.importorskip("torch")
    back = space.from_dlpack(torch.ones(2))
    assert back.__array_namespace__() is space


def test_dlpack_is_a_buffer_error_on_the_tape():
    for x in (declared(), declared() * 2):
        with pytest.raises(BufferError, match=r"x\.detach"):
            x.__dlpack__()
        with pytest.raises(BufferError, match=r"x\.detach"):
            np.from_dlpack(x)
    assert space.from_dlpack(declared()).requires_grad  # it stays in xpnet


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (1, "Array(1, dtype=int64, device='cpu')"),
        (1.5, "Array(1.5, dtype=float64, device='cpu')"),
        (True, "Array(True, dtype=bool, device='cpu')"),
        ([], "Array([], dtype=float64, device='cpu')"),
        ([1.0, 2.0], "Array([1., 2.], dtype=float64, device='cpu')"),
        (np.ones(1, np.float32), "Array([1.], dtype=float32, device='cpu')"),
    ],
)
def test_repr_shows_values_dtype_and_device(values, text):
    assert repr(xn.asarray(values)) == text


def test_repr_tells_leaves_and_what_computed_the_others():
    x = declared([1.0])
    end = "dtype=float64, device='cpu', requires_grad=True)"
    assert repr(x) == f"Array([1.], {end}"
    assert repr(x * 2) == "Array([2.], dtype=float64, device='cpu', from=multiply)"
    assert len(repr(xn.asarray(np.zeros(100_000)))) < 200


def test_arrays_are_unhashable(make):
    with pytest.raises(TypeError, match="unhashable"):
        hash(make(A))


@pytest.mark.parametrize(
    "duplicate", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy]
)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_leaves_are_pickled_and_copied(make, duplicate, requires_grad):
    x = make(A, requires_grad=requires_grad)
    y = duplicate(x)
    assert np.array_equal(host(y), A)
    assert (y.dtype, y.device) == (x.dtype, x.device)
    assert y.requires_grad == requires_grad
    assert y.data is not x.data
    if requires_grad:
        (y * y).backward(make(np.ones_like(A)))
        assert x.grad is None
        assert np.array_equal(host(y.grad), 2 * A)


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_computed_arrays_refuse_to_be_copied(duplicate):
    with pytest.raises(xn.XpnetError, match=r"use x\.detach\(\)"):
        duplicate(declared() * 2)


# --- asarray --------------------------------------------------------------------------


def test_asarray_of_numbers_has_numpys_dtypes():
    assert xn.asarray(1).dtype == np.int64
    assert xn.asarray(1.0).dtype == np.float64
    assert xn.asarray(1j).dtype == np.complex128
    assert xn.asarray(True).dtype == np.bool_
    assert xn.asarray([[1, 2], [3, 4]]).shape == (2, 2)
    assert xn.asarray(range(3)).tolist() == [0, 1, 2]
    assert xn.asarray([1, 2.5]).dtype == np.float64


@pytest.mark.parametrize("scalar", [np.float32(2), np.int8(2), np.bool_(1), np.float64])
def test_asarray_of_numpy_scalars_keeps_their_dtype(scalar):
    scalar = scalar(2) if isinstance(scalar, type) else scalar
    x = xn.asarray(scalar)
    assert x.shape == ()
    assert x.dtype == scalar.dtype
    assert type(x.data) is np.ndarray


def test_asarray_of_an_array_is_the_same_array():
    x = declared()
    y = x * 2
    assert xn.asarray(x) is x
    assert xn.asarray(y) is y


def test_asarray_takes_raw_arrays_without_a_copy(target):
    raw = target.raw(A)
    x = xn.asarray(raw)
    assert x.data is raw
    assert not x.requires_grad


def test_asarray_casts_on_the_tape(make, xp):
    x = make(A, requires_grad=True)
    y = xn.asarray(x, dtype=xp.float32)
    assert y.dtype == xp.float32
    y.backward(make(np.ones_like(A, dtype=np.float32)))
    assert x.grad.dtype == x.dtype
    assert np.array_equal(host(x.grad), np.ones_like(A))


def test_asarray_copies_when_asked(target, make):
    x = make(A, requires_grad=True)
    y = xn.asarray(x, copy=True)
    assert y.data is not x.data
    assert y.requires_grad
    y.backward(make(np.ones_like(A)))
    assert np.array_equal(host(x.grad), np.ones_like(A))
    raw = target.raw(A)
    assert xn.asarray(raw, copy=False).data is raw


def test_asarray_without_a_copy_refuses_what_needs_one(xp, make):
    with pytest.raises(ValueError, match="needs a copy"):
        xn.asarray(make(A), dtype=xp.float32, copy=False)
    with pytest.raises(ValueError, match="always need a copy"):
        xn.asarray([1.0], copy=False)


def test_asarray_of_a_list_of_arrays_stacks_them_on_the_tape(make):
    x, y = make(A, requires_grad=True), make(B, requires_grad=True)
    out = xn.asarray([x * 2.0, y])
    assert out.shape == (2, 2, 3)
    out.backward(make(np.stack([A, B])))
    assert np.array_equal(host(x.grad), 2 * A)
    assert np.array_equal(host(y.grad), B)


def test_asarray_of_nested_lists_of_arrays_and_numbers():
    x = declared()
    out = xn.asarray([[x[0], x[1]], [x[1] * x[2], 4.0]])
    assert out.tolist() == [[1.0, 2.0], [6.0, 4.0]]
    space.sum(out).backward()
    assert x.grad.tolist() == [1.0, 1.0 + 3.0, 2.0]


def test_asarray_of_a_list_with_an_int_before_an_array_keeps_the_values():
    x = declared()
    out = xn.asarray([3, x[1]])
    assert out.tolist() == [3.0, 2.0]
    assert out.requires_grad


def test_asarray_puts_numbers_on_the_device_named():
    assert xn.asarray([1.0], device="cpu").device == "cpu"
    with pytest.raises(xn.DeviceError, match="'gpu' is not a device"):
        xn.asarray([1.0], device="gpu")


@pytest.mark.parametrize(
    "bad", ["text", None, object(), {"a": 1}, {1}, 2**70, [[1], [1, 2]], ["a", "b"]]
)
def test_asarray_refuses_what_is_not_numbers(bad):
    with pytest.raises(xn.XpnetError, match="asarray: "):
        xn.asarray(bad)


@pytest.mark.parametrize("bad", [np.array(["a"]), np.array([None]), np.array(["2020"])])
def test_asarray_refuses_numpy_arrays_of_strings_and_objects(bad):
    with pytest.raises((TypeError, BufferError)):
        xn.asarray(bad)


def test_asarray_of_object_arrays_is_our_error():
    with pytest.raises(xn.XpnetError, match="asarray: "):
        xn.asarray(np.array([None]))


@pytest.mark.parametrize("values", [[1, 2], [True], np.arange(3, dtype=np.uint8)])
def test_integers_and_booleans_cannot_require_gradients(values):
    with pytest.raises(TypeError, match="only floating-point arrays"):
        xn.asarray(values, requires_grad=True)
    x = xn.asarray(values)
    with pytest.raises(TypeError, match="only floating-point arrays"):
        x.requires_grad = True
    assert not x.requires_grad


def test_requires_grad_makes_a_leaf_of_its_own():
    x = declared()
    y = xn.asarray(x * 2, requires_grad=True)
    assert y.is_leaf
    space.sum(y * y).backward()
    assert x.grad is None
    assert y.grad.tolist() == [4.0, 8.0, 12.0]


def test_requires_grad_can_be_switched_on_and_off():
    x = xn.asarray([1.0])
    x.requires_grad = True
    assert x.is_leaf
    assert (x * 2).requires_grad
    x.requires_grad = False
    assert not (x * 2).requires_grad
    y = declared() * 2
    with pytest.raises(xn.XpnetError, match=r"computed by multiply. Use x\.detach"):
        y.requires_grad = False


def test_detach_shares_the_values_and_leaves_the_tape():
    x = declared()
    y = (x * 2).detach()
    assert not y.requires_grad
    assert x.detach().data is x.data


# --- the gradient of a leaf -----------------------------------------------------------


def test_only_leaves_have_a_gradient():
    x = declared()
    y = x * 2
    space.sum(y).backward()
    assert y.grad is None
    assert xn.asarray([1.0]).grad is None
    with pytest.raises(xn.XpnetError, match="only an array made with requires_grad"):
        y.grad = np.ones(3)


def test_a_gradient_can_be_set_and_cleared():
    x = declared()
    x.grad = np.array([1.0, 2.0, 3.0])
    assert type(x.grad) is xn.Array
    space.sum(x).backward()
    assert x.grad.tolist() == [2.0, 3.0, 4.0]
    x.grad = None
    assert x.grad is None
    with pytest.raises(ValueError, match=r"shape \(2,\).*the array has \(3,\)"):
        x.grad = [1.0, 2.0]


def test_a_set_gradient_is_off_the_tape():
    x, y = declared(), declared()
    x.grad = y * 2
    assert not x.grad.requires_grad


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_a_gradient_of_another_dtype_is_refused(dtype):
    x = declared()
    with pytest.raises(xn.XpnetError):
        x.grad = np.ones(3, dtype=dtype)


def test_a_gradient_of_another_library_is_refused():
    x = declared()
    with pytest.raises(xn.XpnetError):
        x.grad = strict.ones(3)


def test_an_array_without_axes_is_formatted_as_its_number():
    x = xn.asarray(1.5, requires_grad=True)
    assert f"{x * 1.0:.3f}" == "1.500"
    assert f"{x}" == repr(x)
    with pytest.raises(xn.XpnetError, match="only an array with no axes"):
        format(xn.asarray([1.5]), ".3f")


# --- a leaf that changes under an older tape ------------------------------------------


def test_a_loss_from_before_a_change_in_place_is_refused():
    x = xn.asarray([1.0, 2.0], requires_grad=True)
    before = space.sum(x * x)
    with xn.no_grad():
        x *= 2.0
    with pytest.raises(xn.XpnetError, match=r"x \*= y has changed a leaf since"):
        before.backward()
    space.sum(x * x).backward()
    assert x.grad.tolist() == [4.0, 8.0]


# --- Python numbers that the dtype of an array cannot hold ----------------------------

WHOLE = np.array([1, 2])


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("add", (2.5, WHOLE)),
        ("add", (WHOLE, 2.5)),
        ("multiply", (WHOLE, 0.5)),
        ("maximum", (WHOLE, 1.5)),
        ("pow", (WHOLE, 0.5)),
        ("less", (WHOLE, 1.5)),
    ],
)
def test_a_fraction_beside_integers_is_not_cut_off(name, args):
    found = getattr(space, name)(*args)
    expected = getattr(np, name)(*args)
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()


def test_a_fraction_in_a_list_of_integers_is_not_cut_off():
    assert space.stack([xn.asarray(1), 0.5]).tolist() == [1.0, 0.5]


def test_a_fraction_beside_integers_of_pytorch_is_not_cut_off():
    torch = pytest.importorskip("torch")
    x = xn.asarray(torch.tensor([1, 2]))
    assert (x + 0.5).tolist() == [1.5, 2.5]
    assert (x < 1.5).tolist() == [True, False]
    assert (x + 1).dtype == torch.int64


# --- arguments that the standard leaves open, and NumPy takes -------------------------


def test_clip_sums_back_over_the_axes_that_its_bounds_add():
    bounds = xn.asarray([0.0, 2.0])
    gradient = xn.grad(lambda x: space.sum(space.clip(x, bounds)))
    assert gradient(xn.asarray(1.0)).tolist() == 1.0
    xn.check_grads(lambda x, low: space.clip(x, low, 2.0), 1.0, np.zeros((2, 1)))


def test_axes_of_length_1_in_front_of_an_assigned_value_go_back():
    def assigned(value):
        x = space.zeros((2, 3))
        x[0] = value
        return x * xn.asarray([1.0, 2.0, 3.0])

    xn.check_grads(assigned, np.ones((1, 3)), order=2)


def test_take_without_an_axis_goes_back_to_every_axis():
    x = np.arange(4.0).reshape(2, 2)
    xn.check_grads(lambda x: space.take(x, xn.asarray([0, 3, 3])), x, order=2)


def test_vecdot_takes_an_axis_from_the_front():
    x, y = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    xn.check_grads(lambda x, y: space.vecdot(x, y, axis=0), x, y, order=2)


def test_diff_of_a_number_says_that_there_is_no_axis():
    with pytest.raises(IndexError, match="axis -1 is out of range"):
        space.diff(xn.asarray(1.0))


@pytest.mark.parametrize(
    "create",
    [
        lambda x: space.full((3,), x),
        lambda x: space.full((3,), fill_value=x),
        lambda x: space.full_like(xn.asarray([1.0]), x),
        lambda x: space.linspace(0.0, x, 5),
        lambda x: space.arange(0.0, x, 1.0),
    ],
)
def test_creation_refuses_a_number_on_the_tape(create):
    with pytest.raises(xn.XpnetError, match="its gradient would be lost"):
        xn.grad(lambda x: space.sum(create(x)))(4.0)


def test_creation_takes_a_number_off_the_tape():
    assert space.full((2,), fill_value=xn.asarray(4.0)).tolist() == [4.0, 4.0]


@pytest.mark.parametrize("library", [np, strict], ids=lambda library: library.__name__)
def test_an_infinite_cotangent_stays_at_its_own_element(library):
    x = xn.asarray(library.asarray([1.0, 2.0, 3.0]))
    index = xn.asarray(library.asarray([0, 1, 2]))
    g = library.asarray([np.inf, 1.0, 2.0])
    _, pull = xn.vjp(lambda x: x.__array_namespace__().take(x, index, axis=0), x)
    assert pull(g)[0].tolist() == [np.inf, 1.0, 2.0]


def test_an_infinite_imaginary_cotangent_leaves_the_real_part_alone():
    _, pull = xn.vjp(lambda x: space.take(x, xn.asarray([0]), axis=0), np.ones(1) + 0j)
    assert pull(np.array([complex(1.0, np.inf)]))[0].tolist() == [complex(1.0, np.inf)]
