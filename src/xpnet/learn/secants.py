"""Slopes of secants and of the tangent at one point, in the dtype of the point."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np

import xpnet as xn

from ..errors import DTypeError, OptionError, ShapeError, XpnetError
from .digits import number

__all__ = ["Lens", "Secant", "point_of"]


class Secant(NamedTuple):
    """The slope between two points of a function, and how far it is from the tangent's.

    Attributes
    ----------
    h : float
        The distance of the points, in x.
    forward, central : float
        ``(f(x + h) − f(x)) / h`` and ``(f(x + h) − f(x − h)) / 2h``.
    forward_error, central_error : float
        How far they are from the slope that `xpnet.grad` gives.
    moved : bool
        Whether ``x + h`` is another number than `x` in the dtype of `x`.
    """

    h: float
    forward: float
    forward_error: float
    central: float
    central_error: float
    moved: bool


@final
class Lens:
    """A function near one point: everything is computed in the point's own dtype.

    Attributes
    ----------
    x, y, slope : float
        The point, and the derivative there by `xpnet.grad`.
    second : float or None
        The second derivative, where there is a rule for it.
    dtype : str
        The dtype's name.
    eps : float
        The distance from 1 to the next number of the dtype.
    """

    def __init__(self, function: Callable[..., Any], at: Any) -> None:
        self._function, self._at = function, at
        self.dtype = str(at.dtype).rpartition(".")[2]
        self.eps = float(at.__array_namespace__().finfo(at.dtype).eps)
        with np.errstate(all="ignore"):
            with xn.no_grad():
                self._here = function(at)
            self.x, self.y = _number(at), _number(self._here)
            self.slope = _number(xn.grad(function)(at))
            self._refuse_infinite()
            self.second = self._second()

    def _refuse_infinite(self) -> None:
        for what, value in (("value", self.y), ("slope", self.slope)):
            if not math.isfinite(value):
                raise OptionError(
                    f"microscope: the {what} at x = {number(self.x)} is "
                    f"{number(value)}. Choose another x."
                )

    def _second(self) -> float | None:
        try:
            return _number(xn.grad(xn.grad(self._function))(self._at))
        except XpnetError:
            return None

    def value(self, x: float) -> float:
        """Return the function at another place."""
        with xn.no_grad(), np.errstate(all="ignore"):
            return _number(self._function(self._like(x)))

    def secant(self, h: float) -> Secant:
        """Return the secants over a distance h."""
        at, f, step = self._at, self._function, self._like(h)
        with xn.no_grad(), np.errstate(all="ignore"):
            further = at + step
            ahead = f(further)
            forward = _number((ahead - self._here) / step)
            central = _number((ahead - f(at - step)) / (2 * step))
        moved = _number(further) != self.x
        errors = abs(forward - self.slope), abs(central - self.slope)
        return Secant(h, forward, errors[0], central, errors[1], moved)

    def corner(self) -> tuple[float, float] | None:
        """Return the slopes from the left and the right where they differ, else None.

        Where a function bends, the two come together as h shrinks; where rounding sets
        them apart, they part. At a corner the gap stays.
        """
        h = math.sqrt(self.eps) * max(1.0, abs(self.x))
        (left, right), (further_left, further_right) = (
            self._sides(step) for step in (h, 64.0 * h)
        )
        gap, wider = abs(right - left), abs(further_right - further_left)
        stays = wider < 2.0 * gap and gap < 2.0 * wider
        apart = gap > 0.01 * max(abs(left), abs(right))
        return (left, right) if apart and stays else None

    def _sides(self, h: float) -> tuple[float, float]:
        ahead, behind = self.secant(h), self.secant(-h)
        return behind.forward, ahead.forward

    def _like(self, value: float) -> Any:
        xp = self._at.__array_namespace__()
        return xp.asarray(value, dtype=self._at.dtype, device=self._at.device)


def point_of(x: Any, dtype: Any) -> Any:
    """Return where to look, as an Array of one number off the tape."""
    at = xn.asarray(float(x) if isinstance(x, (int, float)) else x).detach()
    if at.shape != ():
        raise ShapeError(
            f"microscope: x has shape {at.shape}; the microscope looks at one number, "
            "shape ()."
        )
    if dtype is not None:
        name = dtype if isinstance(dtype, str) else str(dtype).rpartition(".")[2]
        xp = at.__array_namespace__()
        at = xp.astype(at, getattr(xp, name))
    if not at._lib.is_floating(at.dtype) or at._lib.is_complex(at.data):
        raise DTypeError(
            f"microscope: x has dtype {at.dtype}; give a real floating-point number, "
            "3.0 instead of 3."
        )
    return at


def _number(value: Any) -> float:
    return float(value.item()) if hasattr(value, "item") else float(value)
