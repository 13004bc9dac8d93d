"""What the twins of recurrent layers share: gates, ends of sequences, gradients."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, final

import numpy as np

from .numpy_common import REAL, filled

__all__ = [
    "Kept",
    "bias_gradient",
    "cotangents",
    "ends_of",
    "halves",
    "order_of",
    "projected",
    "summed",
    "takes",
    "unshared",
    "weight_gradients",
]


@final
class Ends:
    """Where sequences end, of which some are shorter than the others.

    Behind its end, or the other way round before its beginning, a sequence has a state
    of zeros, and no cotangent.
    """

    def __init__(self, lengths: Any, steps: int, reverse: bool) -> None:
        self.last = lengths - 1
        self.over = np.arange(steps)[:, None] >= lengths  # (T, B)
        self.reverse = reverse

    def masked(self, x: Any) -> Any:
        """Return the input with zeros where there is none."""
        return np.where(self.over[:, :, None], 0, x)

    def clear(self, t: int, *arrays: Any) -> None:
        """Write zeros into the rows of sequences that have no step t."""
        rows = self.over[t]
        if rows.any():
            for a in arrays:
                a[rows] = 0

    def final(self, values: Any) -> Any:
        """Return the last row of each sequence, (B, size), of all steps'."""
        return (
            values[0] if self.reverse else values[self.last, np.arange(len(self.last))]
        )

    def enter(self, t: int, carried: Any, given: Any) -> None:
        """Let the cotangents of last states in where a sequence ends."""
        self.clear(t, *carried)
        if not self.reverse:
            rows = self.last == t
            for a, end in zip(carried, given, strict=True):
                a[rows] += end[rows]


def ends_of(lengths: Any, states: Any, steps: int, reverse: bool) -> Any:
    """Return the ends of sequences, None for equal ones, or False to decline."""
    if lengths is None:
        return None
    if reverse and any(s is not None for s in states):
        return False  # a first state would have to wait for the last element
    return Ends(lengths, steps, reverse)


class Kept(NamedTuple):
    """What a backward pass needs."""

    x: Any  # (T * B, inputs)
    states: tuple[Any, ...]  # the first ones; None for zeros
    weights: tuple[Any, Any]
    out: Any  # (T, B, hidden)
    parts: tuple[Any, ...]
    reverse: bool
    ends: Any


def takes(x: Any, states: Any, weights: Any, biases: Any, gates: int) -> bool:
    """Tell whether a layer is one that the twins were written for."""
    w_ih, w_hh = weights
    dtype = x.dtype
    size = w_hh.shape[1]
    if dtype not in REAL or not x.size or w_hh.shape[0] != gates * size:
        return False
    arrays = [*weights, *[a for a in (*states, *biases) if a is not None]]
    return all(a.dtype == dtype for a in arrays) and all(
        b is None or b.shape == w_ih.shape[:1] for b in biases
    )


@functools.lru_cache(maxsize=8)
def halves(gates: str, size: int, dtype: Any) -> Any:
    """Return a column with 1/2 in the rows of a sigmoid (s), 1 in those of a tanh."""
    out = np.repeat(np.array([0.5 if g == "s" else 1.0 for g in gates], dtype), size)
    out = out[:, None]
    out.flags.writeable = False
    return out


def projected(x: Any, weight: Any, bias: Any) -> Any:
    """Return ``x @ weight.T + bias`` for all steps, as (T, B, rows)."""
    steps, batch, inputs = x.shape
    rows = x.reshape(steps * batch, inputs)
    gates = rows.dot(weight.T)
    if bias is not None:
        np.add(gates, bias, gates)
    return rows, gates.reshape(steps, batch, -1)


def summed(*biases: Any) -> Any:
    """Return the sum of those biases that are there, or None."""
    there = [b for b in biases if b is not None]
    return sum(there[1:], there[0]) if there else None


def order_of(steps: int, reverse: bool) -> range:
    """Return the steps in the order in which they are taken."""
    return range(steps)[::-1] if reverse else range(steps)


def weight_gradients(kept: Kept, dA: Any, dB: Any, needs: Any, slots: Any) -> Any:
    """Return the cotangents of `x` and of both weights.

    `dA` are those of the input's part of the gates, `dB` those of the state's, both
    (T * B, rows).
    """
    w_ih, _ = kept.weights
    dx = dA.dot(w_ih) if needs[0] else None
    dW = dA.T.dot(kept.x, out=slots[1]) if needs[1] else None
    dU = None
    if needs[2]:
        steps, batch, size = kept.out.shape
        out = kept.out.reshape(steps * batch, size)
        inner = (steps - 1) * batch
        if kept.reverse:
            before, after, first = out[batch:], dB[:inner], dB[inner:]
        else:
            before, after, first = out[:inner], dB[batch:], dB[:batch]
        dU = after.T.dot(before, out=slots[2])
        if kept.states[0] is not None:
            dU += first.T.dot(kept.states[0])
    return dx, dW, dU


def bias_gradient(d: Any, slot: Any) -> Any:
    """Return the sums over rows."""
    return filled(len(d), 1, d.dtype).dot(d, out=slot)


def cotangents(g: Any, kept: Kept) -> tuple[Any, list[Any], list[Any]]:
    """Return those of the outputs (T, B, size), of the last states, and to begin with.

    The last may be written to.
    """
    whole = kept.out.size
    count = len(kept.states)
    size = kept.out[0].size
    shape = kept.out.shape[1:]
    given = [g[whole + k * size :][:size].reshape(shape) for k in range(count)]
    late = kept.ends is not None and not kept.reverse
    first = [np.zeros_like(a) if late else a.copy() for a in given]
    return g[:whole].reshape(kept.out.shape), given, first


def unshared(slots: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return no slots where one is named twice: the parts have to be added."""
    given = [id(slot) for slot in slots if slot is not None]
    return slots if len(set(given)) == len(given) else (None,) * len(slots)
