"""Sentences about the shapes on a path: why a gradient is summed or transposed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .rules import shape_of, summed_axes
from .steps import Step

__all__ = ["notes"]


def notes(step: Step, index: int | None = None) -> list[str]:
    """Return what is worth saying about the shapes of a step, in sentences.

    With `index`, what matters on the way to that input.
    """
    out = shape_of(step)
    if out is None or step.row is None:
        return []
    said = []
    for i, x in step.parts:
        shape = shape_of(x)
        if shape is None or index not in (None, i):
            continue
        if step.operation == "matmul":
            said.extend(_transposed(step, i))
        elif summed_axes(step, i):
            said.append(_broadcast(x.name, shape, out, summed_axes(step, i)))
        if step.operation in ("sum", "mean") and shape != out:
            said.append(_shared(step, x.name, shape))
    return said + _repeated(step)


def _repeated(step: Step) -> list[str]:
    """Say what it means that a value is used twice in one operation."""
    uses = [x for _, x in step.parts]
    return [
        f"{x.name} stands {uses.count(x)} times in {step.name}: each is a path of its "
        "own, and their gradients add up."
        for x in dict.fromkeys(uses)
        if uses.count(x) > 1
    ]


def _axes(axes: Sequence[int]) -> str:
    if len(axes) == 1:
        return f"axis {axes[0]}"
    return f"axes {', '.join(map(str, axes[:-1]))} and {axes[-1]}"


def _broadcast(
    name: str, shape: tuple[int, ...], out: tuple[int, ...], axes: Sequence[int]
) -> str:
    """Say which axes a gradient is summed over because its array was broadcast."""
    was = f"{name} {shape}" if shape else f"{name}, one number,"
    return (
        f"The gradient of {name} is summed over {_axes(axes)}, because {was} was "
        f"broadcast to {out}."
    )


def _transposed(step: Step, index: int) -> list[str]:
    """Say where the transpose in the gradient of a matrix product comes from."""
    x, y = step.inputs
    a, b, out = shape_of(x), shape_of(y), shape_of(step)
    if a is None or b is None or out is None or min(len(a), len(b)) < 2:
        return []
    product = f"{x.name} {a} @ {y.name} {b} is {out}"
    if max(len(a), len(b)) > 2:
        return [_stacked(step, index, product)]
    if index == 0:
        return [
            f"{product}: an element of {x.name} meets a row of {y.name}, so its "
            f"gradient is g {out} @ {_turned(y.name)} {b[::-1]}."
        ]
    return [
        f"{product}: an element of {y.name} meets a column of {x.name}, so its "
        f"gradient is {_turned(x.name)} {a[::-1]} @ g {out}, a sum over {out[0]} rows."
    ]


def _stacked(step: Step, index: int, product: str) -> str:
    """Say what a product of stacks of matrices does with its gradients."""
    x, axes = step.inputs[index], summed_axes(step, index)
    said = f"{product}, one product for each matrix of a stack; ᵀ turns each by itself"
    if not axes:
        return f"{said}."
    return (
        f"{said}. The gradient of {x.name} is summed over {_axes(axes)}, because "
        f"{x.name} serves the whole stack."
    )


def _turned(name: str) -> str:
    """Return the name of the transpose: of ``Wᵀ`` it is ``W``."""
    return name[:-1] if name.endswith("ᵀ") else f"{name}ᵀ"


def _shared(step: Step, name: str, shape: tuple[int, ...]) -> str:
    """Say what a sum or a mean gives back to each of its elements."""
    n = math.prod(shape) // max(math.prod(shape_of(step) or ()), 1)
    share = f" / {n}" if step.operation == "mean" else ""
    return (
        f"Every element of {name} {shape} is in {step.name} once, so each gets the "
        f"gradient of {step.name}{share}."
    )
