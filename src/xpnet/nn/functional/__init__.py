"""The functions that layers are made of, without state."""

from .activation import log_softmax, relu, sigmoid, softmax, tanh
from .dropout import dropout
from .linear import linear
from .normalization import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    normalize,
    rms_norm,
)
from .shape import flatten

__all__ = [
    "batch_norm",
    "dropout",
    "flatten",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "linear",
    "local_response_norm",
    "log_softmax",
    "normalize",
    "relu",
    "rms_norm",
    "sigmoid",
    "softmax",
    "tanh",
]
