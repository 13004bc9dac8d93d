"""Cosines one after another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, final

from .base import Schedule
from .options import count, number

if TYPE_CHECKING:
    from ..base import Optimizer

__all__ = [
    "CosineAnnealingWarmRestarts",
]


@final
class CosineAnnealingWarmRestarts(Schedule):
    """Half cosines one after another, each `T_mult` times as long as the one before.

    ``eta_min + (base − eta_min) · (1 + cos(π · T_cur / T_i)) / 2``, where ``T_cur``
    counts the steps since the last restart and ``T_i`` is the length of this cosine.

    Parameters
    ----------
    optimizer : Optimizer
    T_0 : int
        The length of the first.
    T_mult : int
        The factor from one length to the next.
    eta_min : float
        The least rate.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Notes
    -----
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR
    2017, equation 5.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = CosineAnnealingWarmRestarts(opt, T_0=2)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(opt.lr, 6))
    ...     schedule.step()
    >>> rates
    [1.0, 0.5, 1.0, 0.5]
    """

    absolute = True
    kept = (*Schedule.kept, "_part")

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_0, self.T_mult = count(self, "T_0", T_0), count(self, "T_mult", T_mult)
        self.eta_min = number(self, "eta_min", eta_min)
        self._part = 0.0  # of an epoch, beyond last_epoch
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next step, or to `epoch`, which may have a fraction."""
        if epoch is None:
            epoch = self.last_epoch + self._part + 1
        number(self, "epoch", epoch)
        self._set(epoch)
        self._part = epoch - self.last_epoch

    def rate(self, step: float, base: float, group: int) -> float:
        """Return the point of the cosine that the step lies on."""
        length = self.T_0
        if self.T_mult == 1:
            step = step % length
        while step >= length:
            step, length = step - length, length * self.T_mult
        wave = (1 + math.cos(math.pi * step / length)) / 2
        return self.eta_min + (base - self.eta_min) * wave
