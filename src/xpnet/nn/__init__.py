"""Layers and models: `Module`, the layers, and the functions that they are made of."""

from . import functional, init, layers
from .counted import summary
from .hooks import watch
from .layers import *  # noqa: F403 - they are listed there, once
from .module import Module, Parameter
from .parametrize import (
    register_parametrization,
    remove_parametrizations,
    spectral_norm,
    weight_norm,
)

__all__ = [
    "Module",
    "Parameter",
    "functional",
    "init",
    "register_parametrization",
    "remove_parametrizations",
    "spectral_norm",
    "summary",
    "watch",
    "weight_norm",
]
__all__ += layers.__all__
