"""One neuron with its examples: forward, backward, and a step of gradient descent."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import xpnet as xn
from xpnet import optim, xp
from xpnet.nn import functional as F

from ..calculus.array import Array
from ..errors import OptionError
from ..nn.hooks import watch
from .ask import Ask

__all__ = ["Forward", "Given", "Pull", "Update", "forward", "pull_of", "update"]

FAR = 1e6  # how large a number may be
EXAMPLES = 8  # at most

ACTIVATIONS: dict[str, Callable[[Any], Array]] = {
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "ReLU": F.relu,
    "identity": lambda z: z,
}


def squared_error(a: Any, y: Any) -> Array:
    """Return the square of how far the prediction is from the target."""
    return (a - y) ** 2  # type: ignore[no-any-return]


def logistic_cost(a: Any, y: Any) -> Array:
    """Return minus the logarithm of the probability that was given to the target."""
    return -(y * xp.log(a) + (1 - y) * xp.log(1 - a))  # type: ignore[no-any-return]


LOSSES: dict[str, Callable[[Any, Any], Array]] = {
    "squared error": squared_error,
    "logistic cost": logistic_cost,
}


class Given(NamedTuple):
    """A neuron with its examples: everything that an answer depends on.

    Attributes
    ----------
    weights, bias
        One weight for each input.
    activation, loss
        Their names.
    examples : list of list of float
        Each is its inputs and, last, its target.
    chosen : int
        The example that is looked at.
    lr : float
        The learning rate.
    """

    weights: list[float]
    bias: float
    activation: str
    loss: str
    examples: list[list[float]]
    chosen: int
    lr: float

    @classmethod
    def read(cls, ask: Ask) -> Given:
        """Return what a request asks about, checked."""
        weights = ask.numbers("weights", -FAR, FAR, most=3, least=2)
        flat = ask.numbers("examples", -FAR, FAR, most=EXAMPLES * 4, least=3)
        width = len(weights) + 1
        if len(flat) % width or len(flat) // width > EXAMPLES:
            raise OptionError(
                f"examples holds {width} numbers for each of at most {EXAMPLES} "
                f"examples, {width - 1} inputs and a target; {len(flat)} do not fit."
            )
        examples = [flat[i : i + width] for i in range(0, len(flat), width)]
        activation = ask.choice("activation", list(ACTIVATIONS))
        loss = ask.choice("loss", list(LOSSES))
        if loss == "logistic cost":
            _check_probabilities(activation, [row[-1] for row in examples])
        return cls(
            weights,
            ask.number("bias", -FAR, FAR),
            activation,
            loss,
            examples,
            ask.whole("chosen", 0, len(examples) - 1),
            ask.number("lr", 0.0, FAR),
        )

    @property
    def names(self) -> list[str]:
        """The names of the parameters."""
        return [*(f"w{i}" for i in range(1, len(self.weights) + 1)), "b"]

    def parameters(self) -> list[Array]:
        """Return new leaves: the weights, and the bias."""
        return [_leaf(value) for value in (*self.weights, self.bias)]

    def after(self, parameters: list[Array]) -> Given:
        """Return the same with other values of the parameters."""
        *weights, bias = (float(p) for p in parameters)
        return self._replace(weights=weights, bias=bias)


def _check_probabilities(activation: str, targets: list[float]) -> None:
    """Raise unless the logistic cost can be taken."""
    if activation != "sigmoid":
        raise OptionError(
            "the logistic cost needs a probability, between 0 and 1: choose sigmoid, "
            f"not {activation}."
        )
    if any(not 0 <= y <= 1 for y in targets):
        raise OptionError("for the logistic cost every target is from 0 to 1.")


def _leaf(value: float) -> Array:
    return xn.asarray(value, dtype="float64", requires_grad=True)


class Forward(NamedTuple):
    """One example on its way through the neuron; all on one tape."""

    x: list[Array]
    y: Array
    products: list[Array]
    z: Array
    a: Array
    loss: Array

    def names(self, given: Given, parameters: list[Array]) -> dict[str, Array]:
        """Return what to call the arrays."""
        inputs = {f"x{i}": x for i, x in enumerate(self.x, 1)}
        named = dict(zip(given.names, parameters, strict=True))
        out = {**named, **inputs, "y": self.y, "z": self.z}
        return out | ({} if self.a is self.z else {"a": self.a}) | {"L": self.loss}


def forward(
    given: Given,
    row: list[float],
    parameters: list[Array],
    see: Callable[[str, Array], Array] = lambda _, x: x,
) -> Forward:
    """Compute z = w1 x1 + ... + b, a = activation(z), and the loss of one example.

    `see` is called with the name and the value of z and a, and returns the value.
    """
    *weights, b = parameters
    *x, y = (xn.asarray(value, dtype="float64") for value in row)
    products = [w * xi for w, xi in zip(weights, x, strict=True)]
    z = see("z", functools.reduce(operator.add, products) + b)
    a = see("a", ACTIVATIONS[given.activation](z))
    return Forward(x, y, products, z, a, LOSSES[given.loss](a, y))


class Pull(NamedTuple):
    """What one example says: its numbers, and how it pulls each parameter.

    A pull is minus the gradient, over the number of examples: all pulls on a parameter
    add up to minus the gradient of the cost, which is the way that it goes.
    """

    z: float
    a: float
    loss: float
    products: list[float]
    gradients: list[float]
    of_z: float
    of_a: float
    pulls: list[float]


def pull_of(given: Given, row: list[float]) -> Pull:
    """Run one example forward and backward."""
    parameters = given.parameters()
    seen: dict[str, float] = {}

    def see(name: str, x: Array) -> Array:
        return watch(x, lambda g: seen.__setitem__(name, float(g)))

    run = forward(given, row, parameters, see)
    run.loss.backward()
    gradients = [float(p.grad) if p.grad is not None else 0.0 for p in parameters]
    count = len(given.examples)
    return Pull(
        float(run.z),
        float(run.a),
        float(run.loss),
        [float(p) for p in run.products],
        gradients,
        seen.get("z", 0.0),
        seen.get("a", 0.0),
        [-g / count for g in gradients],
    )


class Update(NamedTuple):
    """One step of gradient descent on the cost of all examples."""

    cost: float
    gradients: list[float]
    given: Given


def update(given: Given) -> Update:
    """Take one step with `optim.SGD`: new = old - learning rate x gradient."""
    parameters = given.parameters()
    optimizer = optim.SGD(parameters, lr=given.lr)
    total: Any = 0.0
    for row in given.examples:
        total = total + forward(given, row, parameters).loss
    cost = total / len(given.examples)
    cost.backward()
    gradients = [float(p.grad) if p.grad is not None else 0.0 for p in parameters]
    optimizer.step()
    return Update(float(cost), gradients, given.after(parameters))
