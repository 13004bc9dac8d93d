"""How much a nonlinearity shrinks signals, and how many a weight adds up."""

from __future__ import annotations

import math

from ...errors import OptionError, ShapeError
from .plain import Shape

__all__ = ["GAINS", "calculate_gain", "fans", "gain_of"]

_AFFINE = ("linear", *[f"conv{n}d" for n in (1, 2, 3)])
_AFFINE += tuple([f"conv_transpose{n}d" for n in (1, 2, 3)])

GAINS: dict[str, float] = {
    **dict.fromkeys(_AFFINE, 1.0),
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2.0),
    "leaky_relu": math.sqrt(2.0 / (1.0 + 0.01**2)),
    "selu": 3 / 4,
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


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return how much larger weights are for a nonlinearity that follows.

    ``linear``, convolutions and ``sigmoid``: 1; ``tanh``: 5/3; ``relu``: √2;
    ``leaky_relu``: ``sqrt(2 / (1 + param²))``; ``selu``: 3/4.

    Parameters
    ----------
    nonlinearity : str
        One of these names.
    param : float, optional
        The slope of leaky_relu for negative numbers, 0.01 by default; the others have
        none.

    Raises
    ------
    OptionError
        If the name is unknown, or the slope is not a number.

    Notes
    -----
    PyTorch's values. Those of tanh and selu are found by trial and not derived;
    "self-normalizing" weights for selu have gain 1.

    Examples
    --------
    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity not in GAINS:
        raise OptionError(
            f"nonlinearity is one of {sorted(GAINS)}, not {nonlinearity!r}."
        )
    if nonlinearity != "leaky_relu" or param is None:
        return GAINS[nonlinearity]
    if isinstance(param, bool) or not isinstance(param, (int, float)):
        raise OptionError(f"the slope of leaky_relu is a number, not {param!r}.")
    return math.sqrt(2.0 / (1.0 + param**2))


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
