"""One thread for the BLAS, where the threads are ours.

A convolution is many matrix products of middle size. Shared among the threads of the
BLAS, each of them waits for the slowest; with one part of the batch for each thread,
none waits, and sums do not depend on the number of threads.

After a product, a thread of OpenBLAS waits actively for the next, for about 20 ms, and
takes a processor from the threads of ours that work then. So small products between
convolutions use one thread too: what a second one would save is less than that.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import pathlib
import threading
from collections.abc import Callable
from typing import Any, final

import numpy as np

__all__ = ["claim", "claimed", "for_product", "one_thread"]

_lock = threading.Lock()
_inside = 0
_before = 1

_CLAIM = 64
"""How many groups of products after a convolution count as standing beside it."""

_SMALL = 2**25
"""Multiplications from which a product is worth the threads of the BLAS anyway."""

claimed = 0
"""How many groups of products are left of a claim."""

_NOTHING = contextlib.nullcontext()


@functools.cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Return how NumPy's own OpenBLAS tells and sets its threads, if it is there."""
    root = pathlib.Path(np.__file__).parent
    for folder in (root.parent / "numpy.libs", root / ".dylibs"):
        for path in sorted(folder.glob("libscipy_openblas*")):
            with contextlib.suppress(OSError, AttributeError):
                library = ctypes.CDLL(str(path))  # loaded already: this counts it once
                end = "64_" if "64_" in path.name else ""
                get = getattr(library, f"scipy_openblas_get_num_threads{end}")
                put = getattr(library, f"scipy_openblas_set_num_threads{end}")
                return get, put
    return None


@final
class _OneThread:
    """What `one_thread` returns."""

    def __enter__(self) -> None:
        global _inside, _before
        found = _openblas()
        if found is None:
            return
        get, put = found
        with _lock:
            if not _inside:
                _before = get()
                if _before != 1:
                    put(1)
            _inside += 1

    def __exit__(self, *error: object) -> None:
        global _inside
        found = _openblas()
        if found is None:
            return
        with _lock:
            _inside -= 1
            if not _inside and _before != 1:
                found[1](_before)


_ONE = _OneThread()


def one_thread() -> contextlib.AbstractContextManager[Any]:
    """Let matrix products use one thread inside a ``with`` block, where this is known.

    That holds for the whole process. Blocks may overlap in several threads: the last to
    end sets the number that there was before the first.
    """
    return _ONE


def claim() -> None:
    """Say that threads of ours share the work, and will again soon."""
    global claimed
    claimed = _CLAIM


def for_product(multiplications: int) -> contextlib.AbstractContextManager[Any]:
    """Return `one_thread` for small products beside work that our threads share.

    Which products these are depends only on the order of the calls: those after a
    `claim`, until there were many without another.
    """
    global claimed
    if not claimed:
        return _NOTHING
    claimed -= 1
    return _ONE if multiplications < _SMALL else _NOTHING
