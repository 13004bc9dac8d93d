"""Jacobians of functions from 100 numbers to 100: xpnet against JAX without jit.

    python benchmarks/jacobian.py [--repeats N] [--quick]

Milliseconds for a whole Jacobian, medians, one thread, float64; the libraries take
turns in one process. JAX is called without `jax.jit`, as a person at the prompt would,
in its faster mode of the two; so is xpnet. Without JAX only xpnet's column is printed.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import numpy as np

import xpnet as xn

N = 100
RNG = np.random.default_rng(0)
W, B, X = RNG.normal(size=(N, N)) / 10, RNG.normal(size=N), RNG.normal(size=N)

Function = Callable[[Any], Any]


def functions(m: Any, asarray: Callable[[Any], Any]) -> dict[str, Function]:
    """Return the functions, written for one namespace."""
    w, b = asarray(W), asarray(B)

    def chain(x: Any) -> Any:
        for _ in range(10):
            x = m.sin(x) * 0.9 + 0.1
        return x

    def layer(x: Any) -> Any:
        return m.tanh(w @ x + b)

    def network(x: Any) -> Any:
        for _ in range(3):
            x = m.tanh(w @ x + b)
        return x

    def reduction(x: Any) -> Any:
        e = m.exp(x - m.max(x))
        return e / m.sum(e) * x

    def shapes(x: Any) -> Any:
        y = m.reshape(x, (10, 10))
        y = m.concat([y[5:], y[:5] * m.mean(y)]) @ m.permute_dims(y, (1, 0))
        return m.reshape(y, (N,))

    return {f.__name__: f for f in (chain, layer, network, reduction, shapes)}


def ours(function: Function) -> dict[str, Callable[[], Any]]:
    """Return xpnet's Jacobian in both modes."""
    return {
        f"xpnet {mode}": functools.partial(xn.jacobian(function, mode=mode), X)
        for mode in ("forward", "reverse")
    }


def jax_runs(function: Function) -> dict[str, Callable[[], Any]]:
    """Return JAX's Jacobian in both modes."""
    import jax

    x = jax.numpy.asarray(X)
    forward, reverse = jax.jacfwd(function), jax.jacrev(function)
    return {
        "jax forward": lambda: forward(x).block_until_ready(),
        "jax reverse": lambda: reverse(x).block_until_ready(),
    }


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
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument(
        "--quick", action="store_true", help="few repeats, to see that it runs"
    )
    options = parser.parse_args()
    repeats = 3 if options.quick else options.repeats
    with_jax = importlib.util.find_spec("jax") is not None
    names = ("numpy", "jax") if with_jax else ("numpy",)
    versions = [f"{name} {importlib.metadata.version(name)}" for name in names]
    print(
        f"xpnet {xn.__version__}, Python {platform.python_version()}, "
        f"{', '.join(versions)}, 1 thread; milliseconds"
    )
    if not with_jax:
        print("jax is not installed: its columns are left out")
    mine = functions(xn.xp, xn.asarray)
    theirs: dict[str, Function] = {}
    if with_jax:
        import jax.numpy

        theirs = functions(jax.numpy, jax.numpy.asarray)
    heads = ["xpnet forward", "xpnet reverse"]
    heads += ["jax forward", "jax reverse", "best / best"] if with_jax else []
    print(f"{'function':12s}" + "".join(f"{head:>15s}" for head in heads))
    for name, function in mine.items():
        runs = ours(function) | (jax_runs(theirs[name]) if with_jax else {})
        expected = np.asarray(runs["xpnet reverse"]())
        for key, run in runs.items():  # also warms up
            if not np.allclose(np.asarray(run()), expected, rtol=1e-9, atol=1e-12):
                raise SystemExit(f"{name}: {key} computes something else")
        millis = {key: 1e3 * t for key, t in interleaved(runs, repeats).items()}
        line = f"{name:12s}" + "".join(f"{millis[key]:15.3f}" for key in runs)
        if with_jax:
            best = {
                library: min(t for key, t in millis.items() if key.startswith(library))
                for library in ("xpnet", "jax")
            }
            line += f"{best['xpnet'] / best['jax']:15.2f}"
        print(line)


if __name__ == "__main__":
    main()
