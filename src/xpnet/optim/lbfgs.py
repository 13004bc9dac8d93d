"""L-BFGS, which estimates curvature from the last steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..errors import OptionError, ShapeError
from .base import Optimizer
from .quasi_newton import Run
from .saving import adopt_options
from .store import Store
from .terms import Options, State

__all__ = ["LBFGS"]


@final
class LBFGS(Optimizer):
    """Quasi-Newton steps: the inverse Hessian is estimated from the last steps.

    ``w ← w + t · d`` with ``d = −H g``, where H maps each of the last differences of
    gradients to the step it came from. t is lr (in the first step at most ``lr / Σ|g|``
    as well), or comes from a line search that begins there.

    Parameters
    ----------
    params : iterable of Array
        Leaf arrays of one dtype on one device, in one group.
    lr : float
        The learning rate, 0 or more.
    max_iter : int
        How many steps one call of `step` takes at most.
    max_eval : int, optional
        How often it calls the closure at most; ``max_iter · 5 // 4`` by default.
    tolerance_grad : float
        End when no element of the gradient is larger.
    tolerance_change : float
        End when neither a parameter nor the loss changes by more.
    history_size : int
        How many of the last steps H is made of.
    line_search_fn : str, optional
        "strong_wolfe", or None for none.

    Raises
    ------
    DTypeError
        If a parameter is complex.
    OptionError
        If an option is out of range, there are no parameters, or they have several
        groups, dtypes or devices.

    Notes
    -----
    The formula is that of [1]_, algorithm 7.5, and of PyTorch, in the same order: all
    parameters as one vector, kept ``2 · history_size + 4`` times. Where to stop and how
    far to go depends on numbers: losses and slopes are read back to the host, a few in
    each iteration. There is no weight decay. A parameter without a gradient counts as
    one whose gradient is 0.

    References
    ----------
    .. [1] J. Nocedal and S. Wright, "Numerical Optimization", 2nd edition, Springer
       2006.

    Examples
    --------
    >>> from xpnet import asarray, xp
    >>> w = asarray([3.0, -1.0], requires_grad=True)
    >>> scale = asarray([1.0, 100.0])
    >>> opt = LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     opt.zero_grad()
    ...     loss = xp.sum(scale * w * w)
    ...     loss.backward()
    ...     return loss
    >>> opt.step(closure).item()
    109.0
    >>> closure().item() < 1e-10
    True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if max_eval is None and type(max_iter) is int:
            max_eval = max_iter * 5 // 4
        options: dict[str, Any] = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, options)
        self.state: dict[str, Any] = {}

    def check(self, options: Options) -> None:
        """Raise OptionError unless every option is in its range."""
        for key in ("lr", "tolerance_grad", "tolerance_change"):
            self.in_range(key, options[key])
        for key in ("max_iter", "max_eval", "history_size"):
            if type(options[key]) is not int or options[key] < 1:
                raise OptionError(
                    f"LBFGS: {key} is {options[key]!r}; it must be an integer above 0."
                )
        if options["line_search_fn"] not in (None, "strong_wolfe"):
            raise OptionError(
                f"LBFGS: line_search_fn is {options['line_search_fn']!r}; it must be "
                "'strong_wolfe' or None."
            )

    def _adopt(self, group: dict[str, Any]) -> None:
        if self.param_groups:
            raise OptionError(
                "LBFGS: there is a second group of parameters, but all of them are one "
                "vector. Give them in one group."
            )
        super()._adopt(group)
        if len(self.stores[0]) > 1:
            kinds = ", ".join(f"{s.dtype} on {s.place}" for s in self.stores[0])
            raise OptionError(
                f"LBFGS: the parameters are {kinds}; as one vector they need one dtype "
                "and one device."
            )

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Return no names: the state is that of all parameters together."""
        return ()

    def update(self, xp: Any, w: Any, g: Any, state: State, options: Options) -> Any:
        """Return ``w + t · d``."""
        return w + state["t"] * state["d"]

    @property
    def store(self) -> Store:
        """The one store of all parameters."""
        return self.stores[0][0]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take up to ``max_iter`` steps.

        Parameters
        ----------
        closure : callable
            Forgets the gradients, computes the loss, calls its ``backward`` and returns
            it. It is called many times, so it must give the same loss for the same
            parameters.

        Returns
        -------
        object
            What the first call of `closure` returned.

        Raises
        ------
        OptionError
            If there is no closure.
        """
        if closure is None:
            raise OptionError(
                "LBFGS.step: a closure is needed that computes the loss and its "
                "gradients, since a step asks for them several times."
            )
        return Run(self, closure).run()

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything needed to go on, in PyTorch's layout.

        Returns
        -------
        dict
            ``"state"``: under 0, the vectors and numbers of all parameters together.
            ``"param_groups"``: the options, with the numbers of the parameters.
        """
        numbers = list(range(len(self.store.arrays)))
        group = dict(self.param_groups[0]) | {"params": numbers}
        state = {key: self._saved(value) for key, value in self.state.items()}
        return {"state": {0: state} if state else {}, "param_groups": [group]}

    def _saved(self, value: Any) -> Any:
        """Return numbers as they are, and vectors as PyTorch has them."""
        if isinstance(value, list):
            return [self._saved(x) for x in value]
        if isinstance(value, (int, float)):
            return value
        lib = self.store.lib
        return Array(lib.copy(self.store.packed(value)), lib)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned, here or in PyTorch.

        Raises
        ------
        OptionError
            If parameters or options do not match those of this optimizer.
        ShapeError
            If a vector is not as long as all parameters together.
        """
        (options,) = adopt_options(self, state_dict)
        saved = state_dict["state"].get(0, {})
        vectors = ("d", "prev_flat_grad", "old_dirs", "old_stps")
        numbers = ("t", "H_diag", "prev_loss", "ro")
        state: dict[str, Any] = {}
        for key in ("n_iter", "func_evals"):
            if key in saved:
                state[key] = int(saved[key])
        for keys, read in ((vectors, self._vector), (numbers, float)):
            for key in keys:
                value = saved.get(key)
                if isinstance(value, list):
                    state[key] = [read(x) for x in value]
                elif value is not None:
                    state[key] = read(value)
        self.param_groups[0].update(options)
        self.state = state

    def _vector(self, given: Any) -> Any:
        """Return a saved vector as a raw one, laid out as the store's."""
        x, size = asarray(given), sum(p.size for p in self.store.arrays)
        if x.shape != (size,):
            raise ShapeError(
                f"LBFGS.load_state_dict: a vector has shape {x.shape}, but the "
                f"parameters have {size} elements."
            )
        return self.store.unpacked(self.store.bring(x))
