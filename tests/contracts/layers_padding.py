"""Lines of the table: padding."""

from __future__ import annotations

from contracts.layers import add
from xpnet import nn
from xpnet.nn import functional

SHAPES = {1: (2, 3, 5), 2: (2, 3, 5, 4), 3: (2, 3, 5, 4, 6)}
WIDTHS = {1: (2, 1), 2: (2, 1, 0, 3), 3: (2, 1, 0, 3, 1, 1)}
TAKING = {1: (-1, 2), 2: (2, -1, -2, 1), 3: (-1, 2, 1, -1, 0, -2)}


def grown(shape: tuple[int, ...], widths: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape after padding, the widths of the last axis first."""
    out = list(shape)
    for i in range(len(widths) // 2):
        out[-1 - i] += widths[2 * i] + widths[2 * i + 1]
    return tuple(out)


def lines(kind: str, value: str = "") -> None:
    """Add a layer of padding for each number of axes."""
    for count, shape in SHAPES.items():
        for padding in (1, WIDTHS[count], TAKING[count]):
            widths = (1,) * 2 * count if padding == 1 else padding
            name = f"{kind}{count}d({padding}{value})"
            also = f", value={value[2:]}" if value else ""
            add(
                name,
                lambda name=name: eval(f"nn.{name}", {"nn": nn}),
                (shape,),
                grown(shape, widths),
                name,
                shown=f"{kind}{count}d(padding={widths}{also})",
                wrong=[(((),), f"x needs {count} axes or more; its shape is")],
            )


lines("ZeroPad")
lines("ConstantPad", ", -1.5")
lines("ReflectionPad")
lines("ReplicationPad")
lines("CircularPad")

for mode, most in (("reflect", 3), ("circular", 4)):
    add(
        f"pad, {mode}",
        lambda mode=mode: functional.pad,
        ((2, 3, 5),),
        (2, 3, 9),
        "F.pad",
        options={"pad": (most, 4 - most), "mode": mode},
        wrong=[
            (((2, 3, most),), f"fills at most {most - (mode == 'reflect')} elements")
            if mode == "reflect"
            else (((2, 3, 3),), "fills at most 3 elements on each side of axis 2"),
            (((),), "2 widths are for 1 axes, but x has 0"),
        ],
    )
add(
    "pad with a value",
    lambda: functional.pad,
    ((2, 3, 5),),
    (3, 4, 2),
    "F.pad",
    options={"pad": (-2, -1, 1, 0, 0, 1), "value": 2.5},
    batch=None,
    wrong=[(((2, 3, 2),), r"take away more elements than the 2 of axis 2")],
)
