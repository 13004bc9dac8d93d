"""Initial weights: how large, so that signals neither grow nor shrink on their way.

Every function is ``f(shape, *, rng, dtype, device)`` and returns an `Array`. The first
axis of `shape` is the outputs and the second the inputs, as in the weight of `Linear`
(out, in) and of a convolution (out, in, height, width); with k the number of elements
of the kernel (1 for Linear), ``fan_in = in · k`` and ``fan_out = out · k``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import random, xp
from ..calculus.array import Array
from ..errors import OptionError, ShapeError

__all__ = [
    "GAINS",
    "INITIALIZERS",
    "constant",
    "fan_in_uniform",
    "fans",
    "gain_of",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "initializer",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "uniform",
    "zeros",
]

Shape = tuple[int, ...]
Initializer = Callable[..., Array]

GAINS: dict[str, float] = {
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2.0),
}
"""How much larger weights are for a nonlinearity that follows; PyTorch's values."""


def fans(shape: Shape) -> tuple[int, int]:
    """Return ``(fan_in, fan_out)`` of a weight.

    Raises
    ------
    ShapeError
        If the shape has fewer than two axes, or an axis of length 0.

    Examples
    --------
    >>> fans((16, 3, 5, 5))
    (75, 400)
    """
    if len(shape) < 2 or 0 in shape:
        raise ShapeError(
            "an initializer that scales with the fan needs two axes or more, (out, in, "
            f"...), none of length 0; the shape is {tuple(shape)}."
        )
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def gain_of(gain: float | str) -> float:
    """Return a gain as a number: itself, or that of a nonlinearity by name.

    Raises
    ------
    OptionError
        If the name is unknown, or the number is not positive and finite.

    Examples
    --------
    >>> gain_of("linear")
    1.0
    """
    value = GAINS.get(gain, math.nan) if isinstance(gain, str) else float(gain)
    if not 0.0 < value < math.inf:
        raise OptionError(
            f"gain is a positive number or one of {sorted(GAINS)}, not {gain!r}."
        )
    return value


# --- without regard to the fan --------------------------------------------------------


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
    out: Array = xp.full(shape, value, dtype=_dtype(dtype), device=device)
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
    return draw.uniform(shape, low, high, dtype=_dtype(dtype), device=device)


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
    return draw.normal(shape, mean, std, dtype=_dtype(dtype), device=device)


# --- scaled by the fan ----------------------------------------------------------------


def fan_in_uniform(shape: Shape, **options: Any) -> Array:
    """Return uniform numbers in ``±1 / sqrt(fan_in)``.

    The default of `Linear`, as in PyTorch. Its variance is 1/3 of LeCun's; it comes
    from Torch7 and has no paper.

    Examples
    --------
    >>> fan_in_uniform((3, 4), rng=0).shape
    (3, 4)
    """
    return _symmetric(shape, 1.0 / math.sqrt(fans(shape)[0]), **options)


def glorot_uniform(shape: Shape, *, gain: float | str = 1.0, **options: Any) -> Array:
    """Return uniform numbers in ``±gain · sqrt(6 / (fan_in + fan_out))``.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, equation 16; PyTorch's ``xavier_uniform_``.

    Examples
    --------
    >>> glorot_uniform((3, 4), rng=0).shape
    (3, 4)
    """
    return _symmetric(
        shape, gain_of(gain) * math.sqrt(6.0 / sum(fans(shape))), **options
    )


def glorot_normal(shape: Shape, *, gain: float | str = 1.0, **options: Any) -> Array:
    """Return normal numbers with ``std = gain · sqrt(2 / (fan_in + fan_out))``.

    The variance of `glorot_uniform`; PyTorch's ``xavier_normal_``.

    Examples
    --------
    >>> glorot_normal((3, 4), rng=0).shape
    (3, 4)
    """
    std = gain_of(gain) * math.sqrt(2.0 / sum(fans(shape)))
    return normal(shape, 0.0, std, **options)


def he_uniform(shape: Shape, *, gain: float | str = "relu", **options: Any) -> Array:
    """Return uniform numbers in ``±gain · sqrt(3 / fan_in)``; relu: ``gain² = 2``.

    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015, section 2.2;
    PyTorch's ``kaiming_uniform_(nonlinearity="relu")``.

    Examples
    --------
    >>> he_uniform((3, 4), rng=0).shape
    (3, 4)
    """
    bound = gain_of(gain) * math.sqrt(3.0 / fans(shape)[0])
    return _symmetric(shape, bound, **options)


def he_normal(shape: Shape, *, gain: float | str = "relu", **options: Any) -> Array:
    """Return normal numbers with ``std = gain / sqrt(fan_in)``; for relu ``gain² = 2``.

    He et al., ICCV 2015, equation 10; PyTorch's
    ``kaiming_normal_(nonlinearity="relu")``.

    Examples
    --------
    >>> he_normal((3, 4), rng=0).shape
    (3, 4)
    """
    return normal(shape, 0.0, gain_of(gain) / math.sqrt(fans(shape)[0]), **options)


def lecun_uniform(shape: Shape, **options: Any) -> Array:
    """Return uniform numbers in ``±sqrt(3 / fan_in)``, of variance ``1 / fan_in``.

    LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998, section 4.6.

    Examples
    --------
    >>> lecun_uniform((3, 4), rng=0).shape
    (3, 4)
    """
    return _symmetric(shape, math.sqrt(3.0 / fans(shape)[0]), **options)


def lecun_normal(shape: Shape, **options: Any) -> Array:
    """Return normal numbers with ``std = 1 / sqrt(fan_in)``.

    LeCun et al., "Efficient BackProp", 1998, equation 16. Keras and JAX cut the normal
    distribution off at two standard deviations; this one is whole.

    Examples
    --------
    >>> lecun_normal((3, 4), rng=0).shape
    (3, 4)
    """
    return normal(shape, 0.0, 1.0 / math.sqrt(fans(shape)[0]), **options)


INITIALIZERS: dict[str, Initializer] = {
    function.__name__: function
    for function in (
        constant, fan_in_uniform, glorot_normal, glorot_uniform, he_normal, he_uniform,
        lecun_normal, lecun_uniform, normal, ones, uniform, zeros,
    )
}  # fmt: skip
"""Every initializer by name: what a layer's ``init=`` takes."""


def initializer(init: str | Initializer | None, default: Initializer) -> Initializer:
    """Return what ``init=`` means: a name, a function, or None for the default.

    Raises
    ------
    OptionError
        If the name is unknown.
    """
    if init is None:
        return default
    if callable(init):
        return init
    if init not in INITIALIZERS:
        raise OptionError(
            f"init is a function or one of {sorted(INITIALIZERS)}, not {init!r}."
        )
    return INITIALIZERS[init]


def _symmetric(shape: Shape, bound: float, **options: Any) -> Array:
    return uniform(shape, -bound, bound, **options)


def _dtype(dtype: Any) -> Any:
    return xp.float32 if dtype is None else dtype
