"""Time of whole training steps of multilayer perceptrons, against PyTorch eager.

    python benchmarks/train_step.py [--threads 1 2] [--repeats N] [--quick] [--memory]

One step is forward, cross-entropy, zero_grad, backward and Adam, in float32, with ReLU
between the layers. PyTorch runs eagerly with its fused Adam. How the two are compared
stands in `_turns.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import _turns
from _turns import Step


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
    Case((784, 512, 256, 10), 128, 1.0),
    Case((1024, 1024, 1024, 1024, 10), 512, 1.0),
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


def make(library: str, index: int) -> Step:
    """Return one step; number -1 is the smallest network."""
    return MAKERS[library](CASES[max(index, 0)])


if __name__ == "__main__":
    _turns.main(__doc__, make, CASES)
