"""The table of derivatives: one row per function, one file per chapter."""

from . import (
    creation,
    elementwise,
    indexing,
    linalg,
    manipulation,
    searching,
    sorting,
    special,
    statistical,
)

__all__ = [
    "creation",
    "elementwise",
    "indexing",
    "linalg",
    "manipulation",
    "searching",
    "sorting",
    "special",
    "statistical",
]
