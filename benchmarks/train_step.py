"""Time of whole training steps of multilayer perceptrons, against PyTorch eager.

    python benchmarks/train_step.py [--threads 1 2] [--repeats N] [--quick]

One step is forward, cross-entropy, zero_grad, backward and Adam, in float32, with ReLU
between the layers. PyTorch runs eagerly with its fused Adam. Each library runs in a
process of its own, as its users run it, with the same number of threads; the two take
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
from collections.abc import Callable
from typing import Any, NamedTuple

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
BURST = 0.06  # seconds of steps in one turn
PAUSE = 0.04  # seconds; OpenBLAS and OpenMP threads fall asleep in it

Step = Callable[[], Any]


class Case(NamedTuple):
    """A network, the size of its batches, and the ratio that is aimed at."""

    sizes: tuple[int, ...]
    batch: int
    aim: float

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))} at {self.batch}"


CASES = (
    Case((2, 16, 16, 2), 64, 0.35),
    Case((64, 128, 64, 10), 64, 0.6),
    Case((784, 512, 256, 10), 128, 1.05),
    Case((1024, 1024, 1024, 1024, 10), 512, 1.1),
)


def batch_of(case: Case) -> tuple[Any, Any]:
    """Return inputs and labels as NumPy arrays."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.standard_normal((case.batch, case.sizes[0]), dtype=np.float32)
    return x, rng.integers(0, case.sizes[-1], case.batch)


def xpnet_step(case: Case) -> Step:
    """Return one training step of xpnet."""
    import xpnet as xn
    from xpnet import losses, nn, optim

    layers: list[nn.Module] = []
    for i, (m, n) in enumerate(zip(case.sizes, case.sizes[1:], strict=False)):
        layers += [nn.ReLU()] * (i > 0) + [nn.Linear(m, n, rng=i)]
    model = nn.Sequential(*layers)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x, labels = map(xn.asarray, batch_of(case))

    def step() -> None:
        loss = losses.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def torch_step(case: Case) -> Step:
    """Return one training step of PyTorch."""
    import torch

    torch.set_num_threads(int(os.environ[VARIABLES[0]]))
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for i, (m, n) in enumerate(zip(case.sizes, case.sizes[1:], strict=False)):
        layers += [torch.nn.ReLU()] * (i > 0) + [torch.nn.Linear(m, n)]
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    x, labels = map(torch.from_numpy, batch_of(case))

    def step() -> None:
        loss = torch.nn.functional.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


MAKERS = {"xpnet": xpnet_step, "torch": torch_step}


def timed(step: Step) -> float:
    """Return the seconds that one step takes."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def serve(pipe: Any, library: str) -> None:
    """Time a burst of steps whenever asked for one, until the question is None."""
    steps: dict[int, tuple[Step, int]] = {}
    while (index := pipe.recv()) is not None:
        if index not in steps:
            steps.clear()  # the last network and its optimizer
            step = MAKERS[library](CASES[index])
            for _ in range(5):
                step()
            once = min(timed(step) for _ in range(3))
            steps[index] = step, max(3, math.ceil(BURST / once))
        step, count = steps[index]
        step()  # the caches held something else
        pipe.send([timed(step) for _ in range(count)])


class Worker:
    """One library in a process of its own."""

    def __init__(self, library: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, library), daemon=True)
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


def table(libraries: list[str], threads: int, repeats: int) -> None:
    """Measure every network with one number of threads, and print the table."""
    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    print(f"\nThreads: {threads}. Microseconds per step: median (quartiles).")
    ends = ("ratio", "best", "aim") if "torch" in libraries else ()
    row([f"{'network':<30}", *libraries], ends)
    workers = {name: Worker(name) for name in libraries}
    for index, case in enumerate(CASES):
        times = measure(workers, index, repeats)
        line = [f"{case!s:<30}", *(shown(times[name]) for name in libraries)]
        ends = ()
        if "torch" in times:
            ratios = (
                found(times["xpnet"]) / found(times["torch"])
                for found in (statistics.median, min)
            )
            ends = (*(f"{ratio:.2f}" for ratio in ratios), f"{case.aim:.2f}")
        row(line, ends)
    for worker in workers.values():
        worker.close()


def row(cells: list[str], ends: tuple[str, ...]) -> None:
    """Print one line of the table."""
    wide = "".join(f"{cell:>34}" for cell in cells[1:])
    print(cells[0] + wide + "".join(f"{end:>8}" for end in ends), flush=True)


def processor() -> str:
    """Return the name of the processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return (
                next(x for x in lines if x.startswith("model name"))
                .split(":")[1]
                .strip()
            )
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


def main() -> None:
    """Read the options and print one table for each number of threads."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    processors = os.cpu_count() or 1
    usual = sorted({1, min(2, processors)})
    parser.add_argument("--threads", type=int, nargs="+", default=usual, metavar="N")
    parser.add_argument("--repeats", type=int, default=20, help="turns of each library")
    parser.add_argument("--quick", action="store_true", help="two turns: does it run?")
    options = parser.parse_args()
    if min(options.threads) < 1 or options.repeats < 1:
        parser.error("--threads and --repeats are positive numbers.")
    libraries = ["xpnet"]
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: these are our times alone, without ratios.")
    else:
        libraries.append("torch")
    print(
        f"{versions(libraries)}; {processor()}, {processors} processors, {sys.platform}"
    )
    for threads in options.threads:
        table(libraries, threads, 2 if options.quick else options.repeats)


if __name__ == "__main__":
    main()
