"""One optimizer on one function, step by step."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import xpnet as xn

from ..errors import OptionError, ShapeError, XpnetError
from ..optim import Optimizer
from .formula import Formula
from .surfaces import SURFACES

__all__ = ["Maker", "Move", "Run", "function_of", "start_of"]

_MOST_CURVATURES = 30  # numbers, for which the Hessian is computed

Maker = Callable[..., Any]


class Move(NamedTuple):
    """One point of a descent.

    Attributes
    ----------
    point : tuple of float
        Where it is.
    value : float
        The function there.
    gradient : tuple of float
        Its gradient there.
    learning_rate : float or None
        That of the step that was taken from here; None at the last point.
    """

    point: tuple[float, ...]
    value: float
    gradient: tuple[float, ...]
    learning_rate: float | None

    @property
    def is_finite(self) -> bool:
        """Whether every number of it is finite."""
        numbers = (*self.point, self.value, *self.gradient)
        return all(math.isfinite(number) for number in numbers)


class Run:
    """One optimizer on one function, which keeps what it passes."""

    def __init__(
        self,
        function: Callable[..., Any],
        start: Any,
        make: Maker,
        options: dict[str, Any],
    ) -> None:
        self.function = function
        self.w = xn.asarray(start, copy=True, requires_grad=True)
        self.optimizer = _made(make, self.w, options)
        self.eps = float(self.w.__array_namespace__().finfo(self.w.dtype).eps)
        self.first: Any = None  # of the losses that a step computes

    def moves(self, steps: int) -> list[Move]:
        """Take the steps, up to numbers that are not finite; return what was passed."""
        passed: list[Move] = []
        with np.errstate(all="ignore"):
            while len(passed) < steps and (not passed or passed[-1].is_finite):
                passed.append(self._move(self.optimizer.step))
            if passed[-1].is_finite:
                passed.append(self._move(lambda closure: closure()))
        passed[-1] = passed[-1]._replace(learning_rate=None)
        return passed

    def _move(self, act: Callable[[Callable[[], Any]], Any]) -> Move:
        """Return the point where the parameters are, and let `act` go on from there."""
        point = tuple(self.w.tolist())
        self.first = None
        act(self._closure)
        if self.first is None:
            raise OptionError(
                f"descend: {type(self.optimizer).__name__}.step did not call the "
                "closure it was given, so that there is no gradient."
            )
        value, gradient = self.first
        return Move(point, value, gradient, self._rate())

    def _value(self, w: Any) -> Any:
        value = self.function(*(w[i] for i in range(w.size)))
        if not isinstance(value, xn.Array) or value.size != 1:
            shape = getattr(value, "shape", None)
            raise ShapeError(
                f"descend: the function returned {shape or type(value).__name__}; it "
                "returns one number, made of its arguments."
            )
        return value

    def _closure(self) -> Any:
        """Compute value and gradient where the parameters are; keep the first."""
        self.optimizer.zero_grad()
        value = self._value(self.w)
        if not value.requires_grad:
            raise OptionError(
                "descend: the function does not depend on its variables, so that no "
                "direction leads down."
            )
        value.backward()
        if self.first is None:
            gradient = self.w.grad
            assert gradient is not None
            self.first = float(value.item()), tuple(gradient.tolist())
        return value

    def _rate(self) -> float | None:
        groups = getattr(self.optimizer, "param_groups", None)
        rate = groups[0].get("lr") if groups else None
        return float(rate) if isinstance(rate, (int, float)) else None

    @property
    def shown(self) -> str:
        """The optimizer with its learning rate and what else is not the default."""
        kind = type(self.optimizer)
        groups = getattr(self.optimizer, "param_groups", None)
        if not groups:
            return kind.__name__
        usual = {
            name: parameter.default
            for name, parameter in inspect.signature(kind).parameters.items()
            if name in groups[0] and name not in ("params", "lr")
        }
        others = [name for name, value in usual.items() if groups[0][name] != value]
        names = [name for name in ("lr", *others) if name in groups[0]]
        options = [f"{name}={groups[0][name]!r}" for name in names]
        return f"{kind.__name__}({', '.join(options)})"

    def curvatures(self, point: tuple[float, ...]) -> list[float] | None:
        """Return the eigenvalues of the Hessian, or None where it is not known."""
        if len(point) > _MOST_CURVATURES:
            return None
        like = self.w.detach()
        xp = like.__array_namespace__()
        at = xp.asarray(list(point), dtype=like.dtype, device=like.device)
        try:
            hessian = np.asarray(xn.hessian(self._value)(at).tolist())
        except XpnetError:
            return None
        if not np.isfinite(hessian).all():
            return None
        return [float(v) for v in np.linalg.eigvalsh((hessian + hessian.T) / 2)]


def start_of(start: Any) -> Any:
    """Return the point to start from as a vector off the tape."""
    if isinstance(start, (int, float)):
        start = [start]
    if isinstance(start, (tuple, list)):
        start = [float(v) for v in start]
    begin = xn.asarray(start).detach()
    if begin.ndim == 0:
        begin = begin.__array_namespace__().reshape(begin, (1,))
    if begin.ndim != 1 or begin.size == 0 or not begin._lib.is_floating(begin.dtype):
        raise ShapeError(
            f"descend: start has shape {begin.shape} and dtype {begin.dtype}; it is "
            "one number or several, such as (1.5, 2.0)."
        )
    return begin


def function_of(
    f: Callable[..., Any] | str, count: int
) -> tuple[Callable[..., Any], tuple[str, ...]]:
    """Return the function, and what its variables are called."""
    names = ("x", "y")[:count]
    if count > 2:
        names = tuple(f"x{i}" for i in range(1, count + 1))
    if isinstance(f, str):
        f = SURFACES[f].formula if f in SURFACES else Formula(f, names)
    if isinstance(f, Formula):
        names = f.variables
        if len(names) != count:
            raise ShapeError(
                f"descend: the function has {len(names)} variables "
                f"({', '.join(names)}), and start has {count} numbers."
            )
    return f, names


def _made(make: Maker, w: Any, options: dict[str, Any]) -> Any:
    """Return an optimizer of one parameter."""
    optimizer = None
    if callable(make) and not isinstance(make, Optimizer):
        optimizer = make([w], **options)
    if not hasattr(optimizer, "step"):
        raise OptionError(
            f"descend: {make!r:.60} makes no optimizer; give a class, optim.SGD, or a "
            "function of the parameters, lambda p: optim.SGD(p, lr=0.1)."
        )
    return optimizer
