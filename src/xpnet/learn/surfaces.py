"""Functions of two variables that optimizers are known to be good or bad at."""

from __future__ import annotations

from typing import NamedTuple

from .formula import Formula

__all__ = ["SURFACES", "Surface"]

Point = tuple[float, float]


class Surface(NamedTuple):
    """A function f(x, y) with a place to start from and what is to be found.

    Attributes
    ----------
    name : str
        What it is called.
    text : str
        The formula.
    start : tuple of float
        A point from which the way down is worth seeing.
    box : tuple of float
        The part of the plane to look at: left, right, lower and upper end.
    minima : tuple of tuple of float
        Where it is smallest; of many equal ones, the four next to the middle.
    note : str
        What it is hard for.
    """

    name: str
    text: str
    start: Point
    box: tuple[float, float, float, float]
    minima: tuple[Point, ...]
    note: str

    @property
    def formula(self) -> Formula:
        """The formula, as a function of x and y."""
        return Formula(self.text, ("x", "y"))


_ALL = (
    Surface(
        "bowl",
        "x^2 + y^2",
        (-2.0, 1.5),
        (-3.0, 3.0, -3.0, 3.0),
        ((0.0, 0.0),),
        "The gradient points straight away from the minimum.",
    ),
    Surface(
        "narrow valley",
        "x^2 + 25y^2",
        (-2.5, 0.6),
        (-3.0, 3.0, -1.0, 1.0),
        ((0.0, 0.0),),
        "Steep across, flat along: descent zigzags, momentum helps.",
    ),
    Surface(
        "rosenbrock",
        "(1 − x)^2 + 100(y − x^2)^2",
        (-1.2, 1.0),
        (-2.0, 2.0, -1.0, 3.0),
        ((1.0, 1.0),),
        "A bent valley with a nearly flat floor.",
    ),
    Surface(
        "himmelblau",
        "(x^2 + y − 11)^2 + (x + y^2 − 7)^2",
        (-0.3, -1.0),
        (-5.0, 5.0, -5.0, 5.0),
        (
            (3.0, 2.0),
            (-2.8051180869527448, 3.1313125182505730),
            (-3.7793102533777469, -3.2831859912861694),
            (3.5844283403304917, -1.8481265269644034),
        ),
        "Four minima of the same depth: the start decides.",
    ),
    Surface(
        "saddle",
        "x^2 − y^2 + y^4/8",
        (1.5, 0.01),
        (-2.0, 2.0, -3.0, 3.0),
        ((0.0, -2.0), (0.0, 2.0)),
        "At (0, 0) the gradient is zero, and it is no minimum.",
    ),
    Surface(
        "beale",
        "(1.5 − x + x y)^2 + (2.25 − x + x y^2)^2 + (2.625 − x + x y^3)^2",
        (1.0, 1.5),
        (-4.5, 4.5, -4.5, 4.5),
        ((3.0, 0.5),),
        "A plateau between walls that rise like the sixth power.",
    ),
    Surface(
        "rastrigin",
        "20 + x^2 + y^2 − 10cos(2π x) − 10cos(2π y)",
        (2.3, -1.8),
        (-3.0, 3.0, -3.0, 3.0),
        ((0.0, 0.0),),
        "A pit at every whole number; the deepest is in the middle.",
    ),
)

SURFACES = {surface.name: surface for surface in _ALL}
"""The test surfaces by their names."""
