"""The table of derivatives: one row per function, one file per chapter."""

from . import (
    creation,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    norms,
    searching,
    sorting,
    special,
    special_functions,
    statistical,
)

__all__ = [
    "creation",
    "elementwise",
    "fft",
    "indexing",
    "linalg",
    "manipulation",
    "norms",
    "searching",
    "sorting",
    "special",
    "special_functions",
    "statistical",
]
