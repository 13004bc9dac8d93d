"""Adding at places, the largest elements, one-hot rows: what the standard lacks."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import DTypeError, OptionError, ShapeError
from ..array import Array
from ..convert import asarray, beside, wrap
from ..rule import Linear, addition, function_of
from .indexing import _raw_part


class TopK(NamedTuple):
    """What `top_k` returns."""

    values: Array
    indices: Array


def _axis(name: str, axis: Any, ndim: int) -> int:
    """Return an axis counted from the front."""
    place = int(operator.index(axis))
    if not -ndim <= place < ndim:
        raise ShapeError(f"{name}: axis {place} is out of range for {ndim} axes.")
    return place % ndim


def _integers(name: str, ids: Any, near: Array) -> Any:
    """Return positions as a raw array of integers beside `near`."""
    raw = _raw_part(ids, near)
    lib = near._lib
    if not hasattr(raw, "dtype"):
        raw = lib.raw.asarray(raw, device=lib.raw.device(near.data))
    if not lib.raw.isdtype(raw.dtype, "integral"):
        raise DTypeError(
            f"{name}: the positions have dtype {raw.dtype}; they must be integers."
        )
    return raw


def _check_range(name: str, near: Array, ids: Any, low: int, high: int) -> None:
    """Raise for a position outside ``low <= i < high``, where no wait is needed."""
    lib = near._lib
    if 0 in ids.shape or not lib.on_host(ids):
        return
    least, most = int(lib.raw.min(ids)), int(lib.raw.max(ids))
    if least < low or most >= high:
        wrong = least if least < low else most
        raise IndexError(
            f"{name}: position {wrong} is out of range; it must be at least {low} and "
            f"below {high}."
        )


def _places(name: str, ids: Any, near: Array, count: int, low: int, n: int) -> Any:
    """Return `n` positions of one axis as a raw array, checked on the host."""
    raw = _integers(name, ids, near)
    if raw.ndim != 1 or raw.shape[0] != n:
        raise ShapeError(
            f"{name}: the positions have shape {tuple(raw.shape)}, but there are {n} "
            f"values along the axis; the shape must be ({n},)."
        )
    _check_range(name, near, raw, low, count)
    return near._lib.raw.astype(raw, near._lib.raw.int64)


# --- sums of chosen elements: the transpose of every kind of indexing -----------------


class _SegmentSum(Linear):
    """Sums over equal ids, with the ids checked first where that is cheap."""

    def _make(self) -> Callable[..., Any]:
        compute = super()._make()

        def function(values: Any, ids: Any, /, count: Any) -> Any:
            values = asarray(values)
            count = operator.index(count)
            if count < 0:
                raise OptionError(f"segment_sum: count is {count}; it must be >= 0.")
            if values.ndim == 0:
                raise ShapeError("segment_sum: values has no axes; it needs one.")
            n = values.shape[0]
            raw = _places("segment_sum", ids, values, count, 0, n)
            return compute(values, raw, count)

        return function


def _segment_transpose(xp: Any, g: Any, values: Any, ids: Any, /, count: int) -> Any:
    """Return the sums of the values that have the same id.

    ``out[k, ...] = sum of values[i, ...] over all i with ids[i] == k``.

    Parameters
    ----------
    values : array of shape (n, ...)
        What is added.
    ids : array of integers of shape (n,)
        The segment of each value, from 0 to ``count - 1``, in any order.
    count : int
        How many segments there are; one that has no value is 0.

    Returns
    -------
    array of shape (count, ...)
        Of the dtype of `values`. The order of the additions is fixed: the same bytes
        every time, also on a GPU (with JAX on a GPU it is up to XLA).

    Raises
    ------
    IndexError
        If an id is out of range. It is checked where the values can be looked at
        without a wait; elsewhere what happens is the library's choice.
    ShapeError
        If there is not one id for each value.

    Examples
    --------
    >>> xp.special.segment_sum(xn.asarray([1.0, 2.0, 4.0]), [1, 0, 1], 3).data
    array([2., 5., 0.])
    """
    return xp.take(g, ids, axis=0)


_SegmentSum(_segment_transpose, "segment_sum", True)


@function_of("index_add")
def index_add(x: Any, indices: Any, values: Any, /, *, axis: int = 0) -> Array:
    """Return a copy of `x` with values added at positions along an axis.

    ``out[indices[i], ...] += values[i, ...]``: a position named twice gets both.

    Parameters
    ----------
    x : array
        Any shape with at least one axis; differentiable.
    indices : array of integers of shape (n,)
        Positions along `axis`; negative ones count from the end.
    values : array or number
        Its shape broadcasts to that of `x` with `n` along `axis`; differentiable. It
        is cast to the dtype of `x`.
    axis : int
        The axis that the positions count along.

    Returns
    -------
    array
        Of the shape and dtype of `x`. The order of the additions is fixed.

    Raises
    ------
    IndexError
        If a position is out of range (checked where no wait is needed).
    ShapeError
        If the values do not fit.
    DTypeError
        If the values would lose a fraction or an imaginary part.

    Notes
    -----
    Back, the cotangent of `x` is `g` and that of the values is ``g`` at the positions.
    PyTorch calls it ``index_add`` (with the axis first), JAX ``x.at[i].add(v)``.

    Examples
    --------
    >>> x = xn.asarray([10.0, 20.0, 30.0])
    >>> xp.special.index_add(x, [0, 2, 0], [1.0, 2.0, 3.0]).data
    array([14., 20., 32.])
    """
    x = asarray(x)
    lib, xp = x._lib, x._lib.recorded
    axis = _axis("index_add", axis, x.ndim)
    n = x.shape[axis]
    raw = _integers("index_add", indices, x)
    ids = _places("index_add", raw, x, n, -n, raw.shape[0] if raw.ndim else 0)
    ids = lib.raw.where(ids < 0, ids + n, ids)
    added = _fitting(x, beside(values, x))
    wanted = (*x.shape[:axis], ids.shape[0], *x.shape[axis + 1 :])
    try:
        added = xp.broadcast_to(added, wanted)
    except (ValueError, RuntimeError):
        raise ShapeError(
            f"index_add: the values have shape {added.shape}, which does not broadcast "
            f"to {wanted}: {ids.shape[0]} positions along axis {axis} of x, which has "
            f"shape {x.shape}."
        ) from None
    total = xp.segment_sum(xp.moveaxis(added, axis, 0), ids, n)
    out: Array = x + xp.moveaxis(total, 0, axis)
    return out


def _fitting(x: Array, values: Array) -> Array:
    """Return `values` in the dtype of `x`, or raise where it does not fit."""
    lib = x._lib
    if values.dtype == x.dtype:
        return values
    if (lib.is_floating(values.dtype) and not lib.is_floating(x.dtype)) or (
        lib.is_complex(values.data) and not lib.is_complex(x.data)
    ):
        raise DTypeError(
            f"index_add: values of dtype {values.dtype} do not fit into an array of "
            f"{x.dtype}. Cast one of them with xp.astype."
        )
    out: Array = lib.recorded.astype(values, x.dtype)
    return out


# --- the largest elements -------------------------------------------------------------


@function_of("top_k")
def top_k(x: Any, k: int, /, *, axis: int = -1, largest: bool = True) -> TopK:
    """Return the `k` largest (or smallest) elements along an axis, and where they are.

    Parameters
    ----------
    x : array of real numbers
        With at least one axis; differentiable.
    k : int
        How many, from 0 to the length of the axis.
    axis : int
        The axis to search along.
    largest : bool
        Whether the largest are wanted; otherwise the smallest.

    Returns
    -------
    TopK
        A named tuple ``(values, indices)``; both have the shape of `x` with `k` along
        the axis. The first is the largest (smallest) and so on. Of equal elements the
        one with the lowest position comes first.

    Raises
    ------
    OptionError
        If the axis has fewer than `k` elements.
    DTypeError
        If `x` is complex.

    Notes
    -----
    The values are elements of `x`: each cotangent goes back to its element's place.
    The standard's draft of 2026.12 has the function with ``mode="largest"`` or
    ``"smallest"`` and leaves the order open; PyTorch (``topk``) leaves open which of
    equal elements is taken. It costs a stable sort, and with NumPy a partition.

    Examples
    --------
    >>> top = xp.special.top_k(xn.asarray([1.0, 3.0, 2.0, 3.0]), 2)
    >>> top.values.data, top.indices.data
    (array([3., 3.]), array([1, 3]))
    """
    x = asarray(x)
    if x._lib.is_complex(x.data):
        raise DTypeError(
            f"top_k: {x.dtype} has no order; take xp.abs(x) or xp.real(x)."
        )
    if x.ndim == 0:
        raise ShapeError("top_k: x has no axes; it needs one.")
    axis, k = _axis("top_k", axis, x.ndim), operator.index(k)
    if not 0 <= k <= x.shape[axis]:
        raise OptionError(
            f"top_k: k is {k}, but axis {axis} has {x.shape[axis]} elements."
        )
    lib = x._lib
    chosen = wrap(lib, lib.functions["top_places"](x.data, k, axis, largest))
    return TopK(lib.recorded.take_along_axis(x, chosen, axis=axis), chosen)


@addition("top_places")
def _top_places(xp: Any, x: Any, k: int, axis: int, largest: bool) -> Any:
    """Return the positions of the first `k` elements in sorted order."""
    order = xp.argsort(x, axis=axis, descending=largest, stable=True)
    return xp.getitem(order, (*(slice(None),) * axis, slice(k), ...))


@function_of("one_hot")
def one_hot(
    indices: Any, /, num_classes: int, *, axis: int = -1, dtype: Any = None
) -> Array:
    """Return rows that are 1 at a position and 0 elsewhere.

    ``out[..., k] = 1 if indices[...] == k else 0``.

    Parameters
    ----------
    indices : array of integers
        Any shape; from 0 to ``num_classes - 1``.
    num_classes : int
        The length of the new axis.
    axis : int
        Where the new axis stands in the result.
    dtype : dtype, optional
        By default the library's default floating-point dtype.

    Returns
    -------
    array
        The shape of `indices` with the new axis. It has no derivative.

    Raises
    ------
    IndexError
        If a position is out of range. It is checked where the values can be looked at
        without a wait; elsewhere such a row is all 0.
    DTypeError
        If `indices` are not integers.

    Examples
    --------
    >>> xp.special.one_hot(xn.asarray([0, 2]), 3).data
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    x = asarray(indices)
    lib, xp = x._lib, x._lib.raw
    num_classes = operator.index(num_classes)
    if num_classes < 0:
        raise OptionError(f"one_hot: num_classes is {num_classes}; it must be >= 0.")
    raw = _integers("one_hot", x, x)
    axis = _axis("one_hot", axis, x.ndim + 1)
    _check_range("one_hot", x, raw, 0, num_classes)
    device = xp.device(x.data)
    kinds = xp.arange(num_classes, dtype=raw.dtype, device=device)
    kinds = xp.reshape(kinds, (num_classes, *(1,) * (x.ndim - axis)))
    hit = xp.expand_dims(raw, axis=axis) == kinds
    if dtype is None:
        dtype = xp.zeros((), device=device).dtype
    return Array(lib.coerce(xp.astype(hit, dtype)), lib)
