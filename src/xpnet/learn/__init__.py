"""Seeing the calculus: explanations, a microscope, descents, landscapes, pictures.

Everything shown here is read off the tape, the table of derivatives and the optimizers
that everybody trains with. Nothing needs an extra installed but `plots` (matplotlib).
"""

import importlib
from typing import Any

from .descent import Descent, Race, descend
from .explain import Explanation, explain, nudge
from .formula import Formula
from .landscape import Landscape, landscape
from .microscope import Microscope, microscope
from .step import StepExplanation, explain_step
from .surfaces import SURFACES, Surface
from .trajectory import Trajectory

__all__ = [
    "SURFACES",
    "Descent",
    "Explanation",
    "Formula",
    "Landscape",
    "Microscope",
    "Race",
    "StepExplanation",
    "Surface",
    "Trajectory",
    "descend",
    "explain",
    "explain_step",
    "landscape",
    "microscope",
    "nudge",
]

_ON_DEMAND = frozenset({"plots", "lessons"})


def __getattr__(name: str) -> Any:
    if name in _ON_DEMAND:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'xpnet.learn' has no attribute {name!r}")
