"""Initial values that do not regard the fan: constants, and the usual draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ... import random, xp
from ...calculus.array import Array
from ...calculus.rule import TABLE
from ...errors import OptionError

__all__ = [
    "Initializer",
    "Shape",
    "constant",
    "normal",
    "on_device",
    "ones",
    "trunc_normal",
    "uniform",
    "zeros",
]

Shape = tuple[int, ...]
Initializer = Callable[..., Array]


def constant(
    shape: Shape,
    value: float = 0.0,
    *,
    rng: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Array:
    """Return an array filled with one number; `rng` is not used.

    Examples
    --------
    >>> constant((2,), 3.0).tolist()
    [3.0, 3.0]
    """
    out: Array = xp.full(shape, value, dtype=default_dtype(dtype), device=device)
    return out


def zeros(
    shape: Shape, *, rng: Any = None, dtype: Any = None, device: Any = None
) -> Array:
    """Return zeros; `rng` is not used.

    Examples
    --------
    >>> zeros((2,)).tolist()
    [0.0, 0.0]
    """
    return constant(shape, 0.0, dtype=dtype, device=device)


def ones(
    shape: Shape, *, rng: Any = None, dtype: Any = None, device: Any = None
) -> Array:
    """Return ones; `rng` is not used.

    Examples
    --------
    >>> ones((2,)).tolist()
    [1.0, 1.0]
    """
    return constant(shape, 1.0, dtype=dtype, device=device)


def uniform(
    shape: Shape,
    low: float = -0.05,
    high: float = 0.05,
    *,
    rng: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Array:
    """Return numbers of the uniform distribution on [low, high).

    Examples
    --------
    >>> uniform((3, 2), rng=0).shape
    (3, 2)
    """
    draw = random.as_generator(rng)
    return draw.uniform(shape, low, high, dtype=default_dtype(dtype), device=device)


def normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 0.05,
    *,
    rng: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Array:
    """Return numbers of the normal distribution with this mean and standard deviation.

    Examples
    --------
    >>> normal((3, 2), rng=0).shape
    (3, 2)
    """
    draw = random.as_generator(rng)
    return draw.normal(shape, mean, std, dtype=default_dtype(dtype), device=device)


def trunc_normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    *,
    rng: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Array:
    """Return numbers of the normal distribution, given that they lie in [a, b].

    By inversion: ``mean + std · Φ⁻¹(u)`` for u uniform in
    ``[Φ((a - mean) / std), Φ((b - mean) / std)]``, clipped to ``[a, b]`` against
    rounding. The bounds are numbers, not multiples of `std`, as in PyTorch.

    Raises
    ------
    OptionError
        If `std` is not positive, or `a` not below `b`.

    Examples
    --------
    >>> x = trunc_normal((1000,), std=0.5, a=-1.0, b=1.0, rng=0)
    >>> float(xp.max(xp.abs(x))) <= 1.0
    True
    """
    if not (0.0 < std < math.inf and a < b):
        raise OptionError(
            f"trunc_normal: std is positive and a below b, not std={std!r}, a={a!r}, "
            f"b={b!r}."
        )
    low, high = (a - mean) / std, (b - mean) / std
    # Of two bounds far to the right Φ has no digits left; to the left it has.
    sign = -1.0 if low > 0.0 else 1.0
    low, high = (low, high) if sign > 0.0 else (-high, -low)
    first, last = _below(low), _below(high)
    draw = random.as_generator(rng)
    u = draw.uniform(shape, 0.0, 1.0, dtype=xp.float64, device="cpu")
    z = sign * _quantile(first + (last - first) * u)
    return on_device(xp.clip(mean + std * z, a, b), dtype, device)


def _below(z: float) -> float:
    """Return the probability that a normal number is at most `z`."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _quantile(p: Any) -> Any:
    """Return the number below which a normal number is with probability `p`.

    Abramowitz and Stegun, 26.2.23, and two of Halley's steps, of order 3.
    """
    tail = xp.maximum(xp.minimum(p, 1.0 - p), 1e-300)
    t = xp.sqrt(-2.0 * xp.log(tail))
    above = (0.010328 * t + 0.802853) * t + 2.515517
    below = ((0.001308 * t + 0.189269) * t + 1.432788) * t + 1.0
    z = above / below - t
    erfc: Any = TABLE["erfc"].function
    for _ in range(2):
        missed = 0.5 * erfc(-z / math.sqrt(2.0)) - tail
        e = missed * math.sqrt(2.0 * math.pi) * xp.exp(0.5 * z * z)
        z = z - e / (1.0 + 0.5 * z * e)
    return xp.where(p < 0.5, z, -z)


def on_device(x: Any, dtype: Any, device: Any) -> Array:
    """Return what was computed on the host in a dtype, where it is wanted."""
    like = constant((), dtype=dtype, device=device)
    out: Array = xp.astype(x, like.dtype)
    return out if out.device == like.device else out.to_device(like.device)


def default_dtype(dtype: Any) -> Any:
    """Return the dtype that is meant: float32 by default."""
    return xp.float32 if dtype is None else dtype
