"""Real data sets that are on the machine already: those which scikit-learn brings."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import LibraryError
from ..random import Generator
from .dataset import Dataset

__all__ = ["bundled", "load_breast_cancer", "load_digits"]


def load_digits(
    *,
    rng: int | Generator | None = 0,
    test_fraction: float = 0.2,
    flatten: bool = True,
) -> tuple[Dataset, Dataset]:
    """Load 1,797 handwritten digits of 8 × 8 pixels, for training and for testing.

    Grey levels 0, ..., 16 become ``level / 16``, in [0, 1]. Each digit has the same
    part in both sets, to one sample; the choice and the order come from `rng`.

    Parameters
    ----------
    rng : int or Generator, optional
        The seed of the choice; None makes a new one each time.
    test_fraction : float
        The share of the test set, in (0, 1).
    flatten : bool
        Whether a sample is a row of 64 numbers or an image of shape (1, 8, 8).

    Returns
    -------
    train, test : Dataset
        Features float32 of shape ``(n, 64)`` or ``(n, 1, 8, 8)``, labels int64.

    Raises
    ------
    LibraryError
        If scikit-learn is not installed.
    OptionError
        If `test_fraction` is not in (0, 1).

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI Machine
    Learning Repository, 1998 (its test part), as bundled with scikit-learn.

    Examples
    --------
    >>> train, test = load_digits()
    >>> train
    Dataset(digits: 1438 samples, features (64,) float32, labels () int64, 10 classes)
    """
    found = bundled("load_digits")
    shape = (-1, 64) if flatten else (-1, 1, 8, 8)
    features = (np.asarray(found.data) / 16.0).astype(np.float32).reshape(shape)
    digits = _dataset("digits", features, found)
    return digits.split(test_fraction, rng)


def load_breast_cancer(
    *, rng: int | Generator | None = 0, test_fraction: float = 0.2
) -> tuple[Dataset, Dataset]:
    """Load 569 tumours described by 30 numbers, for training and for testing.

    Each number is standardised, ``(x − mean) / deviation``, with the mean and the
    deviation of the *training* set: nothing of the test set is known in training. Label
    0 is malignant and 1 benign, with the same part in both sets, to one sample.

    Parameters
    ----------
    rng, test_fraction
        As in `load_digits`.

    Returns
    -------
    train, test : Dataset
        Features ``(n, 30)`` float32, labels ``(n,)`` int64.

    Raises
    ------
    LibraryError
        If scikit-learn is not installed.
    OptionError
        If `test_fraction` is not in (0, 1).

    References
    ----------
    W. Wolberg, O. Mangasarian, N. Street, W. Street, "Breast cancer Wisconsin
    (diagnostic)", UCI Machine Learning Repository, 1995, as bundled with scikit-learn.

    Examples
    --------
    >>> train, test = load_breast_cancer()
    >>> len(train), len(test), test.classes
    (455, 114, ('malignant', 'benign'))
    """
    found = bundled("load_breast_cancer")
    whole = _dataset("breast cancer", np.asarray(found.data, dtype=np.float64), found)
    train, test = whole.split(test_fraction, rng)
    mean, deviation = train.features.mean(axis=0), train.features.std(axis=0)
    deviation = np.where(deviation > 0.0, deviation, 1.0)

    def standardised(part: Dataset) -> Dataset:
        features = ((part.features - mean) / deviation).astype(np.float32)
        return Dataset(features, part.labels, classes=part.classes, name=part.name)

    return standardised(train), standardised(test)


def _dataset(name: str, features: Any, found: Any) -> Dataset:
    labels = np.asarray(found.target, dtype=np.int64)
    return Dataset(features, labels, classes=found.target_names, name=name)


def bundled(function: str) -> Any:
    """Return what one of scikit-learn's loaders finds on the disk."""
    try:
        from sklearn import datasets
    except ImportError:
        raise LibraryError(
            f"{function} reads a data set that scikit-learn brings, and scikit-learn "
            "is not installed. Type: pip install 'xpnet[sklearn]'."
        ) from None
    return getattr(datasets, function)()
