"""Sharpness-aware minimization: steps with the gradient at a worse point nearby."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

from ..backend.library import Library
from ..errors import OptionError
from .base import Optimizer
from .clipping import norm_of
from .gradients import moved
from .store import Piece
from .wrappers import Wrapper

__all__ = ["SAM"]


@final
class SAM(Wrapper):
    """Steps with the gradient at the worst point near the parameters.

    ``e = ρ g / (|g| + 1e-12)`` with the norm of all gradients; the optimizer inside
    steps from ``w`` with the gradient at ``w + e``. Adaptive, ``e = ρ w² g / |w g|``.
    Each step needs two gradients:

    >>> from xpnet import asarray, optim
    >>> w = asarray([3.0], requires_grad=True)
    >>> opt = SAM(optim.SGD([w], lr=0.25), rho=0.5)
    >>> def closure():
    ...     opt.zero_grad()
    ...     loss = (w * w)[0]
    ...     loss.backward()
    ...     return loss
    >>> opt.step(closure).item(), round(w.tolist()[0], 6)
    (9.0, 1.25)

    Parameters
    ----------
    optimizer : Optimizer
        What takes the steps.
    rho : float
        ρ, 0 or more: how far away to look.
    adaptive : bool
        Look further along large parameters [2]_.

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    The formula is that of [1]_, for the Euclidean norm; with ``maximize`` it is -e that
    is added. Without a closure: compute the
    gradient, `first_step`, compute the gradient anew, `second_step`. The norm is not
    read back to the host. PyTorch has no SAM.

    References
    ----------
    .. [1] P. Foret, A. Kleiner, H. Mobahi and B. Neyshabur, "Sharpness-Aware
       Minimization for Efficiently Improving Generalization", ICLR 2021,
       https://arxiv.org/abs/2010.01412.
    .. [2] J. Kwon et al., "ASAM: Adaptive Sharpness-Aware Minimization for
       Scale-Invariant Learning of Deep Neural Networks", ICML 2021,
       https://arxiv.org/abs/2102.11600.
    """

    def __init__(
        self, optimizer: Optimizer, rho: float = 0.05, adaptive: bool = False
    ) -> None:
        super().__init__(optimizer)
        optimizer.in_range("rho of SAM", rho)
        self.rho, self.adaptive = rho, adaptive
        self._before: list[list[Any]] | None = None

    def first_step(self) -> None:
        """Move the parameters to ``w + e``, and forget their gradients.

        Raises
        ------
        OptionError
            If they are there already.
        """
        if self._before is not None:
            raise OptionError(
                "SAM.first_step: the parameters are at w + e already. Compute the "
                "gradient there and call second_step()."
            )
        self._before = [[s.lib.copy(x) for x in s.values()] for s in self.all_stores]
        pieces = self._pieces()
        if pieces:
            sizes = [(lib, self._weighed(lib, p)) for lib, p, _ in pieces]
            scale, rest = norm_of("SAM", sizes)
            for lib, piece, worse in pieces:
                raw, dtype = lib.raw, piece.w.dtype
                factor = (worse * self.rho / scale) / (rest + 1e-12 / scale)
                factor = moved(lib, factor, raw.device(piece.w))
                factor = raw.astype(factor, dtype)
                along = piece.w * piece.w * piece.g if self.adaptive else piece.g
                with lib.quiet():
                    along = raw.where(piece.g == 0, raw.zeros_like(along), along)
                    piece.write(piece.w + factor * along)
        self.zero_grad()

    def _pieces(self) -> list[tuple[Library, Piece, float]]:
        """Return what has a gradient, and the sign of the direction that is worse."""
        optimizer = self.optimizer
        return [
            (store.lib, piece, -1.0 if group.get("maximize") else 1.0)
            for group, stores in zip(self.param_groups, optimizer.stores, strict=True)
            for store in stores
            for piece in store.pieces()
        ]

    def _weighed(self, lib: Library, piece: Piece) -> Any:
        """Return what the norm is taken of: g, or w g (0 where g is)."""
        if not self.adaptive:
            return piece.g
        zeros = lib.raw.zeros_like(piece.g)
        return lib.raw.where(piece.g == 0, zeros, piece.w * piece.g)

    def second_step(self) -> None:
        """Go back to ``w`` and take the optimizer's step with the gradients of now.

        Raises
        ------
        OptionError
            If `first_step` was not called before.
        """
        if self._before is None:
            raise OptionError(
                "SAM.second_step: call first_step() before, and compute the gradient "
                "at w + e."
            )
        self._go_back()
        self.optimizer.step()

    def _go_back(self) -> None:
        """Give the parameters the values that they had before `first_step`."""
        before, self._before = self._before, None
        for store, values in zip(self.all_stores, before or (), strict=True):
            store.write(values)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a whole step, with two calls of `closure`.

        Parameters
        ----------
        closure : callable
            Forgets the gradients, computes the loss, calls its ``backward`` and returns
            it. If it fails, the parameters are what they were.

        Returns
        -------
        object
            What the first call returned: the loss at ``w``.

        Raises
        ------
        OptionError
            If there is no closure.
        """
        if not callable(closure):
            raise OptionError(
                "SAM.step: a closure is needed that computes the loss and its "
                "gradients, since a step asks for them twice."
            )
        loss = closure()
        self.first_step()
        try:
            closure()
        except BaseException:
            self._go_back()
            raise
        self.second_step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the optimizer inside; `SAM` has none."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned."""
        self.optimizer.load_state_dict(state_dict)

    def __repr__(self) -> str:
        return f"SAM(rho={self.rho}, adaptive={self.adaptive}, {self.optimizer!r})"
