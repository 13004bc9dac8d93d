"""The page Code: what ran, by which row, and where that row stands."""

from pathlib import Path

import pytest

import xpnet as xn
from xpnet.calculus.kinds.base import TABLE
from xpnet.lab.pages.code import Code
from xpnet.lab.places import place_of
from xpnet.lab.session import Session
from xpnet.learn.formula import Formula

ROOT = Path(xn.__file__).parents[1]
PUBLIC = sorted(name for name, row in TABLE.items() if row.public)


def ask(kind, **fields):
    (frame,) = Session([Code]).handle({"page": "code", "type": kind, **fields})
    return frame.header


@pytest.mark.parametrize(
    ("f", "values"),
    [
        ("(sigmoid(w*x + b) - y)**2", {"x": 1.5, "y": 0.25, "w": -2.0, "b": 0.5}),
        ("x*x", {"x": 3.0}),
        ("exp(x)/(exp(x) + exp(y))", {"x": 1.0, "y": -1.0}),
        ("where(x > y, x, 2*y)", {"x": 1.0, "y": 2.0}),
    ],
)
def test_the_gradients_are_those_of_grad(f, values):
    found = ask("run", f=f, **values)["explanation"]
    names = sorted(values)
    slopes = xn.grad(Formula(f, names), argnums=tuple(range(len(names))))(
        *(values[name] for name in names)
    )
    shown = {v["name"]: v["gradient"] for v in found["variables"]}
    assert [shown[name] for name in names] == pytest.approx(list(slopes), rel=1e-14)


def test_each_step_has_the_row_that_ran_and_its_source():
    found = ask("run", f="tanh(w*x)", w=0.5, x=2.0)["explanation"]
    step = next(s for s in found["steps"] if s["operation"] == "tanh")
    assert step["row"]["formulas"] == ["1 - tanh(x)**2"]
    assert step["row"]["source"] == step["rule"]
    assert 'unary("tanh"' in step["rule"]
    (derivative,) = step["derivatives"]
    assert derivative["symbols"] == "1 − tanh²(a)"
    assert derivative["numbers"] == "1 − tanh²(1)"
    assert "<math" in derivative["mathml"]


def test_nothing_of_this_machine_is_told():
    header = ask("run", f="exp(x)")
    assert str(ROOT) not in repr(header)
    assert all(step["line"] is None for step in header["explanation"]["steps"])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"f": "3 + 4"}, "depends on none of x, y, w and b"),
        ({"f": "__import__('os')"}, ""),
        ({"f": "x", "x": 1e7}, "x is a number from -1e+06 to 1e+06"),
        ({"f": "x" * 501}, "f has at most 500 characters"),
        ({}, "the field f is missing"),
    ],
)
def test_what_cannot_run_gets_a_sentence(fields, sentence):
    header = ask("run", **fields)
    assert header["type"] == "error"
    assert sentence in header["message"]


def test_the_rows_are_the_public_rows_of_the_table():
    kinds = ask("rows")["kinds"]
    assert sorted(name for names in kinds.values() for name in names) == PUBLIC
    assert "elementwise" in kinds


@pytest.mark.parametrize("name", PUBLIC)
def test_the_place_of_a_row_is_where_it_stands(name):
    place = place_of(name)
    lines = (ROOT / place.file).read_text("utf-8").splitlines(keepends=True)
    first = place.line - 1
    assert "".join(lines[first:]).startswith(place.source)
    assert name in place.source or "for _name in" in place.source
    assert "@addition" not in place.source  # which helps a rule, and is none
    row = ask("row", name=name)["row"]
    assert row["source"] == place.source
    assert row["formulas"] == list(TABLE[name].formula)
    assert row["why"] == TABLE[name].why


@pytest.mark.parametrize("name", ["nothing", "relu_slope", "__init__"])
def test_an_unknown_row_gets_a_sentence(name):
    assert ask("row", name=name)["message"] == f"the table has no row {name!r}."
