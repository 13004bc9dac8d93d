"""Freed memory that stays: the C allocator keeps it for the next array.

Every operation makes a new array. By default glibc gives a freed block of more than
128 KiB back to the system and asks for it again a moment later, and the system then
clears each page of it anew. For arrays of 0.25 to 16 MB this costs several times what
the arithmetic costs.
"""

from __future__ import annotations

import numpy as np

__all__ = ["keep_freed_memory"]

_LARGEST = 32 * 2**20 - 2**16
"""Just under glibc's own upper bound (32 MiB) for what it learns from."""


def keep_freed_memory() -> None:
    """Let the C allocator keep up to 64 MiB of freed memory for the next arrays.

    glibc raises its two thresholds (for separate mappings, and for giving memory back)
    to the size of the largest block of up to 32 MiB that was freed. One such block,
    never written to and so never really there, is made and freed here. Other allocators
    are not changed by it, nor is glibc where the environment sets
    ``MALLOC_MMAP_THRESHOLD_`` or ``MALLOC_TRIM_THRESHOLD_``.

    References
    ----------
    ``mallopt(3)``, M_MMAP_THRESHOLD: "dynamic mmap threshold".

    Examples
    --------
    >>> keep_freed_memory()
    """
    np.empty(_LARGEST, dtype=np.uint8)
