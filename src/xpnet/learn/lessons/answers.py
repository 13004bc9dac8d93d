"""Answers that can be checked: each is right, or wrong with a hint that says how."""

from __future__ import annotations

import abc
import contextlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, final

from ...errors import FormulaError
from ..formula import Formula

__all__ = ["LETTERS", "Answer", "Choice", "Number", "Shape", "Verdict", "choose"]

Values = Mapping[str, Any]
LETTERS = "abcdefgh"
_Wanted = str | Callable[[Values], Any]


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


def _wanted(wanted: _Wanted, values: Values) -> Any:
    """Return a value by its name, or by a function of all values."""
    return values[wanted] if isinstance(wanted, str) else wanted(values)


@final
@dataclass(frozen=True, slots=True)
class Number(Answer):
    """A number, right to a relative tolerance: ``0.663``, ``2/3`` and ``66e-2`` alike.

    Parameters
    ----------
    wanted : str or callable
        The name of a value, or a function of all values.
    tolerance : float, optional
        The relative error that is allowed. By default it is 1 % where the number has
        more than three digits, and none where it is short, such as 0.25.
    within : float
        A factor within which a positive number is right, where only its size counts.
    mistakes : tuple of (str or callable, str)
        Wrong numbers that have a reason, each with what to say about it.
    """

    wanted: _Wanted
    tolerance: float | None = None
    within: float = 1.0
    mistakes: tuple[tuple[_Wanted, str], ...] = ()

    @property
    def form(self) -> str:
        """How an answer is written, with an example."""
        return "a number, such as 0.75 or 3/4"

    def unread(self, typed: str) -> str:
        """Say how a number is typed, if this is none."""
        return _NOT_A_NUMBER if _read_number(typed) is None else ""

    def check(self, typed: str, values: Values) -> Verdict:
        """Compare with the value, then with the wrong values that have a reason."""
        number = _read_number(typed)
        if number is None:
            return Verdict(False, _NOT_A_NUMBER)
        wanted = float(_wanted(self.wanted, values))
        if self._near(number, wanted) or self._within(number, wanted):
            return Verdict(True)
        for wrong, says in self.mistakes:
            if self._near(number, float(_wanted(wrong, values))):
                return Verdict(False, says)
        return Verdict(False, self._compare(number, wanted))

    def reveal(self, values: Values) -> str:
        """Return the value with six digits."""
        return f"{float(_wanted(self.wanted, values)):.6g}"

    def _near(self, number: float, wanted: float) -> bool:
        return abs(number - wanted) <= self._allowed(wanted) * abs(wanted) + 1e-12

    def _allowed(self, wanted: float) -> float:
        if self.tolerance is not None:
            return self.tolerance
        short = abs(float(f"{wanted:.3g}") - wanted) <= _EXACT * abs(wanted)
        return _EXACT if short else 0.01

    def _within(self, number: float, wanted: float) -> bool:
        return wanted / self.within < number < wanted * self.within

    def _compare(self, number: float, wanted: float) -> str:
        """Say how a number differs from the one that is wanted."""

        def near(a: float, b: float) -> bool:
            return abs(a - b) <= 0.01 * abs(b)

        if near(-number, wanted):
            return "The size is right, the sign is not."
        if number and wanted:
            for factor in (2.0, 10.0, 100.0, 1000.0):
                if near(number / factor, wanted) or near(number * factor, wanted):
                    return f"You are off by a factor of {factor:g}."
            if near(1.0 / number, wanted):
                return "That is 1 over the number: turn the fraction over."
        if abs(number - wanted) < 0.1 * abs(wanted):
            return self._close(number, wanted)
        return "That is too large." if number > wanted else "That is too small."

    def _close(self, number: float, wanted: float) -> str:
        """Say what is missing in a number that is nearly the one that is wanted."""
        if self.tolerance is not None and self.tolerance > 0.01:
            return "Close."  # to a guess
        if _is_rounded(number, wanted):
            return "Close: keep more digits."
        return "Close, but not exactly that."


_EXACT = 1e-6
_NOT_A_NUMBER = "Please type a number with a decimal point, such as 0.75 or 3/4."


def _read_number(typed: str) -> float | None:
    """Return a number, or a formula without variables; None where it is neither."""
    with contextlib.suppress(ValueError, FormulaError):
        try:
            number = float(typed.replace("−", "-"))
        except ValueError:
            number = Formula(typed, ("variable",))(math.nan)
        if math.isfinite(number):
            return number
    return None


def _is_rounded(number: float, wanted: float) -> bool:
    """Whether a number is another one up to the digits that it has."""
    last = Decimal(repr(number)).as_tuple().exponent
    return isinstance(last, int) and abs(number - wanted) < 0.99 * 10.0**last


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

    wanted: _Wanted

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
        found = _wanted(self.wanted, values)
        return tuple(getattr(found, "shape", found))


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"
