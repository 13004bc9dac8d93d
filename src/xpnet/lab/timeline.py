"""A time machine: any earlier step of a run again, in bounded memory."""

from __future__ import annotations

import math
import time
from array import array
from typing import final

import numpy as np

from .training import Run, Snapshot

__all__ = ["Timeline"]

LIMIT = 200_000
"""The steps after which a run is not continued: the losses of all are kept."""


@final
class Timeline:
    """The steps of a run so far, with a way back to each.

    Snapshots are kept at intervals. An earlier step is the snapshot before it and the
    steps after that taken once more, with the same batches: the same numbers, bit for
    bit. When snapshots take more than `memory`, every other one is dropped.

    Parameters
    ----------
    run : Run
        At step 0.
    memory : int
        Bytes that the arrays of all snapshots may take; two are always kept.
    every : int
        The interval at the beginning.

    Attributes
    ----------
    losses : array of float
        The loss of the batch of each step taken.
    change : float
        The size of the last step over the size of the parameters before it; NaN where
        its loss is not finite.
    exact : bool
        Whether repeated steps have given the losses that they gave the first time.
    """

    def __init__(self, run: Run, memory: int = 32 << 20, every: int = 10) -> None:
        self.run, self.memory, self.every = run, memory, every
        self.losses = array("d")
        self.change = 0.0
        self.exact = True
        self._rates: dict[int, float] = {}
        first = run.snapshot()
        self._saved: dict[int, Snapshot] = {0: first}
        self._most = max(2, memory // max(1, first.nbytes() * 3))

    @property
    def step(self) -> int:
        """The number of steps that the run has taken to where it is."""
        return self.run.step

    @property
    def furthest(self) -> int:
        """The last step that has been reached."""
        return len(self.losses)

    @property
    def snapshots(self) -> int:
        """The number of snapshots kept."""
        return len(self._saved)

    @property
    def rates(self) -> list[tuple[int, float]]:
        """The learning rates that were chosen on the way, each with its step."""
        return sorted(self._rates.items())

    def stopped(self) -> bool:
        """Tell whether no step follows: the loss is no number, or the limit is hit."""
        broken = self.step > 0 and not math.isfinite(self.losses[self.step - 1])
        return broken or self.step >= LIMIT

    def forward(self, steps: int, seconds: float = math.inf) -> None:
        """Take steps, fewer if they take longer than `seconds` or the loss is lost."""
        end = time.perf_counter() + seconds
        for i in range(steps):
            if self.stopped():
                return
            late = time.perf_counter() > end
            last = late or i == steps - 1 or self.step == LIMIT - 1
            self._one(measure=last)
            if late:
                return

    def go(self, step: int) -> None:
        """Go to a step that has been reached before.

        The step itself is always taken, never read from a snapshot: so what belongs to
        a step, as `change`, is there again.
        """
        step = min(max(step, 0), self.furthest)
        if step == self.step:
            return
        known = max(s for s in self._saved if s <= max(step - 1, 0))
        if step < self.step or known > self.step:
            self.run.restore(self._saved[known])
            self.change = 0.0
            self._settle()
        self.forward(step - self.step)

    def set_rate(self, rate: float) -> None:
        """Set the learning rate from here on; what came after is forgotten."""
        self.run.optimizer.lr = rate
        del self.losses[self.step :]
        for known in (self._saved, self._rates):
            for later in [s for s in known if s > self.step]:
                del known[later]
        self._rates[self.step] = rate

    def curve(self, points: int) -> tuple[list[int], list[float]]:
        """Return at most `points` steps, the last among them, and their losses."""
        stride = -(-self.furthest // points) or 1
        steps = list(range(self.furthest, 0, -stride))[::-1]
        return steps, [self.losses[s - 1] for s in steps]

    def _one(self, measure: bool) -> None:
        """Take one step, and note it."""
        run, step = self.run, self.step
        if step % self.every == 0 and step not in self._saved:
            self._keep(run.snapshot())
        before = run.weights() if measure else None
        loss = run.advance()
        if step < len(self.losses):
            self.exact = self.exact and _same(self.losses[step], loss)
        else:
            self.losses.append(loss)
        if before is not None:
            self.change = _ratio(run.weights() - before, before)
        if not math.isfinite(loss):
            self.change = math.nan
        self._settle()

    def _settle(self) -> None:
        """Set the learning rate that was chosen at this step, if one was."""
        if self.step in self._rates:
            self.run.optimizer.lr = self._rates[self.step]

    def _keep(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; where there are too many, drop every other one."""
        self._saved[snapshot.step] = snapshot
        while len(self._saved) > self._most:
            self.every *= 2
            kept = {s: x for s, x in self._saved.items() if s % self.every == 0}
            self._saved = kept


def _same(x: float, y: float) -> bool:
    return x == y or (math.isnan(x) and math.isnan(y))


def _ratio(change: np.ndarray, before: np.ndarray) -> float:
    """Return the length of one vector over that of another; 0 where both are 0."""
    top, bottom = (float(np.linalg.norm(v.astype("float64"))) for v in (change, before))
    return top / bottom if bottom else (math.inf if top else 0.0)
