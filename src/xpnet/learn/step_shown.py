"""What `explain_step` returns: the parts of an update as text, HTML and a dict."""

from __future__ import annotations

import operator
import unicodedata
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import numpy as np

from ..errors import OptionError
from .arithmetic import DIGITS, names_in, text
from .digits import number, shape_text, summary, value_text

__all__ = ["OWN_CODE", "WORDS", "Shown", "StepExplanation", "value_of"]

_DIGITS = "₀₁₂₃₄₅"
WORDS = {
    "beta1": "β₁",
    "beta2": "β₂",
    "eta": "η",
    "less": "η⁻",
    "more": "η⁺",
    "lambd": "λ",
    "lookahead": "α",
    "m_hat": "m̂",
    "mu": "μ",
    "mu_next": "μ_next",
    "rho": "ρ",
    "rho_inf": "ρ∞",
    "root_v_hat": "√v̂",
    "size_g": "norm_g",
    "size_u": "norm_u",
    "size_w": "norm_old",
    "unclipped": "gradient_before_clipping",
    "v_hat": "v̂",
    **{f"a{i}": f"α{_DIGITS[i]}" for i in range(1, 6)},
    **{f"b{i}": f"β{_DIGITS[i]}" for i in range(1, 6)},
    **{f"s{i}": f"s{_DIGITS[i]}" for i in range(1, 6)},
    **{f"y{i}": f"y{_DIGITS[i]}" for i in range(1, 6)},
}
OWN_CODE = "by the optimizer's own code, on a copy"
_WHOLE = frozenset({"norm", "sum"})  # functions that no element has by itself
_NEGLIGIBLE = 1e-12  # rounding that nobody is told about, beside the value
_ROUNDINGS = 64  # more than so many, and something cancels


class Shown(NamedTuple):
    """A quantity or a part: its name, its formula, its value in float64."""

    name: str
    formula: str
    value: Any


@final
@dataclass(frozen=True, eq=False)
class StepExplanation:
    """Where each piece of one parameter's next update comes from.

    ``print()`` shows it as text, a notebook as HTML, and `to_dict` returns it for
    anything else. All numbers are float64 on the host.

    Attributes
    ----------
    optimizer, parameter : str
        Their names.
    hyperparameters : dict
        The options of the step, and its number, from 1.
    lines : list of Shown
        The quantities of the step in order, such as ``m̂``.
    formula : str
        The new value, as an expression in those names.
    terms : list of Shown
        The parts of the change.
    values : dict of str to array
        What each name stands for.
    before, after : array
        The parameter before the step and after it, by the optimizer's own code.
    dtype : str
        The parameter's type.
    notes : list of str
        What else there is to know.
    whole : bool
        Whether this is the whole parameter, and not one element of it.
    """

    optimizer: str
    parameter: str
    hyperparameters: dict[str, Any]
    lines: list[Shown]
    formula: str
    terms: list[Shown]
    values: dict[str, Any]
    before: Any
    after: Any
    dtype: str
    notes: list[str]
    whole: bool = True

    @property
    @np.errstate(invalid="ignore")
    def sum(self) -> Any:
        """The sum of the parts."""
        return sum((term.value for term in self.terms), np.zeros_like(self.before))

    @property
    @np.errstate(invalid="ignore")
    def actual(self) -> Any:
        """The change of the parameter in the optimizer's own step."""
        return self.after - self.before

    @property
    @np.errstate(invalid="ignore")
    def rounding(self) -> Any:
        """What the actual change has beyond the sum of the parts."""
        return self.actual - self.sum

    def element(self, index: int | tuple[int, ...]) -> StepExplanation:
        """Return the same for one element of the parameter.

        Raises
        ------
        OptionError
            If `index` is not the place of one element.
        """
        shape = self.before.shape
        place = _place(index, shape)
        if place is None:
            raise OptionError(
                f"element: {index!r} is no place in {self.parameter}, of shape {shape}."
                f" Give a tuple of {len(shape)} integers, one below each length."
            )

        def one(x: Any) -> Any:
            return x[place] if np.shape(x) == shape else x

        where = ", ".join(map(str, place))
        return replace(
            self,
            parameter=f"{self.parameter}[{where}]" if place else self.parameter,
            lines=[Shown(x.name, x.formula, one(x.value)) for x in self.lines],
            terms=[Shown(x.name, x.formula, one(x.value)) for x in self.terms],
            values={k: np.asarray(one(v)) for k, v in self.values.items()},
            before=one(self.before),
            after=one(self.after),
            whole=False,
        )

    # --- as a dict --------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON knows it.

        A value is a number, a nested list of at most 16 numbers, or ``{"min", "max",
        "mean", "norm", "size"}``.
        """
        return {
            "optimizer": self.optimizer,
            "parameter": self.parameter,
            "hyperparameters": self.hyperparameters,
            "formula": [
                {"name": WORDS.get(x.name, x.name), **self._written(x)}
                for x in [*self.lines, Shown("new", self.formula, self.after)]
            ],
            "terms": [{"name": x.name, **self._written(x)} for x in self.terms],
            "sum": summary(self.sum),
            "actual": summary(self.actual),
            "rounding": summary(self.rounding),
            "before": summary(self.before),
            "after": summary(self.after),
            "shape": list(self.before.shape),
            "dtype": self.dtype,
            "notes": self.all_notes(),
        }

    def _written(self, x: Shown) -> dict[str, Any]:
        return {
            "symbols": text(x.formula, WORDS),
            "numbers": self.numbers(x.formula),
            "value": summary(x.value),
        }

    def numbers(self, formula: str) -> str | None:
        """Return a formula with its numbers, if each of its names is one number."""
        used = names_in(formula)
        known = {name: self.values[name] for name in used if name in self.values}
        if any(np.size(x) != 1 for x in known.values()) or (
            used & _WHOLE and not self.whole
        ):
            return None
        return text(formula, WORDS, known)

    # --- in words ---------------------------------------------------------------------

    def all_notes(self) -> list[str]:
        """Return the notes, with what there is to say of rounding."""
        return [*self.notes, *self._of_rounding()]

    @np.errstate(invalid="ignore")
    def _of_rounding(self) -> list[str]:
        if np.any(np.isfinite(self.sum) & ~np.isfinite(self.after)):
            return [
                "The parts are finite and the new value is not: a number on the way is "
                f"too large or too small for {self.dtype}, such as an eps that becomes "
                "0 in it."
            ]
        scale = np.abs(self.before) + sum(np.abs(x.value) for x in self.terms)
        bound = _ROUNDINGS * float(np.finfo(_known(self.dtype)).eps) * scale
        missed = np.abs(self.rounding)
        if not np.any(missed > bound):
            return []
        return [
            "The parts miss the actual change by up to "
            f"{number(float(np.nanmax(missed)))}, more than {self.dtype} rounds: the "
            "formula subtracts nearly equal numbers here."
        ]

    @property
    def rounds(self) -> bool:
        """Whether rounding is worth a line."""
        scale = np.abs(self.before) + np.abs(self.actual)
        return bool(np.any(np.abs(self.rounding) > _NEGLIGIBLE * scale))

    def _rows(self) -> list[tuple[str, str, str]]:
        """Return the table of parts: what it is, its value, where it comes from.

        A row without a name goes on with the one above it.
        """
        rows = []
        for x in self.terms:
            rows.append((x.name, value_of(x.value), text(x.formula, WORDS)))
            numbers = self.numbers(x.formula)
            if numbers not in (None, rows[-1][2]):
                rows.append(("", "", f"= {numbers}"))
        rows.append(("sum of the parts", value_of(self.sum), ""))
        if self.rounds:
            rows.append(("rounding", value_of(self.rounding), f"in {self.dtype}"))
        rows.append(("actual change", value_of(self.actual), OWN_CODE))
        return rows

    def settings(self) -> str:
        """Return the numbers of the step that all elements share."""
        formulas = [x.formula for x in [*self.lines, *self.terms]] + [self.formula]
        used = set().union(*map(names_in, formulas))
        made = {x.name for x in self.lines}
        found = [
            f"{WORDS.get(name, name)} = {number(float(value), DIGITS)}"
            for name, value in self.values.items()
            if name in used and name not in made and np.size(value) == 1
        ]
        return ", ".join(found)

    def __str__(self) -> str:
        step = self.hyperparameters.get("step")
        count = f" (step {step})" if step else ""
        size = f", a {shape_text(self.before.shape)}" if self.before.shape else ""
        lines = [f"The next step of {self.optimizer}{count} for {self.parameter}{size}"]
        lines.append("")
        for x in [*self.lines, Shown("new", self.formula, self.after)]:
            lines += self._line(x)
        lines += ["", *_table([("part", "value", ""), *self._rows()])]
        if self.before.shape:
            zeros = (0,) * self.before.ndim if self.before.ndim > 1 else 0
            lines += ["", f"  with {self.settings()}"]
            lines += [f"  one element by itself: .element({zeros})"]
        notes = self.all_notes()
        return "\n".join([*lines, *([""] if notes else []), *(f"  {n}" for n in notes)])

    def _line(self, x: Shown) -> list[str]:
        """Return a quantity in names, in numbers, and its value, below each other."""
        name = WORDS.get(x.name, x.name)
        numbers, value = self.numbers(x.formula), value_of(x.value)
        shown = [text(x.formula, WORDS)]
        shown += [numbers] if numbers not in (None, value, shown[0]) else []
        indent = " " * _width(name)
        first, *rest = [*shown, value]
        return [f"  {name} = {first}", *(f"  {indent} = {part}" for part in rest)]

    def _repr_html_(self) -> str:
        from .step_html import step_html

        return step_html(self)


def _place(index: Any, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the place of an element as integers; None where there is none."""
    try:
        place = tuple(map(operator.index, index if type(index) is tuple else (index,)))
    except TypeError:
        return None
    inside = len(place) == len(shape) and all(
        -n <= i < n for i, n in zip(place, shape, strict=True)
    )
    return place if inside else None


def _known(dtype: str) -> Any:
    """Return a type of NumPy's that is as coarse as that one."""
    return dtype if dtype in ("float16", "float32", "float64") else "float16"


def value_of(x: Any) -> str:
    """Return a value in words."""
    return value_text(summary(np.asarray(x, dtype=np.float64)), DIGITS)


def _width(shown: str) -> int:
    """Return how many places a text takes; marks above letters take none."""
    return sum(not unicodedata.combining(letter) for letter in shown)


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    """Return rows of cells below each other."""
    first, second = (max(_width(row[i]) for row in rows) for i in (0, 1))
    return [
        f"  {_padded(a, first)}  {_padded(b, second)}  {c}".rstrip() for a, b, c in rows
    ]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))
