"""Where a token stands in its sequence, as numbers that a network can use."""

from __future__ import annotations

import math
from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray, like
from ...errors import DTypeError, ShapeError
from ..waiting import count

__all__ = ["rotary", "sinusoidal_positions"]


def sinusoidal_positions(length: int, x: Any, /, *, base: float = 10000.0) -> Array:
    """Return the sines and cosines of positions, in the width and dtype of `x`.

    Feature 2i of position p is ``sin(p / base**(2i / dim))``, feature 2i + 1 the cosine
    of the same angle.

    Parameters
    ----------
    length : int
        The number of positions, from 0.
    x : Array
        What they will be added to, (..., dim): it says the width, dtype and device.
    base : float
        The slowest wave is about ``2 pi base`` positions long.

    Returns
    -------
    Array
        Shape (length, dim).

    Raises
    ------
    ShapeError
        If `dim` is odd.
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5. The angles
    are computed in float64.

    Examples
    --------
    >>> sinusoidal_positions(2, [[0.0, 0.0]]).tolist()
    [[0.0, 1.0], [0.8414709848078965, 0.5403023058681398]]
    """
    array = x if type(x) is Array else asarray(x)
    xp = array._lib.recorded
    length = count("sinusoidal_positions", "length", length, least=0)
    _check("sinusoidal_positions", array)
    positions = xp.arange(length, dtype=xp.int64, device=xp.device(array))
    cosine, sine = _waves(xp, positions, array, base)
    pairs = xp.stack([sine, cosine], axis=-1)
    return xp.reshape(pairs, (length, array.shape[-1]))  # type: ignore[no-any-return]


def rotary(
    x: Any,
    positions: Any = None,
    /,
    *,
    base: float = 10000.0,
    interleaved: bool = False,
) -> Array:
    """Turn pairs of features of queries or keys by angles that grow with the position.

    With ``a = position / base**(2i / dim)``, pair i of features (u, v) becomes
    ``(u cos a - v sin a, v cos a + u sin a)``. The product of a turned query and a
    turned key then depends on how far apart they are, and not on where.

    Parameters
    ----------
    x : Array
        Shape (..., L, dim), `dim` even.
    positions : Array of int, optional
        Broadcasts to (..., L); by default 0 to L - 1.
    base : float
        The slowest pair turns once in about ``2 pi base`` positions.
    interleaved : bool
        Whether pair i is the features 2i and 2i + 1 (RoFormer, GPT-J); by default it is
        i and i + dim / 2 (GPT-NeoX, Llama in Hugging Face's layout).

    Raises
    ------
    ShapeError
        If `dim` is odd, or `positions` does not fit.
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    Su et al., "RoFormer", 2021, section 3.2. The angles are computed in float64.

    Examples
    --------
    >>> rotary([[1.0, 0.0], [1.0, 0.0]]).tolist()
    [[1.0, 0.0], [0.5403023058681398, 0.8414709848078965]]
    """
    array = x if type(x) is Array else asarray(x)
    _check("rotary", array, least=2)
    xp = array._lib.recorded
    half = array.shape[-1] // 2
    placed = _positions(xp, array, positions)
    cosine, sine = _waves(xp, placed, array, base)
    if interleaved:
        pairs = xp.reshape(array, (*array.shape[:-1], half, 2))
        u, v = pairs[..., 0], pairs[..., 1]
        turned = xp.stack([u * cosine - v * sine, v * cosine + u * sine], axis=-1)
        return xp.reshape(turned, array.shape)  # type: ignore[no-any-return]
    u, v = array[..., :half], array[..., half:]
    return xp.concat(  # type: ignore[no-any-return]
        [u * cosine - v * sine, v * cosine + u * sine], axis=-1
    )


def _waves(xp: Any, positions: Any, x: Any, base: float) -> tuple[Any, Any]:
    """Return cosine and sine of the angles, (..., L, dim / 2), in the dtype of `x`."""
    steps = xp.arange(0, x.shape[-1], 2, dtype=xp.float64, device=xp.device(x))
    slow = xp.exp(steps * (-math.log(base) / max(x.shape[-1], 1)))
    angles = xp.expand_dims(xp.astype(positions, xp.float64), axis=-1) * slow
    return xp.astype(xp.cos(angles), x.dtype), xp.astype(xp.sin(angles), x.dtype)


def _positions(xp: Any, x: Array, positions: Any) -> Array:
    """Return the positions as an array beside `x`."""
    length = x.shape[-2]
    if positions is None:
        made: Array = xp.arange(length, dtype=xp.int64, device=xp.device(x))
        return made
    given = like(positions, x)
    fits = given.ndim < x.ndim and all(
        n in (1, m) for n, m in zip(given.shape[::-1], x.shape[-2::-1], strict=False)
    )
    if not fits:
        raise ShapeError(
            f"rotary: positions of shape {tuple(given.shape)} do not broadcast to the "
            f"tokens of x, {tuple(x.shape[:-1])} (x: {tuple(x.shape)})."
        )
    return given


def _check(name: str, x: Array, least: int = 1) -> None:
    """Refuse an odd width, too few axes, and integers."""
    if x.ndim < least or x.shape[-1] % 2:
        raise ShapeError(
            f"{name}: x of shape {tuple(x.shape)} needs "
            f"{'tokens and ' if least > 1 else ''}an even width, its last axis: "
            "features are taken in pairs."
        )
    if "float" not in str(x.dtype):
        raise DTypeError(f"{name}: x has dtype {x.dtype}; features are floating point.")
