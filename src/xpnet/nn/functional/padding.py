"""Padding with PyTorch's order of widths: the last axis first."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import OptionError, ShapeError

__all__ = ["pad"]

MODES = {
    "constant": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}
"""PyTorch's names of the modes, and those of `xpnet.xp.special.pad`."""

_Pairs = list[tuple[int, int]]


def pad(
    x: Any,
    /,
    pad: int | Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Array:
    """Put elements around `x`, or with negative widths take some away.

    Parameters
    ----------
    x : Array
        Any shape and, with a value that fits, any dtype.
    pad : sequence of int
        ``(left, right, top, bottom, front, back)``: how many elements before and after
        the last axis, then the one before it, for as many axes as there are pairs.
    mode : {"constant", "reflect", "replicate", "circular"}
        ``"constant"`` fills with `value`; ``"reflect"`` mirrors at the outermost
        element, which stands once; ``"replicate"`` repeats it; ``"circular"`` goes on
        at the other end.
    value : number, optional
        What ``mode="constant"`` fills with; 0 by default.

    Returns
    -------
    Array
        Each axis is longer by its two widths.

    Raises
    ------
    ShapeError
        If `x` has too few axes, or an axis too few elements.
    OptionError
        If the mode is unknown, widths do not come in pairs, or there is a value and the
        mode is another.

    Notes
    -----
    PyTorch's other modes take the last one to three axes alone; here any number.

    Examples
    --------
    >>> pad([[1.0, 2.0, 3.0]], (2, 1), "reflect").tolist()
    [[3.0, 2.0, 1.0, 2.0, 3.0, 2.0]]
    >>> pad([[1.0, 2.0, 3.0]], (-1, 1, 0, 1)).tolist()
    [[2.0, 3.0, 0.0], [0.0, 0.0, 0.0]]
    """
    array: Array = x if type(x) is Array else asarray(x)
    if mode not in MODES:
        raise OptionError(f"pad: mode is {mode!r}; use one of {tuple(MODES)}.")
    if mode != "constant" and value:
        raise OptionError(f"pad: mode {mode!r} takes no value, and value is {value!r}.")
    pairs = _pairs(pad, array)
    _check_room(tuple(array.shape), pairs, mode)
    if mode == "circular":  # what is taken away does not come back at the other end
        return _grown(_cut(array, pairs), pairs, mode, 0)
    return _cut(_grown(array, pairs, mode, value or 0), pairs)


def _pairs(pad: Any, x: Any) -> _Pairs:
    """Return the widths of every axis, the first axis first."""
    try:
        numbers = [operator.index(p) for p in pad] if isinstance(pad, Sequence) else [0]
    except TypeError:
        numbers = [0]
    if len(numbers) % 2:
        raise OptionError(
            "pad: the widths are integers in pairs, (left, right, top, bottom, ...), "
            f"not {pad!r}."
        )
    if len(numbers) > 2 * x.ndim:
        raise ShapeError(
            f"pad: {len(numbers)} widths are for {len(numbers) // 2} axes, but x has "
            f"{x.ndim} (x: {tuple(x.shape)}, pad: {tuple(numbers)})."
        )
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    return [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]


def _check_room(shape: tuple[int, ...], pairs: _Pairs, mode: str) -> None:
    """Raise where an axis is too short for its widths."""
    for axis, (n, (p, q)) in enumerate(zip(shape, pairs, strict=True)):
        kept = n + min(p, 0) + min(q, 0)
        most = {"constant": None, "reflect": n - 1, "circular": kept}.get(mode)
        if mode == "replicate" and n < 1 and (p or q):
            most = 0
        if most is not None and max(p, q, 0) > max(most, 0):
            raise ShapeError(
                f"pad: mode {mode!r} fills at most {max(most, 0)} elements on each "
                f"side of axis {axis}, which has {n}, not {max(p, q)} (x: {shape}). "
                "Pad less, or use mode='constant'."
            )
        if kept < 0:
            raise ShapeError(
                f"pad: the widths {(p, q)} take away more elements than the {n} of "
                f"axis {axis} (x: {shape})."
            )


def _grown(x: Array, pairs: _Pairs, mode: str, value: float) -> Array:
    """Put elements around `x` where widths are positive."""
    widths = tuple([(max(p, 0), max(q, 0)) for p, q in pairs])
    if not any(map(any, widths)):
        return x
    options = {"constant_values": value} if mode == "constant" else {}
    out: Array = x._lib.recorded.pad(x, widths, mode=MODES[mode], **options)
    return out


def _cut(x: Array, pairs: _Pairs) -> Array:
    """Take elements away where widths are negative."""
    if all(p >= 0 and q >= 0 for p, q in pairs):
        return x
    spans = zip(x.shape, pairs, strict=True)
    return x[tuple([slice(max(-p, 0), n - max(-q, 0)) for n, (p, q) in spans])]
