"""What optimizers around an optimizer share: all that is asked of the one inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import OptionError
from .base import Optimizer
from .store import Store

__all__ = ["Wrapper"]


class Wrapper:
    """An optimizer inside, whose groups, rate and gradients are those of the whole."""

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise OptionError(
                f"{self.name}: the optimizer is a {type(optimizer).__name__}, and not "
                "one with a formula of its own. Give it, say, "
                "optim.SGD(model.parameters(), lr=0.1)."
            )
        self.optimizer = optimizer

    @property
    def name(self) -> str:
        """The name of the class, with which messages begin."""
        return type(self).__name__

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of the optimizer inside."""
        return self.optimizer.param_groups

    @property
    def defaults(self) -> dict[str, Any]:
        """The default options of the optimizer inside."""
        return self.optimizer.defaults

    @property
    def lr(self) -> float:
        """The learning rate of the optimizer inside; setting it sets it there."""
        return self.optimizer.lr

    @lr.setter
    def lr(self, value: float) -> None:
        self.optimizer.lr = value

    @property
    def all_stores(self) -> list[Store]:
        """All stores of the optimizer inside."""
        return [store for stores in self.optimizer.stores for store in stores]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or make zeros of them."""
        self.optimizer.zero_grad(set_to_none)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimize more parameters, with options of their own."""
        self.optimizer.add_param_group(group)
