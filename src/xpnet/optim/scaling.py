"""Loss scaling, so that small gradients survive in float16."""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..errors import DTypeError, GradientError, OptionError
from ..trees import flatten
from .gradients import Part, gradients
from .terms import is_number

if TYPE_CHECKING:
    from .base import Optimizer

__all__ = ["GradScaler"]


@final
class GradScaler:
    """Multiply a loss by a large number, and divide its gradients by it again.

    In float16 a gradient below 6e-8 is 0. With the loss multiplied by S, so is every
    gradient; `step` divides them by S in float32, and skips the step if one is infinite
    or NaN. `update` then multiplies S by `backoff_factor`, and by `growth_factor` after
    `growth_interval` steps in a row that were not skipped.

    Parameters
    ----------
    init_scale : float
        The first S; a power of 2 rounds nothing.
    growth_factor : float
        Above 1.
    backoff_factor : float
        Between 0 and 1.
    growth_interval : int
        At least 1.
    enabled : bool
        False: losses stay as they are, and `step` is that of the optimizer.

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    ``torch.amp.GradScaler`` without its `device`: the same scales and the same skipped
    steps. Whether all gradients are finite is read back to the host once for each
    optimizer and step. bfloat16 needs no scaler.

    Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.2.

    Examples
    --------
    >>> import xpnet as xn
    >>> from xpnet import losses, nn, optim, xp
    >>> model = nn.Linear(2, 1, rng=0)
    >>> opt, scaler = optim.SGD(model.parameters(), lr=0.1), GradScaler()
    >>> x, y = xp.ones((3, 2), dtype=xp.float32), xp.ones((3, 1), dtype=xp.float32)
    >>> for _ in range(20):
    ...     with xn.autocast("float16"):
    ...         loss = losses.mean_squared_error(model(x), y)
    ...     opt.zero_grad()
    ...     scaler.scale(loss).backward()
    ...     scaler.step(opt)
    ...     scaler.update()
    >>> loss.item() < 1e-3
    True
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        given = (init_scale, growth_factor, backoff_factor)
        numbers = all(is_number(x) and 0 < x < math.inf for x in given)
        if not numbers or not backoff_factor < 1 < growth_factor:
            raise OptionError(
                "GradScaler: init_scale is above 0, growth_factor above 1 and "
                "backoff_factor between 0 and 1; they are "
                f"{init_scale!r}, {growth_factor!r} and {backoff_factor!r}."
            )
        if not isinstance(growth_interval, int) or growth_interval < 1:
            raise OptionError(
                "GradScaler: growth_interval is an integer of at least 1, not "
                f"{growth_interval!r}."
            )
        self._scale = float(init_scale)
        self.growth_factor, self.backoff_factor = growth_factor, backoff_factor
        self.growth_interval, self.enabled = growth_interval, enabled
        self._good = 0  # steps in a row that were not skipped
        self._finite: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()
        self._stepped: weakref.WeakSet[Any] = weakref.WeakSet()

    def scale(self, outputs: Any) -> Any:
        """Return a loss, or a container of them, times the scale."""
        if not self.enabled:
            return outputs
        leaves, rebuild = flatten(outputs)
        return rebuild([asarray(x) * self._scale for x in leaves])

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divide the gradients of an optimizer by the scale; to clip them, say.

        Raises
        ------
        GradientError
            If that was done since the last `update`, or there are no gradients.
        DTypeError
            If a gradient is of a low type: parameters stay float32 with `autocast`.
        """
        if not self.enabled:
            return
        if optimizer in self._finite:
            raise GradientError(
                "GradScaler.unscale_: the gradients of this optimizer are unscaled "
                "already. Call update() after each step()."
            )
        groups = optimizer.param_groups
        found = gradients([p for group in groups for p in group["params"]])
        if not found:
            raise GradientError(
                "GradScaler.unscale_: no parameter of the optimizer has a gradient. "
                "Call scaler.scale(loss).backward() first."
            )
        for part in found:
            if "float16" in str(part.g.dtype):
                raise DTypeError(
                    f"GradScaler.unscale_: a gradient is {part.g.dtype}, and so is its "
                    "parameter. Keep parameters in float32, and compute in "
                    "xn.autocast('float16')."
                )
        self._finite[optimizer] = _divide(found, self._scale)

    def step(self, optimizer: Optimizer, closure: Any = None) -> Any:
        """Call ``optimizer.step()`` if all gradients are finite, and return that.

        Raises
        ------
        GradientError
            If it was called since the last `update`.
        OptionError
            If there is a closure: it would compute gradients that are not divided yet.
            A scaler that is not enabled passes it on.
        """
        if not self.enabled:
            return optimizer.step(closure)
        if closure is not None:
            raise OptionError(
                "GradScaler.step: a closure computes gradients that are not divided by "
                "the scale yet. Call it before, and step(optimizer) without it; an "
                "optimizer that needs one goes without a scaler, in bfloat16 say."
            )
        if optimizer in self._stepped:
            raise GradientError(
                "GradScaler.step: this optimizer has stepped already. Call update() "
                "after each step()."
            )
        if optimizer not in self._finite:
            self.unscale_(optimizer)
        self._stepped.add(optimizer)
        if self._finite[optimizer]:
            return optimizer.step()
        return None

    def update(self, new_scale: float | None = None) -> None:
        """Change the scale after a step, or set it.

        Raises
        ------
        GradientError
            If no optimizer has stepped since the last one.
        """
        if not self.enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._finite:
            raise GradientError(
                "GradScaler.update: there was no step() since the last update()."
            )
        elif not all(self._finite.values()):
            self._scale *= self.backoff_factor
            self._good = 0
        else:
            self._good += 1
            if self._good == self.growth_interval:
                self._scale *= self.growth_factor
                self._good = 0
        self._finite.clear()
        self._stepped.clear()

    def get_scale(self) -> float:
        """Return the scale; 1 if the scaler is not enabled."""
        return self._scale if self.enabled else 1.0

    def is_enabled(self) -> bool:
        """Tell whether the scaler does anything."""
        return self.enabled

    def state_dict(self) -> dict[str, Any]:
        """Return what is needed to go on, under PyTorch's names."""
        if not self.enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self.growth_factor,
            "backoff_factor": self.backoff_factor,
            "growth_interval": self.growth_interval,
            "_growth_tracker": self._good,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned, here or in PyTorch.

        Raises
        ------
        OptionError
            If it is no such state.
        """
        if not self.enabled:
            return
        missing = [key for key in self.state_dict() if key not in state_dict]
        if missing:
            raise OptionError(f"GradScaler.load_state_dict: there is no {missing}.")
        self._scale = float(state_dict["scale"])
        self.growth_factor = state_dict["growth_factor"]
        self.backoff_factor = state_dict["backoff_factor"]
        self.growth_interval = state_dict["growth_interval"]
        self._good = state_dict["_growth_tracker"]

    def __repr__(self) -> str:
        return f"GradScaler(scale={self.get_scale()!r}, enabled={self.enabled!r})"


def _divide(found: list[Part], scale: float) -> bool:
    """Divide gradients in place, and tell whether all were finite: one read."""
    finite: dict[Any, Any] = {}
    for part in found:
        lib = part.lib
        with lib.quiet():
            fine = lib.raw.all(lib.raw.isfinite(part.g))
            part.scale(1.0 / scale)
        key = (lib, str(lib.device_of(fine)))
        finite[key] = finite[key] & fine if key in finite else fine
    return all(bool(Array(fine, lib).item()) for (lib, _), fine in finite.items())
