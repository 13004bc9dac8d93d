"""NAdam, RAdam and Adamax: Adam with another momentum, another start, another norm."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, final

from .means import Means
from .terms import Options, State, decayed, moments

__all__ = ["Adamax", "NAdam", "RAdam"]


@final
class NAdam(Means):
    """Adam with Nesterov's momentum.

    With ``μₜ = β₁ (1 − ½ · 0.96^(t ψ))`` and ``Mₜ = μ₁ μ₂ … μₜ``, and Adam's m and v:
    ``m̂ = μₜ₊₁ m / (1 − Mₜ₊₁) + (1 − μₜ) g / (1 − Mₜ)``, ``v̂ = v / (1 − β₂ᵗ)``,
    ``w ← w − lr · m̂ / (√v̂ + eps)``.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more.
    betas : (float, float)
        β₁ and β₂, from 0 to less than 1.
    eps : float
        Added to the root, 0 or more.
    weight_decay : float
        λ, 0 or more. Coupled: first ``g ← g + λ w``; or decoupled, see below.
    momentum_decay : float
        ψ, 0 or more: how fast the momentum grows to β₁.
    decoupled_weight_decay : bool
        Decay by ``w ← w − lr · λ · w`` instead, outside the means.
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
    The formula is that of [1]_, and of PyTorch. The product M, which PyTorch keeps in
    float32, is a float64 here; a saved state has it as ``"mu_product"``.

    References
    ----------
    .. [1] T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop,
       https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = NAdam([w], lr=0.5)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> round(w.tolist()[0], 4)
    2.4718
    """

    fused = "NAdam"
    numbers = ("mu_product",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        super().check(options)
        self.in_range("momentum_decay", options["momentum_decay"])

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · m̂ / (√v̂ + eps)``."""
        w, g = decayed(w, g, options)
        m, v = moments(g, state, options)
        t = state["step"]
        beta1, beta2 = options["betas"]
        decay = options["momentum_decay"]
        now, then = (beta1 * (1 - 0.5 * 0.96 ** (s * decay)) for s in (t, t + 1))
        product = now * (state["mu_product"] if t > 1 else 1.0)
        state["mu_product"] = product
        m_hat = then / (1 - product * then) * m + (1 - now) / (1 - product) * g
        v_hat = v / (1 - beta2**t)
        return w - options["lr"] * (m_hat / (xp.sqrt(v_hat) + options["eps"]))


@final
class RAdam(Means):
    """Adam whose first steps, in which ``v`` says little, do not divide by it.

    With Adam's m̂ and v̂, ``ρ∞ = 2 / (1 − β₂) − 1`` and ``ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)``:
    where ρ > 5, ``w ← w − lr · r · m̂ / √v̂`` with
    ``r² = (ρ − 4) (ρ − 2) ρ∞ / ((ρ∞ − 4) (ρ∞ − 2) ρ)``; else ``w ← w − lr · m̂``.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more.
    betas : (float, float)
        β₁ and β₂, from 0 to less than 1.
    eps : float
        Added to ``√v``, before its bias is corrected; 0 or more.
    weight_decay : float
        λ, 0 or more. Coupled: first ``g ← g + λ w``; or decoupled, see below.
    decoupled_weight_decay : bool
        Decay by ``w ← w − lr · λ · w`` instead, outside the means.
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
    The formula is that of [1]_ with PyTorch's eps, and its bound of 5 where the paper
    has 4.

    References
    ----------
    .. [1] L. Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond",
       algorithm 2, ICLR 2020, https://arxiv.org/abs/1908.03265.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = RAdam([w], lr=0.25)
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
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · r · m̂ / √v̂``, or ``w − lr · m̂`` in the first steps."""
        w, g = decayed(w, g, options)
        m, v = moments(g, state, options)
        t = state["step"]
        beta1, beta2 = options["betas"]
        rate = options["lr"] / (1 - beta1**t)
        correction = 1 - beta2**t
        most = 2 / (1 - beta2) - 1
        rho = most - 2 * t * beta2**t / correction
        if rho <= 5:
            return w - rate * m
        square = (rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)
        factor = rate * math.sqrt(square * correction)
        return w - factor * (m / (xp.sqrt(v) + options["eps"]))


@final
class Adamax(Means):
    """Adam with the largest recent gradient in place of the root of the mean square.

    ``m ← β₁ m + (1 − β₁) g``, ``u ← max(β₂ u, |g| + eps)`` and
    ``w ← w − lr · m / ((1 − β₁ᵗ) u)``. With weight decay λ, first ``g ← g + λ w``.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays, or groups ``{"params": [...], "lr": 0.1}`` with their own options.
    lr : float
        The learning rate, 0 or more.
    betas : (float, float)
        β₁ and β₂, from 0 to less than 1.
    eps : float
        Added to ``|g|``, 0 or more.
    weight_decay : float
        λ, 0 or more, coupled: it enters m and u.
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
    The formula is that of [1]_ with PyTorch's eps, which the paper does without.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization",
       algorithm 2, ICLR 2015, https://arxiv.org/abs/1412.6980.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = Adamax([w], lr=0.5)
    >>> (w * w)[0].backward()
    >>> opt.step()
    >>> round(w.tolist()[0], 6)
    2.5
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
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

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffers of the mean and of the largest gradient."""
        return ("exp_avg", "exp_inf")

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · m / ((1 − β₁ᵗ) u)``."""
        w, g = decayed(w, g, options)
        beta1, beta2 = options["betas"]
        m = state["exp_avg"] = beta1 * state["exp_avg"] + (1 - beta1) * g
        u = xp.maximum(beta2 * state["exp_inf"], xp.abs(g) + options["eps"])
        state["exp_inf"] = u
        return w - options["lr"] / (1 - beta1 ** state["step"]) * (m / u)
