"""The functions that layers are made of, without state."""

from .activation import log_softmax, relu, sigmoid, softmax, tanh
from .dropout import dropout
from .linear import linear
from .shape import flatten

__all__ = [
    "dropout",
    "flatten",
    "linear",
    "log_softmax",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]
