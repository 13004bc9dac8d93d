"""The twin for NumPy of the cross-entropy of labels, in blocks that stay in the cache.

Each block is read once: its largest logits, the differences to them, their exponentials
and sums, and in their place the slopes, which are all that is kept.
"""

from __future__ import annotations

import functools
import math
from typing import Any, final

import numpy as np

from .numpy_common import REAL, filled
from .numpy_elementwise import in_range
from .threads import WORTH, run_blocks
from .twin import register

__all__ = ["reduced", "scale"]

_SHORT = 2**12
"""Up to so many values the BLAS adds up: it starts faster."""

_NARROW = 64
"""Up to so many classes, rows are short, and loops over columns are faster."""

_BLOCK = 2**17
"""Elements of a block: smaller ones lose more to calls than the cache gives."""

_NOTHING = (None, None, None)


@functools.lru_cache(maxsize=8)
def _identity(classes: int, dtype: Any) -> Any:
    """Return the one-hot column of each class: shared, and so not to be written to."""
    out = np.eye(classes, dtype=dtype)
    out.flags.writeable = False
    return out


def reduced(values: Any, reduction: str, whole: Any = None) -> Any:
    """Return the values, their sum or their mean; `whole` is what the mean divides by.

    By default that is their number.
    """
    if reduction == "none":
        return values
    if values.ndim == 1 and values.size <= _SHORT:
        total = filled(values.size, 1, values.dtype).dot(values)
    else:
        total = np.add.reduce(values, axis=None)  # pairwise: long sums stay accurate
    if reduction == "sum":
        return total
    return total / (values.size if whole is None else whole)


def scale(g: Any, count: Any, reduction: str) -> Any:
    """Return the cotangent of each value, from that of the reduced ones."""
    return g / count if reduction == "mean" else g


@final
class _CrossEntropy:
    """``logsumexp(x) - x[label]`` for x (N, K) or (N, K, d1, ...).

    It keeps ``softmax(x) - onehot(label)``, and handles ignored labels, and smoothing
    or weights of classes, but not both.
    """

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        labels: Any,
        weight: Any = None,
        *,
        reduction: str,
        ignore_index: int,
        label_smoothing: float,
    ) -> tuple[Any, Any] | None:
        if x.ndim < 2 or x.dtype not in REAL or not x.size:
            return None
        classes = x.shape[1]
        if (
            x.size <= _SHORT
            and classes <= _NARROW
            and ignore_index < 0
            and reduction != "none"
            and x.ndim == 2
            and weight is None
            and not label_smoothing
        ):
            made = _few(needs, x, labels, reduction)
            if made is not None:
                return made
        if weight is not None and (
            label_smoothing or needs[2] or weight.dtype != x.dtype
        ):
            return None
        found = _shares(labels, weight, ignore_index, classes, x.dtype)
        return found and _many(needs[0], x, *found, reduction, label_smoothing)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        if len(residual) == 2:  # of few logits, by columns
            slope, count = residual
            dx = np.multiply(slope, g.item() / count).T
            return (dx, None) if len(needs) == 2 else (dx, None, None)
        slope, shape, inner, whole, reduction = residual
        if reduction == "none":
            dx = slope * g.reshape(inner)[:, None]
        else:
            dx = _product(slope, scale(g, whole, reduction))
        turned = slope.shape[0] == 1 != shape[0]
        return (dx[0].T if turned else dx.reshape(shape), *_NOTHING[1 : len(needs)])


def _product(slope: Any, g: Any) -> Any:
    """Return ``slope * g`` for a number g, in threads where that is worth it."""
    if slope.size < WORTH:
        return np.multiply(slope, g)
    out = np.empty_like(slope)
    source, target = slope.reshape(-1), out.reshape(-1)

    def block(start: int, stop: int) -> None:
        np.multiply(source[start:stop], g, target[start:stop])

    run_blocks(block, slope.size, _BLOCK)
    return out


def _few(needs: Any, x: Any, labels: Any, reduction: str) -> tuple[Any, Any] | None:
    """Compute with one-hot labels; None for a label or logit that does not fit."""
    z = x.T.copy()
    top = np.maximum.reduce(z, axis=0)
    if not math.isfinite(top.dot(top)):  # a NaN, an inf, or a row of -inf
        return None
    np.subtract(z, top, z)
    count = z.shape[1]
    if labels.item(labels.argmin()) < 0:  # `take` would count from the end
        return None
    try:
        onehot = _identity(len(z), z.dtype).take(labels, axis=1)
    except IndexError:
        return None
    picked = np.vdot(z, onehot)
    if not math.isfinite(picked):  # a logit of -inf
        return None
    np.exp(z, z)
    total = np.add.reduce(z, axis=0)
    # both parts of the sum are positive, so that nothing cancels
    loss = filled(count, 1, z.dtype).dot(np.log(total)) - picked
    if needs[0]:
        np.divide(z, total, z)
        np.subtract(z, onehot, z)
    if reduction == "sum":
        return loss, (z, 1)
    return loss / count, (z, count)


def _shares(
    labels: Any, weight: Any, ignored: int, classes: int, dtype: Any
) -> tuple[Any, Any] | None:
    """Return labels in range, and what each counts (None: 1); None if one is outside.

    A label that is ignored becomes 0 and counts nothing.
    """
    share = None
    if ignored >= 0 or not in_range(labels, classes):
        kept = labels != ignored
        labels = labels * kept
        if not in_range(labels, classes):
            return None
        share = kept.astype(dtype)
    labels = labels.astype(np.intp, copy=False)
    if weight is not None:
        own = weight.take(labels)
        share = own if share is None else own * share
    return labels, share


def _many(
    keep: bool, x: Any, labels: Any, share: Any, reduction: str, smoothing: float
) -> tuple[Any, Any] | None:
    """Compute block by block, in threads."""
    whole: Any = labels.size
    if share is not None and reduction == "mean":
        whole = np.add.reduce(share, axis=None)
        if not whole:
            return None
    source, flat, parts = _layout(x, labels, share)
    z = np.empty(source.shape, x.dtype) if keep else None
    values = np.empty(flat.shape, x.dtype)
    bad: list[int] = []
    width = source[0].size

    def block(start: int, stop: int) -> None:
        rows = slice(start // width, stop // width)
        part = None if parts is None else parts[rows]
        own = source[rows]
        out = np.empty(own.shape, x.dtype) if z is None else z[rows]
        made = _block(own, out, flat[rows], part, smoothing, keep)
        if made is None:
            bad.append(start)
        else:
            values[rows] = made

    run_blocks(block, x.size, max(1, _BLOCK // width) * width)
    if bad:
        return None
    residual = (z, x.shape, flat.shape, whole, reduction)
    return reduced(values.reshape(labels.shape), reduction, whole), residual


def _layout(x: Any, labels: Any, share: Any) -> tuple[Any, Any, Any]:
    """Return logits as (n, K) or (n, K, t), and labels and shares as (n,) or (n, t)."""
    shape: tuple[int, ...]
    if x.ndim > 2:
        shape = (x.shape[0], x.size // (x.shape[0] * x.shape[1]))
        x = x.reshape(*x.shape[:2], shape[1])
    elif x.shape[1] <= _NARROW:
        shape, x = (1, len(x)), x.T[None]
    else:
        shape = (len(x),)
    return x, labels.reshape(shape), None if share is None else share.reshape(shape)


def _block(
    x: Any, z: Any, labels: Any, share: Any, smoothing: float, slope: bool
) -> Any:
    """Return the losses of a block, and leave the slopes in `z`; None for a NaN."""
    if x.strides[-1] != x.itemsize:  # by columns: they are read more than once
        np.copyto(z, x)
        x = z
    top = np.maximum.reduce(x, axis=1)
    if not math.isfinite(np.vdot(top, top)):  # a NaN, an inf, or a row of -inf
        return None
    np.subtract(x, top[:, None], z)
    flat, at = z.reshape(-1), _places(z.shape, labels)
    values = flat.take(at)
    if smoothing:
        values *= smoothing - 1
        values -= np.add.reduce(z, axis=1) * (smoothing / z.shape[1])
    else:
        np.negative(values, values)
    np.exp(z, z)
    total = _sums(z)
    values += np.log(total)  # both are positive: nothing cancels
    if share is not None:
        if not math.isfinite(np.add.reduce(values, axis=None)):  # 0 * inf
            return None
        values *= share
    if slope:
        factor = 1 / total if share is None else share / total
        np.multiply(z, factor[:, None], z)
        part = 1 if share is None else share
        flat[at] -= (1 - smoothing) * part
        if smoothing:
            part = part * (smoothing / z.shape[1])
            z -= part if share is None else part[:, None]
    return values


def _sums(z: Any) -> Any:
    """Return the sums over axis 1; by the BLAS where that loses no digits."""
    if z.ndim == 2 and z.shape[1] <= _SHORT:
        return z @ filled(z.shape[1], 1, z.dtype)
    return np.add.reduce(z, axis=1)


def _places(shape: tuple[int, ...], labels: Any) -> Any:
    """Return where in memory the logit of each label is."""
    rows, width = shape[0], math.prod(shape[1:])
    start = np.arange(0, rows * width, width)
    if len(shape) == 2:
        return labels + start
    return labels * shape[2] + (start[:, None] + np.arange(shape[2]))


register("cross_entropy", "numpy", _CrossEntropy())
