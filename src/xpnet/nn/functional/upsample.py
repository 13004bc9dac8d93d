"""Resampling: images and signals of another size."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...calculus.rule import fused
from ...errors import OptionError, ShapeError
from . import adaptive
from .inputs import check_floating
from .precision import raised
from .resample import column, weigh
from .sizes import several

__all__ = ["interpolate"]

_AXES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}
_ANY = ("nearest", "nearest-exact", "area")
MODES = (*_ANY, *_AXES)

_AREA = {
    1: adaptive.adaptive_avg_pool1d,
    2: adaptive.adaptive_avg_pool2d,
    3: adaptive.adaptive_avg_pool3d,
}


def interpolate(
    x: Any,
    /,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Array:
    """Return `x` resampled to another size along all axes but batch and channels.

    Along one axis of ``n`` elements that becomes ``m``, element ``i`` of the result
    lies at ``s = (i + 1/2) · n / m - 1/2`` (with `align_corners` at
    ``i · (n - 1) / (m - 1)``), and is

    - ``"nearest"``: ``x[floor(i · n / m)]``; ``"nearest-exact"``:
      ``x[floor((i + 1/2) · n / m)]``;
    - ``"linear"`` (1 axis), ``"bilinear"`` (2), ``"trilinear"`` (3): on the straight
      line between the two elements beside ``s``;
    - ``"bicubic"`` (2): on Keys' cubic, a = -3/4, through the four elements about it;
    - ``"area"``: the mean of its part, as `adaptive_avg_pool2d`.

    Parameters
    ----------
    x : Array
        Shape (batch, channels, length), (..., height, width) or
        (..., depth, height, width).
    size : int or sequence of int, optional
        The new size along each axis.
    scale_factor : float or sequence of float, optional
        Or how many times larger it is: ``m = floor(n · scale_factor)``.
    mode : str
        One of the above.
    align_corners : bool, optional
        Whether the outermost elements stay where they are; for the linear and cubic
        modes alone.
    recompute_scale_factor : bool, optional
        Whether ``m / n`` is the scale in place of `scale_factor`, which differs from it
        where ``n · scale_factor`` is not an integer.
    antialias : bool
        Whether shrinking takes a mean over all that an element stands for; for
        ``"bilinear"`` and ``"bicubic"`` (then with a = -1/2).

    Returns
    -------
    Array
        Of the dtype of `x`.

    Raises
    ------
    ShapeError
        If `x` has not as many axes as the mode is for.
    OptionError
        If the mode is unknown, or options do not go together.
    DTypeError
        If `x` is not floating point, and `mode` is none of the nearest.

    Notes
    -----
    Linear in `x`. Keys, "Cubic convolution interpolation for digital image processing",
    IEEE Trans. ASSP 29, 1981. The axes are resampled one after another, as products
    with small matrices, so that an infinity or NaN reaches its row and column.

    Examples
    --------
    >>> interpolate([[[1.0, 3.0]]], scale_factor=2, mode="linear").tolist()
    [[[1.0, 1.5, 2.5, 3.0]]]
    """
    array: Array = x if type(x) is Array else asarray(x)
    _check(array, mode, align_corners, antialias)
    count = array.ndim - 2
    shape = tuple(array.shape[2:])
    sizes, factors = _sizes(shape, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        return _AREA[count](array, sizes)  # type: ignore[no-any-return]
    xp = array._lib.recorded
    if mode in ("nearest", "nearest-exact"):
        times = tuple([m // n for n, m in zip(shape, sizes, strict=True)])
        if all(map(_repeats, shape, sizes, factors)):
            return _repeat(array, times=times)  # type: ignore[no-any-return]
        for axis, (m, factor) in enumerate(zip(sizes, factors, strict=True), start=2):
            array = _nearest(xp, array, axis, m, factor, mode)
        return array
    check_floating("interpolate", array)
    kernel = _CUBIC if mode == "bicubic" else _LINEAR
    out = raised(xp, array)
    for axis, (m, factor) in enumerate(zip(sizes, factors, strict=True), start=2):
        n = array.shape[axis]
        scale = _scale(n, m, factor, bool(align_corners))
        if n == m and (antialias or mode != "bicubic" or scale == 1.0):
            continue  # a factor that leaves the size as it is does nothing, in PyTorch
        make = kernel[1] if antialias else kernel[0]
        places, weights = make(xp, n, m, scale, bool(align_corners), array)
        out = weigh(xp, out, axis, places, weights)
    return xp.astype(out, array.dtype)  # type: ignore[no-any-return]


# --- options --------------------------------------------------------------------------


def _check(x: Any, mode: str, align_corners: Any, antialias: bool) -> None:
    """Raise for options that do not go together, and for other axes."""
    if mode not in MODES:
        raise OptionError(f"interpolate: mode is {mode!r}; use one of {MODES}.")
    if align_corners is not None and mode in _ANY:
        raise OptionError(
            f"interpolate: align_corners is for {tuple(_AXES)}, not for {mode!r}."
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise OptionError(
            f"interpolate: antialias is for 'bilinear' and 'bicubic', not for {mode!r}."
        )
    axes = (_AXES[mode] + 2,) if mode in _AXES else (3, 4, 5)
    if x.ndim not in axes or 0 in x.shape[2:]:
        need = " or ".join(map(str, axes))
        raise ShapeError(
            f"interpolate: mode {mode!r} needs {need} axes, batch and channels first "
            f"and none of the others of length 0; x has shape {tuple(x.shape)}."
        )


def _sizes(
    shape: tuple[int, ...], size: Any, scale_factor: Any, recompute: Any
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """Return the new sizes, and the factors where they alone say the scale."""
    count = len(shape)
    if (size is None) == (scale_factor is None):
        raise OptionError("interpolate: give one of size and scale_factor.")
    nothing = (None,) * count
    if scale_factor is None:
        if recompute:
            raise OptionError(
                "interpolate: recompute_scale_factor is for scale_factor, not for size."
            )
        return several("interpolate", "size", size, count), nothing
    many = isinstance(scale_factor, Sequence)
    factors = tuple(scale_factor) if many else (scale_factor,) * count
    if len(factors) != count or not all(0 < f < math.inf for f in factors):
        raise OptionError(
            f"interpolate: scale_factor is a positive number, or {count} of them, not "
            f"{scale_factor!r}."
        )
    sizes = tuple([math.floor(n * f) for n, f in zip(shape, factors, strict=True)])
    if min(sizes) < 1:
        raise ShapeError(
            f"interpolate: scale_factor {scale_factor!r} leaves nothing of {shape}: "
            f"the new size is {sizes}."
        )
    return sizes, nothing if recompute else factors


def _scale(n: int, m: int, factor: float | None, align: bool) -> float:
    """Return how far apart, in `x`, two neighbours of the result lie."""
    if align:
        return (n - 1) / (m - 1) if m > 1 else 0.0
    return n / m if factor is None else 1.0 / factor


# --- where elements come from, and with which weights ---------------------------------


def _repeats(n: int, m: int, factor: float | None) -> bool:
    """Tell whether elements are repeated equally often, whatever is rounded.

    That is certain for a power of two, by which everything can be divided exactly.
    """
    times = m // n
    exact = m == n * times and times & (times - 1) == 0
    return exact and factor in (None, times)


@fused("repeat_axes", count=1)
def _repeat(xp: Any, x: Any, *, times: tuple[int, ...]) -> Any:
    """Return every element of the last axes several times."""
    lead = tuple(x.shape[: -len(times)])
    ones: list[int] = []
    more: list[int] = []
    for n, k in zip(x.shape[-len(times) :], times, strict=True):
        ones += (n, 1)
        more += (n, k)
    wide = xp.broadcast_to(xp.reshape(x, (*lead, *ones)), (*lead, *more))
    whole = [n * k for n, k in zip(x.shape[-len(times) :], times, strict=True)]
    return xp.reshape(wide, (*lead, *whole))


def _nearest(
    xp: Any, x: Any, axis: int, m: int, factor: float | None, mode: str
) -> Any:
    """Return `x` with elements repeated or left out along one axis."""
    n = x.shape[axis]
    if n == m and factor in (None, 1.0):
        return x
    scale = _scale(n, m, factor, False)
    if "float64" not in str(x.dtype):
        scale = ctypes.c_float(scale).value
    at = xp.arange(m, dtype=xp.float64, device=xp.device(x))
    half = 0.5 if mode == "nearest-exact" else 0.0
    # Rounded to single precision where PyTorch does: at an integer a last bit decides.
    places = xp.astype((at + half) * scale - half, xp.float32) + half
    places = xp.astype(xp.floor(places), xp.int64)
    return xp.take(x, xp.minimum(places, n - 1), axis=axis)


def _positions(
    xp: Any, m: int, scale: float, align: bool, near: Any, edge: bool
) -> tuple[Any, Any]:
    """Return what lies before each element of the result, and how far, as columns."""
    at = column(xp, xp.arange(m, dtype=xp.float64, device=xp.device(near)))
    at = at * scale if align else (at + 0.5) * scale - 0.5
    at = xp.maximum(at, 0.0) if edge else at
    first = xp.floor(at)
    return xp.astype(first, xp.int64), at - first


def _linear(
    xp: Any, n: int, m: int, scale: float, align: bool, near: Any
) -> tuple[Any, Any]:
    first, t = _positions(xp, m, scale, align, near, edge=True)
    both = xp.concat([first, first + 1], axis=1)
    return _inside(xp, both, n), xp.concat([1 - t, t], axis=1)


def _cubic(
    xp: Any, n: int, m: int, scale: float, align: bool, near: Any
) -> tuple[Any, Any]:
    first, t = _positions(xp, m, scale, align, near, edge=False)
    four = first + xp.arange(-1, 3, dtype=xp.int64, device=xp.device(near))
    away = xp.concat([t + 1, t, 1 - t, 2 - t], axis=1)
    return _inside(xp, four, n), _keys(xp, away, -0.75)


def _inside(xp: Any, places: Any, n: int) -> Any:
    """Return the nearest places that exist."""
    return xp.minimum(xp.maximum(places, 0), n - 1)


def _triangle(xp: Any, away: Any) -> Any:
    """Return the weight of an element at a distance of at most 1 for a line."""
    return xp.maximum(1.0 - away, 0.0)


def _keys(xp: Any, away: Any, a: float) -> Any:
    """Return the weight of an element at a distance of at most 2 for Keys' cubic."""
    near = ((a + 2) * away - (a + 3)) * away * away + 1
    far = ((a * away - 5 * a) * away + 8 * a) * away - 4 * a
    return xp.where(away <= 1, near, xp.where(away < 2, far, 0.0))


def _smooth(filtered: Callable[[Any, Any], Any], reach: int) -> Callable[..., Any]:
    """Return the weights of a filter that is as wide as an element of the result."""

    def make(
        xp: Any, n: int, m: int, scale: float, align: bool, near: Any
    ) -> tuple[Any, Any]:
        wide = max(scale, 1.0)
        device = xp.device(near)
        middle = column(xp, xp.arange(m, dtype=xp.float64, device=device))
        middle = (middle + 0.5) * scale
        start = xp.astype(xp.maximum(middle - reach * wide + 0.5, 0.0), xp.int64)
        end = xp.astype(xp.minimum(middle + reach * wide + 0.5, float(n)), xp.int64)
        taps = xp.arange(math.ceil(2 * reach * wide) + 1, dtype=xp.int64, device=device)
        places = start + taps
        away = xp.abs(xp.astype(places, xp.float64) - middle + 0.5) / wide
        weights = xp.where(places < end, filtered(xp, away), 0.0)
        total = xp.sum(weights, axis=1, keepdims=True)
        return _inside(xp, places, n), weights / total

    return make


_LINEAR = (_linear, _smooth(_triangle, 1))
_CUBIC = (_cubic, _smooth(lambda xp, away: _keys(xp, away, -0.5), 2))
