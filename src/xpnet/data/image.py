"""Images as numbers: a picture, its RGB array, the vector it is unrolled into.

A picture of height H and width W is an array of shape ``(H, W, 3)``: rows from the top,
columns from the left, and red, green and blue. Unrolled, row after row, it is a vector
of ``3 · H · W`` numbers, in which the value of one colour of one pixel has one place;
`index_of` and `pixel_of` go from one to the other.
"""

from __future__ import annotations

import math
import operator
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import DTypeError, LibraryError, OptionError, ShapeError

__all__ = [
    "Pixel",
    "as_features",
    "check_size",
    "index_of",
    "pixel_of",
    "read",
    "rolled",
    "unroll",
    "without_pillow",
]

Raw = np.ndarray[Any, Any]

LARGEST = 8192  # pixels along a side that pictures are scaled to
_BROKEN = (OSError, SyntaxError, ValueError, Warning)  # what pillow says of files


class Pixel(NamedTuple):
    """A place in an image: row from the top, column from the left, and colour.

    Attributes
    ----------
    row, column : int
        From 0.
    channel : int
        0 for red, 1 for green, 2 for blue.
    """

    row: int
    column: int
    channel: int


# --- a pixel and its place in the vector ----------------------------------------------


def index_of(row: int, column: int, channel: int, shape: tuple[int, ...]) -> int:
    """Return the place of one colour of one pixel in the unrolled vector.

    ``(row · W + column) · C + channel`` for an image of shape ``(H, W, C)``.

    Parameters
    ----------
    row, column, channel : int
        From 0.
    shape : tuple of int
        The image's shape.

    Raises
    ------
    OptionError
        If there is no such pixel.
    ShapeError
        If `shape` is not that of an image.

    Examples
    --------
    >>> index_of(1, 0, 2, (16, 16, 3))  # the blue of the first pixel in the second row
    50
    """
    shape = _image_shape("index_of", shape)
    place = (row, column, channel)
    if not all(0 <= operator.index(i) < n for i, n in zip(place, shape, strict=True)):
        raise OptionError(
            f"index_of: row {row}, column {column}, channel {channel} is no place in "
            f"an image of shape {shape}."
        )
    return (row * shape[1] + column) * shape[2] + channel


def pixel_of(index: int, shape: tuple[int, ...]) -> Pixel:
    """Return the pixel and the colour that stand at a place of the unrolled vector.

    The inverse of `index_of`.

    Parameters
    ----------
    index : int
        The place in the vector, from 0.
    shape : tuple of int
        The image's shape, ``(H, W, C)``.

    Raises
    ------
    OptionError
        If the vector is not that long.
    ShapeError
        If `shape` is not that of an image.

    Examples
    --------
    >>> pixel_of(50, (16, 16, 3))
    Pixel(row=1, column=0, channel=2)
    """
    shape = _image_shape("pixel_of", shape)
    size = math.prod(shape)
    if not 0 <= operator.index(index) < size:
        raise OptionError(
            f"pixel_of: an image of shape {shape} is a vector of {size} numbers; "
            f"{index} is none of its places."
        )
    pixel, channel = divmod(index, shape[2])
    return Pixel(*divmod(pixel, shape[1]), channel)


def _image_shape(what: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    shape = tuple(shape)
    if len(shape) != 3:
        raise ShapeError(
            f"{what}: the shape of an image is (height, width, channels); this is "
            f"{shape}."
        )
    return shape


def unroll(images: Any) -> Raw:
    """Return images as vectors of numbers from 0 to 1, row after row.

    Bytes 0, ..., 255 become ``byte / 255``; what is floating point already stays.

    Parameters
    ----------
    images : array
        Shape ``(H, W, C)``, or ``(n, H, W, C)`` for several.

    Returns
    -------
    numpy.ndarray
        Shape ``(H · W · C,)`` or ``(n, H · W · C)``, float32 where there were bytes.

    Raises
    ------
    DTypeError
        If the images are neither bytes nor floating point.
    ShapeError
        If they are no images.

    Examples
    --------
    >>> white = np.full((2, 2, 3), 255, dtype=np.uint8)
    >>> unroll(white).shape
    (12,)
    """
    x = np.asarray(images)
    if x.ndim not in (3, 4):
        raise ShapeError(
            "unroll: an image has shape (height, width, channels), and several have "
            f"(n, height, width, channels); this is {x.shape}."
        )
    return _fractions(x).reshape((*x.shape[:-3], -1))


def rolled(vectors: Any, shape: tuple[int, ...]) -> Raw:
    """Return vectors as images again: the inverse of `unroll`, but for the bytes.

    Parameters
    ----------
    vectors : array
        Shape ``(H · W · C,)`` or ``(n, H · W · C)``.
    shape : tuple of int
        The shape of an image, ``(H, W, C)``.

    Raises
    ------
    ShapeError
        If the vectors are not that long.

    Examples
    --------
    >>> rolled(np.zeros((5, 12)), (2, 2, 3)).shape
    (5, 2, 2, 3)
    """
    x, shape = np.asarray(vectors), _image_shape("rolled", shape)
    if x.ndim not in (1, 2) or x.shape[-1] != math.prod(shape):
        raise ShapeError(
            f"rolled: an image of shape {shape} is a vector of {math.prod(shape)} "
            f"numbers; these have shape {x.shape}."
        )
    return x.reshape((*x.shape[:-1], *shape))


def _fractions(x: Raw) -> Raw:
    """Return bytes as numbers from 0 to 1."""
    if x.dtype == np.uint8:
        return x.astype(np.float32) / np.float32(255.0)
    if x.dtype.kind != "f":
        raise DTypeError(
            f"unroll: the pixels are {x.dtype}; they are bytes (uint8) or floating "
            "point."
        )
    return x


def as_features(images: Raw, flatten: bool) -> Raw:
    """Return images as vectors, or with the colours as the first axis of each."""
    if flatten:
        return unroll(images)
    return np.ascontiguousarray(np.moveaxis(_fractions(images), -1, 1))


# --- pictures in files ----------------------------------------------------------------


def read(path: str | os.PathLike[str], size: int | None = None) -> Raw:
    """Read a picture from a file as an RGB array of bytes.

    The picture is turned as its camera says, what is transparent becomes white, of an
    animation it is the first frame, and of 16 bits per pixel the upper 8 count.

    Parameters
    ----------
    path : str or path
        The file, of any kind that pillow reads.
    size : int, optional
        Height and width, from 1 to 8192: the largest square in the middle, scaled. By
        default the picture keeps its size.

    Returns
    -------
    numpy.ndarray
        Shape ``(H, W, 3)``, uint8.

    Raises
    ------
    LibraryError
        If pillow is not installed.
    OptionError
        If the file is no picture that can be read, or `size` is out of range.
    """
    image, ops = _pillow("read")
    check_size("read", size)
    path = Path(path)
    bomb = image.DecompressionBombWarning
    try:
        with (
            warnings.catch_warnings(action="error", category=bomb),
            image.open(path) as opened,
        ):
            picture = ops.exif_transpose(opened)
            picture = _with_bytes(image, picture, opened.format).convert("RGBA")
        if size is not None:
            picture = ops.fit(picture, (size, size))
        paper = image.new("RGBA", picture.size, "white")
        paper.alpha_composite(picture)
        return np.array(paper.convert("RGB"))
    except FileNotFoundError:
        raise OptionError(f"read: there is no file {path}.") from None
    except (*_BROKEN, image.DecompressionBombError) as e:
        raise OptionError(
            f"read: {path} cannot be read as a picture ({e}). Take it away, or save it "
            "anew."
        ) from e


def _with_bytes(image: Any, picture: Any, kind: str) -> Any:
    """Return a picture with 8 bits per number: of 16, pillow would make white."""
    if picture.mode.startswith("I;16") or (picture.mode, kind) == ("I", "PNG"):
        return image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise ValueError("its pixels are 32-bit numbers, and their range is unknown")
    return picture


def check_size(what: str, size: Any) -> None:
    """Raise OptionError unless a size is an integer in range, or None."""
    if size is not None and (type(size) is not int or not 1 <= size <= LARGEST):
        raise OptionError(
            f"{what}: size is {size!r}; it must be an integer from 1 to {LARGEST}."
        )


def _pillow(what: str) -> tuple[Any, Any]:
    """Return pillow's modules Image and ImageOps."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise without_pillow(what) from None
    return Image, ImageOps


def without_pillow(what: str) -> LibraryError:
    """Return the error that says what to install."""
    return LibraryError(
        f"{what}: pillow, which reads pictures, is not installed. Type: pip install "
        "'xpnet[data]'."
    )
