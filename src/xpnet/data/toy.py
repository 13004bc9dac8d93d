"""Points in the plane, with classes; straight lines part only those of `blobs`."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..errors import OptionError
from ..random import Generator, as_generator
from .dataset import Dataset

__all__ = ["blobs", "circles", "moons", "spirals", "xor"]

_Seed = int | Generator | None


def moons(n: int = 200, *, noise: float = 0.1, rng: _Seed = 0) -> Dataset:
    """Make two half circles that reach into each other.

    Sample i has the label i mod 2 and, with t uniform in [0, π), lies at::

        label 0: (cos t, sin t)        label 1: (1 − cos t, ½ − sin t)

    Parameters
    ----------
    n : int
        The number of samples.
    noise : float
        The standard deviation of what is added to both coordinates.
    rng : int or Generator, optional
        The seed of the points; None draws new ones each time.

    Returns
    -------
    Dataset
        Features ``(n, 2)`` float32, labels ``(n,)`` int64.

    Raises
    ------
    OptionError
        If `n` is not an integer of at least 1, or `noise` is negative or not finite.

    Examples
    --------
    >>> moons(100)
    Dataset(moons: 100 samples, features (2,) float32, labels () int64, 2 classes)
    """
    rng, labels = _start("moons", n, noise, rng)
    t = _uniform(rng, n, 0.0, math.pi)
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)
    lower = np.stack([1.0 - np.cos(t), 0.5 - np.sin(t)], axis=1)
    points = np.where(labels[:, None] == 0, upper, lower)
    return _finish("moons", points, labels, noise, rng, ("upper", "lower"))


def circles(
    n: int = 200, *, noise: float = 0.05, factor: float = 0.5, rng: _Seed = 0
) -> Dataset:
    """Make two circles around the origin, one in the other.

    Sample i has the label i mod 2 and, with t uniform in [0, 2π), lies at::

        label 0: (cos t, sin t)        label 1: factor · (cos t, sin t)

    Parameters
    ----------
    n, noise, rng
        As in `moons`.
    factor : float
        The radius of the inner circle, in (0, 1).

    Returns
    -------
    Dataset
        Features ``(n, 2)`` float32, labels ``(n,)`` int64.

    Raises
    ------
    OptionError
        If an option is outside its range.

    Examples
    --------
    >>> circles(50, noise=0.0).feature_shape
    (2,)
    """
    if not 0.0 < factor < 1.0:
        raise OptionError(f"circles: factor is a radius in (0, 1), not {factor}.")
    rng, labels = _start("circles", n, noise, rng)
    t = _uniform(rng, n, 0.0, 2.0 * math.pi)
    radius = np.where(labels == 0, 1.0, factor)
    points = np.stack([radius * np.cos(t), radius * np.sin(t)], axis=1)
    return _finish("circles", points, labels, noise, rng, ("outer", "inner"))


def xor(n: int = 200, *, noise: float = 0.0, rng: _Seed = 0) -> Dataset:
    """Make four quarters of a square, of which opposite ones have the same label.

    With (a, b) uniform in [−1, 1)², the label is 1 where exactly one of a and b is
    positive, and the sample lies at (a, b) plus noise.

    Parameters
    ----------
    n, noise, rng
        As in `moons`.

    Returns
    -------
    Dataset
        Features ``(n, 2)`` float32, labels ``(n,)`` int64.

    Raises
    ------
    OptionError
        If an option is outside its range.

    Examples
    --------
    >>> a, b = xor(100).features.T
    >>> bool((((a > 0) ^ (b > 0)) == xor(100).labels).all())
    True
    """
    rng, _ = _start("xor", n, noise, rng)
    points = _uniform(rng, (n, 2), -1.0, 1.0).astype(np.float32)
    labels = (points[:, 0] > 0) ^ (points[:, 1] > 0)
    return _finish("xor", points, labels, noise, rng, ("same sign", "different sign"))


def spirals(
    n: int = 200,
    *,
    noise: float = 0.02,
    arms: int = 2,
    turns: float = 1.5,
    rng: _Seed = 0,
) -> Dataset:
    """Make arms of one spiral, each a class.

    Sample i has the label k = i mod arms and, with u uniform in [0, 1) and r = √u,
    lies at::

        r · (cos φ, sin φ),    φ = 2π (turns · r + k / arms)

    Parameters
    ----------
    n, noise, rng
        As in `moons`.
    arms : int
        The number of classes, at least 2.
    turns : float
        How many times an arm goes round.

    Returns
    -------
    Dataset
        Features ``(n, 2)`` float32, labels ``(n,)`` int64.

    Raises
    ------
    OptionError
        If an option is outside its range.

    Examples
    --------
    >>> spirals(90, arms=3).classes
    ('arm 0', 'arm 1', 'arm 2')
    """
    if not hasattr(arms, "__index__") or arms < 2 or not math.isfinite(turns):
        raise OptionError(
            f"spirals: arms is an integer of at least 2 and turns is finite; "
            f"arms={arms!r}, turns={turns}."
        )
    rng, labels = _start("spirals", n, noise, rng, arms)
    r = np.sqrt(_uniform(rng, n, 0.0, 1.0))
    angle = 2.0 * math.pi * (turns * r + labels / arms)
    points = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
    names = tuple(f"arm {k}" for k in range(arms))
    return _finish("spirals", points, labels, noise, rng, names)


def blobs(
    n: int = 200, *, noise: float = 0.25, centers: int = 2, rng: _Seed = 0
) -> Dataset:
    """Make round clouds of points, each a class, with their centers on a circle.

    Sample i has the label k = i mod centers and lies at::

        (cos φ, sin φ),    φ = 2π k / centers

    plus noise, which is what makes it a cloud.

    Parameters
    ----------
    n, noise, rng
        As in `moons`.
    centers : int
        The number of classes, at least 2.

    Returns
    -------
    Dataset
        Features ``(n, 2)`` float32, labels ``(n,)`` int64.

    Raises
    ------
    OptionError
        If an option is outside its range.

    Examples
    --------
    >>> blobs(90, centers=3).classes
    ('blob 0', 'blob 1', 'blob 2')
    """
    if not hasattr(centers, "__index__") or centers < 2:
        raise OptionError(
            f"blobs: centers is an integer of at least 2, not {centers!r}."
        )
    rng, labels = _start("blobs", n, noise, rng, centers)
    angle = 2.0 * math.pi * labels / centers
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    names = tuple(f"blob {k}" for k in range(centers))
    return _finish("blobs", points, labels, noise, rng, names)


def _start(
    name: str, n: int, noise: float, rng: _Seed, classes: int = 2
) -> tuple[Generator, Any]:
    """Check the options; return the generator, and the labels 0, 1, ... in turn."""
    if not hasattr(n, "__index__") or operator.index(n) < 1:
        raise OptionError(f"{name}: n is an integer of at least 1, not {n!r}.")
    if not 0.0 <= noise < math.inf:
        raise OptionError(f"{name}: noise is finite and at least 0, not {noise}.")
    return as_generator(rng), np.arange(n, dtype=np.int64) % classes


def _uniform(rng: Generator, shape: Any, low: float, high: float) -> Any:
    return rng.uniform(shape, low, high, dtype=np.float64, device="cpu").numpy()


def _finish(
    name: str,
    points: Any,
    labels: Any,
    noise: float,
    rng: Generator,
    classes: tuple[str, ...],
) -> Dataset:
    """Add the noise, and return the points as a data set."""
    drawn = rng.normal(points.shape, 0.0, noise, dtype=np.float64, device="cpu").numpy()
    features = (points + drawn).astype(np.float32)
    return Dataset(features, labels.astype(np.int64), classes=classes, name=name)
