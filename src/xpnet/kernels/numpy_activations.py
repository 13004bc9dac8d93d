"""Twins for NumPy: activations, block by block in the cache.

Each is two functions of a block: the value, and the slope, which is computed anew from
the input in the backward pass, so that nothing but the input is kept, as in PyTorch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, final

import numpy as np

from ..backend.library import ADDITIONS, library_for
from .numpy_common import REAL, block_length, filled
from .threads import run_blocks, scratch
from .twin import register

__all__ = ["expit", "expit_slope"]

_NUMPY = library_for("cpu")


class _Blocked(ABC):
    """A function of each element, with a slope that is computed from the input.

    `x`, `out` and the scratch arrays have one axis and one length.
    """

    spares = 3
    dtypes = REAL
    flat = False
    """Whether a slope of 0 stops an infinite cotangent too."""

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
        out, length = np.empty_like(source), block_length(x.size)
        declined = []

        def block(start: int, stop: int) -> None:
            spare = [s[: stop - start] for s in scratch(self.spares, length, x.dtype)]
            part = source[start:stop]
            low, high = float(np.minimum.reduce(part)), float(np.maximum.reduce(part))
            if math.isfinite(low) and math.isfinite(high):
                self.value(part, out[start:stop], *spare, **options)
            else:
                declined.append(start)

        with np.errstate(all="ignore"):
            run_blocks(block, x.size, length)
        return None if declined else (out.reshape(x.shape), (x, options))

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        x, options = residual
        source, cotangent = x.reshape(-1), np.ascontiguousarray(g).reshape(-1)
        out, length = np.empty_like(source), block_length(x.size)

        def block(start: int, stop: int) -> None:
            spare = [s[: stop - start] for s in scratch(self.spares, length, x.dtype)]
            part = out[start:stop]
            self.slope(source[start:stop], part, *spare, **options)
            given = cotangent[start:stop]
            if self.flat and not math.isfinite(np.add.reduce(given)):
                given = np.where(part == 0, 0, given)
            np.multiply(part, given, part)

        with np.errstate(all="ignore"):
            run_blocks(block, x.size, length)
        return (out.reshape(x.shape),)


@final
class _LeakyReLU(_Blocked):
    """``max(x, 0) + negative_slope * min(x, 0)``."""

    spares = 1

    def value(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        (t,) = spare
        zeros = filled(len(x), 0, x.dtype)
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
    np.copyto(right, np.greater(x, filled(len(x), 0, x.dtype)))
    np.subtract(1, right, left)


@final
class _ELU(_Blocked):
    """``scale * (max(x, 0) + alpha * expm1(rate * min(x, 0)))``."""

    spares = 2

    def value(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        t = spare[0]
        zeros = filled(len(x), 0, x.dtype)
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
        np.minimum(x, filled(len(x), 0, x.dtype), out=t)
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
    flat = True

    def value(self, x: Any, out: Any, *spare: Any, **options: Any) -> None:
        np.maximum(x, filled(len(x), options["low"], x.dtype), out=out)
        np.minimum(out, filled(len(x), options["high"], x.dtype), out=out)

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
    length = block_length(x.size)
    if x.size <= length:
        function(source, target)
    else:
        run_blocks(
            lambda start, stop: function(source[start:stop], target[start:stop]),
            x.size,
            length,
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
register("hardtanh", "numpy", _HardTanh())
register("leaky_relu", "numpy", _LeakyReLU())
