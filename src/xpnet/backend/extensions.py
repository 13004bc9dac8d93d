"""What libraries leave open in ``linalg`` and ``fft``: written once, or mended."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import OptionError

__all__ = ["OVER_AXES", "matrix_rank", "order_of", "vector_norm", "with_axes"]

OVER_AXES = frozenset({"fftn", "ifftn", "rfftn", "irfftn"})
"""The transforms along several axes."""


# --- norms ----------------------------------------------------------------------------


def vector_norm(
    xp: Any, x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Any:
    """Return the norm of vectors along `axis`; neither squares nor powers overflow.

    The entries are divided by the largest of them first (for a negative order by the
    smallest), so that ``[1e200, 1e200]`` has a norm, and ``[1e-200, 1e-200]`` not 0.
    """
    p = order_of(ord)
    axes = reduced_axes("vector_norm", axis, x)
    size = xp.abs(x)
    if p == 0:
        size = xp.astype(x != 0, size.dtype)
    if not axes:
        return size
    if math.isinf(p) and (p < 0 or math.prod(x.shape[a] for a in axes)):
        return (xp.max if p > 0 else xp.min)(size, axis=axes, keepdims=keepdims)
    if p in (0, 1) or math.isinf(p):  # the largest of none is 0, as a sum is
        return xp.sum(size, axis=axes, keepdims=keepdims)
    if any(x.shape[a] == 0 for a in axes):
        total = xp.sum(size, axis=axes, keepdims=keepdims)
        return total ** (1 / p)
    out = _scaled_norm(xp, size, axes, p)
    return out if keepdims else xp.squeeze(out, axis=axes)


def _scaled_norm(xp: Any, size: Any, axes: tuple[int, ...], p: float) -> Any:
    top = (xp.max if p > 0 else xp.min)(size, axis=axes, keepdims=True)
    top = xp.where((top > 0) & xp.isfinite(top), top, xp.ones_like(top))
    size = size / top
    if p == 2:
        return xp.sqrt(xp.sum(size * size, axis=axes, keepdims=True)) * top
    return xp.sum(size**p, axis=axes, keepdims=True) ** (1 / p) * top


def order_of(ord: Any) -> float:
    """Return the order of a vector norm as a number."""
    if isinstance(ord, str) or ord is None or ord != ord:
        raise OptionError(
            f"vector_norm: ord must be a number, inf or -inf, not {ord!r}; 'fro' and "
            "'nuc' are norms of matrices (xp.linalg.matrix_norm)."
        )
    return float(ord)


def reduced_axes(name: str, axis: Any, x: Any) -> tuple[int, ...]:
    """Return the axes to reduce, counted from the front and checked."""
    given = (axis,) if isinstance(axis, int) else axis
    axes = tuple(range(x.ndim)) if given is None else tuple(given)
    if any(not -x.ndim <= a < x.ndim for a in axes):
        raise OptionError(
            f"{name}: axis {axis} is outside an array of {x.ndim} axes (its shape is "
            f"{tuple(x.shape)})."
        )
    front = tuple(a % x.ndim for a in axes)
    if len(set(front)) != len(front):
        raise OptionError(f"{name}: axis {axis} names an axis twice.")
    return front


def matrix_rank(library: Any, x: Any, /, *, rtol: Any = None) -> Any:
    """Return the library's own rank of matrices; without an element it is 0."""
    if x.ndim >= 2 and 0 in x.shape[-2:]:
        xp = library.raw
        shape = tuple(x.shape[:-2])
        return xp.zeros(shape, dtype=library.module.int64, device=xp.device(x))
    return library.find_in("linalg", "matrix_rank")(x, rtol=rtol)


# --- Fourier transforms ---------------------------------------------------------------


def with_axes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a transform the axes that ``s=`` alone stands for: the last ones."""

    def transform(
        x: Any, /, *, s: Any = None, axes: Any = None, norm: str = "backward"
    ) -> Any:
        if s is not None and axes is None:
            axes = tuple(range(-len(s), 0))
        return function(x, s=s, axes=axes, norm=norm)

    return transform
