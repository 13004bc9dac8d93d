"""Batches on a device."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, final

from ..backend.device import Device
from ..calculus.array import Array
from ..calculus.convert import wrap
from ..errors import OptionError
from ..random import Generator, as_generator
from .dataset import Dataset

__all__ = ["DataLoader"]


@final
class DataLoader:
    """Batches of a data set as pairs of Arrays, ``(features, labels)``, on a device.

    The data set is moved to the device once, when the loader is made. Each loop over
    the loader is one epoch. A shuffled epoch draws one permutation from `rng`, when the
    loop starts, and its batches are gathered on the device; without `shuffle` a batch
    is a part of the data set, in its order. The sequence of epochs depends on the seed
    alone: epoch k of a loader made with ``rng=0`` is the same on every device, and
    whether or not the epochs before it were read to their end.

    Parameters
    ----------
    dataset : Dataset
        The samples.
    batch_size : int
        Samples per batch (PyTorch's default is 1). The last batch may be smaller.
    shuffle : bool
        Whether each epoch has an order of its own.
    rng : int or Generator, optional
        A seed, or a generator whose state goes on; by default a new one each time.
    drop_last : bool
        Leave out a last batch that would be smaller.
    device : str or Device, optional
        Where the batches are; by default as in `Dataset.arrays`.
    dtype : dtype, optional
        What floating-point values are cast to, once.
    like : Array, optional
        Instead of `device`: where this Array is, whatever its library.

    Attributes
    ----------
    rng : Generator
        What the permutations are drawn from; its state says where training stands.

    Raises
    ------
    OptionError
        If `batch_size` is not an integer of at least 1, or `dataset` no Dataset.

    Examples
    --------
    >>> points = Dataset([[0.0], [1.0], [2.0], [3.0], [4.0]], [0, 0, 0, 1, 1])
    >>> for x, y in DataLoader(points, batch_size=2):
    ...     print(x.shape, y.tolist())
    (2, 1) [0, 0]
    (2, 1) [0, 1]
    (1, 1) [1]
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        rng: int | Generator | None = None,
        drop_last: bool = False,
        device: str | Device | None = None,
        dtype: Any = None,
        like: Array | None = None,
    ) -> None:
        if not isinstance(dataset, Dataset):
            raise OptionError(
                f"DataLoader: the samples come as a Dataset, not a "
                f"{type(dataset).__name__}. Write data.Dataset(features, labels)."
            )
        if not hasattr(batch_size, "__index__") or operator.index(batch_size) < 1:
            raise OptionError(
                f"DataLoader: batch_size is an integer of at least 1, "
                f"not {batch_size!r}."
            )
        self.dataset = dataset
        self.batch_size = operator.index(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.rng = as_generator(rng)
        self._features, self._labels = dataset.arrays(device, like=like, dtype=dtype)

    @property
    def device(self) -> Any:
        """Where the batches are."""
        return self._features.device

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        if not self.shuffle:
            return self._in_order()
        order = self.rng.permutation(len(self.dataset), like=self._features)
        return self._gathered(order.data)

    def _bounds(self) -> Iterator[tuple[int, int]]:
        """Give the first position of each batch, and the first after it."""
        count, size = len(self.dataset), self.batch_size
        for start in range(0, len(self) * size, size):
            yield start, min(start + size, count)

    def _in_order(self) -> Iterator[tuple[Array, Array]]:
        x, y = self._features, self._labels
        for start, stop in self._bounds():
            features, labels = x.data[start:stop, ...], y.data[start:stop, ...]
            yield Array(features, x._lib), Array(labels, y._lib)

    def _gathered(self, order: Any) -> Iterator[tuple[Array, Array]]:
        x, y = self._features, self._labels
        lib, take = x._lib, x._lib.raw.take
        for start, stop in self._bounds():
            index = order[start:stop]
            features = take(x.data, index, axis=0)
            labels = take(y.data, index, axis=0)
            yield wrap(lib, features), wrap(lib, labels)

    def __repr__(self) -> str:
        return (
            f"DataLoader({self.dataset!r}, batch_size={self.batch_size}, "
            f"shuffle={self.shuffle}, drop_last={self.drop_last}, rng={self.rng!r}, "
            f"device='{self.device}')"
        )
