"""Schedules made of schedules: one after another, one times another, a warm-up."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, final

from ...errors import OptionError
from .base import Schedule
from .options import count, number

if TYPE_CHECKING:
    from ..base import Optimizer

__all__ = ["ChainedScheduler", "SequentialLR", "WarmUp"]


class _Combined(Schedule):
    """What these share: they use the formulas of others, which are not stepped."""

    absolute = False

    def _start(self, optimizer: Any, parts: Iterable[Any], last_epoch: int) -> None:
        """Check the parts, and set the first rates in place of those they have set."""
        found = list(parts)
        if not found:
            raise OptionError(f"{self.name}: give at least one schedule.")
        for part in found:
            if not isinstance(part, Schedule):
                raise OptionError(
                    f"{self.name}: a {type(part).__name__} is not a schedule with a "
                    "formula. Step it by itself."
                )
            if part.optimizer is not found[0].optimizer:
                raise OptionError(
                    f"{self.name}: the schedules are of different optimizers."
                )
        if optimizer is not None and optimizer is not found[0].optimizer:
            raise OptionError(
                f"{self.name}: the schedules are of another optimizer than the one "
                "given."
            )
        home = found[0].optimizer
        if last_epoch == -1:
            for group in home.param_groups:
                group["lr"] = group["initial_lr"]
        Schedule.__init__(self, home, last_epoch)


@final
class SequentialLR(_Combined):
    """One schedule after another, each from its step 0.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : sequence of Schedule
        Made for the same optimizer. They give their formulas; step this one alone.
    milestones : sequence of int
        The steps at which the second, the third, ... begin.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> parts = [optim.ConstantLR(opt, 0.1), optim.ExponentialLR(opt, 0.5)]
    >>> schedule = SequentialLR(opt, parts, milestones=[2])
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(opt.lr)
    ...     schedule.step()
    >>> rates
    [0.1, 0.1, 1.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[Schedule],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self.schedulers = list(schedulers)
        self.milestones = [count(self, "a milestone", m, 0) for m in milestones]
        if len(self.milestones) != len(self.schedulers) - 1:
            raise OptionError(
                f"SequentialLR: {len(self.schedulers)} schedules need "
                f"{len(self.schedulers) - 1} milestones, not {len(self.milestones)}."
            )
        if self.milestones != sorted(self.milestones):
            raise OptionError(
                f"SequentialLR: milestones must rise; they are {self.milestones}."
            )
        self._start(optimizer, self.schedulers, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return the rate of the schedule whose turn it is."""
        part, step = self._part(step)
        return part.rate(step, base, group)

    def momentum(self, step: float, group: int) -> float | None:
        """Return the momentum of the schedule whose turn it is."""
        part, step = self._part(step)
        return part.momentum(step, group)

    def _part(self, step: float) -> tuple[Schedule, float]:
        i = bisect.bisect_right(self.milestones, step)
        return self.schedulers[i], step - (self.milestones[i - 1] if i else 0)


@final
class ChainedScheduler(_Combined):
    """Schedules on top of one another: each starts from the rate of the one before.

    Where each is a factor to the rate, so is this: their product.

    Parameters
    ----------
    schedulers : sequence of Schedule
        Made for the same optimizer. They give their formulas; step this one alone.
    optimizer : Optimizer, optional
        That of the schedules.

    Notes
    -----
    PyTorch steps each schedule in turn, with the same rates where each is a factor.
    There `LambdaLR` and the cycles undo what comes before them, and a cosine with an
    `eta_min` depends on the order of rounding and of steps; here they are formulas of
    the rate before. A schedule that sets a rate of its own (`OneCycleLR`, `CyclicLR`)
    undoes it here too.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> parts = [optim.ConstantLR(opt, 0.1, 1), optim.ExponentialLR(opt, 0.5)]
    >>> schedule = ChainedScheduler(parts)
    >>> rates = []
    >>> for _ in range(3):
    ...     rates.append(opt.lr)
    ...     schedule.step()
    >>> rates
    [0.1, 0.5, 0.25]
    """

    def __init__(
        self, schedulers: Sequence[Schedule], optimizer: Optimizer | None = None
    ) -> None:
        self.schedulers = list(schedulers)
        self._start(optimizer, self.schedulers, -1)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return the rate after every schedule."""
        for part in self.schedulers:
            base = part.rate(step, base, group)
        return base

    def momentum(self, step: float, group: int) -> float | None:
        """Return the momentum of the last schedule that sets it."""
        found = [part.momentum(step, group) for part in self.schedulers]
        return next((m for m in reversed(found) if m is not None), None)


@final
class WarmUp(_Combined):
    """A line up to the first rate of any schedule, and then that schedule.

    At step t of the first `steps`: ``first · (s + (1 − s) · t / steps)``, where
    ``first`` is the schedule's rate at its step 0 and ``s`` is `start_factor`.

    Parameters
    ----------
    schedule : Schedule
        What comes after. It gives its formula; step this one alone.
    steps : int
        The number of steps before it; 0 changes nothing.
    start_factor : float, optional
        The factor at step 0; by default ``1 / (steps + 1)``: equal stairs from 0.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Notes
    -----
    PyTorch has no such class: there it is ``SequentialLR(opt, [LinearLR(opt,
    start_factor, total_iters=steps), schedule], [steps])``, with the same rates where
    the schedule begins at the rate of the optimizer. For `ReduceLROnPlateau`, step it
    beside ``WarmUp(ConstantLR(opt, 1.0), steps)``.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = WarmUp(optim.CosineAnnealingLR(opt, T_max=2), steps=3)
    >>> rates = []
    >>> for _ in range(6):
    ...     rates.append(round(opt.lr, 6))
    ...     schedule.step()
    >>> rates
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        schedule: Schedule,
        steps: int,
        start_factor: float | None = None,
        last_epoch: int = -1,
    ) -> None:
        self.schedule = schedule
        self.steps = count(self, "steps", steps, 0)
        if start_factor is None:
            start_factor = 1 / (self.steps + 1)
        self.start_factor = number(self, "start_factor", start_factor)
        self._start(None, [schedule], last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return the point of the line, or the rate of the schedule."""
        if step >= self.steps:
            return self.schedule.rate(step - self.steps, base, group)
        s = self.start_factor
        first = self.schedule.rate(0, base, group)
        return first * (s + (1 - s) * step / self.steps)

    def momentum(self, step: float, group: int) -> float | None:
        """Return the momentum of the schedule, in the warm-up that of its step 0."""
        return self.schedule.momentum(max(step - self.steps, 0), group)
