"""One run of a copy of a model, with hooks: what layers give, and their gradients."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...calculus.array import Array
from ...calculus.tape import recording_as
from ...errors import OptionError
from ...nn import Module, watch
from ...trees import flatten
from .hosts import beside_model, numbers

__all__ = ["Seen", "watched_run"]


class Seen(NamedTuple):
    """What was seen of one layer or parameter, on the host."""

    name: str
    values: Any


def watched_run(
    model: Module,
    x: Any,
    y: Any = None,
    loss: Callable[[Any, Any], Any] | None = None,
    *,
    parameters: bool = False,
) -> list[Seen]:
    """Run a copy of a model; return the outputs of its layers, or gradients of a loss.

    Parameters
    ----------
    model : Module
        Its layers are the modules without others inside.
    x, y : array
        What it is called with, and the targets of the loss.
    loss : callable, optional
        Asks for gradients.
    parameters : bool
        Gradients of the parameters, in place of those of the layers' outputs.

    Raises
    ------
    OptionError
        If there is nothing to see.
    """
    twin = copy.deepcopy(model)
    kept: dict[str, list[Any]] = {}
    layers = [(p, m) for p, m in twin.named_modules() if not list(m.children())]
    look = _keep if loss is None else _watch
    if not parameters:
        for path, layer in layers:
            name = f"{path}  {type(layer).__name__}".strip()
            kept[name] = []
            layer.register_forward_hook(functools.partial(look, kept[name]))
    twin.zero_grad()
    if not parameters:
        twin.requires_grad_()  # gradients pass through frozen layers too
    with recording_as(loss is not None):
        out = twin(beside_model(twin, x))
        if loss is not None:
            loss(out, _target(y, out)).backward()
    if parameters:
        kept = {
            name: [numbers(p.grad)]
            for name, p in twin.named_parameters()
            if p.grad is not None
        }
    seen = [Seen(name, np.concatenate(parts)) for name, parts in _flat(kept)]
    if not seen:
        raise OptionError(
            "there is nothing to draw: no layer of the model was called, or none of "
            "its parameters is trained."
        )
    return seen


def _flat(kept: dict[str, list[Any]]) -> list[tuple[str, list[Any]]]:
    """Return what was kept, flat, of those of whom something was."""
    return [(name, [p.ravel() for p in parts]) for name, parts in kept.items() if parts]


def _keep(kept: list[Any], layer: Any, args: Any, out: Any) -> None:
    """Keep what a layer gives (a hook)."""
    kept.extend(numbers(x) for x in flatten(out)[0] if type(x) is Array)


def _watch(kept: list[Any], layer: Any, args: Any, out: Any) -> Any:
    """Keep the gradients of what a layer gives, when they are known (a hook)."""
    leaves, rebuild = flatten(out)

    def look(g: Array) -> None:
        kept.append(numbers(g))

    return rebuild([watch(x, look) if type(x) is Array else x for x in leaves])


def _target(y: Any, out: Any) -> Any:
    """Return the targets beside what the model gives."""
    like = next((x for x in flatten(out)[0] if type(x) is Array), None)
    if like is None:
        return y
    lib = like._lib
    return Array(lib.from_host(numbers(y), lib.raw.device(like.data)), lib)
