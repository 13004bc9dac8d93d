"""A few threads that share the blocks of one large elementwise update.

NumPy releases the interpreter lock inside its loops, so threads help where blocks are
large. Each element is computed by the same operations whichever thread takes its block,
so the result does not depend on the number of threads, not even in the last bit.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib
import itertools
import os
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = [
    "aligned",
    "available",
    "limited",
    "one_blas_thread",
    "run_blocks",
    "scratch",
    "workers",
]

WORTH = 256 * 1024  # elements: below this, waking a thread costs more than it saves

_LINE = 64  # bytes in a line of the cache

_MOST = os.cpu_count() or 1  # threads: more could not run at once

_local = threading.local()
_limit: int | None = None


def available() -> int:
    """Return how many threads an update may use.

    That is the number of processors this process may run on, but no more than
    ``OMP_NUM_THREADS`` where it is set, as for the matrix products beside it.
    """
    if _limit is not None:
        return _limit
    if hasattr(os, "sched_getaffinity"):
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    named = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return min(processors, max(1, int(named))) if named.isdigit() else processors


def one_blas_thread() -> contextlib.AbstractContextManager[Any]:
    """Keep matrix products to one thread, so that results do not depend on the number.

    Small networks gain nothing from more, and where other programs want the cores the
    threads wait for one another. It needs threadpoolctl, which comes with scikit-learn,
    and does nothing without it.
    """
    try:
        threads: Any = importlib.import_module("threadpoolctl")
    except ImportError:
        return contextlib.nullcontext()
    return threads.threadpool_limits(limits=1)  # type: ignore[no-any-return]


@contextlib.contextmanager
def limited(count: int) -> Iterator[None]:
    """Use `count` threads inside a ``with`` block, whatever the machine has."""
    global _limit
    before, _limit = _limit, count
    try:
        yield
    finally:
        _limit = before


def scratch(count: int, length: int, dtype: Any) -> list[np.ndarray[Any, Any]]:
    """Return `count` arrays to compute in; each thread has its own, and keeps them.

    Parameters
    ----------
    count, length : int
        How many arrays, and the elements of each.
    dtype : dtype
        Their NumPy dtype.

    Returns
    -------
    list of ndarray
        Their contents are whatever was left there, and last until the next call.
    """
    try:
        kept: dict[Any, Any] = _local.scratch
    except AttributeError:
        kept = _local.scratch = {}
    key = (count, length, dtype)
    if key not in kept:
        kept.clear()
        kept[key] = [aligned(length, np.dtype(dtype)) for _ in range(count)]
    found: list[np.ndarray[Any, Any]] = kept[key]
    return found


def aligned(length: int, dtype: Any) -> np.ndarray[Any, Any]:
    """Return a new array that starts with a line of the cache, which is faster."""
    made = np.empty(length * dtype.itemsize + _LINE, np.uint8)
    start = -made.ctypes.data % _LINE
    return made[start : start + length * dtype.itemsize].view(dtype)


def workers(n: int) -> int:
    """Return how many threads `run_blocks` may use for `n` elements from here."""
    return 1 if n < WORTH or getattr(_local, "inside", False) else available()


def run_blocks(function: Callable[[int, int], None], n: int, block: int) -> None:
    """Call ``function(start, stop)`` for every block of ``range(n)``, in threads.

    Parameters
    ----------
    function : callable
        Writes the elements from `start` to `stop`, and no others.
    n, block : int
        The number of elements, and of elements in a block; the last may be smaller.

    Notes
    -----
    The calling thread works too. A small `n`, and a call from inside a block, use the
    calling thread alone. An exception in any block is raised here.
    """
    starts = iter(range(0, n, block))
    threads = min(workers(n), -(-n // block))
    if threads < 2:
        for start in starts:
            function(start, min(start + block, n))
        return
    _share(function, n, block, threads - 1)


def _share(
    function: Callable[[int, int], None], n: int, block: int, helpers: int
) -> None:
    """Let `helpers` threads and this one take blocks until none is left."""
    take = itertools.count(0, block).__next__  # one step of C code: no lock needed

    def work() -> None:
        _local.inside = True
        try:
            while (start := take()) < n:
                function(start, min(start + block, n))
        finally:
            _local.inside = False

    job = _Job(work)
    for _ in range(helpers):
        # a copy of the context carries np.errstate into the thread
        _POOL.submit(contextvars.copy_context(), job)
    try:
        work()
    finally:
        joined = job.close()
        errors = [error for error in [job.done.get() for _ in range(joined)] if error]
    if errors:
        raise errors[0]


class _Job:
    """Work that helpers join, until it is closed.

    Nobody waits for a helper that has not joined by then: other work on the machine may
    keep it from its processor for milliseconds, and nothing is left for it to do.
    """

    __slots__ = ("done", "joined", "lock", "work")

    def __init__(self, work: Callable[[], None]) -> None:
        self.work: Callable[[], None] | None = work
        self.joined = 0
        self.lock = threading.Lock()
        self.done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def join(self) -> Callable[[], None] | None:
        """Return the work, of which `done` must then hear; None if it is closed."""
        with self.lock:
            self.joined += self.work is not None
            return self.work

    def close(self) -> int:
        """Let nobody join any more; return how many did."""
        with self.lock:
            self.work = None  # a job that is still queued must not keep arrays alive
            return self.joined


class _Pool:
    """Threads that wait for work; more are started when more are asked for at once."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew: after a fork, the child has none of its parent's threads."""
        self.jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.threads = 0
        self.waiting = 0

    def submit(self, context: contextvars.Context, job: _Job) -> None:
        """Let a thread join a job, in a context."""
        with self.lock:
            self.waiting += 1
            if self.threads < min(self.waiting, _MOST):
                self.threads += 1
                threading.Thread(target=self._serve, daemon=True).start()
        self.jobs.put((context, job))

    def _serve(self) -> None:
        while True:
            context, job = self.jobs.get()
            work = job.join()
            error: BaseException | None = None
            try:
                if work is not None:
                    context.run(work)
            except BaseException as caught:
                error = caught
            with self.lock:
                self.waiting -= 1
            if work is not None:
                job.done.put(error)
            del context, job, work, error  # an idle thread must not keep arrays alive


_POOL = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.forget)
