"""Time of a loss landscape of the network of ``xpnet train digits``.

    python benchmarks/landscape.py [--size N] [--batch-size N] [--quick]

The network is 64-1024-10 in float32, trained for ten full steps; the loss is the mean
cross-entropy of all 1437 training images, so that each of the 41 × 41 points is a pass
of the whole training set forward through the network. The plane is one of random
filter-normalised directions; that of the trajectory takes as long. BLAS has as many
threads as OMP_NUM_THREADS says, or as there are cores.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from typing import Any

import numpy as np

import xpnet as xn
from xpnet import data, learn, losses, nn, optim

AIM = 20.0  # seconds for 41 × 41 points on two cores


def digits() -> data.Dataset:
    """Return the training images as ``xpnet train`` scales them."""
    train, _ = data.load_digits(rng=0)
    pixels = train.features
    scaled = (pixels - pixels.mean()) / pixels.std()
    return data.Dataset(scaled.astype(np.float32), train.labels)


def trained(train: data.Dataset) -> tuple[nn.Module, learn.Trajectory]:
    """Return a network after ten steps on all images, and where it was."""
    model = nn.Sequential(
        nn.Linear(64, 1024, rng=0), nn.ReLU(), nn.Linear(1024, 10, rng=1)
    )
    passed = learn.Trajectory(model)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x, labels = train.arrays("cpu")
    for _ in range(10):
        passed()
        loss = losses.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model, passed


def seconds(size: int, **options: Any) -> float:
    """Return how long one landscape took."""
    train = digits()
    model, passed = trained(train)
    start = time.perf_counter()
    seen = learn.landscape(
        model,
        train,
        losses.cross_entropy,
        size=size,
        trajectory=passed,
        **options,
    )
    took = time.perf_counter() - start
    print(seen.words[1])
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=41)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--quick", action="store_true", help="9 × 9 points")
    options = parser.parse_args()
    size = 9 if options.quick else options.size
    threads = os.environ.get("OMP_NUM_THREADS", f"{os.cpu_count()} (all)")
    print(f"xpnet {xn.__version__}, NumPy {np.__version__}, {platform.machine()}")
    print(f"threads: {threads}")
    for directions in ("filter", "pca"):
        took = seconds(size, batch_size=options.batch_size, directions=directions)
        each = 1e3 * took / size**2
        aim = f", aim {AIM:.0f} s" if size == 41 else ""
        print(f"{directions}: {size} × {size} points in {took:.1f} s{aim}", end="")
        print(f" ({each:.2f} ms each)")


if __name__ == "__main__":
    main()
