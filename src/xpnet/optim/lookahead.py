"""Lookahead: slow parameters that follow those of an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

from ..errors import OptionError
from .base import Optimizer
from .wrappers import Wrapper

__all__ = ["Lookahead"]


@final
class Lookahead(Wrapper):
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
        return [[s.lib.copy(x) for x in s.values()] for s in self.all_stores]

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
            for i, store in enumerate(self.all_stores):
                pairs = zip(self.slow[i], store.values(), strict=True)
                with store.lib.quiet():
                    self.slow[i] = [s + self.alpha * (w - s) for s, w in pairs]
                store.write([store.lib.copy(s) for s in self.slow[i]])
        return loss

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimize more parameters, with options of their own."""
        known = len(self.all_stores)
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
        for store, values in zip(self.all_stores, self.slow, strict=True):
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
        self.slow = [store.joined(slow) for store in self.all_stores]

    def __repr__(self) -> str:
        return f"Lookahead(k={self.k}, alpha={self.alpha}, {self.optimizer!r})"
