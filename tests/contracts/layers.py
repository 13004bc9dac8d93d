"""The table of layers: one line for each way in which a layer is used.

Every ``layers_*.py`` beside this file adds lines to ``LAYERS``; `test_layers.py` walks
them. A line says how to make the layer, what it takes, what it gives, and the same in
PyTorch; everything else follows from the contract.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import xpnet as xn
from libraries import host

__all__ = ["LAYERS", "Layer", "add", "flat", "numbers"]


@dataclass(frozen=True)
class Layer:
    """One line of the table.

    Attributes
    ----------
    make : callable
        Makes the layer, the same each time (``rng=0``); or returns a function of
        `xpnet.nn.functional` to be held to the same contract.
    inputs : tuple
        What it is called with: a shape stands for random numbers of that shape, an
        array (labels, masks) for itself, None for None.
    out : tuple of int, or list of them
        The shape of the output; a list for several outputs, in order, nesting undone.
    torch : str
        The same layer as an expression in the names of `torch.nn`, with ``F`` for
        `torch.nn.functional` and ``torch``; empty where PyTorch has no such layer, and
        then `why` says what else holds its numbers.
    why : str
        Where its numbers are tested, if not against PyTorch.
    options : dict
        Keyword arguments of the call; an array goes where the inputs are.
    theirs : dict or None
        Those of PyTorch's call where they differ.
    shown : str
        What `repr` shows, where it is frozen.
    train : bool
        Whether it is compared in training, with the buffers that it changes there.
    smooth : bool
        Whether derivatives exist at random points, to second order.
    batch : tuple of (int or None), or None
        For each input the axis of the examples, None where it has none; None in its
        place where examples are not computed one by one (BatchNorm in training).
    out_batch : int or tuple of int
        The axis of the examples in the output, or in each of several.
    wrong : list of (inputs, pattern)
        Inputs of wrong shapes, with what the sentence of the ShapeError says.
    rename : callable or None
        Turns PyTorch's ``state_dict`` into ours, where names cannot be the same.
    empty : bool
        Whether a batch of 0 examples works.
    """

    make: Callable[[], Any]
    inputs: tuple[Any, ...]
    out: Any
    torch: str = ""
    why: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    theirs: dict[str, Any] | None = None
    shown: str = ""
    train: bool = False
    smooth: bool = True
    batch: tuple[int | None, ...] | None = (0,)
    out_batch: int | tuple[int, ...] = 0
    wrong: list[tuple[tuple[Any, ...], str]] = field(default_factory=list)
    rename: Callable[[Any], Any] | None = None
    empty: bool = True

    def arrays(self, dtype: str = "float64", inputs: Any = None) -> list[Any]:
        """Return the inputs as NumPy arrays."""
        found = []
        for at, given in enumerate(self.inputs if inputs is None else inputs):
            if given is None or isinstance(given, np.ndarray):
                real = given is not None and given.dtype.kind == "f"
                found.append(given.astype(dtype) if real else given)
            else:
                found.append(numbers(given, dtype, seed=at))
        return found

    def keywords(self, dtype: str = "float64", options: Any = None) -> dict[str, Any]:
        """Return keyword arguments, arrays of real numbers among them as the dtype."""
        given = self.options if options is None else options
        return {
            k: v.astype(dtype)
            if isinstance(v, np.ndarray) and v.dtype.kind == "f"
            else v
            for k, v in given.items()
        }

    def made(self, dtype: str = "float64") -> Any:
        """Return the layer in the mode in which it is compared, as a dtype."""
        layer = self.make()
        if isinstance(layer, xn.nn.Module):
            layer.to(dtype=dtype).train(self.train)
        return layer

    @property
    def outs(self) -> list[tuple[int, ...]]:
        """The shapes of all outputs."""
        return self.out if isinstance(self.out, list) else [self.out]


LAYERS: dict[str, Layer] = {}


def add(name: str, *args: Any, **options: Any) -> None:
    """Add a line to the table."""
    assert name not in LAYERS, name
    line = Layer(*args, **options)
    assert line.torch or line.why, f"{name}: say where its numbers are tested"
    LAYERS[name] = line


def numbers(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> Any:
    """Return the same numbers for the same shape and seed, whatever ran before."""
    drawn = np.random.default_rng([seed, *shape]).normal(size=shape)
    return np.asarray(drawn).astype(dtype)


def flat(out: Any) -> list[Any]:
    """Return the arrays of an output, nesting undone, None left out."""
    if isinstance(out, (tuple, list)):
        return [x for part in out for x in flat(part)]
    return [] if out is None else [out]


def as_numpy(x: Any) -> Any:
    """Return an array or a tensor as a NumPy array; None stays None."""
    if x is None or isinstance(x, np.ndarray):
        return x
    return x.detach().cpu().numpy() if hasattr(x, "cpu") else host(x)
