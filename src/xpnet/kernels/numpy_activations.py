"""Twins for NumPy: activations, block by block in the cache.

Each is two functions of a block: the value, and the slope, which is computed anew from
the input in the backward pass, so that nothing but the input is kept, as in PyTorch.

GELU and SiLU are ``x * P(x)`` with ``P(-x) = 1 - P(x)``. With a = abs(x) and
``q = P(-a)``, which keeps its digits where P is small, the value is
``max(x, 0) - a * q``, and the slope ``1/2 + sign(x) * (1/2 - r)``, ``r = q + a * q'``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, final

import numpy as np

from ..backend.library import ADDITIONS, library_for
from .numpy_common import REAL, filled
from .threads import run_blocks, scratch
from .twin import register

__all__ = ["expit", "expit_slope"]

_NUMPY = library_for("cpu")
_BLOCK = 2**16
"""Elements of a block: larger ones leave the cache, in smaller ones calls cost more."""

_SINGLE = np.dtype(np.float32)

# (1 - normal distribution function) * exp(a**2 / 2) in 1 / (1 + _STEP * a), highest
# power first, without a constant: 0 <= a <= 6, weighted least squares, largest relative
# error 8e-7; beyond, it goes as 1 / a, as it should
_STEP = 0.295
_MILLS = (
    -0.08776098775539397,
    0.26529925046362524,
    -0.0735620679883161,
    0.17347461578639178,
    0.10364167304417893,
    0.11890712219516568,
)


class _Blocked(ABC):
    """A function of each element, with a slope that is computed from the input.

    `x`, `out` and the scratch arrays have one axis and one length.
    """

    spares = 3
    dtypes = REAL

    @abstractmethod
    def value(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        """Write the value for a block."""

    @abstractmethod
    def slope(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        """Write the slope for a block."""

    def forward(
        self, needs: tuple[bool, ...], x: Any, **options: Any
    ) -> tuple[Any, Any] | None:
        if x.dtype not in self.dtypes or not x.size or not x.flags.c_contiguous:
            return None
        source = x.reshape(-1)
        if not math.isfinite(np.vdot(source, source)):  # infinity, or huge, or NaN
            return None
        out = np.empty_like(source)

        def block(start: int, stop: int) -> None:
            spare = [s[: stop - start] for s in scratch(self.spares, _BLOCK, x.dtype)]
            self.value(source[start:stop], out[start:stop], *spare, **options)

        with np.errstate(all="ignore"):
            run_blocks(block, x.size, _BLOCK)
        return out.reshape(x.shape), (x, options)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        x, options = residual
        source, cotangent = x.reshape(-1), np.ascontiguousarray(g).reshape(-1)
        out = np.empty_like(source)

        def block(start: int, stop: int) -> None:
            spare = [s[: stop - start] for s in scratch(self.spares, _BLOCK, x.dtype)]
            part = out[start:stop]
            self.slope(source[start:stop], part, *spare, **options)
            np.multiply(part, cotangent[start:stop], part)

        with np.errstate(all="ignore"):
            run_blocks(block, x.size, _BLOCK)
        return (out.reshape(x.shape),)


def _polynomial(coefficients: tuple[float, ...], x: Any, out: Any) -> Any:
    """Write a polynomial, highest power first, without a constant."""
    np.multiply(x, coefficients[0], out)
    for c in coefficients[1:]:
        np.add(out, c, out)
        np.multiply(out, x, out)
    return out


class _Gate(_Blocked):
    """``x * P(x)`` with ``P(-x) = 1 - P(x)``: see the head of this file."""

    @abstractmethod
    def tail(self, a: Any, q: Any, *spare: Any) -> None:
        """Write ``P(-a)`` into `q`."""

    @abstractmethod
    def bend(self, a: Any, r: Any, *spare: Any) -> None:
        """Write ``P(-a) - a * P'(-a)`` into `r`."""

    def value(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        a, t = spare[:2]
        np.abs(x, a)
        self.tail(a, out, *spare[1:])
        np.multiply(out, a, out)
        np.maximum(x, filled(_BLOCK, 0, x.dtype)[: len(x)], out=t)
        np.subtract(t, out, out)

    def slope(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        a = spare[0]
        np.abs(x, a)
        self.bend(a, out, *spare[1:])
        np.subtract(0.5, out, out)
        _give_sign(x, out, a)
        np.add(out, 0.5, out)


def _give_sign(x: Any, out: Any, spare: Any) -> None:
    """Change the sign of `out` where `x` is negative; as bits, which is fast."""
    kind, sign = (np.int32, -(2**31)) if x.dtype == _SINGLE else (np.int64, -(2**63))
    bits, target = spare.view(kind), out.view(kind)
    np.bitwise_and(x.view(kind), kind(sign), bits)
    np.bitwise_xor(target, bits, target)


@final
class _GELU(_Gate):
    """Through the normal distribution function; in single precision alone."""

    dtypes = frozenset({_SINGLE})

    def tail(self, a: Any, q: Any, *spare: Any) -> None:
        t = spare[0]
        np.add(a, 1 / _STEP, t)
        np.divide(1 / _STEP, t, t)
        _polynomial(_MILLS, t, q)
        np.multiply(a, a, t)
        np.multiply(t, -0.5, t)
        np.exp(t, t)
        np.multiply(q, t, q)

    def bend(self, a: Any, r: Any, *spare: Any) -> None:
        self.tail(a, r, *spare)  # leaves exp(-a**2 / 2) in the first array
        t = spare[0]
        np.multiply(t, a, t)
        np.multiply(t, 1 / math.sqrt(2 * math.pi), t)
        np.subtract(r, t, r)


class _Logistic(_Gate):
    """``P(x) = expit(v(x))`` with an odd v."""

    @abstractmethod
    def inner(self, a: Any, out: Any) -> None:
        """Write ``-v(a)``."""

    def tail(self, a: Any, q: Any, *spare: Any) -> None:
        t = spare[0]
        self.inner(a, q)
        np.exp(q, q)
        np.add(q, 1, t)
        np.divide(q, t, q)


@final
class _SiLU(_Logistic):
    """``v(x) = x``."""

    def inner(self, a: Any, out: Any) -> None:
        np.negative(a, out)

    def bend(self, a: Any, r: Any, *spare: Any) -> None:
        self.tail(a, r, *spare)
        t = spare[0]
        np.subtract(r, 1, t)  # r - a r (1 - r)
        np.multiply(t, a, t)
        np.add(t, 1, t)
        np.multiply(r, t, r)


@final
class _GELUTanh(_Logistic):
    """``v(x) = sqrt(8 / pi) * (x + 0.044715 * x**3)``."""

    rate = math.sqrt(8 / math.pi)

    def inner(self, a: Any, out: Any) -> None:
        np.multiply(a, a, out)
        np.multiply(out, -0.044715 * self.rate, out)
        np.subtract(out, self.rate, out)
        np.multiply(out, a, out)

    def bend(self, a: Any, r: Any, *spare: Any) -> None:
        self.tail(a, r, *spare)
        t, u = spare[:2]
        np.multiply(a, a, u)
        np.multiply(u, 3 * 0.044715 * self.rate, u)
        np.add(u, self.rate, u)  # v'
        np.multiply(u, a, u)
        np.subtract(r, 1, t)
        np.multiply(t, u, t)
        np.add(t, 1, t)
        np.multiply(r, t, r)


@final
class _LeakyReLU(_Blocked):
    """``max(x, 0) + negative_slope * min(x, 0)``."""

    spares = 1

    def value(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        (t,) = spare
        zeros = filled(_BLOCK, 0, x.dtype)[: len(x)]
        np.minimum(x, zeros, out=t)
        np.multiply(t, options["negative_slope"], t)
        np.maximum(x, zeros, out=out)
        np.add(out, t, out)

    def slope(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        (t,) = spare
        _sides(x, out, t)
        np.multiply(t, options["negative_slope"], t)
        np.add(out, t, out)


def _sides(x: Any, right: Any, left: Any) -> None:
    """Write 1 where ``x > 0`` into `right`, and where not into `left`, else 0."""
    np.copyto(right, np.greater(x, filled(_BLOCK, 0, x.dtype)[: len(x)]))
    np.subtract(1, right, left)


@final
class _ELU(_Blocked):
    """``scale * (max(x, 0) + alpha * expm1(rate * min(x, 0)))``."""

    spares = 2

    def value(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        t = spare[0]
        zeros = filled(_BLOCK, 0, x.dtype)[: len(x)]
        np.minimum(x, zeros, out=t)
        if options["rate"] != 1:
            np.multiply(t, options["rate"], t)
        np.expm1(t, t)
        np.multiply(t, options["alpha"] * options["scale"], t)
        np.maximum(x, zeros, out=out)
        if options["scale"] != 1:
            np.multiply(out, options["scale"], out)
        np.add(out, t, out)

    def slope(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        t, u = spare
        np.minimum(x, filled(_BLOCK, 0, x.dtype)[: len(x)], out=t)
        if options["rate"] != 1:
            np.multiply(t, options["rate"], t)
        np.exp(t, t)
        _sides(x, out, u)
        np.multiply(u, options["alpha"] * options["scale"] * options["rate"], u)
        np.multiply(t, u, t)
        np.multiply(out, options["scale"], out)
        np.add(out, t, out)


@final
class _HardTanh(_Blocked):
    """``min(max(x, low), high)``, whose slope at the bounds is 0."""

    spares = 1

    def value(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        np.maximum(x, filled(_BLOCK, options["low"], x.dtype)[: len(x)], out=out)
        np.minimum(out, filled(_BLOCK, options["high"], x.dtype)[: len(x)], out=out)

    def slope(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        inside = np.greater(x, x.dtype.type(options["low"]))
        inside &= np.less(x, x.dtype.type(options["high"]))
        np.copyto(out, inside)


# --- the logistic function: for every rule that calls it ------------------------------


def expit(x: Any, /) -> Any:
    """Return ``1 / (1 + exp(-x))`` without overflow, as the library's addition does."""
    if x.dtype not in REAL or not x.ndim or not x.flags.c_contiguous:
        return ADDITIONS["expit"](_NUMPY.raw, x)
    return _each(x, _expit_block)


def expit_slope(x: Any, /) -> Any:
    """Return the slope of `expit`, which does not cancel."""
    if x.dtype not in REAL or not x.ndim or not x.flags.c_contiguous:
        return ADDITIONS["expit_slope"](_NUMPY.raw, x)
    return _each(x, _expit_slope_block)


def _each(x: Any, function: Callable[[Any, Any], None]) -> Any:
    """Return what a function writes for each block."""
    out = np.empty_like(x)
    source, target = x.reshape(-1), out.reshape(-1)
    if x.size <= _BLOCK:
        function(source, target)
    else:
        run_blocks(
            lambda start, stop: function(source[start:stop], target[start:stop]),
            x.size,
            _BLOCK,
        )
    return out


def _expit_block(x: Any, out: Any) -> None:
    e = np.exp(np.negative(np.abs(x, out), out), out)
    right = np.greater_equal(x, 0).astype(x.dtype)
    np.maximum(right, e, out=right)  # 1 on the right, and e, which is at most 1
    np.divide(right, np.add(e, 1, e), out)


def _expit_slope_block(x: Any, out: Any) -> None:
    e = np.exp(np.negative(np.abs(x, out), out), out)
    one = e + 1
    np.divide(e, np.multiply(one, one, one), out)


_NUMPY.functions["expit"] = expit
_NUMPY.functions["expit_slope"] = expit_slope
register("elu", "numpy", _ELU())
register("gelu", "numpy", _GELU())
register("gelu_tanh", "numpy", _GELUTanh())
register("hardtanh", "numpy", _HardTanh())
register("leaky_relu", "numpy", _LeakyReLU())
register("silu", "numpy", _SiLU())
