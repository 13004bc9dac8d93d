"""How a case is added to the list of its row, and numbers to make cases of."""

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


def named(name: str) -> Callable[..., Any]:
    """Return the function that calls a name of a namespace."""
    return lambda xp, *xs: getattr(xp, name)(*xs)


def looked_up(name: str) -> Callable[[Any], Any]:
    """Return the function that looks a name up in a namespace."""
    return lambda xp: getattr(xp, name)


def precision(x: Any) -> str:
    """Return the dtype of a real array, or of the parts of a complex one, by name."""
    return "float32" if "32" in str(x.dtype) else "float64"


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
