"""Random numbers: the same values on every device from one seed, and no global state.

A `Generator` holds two integers, the seed and the number of the next draw. Numbers are
drawn on the host and moved once, so the weights of a network do not depend on where it
runs. The exact algorithm stands in `xpnet.backend.random`.
"""

from __future__ import annotations

import operator
from typing import Any, final

import numpy as np

from .backend.device import Device
from .backend.draws import fresh_seed
from .backend.dtypes import dtype_in, dtype_name
from .backend.library import library_for
from .backend.random import Shape, Stream
from .calculus.array import Array
from .calculus.convert import wrap
from .errors import OptionError

__all__ = ["Generator", "as_generator"]


@final
class Generator:
    """A counter-based generator of random arrays.

    Each call is one draw and adds 1 to the counter, whatever the shape, so any draw can
    be had again from ``(seed, counter)`` without the ones before it. Two generators are
    equal when both integers are. A generator pickles and copies; threads and processes
    should not share one but take their own from `split`.

    In every method, `device` is ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"auto"``; by
    default it is the default device. ``like=x`` instead puts the result where the Array
    `x` is, whatever its library.

    Parameters
    ----------
    seed : int
        Any integer of at least 0; one of more than 64 bits is hashed to 64.

    Attributes
    ----------
    seed, counter : int
        The state.

    Raises
    ------
    OptionError
        If the seed is not an integer, or is negative.

    Notes
    -----
    PyTorch's CPU and CUDA generators give different numbers from one seed.

    Examples
    --------
    >>> rng = Generator(0)
    >>> rng.permutation(5).tolist()
    [4, 2, 0, 1, 3]
    >>> rng
    Generator(seed=0, counter=1)
    """

    __slots__ = ("_stream",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, seed: int) -> None:
        self._stream = Stream(seed)

    @property
    def seed(self) -> int:
        """The seed, as 64 bits."""
        return self._stream.seed

    @property
    def counter(self) -> int:
        """The number of the next draw."""
        return self._stream.counter

    # --- draws ------------------------------------------------------------------------

    def uniform(
        self,
        shape: Shape = (),
        low: float = 0.0,
        high: float = 1.0,
        *,
        dtype: Any = None,
        device: str | Device | None = None,
        like: Array | None = None,
    ) -> Array:
        """Return numbers in [low, high), each as likely as any other.

        Parameters
        ----------
        shape : int or tuple of int
            The shape of the result.
        low, high : float
            The bounds; `low` can come up, `high` never does.
        dtype : dtype, optional
            float32 or float64; by default that of `like` where it is one of them, and
            otherwise float32.
        device, like
            Where the result goes: see the class.

        Raises
        ------
        OptionError
            If `low` is not less than `high`, or one of them is not finite.
        DTypeError
            If `dtype` is neither float32 nor float64.

        Examples
        --------
        >>> Generator(0).uniform((2, 3), -1.0, 1.0).shape
        (2, 3)
        """
        kind = _float_dtype(dtype, like)
        return _place(self._stream.uniform(shape, low, high, dtype=kind), device, like)

    def normal(
        self,
        shape: Shape = (),
        mean: float = 0.0,
        std: float = 1.0,
        *,
        dtype: Any = None,
        device: str | Device | None = None,
        like: Array | None = None,
    ) -> Array:
        """Return numbers of the normal distribution.

        Parameters
        ----------
        shape : int or tuple of int
            The shape of the result.
        mean, std : float
            The mean, and the standard deviation of at least 0.
        dtype, device, like
            As in `uniform`.

        Raises
        ------
        OptionError
            If `std` is negative, or one of the two is not finite.
        DTypeError
            If `dtype` is neither float32 nor float64.

        Examples
        --------
        >>> Generator(0).normal(1000).dtype
        dtype('float32')
        """
        kind = _float_dtype(dtype, like)
        return _place(self._stream.normal(shape, mean, std, dtype=kind), device, like)

    def bernoulli(
        self,
        p: float = 0.5,
        shape: Shape = (),
        *,
        dtype: Any = None,
        device: str | Device | None = None,
        like: Array | None = None,
    ) -> Array:
        """Return booleans that are true with probability `p`.

        Parameters
        ----------
        p : float
            The probability, in [0, 1]; rounded to the nearest 2⁻³².
        shape : int or tuple of int
            The shape of the result.
        dtype : dtype, optional
            Ones and zeros of this type instead of booleans.
        device, like
            Where the result goes: see the class.

        Raises
        ------
        OptionError
            If `p` is not in [0, 1].

        Examples
        --------
        >>> Generator(1).bernoulli(1.0, 3).tolist()
        [True, True, True]
        """
        drawn = _place(self._stream.bernoulli(p, shape), device, like)
        return drawn if dtype is None else _cast(drawn, dtype)

    def integers(
        self,
        low: int,
        high: int,
        shape: Shape = (),
        *,
        dtype: Any = None,
        device: str | Device | None = None,
        like: Array | None = None,
    ) -> Array:
        """Return integers in [low, high), each as likely as any other (to 2⁻³²).

        Parameters
        ----------
        low, high : int
            The bounds; `low` can come up, `high` never does.
        shape : int or tuple of int
            The shape of the result.
        dtype : dtype, optional
            The data type of the result; int64 by default.
        device, like
            Where the result goes: see the class.

        Raises
        ------
        OptionError
            If `low` is not less than `high`, or they differ by more than 2³².

        Examples
        --------
        >>> Generator(0).integers(0, 6, 8).tolist()
        [0, 1, 0, 3, 3, 1, 5, 5]
        """
        drawn = _place(self._stream.integers(low, high, shape), device, like)
        return drawn if dtype is None else _cast(drawn, dtype)

    def permutation(
        self, n: int, *, device: str | Device | None = None, like: Array | None = None
    ) -> Array:
        """Return 0, ..., n - 1 in random order, as int64.

        Examples
        --------
        >>> sorted(Generator(0).permutation(4).tolist())
        [0, 1, 2, 3]
        """
        return _place(self._stream.permutation(n), device, like)

    # --- state ------------------------------------------------------------------------

    def split(self, n: int = 2) -> list[Generator]:
        """Return `n` generators that are independent of this one and of each other.

        This is one draw: the next call gives other generators.

        Examples
        --------
        >>> one, two = Generator(0).split()
        >>> one == two
        False
        """
        return [_from_stream(child) for child in self._stream.split(n)]

    def state_dict(self) -> dict[str, int]:
        """Return the state as two integers by name.

        Examples
        --------
        >>> Generator(7).state_dict()
        {'seed': 7, 'counter': 0}
        """
        return {"seed": self.seed, "counter": self.counter}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take the state that `state_dict` gave.

        Raises
        ------
        OptionError
            If a name is missing or unknown, or a value is not an integer of 64 bits.
        """
        if set(state) != {"seed", "counter"}:
            raise OptionError(
                f"the state of a Generator holds 'seed' and 'counter'; "
                f"this one holds {sorted(state)}."
            )
        counter = operator.index(state["counter"])
        if not 0 <= counter < 1 << 64:
            raise OptionError(f"a counter is an integer in [0, 2**64), not {counter}.")
        self._stream = Stream(state["seed"], counter)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Generator):
            return NotImplemented
        return self.state_dict() == other.state_dict()

    def __reduce__(self) -> tuple[Any, ...]:
        return _at, (self.seed, self.counter)

    def __repr__(self) -> str:
        return f"Generator(seed={self.seed}, counter={self.counter})"


def as_generator(rng: int | Generator | None) -> Generator:
    """Return a generator from what a user passes as ``rng=``.

    Parameters
    ----------
    rng : int, Generator or None
        A seed makes a new generator; a generator is itself, so that its state goes on;
        None is a new generator with a seed from the operating system.

    Raises
    ------
    OptionError
        If it is anything else, or a negative seed.

    Examples
    --------
    >>> as_generator(3)
    Generator(seed=3, counter=0)
    """
    if isinstance(rng, Generator):
        return rng
    if rng is None:
        return Generator(fresh_seed())
    if not hasattr(rng, "__index__"):
        raise OptionError(
            f"rng is a seed (an integer) or an xpnet.random.Generator, not {rng!r:.80}."
        )
    return Generator(rng)


# --- from the host to where the result belongs --------------------------------------


def _at(seed: int, counter: int) -> Generator:
    return _from_stream(Stream(seed, counter))


def _from_stream(stream: Stream) -> Generator:
    out = Generator.__new__(Generator)
    out._stream = stream
    return out


def _place(host: Any, device: str | Device | None, like: Array | None) -> Array:
    """Return a host array as an Array on a device, or where another Array is."""
    if like is None:
        lib = library_for(device)
        return Array(host if lib.name == "numpy" else lib.from_host(host), lib)
    if device is not None:
        raise OptionError("device= and like= both say where the result goes; give one.")
    if type(like) is not Array:
        raise OptionError(f"like= is an xpnet Array, not a {type(like).__name__}.")
    lib = like._lib
    return wrap(lib, lib.from_host(host, device=lib.raw.device(like.data)))


def _float_dtype(dtype: Any, like: Array | None) -> Any:
    """Return the host's dtype for a draw of floating-point numbers."""
    if dtype is not None:
        return np.dtype(dtype_name(dtype))
    name = "" if like is None else dtype_name(like.dtype)
    return np.dtype(name if name in ("float32", "float64") else "float32")


def _cast(x: Array, dtype: Any) -> Array:
    return wrap(x._lib, x._lib.raw.astype(x.data, dtype_in(x._lib, dtype)))
