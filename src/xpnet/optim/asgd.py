"""Averaged gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

from .base import Optimizer
from .terms import Options, State, decayed

__all__ = ["ASGD"]


@final
class ASGD(Optimizer):
    """Gradient descent that also keeps the average of the parameters.

    ``w ← (1 − λ η) w − η g`` with ``η = lr / (1 + λ lr t)^α``, and
    ``a ← a + μ (w − a)`` with ``μ = 1 / max(1, t − t₀)``: the average of all parameters
    since step t₀. With weight decay, first ``g ← g + weight_decay · w``.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate at the first step, 0 or more.
    lambd : float
        λ, 0 or more.
    alpha : float
        α, 0 or more.
    t0 : float
        t₀, 0 or more.
    weight_decay : float
        Coupled decay, 0 or more.
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
    The formula is that of [1]_, and of PyTorch: η and μ of a step are computed in the
    one before, from the rate that was set there. The averages are ``"ax"`` in the saved
    state. `SWA` averages the parameters of any optimizer.

    References
    ----------
    .. [1] B. T. Polyak and A. B. Juditsky, "Acceleration of Stochastic Approximation
       by Averaging", SIAM J. Control Optim. 30, 1992.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = ASGD([w], lr=0.25, lambd=0.0)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> w.data
    array([1.5])
    """

    numbers = ("eta", "mu")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "lambd", "alpha", "t0", "weight_decay"):
            self.in_range(key, options[key])

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffer of the averages."""
        return ("ax",)

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``(1 − λ η) w − η g``."""
        w, g = decayed(w, g, options)
        t, lr, lambd = state["step"], options["lr"], options["lambd"]
        eta, mu = (state["eta"], state["mu"]) if t > 1 else (lr, 1.0)
        w = (1 - lambd * eta) * w - eta * g
        state["ax"] = w if mu == 1 else state["ax"] + mu * (w - state["ax"])
        state["eta"] = lr / (1 + lambd * lr * t) ** options["alpha"]
        state["mu"] = 1 / max(1, t - options["t0"])
        return w
