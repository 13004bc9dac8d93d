"""L-BFGS, which estimates curvature from the last steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..errors import OptionError, ShapeError
from .base import Optimizer
from .saving import adopt_options
from .store import Store
from .terms import Options, State
from .wolfe import Point, search

__all__ = ["LBFGS"]

LEAST_CURVATURE = 1e-10  # of a step that is remembered


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
        return _Run(self, closure).run()

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


class _Run:
    """One call of `LBFGS.step`."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any]) -> None:
        self.optimizer, self.closure = optimizer, closure
        self.store, self.lib = optimizer.store, optimizer.store.lib
        self.o, self.s = optimizer.param_groups[0], optimizer.state
        self.s.setdefault("func_evals", 0)
        self.s.setdefault("n_iter", 0)

    def run(self) -> Any:
        """Take steps until one of the bounds is met; return the first loss."""
        o, s = self.o, self.s
        first = self.closure()
        loss, g = _number(first), self.store.gradient()
        s["func_evals"] += 1
        calls = 1
        if self.largest(g) <= o["tolerance_grad"]:
            return first
        for i in range(o["max_iter"]):
            s["n_iter"] += 1
            s["d"] = self.direction(g)
            s["prev_flat_grad"], s["prev_loss"] = g, loss
            s["t"] = float(o["lr"])
            if s["n_iter"] == 1:
                total = self.host(self.lib.raw.sum(self.lib.raw.abs(g)))
                s["t"] *= min(1.0, 1.0 / total)
            slope = self.dot(g, s["d"])
            if slope > -o["tolerance_change"]:
                break
            last = i + 1 == o["max_iter"]
            start = Point(0.0, loss, g, slope)
            point, more = self.moved(start, o["max_eval"] - calls, last)
            loss, g = point.loss, point.gradient
            calls += more
            s["func_evals"] += more
            if last or calls >= o["max_eval"] or self.ends(g, loss):
                break
        return first

    def moved(self, start: Point, most: int, last: bool) -> tuple[Point, int]:
        """Move the parameters, and return where they are and the number of calls."""
        s, before = self.s, self.store.vector()
        if self.o["line_search_fn"] is None:
            self.go(before, s["t"])
            if last:  # nobody asks for the loss there
                return start, 0
            return self.here(s["t"]), 1

        def evaluate(t: float) -> Point:
            self.go(before, t)
            return self.here(t)

        width, tolerance = self.largest(s["d"]), self.o["tolerance_change"]
        point, calls = search(evaluate, start, s["t"], width, tolerance, most)
        s["t"] = point.t
        self.go(before, point.t)
        return point, calls

    def go(self, before: Any, t: float) -> None:
        """Move the parameters to ``before + t · d``."""
        state = {"t": t, "d": self.s["d"]}
        raw = self.lib.raw
        vector = self.optimizer.update(raw, before, None, state, self.o)
        self.store.move_to(vector)

    def here(self, t: float) -> Point:
        """Return loss, gradient and slope where the parameters are."""
        loss, g = _number(self.closure()), self.store.gradient()
        return Point(t, loss, g, self.dot(g, self.s["d"]))

    def direction(self, g: Any) -> Any:
        """Return ``−H g``, after remembering the last step: the two-loop recursion."""
        s = self.s
        if s["n_iter"] == 1:
            s["old_dirs"], s["old_stps"], s["ro"], s["H_diag"] = [], [], [], 1.0
            return -g
        self.remember(g)
        past = list(zip(s["old_dirs"], s["old_stps"], s["ro"], strict=True))
        dot = self.lib.raw.matmul
        q, alphas = -g, []
        for y, step, ro in reversed(past):
            alphas.append(ro * dot(step, q))
            q = q - alphas[-1] * y
        d = s["H_diag"] * q
        for (y, step, ro), alpha in zip(past, reversed(alphas), strict=True):
            d = d + (alpha - ro * dot(y, d)) * step
        return d

    def remember(self, g: Any) -> None:
        """Keep the last step and the change of the gradient, if it shows curvature."""
        s = self.s
        y, step = g - s["prev_flat_grad"], s["t"] * s["d"]
        curvature = self.dot(y, step)
        if not curvature > LEAST_CURVATURE:
            return
        pairs = (("old_dirs", y), ("old_stps", step), ("ro", 1.0 / curvature))
        for key, value in pairs:
            s[key] = [*s[key], value][-self.o["history_size"] :]
        s["H_diag"] = curvature / self.dot(y, y)

    def ends(self, g: Any, loss: float) -> bool:
        """Tell whether the gradient is small enough, or the last step did nothing."""
        s, change = self.s, self.o["tolerance_change"]
        small = self.largest(g) <= self.o["tolerance_grad"]
        stays = abs(s["t"]) * self.largest(s["d"]) <= change
        return bool(small or stays or abs(loss - s["prev_loss"]) < change)

    def largest(self, x: Any) -> float:
        """Return the largest absolute value of a vector, 0 if it is empty."""
        return self.host(self.lib.raw.max(self.lib.raw.abs(x))) if x.shape[0] else 0.0

    def dot(self, x: Any, y: Any) -> float:
        """Return the product of two vectors as a number."""
        return self.host(self.lib.raw.matmul(x, y))

    def host(self, x: Any) -> float:
        """Read an array without axes."""
        return float(self.lib.to_host(x))


def _number(loss: Any) -> float:
    """Return a loss as a number, or say what the closure returned instead."""
    if loss is None:
        raise OptionError(
            "LBFGS.step: the closure returned None. Let it return the loss."
        )
    return float(loss.item() if isinstance(loss, Array) else loss)
