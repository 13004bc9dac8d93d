"""Activations: rows of the table of derivatives, under the names that networks use."""

from __future__ import annotations

from collections.abc import Callable

from ...calculus import namespace as _namespace  # noqa: F401 - fills the table
from ...calculus.array import Array
from ...calculus.rule import TABLE

__all__ = ["log_softmax", "relu", "sigmoid", "softmax", "tanh"]

Activation = Callable[..., Array]

relu: Activation = TABLE["relu"].function
"""``relu(x) = max(x, 0)``; its slope at 0 is 0."""

sigmoid: Activation = TABLE["expit"].function
"""``sigmoid(x) = 1 / (1 + exp(-x))``, without overflow."""

tanh: Activation = TABLE["tanh"].function
"""``tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x))``."""

softmax: Activation = TABLE["softmax"].function
"""``softmax(x, *, axis=-1) = exp(x) / sum(exp(x))`` along `axis`; 0 where x is -inf."""

log_softmax: Activation = TABLE["log_softmax"].function
"""``log_softmax(x, *, axis=-1) = x - log(sum(exp(x)))`` along `axis`."""
