"""Two libraries that take turns, each in a process of its own, and a table of times.

Each library runs as its users run it, with the same number of threads; the two take
turns, a burst of steps each, so that a change of the machine's speed meets both. Before
each burst there is a pause, in which idle threads of the other stop waiting actively.

Times are medians over all steps, with quartiles. The ratio is our median by PyTorch's,
and `best` that of the shortest steps, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
BURST = 0.06  # seconds of steps in one turn
PAUSE = 0.04  # seconds; OpenBLAS and OpenMP threads fall asleep in it

Step = Callable[[], Any]
Make = Callable[[str, int], Step]
"""``make(library, index)`` returns one step of the case with that number."""


class Case(Protocol):
    """What is measured: `str` names it, `aim` is the ratio that is aimed at."""

    @property
    def aim(self) -> float | None:
        """The ratio aimed at, or None."""


def timed(step: Step) -> float:
    """Return the seconds that one step takes."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def prepare(library: str) -> None:
    """Let the library use the number of threads that the environment gives."""
    if library == "torch":
        import torch

        torch.set_num_threads(int(os.environ[VARIABLES[0]]))
        torch.manual_seed(0)


def serve(pipe: Any, library: str, make: Make) -> None:
    """Time a burst of steps whenever asked for one, until the question is None."""
    prepare(library)
    steps: dict[int, tuple[Step, int]] = {}
    while (index := pipe.recv()) is not None:
        if index not in steps:
            steps.clear()  # the last case and all it holds
            step = make(library, index)
            for _ in range(3):
                step()
            once = min(timed(step) for _ in range(3))
            steps[index] = step, max(3, math.ceil(BURST / once))
        step, count = steps[index]
        step()  # the caches held something else
        pipe.send([timed(step) for _ in range(count)])


class Worker:
    """One library in a process of its own."""

    def __init__(self, library: str, make: Make) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(
            target=serve, args=(other, library, make), daemon=True
        )
        self.process.start()

    def burst(self, index: int) -> list[float]:
        """Return the times of a burst of steps."""
        time.sleep(PAUSE)
        self.pipe.send(index)
        times: list[float] = self.pipe.recv()
        return times

    def close(self) -> None:
        """End the process."""
        self.pipe.send(None)
        self.process.join()


def measure(
    workers: dict[str, Worker], index: int, repeats: int
) -> dict[str, list[float]]:
    """Return the times of each library's steps, taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in workers}
    for worker in workers.values():
        worker.burst(index)  # not counted: the first one warms up
    for _ in range(repeats):
        for name, worker in workers.items():
            times[name] += worker.burst(index)
    return times


def shown(times: list[float]) -> str:
    """Return the median and the quartiles, in microseconds."""
    low, middle, high = (1e6 * t for t in statistics.quantiles(times, n=4))
    return f"{middle:9.1f} ({low:.1f} to {high:.1f})"


def table(
    make: Make,
    cases: Sequence[Case],
    libraries: list[str],
    threads: int,
    repeats: int,
    chosen: list[int],
) -> None:
    """Measure every case with one number of threads, and print the table."""
    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    print(f"\nThreads: {threads}. Microseconds per step: median (quartiles).")
    ends = ("ratio", "best", "aim") if "torch" in libraries else ()
    row([f"{'what':<38}", *libraries], ends)
    workers = {name: Worker(name, make) for name in libraries}
    for index in chosen:
        case = cases[index]
        times = measure(workers, index, repeats)
        line = [f"{case!s:<38}", *(shown(times[name]) for name in libraries)]
        ends = ()
        if "torch" in times:
            ratios = (
                found(times["xpnet"]) / found(times["torch"])
                for found in (statistics.median, min)
            )
            aim = "" if case.aim is None else f"{case.aim:.2f}"
            ends = (*(f"{ratio:.2f}" for ratio in ratios), aim)
        row(line, ends)
    for worker in workers.values():
        worker.close()


def row(cells: list[str], ends: tuple[str, ...]) -> None:
    """Print one line of the table."""
    wide = "".join(f"{cell:>36}" for cell in cells[1:])
    print(cells[0] + wide + "".join(f"{end:>8}" for end in ends), flush=True)


# --- memory ---------------------------------------------------------------------------


def resident(what: str) -> int:
    """Return ``"VmRSS"`` or ``"VmHWM"`` of this process in bytes (Linux)."""
    with open("/proc/self/status", encoding="ascii") as lines:
        line = next(x for x in lines if x.startswith(what))
    return 1024 * int(line.split()[1])


def peak(pipe: Any, library: str, make: Make, index: int) -> None:
    """Send how far memory rises above where it was before the model was made."""
    prepare(library)
    small = make(library, -1)  # libraries set their own workspaces up
    small()
    before = resident("VmRSS")
    with open("/proc/self/clear_refs", "w", encoding="ascii") as reset:
        reset.write("5")  # the highest mark falls to what is resident now
    step = make(library, index)
    for _ in range(3):
        step()
    pipe.send(resident("VmHWM") - before)


def memory(
    make: Make, cases: Sequence[Case], libraries: list[str], chosen: list[int]
) -> None:
    """Print the peak memory of three steps of every case, each in a new process."""
    print("\nPeak memory of training, in MiB above the libraries themselves.")
    row([f"{'what':<38}", *libraries], ("ratio",))
    context = multiprocessing.get_context("spawn")
    for index in chosen:
        found = {}
        for library in libraries:
            pipe, other = context.Pipe()
            process = context.Process(target=peak, args=(other, library, make, index))
            process.start()
            found[library] = pipe.recv()
            process.join()
        cells = [f"{found[name] / 2**20:.1f}" for name in libraries]
        both = "torch" in found
        ratio = f"{found['xpnet'] / found['torch']:.2f}" if both else ""
        row([f"{cases[index]!s:<38}", *cells], (ratio,))


# --- the script -----------------------------------------------------------------------


def processor() -> str:
    """Return the name of the processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            line = next(x for x in lines if x.startswith("model name"))
            return line.split(":")[1].strip()
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def versions(libraries: list[str]) -> str:
    """Return what ran, in words."""
    from importlib.metadata import version

    import xpnet as xn

    found = {"Python": platform.python_version(), "NumPy": version("numpy")}
    found["xpnet"] = xn.__version__
    if "torch" in libraries:
        found["PyTorch"] = version("torch")
    return ", ".join(f"{name} {text}" for name, text in found.items())


def main(doc: str | None, make: Make, cases: Sequence[Case]) -> None:
    """Read the options and print one table for each number of threads."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    processors = os.cpu_count() or 1
    usual = sorted({1, min(2, processors)})
    add = parser.add_argument
    add("--threads", type=int, nargs="+", default=usual, metavar="N")
    add("--repeats", type=int, default=20, help="turns of each library")
    add("--quick", action="store_true", help="two turns: does it run?")
    add("--only", default="", metavar="WORD", help="cases whose name has this word")
    add("--memory", action="store_true", help="peak memory instead of time (Linux)")
    options = parser.parse_args()
    if min(options.threads) < 1 or options.repeats < 1:
        parser.error("--threads and --repeats are positive numbers.")
    chosen = [i for i, case in enumerate(cases) if options.only in str(case)]
    libraries = ["xpnet"]
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: these are our times alone, without ratios.")
    else:
        libraries.append("torch")
    print(
        f"{versions(libraries)}; {processor()}, {processors} processors, {sys.platform}"
    )
    for threads in options.threads:
        if options.memory:
            os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
            memory(make, cases, libraries, chosen)
            return
        repeats = 2 if options.quick else options.repeats
        table(make, cases, libraries, threads, repeats, chosen)
