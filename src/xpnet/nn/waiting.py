"""Layers that wait for their first input, to learn how large it is."""

from __future__ import annotations

import operator
from typing import Any, final

from ..errors import OptionError, ShapeError

__all__ = ["Waiting", "count"]


@final
class Waiting:
    """What a layer does at its first call: build its parameters, then run.

    Parameters
    ----------
    what : str
        The option that was not given, ``"in_features"``.
    axis : int
        The axis of the input that has its size.
    """

    def __init__(self, what: str, axis: int) -> None:
        self.what, self.axis = what, axis

    def __call__(self, module: Any, x: Any, *args: Any, **options: Any) -> Any:
        """Build the parameters beside `x`, then run the layer."""
        shape = tuple(x.shape)
        if not -len(shape) <= self.axis < len(shape):
            raise ShapeError(
                f"{type(module).__name__}: {self.what} is taken from axis {self.axis} "
                f"of the first input, which x of shape {shape} does not have."
            )
        module._build(count(type(module).__name__, self.what, shape[self.axis]))
        del module.__dict__["_detour"]
        return module(x, *args, **options)


def count(layer: str, what: str, value: Any, least: int = 1) -> int:
    """Return an option that is an integer of at least `least`, or raise OptionError."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise OptionError(
            f"{layer}: {what} is an integer of at least {least}, not {value!r}."
        )
    return number
