"""Every loss keeps its contract on every library, and is right where it is hard.

``LOSSES`` is the table that the contract walks: a new loss is a new line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from libraries import host
from xpnet import losses, xp
from xpnet.errors import DTypeError, OptionError, ShapeError
from xpnet.kernels.twin import twins_off
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


@dataclass(frozen=True)
class Loss:
    """One line of the table.

    Attributes
    ----------
    function : callable
        The loss.
    prediction, target : array
        An example, in float64; targets that are not floating point stay as they are.
    torch : str
        PyTorch's function, in `torch.nn.functional`.
    per : tuple of int
        The shape of the losses before they are reduced.
    """

    function: Callable[..., xn.Array]
    prediction: Any
    target: Any
    torch: str
    per: tuple[int, ...]


SHARES = 1 / (1 + np.exp(-numbers((5, 2), 1)))

LOSSES = {
    "mean_squared_error": Loss(
        mean_squared_error,
        numbers((5, 2)),
        numbers((5, 2), 1),
        "mse_loss",
        (5, 2),
    ),
    "binary_cross_entropy_with_logits": Loss(
        binary_cross_entropy_with_logits,
        numbers((5, 2)),
        SHARES,
        "binary_cross_entropy_with_logits",
        (5, 2),
    ),
    "cross_entropy": Loss(
        cross_entropy, numbers((6, 4)), labels((6,), 4), "cross_entropy", (6,)
    ),
    "cross_entropy of many classes": Loss(
        cross_entropy, numbers((3, 70)), labels((3,), 70), "cross_entropy", (3,)
    ),
    "cross_entropy of many axes": Loss(
        cross_entropy,
        numbers((2, 3, 4, 2)),
        labels((2, 4, 2), 3),
        "cross_entropy",
        (2, 4, 2),
    ),
}
REDUCTIONS = ("mean", "sum", "none")
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


@pytest.fixture(params=LOSSES.values(), ids=LOSSES)
def loss(request: pytest.FixtureRequest) -> Loss:
    return request.param


def cast(values: Any, dtype: str) -> Any:
    return values.astype(dtype) if values.dtype.kind == "f" else values


def run(
    loss: Loss, make: Callable[..., xn.Array], dtype: str, reduction: str
) -> tuple[xn.Array, list[xn.Array]]:
    """Return the loss, and the gradients under a random cotangent."""
    target = cast(loss.target, dtype)
    x = make(cast(loss.prediction, dtype), requires_grad=True)
    y = make(target, requires_grad=target.dtype.kind == "f")
    out = loss.function(x, y, reduction=reduction)
    out.backward(make(cast(numbers(out.shape, 2), dtype)))
    return out, [v.grad for v in (x, y) if v.requires_grad]


# --- the contract of a loss -----------------------------------------------------------


def test_every_loss_has_a_line_in_the_table():
    named = {loss.function.__name__ for loss in LOSSES.values()}
    assert named == set(losses.__all__)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_is_the_same_on_every_library(loss, target, dtype, reduction):
    with twins_off():
        expected, slopes = run(loss, xn.asarray, dtype, reduction)
    out, gradients = run(loss, target.make, dtype, reduction)
    place = target.make(np.ones(1, dtype))
    for got, want in zip([out, *gradients], [expected, *slopes], strict=True):
        assert (got.shape, got.dtype, got.device) == (
            want.shape,
            place.dtype,
            place.device,
        )
        np.testing.assert_allclose(
            host(got), host(want), TOLERANCE[dtype], TOLERANCE[dtype]
        )
    assert out.shape == (loss.per if reduction == "none" else ())


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_equals_that_of_pytorch(loss, dtype, reduction):
    torch = pytest.importorskip("torch")
    out, gradients = run(loss, xn.asarray, dtype, reduction)
    x = torch.tensor(cast(loss.prediction, dtype), requires_grad=True)
    floating = loss.target.dtype.kind == "f"
    y = torch.tensor(cast(loss.target, dtype), requires_grad=floating)
    theirs = getattr(torch.nn.functional, loss.torch)(x, y, reduction=reduction)
    theirs.backward(torch.tensor(cast(numbers(out.shape, 2), dtype)))
    expected = [theirs, x.grad, *([y.grad] if floating else [])]
    for got, want in zip([out, *gradients], expected, strict=True):
        np.testing.assert_allclose(
            host(got), want.detach().numpy(), TOLERANCE[dtype], TOLERANCE[dtype]
        )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_derivatives_of_a_loss_are_right_to_second_order(loss, reduction):
    if loss.target.dtype.kind == "f":
        arguments = (loss.prediction[:3], loss.target[:3])

        def function(x: xn.Array, y: xn.Array) -> xn.Array:
            return loss.function(x, y, reduction=reduction)
    else:
        arguments = (loss.prediction[:2],)

        def function(x: xn.Array) -> xn.Array:
            return loss.function(x, loss.target[:2], reduction=reduction)

    xn.check_grads(function, *arguments, order=2)


def test_a_loss_of_nothing(loss, target):
    x = target.make(np.ones((0, *loss.prediction.shape[1:])), requires_grad=True)
    y = target.make(loss.target[:0])
    assert loss.function(x, y, reduction="none").shape == (0, *loss.per[1:])
    assert loss.function(x, y, reduction="sum").item() == 0.0
    out = loss.function(x, y)
    assert math.isnan(out.item())
    out.backward()
    assert x.grad.shape == x.shape


def test_a_loss_names_the_reductions(loss):
    with pytest.raises(OptionError) as caught:
        loss.function(loss.prediction, loss.target, reduction="average")
    assert "reduction is one of ('mean', 'sum', 'none'), not 'average'" in str(
        caught.value
    )


def test_a_loss_takes_numpy_arrays_and_is_documented(loss):
    out = loss.function(loss.prediction, loss.target)
    assert type(out) is xn.Array
    assert ">>> " in loss.function.__doc__


def test_a_gradient_of_zero_costs_nothing(loss):
    x = xn.asarray(loss.prediction, requires_grad=True)
    out = loss.function(x, loss.target)
    (0 * out).backward()
    assert not host(x.grad).any()


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


def test_nan_stays_nan(loss):
    bad = loss.prediction.copy()
    bad.flat[0] = math.nan
    x = xn.asarray(bad, requires_grad=True)
    out = loss.function(x, loss.target)
    out.backward()
    assert math.isnan(out.item())
    assert math.isnan(host(x.grad).flat[0])


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


@pytest.mark.parametrize(("bad", "shown"), [(3, "3"), (-1, "-1"), (99, "99")])
def test_a_label_out_of_range_is_named_on_the_cpu(bad, shown):
    with pytest.raises(OptionError) as caught:
        cross_entropy(np.ones((2, 3)), np.array([0, bad]))
    assert str(caught.value) == (
        f"cross_entropy: a label is {shown}, but the logits have 3 classes, so labels "
        "go from 0 to 2."
    )


@pytest.mark.parametrize("bad", [3, -1])
def test_a_label_out_of_range_gives_nan_where_looking_would_wait(bad):
    pytest.importorskip("array_api_strict")
    from libraries import STRICT_DEVICE1 as place

    x = place.make(np.ones((2, 3)))
    out = cross_entropy(x, place.make(np.array([0, bad])), reduction="none")
    assert np.isnan(host(out)).tolist() == [False, True]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ((8, 10), (8, 10), "labels of shape (8,), not (8, 10). Classes are axis 1. "
         "One-hot labels become classes with xp.argmax(labels, axis=1)."),
        ((8, 10), (7,), "need labels of shape (8,), not (7,)"),
        ((2, 3, 4), (2, 3), "need labels of shape (2, 4), not (2, 3)"),
        ((8,), (8,), "two axes or more, (N, K, ...); they have shape (8,)"),
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
