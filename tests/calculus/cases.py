"""The cases of the contract: each function at shapes, broadcasts, options and uses.

``CASES[name]`` lists the cases of a row. A row without one fails `test_contract`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from calculus.contract import Case

CASES: dict[str, list[Case]] = {}

SHAPES: tuple[tuple[int, ...], ...] = ((), (0,), (0, 3), (1,), (2, 1, 3))
PAIRS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()),
    ((0,), (1,)),
    ((0, 3), (3,)),
    ((1,), (2, 1, 3)),
    ((2, 1, 3), (3,)),
    ((2, 1, 2), (2, 3, 1)),
    ((2, 3), ()),
)


def add(
    row: str, label: str, call: Callable[..., Any], *inputs: Any, **options: Any
) -> None:
    """Add one case to the list of its row."""
    CASES.setdefault(row, []).append(Case(row, label, call, inputs, **options))


# --- numbers --------------------------------------------------------------------------


def _rng(*key: Any) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def between(low: float, high: float) -> Callable[..., Any]:
    """Return a sampler of numbers in an interval, exact in single precision."""

    def sample(shape: tuple[int, ...], *key: Any) -> Any:
        values = _rng(low, high, shape, *key).uniform(low, high, shape)
        return np.asarray(values.astype("f4").astype("f8"))

    return sample


def away(low: float, high: float) -> Callable[..., Any]:
    """Return a sampler of numbers of both signs, at least `low` from 0."""

    def sample(shape: tuple[int, ...], *key: Any) -> Any:
        return between(low, high)(shape, *key) * _rng(shape, *key).choice(
            (-1.0, 1.0), shape
        )

    return sample


def distinct(shape: tuple[int, ...], *key: Any) -> Any:
    """Return numbers of both signs, at least 0.1 from one another and from 0."""
    n = int(np.prod(shape))
    values = (np.arange(n) - n // 2 + 0.5) / 4 + _rng(shape, "jitter", *key).uniform(
        -0.05, 0.05, n
    )
    return (
        _rng(shape, *key).permutation(values.astype("f4").astype("f8")).reshape(shape)
    )


def fractional(shape: tuple[int, ...], *key: Any) -> Any:
    """Return numbers of both signs, 0.1 to 0.4 above an integer in absolute value."""
    whole = _rng(shape, "whole", *key).integers(0, 9, shape)
    return (whole + between(0.1, 0.4)(shape, *key)) * _rng(shape, *key).choice(
        (-1.0, 1.0), shape
    )


def corner(shape: tuple[int, ...], *key: Any) -> Any:
    """Return complex numbers in the first quadrant, away from the branch cuts."""
    parts = between(0.3, 1.2)
    return np.asarray(parts(shape, "real", *key) + 1j * parts(shape, "imag", *key))


plain, positive, inner = between(-2.0, 2.0), between(0.4, 2.5), between(-0.8, 0.8)
outer, steep = between(1.3, 3.0), between(-1.1, 1.1)


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
WITHOUT_COMPLEX_IN_TORCH = ("expm1", "log1p", "expit")


def _named(name: str) -> Callable[..., Any]:
    return lambda xp, *xs: getattr(xp, name)(*xs)


def _unary(name: str, sample: Callable[..., Any]) -> None:
    f = _named(name)
    if name in REAL_INPUT_IS_REFUSED:
        add(name, "real", f, sample((2, 3), name), only=("numpy", "cupy"))
        sample = corner
    for shape in SHAPES:
        add(name, "once", f, sample(shape, name))
    add(
        name,
        "a stride of 0",
        f,
        np.broadcast_to(sample((1, 3), name), (2, 3)),
        only=("numpy",),
    )
    add(name, "twice", lambda xp, x: f(xp, x) * x, sample((3,), name), layouts=False)
    add(name, "not at all", lambda xp, x, y: f(xp, x), sample((3,), name), plain((2,)))
    if name not in NOT_COMPLEX:
        only = (
            ("numpy", "array_api_strict", "cupy")
            if name in WITHOUT_COMPLEX_IN_TORCH
            else ()
        )
        add(name, "complex", f, corner((2, 3), name), only=only)


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
    f = _named(name)
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
        only=("numpy",),
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
        lambda xp, x: f(xp, x, xp.put(beside.astype(_dtype(x)))),
        first((2, 3), name),
    )
    add(
        name,
        "the first a raw array",
        lambda xp, y: f(xp, xp.put(beside_first.astype(_dtype(y))).data, y),
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
        lambda xp, x: op(x, xp.put(y.astype(_dtype(x))).data),
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


def _dtype(x: Any) -> str:
    return "float32" if "32" in str(x.dtype) else "float64"


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
    _named("remainder"),
    between(-5.4, -5.1)((3,)),
    between(1.8, 2.4)((3,)),
)

for _shape in SHAPES:  # the second argument is the output of a relu
    add("gate", "once", _named("gate"), plain(_shape, "gate"), positive(_shape))
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

# --- reductions -----------------------------------------------------------------------


def _reductions(
    name: str, sample: Callable[..., Any], *, empty: bool = True, **options: Any
) -> None:
    f = getattr_of(name)
    for shape in SHAPES:
        if empty or 0 not in shape:
            add(
                name,
                "everything",
                lambda xp, x: f(xp)(x, **options),
                sample(shape, name),
            )
    if not empty:  # no element to choose: reduce along an axis that has some
        add(
            name,
            "empty",
            lambda xp, x: f(xp)(x, axis=1, **options),
            sample((0, 3), name),
        )
    for axis in (0, -1, 1, (0, 2), (-1, 0, 1), ()):
        if axis == () and name not in (
            "sum",
            "mean",
            "prod",
            "max",
            "min",
            "var",
            "std",
        ):
            continue
        for keepdims in (False, True):
            if axis == () and keepdims:
                continue
            add(
                name,
                f"axis={axis}, keepdims={keepdims}",
                lambda xp, x, a=axis, k=keepdims: f(xp)(
                    x, axis=a, keepdims=k, **options
                ),
                sample((2, 1, 3) if axis == -1 else (2, 2, 3), name, axis, keepdims),
                layouts=axis in (-1, (0, 2)) and not keepdims,
                only=("numpy", "array_api_strict", "cupy") if axis == () else (),
            )
    add(
        name,
        "twice",
        lambda xp, x: f(xp)(x, axis=-1, keepdims=True, **options) * x,
        sample((2, 3), name),
    )
    add(
        name,
        "not at all",
        lambda xp, x, y: f(xp)(x, **options),
        sample((2, 2), name),
        plain((2,)),
    )


def getattr_of(name: str) -> Callable[[Any], Any]:
    """Return the function that looks a name up in a namespace."""
    return lambda xp: getattr(xp, name)


_reductions("sum", plain)
_reductions("mean", plain)
_reductions("var", plain)
_reductions("std", distinct, empty=False)
_reductions("prod", away(0.5, 1.5))
_reductions("max", distinct, empty=False)
_reductions("min", distinct, empty=False)
_reductions("logsumexp", plain, empty=False)
for _name in ("sum", "prod"):
    add(
        _name,
        "complex",
        lambda xp, x, n=_name: getattr(xp, n)(x, axis=0),
        corner((3, 2), _name),
    )
    add(
        _name,
        "dtype",
        lambda xp, x, n=_name: getattr(xp, n)(x, axis=0, dtype=x.dtype),
        plain((3, 2), _name),
    )
    add(
        _name,
        "to float64",
        lambda xp, x, n=_name: getattr(xp, n)(x, axis=0, dtype=xp.float64),
        plain((3, 2), _name),
        narrow=False,
    )
add("mean", "complex", lambda xp, x: xp.mean(x, axis=0), corner((3, 2), "mean"))
for _zeros in (1, 2, 3):
    _values = away(0.5, 1.5)((4, 3), "zeros")
    _values[:_zeros, 1] = 0.0
    add("prod", f"{_zeros} zeros", lambda xp, x: xp.prod(x, axis=0), _values)
for _correction in (1, 0.5):
    for _name in ("var", "std"):
        add(
            _name,
            f"correction {_correction}",
            lambda xp, x, n=_name, c=_correction: getattr(xp, n)(
                x, axis=-1, correction=c
            ),
            distinct((2, 4), _name),
            only=() if _correction == 1 else ("numpy", "array_api_strict", "cupy"),
        )

# --- running sums and products, differences -------------------------------------------

for _name, _sample in (("cumulative_sum", plain), ("cumulative_prod", away(0.5, 1.5))):
    _f = getattr_of(_name)
    for _shape in ((0,), (1,), (4,)):
        add(_name, "a row", lambda xp, x, f=_f: f(xp)(x), _sample(_shape, _name))
        add(
            _name,
            "with the initial value",
            lambda xp, x, f=_f: f(xp)(x, include_initial=True),
            _sample(_shape, _name),
        )
    for _axis in (0, 1, -1):
        for _shape in ((2, 1, 3), (0, 3, 2)):
            for _initial in (False, True):
                add(
                    _name,
                    f"axis={_axis}, initial={_initial}",
                    lambda xp, x, f=_f, a=_axis, i=_initial: f(xp)(
                        x, axis=a, include_initial=i
                    ),
                    _sample(_shape, _name),
                    layouts=_axis == 1,
                )
    add(_name, "twice", lambda xp, x, f=_f: f(xp)(x) * x, _sample((4,), _name))
    add(_name, "complex", lambda xp, x, f=_f: f(xp)(x, axis=1), corner((2, 3), _name))
    add(
        _name,
        "dtype",
        lambda xp, x, f=_f: f(xp)(x, dtype=x.dtype),
        _sample((4,), _name),
    )
_values = away(0.5, 1.5)((2, 5), "cumulative zeros")
_values[0, 2] = _values[1, 0] = _values[1, 3] = 0.0
add("cumulative_prod", "zeros", lambda xp, x: xp.cumulative_prod(x, axis=1), _values)

for _n in (0, 1, 2):
    for _axis in (-1, 0, 1):
        add(
            "diff",
            f"n={_n}, axis={_axis}",
            lambda xp, x, n=_n, a=_axis: xp.diff(x, n=n, axis=a),
            plain((3, 4), "diff"),
            layouts=_axis == 0,
        )
add(
    "diff",
    "ends",
    lambda xp, x, a, b: xp.diff(x, axis=1, prepend=a, append=b),
    plain((2, 3)),
    plain((2, 1)),
    plain((2, 2)),
)
add("diff", "empty", lambda xp, x: xp.diff(x), plain((0, 3)))

# --- softmax --------------------------------------------------------------------------

for _name in ("softmax", "log_softmax"):
    _f = getattr_of(_name)
    for _shape in ((1,), (0, 3), (4,), (2, 1, 3)):
        add(_name, "the last axis", lambda xp, x, f=_f: f(xp)(x), plain(_shape, _name))
    for _axis in (0, 1, -1):
        add(
            _name,
            f"axis={_axis}",
            lambda xp, x, f=_f, a=_axis: f(xp)(x, axis=a),
            plain((2, 3), _name),
        )
    add(_name, "twice", lambda xp, x, f=_f: f(xp)(x) * x, plain((2, 3), _name))

# --- moving elements ------------------------------------------------------------------

_block = plain((2, 1, 3), "block")
_MOVES: dict[str, list[Callable[..., Any]]] = {
    "broadcast_to": [
        lambda xp, x: xp.broadcast_to(x, (2, 2, 3)),
        lambda xp, x: xp.broadcast_to(x, (2, 2, 1, 3)),
        lambda xp, x: xp.broadcast_to(x, (2, 1, 3)),
    ],
    "expand_dims": [
        lambda xp, x: xp.expand_dims(x, axis=0),
        lambda xp, x: xp.expand_dims(x, axis=-1),
        lambda xp, x: xp.expand_dims(x, axis=2),
        lambda xp, x: xp.expand_dims(x, axis=(0, 3)),
    ],
    "flip": [
        lambda xp, x: xp.flip(x),
        lambda xp, x: xp.flip(x, axis=0),
        lambda xp, x: xp.flip(x, axis=(0, -1)),
    ],
    "moveaxis": [
        lambda xp, x: xp.moveaxis(x, 0, -1),
        lambda xp, x: xp.moveaxis(x, -1, 0),
        lambda xp, x: xp.moveaxis(x, (0, 1), (2, 0)),
    ],
    "permute_dims": [
        lambda xp, x: xp.permute_dims(x, (2, 0, 1)),
        lambda xp, x: xp.permute_dims(x, axes=(1, 2, 0)),
        lambda xp, x: xp.permute_dims(x, (-1, 0, -2)),
    ],
    "matrix_transpose": [lambda xp, x: xp.matrix_transpose(x), lambda xp, x: x.mT],
    "reshape": [
        lambda xp, x: xp.reshape(x, (6,)),
        lambda xp, x: xp.reshape(x, (3, -1)),
        lambda xp, x: xp.reshape(x, (3, 2), copy=True),
    ],
    "roll": [
        lambda xp, x: xp.roll(x, 1),
        lambda xp, x: xp.roll(x, -2, axis=-1),
        lambda xp, x: xp.roll(x, (1, 2), axis=(0, 2)),
    ],
    "squeeze": [
        lambda xp, x: xp.squeeze(x, axis=1),
        lambda xp, x: xp.squeeze(x, axis=(-2,)),
    ],
    "tile": [
        lambda xp, x: xp.tile(x, (2,)),
        lambda xp, x: xp.tile(x, (2, 1, 1, 2)),
        lambda xp, x: xp.tile(x, (1, 3, 1)),
    ],
    "repeat": [
        lambda xp, x: xp.repeat(x, 2),
        lambda xp, x: xp.repeat(x, 3, axis=1),
        lambda xp, x: xp.repeat(x, 2, axis=-1),
    ],
    "tril": [
        lambda xp, x: xp.tril(xp.reshape(x, (2, 3))),
        lambda xp, x: xp.tril(xp.reshape(x, (2, 3)), k=1),
        lambda xp, x: xp.tril(x, k=-1),
    ],
    "triu": [
        lambda xp, x: xp.triu(xp.reshape(x, (2, 3))),
        lambda xp, x: xp.triu(xp.reshape(x, (2, 3)), k=1),
        lambda xp, x: xp.triu(x, k=-1),
    ],
    "unstack": [
        lambda xp, x: xp.unstack(x),
        lambda xp, x: xp.unstack(x, axis=-1)[1:],
        lambda xp, x: xp.unstack(x, axis=2)[0],
    ],
    "copy_array": [lambda xp, x: xp.copy_array(x)],
    "asarray": [
        lambda xp, x: xp.asarray(x),
        lambda xp, x: xp.asarray(x, copy=True),
        lambda xp, x: xp.asarray([x, 2.0 * x]),
        lambda xp, x: xp.asarray([[x[0, 0, 0], x[1, 0, 2]], [x[0, 0, 1], x[0, 0, 0]]]),
    ],
    "astype": [
        lambda xp, x: xp.astype(x, x.dtype),
        lambda xp, x: xp.astype(x, x.dtype, copy=False),
    ],
    "to_device": [lambda xp, x: x.to_device(x.device)],
    "alias": [lambda xp, x: _alias(x)],
}


def _alias(x: Any) -> Any:
    from xpnet.calculus.rule import alias

    return alias(x) if x.requires_grad else x


def _squares(xp: Any, made: Any) -> Any:
    parts = made if isinstance(made, tuple) else (made,)
    return sum(xp.sum(part * part) for part in parts)


for _name, _calls in _MOVES.items():
    for _i, _call in enumerate(_calls):
        add(_name, f"form {_i}", _call, _block)
    add(
        _name,
        "twice",
        lambda xp, x, f=_calls[0]: _squares(xp, f(xp, x)) * x,
        _block,
        layouts=False,
    )
    add(
        _name,
        "not at all",
        lambda xp, x, y, f=_calls[0]: f(xp, x),
        _block,
        plain((2,)),
        layouts=False,
    )
    add(_name, "complex", _calls[0], corner((2, 1, 3), _name), layouts=False)

_EMPTY: dict[str, Callable[..., Any]] = {
    "broadcast_to": lambda xp, x: xp.broadcast_to(x, (2, 0, 3)),
    "expand_dims": lambda xp, x: xp.expand_dims(x, axis=1),
    "flip": lambda xp, x: xp.flip(x, axis=0),
    "moveaxis": lambda xp, x: xp.moveaxis(x, 0, 1),
    "permute_dims": lambda xp, x: xp.permute_dims(x, (1, 0)),
    "matrix_transpose": lambda xp, x: x.T,
    "reshape": lambda xp, x: xp.reshape(x, (3, 0)),
    "roll": lambda xp, x: xp.roll(x, 1, axis=0),
    "squeeze": lambda xp, x: xp.squeeze(x[None, :, :], axis=0),
    "tile": lambda xp, x: xp.tile(x, (2, 2)),
    "repeat": lambda xp, x: xp.repeat(x, 2, axis=1),
    "tril": lambda xp, x: xp.tril(x),
    "triu": lambda xp, x: xp.triu(x),
    "unstack": lambda xp, x: xp.unstack(x, axis=1),
    "astype": lambda xp, x: xp.astype(x, x.dtype),
    "copy_array": lambda xp, x: xp.copy_array(x),
    "asarray": lambda xp, x: xp.asarray(x),
}
for _name, _call in _EMPTY.items():
    add(_name, "empty", _call, plain((0, 3)))
for _name, _call in {
    "broadcast_to": lambda xp, x: xp.broadcast_to(x, (2, 3)),
    "expand_dims": lambda xp, x: xp.expand_dims(x, axis=0),
    "flip": lambda xp, x: xp.flip(x),
    "reshape": lambda xp, x: xp.reshape(x, (1, 1)),
    "tile": lambda xp, x: xp.tile(x, (3,)),
    "astype": lambda xp, x: xp.astype(x, x.dtype),
}.items():
    add(_name, "no axes", _call, plain(()))
add(
    "astype",
    "to complex",
    lambda xp, x: xp.astype(x, xp.complex128),
    plain((2, 3)),
    narrow=False,
)
add(
    "astype",
    "to single",
    lambda xp, x: xp.astype(xp.astype(x, xp.float32), xp.float64) * x,
    _block,
    order=1,
    narrow=False,
    only=("none",),
)
for _axis in (None, 1):
    _times = [1, 0, 2, 3, 1, 2] if _axis is None else [2]
    add(
        "repeat",
        f"an array of counts, axis={_axis}",
        lambda xp, x, a=_axis, t=_times: xp.repeat(x, xp.put(np.asarray(t)), axis=a),
        plain((6,)) if _axis is None else _block,
        needs=("data_dependent_shapes",),
    )

for _axis in (0, 1, -1):
    _ends = [(2, 3)] * 3 if _axis == 0 else [(2, 3), (2, 1), (2, 0)]
    add(
        "concat",
        f"axis={_axis}",
        lambda xp, x, y, z, a=_axis: xp.concat([x, y, z], axis=a),
        *[plain(s, i) for i, s in enumerate(_ends)],
    )
    add(
        "stack",
        f"axis={_axis}",
        lambda xp, x, y, a=_axis: xp.stack([x, y], axis=a),
        plain((2, 3), 1),
        plain((2, 3), 2),
    )
add(
    "concat",
    "flattened",
    lambda xp, x, y: xp.concat([x, y], axis=None),
    plain((2, 2)),
    plain((3,)),
)
add("concat", "twice", lambda xp, x: xp.concat((x, x * x)), plain((3,)))
add(
    "concat",
    "one off the tape",
    lambda xp, x, y: xp.concat([x, xp.put(np.ones(2, _dtype(x)))]),
    plain((3,)),
    plain((2,)),
)
add("concat", "complex", lambda xp, x, y: xp.concat([x, y]), corner((2,)), corner((3,)))
add("stack", "twice", lambda xp, x: xp.stack((x, x * x)), plain((3,)))
add("stack", "no axes", lambda xp, x, y: xp.stack([x, y, x]), plain(()), plain((), 1))
add("stack", "empty", lambda xp, x: xp.stack([x, x]), plain((0,)))
add("meshgrid", "xy", lambda xp, x, y: xp.meshgrid(x, y), plain((2,)), plain((3,)))
add(
    "meshgrid",
    "ij",
    lambda xp, x, y: xp.meshgrid(x, y, indexing="ij"),
    plain((2,)),
    plain((3,)),
)
add(
    "meshgrid",
    "three",
    lambda xp, x, y, z: xp.meshgrid(x, y, z),
    plain((2,)),
    plain((1,)),
    plain((3,)),
)
add("meshgrid", "one twice", lambda xp, x: xp.meshgrid(x, x), plain((2,)))
add(
    "broadcast_arrays",
    "two",
    lambda xp, x, y: xp.broadcast_arrays(x, y),
    plain((2, 1)),
    plain((3,)),
)
add("broadcast_arrays", "one", lambda xp, x: xp.broadcast_arrays(x), plain((2, 1)))
add(
    "broadcast_arrays",
    "empty",
    lambda xp, x, y: xp.broadcast_arrays(x, y),
    plain((0, 3)),
    plain((3,)),
)
add(
    "broadcast_shapes",
    "shapes only",
    lambda xp, x: xp.broadcast_to(x, xp.broadcast_shapes(x.shape, (2, 1))),
    plain((3,)),
)

# --- choosing -------------------------------------------------------------------------

_yes = np.asarray([[True, False, True], [False, False, True]])
for _a, _b in (((2, 3), (2, 3)), ((), (3,)), ((2, 1), (1, 3)), ((3,), ())):
    add(
        "where",
        "a mask",
        lambda xp, x, y: xp.where(xp.put(_yes), x, y),
        plain(_a, 1),
        plain(_b, 2),
    )
add("where", "twice", lambda xp, x: xp.where(xp.put(_yes), x, x * x), plain((2, 3)))
add(
    "where",
    "number on the left",
    lambda xp, x: xp.where(xp.put(_yes), 2.0, x),
    plain((2, 3)),
)
add(
    "where",
    "number on the right",
    lambda xp, x: xp.where(xp.put(_yes), x, 0),
    plain((2, 3)),
)
add(
    "where",
    "computed",
    lambda xp, x, y: xp.where(x > y, x * y, y),
    plain((4,)),
    between(2.5, 3.0)((4,)),
)
add(
    "where",
    "a broadcast condition",
    lambda xp, x, y: xp.where(xp.put(_yes), x, y),
    plain((3,)),
    plain(()),
)
add(
    "where",
    "complex",
    lambda xp, x, y: xp.where(xp.put(_yes), x, y),
    corner((2, 3)),
    corner((3,)),
)
add(
    "where", "empty", lambda xp, x, y: xp.where(x > 0, x, y), plain((0, 3)), plain((3,))
)
add(
    "where",
    "not at all",
    lambda xp, x, y, z: xp.where(xp.put(_yes), x, y),
    plain((2, 3)),
    plain((3,)),
    plain((2,)),
)

for _axis, _order in ((-1, False), (0, True), (1, True)):
    add(
        "sort",
        f"axis={_axis}, descending={_order}",
        lambda xp, x, a=_axis, d=_order: xp.sort(x, axis=a, descending=d),
        distinct((3, 4), "sort", _axis),
    )
add("sort", "empty", lambda xp, x: xp.sort(x), plain((0, 3)))
add("sort", "one", lambda xp, x: xp.sort(x), plain((1,)))
add("sort", "twice", lambda xp, x: xp.sort(x) * x, distinct((4,)))
add("sort", "not stable", lambda xp, x: xp.sort(x, stable=False), distinct((4,)))

_repeated = np.asarray([0.5, -1.0, 0.75, 2.0])
for _name in ("unique_all", "unique_counts", "unique_inverse", "unique_values"):
    add(
        _name,
        "distinct values",
        lambda xp, x, n=_name: _ordered(xp, getattr(xp, n)(x)),
        distinct((2, 3), "unique"),
        needs=("data_dependent_shapes",),
    )


def _ordered(xp: Any, found: Any) -> Any:
    """The values in ascending order: the standard leaves the order open."""
    return xp.sort(found if hasattr(found, "shape") else found.values)


# --- indexing -------------------------------------------------------------------------

_cube = plain((3, 2, 4), "cube")
_KEYS: dict[str, Any] = {
    "an integer": (1, ...),
    "a negative integer": (-1, ...),
    "integers": (1, 0, -2),
    "a slice": (slice(1, 3), ...),
    "a stepped slice": (slice(None, None, 2), ...),
    "slices": (slice(0, 2), slice(None), slice(1, 4, 2)),
    "an ellipsis": (..., 1),
    "an ellipsis and a slice": (0, ..., slice(2)),
    "everything": ...,
    "an empty slice": (slice(2, 2), ...),
}
_NEW_AXES = {
    "a new axis": (None, 1, ...),
    "new axes": (..., None, slice(None), None),
}
# what NumPy and PyTorch take and the standard leaves open
_OPEN = {"one integer": 1, "one slice": slice(1, 3), "an axis first": (None, slice(2))}
_NEGATIVE = {
    "a negative step": (slice(None, None, -1), ...),
    "negative steps": (slice(None, None, -2), slice(None), slice(3, 0, -1)),
}
_INTEGER_ARRAYS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "integer arrays": (([0, 2, 0], [1, 1, 1], [3, 0, 3]), ()),
    "an integer array and an integer": (([0, 2, 0], 1, [[3], [0]]), ()),
    "one integer array": (([2, 0, 2],), ("numpy", "torch", "cupy")),
    "an integer array and a slice": (([2, 0, 2], slice(1)), ("numpy", "torch", "cupy")),
}


def _with_arrays(xp: Any, key: Any) -> Any:
    return tuple(
        xp.put(np.asarray(part)) if isinstance(part, list) else part for part in key
    )


def _get(key: Any) -> Callable[..., Any]:
    return lambda xp, x: x[key]


def _set(key: Any, number: bool = False) -> Callable[..., Any]:
    def call(xp: Any, x: Any, v: Any = 3.0) -> Any:
        y = x * x
        y[key] = v
        return y

    return call


for _label, _key in {**_KEYS, **_NEGATIVE, **_NEW_AXES, **_OPEN}.items():
    _only = ("numpy", "array_api_strict", "cupy") if _label in _NEGATIVE else ()
    _only = ("numpy", "torch", "cupy") if _label in _OPEN else _only
    add("getitem", _label, _get(_key), _cube, only=_only)
    if _label in _NEW_AXES:  # the standard writes to no new axes
        _only = ("numpy", "torch", "cupy")
    _part = _cube[_key].shape
    add("setitem", _label, _set(_key), _cube, plain(_part, "value"), only=_only)
    add("setitem", f"{_label}, a number", _set(_key), _cube, only=_only, layouts=False)
add(
    "setitem",
    "a value that is broadcast",
    _set((slice(1, 3), ...)),
    _cube,
    plain((4,), "value"),
)
add("setitem", "a value of one", _set((..., 0)), _cube, plain((), "value"))
add("getitem", "no axes", lambda xp, x: x[()], plain(()))
add("getitem", "an empty array", lambda xp, x: x[:, 1], plain((0, 3)))
add("getitem", "twice", lambda xp, x: x[0, :] * x[1, :] + x[0, :], plain((2, 3)))
add("getitem", "not at all", lambda xp, x, y: x[0, ...], plain((2, 3)), plain((2,)))
add("getitem", "complex", lambda xp, x: x[1:, 0], corner((2, 3)))
add("getitem", "iteration", lambda xp, x: [part * 2.0 for part in x], plain((3,)))
add("setitem", "complex", _set((0, slice(1, 3))), corner((2, 3)), corner((2,)))
add("setitem", "its own past", lambda xp, x: _shifted(x), plain((4,)))
add(
    "setitem",
    "in place arithmetic",
    lambda xp, x, y: _added(x, y),
    plain((4,)),
    plain((2,)),
)


def _shifted(x: Any) -> Any:
    y = x * 1.0
    y[1:] = y[:-1] * x[1:]
    return y


def _added(x: Any, y: Any) -> Any:
    z = x * x
    z[1:3] += y
    z[0] *= y[1]
    return z


_mask = np.asarray([[True, False], [False, True], [True, True]])
add(
    "getitem",
    "a mask",
    lambda xp, x: x[xp.put(_mask)],
    plain((3, 2)),
    needs=("boolean_indexing", "data_dependent_shapes"),
)
add(
    "getitem",
    "a mask of the first axes",
    lambda xp, x: x[xp.put(_mask)],
    _cube,
    needs=("boolean_indexing", "data_dependent_shapes"),
)
add(
    "getitem",
    "a computed mask",
    lambda xp, x: x[x > 0],
    away(0.2, 2.0)((2, 3)),
    needs=("boolean_indexing", "data_dependent_shapes"),
)
add(
    "setitem",
    "a mask and a number",
    lambda xp, x: _set(xp.put(_mask))(xp, x),
    plain((3, 2)),
    needs=("boolean_indexing",),
)
add(
    "setitem",
    "a mask and a value",
    lambda xp, x, v: _set(xp.put(_mask))(xp, x, v),
    plain((3, 2)),
    plain(()),
    needs=("boolean_indexing",),
)
for _label, (_key, _only) in _INTEGER_ARRAYS.items():
    add(
        "getitem",
        _label,
        lambda xp, x, k=_key: x[_with_arrays(xp, k)],
        _cube,
        only=_only,
    )
    _part = _cube[
        tuple(np.asarray(p) if isinstance(p, list) else p for p in _key)
    ].shape
    add(
        "setitem",
        _label,
        lambda xp, x, v, k=_key: _set(_with_arrays(xp, k))(xp, x, v),
        _cube,
        plain(_part, "value"),
        only=("numpy",),
    )
add(
    "setitem",
    "integer arrays without repeats",
    lambda xp, x, v: _set(_with_arrays(xp, ([0, 2], [1, 0])))(xp, x, v),
    plain((3, 2)),
    plain((2,)),
    only=("numpy", "torch", "cupy"),
)
add(
    "scatter",
    "a slice",
    lambda xp, g: xp.scatter(g, (slice(1, 3), ...), (4, 2)),
    plain((2, 2)),
)
add("scatter", "an integer", lambda xp, g: xp.scatter(g, (1, ...), (4, 2)), plain((2,)))
add(
    "scatter",
    "repeated integers",
    lambda xp, g: xp.scatter(
        g, (xp.put(np.asarray([0, 2, 0])), xp.put(np.asarray([1, 0, 1]))), (3, 2)
    ),
    plain((3,)),
)

for _axis in (0, 1, -1):
    add(
        "take",
        f"axis={_axis}",
        lambda xp, x, a=_axis: xp.take(x, xp.put(np.asarray([1, 0, 1])), axis=a),
        plain((2, 2, 3), "take"),
    )
add(
    "take",
    "a row",
    lambda xp, x: xp.take(x, xp.put(np.asarray([3, 0, 0, 1]))),
    plain((4,)),
)
add(
    "take",
    "nothing",
    lambda xp, x: xp.take(x, xp.put(np.zeros(0, int)), axis=0),
    plain((2, 3)),
)
add(
    "take",
    "twice",
    lambda xp, x: xp.take(x, xp.put(np.asarray([1, 0])), axis=0) * x,
    plain((2, 3)),
)
add(
    "take",
    "complex",
    lambda xp, x: xp.take(x, xp.put(np.asarray([1, 1])), axis=0),
    corner((2, 3)),
)
_places = np.asarray([[0, 2, 2], [1, 1, 0]])
for _axis, _index in ((1, _places), (-1, _places), (0, np.asarray([[1, 0, 1]]))):
    add(
        "take_along_axis",
        f"axis={_axis}",
        lambda xp, x, a=_axis, i=_index: xp.take_along_axis(x, xp.put(i), axis=a),
        plain((2, 3), "along"),
    )
add(
    "take_along_axis",
    "twice",
    lambda xp, x: xp.take_along_axis(x, xp.put(_places)) * x,
    plain((2, 3)),
)
add(
    "take_along_axis",
    "complex",
    lambda xp, x: xp.take_along_axis(x, xp.put(_places)),
    corner((2, 3)),
)
_ids = np.asarray([2, 0, 2, 1])
add(
    "segment_sum",
    "repeated places",
    lambda xp, x: xp.segment_sum(x, xp.put(_ids), 4),
    plain((4,)),
)
add(
    "segment_sum",
    "twice",
    lambda xp, x: xp.segment_sum(x, xp.put(_ids), 4) * x,
    plain((4,)),
)
add(
    "segment_sum",
    "complex",
    lambda xp, x: xp.segment_sum(x, xp.put(_ids), 4),
    corner((4,)),
)

# --- products of arrays ---------------------------------------------------------------

_matmul = _named("matmul")
for _a, _b in (
    ((2, 3), (3, 2)),
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 2, 3), (3, 2)),
    ((2, 3), (2, 3, 1)),
    ((2, 2, 3), (3,)),
    ((3,), (2, 3, 2)),
    ((2, 1, 2, 3), (2, 3, 1)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((1, 3), (3, 1)),
):
    add("matmul", "once", _matmul, plain(_a, 1), plain(_b, 2))
add("matmul", "operator", lambda xp, x, y: x @ y, plain((2, 3)), plain((3, 2)))
add(
    "matmul",
    "operator with a raw array",
    lambda xp, x: x @ xp.put(np.ones((3, 2), _dtype(x))).data,
    plain((2, 3)),
)
add(
    "matmul",
    "reflected operator",
    lambda xp, x: _reflected(xp, x),
    plain((3, 2)),
    only=("numpy", "torch", "cupy"),
)
add("matmul", "twice", lambda xp, x: xp.matmul(x, x), plain((3, 3)))
add(
    "matmul",
    "not at all",
    lambda xp, x, y, z: x @ y,
    plain((2, 3)),
    plain((3,)),
    plain((2,)),
)
add(
    "matmul",
    "the first off the tape",
    lambda xp, x: xp.matmul(xp.put(np.ones((2, 3), _dtype(x))), x),
    plain((3, 2)),
)
add("matmul", "complex", _matmul, corner((2, 3), 1), corner((3, 2), 2))
add("matmul", "complex vectors", _matmul, corner((3,), 1), corner((3,), 2))
add("matmul", "complex batches", _matmul, corner((2, 2, 3), 1), corner((3,), 2))
add(
    "matmul",
    "in place",
    lambda xp, x, y: _product(x, y),
    plain((2, 2)),
    plain((2, 2), 1),
)


def _reflected(xp: Any, x: Any) -> Any:
    return xp.put(np.ones((2, 3), _dtype(x))).data @ x


def _product(x: Any, y: Any) -> Any:
    z = x * 1.0
    z @= y
    return z * x


_vecdot = _named("vecdot")
for _a, _b in (
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1, 3), (2, 3)),
    ((0, 3), (3,)),
    ((2, 0), (2, 0)),
):
    add("vecdot", "once", _vecdot, plain(_a, 1), plain(_b, 2))
add(
    "vecdot",
    "axis=-2",
    lambda xp, x, y: xp.vecdot(x, y, axis=-2),
    plain((3, 2)),
    plain((2, 3, 1)),
)
add("vecdot", "twice", lambda xp, x: xp.vecdot(x, x), plain((2, 3)))
add("vecdot", "complex", _vecdot, corner((2, 3), 1), corner((3,), 2))
add("vecdot", "complex, twice", lambda xp, x: xp.vecdot(x, x), corner((2, 3), 1))
add(
    "vecdot",
    "not at all",
    lambda xp, x, y, z: xp.vecdot(x, y),
    plain((2, 3)),
    plain((3,)),
    plain((2,)),
)

for _axes, _a, _b in (
    (2, (2, 2, 3), (2, 3, 1)),
    (1, (2, 3), (3, 2)),
    (0, (2,), (3,)),
    (((0,), (1,)), (3, 2), (2, 3)),
    (((2, 0), (0, 1)), (2, 1, 3), (3, 2, 2)),
    (((-1, 0), (0, -1)), (2, 1, 3), (3, 2, 2)),
    (1, (2, 0), (0, 3)),
):
    add(
        "tensordot",
        f"axes={_axes}",
        lambda xp, x, y, a=_axes: xp.tensordot(x, y, axes=a),
        plain(_a, 1),
        plain(_b, 2),
    )
add("tensordot", "twice", lambda xp, x: xp.tensordot(x, x, axes=1), plain((2, 2)))
add(
    "tensordot",
    "complex",
    lambda xp, x, y: xp.tensordot(x, y, axes=1),
    corner((2, 3)),
    corner((3, 2)),
)

# --- functions without a derivative ---------------------------------------------------


def _flat(
    row: str,
    call: Callable[..., Any],
    sample: Callable[..., Any] = distinct,
    **options: Any,
) -> None:
    """A flat function alone, and as a factor that must act as a constant."""
    for shape in ((), (0,), (0, 3), (1,), (2, 1, 3)):
        if options.get("shapes") and shape not in options["shapes"]:
            continue
        extra = {k: v for k, v in options.items() if k != "shapes"}
        x = sample(shape, row)
        add(row, "alone", call, x, layouts=False, **extra)
        add(
            row,
            "as a constant",
            lambda xp, x: _frozen(xp, call(xp, x), x),
            x,
            layouts=False,
            **extra,
        )


def _frozen(xp: Any, made: Any, x: Any) -> Any:
    """Return x times the sum of what a flat function made: linear in x."""
    parts = made if isinstance(made, (tuple, list)) else [made]
    total = 0.0 * xp.sum(x)
    for part in parts:
        if hasattr(part, "dtype"):
            assert not part.requires_grad
            total = total + xp.sum(xp.astype(part, x.dtype))
    return xp.where(xp.isfinite(total), total, xp.zeros_like(total)) * x


_some = ((1,), (2, 1, 3))
for _name in ("ceil", "floor", "round", "trunc"):
    _flat(_name, _named(_name), fractional)
for _name in ("isfinite", "isinf", "isnan", "signbit"):
    _flat(_name, _named(_name))
for _name in ("equal", "greater", "greater_equal", "less", "less_equal", "not_equal"):
    _flat(_name, lambda xp, x, n=_name: getattr(xp, n)(x, 0.1))
_flat("floor_divide", lambda xp, x: xp.floor_divide(x, 1.0), fractional)
_flat("logical_not", lambda xp, x: xp.logical_not(x > 0))
for _name in ("logical_and", "logical_or", "logical_xor"):
    _flat(_name, lambda xp, x, n=_name: getattr(xp, n)(x > 0, x < 1))
_flat("bitwise_invert", lambda xp, x: xp.bitwise_invert(x > 0))
for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    _flat(
        _name,
        lambda xp, x, n=_name: getattr(xp, n)(xp.astype(xp.abs(x), xp.int64), 5),
        fractional,
    )
for _name in ("bitwise_left_shift", "bitwise_right_shift"):
    _flat(
        _name,
        lambda xp, x, n=_name: getattr(xp, n)(xp.astype(xp.abs(x), xp.int64), 1),
        fractional,
    )
for _name in ("argmax", "argmin"):
    _flat(_name, _named(_name), shapes=_some)
    _flat(
        _name,
        lambda xp, x, n=_name: getattr(xp, n)(x, axis=-1, keepdims=True),
        shapes=_some,
    )
_flat(
    "argsort",
    lambda xp, x: xp.argsort(x, descending=True),
    shapes=((1,), (0,), (2, 1, 3)),
)
for _name in ("all", "any", "count_nonzero"):
    _flat(_name, lambda xp, x, n=_name: getattr(xp, n)(x > 0))
    _flat(_name, lambda xp, x, n=_name: getattr(xp, n)(x > 0, axis=0), shapes=_some)
_flat(
    "nonzero",
    lambda xp, x: xp.nonzero(x > 0),
    shapes=_some,
    needs=("data_dependent_shapes",),
)
_flat(
    "isin",
    lambda xp, x: xp.isin(xp.astype(x, xp.int64), xp.put(np.zeros(1, "i8"))),
    fractional,
)
_flat(
    "searchsorted",
    lambda xp, x: xp.searchsorted(xp.put(np.asarray([-0.5, 0.0, 0.5], _dtype(x))), x),
    shapes=((0,), (1,), (2, 1, 3)),
)
for _name in ("zeros_like", "ones_like"):
    _flat(_name, _named(_name))
_flat(
    "empty_like",
    lambda xp, x: xp.zeros_like(x) * xp.astype(xp.empty_like(x) == 0, x.dtype),
)
_flat("full_like", lambda xp, x: xp.full_like(x, 2.5))


def _options(x: Any) -> dict[str, Any]:
    """Return the options that make an array like `x`."""
    device = x.device if x._lib.place is None else None
    return {"dtype": x.dtype, "device": device}


_flat("zeros", lambda xp, x: xp.zeros((2, 3), **_options(x)), shapes=_some)
_flat("ones", lambda xp, x: xp.ones((2, 3), **_options(x)), shapes=_some)
_flat("empty", lambda xp, x: xp.empty((2, 0), **_options(x)), shapes=_some)
_flat("full", lambda xp, x: xp.full((2,), 0.5, **_options(x)), shapes=_some)
_flat("eye", lambda xp, x: xp.eye(2, 3, k=1, **_options(x)), shapes=_some)
_flat("arange", lambda xp, x: xp.arange(0, 3, 0.5, **_options(x)), shapes=_some)
_flat("linspace", lambda xp, x: xp.linspace(0.0, 1.0, 3, **_options(x)), shapes=_some)
_flat(
    "from_dlpack",
    lambda xp, x: xp.from_dlpack(xp.zeros_like(x)),
    shapes=_some,
    only=("numpy", "torch", "cupy"),
)
_flat("finfo", lambda xp, x: xp.finfo(x.dtype).eps * xp.ones_like(x), shapes=_some)
_flat("iinfo", lambda xp, x: xp.iinfo(xp.int8).max * xp.ones_like(x), shapes=_some)
_flat(
    "isdtype",
    lambda xp, x: xp.isdtype(x.dtype, "real floating") * 1.0 * xp.ones_like(x),
    shapes=_some,
)
_flat(
    "can_cast",
    lambda xp, x: xp.can_cast(x.dtype, xp.float64) * 1.0 * xp.ones_like(x),
    shapes=_some,
)
_flat(
    "result_type",
    lambda xp, x: xp.zeros_like(x, dtype=xp.result_type(x, x.dtype)),
    shapes=_some,
)
