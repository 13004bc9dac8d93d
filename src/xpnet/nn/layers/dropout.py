"""Layers that are random in training."""

from __future__ import annotations

from typing import Any, final

from ...calculus.array import Array
from ...random import as_generator
from ..functional.dropout import check_probability, dropout
from ..module import Module

__all__ = ["Dropout"]


@final
class Dropout(Module):
    """In training, set each element to 0 with probability `p` and scale the others.

    After `eval` the layer is the identity. The generator's two integers of state are
    pickled and copied with the module; they are not part of `state_dict`.

    Parameters
    ----------
    p : float
        The probability, in [0, 1].
    rng : int or Generator, optional
        Draws the masks: the same on every device.

    Raises
    ------
    OptionError
        If `p` is outside [0, 1].

    Examples
    --------
    >>> Dropout(0.2, rng=0)
    Dropout(p=0.2)
    """

    def __init__(self, p: float = 0.5, *, rng: Any = None) -> None:
        check_probability("Dropout", p)
        self.p = p
        self.rng = as_generator(rng)

    def forward(self, x: Any) -> Array:
        """Return `x` with elements dropped, in training."""
        return dropout(x, self.p, self.rng, self.training)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}"
