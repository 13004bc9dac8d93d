"""Data sets, the loader, the toy data, and what scikit-learn brings."""

import math
import pickle
import sys

import numpy as np
import pytest

import xpnet as xn
from libraries import host
from xpnet import data, xp
from xpnet.errors import DTypeError, LibraryError, OptionError, ShapeError
from xpnet.random import Generator

N = 23
FEATURES = np.arange(N * 6, dtype=np.float32).reshape(N, 2, 3)
LABELS = np.arange(N, dtype=np.int64) % 3


def numbered(n=N):
    """Return a data set in which label i belongs to the features i."""
    return data.Dataset(np.arange(n, dtype=np.float64)[:, None], np.arange(n))


def in_target(target):
    return data.Dataset(target.make(FEATURES), target.make(LABELS))


# --- Dataset --------------------------------------------------------------------------


def test_a_dataset_knows_its_samples():
    points = data.Dataset(FEATURES, LABELS, classes="abc", name="letters")
    assert len(points) == N
    assert points.feature_shape == (2, 3)
    assert points.classes == ("a", "b", "c")
    assert points.features is FEATURES
    assert repr(points) == (
        "Dataset(letters: 23 samples, features (2, 3) float32, labels () int64, "
        "3 classes)"
    )
    assert len(list(points)) == N


def test_one_sample_and_parts_of_a_dataset(target):
    points = in_target(target)
    x, y = points[4]
    assert np.array_equal(host(x), FEATURES[4])
    assert int(y) == LABELS[4]
    assert np.array_equal(host(points[-1][0]), FEATURES[-1])
    for index in (slice(3, 15, 4), [5, 1, 1], np.array([22, 0]), np.array([], int)):
        part = points[index]
        assert isinstance(part, data.Dataset)
        assert np.array_equal(host(part.features), FEATURES[index])
        assert np.array_equal(host(part.labels), LABELS[index])
        assert part.features.device == points.features.device
    with pytest.raises(IndexError, match=r"no sample 23: the data set has 23"):
        points[N]


def test_a_dataset_takes_raw_arrays_and_lists(target):
    points = data.Dataset(target.raw(FEATURES), target.raw(LABELS))
    assert np.array_equal(host(points.features), FEATURES)
    assert data.Dataset([[1, 2], [3, 4]], [0.5, 1.5]).feature_shape == (2,)
    pickled = pickle.loads(pickle.dumps(data.Dataset(FEATURES, LABELS, classes="ab")))
    assert pickled.classes == ("a", "b")
    assert np.array_equal(pickled.features, FEATURES)


def test_a_dataset_is_off_the_tape():
    leaf = xn.asarray(FEATURES, requires_grad=True)
    assert not data.Dataset(leaf * 2.0, LABELS).features.requires_grad


@pytest.mark.parametrize(
    ("features", "labels", "error", "message"),
    [
        (FEATURES, LABELS[:4], ShapeError, "23 samples but 4 labels"),
        (1.0, LABELS, ShapeError, "features are one number"),
        (FEATURES, 1, ShapeError, "labels are one number"),
        (FEATURES, ["a"] * N, DTypeError, "labels have dtype"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(features, labels, error, message):
    with pytest.raises(error, match=message):
        data.Dataset(features, labels)


def test_arrays_go_to_a_device_or_to_where_another_array_is(target):
    like = target.make(np.zeros(2))
    for points in (data.Dataset(FEATURES, LABELS), in_target(target)):
        for out, expected in zip(
            points.arrays(like=like), (FEATURES, LABELS), strict=True
        ):
            assert out._lib is like._lib
            assert out.device == like.device
            assert np.array_equal(host(out), expected)
    x, y = data.Dataset(FEATURES, LABELS).arrays("cpu")
    assert x.data is FEATURES
    assert y.device == "cpu"


def test_labels_follow_features_that_are_arrays_already(target):
    x, y = data.Dataset(target.make(FEATURES), LABELS).arrays()
    assert y._lib is x._lib
    assert y.device == x.device
    assert np.array_equal(host(y), LABELS)


def test_arrays_are_cast_where_they_are_floating(target):
    like = target.make(np.zeros(2))
    x, y = data.Dataset(FEATURES, LABELS).arrays(like=like, dtype="float64")
    assert x.dtype == target.namespace.float64
    assert y.dtype == target.namespace.int64
    x, y = data.Dataset(FEATURES, FEATURES).arrays(like=like, dtype=x.dtype)
    assert y.dtype == target.namespace.float64


def test_device_and_like_together_are_refused():
    with pytest.raises(OptionError, match="give one"):
        numbered().arrays("cpu", like=xn.asarray(1.0))


# --- split ----------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.99])
def test_split_shares_every_sample_out_once(fraction):
    one, two = numbered(101).split(fraction, rng=3)
    assert sorted([*one.labels, *two.labels]) == list(range(101))
    assert len(two) == round(fraction * 101)
    assert np.array_equal(one.features[:, 0], one.labels)
    assert np.array_equal(two.features[:, 0], two.labels)
    longer = max(one, two, key=len).labels
    assert np.any(np.diff(longer) < 0), "the samples come in random order"


def test_split_depends_on_the_seed_alone():
    points = data.Dataset(FEATURES, LABELS)
    first, again, other = (points.split(0.3, rng=seed) for seed in (1, 1, 2))
    assert np.array_equal(first[0].features, again[0].features)
    assert np.array_equal(first[1].features, again[1].features)
    assert not np.array_equal(first[1].features, other[1].features)


def test_split_gives_each_class_its_part():
    labels = np.repeat([0, 1, 2, 7], [500, 300, 33, 7])
    points = data.Dataset(np.arange(840.0), labels)
    for seed in range(5):
        _, test = points.split(0.1, rng=seed)
        counts = [int(np.sum(test.labels == kind)) for kind in (0, 1, 2, 7)]
        assert sum(counts) == 84
        assert counts[:2] == [50, 30]
        assert counts[2] in (3, 4)
        assert counts[3] in (0, 1)
        assert np.any(np.diff(test.labels) < 0), "the samples come in random order"
    share = [np.mean(points.split(0.1, s, stratify=False)[1].labels) for s in range(9)]
    assert np.ptp(share) > 0


def test_split_keeps_names_and_places(target):
    points = data.Dataset(target.make(FEATURES), target.make(LABELS), classes="xyz")
    one, two = points.split(0.25, rng=0)
    host_one, host_two = data.Dataset(FEATURES, LABELS).split(0.25, rng=0)
    assert one.classes == two.classes == ("x", "y", "z")
    assert one.features.device == points.features.device
    assert np.array_equal(host(one.features), host_one.features)
    assert np.array_equal(host(two.labels), host_two.labels)


def test_real_labels_are_not_stratified():
    one, two = data.Dataset(FEATURES, FEATURES[:, 0, 0]).split(0.5, rng=0)
    assert len(one) + len(two) == N
    with pytest.raises(ShapeError, match="one label per sample"):
        data.Dataset(FEATURES, FEATURES).split(0.5, rng=0, stratify=True)


def test_split_refuses_what_cannot_be_shared():
    for fraction in (0.0, 1.0, -0.5, math.nan):
        with pytest.raises(OptionError, match="fraction="):
            numbered().split(fraction)
    with pytest.raises(OptionError, match="samples=1"):
        numbered(1).split(0.5)
    assert [len(part) for part in numbered(2).split(0.01)] == [1, 1]


# --- DataLoader -----------------------------------------------------------------------


def epoch(loader):
    """Return the labels of one epoch, batch by batch."""
    return [host(y).tolist() for _, y in loader]


def test_batches_come_in_order_with_the_rest_at_the_end(target):
    loader = data.DataLoader(in_target(target), batch_size=5)
    batches = list(loader)
    assert [len(x) for x, _ in batches] == [5, 5, 5, 5, 3]
    assert len(loader) == 5
    assert np.array_equal(np.concatenate([host(x) for x, _ in batches]), FEATURES)
    assert np.array_equal(np.concatenate([host(y) for _, y in batches]), LABELS)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    ("n", "size", "kept", "dropped"),
    [(23, 5, 5, 4), (20, 5, 4, 4), (3, 5, 1, 0), (0, 5, 0, 0), (4, 1, 4, 4)],
)
def test_the_length_is_the_number_of_batches(n, size, kept, dropped, shuffle):
    options = {"batch_size": size, "shuffle": shuffle, "rng": 0}
    for drop_last, expected in ((False, kept), (True, dropped)):
        loader = data.DataLoader(numbered(n), drop_last=drop_last, **options)
        assert len(loader) == expected
        batches = epoch(loader)
        assert len(batches) == expected
        if drop_last:
            assert all(len(batch) == size for batch in batches)
        else:
            assert sorted(i for batch in batches for i in batch) == list(range(n))


def test_a_shuffled_epoch_has_every_sample_once_with_its_label():
    loader = data.DataLoader(numbered(50), batch_size=8, shuffle=True, rng=0)
    for _ in range(3):
        seen = []
        for x, y in loader:
            assert np.array_equal(host(x)[:, 0], host(y))
            seen += host(y).tolist()
        assert sorted(seen) == list(range(50))
        assert seen != list(range(50))


def test_the_same_seed_gives_the_same_epochs():
    def loader(rng):
        return data.DataLoader(numbered(), batch_size=4, shuffle=True, rng=rng)

    one, two, other = loader(5), loader(Generator(5)), loader(6)
    epochs = [epoch(one) for _ in range(3)]
    assert epochs == [epoch(two) for _ in range(3)]
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] != epoch(other)
    assert epoch(loader(None)) != epoch(loader(None))


def test_an_epoch_that_was_left_early_still_counts():
    one, two = (
        data.DataLoader(numbered(), batch_size=4, shuffle=True, rng=1) for _ in "ab"
    )
    next(iter(one))
    epoch(two)
    assert epoch(one) == epoch(two)
    assert one.rng == two.rng


def test_two_loops_over_one_loader_do_not_disturb_each_other():
    loader, again = (
        data.DataLoader(numbered(), batch_size=4, shuffle=True, rng=1) for _ in "ab"
    )
    first, second = iter(loader), iter(loader)
    mixed = [(epoch([a]), epoch([b])) for a, b in zip(first, second, strict=True)]
    assert [a for a, _ in mixed] == [[batch] for batch in epoch(again)]
    assert [b for _, b in mixed] == [[batch] for batch in epoch(again)]


def test_an_epoch_can_be_had_again_from_the_state_of_the_generator():
    loader = data.DataLoader(numbered(), batch_size=4, shuffle=True, rng=1)
    epoch(loader)
    state = loader.rng.state_dict()
    second = epoch(loader)
    loader.rng.load_state_dict(state)
    assert epoch(loader) == second


def test_shuffled_batches_are_the_same_in_every_library(target):
    like = target.make(np.zeros(1, dtype=np.float32))
    options = {"batch_size": 4, "shuffle": True, "rng": 2}
    there = data.DataLoader(data.Dataset(FEATURES, LABELS), like=like, **options)
    here = data.DataLoader(data.Dataset(FEATURES, LABELS), **options)
    for _ in range(2):
        for batch, expected in zip(there, here, strict=True):
            for x, y in zip(batch, expected, strict=True):
                assert x._lib is like._lib
                assert x.device == like.device
                assert not x.requires_grad
                assert np.array_equal(host(x), host(y))


def test_changing_a_batch_does_not_change_the_data():
    features = FEATURES.copy()
    for shuffle in (False, True):
        loader = data.DataLoader(
            data.Dataset(features, LABELS), batch_size=4, shuffle=shuffle, rng=0
        )
        for x, _ in loader:
            x *= 0.0
            x[0] = -1.0
    assert np.array_equal(features, FEATURES)


def test_a_loader_casts_what_is_floating():
    loader = data.DataLoader(numbered(), batch_size=4, dtype="float32")
    x, y = next(iter(loader))
    assert x.dtype == np.float32
    assert y.dtype == np.int64


def test_the_repr_of_a_loader_says_what_it_does():
    loader = data.DataLoader(numbered(), batch_size=4, shuffle=True, rng=9)
    assert "batch_size=4, shuffle=True" in repr(loader)
    assert "Generator(seed=9, counter=0), device='cpu'" in repr(loader)


@pytest.mark.parametrize("size", [0, -1, 2.5, "4"])
def test_a_bad_batch_size_is_refused(size):
    with pytest.raises(OptionError, match="batch_size is an integer of at least 1"):
        data.DataLoader(numbered(), batch_size=size)


def test_other_options_that_cannot_work_are_refused():
    with pytest.raises(OptionError, match=r"not a tuple. Write data.Dataset"):
        data.DataLoader((FEATURES, LABELS))
    with pytest.raises(OptionError, match="rng is a seed"):
        data.DataLoader(numbered(), rng="seed")
    with pytest.raises(xn.DeviceError, match="not a device"):
        data.DataLoader(numbered(), device="gpu")


# --- toy data -------------------------------------------------------------------------

TOYS = {
    f.__name__: f
    for f in (data.blobs, data.circles, data.moons, data.spirals, data.xor)
}


@pytest.fixture(params=TOYS.values(), ids=TOYS)
def toy(request):
    return request.param


def test_toy_data_has_even_classes_and_is_small(toy):
    points = toy(301)
    assert len(points) == 301
    assert points.features.dtype == np.float32
    assert points.labels.dtype == np.int64
    assert points.feature_shape == (2,)
    assert points.name == toy.__name__
    assert len(points.classes) == 2
    assert abs(np.mean(points.labels) - 0.5) < 0.1
    assert np.max(np.abs(points.features)) < 3.0


def test_toy_data_depends_on_the_seed_alone(toy):
    assert np.array_equal(toy(50, rng=1).features, toy(50, rng=Generator(1)).features)
    assert not np.array_equal(toy(50, rng=1).features, toy(50, rng=2).features)
    assert not np.array_equal(toy(50, rng=None).features, toy(50, rng=None).features)


def test_toy_data_without_noise_obeys_its_formula():
    x, y = data.moons(200, noise=0.0).features.astype(float).T
    label = data.moons(200, noise=0.0).labels
    centre = np.where(label == 0, [[0.0], [0.0]], [[1.0], [0.5]])
    assert np.hypot(x - centre[0], y - centre[1]) == pytest.approx(1.0, abs=1e-6)
    assert np.all(np.where(label == 0, y >= -1e-6, y <= 0.5 + 1e-6))

    points = data.circles(100, noise=0.0, factor=0.3)
    radius = np.hypot(*points.features.T)
    assert radius == pytest.approx(np.where(points.labels == 0, 1.0, 0.3), abs=1e-6)

    points = data.xor(200)
    assert np.array_equal(np.prod(points.features, axis=1) < 0, points.labels == 1)

    points = data.spirals(300, noise=0.0, arms=3, turns=1.25)
    assert np.bincount(points.labels).tolist() == [100, 100, 100]
    x, y = points.features.astype(float).T
    radius = np.hypot(x, y)
    angle = 2.0 * math.pi * (1.25 * radius + points.labels / 3)
    assert x == pytest.approx(radius * np.cos(angle), abs=1e-5)
    assert y == pytest.approx(radius * np.sin(angle), abs=1e-5)

    points = data.blobs(8, noise=0.0, centers=4)
    corners = [[1, 0], [0, 1], [-1, 0], [0, -1]]
    assert points.features == pytest.approx(np.array(corners * 2), abs=1e-6)
    assert points.labels.tolist() == [0, 1, 2, 3] * 2


def test_noise_has_the_deviation_that_was_asked_for(toy):
    apart = toy(4000, noise=0.2).features - toy(4000, noise=0.0).features
    assert np.std(apart) == pytest.approx(0.2, rel=0.05)
    assert abs(np.mean(apart)) < 0.01


def test_toy_data_refuses_bad_options(toy):
    for n in (0, -3, 2.5):
        with pytest.raises(OptionError, match=f"{toy.__name__}: n is"):
            toy(n)
    for noise in (-0.1, math.nan, math.inf):
        with pytest.raises(OptionError, match=f"{toy.__name__}: noise is"):
            toy(10, noise=noise)


def test_toy_data_refuses_bad_shapes():
    for factor in (0.0, 1.0, math.nan):
        with pytest.raises(OptionError, match="factor"):
            data.circles(10, factor=factor)
    for options in ({"arms": 1}, {"arms": 2.5}, {"turns": math.inf}):
        with pytest.raises(OptionError, match="arms"):
            data.spirals(10, **options)
    for centers in (1, 2.5):
        with pytest.raises(OptionError, match="centers"):
            data.blobs(10, centers=centers)


# --- scikit-learn's data --------------------------------------------------------------


@pytest.fixture(scope="module")
def bundled():
    reason = "scikit-learn is not installed"
    return pytest.importorskip("sklearn.datasets", reason=reason)


def rows(points):
    """Return the samples as a sorted list, to compare data sets without their order."""
    flat = points.features.reshape(len(points), -1)
    pixels = map(bytes, np.ascontiguousarray(flat))
    return sorted(zip(pixels, points.labels.tolist(), strict=True))


def test_digits_are_all_there_scaled_and_shared_by_class(bundled):
    train, test = data.load_digits()
    raw = bundled.load_digits()
    assert (len(train), len(test)) == (1438, 359)
    whole = data.Dataset((raw.data / 16.0).astype(np.float32), raw.target)
    assert sorted(rows(train) + rows(test)) == rows(whole)
    assert train.features.dtype == np.float32
    assert train.labels.dtype == np.int64
    assert train.features.min() == 0.0
    assert train.features.max() == 1.0
    assert train.classes == tuple("0123456789")
    share = np.bincount(test.labels) / np.bincount(raw.target)
    assert share == pytest.approx(0.2, abs=0.007)


def test_train_and_test_have_no_sample_in_common(bundled):
    raw = bundled.load_digits()
    assert len(set(map(bytes, raw.data))) == 1797, "so equal rows would be one sample"
    train, test = data.load_digits(rng=4)
    assert not {row for row, _ in rows(train)} & {row for row, _ in rows(test)}


def test_digits_as_images_are_the_same_samples(bundled):
    flat, images = data.load_digits(rng=3), data.load_digits(rng=3, flatten=False)
    for one, two in zip(flat, images, strict=True):
        assert two.feature_shape == (1, 8, 8)
        assert np.array_equal(one.features.reshape(-1, 1, 8, 8), two.features)
        assert np.array_equal(one.labels, two.labels)


@pytest.mark.parametrize("load", [data.load_digits, data.load_breast_cancer])
def test_the_choice_depends_on_the_seed_alone(bundled, load):
    one, again, other = load(rng=0), load(rng=Generator(0)), load(rng=1)
    assert np.array_equal(one[0].features, again[0].features)
    assert np.array_equal(one[1].labels, again[1].labels)
    assert not np.array_equal(one[0].labels, other[0].labels)
    train, test = load(test_fraction=0.5)
    assert abs(len(train) - len(test)) <= 1
    with pytest.raises(OptionError, match="fraction"):
        load(test_fraction=1.5)


def test_breast_cancer_is_standardised_by_the_training_set_alone(bundled):
    train, test = data.load_breast_cancer(rng=2)
    assert (len(train), len(test)) == (455, 114)
    assert train.classes == ("malignant", "benign")
    exact = train.features.astype(np.float64)
    assert np.mean(exact, axis=0) == pytest.approx(0.0, abs=1e-6)
    assert np.std(exact, axis=0) == pytest.approx(1.0, abs=1e-6)

    raw = bundled.load_breast_cancer()
    first, second = data.Dataset(raw.data, raw.target).split(0.2, rng=2)
    expected = (second.features - first.features.mean(axis=0)) / first.features.std(0)
    assert test.features == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert np.array_equal(test.labels, second.labels)


@pytest.mark.parametrize("name", ["load_digits", "load_breast_cancer"])
def test_a_missing_scikit_learn_is_one_sentence(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(LibraryError) as caught:
        getattr(data, name)()
    assert name in str(caught.value)
    assert "pip install 'xpnet[sklearn]'" in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_data_set_is_not_split_by_its_own_values():
    """One seed draws the points and chooses the samples: the two are independent."""
    t = xn.random.Generator(0).uniform((400,), dtype=xp.float64).numpy()
    whole = data.Dataset(t[:, None], np.zeros(400))
    first, second = whole.split(0.5, rng=0)
    low, high = (np.sort(part.arrays()[0][:, 0]) for part in (first, second))
    gap = np.abs(np.searchsorted(low, t) - np.searchsorted(high, t)).max() / 200
    assert gap < 0.15  # of Kolmogorov and Smirnov; 1 if split by value
    train, test = data.moons(200, noise=0.0).split(0.3, rng=0)
    (x, y), (u, v) = train.arrays(), test.arrays()
    upper, other = x[np.asarray(y) == 0], u[np.asarray(v) == 0]
    assert np.ptp(np.asarray(upper)[:, 0]) > 1.7
    assert np.ptp(np.asarray(other)[:, 0]) > 1.7
