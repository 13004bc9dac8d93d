"""A descent shows what the library's optimizers really do, and how it ended."""

import json
import math

import numpy as np
import pytest

import xpnet as xn
from libraries import STRICT_DEVICE1, TORCH
from xpnet import optim
from xpnet.errors import FormulaError, OptionError, ShapeError
from xpnet.learn import SURFACES, Descent, Formula, Race, descend

PARABOLA = """\
f(x) = x²: SGD(lr=0.25) from 4

step    x  f(x)  ∂f/∂x  new = old − learning_rate × gradient
   0    4    16      8  x: 2 = 4 − 0.25 × 8
   1    2     4      4  x: 1 = 2 − 0.25 × 4
   2    1     1      2  x: 0.5 = 1 − 0.25 × 2
   3  0.5  0.25      1

Not there yet (the gradient has norm 1): more steps or a larger learning rate lead \
further."""


def test_the_guides_update_line_is_shown_with_the_numbers_in_it():
    assert str(descend("x^2", 4.0, optim.SGD, 3, lr=0.25)) == PARABOLA
    way = descend("x^2 + y^2", (1.0, -2.0), lambda p: optim.SGD(p, lr=0.25), 1)
    assert way.update(0) == "x: 0.5 = 1 − 0.25 × 2; y: −1 = −2 − 0.25 × (−4)"


@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.SGD(p, lr=0.0005, momentum=0.9, nesterov=True),
        lambda p: optim.Adam(p, lr=0.1),
        lambda p: optim.RMSprop(p, lr=0.01),
        lambda p: optim.LBFGS(p, line_search_fn="strong_wolfe"),
        lambda p: optim.SAM(optim.SGD(p, lr=0.0005)),
    ],
    ids=["momentum", "adam", "rmsprop", "lbfgs", "sam"],
)
def test_the_points_are_those_of_the_optimizer_that_everybody_trains_with(make):
    f = SURFACES["rosenbrock"].formula
    way = descend(f, (-1.2, 1.0), make, 8)
    w = xn.asarray([-1.2, 1.0], requires_grad=True)
    optimizer = make([w])

    def closure():
        optimizer.zero_grad()
        loss = f(w[0], w[1])
        loss.backward()
        return loss

    for move in way.moves:
        assert list(move.point) == w.tolist()
        assert move.value == f(*move.point)
        assert move.gradient == xn.grad(f, argnums=(0, 1))(*move.point)
        optimizer.step(closure)
    assert len(way) == len(way.moves) - 1 == 8
    assert way.values == [move.value for move in way.moves]


def test_a_change_that_is_not_the_plain_rule_is_not_shown_as_if_it_were():
    text = str(descend("x^2", 4.0, optim.Adam, 3, lr=0.5))
    assert "new = old + change" in text
    assert "x: 3.5 = 4 − 0.5" in text
    assert "Adam(lr=0.5) from 4" in text
    momentum = descend("x^2", 4.0, optim.SGD, 3, lr=0.125, momentum=0.5)
    assert [momentum.is_plain(i) for i in range(3)] == [True, False, False]
    assert momentum.optimizer == "SGD(lr=0.125, momentum=0.5)"
    late = descend("x^2", 1.0, lambda p: optim.Adam(p, lr=1e-9), 3)
    assert not any(late.is_plain(i) for i in range(3))
    single = descend("x^2", np.ones(1, dtype=np.float32), optim.SGD, 9, lr=0.3)
    assert all(single.is_plain(i) for i in range(9))
    sharp = descend("x^2", 4.0, lambda p: optim.SAM(optim.SGD(p, lr=0.125)), 1)
    assert sharp.optimizer == "SAM(lr=0.125)"


@pytest.mark.parametrize(
    ("f", "start", "rate", "kind", "words"),
    [
        ("x^2 + 3y^2", (1.0, 1.0), 0.1, "minimum", "(curvatures 2, 6)"),
        ("saddle", (1.5, 0.0), 0.1, "saddle", "(curvatures −2, 2)"),
        ("x^2 + y^4", (1.0, 0.0), 0.1, "plateau", "flat in some direction"),
        ("-x^2 - y^2", (0.0, 0.0), 0.1, "maximum", "downward in every direction"),
        ("narrow valley", (0.0, 1.0), 0.0395, "zigzag", "to and fro"),
        ("x^2 + y^2", (1.0, 1.0), 1e-4, "going down", "more steps"),
        ("x^2", (1.0,), 3.0, "diverged", "below 2/2 = 1."),
        ("x^4", (3.0,), 1.0, "diverged", "below 2/108 = 0.01852."),
        ("log(x)", (0.1,), 0.5, "diverged", "f is NaN. Try a smaller"),
    ],
)
def test_the_end_is_named(f, start, rate, kind, words):
    way = descend(f, start, optim.SGD, 1000 if kind == "diverged" else 100, lr=rate)
    assert way.ending.kind == kind
    assert words in way.ending.words


def test_after_a_number_that_is_not_finite_there_is_no_step():
    way = descend("exp(x)", 1.0, lambda p: optim.SGD(p, lr=0.5, maximize=True))
    assert way.ending.kind == "diverged"
    assert math.isinf(way.values[-1])
    assert all(math.isfinite(value) for value in way.values[:-1])
    assert len(way) < 50
    assert json.loads(json.dumps(way.to_dict(), allow_nan=False))["values"][-1] is None


def test_a_race_starts_every_optimizer_from_the_same_point():
    racers = {
        "slow": lambda p: optim.SGD(p, lr=0.001),
        "fast": lambda p: optim.SGD(p, lr=0.1),
        "lost": lambda p: optim.SGD(p, lr=20.0),
    }
    race = descend("bowl", (-2.0, 1.5), racers, 500)
    assert isinstance(race, Race)
    assert isinstance(race["slow"], Descent)
    assert [way.points[0] for way in race.values()] == [(-2.0, 1.5)] * 3
    assert race.ranking == ["fast", "slow", "lost"]
    lines = str(race).splitlines()
    assert [line.split()[0] for line in lines[1:]] == race.ranking
    assert lines[1].endswith("minimum")
    kept = json.loads(json.dumps(race.to_dict(), allow_nan=False))
    assert kept["ranking"] == race.ranking
    assert kept["runs"]["slow"]["learning_rates"] == [0.001] * 500


@pytest.mark.parametrize("name", SURFACES)
def test_the_minima_of_the_test_surfaces_are_minima(name):
    surface = SURFACES[name]
    f = surface.formula
    left, right, low, high = surface.box
    x, y = np.meshgrid(np.linspace(left, right, 201), np.linspace(low, high, 201))
    heights = f(x, y)
    assert left <= surface.start[0] <= right
    assert low <= surface.start[1] <= high
    for minimum in surface.minima:
        assert xn.grad(f, argnums=(0, 1))(*minimum) == pytest.approx((0, 0), abs=1e-6)
        assert f(*minimum) <= heights.min() + 1e-9
        assert left <= minimum[0] <= right
    way = descend(name, surface.start, optim.LBFGS, 20, line_search_fn="strong_wolfe")
    assert way.ending.kind == "minimum"


def test_any_number_of_variables_and_any_callable():
    way = descend(lambda a, b, c: a * a + (b * c) ** 2, [1, 2, 3], optim.SGD, 2, lr=0.1)
    assert way.variables == ("x1", "x2", "x3")
    assert way.gradients[0] == (2.0, 36.0, 24.0)
    assert str(way).startswith("f(x1, x2, x3): SGD(lr=0.1) from (1, 2, 3)")
    line = descend(Formula("t^2", ("t",)), 1.0, optim.SGD, 200, lr=0.1)
    assert "  …" in str(line)
    assert len(str(line).splitlines()) == 15


@pytest.mark.parametrize("target", [STRICT_DEVICE1, TORCH], ids=str)
def test_it_runs_where_the_start_is(target):
    target.skip_unless_here()
    seen = set()

    def bowl(x, y):
        seen.add((str(x.dtype), str(x.device)))
        return x * x + y * y

    start = target.make(np.asarray([1.0, -2.0], dtype=np.float32))
    way = descend(bowl, start, optim.SGD, 3, lr=0.25)
    assert way.points[-1] == (0.125, -0.25)
    assert seen == {(str(start.dtype), str(start.device))}
    assert start.tolist() == [1.0, -2.0]


def test_what_cannot_be_descended_is_refused_with_a_sentence():
    with pytest.raises(OptionError, match="steps is an integer of at least 1, not 0"):
        descend("x^2", 1.0, optim.SGD, 0)
    with pytest.raises(OptionError, match=r"give a class, optim\.SGD, or a function"):
        descend("x^2", 1.0, optim.SGD([xn.asarray(1.0, requires_grad=True)]))
    with pytest.raises(OptionError, match="makes no optimizer"):
        descend("x^2", 1.0, lambda p: None)
    with pytest.raises(OptionError, match="dict of optimizers is empty"):
        descend("x^2", 1.0, {})
    with pytest.raises(OptionError, match="does not depend on its variables"):
        descend("3", 1.0, optim.SGD)
    with pytest.raises(ShapeError, match="has 2 variables"):
        descend("bowl", 1.0, optim.SGD)
    with pytest.raises(ShapeError, match="one number or several"):
        descend("x^2", np.ones((2, 2)), optim.SGD)
    with pytest.raises(ShapeError, match="returns one number"):
        descend(lambda x: xn.xp.stack([x, x]), 1.0, optim.SGD)
    with pytest.raises(FormulaError, match="no known name"):
        descend("bowls", (1.0, 2.0), optim.SGD)
