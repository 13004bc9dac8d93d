"""`explain_step`: its parts are the actual change, and no bit of anything changes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from libraries import host
from xpnet import optim
from xpnet.learn import explain_step


def product(**choices: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return every combination of options."""
    rows = itertools.product(*choices.values())
    return [dict(zip(choices, row, strict=True)) for row in rows]


DECAY = {"weight_decay": (0.0, 0.1)}
BOTH = {**DECAY, "maximize": (False, True)}
DECOUPLED = {**BOTH, "decoupled_weight_decay": (False, True)}
CASES: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        o
        for o in product(
            momentum=(0.0, 0.9), dampening=(0.0, 0.3), nesterov=(False, True), **BOTH
        )
        if not o["nesterov"] or (o["momentum"] and not o["dampening"])
    ],
    "Adam": product(amsgrad=(False, True), **DECOUPLED),
    "AdamW": product(amsgrad=(False, True), **BOTH),
    "NAdam": product(**DECOUPLED),
    "RAdam": product(betas=((0.9, 0.999), (0.8, 0.6)), **DECOUPLED),
    "Adamax": product(**BOTH),
    "Adadelta": product(**BOTH),
    "Adagrad": product(
        lr_decay=(0.0, 0.2), initial_accumulator_value=(0.0, 0.5), **BOTH
    ),
    "RMSprop": product(momentum=(0.0, 0.9), centered=(False, True), **BOTH),
    "Rprop": product(maximize=(False, True)),
    "Lion": product(**BOTH),
    "ASGD": product(lambd=(0.0, 0.1), **BOTH),
    "LARS": product(momentum=(0.0, 0.9), **BOTH)
    + product(nesterov=(True,), trust_coefficient=(0.5,), **BOTH),
    "LAMB": product(**BOTH),
    "Muon": product(
        nesterov=(False, True), adjust_lr_fn=(None, "match_rms_adamw"), **DECAY
    ),
    "LBFGS": product(max_iter=(1,), history_size=(1, 100)),
}
SHAPES = ((3, 4), (2, 2))
STEPS = 4


def made(
    name: str, options: dict[str, Any], arrays: list[xn.Array], lr: float = 0.05
) -> Any:
    return getattr(optim, name)(arrays, lr=lr, **options)


def descend(arrays: list[xn.Array], step: int) -> None:
    """Give each parameter a gradient: of a bowl, tilted anew at every step."""
    for i, p in enumerate(arrays):
        lib = p._lib
        tilt = np.cos(np.arange(p.size) + step + i).reshape(p.shape)
        raw = lib.raw.astype(lib.from_host(tilt, lib.raw.device(p.data)), p.dtype)
        p.grad = xn.asarray(p.data * 0.7 + raw)


def leaves(seed: int, dtype: str, shapes: Any = SHAPES) -> list[xn.Array]:
    rng = np.random.default_rng(seed)
    values = [np.asarray(rng.standard_normal(s), dtype) for s in shapes]
    return [xn.asarray(x, requires_grad=True) for x in values]


def bits(optimizer: Any, arrays: list[xn.Array]) -> list[bytes]:
    """Return every bit that a step depends on."""
    found = [host(p).tobytes() for p in arrays]
    found += [b"" if p.grad is None else host(p.grad).tobytes() for p in arrays]

    def walk(x: Any) -> None:
        if isinstance(x, dict):
            for key in sorted(x, key=str):
                walk(x[key])
        elif isinstance(x, (list, tuple)):
            for part in x:
                walk(part)
        else:
            is_array = isinstance(x, xn.Array)
            found.append(host(x).tobytes() if is_array else repr(x).encode())

    walk(optimizer.state_dict())
    return found


def close(explained: Any, dtype: str, rounds: float = 64) -> None:
    """Check that the parts are the change, as far as the dtype can tell."""
    scale = np.abs(explained.before) + sum(np.abs(x.value) for x in explained.terms)
    bound = rounds * np.finfo(dtype).eps * np.max(scale, initial=0.0)
    np.testing.assert_allclose(explained.sum, explained.actual, rtol=0, atol=bound)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_parts_are_the_change_and_nothing_else_changes(
    name: str, dtype: str
) -> None:
    for options in CASES[name]:
        arrays, untouched = leaves(3, dtype), leaves(3, dtype)
        optimizer, alone = (made(name, options, x) for x in (arrays, untouched))
        for step in range(STEPS):
            descend(arrays, step)
            descend(untouched, step)
            before = bits(optimizer, arrays)
            found = [explain_step(optimizer, p) for p in arrays]
            assert bits(optimizer, arrays) == before
            optimizer.step(lambda: 0.0)
            alone.step(lambda: 0.0)
            assert bits(optimizer, arrays) == bits(alone, untouched)
            for p, explained in zip(arrays, found, strict=True):
                assert np.array_equal(host(p).astype("float64"), explained.after)
                close(explained, dtype)
                assert not any("cancel" in note for note in explained.notes)
