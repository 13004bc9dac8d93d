"""Counter-based random streams, drawn on the host: the state is two integers.

The algorithm, exactly, so that any other program can produce the same bits:

1. A stream is ``(seed, counter)``, both in [0, 2⁶⁴). A larger seed is first folded to
   64 bits: the one word of ``numpy.random.SeedSequence(seed)``. Every draw, of whatever
   size, takes the current counter as its number and adds 1 to it, so a draw can be had
   again without the ones before.
2. The words of draw i are Philox-4×64 with 10 rounds (Salmon et al., "Parallel random
   numbers: as easy as 1, 2, 3", SC11), key ``(seed, i)``. Block b = 0, 1, ... encrypts
   ``(b + 1, 0, 0, 0)`` and gives the words w[4b] ... w[4b + 3]. A 32-bit draw takes the
   low half of a word first and then its high half: h[2k] = w[k] mod 2³², h[2k + 1] =
   w[k] div 2³².
3. uniform, in C order: float64 ``(w[k] >> 11) * 2⁻⁵³``, float32 ``(h[k] >> 8) * 2⁻²⁴``.
   Then ``low + (high - low) * u`` in that dtype, at most the number before `high`.
4. bernoulli: ``h[k] < round(p * 2³²)``.
5. integers: ``low + ((w[k] * (high - low)) >> 64)``, the product in 128 bits.
6. permutation: the positions that sort ``w[0] ... w[n - 1]``, where the blocks encrypt
   ``(b + 1, 0, 0, 1)``: words that no other draw has.
7. split: child j has counter 0 and as its seed the one 64-bit word of ``SeedSequence``
   over the 32-bit words (seed low, seed high, i low, i high, j).
8. normal: NumPy's ziggurat over the words of the draw. It rejects some words, so its
   numbers come one after another; a kernel that wants normal numbers should transform
   uniform ones, and will not get these bits.
"""

from __future__ import annotations

import math
import operator
from typing import Any, final

import numpy as np

from ..errors import DTypeError, OptionError, ShapeError
from .draws import note

__all__ = ["Shape", "Stream", "fold_seed", "shape_of"]

Shape = int | tuple[int, ...]
_Host = np.ndarray[Any, Any]

_WORD = 1 << 64
_HALF = 1 << 32
_FAR = 1 << 192  # blocks of Philox from its start; no draw is that long


def fold_seed(seed: Any) -> int:
    """Return a seed as a 64-bit integer: itself, or hashed where it is larger.

    Raises
    ------
    OptionError
        If the seed is not an integer, or is negative.
    """
    try:
        value = operator.index(seed)
    except TypeError:
        value = -1
    if value < 0 or isinstance(seed, bool):
        raise OptionError(
            f"a seed is an integer of at least 0, of any size; this one is {seed!r}."
        )
    return value if value < _WORD else _hashed(np.random.SeedSequence(value))


def _hashed(sequence: np.random.SeedSequence) -> int:
    return int(sequence.generate_state(1, np.uint64)[0])


def shape_of(shape: Shape) -> tuple[int, ...]:
    """Return a shape, or one length, as a tuple.

    Raises
    ------
    ShapeError
        If a length is negative or not an integer.
    """
    try:
        lengths = shape if isinstance(shape, (tuple, list)) else (shape,)
        out = tuple(operator.index(length) for length in lengths)
    except TypeError:
        out = (-1,)
    if any(length < 0 for length in out):
        raise ShapeError(
            f"a shape holds integers of at least 0, such as (64, 10); not {shape!r}."
        )
    return out


@final
class Stream:
    """A stream of random numbers as NumPy arrays; the module says by which algorithm.

    A stream is not shared between threads: give each its own (`split`).

    Parameters
    ----------
    seed : int
        Any integer of at least 0.
    counter : int
        The number of the next draw.

    Examples
    --------
    >>> stream = Stream(0)
    >>> first = stream.uniform(3)
    >>> stream.counter
    1
    >>> bool((Stream(0).uniform(3) == first).all())
    True
    """

    __slots__ = ("_bits", "_fresh", "_generator", "_key", "counter", "seed")

    def __init__(self, seed: int, counter: int = 0) -> None:
        self.seed = fold_seed(seed)
        self.counter = counter
        # One engine for all draws: setting its state costs a tenth of making another.
        self._key = np.array([self.seed, counter], dtype=np.uint64)
        self._bits = np.random.Philox(key=self._key)
        self._generator = np.random.Generator(self._bits)
        self._fresh: Any = self._bits.state
        self._fresh["state"]["key"] = self._key

    def __reduce__(self) -> tuple[Any, ...]:
        return Stream, (self.seed, self.counter)

    def _next(self) -> np.random.Philox:
        """Return the engine at the start of the next draw, and count it."""
        note(self)
        self._key[0] = self.seed
        self._key[1] = self.counter
        self._bits.state = self._fresh
        self.counter += 1
        return self._bits

    def words(self, count: int) -> _Host:
        """Return the first `count` 64-bit words of the next draw."""
        return self._next().random_raw(count)

    def _halves(self, count: int) -> _Host:
        """Return the first `count` 32-bit halves of the next draw."""
        words = self.words((count + 1) // 2).astype("<u8", copy=False)
        return words.view("<u4")[:count]

    def uniform(
        self,
        shape: Shape = (),
        low: float = 0.0,
        high: float = 1.0,
        *,
        dtype: Any = np.float32,
    ) -> _Host:
        """Return numbers in [low, high), each as likely as any other."""
        if not -math.inf < low < high < math.inf:
            raise OptionError(
                f"uniform: low must be less than high, both finite; "
                f"low={low}, high={high}."
            )
        size, kind = shape_of(shape), _floating(dtype)
        self._next()
        out = np.asarray(self._generator.random(size, dtype=kind.type))
        if (low, high) != (0.0, 1.0):
            out = out * kind.type(high - low) + kind.type(low)
            # rounding may reach high; it is not one of the numbers
            last = np.nextafter(kind.type(high), kind.type(low))
            out = np.asarray(np.minimum(out, last))
        return out

    def normal(
        self,
        shape: Shape = (),
        mean: float = 0.0,
        std: float = 1.0,
        *,
        dtype: Any = np.float32,
    ) -> _Host:
        """Return numbers of the normal distribution with this mean and deviation."""
        if not (0.0 <= std < math.inf and math.isfinite(mean)):
            raise OptionError(
                f"normal: std must be at least 0, and both finite; "
                f"mean={mean}, std={std}."
            )
        size, kind = shape_of(shape), _floating(dtype)
        self._next()
        out = np.asarray(self._generator.standard_normal(size, dtype=kind.type))
        if (mean, std) != (0.0, 1.0):
            out = np.asarray(out * kind.type(std) + kind.type(mean))
        return out

    def bernoulli(self, p: float = 0.5, shape: Shape = ()) -> _Host:
        """Return booleans that are true with probability `p`, to the nearest 2⁻³²."""
        if not 0.0 <= p <= 1.0:
            raise OptionError(f"bernoulli: p is a probability in [0, 1], not {p}.")
        size = shape_of(shape)
        drawn = self._halves(math.prod(size)) < round(p * _HALF)
        return np.asarray(drawn).reshape(size)

    def integers(self, low: int, high: int, shape: Shape = ()) -> _Host:
        """Return int64 integers in [low, high), of which there may be 2³²."""
        low, high = operator.index(low), operator.index(high)
        span = high - low
        if not (0 < span <= _HALF and low >= -_WORD // 2 and high <= _WORD // 2):
            raise OptionError(
                f"integers: low must be less than high, by at most 2**32, both in "
                f"int64; low={low}, high={high}."
            )
        size = shape_of(shape)
        words = self.words(math.prod(size))
        # the upper half of a 64 by 33 bit product, in parts that fit into 64 bits
        carry = (words & np.uint64(_HALF - 1)) * np.uint64(span) >> np.uint64(32)
        over = ((words >> np.uint64(32)) * np.uint64(span) + carry) >> np.uint64(32)
        return np.asarray(over.astype(np.int64) + low).reshape(size)

    def permutation(self, n: int) -> _Host:
        """Return 0, ..., n - 1 in random order, as int64.

        The words that it sorts are no other draw's: a data set that was drawn with a
        seed, and is then split with the same seed, is not split by its own values.
        """
        (count,) = shape_of(n)
        words = self._next().advance(_FAR).random_raw(count)
        return np.argsort(words).astype(np.int64, copy=False)

    def split(self, n: int = 2) -> list[Stream]:
        """Return `n` streams that are independent of this one and of each other."""
        (count,) = shape_of(n)
        note(self)
        halves = [
            part
            for word in (self.seed, self.counter)
            for part in divmod(word, _HALF)[::-1]
        ]
        self.counter += 1
        return [
            Stream(_hashed(np.random.SeedSequence([*halves, j]))) for j in range(count)
        ]


def _floating(dtype: Any) -> np.dtype[Any]:
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind not in (np.float32, np.float64):
        raise DTypeError(f"random numbers are drawn as float32 or float64, not {kind}.")
    return kind
