"""Going downhill: what an optimizer does on a function of a few numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, final, overload

from ..errors import OptionError
from .descent_run import Maker, Move, Run, function_of, start_of
from .descent_words import Ending, ending_of, standings, table, title, update
from .digits import finite
from .formula import Formula

__all__ = ["Descent", "Move", "Race", "descend"]


@overload
def descend(
    f: Callable[..., Any] | str,
    start: Any,
    optimizer: Mapping[str, Maker],
    steps: int = ...,
    **options: Any,
) -> Race: ...
@overload
def descend(
    f: Callable[..., Any] | str,
    start: Any,
    optimizer: Maker,
    steps: int = ...,
    **options: Any,
) -> Descent: ...
def descend(
    f: Callable[..., Any] | str,
    start: Any,
    optimizer: Maker | Mapping[str, Maker],
    steps: int = 50,
    **options: Any,
) -> Descent | Race:
    """Follow an optimizer from a point down a function.

    Parameters
    ----------
    f : callable, Formula or str
        A function of as many numbers as `start` has: ``f(x, y)``. A text is the name of
        one of ``SURFACES``, or a formula of x and y (of x alone for one number, of x1,
        x2, x3, ... for more than two).
    start : number, or sequence of them
        Where to begin. It is computed in float64, unless it is an array of floating
        point, whose dtype, library and device stay.
    optimizer : class, callable or dict
        A class of `xpnet.optim`, or what makes an optimizer of a list of parameters:
        ``lambda p: optim.SGD(p, lr=0.1)``. A dict of these by name is a race.
    steps : int
        How often ``optimizer.step`` is called at most; a value or a gradient that is
        not finite ends the descent.
    **options
        For the optimizer: ``descend(f, start, optim.SGD, lr=0.1)``.

    Returns
    -------
    Descent or Race
        Each point with its value and its gradient, and in words how it ended. A dict
        of optimizers gives a `Race`.

    Raises
    ------
    OptionError
        If `steps` is not a positive integer, `optimizer` makes no optimizer, or the
        function does not depend on its variables.
    ShapeError
        If the function does not return one number.

    Examples
    --------
    >>> from xpnet import optim
    >>> way = descend("x^2 + y^2", (4.0, -2.0), optim.SGD, steps=2, lr=0.25)
    >>> way.points
    [(4.0, -2.0), (2.0, -1.0), (1.0, -0.5)]
    >>> print(way.update(0))
    x: 2 = 4 − 0.25 × 8; y: −1 = −2 − 0.25 × (−4)
    """
    if type(steps) is not int or steps < 1:
        raise OptionError(
            f"descend: steps is an integer of at least 1, not {steps!r:.40}."
        )
    begin = start_of(start)
    function, names = function_of(f, begin.size)

    def way(make: Maker) -> Descent:
        run = Run(function, begin, make, options)
        moves = run.moves(steps)
        return Descent(function, names, run.shown, moves, run.curvatures, run.eps)

    if not isinstance(optimizer, Mapping):
        return way(optimizer)
    if not optimizer:
        raise OptionError("descend: the dict of optimizers is empty; name one.")
    return Race({str(name): way(make) for name, make in optimizer.items()})


@final
class Descent:
    """The way of an optimizer down a function.

    Attributes
    ----------
    moves : tuple of Move
        The points with their values and gradients; the first is the start.
    optimizer : str
        The optimizer with its options.
    text : str
        The function, where it is a formula.
    variables : tuple of str
        What the numbers are called.
    ending : Ending
        Where it came to: its ``kind`` is ``"minimum"``, ``"saddle"``, ``"plateau"``,
        ``"maximum"``, ``"zigzag"``, ``"going down"`` or ``"diverged"``.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        variables: tuple[str, ...],
        optimizer: str,
        moves: Sequence[Move],
        curvatures: Callable[[tuple[float, ...]], list[float] | None],
        eps: float,
    ) -> None:
        self.text = function.python if isinstance(function, Formula) else ""
        self.variables = variables
        self.optimizer = optimizer
        self.moves = tuple(moves)
        self._eps = eps  # of the dtype the optimizer computes in
        self.ending: Ending = ending_of(self, curvatures)

    @property
    def points(self) -> list[tuple[float, ...]]:
        """Where it went."""
        return [move.point for move in self.moves]

    @property
    def values(self) -> list[float]:
        """The function at each point."""
        return [move.value for move in self.moves]

    @property
    def gradients(self) -> list[tuple[float, ...]]:
        """The gradient at each point."""
        return [move.gradient for move in self.moves]

    def __len__(self) -> int:
        """Return the number of steps that were taken."""
        return len(self.moves) - 1

    def is_plain(self, step: int) -> bool:
        """Tell whether a step was old − learning_rate × gradient, and nothing else."""
        old, new = self.moves[step], self.moves[step + 1]
        rate = old.learning_rate
        return rate is not None and all(
            abs(a - rate * g - b) <= 4 * self._eps * (abs(a) + abs(rate * g))
            for a, g, b in zip(old.point, old.gradient, new.point, strict=True)
        )

    def update(self, step: int) -> str:
        """Return the update of a step, counted from 0, with the numbers put in."""
        return update(self, step)

    def __str__(self) -> str:
        return "\n".join([title(self), "", *table(self), "", self.ending.words])

    def __repr__(self) -> str:
        return str(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers and text; what is not finite becomes None."""
        return {
            "text": self.text,
            "variables": list(self.variables),
            "optimizer": self.optimizer,
            "points": [[finite(v) for v in move.point] for move in self.moves],
            "values": [finite(move.value) for move in self.moves],
            "gradients": [[finite(v) for v in move.gradient] for move in self.moves],
            "learning_rates": [move.learning_rate for move in self.moves[:-1]],
            "ending": {
                "kind": self.ending.kind,
                "words": self.ending.words,
                "gradient_norm": finite(self.ending.gradient_norm),
                "eigenvalues": self.ending.eigenvalues,
            },
        }


@final
class Race(Mapping[str, Descent]):
    """The ways of several optimizers from the same start, by their names."""

    def __init__(self, runs: dict[str, Descent]) -> None:
        self._runs = runs

    def __getitem__(self, name: str) -> Descent:
        return self._runs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def ranking(self) -> list[str]:
        """The names, the one that came down lowest first."""

        def height(name: str) -> float:
            value = self._runs[name].values[-1]
            lost = self._runs[name].ending.kind == "diverged" or math.isnan(value)
            return math.inf if lost else value

        return sorted(self._runs, key=height)

    def __str__(self) -> str:
        return "\n".join(standings(self))

    def __repr__(self) -> str:
        return str(self)

    def to_dict(self) -> dict[str, Any]:
        """Return every descent by its name, and who came down lowest."""
        return {
            "runs": {name: run.to_dict() for name, run in self.items()},
            "ranking": self.ranking,
        }
