"""The schedule that looks at the results: a smaller rate where they stop improving."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from ...errors import OptionError
from .options import count, for_each_group, number

if TYPE_CHECKING:
    from ..base import Optimizer

__all__ = ["ReduceLROnPlateau"]


@final
class ReduceLROnPlateau:
    """Multiply the rate by `factor` when a metric has stopped improving.

    Parameters
    ----------
    optimizer : Optimizer
    mode : str
        Whether the metric should become small, ``"min"``, or large, ``"max"``.
    factor : float
        From 0 to less than 1.
    patience : int
        How many steps in a row without improvement are put up with.
    threshold : float
        What counts as an improvement: ``m < best · (1 − threshold)`` with
        ``threshold_mode="rel"``, ``m < best − threshold`` with ``"abs"``; for ``"max"``
        the signs are the other way round.
    threshold_mode : str
        ``"rel"`` or ``"abs"``.
    cooldown : int
        How many steps after a change are not counted.
    min_lr : float or list of float
        The least rate, of all groups or of each.
    eps : float
        A smaller change than this is not made.

    Attributes
    ----------
    best : float
        The best metric so far.
    num_bad_epochs : int
        The number of steps since without improvement.
    last_epoch : int
        The number of steps.

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    A metric that is NaN never improves. As there is no formula of the step, this cannot
    be a part of `SequentialLR`, `ChainedScheduler` or `WarmUp`; used beside another
    schedule, each scales what the other has set.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = ReduceLROnPlateau(opt, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     schedule.step(loss)
    >>> opt.lr
    0.1
    """

    kept = ("best", "cooldown_counter", "num_bad_epochs", "last_epoch", "_last_lr")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer = optimizer
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise OptionError(
                "ReduceLROnPlateau: mode is 'min' or 'max', and threshold_mode 'rel' "
                f"or 'abs'; they are {mode!r} and {threshold_mode!r}."
            )
        self.mode, self.threshold_mode = mode, threshold_mode
        self.factor = number(self, "factor", factor)
        if factor >= 1:
            raise OptionError(
                f"ReduceLROnPlateau: factor is {factor!r}; it must be below 1."
            )
        self.patience = count(self, "patience", patience, 0)
        self.cooldown = count(self, "cooldown", cooldown, 0)
        self.threshold = number(self, "threshold", threshold)
        self.eps = number(self, "eps", eps)
        self.min_lr = min_lr
        for_each_group(self, "min_lr", min_lr)
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = self.last_epoch = 0
        self._last_lr = [group["lr"] for group in optimizer.param_groups]

    name = "ReduceLROnPlateau"

    def step(self, metrics: Any) -> None:
        """Take the metric of an epoch: a number, or an array that is read as one."""
        value = float(metrics.item() if hasattr(metrics, "item") else metrics)
        self.last_epoch += 1
        if self._is_better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _is_better(self, value: float) -> bool:
        sign = 1.0 if self.mode == "min" else -1.0
        if self.threshold_mode == "rel":
            return sign * value < sign * self.best * (1.0 - sign * self.threshold)
        return sign * value < sign * self.best - self.threshold

    def _reduce(self) -> None:
        lows = for_each_group(self, "min_lr", self.min_lr)
        for low, group in zip(lows, self.optimizer.param_groups, strict=True):
            rate = max(group["lr"] * self.factor, low)
            if group["lr"] - rate > self.eps:
                group["lr"] = rate

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group after the last step."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """Return what is needed to go on; the options are not part of it."""
        state = {key: getattr(self, key) for key in self.kept}
        return state | {"_last_lr": list(self._last_lr)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned, here or in PyTorch.

        Raises
        ------
        OptionError
            If it is no such state.
        """
        missing = [key for key in self.kept if key not in state_dict]
        if missing:
            raise OptionError(
                f"ReduceLROnPlateau.load_state_dict: the state has no {missing}."
            )
        for key in self.kept:
            setattr(self, key, state_dict[key])
        self._last_lr = list(self._last_lr)

    def __repr__(self) -> str:
        names = (
            "mode", "factor", "patience", "threshold", "threshold_mode", "cooldown",
            "min_lr", "eps", "last_epoch",
        )  # fmt: skip
        return f"{self.name}({', '.join(f'{n}={getattr(self, n)!r}' for n in names)})"
