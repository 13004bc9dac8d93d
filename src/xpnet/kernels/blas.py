"""One thread for the BLAS, where the threads are ours.

A convolution is many matrix products of middle size. Shared among the threads of the
BLAS, each of them waits for the slowest; with one part of the batch for each thread,
none waits, and sums do not depend on the number of threads.
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

__all__ = ["one_thread"]

_lock = threading.Lock()
_inside = 0
_before = 1


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
