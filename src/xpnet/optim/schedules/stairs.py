"""Schedules that stay for a while, and then jump: constant, steps, milestones."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from typing import TYPE_CHECKING, final

from .base import Schedule
from .options import count, number

if TYPE_CHECKING:
    from ..base import Optimizer

__all__ = [
    "ConstantLR",
    "MultiStepLR",
    "StepLR",
]


@final
class ConstantLR(Schedule):
    """A smaller rate for the first steps: ``base · factor``, then ``base``.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        In [0, 1].
    total_iters : int
        How many steps have the smaller rate.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = ConstantLR(opt, factor=0.5, total_iters=1)
    >>> opt.lr
    0.5
    >>> schedule.step()
    >>> opt.lr
    1.0
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.factor = number(self, "factor", factor, high=1.0)
        self.total_iters = count(self, "total_iters", total_iters, 0)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return ``base · factor`` until `total_iters`, then ``base``."""
        return base * self.factor if step < self.total_iters else base


@final
class StepLR(Schedule):
    """Stairs: ``base · gamma ^ floor(step / step_size)``.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
        The length of a stair.
    gamma : float
        The factor from one to the next.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = StepLR(opt, step_size=1, gamma=0.5)
    >>> schedule.step()
    >>> opt.lr
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        step_size: int,
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.step_size = count(self, "step_size", step_size)
        self.gamma = number(self, "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return ``base · gamma ^ floor(step / step_size)``."""
        return float(base * self.gamma ** (step // self.step_size))


@final
class MultiStepLR(Schedule):
    """Stairs of any lengths: ``base · gamma ^ (milestones up to step)``.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : iterable of int
        Where stairs begin; one that stands twice counts twice.
    gamma : float
        The factor from one to the next.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = MultiStepLR(opt, [1, 3], gamma=0.5)
    >>> schedule.step()
    >>> opt.lr
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = sorted(count(self, "a milestone", m, 0) for m in milestones)
        self.gamma = number(self, "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return ``base · gamma ^ (number of milestones up to step)``."""
        return base * self.gamma ** bisect.bisect_right(self.milestones, step)
