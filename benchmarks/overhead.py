"""Overhead of the tape: microseconds per operation, forward and backward together.

    python benchmarks/overhead.py [--repeats N] [--quick]

Arrays of one element, so that almost all of the time is bookkeeping. Each row is a
chain of one operation; `mix` is a chain of tanh, multiply, add, sin, divide and
subtract, and is the figure that is quoted. PyTorch and HIPS/autograd run the same chain
in the same process, interleaved with ours, on one thread; those that are not installed
are left out.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import xpnet as xn


class Chain(NamedTuple):
    """A function applied again and again: how often, its operations, and itself."""

    length: int
    operations: int
    link: Callable[[Any, Any], Any]


CHAINS = {
    "add": Chain(200, 1, lambda m, x: x + 0.5),
    "multiply": Chain(200, 1, lambda m, x: x * 1.0001),
    "divide": Chain(200, 1, lambda m, x: x / 1.0001),
    "x * x": Chain(200, 1, lambda m, x: x * x),
    "exp": Chain(100, 2, lambda m, x: m.exp(-x)),
    "sin": Chain(200, 1, lambda m, x: m.sin(x)),
    "tanh": Chain(200, 1, lambda m, x: m.tanh(x)),
    "sqrt": Chain(200, 1, lambda m, x: m.sqrt(x)),
    "mix": Chain(40, 6, lambda m, x: (m.tanh(x) * 0.9 + x) - m.sin(x) / 2.0),
}
START = np.asarray([0.3])


def chained(chain: Chain, module: Any, x: Any) -> Any:
    """Apply the link of a chain over and over."""
    for _ in range(chain.length):
        x = chain.link(module, x)
    return x


def ours(chain: Chain) -> Callable[[], Any]:
    """Return one forward and backward pass of xpnet."""

    def run() -> Any:
        x = xn.asarray(START, requires_grad=True)
        chained(chain, xn.xp, x).backward()
        return x.grad.data[0]

    return run


def torch_run(chain: Chain) -> Callable[[], Any]:
    """Return the same pass of PyTorch."""
    import torch

    torch.set_num_threads(1)

    def run() -> Any:
        x = torch.tensor(START, requires_grad=True)
        chained(chain, torch, x).backward()
        return x.grad[0].item()

    return run


def autograd_run(chain: Chain) -> Callable[[], Any]:
    """Return the same pass of HIPS/autograd."""
    import autograd
    import autograd.numpy as module

    gradient = autograd.grad(lambda x: chained(chain, module, x)[0])
    return lambda: gradient(START)[0]


PEERS = {"autograd": autograd_run, "torch": torch_run}


def interleaved(runs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each function, measured in turns."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument(
        "--quick", action="store_true", help="few repeats, to see that it runs"
    )
    options = parser.parse_args()
    repeats = 3 if options.quick else options.repeats
    peers = [name for name in PEERS if importlib.util.find_spec(name)]
    versions = [
        f"{name} {importlib.metadata.version(name)}" for name in ("numpy", *peers)
    ]
    print(
        f"xpnet {xn.__version__}, Python {platform.python_version()}, "
        f"{', '.join(versions)}, 1 thread"
    )
    for missing in sorted(set(PEERS) - set(peers)):
        print(f"{missing} is not installed: its column is left out")
    heads = [*(f"{name} us" for name in peers), *(f"/ {name}" for name in peers)]
    print(
        f"{'chain':10s} {'xpnet us':>10s}" + "".join(f"{head:>13s}" for head in heads)
    )
    for name, chain in CHAINS.items():
        runs = {"xpnet": ours(chain), **{peer: PEERS[peer](chain) for peer in peers}}
        values = {key: float(run()) for key, run in runs.items()}  # also warms up
        expected = values["xpnet"]
        for key, value in values.items():
            if abs(value - expected) > 1e-9 * abs(expected):
                raise SystemExit(
                    f"{name}: {key} computes {value!r}, xpnet {expected!r}"
                )
        count = chain.length * chain.operations
        micros = {key: 1e6 * t / count for key, t in interleaved(runs, repeats).items()}
        cells = [f"{micros[peer]:13.2f}" for peer in peers]
        cells += [f"{micros['xpnet'] / micros[peer]:13.2f}" for peer in peers]
        print(f"{name:10s} {micros['xpnet']:10.2f}" + "".join(cells))


if __name__ == "__main__":
    main()
