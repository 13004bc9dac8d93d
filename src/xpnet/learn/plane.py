"""Planes through the parameters of a model: two directions, and points on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import xpnet as xn

from ..errors import DTypeError, OptionError, ShapeError
from ..nn import Module
from ..random import Generator, as_generator
from .trajectory import flat

__all__ = ["Plane", "plane_of"]

Vector = np.ndarray[Any, Any]


class Plane(NamedTuple):
    """Two directions in the space of all parameters.

    Attributes
    ----------
    kind : str
        ``"filter"``, ``"pca"`` or ``"given"``.
    directions : tuple of list
        For each of the two, an Array beside each parameter, or None where it is zero.
    explained : tuple of float, or None
        For a trajectory: what share of the squared distances from the model lies along
        each direction ("pca"), or along both together.
    coordinates : numpy.ndarray
        The trajectory on the plane, (points, 2).
    cosine : float
        Of the angle between the directions.
    """

    kind: str
    directions: tuple[list[Any], list[Any]]
    explained: tuple[float, ...] | None
    coordinates: Vector
    cosine: float


def plane_of(
    model: Module,
    directions: Any,
    passed: Vector | None,
    rng: int | Generator | None,
) -> Plane:
    """Return the plane that `landscape` is asked for."""
    parameters = list(model.parameters())
    for p in parameters:
        if p._lib.is_complex(p.data):
            raise DTypeError(
                f"landscape: a parameter has dtype {p.dtype}; planes are made of real "
                "numbers."
            )
    if isinstance(directions, str):
        if directions == "filter":
            return _projected("filter", _random(parameters, rng), parameters, passed)
        if directions == "pca":
            return _principal(parameters, passed)
    elif isinstance(directions, (tuple, list)) and len(directions) == 2:
        one, two = (_given(d, model, parameters) for d in directions)
        return _projected("given", (one, two), parameters, passed)
    raise OptionError(
        'landscape: directions are "filter", "pca", or two of your own, '
        f"not {directions!r:.60}."
    )


# --- random directions ----------------------------------------------------------------


def _random(
    parameters: list[Any], rng: int | Generator | None
) -> tuple[list[Any], list[Any]]:
    """Return two random directions, as long in each filter as the filter itself."""
    if not any(_varies(p) for p in parameters):
        raise OptionError(
            "landscape: no parameter that is trained has two axes or more, and random "
            'directions leave all others alone. Use directions="pca" or your own.'
        )
    generator = as_generator(rng)
    one, two = (
        [_filter_normalised(p, generator) if _varies(p) else None for p in parameters]
        for _ in range(2)
    )
    return one, two


def _varies(p: Any) -> bool:
    """Tell whether a parameter is a trained weight, not a bias or a scale."""
    return bool(p.ndim > 1 and p.requires_grad)


def _filter_normalised(p: Any, generator: Generator) -> Any:
    """Return a random direction with the norm of `p` in each place of axis 0."""
    drawn = generator.normal(p.shape, like=p)
    axes = tuple(range(1, p.ndim))
    with xn.no_grad():
        xp = p.__array_namespace__()
        drawn = xp.astype(drawn, p.dtype)
        own = xp.sqrt(xp.sum(p * p, axis=axes, keepdims=True))
        length = xp.sqrt(xp.sum(drawn * drawn, axis=axes, keepdims=True))
        return drawn * (own / length)


# --- the plane of a trajectory --------------------------------------------------------


def _principal(parameters: list[Any], passed: Vector | None) -> Plane:
    """Return the plane through the model in which most of a trajectory lies.

    With D the differences from the model, one row for each point, the directions are
    the first two right singular vectors of D: Dᵀu / s, with u from the small matrix
    D Dᵀ.
    """
    if passed is None:
        raise OptionError(
            'landscape: directions="pca" needs trajectory=, the states of the model '
            "during training. Record them with learn.Trajectory(model)."
        )
    away = passed - flat(parameters).astype(np.float64)
    squares, left = np.linalg.eigh(away @ away.T)
    total = float(np.trace(away @ away.T))
    if len(squares) < 2 or not squares[-2] > 1e-12 * total:
        raise OptionError(
            f"landscape: the {len(passed)} points of the trajectory and the model lie "
            "on a line, which gives no plane. Record more of them."
        )
    lengths = np.sqrt(squares[[-1, -2]])
    vectors = (left[:, [-1, -2]] / lengths).T @ away
    for vector in vectors:  # the sign is free: let the largest number be positive
        vector *= np.sign(vector[np.argmax(np.abs(vector))])
    one, two = (_split(vector, parameters) for vector in vectors)
    explained = tuple(float(s) / total for s in squares[[-1, -2]])
    cosine = float(vectors[0] @ vectors[1])
    return Plane("pca", (one, two), explained, away @ vectors.T, cosine)


def _projected(
    kind: str,
    directions: tuple[list[Any], list[Any]],
    parameters: list[Any],
    passed: Vector | None,
) -> Plane:
    """Return the plane of two directions, and the nearest points to a trajectory."""
    two = np.stack([_joined(d, parameters) for d in directions])
    gram = two @ two.T
    size = np.sqrt(np.diag(gram))
    if not gram[0, 0] > 0 or not gram[1, 1] > 0:
        raise OptionError("landscape: a direction is zero everywhere; give another.")
    cosine = float(gram[0, 1] / (size[0] * size[1]))
    if not abs(cosine) < 1 - 1e-9:
        raise OptionError(
            "landscape: the two directions are parallel, which gives no plane."
        )
    if passed is None:
        return Plane(kind, directions, None, np.zeros((0, 2)), cosine)
    away = passed - flat(parameters).astype(np.float64)
    coordinates = np.linalg.solve(gram, two @ away.T).T
    total, near = float(np.sum(away**2)), float(np.sum((coordinates @ two) ** 2))
    explained = (near / total,) if total else (1.0,)
    return Plane(kind, directions, explained, coordinates, cosine)


# --- vectors and arrays ---------------------------------------------------------------


def _given(direction: Any, model: Module, parameters: list[Any]) -> list[Any]:
    """Return a direction of the user's: a vector, or arrays by name or in order."""
    if isinstance(direction, Mapping):
        names = [name for name, _ in model.named_parameters()]
        unknown = [name for name in direction if name not in names]
        if unknown:
            raise OptionError(
                f"landscape: a direction has {unknown[0]!r}, which is no parameter of "
                f"the model; they are {names!s:.200}."
            )
        parts = [direction.get(name) for name in names]
    elif isinstance(direction, Sequence) and len(direction) == len(parameters):
        parts = list(direction)
    else:
        return _split(flat([direction]).astype(np.float64), parameters)
    return [
        None if part is None else _beside(_shaped(part, p), p)
        for part, p in zip(parts, parameters, strict=True)
    ]


def _shaped(part: Any, p: Any) -> Vector:
    """Return a part of a direction on the host, if it has the parameter's shape."""
    array = part if isinstance(part, xn.Array) else xn.asarray(part)
    if array.shape != p.shape:
        raise ShapeError(
            f"landscape: a direction has shape {array.shape} where the parameter has "
            f"{p.shape}."
        )
    return flat([array]).reshape(p.shape)


def _split(vector: Vector, parameters: list[Any]) -> list[Any]:
    """Return a vector in the shapes and places of the parameters."""
    sizes = [p.size for p in parameters]
    if vector.size != sum(sizes):
        raise ShapeError(
            f"landscape: a direction has {vector.size} numbers, and the model has "
            f"{sum(sizes)} parameters."
        )
    ends = np.cumsum(sizes)[:-1]
    return [
        _beside(part.reshape(p.shape), p)
        for part, p in zip(np.split(vector, ends), parameters, strict=True)
    ]


def _joined(direction: list[Any], parameters: list[Any]) -> Vector:
    """Return a direction as one vector on the host, in float64."""
    parts = [
        np.zeros(p.size) if d is None else flat([d])
        for d, p in zip(direction, parameters, strict=True)
    ]
    return np.concatenate(parts).astype(np.float64)


def _beside(host: Vector, p: Any) -> Any:
    """Return an array of the host with the dtype, library and device of another."""
    lib = p._lib
    moved = lib.from_host(np.ascontiguousarray(host), device=lib.raw.device(p.data))
    return xn.Array(lib.raw.astype(moved, p.data.dtype), lib)
