"""How a training is doing, in words: each finding has a number and what to try."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .. import nn
from ..learn.digits import number
from .look import Layer

__all__ = ["Finding", "findings", "typical"]

VANISHING = 5e-3
"""The gradient of one layer over that of the largest, below which it has vanished."""
EXPLODING = 1e3
"""The same for a layer nearer to the input over the last one; or a typical gradient."""
FLAT = 0.05
"""A slope over the greatest slope there is, below which a unit is saturated."""
SATURATED, STUCK = 0.5, 0.9
"""The parts of a layer's values that are noted as saturated, and that are too many."""
LARGE_STEP, SMALL_STEP = 0.5, 1e-7
"""The size of a step over that of the parameters."""
RISEN = 1.3
"""The mean loss of the last steps over the loss of the first step."""

_SMALLER = (
    "Try smaller first weights, a smaller learning rate, or clip the gradients "
    "(optim.clip_grad_norm_)."
)
_RECTIFIERS = (nn.ReLU, nn.ReLU6)


class Finding(NamedTuple):
    """One finding.

    Attributes
    ----------
    kind : str
        "healthy", "vanishing", "exploding", "dead", "saturated", "large step",
        "small step", "rising" or "not finite".
    level : str
        "good", "note" or "problem".
    number : float
        What was measured.
    text, advice : str
        What it means, with the number; what to try.
    """

    kind: str
    level: str
    number: float
    text: str
    advice: str = ""


def findings(
    layers: Sequence[Layer], losses: Sequence[float], change: float, lr: float
) -> list[Finding]:
    """Return what is wrong, worst first; one "healthy" finding where nothing is.

    Parameters
    ----------
    layers : sequence of Layer
        What `look` saw on all examples.
    losses : sequence of float
        The loss of the batch of each step so far.
    change : float
        The size of the last step over the size of the parameters; 0 before the first.
    lr : float
        The learning rate.
    """
    lost = _not_finite(losses, lr)
    if lost:
        return lost
    found = [
        *_rising(losses, lr),
        *_large_step(change, lr),
        *_gradients(layers),
        *_dead(layers),
        *_saturated(layers),
    ]
    found.sort(key=lambda one: one.level == "note")
    if losses and not found:
        found = _small_step(change, lr)
    return found or [_healthy(layers, change)]


def typical(values: np.ndarray) -> float:
    """Return the root of the mean square: the size of a typical element."""
    wide = np.asarray(values, dtype=np.float64)
    return float(np.sqrt(np.mean(wide * wide))) if wide.size else 0.0


def _weights(layers: Sequence[Layer]) -> list[tuple[Layer, float]]:
    """Return the layers whose weight has a gradient, with its typical size."""
    held = [(layer, layer.parameters.get("weight")) for layer in layers]
    return [(a, typical(w[1])) for a, w in held if w is not None and w[1] is not None]


def _not_finite(losses: Sequence[float], lr: float) -> list[Finding]:
    if not losses or math.isfinite(losses[-1]):
        return []
    step = next(i for i, loss in enumerate(losses, 1) if not math.isfinite(loss))
    text = (
        f"The loss of step {step} is not a finite number, and every number computed "
        "from it is lost: no step follows."
    )
    advice = (
        f"Go back to a step before {step}, and go on with a learning rate smaller than "
        f"{number(lr, 3)}."
    )
    return [Finding("not finite", "problem", float(step), text, advice)]


def _gradients(layers: Sequence[Layer]) -> list[Finding]:
    """Compare the gradients of the weights from layer to layer."""
    sizes = _weights(layers)
    if not sizes:
        return []
    lost = next((layer for layer, size in sizes if not math.isfinite(size)), None)
    if lost is not None:
        return [_overflown(lost)]
    top = max(size for _, size in sizes)
    if top == 0:
        return [_none_at_all()]
    last, of_last = sizes[-1]
    small, smallest = min(sizes, key=lambda pair: pair[1])
    large, largest = max(sizes, key=lambda pair: pair[1])
    found = []
    if smallest < VANISHING * top and len(sizes) > 1:
        found.append(_vanishing(small, smallest, large, top))
    grown = largest / of_last if of_last else math.inf
    if largest > EXPLODING or (large is not last and grown > EXPLODING):
        found.append(_exploding(large, largest, last, of_last))
    return found


def _none_at_all() -> Finding:
    text = "No gradient: that of every weight is 0, so nothing is learned."
    advice = (
        "If the loss is not 0, every path to it is cut: try another activation, a "
        "smaller learning rate from the start, or another seed."
    )
    return Finding("vanishing", "problem", 0.0, text, advice)


def _vanishing(small: Layer, size: float, large: Layer, top: float) -> Finding:
    less = f"{number(top / size, 3)} times less" if size else "nothing at all"
    text = (
        f"Vanishing gradient: a weight of {_name(small)} typically has the gradient "
        f"{number(size, 2)}, one of {_name(large)} {number(top, 2)}. The former "
        f"learns {less}."
    )
    advice = (
        "Try tanh or ReLU instead of sigmoid, fewer layers, or Adam, which divides by "
        "the size of the gradient."
    )
    return Finding("vanishing", "problem", size / top, text, advice)


def _exploding(large: Layer, size: float, last: Layer, of_last: float) -> Finding:
    text = (
        f"Exploding gradient: a weight of {_name(large)} typically has the gradient "
        f"{number(size, 2)}, one of {_name(last)}, the last one, {number(of_last, 2)}."
    )
    return Finding("exploding", "problem", size, text, _SMALLER)


def _overflown(layer: Layer) -> Finding:
    text = (
        f"Exploding gradient: that of the weight of {_name(layer)} is not finite, and "
        "the next step would lose every number."
    )
    return Finding("exploding", "problem", math.inf, text, _SMALLER)


def _dead(layers: Sequence[Layer]) -> list[Finding]:
    """Count the units of each ReLU layer that are 0 for every example."""
    found = []
    for layer in layers:
        if not isinstance(layer.module, _RECTIFIERS):
            continue
        axes = tuple(i for i in range(layer.values.ndim) if i != 1)
        alive = np.any(layer.values != 0, axis=axes)
        dead = [i for i, unit in enumerate(np.atleast_1d(alive), 1) if not unit]
        if dead:
            found.append(_dead_units(layer, dead, np.size(alive)))
    return found


def _dead_units(layer: Layer, dead: list[int], count: int) -> Finding:
    named = ", ".join(map(str, dead[:8])) + (" …" if len(dead) > 8 else "")
    units = f"unit {named} is" if len(dead) == 1 else f"units {named} are"
    text = (
        f"Dead ReLUs: {len(dead)} of {count} in {_name(layer)} ({units} 0 for every "
        "example). No gradient passes there; only changes in the layers before can "
        f"bring {'it' if len(dead) == 1 else 'them'} back."
    )
    advice = "Try leaky ReLU or GELU, a smaller learning rate, or another seed."
    level = "problem" if 2 * len(dead) >= count else "note"
    return Finding("dead", level, float(len(dead)), text, advice)


def _saturated(layers: Sequence[Layer]) -> list[Finding]:
    """Find sigmoids and tanhs that are flat where most examples lie."""
    found = []
    for layer in layers:
        if layer.slopes is None or not layer.slopes.size:
            continue
        greatest = 0.25 if isinstance(layer.module, nn.Sigmoid) else 1.0
        share = float(np.mean(layer.slopes < FLAT * greatest))
        if share > SATURATED:
            found.append(_flat(layer, share, greatest))
    return found


def _flat(layer: Layer, share: float, greatest: float) -> Finding:
    text = (
        f"Saturated: {100 * share:.0f} % of the values of {_name(layer)} lie where "
        f"{layer.kind} is flat (its slope is less than {FLAT * greatest:g} there, and "
        f"at most {greatest:g}). Little gradient passes."
    )
    if share <= STUCK:
        advice = (
            "That is usual where the loss is small already. Where it is not, try a "
            "smaller learning rate."
        )
        return Finding("saturated", "note", share, text, advice)
    advice = "Try smaller first weights, a smaller learning rate, or ReLU."
    return Finding("saturated", "problem", share, text, advice)


def _large_step(change: float, lr: float) -> list[Finding]:
    """Compare the size of the last step with that of the parameters."""
    if not change > LARGE_STEP:
        return []
    size = f"{100 * change:.0f} % of" if change < 2 else f"{number(change, 3)} times"
    text = (
        f"Large step: the last one changed the parameters by {size} their size; "
        "0.1 % to 1 % is usual."
    )
    return [Finding("large step", "problem", change, text, _slower(lr))]


def _small_step(change: float, lr: float) -> list[Finding]:
    if change >= SMALL_STEP:
        return []
    text = (
        "Small step: the last one changed the parameters by "
        f"{number(change, 2)} of their size. The training stands still."
    )
    advice = f"If the loss is not small yet, try a learning rate above {number(lr, 3)}."
    return [Finding("small step", "note", change, text, advice)]


def _rising(losses: Sequence[float], lr: float, window: int = 20) -> list[Finding]:
    """Compare the last losses with the first one."""
    if len(losses) <= window:
        return []
    first, recent = losses[0], float(np.mean(losses[-window:]))
    if not recent > RISEN * first:
        return []
    text = (
        f"The loss has risen: the mean of the last {window} steps is "
        f"{number(recent, 3)}, and the first step had {number(first, 3)}."
    )
    return [Finding("rising", "problem", recent / first, text, _slower(lr))]


def _slower(lr: float) -> str:
    return (
        f"Try a learning rate smaller than {number(lr, 3)}, about {number(lr / 10, 2)}."
    )


def _healthy(layers: Sequence[Layer], change: float) -> Finding:
    sizes = [size for _, size in _weights(layers)]
    ratio = sizes[0] / sizes[-1] if sizes and sizes[-1] else 1.0
    text = (
        "Nothing is wrong: the gradient of the first layer is "
        f"{number(ratio, 2)} times that of the last, no unit is dead, no layer "
        "is saturated"
    )
    if change:
        text += f", and the last step changed the parameters by {100 * change:.2f} %"
    return Finding("healthy", "good", ratio, f"{text}.")


def _name(layer: Layer) -> str:
    return f"layer {layer.name or '0'} ({layer.kind})"
