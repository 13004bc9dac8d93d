"""Lion, which steps along the sign of a momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

from .base import Optimizer
from .terms import Options, State, decayed

__all__ = ["Lion"]


@final
class Lion(Optimizer):
    """Steps of the same length for every element, along the sign of a momentum.

    ``c = β₁ m + (1 − β₁) g``, ``w ← w − lr · (sign(c) + λ w)`` and
    ``m ← β₂ m + (1 − β₂) g``.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The change of each element in a step, 0 or more; the paper takes 3 to 10 times
        less than for AdamW.
    betas : (float, float)
        β₁ and β₂, from 0 to less than 1.
    weight_decay : float
        λ, 0 or more, decoupled: a step loses ``lr · λ · w``, and m knows nothing of it.
        The paper takes 3 to 10 times more than for AdamW.
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
    The formula is that of [1]_. PyTorch has no Lion.

    References
    ----------
    .. [1] X. Chen et al., "Symbolic Discovery of Optimization Algorithms", algorithm 2,
       NeurIPS 2023, https://arxiv.org/abs/2302.06675.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = Lion([w], lr=0.5)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> w.data
    array([2.5])
    """

    fused = "Lion"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "weight_decay"):
            self.in_range(key, options[key])
        self.check_betas(options)

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffer of the momentum."""
        return ("exp_avg",)

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · (sign(c) + λ w)``."""
        w, g = decayed(w, g, {**options, "decoupled_weight_decay": True})
        beta1, beta2 = options["betas"]
        m = state["exp_avg"]
        state["exp_avg"] = beta2 * m + (1 - beta2) * g
        return w - options["lr"] * xp.sign(beta1 * m + (1 - beta1) * g)
