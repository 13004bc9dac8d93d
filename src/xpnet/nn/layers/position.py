"""Layers that tell a token where it stands."""

from __future__ import annotations

from typing import Any, final

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import OptionError, ShapeError
from ..functional.position import rotary, sinusoidal_positions
from ..module import Module
from ..waiting import count

__all__ = ["RotaryEmbedding", "SinusoidalPositions"]


@final
class SinusoidalPositions(Module):
    """Add sines and cosines of its position to each token.

    Feature 2i of position p gets ``sin(p / base**(2i / dim))``, feature 2i + 1 the
    cosine of the same angle. There are no parameters, and any length will do.

    Parameters
    ----------
    dim : int
        The width of a token, even.
    base : float
        The slowest wave is about ``2 pi base`` positions long.
    batch_first : bool
        Whether arrays are (N, L, dim) and not (L, N, dim).

    Raises
    ------
    OptionError
        If `dim` is not an even integer, or `base` not positive.
    ShapeError
        In `forward`, if `x` is not (L, N, dim), or (L, dim).

    Notes
    -----
    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5; without
    their factor ``sqrt(dim)`` for the embedding. PyTorch has no such layer, and in its
    tutorial the class is called PositionalEncoding. For learned positions use
    `Embedding`.

    Examples
    --------
    >>> SinusoidalPositions(2)([[0.0, 0.0]]).tolist()
    [[0.0, 1.0]]
    """

    def __init__(
        self, dim: int, base: float = 10000.0, *, batch_first: bool = False
    ) -> None:
        self.dim, self.base = _options(type(self).__name__, dim, base)
        self.batch_first = batch_first

    def forward(self, x: Any) -> Array:
        """Return `x` with its positions added."""
        array: Array = x if type(x) is Array else asarray(x)
        if array.ndim not in (2, 3) or array.shape[-1] != self.dim:
            order = "(N, L, {0})" if self.batch_first else "(L, N, {0})"
            raise ShapeError(
                f"SinusoidalPositions: x is {order.format(self.dim)} or (L, "
                f"{self.dim}), and not {tuple(array.shape)}."
            )
        axis = 1 if self.batch_first and array.ndim == 3 else 0
        waves = sinusoidal_positions(array.shape[axis], array, base=self.base)
        if array.ndim == 3 and axis == 0:
            waves = array._lib.recorded.expand_dims(waves, axis=1)
        return array + waves

    def extra_repr(self) -> str:
        """Return the options."""
        order = ", batch_first=True" if self.batch_first else ""
        return f"{self.dim}, base={self.base}{order}"


@final
class RotaryEmbedding(Module):
    """Turn pairs of features of queries or keys by angles that grow with the position.

    See `functional.rotary` for the formula. Apply the same layer to queries and to
    keys, before their product. There are no parameters, and any length will do.

    Parameters
    ----------
    dim : int
        The width of queries and keys (of one head), even.
    base : float
        The slowest pair turns once in about ``2 pi base`` positions.
    interleaved : bool
        Whether pair i is the features 2i and 2i + 1; by default it is i and
        i + dim / 2.

    Raises
    ------
    OptionError
        If `dim` is not an even integer, or `base` not positive.
    ShapeError
        In `forward`, if `x` is not (..., L, dim).

    Notes
    -----
    Su et al., "RoFormer", 2021. PyTorch has no such layer; torchtune's is interleaved.

    Examples
    --------
    >>> import numpy as np
    >>> RotaryEmbedding(4)(np.ones((2, 3, 5, 4))).shape
    (2, 3, 5, 4)
    """

    def __init__(
        self, dim: int, base: float = 10000.0, *, interleaved: bool = False
    ) -> None:
        self.dim, self.base = _options(type(self).__name__, dim, base)
        self.interleaved = interleaved

    def forward(self, x: Any, positions: Any = None) -> Array:
        """Return `x` turned; `positions` are 0 to L - 1 unless given."""
        array: Array = x if type(x) is Array else asarray(x)
        if array.ndim < 2 or array.shape[-1] != self.dim:
            raise ShapeError(
                f"RotaryEmbedding: x is (..., L, {self.dim}), and not "
                f"{tuple(array.shape)}."
            )
        return rotary(array, positions, base=self.base, interleaved=self.interleaved)

    def extra_repr(self) -> str:
        """Return the options."""
        order = ", interleaved=True" if self.interleaved else ""
        return f"{self.dim}, base={self.base}{order}"


def _options(name: str, dim: int, base: float) -> tuple[int, float]:
    """Return the options, or raise OptionError."""
    if count(name, "dim", dim, least=2) % 2:
        raise OptionError(f"{name}: dim is even, not {dim}: features come in pairs.")
    if not base > 0.0:
        raise OptionError(f"{name}: base is a positive number, not {base!r}.")
    return dim, base
