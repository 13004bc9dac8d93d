"""The optimizers: each is its formula, its options and their ranges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

from ..errors import DTypeError, OptionError
from .base import Optimizer

__all__ = ["SGD", "Adam", "AdamW"]

State = dict[str, Any]
Options = Mapping[str, Any]


@final
class SGD(Optimizer):
    """Gradient descent, with momentum and weight decay where they are asked for.

    ``w ← w − lr · g``. With weight decay λ, first ``g ← g + λ w``. With momentum μ and
    dampening τ, ``b ← μ b + (1 − τ) g`` (the first time ``b ← g``) takes the place of
    ``g``; with Nesterov's form, ``g + μ b`` does.

    Parameters
    ----------
    parameters : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more.
    momentum : float
        μ, 0 or more.
    dampening : float
        τ, 0 or more.
    weight_decay : float
        λ, 0 or more: the gradient of ``λ/2 · |w|²`` is added to `g`.
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

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(parameters, defaults)

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
        if options["maximize"]:
            g = -g
        if options["weight_decay"]:
            g = g + options["weight_decay"] * w
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


class _Adaptive(Optimizer):
    """What Adam and AdamW share: two moments of the gradient, and their options."""

    counts = True

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        maximize: bool,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(parameters, defaults)

    def _admit(self, p: Any, known: dict[int, int]) -> None:
        super()._admit(p, known)
        if p._lib.is_complex(p.data):
            raise DTypeError(
                f"{self.name}: parameter {len(known) - 1} is {p.dtype}; only SGD "
                "takes complex parameters. Keep real and imaginary part apart."
            )

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "eps", "weight_decay"):
            self.in_range(key, options[key])
        betas = options["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise OptionError(
                f"{self.name}: betas is {betas!r}; it must be two numbers."
            )
        for i, beta in enumerate(betas):
            self.in_range(f"betas[{i}]", beta, below=1)

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffers of the first and of the second moment."""
        return ("exp_avg", "exp_avg_sq")

    @staticmethod
    def direction(xp: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``m̂ / (√v̂ + eps)``, and keep the moments."""
        t = state["step"]
        beta1, beta2 = options["betas"]
        m = state["exp_avg"] = beta1 * state["exp_avg"] + (1 - beta1) * g
        v = state["exp_avg_sq"] = beta2 * state["exp_avg_sq"] + (1 - beta2) * (g * g)
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        return m_hat / (xp.sqrt(v_hat) + options["eps"])


@final
class Adam(_Adaptive):
    """Steps scaled by running means of the gradient and of its square.

    ``m ← β₁ m + (1 − β₁) g`` and ``v ← β₂ v + (1 − β₂) g²``; with ``m̂ = m / (1 − β₁ᵗ)``
    and ``v̂ = v / (1 − β₂ᵗ)`` at step t, ``w ← w − lr · m̂ / (√v̂ + eps)``. With weight
    decay λ, first ``g ← g + λ w``: the decay passes through both means.

    Parameters
    ----------
    parameters : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more; about the largest change of a parameter in a step.
    betas : (float, float)
        β₁ and β₂, from 0 to less than 1.
    eps : float
        Added to the root, 0 or more.
    weight_decay : float
        λ, 0 or more. `AdamW` is the form that keeps decay out of the means.
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
    The formula is that of [1]_, and of PyTorch; there is no AMSGrad. PyTorch treats a
    complex parameter as two real ones, which is refused here.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization",
       algorithm 1, ICLR 2015, https://arxiv.org/abs/1412.6980.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = Adam([w], lr=0.5)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> round(w.tolist()[0], 6)
    2.5
    """

    fused = "Adam"

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, maximize)

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · m̂ / (√v̂ + eps)``."""
        if options["maximize"]:
            g = -g
        if options["weight_decay"]:
            g = g + options["weight_decay"] * w
        return w - options["lr"] * self.direction(xp, g, state, options)


@final
class AdamW(_Adaptive):
    """Adam with weight decay outside the running means.

    `Adam`'s step without decay, from ``w − lr · λ · w`` in place of ``w``: every
    parameter shrinks at the same rate, however large its gradients are.

    Parameters
    ----------
    parameters : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more; about the largest change of a parameter in a step.
    betas : (float, float)
        β₁ and β₂, from 0 to less than 1.
    eps : float
        Added to the root, 0 or more.
    weight_decay : float
        λ, 0 or more.
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
    As in PyTorch, the decay in a step is ``lr · λ``, where algorithm 2 of [1]_ has a
    schedule times λ without the learning rate.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization",
       ICLR 2019, https://arxiv.org/abs/1711.05101.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = AdamW([w], lr=0.5)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> round(w.tolist()[0], 6)
    2.485
    """

    fused = "AdamW"

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, maximize)

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · λ · w − lr · m̂ / (√v̂ + eps)``."""
        if options["maximize"]:
            g = -g
        w = w - options["lr"] * options["weight_decay"] * w
        return w - options["lr"] * self.direction(xp, g, state, options)
