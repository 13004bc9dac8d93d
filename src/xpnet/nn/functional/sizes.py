"""What pooling, padding and resampling share: options for each axis, sizes, checks."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import OptionError, ShapeError

__all__ = ["Window", "outputs", "several", "spatial"]

_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


class Window(NamedTuple):
    """A window that moves over the last axes, with one integer for each axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool


def several(
    name: str, what: str, value: Any, count: int, least: int = 1
) -> tuple[int, ...]:
    """Return one integer for each of `count` axes, from one integer or a sequence."""
    given = tuple(value) if isinstance(value, Sequence) else (value,) * count
    try:
        numbers = tuple([operator.index(v) for v in given])
    except TypeError:
        numbers = ()
    if len(numbers) != count or min(numbers) < least or isinstance(value, bool):
        raise OptionError(
            f"{name}: {what} is an integer of at least {least}, or {count} of them, "
            f"not {value!r}."
        )
    return numbers


def spatial(name: str, x: Any, count: int) -> Array:
    """Return `x` as an Array, which has `count` axes after channels, batch or none."""
    array: Array = x if type(x) is Array else asarray(x)
    if array.ndim not in (count + 1, count + 2):
        sizes = ", ".join(_NAMES[count])
        raise ShapeError(
            f"{name}: x has shape {tuple(array.shape)}, but needs {count + 2} axes, "
            f"(batch, channels, {sizes}), or {count + 1} for one example."
        )
    return array


@functools.lru_cache(maxsize=512)
def outputs(name: str, shape: tuple[int, ...], window: Window) -> tuple[int, ...]:
    """Return how many windows there are along each axis, or raise ShapeError."""
    count = len(window.kernel)
    rows = zip(shape[-count:], *window[:4], strict=True)
    found = tuple([_along(*row, window.ceil_mode) for row in rows])
    if min(found) < 1:
        axis = found.index(min(found)) - count
        covered = (window.kernel[axis] - 1) * window.dilation[axis] + 1
        raise ShapeError(
            f"{name}: a window covers {covered} elements, but axis {axis} of x "
            f"has {shape[axis]} with {window.padding[axis]} of padding on each side "
            f"(x: {shape}). Use a smaller kernel, or more padding."
        )
    return found


def _along(n: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> int:
    """Return the number of windows; with `ceil_mode` the last may reach over the end.

    One that would start in the padding after the last element is left out.
    """
    room = n + 2 * p - (k - 1) * d - 1
    if n < 1 or (room < 0 and not ceil_mode):
        return 0
    many = -(-room // s) + 1 if ceil_mode else room // s + 1
    if ceil_mode and (many - 1) * s >= n + p:
        many -= 1
    return many
