"""LARS and LAMB: a rate for each parameter, by its norm and that of its step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

from ..errors import OptionError
from .base import Optimizer
from .means import Means
from .terms import Options, State, moments

__all__ = ["LAMB", "LARS"]


def ratio(xp: Any, above: Any, below: Any) -> Any:
    """Return ``above / below``, and 1 where either is 0."""
    one = xp.ones_like(below)
    known = (above > 0) & (below > 0)
    return xp.where(known, above / xp.where(known, below, one), one)


@final
class LARS(Optimizer):
    """Gradient descent with momentum, each parameter at a rate of its own.

    ``r = η |w| / (|g| + λ |w| + eps)`` with the norms of the whole parameter (1 where
    ``|w|`` or ``|g|`` is 0), ``b ← μ b + r (g + λ w)`` and ``w ← w − lr · b``; with
    Nesterov's form, ``w ← w − lr · (μ b + r (g + λ w))``.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more.
    momentum : float
        μ, 0 or more.
    weight_decay : float
        λ, 0 or more, coupled: it enters the ratio and the momentum.
    trust_coefficient : float
        η, 0 or more: the part of its norm that a parameter moves in a step at rate 1.
    eps : float
        Added below, 0 or more.
    nesterov : bool
        Look ahead along the momentum; needs momentum.
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
    The formula is that of [1]_, but for the learning rate, which as in `SGD` multiplies
    the momentum when it is used. Biases and norms' weights are usually given a group of
    their own in `SGD`. PyTorch has no LARS.

    References
    ----------
    .. [1] Y. You, I. Gitman and B. Ginsburg, "Large Batch Training of Convolutional
       Networks", algorithm 1, 2017, https://arxiv.org/abs/1708.03888.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = LARS([w], lr=1.0, trust_coefficient=0.5)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> round(w.tolist()[0], 6)
    1.5
    """

    counts = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust_coefficient: float = 1e-3,
        eps: float = 1e-8,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "trust_coefficient": trust_coefficient,
            "eps": eps,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "momentum", "weight_decay", "trust_coefficient", "eps"):
            self.in_range(key, options[key])
        if options["nesterov"] and not options["momentum"]:
            raise OptionError(
                f"LARS: nesterov=True needs momentum above 0; it is "
                f"{options['momentum']}."
            )

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the one buffer of the momentum, if there is any."""
        return ("momentum_buffer",) if options["momentum"] else ()

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · b``."""
        parts, decay = state["parts"], options["weight_decay"]
        if options["maximize"]:
            g = -g
        size, slope = parts.norms(w), parts.norms(g)
        below = slope + decay * size + options["eps"]
        below = xp.where(slope > 0, below, xp.zeros_like(below))
        r = ratio(xp, options["trust_coefficient"] * size, below)
        step = parts.times(g + decay * w, r)
        if options["momentum"]:
            b = options["momentum"] * state["momentum_buffer"] + step
            state["momentum_buffer"] = b
            step = options["momentum"] * b + step if options["nesterov"] else b
        return w - options["lr"] * step


@final
class LAMB(Means):
    """Adam's steps, each parameter's as long as the parameter, times the rate.

    With Adam's m̂ and v̂, ``u = m̂ / (√v̂ + eps) + λ w`` and, with the norms of the whole
    parameter, ``w ← w − lr · |w| / |u| · u`` (1 in place of the ratio where ``|w|`` or
    ``|u|`` is 0).

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more: the part of its norm that a parameter moves in a
        step.
    betas : (float, float)
        β₁ and β₂, from 0 to less than 1.
    eps : float
        Added to the root, above 0.
    weight_decay : float
        λ, 0 or more, decoupled: outside the means, inside the ratio.
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
    The formula is that of [1]_, with φ(z) = z. PyTorch has no LAMB.

    References
    ----------
    .. [1] Y. You et al., "Large Batch Optimization for Deep Learning: Training BERT in
       76 minutes", algorithm 2, ICLR 2020, https://arxiv.org/abs/1904.00962.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = LAMB([w], lr=0.5)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> round(w.tolist()[0], 6)
    1.5
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        super().check(options)
        if options["eps"] == 0:
            raise OptionError(
                "LAMB: eps is 0, with which an element that had no gradient but 0 "
                "would be 0/0, and with it the norm of its parameter. Use 1e-6."
            )

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · |w| / |u| · u``."""
        t, parts = state["step"], state["parts"]
        beta1, beta2 = options["betas"]
        m, v = moments(-g if options["maximize"] else g, state, options)
        v_hat = v / (1 - beta2**t)
        u = m / (1 - beta1**t) / (xp.sqrt(v_hat) + options["eps"])
        u = u + options["weight_decay"] * w
        r = ratio(xp, parts.norms(w), parts.norms(u))
        return w - options["lr"] * parts.times(u, r)
