"""A look at a model on all examples: values and gradients, which change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import nn
from ..calculus.array import Array
from ..calculus.transforms import jvp
from ..nn.hooks import watch
from .training import host

__all__ = ["Layer", "Look", "chain", "look"]

_SATURATING = (nn.Sigmoid, nn.Tanh)
_OF_EACH_UNIT = (
    *(nn.CELU, nn.ELU, nn.GELU, nn.SELU, nn.LeakyReLU, nn.Mish, nn.ReLU, nn.ReLU6),
    *(nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Tanh),
    *(nn.Dropout, nn.Identity),
)


@dataclass
class Layer:
    """One layer without layers inside: what it gave, and its parameters; on the host.

    Attributes
    ----------
    name, kind : str
        Its path in the model, and its class.
    module : Module
        The layer itself.
    values, gradients : numpy.ndarray
        What it gave for the examples, and the gradient of the loss with regard to it;
        None where the loss does not depend on it.
    slopes : numpy.ndarray or None
        The derivative of a sigmoid or tanh at each of its inputs.
    parameters : dict
        For each parameter by name, its values and its gradient or None.
    """

    name: str
    kind: str
    module: nn.Module
    values: Any
    gradients: Any = None
    slopes: Any = None
    parameters: dict[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass
class Look:
    """What was seen: loss and outputs of the examples, and the layers in order."""

    loss: float
    outputs: Any
    layers: list[Layer]


def look(
    model: nn.Module, loss_of: Callable[[Any, Any], Array], x: Array, y: Array
) -> Look:
    """Run a model forward and backward on examples, and return what was seen.

    The model is in evaluation mode meanwhile, and afterwards without gradients.
    """
    layers: list[Layer] = []
    model.eval()
    with _seeing(model, layers):
        out = model(x)
    loss = loss_of(out, y)
    model.zero_grad()
    loss.backward()
    for layer in layers:
        layer.parameters = _parameters(layer.module)
    model.zero_grad()
    return Look(float(loss), _copy(out), layers)


@contextmanager
def _seeing(model: nn.Module, layers: list[Layer]) -> Iterator[None]:
    """Append a Layer for each call of an innermost module."""
    inner = [(n, m) for n, m in model.named_modules() if not list(m.children())]
    with ExitStack() as stack:
        for name, module in inner:
            hook = _noting(name, layers)
            stack.enter_context(module.register_forward_hook(hook))
        yield


def _noting(name: str, layers: list[Layer]) -> Callable[..., Any]:
    """Return a hook that notes what a module gives and, later, its gradient."""

    def hook(module: nn.Module, args: tuple[Any, ...], out: Any) -> Any:
        if not isinstance(out, Array):
            return None
        layer = Layer(name, type(module).__name__, module, _copy(out))
        layers.append(layer)
        if isinstance(module, _SATURATING):
            z = args[0].detach()
            ones = Array(z._lib.raw.ones_like(z.data), z._lib)
            layer.slopes = _copy(jvp(module.forward, (z,), (ones,))[1])

        def take(g: Array) -> None:
            layer.gradients = _copy(g)

        return watch(out, take)

    return hook


def _parameters(module: nn.Module) -> dict[str, tuple[Any, Any]]:
    """Return copies of a layer's parameters and of their gradients."""
    return {
        name: (_copy(p), None if p.grad is None else _copy(p.grad))
        for name, p in module.named_parameters()
    }


def _copy(x: Array) -> Any:
    return np.array(host(x))


def chain(model: nn.Module) -> list[nn.Module] | None:
    """Return the layers of a model that is Linear layers in a row; else None.

    Between two of them, and after the last, there may be functions that act on each
    unit alone. Such a model can be drawn as units and edges.
    """
    if isinstance(model, nn.Sequential):
        parts = [chain(layer) for layer in model]
        if any(part is None for part in parts):
            return None
        return [layer for part in parts for layer in part or ()]
    return [model] if isinstance(model, (nn.Linear, *_OF_EACH_UNIT)) else None
