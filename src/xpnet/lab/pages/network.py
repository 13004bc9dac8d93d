"""A network that learns while you watch, and steps back as well as forward."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, final

import numpy as np

from ...errors import OptionError
from .. import health
from ..ask import Ask
from ..look import Look, look
from ..networks import ACTIVATIONS, DATA, LOSSES, OPTIMIZERS, OWN, Config, build
from ..own import Own, like_parameter
from ..page import Page, request
from ..plane import Plane
from ..timeline import Timeline
from ..training import host
from ..units import DRAWN, layer_row, units_and_edges
from ..wire import Frame

__all__ = ["Network"]

CURVE = 300  # points of the loss curve, at most
MARKS = 120  # steps of an export, at most
LOOKED = 2000  # examples that loss and accuracy are computed from, at most
PATIENCE = 0.25  # seconds that one answer may train


@final
class Network(Page):
    """The page Network.

    "start" makes a run of what is chosen, "train" takes steps, "go" goes to a step that
    has been reached, "rate" changes the learning rate from here on, and "show" changes
    what is looked at. Each is answered by the same frame: where the run is, what the
    network does there, and how it is.
    """

    name, title = "network", "Network"

    def __init__(self, own: Own | None = None) -> None:
        super().__init__(own)
        self._begin(Ask({}))

    # --- requests ---------------------------------------------------------------------

    @request("start", keep="never")
    def start(self, ask: Ask) -> Frame:
        """Begin a run; the answer also has the points and what can be chosen."""
        self._begin(ask)
        return self._complete(self._frame(ask))

    @request("train", keep="never")
    def train(self, ask: Ask) -> Frame:
        """Take steps, as many as there is time for."""
        self.timeline.forward(ask.whole("steps", 1, 1000, default=1), PATIENCE)
        return self._frame(ask)

    @request("go", keep="never")
    def go(self, ask: Ask) -> Frame:
        """Go to an earlier step, or to a later one that has been reached."""
        self.timeline.go(ask.whole("step", 0, 10**9))
        return self._frame(ask)

    @request("rate", keep="never")
    def rate(self, ask: Ask) -> Frame:
        """Change the learning rate here; the steps that came after are forgotten."""
        self.timeline.set_rate(ask.number("lr", 0.0, 100.0))
        return self._frame(ask)

    @request("show", keep="never")
    def show(self, ask: Ask) -> Frame:
        """Look at an example, or other axes, without a step."""
        return self._frame(ask)

    # --- an export --------------------------------------------------------------------

    @request("open", keep="anew")
    def open(self, ask: Ask) -> Frame:
        """Answer as "start" does, for the run as it is: how an export begins."""
        return self._complete(self._frame(ask))

    @request("mark", keep="last")
    def mark(self, ask: Ask) -> Frame:
        """Answer as "go" does: a step that an export keeps."""
        return self.go(ask)

    def keep(self) -> Iterable[dict[str, Any]]:
        """Return what a run begins with, and each mark of the time slider."""
        here, last = self.timeline.step, self.timeline.furthest
        count = min(last, MARKS - 1)
        steps = sorted({round(i * last / max(count, 1)) for i in range(count + 1)})
        yield {"page": self.name, "type": "open"}
        for step in steps:
            yield {"page": self.name, "type": "mark", "step": step}
        yield {"page": self.name, "type": "go", "step": here}

    # --- the run ----------------------------------------------------------------------

    def _begin(self, ask: Ask) -> None:
        config = Config.read(ask, self.own)
        run, problem = build(config, self.own)
        self.config, self.run, self.problem = config, run, problem
        self.timeline = Timeline(run)
        self.example = -1
        self.plane = Plane(problem) if Plane.exists(problem) else None
        self._features = host(problem.x)

    def _see(self, ask: Ask) -> None:
        """Read what is to be looked at: an example (-1: all), and two features."""
        last = len(self._features) - 1
        self.example = ask.whole("example", -1, last, default=self.example)
        if "axes" in ask and self.plane is not None:
            most = self._features.shape[1] - 1
            i, j = ask.numbers("axes", 0, most, least=2, most=2)
            if i == j or i != int(i) or j != int(j):
                raise OptionError(f"axes are two different features, not {i} and {j}.")
            if (i, j) != self.plane.axes:
                self.plane = Plane(self.problem, (int(i), int(j)))

    # --- the answer -------------------------------------------------------------------

    def _frame(self, ask: Ask) -> Frame:
        """Return where the run is, and what the network does there."""
        self._see(ask)
        run, line, problem = self.run, self.timeline, self.problem
        seen = look(run.model, problem.loss, problem.x[:LOOKED], problem.y[:LOOKED])
        one = seen if self.example < 0 else self._one()
        found = health.findings(
            seen.layers, line.losses[: line.step], line.change, run.optimizer.lr
        )
        rows = slice(LOOKED) if self.example < 0 else [self.example]
        network, arrays = units_and_edges(run.model, one, self._features[rows])
        header = {
            **self._place(seen),
            "example": self._example(one),
            "health": [finding._asdict() for finding in found],
            "layers": [layer_row(layer) for layer in seen.layers],
            "network": network,
        }
        steps, losses = line.curve(CURVE)
        arrays["curve.step"] = np.array(steps, dtype=np.int32)
        arrays["curve.loss"] = np.array(losses, dtype=np.float64)
        if self.plane is not None:
            arrays.update(self.plane.said(run.model))
            header |= {"bounds": self.plane.bounds, "axes": list(self.plane.axes)}
        return Frame(header, arrays)

    def _place(self, seen: Look) -> dict[str, Any]:
        """Return where the run is, and how good the network is there."""
        run, line, problem = self.run, self.timeline, self.problem
        right = None
        if problem.task != "numbers":
            right = float(np.mean(problem.right(seen.outputs)))
        return {
            "config": self.config._asdict() | {"lr": run.optimizer.lr},
            "task": problem.task,
            "classes": list(problem.classes),
            "examples": len(self._features),
            "looked": min(len(self._features), LOOKED),
            "features": math.prod(self._features.shape[1:]),
            "step": line.step,
            "epoch": run.epoch,
            "furthest": line.furthest,
            "stopped": line.stopped(),
            "exact": line.exact,
            "rates": line.rates,
            "state": run.snapshot().fingerprint(),
            "loss": seen.loss,
            "accuracy": right,
            "batch_loss": line.losses[line.step - 1] if line.step else None,
            "change": line.change if line.step else None,
            "optimizer": repr(run.optimizer),
            "model": repr(run.model),
        }

    def _one(self) -> Look:
        """Look at the chosen example alone: its own loss, its own gradients."""
        part = slice(self.example, self.example + 1)
        x, y = self.problem.x[part], self.problem.y[part]
        return look(self.run.model, self.problem.loss, x, y)

    def _example(self, seen: Look) -> dict[str, Any] | None:
        """Return what the network makes of the chosen example."""
        if self.example < 0:
            return None
        problem, i = self.problem, self.example
        out = like_parameter(seen.outputs, next(iter(self.run.model.parameters())))
        return {
            "index": i,
            "target": problem.labels[i].tolist(),
            "prediction": host(problem.prediction(out)).reshape(-1)[:DRAWN].tolist(),
            "loss": seen.loss,
        }

    def _complete(self, frame: Frame) -> Frame:
        """Add the points, and what can be chosen."""
        frame.header["choices"] = {
            "data": [*([OWN] if self.own else []), *DATA],
            "activation": list(ACTIVATIONS),
            "loss": list(LOSSES),
            "optimizer": list(OPTIMIZERS),
        }
        frame.arrays.update({} if self.plane is None else self.plane.points())
        return frame
