"""Schedules of any function: that of the step, or from one step to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, final

from .base import Schedule
from .options import for_each_group

if TYPE_CHECKING:
    from ..base import Optimizer

__all__ = [
    "LambdaLR",
    "MultiplicativeLR",
]

Factor = Callable[[int], float]


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
