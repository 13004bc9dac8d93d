"""Einsum, padding, windows and the like: values, gradients, and what they refuse."""

import doctest

import numpy as np
import pytest

import xpnet as xn
from calculus.cases_structure import _EINSUMS, _PADS, _WINDOWS
from libraries import NUMPY, TORCH, host
from xpnet.errors import DTypeError, OptionError, ShapeError

special = xn.xp.special
NAMES = "einsum index_add one_hot pad segment_sum sliding_windows top_k".split()


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_run(name):
    finder = doctest.DocTestFinder(exclude_empty=False)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    found = finder.find(
        getattr(special, name), name, module=False, globs={"xn": xn, "xp": xn.xp}
    )
    for test in found:
        runner.run(test)
    assert runner.tries > 0
    assert runner.failures == 0


# --- values as NumPy and PyTorch give them --------------------------------------------


@pytest.mark.parametrize("subscripts", _EINSUMS)
def test_einsum_gives_what_numpy_gives(subscripts, target):
    arrays = [numbers(*s, seed=i) for i, s in enumerate(_EINSUMS[subscripts])]
    out = target.namespace.special.einsum(subscripts, *map(target.make, arrays))
    wanted = np.einsum(subscripts, *arrays)
    assert out.shape == wanted.shape
    np.testing.assert_allclose(host(out), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "int64", "int32", "complex64"])
def test_einsum_keeps_the_dtype(dtype, target):
    x = target.make(np.arange(6).reshape(2, 3).astype(dtype))
    einsum = target.namespace.special.einsum
    for text, arrays in {"ij,kj->ik": (x, x), "ij->i": (x,), "ij,ij->": (x, x)}.items():
        out = einsum(text, *arrays)
        assert host(out).dtype == dtype
        np.testing.assert_array_equal(host(out), np.einsum(text, *map(host, arrays)))


def test_einsum_gives_a_new_array():
    x = xn.asarray([1.0, 2.0])
    y = special.einsum("i->i", x)
    y[0] = 9.0
    assert x.tolist() == [1.0, 2.0]


def test_a_product_of_many_is_made_in_a_good_order():
    rows, vector = numbers(50, 60), numbers(60)
    # (50 x 60) (60 x 50) (50 x 60) times a vector: from the right it is cheap
    operands = [rows, rows.T, rows, vector]
    out = xn.asarray([1.0], requires_grad=True)
    out = special.einsum("ab,bc,cd,d->a", *[xn.asarray(x) for x in operands])
    np.testing.assert_allclose(out.data, rows @ (rows.T @ (rows @ vector)), rtol=1e-10)


def test_a_contraction_is_one_node_and_a_matrix_product():
    from xpnet.calculus.tape import Node

    x = xn.asarray(numbers(2, 3), requires_grad=True)
    y = special.einsum("ij,kj->ik", x, xn.asarray(numbers(4, 3)))
    inner = y._node.parents[0]
    assert type(inner) is Node
    assert inner.row.name == "contract"
    assert inner.parents[0] is x._node


@pytest.mark.parametrize("label", _PADS)
def test_pad_gives_what_numpy_gives(label, target):
    shape, width, options = _PADS[label]
    x = numbers(*shape)
    out = target.namespace.special.pad(target.make(x), width, **options)
    wanted = np.pad(x, width, **{"mode": "constant", **options}) if shape else x
    np.testing.assert_array_equal(host(out), wanted)


@pytest.mark.parametrize("label", [k for k in _WINDOWS if k != "no axes"])
def test_windows_are_those_of_numpy(label, target):
    shape, window, options = _WINDOWS[label]
    x = numbers(*shape)
    axes = options.get("axis", tuple(range(x.ndim)))
    axes = axes if isinstance(axes, tuple) else (axes,)
    window, stride, dilation = (
        v if isinstance(v, tuple) else (v,) * len(axes)
        for v in (window, options.get("stride", 1), options.get("dilation", 1))
    )
    spans = tuple((w - 1) * d + 1 for w, d in zip(window, dilation, strict=True))
    wanted = np.lib.stride_tricks.sliding_window_view(x, spans, axes)
    key = [slice(None)] * x.ndim
    for a, s in zip(axes, stride, strict=True):
        key[a] = slice(None, None, s)
    wanted = wanted[(*key, *(slice(None, None, d) for d in dilation))]
    out = target.namespace.special.sliding_windows(target.make(x), window, **options)
    np.testing.assert_array_equal(host(out), wanted)


@pytest.mark.parametrize("target", [NUMPY, TORCH], ids=str)
def test_windows_are_a_view_where_the_library_has_strides(target):
    target.skip_unless_here()
    x = target.make(numbers(4, 5).T)
    out = target.namespace.special.sliding_windows(x, (2, 2))
    assert np.shares_memory(host(out), host(x))


def test_the_transpose_of_windows_adds_in_slices(monkeypatch):
    calls = []
    lib = xn.asarray(1.0)._lib
    add_to = lib.functions["add_to"]
    monkeypatch.setattr(lib.raw, "add_to", lambda *a: calls.append(a) or add_to(*a))
    for window, count in ((3, 3), (90, 11)):  # places in a window; windows
        calls.clear()
        x = xn.asarray(numbers(100), requires_grad=True)
        y = special.sliding_windows(x, window)
        y.backward(xn.xp.ones_like(y))
        assert len(calls) == count
        wanted = np.convolve(np.ones(101 - window), np.ones(window))
        np.testing.assert_array_equal(x.grad.data, wanted)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_top_k_takes_the_first_of_equal_elements(axis, largest, target):
    x = np.random.default_rng(3).integers(0, 3, (6, 7)).astype(float)
    top = target.namespace.special.top_k(target.make(x), 4, axis=axis, largest=largest)
    order = np.argsort(-x if largest else x, axis=axis, kind="stable")
    order = np.take(order, range(4), axis=axis)
    np.testing.assert_array_equal(host(top.indices), order)
    np.testing.assert_array_equal(
        host(top.values), np.take_along_axis(x, order, axis=axis)
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_top_k_of_long_rows_is_that_of_a_sort(axis):
    rng = np.random.default_rng(0)
    for dtype in ("float64", "float32", "int64", "uint8", "bool"):
        x = rng.integers(0, 9, (60, 50)).astype(dtype)
        for largest in (True, False):
            found = special.top_k(xn.asarray(x), 7, axis=axis, largest=largest)
            order = xn.xp.argsort(xn.asarray(x), axis=axis, descending=largest)
            order = np.take(order.data, range(7), axis=axis)
            np.testing.assert_array_equal(found.indices.data, order)
            assert found.values.dtype == x.dtype
    x = rng.normal(size=50)
    x[[3, 20]] = np.nan  # counts as the largest of all
    assert special.top_k(xn.asarray(x), 3).indices.tolist()[:2] == [3, 20]
    assert not np.isnan(
        special.top_k(xn.asarray(x), 3, largest=False).values.data
    ).any()


def test_index_add_and_segment_sum_accumulate(target):
    rng = np.random.default_rng(0)
    x, values, ids = (
        rng.normal(size=(5, 2)),
        rng.normal(size=(40, 2)),
        np.zeros(40, int),
    )
    ids[:] = rng.integers(0, 5, 40)
    space = target.namespace.special
    wanted = x.copy()
    np.add.at(wanted, ids, values)
    out = space.index_add(target.make(x), target.make(ids), target.make(values))
    np.testing.assert_allclose(host(out), wanted, rtol=1e-13)
    sums = space.segment_sum(target.make(values), target.make(ids), 5)
    np.testing.assert_allclose(host(sums), wanted - x, rtol=1e-12, atol=1e-13)
    whole = space.index_add(target.make(np.arange(3)), [0, 0, -1], [1, 2, 3])
    np.testing.assert_array_equal(host(whole), [3, 1, 5])


def test_an_infinite_value_stays_in_its_own_sum(target):
    values = target.make(np.asarray([[1.0, np.inf], [np.nan, 2.0], [3.0, 4.0]]))
    out = target.namespace.special.segment_sum(values, [1, 0, 1], 3)
    np.testing.assert_array_equal(host(out), [[np.nan, 2], [4, np.inf], [0, 0]])


def test_one_hot(target):
    space = target.namespace
    ids = target.make(np.asarray([[0, 2], [1, 1]]))
    for axis in (-1, 0, 1):
        out = space.special.one_hot(ids, 3, axis=axis)
        assert out.dtype == space.zeros((), device=out.device).dtype
        np.testing.assert_array_equal(
            host(out), np.moveaxis(np.eye(3)[host(ids)], -1, axis)
        )
    assert host(space.special.one_hot(ids, 3, dtype=space.int32)).dtype == np.int32
    assert space.special.one_hot(target.make(np.asarray(2)), 3).tolist() == [0, 0, 1]
    assert space.special.one_hot(target.make(np.zeros(0, int)), 3).shape == (0, 3)


# --- gradients as PyTorch gives them --------------------------------------------------


def _agree(ours, theirs, *inputs):
    """Compare values and gradients for a random cotangent."""
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    wanted = theirs(torch, *tensors)
    out, pull = xn.vjp(ours, *map(xn.asarray, inputs))
    np.testing.assert_allclose(out.data, wanted.detach().numpy(), rtol=1e-11)
    weight = numbers(*out.shape, seed=9)
    wanted.backward(torch.tensor(weight))
    for g, x in zip(pull(xn.asarray(weight)), tensors, strict=True):
        np.testing.assert_allclose(g.data, x.grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("subscripts", ["bij,bjk,kl->bil", "...ij,jk", "iij,jj->i"])
def test_the_gradients_of_einsum_are_those_of_pytorch(subscripts):
    shapes = {
        "bij,bjk,kl->bil": ((2, 3, 4), (2, 4, 5), (5, 6)),
        "...ij,jk": ((2, 3, 4, 5), (5, 2)),
        "iij,jj->i": ((3, 3, 4), (4, 4)),
    }[subscripts]
    _agree(
        lambda *xs: special.einsum(subscripts, *xs),
        lambda torch, *xs: torch.einsum(subscripts, *xs),
        *[numbers(*s, seed=i) for i, s in enumerate(shapes)],
    )


@pytest.mark.parametrize(
    ("mode", "theirs"),
    [
        ("constant", "constant"),
        ("reflect", "reflect"),
        ("edge", "replicate"),
        ("wrap", "circular"),
    ],
)
def test_the_gradients_of_pad_are_those_of_pytorch(mode, theirs):
    _agree(
        lambda x: special.pad(x, ((0, 0), (0, 0), (1, 2), (3, 0)), mode=mode),
        lambda torch, x: torch.nn.functional.pad(x, (3, 0, 1, 2), mode=theirs),
        numbers(2, 3, 4, 5),
    )


def test_the_gradients_of_windows_are_those_of_pytorch():
    def ours(x):
        y = special.sliding_windows(
            x, (3, 2), axis=(2, 3), stride=(2, 1), dilation=(1, 2)
        )
        return xn.xp.reshape(xn.xp.permute_dims(y, (0, 1, 4, 5, 2, 3)), (2, 18, -1))

    _agree(
        ours,
        lambda torch, x: torch.nn.functional.unfold(
            x, (3, 2), dilation=(1, 2), stride=(2, 1)
        ),
        numbers(2, 3, 7, 6),
    )


def test_the_gradients_of_top_k_and_index_add_are_those_of_pytorch():
    _agree(
        lambda x: special.top_k(x, 3, axis=1).values,
        lambda torch, x: torch.topk(x, 3, dim=1).values,
        numbers(4, 6),
    )
    ids = [1, 0, 1, 3]
    _agree(
        lambda x, v: special.index_add(x, ids, v, axis=1),
        lambda torch, x, v: x.index_add(1, torch.tensor(ids), v),
        numbers(2, 4, 3),
        numbers(2, 4, 3, seed=1),
    )


# --- what they refuse -----------------------------------------------------------------

x = xn.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
line, pair = xn.asarray([1.0, 2.0, 3.0]), xn.asarray([1.0, 2.0])
REFUSED = [
    (lambda: special.einsum("ij,jk", x), ShapeError, "names 2 operands, but 1 are"),
    (lambda: special.einsum("ij,jk", x, x), ShapeError, "lengths 3 and 2.*'j'"),
    (lambda: special.einsum("i", x), ShapeError, "operand 0 has 2 axes"),
    (lambda: special.einsum("ijk", x), ShapeError, "name 3"),
    (lambda: special.einsum("i1", x), OptionError, "has '1'"),
    (lambda: special.einsum("......", x), OptionError, "at most once"),
    (lambda: special.einsum("ij->ijk", x), OptionError, "'k' in the result"),
    (lambda: special.einsum("ij->ii", x), OptionError, "'i' twice"),
    (lambda: special.einsum("ij"), ShapeError, "no operand"),
    (lambda: special.einsum(x, x), OptionError, "a Array; they must be a string"),
    (lambda: special.pad(x, 3, mode="reflect"), ShapeError, "axis 0 has 2.*most 1 on"),
    (lambda: special.pad(line, 4, mode="wrap"), ShapeError, "at most 3 on each"),
    (lambda: special.pad(line[:0], 1, mode="edge"), ShapeError, "has 0 elements"),
    (lambda: special.pad(line, 1, mode="mirror"), OptionError, "mode is 'mirror'"),
    (lambda: special.pad(line, -1), OptionError, "cannot be negative"),
    (lambda: special.pad(x, [(1, 1)] * 3), ShapeError, "but x has 2 axes"),
    (lambda: special.pad(x, 1, constant_values=1j), DTypeError, "does not fit"),
    (lambda: special.pad(line, 1, constant_values="a"), OptionError, "one number"),
    (lambda: special.sliding_windows(line, 4), ShapeError, "covers 4.*has 3"),
    (lambda: special.sliding_windows(line, 2, dilation=3), ShapeError, "covers 4"),
    (lambda: special.sliding_windows(x, 2), ShapeError, "1 numbers for 2 axes"),
    (lambda: special.sliding_windows(x, 2, axis=2), ShapeError, "axis 2 is out"),
    (lambda: special.sliding_windows(x, (1, 1), axis=(0, 0)), ShapeError, "twice"),
    (lambda: special.sliding_windows(line, 2, stride=0), OptionError, "at least 1"),
    (lambda: special.top_k(line, 4), OptionError, "k is 4, but axis 0 has 3"),
    (lambda: special.top_k(line, -1), OptionError, "k is -1"),
    (lambda: special.top_k(line, 1, axis=1), ShapeError, "axis 1 is out of range"),
    (lambda: special.top_k(xn.asarray(1.0), 1), ShapeError, "no axes"),
    (lambda: special.top_k(line + 1j, 1), DTypeError, "has no order"),
    (lambda: special.index_add(line, [3], 1.0), IndexError, "position 3 is out"),
    (lambda: special.index_add(line, [-4], 1.0), IndexError, "position -4"),
    (lambda: special.index_add(line, [0.5], 1.0), DTypeError, "must be integers"),
    (lambda: special.index_add(line, [0], pair), ShapeError, r"broadcast to \(1,\)"),
    (lambda: special.index_add(line, [[0]], pair), ShapeError, r"shape \(1, 1\)"),
    (
        lambda: special.index_add(xn.asarray([1]), [0], 0.5),
        DTypeError,
        "do not fit into an array of int64",
    ),
    (lambda: special.segment_sum(line, [0, 1], 2), ShapeError, "there are 3 values"),
    (lambda: special.segment_sum(pair, [0, 2], 2), IndexError, "position 2"),
    (lambda: special.segment_sum(pair, [0, -1], 2), IndexError, "position -1"),
    (lambda: special.segment_sum(pair, [0, 1], -1), OptionError, "count is -1"),
    (lambda: special.segment_sum(xn.asarray(1.0), [0], 1), ShapeError, "no axes"),
    (lambda: special.one_hot([0, 3], 3), IndexError, "position 3.*below 3"),
    (lambda: special.one_hot([0.0], 3), DTypeError, "must be integers"),
    (lambda: special.one_hot([0], -1), OptionError, "num_classes is -1"),
    (lambda: special.one_hot([0], 1, axis=2), ShapeError, "axis 2 is out"),
]


@pytest.mark.parametrize(("call", "kind", "text"), REFUSED)
def test_what_does_not_fit_is_said_with_numbers(call, kind, text):
    with pytest.raises(kind, match=text):
        call()
