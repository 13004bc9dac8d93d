"""What a page may be asked: each field of a request is checked before it is used."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import OptionError

__all__ = ["Ask"]

_REQUIRED: Any = object()


class Ask:
    """The fields of one request, read by name, type and range.

    Each method takes the name of the field, what it may be, and `default`; without a
    default the field must be there. Whatever is wrong raises `OptionError` with one
    sentence, which the browser shows.

    Parameters
    ----------
    fields : mapping
        The request.

    Examples
    --------
    >>> ask = Ask({"x": 2.0, "name": "adam"})
    >>> ask.number("x", -10.0, 10.0), ask.choice("name", ("sgd", "adam"))
    (2.0, 'adam')
    >>> ask.number("x", 5.0, 10.0)
    Traceback (most recent call last):
    ...
    xpnet.errors.OptionError: x is a number from 5 to 10, not 2.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def _get(self, name: str, default: Any) -> tuple[bool, Any]:
        """Return whether the field is there, and what it holds or its default."""
        if name in self._fields:
            return True, self._fields[name]
        if default is _REQUIRED:
            raise OptionError(f"the field {name} is missing.")
        return False, default

    def number(
        self, name: str, low: float, high: float, *, default: float = _REQUIRED
    ) -> float:
        """Return a finite number in [low, high]."""
        there, value = self._get(name, default)
        if not there:
            return float(value)
        return _number(name, value, low, high)

    def whole(self, name: str, low: int, high: int, *, default: int = _REQUIRED) -> int:
        """Return a whole number in [low, high]; 3.0 is one, as JSON does not differ."""
        there, value = self._get(name, default)
        if not there:
            return int(value)
        if not _is_number(value) or not low <= value <= high or value != int(value):
            raise OptionError(
                f"{name} is a whole number from {low} to {high}, not {_short(value)}."
            )
        return int(value)

    def numbers(
        self, name: str, low: float, high: float, *, most: int, least: int = 0
    ) -> list[float]:
        """Return a list of `least` to `most` finite numbers in [low, high]."""
        _, value = self._get(name, _REQUIRED)
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise OptionError(
                f"{name} is a list of {least} to {most} numbers, not {_short(value)}."
            )
        return [_number(name, item, low, high) for item in value]

    def flag(self, name: str, *, default: bool = _REQUIRED) -> bool:
        """Return True or False."""
        _, value = self._get(name, default)
        if not isinstance(value, bool):
            raise OptionError(f"{name} is true or false, not {_short(value)}.")
        return value

    def choice(
        self, name: str, choices: Sequence[str], *, default: str = _REQUIRED
    ) -> str:
        """Return one of a few words."""
        _, value = self._get(name, default)
        if not isinstance(value, str) or value not in choices:
            raise OptionError(
                f"{name} is one of {', '.join(choices)}, not {_short(value)}."
            )
        return value

    def text(self, name: str, most: int, *, default: str = _REQUIRED) -> str:
        """Return a text of at most `most` characters."""
        _, value = self._get(name, default)
        if not isinstance(value, str):
            raise OptionError(f"{name} is a text, not {_short(value)}.")
        if len(value) > most:
            raise OptionError(
                f"{name} has at most {most} characters, not {len(value)}."
            )
        return value


def _number(name: str, value: Any, low: float, high: float) -> float:
    if not _is_number(value) or not low <= value <= high:
        raise OptionError(
            f"{name} is a number from {low:g} to {high:g}, not {_short(value)}."
        )
    return float(value)


def _is_number(value: Any) -> bool:
    """Whether a value is a finite number; True and False are none."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _short(value: Any) -> str:
    """Return a value as a few characters, whatever it is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**15 else "a number far outside"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return repr(value) if len(value) <= 40 else f"{value[:40]!r}…"
    return "a list" if isinstance(value, list) else "an object"
