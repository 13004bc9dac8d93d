"""Twins for NumPy: activations ``x * P(x)``, with a probability P that grows with x.

Value and slope have most of their work in common. The slope is therefore computed along
with the value, kept, and multiplied by the cotangent in place in the backward pass: so
a step takes no more memory than one that computes everything anew from x.

In single precision ``exp(v)`` is ``exp2(v * log2(e))``, which NumPy computes in little
more than half the time, while its result is a normal number.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from typing import Any, final

import numpy as np

from .numpy_common import REAL, filled
from .threads import run_blocks, scratch, workers
from .twin import register

__all__: list[str] = []

_BLOCK = 2**16
"""Elements of a block: larger ones leave the cache, in smaller ones calls cost more."""

_SINGLE = np.dtype(np.float32)


def block_length(size: int) -> int:
    """Return the length of a block: threads wait less for each other in larger ones."""
    return _BLOCK if workers(size) < 2 else 2 * _BLOCK


@functools.lru_cache(maxsize=64)
def _numbers(dtype: Any, *values: float) -> tuple[Any, ...]:
    """Return numbers as arrays without axes, which NumPy takes faster."""
    return tuple([filled((), value, dtype) for value in values])


class _Gate(ABC):
    """``x * P(x)``: what all have in common."""

    spares = 2
    dtypes = REAL

    @abstractmethod
    def block(self, x: Any, out: Any, slope: Any, *spare: Any) -> bool:
        """Write the value, and the slope unless that is None; False to decline.

        All arrays have one axis and one length.
        """

    def forward(self, needs: tuple[bool, ...], x: Any) -> tuple[Any, Any] | None:
        if x.dtype not in self.dtypes or not x.size or not x.flags.c_contiguous:
            return None
        made = self.run(x, needs[0])
        if made is None:
            return None
        out, slope = made
        return out.reshape(x.shape), (x, [slope])

    @np.errstate(all="ignore")
    def run(self, x: Any, sloped: bool) -> tuple[Any, Any] | None:
        """Return the values in a row, and the slopes; None to decline."""
        source = x.reshape(-1)
        out = np.empty_like(source)
        slope = np.empty_like(source) if sloped else None
        length, declined = block_length(x.size), []

        def work(start: int, stop: int) -> None:
            at = slice(start, stop)
            spare = [s[: stop - start] for s in scratch(self.spares, length, x.dtype)]
            part = None if slope is None else slope[at]
            if not self.block(source[at], out[at], part, *spare):
                declined.append(start)

        run_blocks(work, x.size, length)
        return None if declined else (out, slope)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        x, kept = residual
        try:
            slope = kept.pop()
        except IndexError:  # once more: the first time has used it up
            slope = self.run(x, True)[1]  # type: ignore[index]
        cotangent = np.ascontiguousarray(g).reshape(-1)

        def work(start: int, stop: int) -> None:
            part = slope[start:stop]
            np.multiply(part, cotangent[start:stop], part)

        with np.errstate(all="ignore"):
            run_blocks(work, x.size, block_length(x.size))
        return (slope.reshape(x.shape),)


def _exponential(v: Any, extent: float) -> Any:
    """Write the power of 2, in double precision of e, over `v`, as `_scale` wants it.

    NumPy takes very long to make numbers below the normal ones: they become 0. Where
    ``abs(v)``, which is at most `extent`, is too large, return what is 0 where the
    result would be infinite (it is finite) and else 1; otherwise return None.
    """
    single = v.dtype == _SINGLE
    power, bound = (np.exp2, 126.0) if single else (np.exp, 708.0)
    if extent <= bound:
        power(v, v)
        return None
    high, low = np.less(v, bound), np.greater(v, -bound)
    np.clip(v, -bound, bound, out=v)
    power(v, v)
    np.multiply(v, low, v)
    return high


def _scale(dtype: Any) -> float:
    """Return what `_exponential` wants a logarithm multiplied by."""
    return 1 / math.log(2) if dtype == _SINGLE else 1.0


# --- through the normal distribution function -----------------------------------------

# (1 - normal distribution function) * exp(a**2 / 2) in 1 / (1 + _STEP * a), highest
# power first, without a constant: 0 <= a <= 6.1, least largest error, relative to
# min(2.5e-6, 1e-7 / (1 - normal distribution function)); beyond, it goes as 1 / a, as
# it should
_STEP = 0.29
_MILLS = (
    -0.09180397880539452,
    0.2962915916692597,
    -0.11027729459238686,
    0.192014397750591,
    0.09630522613658199,
    0.11746998171930453,
)


@final
class _GELU(_Gate):
    """``P`` is the normal distribution function; in single precision alone.

    With a = abs(x) and ``q = P(-a)``, which keeps its digits where P is small, the
    value is ``max(x, 0) - a * q``, and the slope ``1/2 + sign(x) * (1/2 - r)``,
    ``r = q - a * P'(a)``.
    """

    spares = 3
    dtypes = frozenset({_SINGLE})
    rate = -0.5 / math.log(2)

    def block(self, x: Any, out: Any, slope: Any, *spare: Any) -> bool:
        a, e, t = spare
        rate, step, half, density = _numbers(
            _SINGLE, self.rate, 1 / _STEP, 0.5, 1 / math.sqrt(2 * math.pi)
        )
        np.abs(x, a)
        np.multiply(x, x, e)
        top = float(np.maximum.reduce(e))
        if not math.isfinite(top):
            return False
        np.multiply(e, rate, e)
        _exponential(e, -top * self.rate)
        np.add(a, step, t)
        np.divide(step, t, t)
        first, *others = _numbers(_SINGLE, *_MILLS)
        np.multiply(t, first, out)
        for c in others:
            np.add(out, c, out)
            np.multiply(out, t, out)
        np.multiply(out, e, out)
        if slope is not None:
            np.multiply(e, a, e)
            np.multiply(e, density, e)
            np.subtract(e, out, e)
            np.add(e, half, e)
            _give_sign(x, e, t)
            np.add(e, half, slope)
        np.multiply(out, a, out)
        np.maximum(x, filled(len(x), 0, _SINGLE), out=t)
        np.subtract(t, out, out)
        return True


def _give_sign(x: Any, out: Any, spare: Any) -> None:
    """Change the sign of `out` where `x` is negative; as bits, which is fast."""
    (sign,) = _numbers(np.dtype(np.int32), -(2**31))
    bits, target = spare.view(np.int32), out.view(np.int32)
    np.bitwise_and(x.view(np.int32), sign, bits)
    np.bitwise_xor(target, bits, target)


# --- through the logistic function ----------------------------------------------------


class _Logistic(_Gate):
    """``P(x) = 1 / (1 + exp(-v(x)))`` with an odd v.

    The slope is ``P + x * P * (1 - P) * v'``, and ``1 - P = P * exp(-v)``.
    """

    spares = 3

    @abstractmethod
    def inner(self, x: Any, out: Any, t: Any, scale: float) -> float:
        """Write ``scale * v(x)``; `t` is for `bend`.

        Return a bound of its size: infinite, or NaN, where an element of `x` is so.
        """

    @abstractmethod
    def bend(self, out: Any, t: Any) -> None:
        """Multiply `out` by ``v'``."""

    def block(self, x: Any, out: Any, slope: Any, *spare: Any) -> bool:
        e, p, t = spare
        (one,) = _numbers(x.dtype, 1)
        extent = self.inner(x, e, t, -_scale(x.dtype))
        if not math.isfinite(extent):
            return False
        mask = _exponential(e, extent)
        np.add(e, one, p)
        np.divide(one, p, p)
        if mask is not None:
            np.multiply(p, mask, p)
        np.multiply(x, p, out)
        if slope is not None:
            np.multiply(e, p, e)
            np.multiply(e, out, e)
            self.bend(e, t)
            np.add(e, p, slope)
        return True


@final
class _SiLU(_Logistic):
    """``v(x) = x``."""

    def inner(self, x: Any, out: Any, t: Any, scale: float) -> float:
        np.multiply(x, *_numbers(x.dtype, scale), out)
        low, high = float(np.minimum.reduce(out)), float(np.maximum.reduce(out))
        return high if high > -low else -low  # NaN is in both

    def bend(self, out: Any, t: Any) -> None:
        pass


@final
class _GELUTanh(_Logistic):
    """``v(x) = sqrt(8 / pi) * (x + 0.044715 * x**3)``."""

    rate = math.sqrt(8 / math.pi)
    cubic = 0.044715 * math.sqrt(8 / math.pi)

    def inner(self, x: Any, out: Any, t: Any, scale: float) -> float:
        linear, cubic = _numbers(x.dtype, scale * self.rate, scale * self.cubic)
        np.multiply(x, x, t)
        top = float(np.maximum.reduce(t))
        np.multiply(t, cubic, out)
        np.add(out, linear, out)
        np.multiply(out, x, out)
        return math.sqrt(top) * (self.rate + self.cubic * top) * abs(scale)

    def bend(self, out: Any, t: Any) -> None:
        linear, cubic = _numbers(t.dtype, self.rate, 3 * self.cubic)
        np.multiply(t, cubic, t)
        np.add(t, linear, t)
        np.multiply(out, t, out)


register("gelu", "numpy", _GELU())
register("gelu_tanh", "numpy", _GELUTanh())
register("silu", "numpy", _SiLU())
