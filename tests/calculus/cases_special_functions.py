"""The cases of the special functions of mathematics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from calculus.cases_elementwise import BINARY, UNARY, _binary
from calculus.samples import SHAPES, add, away, between, corner, named, plain, positive

# between the poles at 0 and -1, or right of 0
GAMMA = between(0.3, 4.5)
BELOW = between(-1.8, -1.2)
SAMPLES: dict[str, Callable[..., Any]] = {
    "digamma": GAMMA,
    "erf": plain,
    "erfc": plain,
    "gammaln": GAMMA,
    "gauss": plain,
}
UNARY |= SAMPLES


def _used(name: str, f: Callable[..., Any], sample: Callable[..., Any]) -> None:
    for shape in SHAPES:
        add(name, "once", f, sample(shape, name))
    add(
        name,
        "a stride of 0",
        f,
        np.broadcast_to(sample((1, 3), name), (2, 3)),
        layouts=False,
    )
    add(name, "twice", lambda xp, x: f(xp, x) * x, sample((3,), name), layouts=False)
    add(name, "not at all", lambda xp, x, y: f(xp, x), sample((3,), name), plain((2,)))


for _name, _sample in SAMPLES.items():
    _used(_name, named(_name), _sample)
for _name in ("digamma", "gammaln"):
    add(_name, "left of 0", named(_name), BELOW((3,), _name))
for _name in ("erf", "erfc"):  # SciPy has them for complex numbers
    add(_name, "the tails", named(_name), away(2.0, 4.0)((2, 3), _name))
    add(_name, "complex", named(_name), corner((2, 3), _name), only=("numpy",))
add("gauss", "complex", named("gauss"), corner((2, 3)))


def _polygamma(n: int) -> Callable[..., Any]:
    return lambda xp, x: xp.polygamma(n, x)


# the derivatives of polygamma(4) are up to 1e6 near 0
FAR = between(1.2, 4.5)
for _n in (0, 1, 2, 4):
    _used("polygamma", _polygamma(_n), FAR)
    add("polygamma", f"left of 0, n={_n}", _polygamma(_n), BELOW((3,)), narrow=False)
for _n in (1, 2, 3):
    _used("polygamma_at", lambda xp, x, n=_n: xp.polygamma_at(x, n), FAR)

BINARY["xlogy"] = (positive, positive)
_binary("xlogy", *BINARY["xlogy"])
add("xlogy", "both signs", named("xlogy"), plain((2, 3)), positive((3,)))
add("xlogy", "x = 0", named("xlogy"), np.zeros((3,)), positive((3,)))
