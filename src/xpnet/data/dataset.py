"""Samples with their labels."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, final

import numpy as np

from ..backend.device import Device
from ..backend.dtypes import dtype_in
from ..backend.library import library_for, library_of
from ..calculus.array import Array
from ..calculus.convert import asarray, wrap
from ..errors import DTypeError, OptionError, ShapeError
from ..random import Generator, as_generator

__all__ = ["Dataset"]


@final
class Dataset:
    """Features and labels: one array each, with the samples along the first axis.

    They stay where they are, without a copy; `arrays` puts them on a device. An integer
    index gives one sample, ``(features, label)``; a slice or a sequence of positions
    gives a smaller Dataset.

    Parameters
    ----------
    features : array or nested list
        Shape ``(n, ...)``: of NumPy, or an Array (or raw array) of any library.
    labels : array or nested list
        Shape ``(n,)`` for classes, ``(n, ...)`` for other targets.
    classes : iterable of str, optional
        The name of each class, in the order of its label.
    name : str
        What the repr calls it.

    Attributes
    ----------
    features, labels : numpy.ndarray or Array
        The two arrays; those on another device or of another library are Arrays.
    classes : tuple of str
        The names; empty where none were given.

    Raises
    ------
    ShapeError
        If the two do not hold the same number of samples.
    DTypeError
        If one of them does not hold numbers.

    Examples
    --------
    >>> points = Dataset([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], [0, 1, 0])
    >>> points
    Dataset(3 samples, features (2,) float64, labels () int64)
    >>> len(points[1:])
    2
    """

    __slots__ = ("classes", "features", "labels", "name")

    def __init__(
        self,
        features: Any,
        labels: Any,
        *,
        classes: Iterable[Any] = (),
        name: str = "",
    ) -> None:
        self.features: Any = _held(features, "features")
        self.labels: Any = _held(labels, "labels")
        self.classes = tuple(str(word) for word in classes)
        self.name = name
        if self.features.shape[0] != self.labels.shape[0]:
            raise ShapeError(
                f"Dataset: {self.features.shape[0]} samples but {self.labels.shape[0]} "
                f"labels (features: {self.features.shape}, labels: "
                f"{self.labels.shape}). Axis 0 counts the samples of both."
            )

    def __len__(self) -> int:
        return int(self.features.shape[0])

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """The shape of one sample's features."""
        return tuple(self.features.shape[1:])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice) or hasattr(index, "__len__"):
            return self._like(_taken(self.features, index), _taken(self.labels, index))
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(
                f"there is no sample {place}: the data set has {len(self)}."
            )
        return _sample(self.features, place), _sample(self.labels, place)

    def _like(self, features: Any, labels: Any) -> Dataset:
        """Return other samples under the same names."""
        return Dataset(features, labels, classes=self.classes, name=self.name)

    def arrays(
        self,
        device: str | Device | None = None,
        *,
        like: Array | None = None,
        dtype: Any = None,
    ) -> tuple[Array, Array]:
        """Return the features and the labels as Arrays on a device.

        Parameters
        ----------
        device : str or Device, optional
            Where they go; by default host arrays go to the default device and Arrays
            stay where they are. On the CPU they share the data set's memory.
        like : Array, optional
            Instead of `device`: where this Array is, whatever its library.
        dtype : dtype, optional
            What floating-point values are cast to; integers stay as they are.

        Examples
        --------
        >>> x, y = Dataset([[0.5], [1.5]], [0, 1]).arrays("cpu", dtype="float32")
        >>> x.dtype, y.dtype
        (dtype('float32'), dtype('int64'))
        """
        if like is not None and device is not None:
            raise OptionError(
                "device= and like= both say where the data goes; give one."
            )
        features = _placed(self.features, device, like)
        labels = _placed(self.labels, None, features)
        return _as_floating(features, dtype), _as_floating(labels, dtype)

    def split(
        self,
        fraction: float,
        rng: int | Generator | None = None,
        *,
        stratify: bool | None = None,
    ) -> tuple[Dataset, Dataset]:
        """Return two data sets that share the samples out at random.

        Parameters
        ----------
        fraction : float
            The share of the second, in (0, 1); each gets at least one sample.
        rng : int or Generator, optional
            The seed of the choice; by default a new one each time.
        stratify : bool, optional
            Whether each class is shared out in the same proportion (to one sample); by
            default it is where the labels are one integer each.

        Raises
        ------
        OptionError
            If `fraction` is not in (0, 1), or there are fewer than two samples.

        Examples
        --------
        >>> train, test = Dataset(np.zeros((10, 2)), [0, 1] * 5).split(0.2, rng=0)
        >>> len(train), sorted(test.labels.tolist())
        (8, [0, 1])
        """
        count = len(self)
        if not 0.0 < fraction < 1.0 or count < 2:
            raise OptionError(
                f"split: fraction is in (0, 1), of at least 2 samples; "
                f"fraction={fraction}, samples={count}."
            )
        wanted = min(max(round(fraction * count), 1), count - 1)
        order = as_generator(rng).permutation(count, device="cpu").numpy()
        labels = _on_host(self.labels)
        if stratify is None:
            stratify = labels.ndim == 1 and labels.dtype.kind in "biu"
        chosen = np.zeros(count, dtype=bool)
        chosen[_share(labels, order, wanted) if stratify else order[:wanted]] = True
        return self[order[~chosen[order]]], self[order[chosen[order]]]

    def __repr__(self) -> str:
        parts = [
            f"{len(self)} samples",
            f"features {self.feature_shape} {self.features.dtype}",
            f"labels {tuple(self.labels.shape[1:])} {self.labels.dtype}",
        ]
        if self.classes:
            parts.append(f"{len(self.classes)} classes")
        return f"Dataset({f'{self.name}: ' if self.name else ''}{', '.join(parts)})"


def _share(labels: Any, order: Any, wanted: int) -> Any:
    """Return `wanted` positions, as many of each class as its part in the whole.

    The remainders go to the classes that are short by most (Hamilton's method).
    """
    if labels.ndim != 1:
        raise ShapeError(
            f"split: stratify needs one label per sample, not {labels.shape}."
        )
    _, kinds, counts = np.unique(labels, return_inverse=True, return_counts=True)
    quota = counts * (wanted / len(labels))
    take = np.floor(quota).astype(np.int64)
    short = np.argsort(take - quota, kind="stable")
    take[short[: wanted - int(take.sum())]] += 1
    grouped = order[np.argsort(kinds[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    return np.concatenate(
        [grouped[i : i + n] for i, n in zip(starts, take, strict=True)]
    )


# --- where the arrays are -----------------------------------------------------------


def _held(x: Any, what: str) -> Any:
    """Return what a data set keeps: a host array, or an Array off the tape."""
    if type(x) is Array:
        x = x.detach()
    elif library_of(x) is None:
        x = np.asarray(x)
        if library_of(x) is None:
            raise DTypeError(f"Dataset: the {what} have dtype {x.dtype}, not numbers.")
    elif not isinstance(x, np.ndarray):
        x = asarray(x)
    if x.ndim == 0:
        raise ShapeError(f"Dataset: the {what} are one number; axis 0 counts samples.")
    return x


def _on_host(x: Any) -> Any:
    return x.numpy() if type(x) is Array else x


def _sample(x: Any, place: int) -> Any:
    """Return one sample; the standard wants every axis of an Array named."""
    return x[place, ...] if type(x) is Array else x[place]


def _taken(x: Any, index: Any) -> Any:
    """Return the samples of a slice or of a sequence of positions."""
    if type(x) is not Array:
        return x[index] if isinstance(index, slice) else x[_positions(index)]
    if isinstance(index, slice):
        index = range(x.shape[0])[index]
    places = _placed(_positions(index), None, x)
    return wrap(x._lib, x._lib.raw.take(x.data, places.data, axis=0))


def _positions(index: Any) -> Any:
    return np.asarray(_on_host(index), dtype=np.int64)


def _placed(x: Any, device: str | Device | None, like: Array | None) -> Array:
    """Return a host array or an Array on a device, or where another Array is."""
    if like is None:
        if type(x) is Array:
            return x if device is None else asarray(x, device=device)
        lib = library_for(device)
        return Array(x if lib.name == "numpy" else lib.from_host(x), lib)
    lib, place = like._lib, like._lib.raw.device(like.data)
    if type(x) is Array and x._lib is lib:
        return x if lib.place is not None else wrap(lib, lib.move(x.data, place))
    return wrap(lib, lib.from_host(_on_host(x), device=place))


def _as_floating(x: Array, dtype: Any) -> Array:
    """Return floating-point values as `dtype`, and any others as they are."""
    if dtype is None or not x._lib.is_floating(x.data.dtype):
        return x
    wanted = dtype_in(x._lib, dtype)
    return (
        x if x.data.dtype == wanted else wrap(x._lib, x._lib.raw.astype(x.data, wanted))
    )
