"""Schedules that go one way: constant, steps, exponential, linear, cosine, any."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, final

from .base import Schedule, count, for_each_group, number

if TYPE_CHECKING:
    from ..base import Optimizer

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "PolynomialLR",
    "StepLR",
]

Factor = Callable[[int], float]


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


@final
class ExponentialLR(Schedule):
    """A constant factor at each step: ``base · gamma ^ step``.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
        The factor.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = ExponentialLR(opt, gamma=0.5)
    >>> schedule.step()
    >>> schedule.step()
    >>> opt.lr
    0.25
    """

    def __init__(
        self, optimizer: Optimizer, gamma: float, last_epoch: int = -1
    ) -> None:
        self.gamma = number(self, "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return ``base · gamma ^ step``."""
        return float(base * self.gamma**step)


@final
class LinearLR(Schedule):
    """A line: ``base · (start_factor + (end_factor − start_factor) · step / total)``.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor, end_factor : float
        The factors at step 0, above 0, and from step `total_iters` on; up to 1.
    total_iters : int
        The step at which the line ends.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = LinearLR(opt, start_factor=0.5, total_iters=2)
    >>> schedule.step()
    >>> opt.lr
    0.75
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = number(self, "start_factor", start_factor, 5e-324, 1.0)
        self.end_factor = number(self, "end_factor", end_factor, high=1.0)
        self.total_iters = count(self, "total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return the point of the line."""
        done = min(self.total_iters, step) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)


@final
class PolynomialLR(Schedule):
    """A power of what is left: ``base · (1 − step / total_iters) ^ power``, then 0.

    Parameters
    ----------
    optimizer : Optimizer
    total_iters : int
        The step at which the rate is 0.
    power : float
        1 is a line.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = PolynomialLR(opt, total_iters=2, power=2.0)
    >>> schedule.step()
    >>> opt.lr
    0.25
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters = count(self, "total_iters", total_iters)
        self.power = number(self, "power", power)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return ``base · (1 − step / total_iters) ^ power``."""
        left = 1.0 - min(self.total_iters, step) / self.total_iters
        return float(base * left**self.power)


@final
class CosineAnnealingLR(Schedule):
    """Half a cosine: ``eta_min + (base − eta_min) · (1 + cos(π · step / T_max)) / 2``.

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
        The step at which the rate is `eta_min`; after it the rate rises again.
    eta_min : float
        The least rate.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Notes
    -----
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR
    2017, equation 5; for its restarts see `CosineAnnealingWarmRestarts`.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = CosineAnnealingLR(opt, T_max=2)
    >>> schedule.step()
    >>> opt.lr
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_max = count(self, "T_max", T_max)
        self.eta_min = number(self, "eta_min", eta_min)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return the point of the cosine."""
        wave = (1 + math.cos(math.pi * step / self.T_max)) / 2
        return self.eta_min + (base - self.eta_min) * wave


@final
class LambdaLR(Schedule):
    """Any factor: ``base · lr_lambda(step)``.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or list of them
        Takes the step, returns the factor; one for each group, or one for all. It is
        not saved.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = LambdaLR(opt, lambda step: 1 / (1 + step))
    >>> schedule.step()
    >>> opt.lr
    0.5
    """

    absolute = True

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Factor | Sequence[Factor],
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = optimizer
        self.lr_lambda = lr_lambda
        self._factors: list[Factor] = for_each_group(self, "lr_lambda", lr_lambda)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return ``base · lr_lambda(step)``."""
        return base * self._factors[group](int(step))


@final
class MultiplicativeLR(Schedule):
    """Any factor at each step: ``base · lr_lambda(1) · ... · lr_lambda(step)``.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or list of them
        Takes the step, from 1, and returns the factor to the rate before; one for each
        group, or one for all. It is not saved.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Notes
    -----
    The product has no closed formula: it is kept, and multiplied anew where a step is
    not the one after the last.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = MultiplicativeLR(opt, lambda step: 0.5)
    >>> schedule.step()
    >>> schedule.step()
    >>> opt.lr
    0.25
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Factor | Sequence[Factor],
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = optimizer
        self.lr_lambda = lr_lambda
        self._factors: list[Factor] = for_each_group(self, "lr_lambda", lr_lambda)
        self._products: dict[int, list[float]] = {}  # by group, of steps 0, 1, ...
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return ``base`` times the product of the factors so far."""
        made = self._products.setdefault(group, [1.0])
        while len(made) <= step:
            made.append(made[-1] * self._factors[group](len(made)))
        return base * made[int(step)]
