"""Embeddings where it is hard: padding, repeated indices, tables that change."""

from __future__ import annotations

import numpy as np
import pytest

import xpnet as xn
from libraries import STRICT_DEVICE1, TORCH, host, parameters
from xpnet import nn, optim
from xpnet.errors import DTypeError, GradientError, OptionError, ShapeError
from xpnet.kernels.numpy_embedding import add_rows
from xpnet.kernels.twin import TWINS, twins_off
from xpnet.nn import functional


def numbers(shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


# --- padding --------------------------------------------------------------------------


def test_the_row_of_padding_starts_at_zero_and_stays():
    layer = nn.Embedding(5, 3, padding_idx=2, rng=0)
    assert not layer.weight.data[2].any()
    assert layer.weight.data[[0, 1, 3, 4]].all()
    opt = optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(3):
        opt.zero_grad()
        xn.xp.sum(layer([2, 1, 2]) ** 2 + layer([2, 1, 2])).backward()
        opt.step()
    assert not layer.weight.data[2].any()


def test_a_row_of_padding_that_was_given_keeps_its_values_and_gets_no_gradient():
    weight = xn.asarray(numbers((5, 3)), requires_grad=True)
    out = functional.embedding([2, 1], weight, padding_idx=-3)
    np.testing.assert_array_equal(out.data, weight.data[[2, 1]])
    xn.xp.sum(out).backward()
    np.testing.assert_array_equal(weight.grad.data.any(axis=1), [0, 1, 0, 0, 0])


@pytest.mark.parametrize("bad", [5, -6])
@pytest.mark.parametrize("make", [nn.Embedding, nn.EmbeddingBag])
def test_padding_out_of_range_is_refused(make, bad):
    with pytest.raises(OptionError, match=f"padding_idx is {bad}, but there are 5 row"):
        make(5, 3, padding_idx=bad)


# --- indices --------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [5, -1])
@pytest.mark.parametrize("other", parameters((TORCH, STRICT_DEVICE1)))
def test_an_index_out_of_range_is_refused(bad, other):
    other.skip_unless_here()
    layer = nn.Embedding(5, 3, rng=0)
    pattern = f"an index is {bad}, but the weight has 5 rows, so indices go from 0 to 4"
    for ids in ([0, bad], np.array([[0], [bad]]), np.array(bad, "int32")):
        with pytest.raises(OptionError, match=pattern):
            layer(ids)
    ids = other.make(np.array([0, bad]))
    with pytest.raises(OptionError, match=pattern):
        layer.to(like=ids)(ids)


@pytest.mark.parametrize("kind", ["float32", "bool"])
def test_indices_that_are_not_integers_are_refused(kind):
    with pytest.raises(DTypeError, match=f"indices have dtype {kind}; they are intege"):
        nn.Embedding(5, 3, rng=0)(np.zeros(2, kind))


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "int64", "uint64"])
def test_indices_are_integers_of_any_kind(kind):
    layer = nn.Embedding(5, 3, rng=0)
    want = layer.weight.data[[4, 0, 4]]
    np.testing.assert_array_equal(layer(np.array([4, 0, 4], kind)).data, want)


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
def test_no_indices_give_no_rows(shape):
    layer = nn.Embedding(5, 3, padding_idx=1, max_norm=1.0, rng=0)
    out = layer(np.zeros(shape, "int64"))
    assert out.shape == (*shape, 3)
    xn.xp.sum(out).backward()
    assert not layer.weight.grad.data.any()
    assert layer([]).shape == (0, 3)


def test_a_table_has_two_axes():
    with pytest.raises(
        ShapeError, match=r"weight has shape \(4,\), and needs two axes"
    ):
        functional.embedding([0], np.ones(4))


# --- the gradient of rows that were chosen often --------------------------------------

CHOICES = {
    "few": [3, 0, 3, 1],
    "one place": [2] * 40,
    "each once": list(range(50)),
    "many and few": [7] * 30 + [1, 2, 2, 3, 3, 3] + [9] * 9 + [8] * 8 + [7],
    "none": [],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("rows", [50, 70_000])
def test_rows_add_up_in_the_order_in_which_they_stand(choice, dtype, rows):
    ids = np.array(CHOICES[choice], "int64")
    values = numbers((len(ids), 3), dtype)
    out = np.full((rows, 3), np.nan, dtype)
    add_rows(out, ids, values)
    want = np.zeros((rows, 3), dtype)
    np.add.at(want, ids, values)
    np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (3, 0)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "complex128", "int64"])
@pytest.mark.parametrize("count", [6, 0])
def test_sums_of_rows_of_any_kind(shape, dtype, count):
    n = 20 if count else 0
    ids = np.random.default_rng(0).integers(0, max(count, 1), n)
    values = (10 * numbers((n, *shape))).astype(dtype)
    kept = values.copy()
    got = xn.asarray(1.0)._lib.raw.segment_sum(values, ids, count)
    want = np.zeros((count, *shape), dtype)
    np.add.at(want, ids, values)
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    tolerance = 1e-2 if dtype == "float16" else 1e-6
    np.testing.assert_allclose(got, want, tolerance, tolerance)
    np.testing.assert_array_equal(values, kept)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("padding", [None, 3])
def test_the_twin_writes_where_an_optimizer_waits_for_it(dtype, padding, monkeypatch):
    class Counting:
        took = 0

        def forward(self, *args, **options):
            made = twin.forward(*args, **options)
            self.took += made is not None
            return made

        def backward(self, *args):
            return twin.backward(*args)

    twin, counting = TWINS["embedding", "numpy"], Counting()
    monkeypatch.setitem(TWINS, ("embedding", "numpy"), counting)
    layer = nn.Embedding(6, 4, padding_idx=padding, rng=0).to(dtype=dtype)
    ids = np.random.default_rng(0).integers(0, 6, (5, 7))
    w = numbers((5, 7, 4), dtype)
    with twins_off():
        xn.xp.sum(layer(ids) * w).backward()
    want = layer.weight.grad.data.copy()
    layer.zero_grad()
    optim.SGD(layer.parameters(), lr=0.1)
    xn.xp.sum(layer(ids) * w).backward()
    assert counting.took == 1
    assert layer.weight.grad is layer.weight._node.into
    np.testing.assert_allclose(layer.weight.grad.data, want, 1e-6, 1e-6)
    xn.xp.sum(layer(ids) * w).backward()  # a second one is added
    np.testing.assert_allclose(layer.weight.grad.data, 2 * want, 1e-6, 1e-6)


def test_second_derivatives_go_through_the_lookup():
    def f(weight):
        return xn.xp.sum(xn.xp.sin(functional.embedding([1, 0, 1], weight)))

    xn.check_grads(f, numbers((3, 2)), order=2)


def test_a_bag_divides_by_the_frequency_as_single_rows_do():
    # torch.nn.EmbeddingBag divides by the frequency of another index than the row's
    # (indices[i] where i counts different indices), so its Embedding is the oracle
    torch = pytest.importorskip("torch")
    ids, offsets = [1, 0, 4, 1, 2, 2, 5, 0], [0, 3, 3, 4]
    w = numbers((4, 3))
    bag = nn.EmbeddingBag(6, 3, 1.0, 2.0, True, rng=0).to(dtype="float64")
    theirs = torch.nn.Embedding(6, 3, max_norm=1.0, scale_grad_by_freq=True).double()
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(bag.weight.data))
    rows = theirs(torch.tensor(ids))
    empty = torch.zeros(3, dtype=torch.float64)
    want = torch.stack([rows[:3].mean(0), empty, rows[3], rows[4:].mean(0)])
    (want * torch.tensor(w)).sum().backward()
    got = bag(ids, offsets)
    xn.xp.sum(got * w).backward()
    np.testing.assert_allclose(got.data, want.detach().numpy(), 0, 1e-12)
    np.testing.assert_allclose(
        bag.weight.grad.data, theirs.weight.grad.numpy(), 0, 1e-12
    )


# --- the largest norm -----------------------------------------------------------------


def test_rows_that_are_too_long_are_shortened_in_the_table():
    layer = nn.Embedding(4, 8, max_norm=1.0, rng=0)
    before = layer.weight.data.copy()
    opt = optim.SGD(layer.parameters(), lr=0.1)  # its buffer is the table
    layer([2, 0, 2])
    after = layer.weight.data
    np.testing.assert_array_equal(after[[1, 3]], before[[1, 3]])
    np.testing.assert_allclose(np.linalg.norm(after[[0, 2]], axis=1), 1.0, 1e-5)
    kept = after.copy()
    layer([2, 0, 2])
    np.testing.assert_array_equal(layer.weight.data, kept)
    opt.zero_grad()
    xn.xp.sum(layer([0])).backward()
    opt.step()
    assert np.allclose(layer.weight.data[0], kept[0] - 0.1)


def test_a_backward_pass_through_a_table_that_was_shortened_since_is_refused():
    layer = nn.Embedding(4, 8, max_norm=1.0, rng=0)
    early = layer([0])
    layer([0])  # changes nothing any more
    xn.xp.sum(early).backward()
    early = layer([0])
    layer([1])
    with pytest.raises(GradientError, match="has shortened rows of the table to max_n"):
        xn.xp.sum(early).backward()


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ({"max_norm": 0.0}, "max_norm is a positive number, not 0.0"),
        ({"max_norm": 1.0, "norm_type": -1}, "norm_type is a positive number, not -1"),
    ],
)
def test_norms_are_positive(options, pattern):
    with pytest.raises(OptionError, match=pattern):
        nn.Embedding(4, 8, **options)


# --- a table that is given ------------------------------------------------------------


@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag])
def test_a_table_that_is_given_is_copied_and_frozen(kind):
    table = numbers((4, 3))
    layer = kind.from_pretrained(table, padding_idx=1)
    np.testing.assert_array_equal(layer.weight.data, table)
    assert not np.shares_memory(layer.weight.data, table)
    assert layer.weight.dtype == np.float64
    assert not layer([[0, 2]]).requires_grad
    assert layer.padding_idx == 1
    trained = kind.from_pretrained(table, freeze=False)
    assert trained([[0, 2]]).requires_grad
    with pytest.raises(ShapeError, match=r"pretrained: the table has shape \(3,\)"):
        kind.from_pretrained(table[0])


# --- bags -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["mean", "sum", "max"])
def test_bags_without_rows_are_zero_with_no_gradient(mode):
    layer = nn.EmbeddingBag(5, 3, mode=mode, padding_idx=4, rng=0)
    out = layer([4, 1], [0, 0, 1, 2, 2])  # none, padding, 1, none, none
    assert out.shape == (5, 3)
    np.testing.assert_array_equal(host(out)[[0, 1, 3, 4]], 0)
    np.testing.assert_array_equal(host(out)[2], host(layer.weight)[1])
    xn.xp.sum(out).backward()
    np.testing.assert_array_equal(
        layer.weight.grad.data.any(axis=1), [False, True, False, False, False]
    )
    assert host(layer(np.zeros((2, 0), "int64"))).tolist() == [[0.0] * 3] * 2
    assert host(layer([], [0, 0])).tolist() == [[0.0] * 3] * 2
    assert layer([], []).shape == (0, 3)


@pytest.mark.parametrize("mode", ["mean", "sum", "max"])
def test_bags_of_one_size_are_bags_with_offsets(mode):
    layer = nn.EmbeddingBag(9, 3, mode=mode, rng=0).to(dtype="float64")
    ids = np.random.default_rng(0).integers(0, 9, (6, 11))
    got = layer(ids)
    want = layer(ids.reshape(-1), np.arange(6) * 11)
    np.testing.assert_allclose(got.data, want.data, 0, 1e-14)


def test_the_first_of_equal_rows_gets_the_gradient_of_their_maximum():
    weight = xn.asarray(np.ones((3, 2)), requires_grad=True)
    for ids, offsets in (([[2, 0, 1]], None), ([2, 0, 1], [0])):
        weight.grad = None
        xn.xp.sum(functional.embedding_bag(ids, weight, offsets, mode="max")).backward()
        np.testing.assert_array_equal(weight.grad.data, [[0, 0], [0, 0], [1, 1]])


@pytest.mark.parametrize(
    ("call", "pattern"),
    [
        (lambda w: functional.embedding_bag([[0]], w, mode="min"), "mode is one of"),
        (
            lambda w: functional.embedding_bag(
                [[0]], w, mode="max", scale_grad_by_freq=True
            ),
            "scale_grad_by_freq has no meaning with mode='max'",
        ),
        (
            lambda w: functional.embedding_bag([[0]], w, per_sample_weights=[[1.0]]),
            "per_sample_weights go with mode='sum', and mode is 'mean'",
        ),
        (lambda w: functional.embedding_bag([0, 1], w, [1]), "offsets begin with 0"),
        (lambda w: functional.embedding_bag([0, 1], w, [0, 2, 1]), "do not fall"),
        (lambda w: functional.embedding_bag([0, 1], w, [0, 3]), "and end at 2"),
        (lambda w: functional.embedding_bag([[9]], w), "an index is 9"),
        (lambda w: nn.EmbeddingBag(5, 3, mode="min"), "EmbeddingBag: mode is one of"),
    ],
)
def test_options_that_do_not_fit_are_refused(call, pattern):
    with pytest.raises(OptionError, match=pattern):
        call(np.ones((5, 3)))


def test_initial_rows_are_normal():
    values = host(nn.Embedding(200, 100, rng=0).weight)
    assert abs(values.mean()) < 0.02
    assert abs(values.std() - 1) < 0.02


@pytest.mark.parametrize("two_axes", [True, False])
def test_bags_of_16_bits_are_summed_in_32(two_axes):
    table = np.full((2, 1), 30000.0, np.float16)
    ids = np.zeros((1, 5000), np.int64)
    given = (ids,) if two_axes else (ids[0], [0])
    bag = nn.EmbeddingBag.from_pretrained(table, mode="mean")
    assert bag(*given).dtype == np.float16
    assert bag(*given).tolist() == [[30000.0]]
    twice = nn.EmbeddingBag.from_pretrained(table / 30000, mode="mean", padding_idx=1)
    assert twice(*given).tolist() == [[1.0]]
