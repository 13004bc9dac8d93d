"""Checkpoints: recomputed instead of stored, and nothing else changes."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from collections import OrderedDict, namedtuple
from pathlib import Path

import numpy as np
import pytest

import xpnet as xn
from libraries import host
from xpnet import nn, random
from xpnet import xp as space
from xpnet.errors import GradientError

ROOT = Path(__file__).parents[2]
Pair = namedtuple("Pair", ["first", "second"])
RNG = np.random.default_rng(8)
X = RNG.normal(size=5)
Y = RNG.normal(size=5)
W = RNG.normal(size=(5, 5))


def plain(function):
    return function


def nested(function):
    """A checkpoint inside a checkpoint."""
    inner = xn.checkpoint(function)
    return xn.checkpoint(lambda *args, **options: inner(*args, **options))


WRAPS = [xn.checkpoint, nested]


def same_bytes(found, wanted):
    assert host(found).tobytes() == host(wanted).tobytes()


def block(x, w, k, xp=space):
    """Several steps with a matrix, which is so used several times."""
    h = x
    for _ in range(k):
        h = xp.tanh(w @ h) + x * 0.1
    return {"sum": xp.sum(h * w), "both": (h, Pair(x, xp.sin(h)))}


def loss_of(wrap, xp=space):
    """A loss whose inputs are used before, inside and after the wrapped parts."""
    part = wrap(block)

    def loss(x, w):
        total, h = xp.sum(w * x) * 0.3, x
        for k in (1, 2, 3):
            found = part(h, w, k, xp=xp)
            h, pair = found["both"]
            total = total + found["sum"] * xp.sum(w @ h) + xp.sum(pair.first * h)
            h = pair.second + x
        return total + xp.sum(h * x * w)

    return loss


# --- nothing changes ------------------------------------------------------------------


@pytest.mark.parametrize("wrap", WRAPS)
def test_values_and_gradients_are_the_same_bytes(wrap, target, xp):
    x, w = target.make(X), target.make(W)
    value, grads = xn.value_and_grad(loss_of(plain, xp), (0, 1))(x, w)
    found, slopes = xn.value_and_grad(loss_of(wrap, xp), (0, 1))(x, w)
    same_bytes(found, value)
    for slope, grad in zip(slopes, grads, strict=True):
        same_bytes(slope, grad)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("captured", [False, True])
def test_backward_leaves_the_same_bytes(wrap, captured):
    def run(wrap):
        x = xn.asarray(X, requires_grad=True)
        w = xn.asarray(W, requires_grad=True)
        h = space.sin(w @ x)  # an array on the tape that is not a leaf
        part = wrap((lambda x: block(x + h, w, 3)) if captured else block)
        total = space.sum(w[0] * x)
        for _ in range(2):
            out = part(x) if captured else part(x + h, w, 3)
            total = total + out["sum"] * space.sum(out["both"][0] * h)
        (total * space.sum(w * h)).backward()
        return total, x.grad, w.grad

    for found, wanted in zip(run(wrap), run(plain), strict=True):
        same_bytes(found, wanted)


@pytest.mark.parametrize("wrap", WRAPS)
def test_forward_mode_gives_the_same_bytes(wrap):
    wanted = xn.jvp(loss_of(plain), (X, W), (Y, W))[1]
    same_bytes(xn.jvp(loss_of(wrap), (X, W), (Y, W))[1], wanted)
    _, push = xn.linearize(loss_of(wrap), X, W)
    same_bytes(push(Y, W), wanted)
    same_bytes(push(Y, W), wanted)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_jacobians_go_through(wrap, mode):
    def function(wrap):
        return lambda x: wrap(block)(x, space.asarray(W), 2)["both"][0]

    found = xn.jacobian(function(wrap), mode=mode)(X)
    wanted = xn.jacobian(function(plain), mode=mode)(X)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("wrap", WRAPS)
def test_higher_derivatives_are_right(wrap):
    def function(x):
        return loss_of(wrap)(x, space.asarray(W)) * 0.01

    xn.check_grads(function, X, order=2)
    wanted = xn.hessian(lambda x: loss_of(plain)(x, space.asarray(W)))(X)
    found = xn.hessian(lambda x: loss_of(wrap)(x, space.asarray(W)))(X)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)
    (_,), (product,) = xn.hvp(lambda x: loss_of(wrap)(x, space.asarray(W)), (X,), (Y,))
    np.testing.assert_allclose(product, wanted @ Y, rtol=1e-10)
    third = xn.grad(xn.grad(xn.grad(wrap(lambda x: x**4 * 2.0))))(2.0)
    assert third == pytest.approx(96.0)


def test_create_graph_and_retain_graph():
    x = xn.asarray(2.0, requires_grad=True)
    y = xn.checkpoint(lambda x: x**3)(x)
    y.backward(retain_graph=True)
    y.backward(create_graph=True)
    assert x.grad.item() == 24.0
    x.grad = None
    (slope,) = (xn.grad(xn.checkpoint(lambda x: x**3))(x),)
    slope.backward()
    assert x.grad.item() == 12.0
    y = xn.checkpoint(lambda x: x**3)(x)
    y.backward()
    with pytest.raises(GradientError, match="already used by a backward pass"):
        y.backward()


# --- arguments, results, closures -----------------------------------------------------


def test_containers_options_and_other_things_pass_through():
    seen = []

    @xn.checkpoint
    def function(tree, name, *, scale):
        """What it is."""
        seen.append((name, scale))
        return {"y": tree["a"] * tree["b"][0] * scale, "n": name, "i": 3}, tree["a"]

    assert (function.__name__, function.__doc__) == ("function", "What it is.")
    out, same = function({"a": 2.0, "b": [3.0]}, "text", scale=2.0)
    assert (out, same) == ({"y": 12.0, "n": "text", "i": 3}, 2.0)
    a = xn.asarray(2.0, requires_grad=True)
    b = xn.asarray(3.0, requires_grad=True)
    scale = xn.asarray(5.0, requires_grad=True)
    out, same = function({"a": a, "b": [b]}, "text", scale=scale)
    assert (out["n"], out["i"]) == ("text", 3)
    (out["y"] + same).backward()
    assert (a.grad.item(), b.grad.item(), scale.grad.item()) == (16.0, 10.0, 6.0)
    assert len(seen) == 3


def test_parameters_of_a_module_get_their_gradients():
    def gradients(wrap):
        model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
        x = xn.asarray(np.ones((6, 3), dtype=np.float32))
        space.sum(wrap(model)(x) ** 2).backward()
        slope = xn.grad(lambda m: space.sum(wrap(m)(x) ** 2))(model)
        return [p.grad for p in model.parameters()] + list(slope.parameters())

    for found, wanted in zip(gradients(xn.checkpoint), gradients(plain), strict=True):
        same_bytes(found, wanted)


def test_a_module_as_an_argument_keeps_its_buffers():
    class Counting(nn.Module):
        def __init__(self):
            self.w = nn.Parameter([2.0])
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            return self.w * x

    model = Counting()
    out = xn.checkpoint(lambda m, x: m(x))(model, xn.asarray([3.0]))
    assert model.calls == 1
    out.backward()
    assert model.calls == 2
    assert model.w.grad.item() == 3.0


@pytest.mark.parametrize("wrap", WRAPS)
def test_random_numbers_are_drawn_again(wrap):
    def run(wrap):
        layer = nn.Dropout(0.5, rng=0)
        rng = random.Generator(7)
        other = random.Generator(8)

        def noisy(x):
            kept = layer(x) * other.normal(5, dtype=space.float64)
            return kept * rng.split(2)[1].uniform(5, dtype=space.float64)

        def loss(x):
            first, between = wrap(noisy)(x), layer(x)
            return space.sum(wrap(noisy)(first) * x * between)

        slope = xn.grad(loss)(X)
        return slope, layer.rng, rng, other

    found, wanted = run(wrap), run(plain)
    same_bytes(found[0], wanted[0])
    assert found[1:] == wanted[1:]


def test_fresh_seeds_are_drawn_again():
    values = []

    def noisy(x):
        drawn = random.as_generator(None).normal(5, dtype=space.float64)
        values.append(drawn.tolist())
        return drawn * x

    for wrap in WRAPS:
        values.clear()
        slope = xn.grad(lambda x, wrap=wrap: space.sum(wrap(noisy)(x)))(X)
        assert slope.tolist() == values[0]
        assert len(values) == 1 + (1 if wrap is xn.checkpoint else 2)
        assert all(value == values[0] for value in values)
    assert random.as_generator(None) != random.as_generator(None)


def test_nothing_is_run_again_without_a_derivative():
    calls = []

    @xn.checkpoint
    def function(x):
        calls.append(1)
        return x * 2.0

    assert function(3.0) == 6.0
    with xn.no_grad():
        assert not function(xn.asarray(1.0, requires_grad=True)).requires_grad
    out = function(xn.asarray(1.0, requires_grad=True))
    assert len(calls) == 3
    out.backward()
    assert len(calls) == 4


def test_what_is_rebound_inside_stays_as_it_was_outside():
    @xn.checkpoint
    def function(x):
        x *= 2.0
        x[0] = 0.0
        return x * x

    x = xn.asarray(X, requires_grad=True)
    h = x * 1.0
    out = function(h)
    np.testing.assert_array_equal(host(h.detach()), X)
    space.sum(out + h).backward()
    wanted = 8 * X + 1
    wanted[0] = 1.0
    np.testing.assert_allclose(host(x.grad), wanted)


def test_an_argument_that_is_rebound_later_was_what_it_was():
    x = xn.asarray(X, requires_grad=True)
    h = x * 1.0
    out = xn.checkpoint(lambda h: h * h)(h)
    h *= 100.0
    space.sum(out).backward()
    np.testing.assert_allclose(host(x.grad), 2 * X)


# --- refusals -------------------------------------------------------------------------


def test_another_array_from_outside_the_second_time_is_refused():
    held = [xn.asarray(2.0, requires_grad=True)]
    out = xn.checkpoint(lambda x: x * held[0])(xn.asarray(3.0, requires_grad=True))
    held[0] = xn.asarray(5.0, requires_grad=True)
    with pytest.raises(GradientError, match=r"used other arrays.*\n.*test_checkpoint"):
        out.backward()


def test_a_parameter_that_was_changed_in_place_is_refused():
    w = xn.asarray(2.0, requires_grad=True)
    out = xn.checkpoint(lambda x: x * w)(xn.asarray(3.0, requires_grad=True))
    with xn.no_grad():
        w -= 1.0
    with pytest.raises(GradientError, match="Compute the result again"):
        out.backward()


def test_an_error_of_the_function_comes_through():
    def fails(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        xn.grad(xn.checkpoint(fails))(1.0)
    calls = []

    def fails_later(x):
        calls.append(1)
        if len(calls) > 1:
            raise KeyError("mine")
        return x * 2.0

    with pytest.raises(GradientError, match=r"checkpoint: its backward rule .*mine"):
        xn.grad(xn.checkpoint(fails_later))(1.0)


# --- memory ---------------------------------------------------------------------------


def recurrence(steps, piece):
    """A chain x = sin(x) * a + b of scalars, in checkpointed pieces."""

    def several(x, a, b):
        for _ in range(piece):
            x = space.sin(x) * a + b
        return x

    part = several if piece == steps else xn.checkpoint(several)

    def run(x, a, b):
        for _ in range(steps // piece):
            x = part(x, a, b)
        return x

    return run


def peak(function):
    """The most memory that a call holds beyond what was there, in bytes."""
    gc.collect()
    tracemalloc.start()
    result = function()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return result, most


def test_a_long_recurrence_needs_little_memory():
    point = (0.3, 0.9, 0.2)
    wanted, whole = peak(lambda: xn.grad(recurrence(2_000, 2_000), (0, 1, 2))(*point))
    found, parts = peak(lambda: xn.grad(recurrence(2_000, 40), (0, 1, 2))(*point))
    assert found == wanted
    assert parts < 0.2 * whole


LONG = """
import resource, sys
sys.path[:0] = {path!r}
from calculus.test_checkpoint import recurrence
import xpnet as xn

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

xn.grad(recurrence(1_000, 500), (0, 1, 2))(0.3, 0.9, 0.2)
before = most()
print(*xn.grad(recurrence(100_000, 500), (0, 1, 2))(0.3, 0.9, 0.2), most() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory in kilobytes")
def test_a_recurrence_of_a_hundred_thousand_steps_is_bounded():
    code = LONG.format(path=[str(ROOT / "src"), str(ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    *found, kilobytes = map(float, done.stdout.split())
    assert kilobytes < 20_000  # the whole tape is over 200 MB
    x, a, b = 0.3, 0.9, 0.2
    states = [x]
    for _ in range(100_000):
        states.append(np.sin(states[-1]) * a + b)
    g, da, db = 1.0, 0.0, 0.0
    for state in reversed(states[:-1]):
        da, db, g = da + g * np.sin(state), db + g, g * np.cos(state) * a
    np.testing.assert_allclose(found, (g, da, db), rtol=1e-12)


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_gradient_taken_inside_is_still_connected_in_the_second_run(wrap):
    def both(x):  # x takes part directly, and through a gradient
        slope = xn.grad(lambda y: space.sum(y**3 * x))(x)
        return space.sum(x * slope)

    only = lambda x: space.sum(xn.grad(lambda y: space.sum(y**3 * x))(x))  # noqa: E731
    for function in (both, only):
        same_bytes(xn.grad(wrap(function))(X), xn.grad(function)(X))
        np.testing.assert_allclose(
            xn.hessian(wrap(function))(X), xn.hessian(function)(X), rtol=1e-12
        )


def test_containers_of_other_classes_are_kept_as_they_were():
    def bent(parts):
        parts["x"] *= parts["x"]
        return space.sum(parts["x"] ** 2)

    def gradient(wrap):
        return xn.grad(lambda x: wrap(bent)(OrderedDict(x=x)))(X)

    same_bytes(gradient(xn.checkpoint), gradient(plain))
