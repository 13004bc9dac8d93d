"""What a session keeps of one page, so that an export can answer without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import OptionError
from .page import Keep
from .wire import Frame, encode

__all__ = ["LIMIT", "Entry", "Recording"]

LIMIT = 32 * 2**20  # bytes of one page


@dataclass(frozen=True, slots=True)
class Entry:
    """One request, without its id, and the bytes of the frames that answered it.

    `size` is the number of bytes of the request as JSON and of the frames.
    """

    message: dict[str, Any]
    frames: tuple[bytes, ...]
    keep: Keep
    size: int


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
        self.cut = False
        self.size = 0
        self._limit = limit
        self._kept: dict[object, Entry] = {}  # those of keep "last" by their request

    @property
    def entries(self) -> list[Entry]:
        """What is kept, in the order of the last time that it was asked."""
        return list(self._kept.values())

    def add(self, message: Mapping[str, Any], frames: list[Frame], keep: Keep) -> None:
        """Keep one answered request, as its type says.

        Raises
        ------
        OptionError
            If the request holds what JSON cannot say: no file could keep it.
        """
        if keep == "never":
            return
        fields = {key: value for key, value in message.items() if key != "id"}
        text, data = _written(fields), tuple(encode(frame) for frame in frames)
        entry = Entry(fields, data, keep, len(text) + sum(map(len, data)))
        if keep == "anew":
            self._kept, self.size, self.cut = {}, 0, False
        key = text if keep == "last" else object()
        self._forget(key)
        self._make_room(entry.size)
        if self.size + entry.size > self._limit:
            self.cut = True
            return
        self._kept[key] = entry
        self.size += entry.size

    def _forget(self, key: object) -> None:
        if (entry := self._kept.pop(key, None)) is not None:
            self.size -= entry.size

    def _make_room(self, size: int) -> None:
        """Forget the oldest entries of keep "last" until `size` bytes fit."""
        if self.size + size <= self._limit:
            return
        for key, entry in list(self._kept.items()):
            if entry.keep == "last":
                self._forget(key)
            if self.size + size <= self._limit:
                return


def _written(message: Mapping[str, Any]) -> str:
    """Return a request as JSON: 1 and true differ, the order of fields not."""
    try:
        return json.dumps(message, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise OptionError(
            "a request that is kept for a file holds texts, finite numbers, and lists "
            "and objects of them."
        ) from None
