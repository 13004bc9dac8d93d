"""Photographs as data: patches of two that are at hand, and pictures of one's own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import OptionError
from ..random import Generator, as_generator
from .dataset import Dataset
from .fetch import bundled
from .image import Raw, as_features, check_size, read, without_pillow

__all__ = ["image_folder", "photo_patches"]

ENDINGS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
LARGEST = 128  # patches: of larger ones a photograph is one region
REGION = 4  # patches along each side of what goes to one of the two sets as a whole


def photo_patches(
    size: int = 8,
    *,
    stride: int | None = None,
    rng: int | Generator | None = 0,
    test_fraction: float = 0.2,
    flatten: bool = True,
) -> tuple[Dataset, Dataset]:
    """Cut scikit-learn's two photographs in patches, for training and for testing.

    Which photograph is a patch from: the palace in China, or the flower? Each of them,
    of 427 × 640 pixels, is divided in regions of 4 × 4 patches, and a region goes to
    one set as a whole: no pixel is in both. A model learns to tell *these photographs*
    apart, and nothing about palaces or flowers.
    Measured over five seeds with the patches of 8 × 8 pixels: logistic regression is
    right on 75 to 79 % of the test set, one hidden layer of 32 on 95 to 98 %.

    Parameters
    ----------
    size : int
        Height and width of a patch, from 1 to 128.
    stride : int, optional
        From one patch to the next within a region; `size` by default, so that patches
        do not overlap. Smaller ones give more patches.
    rng : int or Generator, optional
        The seed of the choice and of the order; None makes a new one each time.
    test_fraction : float
        The share of the regions of each photograph for the test set, in (0, 1); at
        least one goes to each.
    flatten : bool
        Whether a sample is an unrolled vector (see `unroll`), or an image of shape
        ``(3, size, size)``, as convolutions take it.

    Returns
    -------
    train, test : Dataset
        Features float32 in [0, 1], of shape ``(n, 3 · size²)`` or ``(n, 3, size,
        size)``; labels int64, 0 for the palace and 1 for the flower, equally often.

    Raises
    ------
    LibraryError
        If scikit-learn or pillow is not installed.
    OptionError
        If an option is out of range.

    References
    ----------
    ``china.jpg`` by danielbuechele and ``flower.jpg`` by vultilion, on Flickr, under CC
    BY 2.0, as bundled with scikit-learn.

    Examples
    --------
    >>> train, test = photo_patches(32)
    >>> train.features.shape, train.classes
    ((416, 3072), ('china', 'flower'))
    """
    stride = size if stride is None else stride
    for name, value in (("size", size), ("stride", stride)):
        if type(value) is not int or not 1 <= value <= LARGEST:
            raise OptionError(
                f"photo_patches: {name} is {value!r}; it must be an integer from 1 to "
                f"{LARGEST}."
            )
    if not 0.0 < test_fraction < 1.0:
        raise OptionError(
            f"photo_patches: test_fraction is {test_fraction!r}; it must be in (0, 1)."
        )
    rng = as_generator(rng)
    photographs = _photographs()
    parts = _regions(photographs[0].shape, size)
    order = rng.permutation(len(parts), device="cpu").numpy()
    share = min(max(round(test_fraction * len(parts)), 1), len(parts) - 1)
    test, train = (
        _labelled(photographs, [parts[i] for i in chosen], size, stride, rng, flatten)
        for chosen in (sorted(order[:share]), sorted(order[share:]))
    )
    return train, test


def _photographs() -> list[Raw]:
    try:
        found: list[Raw] = bundled("load_sample_images").images
    except ImportError:
        raise without_pillow("photo_patches") from None
    return found


def _regions(shape: tuple[int, ...], size: int) -> list[tuple[slice, slice]]:
    """Return squares of 4 × 4 patches; fewer at the right and the lower edge."""
    height, width = (n // size * size for n in shape[:2])
    side = REGION * size
    return [
        (slice(top, min(top + side, height)), slice(left, min(left + side, width)))
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def _labelled(
    photographs: list[Raw],
    regions: list[tuple[slice, slice]],
    size: int,
    stride: int,
    rng: Generator,
    flatten: bool,
) -> Dataset:
    """Return the patches of some regions of each photograph, in random order."""
    sets = [
        np.concatenate(
            [_patches(photograph[region], size, stride) for region in regions]
        )
        for photograph in photographs
    ]
    labels = np.repeat(np.arange(len(sets)), [len(x) for x in sets])
    order = rng.permutation(len(labels), device="cpu").numpy()
    features = as_features(np.concatenate(sets)[order], flatten)
    return Dataset(
        features, labels[order], classes=("china", "flower"), name="photo patches"
    )


def _patches(region: Raw, size: int, stride: int) -> Raw:
    """Return all patches of a region, ``(n, size, size, 3)``."""
    windows = np.lib.stride_tricks.sliding_window_view(region, (size, size), (0, 1))
    windows = windows[::stride, ::stride]  # (rows, columns, 3, size, size)
    return np.moveaxis(windows.reshape((-1, *windows.shape[2:])), 1, -1)


def image_folder(
    path: str | os.PathLike[str], size: int = 32, *, flatten: bool = True
) -> Dataset:
    """Read a folder of pictures, with a folder for each class in it.

    ``pets/cat/*.jpg`` and ``pets/dog/*.jpg`` are a data set of two classes, "cat" and
    "dog". Each picture becomes the largest square in its middle, scaled to ``size ×
    size`` pixels (see `read`). Classes, and the pictures of each, are in the order of
    their names, so the same folder gives the same data set everywhere.

    Parameters
    ----------
    path : str or path
        The folder. Files and folders whose names begin with a dot are left out, and
        files that are not named as pictures (``.jpg``, ``.png`` and so on).
    size : int
        Height and width of a sample, from 1 to 8192.
    flatten : bool
        Whether a sample is an unrolled vector (see `unroll`), or an image of shape
        ``(3, size, size)``, as convolutions take it.

    Returns
    -------
    Dataset
        Features float32 in [0, 1], of shape ``(n, 3 · size²)`` or ``(n, 3, size,
        size)``; labels int64. Its `split` gives sets for training and testing.

    Raises
    ------
    LibraryError
        If pillow is not installed.
    OptionError
        If there are fewer than two classes, a class has no pictures, a picture cannot
        be read, or `size` is out of range.

    Examples
    --------
    >>> pets = image_folder("pets", size=64)  # doctest: +SKIP
    >>> train, test = pets.split(0.2, rng=0)  # doctest: +SKIP
    """
    check_size("image_folder", size)
    root = Path(path)
    if not root.is_dir():
        raise OptionError(f"image_folder: there is no folder {root}.")
    found = (x for x in root.iterdir() if x.is_dir() and _is_shown(x))
    folders = sorted(found, key=lambda x: x.name)
    if len(folders) < 2:
        raise OptionError(
            f"image_folder: {root} has {_classes(folders)}; put the pictures of each "
            f"class in a folder of its own, {root / 'cat'} and {root / 'dog'}."
        )
    files = [_pictures(folder) for folder in folders]
    images = np.stack([read(file, size) for group in files for file in group])
    labels = np.repeat(np.arange(len(files)), [len(group) for group in files])
    names = [folder.name for folder in folders]
    name = root.resolve().name
    return Dataset(as_features(images, flatten), labels, classes=names, name=name)


def _classes(folders: list[Path]) -> str:
    """Return in words that there are too few classes."""
    return f"one class only, {folders[0].name}" if folders else "no folders in it"


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(".")


def _pictures(folder: Path) -> list[Path]:
    """Return the pictures in a folder and in the folders within, in order."""
    found = [
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in ENDINGS
        and all(not part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    ]
    if not found:
        raise OptionError(
            f"image_folder: there are no pictures in {folder}; their names end in "
            f"{', '.join(sorted(ENDINGS))}."
        )
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())
