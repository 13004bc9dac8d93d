"""Optimizers: each reads as its formula and is one pass over one flat buffer.

An optimizer moves the parameters it is given into one buffer for each data type and
device, and their gradients into another. The parameters become views of it, so nothing
changes for whoever holds them, and a step costs the same few operations whatever their
number.
"""

from .base import Optimizer
from .optimizers import SGD, Adam, AdamW

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
