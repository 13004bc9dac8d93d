"""Initial weights that are scaled by the fan, so that signals keep their size."""

from __future__ import annotations

import math
from typing import Any

from ...calculus.array import Array
from ...errors import OptionError
from .gains import calculate_gain, fans, gain_of
from .plain import Shape, normal, uniform

__all__ = [
    "fan_in_uniform",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
]


def fan_in_uniform(shape: Shape, **options: Any) -> Array:
    """Return uniform numbers in ``±1 / sqrt(fan_in)``.

    The default of `Linear`, as in PyTorch. Its variance is 1/3 of LeCun's; it comes
    from Torch7 and has no paper.

    Examples
    --------
    >>> fan_in_uniform((3, 4), rng=0).shape
    (3, 4)
    """
    return symmetric(shape, 1.0 / math.sqrt(fans(shape)[0]), **options)


def glorot_uniform(shape: Shape, *, gain: float | str = 1.0, **options: Any) -> Array:
    """Return uniform numbers in ``±gain · sqrt(6 / (fan_in + fan_out))``.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, equation 16; PyTorch's ``xavier_uniform_``.

    Examples
    --------
    >>> glorot_uniform((3, 4), rng=0).shape
    (3, 4)
    """
    return symmetric(
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
    return symmetric(shape, bound, **options)


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
    return symmetric(shape, math.sqrt(3.0 / fans(shape)[0]), **options)


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


def kaiming_uniform(
    shape: Shape,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    **options: Any,
) -> Array:
    """Return uniform numbers in ``±gain · sqrt(3 / fan)``.

    `he_uniform` with PyTorch's options: the gain is that of the nonlinearity, with
    slope `a` for leaky_relu.

    Parameters
    ----------
    shape : tuple of int
        The shape of the weight.
    a : float
        The slope of leaky_relu for negative numbers; 0 makes it relu.
    mode : {"fan_in", "fan_out"}
        Whether signals keep their size forward, or cotangents backward.
    nonlinearity : str
        A name of `calculate_gain`.

    Raises
    ------
    OptionError
        If the mode or the name is unknown.

    Examples
    --------
    >>> kaiming_uniform((3, 4), mode="fan_out", nonlinearity="relu", rng=0).shape
    (3, 4)
    """
    std = _kaiming(shape, a, mode, nonlinearity)
    return symmetric(shape, math.sqrt(3.0) * std, **options)


def kaiming_normal(
    shape: Shape,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    **options: Any,
) -> Array:
    """Return normal numbers with ``std = gain / sqrt(fan)``.

    `he_normal` with PyTorch's options, which are those of `kaiming_uniform`.

    Examples
    --------
    >>> kaiming_normal((3, 4), mode="fan_out", nonlinearity="relu", rng=0).shape
    (3, 4)
    """
    return normal(shape, 0.0, _kaiming(shape, a, mode, nonlinearity), **options)


def _kaiming(shape: Shape, a: float, mode: str, nonlinearity: str) -> float:
    """Return the standard deviation."""
    if mode not in ("fan_in", "fan_out"):
        raise OptionError(f"mode is 'fan_in' or 'fan_out', not {mode!r}.")
    fan = fans(shape)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def symmetric(shape: Shape, bound: float, **options: Any) -> Array:
    """Return uniform numbers between minus and plus a bound."""
    return uniform(shape, -bound, bound, **options)
