"""Hard cases of resampling: odd factors, rounding, long axes, options."""

import numpy as np
import pytest

import xpnet as xn
from libraries import NUMPY, STRICT_DEVICE1, TORCH, host, parameters
from xpnet import nn, xp
from xpnet.errors import OptionError, ShapeError
from xpnet.nn import functional as F

FACTORS = (0.3, 0.5, 0.7, 1.0, 1.1, 1.5, 2.0, 2.3, 3.0, 4.0, 4.9, 7.0, 1 / 3)
MODES = ("nearest", "nearest-exact", "linear", "area")


def numbers(shape, dtype="float64", seed=0):
    drawn = np.random.default_rng([seed, *shape]).normal(size=shape)
    return np.asarray(drawn, dtype)


def compared(x, tolerance, back=True, **options):
    """Hold value and gradient to PyTorch's."""
    torch = pytest.importorskip("torch")
    mine = xn.asarray(x, requires_grad=True)
    theirs = torch.tensor(x, requires_grad=True)
    out = F.interpolate(mine, **options)
    expected = torch.nn.functional.interpolate(theirs, **options)
    np.testing.assert_allclose(host(out), expected.detach().numpy(), 0, tolerance)
    assert str(out.dtype) == str(x.dtype)
    if not back:
        return
    g = numbers(out.shape, x.dtype, 3)
    out.backward(g)
    expected.backward(torch.tensor(g))
    scale = max(1.0, abs(theirs.grad.numpy()).max())
    np.testing.assert_allclose(
        host(mine.grad), theirs.grad.numpy(), 0, tolerance * scale
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("again", [None, True])
def test_every_factor_gives_pytorchs_numbers(mode, again, dtype):
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for n in (4, 7, 10, 31):
        for factor in FACTORS:
            if int(n * factor):
                options = {"scale_factor": factor, "recompute_scale_factor": again}
                # PyTorch goes back by other steps than forward where factors are odd
                back = again or "nearest" not in mode
                x = numbers((2, 3, n), dtype)
                compared(x, tolerance, back, mode=mode, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_the_nearest_element_is_pytorchs_where_a_last_bit_decides(mode, dtype):
    torch = pytest.importorskip("torch")
    for n in (1, 2, 3, 5, 7, 11, 40):
        x = np.arange(n, dtype=dtype)[None, None]
        for m in range(1, 130):
            got = host(F.interpolate(x, m, mode=mode))
            expected = torch.nn.functional.interpolate(torch.tensor(x), m, mode=mode)
            np.testing.assert_array_equal(got, expected.numpy(), f"{n} to {m}")


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [False, True])
def test_images_of_every_size_are_pytorchs(mode, align, antialias):
    for size in ((1, 1), (2, 13), (5, 7), (9, 3), (16, 21), (1, 4)):
        options = {"size": size, "mode": mode, "align_corners": align}
        compared(numbers((2, 2, 5, 7)), 1e-12, antialias=antialias, **options)
    for factor in ((0.4, 2.5), (1.3, 0.29), (3, 3)):
        options = {"scale_factor": factor, "mode": mode, "align_corners": align}
        compared(numbers((2, 2, 8, 7)), 1e-12, antialias=antialias, **options)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_antialiasing_to_a_width_of_1_takes_one_axis_after_the_other(mode):
    # PyTorch 2.13 repeats the first row then; for a width of 2 it does not
    x = xn.asarray(numbers((1, 2, 5, 7)))
    options = {"mode": mode, "antialias": True}
    whole = F.interpolate(x, (4, 1), **options)
    steps = F.interpolate(F.interpolate(x, (4, 7), **options), (4, 1), **options)
    np.testing.assert_allclose(host(whole), host(steps), 1e-12, 1e-12)
    turned = F.interpolate(xp.matrix_transpose(x), (1, 4), **options)
    np.testing.assert_allclose(host(whole)[..., 0], host(turned)[..., 0, :], 1e-12)


@pytest.mark.parametrize("mode", ["linear", "area", "nearest"])
@pytest.mark.parametrize("size", [700, 3001])
def test_a_long_axis_is_gathered_with_the_same_result(mode, size):
    compared(numbers((1, 2, 2000)), 1e-10, size=size, mode=mode)


def test_second_derivatives_of_a_long_axis_are_right(monkeypatch):
    monkeypatch.setattr("xpnet.nn.functional.resample._DENSE", 0)
    x = numbers((1, 2, 5, 4))
    for options in (
        {"size": (7, 3), "mode": "bilinear"},
        {"size": (7, 3), "mode": "bicubic", "antialias": True},
        {"size": (3, 3), "mode": "area"},
    ):
        compared(x, 1e-12, **options)
        xn.check_grads(
            lambda x, o=options: xp.sum(xp.sin(F.interpolate(x, **o))), x, order=2
        )


@pytest.mark.parametrize("target", parameters((NUMPY, STRICT_DEVICE1, TORCH)))
def test_the_nearest_elements_of_integers_keep_their_type(target):
    target.skip_unless_here()
    x = target.make(np.arange(6, dtype="uint8").reshape(1, 1, 2, 3))
    for factor in (2, 3):
        out = F.interpolate(x, scale_factor=factor)
        assert out.dtype == x.dtype
        expected = np.repeat(np.repeat(host(x), factor, 2), factor, 3)
        np.testing.assert_array_equal(host(out), expected)


def test_float16_is_weighed_in_float32():
    x = numbers((1, 2, 6, 5), "float16")
    for options in (
        {"size": (9, 4), "mode": "bicubic"},
        {"size": (4, 3), "mode": "area"},
    ):
        out = F.interpolate(x, **options)
        wide = F.interpolate(x.astype("float32"), **options)
        assert out.dtype == np.float16
        np.testing.assert_array_equal(host(out), host(wide).astype("float16"))


def test_upsampling_twice_is_the_function():
    x = numbers((2, 3, 4, 5))
    layer = nn.Upsample(scale_factor=(2, 3), mode="bilinear", align_corners=True)
    expected = F.interpolate(x, None, (2, 3), "bilinear", True)
    np.testing.assert_array_equal(host(layer(x)), host(expected))
    assert repr(layer) == (
        "Upsample(scale_factor=(2, 3), mode='bilinear', align_corners=True)"
    )


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({}, OptionError, "give one of size and scale_factor"),
        ({"size": 3, "scale_factor": 2}, OptionError, "give one of size and scale"),
        ({"size": (3, 3)}, OptionError, "size is an integer of at least 1, or 1 of"),
        ({"size": 0}, OptionError, "at least 1, or 1 of them, not 0"),
        ({"scale_factor": 0.0}, OptionError, "scale_factor is a positive number"),
        ({"scale_factor": (2, 2)}, OptionError, "or 1 of them"),
        ({"scale_factor": 0.1}, ShapeError, r"leaves nothing of \(5,\)"),
        ({"size": 3, "mode": "cubic"}, OptionError, "mode is 'cubic'; use one of"),
        ({"size": 3, "mode": "bilinear"}, ShapeError, "'bilinear' needs 4 axes"),
        ({"size": 3, "align_corners": True}, OptionError, "align_corners is for"),
        ({"size": 3, "antialias": True}, OptionError, "antialias is for"),
        (
            {"size": 3, "recompute_scale_factor": True},
            OptionError,
            "recompute_scale_factor is for scale_factor",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, error, says):
    with pytest.raises(error, match=says):
        F.interpolate(numbers((2, 3, 5)), **options)


def test_an_axis_without_elements_is_refused():
    with pytest.raises(ShapeError, match="none of the others of length 0"):
        F.interpolate(numbers((2, 3, 0)), 3)
