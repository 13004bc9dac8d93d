"""The tape run again with other numbers: finite differences, and the nudge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..calculus.rule import Spec
from ..errors import GradientError, ShapeError
from .arrays import on_host
from .columns import table
from .digits import number, summary, value_text
from .steps import Step
from .trace import Trace

__all__ = ["Difference", "Nudge", "check", "nudge_of"]

_MOST = 16  # elements of which each is checked
_CHECKED = 8  # of a larger array: the largest, and some others
_RUNS = 20_000  # operations that are run again for all the elements of a gradient


@dataclass(frozen=True, slots=True)
class Difference:
    """One element of a gradient beside the central difference of the result.

    ``(f(w + h) - f(w - h)) / 2h`` is computed in float64 where the library has it;
    `accuracy` is what rounding may have done to the two.
    """

    index: tuple[int, ...]
    gradient: float
    difference: float
    h: float
    accuracy: float = 0.0

    @property
    def disagrees(self) -> bool:
        """Whether the two are different numbers, not by rounding alone."""
        apart = abs(self.gradient - self.difference)
        size = max(abs(self.gradient), abs(self.difference))
        return not apart <= 0.02 * size + self.accuracy  # also where it is NaN


def _run(
    trace: Trace,
    changed: Mapping[Step, Any],
    convert: Callable[[Any], Any] = lambda x: x,
    dtype: Any = None,
) -> Any:
    """Return the result for other values of some variables.

    Everything that depends on them is computed again by the library's functions.
    `convert` is applied to every other value, `dtype` takes the place of the floating
    dtypes among the options.
    """
    values: dict[Step, Any] = dict(changed)
    for step in trace.steps:
        if step in values:
            continue
        if not any(x in values for _, x in step.parts):
            continue
        if not step.can_run:
            raise GradientError(
                f"{step.operation}: a function with a rule of the user's own cannot be "
                "computed again from the tape."
            )
        if any(type(x.value) is Spec for x in step.inputs if x not in values):
            raise GradientError(
                f"{step.operation}: an array that it was computed from was not kept, "
                "so it cannot be computed again. Keep that array in a variable."
            )
        given = [
            values[x] if type(x) is Step and x in values else convert(x.value)
            for x in step.inputs
        ]
        values[step] = (
            step.compute(given) if dtype is None else _wider(step, given, dtype)
        )
    return values.get(trace.result, trace.result.value)


def _wider(step: Step, given: list[Any], dtype: Any) -> Any:
    """Compute a step in a wider dtype than it was computed in."""
    lib = step.lib

    def wide(value: Any) -> Any:
        try:
            if lib.is_floating(value):
                return dtype
        except Exception:
            pass
        return value

    rest, options = step.rest, step.options
    try:
        step.rest = tuple(wide(v) for v in rest)
        step.options = {key: wide(v) for key, v in options.items()}
        return step.compute(given)
    finally:
        step.rest, step.options = rest, options


class _Again:
    """The result of a trace as a function of one of its steps, in float64."""

    def __init__(self, trace: Trace, step: Step) -> None:
        self.trace, self.step, self.lib = trace, step, step.lib
        self.dtype = getattr(self.lib.raw, "float64", None)
        self.host = np.array(on_host(self.lib, step.value), dtype="float64", copy=True)

    def wide(self, value: Any) -> Any:
        """Return a value in float64, if it is an array of real numbers."""
        if self.dtype is None or not hasattr(value, "dtype"):
            return value
        if not self.lib.is_floating(value.dtype) or self.lib.is_complex(value):
            return value
        return self.lib.raw.astype(value, self.dtype)

    def __call__(self, moved: Any) -> float:
        """Return the result where the step has the values of a NumPy array."""
        lib, value = self.lib, self.step.value
        place = None if lib.place else lib.device_of(value)
        raw = lib.from_host(moved, device=place)
        if self.dtype is None:
            raw = lib.raw.astype(raw, value.dtype)
        out = _run(self.trace, {self.step: raw}, self.wide, self.dtype)
        return float(on_host(lib, out).reshape(()))


def check(trace: Trace, step: Step, gradient: Any, share: int = 1) -> list[Difference]:
    """Return elements of a gradient beside central differences, if the tape can run.

    How many depends on how long the tape is; of the time for it this is one of `share`.
    """
    if gradient is None or step.value is None or _is_complex(trace, step):
        return []
    again = _Again(trace, step)
    given = np.asarray(on_host(trace.lib, gradient), dtype="float64")
    most = max(1, _RUNS // (2 * share * len(trace.steps)))
    try:
        return [_difference(again, given, index) for index in _chosen(given, most)]
    except GradientError:
        return []  # a rule of the user's own: there is no function to run


def _is_complex(trace: Trace, step: Step) -> bool:
    lib = trace.lib
    return bool(lib.is_complex(step.value) or lib.is_complex(trace.result.value))


def _difference(again: _Again, given: Any, index: tuple[int, ...]) -> Difference:
    h = 1e-5 * max(1.0, abs(float(again.host[index])))
    results = []
    for sign in (1.0, -1.0):
        moved = again.host.copy()
        moved[index] += sign * h
        results.append(again(moved))
    largest = float(np.max(np.abs(given)))
    accuracy = 1e-4 * largest + 1e-14 * max(map(abs, results)) / h
    difference = (results[0] - results[1]) / (2.0 * h)
    return Difference(index, float(given[index]), difference, h, accuracy)


def _chosen(gradient: Any, most: int) -> list[tuple[int, ...]]:
    """Return the elements to check: all, or the largest and some in between."""
    size = gradient.size
    if size <= min(_MOST, most):
        flat = list(range(size))
    else:
        largest = np.argsort(-np.abs(gradient), axis=None, kind="stable")
        between = [size // 3, size // 2, size - 1]
        flat = [*map(int, largest[: _CHECKED - len(between)]), *between]
    return [
        tuple(int(i) for i in np.unravel_index(k, gradient.shape))
        for k in list(dict.fromkeys(flat))[:most]
    ]


@final
class Nudge:
    """What a small change of a variable does to the result; made by `nudge`.

    Attributes
    ----------
    name : str
        The variable.
    delta : array of NumPy
        The change.
    before, after : float
        The result, and the result after the change.
    predicted : float
        The gradient times the change, summed: what the tangent says.
    """

    def __init__(
        self,
        names: tuple[str, str],
        delta: Any,
        before: float,
        after: float,
        predicted: float,
    ) -> None:
        self.name, self.loss_name = names
        self.delta = delta
        self.before, self.after, self.predicted = before, after, predicted

    @property
    def actual(self) -> float:
        """The change of the result."""
        return self.after - self.before

    @property
    def error(self) -> float:
        """What the prediction leaves out: about half the curvature times delta²."""
        return self.actual - self.predicted

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a dictionary of numbers and strings."""
        return {
            "name": self.name,
            "loss": self.loss_name,
            "delta": summary(self.delta),
            "before": self.before,
            "after": self.after,
            "predicted": self.predicted,
            "actual": self.actual,
            "error": self.error,
        }

    def __str__(self) -> str:
        loss, name = self.loss_name, self.name
        rows = [
            [
                f"predicted change of {loss} (gradient × change)",
                number(self.predicted, 6),
            ],
            [f"actual change of {loss}", number(self.actual, 6)],
        ]
        lines = [f"{name} changes by {value_text(summary(self.delta))}"]
        lines += table(rows)
        if self.actual and math.isfinite(self.actual):
            share = abs(self.error / self.actual)
            lines.append(f"  the prediction is off by {number(100 * share, 3)} %")
        return "\n".join(lines)

    __repr__ = __str__


def nudge_of(trace: Trace, step: Step, gradients: dict[Step, Any], delta: Any) -> Nudge:
    """Return the change that a gradient predicts beside the one that happens."""
    if step.value is None or _is_complex(trace, step):
        raise GradientError(
            f"nudge: {step.name} cannot be run again with other values."
        )
    again = _Again(trace, step)
    given = getattr(delta, "data", delta)
    raw = on_host(trace.lib, given) if hasattr(given, "dtype") else given
    moved = np.asarray(raw, dtype="float64")
    if moved.ndim and moved.shape != again.host.shape:
        raise ShapeError(
            f"nudge: the change has shape {moved.shape} but {step.name} has "
            f"{again.host.shape}."
        )
    change = np.broadcast_to(moved, again.host.shape)
    g = np.asarray(on_host(trace.lib, gradients[step]), dtype="float64")
    return Nudge(
        (step.name, trace.result.name),
        change,
        again(again.host),
        again(again.host + change),
        float((g * change).sum()),
    )
