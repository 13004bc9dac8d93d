"""The twin for NumPy of connectionist temporal classification.

It keeps the scores of the forward algorithm, as PyTorch does, and runs the same
algorithm from the end for the slopes: minus the probability of each class at each time.
"""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from .numpy_common import REAL
from .numpy_cross_entropy import reduced, scale
from .twin import register

__all__: list[str] = []

_LOW = -1e30  # stands for -inf where a difference is taken


@final
class _CTC:
    """``-log(sum over paths)`` for log-probabilities (T, N, K) and labels (N, S)."""

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        labels: Any,
        inputs: Any,
        lengths: Any,
        fits: Any,
        *,
        blank: int,
        zero_infinity: bool,
        each: bool,
        reduction: str,
    ) -> tuple[Any, Any] | None:
        if x.dtype not in REAL or not x.size or not fits.all():
            return None
        paths = _Paths(x, labels, inputs, lengths, blank)
        scores, total = paths.forward()
        if np.isnan(total).any():
            return None
        values = -total
        if zero_infinity:
            values[values == math.inf] = 0
        share = (1 / np.maximum(lengths, 1) if each else np.ones(1)).astype(x.dtype)
        residual = (paths, scores, total, share, reduction)
        return reduced(values * share, reduction), residual

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        paths, scores, total, share, reduction = residual
        g = share * scale(g, total.size, reduction)
        return (paths.slopes(scores, total, -g), *[None] * (len(needs) - 1))


@final
class _Paths:
    """Labels with blanks around them, and what each state emits at each time."""

    def __init__(
        self, x: Any, labels: Any, inputs: Any, lengths: Any, blank: int
    ) -> None:
        count, width = labels.shape
        self.shape, self.dtype = x.shape, x.dtype
        states = np.full((count, 2 * width + 1), blank)
        states[:, 1::2] = labels
        self.states, self.inputs = states, inputs
        index = np.broadcast_to(states, (len(x), *states.shape))
        self.emitted = np.take_along_axis(x, index, axis=2)  # (T, N, 2 S + 1)
        skips = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
        self.skips = np.where(skips, 0.0, -math.inf).astype(x.dtype)
        place = np.arange(states.shape[1])
        last = 2 * lengths[:, None]
        ends = (place == last) | (place == last - 1)
        self.ends = np.where(ends, 0.0, -math.inf).astype(x.dtype)

    def forward(self) -> tuple[Any, Any]:
        """Return the scores before each time and at the end, and the totals (N,)."""
        scores = np.full((len(self.emitted) + 1, *self.states.shape), -math.inf)
        scores = scores.astype(self.dtype, copy=False)
        scores[0, :, 0] = 0
        three = np.full((3, *self.states.shape), -math.inf, self.dtype)
        with np.errstate(divide="ignore", invalid="ignore"):  # log(0); NaN declines
            for t, emitted in enumerate(self.emitted):
                score = scores[t]
                three[0] = score
                three[1, :, 1:] = score[:, :-1]
                np.add(score[:, :-2], self.skips, three[2, :, 2:])
                _log_sum(three, scores[t + 1])
                scores[t + 1] += emitted
                _keep(scores[t + 1], score, t >= self.inputs)
            ends = scores[-1] + self.ends
            total = np.empty(len(ends), self.dtype)
            _log_sum(ends.T, total)
        return scores, total

    def slopes(self, scores: Any, total: Any, g: Any) -> Any:
        """Return ``g`` times the probability of each class: (T, N, K)."""
        times, count, classes = self.shape
        dx = np.zeros(self.shape, self.dtype)
        flat = self.states + classes * np.arange(count)[:, None]
        total = np.where(np.isinf(total), 0, total)[:, None]  # without any path: 0
        rest = self.ends.copy()  # the scores from here to the end
        three = np.full((3, *self.states.shape), -math.inf, self.dtype)
        with np.errstate(divide="ignore"):  # log(0)
            for t in range(times - 1, -1, -1):
                share = np.exp(scores[t + 1] + rest - total) * g[:, None]
                share[t >= self.inputs] = 0
                sums = np.bincount(flat.ravel(), share.ravel(), count * classes)
                dx[t] = sums.reshape(count, classes)
                later = rest + self.emitted[t]
                three[0] = later
                three[1, :, :-1] = later[:, 1:]
                np.add(later[:, 2:], self.skips, three[2, :, :-2])
                before = rest
                rest = np.empty_like(rest)
                _log_sum(three, rest)
                _keep(rest, before, t >= self.inputs)
        return dx


def _log_sum(x: Any, out: Any) -> None:
    """Write ``log(sum(exp(x)))`` over axis 0 into `out`."""
    top = np.maximum.reduce(x, axis=0)
    np.maximum(top, _LOW, out=top)
    e = np.subtract(x, top)
    np.exp(e, e)
    np.add.reduce(e, axis=0, out=out)
    np.log(out, out)
    out += top


def _keep(new: Any, old: Any, over: Any) -> None:
    """Put the old scores of sequences that are over in place of the new ones."""
    if over.any():
        new[over] = old[over]


register("ctc", "numpy", _CTC())
