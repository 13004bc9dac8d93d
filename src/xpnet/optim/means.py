"""What the optimizers with running means of the gradient and its square share."""

from __future__ import annotations

from .base import Optimizer
from .terms import Options

__all__ = ["Means"]


class Means(Optimizer):
    """The ranges of Adam's options, and the names of its two running means."""

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "eps", "weight_decay"):
            self.in_range(key, options[key])
        self.check_betas(options)

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffers of the first and of the second moment."""
        return ("exp_avg", "exp_avg_sq")
