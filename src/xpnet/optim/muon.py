"""Muon: momentum whose matrices are made orthogonal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, final

from ..errors import OptionError, ShapeError
from .base import Optimizer
from .terms import Options, State

__all__ = ["Muon"]

FITS: dict[str, Callable[[int, int], float]] = {
    "original": lambda rows, columns: math.sqrt(max(1.0, rows / columns)),
    "match_rms_adamw": lambda rows, columns: 0.2 * math.sqrt(max(rows, columns)),
}


def orthogonalized(
    xp: Any, x: Any, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Any:
    """Return a matrix with the singular vectors of `x`, and singular values near 1.

    Newton–Schulz: with (a, b, c), ``x ← a x + (b A + c A²) x`` for ``A = x xᵀ``, some
    times, after ``x ← x / max(|x|, eps)``. With Muon's coefficients singular values end
    between 0.7 and 1.2, after few steps, rather than at 1.
    """
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = xp.matrix_transpose(x)
    norm = xp.sqrt(xp.sum(x * x))
    x = x / xp.maximum(norm, xp.full_like(norm, eps))
    for _ in range(steps):
        square = xp.matmul(x, xp.matrix_transpose(x))
        x = a * x + xp.matmul(b * square + c * xp.matmul(square, square), x)
    return xp.matrix_transpose(x) if tall else x


@final
class Muon(Optimizer):
    """Momentum, made orthogonal: every direction of a matrix moves equally far.

    ``b ← μ b + (1 − μ) g``; ``d = (1 − μ) g + μ b`` with Nesterov's form, else ``b``;
    ``w ← w − lr · λ · w − lr · s · O``, where O has the singular vectors of d and
    singular values near 1 (see `orthogonalized`), and s comes from the shape.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays of 2 dimensions: the weights of hidden layers. Biases, embeddings
        and the last layer go to another optimizer, say `AdamW`.
    lr : float
        The learning rate, 0 or more.
    weight_decay : float
        λ, 0 or more, decoupled.
    momentum : float
        μ, from 0 to 1.
    nesterov : bool
        Look ahead along the momentum.
    ns_coefficients : (float, float, float)
        Those of the Newton–Schulz iteration.
    eps : float
        The least norm that a matrix is divided by, 0 or more.
    ns_steps : int
        The number of iterations, less than 100.
    adjust_lr_fn : str, optional
        s for a matrix of A × B: ``√max(1, A / B)`` for "original" and None,
        ``0.2 √max(A, B)`` for "match_rms_adamw", with which AdamW's lr and weight decay
        can be kept.

    Raises
    ------
    DTypeError
        If a parameter is complex.
    OptionError
        If an option is out of range, or there are no parameters.
    ShapeError
        If a parameter does not have 2 dimensions.

    Notes
    -----
    The formula is that of [1]_ and [2]_, and of PyTorch, which iterates in bfloat16
    whatever the parameters are; here the iteration has the dtype of the parameters.
    An empty matrix stays as it is.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
       2024, https://kellerjordan.github.io/posts/muon/.
    .. [2] J. Liu et al., "Muon is Scalable for LLM Training", 2025,
       https://arxiv.org/abs/2502.16982.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([[3.0, 0.0], [0.0, 1.0]], requires_grad=True)
    >>> opt = Muon([w], lr=0.5, weight_decay=0.0, ns_coefficients=(1.5, -0.5, 0.0))
    >>> (w * w)[0, 0].backward()
    >>> opt.step()
    >>> w.data
    array([[2.5, 0. ],
           [0. , 1. ]])
    """

    counts = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, options)

    def _admit(self, p: Any, known: dict[int, int]) -> None:
        super()._admit(p, known)
        if len(p.shape) != 2:
            raise ShapeError(
                f"Muon: parameter {len(known) - 1} has shape {p.shape}; only matrices, "
                "of 2 dimensions, can be made orthogonal. Give the others to AdamW."
            )

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "weight_decay", "momentum", "eps"):
            self.in_range(key, options[key])
        given = options["ns_coefficients"]
        if not isinstance(given, (tuple, list)) or len(given) != 3:
            raise OptionError(
                f"Muon: ns_coefficients are {given!r}; they must be three numbers."
            )
        steps, fit = options["ns_steps"], options["adjust_lr_fn"]
        if type(steps) is not int or not 0 <= steps < 100:
            raise OptionError(
                f"Muon: ns_steps is {steps!r}; it must be an integer from 0 to 99."
            )
        if fit is not None and fit not in FITS:
            raise OptionError(
                f"Muon: adjust_lr_fn is {fit!r}; it must be None or one of "
                f"{sorted(FITS)}."
            )

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return the buffer of the momentum."""
        return ("momentum_buffer",)

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w − lr · λ · w − lr · s · O``."""
        momentum, lr = options["momentum"], options["lr"]
        fit = FITS[options["adjust_lr_fn"] or "original"]
        keys = ("ns_coefficients", "ns_steps", "eps")
        coefficients, steps, eps = (options[key] for key in keys)
        b = momentum * state["momentum_buffer"] + (1 - momentum) * g
        state["momentum_buffer"] = b

        def scaled(x: Any) -> Any:
            if 0 in x.shape:
                return x
            return fit(*x.shape) * orthogonalized(xp, x, coefficients, steps, eps)

        d = (1 - momentum) * g + momentum * b if options["nesterov"] else b
        out = state["parts"].each(scaled, d)
        return (1 - lr * options["weight_decay"]) * w - lr * out
