"""Schedules that go down along a curve: exponential, linear, polynomial, cosine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, final

from .base import Schedule
from .options import count, number

if TYPE_CHECKING:
    from ..base import Optimizer

__all__ = [
    "CosineAnnealingLR",
    "ExponentialLR",
    "LinearLR",
    "PolynomialLR",
]


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
        self.start_factor = number(self, "start_factor", start_factor, high=1.0)
        number(self, "start_factor", start_factor, ends=False)
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
