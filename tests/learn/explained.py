"""Explanations to draw: dictionaries made by hand, and those of real computations."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np

import xpnet as xn
from xpnet import nn, xp

__all__ = ["HOSTILE", "broadcast", "convolution", "made_up", "mlp", "neuron", "square"]

HOSTILE = "<script>alert('x')</script>\"&\x01"


def neuron() -> dict[str, Any]:
    w = xn.asarray(0.5, requires_grad=True)
    b = xn.asarray(0.1, requires_grad=True)
    x, y = 2.0, 1.0
    z = w * x + b
    a = xp.tanh(z)
    loss = (a - y) ** 2
    return xn.explain(loss, wrt=[w, b]).to_dict()


def square() -> dict[str, Any]:
    x = xn.asarray(3.0, requires_grad=True)
    y = x * x
    return xn.explain(y, wrt=x).to_dict()


def broadcast() -> dict[str, Any]:
    X = xn.asarray(np.arange(12.0).reshape(4, 3))
    b = xn.asarray(np.ones(3), requires_grad=True)
    z = X + b
    loss = xp.sum(z**2)
    return xn.explain(loss, wrt=b).to_dict()


def mlp() -> dict[str, Any]:
    model = nn.Sequential(
        nn.Linear(2, 8, rng=0), nn.Tanh(), nn.Linear(8, 3, rng=1), nn.ReLU()
    )
    X = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    loss = xp.mean(model(xn.asarray(X)) ** 2)
    return xn.explain(loss, wrt=model).to_dict()


def convolution() -> dict[str, Any]:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, rng=0),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 2, rng=1),
    )
    X = np.random.default_rng(0).normal(size=(5, 1, 8, 8)).astype("float32")
    loss = xn.losses.cross_entropy(model(xn.asarray(X)), np.array([0, 1, 0, 1, 1]))
    return xn.explain(loss, wrt=model).to_dict()


def step(
    number: int, name: str, operation: str, inputs: list[Any], **more: Any
) -> dict[str, Any]:
    """Return one step of a made-up explanation."""
    given = [{"id": i} if isinstance(i, int) else i for i in inputs]
    return {
        "id": number,
        "name": name,
        "operation": operation,
        "expression": name,
        "inputs": given,
        "derivatives": [
            {"formula": "y", "symbols": "y", "value": 0.5} if "id" in i else None
            for i in given
        ],
        "shape": [],
        "dtype": "float64",
        "value": 1.25,
        "cotangent": -0.5,
        "line": None,
        "rule": "",
        "notes": [],
    } | more


def made_up(size: int, seed: int = 0, name: str = "t") -> dict[str, Any]:
    """Return a random computation of about `size` steps, each of them used."""
    draw = random.Random(seed)
    leaves = max(2, size // 6)
    steps = [step(i, f"w{i}", "variable", []) for i in range(leaves)]
    for i in range(leaves, size):
        count = draw.choice([1, 1, 2, 2, 3])
        inputs = [draw.randrange(max(0, i - 12), i) for _ in range(count)]
        operation = draw.choice(["add", "multiply", "tanh", "exp"])
        steps.append(step(i, f"{name}{i}", operation, inputs))
    used = {size - 1}
    for one in reversed(steps):
        if one["id"] in used:
            used |= {given["id"] for given in one["inputs"]}
    steps = [one for one in steps if one["id"] in used]
    return {
        "loss": {"name": f"{name}{size - 1}", "value": 1.25},
        "steps": steps,
        "variables": [_variable(steps)],
    }


def _variable(steps: list[dict[str, Any]]) -> dict[str, Any]:
    by_id = {one["id"]: one for one in steps}
    path = [steps[-1]["id"]]
    while by_id[path[-1]]["inputs"]:
        path.append(by_id[path[-1]]["inputs"][0]["id"])
    pairs = itertools.pairwise([by_id[i]["name"] for i in path])
    names = [f"∂{a}/∂{b}" for a, b in pairs]
    return {
        "id": path[-1],
        "name": by_id[path[-1]]["name"],
        "shape": [],
        "value": 1.25,
        "gradient": -0.5,
        "finite_difference": -0.5,
        "sum_of_paths": -0.5,
        "held_constant": [one["name"] for one in steps if one["id"] != path[-1]],
        "path_count": 12,
        "paths": [
            {
                "steps": path,
                "names": names,
                "symbols": ["y"] * len(names),
                "numbers": [0.5] * len(names),
                "contribution": 0.25,
            }
        ],
        "rest": -0.75,
    }
