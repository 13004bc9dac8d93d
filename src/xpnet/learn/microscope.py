"""The derivative microscope: how a secant becomes the tangent, and where it stops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, final

import numpy as np

import xpnet as xn

from ..errors import DTypeError, OptionError, ShapeError, XpnetError
from .digits import number
from .formula import Formula
from .microscope_html import page
from .microscope_words import in_symbols, sentences, table

__all__ = ["Microscope", "Secant", "microscope"]


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


def microscope(
    f: Callable[..., Any] | str,
    x: Any,
    *,
    steps: Iterable[float] | None = None,
    dtype: Any = None,
) -> Microscope:
    """Compare the slope of ever shorter secants with the derivative of a function.

    Parameters
    ----------
    f : callable, Formula or str
        A function of one number that returns one number; a text is read as a `Formula`
        of x.
    x : number or array of one number
        Where to look. Everything is computed in its own dtype (a Python number has
        float64), library and device.
    steps : iterable of float, optional
        The distances h; by default 1, 0.1, 0.01, ... to below the dtype's precision.
    dtype : str or dtype, optional
        What to cast `x` to: ``"float32"`` shows rounding much earlier.

    Returns
    -------
    Microscope
        A table of the secants; ``print`` shows it, and so does a notebook.

    Raises
    ------
    OptionError
        If the function has no finite value at `x`, or a step is not positive.
    ShapeError, DTypeError
        If `x` is not one floating-point number.

    Examples
    --------
    >>> seen = microscope("x^2", 3.0)
    >>> seen.slope, seen.secants[1].forward
    (6.0, 6.100000000000012)
    >>> seen.best_forward.h
    1e-08
    """
    formula = Formula(f) if isinstance(f, str) else f
    at = _point(x, dtype)
    eps = _eps(at)
    chosen = _steps(eps) if steps is None else [float(h) for h in steps]
    if not chosen or not all(0.0 < h < math.inf for h in chosen):
        raise OptionError(
            f"microscope: steps are distances, positive and finite, not {chosen!r:.60}."
        )
    return Microscope(formula, at, eps, chosen)


@final
class Microscope:
    """What `microscope` saw at one point of a function.

    Attributes
    ----------
    x, y : float
        The point.
    slope : float
        The derivative there, by `xpnet.grad`.
    second : float or None
        The second derivative, where the function has one.
    dtype : str
        What everything was computed in.
    eps : float
        The distance from 1 to the next number of the dtype.
    secants : tuple of Secant
        One for each step.
    text, derivative : str
        The function and its derivative in symbols; empty where they are not known. The
        derivative of a function of one operation stands in the table of derivatives.
    """

    def __init__(
        self, function: Callable[..., Any], at: Any, eps: float, steps: list[float]
    ) -> None:
        self._function = function
        self._at = at
        self.eps = eps
        self.dtype = str(at.dtype).rpartition(".")[2]
        self.x = float(at.item())
        self.text, self.derivative = in_symbols(function, at)
        with np.errstate(all="ignore"):
            with xn.no_grad():
                self._here = function(at)
            self.y = _number(self._here)
            self.slope = _number(xn.grad(function)(at))
            self._refuse_infinite()
            self.second = self._second()
            self.secants = tuple(self._secant(h) for h in steps)

    # --- what is computed, in the dtype of x ------------------------------------------

    def _value(self, at: Any) -> float:
        with xn.no_grad():
            return _number(self._function(at))

    def _second(self) -> float | None:
        try:
            return _number(xn.grad(xn.grad(self._function))(self._at))
        except XpnetError:
            return None

    def _secant(self, h: float) -> Secant:
        at, f = self._at, self._function
        step = _like(h, at)
        with xn.no_grad():
            further = at + step
            ahead = f(further)
            forward = _number((ahead - self._here) / step)
            central = _number((ahead - f(at - step)) / (2 * step))
        moved = bool(further.item() != at.item())
        errors = abs(forward - self.slope), abs(central - self.slope)
        return Secant(h, forward, errors[0], central, errors[1], moved)

    def _refuse_infinite(self) -> None:
        for what, value in (("value", self.y), ("slope", self.slope)):
            if not math.isfinite(value):
                raise OptionError(
                    f"microscope: the {what} at x = {number(self.x)} is "
                    f"{number(value)}. Choose another x."
                )

    # --- what it says -----------------------------------------------------------------

    @property
    def best_forward(self) -> Secant:
        """The secant to a point ahead that is nearest to the tangent."""
        return _best(self.secants, lambda s: s.forward_error)

    @property
    def best_central(self) -> Secant:
        """The secant between points on both sides that is nearest to the tangent."""
        return _best(self.secants, lambda s: s.central_error)

    @property
    def corner(self) -> tuple[float, float] | None:
        """The slopes from the left and the right where they differ, else None."""
        h = min(self.secants, key=lambda s: abs(math.log(s.h / math.sqrt(self.eps)))).h
        step = _like(h, self._at)
        with np.errstate(all="ignore"):
            right = (self._value(self._at + step) - self.y) / h
            left = (self.y - self._value(self._at - step)) / h
        bend = h * abs(self.second or 0.0)
        rounding = 4 * self.eps * abs(self.y) / h
        apart = 0.01 * max(abs(left), abs(right)) + 4 * bend + rounding
        return (left, right) if abs(right - left) > apart else None

    @property
    def meeting(self) -> float:
        """Where bend and rounding are about equal for a forward secant: 2√(ε |y/y″|).

        √ε where `y` or `second` is 0 or not known.
        """
        if not self.y or not self.second:
            return math.sqrt(self.eps)
        return 2.0 * math.sqrt(self.eps * abs(self.y / self.second))

    @property
    def words(self) -> list[str]:
        """What is to be seen, in sentences: the slope, and which h is best and why."""
        return sentences(self)

    # --- how it is shown --------------------------------------------------------------

    @property
    def heading(self) -> str:
        """The function, with its derivative where it is known in symbols."""
        what = f"y = {self.text or 'f(x)'}"
        return f"{what}, dy/dx = {self.derivative}" if self.derivative else what

    def __str__(self) -> str:
        first, *words = self.words
        return "\n".join([self.heading, first, "", *table(self), "", *words])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self)

    def curve(
        self, points: int = 81, span: float | None = None
    ) -> tuple[list[float], list[float]]:
        """Return points of the function around x, to `span` on both sides.

        By default to half as far again as the largest step.
        """
        reach = 1.5 * max(s.h for s in self.secants) if span is None else span
        xs = [float(v) for v in np.linspace(self.x - reach, self.x + reach, points)]
        with np.errstate(all="ignore"):
            return xs, [self._value(_like(v, self._at)) for v in xs]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers and text; what is not finite becomes None."""
        xs, ys = self.curve()
        return {
            "text": self.text,
            "derivative": self.derivative,
            "x": self.x,
            "y": self.y,
            "slope": self.slope,
            "second": _finite(self.second),
            "dtype": self.dtype,
            "eps": self.eps,
            "secants": [
                {
                    name: value if name == "moved" else _finite(value)
                    for name, value in secant._asdict().items()
                }
                for secant in self.secants
            ],
            "meeting": self.meeting,
            "best": {"forward": self.best_forward.h, "central": self.best_central.h},
            "words": self.words,
            "curve": {"x": xs, "y": [_finite(y) for y in ys]},
        }


# --- numbers --------------------------------------------------------------------------


def _point(x: Any, dtype: Any) -> Any:
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


def _eps(at: Any) -> float:
    return float(at.__array_namespace__().finfo(at.dtype).eps)


def _steps(eps: float) -> list[float]:
    """Return 1, 0.1, 0.01, ... to below what a dtype can tell apart."""
    return [float(f"1e-{k}") for k in range(math.ceil(-math.log10(eps)) + 1)]


def _like(value: float, at: Any) -> Any:
    xp = at.__array_namespace__()
    return xp.asarray(value, dtype=at.dtype, device=at.device)


def _number(value: Any) -> float:
    return float(value.item()) if hasattr(value, "item") else float(value)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _best(secants: tuple[Secant, ...], error: Callable[[Secant], float]) -> Secant:
    """Return the secant with the least error; of equal ones, the longest."""
    known = [s for s in secants if math.isfinite(error(s))] or list(secants)
    return min(known, key=lambda s: (error(s), -s.h))
