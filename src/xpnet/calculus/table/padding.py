"""Padding: linear, with a transpose that folds the margins back."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from ...errors import DTypeError, OptionError, ShapeError
from ..rule import Linear, addition
from ..tape import Node

_MODES = ("constant", "reflect", "edge", "wrap")
_Widths = tuple[tuple[int, int], ...]


def _widths(pad_width: Any, ndim: int) -> _Widths:
    """Return the widths before and after each axis."""
    if not isinstance(pad_width, Sequence):
        pad_width = (pad_width, pad_width)
    pairs = list(pad_width)
    if len(pairs) == 2 and not any(isinstance(p, Sequence) for p in pairs):
        pairs = [pairs] * ndim
    if len(pairs) != ndim or not all(
        isinstance(p, Sequence) and len(p) == 2 for p in pairs
    ):
        raise ShapeError(
            f"pad: pad_width is {pad_width!r:.80}, but x has {ndim} axes. Give one "
            "number, one pair (before, after), or a pair for each axis."
        )
    widths = tuple((operator.index(p), operator.index(q)) for p, q in pairs)
    if any(w < 0 for pair in widths for w in pair):
        raise OptionError(
            f"pad: pad_width is {pad_width!r:.80}, but a width cannot be negative. To "
            "take elements away use a slice."
        )
    return widths


def _check_room(shape: tuple[int, ...], widths: _Widths, mode: str) -> None:
    """Raise where an axis has too few elements to fill its padding."""
    if mode not in _MODES:
        raise OptionError(f"pad: mode is {mode!r}; use one of {_MODES}.")
    for axis, (n, pair) in enumerate(zip(shape, widths, strict=True)):
        room = {"reflect": n - 1, "wrap": n, "edge": math.inf if n else 0}
        if mode in room and max(pair) > max(room[mode], 0):
            raise ShapeError(
                f"pad: axis {axis} has {n} elements, and mode {mode!r} then fills at "
                f"most {max(room[mode], 0)} on each side, not {max(pair)}. Pad less, "
                "or use mode='constant'."
            )


def _check_fill(xp: Any, x: Any, value: Any) -> None:
    if not isinstance(value, (bool, int, float, complex)):
        raise OptionError(
            f"pad: constant_values is a {type(value).__name__}; give one number."
        )
    if (isinstance(value, complex) and not xp.is_complex(x)) or (
        isinstance(value, float)
        and not xp.isdtype(x.dtype, ("real floating", "complex floating"))
    ):
        raise DTypeError(
            f"pad: constant_values={value!r} does not fit into an array of {x.dtype}. "
            "Cast x first with xp.astype."
        )


def _along(axis: int, start: int, stop: int) -> tuple[Any, ...]:
    """Return the key of a stretch of one axis."""
    return (*(slice(None),) * axis, slice(start, stop), ...)


@addition("pad")
def _pad(
    xp: Any,
    x: Any,
    /,
    pad_width: Any,
    *,
    mode: str = "constant",
    constant_values: Any = 0,
) -> Any:
    shape = tuple(x.shape)
    widths = _widths(pad_width, x.ndim)
    _check_room(shape, widths, mode)
    if mode == "constant":
        _check_fill(xp, x, constant_values)
        whole = tuple(p + n + q for n, (p, q) in zip(shape, widths, strict=True))
        out = xp.full(whole, constant_values, dtype=x.dtype, device=xp.device(x))
        inside = tuple(slice(p, p + n) for n, (p, _) in zip(shape, widths, strict=True))
        return xp.write(out, inside, x)
    for axis, (p, q) in enumerate(widths):
        if p or q:
            front, back = _margins(xp, x, axis, p, q, mode)
            x = xp.concat([front, x, back], axis=axis)
    return x


def _margins(xp: Any, x: Any, axis: int, p: int, q: int, mode: str) -> tuple[Any, Any]:
    """Return what stands before and after `x` along one axis."""
    n = x.shape[axis]
    if mode == "wrap":
        return x[_along(axis, n - p, n)], x[_along(axis, 0, q)]
    if mode == "reflect":
        front, back = x[_along(axis, 1, p + 1)], x[_along(axis, n - 1 - q, n - 1)]
        return xp.flip(front, axis=axis), xp.flip(back, axis=axis)
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    first, last = x[_along(axis, 0, 1)], x[_along(axis, n - 1, n)]
    return (
        xp.broadcast_to(first, (*before, p, *after)),
        xp.broadcast_to(last, (*before, q, *after)),
    )


def _fold(xp: Any, g: Any, axis: int, n: int, p: int, q: int, mode: str) -> Any:
    """Return the cotangent of what one axis was before its margins were put on."""
    front, back = g[_along(axis, 0, p)], g[_along(axis, p + n, p + n + q)]
    if mode == "wrap":
        places = (n - p, 0)
    elif mode == "reflect":
        front, back = xp.flip(front, axis=axis), xp.flip(back, axis=axis)
        places = (1, n - 1 - q)
    else:
        front = xp.sum(front, axis=axis, keepdims=True, dtype=g.dtype)
        back = xp.sum(back, axis=axis, keepdims=True, dtype=g.dtype)
        places = (0, n - 1)
    out = g[_along(axis, p, p + n)]
    for part, start, used in zip((front, back), places, (p, q), strict=True):
        if used:
            width = [(0, 0)] * g.ndim
            width[axis] = (start, n - start - part.shape[axis])
            out = out + xp.pad(part, tuple(width))
    return out


class _Pad(Linear):
    """Padding is linear but for its constant, which a tangent does not have."""

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        options = {**saved.options, "constant_values": 0}
        return xp.pad(tangents[0], *saved.rest, **options)


def _pad_transpose(
    xp: Any,
    g: Any,
    x: Any,
    /,
    pad_width: Any,
    *,
    mode: str = "constant",
    constant_values: Any = 0,
) -> Any:
    """Return `x` with elements put around it.

    Along an axis of ``n`` elements, with ``p`` before and ``q`` after,

    - ``"constant"``: the new elements are `constant_values`;
    - ``"reflect"``: ``out[p - i] = x[i]``, ``out[p + n - 1 + i] = x[n - 1 - i]``, so
      that the outermost element stands once (``p, q <= n - 1``);
    - ``"edge"``: the outermost element is repeated (``n >= 1``);
    - ``"wrap"``: ``out[i] = x[(i - p) mod n]`` (``p, q <= n``).

    Parameters
    ----------
    x : array
        Any shape and dtype.
    pad_width : int, pair of int, or one pair for each axis
        How many elements stand before and after: ``1``, ``(1, 2)`` for every axis, or
        ``((0, 0), (1, 2))``.
    mode : {"constant", "reflect", "edge", "wrap"}
        Where the new elements come from.
    constant_values : number
        What ``mode="constant"`` fills with; it must fit the dtype of `x`.

    Returns
    -------
    array
        Of the dtype of `x`; axis ``i`` has ``p + n + q`` elements.

    Raises
    ------
    ShapeError
        If `pad_width` does not fit the axes, or an axis is too short for the mode.
    OptionError
        If a width is negative or the mode is unknown.
    DTypeError
        If the constant does not fit the dtype.

    Notes
    -----
    Back, each cotangent goes to the element that was copied; copies add up. The values
    are those of ``numpy.pad``, which also lets ``reflect`` and ``wrap`` go round more
    than once; PyTorch calls the modes constant, reflect, replicate and circular.

    Examples
    --------
    >>> xp.special.pad(xn.asarray([1.0, 2.0, 3.0]), (2, 1), mode="reflect").data
    array([3., 2., 1., 2., 3., 2.])
    """
    widths = _widths(pad_width, x.ndim)
    shape = tuple(x.shape)
    if mode == "constant":
        inside = tuple(slice(p, p + n) for n, (p, _) in zip(shape, widths, strict=True))
        return xp.getitem(g, inside)
    for axis, (p, q) in reversed(list(enumerate(widths))):
        if p or q:
            g = _fold(xp, g, axis, shape[axis], p, q, mode)
    return g


_Pad(_pad_transpose, "pad", True)
