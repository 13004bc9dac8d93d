"""Transforms: from a function to its derivative. Input kind = output kind.

A Python number gives numbers, a NumPy array NumPy arrays, an `Array` an `Array`, and a
dict, list, tuple or Module of these the same container with derivatives in place of
values.
"""

from .checkpoint import checkpoint
from .custom import custom_jvp, custom_vjp
from .directional import hvp, jvp, linearize
from .gradients import grad, stop_gradient, value_and_grad, vjp
from .jacobians import hessian, jacobian

__all__ = [
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linearize",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
