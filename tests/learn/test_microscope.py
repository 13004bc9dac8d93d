"""The microscope: a secant becomes the tangent, until rounding takes over."""

import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest

import xpnet as xn
from xpnet.errors import DTypeError, FormulaError, OptionError, ShapeError
from xpnet.learn import Formula, microscope

PARABOLA = """\
y = x², dy/dx = 2x
At x = 3, where y = 9, a tiny change of x is multiplied by 6.

        h  forward secant    error  central secant  error
        1               7        1               6      0
      0.5             6.5      0.5               6      0
     0.25            6.25     0.25               6      0
0.0009766     6.000976562  0.00098               6      0

Forward, h = 0.0009766 is best (error 0.00098). With a larger h the curve bends away \
from the secant, by an error like h; rounding does not show down to this h.
Central, h = 1 is best (error 0): the bends to both sides are equal here and cancel."""


def test_the_guides_own_example_is_told_in_their_words():
    assert str(microscope("x²", 3.0, steps=(1, 0.5, 0.25, 2**-10))) == PARABOLA
    assert repr(microscope("x²", 3.0)).startswith(PARABOLA.partition("\n\n")[0])


@pytest.mark.parametrize(
    ("dtype", "forward", "central"), [("float64", 1e-8, 1e-5), ("float32", 1e-3, 1e-2)]
)
def test_the_best_h_is_of_the_size_of_the_root_of_the_precision(
    dtype, forward, central
):
    seen = microscope("sin(x)", 1.0, dtype=dtype)
    assert seen.dtype == dtype
    assert forward / 11 <= seen.best_forward.h <= forward * 11
    assert central / 11 <= seen.best_central.h <= central * 11
    assert seen.best_central.central_error < seen.best_forward.forward_error
    assert seen.secants[0].forward_error > 100 * seen.best_forward.forward_error
    assert seen.secants[-1].forward_error > 100 * seen.best_forward.forward_error
    assert 0.1 < seen.meeting / math.sqrt(seen.eps) < 10
    assert f"{dtype} has ε = " in seen.words[1]


def test_a_step_that_does_not_move_x_is_called_so():
    last = microscope("x^2", 3.0).secants[-1]
    assert (last.h, last.forward, last.moved) == (1e-16, 0.0, False)
    assert "x + h is x in float64" in str(microscope("x^2", 3.0))


@pytest.mark.parametrize(
    "f",
    ["exp(x)", Formula("x^3 - 2x"), lambda x: x * xn.xp.tanh(x)],
    ids=["text", "formula", "function"],
)
def test_the_slope_is_that_of_the_tape_and_the_secants_are_those_of_the_function(f):
    seen = microscope(f, 0.75)
    function = Formula(f) if isinstance(f, str) else f
    assert seen.slope == xn.grad(function)(0.75)
    assert seen.second == xn.grad(xn.grad(function))(0.75)
    one = float(function(xn.asarray(0.75)))
    two = float(function(xn.asarray(0.75 + 0.01)))
    assert seen.secants[2].forward == (two - one) / 0.01


def test_numbers_are_computed_where_x_is(target):
    x = target.make(np.float32(3.0))
    kinds = set()

    def square(at):
        kinds.add((at.dtype, str(at.device), at._lib))
        return at * at

    seen = microscope(square, x)
    assert kinds == {(x.dtype, str(x.device), x._lib)}
    assert (seen.y, seen.slope, seen.dtype) == (9.0, 6.0, "float32")
    assert seen.text == ""
    assert seen.heading == "y = f(x)"
    assert microscope("x^2", x).slope == 6.0


def test_derivatives_in_symbols_are_shown_for_one_operation_of_the_table():
    shown = {
        "tanh(x)": "1 − tanh²(x)",
        "σ(x)": "σ(x)·(1 − σ(x))",
        "x^3": "3x²",
        "5x": "5",
        "x^2 + x": "",
        "x": "1",
        "2": "0",
    }
    for text, derivative in shown.items():
        assert microscope(text, 0.5).derivative == derivative


def test_a_corner_and_a_straight_line_are_named():
    words = microscope("abs(x)", 0.0).words[1]
    assert "the slope is −1 from the left and 1 from the right" in words
    assert "xn.grad gives 0" in words
    assert "straight near x" in microscope("2x + 1", 0.5).words[1]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("steps", [None, (1.0, 0.5)], ids=["small", "large"])
def test_a_corner_is_told_from_a_bend_and_from_rounding(dtype, steps):
    corners = {
        "relu(x)": (0.0, (0.0, 1.0)),
        "1e6 abs(x)": (0.0, (-1e6, 1e6)),
        "1e-9 abs(x)": (0.0, (-1e-9, 1e-9)),
        "abs(x - 4) + x^2": (4.0, (7.0, 9.0)),
        "maximum(x, x^2)": (1.0, (1.0, 2.0)),
    }
    for text, (at, sides) in corners.items():
        found = microscope(text, at, dtype=dtype, steps=steps).corner
        assert found == pytest.approx(sides, rel=0.02, abs=1e-12), text
    smooth = {
        "relu(x)^2": 0.0,
        "x^7 - 7x^6 + 21x^5 - 35x^4 + 35x^3 - 21x^2 + 7x - 1": 1.0,
        "exp(5x)": 1.5,
        "x^2": 0.0,
        "sqrt(x)": 1e-3,
        "sin(20x)": 1.5,
        "1/x": 100.0,
        "cos(x)": 0.0,
        "x^3": 0.0,
        "x^2 + 1000": 0.0,
    }
    for text, at in smooth.items():
        found = microscope(text, at, dtype=dtype, steps=steps).corner
        assert found is None, text


def test_it_can_be_kept_as_json_with_a_curve_for_the_picture():
    seen = microscope("log(x)", 0.5)
    kept = json.loads(json.dumps(seen.to_dict(), allow_nan=False))
    assert kept["slope"] == 2.0
    assert kept["secants"][0]["forward"] == pytest.approx(math.log(3.0))
    assert kept["secants"][0]["central"] is None  # log(-0.5)
    assert len(kept["curve"]["x"]) == len(kept["curve"]["y"]) == 81
    assert kept["curve"]["y"][0] is None
    assert kept["best"] == {
        "forward": seen.best_forward.h,
        "central": seen.best_central.h,
    }


@pytest.mark.parametrize("text", ["x^2", "log(x)", "7", "1/(x - 0.6)", "x"])
def test_a_notebook_gets_a_table_and_a_picture(text):
    shown = ElementTree.fromstring(microscope(text, 0.5)._repr_html_())
    assert len(shown.findall(".//tbody/tr")) == 17
    labels = [element.text for element in shown.findall(".//text[@class='name']")]
    assert labels[0].startswith("tangent: slope ")
    assert labels[1].startswith("secant, h = 1: slope ")
    numbers = [line.get("x1") for line in shown.findall(".//line")]
    assert numbers
    assert "nan" not in " ".join(numbers)


def test_where_there_is_no_tangent_none_is_named():
    assert "tangent: slope" not in microscope("abs(x)", 0.0)._repr_html_()


def test_what_cannot_be_looked_at_is_refused_with_a_sentence():
    with pytest.raises(OptionError, match=r"value at x = 0 is −infinity. Choose"):
        microscope("log(x)", 0.0)
    with pytest.raises(OptionError, match="slope at x = 0 is infinity"):
        microscope("sqrt(x)", 0.0)
    with pytest.raises(OptionError, match="steps are distances"):
        microscope("x", 0.0, steps=[0.1, -0.1])
    with pytest.raises(ShapeError, match="looks at one number"):
        microscope("x", np.ones(3))
    with pytest.raises(DTypeError, match=r"3.0 instead of 3"):
        microscope("x", np.asarray(3))
    with pytest.raises(FormulaError, match="no known name"):
        microscope("x + y", 1.0)
