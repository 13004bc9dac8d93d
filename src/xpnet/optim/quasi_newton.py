"""One call of `LBFGS.step`: directions from the last steps, and where to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..calculus.array import Array
from ..errors import OptionError
from .wolfe import Point, search

if TYPE_CHECKING:
    from .lbfgs import LBFGS

__all__ = ["Run"]

LEAST_CURVATURE = 1e-10  # of a step that is remembered


class Run:
    """One call of `LBFGS.step`."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any]) -> None:
        self.optimizer, self.closure = optimizer, closure
        self.store, self.lib = optimizer.store, optimizer.store.lib
        self.o, self.s = optimizer.param_groups[0], optimizer.state
        self.s.setdefault("func_evals", 0)
        self.s.setdefault("n_iter", 0)

    def run(self) -> Any:
        """Take steps until one of the bounds is met; return the first loss."""
        o, s = self.o, self.s
        first = self.closure()
        loss, g = _number(first), self.store.gradient()
        s["func_evals"] += 1
        calls = 1
        if self.largest(g) <= o["tolerance_grad"]:
            return first
        for i in range(o["max_iter"]):
            s["n_iter"] += 1
            s["d"] = self.direction(g)
            s["prev_flat_grad"], s["prev_loss"] = g, loss
            s["t"] = float(o["lr"])
            if s["n_iter"] == 1:
                total = self.host(self.lib.raw.sum(self.lib.raw.abs(g)))
                s["t"] *= min(1.0, 1.0 / total)
            slope = self.dot(g, s["d"])
            if slope > -o["tolerance_change"]:
                break
            last = i + 1 == o["max_iter"]
            start = Point(0.0, loss, g, slope)
            point, more = self.moved(start, o["max_eval"] - calls, last)
            loss, g = point.loss, point.gradient
            calls += more
            s["func_evals"] += more
            if last or calls >= o["max_eval"] or self.ends(g, loss):
                break
        return first

    def moved(self, start: Point, most: int, last: bool) -> tuple[Point, int]:
        """Move the parameters, and return where they are and the number of calls."""
        s, before = self.s, self.store.vector()
        if self.o["line_search_fn"] is None:
            self.go(before, s["t"])
            if last:  # nobody asks for the loss there
                return start, 0
            return self.here(s["t"]), 1

        def evaluate(t: float) -> Point:
            self.go(before, t)
            return self.here(t)

        width, tolerance = self.largest(s["d"]), self.o["tolerance_change"]
        point, calls = search(evaluate, start, s["t"], width, tolerance, most)
        s["t"] = point.t
        self.go(before, point.t)
        return point, calls

    def go(self, before: Any, t: float) -> None:
        """Move the parameters to ``before + t · d``."""
        state = {"t": t, "d": self.s["d"]}
        raw = self.lib.raw
        vector = self.optimizer.update(raw, before, None, state, self.o)
        self.store.move_to(vector)

    def here(self, t: float) -> Point:
        """Return loss, gradient and slope where the parameters are."""
        loss, g = _number(self.closure()), self.store.gradient()
        return Point(t, loss, g, self.dot(g, self.s["d"]))

    def direction(self, g: Any) -> Any:
        """Return ``−H g``, after remembering the last step: the two-loop recursion."""
        s = self.s
        if s["n_iter"] == 1:
            s["old_dirs"], s["old_stps"], s["ro"], s["H_diag"] = [], [], [], 1.0
            return -g
        self.remember(g)
        past = list(zip(s["old_dirs"], s["old_stps"], s["ro"], strict=True))
        dot = self.lib.raw.matmul
        q, alphas = -g, []
        for y, step, ro in reversed(past):
            alphas.append(ro * dot(step, q))
            q = q - alphas[-1] * y
        d = s["H_diag"] * q
        for (y, step, ro), alpha in zip(past, reversed(alphas), strict=True):
            d = d + (alpha - ro * dot(y, d)) * step
        return d

    def remember(self, g: Any) -> None:
        """Keep the last step and the change of the gradient, if it shows curvature."""
        s = self.s
        y, step = g - s["prev_flat_grad"], s["t"] * s["d"]
        curvature = self.dot(y, step)
        if not curvature > LEAST_CURVATURE:
            return
        pairs = (("old_dirs", y), ("old_stps", step), ("ro", 1.0 / curvature))
        for key, value in pairs:
            s[key] = [*s[key], value][-self.o["history_size"] :]
        s["H_diag"] = curvature / self.dot(y, y)

    def ends(self, g: Any, loss: float) -> bool:
        """Tell whether the gradient is small enough, or the last step did nothing."""
        s, change = self.s, self.o["tolerance_change"]
        small = self.largest(g) <= self.o["tolerance_grad"]
        stays = abs(s["t"]) * self.largest(s["d"]) <= change
        return bool(small or stays or abs(loss - s["prev_loss"]) < change)

    def largest(self, x: Any) -> float:
        """Return the largest absolute value of a vector, 0 if it is empty."""
        return self.host(self.lib.raw.max(self.lib.raw.abs(x))) if x.shape[0] else 0.0

    def dot(self, x: Any, y: Any) -> float:
        """Return the product of two vectors as a number."""
        return self.host(self.lib.raw.matmul(x, y))

    def host(self, x: Any) -> float:
        """Read an array without axes."""
        return float(self.lib.to_host(x))


def _number(loss: Any) -> float:
    """Return a loss as a number, or say what the closure returned instead."""
    if loss is None:
        raise OptionError(
            "LBFGS.step: the closure returned None. Let it return the loss."
        )
    return float(loss.item() if isinstance(loss, Array) else loss)
