"""Options of schedules, checked in one place."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from ...errors import OptionError
from ..terms import is_number

__all__ = ["count", "for_each_group", "groups_of", "number"]


def number(
    schedule: Any,
    what: str,
    value: Any,
    low: float = 0.0,
    high: float = math.inf,
    *,
    ends: bool = True,
) -> float:
    """Return an option that is a number from `low` to `high`, or raise OptionError.

    Without `ends`, it is neither `low` nor `high`.
    """
    inside = is_number(value) and low <= value <= high
    if not inside or (not ends and value in (low, high)):
        least, most = ("at least", "at most") if ends else ("above", "below")
        limit = "" if high == math.inf else f" and {most} {high}"
        raise OptionError(
            f"{schedule.name}: {what} is a number, {least} {low}{limit}, not {value!r}."
        )
    return value  # type: ignore[no-any-return]


def count(schedule: Any, what: str, value: Any, least: int = 1) -> int:
    """Return an option that is an integer of at least `least`, or raise OptionError."""
    try:
        found = operator.index(value)
    except TypeError:
        found = least - 1
    if found < least or isinstance(value, bool):
        raise OptionError(
            f"{schedule.name}: {what} is an integer of at least {least}, not {value!r}."
        )
    return found


def groups_of(schedule: Any, optimizer: Any) -> list[dict[str, Any]]:
    """Return the groups of an optimizer, or say that it is none."""
    try:
        return optimizer.param_groups  # type: ignore[no-any-return]
    except AttributeError:
        raise OptionError(
            f"{schedule.name}: the optimizer is a {type(optimizer).__name__}, which "
            "has no param_groups. Give it, say, optim.SGD(model.parameters(), lr=0.1)."
        ) from None


def for_each_group(schedule: Any, what: str, value: Any) -> list[Any]:
    """Return an option as a list with one value for each group of the optimizer."""
    groups = len(groups_of(schedule, schedule.optimizer))
    if not isinstance(value, Sequence):
        return [value] * groups
    if len(value) != groups:
        raise OptionError(
            f"{schedule.name}: {what} has {len(value)} values, the optimizer {groups} "
            "groups. Give one for each, or one for all."
        )
    return list(value)
