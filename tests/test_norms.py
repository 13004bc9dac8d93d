"""Normalization where numbers are large, equal, few or in blocks."""

import contextlib

import numpy as np
import pytest

import xpnet as xn
from libraries import NUMPY, STRICT_DEVICE1, TORCH, host, parameters
from xpnet import nn
from xpnet.errors import DeviceError, DTypeError, OptionError, ShapeError
from xpnet.kernels.threads import limited
from xpnet.kernels.twin import TWINS, twins_off
from xpnet.nn import functional as F

each_library = pytest.mark.parametrize(
    "target", parameters((NUMPY, STRICT_DEVICE1, TORCH))
)


def ran(module, x):
    """Return the output, the gradient of the input and those of the parameters."""
    leaf = xn.asarray(x, requires_grad=True)
    for p in module.parameters():
        p.grad = None
    out = module(leaf)
    out.backward(xn.asarray(np.cos(np.arange(x.size).reshape(x.shape)).astype(x.dtype)))
    return [host(v) for v in (out, leaf.grad, *(p.grad for p in module.parameters()))]


LAYERS = {
    "LayerNorm": (lambda: nn.LayerNorm(256), (64, 256)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 8), (8, 8, 6, 6)),
    "InstanceNorm": (lambda: nn.InstanceNorm2d(8, affine=True), (8, 8, 6, 6)),
    "BatchNorm": (lambda: nn.BatchNorm2d(8), (8, 8, 6, 6)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(8), (64, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_small_noise_on_a_large_offset_is_normalized_right(name):
    make, shape = LAYERS[name]
    noise = np.random.default_rng(0).normal(size=shape)
    x = (1e4 + noise).astype(np.float32)
    single = ran(make(), x)
    double = ran(make().to(dtype="float64"), x.astype(np.float64))
    for got, want in zip(single, double, strict=True):
        scale = max(1.0, float(np.abs(want).max()))
        np.testing.assert_allclose(got, want, rtol=0, atol=2e-6 * scale)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("value", [0.0, 3.0, 1e4])
def test_a_constant_input_gives_zeros_and_a_finite_gradient(name, value, dtype):
    make, shape = LAYERS[name]
    out, *gradients = ran(make().to(dtype=dtype), np.full(shape, value, dtype))
    assert np.abs(out).max() <= 1e-6
    for g in gradients:
        assert np.isfinite(g).all()


def test_a_constant_input_has_a_finite_second_derivative():
    def total(x):
        return F.layer_norm(x)[0]

    hessian = xn.hessian(total)(np.full(4, 3.0))
    assert np.isfinite(hessian).all()


def test_the_running_variance_is_the_unbiased_one():
    layer = nn.BatchNorm1d(1, momentum=1.0)
    layer(np.asarray([[1.0], [3.0]], dtype=np.float32))
    assert layer.running_mean.tolist() == [2.0]
    assert layer.running_var.tolist() == [2.0]
    assert layer.num_batches_tracked.tolist() == 1
    assert str(layer.num_batches_tracked.dtype) == "int64"


def test_without_momentum_all_batches_weigh_alike():
    layer = nn.BatchNorm1d(1, momentum=None)
    for value in (1.0, 2.0, 6.0):
        layer(np.asarray([[value - 1], [value + 1]], dtype=np.float32))
    np.testing.assert_allclose(layer.running_mean.tolist(), [3.0], rtol=1e-6)
    assert layer.num_batches_tracked.tolist() == 3
    layer.reset_running_stats()
    assert layer.running_mean.tolist() == [0.0]
    assert layer.running_var.tolist() == [1.0]
    assert layer.num_batches_tracked.tolist() == 0


@each_library
def test_many_steps_follow_pytorch_in_training_and_in_evaluation(target):
    torch = pytest.importorskip("torch")
    target.skip_unless_here()
    rng = np.random.default_rng(0)
    mine, theirs = nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    with target.flags():
        mine.to(like=target.make(np.zeros(1, dtype=np.float32)))
        for _ in range(5):
            x = rng.normal(2.0, 3.0, size=(4, 3, 5, 5)).astype(np.float32)
            mine(target.make(x))
            theirs(torch.tensor(x))
        got = host(mine.eval()(target.make(x)))
    np.testing.assert_allclose(
        got, theirs.eval()(torch.tensor(x)).detach().numpy(), atol=2e-6
    )
    for name, value in theirs.state_dict().items():
        got = host(mine.state_dict()[name])
        np.testing.assert_allclose(got, value.numpy(), rtol=1e-5, err_msg=name)


def test_one_value_for_each_channel_is_refused_in_training_alone():
    layer = nn.BatchNorm1d(3)
    one = np.ones((1, 3), dtype=np.float32)
    before = layer.state_dict()
    with pytest.raises(ShapeError, match=r"than 1 value, x has shape \(1, 3\)\. U"):
        layer(one)
    for name, value in layer.state_dict().items():
        assert (host(value) == host(before[name])).all()
    assert layer.eval()(one).shape == (1, 3)


def test_no_examples_leave_the_running_statistics_alone():
    layer = nn.BatchNorm1d(3)
    x = xn.asarray(np.empty((0, 3), dtype=np.float32), requires_grad=True)
    out = layer(x)
    out.backward(out.detach())
    assert x.grad.shape == (0, 3)
    assert not host(layer.weight.grad).any()
    assert layer.running_var.tolist() == [1.0] * 3


def test_the_statistics_are_off_the_tape_and_earlier_tapes_stay_right():
    layer = nn.BatchNorm1d(2)
    x = xn.asarray(np.asarray([[1.0, 2.0], [3.0, 5.0]], dtype=np.float32))
    layer.eval()
    out = layer(x)
    layer.train()
    layer(x)
    assert layer.running_mean._node is None
    xn.xp.sum(out).backward()  # with the running statistics from before
    np.testing.assert_allclose(host(layer.weight.grad), [4.0, 7.0], rtol=1e-4)


def test_sizes_come_from_the_first_input():
    x = np.ones((2, 3, 4, 5), dtype=np.float32)
    for layer, options in (
        (nn.BatchNorm2d(None), ()),
        (nn.InstanceNorm2d(None, affine=True), ()),
        (nn.GroupNorm(3, None), ()),
    ):
        assert layer(x, *options).shape == x.shape
        assert layer.weight.shape == (3,)
    for kind, alone in ((nn.InstanceNorm2d, x[0]), (nn.InstanceNorm1d, x[0, :, 0])):
        layer = kind(None, affine=True)
        layer(alone)
        assert layer.num_features == 3
    layer = nn.BatchNorm1d(None)
    layer(x[:, :, 0, 0])
    assert layer.num_features == 3


def test_options_and_inputs_that_make_no_sense_are_refused():
    x = np.ones((2, 3), dtype=np.float32)
    for make in (
        lambda: nn.BatchNorm1d(0),
        lambda: nn.GroupNorm(2, 5),
        lambda: nn.LayerNorm(()),
        lambda: nn.LayerNorm(2.5),
        lambda: F.batch_norm(x),
        lambda: F.instance_norm(x[None], use_input_stats=False),
    ):
        with pytest.raises(OptionError, match=r"\.$"):
            make()
    with pytest.raises(ShapeError, match="3 channels do not make 2 equal groups"):
        F.group_norm(x, num_groups=2)
    with pytest.raises(ShapeError, match=r"weight and bias have .* \(3,\), not"):
        F.layer_norm(x, np.ones(3, dtype=np.float32), np.ones(2, dtype=np.float32))
    with pytest.raises(DTypeError, match="layer_norm: x has dtype int64"):
        F.layer_norm([1, 2])


def test_arrays_of_another_library_are_refused_before_the_statistics_move():
    torch = pytest.importorskip("torch")
    layer = nn.BatchNorm1d(2, affine=False)
    with pytest.raises(DeviceError, match=r"model\.to\(like=x\)"):
        layer(torch.ones(3, 2))
    assert layer.running_mean.tolist() == [0.0, 0.0]


def test_rows_are_normalized_by_the_twin_with_any_number_of_threads():
    x = np.random.default_rng(0).normal(size=(1100, 333)).astype(np.float32)
    runs = []
    for count in (1, 2):
        layer = nn.LayerNorm(333)
        with limited(count):
            assert layer(x)._node.saved.out[0] is TWINS["layer_norm", "numpy"]
            runs.append([part.tobytes() for part in ran(layer, x)])
    assert runs[0] == runs[1]
    whole = ran(nn.LayerNorm(333).to(dtype="float64"), x.astype(np.float64))
    for got, want in zip(ran(nn.LayerNorm(333), x), whole, strict=True):
        np.testing.assert_allclose(got, want, atol=3e-6 * max(1, np.abs(want).max()))


@pytest.mark.parametrize("twins", [True, False])
@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda x: F.layer_norm(x), (2, 0)),
        (lambda x: F.rms_norm(x), (2, 0)),
        (lambda x: F.group_norm(x, num_groups=1), (2, 3, 0)),
        (lambda x: F.instance_norm(x), (2, 3, 0)),
        (lambda x: F.batch_norm(x, training=True), (2, 3, 0)),
    ],
)
def test_no_numbers_are_normalized_in_silence(function, shape, twins):
    x = xn.asarray(np.ones(shape), requires_grad=True)
    with contextlib.nullcontext() if twins else twins_off():
        out = function(x)
        xn.xp.sum(out).backward()
    assert out.shape == x.grad.shape == shape
