"""Train a network on a data set: what ``xpnet train`` does, as one function."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import data, losses, metrics, nn, optim
from .._version import __version__
from ..backend.device import Device, cuda_problem, resolve
from ..calculus.array import Array
from ..calculus.tape import no_grad
from ..interop.safetensors import save_file
from ..kernels.threads import one_blas_thread
from ..random import Generator
from .options import Options
from .report import Epoch, Report, Scores, TrainingError

__all__ = ["Result", "build", "load", "train"]


class Task(NamedTuple):
    """A data set as a network sees it; `inputs` says how the features were made."""

    train: data.Dataset
    test: data.Dataset
    outputs: int
    loss: Callable[[Array, Array], Array]
    inputs: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of a training run; `seconds` is the training alone."""

    model: nn.Module
    device: Device
    history: tuple[Epoch, ...]
    train: Scores
    test: Scores
    seconds: float
    path: Path


def train(options: Options, report: Report | None = None) -> Result:
    """Train as `options` say, save the weights, and return what came out.

    In a training step nothing is read back from the device. The loss is summed there
    and read once per epoch, for the report. The split into training and test data does
    not depend on the seed: runs with different seeds are tested on the same examples.

    Parameters
    ----------
    options : Options
        From `train_options`.
    report : Report, optional
        How to tell a person; by default not at all.

    Raises
    ------
    DeviceError
        If the device is unknown or does not work.
    LibraryError
        If scikit-learn, which brings the data, is not installed.
    TrainingError
        If the loss is no longer a finite number.
    """
    report = report or Report(quiet=True)
    device, words = _choose(options.device)
    report.line(f"device: {words}")
    task = load(options.dataset)
    model = build(task, options.hidden, options.seed, device)
    report.line(f"data: {_describe(task)}")
    report.line(f"model: {model}")
    # what overflows is said in words by _check_finite
    with one_blas_thread(), np.errstate(all="ignore"):
        history, seconds = _fit(model, task, options, report)
    train_scores = _evaluate(model, task.train.arrays(device), task.loss)
    test_scores = history[-1].test
    report.scores(train_scores, test_scores)
    epochs = f"{options.epochs} epoch{'s' if options.epochs > 1 else ''}"
    report.line(f"trained {epochs} in {seconds:.2f} s")
    save_file(model.state_dict(), options.out, _metadata(options, task, model))
    report.line(f"saved the weights in {options.out}")
    return Result(
        model, device, history, train_scores, test_scores, seconds, options.out
    )


def _choose(name: str) -> tuple[Device, str]:
    """Return the device, and the words that say which and why."""
    if name != "auto":
        device = resolve(name)
        return device, str(device)
    problem = cuda_problem()
    if problem is None:
        return Device("cuda"), "cuda (chosen by auto)"
    return Device("cpu"), f"cpu (chosen by auto: {problem.rstrip('.')})"


def load(dataset: str) -> Task:
    """Load a data set, always split in the same way."""
    return _digits() if dataset == "digits" else _breast_cancer()


def _digits() -> Task:
    """Return the digits, with one mean and one deviation taken out of all pixels."""
    train, test = data.load_digits(rng=0)
    mean, std = float(train.features.mean()), float(train.features.std())
    train, test = (
        _with(part, (part.features - mean) / std, part.labels) for part in (train, test)
    )
    inputs = f"(level / 16 - {mean:.9g}) / {std:.9g}, row by row"
    return Task(train, test, 10, losses.cross_entropy, inputs)


def _breast_cancer() -> Task:
    """Return the tumours, with the labels as targets of one output, (N, 1)."""
    train, test = (
        _with(part, part.features, part.labels.astype("float32")[:, None])
        for part in data.load_breast_cancer(rng=0)
    )
    inputs = "each number less its mean, over its deviation, of the training data"
    return Task(train, test, 1, losses.binary_cross_entropy_with_logits, inputs)


def _with(part: data.Dataset, features: Any, labels: Any) -> data.Dataset:
    """Return other arrays under the same names."""
    return data.Dataset(features, labels, classes=part.classes, name=part.name)


def build(
    task: Task, hidden: tuple[int, ...], seed: int, device: Device
) -> nn.Sequential:
    """Return a network with its first weights: Linear, and ReLU between two of them."""
    sizes = [task.train.feature_shape[0], *hidden, task.outputs]
    layers: list[nn.Module] = []
    rngs = _streams(hidden, seed)
    for inputs, outputs, rng in zip(sizes, sizes[1:], rngs, strict=False):
        layers += [nn.ReLU()] if layers else []
        layers.append(nn.Linear(inputs, outputs, rng=rng))
    return nn.Sequential(*layers, device=device)


def _streams(hidden: tuple[int, ...], seed: int) -> list[Generator]:
    """Return a stream of random numbers for each Linear, and last one for the data."""
    return Generator(seed).split(len(hidden) + 2)


_OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "sgd": optim.SGD,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
}


def _fit(
    model: nn.Module, task: Task, options: Options, report: Report
) -> tuple[tuple[Epoch, ...], float]:
    """Train; return how each epoch went, and the seconds without the tests between."""
    device = next(iter(model.parameters())).device
    optimizer = _OPTIMIZERS[options.optimizer](model.parameters(), lr=options.lr)
    loader = data.DataLoader(
        task.train,
        batch_size=options.batch_size,
        shuffle=True,
        rng=_streams(options.hidden, options.seed)[-1],
        device=device,
    )
    test = task.test.arrays(device)
    history: list[Epoch] = []
    seconds = 0.0
    report.begin(options.epochs)
    try:
        for number in range(1, options.epochs + 1):
            start = time.perf_counter()
            loss = _one_epoch(model, optimizer, loader, task.loss)
            seconds += time.perf_counter() - start
            _check_finite(loss, number, options.lr)
            history.append(Epoch(loss, _evaluate(model, test, task.loss)))
            report.epoch(number, history[-1])
    finally:
        report.end()
    return tuple(history), seconds


def _one_epoch(
    model: nn.Module, optimizer: Any, loader: data.DataLoader, loss_of: Any
) -> float:
    """Take one step per batch; return the mean loss, the only number that is read."""
    total: Any = 0.0
    model.train()
    for x, y in loader:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total = total + loss.detach() * len(x)
    return float(total) / len(loader.dataset)


def _evaluate(model: nn.Module, part: tuple[Array, Array], loss_of: Any) -> Scores:
    """Return the loss and the accuracy on a whole part of the data."""
    x, y = part
    model.eval()
    with no_grad():
        out = model(x)
        return Scores(float(loss_of(out, y)), float(metrics.accuracy(out, y)))


def _check_finite(loss: float, number: int, lr: float) -> None:
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss of epoch {number} is {loss}: the training diverged, and nothing "
            f"was saved. Use a --lr smaller than {lr:g}."
        )


def _describe(task: Task) -> str:
    train, test = task.train, task.test
    return (
        f"{train.name}, {len(train)} training and {len(test)} test examples of "
        f"{train.feature_shape[0]} numbers, {len(train.classes)} classes"
    )


def _metadata(options: Options, task: Task, model: nn.Module) -> dict[str, str]:
    """Return the words that say how the weights were made."""
    parameter = next(iter(model.parameters()))
    return {
        "dataset": options.dataset,
        "inputs": task.inputs,
        "hidden": ",".join(map(str, options.hidden)),
        "seed": str(options.seed),
        "dtype": str(parameter.dtype),
        "xpnet": __version__,
    }
