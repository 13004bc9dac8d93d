"""Every loss keeps its contract: PyTorch's numbers, every library, every order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from contracts.losses import LOSSES, Loss, cast, numbers
from libraries import CUPY, NUMPY, STRICT_DEVICE1, TORCH, Target, host, parameters
from xpnet import losses
from xpnet.errors import DTypeError, OptionError, ShapeError
from xpnet.kernels.twin import twins_off

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}
OTHERS = (STRICT_DEVICE1, TORCH, CUPY)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def selected(condition: Any) -> Any:
    """Return a mark for the lines that satisfy a condition."""
    chosen = [pytest.param(v, id=k) for k, v in LOSSES.items() if condition(v)]
    return pytest.mark.parametrize("loss", chosen)


each_loss = selected(lambda line: True)


def cases(condition: Any) -> Any:
    """Return a mark for the lines and reductions that satisfy a condition."""
    chosen = [
        pytest.param(line, r, id=f"{name}, {r}")
        for name, line in LOSSES.items()
        for r in line.reductions
        if condition(line, r)
    ]
    return pytest.mark.parametrize(("loss", "reduction"), chosen)


each_reduction = cases(lambda line, r: True)
in_batches = selected(lambda line: line.batch is not None and not line.fixed)


def close(got: Any, want: Any, dtype: str, what: str = "") -> None:
    """Compare within the tolerance of the dtype, relative to the largest number."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, what
    atol = TOLERANCE[dtype] * max(1.0, float(np.max(np.abs(want), initial=0.0)))
    np.testing.assert_allclose(got, want, rtol=0, atol=atol, err_msg=what)


def options_of(loss: Loss, make: Any, dtype: str) -> dict[str, Any]:
    return {
        k: make(cast(v, dtype)) if isinstance(v, np.ndarray) else v
        for k, v in loss.options.items()
    }


def run(
    loss: Loss,
    target: Target = NUMPY,
    dtype: str = "float64",
    reduction: str = "mean",
    inputs: Any = None,
    **more: Any,
) -> tuple[xn.Array, list[xn.Array | None]]:
    """Return the loss and its gradients under a random cotangent."""
    given = loss.arrays(dtype) if inputs is None else inputs
    arrays = [target.make(a, requires_grad=a.dtype.kind == "f") for a in given]
    options = options_of(loss, target.make, dtype)
    with target.flags():
        out = loss.function(*arrays, reduction=reduction, **options, **more)
        out.backward(target.make(cotangent(out.shape, dtype)))
    return out, [x.grad for x in arrays if x.requires_grad]


def cotangent(shape: tuple[int, ...], dtype: str) -> Any:
    return numbers(*shape, seed=9).astype(dtype)


def compare(got: Any, want: Any, dtype: str) -> None:
    """Compare a loss and its gradients; no gradient is one of zeros."""
    close(host(got[0]), as_numpy(want[0]), dtype, "value")
    for i, (one, other) in enumerate(zip(got[1], want[1], strict=True)):
        if one is None or other is None:
            present = [as_numpy(v) for v in (one, other) if v is not None]
            assert not any(v.any() for v in present), i
        else:
            close(as_numpy(one), as_numpy(other), dtype, f"gradient {i}")


def as_numpy(x: Any) -> Any:
    return x.detach().numpy() if hasattr(x, "numpy") else host(x)


def test_every_loss_has_a_line():
    assert {line.name for line in LOSSES.values()} == set(losses.__all__)


@each_reduction
@each_dtype
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")
def test_it_equals_that_of_pytorch(loss, reduction, dtype):
    torch = pytest.importorskip("torch")
    tensors = [
        torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in loss.arrays(dtype)
    ]
    names = {
        "F": torch.nn.functional,
        "torch": torch,
        "x": tensors,
        "r": reduction,
        "o": options_of(loss, torch.tensor, dtype),
    }
    theirs = eval(loss.expression, names)
    if "reduction=r" not in loss.expression and reduction != "none":
        theirs = getattr(theirs, reduction)()
    theirs.backward(torch.tensor(cotangent(tuple(theirs.shape), dtype)))
    expected = [x.grad for x in tensors if x.requires_grad]
    compare(run(loss, NUMPY, dtype, reduction), (theirs, expected), dtype)


@each_reduction
@each_dtype
@pytest.mark.parametrize("other", parameters(OTHERS))
def test_it_computes_the_same_on_every_library(loss, other, dtype, reduction):
    other.skip_unless_here()
    got, want = (run(loss, t, dtype, reduction) for t in (other, NUMPY))
    compare(got, want, dtype)
    place = other.make(np.ones(1, dtype))
    for x in (got[0], *got[1]):
        assert x is None or (x.device, x.dtype) == (place.device, place.dtype)


@each_reduction
@each_dtype
def test_its_twins_change_nothing(loss, reduction, dtype):
    fast = run(loss, NUMPY, dtype, reduction)
    with twins_off():
        plain = run(loss, NUMPY, dtype, reduction)
    compare(fast, plain, dtype)
    assert fast[0].dtype == plain[0].dtype == dtype
    assert fast[0].shape == (loss.per if reduction == "none" else ())


@each_loss
def test_it_leaves_its_input_alone_and_gives_the_same_bits_twice(loss):
    given = loss.arrays("float32")
    kept = [a.tobytes() for a in given]
    first, second = (run(loss, NUMPY, "float32", inputs=given) for _ in range(2))
    assert [a.tobytes() for a in given] == kept
    assert host(first[0]).tobytes() == host(second[0]).tobytes()
    for one, other in zip(first[1], second[1], strict=True):
        assert one is other is None or host(one).tobytes() == host(other).tobytes()


@selected(lambda line: line.smooth)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_its_derivatives_are_right_to_second_order(loss, reduction):
    arrays = loss.arrays("float64")
    real = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]

    def function(*given: Any) -> Any:
        placed: list[Any] = list(arrays)
        for i, x in zip(real, given, strict=True):
            placed[i] = x
        return loss.function(*placed, reduction=reduction, **loss.options)

    xn.check_grads(function, *[arrays[i] for i in real], order=2)


def pick(loss: Loss, rows: Any) -> list[Any]:
    """Return the inputs with some of the examples."""
    return [
        np.take(a, rows, axis=k)
        for a, k in zip(loss.arrays("float64"), loss.batch, strict=False)
    ]


@in_batches
def test_a_batch_is_a_loop_over_examples(loss):
    whole, _ = run(loss, reduction="none")
    for n in range(loss.per[0]):
        one, _ = run(loss, reduction="none", inputs=pick(loss, [n]))
        close(host(one), host(whole)[[n]], "float64", str(n))


@in_batches
@pytest.mark.parametrize("other", parameters((NUMPY, STRICT_DEVICE1, TORCH)))
def test_a_loss_of_no_examples(loss, other):
    other.skip_unless_here()
    nothing = pick(loss, np.zeros(0, int))
    each, _ = run(loss, other, reduction="none", inputs=nothing)
    assert each.shape == (0, *loss.per[1:])
    total, gradients = run(loss, other, reduction="sum", inputs=nothing)
    assert total.item() == 0.0
    mean, _ = run(loss, other, reduction="mean", inputs=nothing)
    assert math.isnan(mean.item())
    shapes = [a.shape for a in nothing if a.dtype.kind == "f"]
    for g, shape in zip(gradients, shapes, strict=True):
        assert g is None or g.shape == shape


READS = ("__bool__", "__float__", "__int__", "__index__", "__complex__", "item")


@each_loss
@pytest.mark.parametrize("other", parameters(OTHERS))
def test_a_device_is_never_waited_for(loss, other, monkeypatch):
    other.skip_unless_here()
    arrays = [
        other.make(a, requires_grad=a.dtype.kind == "f") for a in loss.arrays("float32")
    ]
    options = options_of(loss, other.make, "float32")
    weight = other.make(np.ones(loss.per[:1], "float32"))

    def forbidden(*args: Any, **more: Any) -> Any:
        raise AssertionError("an array was read back to the host")

    with monkeypatch.context() as patch:
        for name in READS:
            patch.setattr(xn.Array, name, forbidden)
            if other is not CUPY and hasattr(weight.data, name):
                patch.setattr(type(weight.data), name, forbidden)
        patch.setattr(type(weight._lib), "to_host", forbidden)
        loss.function(*arrays, **options).backward()
        loss.function(*arrays, sample_weight=weight, **options).backward()


# --- weights of examples --------------------------------------------------------------


@cases(lambda line, r: line.batch and not line.fixed and r != "none")
def test_whole_weights_are_examples_given_several_times(loss, reduction):
    weight = np.arange(loss.per[0]) % 3  # among them 0
    rows = np.repeat(np.arange(loss.per[0]), weight)
    for kind in ("int64", "float64"):
        got, slopes = run(
            loss, reduction=reduction, sample_weight=weight.astype(kind).tolist()
        )
        want, many = run(loss, reduction=reduction, inputs=pick(loss, rows))
        close(host(got), host(want), "float64")
    first = np.zeros(loss.inputs[0].shape)
    np.add.at(first, (slice(None),) * loss.batch[0] + (rows,), host(many[0]))
    close(host(slopes[0]), first, "float64", "gradient")


@each_loss
def test_weights_of_losses_multiply_them(loss):
    weight = 1 / (1 + np.exp(-numbers(*loss.per, seed=3)))
    each, _ = run(loss, reduction="none")
    got, _ = run(loss, reduction="none", sample_weight=weight)
    np.testing.assert_allclose(host(got), weight * host(each), 1e-14)


def test_the_weighted_mean_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    x, y, w = numbers(6), numbers(6, seed=1), np.arange(6.0)
    ours = losses.mean_squared_error(x, y, sample_weight=w).item()
    theirs = metrics.mean_squared_error(y, x, sample_weight=w)
    assert ours == pytest.approx(theirs, rel=1e-14)
    logits, labels = numbers(6, 3), np.arange(6) % 3
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ours = losses.cross_entropy(logits, labels, sample_weight=w).item()
    theirs = metrics.log_loss(labels, p, sample_weight=w)
    assert ours == pytest.approx(theirs, rel=1e-14)


def test_a_weight_of_zero_drops_an_infinite_loss():
    x = xn.asarray([[1.0, 0.0], [-math.inf, 0.0]], requires_grad=True)
    out = losses.cross_entropy(x, np.array([0, 0]), sample_weight=[1.0, 0.0])
    assert out.item() == pytest.approx(math.log1p(math.exp(-1)))
    out.backward()
    assert host(x.grad)[1].tolist() == [0.0, 0.0]


def test_weights_that_are_all_zero_have_no_mean():
    out = losses.mean_squared_error([1.0], [0.0], sample_weight=[0.0])
    assert math.isnan(out.item())


def test_weights_get_gradients():
    w = xn.asarray([1.0, 2.0, 0.0], requires_grad=True)
    losses.mean_squared_error(
        [1.0, 2.0, 3.0], [0.0] * 3, reduction="sum", sample_weight=w
    ).backward()
    assert host(w.grad).tolist() == [1.0, 4.0, 9.0]


@each_loss
def test_a_weight_of_another_shape_gets_a_sentence(loss):
    with pytest.raises(ShapeError, match=r"sample_weight of shape .* does not fit"):
        run(loss, sample_weight=np.ones(17))


# --- options and dtypes ---------------------------------------------------------------


@each_loss
def test_it_names_the_reductions(loss):
    with pytest.raises(OptionError, match=r"reduction is one of .*, not 'average'\.$"):
        run(loss, reduction="average")


@each_loss
def test_predictions_are_real_numbers(loss):
    for kind in ("complex128", "int64", "bool"):
        bad = [np.abs(loss.inputs[0]).astype(kind), *loss.inputs[1:]]
        with pytest.raises(DTypeError, match=r"has dtype .*real floating point\."):
            getattr(losses, loss.name)(*bad, **loss.options)


@each_loss
def test_half_precision_is_computed_in_single(loss):
    half = [cast(a, "float16") for a in loss.inputs]
    options = options_of(loss, np.asarray, "float16")
    arrays = [xn.asarray(a, requires_grad=a.dtype.kind == "f") for a in half]
    out = loss.function(*arrays, **options)
    if loss.call is None:  # what it does first keeps half precision
        want = loss.function(*[cast(a, "float32") for a in half], **options)
        assert out.item() == want.item()
    assert out.dtype == np.float32
    out.backward()
    assert arrays[0].grad.dtype == np.float16


@each_loss
def test_it_is_documented(loss):
    doc = getattr(losses, loss.name).__doc__
    for part in (">>> ", "Parameters", "Raises", "sample_weight"):
        assert part in doc
