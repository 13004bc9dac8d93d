"""The formulas of elementwise optimizers line by line, and the parts of their sums.

A part is a share of what the formula adds up: of this gradient, of earlier ones, of the
weight decay. Where the formula divides by a size (``√v̂``, a norm) or multiplies by a
rate, every part has that factor, as it is in this very step. A sign is no sum, and
stays one part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .. import optim
from .rehearsal import Rehearsal

__all__ = [
    "ELEMENTWISE",
    "M_HAT",
    "PAST",
    "SHARE",
    "V_HAT",
    "Line",
    "Options",
    "Recipe",
    "Term",
    "direction",
    "means",
    "parts",
]


class Line(NamedTuple):
    """One quantity of a step: its name, its formula, the buffer that keeps it."""

    name: str
    formula: str
    kept: str = ""


class Term(NamedTuple):
    """One part of a change: what it is in words, its formula, and of what."""

    name: str
    formula: str
    of_gradient: bool = False  # proportional to it, but for factors of all parts


@dataclass(frozen=True)
class Recipe:
    """A step: quantities in order, the new value, the parts of the change."""

    lines: list[Line]
    new: str
    terms: list[Term]
    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


Options = dict[str, Any]


def direction(o: Options) -> tuple[str, list[Line]]:
    """Return the name of what stands for the gradient, and the line that makes it."""
    coupled = o["weight_decay"] and not o.get("decoupled_weight_decay")
    if o.get("maximize"):
        decayed = "weight_decay * old - gradient" if coupled else "-gradient"
        return "g", [Line("g", decayed)]
    if coupled:
        return "g", [Line("g", "gradient + weight_decay * old")]
    return "gradient", []


def _start(o: Options) -> str:
    """Return what the step starts from: the old value, less a decoupled decay."""
    if o["weight_decay"] and o.get("decoupled_weight_decay"):
        return "old - learning_rate * weight_decay * old"
    return "old"


def parts(o: Options, share: str, past: str = "") -> list[Term]:
    """Return the usual parts, given what a gradient and the past contribute.

    `share` has ``{}`` in the place of the gradient.
    """
    sign = "" if o.get("maximize") else "-"
    found = [Term("gradient", sign + share.format("gradient"), True)]
    if past:
        found.append(Term("momentum", f"-{past}"))
    if o["weight_decay"]:
        decay = share.format("weight_decay * old")
        if o.get("decoupled_weight_decay"):
            decay = "learning_rate * weight_decay * old"
        found.append(Term("weight decay", f"-{decay}"))
    return found


def _sgd(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction(o)
    share, past, along = "learning_rate * {}", "", g
    if o["momentum"]:
        along, ahead = "b", ""
        fresh = "(1 - dampening) * " if o["dampening"] and r.step > 1 else ""
        b = f"momentum * b_before + {fresh}{g}" if r.step > 1 else g
        lines.append(Line("b", b, "momentum_buffer"))
        if o["nesterov"]:
            along, ahead = f"({g} + momentum * b)", "(1 + momentum) * "
        share = f"learning_rate * {ahead}{fresh}{{}}"
        power = "momentum**2" if o["nesterov"] else "momentum"
        past = f"learning_rate * {power} * b_before" if r.step > 1 else ""
    return Recipe(lines, f"old - learning_rate * {along}", parts(o, share, past))


def means(g: str) -> list[Line]:
    """Return the lines of Adam's two running means."""
    return [
        Line("m", f"beta1 * m_before + (1 - beta1) * {g}", "exp_avg"),
        Line("v", f"beta2 * v_before + (1 - beta2) * {g}**2", "exp_avg_sq"),
    ]


SHARE = "(1 - beta1) * {} / (1 - beta1**t)"  # of a gradient in Adam's m̂
PAST = "beta1 * m_before / (1 - beta1**t)"
M_HAT = Line("m_hat", "m / (1 - beta1**t)")
V_HAT = Line("v_hat", "v / (1 - beta2**t)")


def _adam(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction(o)
    lines += [*means(g), M_HAT, V_HAT]
    if o["amsgrad"]:
        largest = Line("v_max", "max(v_max_before, v)", "max_exp_avg_sq")
        lines[-2:] = [largest, M_HAT, Line("v_hat", "v_max / (1 - beta2**t)")]
    below = "(sqrt(v_hat) + eps)"
    share, past = (f"learning_rate * ({x}) / {below}" for x in (SHARE, PAST))
    new = f"{_start(o)} - learning_rate * m_hat / {below}"
    return Recipe(lines, new, parts(o, share, past if r.step > 1 else ""))


def _nadam(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction(o)
    product = "M_before * mu" if r.step > 1 else "mu"
    lines += [
        *means(g),
        Line("mu", "beta1 * (1 - 0.5 * 0.96**(t * momentum_decay))"),
        Line("mu_next", "beta1 * (1 - 0.5 * 0.96**((t + 1) * momentum_decay))"),
        Line("M", product, "mu_product"),
        Line("m_hat", f"mu_next * m / (1 - M * mu_next) + (1 - mu) * {g} / (1 - M)"),
        V_HAT,
    ]
    below = "(sqrt(v_hat) + eps)"
    both = "(mu_next * (1 - beta1) / (1 - M * mu_next) + (1 - mu) / (1 - M))"
    past = f"learning_rate * mu_next * beta1 * m_before / (1 - M * mu_next) / {below}"
    new = f"{_start(o)} - learning_rate * m_hat / {below}"
    share = f"learning_rate * {both} * {{}} / {below}"
    return Recipe(lines, new, parts(o, share, past if r.step > 1 else ""))


def _radam(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction(o)
    lines += [
        *means(g),
        M_HAT,
        Line("rho_inf", "2 / (1 - beta2) - 1"),
        Line("rho", "rho_inf - 2 * t * beta2**t / (1 - beta2**t)"),
    ]
    rectified, beta2 = "", o["betas"][1]
    most = 2 / (1 - beta2) - 1
    if most - 2 * r.step * beta2**r.step / (1 - beta2**r.step) > 5:
        ratio = (
            "(rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)"
        )
        lines.append(Line("r", f"sqrt({ratio})"))
        lines.append(Line("root_v_hat", "(sqrt(v) + eps) / sqrt(1 - beta2**t)"))
        rectified = " * r / root_v_hat"
    share, past = (f"learning_rate * ({x}){rectified}" for x in (SHARE, PAST))
    new = f"{_start(o)} - learning_rate * m_hat{rectified}"
    return Recipe(lines, new, parts(o, share, past if r.step > 1 else ""))


def _adamax(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction(o)
    lines += [
        means(g)[0],
        Line("u", f"max(beta2 * u_before, abs({g}) + eps)", "exp_inf"),
        M_HAT,
    ]
    share, past = (f"learning_rate * ({x}) / u" for x in (SHARE, PAST))
    new = "old - learning_rate * m_hat / u"
    return Recipe(lines, new, parts(o, share, past if r.step > 1 else ""))


def _adadelta(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction(o)
    v = f"rho * v_before + (1 - rho) * {g}**2"
    scale = "sqrt(u_before + eps) / sqrt(v + eps)"
    lines += [Line("v", v, "square_avg"), Line("scale", scale)]
    u = f"rho * u_before + (1 - rho) * (scale * {g})**2"
    lines.append(Line("u", u, "acc_delta"))
    new = f"old - learning_rate * scale * {g}"
    return Recipe(lines, new, parts(o, "learning_rate * scale * {}"))


def _adagrad(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction(o)
    before = "s_before" if r.step > 1 else "initial_accumulator_value"
    lines.append(Line("s", f"{before} + {g}**2", "sum"))
    rate = "learning_rate"
    if o["lr_decay"]:
        rate = "rate"
        lines.append(Line("rate", "learning_rate / (1 + (t - 1) * lr_decay)"))
    share = f"{rate} * {{}} / (sqrt(s) + eps)"
    return Recipe(lines, f"old - {share.format(g)}", parts(o, share))


def _rmsprop(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction(o)
    v = f"alpha * v_before + (1 - alpha) * {g}**2"
    lines.append(Line("v", v, "square_avg"))
    below, past = "(sqrt(v) + eps)", ""
    if o["centered"]:
        lines.append(Line("a", f"alpha * a_before + (1 - alpha) * {g}", "grad_avg"))
        below = "(sqrt(v - a**2) + eps)"
    new = f"old - learning_rate * {g} / {below}"
    if o["momentum"]:
        lines.append(
            Line("b", f"momentum * b_before + {g} / {below}", "momentum_buffer")
        )
        new, past = "old - learning_rate * b", "learning_rate * momentum * b_before"
    share = f"learning_rate * {{}} / {below}"
    return Recipe(lines, new, parts(o, share, past if r.step > 1 else ""))


def _asgd(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction(o)
    eta = r.before["eta"] if r.step > 1 else o["lr"]
    terms = parts(o, "eta * {}")
    if o["lambd"]:
        terms.append(Term("decay by lambd", "-eta * lambd * old"))
    note = "η was computed in the step before, from the learning rate of then."
    new = f"(1 - lambd * eta) * old - eta * {g}"
    return Recipe(lines, new, terms, {"eta": eta}, [note] if r.step > 1 else [])


def _lion(o: Options, r: Rehearsal) -> Recipe:
    o = {**o, "decoupled_weight_decay": True}
    g, lines = direction(o)
    m = f"beta2 * m_before + (1 - beta2) * {g}"
    lines += [
        Line("c", f"beta1 * m_before + (1 - beta1) * {g}"),
        Line("m", m, "exp_avg"),
    ]
    terms = [Term("sign of the momentum", "-learning_rate * sign(c)")]
    if o["weight_decay"]:
        terms.append(Term("weight decay", "-learning_rate * weight_decay * old"))
    return Recipe(lines, f"{_start(o)} - learning_rate * sign(c)", terms)


def _rprop(o: Options, r: Rehearsal) -> Recipe:
    g, lines = direction({**o, "weight_decay": 0})
    size = "size_before" if r.step > 1 else "learning_rate"
    lines += [
        Line("turn", f"sign({g}) * sign(d_before)"),
        Line("factor", "more if turn > 0 else less if turn < 0 else 1"),
        Line("size", f"clip({size} * factor, smallest, largest)", "step_size"),
        Line("d", f"0 if turn < 0 else {g}", "prev"),
    ]
    less, more = o["etas"]
    low, high = o["step_sizes"]
    values = {"less": less, "more": more, "smallest": low, "largest": high}
    terms = [Term("sign of the gradient", "-sign(d) * size")]
    return Recipe(lines, "old - sign(d) * size", terms, values)


ELEMENTWISE: dict[type, Callable[[Options, Rehearsal], Recipe]] = {
    optim.ASGD: _asgd,
    optim.Adadelta: _adadelta,
    optim.Adagrad: _adagrad,
    optim.Adam: _adam,
    optim.AdamW: _adam,
    optim.Adamax: _adamax,
    optim.Lion: _lion,
    optim.NAdam: _nadam,
    optim.RAdam: _radam,
    optim.RMSprop: _rmsprop,
    optim.Rprop: _rprop,
    optim.SGD: _sgd,
}
