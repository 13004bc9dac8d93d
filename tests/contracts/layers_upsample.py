"""Lines of the table: resampling."""

from __future__ import annotations

from typing import Any

from contracts.layers import add
from xpnet import nn
from xpnet.nn import functional

SHAPES = {1: (2, 3, 5), 2: (2, 3, 5, 7), 3: (2, 2, 4, 5, 3)}
FACTORS = {1: 2, 2: (1.5, 2.7), 3: (2, 0.6, 1.4)}
SIZES = {1: (8,), 2: (3, 11), 3: (4, 9, 2)}
AXES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


def line(made: str, count: int, out: tuple[int, ...], **options: Any) -> None:
    """Add a line that is written alike here and in PyTorch."""
    name = f"Upsample({made})"
    add(
        f"{name} of {count}",
        lambda: eval(f"nn.{name}", {"nn": nn}),
        (SHAPES[count],),
        SHAPES[count][:2] + out,
        name,
        **options,
    )


def larger(count: int, factors: Any) -> tuple[int, ...]:
    """Return the size by factors."""
    many = factors if isinstance(factors, tuple) else (factors,) * count
    return tuple(int(n * f) for n, f in zip(SHAPES[count][2:], many, strict=True))


for mode in ("nearest", "nearest-exact", "area"):
    for count in (1, 2, 3):
        line(
            f"{SIZES[count]}, mode={mode!r}",
            count,
            SIZES[count],
            shown=f"Upsample(size={SIZES[count]}, mode={mode!r})",
            wrong=[(((5, 7),), f"mode '{mode}' needs 3 or 4 or 5 axes, batch and")],
        )
        for factors in (2, 3, FACTORS[count]):
            out = larger(count, factors)
            if factors != 2 or count > 1:
                line(f"scale_factor={factors}, mode={mode!r}", count, out)
        line(
            f"None, {FACTORS[count]}, {mode!r}, None, True",
            count,
            larger(count, FACTORS[count]),
        )

for mode, count in AXES.items():
    for align in ("None", "True", "False"):
        line(
            f"{SIZES[count]}, None, {mode!r}, {align}",
            count,
            SIZES[count],
            wrong=[(((5, 7),), f"mode '{mode}' needs {count + 2} axes, batch and")],
        )
        factors = FACTORS[count]
        line(
            f"None, {factors}, {mode!r}, {align}",
            count,
            larger(count, factors),
        )
    line(f"None, 2, {mode!r}, None, False", count, larger(count, 2))
    line(f"None, {factors}, {mode!r}, None, True", count, larger(count, factors))
    line(f"{(1,) * count}, None, {mode!r}, True", count, (1,) * count)
    line(f"{SHAPES[count][2:]}, None, {mode!r}", count, SHAPES[count][2:])

for mode in ("bilinear", "bicubic"):
    for align in (None, True):
        for size in ((3, 2), (2, 9), (12, 7), (1, 1)):
            add(
                f"interpolate to {size}, {mode}, align_corners={align}, antialias",
                lambda: functional.interpolate,
                (SHAPES[2],),
                (2, 3, *size),
                "F.interpolate",
                options={
                    "size": size,
                    "mode": mode,
                    "align_corners": align,
                    "antialias": True,
                },
            )
