"""An answer that is a number, and what there is to say about a wrong one."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import final

from ...errors import FormulaError
from ..formula import Formula
from .answers import Answer, Values, Verdict, Wanted, value_of

__all__ = ["Number"]


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

    wanted: Wanted
    tolerance: float | None = None
    within: float = 1.0
    mistakes: tuple[tuple[Wanted, str], ...] = ()

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
        wanted = float(value_of(self.wanted, values))
        if self._near(number, wanted) or self._within(number, wanted):
            return Verdict(True)
        for wrong, says in self.mistakes:
            if self._near(number, float(value_of(wrong, values))):
                return Verdict(False, says)
        return Verdict(False, self._compare(number, wanted))

    def reveal(self, values: Values) -> str:
        """Return the value with six digits."""
        return f"{float(value_of(self.wanted, values)):.6g}"

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
