"""The page Descent: the library's optimizers race down a typed function of x and y."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, final

import numpy as np

import xpnet as xn

from ... import optim
from ...errors import OptionError
from ...learn import symbols
from ...learn.descent import descend
from ...learn.formula import Formula
from ...learn.step import explain_step
from ...learn.surfaces import SURFACES
from ..ask import Ask
from ..chain import quantities
from ..own import Own
from ..page import Page, request
from ..wire import Frame

__all__ = ["Descent"]

GRID = 121  # points of the surface, each way
STEPS = 300  # at most
FAR = 1e4  # how far from 0 a start may be
FASTEST = 10.0  # the largest learning rate
PATIENCE = 2.0  # seconds that the steps of one answer may take
KEPT = 7  # starts of an export, each way
KEPT_STEPS = 60  # explained steps of an export


class Racer(NamedTuple):
    """An optimizer of the race, how it is made, and a rate for most surfaces."""

    name: str
    make: Callable[..., Any]
    rate: float
    note: str


RACERS = (
    Racer("SGD", optim.SGD, 0.02, "new = old − learning_rate × gradient"),
    Racer(
        "Momentum",
        partial(optim.SGD, momentum=0.9),
        0.005,
        "keeps nine tenths of its speed",
    ),
    Racer("RMSprop", optim.RMSprop, 0.03, "divides by the size of recent gradients"),
    Racer("Adam", optim.Adam, 0.1, "has both, with the start corrected"),
)

_RATES = {
    "narrow valley": (0.036, 0.005),
    "rosenbrock": (0.001, 0.0003),
    "himmelblau": (0.01, 0.0025),
    "beale": (0.002, 0.0005),
    "rastrigin": (0.004, 0.001),
}
"""Learning rates of the first two for surfaces that are steeper than others."""


@final
class Descent(Page):
    """The page Descent.

    "surface" is the height on a grid, with what can be chosen; "race" the ways of the
    optimizers from one start, with all their numbers; "update" how one of them takes
    one step. All that is asked for is in the request.
    """

    name, title = "descent", "Descent"

    def __init__(self, own: Own | None = None) -> None:
        super().__init__(own)
        self._box = (-3.0, 3.0, -3.0, 3.0)
        self._race: dict[str, Any] | None = None
        self._who: str | None = None

    @request("surface", keep="last")
    def surface(self, ask: Ask) -> Frame:
        """Answer with the height of the function in a rectangle."""
        f = _function(ask)
        box = _box(ask)
        self._box = box
        across, up = np.linspace(*box[:2], GRID), np.linspace(*box[2:], GRID)
        x, y = np.meshgrid(across, up)
        height = np.asarray(f(x, y))
        if not np.isfinite(height).any():
            raise OptionError("the function has no finite value in this picture.")
        known = SURFACES.get(ask.text("f", 500))
        return Frame(
            {
                "mathml": symbols.mathml(f.python, {}),
                "note": known.note if known else "",
                "minima": known.minima if known else (),
            },
            {"height": height.astype("float32")},
        )

    @request("choices", keep="last")
    def choices(self, ask: Ask) -> Frame:
        """Answer with the named surfaces and the optimizers."""
        surfaces = [
            {
                "name": s.name,
                "text": symbols.text(s.formula.python, {}),
                "start": s.start,
                "box": s.box,
                "rates": _rates(s.name),
            }
            for s in SURFACES.values()
        ]
        racers = [{"name": r.name, "rate": r.rate, "note": r.note} for r in RACERS]
        return Frame({"surfaces": surfaces, "racers": racers})

    @request("race", keep="last")
    def race(self, ask: Ask) -> Frame:
        """Answer with the ways of the optimizers; a rate of 0 leaves one out."""
        f, start = _function(ask), _start(ask)
        steps = ask.whole("steps", 1, STEPS)
        runs = descend(_patient(f), start, _makers(ask), steps)
        self._race = {
            "f": ask.text("f", 500),
            "rates": _asked_rates(ask),
            "x": start[0],
            "y": start[1],
            "steps": steps,
        }
        arrays: dict[str, Any] = {}
        for name, way in runs.items():
            arrays |= {
                f"{name}.points": np.array(way.points),
                f"{name}.values": np.array(way.values),
                f"{name}.gradients": np.array(way.gradients),
            }
        endings = {
            name: {"kind": way.ending.kind, "words": way.ending.words}
            for name, way in runs.items()
        }
        return Frame({"endings": endings, "ranking": runs.ranking}, arrays)

    @request("update", keep="last")
    def update(self, ask: Ask) -> Frame:
        """Answer with one step of one optimizer, explained for x and for y."""
        f, makers = _function(ask), _makers(ask)
        name = self._who = ask.choice("name", list(makers))
        step = ask.whole("step", 0, STEPS - 1)
        optimizer, w = _before(_patient(f), _start(ask), makers[name], step)
        explained = explain_step(optimizer, w, name="w")
        both = {letter: explained.element(i) for i, letter in enumerate("xy")}
        return Frame(
            {
                "name": name,
                "step": step,
                "quantities": {k: quantities(one) for k, one in both.items()},
                "explanations": {k: one.to_dict() for k, one in both.items()},
            }
        )

    def keep(self) -> Iterable[dict[str, Any]]:
        """Keep the last race from many starts, and many of its steps explained."""
        race, (left, right, low, high) = self._race, self._box
        yield {"type": "choices"}
        if race is None:
            return
        last = {key: value for key, value in race.items() if key != "steps"}
        every = -(-race["steps"] // KEPT_STEPS)
        for step in range(0, race["steps"] if self._who else 0, every):
            more = {"name": self._who, "step": step}
            yield {"type": "update", **last, **more}
        for x in np.linspace(left, right, KEPT + 2)[1:-1]:
            for y in np.linspace(low, high, KEPT + 2)[1:-1]:
                start = {"x": float(f"{x:.4g}"), "y": float(f"{y:.4g}")}
                yield {"type": "race", **race, **start}


# --- what is asked for ----------------------------------------------------------------


def _function(ask: Ask) -> Formula:
    """Return a named surface, or the typed function of x and y."""
    text = ask.text("f", 500)
    return SURFACES[text].formula if text in SURFACES else Formula(text, ("x", "y"))


def _patient(f: Formula) -> Callable[..., Any]:
    """Return the function, which after some seconds refuses to be computed again."""
    end = time.perf_counter() + PATIENCE

    def patient(*values: Any) -> Any:
        if time.perf_counter() > end:
            raise OptionError(
                f"so many steps of this function take more than {PATIENCE:g} seconds: "
                "take fewer, or a shorter function."
            )
        return f(*values)

    return patient


def _box(ask: Ask) -> tuple[float, float, float, float]:
    """Return the rectangle: left, right, lower and upper end."""
    left, right, low, high = ask.numbers("box", -FAR, FAR, least=4, most=4)
    if not (left < right and low < high):
        raise OptionError(
            f"the picture goes from left to right and from below upward, not from "
            f"({left:g}, {low:g}) to ({right:g}, {high:g})."
        )
    return left, right, low, high


def _start(ask: Ask) -> tuple[float, float]:
    return ask.number("x", -FAR, FAR), ask.number("y", -FAR, FAR)


def _rates(name: str) -> list[float]:
    """Return good learning rates for a surface, in the order of `RACERS`."""
    usual = [racer.rate for racer in RACERS]
    own = _RATES.get(name, ())
    return [*own, *usual[len(own) :]]


def _asked_rates(ask: Ask) -> list[float]:
    """Return the learning rates of the request, 0 for who does not run."""
    return ask.numbers("rates", 0.0, FASTEST, least=len(RACERS), most=len(RACERS))


def _makers(ask: Ask) -> dict[str, Callable[..., Any]]:
    """Return what makes each optimizer that has a learning rate."""
    makers: dict[str, Callable[..., Any]] = {
        racer.name: partial(racer.make, lr=rate)
        for racer, rate in zip(RACERS, _asked_rates(ask), strict=True)
        if rate
    }
    if not makers:
        raise OptionError("nobody runs: choose an optimizer.")
    return makers


def _before(
    f: Callable[..., Any],
    start: tuple[float, float],
    make: Callable[..., Any],
    step: int,
) -> tuple[Any, xn.Array]:
    """Return an optimizer and its point just before a step, with the gradient there."""
    w = xn.asarray(start, requires_grad=True)
    optimizer = make([w])
    for k in range(step + 1):
        optimizer.zero_grad()
        f(w[0], w[1]).backward()
        if k < step:
            optimizer.step()
    return optimizer, w
