"""A long recurrence of scalars: memory and time with checkpoints and without.

    python benchmarks/checkpoint.py [--steps N] [--piece N] [--quick]

The chain is x = sin(x) * a + b. With checkpoints, in pieces of `piece` steps; without,
the whole tape is kept, of 1 step in 10 unless `--all` is given. Each runs in a process
of its own; memory is the growth of the largest resident size (Linux).
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import xpnet as xn
from xpnet import xp

POINT = (0.3, 0.9, 0.2)


def several(count: int) -> object:
    """Return the function that makes `count` steps."""

    def steps(x: object, a: object, b: object) -> object:
        for _ in range(count):
            x = xp.sin(x) * a + b
        return x

    return steps


def gradient(steps: int, piece: int) -> tuple[float, ...]:
    """Return the gradient of the chain, in checkpointed pieces if `piece` is not 0."""
    part = xn.checkpoint(several(piece)) if piece else several(steps)

    def chain(x: object, a: object, b: object) -> object:
        for _ in range(steps // piece if piece else 1):
            x = part(x, a, b)
        return x

    return xn.grad(chain, (0, 1, 2))(*POINT)


def measure(steps: int, piece: int) -> None:
    """Print what one process measures: megabytes, seconds, gradient."""
    gradient(1_000, 100 if piece else 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = gradient(steps, piece)
    seconds = time.perf_counter() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(most / 1024, seconds, *found)


def measured(steps: int, piece: int) -> list[float]:
    """Return what a process of its own measures."""
    command = [sys.executable, __file__, "--one", str(steps), str(piece)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--piece", type=int, default=1_000)
    parser.add_argument("--all", action="store_true", help="keep the whole tape once")
    parser.add_argument(
        "--quick", action="store_true", help="few steps, to see that it runs"
    )
    parser.add_argument("--repeats", help=argparse.SUPPRESS)  # for the others
    parser.add_argument("--one", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(*options.one)
        return
    steps = 20_000 if options.quick else options.steps
    kept = steps if options.all else steps // 10
    rows = {"checkpoints": (steps, options.piece), "whole tape": (kept, 0)}
    if not options.all:
        rows["checkpoints "] = (kept, options.piece)
    print(f"xpnet {xn.__version__}, pieces of {options.piece} steps")
    print(f"{'':12s}{'steps':>10s}{'peak MB':>10s}{'seconds':>10s}{'us/step':>10s}")
    gradients = {}
    for name, (count, piece) in rows.items():
        megabytes, seconds, *found = measured(count, piece)
        if gradients.setdefault(count, found) != found:
            raise SystemExit(f"{name}: the gradient is not the same bytes")
        print(
            f"{name:12s}{count:10d}{megabytes:10.1f}{seconds:10.1f}"
            f"{1e6 * seconds / count:10.1f}"
        )


if __name__ == "__main__":
    main()
