"""Adam and AdamW: steps scaled by running means of the gradient and its square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

from ..errors import OptionError
from .means import Means
from .terms import Options, State, decayed, moments

__all__ = ["Adam", "AdamW"]


class _Adam(Means):
    """The formula that Adam and AdamW share."""

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffers of the two moments, and of the largest second one."""
        if options["amsgrad"]:
            return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
        return ("exp_avg", "exp_avg_sq")

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · m̂ / (√v̂ + eps)``."""
        w, g = decayed(w, g, options)
        t = state["step"]
        beta1, beta2 = options["betas"]
        m, v = moments(g, state, options)
        if options["amsgrad"]:
            v = state["max_exp_avg_sq"] = xp.maximum(state["max_exp_avg_sq"], v)
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        return w - options["lr"] * (m_hat / (xp.sqrt(v_hat) + options["eps"]))


@final
class Adam(_Adam):
    """Steps scaled by running means of the gradient and of its square.

    ``m ← β₁ m + (1 − β₁) g`` and ``v ← β₂ v + (1 − β₂) g²``; with ``m̂ = m / (1 − β₁ᵗ)``
    and ``v̂ = v / (1 − β₂ᵗ)`` at step t, ``w ← w − lr · m̂ / (√v̂ + eps)``. With weight
    decay λ, first ``g ← g + λ w``: the decay passes through both means.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more; about the largest change of a parameter in a step.
    betas : (float, float)
        β₁ and β₂, from 0 to less than 1.
    eps : float
        Added to the root, 0 or more.
    weight_decay : float
        λ, 0 or more: coupled, unless `decoupled_weight_decay` says otherwise.
    amsgrad : bool
        Divide by the root of the largest ``v`` so far, not of the latest [2]_.
    maximize : bool
        Ascend: ``−g`` takes the place of ``g``.
    decoupled_weight_decay : bool
        Decay as `AdamW` does: ``w ← w − lr · λ · w``, outside the means.

    Raises
    ------
    DTypeError
        If a parameter is complex.
    OptionError
        If an option is out of range, or there are no parameters.

    Notes
    -----
    The formula is that of [1]_, and of PyTorch. As in PyTorch, AMSGrad corrects the
    bias of the largest ``v``, which [2]_ does not. PyTorch treats a complex parameter
    as two real ones, which is refused here.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization",
       algorithm 1, ICLR 2015, https://arxiv.org/abs/1412.6980.
    .. [2] S. J. Reddi, S. Kale and S. Kumar, "On the Convergence of Adam and Beyond",
       algorithm 2, ICLR 2018, https://arxiv.org/abs/1904.09237.

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
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, options)


@final
class AdamW(_Adam):
    """Adam with weight decay outside the running means.

    `Adam`'s step without decay, from ``w − lr · λ · w`` in place of ``w``: every
    parameter shrinks at the same rate, however large its gradients are.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more; about the largest change of a parameter in a step.
    betas : (float, float)
        β₁ and β₂, from 0 to less than 1.
    eps : float
        Added to the root, 0 or more.
    weight_decay : float
        λ, 0 or more, decoupled.
    amsgrad : bool
        Divide by the root of the largest ``v`` so far, not of the latest.
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
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": True,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        super().check(options)
        if not options["decoupled_weight_decay"]:
            raise OptionError(
                "AdamW: decoupled_weight_decay is False, which is Adam. Use optim.Adam "
                "for coupled weight decay."
            )
