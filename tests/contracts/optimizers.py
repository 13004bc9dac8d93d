"""The table of optimizers: one line for each way in which an optimizer is used.

`test_optimizers.py` walks it. What PyTorch has is held to PyTorch; a class below holds
what it has not, one parameter after the other, as the papers write it.
"""

from __future__ import annotations

import inspect
import itertools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from xpnet import optim

__all__ = ["LINES", "REFUSED", "Line"]

SHAPES = ((3, 4), (4,), (), (0, 2), (2, 1, 5))
MATRICES = ((3, 4), (5, 2), (0, 2), (1, 1))


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes
    ----------
    name : str
        The name of the optimizer, here and in PyTorch.
    options : dict
        Its options.
    ours : bool
        Whether PyTorch has no such optimizer, and ``PAPERS[name]`` stands for it.
    shapes : tuple
        The shapes of the parameters.
    """

    name: str
    options: dict[str, Any]
    ours: bool
    shapes: tuple[tuple[int, ...], ...]

    def __str__(self) -> str:
        parts = [f"{k}={v}".replace(" ", "") for k, v in self.options.items()]
        return "-".join([self.name, *parts])

    @property
    def kind(self) -> Any:
        """The class in xpnet."""
        return getattr(optim, self.name)

    def make(self, params: Any) -> Any:
        """Return the optimizer."""
        return self.kind(params, **self.options)

    def oracle(self, params: Any) -> Any:
        """Return PyTorch's optimizer, or the papers'."""
        import torch

        if self.ours:
            return PAPERS[self.name](params, **self.options)
        return getattr(torch.optim, self.name)(params, **self.options)


LINES: list[Line] = []


def add(
    name: str, *, ours: bool = False, shapes: Any = SHAPES, **choices: tuple[Any, ...]
) -> None:
    """Add a line for every combination of options."""
    for row in itertools.product(*choices.values()):
        options = dict(zip(choices, row, strict=True))
        LINES.append(Line(name, options, ours, shapes))


BOTH = (False, True)
DECAYS = (0.0, 0.1)

add("SGD", lr=(0.05,), weight_decay=DECAYS, maximize=BOTH)
add("SGD", lr=(0.05,), momentum=(0.9,), dampening=(0.0, 0.3), weight_decay=DECAYS)
add("SGD", lr=(0.05,), momentum=(0.9,), nesterov=(True,), maximize=BOTH)
for _name in ("Adam", "AdamW"):
    add(_name, lr=(0.01,), weight_decay=DECAYS, maximize=BOTH, amsgrad=BOTH)
    add(_name, lr=(0.01,), betas=((0.0, 0.5),), eps=(1e-3,), amsgrad=BOTH)
add("Adam", lr=(0.01,), weight_decay=(0.1,), decoupled_weight_decay=(True,))
add(
    "NAdam",
    lr=(0.01,),
    weight_decay=DECAYS,
    momentum_decay=(0.004, 0.3),
    decoupled_weight_decay=BOTH,
    maximize=BOTH,
)
add("NAdam")
add(
    "RAdam",
    lr=(0.01,),
    betas=((0.9, 0.999), (0.8, 0.9)),
    weight_decay=DECAYS,
    decoupled_weight_decay=BOTH,
    maximize=BOTH,
)
add("Adamax", lr=(0.01,), weight_decay=DECAYS, maximize=BOTH, betas=((0.9, 0.5),))
add("Adamax", eps=(1e-2,))
add("Adagrad", lr=(0.1,), weight_decay=DECAYS, maximize=BOTH)
add("Adagrad", lr_decay=(0.1,), initial_accumulator_value=(0.0, 0.5), eps=(1e-3,))
add("Adadelta", weight_decay=DECAYS, maximize=BOTH)
add("Adadelta", lr=(0.5,), rho=(0.0, 0.5), eps=(1e-3,))
add("RMSprop", weight_decay=DECAYS, maximize=BOTH, alpha=(0.9,))
add(
    "RMSprop",
    lr=(0.02,),
    momentum=(0.0, 0.9),
    centered=BOTH,
    maximize=BOTH,
    eps=(1e-2,),
)
add("Rprop", maximize=BOTH)
add("Rprop", lr=(0.1,), etas=((0.3, 1.5),), step_sizes=((1e-2, 0.2),))
add("ASGD", lr=(0.05,), weight_decay=DECAYS, maximize=BOTH)
add("ASGD", lr=(0.05,), lambd=(0.1,), alpha=(0.5,), t0=(3.0,))
add("Lion", ours=True, lr=(0.01,), weight_decay=DECAYS, maximize=BOTH)
add("Lion", ours=True, betas=((0.5, 0.7),))
add("LAMB", ours=True, lr=(0.01,), weight_decay=DECAYS, maximize=BOTH)
add("LARS", ours=True, lr=(0.5,), weight_decay=DECAYS, maximize=BOTH)
add("LARS", ours=True, momentum=(0.0,), trust_coefficient=(0.1,), eps=(0.1,))
add("LARS", ours=True, nesterov=(True,), lr=(0.5,))
add("Muon", shapes=MATRICES, lr=(0.02,), nesterov=BOTH)
add("Muon", shapes=MATRICES, adjust_lr_fn=("original", "match_rms_adamw"))
add("Muon", shapes=MATRICES, ns_steps=(2,), weight_decay=(0.0,), momentum=(0.5,))


# --- what PyTorch has not -------------------------------------------------------------


class Paper:
    """An optimizer as a paper writes it, with PyTorch's face: tensors and ``.grad``."""

    names: tuple[str, ...] = ()

    def __init__(self, params: Any, **options: Any) -> None:
        self.params = params
        asked = inspect.signature(getattr(optim, type(self).__name__)).parameters
        defaults = {k: v.default for k, v in asked.items() if k != "parameters"}
        self.options = defaults | options
        self.state: dict[int, dict[str, Any]] = {}

    def step(self) -> None:
        """Update each parameter that has a gradient."""
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            zeros = {k: np.zeros_like(p.detach().numpy()) for k in self.names}
            s = self.state.setdefault(i, {"step": 0} | zeros)
            s["step"] += 1
            g = p.grad.numpy() * (-1 if self.options["maximize"] else 1)
            w = p.detach().numpy()
            w[...] = self.formula(w, g, s, self.options)

    def formula(self, w: Any, g: Any, s: dict[str, Any], o: dict[str, Any]) -> Any:
        """Return the new parameter."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return the state in PyTorch's layout."""
        kept = ("step",) if getattr(optim, type(self).__name__).counts else ()
        names = (*kept, *self.names)
        return {"state": {i: {k: s[k] for k in names} for i, s in self.state.items()}}


class Lion(Paper):
    names = ("exp_avg",)

    def formula(self, w, g, s, o):
        beta1, beta2 = o["betas"]
        update = np.sign(s["exp_avg"] * beta1 + g * (1 - beta1))
        s["exp_avg"] = s["exp_avg"] * beta2 + g * (1 - beta2)
        return w - o["lr"] * (update + o["weight_decay"] * w)


class LAMB(Paper):
    names = ("exp_avg", "exp_avg_sq")

    def formula(self, w, g, s, o):
        beta1, beta2 = o["betas"]
        s["exp_avg"] = s["exp_avg"] * beta1 + g * (1 - beta1)
        s["exp_avg_sq"] = s["exp_avg_sq"] * beta2 + g * g * (1 - beta2)
        m = s["exp_avg"] / (1 - beta1 ** s["step"])
        v = s["exp_avg_sq"] / (1 - beta2 ** s["step"])
        u = m / (np.sqrt(v) + o["eps"]) + o["weight_decay"] * w
        above, below = np.linalg.norm(w.ravel()), np.linalg.norm(u.ravel())
        ratio = above / below if above and below else 1.0
        return w - o["lr"] * ratio * u


class LARS(Paper):
    names = ("momentum_buffer",)

    def __init__(self, params: Any, **options: Any) -> None:
        super().__init__(params, **options)
        if not self.options["momentum"]:
            self.names = ()

    def formula(self, w, g, s, o):
        above, below = np.linalg.norm(w.ravel()), np.linalg.norm(g.ravel())
        ratio = 1.0
        if above and below:
            below = below + o["weight_decay"] * above + o["eps"]
            ratio = o["trust_coefficient"] * above / below
        step = ratio * (g + o["weight_decay"] * w)
        if o["momentum"]:
            s["momentum_buffer"] = o["momentum"] * s["momentum_buffer"] + step
            b = s["momentum_buffer"]
            step = step + o["momentum"] * b if o["nesterov"] else b
        return w - o["lr"] * step

    def state_dict(self):
        return super().state_dict() if self.names else {"state": {}}


PAPERS = {"Lion": Lion, "LAMB": LAMB, "LARS": LARS}


# --- options that are refused ---------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("SGD", {"momentum": -1}, "momentum is -1; it must be a number, at least 0"),
    ("SGD", {"nesterov": True}, "nesterov=True needs momentum"),
    ("AdamW", {"betas": (1.0, 0.9)}, r"betas\[0\] is 1.0; .* less than 1"),
    ("NAdam", {"momentum_decay": -0.1}, "momentum_decay is -0.1"),
    ("NAdam", {"betas": 0.9}, "betas is 0.9; it must be two numbers"),
    ("RAdam", {"betas": (0.9, 1.0)}, r"betas\[1\] is 1.0"),
    ("Adagrad", {"lr_decay": -1}, "lr_decay is -1"),
    ("Adagrad", {"initial_accumulator_value": -1}, "initial_accumulator_value is -1"),
    ("Adadelta", {"rho": 1.1}, "rho is 1.1; it must be from 0 to 1"),
    ("Adadelta", {"rho": -1}, "rho is -1"),
    ("RMSprop", {"alpha": -1}, "alpha is -1"),
    ("RMSprop", {"momentum": "fast"}, "momentum is 'fast'"),
    ("Rprop", {"etas": (0.5, 0.9)}, "the second above 1"),
    ("Rprop", {"etas": (0.0, 1.2)}, "the first must lie between 0 and 1"),
    ("Rprop", {"step_sizes": (1.0, 0.1)}, r"step_sizes\[1\] is 0.1; .* at least 1.0"),
    ("ASGD", {"t0": -1}, "t0 is -1"),
    ("Lion", {"betas": (0.9,)}, "it must be two numbers"),
    ("LAMB", {"eps": 0}, "LAMB: eps is 0"),
    ("LARS", {"nesterov": True, "momentum": 0}, "nesterov=True needs momentum"),
    ("LARS", {"trust_coefficient": -1}, "trust_coefficient is -1"),
    ("Muon", {"ns_steps": 100}, "ns_steps is 100; it must be an integer from 0 to 99"),
    ("Muon", {"ns_coefficients": (1.0, 2.0)}, "they must be three numbers"),
    ("Muon", {"adjust_lr_fn": "best"}, "adjust_lr_fn is 'best'; it must be None or"),
]
for _kind in sorted({line.name for line in LINES}):
    REFUSED.append((_kind, {"lr": -1.0}, re.escape(f"{_kind}: lr is -1.0")))
    REFUSED.append((_kind, {"lr": True}, re.escape(f"{_kind}: lr is True")))
    if "weight_decay" in inspect.signature(getattr(optim, _kind)).parameters:
        REFUSED.append((_kind, {"weight_decay": -1}, "weight_decay is -1"))
    if "eps" in inspect.signature(getattr(optim, _kind)).parameters:
        REFUSED.append((_kind, {"eps": float("nan")}, "eps is nan"))
