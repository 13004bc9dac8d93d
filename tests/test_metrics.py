"""Accuracy and the confusion matrix, in every library; accuracy waits for no device."""

import numpy as np
import pytest

import xpnet as xn
from libraries import host
from xpnet import metrics
from xpnet.backend.library import Library
from xpnet.errors import DTypeError, LibraryError, OptionError, ShapeError

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(50, 4)).astype(np.float32)
CLASSES = RNG.integers(0, 4, size=50)
LOGITS = RNG.normal(size=50).astype(np.float32)
BITS = RNG.integers(0, 2, size=50)


def test_accuracy_of_several_scores_is_the_share_of_largest_ones(target):
    out = metrics.accuracy(target.make(SCORES), target.make(CLASSES))
    assert float(out) == pytest.approx(np.mean(SCORES.argmax(axis=1) == CLASSES))


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.bool_, np.float32])
def test_accuracy_of_one_logit_asks_for_its_sign(target, kind, column):
    logits, bits = LOGITS, BITS.astype(kind)
    expected = np.mean((logits > 0) == (BITS == 1))
    if column:
        logits, bits = logits[:, None], bits[:, None]
    out = metrics.accuracy(target.make(logits), target.make(bits))
    assert float(out) == pytest.approx(expected)
    flat = metrics.accuracy(target.make(logits), target.make(BITS))
    assert float(flat) == pytest.approx(expected)


def test_a_logit_of_exactly_zero_is_class_0():
    assert float(metrics.accuracy(np.zeros(4), [0, 0, 0, 1])) == 0.75


def test_accuracy_of_chosen_classes(target):
    out = metrics.accuracy(target.make(CLASSES), target.make(CLASSES[::-1].copy()))
    assert float(out) == pytest.approx(np.mean(CLASSES[::-1] == CLASSES))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_accuracy_is_an_array_off_the_tape_where_the_scores_are(target, kind):
    scores = target.make(SCORES.astype(kind), requires_grad=True)
    labels = target.make(CLASSES)
    out = metrics.accuracy(scores * 2.0, labels)
    assert type(out) is xn.Array
    assert out.shape == ()
    assert out.dtype == scores.dtype
    assert out.device == scores.device
    assert not out.requires_grad
    assert labels.dtype == metrics.confusion_matrix(scores, labels).dtype
    assert metrics.accuracy(labels, labels).dtype == target.namespace.float32


def test_accuracy_reads_nothing_back(target, monkeypatch):
    scores, labels = target.make(SCORES), target.make(CLASSES)
    lib = scores._lib

    def refuse(*args):
        raise AssertionError("an array was read back to the host")

    monkeypatch.setattr(type(lib), "to_host", refuse)
    monkeypatch.setattr(Library, "to_host", refuse)
    monkeypatch.setattr(xn.Array, "_scalar", refuse)
    out = metrics.accuracy(scores, labels)
    monkeypatch.undo()
    assert 0.0 <= float(out) <= 1.0


def test_the_confusion_matrix_counts_true_rows_and_predicted_columns(target):
    out = metrics.confusion_matrix(target.make(SCORES), target.make(CLASSES))
    expected = np.zeros((4, 4), dtype=np.int64)
    np.add.at(expected, (CLASSES, SCORES.argmax(axis=1)), 1)
    assert host(out).tolist() == expected.tolist()
    assert out.dtype == target.namespace.int64
    assert out.device == target.make(SCORES).device


def test_the_confusion_matrix_of_logits_and_of_classes(target):
    logits = metrics.confusion_matrix(target.make(LOGITS), target.make(BITS))
    assert host(logits).sum() == 50
    assert host(logits).shape == (2, 2)
    assert np.trace(host(logits)) == np.sum((LOGITS > 0) == BITS)
    chosen = target.make(CLASSES)
    counts = host(metrics.confusion_matrix(chosen, chosen, classes=6))
    assert np.array_equal(counts, np.diag(np.bincount(CLASSES, minlength=6)))


def test_both_take_lists_and_numpy_arrays():
    assert float(metrics.accuracy([[1.0, 2.0], [2.0, 1.0]], [1, 1])) == 0.5
    assert metrics.confusion_matrix(SCORES, CLASSES).tolist() == (
        metrics.confusion_matrix(SCORES.tolist(), CLASSES.tolist()).tolist()
    )


@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.confusion_matrix])
@pytest.mark.parametrize(
    ("predictions", "labels", "error", "message"),
    [
        (np.zeros((5, 3)), np.zeros(4, int), ShapeError, r"\(4,\).*\(5, 3\).*\(5,\)"),
        (np.zeros((5, 3)), np.zeros((5, 1), int), ShapeError, r"\(5, 1\)"),
        (np.zeros((5, 3)), np.zeros((5, 3)), ShapeError, "one class per sample"),
        (np.zeros(5), np.zeros(()), ShapeError, r"\(\)"),
        (np.zeros((5, 3, 2)), np.zeros(5, int), ShapeError, r"\(5, 3, 2\)"),
        (np.zeros(()), np.zeros((), int), ShapeError, "at least one sample"),
        (np.zeros((0, 3)), np.zeros(0, int), ShapeError, "at least one sample"),
        (np.zeros((5, 3)), np.zeros(5), DTypeError, "float64; with 3 scores"),
        (np.zeros(5), "five", LibraryError, "str"),
    ],
)
def test_what_does_not_fit_is_one_sentence(metric, predictions, labels, error, message):
    with pytest.raises(error, match=message):
        metric(predictions, labels)


def test_classes_out_of_range_are_refused():
    with pytest.raises(OptionError, match="0 to 2, but there are values from 0 to 7"):
        metrics.confusion_matrix(np.zeros((2, 3)), [7, 0])
    with pytest.raises(OptionError, match="values from -1 to 0"):
        metrics.confusion_matrix([0, 0], [-1, 0], classes=3)
    with pytest.raises(OptionError, match="classes=10"):
        metrics.confusion_matrix([0, 1], [0, 1])
    with pytest.raises(OptionError, match="at least 1, not 0"):
        metrics.confusion_matrix([0, 1], [0, 1], classes=0)


def test_labels_of_another_library_are_refused():
    strict = pytest.importorskip("array_api_strict", reason="it is not installed")
    with pytest.raises(LibraryError, match="mixed"):
        metrics.accuracy(xn.asarray(strict.zeros((2, 2))), np.zeros(2, dtype=int))
