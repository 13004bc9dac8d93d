"""RMSprop: steps scaled by the gradients of the recent past."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

from .base import Optimizer
from .terms import Options, State, decayed

__all__ = ["RMSprop"]


@final
class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients.

    ``v ← α v + (1 − α) g²`` and ``w ← w − lr · g / (√v + eps)``. Centered, with
    ``a ← α a + (1 − α) g``, the root is that of the variance, ``√(v − a²)``. With
    momentum μ, ``b ← μ b + g / (√v + eps)`` and ``w ← w − lr · b``. With weight decay
    λ, first ``g ← g + λ w``.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more.
    alpha : float
        α, 0 or more; below 1 for a mean.
    eps : float
        Added to the root, 0 or more.
    weight_decay : float
        λ, 0 or more, coupled: it enters the means.
    momentum : float
        μ, 0 or more.
    centered : bool
        Divide by the root of the variance.
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
    The formula is that of [1]_, centered as in [2]_, and PyTorch's: eps is added to the
    root, where TensorFlow has it under the root.

    References
    ----------
    .. [1] T. Tieleman and G. Hinton, lecture 6e (also cited as 6.5) of "Neural
       Networks for Machine Learning", Coursera 2012.
    .. [2] A. Graves, "Generating Sequences With Recurrent Neural Networks", section
       4.2, 2013, https://arxiv.org/abs/1308.0850.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = RMSprop([w], lr=0.1)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> round(w.tolist()[0], 6)
    2.0
    """

    fused = "RMSprop"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "alpha", "eps", "weight_decay", "momentum"):
            self.in_range(key, options[key])

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffers of the mean square, the momentum and the mean."""
        momentum = ("momentum_buffer",) if options["momentum"] else ()
        mean = ("grad_avg",) if options["centered"] else ()
        return ("square_avg", *momentum, *mean)

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · g / (√v + eps)``."""
        w, g = decayed(w, g, options)
        alpha = options["alpha"]
        v = state["square_avg"] = alpha * state["square_avg"] + (1 - alpha) * (g * g)
        if options["centered"]:
            a = state["grad_avg"] = alpha * state["grad_avg"] + (1 - alpha) * g
            v = v - a * a
        step = g / (xp.sqrt(v) + options["eps"])
        if options["momentum"]:
            step = options["momentum"] * state["momentum_buffer"] + step
            state["momentum_buffer"] = step
        return w - options["lr"] * step
