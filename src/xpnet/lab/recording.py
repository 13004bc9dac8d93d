"""What a session keeps of one page, so that an export can answer without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .page import Keep
from .wire import Frame, encode

__all__ = ["LIMIT", "Entry", "Recording"]

LIMIT = 32 * 2**20  # bytes of one page


@dataclass(frozen=True, slots=True)
class Entry:
    """One request, without its id, and the bytes of the frames that answered it."""

    message: dict[str, Any]
    frames: tuple[bytes, ...]
    keep: Keep

    @property
    def size(self) -> int:
        """The bytes of all its frames."""
        return sum(map(len, self.frames))


class Recording:
    """The answered requests of one page, in order, of at most `limit` bytes.

    When it is full, the oldest answers that depend on their request alone make room;
    where there are none, nothing more is kept, and `cut` is True.

    Parameters
    ----------
    limit : int
        The bytes.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.entries: list[Entry] = []
        self.cut = False
        self.size = 0
        self._limit = limit

    def add(self, message: Mapping[str, Any], frames: list[Frame], keep: Keep) -> None:
        """Keep one answered request, as its type says."""
        if keep == "never":
            return
        fields = {key: value for key, value in message.items() if key != "id"}
        entry = Entry(fields, tuple(encode(frame) for frame in frames), keep)
        if keep == "anew":
            self._clear()
        elif keep == "last":
            self._drop(lambda other: _same(other.message, fields))
        self._make_room(entry.size)
        if self.size + entry.size > self._limit:
            self.cut = True
            return
        self.entries.append(entry)
        self.size += entry.size

    def _clear(self) -> None:
        self.entries, self.size, self.cut = [], 0, False

    def _drop(self, unwanted: Any) -> None:
        """Forget the entries of keep "last" that are not wanted."""
        self.entries = [e for e in self.entries if e.keep != "last" or not unwanted(e)]
        self.size = sum(entry.size for entry in self.entries)

    def _make_room(self, size: int) -> None:
        """Forget the oldest entries of keep "last" until `size` bytes fit."""
        while self.size + size > self._limit:
            oldest = next((e for e in self.entries if e.keep == "last"), None)
            if oldest is None:
                return
            self._drop(lambda entry, oldest=oldest: entry is oldest)


def _same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two requests ask the same: 1 and true differ, the order of fields not."""
    return _key(first) == _key(second)


def _key(message: Mapping[str, Any]) -> str:
    return json.dumps(message, sort_keys=True)
