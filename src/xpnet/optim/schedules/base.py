"""The base of schedules: a formula of the step, written into the parameter groups."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ...errors import OptionError
from .options import groups_of

if TYPE_CHECKING:
    from ..base import Optimizer

__all__ = ["Schedule"]


class Schedule(ABC):
    """Base of schedules: the learning rate of each group as a formula of the step.

    A subclass defines `rate`. Making a schedule sets the rate of step 0; call `step`
    once after each ``optimizer.step()`` (or after each epoch, if its numbers are
    epochs). Called before it, the first rate would never be used; PyTorch warns then,
    here nothing does.

    Parameters
    ----------
    optimizer : Optimizer
        Its groups are written to: ``"lr"``, and ``"initial_lr"`` with the rate that
        they had before any schedule.
    last_epoch : int
        The step to go on from: the rate of the next is set, in an optimizer whose state
        was loaded. -1 starts anew.

    Attributes
    ----------
    last_epoch : int
        The step whose rate is set.
    base_lrs : list of float
        The rate that each group starts from.

    Raises
    ------
    OptionError
        If an option is out of range; or at a step, if groups were added since.

    Notes
    -----
    A rate is computed from the step alone, so that no rounding gathers. Where
    ``group["lr"]`` is not what the formula gave for the last step (another schedule has
    changed it, or a person), it is instead scaled by the ratio of this step's rate to
    the last one's, as PyTorch always does.
    """

    absolute: ClassVar[bool] = False
    """Whether the rate is set whatever it is now, as PyTorch does for some."""

    kept: ClassVar[tuple[str, ...]] = ("last_epoch", "base_lrs", "_last_lr")
    """What `state_dict` saves."""

    eta_min: float = 0.0
    """What stays when a rate is scaled: the least one."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        self.base_lrs = self._initial(last_epoch)
        self._last_lr: list[float] = []
        self.last_epoch = last_epoch
        if last_epoch != -1:  # whichever step the rates were saved at
            for i, group in enumerate(optimizer.param_groups):
                group["lr"] = self.rate(last_epoch, self.base_lrs[i], i)
        self.step()

    @abstractmethod
    def rate(self, step: float, base: float, group: int) -> float:
        """Return the learning rate at a step, of a group that starts from `base`."""

    def momentum(self, step: float, group: int) -> float | None:
        """Return the momentum of a group at a step, if the schedule sets it."""
        return None

    def step(self) -> None:
        """Go on to the next step: set its rate in each group."""
        self._set(self.last_epoch + 1)

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group, as last set."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """Return what is needed to go on, as numbers and lists of them.

        The options are not part of it, functions neither: make the schedule as before,
        then load. The rates themselves are part of the state of the optimizer.
        """
        state = {key: getattr(self, key) for key in self.kept}
        return {k: list(v) if isinstance(v, list) else v for k, v in state.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned, here or in PyTorch.

        Raises
        ------
        OptionError
            If it is no such state, or of another number of groups.
        """
        if "last_epoch" not in state_dict or "_last_lr" not in state_dict:
            raise OptionError(
                f"{self.name}.load_state_dict: what schedule.state_dict() returns has "
                f"'last_epoch' and '_last_lr'; this has {sorted(state_dict)!r:.80}."
            )
        if len(state_dict["_last_lr"]) != len(self.base_lrs):
            raise OptionError(
                f"{self.name}.load_state_dict: the state is of "
                f"{len(state_dict['_last_lr'])} groups, the optimizer has "
                f"{len(self.base_lrs)}."
            )
        for key in self.kept:
            if key in state_dict:
                value = state_dict[key]
                setattr(self, key, list(value) if isinstance(value, list) else value)

    def __repr__(self) -> str:
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        options = [n for n in names if n not in ("optimizer", "last_epoch")]
        shown = [f"{name}={getattr(self, name)!r}" for name in options]
        return f"{self.name}({', '.join([*shown, f'last_epoch={self.last_epoch}'])})"

    @property
    def name(self) -> str:
        """The name of the class, with which messages begin."""
        return type(self).__name__

    def _initial(self, last_epoch: int) -> list[float]:
        """Return the rates that the groups had before any schedule."""
        for i, group in enumerate(groups_of(self, self.optimizer)):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise OptionError(
                    f"{self.name}: last_epoch={last_epoch} goes on from a step, but "
                    f"group {i} does not know the rate it started from. Load the state "
                    "of the optimizer first, or leave last_epoch out."
                )
        return [group["initial_lr"] for group in self.optimizer.param_groups]

    def _set(self, step: float) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.base_lrs):
            raise OptionError(
                f"{self.name}: the optimizer has {len(groups)} groups, but had "
                f"{len(self.base_lrs)} when the schedule was made. Add groups first."
            )
        rates = [self._next(step, i, group["lr"]) for i, group in enumerate(groups)]
        for i, (group, rate) in enumerate(zip(groups, rates, strict=True)):
            group["lr"] = rate
            momentum = self.momentum(step, i)
            if momentum is not None:
                _set_momentum(group, momentum)
        self.last_epoch, self._last_lr = int(step), rates

    def _next(self, step: float, i: int, now: float) -> float:
        """Return the rate of a group: the formula's, or `now` scaled as that is."""
        base, low = self.base_lrs[i], self.eta_min
        rate = self.rate(step, base, i)
        if self.absolute:
            return rate
        before = self.rate(step - 1, base, i) if step > 0 else base
        if now == before:
            return rate
        if before == low:
            return now + (rate - before)
        return low + (now - low) * ((rate - low) / (before - low))


def _set_momentum(group: dict[str, Any], value: float) -> None:
    if "betas" in group:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value
