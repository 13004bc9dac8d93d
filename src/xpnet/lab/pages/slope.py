"""The page Slope: a typed function, its tangent, and the secant that becomes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

import numpy as np

import xpnet as xn

from ...errors import OptionError
from ...learn import symbols
from ...learn.explain import explain
from ...learn.formula import Formula
from ...learn.microscope import Microscope, microscope
from ..ask import Ask
from ..chain import chain, name_results
from ..own import Own
from ..page import Page, request
from ..wire import Frame

__all__ = ["Slope"]

POINTS = 401  # of the curve
NEAR = 161  # of what the microscope shows
FAR = 1e6  # how far from 0 a learner may look
DTYPES = ("float64", "float32")
STEPS = [10.0 ** (-k / 4) for k in range(65)]  # 1 to 1e-16
KEPT = 29  # places of an export
KEPT_STEPS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 1e-3, 1e-5, 1e-8, 1e-12)


@final
class Slope(Page):
    """The page Slope.

    "curve" is the function along the axis, "look" its derivative at one place with the
    secant over one step h, "errors" the error of the secant for every h, and "chain"
    how the tape got the derivative. All that is asked for is in the request.
    """

    name, title = "slope", "Slope"

    def __init__(self, own: Own | None = None) -> None:
        super().__init__(own)
        self._curve: tuple[str, float, float] | None = None
        self._dtype = DTYPES[0]

    @request("curve", keep="last")
    def curve(self, ask: Ask) -> Frame:
        """Answer with the function and its slope all along the axis."""
        f = _formula(ask)
        low, high = ask.number("low", -FAR, FAR), ask.number("high", -FAR, FAR)
        if not low < high:
            raise OptionError(
                f"the picture goes from left to right: {low:g} is not less than "
                f"{high:g}."
            )
        self._curve = (f.text, low, high)
        x = np.linspace(low, high, POINTS)
        y, pull = xn.vjp(f, x)
        return Frame(
            {"mathml": symbols.mathml(f.python, {})},
            {"x": x, "y": y, "slope": pull(np.ones_like(y))[0]},
        )

    @request("look", keep="last")
    def look(self, ask: Ask) -> Frame:
        """Answer with the derivative at one place and the secant over a step h."""
        f, h = _formula(ask), ask.number("h", 1e-16, 10.0)
        self._dtype = ask.choice("dtype", DTYPES, default=DTYPES[0])
        seen = _microscope(f, ask, [h], self._dtype)
        secant = seen.secants[0]
        across, up = _near(f, seen, h)
        return Frame(
            {
                "x": seen.x,
                "y": seen.y,
                "h": h,
                "slope": seen.slope,
                "secant": secant.forward,
                "error": secant.forward_error,
                "moved": secant.moved,
                "corner": seen.corner,
            },
            {"across": across, "up": up},
        )

    @request("errors", keep="last")
    def errors(self, ask: Ask) -> Frame:
        """Answer with the errors of secants of every length, in both dtypes."""
        f = _formula(ask)
        double, single = (_microscope(f, ask, STEPS, dtype) for dtype in DTYPES)
        errors = {
            name: np.array([getattr(s, f"{kind}_error") for s in seen.secants])
            for name, seen, kind in (
                ("float64", double, "forward"),
                ("float32", single, "forward"),
                ("central", double, "central"),
            )
        }
        return Frame({"words": double.words[1:]}, {"h": np.array(STEPS), **errors})

    @request("chain", keep="last")
    def chain(self, ask: Ask) -> Frame:
        """Answer with the chain rule of the derivative at one place."""
        f = _formula(ask)
        x = xn.asarray(ask.number("x", -FAR, FAR), requires_grad=True)
        y = f(x)
        if not y.requires_grad:
            raise OptionError(
                "nothing of x is on the tape: where the function has a slope it is 0, "
                "and there is no path to show."
            )
        explained = explain(y, wrt=x, names={"f": y, "x": x})
        name_results(explained)
        return Frame({"explanation": chain(explained)})

    def keep(self) -> Iterable[dict[str, Any]]:
        """Keep the curve that was asked for last, at many places, with many steps."""
        if self._curve is None:
            return
        f, low, high = self._curve
        for k in range(KEPT):
            x = float(f"{low + (high - low) * k / (KEPT - 1):.4g}")
            at: dict[str, Any] = {"f": f, "x": x}
            for h in KEPT_STEPS:
                yield {**at, "type": "look", "h": h, "dtype": self._dtype}
            yield {**at, "type": "errors"}
            yield {**at, "type": "chain"}


def _formula(ask: Ask) -> Formula:
    """Return the typed function of x."""
    return Formula(ask.text("f", 500), ("x",))


def _microscope(f: Formula, ask: Ask, steps: list[float], dtype: str) -> Microscope:
    """Look at the function where the request says."""
    return microscope(f, ask.number("x", -FAR, FAR), steps=steps, dtype=dtype)


def _near(f: Formula, seen: Microscope, h: float) -> tuple[Any, Any]:
    """Return the function around x, both axes counted in h from the point.

    Seen so, each line has its own slope, whatever h is.
    """
    offsets = np.linspace(-2.0, 2.0, NEAR)
    dtype = np.dtype(seen.dtype)
    x = (seen.x + offsets * h).astype(dtype)
    y = np.asarray(f(x), dtype="float64")
    return (x.astype("float64") - seen.x) / h, (y - seen.y) / h
