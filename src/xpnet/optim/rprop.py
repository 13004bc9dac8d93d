"""Rprop, which looks at the signs of the gradient alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

from ..errors import OptionError
from .base import Optimizer
from .terms import Options, State

__all__ = ["Rprop"]


@final
class Rprop(Optimizer):
    """Steps that grow while the gradient keeps its sign, and shrink when it turns.

    Each element has a step Δ, at first lr. Where ``g`` has the sign it had before,
    ``Δ ← η⁺ Δ``; where it has the other, ``Δ ← η⁻ Δ`` and ``g ← 0``. Δ stays between
    two bounds, and ``w ← w − sign(g) · Δ``.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The first step of each element, 0 or more; read at a parameter's first update.
    etas : (float, float)
        η⁻ and η⁺, with 0 < η⁻ < 1 < η⁺.
    step_sizes : (float, float)
        The smallest and the largest Δ.
    maximize : bool
        Ascend: ``−g`` takes the place of ``g``.

    Raises
    ------
    DTypeError
        If a parameter is complex.
    OptionError
        If an option is out of range, or there are no parameters.

    Notes
    -----
    The formula is that of [1]_ without going back after a change of sign, and that of
    PyTorch. There is no weight decay. Meant for gradients of all examples at once.

    References
    ----------
    .. [1] M. Riedmiller and H. Braun, "A direct adaptive method for faster
       backpropagation learning: the RPROP algorithm", ICNN 1993.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = Rprop([w], lr=0.5)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> w.data
    array([2.5])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        self.in_range("lr", options["lr"])
        less, more = self.pair("etas", options["etas"])
        self.in_range("etas[0]", less, below=1)
        self.in_range("etas[1]", more)
        if not 0 < less < 1 < more:
            raise OptionError(
                f"Rprop: etas are {(less, more)}; the first must lie between 0 and 1, "
                "the second above 1."
            )
        low, high = self.pair("step_sizes", options["step_sizes"])
        self.in_range("step_sizes[0]", low)
        self.in_range("step_sizes[1]", high, low)

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffers of the last gradient and of the steps."""
        return ("prev", "step_size")

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − sign(g) · Δ``."""
        if options["maximize"]:
            g = -g
        less, more = options["etas"]
        turn = xp.sign(g) * xp.sign(state["prev"])
        one, zero = xp.ones_like(g), xp.zeros_like(g)
        factor = xp.where(turn > 0, more * one, xp.where(turn < 0, less * one, one))
        size = state["step_size"] if state["step"] > 1 else options["lr"] * one
        size = xp.clip(size * factor, *options["step_sizes"])
        g = xp.where(turn < 0, zero, g)
        state["prev"], state["step_size"] = g, size
        return w - xp.sign(g) * size
