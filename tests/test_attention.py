"""Attention, transformers and positions at hard points, and what the options mean."""

import functools
import math

import numpy as np
import pytest

import xpnet as xn
from libraries import NUMPY, STRICT_DEVICE1, TORCH, host, parameters
from xpnet import nn, xp
from xpnet.errors import DTypeError, OptionError, ShapeError
from xpnet.kernels import threads
from xpnet.kernels.twin import TWINS, twins_off
from xpnet.nn.functional import (
    rotary,
    scaled_dot_product_attention,
    sinusoidal_positions,
)
from xpnet.nn.functional.attention import attend

each_library = pytest.mark.parametrize(
    "target", parameters((NUMPY, STRICT_DEVICE1, TORCH))
)


def numbers(*shape, dtype="float64", seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


def leaf(values):
    return xn.asarray(values, requires_grad=True)


# --- rows that see nothing ------------------------------------------------------------


@each_library
@pytest.mark.parametrize("kind", ["boolean", "numbers"])
def test_a_query_that_sees_no_key_gives_zero_and_gets_zero(target, kind):
    target.skip_unless_here()
    q, k, v = (
        target.make(numbers(2, 3, 4, seed=i), requires_grad=True) for i in range(3)
    )
    seen = np.ones((3, 3), dtype=bool)
    seen[1] = False
    mask = seen if kind == "boolean" else np.where(seen, 0.0, -np.inf)
    with target.flags():
        out = scaled_dot_product_attention(q, k, v, target.make(mask))
        lib = out._lib.recorded
        lib.sum(out * target.make(numbers(2, 3, 4, seed=9))).backward()
    assert (host(out)[:, 1] == 0).all()
    assert (host(out)[:, 0] != 0).all()
    assert (host(q.grad)[:, 1] == 0).all()
    for x in (q, k, v):
        assert np.isfinite(host(x.grad)).all()
        assert host(x.grad).any()


@pytest.mark.parametrize("need_weights", [True, False])
def test_no_nan_reaches_the_weights_of_a_layer(need_weights):
    layer = nn.MultiheadAttention(4, 2, batch_first=True, rng=0)
    x = leaf(numbers(2, 3, 4, dtype="float32"))
    padding = np.array([[False, False, True], [True, True, True]])
    out, weights = layer(x, x, x, padding, need_weights=need_weights)
    xp.sum(out * out).backward()
    assert np.isfinite(out.data).all()
    np.testing.assert_array_equal(
        out.data[1], np.broadcast_to(layer.out_proj.bias.data, (3, 4))
    )
    for p in (x, *layer.parameters()):
        assert np.isfinite(p.grad.data).all()
    assert (x.grad.data[1] == 0).all()
    assert weights is None or (weights.data[1] == 0).all()


# --- large scores ---------------------------------------------------------------------


@each_library
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_of_a_thousand_are_exact(target, dtype):
    target.skip_unless_here()
    q = target.make(np.asarray([[1000.0], [-1000.0]], dtype), requires_grad=True)
    k = target.make(np.asarray([[1.0], [-1.0]], dtype), requires_grad=True)
    v = target.make(np.asarray([[3.0], [7.0]], dtype), requires_grad=True)
    with target.flags():
        out = scaled_dot_product_attention(q, k, v, scale=1.0)
        out._lib.recorded.sum(out).backward()
    assert host(out).tolist() == [[3.0], [7.0]]
    assert host(q.grad).tolist() == [[0.0], [0.0]]
    assert host(k.grad).tolist() == [[0.0], [0.0]]
    assert host(v.grad).tolist() == [[1.0], [1.0]]


def test_equal_scores_of_a_thousand_share_evenly():
    q, k = np.full((1, 2, 3, 4), 1000.0), np.ones((1, 2, 5, 4))
    v = numbers(1, 2, 5, 4)
    out = scaled_dot_product_attention(q, k, v)
    want = np.broadcast_to(v.mean(axis=2, keepdims=True), out.shape)
    np.testing.assert_allclose(out.data, want, rtol=1e-14)


# --- the twins ------------------------------------------------------------------------


def gradients(function, arrays, weights):
    leaves = [leaf(a) for a in arrays]
    out = function(*leaves)
    xp.sum(out * weights).backward()
    return [out.data, *[x.grad.data for x in leaves]]


def hidden(queries, keys):
    seen = np.random.default_rng(0).random((queries, keys)) < 0.5
    seen[0] = False
    return seen


def drop(q, k, v):
    shape = (*q.shape[:-1], k.shape[-2])
    keep = np.random.default_rng(1).random(shape) < 0.7
    return attend(q, k, v, None, xn.asarray(keep), is_causal=True, kept=0.7)


WAYS = {
    "plain": lambda q, k: scaled_dot_product_attention,
    "causal": lambda q, k: functools.partial(
        scaled_dot_product_attention, is_causal=True
    ),
    "masked": lambda q, k: functools.partial(
        scaled_dot_product_attention, attn_mask=hidden(q, k)
    ),
    "numbers added": lambda q, k: functools.partial(
        scaled_dot_product_attention,
        attn_mask=np.where(hidden(q, k), numbers(q, k), -np.inf),
        is_causal=True,
    ),
    "dropped": lambda q, k: drop,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [1.0, 30.0])
@pytest.mark.parametrize("lengths", [(3, 5), (150, 150), (150, 70), (70, 150)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_give_what_the_whole_gives(way, size, lengths, dtype, watch):
    queries, keys = lengths
    q = (size * numbers(2, 3, queries, 8)).astype(dtype)
    k, v = numbers(2, 3, keys, 8, dtype=dtype), numbers(2, 3, keys, 6, dtype=dtype)
    function = WAYS[way](queries, keys)
    weights = xn.asarray(numbers(2, 3, queries, 6, dtype=dtype))
    taken = watch("attention")
    got = gradients(function, (q, k, v), weights)
    assert taken == [True]
    with twins_off():
        want = gradients(function, (q, k, v), weights)
    atol = {"float32": 1e-5, "float64": 1e-13}[dtype]
    for a, b in zip(got, want, strict=True):
        scale = max(size, float(np.abs(b).max()))  # keys get queries of this size
        np.testing.assert_allclose(a, b, rtol=0, atol=atol * scale)


@pytest.fixture
def watch(monkeypatch):
    """Return a list that says for each call of a twin whether it was taken."""

    def watch(name):
        taken, twin = [], TWINS[name, "numpy"]

        class Watched:
            backward = staticmethod(twin.backward)

            @staticmethod
            def forward(*args, **options):
                made = twin.forward(*args, **options)
                taken.append(made is not None)
                return made

        monkeypatch.setitem(TWINS, (name, "numpy"), Watched())
        return taken

    return watch


LAYOUTS = {
    "backwards": lambda x: x[:, ::-1, ::-1, ::-1],
    "columns first": np.asfortranarray,
    "every second": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "heads last": lambda x: np.ascontiguousarray(x.transpose(0, 2, 1, 3)).transpose(
        0, 2, 1, 3
    ),
    "three axes": lambda x: x[0],
    "one for all": lambda x: np.broadcast_to(x[:1], x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_in_memory_changes_nothing(layout, watch):
    arrays = [LAYOUTS[layout](numbers(2, 3, 70, 8, seed=i)) for i in range(3)]
    taken = watch("attention")
    weights = xn.asarray(LAYOUTS[layout](numbers(2, 3, 70, 8, seed=9)))
    function = functools.partial(scaled_dot_product_attention, is_causal=True)
    got = gradients(function, arrays, weights)
    assert taken == [True]
    with twins_off():
        want = gradients(function, arrays, weights)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_the_number_of_threads_changes_nothing_not_even_the_last_bit():
    arrays = [numbers(4, 8, 128, 16, dtype="float32", seed=i) for i in range(3)]
    weights = xn.asarray(numbers(4, 8, 128, 16, dtype="float32", seed=9))
    function = functools.partial(scaled_dot_product_attention, is_causal=True)
    runs = []
    for count in (1, 3):
        with threads.limited(count):
            runs.append(gradients(function, arrays, weights))
    for a, b in zip(*runs, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("axes", [3, 4])
def test_shared_heads_of_keys_get_the_sum_of_all_parts(heads, axes, watch):
    shapes = [(2, 4, 40, 8), (2, heads, 50, 8), (2, heads, 50, 6)]
    arrays = [numbers(*shape[4 - axes :]) for shape in shapes]
    weights = xn.asarray(numbers(*arrays[0].shape[:-1], 6, seed=9))
    taken = watch("attention")
    function = functools.partial(
        scaled_dot_product_attention, is_causal=True, enable_gqa=True
    )
    got = gradients(function, arrays, weights)
    assert taken == [True]
    with twins_off():
        want = gradients(function, arrays, weights)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("argument", range(3))
def test_each_argument_alone_gets_its_gradient(argument):
    arrays = [numbers(1, 2, 40, 4, seed=i) for i in range(3)]
    weights = numbers(1, 2, 40, 4, seed=9)
    leaves = [leaf(a) for a in arrays]
    xp.sum(scaled_dot_product_attention(*leaves) * weights).backward()
    alone = [leaf(a) if i == argument else a for i, a in enumerate(arrays)]
    xp.sum(scaled_dot_product_attention(*alone) * weights).backward()
    want = leaves[argument].grad.data
    np.testing.assert_array_equal(alone[argument].grad.data, want)


@pytest.mark.parametrize("first", [True, False])
def test_attention_of_tokens_to_each_other_is_one_step(first, watch):
    layer = nn.MultiheadAttention(8, 2, batch_first=first, rng=0, dtype="float64")
    x = numbers(*((3, 130, 8) if first else (130, 3, 8)))
    taken = watch("packed_attention")
    runs = []
    for others in ((), (x.copy(), x.copy())):
        q = leaf(x)
        k, v = map(leaf, others) if others else (q, q)
        out, _ = layer(q, k, v, need_weights=False, is_causal=True)
        layer.zero_grad()
        xp.sum(out * out).backward()
        total = q.grad.data if q is k else q.grad.data + k.grad.data + v.grad.data
        runs.append([out.data, total, *[p.grad.data for p in layer.parameters()]])
    assert taken == [True]
    for a, b in zip(*runs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_the_blocks_decline_what_they_were_not_made_for(watch):
    taken = watch("attention")
    q, k = numbers(2, 4, 3, 8), numbers(2, 2, 5, 8)
    one = numbers(1, 2, 3, 8)
    scaled_dot_product_attention(one, one, one, np.ones((2, 1, 3, 3), dtype=bool))
    scaled_dot_product_attention(q[0, 0], k[0, 0], k[0, 0])
    scaled_dot_product_attention(q[None], k[None, :, :1], k[None, :, :1])
    scaled_dot_product_attention(q[:0], k[:0, :1], k[:0, :1])
    mask = leaf(numbers(3, 5))
    scaled_dot_product_attention(q, k[:, :1], k[:, :1], mask)
    huge = numbers(1, 2, 3, 4) * 1e160  # the squares of its lengths are infinite
    scaled_dot_product_attention(huge, huge * 1e-200, huge)
    assert taken == [False] * 6


def test_a_nan_stays_a_nan():
    x = numbers(1, 2, 3, 4)
    q = x.copy()
    q[0, 0, 1, 2] = np.nan
    out = scaled_dot_product_attention(q, x, x).data
    assert np.isnan(out[0, 0, 1]).all()
    assert np.isfinite(out[0, 0, [0, 2]]).all()
    assert np.isfinite(out[0, 1]).all()


# --- what the options mean ------------------------------------------------------------


def test_a_causal_layer_does_not_see_the_future():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, rng=0).eval()
    x = numbers(1, 6, 8, dtype="float32")
    later = x.copy()
    later[:, 4:] += 1.0
    a, b = (layer(v, is_causal=True).data for v in (x, later))
    np.testing.assert_array_equal(a[:, :4], b[:, :4])
    assert (a[:, 4:] != b[:, 4:]).any()


def test_the_mask_of_a_transformer_is_is_causal():
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, rng=0, dtype="float64")
    x = numbers(5, 2, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    want = layer(x, is_causal=True).data
    for given in (mask, mask.data == -np.inf):
        np.testing.assert_allclose(layer(x, given).data, want, rtol=0, atol=1e-13)
        both = layer(x, given, is_causal=True).data
        np.testing.assert_allclose(both, want, rtol=0, atol=1e-13)


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_padded_token_changes_nothing(need_weights):
    layer = nn.MultiheadAttention(8, 2, batch_first=True, rng=0)
    q, x = numbers(2, 3, 8, dtype="float32"), numbers(2, 4, 8, dtype="float32")
    other = x.copy()
    other[:, 3] = 100.0
    padding = np.array([[False, False, False, True]] * 2)
    a, b = (layer(q, v, v, padding, need_weights)[0].data for v in (x, other))
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def test_weights_sum_to_one_and_are_the_mean_of_the_heads():
    layer = nn.MultiheadAttention(8, 4, rng=0, dtype="float64")
    q, k = numbers(3, 2, 8), numbers(5, 2, 8)
    out, mean = layer(q, k, k)
    _, each = layer(q, k, k, average_attn_weights=False)
    np.testing.assert_allclose(mean.data.sum(axis=-1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(each.data.mean(axis=1), mean.data, rtol=1e-14)
    without, none = layer(q, k, k, need_weights=False)
    assert none is None
    np.testing.assert_allclose(without.data, out.data, rtol=0, atol=1e-14)


def test_groups_of_queries_share_a_head_of_keys_and_values():
    torch = pytest.importorskip("torch")
    layer = nn.MultiheadAttention(8, 4, num_kv_heads=2, rng=0, dtype="float64")
    theirs = torch.nn.MultiheadAttention(8, 4, dtype=torch.float64)
    state = {k: v.data for k, v in layer.state_dict().items()}

    def repeated(rows):  # each head of 2 rows twice
        return np.repeat(rows.reshape(2, 2, -1), 2, axis=0).reshape(8, -1)

    weight, bias = state["in_proj_weight"], state["in_proj_bias"] + numbers(16)
    layer.in_proj_bias.data[...] = bias
    parts = [weight[:8], repeated(weight[8:12]), repeated(weight[12:])]
    state["in_proj_weight"] = np.concatenate(parts)
    ends = [bias[:8], repeated(bias[8:12]).ravel(), repeated(bias[12:]).ravel()]
    state["in_proj_bias"] = np.concatenate(ends)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
    q, k, v = (numbers(n, 2, 8, seed=i) for i, n in enumerate((3, 5, 5)))
    want, mixed = theirs(torch.tensor(q), torch.tensor(k), torch.tensor(v))
    for need_weights in (True, False):
        out, weights = layer(q, k, v, need_weights=need_weights)
        np.testing.assert_allclose(out.data, want.detach().numpy(), atol=1e-12)
        if need_weights:
            np.testing.assert_allclose(weights.data, mixed.detach(), atol=1e-12)
    same, _ = layer(q, q, q, need_weights=False)
    want, _ = theirs(*[torch.tensor(q)] * 3)
    np.testing.assert_allclose(same.data, want.detach().numpy(), atol=1e-12)


def test_dropped_weights_are_the_same_from_the_same_seed_and_right_on_average():
    x = numbers(1, 2, 4, 3)
    one, same, other = (
        scaled_dot_product_attention(x, x, x, dropout_p=0.5, rng=seed).data
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    whole = scaled_dot_product_attention(x, x, x).data
    rng = xn.random.Generator(0)
    many = [
        scaled_dot_product_attention(x, x, x, dropout_p=0.3, rng=rng).data
        for _ in range(3000)
    ]
    np.testing.assert_allclose(np.mean(many, axis=0), whole, rtol=0, atol=0.08)
    assert not scaled_dot_product_attention(x, x, x, dropout_p=1.0).data.any()


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_layer_drops_in_training_alone(need_weights):
    layer = nn.MultiheadAttention(8, 2, dropout=0.5, rng=0)
    x = numbers(5, 2, 8, dtype="float32")
    runs = [layer(x, x, x, need_weights=need_weights)[0].data for _ in range(2)]
    assert (runs[0] != runs[1]).any()
    layer.eval()
    runs = [layer(x, x, x, need_weights=need_weights)[0].data for _ in range(2)]
    np.testing.assert_array_equal(*runs)


def test_layers_of_a_stack_start_alike_and_drop_out_apart():
    layer = nn.TransformerEncoderLayer(4, 2, 8, 0.5, rng=0)
    stack = nn.TransformerEncoder(layer, 3)
    assert not any(part is layer for part in stack.modules())
    a, b, _ = stack.layers
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert p is not q
        np.testing.assert_array_equal(p.data, q.data)
    states = [part.dropout1.rng.state_dict() for part in stack.layers]
    assert len({tuple(s.values()) for s in states}) == 3
    assert a.dropout1.rng is a.self_attn.rng
    model = nn.Transformer(4, 2, 2, 1, 8, rng=0)
    first, second = model.encoder.layers
    assert (first.linear1.weight.data != second.linear1.weight.data).any()


def test_autocast_computes_attention_in_the_low_type():
    layer = nn.MultiheadAttention(8, 2, batch_first=True, rng=0)
    x = numbers(2, 5, 8, dtype="float32")
    want = [layer(x, x, x, need_weights=n, is_causal=True)[0] for n in (True, False)]
    with xn.autocast("float16"):
        got = [layer(x, x, x, need_weights=n, is_causal=True)[0] for n in (True, False)]
        q = xn.asarray(x)
        assert scaled_dot_product_attention(q, q, q).dtype == np.float16
    for a, b in zip(got, want, strict=True):
        assert a.dtype == np.float16
        np.testing.assert_allclose(a.data, b.data, rtol=0, atol=3e-3)


# --- what is refused ------------------------------------------------------------------


def test_options_without_meaning_are_refused():
    with pytest.raises(OptionError, match="3 heads do not share a width of 8 evenly"):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(OptionError, match="4 query heads do not share 3 heads"):
        nn.MultiheadAttention(8, 4, num_kv_heads=3)
    with pytest.raises(OptionError, match="dropout is a probability"):
        nn.MultiheadAttention(8, 4, dropout=1.5)
    with pytest.raises(OptionError, match="activation is 'relu', 'gelu' or a function"):
        nn.TransformerEncoderLayer(8, 4, activation="tanh")
    with pytest.raises(OptionError, match="num_layers is an integer of at least 1"):
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 4), 0)
    with pytest.raises(OptionError, match="the layer is a Module"):
        nn.TransformerDecoder("layer", 1)
    with pytest.raises(OptionError, match="dim is even, not 3"):
        nn.RotaryEmbedding(3)
    with pytest.raises(OptionError, match="base is a positive number"):
        nn.SinusoidalPositions(4, base=0.0)


def test_dtypes_that_do_not_fit_are_refused():
    x = numbers(2, 3)
    with pytest.raises(DTypeError, match="they have float32, float64 and float64"):
        scaled_dot_product_attention(x.astype("float32"), x, x)
    with pytest.raises(DTypeError, match="need one floating-point dtype"):
        scaled_dot_product_attention(*[np.ones((2, 3), dtype=int)] * 3)
    with pytest.raises(DTypeError, match="attn_mask has dtype int64"):
        scaled_dot_product_attention(x, x, x, np.ones((2, 2), dtype=int))
    layer = nn.MultiheadAttention(4, 2)
    q = numbers(3, 2, 4, dtype="float32")
    for masks in (
        {"attn_mask": np.ones((3, 3), dtype=int)},
        {"key_padding_mask": np.ones((2, 3), dtype=int)},
    ):
        with pytest.raises(DTypeError, match="a mask has dtype int64; it is boolean"):
            layer(q, q, q, **masks)
    with pytest.raises(DTypeError, match="features are floating point"):
        rotary(np.ones((2, 4), dtype=int))


def test_masks_that_do_not_fit_are_refused():
    layer = nn.MultiheadAttention(8, 2)
    x = numbers(5, 3, 8, dtype="float32")
    with pytest.raises(ShapeError, match=r"it is \(5, 5\), or \(6, 5, 5\)"):
        layer(x, x, x, attn_mask=np.ones((3, 5, 5), dtype=bool))
    with pytest.raises(ShapeError, match=r"it is \(3, 5\)\."):
        layer(x, x, x, key_padding_mask=np.ones((5, 3), dtype=bool))


# --- positions ------------------------------------------------------------------------


@pytest.mark.parametrize("interleaved", [True, False])
def test_products_of_turned_vectors_depend_on_the_distance_alone(interleaved):
    turn = functools.partial(rotary, interleaved=interleaved)
    q, k = numbers(1, 8), numbers(1, 8, seed=1)

    def product(at, to):
        one, two = turn(q, np.array([at])).data, turn(k, np.array([to])).data
        return float((one * two).sum())

    near = product(3, 1)
    assert product(1003, 1001) == pytest.approx(near, abs=1e-12)
    assert product(100_003, 100_001) == pytest.approx(near, abs=1e-9)
    assert abs(product(4, 1) - near) > 1e-3
    lengths = np.linalg.norm(turn(numbers(5, 8)).data, axis=-1)
    np.testing.assert_allclose(lengths, np.linalg.norm(numbers(5, 8), axis=-1))


def test_the_two_layouts_differ_by_the_order_of_features_alone():
    x = numbers(2, 5, 8)
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    half = rotary(x[..., order]).data
    pairs = rotary(x, interleaved=True).data
    np.testing.assert_allclose(half, pairs[..., order], rtol=0, atol=1e-15)


def test_far_positions_are_as_exact_as_near_ones_in_float32():
    x = np.ones((1, 2), dtype="float32")
    out = rotary(x, np.array([1_000_003])).data
    a = 1_000_003.0
    want = [math.cos(a) - math.sin(a), math.cos(a) + math.sin(a)]
    np.testing.assert_allclose(out, [want], rtol=0, atol=3e-7)


def test_sinusoidal_positions_are_those_of_the_paper():
    table = sinusoidal_positions(50, np.zeros((1, 6))).data
    for p in (0, 1, 49):
        for i in range(3):
            a = p / 10000 ** (2 * i / 6)
            assert table[p, 2 * i] == pytest.approx(math.sin(a), abs=1e-14)
            assert table[p, 2 * i + 1] == pytest.approx(math.cos(a), abs=1e-14)
