"""What a person sees of a training run: a bar on a terminal, lines in a file."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple, final

from ..errors import XpnetError

__all__ = ["Epoch", "Report", "Scores", "TrainingError"]


class TrainingError(XpnetError, RuntimeError):
    """The training went wrong, although nothing was wrong with what was asked."""


class Scores(NamedTuple):
    """The mean loss, and the share of right answers in [0, 1]."""

    loss: float
    accuracy: float


class Epoch(NamedTuple):
    """One pass over the training data: its mean loss on the way, and the test after."""

    train_loss: float
    test: Scores

    def __str__(self) -> str:
        return (
            f"train loss {self.train_loss:.4f}, test loss {self.test.loss:.4f}, "
            f"test accuracy {self.test.accuracy:.2%}"
        )


@final
class Report:
    """Prints lines on standard output, with or without a bar for the epochs.

    Parameters
    ----------
    quiet : bool
        Print nothing at all.
    bar : bool
        A bar on standard error instead of one line per epoch.
    """

    def __init__(self, *, quiet: bool = False, bar: bool = False) -> None:
        self.quiet = quiet
        self.bar = bar
        self._progress: Any = None
        self._epochs = 0

    @classmethod
    def on_terminal(cls) -> Report:
        """Return one with a bar where a person is looking."""
        return cls(bar=sys.stdout.isatty() and sys.stderr.isatty())

    def line(self, text: object) -> None:
        """Print one thing."""
        if not self.quiet:
            print(text, flush=True)

    def begin(self, epochs: int) -> None:
        """Start the epochs."""
        self._epochs = epochs
        if self.bar:
            from tqdm import tqdm

            self._progress = tqdm(total=epochs, unit="epoch", dynamic_ncols=True)

    def epoch(self, number: int, epoch: Epoch) -> None:
        """Tell how one epoch went, counted from 1."""
        if self._progress is None:
            width = len(str(self._epochs))
            self.line(f"epoch {number:{width}}/{self._epochs}: {epoch}")
            return
        self._progress.set_postfix_str(str(epoch), refresh=False)
        self._progress.update()

    def end(self) -> None:
        """Close the bar, also after an error."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None

    def scores(self, train: Scores, test: Scores) -> None:
        """Print the last table."""
        self.line("         loss  accuracy")
        for name, (loss, accuracy) in (("train", train), ("test", test)):
            self.line(f"{name:5} {loss:7.4f}  {accuracy:8.2%}")
