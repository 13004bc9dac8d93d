"""xpnet: differentiate and train on the arrays you already have.

One table of derivatives, written once against the Array API standard, gives gradients
of any order on NumPy arrays (CPU) and CuPy arrays (CUDA), layers, losses and
optimizers.

>>> import xpnet as xn
>>> xn.grad(lambda x: x**2)(3.0)
6.0
"""

import importlib
from typing import TYPE_CHECKING, Any

from . import xp
from ._version import __version__
from .backend.device import (
    Device,
    devices,
    get_default_device,
    set_default_device,
    use_device,
)
from .calculus.array import Array
from .calculus.check import check_grads
from .calculus.convert import asarray
from .calculus.creation import from_dlpack
from .calculus.diagnosis import detect_nonfinite
from .calculus.memory import memory_report
from .calculus.namespace import namespace
from .calculus.precision import autocast
from .calculus.tape import no_grad
from .calculus.transforms import (
    checkpoint,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    stop_gradient,
    value_and_grad,
    vjp,
)
from .errors import DeviceError, NonFiniteError, XpnetError

if TYPE_CHECKING:
    from . import data, lab, learn, losses, metrics, nn, optim, random
    from .learn.explain import explain
    from .learn.step import explain_step

__all__ = [
    "Array",
    "Device",
    "DeviceError",
    "NonFiniteError",
    "XpnetError",
    "__version__",
    "asarray",
    "autocast",
    "check_grads",
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
    "data",
    "detect_nonfinite",
    "devices",
    "explain",
    "explain_step",
    "from_dlpack",
    "get_default_device",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "lab",
    "learn",
    "linearize",
    "losses",
    "memory_report",
    "metrics",
    "namespace",
    "nn",
    "no_grad",
    "optim",
    "random",
    "set_default_device",
    "stop_gradient",
    "use_device",
    "value_and_grad",
    "vjp",
    "xp",
]

_ON_DEMAND = frozenset(
    {"data", "lab", "learn", "losses", "metrics", "nn", "optim", "random"}
)
_FROM_LEARN = frozenset({"explain", "explain_step"})


def __getattr__(name: str) -> Any:
    if name in _ON_DEMAND:
        return importlib.import_module(f".{name}", __name__)
    if name in _FROM_LEARN:
        return getattr(importlib.import_module(".learn", __name__), name)
    raise AttributeError(f"module 'xpnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
