"""Losses where they are hard: large, infinite, masked, ignored, wrong.

What every loss keeps is in `contracts/test_losses.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from contracts.losses import LOSSES
from libraries import STRICT_DEVICE1, host
from xpnet import losses, xp
from xpnet.errors import DTypeError, OptionError, ShapeError
from xpnet.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    mean_squared_error,
)


def numbers(shape: tuple[int, ...], seed: int = 0) -> Any:
    """Return the same numbers for the same shape and seed, whatever ran before."""
    return 2 * np.random.default_rng([seed, *shape]).normal(size=shape)


def labels(shape: tuple[int, ...], classes: int) -> Any:
    return np.random.default_rng([7, *shape]).integers(0, classes, shape)


@pytest.mark.parametrize(
    "function", [mean_squared_error, binary_cross_entropy_with_logits]
)
def test_nothing_is_broadcast(function):
    with pytest.raises(ShapeError) as caught:
        function(np.ones((8, 1)), np.ones(8))
    assert "shapes (8, 1) and (8,) differ" in str(caught.value)


@pytest.mark.parametrize("kind", ["int64", "uint8", "bool"])
@pytest.mark.parametrize(
    "function", [mean_squared_error, binary_cross_entropy_with_logits]
)
def test_targets_that_are_counts_or_truths_are_cast(function, kind, target):
    x, y = numbers((4, 2)).astype("float32"), labels((4, 2), 2)
    out = function(target.make(x), target.make(y.astype(kind)))
    expected = function(xn.asarray(x), xn.asarray(y.astype("float32")))
    assert out.dtype == target.make(x).dtype
    np.testing.assert_allclose(host(out), host(expected), 1e-6)


# --- binary cross-entropy where it is hard --------------------------------------------

INF = math.inf
LN2 = math.log(2.0)
HARD = [  # logit, target, value, gradient, second derivative
    (0.0, 0.0, LN2, 0.5, 0.25),
    (0.0, 1.0, LN2, -0.5, 0.25),
    (0.0, 0.5, LN2, 0.0, 0.25),
    (1000.0, 1.0, 0.0, 0.0, 0.0),
    (1000.0, 0.0, 1000.0, 1.0, 0.0),
    (1000.0, 0.25, 750.0, 0.75, 0.0),
    (-1000.0, 0.0, 0.0, 0.0, 0.0),
    (-1000.0, 1.0, 1000.0, -1.0, 0.0),
    (-1000.0, 0.25, 250.0, -0.25, 0.0),
    (40.0, 1.0, math.exp(-40), -math.exp(-40), math.exp(-40)),
    (-40.0, 0.0, math.exp(-40), math.exp(-40), math.exp(-40)),
    (-INF, 0.0, 0.0, 0.0, 0.0),
    (INF, 1.0, 0.0, 0.0, 0.0),
    (-INF, 1.0, INF, -1.0, 0.0),
    (INF, 0.0, INF, 1.0, 0.0),
]


@pytest.mark.parametrize(("x", "y", "value", "slope", "second"), HARD)
def test_binary_cross_entropy_is_exact_and_finite(x, y, value, slope, second, target):
    logit = target.make(np.asarray([x]))
    label = target.make(np.asarray([y]))

    def total(v: Any) -> Any:
        return binary_cross_entropy_with_logits(v, label, reduction="sum")

    def first(v: Any) -> Any:
        return target.namespace.sum(xn.grad(total)(v))

    got = [total(logit), xn.grad(total)(logit), xn.grad(first)(logit)]
    for array, expected in zip(got, (value, slope, second), strict=True):
        np.testing.assert_allclose(host(array).item(), expected, 4e-16, 0)


def test_one_infinite_logit_leaves_the_others_alone():
    x = xn.asarray([-INF, 0.5], requires_grad=True)
    binary_cross_entropy_with_logits(x, xn.asarray([0.0, 1.0])).backward()
    np.testing.assert_allclose(x.grad.data, [0.0, (1 / (1 + math.exp(-0.5)) - 1) / 2])


# --- cross-entropy where it is hard ---------------------------------------------------


def test_cross_entropy_of_large_logits_is_exact(target):
    x = target.make(np.array([[1000.0, 0.0], [-1000.0, 0.0]]), requires_grad=True)
    out = cross_entropy(x, target.make(np.array([0, 0])), reduction="none")
    assert host(out).tolist() == [0.0, 1000.0]
    out.backward(target.make(np.ones(2)))
    assert host(x.grad).tolist() == [[0.0, 0.0], [-1.0, 1.0]]


def test_cross_entropy_of_masked_classes_is_finite(target):
    values = np.array([[-INF, 0.0, 0.0], [1.0, -INF, 1.0]])
    x = target.make(values, requires_grad=True)
    out = cross_entropy(x, target.make(np.array([1, 2])), reduction="none")
    np.testing.assert_allclose(host(out), [LN2, LN2], 1e-15)
    out.backward(target.make(np.ones(2)))
    expected = [[0.0, -0.5, 0.5], [0.5, 0.0, -0.5]]
    np.testing.assert_allclose(host(x.grad), expected, 1e-15, 1e-16)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "int64"])
def test_labels_of_any_integer_type(kind, target):
    x, y = numbers((300, 3)), labels((300,), 3)
    expected = cross_entropy(x, y)
    out = cross_entropy(target.make(x), target.make(y.astype(kind)))
    np.testing.assert_allclose(host(out), host(expected), 1e-12)


@pytest.mark.parametrize("kind", ["float64", "bool"])
def test_labels_are_integers(kind):
    with pytest.raises(DTypeError, match=f"labels have dtype {kind}; they must be int"):
        cross_entropy(np.ones((2, 3)), np.ones(2, kind))


@pytest.mark.parametrize("bad", [3, 4, 6, 99, 2**63 - 1, -1, -3, -4, -6, -(2**63)])
def test_a_label_out_of_range_is_named_on_the_cpu(bad):
    with pytest.raises(OptionError) as caught:
        cross_entropy(np.ones((2, 3)), np.array([0, bad]))
    assert str(caught.value) == (
        f"cross_entropy: a label is {bad}, but the logits have 3 classes, so labels go "
        "from 0 to 2."
    )


@pytest.mark.parametrize("bad", [3, -1])
def test_a_label_out_of_range_gives_nan_where_looking_would_wait(bad):
    x = STRICT_DEVICE1.make(np.ones((2, 3)))
    out = cross_entropy(x, STRICT_DEVICE1.make(np.array([0, bad])), reduction="none")
    assert np.isnan(host(out)).tolist() == [False, True]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ((8, 10), (8, 10), "labels of shape (8,), not (8, 10). Classes are axis 1. "
         "One-hot labels become classes with xp.argmax(labels, axis=1)."),
        ((8, 10), (7,), "need labels of shape (8,), not (7,)"),
        ((2, 3, 4), (2, 3), "need labels of shape (2, 4), not (2, 3)"),
        ((8,), (8,), "need labels of shape (), not (8,). Classes are axis 0."),
        ((), (), "an axis of classes, (N, K, ...) or (K,); they have shape ()"),
    ],
)  # fmt: skip
def test_cross_entropy_says_which_shape_is_wrong(x, y, message):
    with pytest.raises(ShapeError) as caught:
        cross_entropy(np.ones(x), np.zeros(y, "int64"))
    assert message in str(caught.value)


def test_the_gradient_is_the_textbooks():
    x, y = numbers((6, 4)), labels((6,), 4)
    gradient = xn.grad(lambda v: cross_entropy(v, y, reduction="sum"))(x)
    softmax = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(gradient, softmax - np.eye(4)[y], 1e-12, 1e-14)


def test_losses_work_through_functions_of_xp():
    """A loss is one more function: it composes, and its gradient reaches the inputs."""
    w = xn.asarray(numbers((4, 3)), requires_grad=True)
    x, y = numbers((5, 4)), labels((5,), 3)
    (
        cross_entropy(xp.matmul(x, w), y) + mean_squared_error(w, xp.zeros_like(w))
    ).backward()
    softmax = np.exp(x @ w.data)
    softmax /= softmax.sum(axis=1, keepdims=True)
    expected = x.T @ (softmax - np.eye(3)[y]) / 5 + 2 * w.data / 12
    np.testing.assert_allclose(w.grad.data, expected, 1e-12, 1e-13)


def test_lists_are_predictions_and_targets_too():
    assert losses.mean_squared_error([1.0, 2.0], [1.0, 4.0]).item() == 2.0
    value = losses.cross_entropy([[0.0, 0.0], [0.0, 0.0]], [0, 1]).item()
    assert value == pytest.approx(np.log(2))
    prediction = xn.asarray(np.ones(2, dtype=np.float32))
    assert losses.mean_squared_error(prediction, [1.0, 2.0]).dtype == np.float32


# --- nan, ignored labels, nothing to count --------------------------------------------


@pytest.mark.parametrize("line", LOSSES.values(), ids=LOSSES)
def test_nan_stays_nan(line):
    x = xn.asarray(np.full_like(line.inputs[0], math.nan), requires_grad=True)
    with np.errstate(invalid="ignore"):  # multiplying and comparing NaN
        out = line.function(x, *line.inputs[1:], **line.options)
        out.backward()
    assert math.isnan(out.item())


@pytest.mark.parametrize(
    "name", ["mean_squared_error", "binary_cross_entropy_with_logits", "cross_entropy"]
)
def test_one_nan_gives_its_own_slope_only(name):
    bad = LOSSES[name].inputs[0].copy()
    bad.flat[0] = math.nan
    x = xn.asarray(bad, requires_grad=True)
    out = LOSSES[name].function(x, LOSSES[name].inputs[1])
    out.backward()
    assert math.isnan(out.item())
    assert math.isnan(host(x.grad).flat[0])
    assert not np.isnan(host(x.grad)[1:]).any()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0]])
def test_ignored_labels_alone_have_no_mean_and_no_gradient(smoothing, weight, target):
    """PyTorch's choice: 0 / 0."""
    x = target.make(np.array([[1.0, 2.0, 0.0]] * 2), requires_grad=True)
    y = target.make(np.array([-100, -100]))
    options = {"label_smoothing": smoothing, "weight": weight}
    assert cross_entropy(x, y, reduction="sum", **options).item() == 0.0
    out = cross_entropy(x, y, **options)
    assert math.isnan(out.item())
    out.backward()
    assert not host(x.grad).any()


def test_an_ignored_row_without_any_class_touches_nothing():
    x = xn.asarray([[-INF, -INF], [0.0, 1.0]], requires_grad=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = cross_entropy(x, np.array([-100, 1]))
        out.backward()
    assert out.item() == pytest.approx(math.log1p(math.exp(-1)))
    assert host(x.grad)[0].tolist() == [0.0, 0.0]


def test_a_masked_class_costs_infinitely_much_only_when_smoothed():
    x = xn.asarray([[1.0, -INF, 0.0]], requires_grad=True)
    out = cross_entropy(x, np.array([0]), label_smoothing=0.1)
    assert out.item() == INF
    out.backward()
    p = np.array([1 / (1 + math.exp(-1)), 0, 1 / (1 + math.e)])
    want = p - 0.9 * np.array([1, 0, 0]) - 0.1 / 3
    np.testing.assert_allclose(host(x.grad)[0], want, 1e-12)


def test_a_class_of_probability_zero_may_be_masked(target):
    x = target.make(np.array([[0.0, -INF, 0.0]]), requires_grad=True)
    out = cross_entropy(x, target.make(np.array([[0.5, 0.0, 0.5]])))
    assert out.item() == pytest.approx(LN2)
    out.backward()
    assert not host(x.grad).any()


def test_a_class_weight_of_zero_drops_its_examples():
    x, y = numbers((4, 3)), np.array([0, 1, 2, 1])
    got = cross_entropy(x, y, weight=[1.0, 0.0, 1.0])
    want = cross_entropy(x[[0, 2]], y[[0, 2]])
    assert got.item() == pytest.approx(want.item(), rel=1e-14)


# --- logarithms of nothing ------------------------------------------------------------


def test_certain_probabilities_cost_at_most_one_hundred(target):
    p = np.array([0.0, 0.0, 1.0, 1.0, 1e-300, 1e-20])
    y = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    x = target.make(p, requires_grad=True)
    out = losses.binary_cross_entropy(x, target.make(y), reduction="sum")
    each = losses.binary_cross_entropy(x, target.make(y), reduction="none")
    want = [0.0, 100.0, 100.0, 0.0, 100.0, 20 * math.log(10)]
    np.testing.assert_allclose(host(each), want, 1e-15)
    out.backward()
    np.testing.assert_allclose(host(x.grad), [1.0, 0.0, 0.0, -1.0, 0.0, -1e20], 1e-15)


def test_what_has_no_probability_adds_nothing_to_a_divergence(target):
    x = target.make(np.array([-INF, -1.0, 0.0]), requires_grad=True)
    for y, option in (([0.0, 0.0, 1.0], False), ([-INF, -INF, 0.0], True)):
        out = losses.kl_divergence(
            x, target.make(np.array(y)), log_target=option, reduction="none"
        )
        assert host(out).tolist() == [0.0, 0.0, 0.0]
        out.backward(target.make(np.ones(3)))
    assert host(x.grad).tolist() == [0.0, 0.0, -2.0]


def test_large_arguments_stay_finite():
    d = xn.asarray([0.0, 1e-8, 1000.0, -1e300], requires_grad=True)
    out = losses.log_cosh(d, [0.0] * 4, reduction="none")
    want = [0.0, 5e-17, 1000 - LN2, 1e300]
    np.testing.assert_allclose(host(out), want, 1e-15)
    out.backward(np.ones(4))
    np.testing.assert_allclose(host(d.grad), [0.0, 1e-8, 1.0, -1.0], 1e-15)
    x = xn.asarray([-1000.0, 1000.0, -INF, INF], requires_grad=True)
    for function, y in (
        (losses.soft_margin, [1, 1, -1, 1]),
        (losses.focal, [1, 1, 0, 1]),
    ):
        x.grad = None
        out = function(x, y, reduction="none")
        assert np.isfinite(host(out)).all()
        assert host(out)[1:].tolist() == [0.0, 0.0, 0.0]
        out.backward(np.ones(4))
        assert np.isfinite(host(x.grad)).all()


def test_a_variance_of_zero_counts_as_the_smallest():
    v = xn.asarray([0.0, 1e-9], requires_grad=True)
    out = losses.gaussian_nll([1.0, 1.0], [1.0, 2.0], v, reduction="none")
    want = [0.5 * math.log(1e-6), 0.5 * (math.log(1e-6) + 1e6)]
    np.testing.assert_allclose(host(out), want, 1e-12)
    out.backward(np.ones(2))
    np.testing.assert_allclose(host(v.grad), [0.5e6, 0.5e6 - 0.5e12], 1e-12)


def test_no_slope_on_the_edge_of_a_margin():
    x = xn.asarray([1.0], requires_grad=True)
    for function in (losses.hinge, losses.squared_hinge):
        function(x, [1.0]).backward()
    losses.hinge_embedding(x, [-1.0]).backward()
    assert x.grad.tolist() == [0.0]


def test_a_triplet_of_equal_points_has_finite_slopes():
    x = xn.asarray(np.ones((1, 2)), requires_grad=True)
    losses.triplet_margin(x, np.ones((1, 2)), np.ones((1, 2)), eps=0).backward()
    assert not host(x.grad).any()


# --- connectionist temporal classification --------------------------------------------


def even(times: int, classes: int) -> Any:
    return np.full((times, 1, classes), -math.log(classes))


def test_ctc_counts_paths():
    """Of 27 paths of 3 steps over 3 classes, so many give 1; 1 2; 1 1."""
    for labels_, count in (([1], 6), ([1, 2], 5), ([1, 1], 1), ([1, 2, 1], 1)):
        out = losses.ctc(even(3, 3), [labels_], [3], [len(labels_)], reduction="sum")
        assert math.exp(-out.item()) == pytest.approx(count / 27, rel=1e-13)


@pytest.mark.parametrize(("zero", "value"), [(False, INF), (True, 0.0)])
def test_ctc_of_a_sequence_that_is_too_short(zero, value, target):
    x = target.make(np.concatenate([even(3, 3)] * 2, axis=1), requires_grad=True)
    y = target.make(np.array([[1, 1, 1], [1, 2, 1]]))
    lengths = target.make(np.array([3, 3]))
    out = losses.ctc(x, y, lengths, lengths, zero_infinity=zero, reduction="none")
    np.testing.assert_allclose(host(out), [value, 3 * math.log(3)], 1e-14)
    out.backward(target.make(np.ones(2)))
    assert not host(x.grad)[:, 0].any()
    np.testing.assert_allclose(host(x.grad)[:, 1], -np.eye(3)[[1, 2, 1]], 0, 1e-15)


def test_the_gradient_of_ctc_is_minus_the_probability_of_each_class():
    x = xn.asarray(even(3, 3), requires_grad=True)
    losses.ctc(x, [[1]], [3], [1], reduction="sum").backward()
    np.testing.assert_allclose(host(x.grad).sum(axis=2), -1.0, 1e-13)
    # of the paths 1__ _1_ __1 11_ _11 111 three have the label first
    np.testing.assert_allclose(host(x.grad)[0, 0], [-0.5, -0.5, 0.0], 1e-13)


def test_ctc_of_logits_far_apart_equals_that_of_pytorch():
    torch = pytest.importorskip("torch")
    logits = 300 * np.random.default_rng(0).normal(size=(60, 2, 5))
    x = xn.asarray(logits, requires_grad=True)
    losses.ctc(xp.special.log_softmax(x), [[1, 2], [3, 3]], [60, 50], [2, 2]).backward()
    t = torch.tensor(logits, requires_grad=True)
    torch.nn.functional.ctc_loss(
        torch.log_softmax(t, -1),
        torch.tensor([[1, 2], [3, 3]]),
        torch.tensor([60, 50]),
        torch.tensor([2, 2]),
    ).backward()
    np.testing.assert_allclose(host(x.grad), t.grad.numpy(), 0, 1e-10)


def test_ctc_without_times_or_labels():
    assert losses.ctc(even(2, 3), [[1]], [0], [0], reduction="sum").item() == 0.0
    assert losses.ctc(even(2, 3), [[1]], [0], [1], reduction="sum").item() == INF
    nothing = np.zeros((1, 0), int)
    out = losses.ctc(even(2, 3), nothing, [2], [0])
    assert out.item() == pytest.approx(2 * math.log(3))


# --- sentences ------------------------------------------------------------------------

ONES, IDS = np.ones((4, 3)), np.array([0, 1, 2, 0])
LONG = np.ones((5, 2, 3))
WRONG = [
    (losses.mean_absolute_error, (ONES, IDS), {}, r"shapes \(4, 3\) and \(4,\) differ"),
    (losses.huber, (ONES, ONES), {"delta": 0}, "delta is 0; it must be above 0"),
    (losses.smooth_l1, (ONES, ONES), {"beta": -1}, "beta is -1; it must be 0 or more"),
    (losses.binary_cross_entropy, (2 * ONES, ONES), {}, "a probability is 2; .*"),
    (losses.binary_cross_entropy, (ONES, ONES), {"weight": np.ones((3, 3))},
     r"weight of shape \(3, 3\) does not broadcast to losses of shape \(4, 3\)"),
    (losses.binary_cross_entropy_with_logits, (ONES, ONES), {"pos_weight": [1.0, 2.0]},
     r"pos_weight of shape \(2,\) does not broadcast"),
    (losses.multilabel_soft_margin, (1.0, 1.0), {}, "an axis of classes"),
    (losses.multilabel_soft_margin, (ONES, ONES), {"weight": [1.0]},
     r"weight has shape \(1,\), but there are 3 classes"),
    (losses.dice, (1.0, 1.0), {}, "axis 0 counts the examples"),
    (cross_entropy, (ONES, IDS), {"label_smoothing": 1.5}, "label_smoothing is 1.5"),
    (cross_entropy, (ONES, IDS), {"weight": [1.0, 2.0]}, "there are 3 classes"),
    (cross_entropy, (ONES, ONES), {"ignore_index": 1}, "labels are probabilities"),
    (losses.nll, (ONES, IDS[:2]), {}, r"log-probabilities of shape \(4, 3\) need lab"),
    (losses.nll, (ONES, IDS + 1), {}, "a label is 3, but the log-probabilities have 3"),
    (losses.poisson_nll, (ONES, ONES), {"eps": -1.0}, "eps is -1.0"),
    (losses.gaussian_nll, (ONES, ONES, np.ones(3)), {}, r"var has shape \(3,\)"),
    (losses.gaussian_nll, (ONES, ONES, -ONES), {}, "a variance is -1; .* 0 or more"),
    (losses.gaussian_nll, (ONES, ONES, ONES), {"eps": 0}, "eps is 0"),
    (losses.multi_margin, (ONES, IDS[:3]), {}, r"shapes are \(4, 3\) and \(3,\)"),
    (losses.multi_margin, (ONES, IDS - 1), {}, "a label is -1, but the predictions"),
    (losses.multi_margin, (ONES, IDS), {"p": 3}, "p is 1 or 2, not 3"),
    (losses.multilabel_margin, (ONES, IDS), {}, "have one shape"),
    (losses.multilabel_margin, (ONES, 3 * np.ones((4, 3), int)), {}, "a label is 3"),
    (losses.cosine_embedding, (ONES, ONES, ONES), {}, "need targets"),
    (losses.margin_ranking, (ONES, ONES, IDS), {}, "differ"),
    (losses.triplet_margin, (ONES, ONES, IDS), {}, "differ"),
    (losses.triplet_margin, (ONES, ONES, ONES), {"p": 0}, "p is 0"),
    (losses.triplet_margin, (ONES, ONES, ONES), {"margin": 0}, "margin is 0"),
    (losses.triplet_margin, (1.0, 1.0, 1.0), {}, "vectors need an axis"),
    (losses.info_nce, (ONES[0], ONES[0]), {}, r"shape \(N, D\), not \(3,\)"),
    (losses.info_nce, (ONES, ONES), {"temperature": 0}, "temperature is 0"),
    (losses.ctc, (ONES[0], [1], 1, 1), {}, r"\(T, N, K\) or \(T, K\), not \(3,\)"),
    (losses.ctc, (LONG, [[1], [1]], [5, 5], [1, 1]), {"blank": 3}, "blank is 3"),
    (losses.ctc, (LONG, [[1], [0]], [5, 5], [1, 1]), {}, "a label is 0; .* blank, 0"),
    (losses.ctc, (LONG, [[1], [3]], [5, 5], [1, 1]), {}, "a label is 3; .* 0 to 2"),
    (losses.ctc, (LONG, [[1]], [5, 5], [1, 1]), {}, r"targets have shape \(1, 1\)"),
    (losses.ctc, (LONG, [[1], [1]], [5], [1, 1]), {}, "input_lengths have shape"),
    (losses.ctc, (LONG, [[1], [1]], [6, 5], [1, 1]), {}, "input_lengths is 6; .* to 5"),
    (losses.ctc, (LONG, [[1], [1]], [5, 5], [1, 2]), {}, "target_lengths is 2"),
    (losses.ctc, (LONG, [1, 1, 1], [5, 5], [1, 1]), {}, "hold 3 labels, but .* to 2"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "arguments", "options", "pattern"), WRONG)
def test_what_is_wrong_is_said_in_a_sentence(function, arguments, options, pattern):
    with pytest.raises((OptionError, ShapeError), match=pattern) as caught:
        function(*arguments, **options)
    assert str(caught.value).startswith(f"{function.__name__}: ")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("kind", ["float64", "bool"])
def test_labels_of_every_loss_are_integers(kind):
    one = np.ones(4, kind)
    for function in (losses.nll, losses.multi_margin):
        with pytest.raises(DTypeError, match=f"labels have dtype {kind}"):
            function(ONES, one)
    with pytest.raises(DTypeError, match=f"labels have dtype {kind}"):
        losses.multilabel_margin(ONES, np.ones((4, 3), kind))
    with pytest.raises(DTypeError, match=f"targets have dtype {kind}"):
        losses.ctc(LONG, np.ones((2, 1), kind), [5, 5], [1, 1])


def test_what_is_wrong_is_nan_where_looking_would_wait():
    make = STRICT_DEVICE1.make
    x, y = make(ONES), make(np.array([0, 3, -1, 2]))
    bad = [False, True, True, False]
    for function in (cross_entropy, losses.nll, losses.multi_margin):
        assert np.isnan(host(function(x, y, reduction="none"))).tolist() == bad
    sets = make(np.array([[0, -1, 9], [3, 0, 1], [-2, 0, 1], [1, 2, -1]]))
    out = losses.multilabel_margin(x, sets, reduction="none")
    assert np.isnan(host(out)).tolist() == bad
    p = make(np.array([0.0, 2.0, -1.0, 1.0]))
    with np.errstate(invalid="ignore"):
        out = losses.binary_cross_entropy(p, make(np.ones(4)), reduction="none")
        assert np.isnan(host(out)).tolist() == bad
        out = losses.gaussian_nll(
            p, p, make(np.array([1, -1, -2, 0])), reduction="none"
        )
    assert np.isnan(host(out)).tolist() == bad
    five, one = make(np.array([5, 5])), make(np.array([1, 1]))
    for labels_, times, lengths, wrong in (
        ([[1], [3]], five, one, [False, True]),
        ([[0], [1]], five, one, [True, False]),
        ([[1], [1]], make(np.array([6, 5])), one, [True, False]),
        ([[1], [1]], five, make(np.array([1, 2])), [False, True]),
    ):
        out = losses.ctc(
            make(LONG), make(np.array(labels_)), times, lengths, reduction="none"
        )
        assert np.isnan(host(out)).tolist() == wrong


def test_the_temperature_can_be_learned():
    x, y = numbers((4, 3)), numbers((4, 3), 1)

    def function(t: Any) -> Any:
        return losses.info_nce(x, y, temperature=t)

    xn.check_grads(function, np.array(0.5), order=2)


# --- examples of no weight ------------------------------------------------------------

MISSING = {
    "mean_squared_error": ([2.0, 1.0], [0.0, math.nan]),
    "huber": ([2.0, math.inf], [0.0, 1.0]),
    "binary_cross_entropy_with_logits": ([2.0, math.nan], [0.0, 1.0]),
    "gaussian_nll": ([2.0, 1.0], [0.0, math.nan], [1.0, 1.0]),
    "dice": ([[0.5], [math.nan]], [[1.0], [1.0]]),
    "cross_entropy": ([[2.0, 1.0], [math.nan, 0.0]], [0, 1]),
    "nll": ([[-2.0, -1.0], [math.nan, 0.0]], [0, 1]),
    "multi_margin": ([[2.0, 1.5], [math.inf, math.inf]], [0, 1]),
}


@pytest.mark.parametrize("name", MISSING)
def test_an_example_of_weight_zero_touches_no_gradient(name, target):
    first, *rest = [np.asarray(a) for a in MISSING[name]]
    function = getattr(losses, name)
    found = []
    for rows, weight in ((slice(None), [1.0, 0.0]), (slice(1), [1.0])):
        x = target.make(first[rows], requires_grad=True)
        others = [target.make(a[rows]) for a in rest]
        value = function(x, *others, sample_weight=target.make(np.array(weight)))
        value.backward()
        found.append((float(host(value.detach())), host(x.grad)))
    (value, slope), (alone, slope_alone) = found
    assert value == alone
    np.testing.assert_array_equal(slope[0], slope_alone[0])
    np.testing.assert_array_equal(slope[1], np.zeros_like(slope[1]))


def test_weights_of_places_leave_out_places(target):
    x = np.zeros((2, 3, 2, 2))
    x[0, :, 1, :] = math.nan
    soft = np.full(x.shape, 1 / 3)
    weight = np.ones((2, 2))
    weight[0, 1] = 0.0
    for labels in (np.zeros((2, 2, 2), "int64"), soft):
        a = target.make(x, requires_grad=True)
        value = losses.cross_entropy(
            a, target.make(labels), sample_weight=target.make(weight)
        )
        value.backward()
        np.testing.assert_allclose(float(host(value.detach())), math.log(3))
        assert np.isfinite(host(a.grad)).all()


@pytest.mark.parametrize("kind", ["bool", "int64", "uint8", "float32"])
def test_weights_of_examples_are_of_any_real_type(kind, target):
    x, y = target.make(np.array([1.0, math.nan])), target.make(np.array([0.0, 0.0]))
    weight = target.make(np.array([1, 0]).astype(kind))
    assert float(host(mean_squared_error(x, y, sample_weight=weight))) == 1.0
    with pytest.raises(DTypeError, match="the sample_weight has dtype complex128"):
        mean_squared_error([1.0], [0.0], sample_weight=[1j])


def test_weights_that_are_learned_see_the_examples_that_have_none():
    w = xn.asarray([1.0, 0.0], requires_grad=True)
    losses.mean_squared_error([1.0, 3.0], [0.0, 0.0], sample_weight=w).backward()
    assert w.grad.tolist() == [0.0, 8.0]


@pytest.mark.parametrize("name", ["huber", "smooth_l1"])
def test_the_straight_part_has_no_square(name, target):
    x = target.make(np.array([math.inf, -1e300, 0.5]), requires_grad=True)
    y = target.make(np.zeros(3))
    target.namespace.sum(getattr(losses, name)(x, y, reduction="none")).backward()
    np.testing.assert_array_equal(host(x.grad), [1.0, -1.0, 0.5])


def test_nothing_counted_where_nothing_is_expected(target):
    x = target.make(np.array([-math.inf, -math.inf]), requires_grad=True)
    y = target.make(np.array([0.0, 1.0]))
    out = losses.poisson_nll(x, y, reduction="none")
    np.testing.assert_array_equal(host(out.detach()), [0.0, math.inf])
    tiny = losses.kl_divergence(
        x, target.make(np.array([-1000.0, -math.inf])), log_target=True
    )
    assert float(host(tiny.detach())) == 0.0


def test_one_temperature_for_all():
    with pytest.raises(ShapeError, match=r"temperature has shape \(2,\)"):
        losses.info_nce(np.eye(2), np.eye(2), temperature=np.ones(2))


def test_names_of_pytorch_lead_to_ours():
    functional = pytest.importorskip("torch").nn.functional
    names = [n for n in dir(functional) if n.endswith("_loss") and n[0] != "_"]
    for name in (*names, "kl_div"):
        with pytest.raises(AttributeError, match=rf"PyTorch's {name} is losses\."):
            getattr(losses, name)
    with pytest.raises(AttributeError, match=r"has no 'loss_of_hope'\.$"):
        losses.loss_of_hope  # noqa: B018
