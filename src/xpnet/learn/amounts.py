"""Values in the text of an explanation: a few numbers, or how large many are."""

from __future__ import annotations

from typing import Any

from .digits import number, summary, value_text

__all__ = ["array_text", "brief", "shown"]

_LISTED = 8  # numbers of an array that are written out
_WIDE = 56  # characters of a value


def shown(value: Any, digits: int = 4) -> str:
    """Return a value: its numbers where these are few, else how large they are."""
    if value is None:
        return "not kept"
    listed = value_text(summary(value, _LISTED), digits)
    return listed if len(listed) <= _WIDE else value_text(summary(value, 0), digits)


def array_text(value: Any, norm: bool = True) -> str:
    """Return a value, with the shape of an array in front."""
    shape = tuple(getattr(value, "shape", ()))
    kept = summary(value, _LISTED)
    if not isinstance(kept, dict) or "size" not in kept:
        listed = f"{shape} {value_text(kept)}" if shape else value_text(kept)
        if len(listed) <= _WIDE:
            return listed
        kept = summary(value, 0)
    low, high, length = (number(kept[key], 4) for key in ("min", "max", "norm"))
    return f"{shape} from {low} to {high}" + (f", norm {length}" if norm else "")


def brief(value: Any) -> str:
    """Return the shape of an array, and how large it is."""
    if not value.shape:
        return array_text(value)
    return f"{tuple(value.shape)} norm {number(summary(value, 0)['norm'])}"
