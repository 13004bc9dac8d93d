"""What can be chosen for the page Network, and the run that is made of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import data, losses, nn, optim
from ..calculus.tape import no_grad
from ..errors import OptionError
from ..nn import functional as F
from ..random import Generator
from .ask import Ask
from .own import Own, like_parameter
from .training import Run

__all__ = [
    "ACTIVATIONS",
    "DATA",
    "LOSSES",
    "OPTIMIZERS",
    "OWN",
    "Config",
    "Problem",
    "build",
]

DATA: dict[str, Callable[..., data.Dataset]] = {
    "spirals": data.spirals,
    "moons": data.moons,
    "circles": data.circles,
    "xor": data.xor,
    "blobs": lambda n, **options: data.blobs(n, centers=3, **options),
}
NOISE = {"spirals": 0.02, "moons": 0.1, "circles": 0.05, "xor": 0.0, "blobs": 0.25}
OWN = "own"

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,
    "ReLU": nn.ReLU,
    "leaky ReLU": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "GELU": nn.GELU,
    "identity": nn.Identity,
}

OPTIMIZERS: dict[str, Callable[[Any, float], optim.Optimizer]] = {
    "SGD": lambda p, lr: optim.SGD(p, lr=lr),
    "SGD with momentum": lambda p, lr: optim.SGD(p, lr=lr, momentum=0.9),
    "Adagrad": lambda p, lr: optim.Adagrad(p, lr=lr),
    "RMSprop": lambda p, lr: optim.RMSprop(p, lr=lr),
    "Adam": lambda p, lr: optim.Adam(p, lr=lr),
    "AdamW": lambda p, lr: optim.AdamW(p, lr=lr),
}


# --- losses: each takes what the network gives, before any sigmoid or softmax ---------


def _binary_logistic(out: Any, y: Any) -> Any:
    return losses.binary_cross_entropy_with_logits(out, y)


def _binary_squared(out: Any, y: Any) -> Any:
    return losses.mean_squared_error(F.sigmoid(out), y)


def _classes_squared(out: Any, y: Any) -> Any:
    return losses.mean_squared_error(F.softmax(out, axis=-1), y)


LOSSES: dict[str, dict[str, Callable[[Any, Any], Any]]] = {
    "logistic cost": {"binary": _binary_logistic, "classes": losses.cross_entropy},
    "squared error": {
        "binary": _binary_squared,
        "classes": _classes_squared,
        "numbers": losses.mean_squared_error,
    },
}


class Config(NamedTuple):
    """What was chosen; the fields are those of a "start" request."""

    data: str
    points: int
    noise: float
    layers: tuple[int, ...]
    activation: str
    loss: str
    optimizer: str
    lr: float
    batch: int
    seed: int

    @classmethod
    def read(cls, ask: Ask, own: Own | None) -> Config:
        """Return what a request asks for, checked."""
        names = [*DATA, *([OWN] if own else [])]
        name = ask.choice("data", names, default=names[-1] if own else "spirals")
        return cls(
            name,
            ask.whole("points", 10, 1000, default=200),
            ask.number("noise", 0.0, 1.0, default=NOISE.get(name, 0.0)),
            _layers(ask),
            ask.choice("activation", list(ACTIVATIONS), default="tanh"),
            _loss(ask, own.task if own and name == OWN else ""),
            ask.choice("optimizer", list(OPTIMIZERS), default="Adam"),
            ask.number("lr", 0.0, 100.0, default=0.03),
            ask.whole("batch", 1, 1000, default=32),
            ask.whole("seed", 0, 2**31 - 1, default=0),
        )


def _layers(ask: Ask) -> tuple[int, ...]:
    """Return the numbers of units of the hidden layers."""
    if "layers" not in ask:
        return (8, 8)
    units = ask.numbers("layers", 1, 64, most=4)
    if any(n != int(n) for n in units):
        raise OptionError(f"layers holds whole numbers of units, not {units}.")
    return tuple(map(int, units))


def _loss(ask: Ask, task: str) -> str:
    """Return the name of the loss; targets that are numbers have one only."""
    name = ask.choice("loss", list(LOSSES), default="logistic cost")
    return "squared error" if task == "numbers" else name


class Problem(NamedTuple):
    """Data as a network sees it.

    Attributes
    ----------
    x, y : Array
        All examples, and their targets as the loss takes them.
    task : str
        "binary", "classes" or "numbers".
    classes : tuple of str
        The names of the classes; empty for numbers.
    labels : numpy.ndarray
        The targets as they came, (n, ...).
    loss : callable
        ``loss(out, y)``.
    """

    x: Any
    y: Any
    task: str
    classes: tuple[str, ...]
    labels: Any
    loss: Callable[[Any, Any], Any]

    def prediction(self, out: Any) -> Any:
        """Return probabilities, or the outputs where targets are numbers."""
        if self.task == "binary":
            return F.sigmoid(out)
        return F.softmax(out, axis=-1) if self.task == "classes" else out

    def right(self, out: Any) -> Any:
        """Return whether the class is right, for outputs of the first examples."""
        labels = self.labels[: len(out)].reshape(len(out))
        if self.task == "classes":
            return out.argmax(axis=-1) == labels
        return (out.reshape(len(out)) > 0) == (labels > 0.5)


def build(config: Config, own: Own | None) -> tuple[Run, Problem]:
    """Return the run that a user would write for these choices, at step 0."""
    first, *streams = Generator(config.seed).split(len(config.layers) + 3)
    if config.data == OWN and own is not None:
        task, features, labels = own.task, own.X, own.y
        model = own.fresh_model()
        classes = _numbered(labels, task)
    else:
        points = DATA[config.data](config.points, noise=config.noise, rng=config.seed)
        features, labels, classes = points.features, points.labels, points.classes
        task = "binary" if len(classes) == 2 else "classes"
        outputs = 1 if task == "binary" else len(classes)
        model = _network(config, features.shape[1], outputs, streams)
    like = next(iter(model.parameters()))
    loss = LOSSES[config.loss][task]
    x = like_parameter(features, like)
    y = _targets(task, config.loss, labels, model, x)
    loader = data.DataLoader(
        data.Dataset(x, y), batch_size=config.batch, shuffle=True, rng=first
    )
    optimizer = OPTIMIZERS[config.optimizer](model.parameters(), config.lr)
    problem = Problem(x, y, task, classes, labels, loss)
    return Run(model, loss, optimizer, loader), problem


def _network(
    config: Config, inputs: int, outputs: int, streams: list[Generator]
) -> nn.Sequential:
    """Return Linear layers, with the activation between two of them."""
    sizes = [inputs, *config.layers, outputs]
    init = "kaiming_uniform" if "ReLU" in config.activation else None
    layers: list[nn.Module] = []
    for n, m, rng in zip(sizes, sizes[1:], streams, strict=False):
        layers += [ACTIVATIONS[config.activation]()] if layers else []
        layers.append(nn.Linear(n, m, rng=rng, init=init))
    return nn.Sequential(*layers)


def _targets(task: str, loss: str, labels: Any, model: nn.Module, x: Any) -> Any:
    """Return targets of the dtype and the shape that the loss takes."""
    with no_grad():
        outputs = model.eval()(x[:1]).shape[1:]
    if task == "classes" and loss == "logistic cost":
        return data.Dataset(labels, labels.astype(np.int64)).arrays(like=x)[1]
    if task == "classes":
        labels = np.eye(outputs[0])[labels]
    elif math.prod(outputs) == 1:
        labels = labels.reshape(len(labels), *outputs)
    return like_parameter(labels, x)


def _numbered(labels: Any, task: str) -> tuple[str, ...]:
    """Return names of classes that have none."""
    if task == "numbers":
        return ()
    count = 2 if task == "binary" else int(labels.max()) + 1
    return tuple(f"class {k}" for k in range(count))
