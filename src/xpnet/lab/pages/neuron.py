"""The page Neuron: one neuron, step by step, with every number of the chain rule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, final

from ...learn.explain import explain
from ..ask import Ask
from ..chain import chain
from ..neurons import Given, Pull, forward, pull_of, update
from ..own import Own
from ..page import Page, request
from ..wire import Frame

__all__ = ["Neuron"]

STEPS = 1000  # of one request, at most
KEPT = 20  # steps that an export can take


@final
class Neuron(Page):
    """The page Neuron.

    Every request has the whole neuron with its examples, and the answer depends on
    nothing else. "show" is answered with all numbers, "explain" with the chain rule of
    one parameter, "step" with all numbers after some steps of gradient descent.
    """

    name, title = "neuron", "Neuron"

    def __init__(self, own: Own | None = None) -> None:
        super().__init__(own)
        self._seen: Given | None = None  # the last neuron that was shown

    @request("show", keep="last")
    def show(self, ask: Ask) -> Frame:
        """Answer with every number of the chosen example, and the tug of war."""
        self._seen = Given.read(ask)
        return Frame(_numbers(self._seen))

    @request("step", keep="last")
    def step(self, ask: Ask) -> Frame:
        """Take steps; answer as "show" does for where they led, with all costs."""
        given = self._seen = Given.read(ask)
        costs = []
        for _ in range(ask.whole("steps", 1, STEPS, default=1)):
            done = update(given)
            if not all(map(math.isfinite, (*done.given.weights, done.given.bias))):
                break
            costs.append(done.cost)
            given = done.given
        return Frame(_numbers(given) | {"costs": costs})

    @request("explain", keep="last")
    def explain(self, ask: Ask) -> Frame:
        """Answer with the chain rule from one parameter to the loss of the example."""
        given = Given.read(ask)
        name = ask.choice("wrt", given.names)
        parameters = given.parameters()
        run = forward(given, given.examples[given.chosen], parameters)
        wrt = parameters[given.names.index(name)]
        found = chain(explain(run.loss, wrt, names=run.names(given, parameters)))
        found["steps"] = [step for step in found["steps"] if step["named"]]
        return Frame({"explanation": found})

    def keep(self) -> Iterable[dict[str, Any]]:
        """Return requests for each example and parameter, and for the next steps."""
        if self._seen is None:
            return
        first = given = self._seen
        for chosen in range(len(given.examples)):
            there = given._replace(chosen=chosen)
            yield self._asking("show", there)
            for name in given.names:
                yield self._asking("explain", there, wrt=name)
        for _ in range(KEPT):
            yield self._asking("step", given, steps=1)
            given = update(given).given
            for name in given.names:
                yield self._asking("explain", given, wrt=name)
        yield self._asking("show", first)

    def _asking(self, kind: str, given: Given, **more: Any) -> dict[str, Any]:
        """Return a request as the browser makes it."""
        flat = [value for row in given.examples for value in row]
        fields = given._asdict() | {"examples": flat}
        return {"page": self.name, "type": kind, **fields, **more}


def _numbers(given: Given) -> dict[str, Any]:
    """Return every number of the page."""
    pulls = [pull_of(given, row) for row in given.examples]
    done = update(given)
    after = done.given
    old, new = ([*g.weights, g.bias] for g in (given, after))
    rows = zip(given.names, old, done.gradients, new, strict=True)
    return {
        "given": given._asdict(),
        "names": given.names,
        "pulls": [pull._asdict() for pull in pulls],
        "cost": done.cost,
        "update": [
            {"name": name, "old": w, "gradient": g, "new": w_new}
            for name, w, g, w_new in rows
        ],
        "cost_after": update(after).cost,
        "note": _note(given, pulls[given.chosen]),
    }


def _note(given: Given, pull: Pull) -> str:
    """Return a sentence where something is out of the ordinary, else nothing."""
    if not math.isfinite(pull.loss):
        return (
            f"The loss is no finite number: a = {pull.a:g} is too near to 0 or 1, and "
            "the logarithm of 0 is −∞. losses.binary_cross_entropy_with_logits takes z "
            "and keeps all digits."
        )
    if given.activation == "ReLU" and pull.z <= 0:
        return (
            "ReLU gives 0 for this example, and its slope is 0: no gradient passes, "
            "and this example pulls nothing."
        )
    if given.activation in ("sigmoid", "tanh") and abs(pull.z) > 5:
        return (
            f"At z = {pull.z:.3g} the {given.activation} is flat: da/dz is small, and "
            "little gradient passes."
        )
    return ""
