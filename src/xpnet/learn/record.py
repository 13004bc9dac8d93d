"""An explanation as dictionaries, lists, numbers and strings, ready for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .digits import summary
from .lines import line_of
from .naming import expression
from .rules import link, slope
from .sentences import notes
from .sources import rule_source
from .steps import Constant, Step
from .symbols import numbers, text

if TYPE_CHECKING:
    from .explanation import Explanation, Variable

__all__ = ["record"]

_MOST_PATHS = 10**300  # a larger count does not fit into a number of JSON's readers


def record(explanation: Explanation) -> dict[str, Any]:
    """Return all that an explanation says, without a word of layout."""
    loss = explanation.loss
    return {
        "loss": {"name": loss.name, "id": loss.id, "value": summary(loss.value)},
        "steps": [_step(explanation, step) for step in explanation.trace.steps],
        "variables": [_variable(explanation, v) for v in explanation.variables],
        "unreached": explanation.unreached,
    }


def _step(explanation: Explanation, step: Step) -> dict[str, Any]:
    value, gradient = step.value, explanation.gradients.get(step)
    return {
        "id": step.id,
        "name": step.name,
        "named": step.named,
        "operation": step.operation,
        "expression": step.name if step.row is None else expression(step),
        "inputs": [_input(x) for x in step.inputs],
        "derivatives": [_derivative(step, i) for i in range(len(step.inputs))],
        "shape": None if value is None else list(value.shape),
        "dtype": "" if value is None else str(value.dtype).rpartition(".")[2],
        "value": None if value is None else summary(value),
        "cotangent": _summary(gradient),
        "line": _line(step),
        "rule": rule_source(step),
        "notes": notes(step),
    }


def _summary(value: Any) -> Any:
    return summary(value) if hasattr(value, "dtype") else None


def _input(x: Step | Constant) -> dict[str, Any]:
    if type(x) is Step:
        return {"id": x.id}
    value = x.value
    shape = list(value.shape) if hasattr(value, "shape") else []
    known = value is not None and type(value).__name__ != "Spec"
    return {
        "constant": True,
        "name": x.name,
        "value": summary(value) if known else None,
        "shape": shape,
    }


def _derivative(step: Step, index: int) -> dict[str, Any] | None:
    """Return the local derivative for one input: formula, symbols, and its number."""
    x = step.inputs[index]
    if type(x) is not Step:
        return None
    shown = link(step, index)
    name = step.name if step.named else f"({step.name})"
    names = {"out": step.name, "g": f"∂L/∂{name}"}
    values: dict[str, Any] = {}
    for letter, y in zip("xy", step.inputs, strict=False):
        names[letter] = y.name or "constant"
        if y.value is not None and getattr(y.value, "ndim", 0) == 0:
            values[letter] = y.value
    found = slope(step, index)
    return {
        "formula": shown.formula,
        "elementwise": shown.elementwise,
        "symbols": text(shown.formula, names),
        "numbers": numbers(shown.formula, values) if values else None,
        "value": _summary(found),
    }


def _line(step: Step) -> dict[str, Any] | None:
    line = None if step.row is None else line_of(step.outer)
    if line is None:
        return None
    return {
        "file": line.file,
        "number": line.number,
        "function": line.function,
        "text": line.text,
    }


def _variable(explanation: Explanation, variable: Variable) -> dict[str, Any]:
    step = variable.step
    small = step.value is not None and len(variable.differences) == _size(step)
    differences: Any = None
    if small and variable.differences:
        differences = summary(_filled(variable, step))
    return {
        "id": step.id,
        "name": step.name,
        "shape": None if step.value is None else list(step.value.shape),
        "value": _summary(step.value),
        "gradient": _summary(variable.gradient),
        "finite_difference": differences,
        "checked": [
            {"index": list(d.index), "gradient": d.gradient, "difference": d.difference}
            for d in variable.differences
        ],
        "sum_of_paths": _summary(variable.total),
        "held_constant": explanation.held(step),
        "path_count": min(variable.count, _MOST_PATHS),
        "paths": [_path(explanation, path) for path in variable.paths],
        "rest": _summary(variable.rest),
    }


def _path(explanation: Explanation, path: Any) -> dict[str, Any]:
    factors = explanation.factors(path)
    return {
        "steps": [edge.step.id for edge in path.edges]
        + ([path.edges[-1].below.id] if path.edges else [explanation.loss.id]),
        "places": [edge.index for edge in path.edges],
        "names": [factor.name for factor in factors],
        "symbols": [factor.symbols for factor in factors],
        "back": [factor.back for factor in factors],
        "numbers": [_summary(factor.number) for factor in factors],
        "values": [_summary(factor.value) for factor in factors],
        "contribution": _summary(path.contribution),
    }


def _size(step: Step) -> int:
    size = 1
    for n in step.value.shape:
        size *= int(n)
    return size


def _filled(variable: Variable, step: Step) -> Any:
    """Return the differences of all elements as an array."""
    import numpy as np

    out = np.empty(tuple(step.value.shape))
    for d in variable.differences:
        out[d.index] = d.difference
    return out
