"""What random numbers a piece of code drew, so that it can draw the same ones again.

`Draws` notes the counter that each stream had when it was first used in a block, and
the seeds that came from the operating system; running the block `again` sets them back
for that time. Blocks nest: what an inner one draws, the outer one drew too.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Iterator
from typing import Protocol

__all__ = ["Draws", "fresh_seed", "note"]


class _Counting(Protocol):
    counter: int


class Draws:
    """The random numbers of one block."""

    __slots__ = ("_outer", "_position", "_replaying", "_seeds", "_starts")

    def __init__(self) -> None:
        self._starts: dict[int, tuple[_Counting, int]] = {}
        self._seeds: list[int] = []
        self._outer: Draws | None = None
        self._replaying = False
        self._position = 0

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note what is drawn inside the block."""
        self._outer = _current.get()
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)
            self._outer = None

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Draw the same numbers inside the block, and go on afterwards as before."""
        now = [(stream, stream.counter) for stream, _ in self._starts.values()]
        for stream, counter in self._starts.values():
            stream.counter = counter
        self._replaying, self._position = True, 0
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)
            self._replaying = False
            for stream, counter in now:
                stream.counter = counter

    def note(self, stream: _Counting) -> None:
        """Note the counter of a stream, the first time that it is used."""
        if not self._replaying:
            self._starts.setdefault(id(stream), (stream, stream.counter))
            if self._outer is not None:
                self._outer.note(stream)

    def seed(self) -> int:
        """Return a seed from the operating system, or the one that it was before."""
        if self._replaying and self._position < len(self._seeds):
            self._position += 1
            return self._seeds[self._position - 1]
        seed = _from_the_system() if self._outer is None else self._outer.seed()
        self._seeds.append(seed)
        return seed


_current: contextvars.ContextVar[Draws | None] = contextvars.ContextVar(
    "xpnet_draws", default=None
)


def note(stream: _Counting) -> None:
    """Tell whoever takes notes that a stream is about to be used."""
    draws = _current.get()
    if draws is not None:
        draws.note(stream)


def fresh_seed() -> int:
    """Return a seed from the operating system."""
    draws = _current.get()
    return _from_the_system() if draws is None else draws.seed()


def _from_the_system() -> int:
    return int.from_bytes(os.urandom(8), "little")  # `secrets` would load much more
