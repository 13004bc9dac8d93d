"""Optimizer updates for NumPy: in place, in blocks that stay in the processor's cache.

A formula on whole arrays reads and writes main memory once for each of its operations.
Here each block goes through all operations while it is in the cache, so main memory is
read and written once. Constants are folded into few scalars, kept as arrays without
axes, which NumPy takes faster than Python numbers. Results may therefore differ from
the formula's in the last bits.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .threads import run_blocks, scratch

__all__ = ["BLOCK_BYTES", "UPDATES"]

BLOCK_BYTES = 256 * 1024  # of one array: smaller blocks cost calls, larger ones cache

Raw = np.ndarray[Any, Any]
Options = Mapping[str, Any]

_add, _subtract, _multiply = np.add, np.subtract, np.multiply
_divide, _sqrt = np.divide, np.sqrt


class _Blocked(abc.ABC):
    """An update over one-dimensional arrays, block by block.

    A subclass says how many scratch arrays and constants it needs, sets the constants
    when it is called, and computes one block.
    """

    counts_on_device = False
    spares = 2
    count = 0

    def __init__(self, w: Raw, g: Raw, state: Mapping[str, Raw]) -> None:
        arrays = (w, g, *state.values())
        self.size, self.dtype = w.size, w.dtype
        self.length = min(max(w.size, 1), BLOCK_BYTES // w.itemsize)
        self.constants = [np.zeros((), w.dtype) for _ in range(self.count)]
        # all that can be made before a step is made here
        self.blocks = [
            tuple(array[start : start + self.length] for array in arrays)
            for start in range(0, w.size, self.length)
        ]
        own = self.spares if len(self.blocks) == 1 else 0
        self.spare = [np.empty_like(w) for _ in range(own)]

    @abc.abstractmethod
    def block(self, *arrays: Raw) -> None:
        """Compute one block of `w`, `g`, the buffers of the state, scratch arrays."""

    def run(self) -> None:
        """Compute every block."""
        if len(self.blocks) == 1:
            self.block(*self.blocks[0], *self.spare)
        else:
            run_blocks(self._numbered, self.size, self.length)

    def _numbered(self, start: int, stop: int) -> None:
        """Compute the block from `start` to `stop`, in whatever thread this is."""
        extra = scratch(self.spares, self.length, self.dtype)
        if stop - start < self.length:
            extra = [array[: stop - start] for array in extra]
        self.block(*self.blocks[start // self.length], *extra)


class SGD(_Blocked):
    """The update of `xpnet.optim.SGD`."""

    count = 4

    def __call__(self, step: int, options: Options, /) -> None:
        """Take step number `step`."""
        rate, decay, momentum, share = self.constants
        self.maximize = options["maximize"]
        self.decays = options["weight_decay"] != 0
        self.nesterov = options["nesterov"]
        self.first = step == 1
        # with decay, the sign of g is settled when the decay is added; else in a factor
        sign = -1.0 if self.maximize and not self.decays else 1.0
        fresh = sign if self.first else sign * (1 - options["dampening"])
        self.scales = fresh != 1.0
        rate[()] = options["lr"] * (1.0 if options["momentum"] else sign)
        decay[()] = options["weight_decay"]
        momentum[()] = options["momentum"]
        share[()] = fresh
        self.run()

    def block(self, *arrays: Raw) -> None:
        """Compute one block of `w`, `g`, the momentum where there is one, scratch."""
        w, g, *buffer, t, u = arrays
        rate, decay, momentum, share = self.constants
        if self.decays:
            _multiply(w, decay, t)
            g = (_subtract if self.maximize else _add)(t, g, t)
        if buffer:
            g = _multiply(g, share, t) if self.scales else g
            b = buffer[0]
            if self.first:
                b[...] = g
            else:
                _multiply(b, momentum, b)
                _add(b, g, b)
            g = _add(_multiply(b, momentum, u), g, u) if self.nesterov else b
        _multiply(g, rate, t)
        _subtract(w, t, w)


class Adam(_Blocked):
    """The update of `xpnet.optim.Adam`.

    With s = sqrt(1 - beta2**t), ``lr * m_hat / (sqrt(v_hat) + eps)`` is computed as
    ``(lr * s / (1 - beta1**t)) * m / (sqrt(v) + eps * s)``: both corrections of the
    bias then go into scalars.
    """

    count = 7
    decoupled = False
    given: tuple[Any, ...] = ()  # the options that the constants were made of

    def __call__(self, step: int, options: Options, /) -> None:
        """Take step number `step`."""
        c = self.constants
        lr, decay, eps = options["lr"], options["weight_decay"], options["eps"]
        beta1, beta2 = options["betas"]
        given = (lr, decay, beta1, beta2, options["maximize"])
        if given != self.given:
            self.given = given
            self.decays = decay != 0
            self.couples = self.decays and not self.decoupled
            self.maximize = options["maximize"]
            # with coupled decay, the sign of g is settled when the decay is added
            flipped = self.maximize and not self.couples
            c[0][()] = beta1 - 1 if flipped else 1 - beta1
            c[1][()] = beta1
            c[2][()] = 1 - beta2
            c[3][()] = beta2
            c[6][()] = 1 - lr * decay if self.decoupled else decay
        root = math.sqrt(1 - beta2**step)
        c[4][()] = eps * root
        c[5][()] = lr * root / (1 - beta1**step)
        self.run()

    def block(self, *arrays: Raw) -> None:
        """Compute one block of `w`, `g`, the two moments, scratch."""
        w, g, m, v, t, u = arrays
        share1, beta1, share2, beta2, eps, rate, decay = self.constants
        if self.couples:
            _multiply(w, decay, u)
            g = (_subtract if self.maximize else _add)(u, g, u)
        elif self.decays:
            _multiply(w, decay, w)
        _multiply(g, share1, t)
        _multiply(m, beta1, m)
        _add(m, t, m)
        _multiply(g, g, t)
        _multiply(t, share2, t)
        _multiply(v, beta2, v)
        _add(v, t, v)
        _sqrt(v, t)
        _add(t, eps, t)
        _divide(m, t, t)
        _multiply(t, rate, t)
        _subtract(w, t, w)


class AdamW(Adam):
    """The update of `xpnet.optim.AdamW`: `w` shrinks outside the moments."""

    decoupled = True


UPDATES = {
    (kind.__name__, dtype): kind
    for kind in (SGD, Adam, AdamW)
    for dtype in ("float32", "float64")
}
