"""What a rule says, in words and symbols, for each operation and each of its inputs.

The formulas of elementwise functions come from the table of derivatives itself. What
the table gives by a transpose is put into words here, with the shapes of the case.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ..calculus.kinds.composite import Composite
from ..calculus.kinds.elementwise import times
from ..calculus.kinds.general import General
from ..calculus.kinds.linear import Bilinear, Linear, LinearSequence
from ..calculus.rule import Binary, Unary
from .kept import is_plain_loss
from .steps import Constant, Step

__all__ = ["EXPRESSIONS", "Link", "link", "shape_of", "slope", "summed_axes"]

EXPRESSIONS = {
    "add": "x + y",
    "divide": "x / y",
    "matmul": "x @ y",
    "matrix_transpose": "x.T",
    "multiply": "x * y",
    "negative": "-x",
    "pow": "x**y",
    "square": "x**2",
    "subtract": "x - y",
    "where": "where(condition, x, y)",
}
"""How an operation is written, where that is not a call."""

_LOSSES = {
    "cross_entropy": "(softmax(x) - one_hot(y))",
    "binary_cross_entropy_with_logits": "(expit(x) - y)",
}

_BACK: dict[str, Callable[[Step, int], str]] = {
    "astype": lambda s, i: "g",
    "broadcast_to": lambda s, i: "g summed over what was broadcast",
    "concat": lambda s, i: "the part of g that came from here",
    "cumulative_sum": lambda s, i: "the sums of g from each place on",
    "expand_dims": lambda s, i: "g",
    "flip": lambda s, i: "flip(g)",
    "getitem": lambda s, i: (
        "g added up at the places that were read, 0 elsewhere"
        if _has_arrays(s.rest[0])
        else "g at the places that were read, 0 elsewhere"
    ),
    "matrix_transpose": lambda s, i: "g.T",
    "mean": lambda s, i: f"g / {_ratio(s)}",
    "permute_dims": lambda s, i: "permute_dims(g)",
    "reshape": lambda s, i: "reshape(g)",
    "setitem": lambda s, i: (
        "g, but 0 where it was overwritten"
        if i == 0
        else "g at the places that were written"
        + (" (by the last value there)" if _has_arrays(s.rest[0]) else "")
    ),
    "sort": lambda s, i: "g put back in the order of the input",
    "squeeze": lambda s, i: "g",
    "stack": lambda s, i: "the part of g that came from here",
    "sum": lambda s, i: "g",
    "take": lambda s, i: "g added up at the places that were taken",
    "to_device": lambda s, i: "g",
    "where": lambda s, i: (
        "g where the condition holds, 0 elsewhere"
        if i == 0
        else "0 where the condition holds, g elsewhere"
    ),
}
"""What goes back through an operation whose rule is a transpose."""

_NORM = (
    "g through the mean and the spread",
    "g · standardized input, summed",
    "g summed",
)
_WORDS: dict[str, tuple[str, ...]] = {
    "avg_pool": ("g shared equally in each window",),
    "batch_norm": _NORM,
    "convolution": (
        "g through the flipped weight",
        "the windows of the input, weighted by g",
        "g summed over examples and places",
    ),
    "embedding": ("g added up in the rows that were looked up",),
    "layer_norm": _NORM,
    "max_pool": ("g to the largest element of each window",),
    "rms_norm": ("g through the root mean square", "g · scaled input, summed"),
    "transposed_convolution": (
        "g convolved with the weight",
        "the windows of g, weighted by the input",
        "g summed over examples and places",
    ),
}
"""What goes back through an operation that stays whole, for each of its inputs."""


_COMPLEX = {"conj": "conj(g)", "imag": "1j * g", "real": "g"}
"""What goes back through the parts of a complex number."""


class Link(NamedTuple):
    """How the gradient gets from a step to one of its inputs.

    Attributes
    ----------
    formula : str
        The local derivative in `x`, `y` and `out`, or what becomes of `g`.
    elementwise : bool
        Whether the formula is a factor of g; otherwise it speaks of g itself.
    """

    formula: str
    elementwise: bool


def shape_of(x: Step | Constant) -> tuple[int, ...] | None:
    """Return the shape of an input, also where only that was kept; None if unknown."""
    if x.value is None:
        return None
    return tuple(int(n) for n in getattr(x.value, "shape", ()))


def _size(x: Step | Constant) -> int:
    return math.prod(shape_of(x) or ())


def _ratio(step: Step) -> int | str:
    """Return how many elements one element of a mean is the mean of."""
    if shape_of(step) is None or shape_of(step.inputs[0]) is None:
        return "n"
    return _size(step.inputs[0]) // max(_size(step), 1)


def _has_arrays(key: Any) -> bool:
    """Tell whether a key has arrays, so that it can name a place twice."""
    parts = key if type(key) is tuple else (key,)
    return any(hasattr(part, "dtype") for part in parts)


def link(step: Step, index: int) -> Link:
    """Return the rule of a step for one of its inputs, as it is shown."""
    row, name = step.row, step.operation
    assert row is not None
    if step.is_identity:
        return Link("1", True)
    if name in _LOSSES and is_plain_loss(step.node):
        n = _averaged(step)
        return Link(_LOSSES[name] + (f" / {n}" if n != 1 else ""), True)
    if isinstance(row, (Unary, Binary)):
        return Link(row.formula[index], True)
    if name in _COMPLEX and step.lib.is_complex(step.inputs[0].value):
        return Link(_COMPLEX[name], False)
    if name in _BACK:
        if step.value is not None and _size(step) == _size(step.inputs[index]) == 1:
            return Link("1", True)
        return Link(_BACK[name](step, index), False)
    if index < len(_WORDS.get(name, ())):
        return Link(_WORDS[name][index], False)
    if name == "matmul":
        return Link(_matmul(step, index), False)
    if name == "vector_norm" and step.options.get("ord", 2) == 2:
        return Link("x / out", True)
    formula = row.formula[index] if index < len(row.formula) else ""
    if isinstance(row, (Bilinear, Linear, LinearSequence)) or not formula:
        return Link(formula or f"g through the rule of {name}", False)
    if isinstance(row, Composite):
        return Link(f"g where {formula}", False)
    speaks_of_g = re.search(r"\bg\b", formula) is not None
    return Link(formula, isinstance(row, General) and not speaks_of_g)


def _matmul(step: Step, index: int) -> str:
    """Return the rule of a matrix product for its operands' numbers of axes."""
    shapes = [shape_of(x) for x in step.inputs]
    first, second = (2 if shape is None else len(shape) for shape in shapes)
    mark = "H" if step.lib.is_complex(step.value) else "T"
    x, y = ("conj(x)", "conj(y)") if mark == "H" else ("x", "y")
    if first == second == 1:
        return f"g * {y}" if index == 0 else f"g * {x}"
    if index == 0:
        formula = f"outer(g, {y})" if second == 1 else f"g @ y.{mark}"
    else:
        formula = f"outer({x}, g)" if first == 1 else f"x.{mark} @ g"
    return f"sum({formula})" if summed_axes(step, index) else formula


def summed_axes(step: Step, index: int) -> tuple[int, ...]:
    """Return the axes that a gradient is summed over, as its array was broadcast.

    They are axes of the result; of a matrix product, those of the stack of matrices.
    """
    shape, out = shape_of(step.inputs[index]), shape_of(step)
    if shape is None or out is None:
        return ()
    if step.operation == "matmul":
        other = shape_of(step.inputs[1 - index]) or ()
        vectors = (len(shape) == 1) + (len(other) == 1)
        out, shape = out[: len(out) - 2 + vectors], shape[:-2]
    elif not isinstance(step.row, Binary) and step.operation != "where":
        return ()
    extra = len(out) - len(shape)
    repeated = [i + extra for i, n in enumerate(shape) if n == 1 != out[i + extra]]
    return (*range(extra), *repeated)


def _averaged(step: Step) -> int:
    """Return what the sum of a loss is divided by."""
    if step.options["reduction"] == "sum":
        return 1
    x = step.inputs[0]
    if step.operation == "cross_entropy":
        shape = x.value.shape
        return int(math.prod(shape) // shape[1 if len(shape) > 1 else 0])
    return _size(x)


def slope(step: Step, index: int) -> Any:
    """Return the local derivative of each element, by the row's own rule, or None.

    It exists where an operation works on each element by itself; and for one number
    that depends on one number, whatever the operation.
    """
    row, x = step.row, step.inputs[index]
    if step.value is None or x.value is None:
        return None
    raw = step.lib.raw
    if step.is_identity:
        return raw.ones_like(step.value)
    if isinstance(row, (Unary, Binary)):
        ones = raw.ones_like(step.value)
        with step.lib.quiet():
            return times(row, index, raw, ones, *step.saved)
    if _size(step) == 1 and _size(x) == 1:
        found = step.pull(raw.ones_like(step.value), only=index)[index]
        return None if found is None else raw.reshape(found, step.value.shape)
    return None
