"""The derivative microscope: how a secant becomes the tangent, and where it stops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, final

import numpy as np

from ..errors import OptionError
from .digits import finite
from .formula import Formula
from .microscope_html import page
from .microscope_words import in_symbols, sentences, table
from .secants import Lens, Secant, point_of

__all__ = ["Microscope", "Secant", "microscope"]


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
    at = point_of(x, dtype)
    lens = Lens(formula, at)
    chosen = _steps(lens.eps) if steps is None else [float(h) for h in steps]
    if not chosen or not all(0.0 < h < math.inf for h in chosen):
        raise OptionError(
            f"microscope: steps are distances, positive and finite, not {chosen!r:.60}."
        )
    return Microscope(lens, chosen, *in_symbols(formula, at))


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
    corner : tuple of float, or None
        The slopes from the left and the right, where they differ.
    text, derivative : str
        The function and its derivative in symbols; empty where they are not known. The
        derivative of a function of one operation stands in the table of derivatives.
    """

    def __init__(
        self, lens: Lens, steps: list[float], text: str, derivative: str
    ) -> None:
        self._lens = lens
        self.text, self.derivative = text, derivative
        self.x, self.y = lens.x, lens.y
        self.slope, self.second = lens.slope, lens.second
        self.dtype, self.eps = lens.dtype, lens.eps
        self.secants = tuple(lens.secant(h) for h in steps)
        self.corner = lens.corner()

    @property
    def best_forward(self) -> Secant:
        """The secant to a point ahead that is nearest to the tangent."""
        return _best(self.secants, lambda s: s.forward_error)

    @property
    def best_central(self) -> Secant:
        """The secant between points on both sides that is nearest to the tangent."""
        return _best(self.secants, lambda s: s.central_error)

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
        return xs, [self._lens.value(v) for v in xs]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers and text; what is not finite becomes None."""
        xs, ys = self.curve()
        return {
            "text": self.text,
            "derivative": self.derivative,
            "x": self.x,
            "y": self.y,
            "slope": self.slope,
            "second": finite(self.second),
            "dtype": self.dtype,
            "eps": self.eps,
            "secants": [
                {
                    name: value if name == "moved" else finite(value)
                    for name, value in secant._asdict().items()
                }
                for secant in self.secants
            ],
            "meeting": self.meeting,
            "best": {"forward": self.best_forward.h, "central": self.best_central.h},
            "words": self.words,
            "curve": {"x": xs, "y": [finite(y) for y in ys]},
        }


def _steps(eps: float) -> list[float]:
    """Return 1, 0.1, 0.01, ... to below what a dtype can tell apart."""
    return [float(f"1e-{k}") for k in range(math.ceil(-math.log10(eps)) + 1)]


def _best(secants: tuple[Secant, ...], error: Callable[[Secant], float]) -> Secant:
    """Return the secant with the least error; of equal ones, the longest."""
    known = [s for s in secants if math.isfinite(error(s))] or list(secants)
    return min(known, key=lambda s: (error(s), -s.h))
