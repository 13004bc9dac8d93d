"""Twins for NumPy: activations ``x * P(x)``, with a probability P that grows with x.

Value and slope have most of their work in common. The slope is therefore computed along
with the value, kept, and multiplied by the cotangent in place in the backward pass. So
the peak of the two passes is that of computing everything anew from x; between them,
one more array is kept.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from typing import Any, final

import numpy as np

from .numpy_common import REAL, block_length, filled
from .threads import aligned, run_blocks, scratch
from .twin import register

__all__: list[str] = []

_SINGLE = np.dtype(np.float32)


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
        out = aligned(source.size, source.dtype)
        slope = aligned(source.size, source.dtype) if sloped else None
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
    """Write ``exp(v)`` over `v`, but finite.

    Where ``abs(v)``, which is at most `extent`, is too large, return what is 0 where
    the result should be infinite, and else 1; otherwise return None.
    """
    bound = 87.0 if v.dtype == _SINGLE else 708.0
    if extent <= bound:
        np.exp(v, v)
        return None
    below, above = np.less(v, bound), np.greater(v, -bound)
    np.clip(v, -bound, bound, out=v)
    np.exp(v, v)
    np.multiply(v, above, v)
    return below


# --- through the normal distribution function -----------------------------------------

# (1 - P(a)) / P'(a) is a quotient of polynomials whose leading coefficients are 1, as
# it goes as 1 / a; these are the others, highest power first. For 0 <= a <= 6.5 the
# largest error is least: 0.51 * min(1e-6, 1e-7 / (1 - P(a)))
_NUMERATOR = (7.147954980015833, 21.86093469463738, 30.403267283164027)
_DENOMINATOR = (
    7.144670752259837,
    22.936076016664387,
    36.79765892440242,
    24.258300058432482,
)
_ONE = int(np.float32(1).view(np.int32))


@final
class _GELU(_Gate):
    """``P`` is the normal distribution function; in single precision alone.

    With a = abs(x) and ``q = P(-a)``, which keeps its digits where it is small, P is
    ``abs((x > 0) - q)``. The slope is ``P + x * P'``.
    """

    spares = 3
    dtypes = frozenset({_SINGLE})
    far = 16.0  # P(-16) is 0 in single precision

    def block(self, x: Any, out: Any, slope: Any, *spare: Any) -> bool:
        a, t, density = spare
        q, density = out, density if slope is None else slope  # the cache holds less
        rate, height = _numbers(_SINGLE, -0.5, 1 / math.sqrt(2 * math.pi))
        np.abs(x, a)
        np.square(a, density)
        top = float(np.maximum.reduce(density))
        if not math.isfinite(top):
            return False
        if top > self.far**2:
            np.minimum(a, self.far, out=a)
        np.multiply(density, rate, density)
        np.exp(density, density)
        np.multiply(density, height, density)
        _monic(_NUMERATOR, a, q)
        _monic(_DENOMINATOR, a, t)
        np.divide(q, t, q)
        np.multiply(q, density, q)
        _right(x, t)
        np.subtract(t, q, t)
        np.abs(t, t)
        np.multiply(x, t, out)
        if slope is not None:
            np.multiply(density, x, density)
            np.add(density, t, slope)
        return True


def _monic(coefficients: tuple[float, ...], x: Any, out: Any) -> None:
    """Write a polynomial whose leading coefficient, which is not given, is 1."""
    first, *others = _numbers(_SINGLE, *coefficients)
    np.add(x, first, out)
    for c in others:
        np.multiply(out, x, out)
        np.add(out, c, out)


def _right(x: Any, out: Any) -> None:
    """Write 1 where ``x > 0``, 0 where ``x < 0``, either where ``x == 0``; as bits."""
    shift, one = _numbers(np.dtype(np.int32), 31, _ONE)
    np.negative(x, out)
    bits = out.view(np.int32)
    np.right_shift(bits, shift, bits)  # all of them are the sign
    np.bitwise_and(bits, one, bits)


# --- through the logistic function ----------------------------------------------------


class _Logistic(_Gate):
    """``P(x) = 1 / (1 + exp(-v(x)))`` with an odd v.

    The slope is ``P + x * P * (1 - P) * v'``, and ``1 - P = P * exp(-v)``.
    """

    spares = 3

    @abstractmethod
    def inner(self, x: Any, out: Any, t: Any) -> float:
        """Write ``-v(x)``; `t` is for `bend`.

        Return a bound of its size: infinite, or NaN, where an element of `x` is so.
        """

    @abstractmethod
    def bend(self, out: Any, t: Any) -> None:
        """Multiply `out` by ``v'``."""

    def block(self, x: Any, out: Any, slope: Any, *spare: Any) -> bool:
        e, p, t = spare
        (one,) = _numbers(x.dtype, 1)
        extent = self.inner(x, e, t)
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
        if mask is not None and not mask.all():
            self._far(x, ~mask, out, slope)
        return True

    def _far(self, x: Any, at: Any, out: Any, slope: Any) -> None:
        """Write both where P is less than any number, but ``x * P`` may be one.

        There ``1 - P`` is 1, and P is the square of h.
        """
        x = x[at]
        h, t = np.empty_like(x), np.empty_like(x)
        self.inner(x, h, t)
        np.multiply(h, -0.5, h)
        np.exp(h, h)
        out[at] = x * h * h
        if slope is not None:
            d = x.copy()
            self.bend(d, t)
            slope[at] = np.where(h == 0, 0, (d + 1) * h * h)


@final
class _SiLU(_Logistic):
    """``v(x) = x``."""

    def inner(self, x: Any, out: Any, t: Any) -> float:
        np.negative(x, out)
        low, high = float(np.minimum.reduce(out)), float(np.maximum.reduce(out))
        return high if high > -low else -low  # NaN is in both

    def bend(self, out: Any, t: Any) -> None:
        pass


@final
class _GELUTanh(_Logistic):
    """``v(x) = sqrt(8 / pi) * (x + 0.044715 * x**3)``."""

    rate = math.sqrt(8 / math.pi)
    cubic = 0.044715 * math.sqrt(8 / math.pi)

    def inner(self, x: Any, out: Any, t: Any) -> float:
        linear, cubic = _numbers(x.dtype, -self.rate, -self.cubic)
        np.multiply(x, x, t)
        top = float(np.maximum.reduce(t))
        np.multiply(t, cubic, out)
        np.add(out, linear, out)
        np.multiply(out, x, out)
        # a little more than the largest, which is rounded, so that none is beyond
        return 1.001 * math.sqrt(top) * (self.rate + self.cubic * top)

    def bend(self, out: Any, t: Any) -> None:
        linear, cubic = _numbers(t.dtype, self.rate, 3 * self.cubic)
        np.multiply(t, cubic, t)
        np.add(t, linear, t)
        np.multiply(out, t, out)


register("gelu", "numpy", _GELU())
register("gelu_tanh", "numpy", _GELUTanh())
register("silu", "numpy", _SiLU())
