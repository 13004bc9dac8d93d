"""The forward algorithm of connectionist temporal classification, in logarithms."""

from __future__ import annotations

import math
from typing import Any

from ..calculus.array import Array

__all__ = ["log_likelihood"]


def log_likelihood(
    xp: Any, x: Any, labels: Any, inputs: Any, lengths: Any, blank: int
) -> Any:
    """Return the log of the sum over all paths, one for each sequence: (N,)."""
    times = x.shape[0]
    states = _interleaved(xp, labels, blank)  # (N, 2 S + 1): _ a _ b _
    index = xp.broadcast_to(states, (times, *states.shape))
    emitted = xp.take_along_axis(x, index, axis=2)  # (T, N, 2 S + 1)
    place = xp.arange(states.shape[1], dtype=xp.int64, device=xp.device(labels))
    # two states further, past a blank, unless the labels on both sides are the same
    before = _moved(xp, states, 2, blank)
    skips = (states != blank) & (states != before)
    # before the first time a path stands at the first blank
    first = xp.astype(xp.broadcast_to(place == 0, states.shape), x.dtype)
    score = xp.where(first == 1, xp.zeros_like(first), -math.inf)
    for t in range(times):
        two = xp.where(skips, _moved(xp, score, 2, -math.inf), -math.inf)
        paths = xp.stack([score, _moved(xp, score, 1, -math.inf), two])
        moved = _log_sum(xp, paths, 0) + emitted[t, ...]
        score = xp.where(xp.expand_dims(t < inputs, axis=1), moved, score)
    last = 2 * xp.expand_dims(lengths, axis=1)
    ends = (place == last) | (place == last - 1)
    return _log_sum(xp, xp.where(ends, score, -math.inf), 1)


def _interleaved(xp: Any, labels: Any, blank: int) -> Any:
    """Return labels with a blank before, between and behind them."""
    count, length = labels.shape
    blanks = xp.full_like(labels, blank)
    both = xp.reshape(xp.stack([blanks, labels], axis=2), (count, 2 * length))
    end = xp.full((count, 1), blank, dtype=labels.dtype, device=xp.device(labels))
    return xp.concat([both, end], axis=1)


def _moved(xp: Any, x: Any, steps: int, fill: float) -> Any:
    """Move columns to the right, and fill the first ones."""
    count, length = x.shape
    steps = min(steps, length)
    start = xp.full((count, steps), fill, dtype=x.dtype, device=xp.device(x))
    return xp.concat([start, x[:, : length - steps]], axis=1)


def _log_sum(xp: Any, x: Any, axis: int) -> Any:
    """Return ``log(sum(exp(x)))``; -inf, with slope 0, where every entry is -inf."""
    fixed = x.detach() if type(x) is Array else x
    top = xp.max(fixed, axis=axis, keepdims=True)
    top = xp.where(top == -math.inf, xp.zeros_like(top), top)
    total = xp.sum(xp.exp(x - top), axis=axis)
    none = total == 0
    out = xp.log(xp.where(none, xp.ones_like(total), total))
    return xp.where(none, -math.inf, out + xp.squeeze(top, axis=axis))
