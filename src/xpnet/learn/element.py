"""One element of a gradient as the sum that it is: which number pulls it which way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ..errors import OptionError, ShapeError
from .arrays import on_host
from .digits import number
from .steps import Step

if TYPE_CHECKING:
    from .explanation import Explanation

__all__ = ["Element", "Term"]

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Term:
    """One product in the sum: what a neighbour's gradient is, and how it changes.

    Attributes
    ----------
    step, index
        The element of a next value that it leads through.
    gradient : float
        How the loss changes with that element.
    slope : float
        How that element changes with this one.
    """

    step: Step
    index: tuple[int, ...]
    gradient: float
    slope: float

    @property
    def product(self) -> float:
        """What it adds to the gradient."""
        return self.gradient * self.slope

    @property
    def name(self) -> str:
        """The element it leads through."""
        return _at(self.step.name, self.index)


def _at(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


@final
class Element:
    """The gradient of one element, as a sum over what it goes into.

    ``∂L/∂w[i] = sum of ∂L/∂z[k] · ∂z[k]/∂w[i]`` over all elements `k` of the next
    values `z` that have a name. Both factors come from the tape: the first from the
    backward pass, the second from the rules, for a change of this element alone.

    Attributes
    ----------
    name : str
        The element, such as ``w[3, 7]``.
    gradient : float
        Its gradient.
    terms : list of Term
        The products that are not 0, the largest first.
    """

    def __init__(
        self, explanation: Explanation, step: Step, index: tuple[int, ...]
    ) -> None:
        if step.value is None:
            raise OptionError(f"explain: the value of {step.name} is not known.")
        if step.lib.is_complex(step.value):
            raise OptionError(
                f"explain: {step.name} is complex; one element is explained for real "
                "arrays only. Make its real and imaginary parts variables."
            )
        shape = tuple(int(n) for n in step.value.shape)
        if len(index) != len(shape) or any(
            not -n <= i < n for i, n in zip(index, shape, strict=True)
        ):
            raise ShapeError(
                f"explain: {step.name} has shape {shape}; {list(index)} is no element "
                "of it."
            )
        self.explanation, self.step = explanation, step
        self.index = tuple(i % n for i, n in zip(index, shape, strict=True))
        self.name = _at(step.name, self.index)
        host = on_host(step.lib, explanation.gradients[step])
        self.gradient = float(host[self.index])
        self.sums: list[tuple[Step, Any]] = []
        self._find()

    def _find(self) -> None:
        """Push a change of this element alone up to the next values with a name."""
        terms: list[Term] = []
        lib = self.step.lib
        unit = np.zeros(self.step.value.shape, dtype="float64")
        unit[self.index] = 1.0
        place = None if lib.place else lib.device_of(self.step.value)
        raw = lib.raw.astype(lib.from_host(unit, device=place), self.step.value.dtype)
        tangents = {self.step: raw}
        for step in self.explanation.trace.steps:
            moved = {i: tangents[x] for i, x in step.parts if x in tangents}
            g = self.explanation.gradients.get(step)
            if step is self.step or not moved or g is None:
                continue
            tangent = step.push(moved)
            if not step.named:
                tangents[step] = tangent
                continue
            slopes = np.asarray(on_host(lib, tangent), dtype="float64")
            given = np.asarray(on_host(lib, g), dtype="float64")
            slopes = np.broadcast_to(slopes, given.shape)
            self.sums.append((step, given * slopes))
            for flat in np.flatnonzero((slopes != 0) & (given != 0)):
                index = np.unravel_index(int(flat), given.shape)
                at = tuple(int(i) for i in index)
                terms.append(Term(step, at, float(given[at]), float(slopes[at])))
        self.terms = sorted(terms, key=lambda term: -abs(term.product))

    @property
    def total(self) -> float:
        """The sum of all terms: the gradient, up to rounding."""
        return float(sum(term.product for term in self.terms))

    def by_axis(self, axis: int = 0) -> list[float]:
        """Return the sum split along an axis of the next value: one pull per example.

        With axis 0, the batch, this says which example pulls the element which way: a
        step of gradient descent goes against the sum of these numbers.
        """
        if len(self.sums) != 1:
            raise OptionError(
                f"explain: {self.name} goes into {len(self.sums)} values; by_axis "
                "needs one."
            )
        parts = self.sums[0][1]
        if not -parts.ndim <= axis < parts.ndim:
            raise ShapeError(
                f"explain: {self.sums[0][0].name} has shape {parts.shape} and no axis "
                f"{axis}."
            )
        others = tuple(i for i in range(parts.ndim) if i != axis % parts.ndim)
        return [float(part) for part in parts.sum(axis=others)]

    def follow(self, term: int = 0) -> Element:
        """Return the element that a term leads through, one step closer to the loss."""
        if not 0 <= term < len(self.terms):
            raise OptionError(
                f"explain: {self.name} has {len(self.terms)} terms; there is no term "
                f"{term}."
            )
        chosen = self.terms[term]
        return Element(self.explanation, chosen.step, chosen.index)

    def chain(self) -> list[Term]:
        """Return the way to the loss that follows the largest term each time."""
        found: list[Term] = []
        here: Element = self
        while here.terms:
            found.append(here.terms[0])
            here = here.follow()
        return found

    # --- outputs ----------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dictionaries, lists, numbers and strings."""
        shown = self.terms[:_SHOWN]
        return {
            "name": self.name,
            "index": list(self.index),
            "loss": self.explanation.loss.name,
            "gradient": self.gradient,
            "count": len(self.terms),
            "sum": self.total,
            "terms": [_term(term) for term in shown],
            "rest": sum(term.product for term in self.terms[_SHOWN:]),
            "chain": [_term(term) for term in self.chain()],
        }

    def __str__(self) -> str:
        loss = self.explanation.loss.name
        lines = [f"∂{loss}/∂{self.name} = {number(self.gradient, 7)}"]
        if not self.terms:
            return lines[0]
        many = "term" if len(self.terms) == 1 else "terms"
        lines.append(f"  a sum of {len(self.terms)} {many}:")
        rows = [
            (
                f"∂{loss}/∂{t.name} · ∂{t.name}/∂{self.name}",
                f"= {number(t.gradient)} · {number(t.slope)} = {number(t.product)}",
            )
            for t in self.terms[:_SHOWN]
        ]
        width = max(len(left) for left, _ in rows)
        lines += [f"    {left:{width}} {right}" for left, right in rows]
        left = len(self.terms) - _SHOWN
        if left > 0:
            rest = sum(t.product for t in self.terms[_SHOWN:])
            lines.append(f"    the other {left} together = {number(rest)}")
        lines.append(f"  sum = {number(self.total, 7)}")
        lines.append("  the largest term, followed to the end:")
        chain = self.chain()
        names = " → ".join([self.name, *(t.name for t in chain)])
        lines.append(f"    {names}")
        product = " · ".join(_fenced(t.slope) for t in reversed(chain))
        value = 1.0
        for t in chain:
            value *= t.slope
        lines.append(f"    {product} = {number(value)}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Element {self.name}: {number(self.gradient)}>"

    def _repr_html_(self) -> str:
        from .html import element_html

        return element_html(self.to_dict())


def _fenced(value: float) -> str:
    shown = number(value)
    return f"({shown})" if shown.startswith("−") else shown


def _term(term: Term) -> dict[str, Any]:
    return {
        "name": term.name,
        "step": term.step.id,
        "index": list(term.index),
        "gradient": term.gradient,
        "slope": term.slope,
        "product": term.product,
    }
