"""What a rule says, in words and symbols, for each operation and each of its inputs.

The formulas of elementwise functions come from the table of derivatives itself. What
the table gives by a transpose is put into words here, with the shapes of the case.
"""

from __future__ import annotations

import ast
import functools
import inspect
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
from .steps import Step

__all__ = ["EXPRESSIONS", "Link", "link", "notes", "rule_source", "slope"]

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

_LONGEST = 60  # lines of a statement that are shown

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
    "getitem": lambda s, i: "g at the places that were read, 0 elsewhere",
    "matrix_transpose": lambda s, i: "g.T",
    "mean": lambda s, i: f"g / {_ratio(s)}",
    "permute_dims": lambda s, i: "g with the axes put back",
    "reshape": lambda s, i: "g in the old shape",
    "setitem": lambda s, i: (
        "g, but 0 where it was overwritten"
        if i == 0
        else "g at the places that were written"
    ),
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


def _size(x: Any) -> int:
    return math.prod(x.value.shape) if hasattr(x.value, "shape") else 1


def _ratio(step: Step) -> int:
    """Return how many elements one element of a mean is the mean of."""
    return _size(step.inputs[0]) // max(_size(step), 1)


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
    if name in _BACK:
        said = _BACK[name](step, index)
        if step.value is not None and _size(step) == _size(step.inputs[index]) == 1:
            return Link("1", True)
        return Link(said, False)
    if index < len(_WORDS.get(name, ())):
        return Link(_WORDS[name][index], False)
    formula = row.formula[index] if index < len(row.formula) else ""
    if name == "matmul":
        return Link("g @ y" if index == 0 else "x @ g", False)
    if isinstance(row, (Bilinear, Linear, LinearSequence)) or not formula:
        return Link(formula or f"g through the rule of {name}", False)
    if isinstance(row, Composite):
        return Link(f"g where {formula}", False)
    speaks_of_g = re.search(r"\bg\b", formula) is not None
    return Link(formula, isinstance(row, General) and not speaks_of_g)


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


# --- notes ----------------------------------------------------------------------------


def notes(step: Step, index: int | None = None) -> list[str]:
    """Return what is worth saying about the shapes of a step, in sentences.

    With `index`, what matters on the way to that input.
    """
    if step.value is None or step.row is None:
        return []
    said = []
    out = tuple(step.value.shape)
    parts = [(i, x) for i, x in step.parts if index is None or i == index]
    for i, x in parts:
        if x.value is None:
            continue
        shape = tuple(x.value.shape)
        if shape != out and (isinstance(step.row, Binary) or step.operation == "where"):
            said.append(_broadcast(x.name, shape, out))
        if step.operation == "matmul":
            said.extend(_transposed(step, i))
        if step.operation in ("sum", "mean") and shape != out:
            said.append(_shared(step, x.name, shape))
    uses = len(step.parts) - len({x for _, x in step.parts})
    if uses:
        name = step.parts[0][1].name
        said.append(
            f"{name} stands {uses + 1} times in {step.name}: each is a path of its "
            "own, and their gradients add up."
        )
    return said


def _broadcast(name: str, shape: tuple[int, ...], out: tuple[int, ...]) -> str:
    """Say which axes a gradient is summed over because its array was broadcast."""
    extra = len(out) - len(shape)
    axes = [*range(extra)] + [
        i + extra for i, n in enumerate(shape) if n == 1 and out[i + extra] != 1
    ]
    if len(axes) == 1:
        where = f"axis {axes[0]}"
    else:
        where = f"axes {', '.join(map(str, axes[:-1]))} and {axes[-1]}"
    return (
        f"The gradient of {name} is summed over {where}, because {name} {shape} was "
        f"broadcast to {out}."
    )


def _transposed(step: Step, index: int) -> list[str]:
    """Say where the transpose in the gradient of a matrix product comes from."""
    x, y = step.inputs
    if step.value.ndim != 2 or _missing(x) or _missing(y):
        return []
    out = tuple(step.value.shape)
    a, b = (tuple(v.value.shape) for v in (x, y))
    if index == 0:
        return [
            f"{x.name} {a} @ {y.name} {b} is {out}: an element of {x.name} meets a row "
            f"of {y.name}, so its gradient is g {out} @ {without(y.name)} {b[::-1]}."
        ]
    return [
        f"{x.name} {a} @ {y.name} {b} is {out}: an element of {y.name} meets a column "
        f"of {x.name}, so its gradient is {without(x.name)} {a[::-1]} @ g {out}, a sum "
        f"over {out[0]} rows."
    ]


def _missing(x: Any) -> bool:
    return not hasattr(x.value, "shape") or type(x.value).__name__ == "Spec"


def without(name: str) -> str:
    """Return the name of the transpose: of ``Wᵀ`` it is ``W``."""
    return name[:-1] if name.endswith("ᵀ") else f"{name}ᵀ"


def _shared(step: Step, name: str, shape: tuple[int, ...]) -> str:
    """Say what a sum or a mean gives back to each of its elements."""
    share = f" / {_ratio(step)}" if step.operation == "mean" else ""
    return (
        f"Every element of {name} {shape} is in {step.name} once, so each gets the "
        f"gradient of {step.name}{share}."
    )


# --- the library's own rule -----------------------------------------------------------


def rule_source(step: Step) -> str:
    """Return the library's own source of a step's row, as it stands in the table."""
    row = step.row
    if row is None:
        return ""
    if isinstance(row, (Unary, Binary)):
        return _statement(row.rules[0])
    if isinstance(row, Composite):
        return _statement(row.reference)
    for name in ("vjp", "transpose", "pulls"):
        found = getattr(row, name, None)
        if found is not None:
            return _statement(found[0] if isinstance(found, tuple) else found)
    return _statement(type(row).pull)


@functools.cache
def _statement(function: Any) -> str:
    """Return the statement of a module that a function stands in."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    try:
        source = "".join(inspect.findsource(function)[0])
    except (OSError, TypeError):
        return ""
    for node in ast.parse(source).body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)])
        last = node.end_lineno or 0
        if isinstance(node, (ast.ClassDef, ast.For)) or last - first >= _LONGEST:
            continue
        if first <= code.co_firstlineno <= last:
            return "".join(source.splitlines(keepends=True)[first - 1 : last])
    return inspect.cleandoc(inspect.getsource(function))
