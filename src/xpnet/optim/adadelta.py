"""Adadelta: steps as long as those of the recent past."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

from ..errors import OptionError
from .base import Optimizer
from .terms import Options, State, decayed

__all__ = ["Adadelta"]


@final
class Adadelta(Optimizer):
    """Steps as long as recent steps were, whatever the scale of the gradient.

    ``v ← ρ v + (1 − ρ) g²``, ``Δ = √(u + eps) / √(v + eps) · g``,
    ``u ← ρ u + (1 − ρ) Δ²`` and ``w ← w − lr · Δ``. With weight decay λ, first
    ``g ← g + λ w``.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        A factor of the step, 0 or more; the paper has none.
    rho : float
        ρ, from 0 to 1.
    eps : float
        Added under both roots, 0 or more.
    weight_decay : float
        λ, 0 or more, coupled: it enters v and u.
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
    The formula is that of [1]_, and of PyTorch.

    References
    ----------
    .. [1] M. D. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012,
       https://arxiv.org/abs/1212.5701.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = Adadelta([w])
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> round(w.tolist()[0], 6)
    2.996838
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "rho", "eps", "weight_decay"):
            self.in_range(key, options[key])
        if options["rho"] > 1:
            raise OptionError(
                f"Adadelta: rho is {options['rho']!r}; it must be from 0 to 1."
            )

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffers of the two running means of squares."""
        return ("square_avg", "acc_delta")

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · Δ``."""
        w, g = decayed(w, g, options)
        rho, eps, u = options["rho"], options["eps"], state["acc_delta"]
        v = state["square_avg"] = rho * state["square_avg"] + (1 - rho) * (g * g)
        step = xp.sqrt(u + eps) / xp.sqrt(v + eps) * g
        state["acc_delta"] = rho * u + (1 - rho) * (step * step)
        return w - options["lr"] * step
