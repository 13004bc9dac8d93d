"""The cases of elementwise functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from calculus.samples import (
    PAIRS,
    SHAPES,
    add,
    away,
    between,
    corner,
    distinct,
    inner,
    named,
    outer,
    plain,
    positive,
    precision,
    steep,
)

# --- elementwise, one argument --------------------------------------------------------

UNARY: dict[str, Callable[..., Any]] = {
    "abs": away(0.2, 2.0),
    "acos": inner,
    "acosh": outer,
    "asin": inner,
    "asinh": plain,
    "atan": plain,
    "atanh": inner,
    "conj": plain,
    "cos": plain,
    "cosh": plain,
    "exp": plain,
    "expm1": plain,
    "expit": plain,
    "expit_slope": plain,
    "imag": plain,
    "log": positive,
    "log10": positive,
    "log1p": between(-0.6, 2.0),
    "log2": positive,
    "log_expit": plain,
    "negative": plain,
    "positive": plain,
    "real": plain,
    "reciprocal": away(0.4, 2.0),
    "relu": away(0.2, 2.0),
    "sign": away(0.2, 2.0),
    "sin": plain,
    "sinh": plain,
    "sqrt": positive,
    "square": plain,
    "tan": steep,
    "tanh": plain,
    "tanh_slope": plain,
}
REAL_INPUT_IS_REFUSED = ("imag",)  # by array-api-strict and PyTorch
NOT_COMPLEX = ("expit_slope", "log_expit", "relu", "tanh_slope")


def _unary(name: str, sample: Callable[..., Any]) -> None:
    f = named(name)
    if name in REAL_INPUT_IS_REFUSED:
        add(name, "real", f, sample((2, 3), name), only=("numpy", "jax", "cupy"))
        sample = corner
    for shape in SHAPES:
        add(name, "once", f, sample(shape, name))
    add(
        name,
        "a stride of 0",
        f,
        np.broadcast_to(sample((1, 3), name), (2, 3)),
    )
    add(name, "twice", lambda xp, x: f(xp, x) * x, sample((3,), name), layouts=False)
    add(name, "not at all", lambda xp, x, y: f(xp, x), sample((3,), name), plain((2,)))
    if name not in NOT_COMPLEX:
        add(name, "complex", f, corner((2, 3), name))


for _name, _sample in UNARY.items():
    _unary(_name, _sample)


# --- elementwise, two arguments -------------------------------------------------------

_apart = (distinct, lambda shape, *key: distinct(shape, "other", *key) + 0.125)
BINARY: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "add": (plain, plain),
    "atan2": (away(0.4, 2.0), away(0.4, 2.0)),
    "copysign": (away(0.4, 2.0), away(0.4, 2.0)),
    "divide": (plain, away(0.5, 2.0)),
    "expit_difference": (plain, plain),
    "hypot": (away(0.4, 2.0), away(0.4, 2.0)),
    "logaddexp": (plain, plain),
    "maximum": (between(-2.0, -0.1), between(0.1, 2.0)),
    "minimum": (between(-2.0, -0.1), between(0.1, 2.0)),
    "multiply": (plain, plain),
    "nextafter": (plain, between(3.0, 4.0)),
    "pow": (positive, plain),
    "remainder": (between(5.1, 5.4), between(1.8, 2.4)),
    "subtract": (plain, plain),
}
_HOLOMORPHIC = ("add", "divide", "multiply", "pow", "subtract")
_SYMBOLS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "remainder": lambda a, b: a % b,
}
_SCALARS = {"remainder": (5.25, 2.125), "pow": (1.75, 3.0), "maximum": (-3.0, 3.0)}
_SCALARS |= {"minimum": (-3.0, 3.0), "nextafter": (-3.0, 3.0)}


def _binary(name: str, first: Callable[..., Any], second: Callable[..., Any]) -> None:
    f = named(name)
    for a, b in PAIRS:
        add(name, "once", f, first(a, name, 1), second(b, name, 2))
        if a != b:
            add(
                name,
                "once, exchanged",
                f,
                first(b, name, 3),
                second(a, name, 4),
                layouts=False,
            )
    add(
        name,
        "strides of 0",
        f,
        np.broadcast_to(first((1, 3), name), (2, 3)),
        np.broadcast_to(second((2, 1), name), (2, 3)),
    )
    if name != "remainder":  # x % x jumps
        same = positive if name == "pow" else first
        add(name, "twice", lambda xp, x: f(xp, x, x), same((2, 3), name, "twice"))
    add(
        name,
        "not at all",
        lambda xp, x, y, z: f(xp, x, y),
        first((3,)),
        second((3,)),
        plain((2,)),
    )
    left, right = _SCALARS.get(name, (1.5, 1.5))
    add(name, "number on the right", lambda xp, x: f(xp, x, right), first((2, 3), name))
    add(name, "number on the left", lambda xp, y: f(xp, left, y), second((2, 3), name))
    beside = second((3,), name, "beside")
    add(
        name,
        "the second off the tape",
        lambda xp, x: f(xp, x, xp.put(beside.astype(precision(x)))),
        first((2, 3), name),
    )
    add(
        name,
        "the first a raw array",
        lambda xp, y: f(xp, xp.put(beside_first.astype(precision(y))).data, y),
        second((2, 3), name),
    )
    beside_first = first((3,), name, "beside")
    if name in _HOLOMORPHIC:
        add(name, "complex", f, corner((2, 3), name, 1), corner((3,), name, 2))
        add(
            name, "complex and real", f, corner((2, 2), name, 3), positive((2, 1), name)
        )
        add(
            name, "real and complex", f, positive((2, 2), name), corner((2, 1), name, 4)
        )
    if name in _SYMBOLS:
        _operators(name, _SYMBOLS[name], first, second, left, right)


def _operators(
    name: str,
    op: Callable[[Any, Any], Any],
    first: Any,
    second: Any,
    left: float,
    right: float,
) -> None:
    x, y = first((2, 3), name, "op"), second((3,), name, "op")
    add(name, "operator", lambda xp, x, y: op(x, y), x, y)
    add(name, "operator with a number", lambda xp, x: op(x, right), x)
    add(name, "reflected operator with a number", lambda xp, y: op(left, y), y)
    if float(int(right)) == right:
        add(name, "operator with an integer", lambda xp, x: op(x, int(right)), x)
    add(
        name,
        "operator with a raw array",
        lambda xp, x: op(x, xp.put(y.astype(precision(x))).data),
        x,
    )
    if name != "subtract":
        add(name, "in place", _in_place(name), x, y)


def _in_place(name: str) -> Callable[..., Any]:
    symbol = {
        "add": "+=",
        "multiply": "*=",
        "divide": "/=",
        "pow": "**=",
        "remainder": "%=",
    }[name]

    def call(xp: Any, x: Any, y: Any) -> Any:
        names = {"z": x * 1.0, "y": y}
        exec(f"w = z; z {symbol} y", names)  # w keeps the name of what z was rebound to
        return names["z"] * x

    return call


for _name, _samplers in BINARY.items():
    _binary(_name, *_samplers)

add("pow", "the square", lambda xp, x: x**2, away(0.3, 2.0)((2, 3)))
add("pow", "the root", lambda xp, x: x**0.5, positive((2, 3)))
add("pow", "a pole", lambda xp, x: x**-1.5, positive((2, 3)))
add("pow", "a negative base", lambda xp, x: xp.pow(x, 3.0), between(-2.0, -0.5)((2, 3)))
add("pow", "an exponent of 0", lambda xp, x: x**0, plain((2, 3)))
add("pow", "an exponent of 1", lambda xp, x: x**1, plain((2, 3)))
add(
    "remainder",
    "negative",
    named("remainder"),
    between(-5.4, -5.1)((3,)),
    between(1.8, 2.4)((3,)),
)

for _shape in SHAPES:  # the second argument is the output of a relu
    add("gate", "once", named("gate"), plain(_shape, "gate"), positive(_shape))
add("gate", "twice", lambda xp, x: xp.gate(x, x), positive((2, 3)))


# --- clip -----------------------------------------------------------------------------

_far = distinct((2, 1, 3), "clip")
for _low, _high in ((-0.45, 0.4), (None, 0.4), (-0.45, None), (None, None)):
    add(
        "clip",
        f"{_low} to {_high}",
        lambda xp, x, low=_low, high=_high: xp.clip(x, low, high),
        _far,
    )
for _shape in SHAPES:
    add("clip", "shapes", lambda xp, x: xp.clip(x, -0.4, 0.4), distinct(_shape, "clip"))
add(
    "clip",
    "bounds by name",
    lambda xp, x: xp.clip(x, max=0.4, min=-0.45),
    _far,
    layouts=False,
)
add(
    "clip",
    "bounds on the tape",
    lambda xp, x, low, high: xp.clip(x, low, high),
    _far,
    np.asarray([-0.45, -0.2, -0.6]),
    np.asarray(0.4),
    narrow=False,
)
add("clip", "twice", lambda xp, x: xp.clip(x, -0.4, 0.4) * x, _far)
