"""The page Slope: a typed function, its tangent, and the secant that becomes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import xpnet as xn

from ...errors import OptionError
from ...learn import symbols
from ...learn.formula import Formula
from ..ask import Ask
from ..page import Page, request
from ..wire import Frame

__all__ = ["Slope"]

_POINTS = 401  # of the curve
_FAR = 1e6  # how far from 0 a learner may look


class Slope(Page):
    """A function of x under the microscope; every slope is `xpnet.grad`'s."""

    name, title = "slope", "Slope"

    @request("curve", keep="last")
    def curve(self, ask: Ask) -> Frame:
        """Answer with the function and its slope all along the axis."""
        f = _formula(ask)
        low, high = ask.number("low", -_FAR, _FAR), ask.number("high", -_FAR, _FAR)
        if not low < high:
            raise OptionError(
                f"the picture goes from left to right: {low:g} is not less than "
                f"{high:g}."
            )
        x = xn.asarray(np.linspace(low, high, _POINTS), requires_grad=True)
        y = f(x)
        y.backward(xn.xp.ones_like(y))
        return Frame(
            {"formula": f.text, "mathml": symbols.mathml(f.python, {"x": "x"})},
            {"x": x.data, "y": y.data, "slope": x.grad.data},
        )

    @request("look", keep="last")
    def look(self, ask: Ask) -> Frame:
        """Answer with the derivative at one place and the secant over a step h."""
        f = _formula(ask)
        x, h = ask.number("x", -_FAR, _FAR), ask.number("h", 1e-16, 10.0)
        y, slope = xn.value_and_grad(f)(x)
        ahead = f(x + h)
        step = (x + h) - x  # what the computer makes of h
        return Frame(
            {
                "x": x,
                "h": h,
                "y": float(y),
                "slope": float(slope),
                "ahead": float(ahead),
                "secant": float(ahead - y) / step if step else float("nan"),
            }
        )

    def keep(self) -> Iterable[dict[str, Any]]:
        """Keep the default function over a range of places and steps."""
        return ()


def _formula(ask: Ask) -> Formula:
    """Return the typed function of x."""
    return Formula(ask.text("f", 500), ("x",))
