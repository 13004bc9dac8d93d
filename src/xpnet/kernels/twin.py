"""The registry of twins.

A twin computes what a reference in ``xp`` terms computes, for one library, faster. It
sees raw arrays only. It may decline a call (a dtype or a layout that it was not written
for), and then the reference runs. Tests hold every twin equal to its reference in
value, gradient, dtype, shape and device, and prove that it was really taken.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

__all__ = ["TWINS", "Twin", "Twins", "register", "twins_off"]


class Twin(Protocol):
    """A faster version of one function for one library."""

    def forward(
        self, needs: tuple[bool, ...], *args: Any, **options: Any
    ) -> tuple[Any, Any] | None:
        """Return ``(out, residual)``, or None to decline.

        Parameters
        ----------
        needs : tuple of bool
            For each array argument, whether `backward` will be asked for its cotangent;
            all False when nothing is recorded.
        *args, **options
            The arguments of the function, with raw arrays.
        """

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Return the cotangent of each array argument, None where it is not needed.

        `g` must not be written to. A slot that is not None is the buffer in which that
        cotangent is wanted: write it there and return the same buffer, which saves a
        copy.
        """


class Twins(dict[tuple[str, str], Twin]):
    """Twins by the name of the function and of the library."""

    __slots__ = ()


TWINS = Twins()
"""Twins by the name of the function and of the library."""


def register(name: str, library: str, twin: Twin) -> None:
    """Use `twin` for the function `name` on arrays of `library`."""
    TWINS[name, library] = twin


@contextlib.contextmanager
def twins_off() -> Iterator[None]:
    """Run the references alone inside a ``with`` block (for tests and comparisons)."""
    kept = dict(TWINS)
    TWINS.clear()
    try:
        yield
    finally:
        TWINS.update(kept)
