"""Activations: one table, since they differ in a formula and its options alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from ..functional import activation as functions
from ..module import Module

__all__ = ["ReLU", "Sigmoid", "Softmax", "Tanh"]


class _Activation(Module):
    """An activation with options: each is an attribute, and `repr` shows it."""

    _signature: ClassVar[inspect.Signature]
    _function: ClassVar[Callable[..., Any]]

    def __init__(self, *args: Any, **options: Any) -> None:
        given = self._signature.bind(*args, **options)
        given.apply_defaults()
        for name, value in given.arguments.items():
            setattr(self, name, value)

    def forward(self, x: Any) -> Any:
        """Apply the function elementwise or along its axis."""
        held = self.__dict__
        options = {name: held[name] for name in self._signature.parameters}
        return type(self)._function(x, **options)

    def extra_repr(self) -> str:
        """Return the options."""
        names = self._signature.parameters
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)


_DOC = """{line}

    {formula}
{options}
    Notes
    -----
    Any shape; the result has the same.
    {source}

    Examples
    --------
    >>> {name}()
    {name}({shown})
    """

_OPTIONS = """
    Parameters
    ----------
    {text}
"""


def _layer(
    name: str,
    function: Callable[..., Any],
    line: str,
    formula: str,
    source: str,
    options: str = "",
    **defaults: Any,
) -> type[Module]:
    """Return the layer of a function: a class, final, documented, picklable."""
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [
            inspect.Parameter(key, either, default=value)
            for key, value in defaults.items()
        ]
    )
    doc = _DOC.format(
        line=line,
        formula=formula,
        source=source,
        name=name,
        options=_OPTIONS.format(text=options) if options else "",
        shown=", ".join(f"{key}={value!r}" for key, value in defaults.items()),
    )
    members = {
        "__doc__": doc,
        "__module__": __name__,
        "__final__": True,
        "__signature__": signature,
        "_signature": signature,
        "_function": staticmethod(function),
    }
    if not defaults:
        members["forward"] = staticmethod(
            function
        )  # nothing between the call and the row
    return type(name, (_Activation,), members)


ReLU = _layer(
    "ReLU",
    functions.relu,
    "Replace negative numbers by 0.",
    "``relu(x) = max(x, 0)``; the slope at 0 is 0.",
    "Nair and Hinton, ICML 2010.",
)
Sigmoid = _layer(
    "Sigmoid",
    functions.sigmoid,
    "Map numbers to between 0 and 1.",
    "``sigmoid(x) = 1 / (1 + exp(-x))``, without overflow.",
    "Before a loss, use `losses.binary_cross_entropy_with_logits` instead.",
)
Tanh = _layer(
    "Tanh",
    functions.tanh,
    "Map numbers to between -1 and 1.",
    "``tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x))``.",
    'LeCun et al., "Efficient BackProp", 1998, section 4.4.',
)
Softmax = _layer(
    "Softmax",
    functions.softmax,
    "Map numbers to probabilities that sum to 1 along an axis.",
    "``softmax(x) = exp(x) / sum(exp(x))``; exactly 0 where x is -inf.",
    "Before a loss, use `losses.cross_entropy`. PyTorch calls the axis `dim`.",
    "axis : int\n        The axis along which they sum to 1.",
    axis=-1,
)
