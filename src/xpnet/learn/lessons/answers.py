"""Answers that can be checked: each is right, or wrong with a hint that says how."""

from __future__ import annotations

import abc
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

__all__ = [
    "LETTERS",
    "Answer",
    "Choice",
    "Shape",
    "Values",
    "Verdict",
    "Wanted",
    "choose",
    "value_of",
]

Values = Mapping[str, Any]
LETTERS = "abcdefgh"
Wanted = str | Callable[[Values], Any]


class Verdict(NamedTuple):
    """Whether an answer is right, and what there is to say about it."""

    right: bool
    says: str = ""


class Answer(abc.ABC):
    """What is asked for: how to write it, how to check it, and what it is."""

    @property
    @abc.abstractmethod
    def form(self) -> str:
        """How an answer is written, with an example."""

    @abc.abstractmethod
    def unread(self, typed: str) -> str:
        """Say why what was typed is no answer at all; nothing if it can be read."""

    @abc.abstractmethod
    def check(self, typed: str, values: Values) -> Verdict:
        """Say whether what was typed is right; a wrong answer gets a hint."""

    @abc.abstractmethod
    def reveal(self, values: Values) -> str:
        """Return a right answer, as it could be typed."""

    @property
    def choices(self) -> Sequence[str]:
        """What there is to choose from; usually nothing."""
        return ()


def value_of(wanted: Wanted, values: Values) -> Any:
    """Return a value by its name, or by a function of all values."""
    return values[wanted] if isinstance(wanted, str) else wanted(values)


@final
@dataclass(frozen=True, slots=True)
class Choice(Answer):
    """One of several sentences, named by its letter.

    Parameters
    ----------
    options : dict of str to str
        Each sentence, with what to say to who chooses it; nothing to say to the right
        one.
    """

    options: Mapping[str, str]

    @property
    def form(self) -> str:
        """How an answer is written, with an example."""
        return f"one letter, {_letter(0)} to {_letter(len(self.options) - 1)}"

    @property
    def choices(self) -> Sequence[str]:
        """The sentences, in their order."""
        return tuple(self.options)

    def unread(self, typed: str) -> str:
        """Say what to type, if this names none of the sentences."""
        chosen = choose(typed, self.choices)
        return f"Please type {self.form}." if chosen is None else ""

    def check(self, typed: str, values: Values) -> Verdict:
        """Take a letter, a number from 1, or the sentence itself."""
        chosen = choose(typed, self.choices)
        if chosen is None:
            return Verdict(False, self.unread(typed))
        says = self.options[self.choices[chosen]]
        return Verdict(not says, says)

    def reveal(self, values: Values) -> str:
        """Return the sentence that has nothing said against it, with its letter."""
        (right,) = (i for i, says in enumerate(self.options.values()) if not says)
        return f"{_letter(right)}) {self.choices[right]}"


def choose(typed: str, choices: Sequence[str]) -> int | None:
    """Return which choice is meant by a letter, a number from 1 or its own words."""
    word = " ".join(typed.split()).strip(" .)(").casefold()
    for index, choice in enumerate(choices):
        own = " ".join(choice.split()).strip(" .)(").casefold()
        letter = _letter(index)
        if word in {letter, str(index + 1), own, f"{letter}) {own}"}:
            return index
    return None


def _letter(index: int) -> str:
    return LETTERS[index]


@final
@dataclass(frozen=True, slots=True)
class Shape(Answer):
    """A shape: ``(64, 3)``, ``64, 3``, ``[64, 3]`` and ``64 x 3`` alike.

    Parameters
    ----------
    wanted : str or callable
        The name of a value that is a tuple of integers or an array, or a function of
        all values.
    """

    wanted: Wanted

    @property
    def form(self) -> str:
        """How an answer is written, with an example."""
        return "a shape, such as (2, 5)"

    def unread(self, typed: str) -> str:
        """Say how a shape is typed, if this is none."""
        odd = re.search(r"[^\d\s,;()\[\]x×]", typed) or not re.search(r"\d", typed)
        return f"Please type {self.form}." if odd else ""

    def check(self, typed: str, values: Values) -> Verdict:
        """Compare the numbers in order."""
        if unread := self.unread(typed):
            return Verdict(False, unread)
        shape = tuple(int(word) for word in re.findall(r"\d{1,9}", typed))
        wanted = self._shape(values)
        if shape == wanted:
            return Verdict(True)
        if shape == wanted[::-1]:
            return Verdict(False, "The right numbers, the other way round: transpose.")
        if sorted(shape) == sorted(wanted):
            return Verdict(False, "The right numbers, in another order.")
        if len(shape) != len(wanted):
            return Verdict(
                False, f"It has {_axes(len(wanted))}, yours {_axes(len(shape))}."
            )
        if math.prod(shape) == math.prod(wanted):
            return Verdict(False, "As many elements, but arranged in another way.")
        wrong = [
            i for i, (a, b) in enumerate(zip(shape, wanted, strict=True)) if a != b
        ]
        return Verdict(False, f"Axis {wrong[0]} has another length.")

    def reveal(self, values: Values) -> str:
        """Return the shape as Python writes it."""
        return str(self._shape(values))

    def _shape(self, values: Values) -> tuple[int, ...]:
        found = value_of(self.wanted, values)
        return tuple(getattr(found, "shape", found))


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"
