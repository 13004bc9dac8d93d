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
from .hosts import beside, beside_model, numbers

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
    twin.zero_grad()
    kept: dict[str, list[Any]] = {}
    if parameters:
        _refuse_frozen(twin)
    else:
        twin.requires_grad_()  # gradients pass through frozen layers too
        kept = _hooked(twin, _keep if loss is None else _watch)
    with recording_as(loss is not None):
        out = twin(beside_model(twin, x))
        if loss is not None:
            loss(out, _target(y, out)).backward()
    if parameters:
        found = ((name, p.grad) for name, p in twin.named_parameters())
        kept = {name: [numbers(g)] for name, g in found if g is not None}
    if not any(part.size for parts in kept.values() for part in parts):
        raise OptionError(
            "there is nothing to draw: no layer of the model was called, or with no "
            "samples."
        )
    flat = {name: [part.ravel() for part in parts] for name, parts in kept.items()}
    return [Seen(name, np.concatenate(parts)) for name, parts in flat.items() if parts]


def _refuse_frozen(model: Module) -> None:
    if not any(p.requires_grad for p in model.parameters()):
        raise OptionError(
            "there is nothing to draw: no parameter of the model is trained. "
            "model.requires_grad_() trains all, and of='outputs' needs none."
        )


def _hooked(model: Module, look: Callable[..., Any]) -> dict[str, list[Any]]:
    """Let `look` see each layer's calls; return where it keeps what it sees."""
    kept: dict[str, list[Any]] = {}
    for path, layer in model.named_modules():
        if not list(layer.children()):
            mine = kept[f"{path}  {type(layer).__name__}".strip()] = []
            layer.register_forward_hook(functools.partial(look, mine))
    return kept


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
    return y if like is None else beside(y, like)
