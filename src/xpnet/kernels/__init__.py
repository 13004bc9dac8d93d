"""Twins: faster versions of functions for one library, with rules of their own.

Importing this package registers those for NumPy.
"""

from . import (
    numpy_activations,
    numpy_attention,
    numpy_conv,
    numpy_ctc,
    numpy_elementwise,
    numpy_embedding,
    numpy_gates,
    numpy_layers,
    numpy_losses,
    numpy_norms,
    numpy_pool,
    numpy_recurrent,
    numpy_softmax,
)
from .memory import keep_freed_memory

__all__ = [
    "numpy_activations",
    "numpy_attention",
    "numpy_conv",
    "numpy_ctc",
    "numpy_elementwise",
    "numpy_embedding",
    "numpy_gates",
    "numpy_layers",
    "numpy_losses",
    "numpy_norms",
    "numpy_pool",
    "numpy_recurrent",
    "numpy_softmax",
]

keep_freed_memory()
