"""How a convolution is cut into pieces that stay in the cache.

A *chunk* is a few images with their padding, images last: (C, *padded, m). Every place
of the kernel then selects a view of the chunk, and its inner runs are long also where
images are small. Large images come one at a time, and by blocks of rows.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any, final

__all__ = ["Plan", "plan_for"]

_BUDGET = 2**20
"""Bytes of columns, (C · kernel, pixels), that stay in the second cache."""

_SMALL = 4
"""How many times as many are good where images are small: longer runs are worth it."""

_FEW = 4
"""Images below which it is better to take one at a time."""

_LARGE = 1000
"""Pixels from which an image is taken alone, as it stands in memory."""

_PIXELS = 256
"""Pixels of a matrix product below which the BLAS is slow."""

_WIDE = 32
"""Channels from which a product saved is worth the additions it takes."""

_SQUARES = 72
"""Squares of 2x2 results in an image from which it is better to take both axes."""

_FEW_OUTPUTS = 8
"""Outputs up to which rows of two are computed together."""

_LANES = 8
"""Into how many parts a batch falls; threads take whole parts, whatever their number,
so that sums over the batch are the same for any."""

_LANE_WORK = 2**23
"""Multiplications below which a part is not worth a thread."""

_COPYING = 16
"""What it takes to copy an element of the columns, in multiplications."""

Numbers = tuple[int, ...]


@final
class Plan:
    """The sizes of a convolution, and of its pieces.

    Attributes
    ----------
    out : tuple of int
        The lengths of the last axes of what is computed.
    padded : tuple of int
        Those of the input with its padding.
    made : tuple of int
        The outputs, and the lengths of the last axes of the result.
    tall : int
        How many rows of the result are computed together. If not 1, `outputs`, `out`,
        `kernel` and `stride` are those of a convolution that makes that many rows as
        so many outputs.
    inner : tuple of int
        Those that are computed: `out`, or longer where whole rows of `padded` are
        computed, which makes every run one piece; what is beyond `out` is dropped.
    images, rows : int
        The images of a chunk, and the entries of the first axis in a block.
    lanes : list of (int, int)
        The first and last image of each part of the batch.
    """

    def __init__(
        self,
        x_shape: Numbers,
        weight_shape: Numbers,
        stride: Numbers,
        padding: tuple[tuple[int, int], ...],
        dilation: Numbers,
        groups: int,
        item: int,
        plain: bool = False,
    ) -> None:
        self._description = x_shape, weight_shape, stride, padding, dilation, groups
        self.count, self.channels, *sizes = x_shape
        self.outputs, self.inside, *kernel = weight_shape
        self.sizes, self.kernel = tuple(sizes), tuple(kernel)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.groups, self.item = groups, item
        self.padded = tuple(n + p + q for n, (p, q) in zip(sizes, padding, strict=True))
        spans = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        self.out = tuple(
            (n - s - 1) // step + 1
            for n, s, step in zip(self.padded, spans, stride, strict=True)
        )
        self.places = math.prod(kernel)
        self.depthwise = groups > 1 and self.inside == 1
        self.pointwise = self.places == 1 and set(stride) == {1}
        self.is_padded = any(map(any, padding))
        self.fast = (
            len(kernel) > 1
            and kernel[0] == 3
            and set(stride) == {1}
            and dilation[0] == 1
            and groups == 1
            and min(self.inside, self.outputs) >= _WIDE
            and self.out[0] > 1
        )
        self.exact = plain
        self.fast = self.fast and not plain
        self.square = self.fast and self._is_square()
        self.made = (self.outputs, *self.out)
        self.tall = 1 if plain or self.fast else self._tall()
        if self.tall > 1:
            self.outputs *= self.tall
            self.out = (self.out[0] // self.tall, *self.out[1:])
            self.kernel = (self.kernel[0] + self.tall - 1, *self.kernel[1:])
            self.stride = (self.tall, *self.stride[1:])
            self.places = math.prod(self.kernel)
        self._cut()

    def _is_square(self) -> bool:
        """Tell whether the kernel is 3x3, and an image large enough to go alone."""
        narrow = all(max(pair) <= 2 for pair in self.padding)
        plain = self.kernel == (3, 3) and self.dilation == (1, 1) and narrow
        return plain and math.prod(n // 2 + 1 for n in self.out) >= _SQUARES

    def _tall(self) -> int:
        """Choose how many rows of the result are computed together.

        They are results of one larger kernel, which moves by as many rows: that makes
        more of few outputs, and fewer columns.
        """
        one = self.stride[0] == self.dilation[0] == 1 and not self.depthwise
        few = self.outputs // self.groups <= _FEW_OUTPUTS and self.kernel[0] > 2
        small = math.prod(self.out) < _LARGE
        return 2 if one and few and small and self.out[0] % 2 == 0 else 1

    def _cut(self) -> None:
        """Choose how many images and rows are taken at once."""
        depth = self.channels if self.depthwise else self.inside * self.places
        pixels = math.prod(self.out)
        weights = self.outputs * self.inside * self.places
        each = self.outputs // self.groups + _COPYING
        work = self.groups * self.inside * self.places * each * pixels * self.count
        room = self.count * self.channels * math.prod(self.sizes) // weights
        room = room // 2 if self.square else room  # 16 / 9 of the weights for a part
        fits = _SMALL * _BUDGET // (depth * pixels * self.item)
        if pixels >= _LARGE or fits < _FEW or (self.pointwise and not self.is_padded):
            fits = 1  # runs of so few images would be shorter than those of rows
        least = -(-_PIXELS // pixels) if pixels < _PIXELS // 4 else 1
        images = min(max(fits, least), self.count)
        threads = max(1, self.count // min(images, 16))
        parts = max(1, min(_LANES, threads, work // _LANE_WORK, room))
        parts = 2 ** (parts.bit_length() - 1)  # as many for each of 2 or 4 threads
        edges = [self.count * i // parts for i in range(parts + 1)]
        self.lanes = list(itertools.pairwise(edges))
        most = -(-self.count // parts)
        self.images = -(-most // -(-most // images))  # chunks of about the same size
        whole = (self.out[0], *self.padded[1:])
        junk = math.prod(whole) / pixels
        flat = set(self.stride) == {1} and self.images < _FEW and junk < 1.2
        flat = flat and not self.exact
        self.inner = whole if flat else self.out
        self.width = math.prod(self.inner[1:])  # pixels of a row
        row = self.width * self.images
        budget = _BUDGET if self.images == 1 else _SMALL * _BUDGET
        depth = depth // 3 if self.fast else depth
        fits = max(budget // (depth * row * self.item), -(-_PIXELS // row))
        self.rows = max(1, min(fits, self.inner[0]))
        self.slack = math.prod(self.padded) // self.padded[0] if flat else 0
        self.as_it_is = self.images == self.tall == 1 and self.inner == self.out

    def plain(self) -> Plan:
        """Return the plan that computes what is asked for, as it stands, alone.

        Without the fast way, rows computed together, and what whole rows add: there 0
        meets what is not finite.
        """
        return Plan(*self._description, self.item, plain=True)

    def blocks(self) -> list[tuple[int, int]]:
        """Return where the blocks of rows begin and end."""
        starts = range(0, self.inner[0], self.rows)
        return [(r, min(r + self.rows, self.inner[0])) for r in starts]


@functools.lru_cache(maxsize=64)
def plan_for(*description: Any) -> Plan:
    """Return the plan of a convolution; see `Plan`."""
    return Plan(*description)
