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

__all__ = ["BLOCK_BYTES", "UPDATES", "clip", "sum_of_squares"]

BLOCK_BYTES = 384 * 1024  # of one array: smaller blocks cost calls, larger ones cache

Raw = np.ndarray[Any, Any]
Options = Mapping[str, Any]

_add, _subtract, _multiply = np.add, np.subtract, np.multiply
_divide, _sqrt, _negative = np.divide, np.sqrt, np.negative
_maximum = np.maximum


def _mean(mean: Raw, keep: Raw, x: Raw, share: Raw, t: Raw) -> None:
    """Let ``mean`` become ``keep · mean + share · x``; `t`, which may be x, is lost."""
    _multiply(x, share, t)
    _multiply(mean, keep, mean)
    _add(mean, t, mean)


def _gradient(w: Raw, g: Raw, decay: Raw | None, maximize: bool, u: Raw) -> Raw:
    """Return ``±g``, plus ``decay · w`` unless that is None: `g` itself, or in `u`."""
    if decay is not None:
        _multiply(w, decay, u)
        return (_subtract if maximize else _add)(u, g, u)
    return _negative(g, u) if maximize else g


def _length(size: int, itemsize: int) -> int:
    """Return the elements of a block: blocks of equal length, an even number of them.

    Two threads then have equally much to do. One block is not divided.
    """
    count = -(-size // (BLOCK_BYTES // itemsize))
    if count < 2:
        return max(size, 1)
    count += count % 2
    return -(-size // (16 * count)) * 16


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
        self.length = _length(w.size, w.itemsize)
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
    given: tuple[Any, ...] = ()  # the options that the constants were made of

    def __call__(self, step: int, options: Options, /) -> None:
        """Take step number `step`."""
        c = self.constants
        lr, decay, eps = options["lr"], options["weight_decay"], options["eps"]
        beta1, beta2 = options["betas"]
        decoupled = options["decoupled_weight_decay"]
        given = (lr, decay, beta1, beta2, decoupled, options["maximize"])
        if given != self.given:
            self.given = given
            self.decays = decay != 0
            self.couples = self.decays and not decoupled
            self.maximize = options["maximize"]
            # with coupled decay, the sign of g is settled when the decay is added
            flipped = self.maximize and not self.couples
            c[0][()] = beta1 - 1 if flipped else 1 - beta1
            c[1][()] = beta1
            c[2][()] = 1 - beta2
            c[3][()] = beta2
            c[6][()] = 1 - lr * decay if decoupled else decay
        root = math.sqrt(1 - beta2**step)
        c[4][()] = eps * root
        c[5][()] = lr * root / (1 - beta1**step)
        self.run()

    def block(  # type: ignore[override]  # named, not unpacked: a step is short
        self,
        w: Raw,
        g: Raw,
        m: Raw,
        v: Raw,
        t: Raw,
        u: Raw,
        spare: Raw | None = None,
        /,
    ) -> None:
        """Compute one block of `w`, `g`, the moments (and the largest v), scratch."""
        largest = None
        if spare is not None:
            largest, t, u = t, u, spare
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
        if largest is not None:
            v = _maximum(v, largest, out=largest)
        _sqrt(v, t)
        _add(t, eps, t)
        _divide(m, t, t)
        _multiply(t, rate, t)
        _subtract(w, t, w)


AdamW = Adam


class NAdam(_Blocked):
    """The update of `xpnet.optim.NAdam`, folded as `Adam` is."""

    count = 8

    def __call__(
        self, step: int, options: Options, numbers: dict[str, float], /
    ) -> None:
        """Take step number `step`."""
        lr, decay, psi = (options[k] for k in ("lr", "weight_decay", "momentum_decay"))
        beta1, beta2 = options["betas"]
        self.maximize = options["maximize"]
        self.decays = decay != 0
        self.couples = self.decays and not options["decoupled_weight_decay"]
        now, then = (beta1 * (1 - 0.5 * 0.96 ** (s * psi)) for s in (step, step + 1))
        product = now * (numbers["mu_product"] if step > 1 else 1.0)
        numbers["mu_product"] = product
        root = math.sqrt(1 - beta2**step)
        values = [1 - beta1, beta1, 1 - beta2, beta2, options["eps"] * root]
        values += [lr * root * then / (1 - product * then)]
        values += [lr * root * (1 - now) / (1 - product)]
        values += [decay if self.couples else 1 - lr * decay]
        for constant, value in zip(self.constants, values, strict=True):
            constant[()] = value
        self.run()

    def block(self, *arrays: Raw) -> None:
        """Compute one block of `w`, `g`, the two moments, scratch."""
        w, g, m, v, t, u = arrays
        share1, beta1, share2, beta2, eps, rate, rate_g, decay = self.constants
        if self.decays and not self.couples:
            _multiply(w, decay, w)
        g = _gradient(w, g, decay if self.couples else None, self.maximize, u)
        _mean(m, beta1, g, share1, t)
        _multiply(g, g, t)
        _mean(v, beta2, t, share2, t)
        _multiply(g, rate_g, u)
        _multiply(m, rate, t)
        _add(u, t, u)
        _sqrt(v, t)
        _add(t, eps, t)
        _divide(u, t, t)
        _subtract(w, t, w)


class RMSprop(_Blocked):
    """The update of `xpnet.optim.RMSprop`."""

    count = 6

    def __call__(self, step: int, options: Options, /) -> None:
        """Take step number `step`."""
        share, alpha, eps, rate, momentum, decay = self.constants
        self.maximize = options["maximize"]
        self.decays = options["weight_decay"] != 0
        self.moves = bool(options["momentum"])
        self.centered = options["centered"]
        share[()] = 1 - options["alpha"]
        alpha[()] = options["alpha"]
        eps[()] = options["eps"]
        rate[()] = options["lr"]
        momentum[()] = options["momentum"]
        decay[()] = options["weight_decay"]
        self.run()

    def block(self, *arrays: Raw) -> None:
        """Compute one block of `w`, `g`, the buffers that there are, scratch."""
        w, g, v, *buffers, t, u = arrays
        share, alpha, eps, rate, momentum, decay = self.constants
        g = _gradient(w, g, decay if self.decays else None, self.maximize, u)
        _multiply(g, g, t)
        _mean(v, alpha, t, share, t)
        if self.centered:
            a = buffers[-1]
            _mean(a, alpha, g, share, t)
            _multiply(a, a, t)
            v = _subtract(v, t, t)
        _sqrt(v, t)
        _add(t, eps, t)
        step = _divide(g, t, t)
        if self.moves:
            b = buffers[0]
            _multiply(b, momentum, b)
            step = _add(b, t, b)
        _multiply(step, rate, t)
        _subtract(w, t, w)


class Adagrad(_Blocked):
    """The update of `xpnet.optim.Adagrad`."""

    count = 4

    def __call__(self, step: int, options: Options, /) -> None:
        """Take step number `step`."""
        initial, eps, rate, decay = self.constants
        self.maximize = options["maximize"]
        self.decays = options["weight_decay"] != 0
        self.first = step == 1
        initial[()] = options["initial_accumulator_value"]
        eps[()] = options["eps"]
        rate[()] = options["lr"] / (1 + (step - 1) * options["lr_decay"])
        decay[()] = options["weight_decay"]
        self.run()

    def block(self, *arrays: Raw) -> None:
        """Compute one block of `w`, `g`, the sum, scratch."""
        w, g, s, t, u = arrays
        initial, eps, rate, decay = self.constants
        g = _gradient(w, g, decay if self.decays else None, self.maximize, u)
        _multiply(g, g, t)
        _add(initial if self.first else s, t, s)
        _sqrt(s, t)
        _add(t, eps, t)
        _divide(g, t, t)
        _multiply(t, rate, t)
        _subtract(w, t, w)


class Lion(_Blocked):
    """The update of `xpnet.optim.Lion`; the sign of g is in the shares."""

    count = 7

    def __call__(self, step: int, options: Options, /) -> None:
        """Take step number `step`."""
        share1, beta1, share2, beta2, rate, keep, huge = self.constants
        lr, (first, second) = options["lr"], options["betas"]
        sign = -1.0 if options["maximize"] else 1.0
        self.decays = options["weight_decay"] != 0
        share1[()] = sign * (1 - first)
        beta1[()] = first
        share2[()] = sign * (1 - second)
        beta2[()] = second
        rate[()] = lr
        keep[()] = 1 - lr * options["weight_decay"]
        huge[()] = np.finfo(self.dtype).max
        self.run()

    def block(self, *arrays: Raw) -> None:
        """Compute one block of `w`, `g`, the momentum, scratch."""
        w, g, m, t, u = arrays
        share1, beta1, share2, beta2, rate, keep, huge = self.constants
        if self.decays:
            _multiply(w, keep, w)
        _multiply(m, beta1, t)
        _multiply(g, share1, u)
        _add(t, u, t)
        # the sign of the smallest number too, in a third of the time of np.sign
        _multiply(t, huge, t)
        _multiply(t, huge, t)
        t.clip(-1, 1, out=t)
        _multiply(t, rate, t)
        _subtract(w, t, w)
        _mean(m, beta2, g, share2, u)


SQUARES = 8192  # elements whose squares are added in their own dtype


def sum_of_squares(x: Raw) -> float | None:
    """Return ``Σ x²`` of a one-dimensional array, None where squares are out of range.

    Few of them are added in float32, so that the sum of many is as good as float64's.
    """
    total = 0.0
    for start in range(0, x.size, SQUARES):
        part = x[start : start + SQUARES]
        total += float(np.dot(part, part))
    info = np.finfo(x.dtype)
    least = x.size * float(info.tiny) / float(info.eps)  # what underflow may have lost
    return total if least < total < float(info.max) else None


def clip(x: Raw, bound: float) -> None:
    """Bring the elements of an array between ``-bound`` and ``bound``, in place."""
    x.clip(-bound, bound, out=x)  # NumPy's minimum by one number is far slower


_KINDS = (SGD, Adam, NAdam, RMSprop, Adagrad, Lion)
UPDATES = {
    (name, dtype): kind
    for name, kind in [("AdamW", AdamW), *((kind.__name__, kind) for kind in _KINDS)]
    for dtype in ("float32", "float64")
}
