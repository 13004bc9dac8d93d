"""Twins: faster versions of functions for one library, with rules of their own.

Importing this package registers those for NumPy.
"""

from . import numpy_elementwise, numpy_layers, numpy_losses
from .memory import keep_freed_memory

__all__ = ["numpy_elementwise", "numpy_layers", "numpy_losses"]

keep_freed_memory()
