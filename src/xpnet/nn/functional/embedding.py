"""Rows of a table, chosen by integers, alone and added up in bags."""

from __future__ import annotations

import math
from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray, like
from ...calculus.rule import fused
from ...errors import DTypeError, OptionError, ShapeError
from .precision import raised

__all__ = ["check_mode", "check_padding", "embedding", "embedding_bag", "places"]

MODES = ("mean", "sum", "max")


def embedding(
    indices: Any,
    weight: Any,
    /,
    *,
    padding_idx: int | None = None,
    scale_grad_by_freq: bool = False,
) -> Array:
    """Return the rows of a table at indices: ``out[...] = weight[indices[...]]``.

    Parameters
    ----------
    indices : Array of integers
        Any shape; from 0 to rows - 1. On the CPU an index outside raises; elsewhere
        looking would wait for the device, and what happens is up to the library.
    weight : Array
        Shape (rows, width).
    padding_idx : int, optional
        A row that gets no gradient; negative ones count from the end.
    scale_grad_by_freq : bool
        Whether the gradient of a row is divided by how often the row was chosen.

    Returns
    -------
    Array
        The shape of `indices`, and then the width.

    Raises
    ------
    ShapeError
        If the weight has not two axes.
    DTypeError
        If the indices are not integers.
    OptionError
        If an index or `padding_idx` is out of range.

    Notes
    -----
    Back, cotangents of the same row are added in a fixed order: the same bytes every
    time, on a GPU too. PyTorch's ``max_norm`` changes the weight, which a function here
    does not do: see the layer `Embedding`.

    Examples
    --------
    >>> import numpy as np
    >>> embedding([2, 0], np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])).tolist()
    [[4.0, 5.0], [0.0, 1.0]]
    """
    weight = _table("embedding", weight)
    rows, width = weight.shape
    ids = places("embedding", indices, weight)
    padding = check_padding("embedding", padding_idx, rows)
    shape = tuple(ids.shape)
    flat = ids._lib.recorded.reshape(ids, (-1,)) if len(shape) != 1 else ids
    out = _embedding(weight, flat, padding=padding, by_frequency=scale_grad_by_freq)
    if len(shape) != 1:
        out = out._lib.recorded.reshape(out, (*shape, width))
    return out  # type: ignore[no-any-return]


@fused("embedding", count=1)
def _embedding(
    xp: Any, weight: Any, ids: Any, *, padding: int | None, by_frequency: bool
) -> Any:
    """Return rows (n, width) for indices (n,)."""
    out = xp.take(weight, ids, axis=0)
    if by_frequency:
        ones = xp.ones(ids.shape, dtype=weight.dtype, device=xp.device(weight))
        count = xp.take(xp.segment_sum(ones, ids, weight.shape[0]), ids, axis=0)
        fixed = out.detach()
        out = fixed + (out - fixed) / xp.expand_dims(count, axis=1)
    if padding is not None:
        pad = xp.expand_dims(ids == padding, axis=1)
        out = xp.where(pad, out.detach(), out)
    return out


def embedding_bag(
    indices: Any,
    weight: Any,
    offsets: Any = None,
    /,
    *,
    mode: str = "mean",
    scale_grad_by_freq: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Array:
    """Return the sum, the mean or the maximum of the rows of each bag.

    Parameters
    ----------
    indices : Array of integers
        Shape (B, N), B bags of N rows each; or (n,), bags one after another.
    weight : Array
        Shape (rows, width).
    offsets : Array of integers, optional
        Shape (B,), for indices (n,): where each bag begins. The first is 0.
    mode : {"mean", "sum", "max"}
        How rows are made one. A bag without rows is 0.
    scale_grad_by_freq : bool
        As for `embedding`; not with ``mode="max"``.
    per_sample_weights : Array, optional
        Of the shape of `indices`, for ``mode="sum"``: what each row is multiplied by.
    include_last_offset : bool
        Whether `offsets` has one more element, where the last bag ends.
    padding_idx : int, optional
        A row that counts for nothing and gets no gradient.

    Returns
    -------
    Array
        Shape (B, width).

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If indices or offsets are not integers.
    OptionError
        If an index is out of range, the mode is unknown, or options exclude each other.

    Notes
    -----
    The gradient of a maximum goes to the first of equal elements, as in PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> weight = np.array([[1.0], [2.0], [4.0]])
    >>> embedding_bag([0, 2, 1], weight, [0, 2], mode="sum").tolist()
    [[5.0], [2.0]]
    """
    name = "embedding_bag"
    weight = _table(name, weight)
    check_mode(name, mode, scale_grad_by_freq)
    if mode != "sum" and per_sample_weights is not None:
        raise OptionError(
            f"{name}: per_sample_weights go with mode='sum', and mode is {mode!r}."
        )
    ids = places(name, indices, weight)
    padding = check_padding(name, padding_idx, weight.shape[0])
    xp = weight._lib.recorded
    starts = _starts(name, ids, offsets, include_last_offset, weight)
    flat = xp.reshape(ids, (-1,)) if ids.ndim == 2 else ids
    rows = embedding(flat, weight, scale_grad_by_freq=scale_grad_by_freq)
    if per_sample_weights is not None:
        factors = _factors(name, per_sample_weights, ids, weight)
        rows = rows * xp.reshape(factors, (-1, 1))
    real = None if padding is None else flat != padding
    rows = rows if mode == "max" else raised(xp, rows)  # sums and counts of 16 bits
    if starts is None:
        out = _pooled(xp, rows, real, ids.shape, mode)
    else:
        out = _scattered(xp, rows, real, starts, mode)
        out = out[:-1, ...] if include_last_offset else out
    return xp.astype(out, weight.dtype, copy=False)  # type: ignore[no-any-return]


def _pooled(
    xp: Any, rows: Array, real: Any, shape: tuple[int, ...], mode: str
) -> Array:
    """Make bags of one size each one row: (B * N, width) to (B, width)."""
    bags, size = shape
    x = xp.reshape(rows, (bags, size, rows.shape[1]))
    here = None if real is None else xp.reshape(real, (bags, size, 1))
    if mode == "max":
        return _largest(xp, x, here)
    if here is not None:
        x = xp.where(here, x, xp.zeros_like(x))
    total = xp.sum(x, axis=1)
    if mode == "sum":
        return total  # type: ignore[no-any-return]
    if here is None:
        return total / max(size, 1)  # type: ignore[no-any-return]
    count = xp.sum(xp.astype(here, x.dtype), axis=1)
    return total / xp.maximum(count, xp.ones_like(count))  # type: ignore[no-any-return]


def _largest(xp: Any, x: Array, here: Any) -> Array:
    """Return the largest element along the bag, 0 where the bag has none."""
    if x.shape[1] == 0:
        return xp.sum(x, axis=1)  # type: ignore[no-any-return]
    seen = x.detach()
    if here is not None:
        seen = xp.where(here, seen, -math.inf)
    at = xp.argmax(seen, axis=1, keepdims=True)
    out = xp.squeeze(xp.take_along_axis(x, at, axis=1), axis=1)
    if here is None:
        return out  # type: ignore[no-any-return]
    return xp.where(xp.any(here, axis=1), out, xp.zeros_like(out))  # type: ignore[no-any-return]


def _scattered(xp: Any, rows: Array, real: Any, starts: Array, mode: str) -> Array:
    """Make bags that begin at `starts` each one row: (n, width) to (B, width)."""
    count, bags = rows.shape[0], starts.shape[0]
    device = xp.device(rows)
    order = xp.arange(count, dtype=xp.int64, device=device)
    if bags == 0:
        return rows[:0, ...]
    owner = xp.searchsorted(starts, order, side="right") - 1  # the bag of each row
    owner = xp.astype(owner, xp.int64)
    if mode == "max":
        return _largest_of_runs(xp, rows, real, owner, bags)
    if real is not None:
        rows = xp.where(xp.expand_dims(real, axis=1), rows, xp.zeros_like(rows))
    total = xp.segment_sum(rows, owner, bags)
    if mode == "sum":
        return total  # type: ignore[no-any-return]
    ones = xp.ones((count,), dtype=rows.dtype, device=device)
    if real is not None:
        ones = xp.astype(real, rows.dtype)
    sizes = xp.segment_sum(ones, owner, bags)
    sizes = xp.maximum(sizes, xp.ones_like(sizes))
    return total / xp.expand_dims(sizes, axis=1)  # type: ignore[no-any-return]


def _largest_of_runs(xp: Any, rows: Array, real: Any, owner: Array, bags: int) -> Array:
    """Return the largest of each run of rows with one owner.

    Each row looks at the row 1, 2, 4, ... before it, if that is of the same bag: after
    log2(n) rounds the last row of a run knows the place of the largest of the run.
    """
    count, width = rows.shape
    if count == 0:
        return xp.zeros((bags, width), dtype=rows.dtype, device=xp.device(rows))  # type: ignore[no-any-return]
    order = xp.arange(count, dtype=xp.int64, device=xp.device(rows))
    best = rows.detach()
    if real is not None:
        best = xp.where(xp.expand_dims(real, axis=1), best, -math.inf)
    at = xp.broadcast_to(xp.expand_dims(order, axis=1), (count, width))
    step = 1
    while step < count:
        same = xp.expand_dims(owner[step:] == owner[:-step], axis=1)
        before = same & (best[:-step, ...] >= best[step:, ...])
        at = xp.concat(
            [at[:step, ...], xp.where(before, at[:-step, ...], at[step:, ...])]
        )
        found = xp.where(before, best[:-step, ...], best[step:, ...])
        best = xp.concat([best[:step, ...], found])
        step *= 2
    kinds = xp.arange(bags, dtype=xp.int64, device=xp.device(rows))
    after = xp.astype(xp.searchsorted(owner, kinds, side="right"), xp.int64)
    before_it = xp.searchsorted(owner, kinds, side="left")
    last = xp.maximum(after - 1, xp.zeros_like(after))
    out = xp.take_along_axis(rows, xp.take(at, last, axis=0), axis=0)
    filled = xp.expand_dims(after > before_it, axis=1)
    filled = filled & (xp.take(best, last, axis=0) > -math.inf)
    return xp.where(filled, out, xp.zeros_like(out))  # type: ignore[no-any-return]


# --- what the arguments have to be ----------------------------------------------------


def _table(name: str, weight: Any) -> Array:
    """Return the table as an array of two axes."""
    table: Array = weight if type(weight) is Array else asarray(weight)
    if table.ndim != 2:
        raise ShapeError(
            f"{name}: weight has shape {table.shape}, and needs two axes, (rows, "
            "width)."
        )
    return table


def check_padding(name: str, padding_idx: int | None, rows: int) -> int | None:
    """Return the padding index counted from the front, or raise OptionError."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise OptionError(
            f"{name}: padding_idx is {padding_idx}, but there are {rows} rows, so it "
            f"is from {-rows} to {rows - 1}."
        )
    return int(padding_idx) % rows


def places(name: str, indices: Any, weight: Array) -> Array:
    """Return indices as int64 beside the table, checked where no wait is needed."""
    ids = _integers(name, "indices", indices, weight)
    lib, raw, rows = weight._lib, ids.data, weight.shape[0]
    if lib.on_host(raw) and 0 not in raw.shape:
        low, high = int(lib.raw.min(raw)), int(lib.raw.max(raw))
        if low >= 0 and high < rows:
            return ids
        raise OptionError(
            f"{name}: an index is {low if low < 0 else high}, but the weight has "
            f"{rows} rows, so indices go from 0 to {rows - 1}."
        )
    return ids


def _integers(name: str, what: str, values: Any, near: Array) -> Array:
    """Return integers as an int64 array beside another array."""
    if isinstance(values, (list, tuple)):
        values = asarray(values, device="cpu")
        values = _whole_if_empty(values)
    elif type(values) is not Array:
        values = asarray(values)
    lib = near._lib
    if values._lib is not lib and values._lib.name == "numpy":
        values = Array(lib.coerce(lib.index(values.data, near.data)), lib)
    values = like(values, near)
    kind = values.data.dtype
    if not lib.raw.isdtype(kind, "integral"):
        raise DTypeError(
            f"{name}: {what} have dtype {kind}; they are integers. Cast them: "
            "xp.astype(x, xp.int64)."
        )
    if kind != lib.raw.int64:
        values = lib.recorded.astype(values, lib.raw.int64)
    return values  # type: ignore[no-any-return]


def _whole_if_empty(values: Array) -> Array:
    """Return an empty list's array as integers: it says nothing of its type."""
    if values.size:
        return values
    out: Array = values._lib.recorded.astype(values, values._lib.raw.int64)
    return out


def check_mode(name: str, mode: str, by_frequency: bool) -> None:
    """Raise OptionError for an unknown mode, or one that excludes an option."""
    if mode not in MODES:
        raise OptionError(f"{name}: mode is one of {MODES}, not {mode!r}.")
    if mode == "max" and by_frequency:
        raise OptionError(
            f"{name}: scale_grad_by_freq has no meaning with mode='max'; leave it out."
        )


def _starts(
    name: str, ids: Array, offsets: Any, last: bool, weight: Array
) -> Array | None:
    """Return where bags begin, or None for bags of one size."""
    if ids.ndim == 2 and offsets is None:
        return None
    if ids.ndim != 1 or offsets is None:
        raise ShapeError(
            f"{name}: indices of shape {ids.shape} "
            + (
                "need no offsets: each row is a bag."
                if ids.ndim == 2
                else "need offsets, one for each bag; or pass indices (B, N)."
                if ids.ndim == 1
                else "are neither (B, N) nor (n,) with offsets."
            )
        )
    starts = _integers(name, "offsets", offsets, weight)
    if starts.ndim != 1 or (last and not starts.shape[0]):
        raise ShapeError(
            f"{name}: offsets have shape {starts.shape}, and need one axis"
            + (", with one element at least." if last else ".")
        )
    lib, raw, count = weight._lib, starts.data, ids.shape[0]
    if raw.shape[0] and lib.on_host(raw):
        steps = raw[1:] - raw[:-1]
        if int(raw[0]) != 0 or bool(lib.raw.any(steps < 0)) or int(raw[-1]) > count:
            raise OptionError(
                f"{name}: offsets begin with 0, do not fall, and end at {count}, the "
                f"number of indices, at most; they are {starts.tolist()!s:.80}."
            )
    return starts


def _factors(name: str, values: Any, ids: Array, weight: Array) -> Array:
    factors = values if type(values) is Array else asarray(values)
    factors = like(factors, weight)
    if factors.shape != ids.shape:
        raise ShapeError(
            f"{name}: per_sample_weights have shape {factors.shape}, and need that of "
            f"the indices, {ids.shape}."
        )
    if factors.dtype != weight.dtype:
        factors = weight._lib.recorded.astype(factors, weight.dtype)
    return factors
