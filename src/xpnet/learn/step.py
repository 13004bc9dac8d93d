"""Where each piece of an update comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..errors import OptionError, ShapeError
from ..optim import SAM, Lookahead
from .arithmetic import evaluate
from .digits import number
from .naming import callers_names, known_names
from .rehearsal import Place, Rehearsal, find, rehearse, slow_of, to_host
from .step_parts import ELEMENTWISE, Line, Recipe, Term
from .step_shown import Shown, StepExplanation
from .step_whole import WHOLE

__all__ = ["StepExplanation", "explain_step"]

_RECIPES = {**ELEMENTWISE, **WHOLE}
_NAMES = {"lr": "learning_rate"}  # what formulas call an option
_SAME = 1e-5  # norms that differ by less were not clipped


def explain_step(
    optimizer: Any,
    parameter: Array,
    *,
    clipped_from: Any = None,
    norm_before: Any = None,
    name: str | None = None,
) -> StepExplanation:
    """Say where each piece of a parameter's next update comes from.

    Call it after ``loss.backward()`` and before ``optimizer.step()``. The step is taken
    by the optimizer's own code, on a copy: neither parameters nor gradients nor state
    change by a bit. What the formula adds up is then shown part by part, beside the sum
    of the parts and the actual change.

    Parameters
    ----------
    optimizer : Optimizer, Lookahead or SAM
        What takes the steps. `SAM` is asked between its two steps, at ``w + e``.
    parameter : Array
        One of its parameters, with a gradient.
    clipped_from : array, optional
        The parameter's gradient before it was clipped: ``xn.asarray(w.grad,
        copy=True)``. What clipping took away is then a part by itself.
    norm_before : float or Array, optional
        Instead of it, what `clip_grad_norm_` returned, if it was given all parameters
        of the optimizer and the Euclidean norm.
    name : str, optional
        What to call the parameter; as the caller's variables do, by default.

    Returns
    -------
    StepExplanation
        To be printed, shown in a notebook, or taken as a dict.

    Raises
    ------
    DTypeError
        If the parameter is complex.
    GradientError
        If the parameter has no gradient.
    OptionError
        If the parameter is none of the optimizer's, or its step cannot be known from
        the gradients at hand: `LBFGS` with several iterations or a line search, `SAM`
        before its first step. An optimizer of your own has no parts that are known.
    ShapeError
        If `clipped_from` does not have the shape of the parameter.

    Notes
    -----
    Parts are computed in float64 from the numbers of the step, so in float32 their sum
    differs from the actual change by rounding, which is shown. Where a formula divides
    by a size or multiplies by a rate, every part has that factor as it is in this step;
    the square root of Adam holds the clipped gradient, and the decay. A sign and Muon's
    orthogonal matrix are no sums, and stay one part.

    Examples
    --------
    >>> import xpnet as xn
    >>> w = xn.asarray(3.0, requires_grad=True)
    >>> optimizer = xn.optim.SGD([w], lr=0.25)
    >>> (w**2).backward()
    >>> print(xn.explain_step(optimizer, w))
    The next step of SGD for w
    <BLANKLINE>
      new = old − learning_rate × gradient
          = 3 − 0.25 × 6
          = 1.5
    <BLANKLINE>
      part              value
      gradient          −1.5   −learning_rate × gradient
                               = −0.25 × 6
      sum of the parts  −1.5
      actual change     −1.5   by the optimizer's own code, on a copy
    >>> w.item()
    3.0
    """
    place = find(optimizer, parameter)
    recipe_of = _RECIPES.get(type(place.optimizer))
    if recipe_of is None:
        raise OptionError(
            f"explain_step: the parts of a step of {place.optimizer.name} are not "
            f"known; those of {', '.join(sorted(k.__name__ for k in _RECIPES))} are."
        )
    done = rehearse(place)
    recipe = _around(place, done, recipe_of(place.options, done))
    unclipped = _unclipped(place, done, clipped_from, norm_before)
    if unclipped is not None:
        recipe = _with_clipping(recipe, unclipped)
    return _explained(place, done, recipe, name or _name(place, parameter))


def _name(place: Place, parameter: Array) -> str:
    """Return what the caller's variables call the parameter, or its number."""
    found = known_names(callers_names()).nodes.get(parameter._node)
    return found or f"parameter {place.number}"


# --- what stands around a formula -----------------------------------------------------


def _around(place: Place, done: Rehearsal, recipe: Recipe) -> Recipe:
    """Return a recipe with what an outer optimizer and a schedule do."""
    notes = [*recipe.notes, *_of_schedule(place)]
    outer = place.outer
    if isinstance(outer, SAM):
        notes.append(
            "The gradient is that at w + e; the step begins at w, where SAM goes back "
            f"first. rho is {number(outer.rho)}."
        )
    if not isinstance(outer, Lookahead):
        return Recipe(recipe.lines, recipe.new, recipe.terms, recipe.values, notes)
    rest = outer.k - outer.count % outer.k
    if rest > 1:
        notes.append(f"Lookahead goes back to its slow parameters in {rest} steps.")
        return Recipe(recipe.lines, recipe.new, recipe.terms, recipe.values, notes)
    slow = to_host(slow_of(place)[place.number])
    back = Term("back to the slow parameters", "-(1 - lookahead) * (fast - slow)")
    return Recipe(
        [*recipe.lines, Line("fast", recipe.new)],
        "slow + lookahead * (fast - slow)",
        [*recipe.terms, back],
        recipe.values | {"slow": slow, "lookahead": outer.alpha, "fast": done.inner},
        notes,
    )


def _of_schedule(place: Place) -> Iterator[str]:
    group = place.group
    first, now = group.get("initial_lr", group["lr"]), group["lr"]
    if first != now:
        yield (
            f"The learning rate is {number(now)} now; a schedule began with "
            f"{number(first)}."
        )


# --- clipping -------------------------------------------------------------------------


def _unclipped(place: Place, done: Rehearsal, given: Any, norm: Any) -> Any:
    """Return the gradient as it was before clipping; None if nothing is said of it."""
    if given is not None and norm is not None:
        raise OptionError(
            "explain_step: clipped_from and norm_before say the same; give one of them."
        )
    if norm is not None:
        return done.gradient * _shrunk(place, float(asarray(norm).item()))
    if given is None:
        return None
    x = asarray(given)
    if x.shape != done.gradient.shape:
        raise ShapeError(
            f"explain_step: clipped_from has shape {x.shape}, the gradient "
            f"{done.gradient.shape}. It is the parameter's own gradient, copied before "
            "clipping: xn.asarray(w.grad, copy=True)."
        )
    return to_host(x)


def _shrunk(place: Place, before: float) -> float:
    """Return how many times larger all gradients were before clipping."""
    grads = [p.grad for g in place.optimizer.param_groups for p in g["params"]]
    squares = [float(np.sum(to_host(x) ** 2)) for x in grads if x is not None]
    now = float(np.sqrt(sum(squares)))
    if abs(before - now) <= _SAME * now:
        return 1.0
    if not 0 < now < before:
        raise OptionError(
            f"explain_step: norm_before is {number(before)}, and the norm of the "
            f"gradients is {number(now)} now, so the one was not clipped to the other. "
            "Give clipped_from, the parameter's own gradient before clipping."
        )
    return before / now


def _with_clipping(recipe: Recipe, unclipped: Any) -> Recipe:
    """Return a recipe whose parts of the gradient are parted once more."""
    terms: list[Term] = []
    for term in recipe.terms:
        if not term.of_gradient:
            terms.append(term)
            continue
        before = term.formula.replace("gradient", "unclipped")
        lost = term.formula.replace("gradient", "(gradient - unclipped)")
        terms += [Term("gradient, before clipping", before), Term("clipping", lost)]
    notes = list(recipe.notes)
    if not any(term.of_gradient for term in recipe.terms):
        notes.append(
            "Clipping has no part of its own: the gradient enters through a sign, or "
            "through a whole matrix."
        )
    values = recipe.values | {"unclipped": unclipped}
    return Recipe(recipe.lines, recipe.new, terms, values, notes)


# --- numbers --------------------------------------------------------------------------


def _explained(
    place: Place, done: Rehearsal, recipe: Recipe, name: str
) -> StepExplanation:
    values = _values(place, done) | recipe.values
    for line in recipe.lines:
        if line.kept:  # the number that the optimizer itself has
            values[f"{line.name}_before"] = done.before.get(
                line.kept, np.zeros_like(done.old)
            )
            values[line.name] = done.after[line.kept]
    for line in recipe.lines:
        if line.name not in values:
            values[line.name] = evaluate(line.formula, values)
    lines = [Shown(x.name, x.formula, values[x.name]) for x in recipe.lines]
    zero = np.zeros_like(done.old)
    terms = [
        Shown(term.name, term.formula, evaluate(term.formula, values) + zero)
        for term in recipe.terms
    ]
    inside = place.optimizer.name
    around = "" if place.outer is place.optimizer else f"{place.outer.name} around "
    return StepExplanation(
        optimizer=around + inside,
        parameter=name,
        hyperparameters=_hyperparameters(place, done),
        lines=lines,
        formula=recipe.new,
        terms=terms,
        values={key: np.asarray(value) for key, value in values.items()},
        before=done.old,
        after=done.new,
        dtype=str(place.store.dtype).rpartition(".")[2],
        notes=recipe.notes,
    )


def _values(place: Place, done: Rehearsal) -> dict[str, Any]:
    """Return the numbers that formulas begin with, by their names there."""
    values: dict[str, Any] = {"old": done.old, "gradient": done.gradient}
    if done.step:
        values["t"] = float(done.step)
    for key, value in place.options.items():
        if key == "betas":
            values["beta1"], values["beta2"] = map(float, value)
        elif isinstance(value, (int, float, np.number)) and type(value) is not bool:
            values[_NAMES.get(key, key)] = float(value)
    return values


def _hyperparameters(place: Place, done: Rehearsal) -> dict[str, Any]:
    """Return the options of the step, and its number, as JSON has them."""
    found = {
        key: [float(x) for x in value] if isinstance(value, (list, tuple)) else value
        for key, value in place.options.items()
    }
    found = {k: v.item() if isinstance(v, np.generic) else v for k, v in found.items()}
    outer = place.outer
    if isinstance(outer, Lookahead):
        found |= {"Lookahead k": outer.k, "Lookahead alpha": outer.alpha}
    if isinstance(outer, SAM):
        found |= {"SAM rho": outer.rho, "SAM adaptive": outer.adaptive}
    return found | ({"step": done.step} if done.step else {})
