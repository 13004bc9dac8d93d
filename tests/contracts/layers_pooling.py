"""Lines of the table: pooling."""

from __future__ import annotations

import numpy as np

from contracts.layers import add, numbers
from xpnet import nn

ONE, TWO, THREE = (2, 3, 9), (2, 3, 7, 9), (2, 2, 5, 6, 4)


def ties(*shape: int) -> np.ndarray:
    """Return numbers of which many are equal, as after a relu."""
    return np.maximum(np.round(2 * numbers(shape, seed=3)) / 2, 0.0)


def line(kind: str, made: str, x: object, out: object, **options: object) -> None:
    """Add a line that is written alike here and in PyTorch."""
    layer = f"{kind}({made})"
    options.setdefault("smooth", not isinstance(x, np.ndarray))
    wrong = options.pop("wrong", [])
    add(
        layer + ("" if options["smooth"] else " of ties") + options.pop("note", ""),
        lambda: eval(f"nn.{layer}", {"nn": nn}),
        (x,),
        out,
        layer,
        wrong=wrong,
        **options,
    )


# --- largest --------------------------------------------------------------------------

line(
    "MaxPool1d",
    "2",
    ONE,
    (2, 3, 4),
    shown="MaxPool1d(kernel_size=2)",
    wrong=[
        (((2, 3, 1),), r"a window covers 2 elements, but axis -1 of x has 1 with 0"),
        (((9,),), r"needs 3 axes, \(batch, channels, length\), or 2 for one example"),
    ],
)
line("MaxPool1d", "3, 2, 1", ONE, (2, 3, 5))
line("MaxPool1d", "3, 2, 1, 2, True", ONE, [(2, 3, 4), (2, 3, 4)], out_batch=(0, 0))
line("MaxPool1d", "2, ceil_mode=True", ONE, (2, 3, 5))
line(
    "MaxPool2d",
    "2",
    TWO,
    (2, 3, 3, 4),
    shown="MaxPool2d(kernel_size=2)",
    wrong=[
        (((2, 3, 1, 4),), r"a window covers 2 elements, but axis -2 of x has 1 with"),
        (((3, 4),), r"needs 4 axes, \(batch, channels, height, width\), or 3 for"),
    ],
)
line("MaxPool2d", "2", ties(4, 3, 8, 6), (4, 3, 4, 3))
line("MaxPool2d", "3, 1, 1", ties(4, 3, 8, 6), (4, 3, 8, 6))
line("MaxPool2d", "(3, 2), (1, 2), (1, 0)", TWO, (2, 3, 7, 4))
line(
    "MaxPool2d",
    "3, 2, 1",
    ties(3, 2, 7, 9),
    (3, 2, 4, 5),
    shown="MaxPool2d(kernel_size=3, stride=2, padding=1)",
)
line("MaxPool2d", "3, dilation=2", TWO, (2, 3, 1, 2))
line("MaxPool2d", "(2, 3), 1, 1, (3, 2)", ties(2, 3, 7, 9), (2, 3, 6, 7))
line("MaxPool2d", "3, 2, 1, ceil_mode=True", ties(2, 3, 6, 8), (2, 3, 4, 5))
line("MaxPool2d", "2, 3", TWO, (2, 3, 2, 3))
line(
    "MaxPool2d",
    "2, return_indices=True",
    ties(2, 3, 6, 8),
    [(2, 3, 3, 4), (2, 3, 3, 4)],
    out_batch=(0, 0),
    shown="MaxPool2d(kernel_size=2, return_indices=True)",
)
line("MaxPool2d", "2", (3, 7, 9), (3, 3, 4), note=" of one example")
line(
    "MaxPool3d",
    "2",
    THREE,
    (2, 2, 2, 3, 2),
    shown="MaxPool3d(kernel_size=2)",
    wrong=[(((5, 6, 4),), r"needs 5 axes, \(batch, channels, depth, height, width\)")],
)
line("MaxPool3d", "(2, 3, 2), 1, (1, 1, 0)", ties(2, 2, 5, 6, 4), (2, 2, 6, 6, 3))

# --- mean -----------------------------------------------------------------------------

line(
    "AvgPool1d",
    "2",
    ONE,
    (2, 3, 4),
    shown="AvgPool1d(kernel_size=2)",
    wrong=[(((2, 3, 1),), r"a window covers 2 elements, but axis -1 of x has 1")],
)
line("AvgPool1d", "3, 2, 1, count_include_pad=False", ONE, (2, 3, 5))
line("AvgPool1d", "4, 2, 1, ceil_mode=True", ONE, (2, 3, 5))
line(
    "AvgPool2d",
    "2",
    TWO,
    (2, 3, 3, 4),
    shown="AvgPool2d(kernel_size=2)",
    wrong=[(((3, 4),), r"needs 4 axes, \(batch, channels, height, width\), or 3")],
)
line("AvgPool2d", "3, 1, 1", TWO, (2, 3, 7, 9))
line("AvgPool2d", "(3, 2), (2, 1), (1, 0)", TWO, (2, 3, 4, 8))
line("AvgPool2d", "3, 2, 1, True", (2, 3, 6, 8), (2, 3, 4, 5))
line("AvgPool2d", "3, 2, 1, True, False", (2, 3, 6, 8), (2, 3, 4, 5))
line("AvgPool2d", "3, 2, 1, False, False", TWO, (2, 3, 4, 5))
line(
    "AvgPool2d",
    "2, divisor_override=3",
    TWO,
    (2, 3, 3, 4),
    shown="AvgPool2d(kernel_size=2, divisor_override=3)",
)
line("AvgPool2d", "2, 3", TWO, (2, 3, 2, 3))
line("AvgPool2d", "2", (3, 7, 9), (3, 3, 4), note=" of one example")
line(
    "AvgPool3d",
    "2",
    THREE,
    (2, 2, 2, 3, 2),
    shown="AvgPool3d(kernel_size=2)",
    wrong=[(((5, 6, 4),), r"needs 5 axes, \(batch, channels, depth, height, width\)")],
)
line("AvgPool3d", "3, 2, 1, True, False", THREE, (2, 2, 3, 4, 3))

# --- parts ----------------------------------------------------------------------------

for kind in ("Avg", "Max"):
    line(
        f"Adaptive{kind}Pool1d",
        "4",
        ONE,
        (2, 3, 4),
        shown=f"Adaptive{kind}Pool1d(output_size=4)",
        wrong=[
            (((9,),), r"needs 3 axes, \(batch, channels, length\), or 2 for one"),
            (((2, 3, 0),), r"x has shape \(2, 3, 0\), with no element to take from"),
        ],
    )
    line(f"Adaptive{kind}Pool1d", "3", ONE, (2, 3, 3))
    line(f"Adaptive{kind}Pool1d", "13", ONE, (2, 3, 13))
    line(
        f"Adaptive{kind}Pool2d",
        "(3, 4)",
        TWO,
        (2, 3, 3, 4),
        shown=f"Adaptive{kind}Pool2d(output_size=(3, 4))",
        wrong=[(((3, 4),), r"needs 4 axes, \(batch, channels, height, width\)")],
    )
    line(f"Adaptive{kind}Pool2d", "1", TWO, (2, 3, 1, 1))
    line(f"Adaptive{kind}Pool2d", "(None, 2)", TWO, (2, 3, 7, 2))
    line(f"Adaptive{kind}Pool2d", "(7, 3)", ties(2, 3, 7, 9), (2, 3, 7, 3))
    line(f"Adaptive{kind}Pool2d", "5", (3, 7, 9), (3, 5, 5), note=" of one example")
    line(
        f"Adaptive{kind}Pool3d",
        "(2, None, 3)",
        THREE,
        (2, 2, 2, 6, 3),
        shown=f"Adaptive{kind}Pool3d(output_size=(2, None, 3))",
        wrong=[(((5, 6, 4),), r"needs 5 axes, \(batch, channels, depth, height")],
    )
line(
    "AdaptiveMaxPool1d",
    "4, True",
    ONE,
    [(2, 3, 4), (2, 3, 4)],
    out_batch=(0, 0),
    shown="AdaptiveMaxPool1d(output_size=4, return_indices=True)",
)
line(
    "AdaptiveMaxPool2d",
    "(3, 4), True",
    ties(2, 3, 7, 9),
    [(2, 3, 3, 4), (2, 3, 3, 4)],
    out_batch=(0, 0),
)
line(
    "AdaptiveMaxPool3d",
    "2, return_indices=True",
    THREE,
    [(2, 2, 2, 2, 2), (2, 2, 2, 2, 2)],
    out_batch=(0, 0),
)
