"""What can be asked of ``xpnet train``, checked before anything is loaded."""

from __future__ import annotations

import math
import operator
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..errors import OptionError

__all__ = ["DEFAULTS", "OPTIMIZERS", "Defaults", "Options", "choices", "train_options"]

OPTIMIZERS = ("sgd", "adam", "adamw")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What suits one data set; the learning rate depends on the optimizer too."""

    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    lr: dict[str, float]


DEFAULTS = {
    "digits": Defaults(
        hidden=(1024,),
        epochs=30,
        batch_size=32,
        lr={"sgd": 0.3, "adam": 2e-3, "adamw": 2e-3},
    ),
    "breast-cancer": Defaults(
        hidden=(),
        epochs=30,
        batch_size=32,
        lr={"sgd": 0.1, "adam": 1e-2, "adamw": 1e-2},
    ),
}


@dataclass(frozen=True, slots=True)
class Options:
    """One training run, complete and checked."""

    dataset: str
    device: str
    epochs: int
    batch_size: int
    lr: float
    hidden: tuple[int, ...]
    optimizer: str
    seed: int
    out: Path


def train_options(
    dataset: str | None,
    *,
    device: str = "auto",
    epochs: int | str | None = None,
    batch_size: int | str | None = None,
    lr: float | str | None = None,
    hidden: str | None = None,
    optimizer: str = "adam",
    seed: int | str = 0,
    out: str | os.PathLike[str] | None = None,
) -> Options:
    """Return complete options: what is None gets the default of the data set.

    Numbers may be words, as they come from a command line.

    Raises
    ------
    OptionError
        If a word is not among its choices, a number out of its range, or `out` a path
        that cannot be written.

    Examples
    --------
    >>> train_options("digits", hidden="128,64").hidden
    (128, 64)
    >>> train_options("digits", lr=-1.0)
    Traceback (most recent call last):
    ...
    xpnet.errors.OptionError: --lr is a number greater than 0, not -1.0.
    """
    if dataset is None:
        raise OptionError(f"name a data set to train on: {choices('dataset')}.")
    _among("dataset", dataset)
    _among("optimizer", optimizer)
    default = DEFAULTS[dataset]
    path = Path(f"{dataset}.safetensors" if out is None else out)
    _check_writable(path)
    return Options(
        dataset=dataset,
        device=device,
        epochs=_whole("--epochs", default.epochs if epochs is None else epochs, 1),
        batch_size=_whole(
            "--batch-size", default.batch_size if batch_size is None else batch_size, 1
        ),
        lr=_rate(default.lr[optimizer] if lr is None else lr),
        hidden=default.hidden if hidden is None else _sizes(hidden),
        optimizer=optimizer,
        seed=_whole("--seed", seed, 0),
        out=path,
    )


_CHOICES = {"dataset": tuple(DEFAULTS), "optimizer": OPTIMIZERS}


def choices(kind: str) -> str:
    """Return the choices as words: ``digits, breast-cancer``."""
    return ", ".join(_CHOICES[kind])


def _among(kind: str, word: str) -> None:
    if word not in _CHOICES[kind]:
        name = {"dataset": "data set"}.get(kind, kind)
        raise OptionError(
            f"there is no {name} {word!r} here; use one of {choices(kind)}."
        )


def _whole(name: str, value: int | str, least: int) -> int:
    """Read a whole number; a fraction is refused and not rounded."""
    try:
        number = int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        number = None
    if number is None or number < least:
        raise OptionError(f"{name} is a whole number of at least {least}, not {value}.")
    return number


def _rate(value: float | str) -> float:
    """Read a learning rate: finite, and more than 0."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (number > 0.0 and math.isfinite(number)):
        raise OptionError(f"--lr is a number greater than 0, not {value}.")
    return number


def _sizes(text: str) -> tuple[int, ...]:
    """Read ``128,64``; nothing, or 0, is no hidden layer."""
    words = [word.strip() for word in text.split(",")]
    if words in ([""], ["0"]):
        return ()
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise OptionError(
            f"--hidden is a list of sizes such as 128,64, or 0 for no hidden layer; "
            f"not {text!r}."
        )
    return tuple(map(int, words))


def _check_writable(path: Path) -> None:
    """Raise if a file cannot be made at `path`, or is no file."""
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        kind = "a folder" if place.is_dir() else "not a regular file"
        raise OptionError(f"--out {path} cannot be written: it is {kind}.")
    try:
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError(13, "Permission denied")
        with tempfile.TemporaryFile(dir=place.parent):
            pass
    except OSError as error:
        raise OptionError(
            f"--out {path} cannot be written: {error.strerror}."
        ) from None
