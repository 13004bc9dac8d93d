"""The pages Slope and Descent without a browser: their numbers are the library's."""

from __future__ import annotations

import numpy as np
import pytest

import xpnet as xn
from xpnet import optim
from xpnet.errors import OptionError, XpnetError
from xpnet.lab.pages.descent import RACERS, Descent
from xpnet.lab.pages.slope import STEPS, Slope
from xpnet.lab.session import Session
from xpnet.learn.formula import Formula

FUNCTIONS = [
    "x**2",
    "3x^2 + sin(x)",
    "sigmoid(x)",
    "log(1 + exp(-x))",
    "x*x*x",
    "7 - x",
]
RATES = [0.01, 0.002, 0.03, 0.1]
RACE = {"f": "x^2 + 3y^2 - x*y", "x": -1.5, "y": 0.8, "rates": RATES}


def ask(page, **message):
    return page.handle(message)[0]


@pytest.mark.parametrize("f", FUNCTIONS)
def test_the_slope_is_that_of_grad_everywhere(f):
    function = Formula(f)
    seen = ask(Slope(), type="look", f=f, x=0.7, h=0.01).header
    assert seen["slope"] == xn.grad(function)(0.7)
    assert seen["secant"] == (function(0.7 + 0.01) - function(0.7)) / 0.01
    curve = ask(Slope(), type="curve", f=f, low=-1.0, high=2.0).arrays
    for k in (0, 123, 400):
        x = float(curve["x"][k])
        assert curve["y"][k] == pytest.approx(function(x), rel=1e-12)
        assert curve["slope"][k] == pytest.approx(xn.grad(function)(x), rel=1e-12)


def test_the_guides_example_gives_6():
    assert ask(Slope(), type="look", f="x^2", x=3, h=1.0).header["slope"] == 6.0


@pytest.mark.parametrize("f", FUNCTIONS)
def test_the_paths_add_up_to_the_slope(f):
    explained = ask(Slope(), type="chain", f=f, x=0.7).header["explanation"]
    (variable,) = explained["variables"]
    slope = xn.grad(Formula(f))(0.7)
    assert variable["gradient"] == pytest.approx(slope, rel=1e-12)
    assert variable["sum_of_paths"] == pytest.approx(slope, rel=1e-12)
    for path in variable["paths"]:
        product = np.prod(path["numbers"])
        assert product == pytest.approx(path["contribution"], rel=1e-12)
        assert len(path["mathml"]) == len(path["names"])
        assert all(text.startswith("<math") for text in path["mathml"])


@pytest.mark.parametrize("f", ["5", "floor(x)"])
def test_a_function_without_x_on_the_tape_has_no_path(f):
    with pytest.raises(OptionError, match="no path to show"):
        ask(Slope(), type="chain", f=f, x=0.7)
    assert ask(Slope(), type="look", f=f, x=0.7, h=0.1).header["slope"] == 0.0


def test_every_operation_on_the_way_has_a_letter():
    found = ask(Slope(), type="chain", f="sin(x^2)/(1 + x^2)", x=1.2).header
    names = [step["name"] for step in found["explanation"]["steps"]]
    assert names == ["x", "a", "b", "c", "d", "f"]


def test_rounding_takes_over_in_float32_first():
    arrays = ask(Slope(), type="errors", f="sin(x)", x=1.0).arrays
    assert arrays["h"].tolist() == STEPS
    small = arrays["h"] < 1e-5
    assert arrays["float32"][small].min() > 100 * arrays["float64"][small].min()


def test_what_the_microscope_shows_straightens():
    bends = []
    for h in (1.0, 0.1, 0.01):
        frame = ask(Slope(), type="look", f="x^2", x=3.0, h=h)
        across, up = frame.arrays["across"], frame.arrays["up"]
        bends.append(np.max(np.abs(up - frame.header["slope"] * across)))
    assert bends == pytest.approx([4.0, 0.4, 0.04])


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, -2.0)])
def test_a_picture_has_a_width(low, high):
    with pytest.raises(OptionError, match="from left to right"):
        ask(Slope(), type="curve", f="x", low=low, high=high)


@pytest.mark.parametrize("page", [Slope, Descent])
@pytest.mark.parametrize(
    "f", ["", "x.real", "__import__('os')", "x" * 501, "(" * 200 + ")" * 200, "z"]
)
def test_what_is_no_formula_is_refused(page, f):
    kind = "curve" if page is Slope else "surface"
    with pytest.raises(XpnetError, match=r"\w.*[.?!)…]$"):
        ask(page(), type=kind, f=f, low=-1.0, high=1.0, box=[-1.0, 1.0, -1.0, 1.0])


def test_the_race_is_run_by_the_librarys_optimizers():
    arrays = ask(Descent(), type="race", steps=12, **RACE).arrays
    f = Formula(RACE["f"], ("x", "y"))
    for racer, rate in zip(RACERS, RATES, strict=True):
        w = xn.asarray([-1.5, 0.8], requires_grad=True)
        optimizer = racer.make([w], lr=rate)
        for k in range(12):
            assert arrays[f"{racer.name}.points"][k].tolist() == w.tolist()
            optimizer.zero_grad()
            value = f(w[0], w[1])
            value.backward()
            assert arrays[f"{racer.name}.values"][k] == value.item()
            assert arrays[f"{racer.name}.gradients"][k].tolist() == w.grad.tolist()
            optimizer.step()


@pytest.mark.parametrize(
    "question",
    [{"type": "race", "steps": 9}, {"type": "update", "name": "SGD", "step": 9}],
)
def test_steps_of_a_function_that_takes_too_long_are_refused(monkeypatch, question):
    monkeypatch.setattr("xpnet.lab.pages.descent.PATIENCE", 0.0)
    (frame,) = Session().handle({"page": "descent", **RACE, **question})
    assert frame.header["message"] == (
        "so many steps of this function take more than 0 seconds: take fewer, or a "
        "shorter function."
    )


@pytest.mark.parametrize("name", [racer.name for racer in RACERS])
def test_an_update_ends_where_the_race_goes_on(name):
    page = Descent()
    points = ask(page, type="race", steps=8, **RACE).arrays[f"{name}.points"]
    for step in (0, 5):
        found = ask(page, type="update", name=name, step=step, **RACE).header
        for i, letter in enumerate("xy"):
            explained = found["explanations"][letter]
            assert explained["before"] == points[step, i]
            assert explained["after"] == pytest.approx(points[step + 1, i], rel=1e-14)
            last = found["quantities"][letter][-1]
            assert last["name"] == "new"
            assert last["value"] == explained["after"]
            assert "<math" in last["mathml"]
            assert "<math" in last["numbers"]


def test_the_first_optimizer_is_the_guides_line():
    found = ask(Descent(), type="update", name="SGD", step=0, **RACE).header
    (line,) = found["explanations"]["x"]["formula"]
    assert line["symbols"] == "old − learning_rate × gradient"
    assert RACERS[0].make is optim.SGD


def test_who_has_no_rate_does_not_run():
    frame = ask(Descent(), type="race", steps=3, **RACE | {"rates": [0.1, 0, 0, 0]})
    assert frame.header["ranking"] == ["SGD"]
    with pytest.raises(OptionError, match="nobody runs"):
        ask(Descent(), type="race", steps=3, **RACE | {"rates": [0, 0, 0, 0]})


def test_the_surface_is_the_functions():
    frame = ask(Descent(), type="surface", f="rosenbrock", box=[-2, 2, -1, 3])
    height = frame.arrays["height"]
    assert height.dtype == np.float32
    assert height[0, 0] == 100 * (-1 - 4) ** 2 + 9  # the left lower corner
    assert height[-1, 0] == 100 * (3 - 4) ** 2 + 9  # the left upper one
    assert frame.header["minima"] == ((1.0, 1.0),)


@pytest.mark.parametrize("box", [[1, 1, 0, 1], [0, 1, 2, 1]])
def test_a_surface_has_an_extent(box):
    with pytest.raises(OptionError, match="from below upward"):
        ask(Descent(), type="surface", f="x*y", box=box)


@pytest.mark.parametrize("page", ["slope", "descent"])
def test_an_export_has_more_than_what_was_asked(page):
    session = Session()
    first = {
        "slope": {"type": "curve", "f": "x^2", "low": -1.0, "high": 2.0},
        "descent": {"type": "race", "steps": 4, **RACE},
    }
    session.handle({"page": page, **first[page]})
    session.keep(page)
    entries = session.recordings[page].entries
    kinds = {entry.message["type"] for entry in entries}
    assert kinds >= {"slope": {"curve", "look"}, "descent": {"race"}}[page]
    assert len(entries) > 40
    assert all(entry.keep == "last" for entry in entries)
