"""The steps of optimizers that look at a whole parameter, or at all of them together.

A trust ratio, or the length of a step, is a factor of every part. A matrix made
orthogonal is no sum, and stays one part. The direction of L-BFGS is a sum: of the
gradient, and of a multiple of each remembered step and change of the gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import optim
from ..calculus.array import Array
from ..optim.muon import FITS, orthogonalized
from .rehearsal import Rehearsal, to_host
from .step_parts import (
    M_HAT,
    PAST,
    SHARE,
    V_HAT,
    Line,
    Options,
    Recipe,
    Term,
    direction,
    means,
    parts,
)

__all__ = ["WHOLE"]

RECENT = 5  # steps that L-BFGS remembers, each shown by itself


def _lars(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction({**o, "weight_decay": 0})
    decay = bool(o["weight_decay"])
    below = "size_g + weight_decay * size_w + eps" if decay else "size_g + eps"
    ratio = f"trust_coefficient * size_w / ({below})"
    if not (r.gradient.any() and r.old.any() and o["trust_coefficient"]):
        ratio = "1"
    lines += [
        Line("size_w", "norm(old)"),
        Line("size_g", f"norm({g})"),
        Line("r", ratio),
        Line("s", f"r * ({g} + weight_decay * old)" if decay else f"r * {g}"),
    ]
    share, past, along = "learning_rate * r * {}", "", "s"
    if o["momentum"]:
        lines.append(Line("b", "momentum * b_before + s", "momentum_buffer"))
        ahead, power = ("(1 + momentum) * ", "**2") if o["nesterov"] else ("", "")
        share = f"learning_rate * {ahead}r * {{}}"
        past = f"learning_rate * momentum{power} * b_before" if r.step > 1 else ""
        along = "(s + momentum * b)" if o["nesterov"] else "b"
    return Recipe(lines, f"old - learning_rate * {along}", parts(o, share, past))


def _lamb(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction({**o, "weight_decay": 0})
    decay = " + weight_decay * old" if o["weight_decay"] else ""
    lines += [
        *means(g),
        M_HAT,
        V_HAT,
        Line("u", f"m_hat / (sqrt(v_hat) + eps){decay}"),
        Line("size_w", "norm(old)"),
        Line("size_u", "norm(u)"),
        Line("r", "size_w / size_u if size_w * size_u > 0 else 1"),
    ]
    rate = "learning_rate * r"
    share, past = (f"{rate} * ({x}) / (sqrt(v_hat) + eps)" for x in (SHARE, PAST))
    terms = parts({**o, "weight_decay": 0}, share, past if r.step > 1 else "")
    if o["weight_decay"]:
        terms.append(Term("weight decay", f"-{rate} * weight_decay * old"))
    return Recipe(lines, f"old - {rate} * u", terms)


def _muon(o: Options, r: Rehearsal) -> Recipe:
    b = "momentum * b_before + (1 - momentum) * gradient"
    d = "(1 - momentum) * gradient + momentum * b" if o["nesterov"] else "b"
    lines = [Line("b", b, "momentum_buffer"), Line("d", d)]
    terms = [Term("orthogonal direction", "-learning_rate * s * O")]
    decay = ""
    if o["weight_decay"]:
        decay = " - learning_rate * weight_decay * old"
        terms.append(Term("weight decay", "-learning_rate * weight_decay * old"))
    note = (
        "O is d with its singular values brought near 1 (Newton–Schulz): each element "
        "depends on the whole matrix."
    )
    new = f"old{decay} - learning_rate * s * O"
    return Recipe(lines, new, terms, _orthogonal(o, r), [note])


def _orthogonal(o: Options, r: Rehearsal) -> Options:
    """Return Muon's factor and its matrix, by Muon's own functions."""
    store, at = r.place.store, r.place.at
    lib, gradient = store.lib, store.arrays[at].grad
    if 0 in r.old.shape or gradient is None:
        return {"s": 1.0, "O": r.old}
    b, momentum = store.saved(at)["momentum_buffer"], o["momentum"]
    d = (1 - momentum) * gradient.data + momentum * b if o["nesterov"] else b
    coefficients, steps, eps = o["ns_coefficients"], o["ns_steps"], o["eps"]
    with lib.quiet():
        x = orthogonalized(lib.raw, d, coefficients, steps, eps)
    fit = FITS[o["adjust_lr_fn"] or "original"]
    return {"s": fit(*d.shape), "O": to_host(Array(x, lib))}


def _lbfgs(o: Options, r: Rehearsal) -> Recipe:
    optimizer = r.place.optimizer
    assert isinstance(optimizer, optim.LBFGS)
    state = optimizer.state
    if not r.step:
        note = (
            "Nothing moves: the gradient, or the slope along d, is within a tolerance."
        )
        return Recipe([], "old", [], notes=[note])
    values = {"length": state["t"], "d": _part(r, _packed(r, state["d"]))}
    new = "old + length * d"
    if state["n_iter"] > 1:
        terms, shown = _remembered(r)
        note = (
            "d is the sum of the two-loop recursion: the gradient times H, and for "
            "each remembered step s, with the change y of the gradient along it, "
            "(α − β) s − H α y."
        )
        return Recipe([], new, terms, values | shown, [note])
    note = (
        "The first step: length is the learning rate, divided by the sum of all "
        "|gradient| where that is above 1."
    )
    terms = [Term("gradient", "-length * gradient", True)]
    return Recipe([Line("d", "-gradient")], new, terms, values, [note])


def _remembered(r: Rehearsal) -> tuple[list[Term], Options]:
    """Return the parts of a direction, newest step first, and their numbers."""
    optimizer, store = r.place.optimizer, r.place.store
    assert isinstance(optimizer, optim.LBFGS)
    state = optimizer.state
    pairs = zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True)
    past = [(_packed(r, y), _packed(r, s), ro) for y, s, ro in pairs]
    scale = state["H_diag"]
    alphas, betas = _two_loops(-_packed(r, store.gradient()), past, scale)
    terms = [Term("gradient", "-length * H * gradient", True)]
    values: Options = {"H": scale, "older": np.zeros_like(r.old)}
    for i, ((y, s, _), a, b) in enumerate(zip(past, alphas, betas, strict=True)):
        k = len(past) - i  # steps ago
        mine = {f"y{k}": _part(r, y), f"s{k}": _part(r, s), f"a{k}": a, f"b{k}": b}
        formula = f"(a{k} - b{k}) * s{k} - H * a{k} * y{k}"
        if k <= RECENT:
            values |= mine
            ago = f"{k} step{'s' if k > 1 else ''} ago"
            terms.insert(1, Term(f"curvature, {ago}", f"length * ({formula})"))
        else:
            values["older"] += (a - b) * mine[f"s{k}"] - scale * a * mine[f"y{k}"]
    if len(past) > RECENT:
        terms.append(Term("curvature, older steps", "length * older"))
    return terms, values


def _two_loops(q: Any, past: list[Any], scale: float) -> tuple[list[Any], list[Any]]:
    """Return the coefficients of both loops, oldest step first, in float64."""
    alphas: list[Any] = []
    betas: list[Any] = []
    for y, s, ro in reversed(past):
        alphas.insert(0, ro * np.dot(s, q))
        q = q - alphas[0] * y
    d = scale * q
    for (y, s, ro), alpha in zip(past, alphas, strict=True):
        betas.append(ro * np.dot(y, d))
        d = d + (alpha - betas[-1]) * s
    return alphas, betas


def _packed(r: Rehearsal, vector: Any) -> Any:
    """Return a vector of all parameters on the host, without what lies between them."""
    store = r.place.store
    return to_host(Array(store.packed(vector), store.lib))


def _part(r: Rehearsal, whole: Any) -> Any:
    """Return the parameter's part of such a vector."""
    store, at = r.place.store, r.place.at
    start = sum(p.size for p in store.arrays[:at])
    return whole[start : start + r.old.size].reshape(r.old.shape)


WHOLE: dict[type, Callable[[Options, Rehearsal], Recipe]] = {
    optim.LAMB: _lamb,
    optim.LARS: _lars,
    optim.LBFGS: _lbfgs,
    optim.Muon: _muon,
}
