"""Resampling to another size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from ...calculus.array import Array
from ..functional.upsample import interpolate
from ..module import Module
from .family import shown

__all__ = ["Upsample"]


@final
class Upsample(Module):
    """Resample all axes but batch and channels to another size.

    The formulas stand at `xpnet.nn.functional.interpolate`.

    Parameters
    ----------
    size : int or sequence of int, optional
        The new size along each axis.
    scale_factor : float or sequence of float, optional
        Or how many times larger it is.
    mode : str
        ``"nearest"``, ``"nearest-exact"``, ``"linear"`` (1 axis), ``"bilinear"``,
        ``"bicubic"`` (2), ``"trilinear"`` (3) or ``"area"``.
    align_corners : bool, optional
        Whether the outermost elements stay where they are; for the linear and cubic
        modes alone.
    recompute_scale_factor : bool, optional
        Whether the ratio of the sizes is the scale, in place of `scale_factor`.

    Raises
    ------
    OptionError
        If options do not go together, at the first call.
    ShapeError
        If the input has not as many axes as the mode is for.

    Notes
    -----
    Input (batch, channels, ...) of one to three more axes. As PyTorch's ``Upsample``.

    Examples
    --------
    >>> import numpy as np
    >>> Upsample(scale_factor=2, mode="bilinear")(np.ones((1, 3, 4, 5))).shape
    (1, 3, 8, 10)
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        self.size = size
        self.scale_factor = scale_factor
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: Any) -> Array:
        """Return `x` of another size."""
        return interpolate(
            x,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        return shown(self, mode=...)
