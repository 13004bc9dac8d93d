"""Lines of the table: convolutions and their transposes."""

import functools
import itertools
from typing import Any

from contracts.layers import add
from xpnet import nn
from xpnet.nn import functional

CHANNELS = (2, 3)
GROUPED = (4, 2)
SHAPES = {1: (5,), 2: (4, 5), 3: (3, 3, 3)}
KERNELS = {1: (3,), 2: (3, 2), 3: (2, 1, 2)}


def text(options: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in options.items())


def after(n, k, s, p, d):
    return (n + sum(p) - d * (k - 1) - 1) // s + 1


def before(n, k, s, p, d, more):
    return (n - 1) * s + d * (k - 1) + 1 - 2 * p + more


def several(value: Any, count: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * count


def convolution(
    name: str,
    axes: int,
    channels: tuple[int, int] = CHANNELS,
    kernel: Any = None,
    shape: Any = None,
    batch: int = 2,
    **options: Any,
) -> None:
    """Add a line for Conv1d, Conv2d or Conv3d with these options."""
    kind = f"Conv{axes}d"
    kernel = several(kernel or KERNELS[axes], axes)
    shape = shape or SHAPES[axes]
    stride = several(options.get("stride", 1), axes)
    gaps = several(options.get("dilation", 1), axes)
    padding = options.get("padding", 0)
    total = [d * (k - 1) for k, d in zip(kernel, gaps, strict=True)]
    pairs = [(p, p) for p in several(0 if isinstance(padding, str) else padding, axes)]
    if padding == "same":
        pairs = [(t // 2, t - t // 2) for t in total]
    outs = tuple(map(after, shape, kernel, stride, pairs, gaps))
    add(
        f"{kind} {name}".strip(),
        functools.partial(getattr(nn, kind), *channels, kernel, **options, rng=0),
        ((batch, channels[0], *shape),),
        (batch, channels[1], *outs),
        f"{kind}({channels[0]}, {channels[1]}, {kernel}, {text(options)})",
    )


def transposed(
    name: str,
    axes: int,
    channels: tuple[int, int] = CHANNELS,
    kernel: Any = None,
    shape: Any = None,
    output_size: Any = None,
    **options: Any,
) -> None:
    """Add a line for ConvTranspose1d, 2d or 3d with these options."""
    kind = f"ConvTranspose{axes}d"
    kernel = several(kernel or KERNELS[axes], axes)
    shape = shape or tuple(n - 2 for n in SHAPES[axes])
    values = [
        several(options.get(key, default), axes)
        for key, default in (
            ("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0)
        )
    ]  # fmt: skip
    outs = tuple(map(before, shape, kernel, *values))
    add(
        f"{kind} {name}".strip(),
        functools.partial(getattr(nn, kind), *channels, kernel, **options, rng=0),
        ((2, channels[0], *shape),),
        (2, channels[1], *(outs if output_size is None else output_size)),
        f"{kind}({channels[0]}, {channels[1]}, {kernel}, {text(options)})",
        options={} if output_size is None else {"output_size": output_size},
    )


for n in (1, 2, 3):
    convolution("", n)
    convolution("without bias", n, bias=False, padding=1)
    transposed("", n)
    transposed("without bias", n, bias=False)

# Combinations along two axes (many more in test_conv.py), and a few along others.
for i, (stride, gap, groups) in enumerate(
    itertools.product((1, 2, (3, 1)), (1, (1, 2)), (1, 2))
):
    pad = ((0, 0), (2, 1), (1, 1))[i % 3]
    given = {"stride": stride, "dilation": gap, "groups": groups, "padding": pad}
    convolution(text(given), 2, GROUPED, shape=(5, 5), **given)
    given["padding"] = ((0, 0), (1, 0))[i % 2]
    transposed(text(given), 2, GROUPED, **given)
for n in (1, 3):
    options = {"stride": 2, "dilation": 2, "groups": 2, "padding": 2}
    convolution("strided, dilated, grouped, padded", n, GROUPED, 2, **options)
    options["padding"] = 1
    sizes = (2,) * n
    transposed("strided, dilated, grouped, padded", n, GROUPED, 2, sizes, **options)

# Groups: one for each channel, with one output or several.
for n in (1, 2, 3):
    convolution("depthwise", n, (3, 3), groups=3, padding=1)
    convolution("depthwise, two of each", n, (2, 4), groups=2, stride=2, padding=1)
    transposed("depthwise", n, (3, 3), groups=3, padding=0)
    transposed("depthwise, two of each", n, (2, 4), groups=2, stride=2)

# Kernels of one element, of the whole input, wider than the input without padding.
convolution("1x1", 2, kernel=1)
convolution("1x1 with stride", 2, kernel=1, stride=2)
convolution("of the whole image", 2, kernel=(4, 5))
convolution("wider than the image", 2, kernel=5, shape=(2, 3), padding=2)
convolution("that leaves rows out", 2, kernel=2, shape=(6, 4), stride=(4, 3))
convolution("stride beyond the kernel", 1, kernel=2, shape=(12,), stride=5, dilation=3)
convolution("of one channel", 2, (1, 3), kernel=3, padding=1)
transposed("1x1", 2, kernel=1)
transposed("1x1 with stride", 2, kernel=1, stride=2, output_padding=1)
transposed("of one element", 2, shape=(1, 1), stride=2)
transposed("stride beyond the kernel", 2, kernel=2, stride=4, dilation=1)
transposed("more kernels than places in one", 2, (2, 2), kernel=2, shape=(5, 4))

# "same" and "valid"; even kernels need one more after than before.
for n in (1, 2, 3):
    for k in (2, 3, 4) if n < 3 else (2,):
        convolution(f"same, kernel {k}", n, (2, 3), kernel=k, padding="same")
    convolution("same, dilated", n, (2, 2), kernel=2, padding="same", dilation=3)
    convolution("valid", n, (2, 3), kernel=2, padding="valid", stride=2)

# What the padding is filled with.
for mode in ("zeros", "reflect", "replicate", "circular"):
    for n in (1, 2, 3):
        pad = (2, 1, 2)[:n]
        convolution(f"padding {mode}", n, (2, 3), padding=pad, padding_mode=mode)
    convolution(
        f"padding {mode}, same, kernel 4",
        2,
        (2, 3),
        kernel=4,
        padding="same",
        padding_mode=mode,
    )
    convolution(
        f"padding {mode}, strided, dilated, grouped",
        2,
        (2, 4),
        kernel=2,
        stride=2,
        dilation=2,
        groups=2,
        padding=(1, 2),
        padding_mode=mode,
    )

# How much longer the output of a transposed convolution is.
for n in (1, 2, 3):
    transposed(
        "output_padding", n, (2, 3), kernel=3, stride=2, padding=1, output_padding=1
    )
transposed(
    "output_padding for dilation", 2, (2, 3), stride=1, dilation=2, output_padding=1
)
transposed(
    "output_padding beyond the padding",
    2,
    (2, 3),
    kernel=2,
    stride=3,
    padding=1,
    output_padding=2,
)
transposed("output_size", 2, (2, 3), kernel=3, stride=(2, 3), output_size=(6, 10))
transposed(
    "output_size, padded",
    1,
    (2, 3),
    kernel=3,
    stride=3,
    padding=1,
    shape=(3,),
    output_size=(9,),
)

# Without a batch; sizes that the first input tells.
for n, size in SHAPES.items():
    outs = tuple(a - k + 1 for a, k in zip(size, KERNELS[n], strict=True))
    add(
        f"Conv{n}d without a batch",
        functools.partial(getattr(nn, f"Conv{n}d"), 2, 3, KERNELS[n], rng=0),
        ((2, *size),),
        (3, *outs),
        f"Conv{n}d(2, 3, {KERNELS[n]})",
        batch=None,
    )
    outs = tuple(a + k - 1 for a, k in zip(size, KERNELS[n], strict=True))
    add(
        f"ConvTranspose{n}d without a batch",
        functools.partial(getattr(nn, f"ConvTranspose{n}d"), 2, 3, KERNELS[n], rng=0),
        ((2, *size),),
        (3, *outs),
        f"ConvTranspose{n}d(2, 3, {KERNELS[n]})",
        batch=None,
    )

# Functions, with the weight as an input.
for n, size in SHAPES.items():
    ones, kernel = (1,) * n, KERNELS[n]
    outs = tuple(map(after, size, kernel, ones, [(1, 1)] * n, ones))
    add(
        f"conv{n}d",
        lambda n=n: getattr(functional, f"conv{n}d"),
        ((2, 4, *size), (2, 2, *kernel), (2,)),
        (2, 2, *outs),
        f"F.conv{n}d",
        options={"padding": 1, "groups": 2},
        batch=(0, None, None),
    )
    size = tuple(i - 1 for i in size)
    outs = tuple(map(before, size, kernel, (2,) * n, (0,) * n, ones, (1,) * n))
    add(
        f"conv_transpose{n}d",
        lambda n=n: getattr(functional, f"conv_transpose{n}d"),
        ((2, 4, *size), (4, 1, *kernel), (2,)),
        (2, 2, *outs),
        f"F.conv_transpose{n}d",
        options={"stride": 2, "output_padding": 1, "groups": 2},
        batch=(0, None, None),
    )

# What is frozen: the repr, and the sentences.
add(
    "Conv2d, all options",
    lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), 1, 2, 2, False, "reflect", rng=0),
    ((1, 4, 6, 5),),
    (1, 6, 2, 5),
    "Conv2d(4, 6, (3, 2), (2, 1), 1, 2, 2, False, 'reflect')",
    shown="Conv2d(4, 6, kernel_size=(3, 2), stride=(2, 1), padding=(1, 1), dilation="
    "(2, 2), groups=2, padding_mode='reflect', bias=False)  weight (6, 2, 3, 2)  72 "
    "parameters",
)
add(
    "Conv2d of wrong shapes",
    lambda: nn.Conv2d(3, 16, 5, rng=0),
    ((1, 3, 5, 5),),
    (1, 16, 1, 1),
    "Conv2d(3, 16, 5)",
    wrong=[
        (
            ((8, 4, 28, 28),),
            r"conv2d: weight has 3 input channels but x has 4 \(x: \(8, 4, 28, 28\), "
            r"weight: \(16, 3, 5, 5\)\)\. Channels are axis 1\.$",
        ),
        (((4, 28, 28),), r"x has 4 .*Channels are axis 0\."),
        (((8, 28),), r"x needs 4 axes, \(batch, channels, height, width\), or 3"),
        (((2, 3, 6, 4),), "covers 5 elements, but axis 3 of x has 4 and 0 of padding"),
        (((3, 4, 6),), "covers 5 elements, but axis 1 of x has 4"),
    ],
)
add(
    "ConvTranspose1d, all options",
    lambda: nn.ConvTranspose1d(4, 6, 3, 3, 2, 1, 2, False, 2, "zeros", rng=0),
    ((2, 4, 5),),
    (2, 6, 14),
    "ConvTranspose1d(4, 6, 3, 3, 2, 1, 2, False, 2, 'zeros')",
    shown="ConvTranspose1d(4, 6, kernel_size=(3,), stride=(3,), padding=(2,), "
    "output_padding=(1,), dilation=(2,), groups=2, bias=False)  weight (4, 3, 3)  36 "
    "parameters",
    wrong=[
        (((2, 5, 5),), "weight has 4 input channels but x has 5 .*axis 1"),
        (((2, 4, 0),), r"the output would have axes of \(0,\)|would have axes"),
        (((2,),), r"x needs 3 axes, \(batch, channels, length\), or 2"),
    ],
)
