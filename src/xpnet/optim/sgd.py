"""Gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

from ..errors import OptionError
from .base import Optimizer
from .terms import Options, State, decayed

__all__ = ["SGD"]


@final
class SGD(Optimizer):
    """Gradient descent, with momentum and weight decay where they are asked for.

    ``w ← w − lr · g``. With weight decay λ, first ``g ← g + λ w``. With momentum μ and
    dampening τ, ``b ← μ b + (1 − τ) g`` (the first time ``b ← g``) takes the place of
    ``g``; with Nesterov's form, ``g + μ b`` does.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more.
    momentum : float
        μ, 0 or more.
    dampening : float
        τ, 0 or more.
    weight_decay : float
        λ, 0 or more, coupled: the gradient of ``λ/2 · |w|²`` is added to `g`, and so
        enters the momentum.
    nesterov : bool
        Look ahead along the momentum; needs momentum, and no dampening.
    maximize : bool
        Ascend: ``−g`` takes the place of ``g``.

    Raises
    ------
    OptionError
        If an option is out of range, or there are no parameters.

    Notes
    -----
    As in PyTorch [1]_, the learning rate multiplies the momentum when it is used, not
    when it is gathered as in [2]_, and the first ``b`` is not dampened.

    References
    ----------
    .. [1] https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    .. [2] I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of
       initialization and momentum in deep learning", ICML 2013.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = SGD([w], lr=0.25)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> w.data
    array([1.5])
    """

    fused = "SGD"
    counts = False
    takes_complex = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "momentum", "dampening", "weight_decay"):
            self.in_range(key, options[key])
        looks_ahead = options["momentum"] and options["dampening"] == 0
        if options["nesterov"] and not looks_ahead:
            raise OptionError(
                "SGD: nesterov=True needs momentum above 0 and dampening 0; they are "
                f"{options['momentum']} and {options['dampening']}."
            )

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the one buffer of the momentum, if there is any."""
        return ("momentum_buffer",) if options["momentum"] else ()

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · g``."""
        w, g = decayed(w, g, options)
        if options["momentum"]:
            g = self.gathered(g, state, options)
        return w - options["lr"] * g

    @staticmethod
    def gathered(g: Any, state: State, options: Options) -> Any:
        """Return the direction that the momentum gives, and keep the momentum."""
        momentum, dampening = options["momentum"], options["dampening"]
        b = g
        if state["step"] > 1:
            b = momentum * state["momentum_buffer"] + (1 - dampening) * g
        state["momentum_buffer"] = b
        return g + momentum * b if options["nesterov"] else b
