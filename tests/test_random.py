"""Random numbers: the exact bits, the distributions, the state, and where they go."""

import copy
import math
import pickle

import numpy as np
import pytest

import xpnet as xn
from libraries import host
from xpnet.backend.random import Stream
from xpnet.errors import DTypeError, OptionError, ShapeError
from xpnet.random import Generator, as_generator

DRAWS = {
    "uniform": lambda rng, **where: rng.uniform((3, 4), -2.0, 5.0, **where),
    "normal": lambda rng, **where: rng.normal((3, 4), 1.0, 2.0, **where),
    "bernoulli": lambda rng, **where: rng.bernoulli(0.3, (3, 4), **where),
    "integers": lambda rng, **where: rng.integers(-5, 100, (3, 4), **where),
    "permutation": lambda rng, **where: rng.permutation(12, **where),
}
every_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


# --- the bits, from an implementation that shares nothing with NumPy's ----------------

MASK = (1 << 64) - 1


def philox(key, block, far=0):
    """Encrypt one block of four words: Philox-4x64, 10 rounds, in Python integers."""
    c, (k0, k1) = [block, 0, 0, far], key
    for _ in range(10):
        one, two = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(two >> 64) ^ c[1] ^ k0, two & MASK, (one >> 64) ^ c[3] ^ k1, one & MASK]
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & MASK, (k1 + 0xBB67AE8584CAA73B) & MASK
    return c


def words(seed, number, count, far=0):
    """Return the first words of a draw, as the module's docstring defines them."""
    blocks = [philox((seed, number), b + 1, far) for b in range(-(-count // 4))]
    return [word for block in blocks for word in block][:count]


def halves(seed, number, count):
    found = words(seed, number, -(-count // 2))
    return [half for word in found for half in (word & 0xFFFFFFFF, word >> 32)][:count]


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**63 + 7, 2**64 - 1])
@pytest.mark.parametrize("number", [0, 1, 2**40])
def test_the_words_are_philox_of_seed_and_counter(seed, number):
    assert Stream(seed, number).words(11).tolist() == words(seed, number, 11)


def test_uniform_is_built_from_the_bits():
    single = Stream(5, 3).uniform((7,), dtype=np.float32)
    assert single.tolist() == [(h >> 8) * 2.0**-24 for h in halves(5, 3, 7)]
    double = Stream(5, 3).uniform((7,), dtype=np.float64)
    assert double.tolist() == [(w >> 11) * 2.0**-53 for w in words(5, 3, 7)]


def test_bernoulli_compares_32_bits():
    drawn = Stream(9).bernoulli(0.3, (51,)).tolist()
    found = halves(9, 0, 51)
    assert drawn == [h < round(0.3 * 2**32) for h in found]
    assert not Stream(9).bernoulli(found[0] / 2**32)
    assert Stream(9).bernoulli((found[0] + 1) / 2**32)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 6), (-7, 1000), (0, 2**32), (2**63 - 9, 2**63)]
)
def test_integers_multiply_and_shift(low, high):
    drawn = Stream(4).integers(low, high, (33,)).tolist()
    assert drawn == [low + (w * (high - low) >> 64) for w in words(4, 0, 33)]


def test_permutation_sorts_the_words():
    found = words(8, 0, 50, far=1)
    assert Stream(8).permutation(50).tolist() == sorted(
        range(50), key=found.__getitem__
    )


# --- the distributions: fixed seeds, so these either always pass or never -------------


def distance(sample, cdf):
    """Return Kolmogorov's distance times √n; above 1.95 once in a thousand seeds."""
    ordered, n = np.sort(np.ravel(sample)), np.size(sample)
    steps = np.arange(n + 1) / n
    expected = cdf(ordered)
    gap = max(np.max(steps[1:] - expected), np.max(expected - steps[:-1]))
    return gap * math.sqrt(n)


def normal_cdf(x):
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in x])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(3))
def test_uniform_and_normal_have_their_distribution(seed, dtype):
    stream = Stream(seed)
    assert distance(stream.uniform(20000, dtype=dtype), lambda x: x) < 1.95
    wide = stream.uniform(20000, -3.0, 7.0, dtype=dtype)
    assert distance(wide, lambda x: (x + 3.0) / 10.0) < 1.95
    drawn = stream.normal(20000, 2.0, 0.5, dtype=dtype)
    assert distance((drawn - 2.0) / 0.5, normal_cdf) < 1.95


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_bernoulli_has_its_mean(p):
    mean = Stream(3).bernoulli(p, 40000).mean()
    assert abs(mean - p) <= 4.0 * math.sqrt(p * (1.0 - p) / 40000)


def test_integers_and_permutations_are_even():
    counts = np.bincount(Stream(2).integers(0, 10, 50000), minlength=10)
    assert np.sum((counts - 5000.0) ** 2 / 5000.0) < 27.9  # chi², 9 degrees, 0.001
    stream, places = Stream(1), np.zeros((6, 6))
    for _ in range(3000):
        places[np.arange(6), stream.permutation(6)] += 1
    assert np.sum((places - 500.0) ** 2 / 500.0) < 52.6  # chi², 25 degrees, 0.001


@pytest.mark.parametrize(
    ("one", "two"), [((0, 0), (0, 1)), ((0, 0), (1, 0)), ((1, 0), (0, 1))]
)
def test_neighbouring_draws_and_seeds_are_uncorrelated(one, two):
    x, y = Stream(*one).uniform(20000), Stream(*two).uniform(20000)
    assert abs(np.corrcoef(x, y)[0, 1]) < 4.0 / math.sqrt(20000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_never_reaches_its_upper_bound(dtype):
    last = dtype(2.0) - np.finfo(dtype).eps
    drawn = Stream(0).uniform(200000, np.nextafter(2.0, 1.0), 2.0, dtype=np.float64)
    assert drawn.max() < 2.0
    drawn = Stream(0).uniform(400000, 1.0, 2.0, dtype=dtype)
    assert drawn.min() >= 1.0
    assert drawn.max() <= last
    # between two neighbours there is one number, and rounding up would give the other
    drawn = Stream(0).uniform(100, float(last), 2.0, dtype=dtype)
    assert set(drawn.tolist()) == {float(last)}


# --- the state ------------------------------------------------------------------------


@every_draw
def test_the_same_seed_gives_the_same_bytes(draw):
    one, two = draw(Generator(7)), draw(Generator(7))
    assert one.numpy().tobytes() == two.numpy().tobytes()
    assert draw(Generator(8)).numpy().tobytes() != one.numpy().tobytes()


@every_draw
def test_a_draw_is_had_again_without_the_ones_before(draw):
    rng = Generator(7)
    rng.uniform(1000)
    rng.normal(1000)
    state = rng.state_dict()
    first = draw(rng).numpy()
    assert rng.counter == 3
    again = Generator(0)
    again.load_state_dict(state)
    assert np.array_equal(draw(again).numpy(), first)
    assert again == rng


@every_draw
@pytest.mark.parametrize("size", [0, 1])
def test_each_draw_counts_one_whatever_its_size(draw, size):
    rng = Generator(0)
    rng.uniform(size)
    rng.permutation(size)
    draw(rng)
    assert rng.counter == 3


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda rng: pickle.loads(pickle.dumps(rng))]
)
def test_generators_copy_and_pickle(duplicate):
    rng = Generator(3)
    rng.uniform(5)
    other = duplicate(rng)
    assert other == rng
    assert np.array_equal(other.normal(5).numpy(), rng.normal(5).numpy())
    rng.uniform()
    assert other != rng


def test_the_repr_shows_the_state():
    rng = Generator(12)
    rng.uniform()
    assert repr(rng) == "Generator(seed=12, counter=1)"
    assert rng != "Generator(seed=12, counter=1)"


def test_children_differ_and_repeat():
    first, second = Generator(5).split(3), Generator(5).split(3)
    assert first == second
    rng = Generator(5)
    seeds = {child.seed for child in [*rng.split(50), *rng.split(50), rng]}
    assert len(seeds) == 101
    assert rng.counter == 2
    assert Generator(6).split(1) != Generator(5).split(1)
    assert Generator(6).split(0) == []


def test_children_are_uncorrelated():
    rng = Generator(0)
    rows = np.stack([g.uniform(5000).numpy() for g in [*rng.split(10), rng]])
    assert distance(rows, lambda x: x) < 1.95
    off_diagonal = np.corrcoef(rows) - np.eye(11)
    assert np.max(np.abs(off_diagonal)) < 4.5 / math.sqrt(5000)


def test_seeds_of_any_size_are_taken():
    assert Generator(2**64 - 1).seed == 2**64 - 1
    seeds = {Generator(seed).seed for seed in (0, 2**64, 2**64 + 1, 2**200, 10**300)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**64 for seed in seeds)
    assert Generator(np.int64(3)) == Generator(3)


def test_as_generator_takes_a_seed_a_generator_or_nothing():
    rng = Generator(1)
    assert as_generator(rng) is rng
    assert as_generator(4) == Generator(4)
    assert as_generator(None) != as_generator(None)


@pytest.mark.parametrize("bad", [-1, 1.5, "7", True, [1]])
def test_a_bad_seed_is_refused(bad):
    with pytest.raises(OptionError, match="seed"):
        as_generator(bad)
    with pytest.raises(OptionError, match="integer of at least 0"):
        Generator(bad)


@pytest.mark.parametrize(
    "state",
    [
        {"seed": 1},
        {"seed": 1, "counter": 0, "other": 2},
        {"seed": -1, "counter": 0},
        {"seed": 1, "counter": -1},
        {"seed": 1, "counter": 2**64},
    ],
)
def test_a_bad_state_is_refused_and_changes_nothing(state):
    rng = Generator(9)
    with pytest.raises(OptionError):
        rng.load_state_dict(state)
    assert rng == Generator(9)


# --- where the numbers go -------------------------------------------------------------


@every_draw
def test_values_are_the_same_in_every_library_and_on_its_device(draw, target):
    like = target.make(np.zeros(1, dtype=np.float32))
    out = draw(Generator(11), like=like)
    assert type(out) is xn.Array
    assert out._lib is like._lib
    assert out.device == like.device
    assert not out.requires_grad
    assert np.array_equal(host(out), draw(Generator(11)).numpy())


def test_dtypes_follow_the_option_in_the_librarys_own_objects(target, xp):
    like = target.make(np.zeros(1, dtype=np.float32))
    rng = Generator(0)
    assert rng.uniform(2, dtype=xp.float64, like=like).dtype == xp.float64
    assert rng.normal(2, dtype="float32", like=like).dtype == xp.float32
    assert rng.uniform(2, like=like).dtype == xp.float32
    double = xp.astype(like, xp.float64)
    assert rng.uniform(2, like=double).dtype == xp.float64
    assert rng.bernoulli(0.5, 2, like=like).dtype == xp.bool
    assert rng.bernoulli(1.0, 2, dtype=xp.float64, like=like).dtype == xp.float64
    assert rng.integers(0, 5, 2, like=like).dtype == xp.int64
    assert rng.integers(0, 5, 2, dtype=np.int32, like=like).dtype == xp.int32
    assert rng.permutation(2, like=like).dtype == xp.int64


def test_the_default_is_float32_on_the_default_device():
    with xn.use_device("cpu"):
        out = Generator(0).normal((2, 3))
    assert out.dtype == np.float32
    assert out.device == "cpu"
    assert out.shape == (2, 3)
    assert Generator(0).uniform().shape == ()
    assert Generator(0).uniform(4, device="cpu").shape == (4,)
    whole = xn.asarray([1, 2])
    assert Generator(0).uniform(2, like=whole).dtype == np.float32


# --- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda r: r.uniform(3, 1.0, 1.0), OptionError, "low=1.0, high=1.0"),
        (lambda r: r.uniform(3, 0.0, math.inf), OptionError, "high=inf"),
        (lambda r: r.uniform(3, math.nan, 1.0), OptionError, "low=nan"),
        (lambda r: r.normal(3, 0.0, -1.0), OptionError, "std=-1.0"),
        (lambda r: r.normal(3, math.nan), OptionError, "mean=nan"),
        (lambda r: r.bernoulli(1.5, 3), OptionError, "not 1.5"),
        (lambda r: r.bernoulli(math.nan, 3), OptionError, "not nan"),
        (lambda r: r.integers(5, 5, 3), OptionError, "low=5, high=5"),
        (lambda r: r.integers(0, 2**32 + 1, 3), OptionError, "2\\*\\*32"),
        (lambda r: r.integers(2**63, 2**63 + 1), OptionError, "int64"),
        (lambda r: r.uniform((2, -1)), ShapeError, "at least 0"),
        (lambda r: r.uniform(2.5), ShapeError, "2.5"),
        (lambda r: r.permutation(-3), ShapeError, "-3"),
        (lambda r: r.uniform(2, dtype=np.int64), DTypeError, "int64"),
        (lambda r: r.normal(2, dtype="complex64"), DTypeError, "complex64"),
        (lambda r: r.uniform(2, dtype="nonsense"), DTypeError, "nonsense"),
        (
            lambda r: r.uniform(2, device="cpu", like=xn.asarray(1.0)),
            OptionError,
            "give one",
        ),
        (lambda r: r.uniform(2, like=np.zeros(2)), OptionError, "ndarray"),
    ],
)
def test_a_bad_option_is_one_sentence_and_draws_nothing(draw, error, message):
    rng = Generator(0)
    with pytest.raises(error, match=message):
        draw(rng)
