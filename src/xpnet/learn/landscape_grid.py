"""The heights of a landscape: the loss of a copy of the model at each point."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, final

import numpy as np

import xpnet as xn

from ..data import DataLoader, Dataset
from ..errors import OptionError
from ..kernels.blas import one_thread
from ..nn import Module
from .plane import Plane

__all__ = ["Batches", "Probe", "batches_of", "heights_of", "threads_for"]

Batches = list[tuple[Any, Any]]

_SMALL = 250_000_000  # samples × parameters: some milliseconds of one core


@final
class Probe:
    """A copy of a model whose parameters can be put anywhere on a plane.

    Parameters and buffers are its own, and so is its mode: nothing is written into the
    model, so that nothing has to be put back.
    """

    def __init__(
        self,
        model: Module,
        plane: Plane,
        batches: Batches,
        loss: Callable[[Any, Any], Any],
    ) -> None:
        self.centre = [p.detach() for p in model.parameters()]
        self.one, self.two = plane.directions
        self.mine = [_copied(p) for p in self.centre]
        self.model = model.tree_rebuild(list(self.mine)).eval()
        for module in self.model.modules():
            for name in [name for name, _ in module.named_buffers(recurse=False)]:
                module.__dict__[name] = _copied(module.__dict__[name])
        self.batches = batches
        self.loss = loss
        self.count = sum(x.shape[0] for x, _ in batches)

    def at(self, a: float, b: float) -> float:
        """Return the loss at a point of the plane."""
        with xn.no_grad(), np.errstate(all="ignore"):
            for mine, p, one, two in zip(
                self.mine, self.centre, self.one, self.two, strict=True
            ):
                moved = p if two is None else p + b * two
                moved = moved if one is None else moved + a * one
                mine.data = moved.data
            total: Any = 0.0
            for x, y in self.batches:
                total = total + self.loss(self.model(x), y) * (x.shape[0] / self.count)
            return float(total)


def heights_of(
    probe: Probe,
    x: np.ndarray[Any, Any],
    y: np.ndarray[Any, Any],
    progress: bool,
) -> np.ndarray[Any, Any]:
    """Return the loss at all places of a grid."""
    from tqdm import tqdm

    heights = np.empty((len(y), len(x)))
    with tqdm(
        total=heights.size, disable=not progress, desc="landscape", unit="point"
    ) as bar:
        for j, b in enumerate(y):
            for i, a in enumerate(x):
                heights[j, i] = probe.at(float(a), float(b))
                bar.update()
    return heights


def threads_for(
    model: Module, batches: Batches
) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which the BLAS has one thread if the batches are small.

    More would gain little, and where other programs want the cores, as they spin, a
    point can take ten times as long.
    """
    samples = max(x.shape[0] for x, _ in batches)
    small = samples * model.num_parameters() <= _SMALL
    return one_thread() if small else contextlib.nullcontext()


def _copied(x: Any) -> Any:
    return xn.Array(x._lib.copy(x.data), x._lib)


def batches_of(data: Any, model: Module, batch_size: int | None) -> Batches:
    """Return the data as batches beside the model."""
    first = next(iter(model.parameters()), None)
    if first is None:
        raise OptionError("landscape: the model has no parameters to move along.")
    if isinstance(data, DataLoader):
        return _of_loader(data)
    if isinstance(data, Dataset):
        return _cut(data, first, batch_size)
    if isinstance(data, tuple) and len(data) == 2 and not isinstance(data[0], tuple):
        return _cut(Dataset(*data), first, batch_size)
    if isinstance(data, Iterable) and not hasattr(data, "shape"):
        found = [batch for x, y in data for batch in _cut(Dataset(x, y), first, None)]
        if found:
            return found
    raise OptionError(
        "landscape: data is a Dataset, a DataLoader, a pair (X, y) or several such "
        f"batches, not {type(data).__name__ if data is not None else data}."
    )


def _of_loader(loader: DataLoader) -> Batches:
    """Return the batches of a loader, whose generator stays where it was."""
    state = loader.rng.state_dict()
    try:
        return list(loader)
    finally:
        loader.rng.load_state_dict(state)


def _cut(samples: Dataset, like: Any, batch_size: int | None) -> Batches:
    if len(samples) == 0:
        raise OptionError("landscape: there are no samples.")
    size = len(samples) if batch_size is None else batch_size
    loader = DataLoader(samples, batch_size=size, like=like, dtype=like.dtype)
    return list(loader)
