"""Small pictures of two kinds, for the page Image."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import data
from ..data.image import index_of, unroll
from ..random import Generator

__all__ = ["SOURCES", "Pictures", "pictures"]

SIDE = 16  # pixels
_DRAWN = 400  # pictures of each set


class Pictures(NamedTuple):
    """Unrolled pictures of two classes, to learn from and to test with.

    Attributes
    ----------
    classes : tuple of str
        What label 0 and label 1 stand for.
    shape : tuple of int
        Of each picture: rows, columns, colours.
    train, test : pair of array
        Vectors ``(n, H · W · C)`` float32 in [0, 1], and labels ``(n,)`` int64.
    """

    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    train: tuple[Any, Any]
    test: tuple[Any, Any]

    def places(self) -> Any:
        """Return the place in the vector of each colour of each pixel."""
        grid = np.ndindex(self.shape)
        places = [index_of(row, column, c, self.shape) for row, column, c in grid]
        return np.array(places, np.int32).reshape(self.shape)

    def picture(self, index: int) -> Any:
        """Return a picture of the test set as bytes, ``(H, W, C)``."""
        fractions = self.test[0][index].reshape(self.shape)
        return np.rint(255.0 * fractions).astype(np.uint8)


def pictures(source: str) -> Pictures:
    """Return the pictures of one source.

    Raises
    ------
    LibraryError
        If the photographs are asked for without scikit-learn or pillow.
    """
    return SOURCES[source]()


def _photographs() -> Pictures:
    """Cut the two photographs that scikit-learn brings."""
    train, test = data.photo_patches(SIDE)
    return Pictures(
        train.classes or (),
        (SIDE, SIDE, 3),
        (train.features, train.labels),
        (test.features, test.labels),
    )


def _skies() -> Pictures:
    """Draw skies above a dark ground: red ones at evening, blue ones at noon."""
    train, test = map(_drawn, Generator(0).split(2))
    return Pictures(("evening", "noon"), (SIDE, SIDE, 3), train, test)


def _drawn(rng: Generator) -> tuple[Any, Any]:
    """Draw as many evenings as noons, with clouds and noise."""
    labels = np.arange(_DRAWN) % 2
    top = np.where(labels[:, None] == 0, [0.85, 0.45, 0.3], [0.4, 0.6, 0.9])
    height = np.linspace(1.0, 0.25, SIDE)[None, :, None, None]
    shape = (_DRAWN, SIDE, SIDE, 3)
    noise = rng.normal(shape, 0.0, 0.12, dtype=np.float64, device="cpu").numpy()
    clouds = rng.uniform((_DRAWN, 1, 1, 1), -0.2, 0.2, dtype=np.float64, device="cpu")
    values = top[:, None, None, :] * height + noise + clouds.numpy()
    sky = np.rint(255.0 * np.clip(values, 0.0, 1.0)).astype(np.uint8)
    return unroll(sky), labels.astype(np.int64)


SOURCES = {"photographs": _photographs, "skies": _skies}
