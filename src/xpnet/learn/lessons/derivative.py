"""A derivative that is typed in, and compared with the tape's at random points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ...errors import FormulaError
from ..formula import Formula
from .answers import Answer, Values, Verdict
from .hints import path_hint
from .mistakes import mistakes_in
from .points import Points, differentiate, evaluate, same, scatter

__all__ = ["Derivative"]


@final
@dataclass(frozen=True, slots=True)
class Derivative(Answer):
    """The derivative of a formula, in any form that is equal to the right one.

    What was typed and `xn.grad` are compared at random points, so ``2*x``, ``x + x``
    and ``x*2`` are the same answer. A wrong one is compared with typical wrong ones.

    Parameters
    ----------
    of : str
        The function, as a formula.
    by : str
        The variable of the derivative; the others are held constant.
    answer : str
        A right answer, to be shown.
    names : str
        All variables, separated by spaces; by default `by` alone.
    low, high : float
        Where the points lie.
    mistakes : tuple of (str, str)
        Wrong formulas that this question invites, each with what to say about it.
    """

    of: str
    by: str
    answer: str
    names: str = ""
    low: float = -2.0
    high: float = 2.0
    mistakes: tuple[tuple[str, str], ...] = ()

    @property
    def form(self) -> str:
        """How an answer is written, with an example."""
        names = self.variables
        listed = names[0] if len(names) == 1 else ", ".join(names)
        return f"a formula in {listed}, such as 3*{names[0]}**2 - exp(-{names[0]})"

    @property
    def variables(self) -> tuple[str, ...]:
        """The names that a formula may use."""
        return tuple((self.names or self.by).split())

    def points(self) -> Points:
        """Return values of each variable, spread at random over its range."""
        return scatter(self.variables, self.low, self.high)

    def unread(self, typed: str) -> str:
        """Say why this is no formula of these variables, if it is none."""
        try:
            Formula(typed, self.variables)
        except FormulaError as error:
            says = str(error)
            return says[0].upper() + says[1:]
        return ""

    def check(self, typed: str, values: Values) -> Verdict:
        """Compare with the tape's derivative wherever the function has a value."""
        if unread := self.unread(typed):
            return Verdict(False, unread)
        points = self.points()
        given = evaluate(typed, points)
        wanted = differentiate(self.of, self.by, points)
        there = np.isfinite(wanted) & np.isfinite(evaluate(self.of, points))
        if same(given[there], wanted[there]):
            count = int(there.sum())
            return Verdict(True, f"Right: the tape gives the same at {count} points.")
        for formula, says in self.mistakes:
            if same(given[there], evaluate(formula, points)[there]):
                return Verdict(False, says)
        return Verdict(False, self._hint(typed, points, given, wanted, there))

    def reveal(self, values: Values) -> str:
        """Return a right answer."""
        return self.answer

    def _hint(
        self, typed: str, points: Points, given: Any, wanted: Any, there: Any
    ) -> str:
        """Return what went wrong: no number, a typical mistake, or other numbers."""
        missing = np.flatnonzero(there & ~np.isfinite(given))
        if missing.size:
            i = int(missing[0])
            return (
                f"At {self._at(points, i)} your formula is {given[i]:g}, but the "
                f"derivative is a number there: {wanted[i]:.4g}."
            )
        for wrong, says in mistakes_in(self, points, wanted, typed):
            if same(given[there], wrong[there]):
                return says
        i = self._telling(points, given, wanted, there)
        return (
            f"At {self._at(points, i)} the tape's derivative is {wanted[i]:.4g}; "
            f"your formula gives {given[i]:.4g}. {path_hint(self, points, i)}"
        ).rstrip()

    def _telling(self, points: Points, given: Any, wanted: Any, there: Any) -> int:
        """Return a point where two formulas clearly differ, of a usual size."""
        apart = np.where(there, np.abs(given - wanted), -1.0)
        clear = apart > 0.1 * (np.abs(given) + np.abs(wanted))
        if not clear.any():
            return int(np.argmax(apart))
        return int(
            np.argmin(np.where(clear, np.abs(np.abs(points[self.by]) - 1), np.inf))
        )

    def _at(self, points: Points, i: int) -> str:
        return ", ".join(f"{name} = {points[name][i]:.4g}" for name in self.variables)
