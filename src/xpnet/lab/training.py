"""A training run that can be put back to where it was, bit for bit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, final

import numpy as np

from .. import data, nn, optim
from ..calculus.array import Array
from ..random import Generator

__all__ = ["Run", "Snapshot", "host"]


def host(x: Any) -> Any:
    """Return the values of an Array as a NumPy array."""
    return x._lib.to_host(x.data)


class Snapshot(NamedTuple):
    """All that the next step of a run depends on; arrays are copies.

    Attributes
    ----------
    step, epoch, batch : int
        Steps taken, epochs begun before this one, batches of this one used.
    order : dict
        The state of the loader's generator when the epoch began.
    model, optimizer : dict
        What their ``state_dict`` returned.
    draws : list of dict
        The states of the model's own generators, as Dropout has them.
    """

    step: int
    epoch: int
    batch: int
    order: dict[str, int]
    model: dict[str, Array]
    optimizer: dict[str, Any]
    draws: list[dict[str, int]]

    def arrays(self) -> Iterator[Array]:
        """Iterate over the arrays it holds."""
        yield from self.model.values()
        for entry in self.optimizer["state"].values():
            yield from (value for value in entry.values() if isinstance(value, Array))

    def nbytes(self) -> int:
        """Return the size of its arrays in bytes."""
        return sum(x.size * x.dtype.itemsize for x in self.arrays())

    def fingerprint(self) -> str:
        """Return eight hexadecimal digits that differ when any bit differs."""
        digest = hashlib.blake2b(digest_size=4)
        for x in self.arrays():
            digest.update(np.ascontiguousarray(host(x)).tobytes())
        counts = [entry.get("step") for entry in self.optimizer["state"].values()]
        rates = [group.get("lr") for group in self.optimizer["param_groups"]]
        rest = (self.step, self.epoch, self.batch, self.order, self.draws)
        digest.update(repr((rest, counts, rates)).encode())
        return digest.hexdigest()


@final
class Run:
    """A model, its loss and its optimizer, one batch after another.

    Parameters
    ----------
    model : Module
        Trained in place.
    loss_of : callable
        ``loss_of(output, target)`` returns one number, an Array.
    optimizer : Optimizer
        Of the model's parameters.
    loader : DataLoader
        The batches; each time it is used up, the next epoch begins.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_of: Callable[[Any, Any], Array],
        optimizer: optim.Optimizer,
        loader: data.DataLoader,
    ) -> None:
        self.model, self.loss_of = model, loss_of
        self.optimizer, self.loader = optimizer, loader
        self.step = self.epoch = 0
        held = [value for m in model.modules() for value in vars(m).values()]
        self._generators = [value for value in held if isinstance(value, Generator)]
        self._begin()

    def _begin(self) -> None:
        """Begin an epoch."""
        self.batch = 0
        self._order = self.loader.rng.state_dict()
        self._batches = iter(self.loader)

    def advance(self) -> float:
        """Take one step, as any training loop does; return the loss of its batch."""
        if self.batch == len(self.loader):
            self.epoch += 1
            self._begin()
        x, y = next(self._batches)
        self.batch += 1
        self.model.train()
        loss = self.loss_of(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        return float(loss)

    def weights(self) -> Any:
        """Return a copy of all parameters as one NumPy array, (count,)."""
        parts = [host(p).reshape(-1) for p in self.model.parameters()]
        return np.concatenate(parts)

    def snapshot(self) -> Snapshot:
        """Return a copy of the state."""
        return Snapshot(
            self.step,
            self.epoch,
            self.batch,
            self._order,
            self.model.state_dict(),
            self.optimizer.state_dict(),
            [rng.state_dict() for rng in self._generators],
        )

    def restore(self, saved: Snapshot) -> None:
        """Go back, or ahead, to where a snapshot was taken."""
        self.model.load_state_dict(saved.model)
        self.optimizer.load_state_dict(saved.optimizer)
        self.optimizer.zero_grad()
        for rng, state in zip(self._generators, saved.draws, strict=True):
            rng.load_state_dict(state)
        self.step, self.epoch = saved.step, saved.epoch
        self.loader.rng.load_state_dict(saved.order)
        self._begin()
        for _ in range(saved.batch):
            next(self._batches)
        self.batch = saved.batch
