"""Schedules that go up and down, the momentum with them: one cycle, cycles."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, final

from ...errors import OptionError
from .base import Schedule
from .options import count, for_each_group, groups_of, number

if TYPE_CHECKING:
    from ..base import Optimizer

__all__ = ["CyclicLR", "OneCycleLR"]

Rates = float | Sequence[float]


class _Cycling(Schedule):
    """What the schedules share that set the momentum too."""

    absolute = True
    cycle_momentum: bool

    def _momenta(self, low: Rates, high: Rates) -> list[tuple[float, float]]:
        """Return the least and the largest momentum of each group."""
        for group in groups_of(self, self.optimizer):
            if "momentum" not in group and "betas" not in group:
                raise OptionError(
                    f"{self.name}: {self.optimizer.name} has no momentum to cycle. "
                    "Pass cycle_momentum=False."
                )
        return self._pairs("base_momentum", low, "max_momentum", high, 1.0)

    def _pairs(
        self, one: str, low: Rates, two: str, high: Rates, most: float = math.inf
    ) -> list[tuple[float, float]]:
        lows, highs = for_each_group(self, one, low), for_each_group(self, two, high)
        for a, b in zip(lows, highs, strict=True):
            number(self, one, a, high=most)
            number(self, two, b, high=most)
        return list(zip(lows, highs, strict=True))


@final
class OneCycleLR(_Cycling):
    """Up to a large rate and down to a tiny one, while the momentum does the contrary.

    From ``max_lr / div_factor`` to ``max_lr`` in the first ``pct_start`` of the steps,
    then to ``max_lr / div_factor / final_div_factor``, along half cosines or lines. The
    momentum goes from `max_momentum` to `base_momentum` and back.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float or list of float
        The largest rate, of all groups or of each.
    total_steps : int, optional
        The number of steps of the cycle; or ``epochs`` times ``steps_per_epoch``.
    epochs, steps_per_epoch : int, optional
        Instead of `total_steps`.
    pct_start : float
        The part of the steps in which the rate rises.
    anneal_strategy : str
        ``"cos"`` or ``"linear"``.
    cycle_momentum : bool
        Whether to set ``momentum``, or the first of ``betas``.
    base_momentum, max_momentum : float or list of float
        The least and the largest momentum.
    div_factor, final_div_factor : float
        See above.
    three_phase : bool
        Whether to go down as fast as up, to the first rate, and to the last after it.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Raises
    ------
    OptionError
        If an option is out of range; at a step, if it is beyond `total_steps`.

    Notes
    -----
    Smith and Topin, "Super-Convergence", 2017, https://arxiv.org/abs/1708.07120. The
    rate that the optimizer was made with plays no part.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = OneCycleLR(opt, max_lr=1.0, total_steps=10)
    >>> round(opt.lr, 6), opt.param_groups[0]["momentum"]
    (0.04, 0.95)
    >>> schedule.step()
    >>> schedule.step()
    >>> opt.lr, opt.param_groups[0]["momentum"]
    (1.0, 0.85)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Rates,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Rates = 0.85,
        max_momentum: Rates = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = optimizer
        self.epochs, self.steps_per_epoch = epochs, steps_per_epoch
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise OptionError(
                    "OneCycleLR: give total_steps, or epochs and steps_per_epoch."
                )
            epochs = count(self, "epochs", epochs)
            total_steps = epochs * count(self, "steps_per_epoch", steps_per_epoch)
        self.total_steps = count(self, "total_steps", total_steps)
        self.pct_start = number(self, "pct_start", pct_start, high=1.0)
        if anneal_strategy not in _ANNEAL:
            raise OptionError(
                "OneCycleLR: anneal_strategy is 'cos' or 'linear', not "
                f"{anneal_strategy!r}."
            )
        self.anneal_strategy, self.three_phase = anneal_strategy, three_phase
        self.div_factor = number(self, "div_factor", div_factor, ends=False)
        self.final_div_factor = number(
            self, "final_div_factor", final_div_factor, ends=False
        )
        self.cycle_momentum = cycle_momentum
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        self.max_lr = max_lr
        self._lrs = self._pairs("max_lr", max_lr, "max_lr", max_lr)
        self._between = [(0.0, 0.0)] * len(self._lrs)
        if cycle_momentum:
            self._between = self._momenta(base_momentum, max_momentum)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return the point of the phase that the step lies in."""
        top = self._lrs[group][1]
        first = top / self.div_factor
        last = first / self.final_div_factor
        ends = [first, top, first, last] if self.three_phase else [first, top, last]
        return self._along(step, ends)

    def momentum(self, step: float, group: int) -> float | None:
        """Return the momentum, which falls where the rate rises."""
        if not self.cycle_momentum:
            return None
        low, high = self._between[group]
        ends = [high, low, high, high] if self.three_phase else [high, low, high]
        return self._along(step, ends)

    def _along(self, step: float, ends: list[float]) -> float:
        """Return the point between two of the values at the ends of the phases."""
        if step > self.total_steps:
            raise OptionError(
                f"OneCycleLR: step {step} is beyond total_steps={self.total_steps}."
            )
        turns = [float(self.pct_start * self.total_steps) - 1, self.total_steps - 1.0]
        if self.three_phase:
            turns.insert(1, float(2 * self.pct_start * self.total_steps) - 2)
        i = next((i for i, turn in enumerate(turns[:-1]) if step <= turn), -1)
        i = i % len(turns)
        begin = turns[i - 1] if i else 0.0
        length = turns[i] - begin
        part = (step - begin) / length if length else 1.0
        return _ANNEAL[self.anneal_strategy](ends[i], ends[i + 1], part)


def _cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * part))


def _line(start: float, end: float, part: float) -> float:
    return start + (end - start) * part


_ANNEAL: dict[str, Callable[[float, float, float], float]] = {
    "cos": _cosine,
    "linear": _line,
}


@final
class CyclicLR(_Cycling):
    """Lines up and down between two rates, while the momentum does the contrary.

    ``base_lr + (max_lr − base_lr) · height · scale``, where ``height`` goes from 0 to 1
    in `step_size_up` steps and back in `step_size_down`, and ``scale`` is 1
    (``"triangular"``), ``1 / 2^(cycle − 1)`` (``"triangular2"``) or ``gamma^step``
    (``"exp_range"``).

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float or list of float
        The least and the largest rate, of all groups or of each.
    step_size_up : int
        The number of steps up.
    step_size_down : int, optional
        The number of steps down; by default as many.
    mode : str
        See above.
    gamma : float
        See above.
    scale_fn : callable, optional
        Takes the number of the cycle, from 1, or the step, and returns the scale; then
        `mode` is ignored. It is not saved.
    scale_mode : str
        What `scale_fn` takes: ``"cycle"`` or ``"iterations"``.
    cycle_momentum : bool
        Whether to set ``momentum``, or the first of ``betas``.
    base_momentum, max_momentum : float or list of float
        The least and the largest momentum.
    last_epoch : int
        The step to go on from; -1 starts anew.

    Notes
    -----
    Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> opt = optim.SGD([asarray([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = CyclicLR(opt, 0.0, 1.0, step_size_up=2)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(opt.lr, 6))
    ...     schedule.step()
    >>> rates
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Rates,
        max_lr: Rates,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Rates = 0.8,
        max_momentum: Rates = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = optimizer
        if mode not in _SCALES and scale_fn is None:
            raise OptionError(f"CyclicLR: mode is one of {[*_SCALES]}, not {mode!r}.")
        if scale_mode not in ("cycle", "iterations"):
            raise OptionError(
                f"CyclicLR: scale_mode is 'cycle' or 'iterations', not {scale_mode!r}."
            )
        down = step_size_up if step_size_down is None else step_size_down
        self.step_size_up = count(self, "step_size_up", step_size_up)
        self.step_size_down = count(self, "step_size_down", down)
        self.mode, self.gamma = mode, number(self, "gamma", gamma)
        self.scale_fn, self.scale_mode = scale_fn, scale_mode
        self.cycle_momentum = cycle_momentum
        self.base_lr, self.max_lr = base_lr, max_lr
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        self._lrs = self._pairs("base_lr", base_lr, "max_lr", max_lr)
        self._between = [(0.0, 0.0)] * len(self._lrs)
        if cycle_momentum:
            self._between = self._momenta(base_momentum, max_momentum)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: float, base: float, group: int) -> float:
        """Return ``base_lr + (max_lr − base_lr) · height · scale``."""
        low, high = self._lrs[group]
        return low + self._height(step, low, high)

    def momentum(self, step: float, group: int) -> float | None:
        """Return ``max_momentum − (max_momentum − base_momentum) · height · scale``."""
        if not self.cycle_momentum:
            return None
        low, high = self._between[group]
        return high - self._height(step, low, high)

    def _height(self, step: float, low: float, high: float) -> float:
        whole = float(self.step_size_up + self.step_size_down)
        up = self.step_size_up / whole
        cycle = math.floor(1 + step / whole)
        part = 1.0 + step / whole - cycle
        height = part / up if part <= up else (part - 1) / (up - 1)
        return (high - low) * height * self._scale(cycle, step)

    def _scale(self, cycle: int, step: float) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(cycle if self.scale_mode == "cycle" else step)
        return _SCALES[self.mode](self.gamma, cycle, step)


_SCALES: dict[str, Callable[[float, int, float], float]] = {
    "triangular": lambda gamma, cycle, step: 1.0,
    "triangular2": lambda gamma, cycle, step: 1 / 2.0 ** (cycle - 1),
    "exp_range": lambda gamma, cycle, step: gamma**step,
}
