"""Adagrad: steps scaled by all gradients of the past."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

from .base import Optimizer
from .terms import Options, State, decayed

__all__ = ["Adagrad"]


@final
class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients.

    ``s ← s + g²`` from ``s = initial_accumulator_value``, and
    ``w ← w − lr / (1 + (t − 1) η) · g / (√s + eps)`` at step t. With weight decay λ,
    first ``g ← g + λ w``.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more.
    lr_decay : float
        η, 0 or more.
    weight_decay : float
        λ, 0 or more, coupled: it enters s.
    initial_accumulator_value : float
        What s begins with, 0 or more.
    eps : float
        Added to the root, 0 or more.
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
    The formula is that of [1]_ with a diagonal matrix, and of PyTorch, whose saved
    state also holds parameters that have not been updated yet.

    References
    ----------
    .. [1] J. Duchi, E. Hazan and Y. Singer, "Adaptive Subgradient Methods for Online
       Learning and Stochastic Optimization", JMLR 12, 2011,
       https://jmlr.org/papers/v12/duchi11a.html.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = Adagrad([w], lr=0.5)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> round(w.tolist()[0], 6)
    2.5
    """

    fused = "Adagrad"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "lr_decay", "weight_decay", "eps"):
            self.in_range(key, options[key])
        self.in_range("initial_accumulator_value", options["initial_accumulator_value"])

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffer of the sum."""
        return ("sum",)

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr / (1 + (t − 1) η) · g / (√s + eps)``."""
        w, g = decayed(w, g, options)
        t = state["step"]
        before = state["sum"] if t > 1 else options["initial_accumulator_value"]
        s = state["sum"] = before + g * g
        rate = options["lr"] / (1 + (t - 1) * options["lr_decay"])
        return w - rate * (g / (xp.sqrt(s) + options["eps"]))
