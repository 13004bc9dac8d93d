"""Random keys: reading, writing and both gradients, against NumPy's own positions.

The reference is NumPy on a grid of positions: what ``x[key]`` reads is where its
cotangent is added, and the last value written to a place is the one that counts.
"""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import xpnet as xn
from libraries import CUPY, JAX, NUMPY, TARGETS, TORCH, Target, host, parameters

Key = tuple[Any, ...]
FREE = (NUMPY, TORCH, CUPY)  # these, and JAX, take every kind of key


def shapes(largest: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Return a strategy for the shapes of arrays."""
    return st.lists(st.integers(1, 4), min_size=1, max_size=largest).map(tuple)


def slices(n: int, *, inside: bool = False) -> st.SearchStrategy[slice]:
    """Return a strategy for slices of an axis, also empty and beyond its ends.

    The standard leaves open what a bound beyond the ends means: `inside` has none.
    """
    extra = 0 if inside else 2
    bound = st.none() | st.integers(-n - extra, n + extra)
    if inside:
        bound = st.none() | st.integers(0, n)
    return st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, 3, -1, -2]))


@st.composite
def free_keys(draw: Any) -> tuple[tuple[int, ...], Key]:
    """Draw a shape and a key as NumPy takes it: everything, mixed."""
    shape = draw(shapes())
    index_shape = draw(st.sampled_from([(), (3,), (2, 1), (0,)]))
    parts: list[Any] = []
    axis, dots = 0, False
    while axis < len(shape):
        n = shape[axis]
        kind = draw(
            st.sampled_from("slice slice integer array list mask None ...".split())
        )
        if kind == "None":
            parts.append(None)
            continue
        if kind == "...":
            if not dots and axis < len(shape):  # it stands for one axis or more
                parts.append(...)
                dots = True
                axis += draw(st.integers(1, len(shape) - axis))
            continue
        if kind == "slice":
            parts.append(draw(slices(n)))
        elif kind == "integer":
            kinds = [int, np.int64, np.asarray]
            parts.append(draw(st.sampled_from(kinds))(draw(st.integers(-n, n - 1))))
        elif kind == "mask":
            depth = draw(st.integers(1, len(shape) - axis))
            size = int(np.prod(shape[axis : axis + depth]))
            bits = draw(st.lists(st.booleans(), min_size=size, max_size=size))
            parts.append(np.asarray(bits, bool).reshape(shape[axis : axis + depth]))
            axis += depth - 1
        else:
            size = int(np.prod(index_shape))
            at = st.lists(st.integers(-n, n - 1), min_size=size, max_size=size)
            dtype = draw(st.sampled_from(["int64", "int32", "int8"]))
            places = np.asarray(draw(at), dtype).reshape(index_shape)
            parts.append(places.tolist() if kind == "list" else places)
        axis += 1
        if not dots and draw(st.integers(0, 5)) == 0:
            break
    try:
        np.zeros(shape)[tuple(parts)]
    except IndexError:  # a mask and positions that do not broadcast
        hypothesis.assume(False)
    return shape, tuple(parts)


@st.composite
def standard_keys(draw: Any) -> tuple[tuple[int, ...], Key]:
    """Draw a shape and a key as the standard allows it."""
    shape = draw(shapes(3))
    kind = draw(st.sampled_from(["basic", "basic", "arrays", "mask"]))
    if kind == "mask":
        size = int(np.prod(shape))
        bits = draw(st.lists(st.booleans(), min_size=size, max_size=size))
        return shape, (np.asarray(bits, bool).reshape(shape),)
    if kind == "arrays":
        size = draw(st.integers(0, 4))
        lists = [
            draw(st.lists(st.integers(-n, n - 1), min_size=size, max_size=size))
            for n in shape
        ]
        return shape, tuple(np.asarray(part, np.int64) for part in lists)
    parts: list[Any] = [
        draw(slices(n, inside=True) | st.integers(-n, n - 1)) for n in shape
    ]
    cut = draw(st.integers(0, len(shape)))
    return shape, (*parts[:cut], ...)


def placed(target: Target, key: Key, foreign: bool) -> Key:
    """Return a key with arrays of the target's library, or NumPy's own."""
    return tuple(
        target.make(part) if isinstance(part, np.ndarray) and foreign else part
        for part in key
    )


def check(target: Target, shape: tuple[int, ...], key: Key, foreign: bool) -> None:
    """Compare reading and writing, and their gradients, with NumPy's positions."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    grid = np.arange(x.size).reshape(shape)
    host_key = tuple(np.asarray(p, int) if isinstance(p, list) else p for p in key)
    places = grid[host_key]
    v, w = rng.normal(size=places.shape), rng.normal(size=shape)
    own = placed(target, key, foreign)

    out, pull = xn.vjp(lambda a: a[own], target.make(x))
    assert out.shape == places.shape
    np.testing.assert_array_equal(host(out), x.reshape(-1)[places])
    gradient = np.zeros(x.size)
    np.add.at(gradient, places.reshape(-1), v.reshape(-1))
    found = host(pull(target.make(v))[0])
    np.testing.assert_allclose(found, gradient.reshape(shape), rtol=1e-14, atol=1e-15)

    def write(a: xn.Array, b: xn.Array) -> xn.Array:
        y = +a
        y[own] = b
        return y

    # of several values for one place the last one stays, and alone has a derivative
    last = np.full(x.size, -1)
    last[places.reshape(-1)] = np.arange(places.size)
    stays = last[places] == np.arange(places.size).reshape(places.shape)
    written = x.reshape(-1).copy()
    written[places[stays]] = v[stays]
    out, pull = xn.vjp(write, target.make(x), target.make(v))
    np.testing.assert_array_equal(host(out), written.reshape(shape))
    gx, gv = map(host, pull(target.make(w)))
    np.testing.assert_array_equal(gx, np.where(last.reshape(shape) >= 0, 0, w))
    np.testing.assert_array_equal(gv, np.where(stays, w.reshape(-1)[places], 0))

    # one number for all places, added to what stands there
    def add(a: xn.Array, b: xn.Array) -> xn.Array:
        y = a * 1.0
        y[own] += b
        return y

    out, pull = xn.vjp(add, target.make(x), target.make(np.asarray(0.5)))
    hit = last.reshape(shape) >= 0
    np.testing.assert_array_equal(host(out), np.where(hit, x + 0.5, x))
    gx, gb = map(host, pull(target.make(w)))
    np.testing.assert_allclose(gx, w, rtol=1e-14)
    np.testing.assert_allclose(gb, w[hit].sum(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("library", parameters(FREE))
@hypothesis.given(free_keys(), st.booleans())
def test_any_key_reads_writes_and_differentiates(
    library: Target, drawn: tuple[tuple[int, ...], Key], foreign: bool
) -> None:
    library.skip_unless_here()
    check(library, *drawn, foreign)


@pytest.mark.parametrize(
    "library", parameters(tuple(t for t in TARGETS if t is not JAX))
)
@hypothesis.given(standard_keys())
def test_the_keys_of_the_standard_work_everywhere(
    library: Target, drawn: tuple[tuple[int, ...], Key]
) -> None:
    library.skip_unless_here()
    with library.flags("boolean_indexing", "data_dependent_shapes"):
        check(library, *drawn, True)


def test_any_key_works_with_jax(thorough: bool) -> None:
    JAX.skip_unless_here()

    # JAX compiles for each shape
    @hypothesis.settings(max_examples=150 if thorough else 6)
    @hypothesis.given(free_keys() | standard_keys(), st.booleans())
    def run(drawn: tuple[tuple[int, ...], Key], foreign: bool) -> None:
        check(JAX, *drawn, foreign)

    run()
