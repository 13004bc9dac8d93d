"""Convolutions: every combination of options, twins, hard cases, sentences."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from xpnet import nn
from xpnet.errors import DTypeError, OptionError, ShapeError
from xpnet.kernels import numpy_conv, numpy_conv_plan, threads
from xpnet.kernels.blas import _openblas, one_thread
from xpnet.kernels.numpy_conv_plan import plan_for
from xpnet.kernels.twin import TWINS, twins_off
from xpnet.nn import functional

SMALL = {"_BUDGET": 2000, "_LANE_WORK": 50, "_PIXELS": 16, "_WIDE": 1, "_LARGE": 30}
SMALL["_SQUARES"] = 4


@pytest.fixture
def in_small_pieces(monkeypatch):
    """Cut convolutions as if the cache were small and threads cheap."""
    for name, value in SMALL.items():
        monkeypatch.setattr(numpy_conv_plan, name, value)
    numpy_conv_plan.plan_for.cache_clear()
    yield
    numpy_conv_plan.plan_for.cache_clear()


def numbers(shape: Any, seed: int = 0, dtype: Any = "float64") -> Any:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


def drawn(seed: int) -> Any:
    """Return a function's name, its options and its arguments, drawn at random."""
    draw = random.Random(seed)
    while True:
        axes = draw.choice((1, 2, 2, 2, 3))
        groups, inside, made = (draw.choice((1, 1, 2, 3)) for _ in range(3))
        kernel = tuple(draw.randint(1, 4) for _ in range(axes))
        stride = tuple(draw.choice((1, 1, 2, 3)) for _ in range(axes))
        padding = tuple(draw.randint(0, 3) for _ in range(axes))
        dilation = tuple(draw.choice((1, 1, 2, 3)) for _ in range(axes))
        sizes = tuple(draw.randint(1, 9) for _ in range(axes))
        if draw.random() < 0.25:  # what takes the fast way
            groups, stride, kernel = 1, (1,) * axes, (3, *kernel[1:])
            dilation = (1, *dilation[1:])
            if axes == 2 and draw.random() < 0.5:  # and what it does along both axes
                kernel, dilation = (3, 3), (1, 1)
        more = tuple(
            draw.randrange(max(s, d)) for s, d in zip(stride, dilation, strict=True)
        )
        options: dict[str, Any] = {"stride": stride, "padding": padding}
        options |= {"dilation": dilation, "groups": groups}
        name, first = f"conv{axes}d", (groups * made, inside)
        geometry = zip(sizes, kernel, stride, padding, dilation, more, strict=True)
        if draw.random() < 0.4:
            name, first = f"conv_transpose{axes}d", (groups * inside, made)
            options["output_padding"] = more
            least = [
                (n - 1) * s - 2 * p + d * (k - 1) + e + 1
                for n, k, s, p, d, e in geometry
            ]
        else:
            least = [n + 2 * p - d * (k - 1) for n, k, _, p, d, _ in geometry]
        if min(least) >= 1:
            break
    x = numbers((draw.randint(1, 5), groups * inside, *sizes), seed)
    if draw.random() < 0.3:  # channels last
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    weight = numbers((*first, *kernel), seed)
    return name, options, (x, weight, numbers((groups * made,), seed))


def run(function: Any, arrays: Any, options: Any) -> list[Any]:
    """Return the value and every gradient, for a random cotangent."""
    leaves = [xn.asarray(a, requires_grad=True) for a in arrays]
    out = function(*leaves, **options)
    out.backward(numbers(out.shape, 9, out.dtype))
    return [out.data, *(leaf.grad.data for leaf in leaves)]


# --- numbers --------------------------------------------------------------------------


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("pieces", ["large", "small"])
def test_options_drawn_at_random_give_the_numbers_of_pytorch(
    part, pieces, request, monkeypatch
):
    torch = pytest.importorskip("torch")
    plans = []
    if pieces == "small":
        request.getfixturevalue("in_small_pieces")
    monkeypatch.setattr(
        numpy_conv, "plan_for", lambda *a: plans.append(plan_for(*a)) or plans[-1]
    )
    for seed in range(60 * part, 60 * part + 60):
        name, options, arrays = drawn(seed)
        found = run(getattr(functional, name), arrays, options)
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        out = getattr(torch.nn.functional, name)(*tensors, **options)
        out.backward(torch.tensor(numbers(out.shape, 9)))
        wanted = [out, *(t.grad for t in tensors)]
        for got, want in zip(found, wanted, strict=True):
            said = f"seed {seed}: {name} {options}"
            np.testing.assert_allclose(
                got, want.detach().numpy(), rtol=0, atol=1e-10, err_msg=said
            )
    assert len(plans) == 60
    assert (sum(plan.fast for plan in plans) >= 5) is (pieces == "small")
    assert any(plan.tall > 1 for plan in plans)
    assert any(plan.square for plan in plans) is (pieces == "small")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_twins_equal_their_references(dtype, in_small_pieces):
    for seed in range(60):
        name, options, arrays = drawn(seed)
        arrays = [a.astype(dtype) for a in arrays]
        fast = run(getattr(functional, name), arrays, options)
        with twins_off():
            plain = run(getattr(functional, name), arrays, options)
        for got, want in zip(fast, plain, strict=True):
            assert (got.dtype, got.shape) == (want.dtype, want.shape)
            scale = max(1.0, np.abs(want).max())
            tolerance = {"float32": 1e-5, "float64": 1e-12}[dtype]
            np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize(
    ("name", "twin"),
    [("conv2d", "convolution"), ("conv_transpose2d", "transposed_convolution")],
)
def test_twins_are_taken_and_write_into_the_slots(name, twin, monkeypatch):
    taken, real = [], TWINS[twin, "numpy"]

    class Watched:
        def forward(self, *args, **options):
            made = real.forward(*args, **options)
            taken.append(made is not None)
            return made

        def backward(self, g, residual, needs, slots):
            taken.append(needs)
            parts = real.backward(g, residual, needs, slots)
            for part, slot, need in zip(parts, slots, needs, strict=True):
                assert slot is None or part is slot
                assert need or part is None
            return parts

    monkeypatch.setitem(TWINS, (twin, "numpy"), Watched())
    layer = nn.Conv2d(2, 2, 3, rng=0) if twin == "convolution" else None
    layer = layer or nn.ConvTranspose2d(2, 2, 3, rng=0)
    opt = xn.optim.SGD(layer.parameters(), lr=0.1)
    x = numbers((2, 2, 5, 5), dtype="float32")
    for _ in range(2):
        loss = xn.xp.sum(layer(x) ** 2)
        opt.zero_grad()
        loss.backward()
        opt.step()
    assert taken == [True, (False, True, True)] * 2


@pytest.mark.parametrize("square", [False, True])
def test_the_fast_ways_round_about_as_plain_sums_do(square):
    size = (33, 28) if square else (14, 13)
    x, weight = numbers((2, 64, *size)), numbers((64, 64, 3, 3))
    plan = plan_for(x.shape, weight.shape, (1, 1), ((1, 1),) * 2, (1, 1), 1, 4)
    assert plan.fast
    assert plan.square is square
    exact = run(functional.conv2d, (x, weight), {"padding": 1})
    single = [x.astype("float32"), weight.astype("float32")]
    fast = run(functional.conv2d, single, {"padding": 1})
    with twins_off():
        plain = run(functional.conv2d, single, {"padding": 1})
    for a, b, c in zip(fast, plain, exact, strict=True):
        assert np.abs(a - c).mean() < 3 * np.abs(b - c).mean()


@pytest.mark.parametrize("size", [(8, 8), (8, 80)])
def test_numbers_of_different_size_do_not_disturb_their_neighbours(size):
    x = np.ones((1, 64, *size), np.float32)
    x[:, :, 0] = x[:, :, :, -1] = 1e20  # what the results below do not see
    weight = np.ones((64, 64, 3, 3), np.float32)
    got = functional.conv2d(x, weight).data
    assert (got[:, :, 1:, :-1] == 576).all()


def test_the_blas_gets_its_threads_back():
    found = _openblas()
    if found is None:
        pytest.skip("this NumPy does not come with OpenBLAS")
    get, _ = found
    before = get()
    with one_thread():
        assert get() == 1
        with one_thread():
            assert get() == 1
        assert get() == 1
    assert get() == before


def test_the_number_of_threads_does_not_change_a_bit(in_small_pieces):
    arrays = [numbers(s, dtype="float32") for s in ((7, 4, 9, 8), (6, 4, 3, 3), (6,))]
    runs = []
    for count in (1, 2, 3):
        with threads.limited(count):
            runs.append([a.tobytes() for a in run(functional.conv2d, arrays, {})])
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_padding_modes_pad_by_hand_to_the_same(mode):
    layer = nn.Conv2d(2, 3, 3, padding=(2, 1), padding_mode=mode, rng=0)
    plain = nn.Conv2d(2, 3, 3, rng=0)
    x = numbers((2, 2, 4, 5), dtype="float32")
    kind = dict(zip(("reflect", "replicate", "circular"), ("reflect", "edge", "wrap"),
                    strict=True)).get(mode, "constant")  # fmt: skip
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (1, 1)), mode=kind)
    np.testing.assert_allclose(layer(x).data, plain(padded).data, atol=1e-6)


def test_a_transposed_convolution_is_the_transpose():
    x, y = numbers((2, 4, 7, 6)), numbers((2, 6, 3, 3))
    weight, options = numbers((6, 2, 3, 2)), {"stride": 2, "groups": 2}
    there = functional.conv2d(x, weight, **options)
    back = functional.conv_transpose2d(y, weight, output_padding=0, **options)
    assert back.shape == (2, 4, 7, 6)
    left, right = np.vdot(there.data, y), np.vdot(x, back.data)
    assert left == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("pieces", ["large", "small"])
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan, 3e38])
def test_what_is_not_finite_is_what_plain_sums_give(bad, pieces, request):
    if pieces == "small":
        request.getfixturevalue("in_small_pieces")
    places = itertools.product((0, 1, 5), (0, 9), ({}, {"padding": 1}))
    for row, place, options in places:
        arrays = [numbers(s, dtype="float32") for s in ((2, 3, 6, 10), (4, 3, 3, 3))]
        if row == 1:
            arrays[1][1, 1, 2, place % 3] = bad
        else:
            arrays[0][1, 1, row, place] = bad
        with np.errstate(all="ignore"):
            fast = run(functional.conv2d, arrays, options)
            with twins_off():
                plain = run(functional.conv2d, arrays, options)
        for got, want in zip(fast, plain, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_what_is_not_finite_stays_where_the_kernel_looks(in_small_pieces):
    for bad, shape in itertools.product((math.inf, math.nan), ((9, 9), (40, 40))):
        x = numbers((2, 3, *shape), dtype="float32")
        clean = functional.conv2d(x, np.ones((4, 3, 3, 3), "float32"), padding=1).data
        x[1, 2, 4, 5] = bad
        got = functional.conv2d(x, np.ones((4, 3, 3, 3), "float32"), padding=1).data
        assert not np.isfinite(got[1, :, 3:6, 4:7]).any()
        got[1, :, 3:6, 4:7] = clean[1, :, 3:6, 4:7]
        np.testing.assert_allclose(got, clean, atol=1e-4)


def test_a_derivative_of_a_derivative_through_options():
    x, weight = numbers((1, 2, 4, 4)), numbers((2, 1, 2, 2))
    options = {"stride": 2, "dilation": 2, "padding": 1, "groups": 2}
    xn.check_grads(
        lambda x, w: functional.conv2d(x, w, **options) ** 2, x, weight, order=2
    )


# --- layers ---------------------------------------------------------------------------


def test_the_first_input_tells_the_channels():
    for layer, x in (
        (nn.Conv2d(None, 4, 3, rng=0), (2, 6, 5, 5)),
        (nn.Conv2d(None, 4, 3, rng=0), (6, 5, 5)),
        (nn.ConvTranspose1d(None, 4, 3, groups=2, rng=0), (2, 6, 5)),
    ):
        assert "None, 4" in repr(layer)
        with pytest.raises(OptionError, match="has no parameters yet"):
            list(layer.parameters())
        layer(numbers(x, dtype="float32"))
        assert layer.in_channels == 6
        assert layer.weight.shape[:2] == ((4, 6) if "2d" in repr(layer) else (6, 2))
    with pytest.raises(OptionError, match="2 groups do not divide 5 in_channels"):
        nn.Conv1d(None, 4, 3, groups=2)(numbers((1, 5, 4), dtype="float32"))
    with pytest.raises(ShapeError, match="in_channels is taken from axis -3"):
        nn.Conv2d(None, 4, 3)(numbers((5, 5), dtype="float32"))


@pytest.mark.parametrize(
    ("layer", "fan"),
    [
        (lambda: nn.Conv2d(64, 96, 5, groups=2, rng=0), 32 * 25),
        (lambda: nn.ConvTranspose2d(64, 96, 5, groups=2, rng=0), 48 * 25),
    ],
)
def test_weights_start_uniform_in_the_bounds_of_pytorch(layer, fan):
    made, bound = layer(), fan**-0.5
    for values in (made.weight.data, made.bias.data):
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.9 * bound
    assert made.weight.data.std() == pytest.approx(bound / math.sqrt(3), rel=0.01)


def test_an_output_size_chooses_the_output_padding():
    layer = nn.ConvTranspose2d(2, 3, 3, stride=(2, 3), padding=1, rng=0)
    x = numbers((1, 2, 4, 4), dtype="float32")
    for size in itertools.product((7, 8), (10, 11, 12)):
        assert layer(x, output_size=size).shape == (1, 3, *size)
        assert layer(x, (1, 3, *size)).shape == (1, 3, *size)
        assert layer(x[0], size).shape == (3, *size)
    for size in ((6, 10), (9, 10), (7, 13)):
        with pytest.raises(OptionError, match=r"from \(7, 10\) to \(8, 12\)\."):
            layer(x, size)


def test_float16_sums_in_single_precision():
    x = np.full((1, 2, 64), 8.0, np.float16)
    one = functional.conv1d(x, np.full((2, 1, 64), 2.0, np.float16), groups=2)
    assert one.dtype == np.float16
    assert one.data.ravel().tolist() == [1024.0, 1024.0]


# --- sentences ------------------------------------------------------------------------

x4, w4 = np.ones((2, 4, 6, 5)), np.ones((6, 4, 3, 2))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda f: f.conv2d(x4, w4, stride=0), OptionError, "stride is an integer of "),
        (lambda f: f.conv2d(x4, w4, stride=(1, 2, 3)), OptionError, r"2 of them"),
        (lambda f: f.conv2d(x4, w4, stride=1.5), OptionError, "not 1.5"),
        (lambda f: f.conv2d(x4, w4, dilation=True), OptionError, "not True"),
        (lambda f: f.conv2d(x4, w4, padding=-1), OptionError, "at least 0"),
        (lambda f: f.conv2d(x4, w4, padding="full"), OptionError, "'same' or 'valid'"),
        (
            lambda f: f.conv2d(x4, w4, padding="same", stride=2),
            OptionError,
            r"padding='same' needs a stride of 1, not \(2, 2\)\.",
        ),
        (lambda f: f.conv2d(x4, w4, groups=0), OptionError, "groups is an integer"),
        (lambda f: f.conv2d(x4, w4, groups=3), ShapeError, "4 input channels in each"),
        (
            lambda f: f.conv2d(x4, w4[:5, :2], groups=2),
            ShapeError,
            "2 groups do not divide the 5 output channels",
        ),
        (
            lambda f: f.conv_transpose2d(x4[:, :3], w4[:3], groups=2),
            ShapeError,
            "2 groups do not divide the 3 input channels",
        ),
        (lambda f: f.conv2d(x4, w4, np.ones(4)), ShapeError, r"it must be \(6,\)"),
        (
            lambda f: f.conv_transpose2d(x4, w4[:4], np.ones(6)),
            ShapeError,
            r"it must be \(4,\)",
        ),
        (lambda f: f.conv2d(x4, w4[0]), ShapeError, r"weight needs 4 axes, \(out, in"),
        (lambda f: f.conv2d(x4, w4[:0]), ShapeError, "an axis of length 0"),
        (lambda f: f.conv3d(x4, w4[..., None]), ShapeError, "weight has 4 input"),
        (lambda f: f.conv2d(x4.astype(int), w4), DTypeError, "Cast it first"),
        (
            lambda f: f.conv2d(x4, w4, dilation=3),
            ShapeError,
            "a kernel of 3 with dilation 3 covers 7 elements, but axis 2 of x has 6",
        ),
        (
            lambda f: f.conv_transpose2d(x4, w4[:4], padding=5),
            ShapeError,
            r"the output would have axes of \(-2, -4\)",
        ),
        (
            lambda f: f.conv_transpose2d(x4, w4[:4], stride=2, output_padding=2),
            OptionError,
            "must be smaller than the stride",
        ),
        (
            lambda f: nn.Conv2d(4, 6, 3, groups=4),
            OptionError,
            "4 groups do not divide 6 out_channels",
        ),
        (
            lambda f: nn.Conv2d(4, 6, 3, padding_mode="mirror"),
            OptionError,
            "padding_mode is one of",
        ),
        (
            lambda f: nn.ConvTranspose2d(4, 6, 3, padding_mode="reflect"),
            OptionError,
            "padding_mode can only be 'zeros'",
        ),
        (lambda f: nn.Conv1d(4, 6, 0), OptionError, "kernel_size is an integer of at"),
        (lambda f: nn.Conv1d(4, 0, 3), OptionError, "out_channels is an integer of at"),
        (
            lambda f: nn.Conv2d(4, 6, 3, padding="same", stride=2),
            OptionError,
            "Conv2d: padding='same' needs a stride of 1",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(call, error, said):
    with pytest.raises(error, match=said) as caught:
        call(functional)
    assert str(caught.value).endswith(".")
