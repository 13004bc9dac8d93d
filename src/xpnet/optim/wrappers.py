"""Optimizers around an optimizer: Lookahead and sharpness-aware minimization (SAM)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

from ..errors import OptionError
from .base import Optimizer
from .clipping import norm_of
from .store import Store

__all__ = ["SAM", "Lookahead"]


class _Wrapper:
    """An optimizer inside, whose groups, rate and gradients are those of the whole."""

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise OptionError(
                f"{type(self).__name__}: the optimizer is a "
                f"{type(optimizer).__name__}, not an optimizer. Give it, say, "
                "optim.SGD(model.parameters(), lr=0.1)."
            )
        self.optimizer = optimizer

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of the optimizer inside."""
        return self.optimizer.param_groups

    @property
    def defaults(self) -> dict[str, Any]:
        """The default options of the optimizer inside."""
        return self.optimizer.defaults

    @property
    def lr(self) -> float:
        """The learning rate of the optimizer inside; setting it sets it there."""
        return self.optimizer.lr

    @lr.setter
    def lr(self, value: float) -> None:
        self.optimizer.lr = value

    @property
    def stores(self) -> list[Store]:
        """All stores of the optimizer inside."""
        return [store for stores in self.optimizer._stores for store in stores]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad()


@final
class Lookahead(_Wrapper):
    """Slow parameters that follow the optimizer's at every k-th step.

    After k steps of the optimizer inside, ``s ← s + α (w − s)`` and ``w ← s``. At first
    s is what the parameters are when `Lookahead` is made.

    Parameters
    ----------
    optimizer : Optimizer
        What takes the steps.
    k : int
        How many steps lie between two of the slow parameters; above 0.
    alpha : float
        α, from 0 to 1.

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    The formula is algorithm 1 of [1]_; the state of the optimizer inside goes on as it
    is, as in the paper's experiments. PyTorch has no Lookahead.

    References
    ----------
    .. [1] M. R. Zhang, J. Lucas, G. Hinton and J. Ba, "Lookahead Optimizer: k steps
       forward, 1 step back", NeurIPS 2019, https://arxiv.org/abs/1907.08610.

    Examples
    --------
    >>> from xpnet import asarray, optim
    >>> w = asarray([4.0], requires_grad=True)
    >>> opt = Lookahead(optim.SGD([w], lr=1.0), k=2, alpha=0.5)
    >>> for _ in range(2):
    ...     w.grad = asarray([1.0])
    ...     opt.step()
    >>> w.data
    array([3.])
    """

    def __init__(self, optimizer: Optimizer, k: int = 5, alpha: float = 0.5) -> None:
        super().__init__(optimizer)
        if type(k) is not int or k < 1:
            raise OptionError(f"Lookahead: k is {k!r}; it must be an integer above 0.")
        optimizer.in_range("alpha of Lookahead", alpha)
        if alpha > 1:
            raise OptionError(f"Lookahead: alpha is {alpha!r}; it is at most 1.")
        self.k, self.alpha = k, alpha
        self.count = 0
        self.slow = self._copies()

    def _copies(self) -> list[list[Any]]:
        """Return copies of all parameters, a list for each store."""
        return [[s.lib.copy(x) for x in s.values()] for s in self.stores]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step of the optimizer inside, and every k-th time one of the slow.

        Parameters
        ----------
        closure : callable, optional
            Given to the optimizer inside.

        Returns
        -------
        object
            What `closure` returned; None without one.
        """
        loss = self.optimizer.step(closure)
        self.count += 1
        if self.count % self.k == 0:
            for i, store in enumerate(self.stores):
                pairs = zip(self.slow[i], store.values(), strict=True)
                with store.lib.quiet():
                    self.slow[i] = [s + self.alpha * (w - s) for s, w in pairs]
                store.write([store.lib.copy(s) for s in self.slow[i]])
        return loss

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimize more parameters, with options of their own."""
        known = len(self.stores)
        self.optimizer.add_param_group(group)
        self.slow += self._copies()[known:]

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything needed to go on.

        Returns
        -------
        dict
            ``"optimizer"``: the state of the optimizer inside; ``"count"``: how many
            steps it has taken; ``"slow"``: the slow parameters, in order.
        """
        slow: dict[int, Any] = {}
        for store, values in zip(self.stores, self.slow, strict=True):
            slow |= store.parted(values)
        return {
            "optimizer": self.optimizer.state_dict(),
            "count": self.count,
            "slow": [slow[i] for i in sorted(slow)],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned.

        Raises
        ------
        OptionError
            If it is not such a state, or is that of other parameters.
        ShapeError
            If an array does not have the shape of its parameter.
        """
        if not isinstance(state_dict, Mapping) or "slow" not in state_dict:
            raise OptionError(
                "Lookahead.load_state_dict: what Lookahead.state_dict() returns has "
                "'optimizer', 'count' and 'slow'; this has not."
            )
        self.optimizer.load_state_dict(state_dict["optimizer"])
        self.count = int(state_dict["count"])
        slow = state_dict["slow"]
        self.slow = [store.joined(slow) for store in self.stores]

    def __repr__(self) -> str:
        return f"Lookahead(k={self.k}, alpha={self.alpha}, {self.optimizer!r})"


@final
class SAM(_Wrapper):
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
    The formula is that of [1]_, for the Euclidean norm. Without a closure: compute the
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
        stores = self.stores
        self._before = [[s.lib.copy(x) for x in s.values()] for s in stores]
        pieces = [(s.lib, piece) for s in stores for piece in s.pieces()]
        if pieces:
            sizes = [(lib, self._weighed(lib, p)) for lib, p in pieces]
            scale, rest = norm_of("SAM", sizes)
            for lib, piece in pieces:
                raw, dtype = lib.raw, piece.w.dtype
                factor = (self.rho / scale) / (rest + 1e-12 / scale)
                factor = lib.raw.astype(_at(lib, factor, piece.w), dtype)
                along = piece.w * piece.w * piece.g if self.adaptive else piece.g
                with lib.quiet():
                    along = raw.where(piece.g == 0, raw.zeros_like(along), along)
                    piece.write(piece.w + factor * along)
        self.zero_grad()

    def _weighed(self, lib: Any, piece: Any) -> Any:
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
        before, self._before = self._before, None
        for store, values in zip(self.stores, before, strict=True):
            store.write(values)
        self.optimizer.step()

    def step(self, closure: Callable[[], Any]) -> Any:
        """Take a whole step, with two calls of `closure`.

        Parameters
        ----------
        closure : callable
            Forgets the gradients, computes the loss, calls its ``backward`` and returns
            it.

        Returns
        -------
        object
            What the first call returned: the loss at ``w``.
        """
        if not callable(closure):
            raise OptionError(
                "SAM.step: a closure is needed that computes the loss and its "
                "gradients, since a step asks for them twice."
            )
        loss = closure()
        self.first_step()
        closure()
        self.second_step()
        return loss

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimize more parameters, with options of their own."""
        self.optimizer.add_param_group(group)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the optimizer inside; `SAM` has none."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned."""
        self.optimizer.load_state_dict(state_dict)

    def __repr__(self) -> str:
        return f"SAM(rho={self.rho}, adaptive={self.adaptive}, {self.optimizer!r})"


def _at(lib: Any, x: Any, near: Any) -> Any:
    """Return an array without axes on the device of another."""
    return x if lib.place is not None else lib.move(x, lib.raw.device(near))
