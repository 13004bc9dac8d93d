"""The model and the data that a user brings to the lab."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..calculus.convert import asarray
from ..calculus.tape import no_grad
from ..data import Dataset
from ..errors import OptionError, ShapeError
from ..nn import Module

__all__ = ["Own"]

_MOST = 100_000  # examples


@dataclass(frozen=True, slots=True)
class Own:
    """A model with its data on the host, and what kind of targets they are.

    `task` is "classes" (whole numbers, one output per class), "binary" (0 or 1, one
    output) or "numbers" (anything else: targets of the outputs' own shape).
    """

    model: Module
    X: Any
    y: Any
    task: Literal["classes", "binary", "numbers"]

    @classmethod
    def of(cls, model: Any, data: tuple[Any, Any] | None) -> Own | None:
        """Return the checked model and data, or None where there are none.

        Raises
        ------
        OptionError, ShapeError
            As `Session` says.
        """
        if model is None and data is None:
            return None
        if not isinstance(model, Module) or data is None:
            raise OptionError(
                "the lab shows a model with its data: give a Module, X and y, or none."
            )
        if any(part is None for part in data):
            raise OptionError("the lab needs both X and y beside a model.")
        X, y = (_host(part) for part in data)
        _check(X, y)
        return cls(model, X, y, _task(model, X, y))

    def fresh_model(self) -> Module:
        """Return a copy of the model: the user's own keeps its weights."""
        return copy.deepcopy(self.model)


def _host(values: Any) -> Any:
    """Return an array on the host, whatever library it came from."""
    array = asarray(values)
    return array._lib.to_host(array.data)


def _check(X: Any, y: Any) -> None:
    """Refuse what is no table of finite numbers with a target for each row."""
    if X.ndim < 2 or len(X) == 0 or len(y.shape) == 0 or len(X) != len(y):
        raise ShapeError(
            f"X has one row per example and y one target per row; X is {X.shape} and "
            f"y is {y.shape}."
        )
    if len(X) > _MOST:
        raise OptionError(
            f"the lab shows at most {_MOST} examples, not {len(X)}: give it a part."
        )
    for name, values in (("X", X), ("y", y)):
        if values.dtype.kind not in "iufb" or not np.isfinite(values).all():
            raise OptionError(f"{name} holds finite real numbers only.")


def _task(model: Module, X: Any, y: Any) -> Literal["classes", "binary", "numbers"]:
    """Return what kind of targets there are, from one example's output."""
    outputs = _output(model, X[:1])
    whole = y.dtype.kind in "iub"
    if whole and y.ndim == 1 and len(outputs) == 2 and outputs[1] > 1:
        if int(y.min()) < 0 or int(y.max()) >= outputs[1]:
            raise ShapeError(
                f"the model has {outputs[1]} outputs, one per class, and y holds the "
                f"numbers {int(y.min())} to {int(y.max())}."
            )
        return "classes"
    single = outputs[1:] in ((), (1,)) and y.shape[1:] in ((), (1,))
    if single:
        return "binary" if set(np.unique(y).tolist()) <= {0, 1} else "numbers"
    if outputs[1:] != y.shape[1:]:
        raise ShapeError(
            f"the model makes {outputs[1:]} of one example and y holds {y.shape[1:]}."
        )
    return "numbers"


def _output(model: Module, x: Any) -> tuple[int, ...]:
    """Return the shape of what a copy of the model makes of one example."""
    trial = copy.deepcopy(model).eval()
    parameter = next(iter(trial.parameters()), None)
    if parameter is None:
        raise OptionError("the model has no parameters: there is nothing to train.")
    with no_grad():
        return tuple(trial(like_parameter(x, parameter)).shape)


def like_parameter(values: Any, parameter: Any) -> Any:
    """Return numbers of the host as an array beside a parameter, of its dtype."""
    exact = np.asarray(values, dtype=np.float64)
    x, _ = Dataset(exact, exact).arrays(like=parameter, dtype=parameter.dtype)
    return x
