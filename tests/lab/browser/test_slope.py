"""The page Slope in a real browser, by mouse and by keyboard alone."""

from __future__ import annotations

import re

import pytest

import xpnet as xn
from xpnet.learn.digits import number
from xpnet.learn.formula import Formula

pytestmark = pytest.mark.browser

SHRINK = "Let h shrink"


def test_the_shown_derivative_is_that_of_grad(visit):
    seen = visit("slope?f=sin(x)*exp(-x)&x=1.3")
    seen.wait_figure("slope", number(xn.grad(Formula("sin(x)*exp(-x)"))(1.3), 8))
    field = seen.page.get_by_label("f(x) =")
    for f in ("log(1 + exp(-x))", "sigmoid(x)", "1/x^3"):
        field.fill(f)
        field.press("Enter")
        seen.wait_figure("slope", number(xn.grad(Formula(f))(1.3), 8))


def test_a_function_is_typed_and_the_point_dragged_with_the_mouse(visit):
    seen = visit("slope")
    seen.wait_figure("slope", "6")
    field = seen.page.get_by_label("f(x) =")
    field.fill("x^3")
    field.press("Enter")
    seen.wait_figure("slope", "27")
    handle = seen.page.get_by_role("button", name="The point on the curve")
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x - 60, y + 20, steps=4)
    seen.page.mouse.up()
    seen.rest()
    at = float(seen.page.get_by_label("x, the place, exactly").input_value())
    assert -2 < at < 3
    seen.wait_figure("slope", number(3 * at**2, 8))
    assert "f=x%5E3" in seen.page.url
    seen.page.go_back()
    seen.wait_figure("slope", "6")
    assert seen.page.get_by_label("f(x) =").input_value() == "x**2"


def test_the_keyboard_alone_is_enough(visit):
    seen = visit("slope")
    page = seen.page
    seen.wait_figure("slope", "6")
    seen.tab_to("f(x) =")
    page.keyboard.press("Control+a")
    page.keyboard.type("2x + 1")
    page.keyboard.press("Enter")
    seen.wait_figure("slope", "2")
    seen.tab_to("x, the place, exactly")
    page.keyboard.press("Control+a")
    page.keyboard.type("1.5")
    seen.tab_to(SHRINK)
    seen.tab_to("The point on the curve: the arrow keys move x")
    page.keyboard.press("ArrowRight")
    assert float(page.get_by_label("x, the place, exactly").input_value()) > 1.5
    seen.tab_to("The numbers of these pictures")
    page.keyboard.press("Enter")
    page.get_by_role("table").first.wait_for(timeout=5000)


def test_the_secant_becomes_the_tangent(visit):
    seen = visit("slope")
    seen.wait_figure("secant", "7")
    seen.page.get_by_role("button", name=SHRINK).click()
    secant = "document.querySelector('[data-figure=secant]').textContent"
    seen.until(f"() => Number({secant}) < 6.7")
    seen.page.get_by_role("button", name="Stop").click()
    seen.rest()
    assert 6 < float(seen.figure("secant")) < 6.7


def test_where_motion_is_unwelcome_h_shrinks_once(visit):
    seen = visit("slope", reduced_motion="reduce")
    seen.wait_figure("secant", "7")
    seen.page.get_by_role("button", name=SHRINK).click()
    seen.wait_figure("secant", "6.1")
    seen.rest()
    assert seen.figure("secant") == "6.1"


def test_ends_the_wrong_way_round_are_said_beside_them(visit):
    seen = visit("slope")
    seen.wait_figure("slope", "6")
    end = seen.page.get_by_label("left end")
    end.fill("7")
    end.press("Enter")
    seen.page.get_by_text("The left end is to the left of the right end.").wait_for()
    end.fill("1")
    end.press("Enter")
    seen.page.wait_for_url(re.compile("from=1&to=5"))


def test_what_is_no_formula_is_refused_with_a_sentence(visit):
    seen = visit("slope")
    seen.wait_figure("slope", "6")
    field = seen.page.get_by_label("f(x) =")
    problem = seen.page.locator(".field.text .problem:not(:empty)")
    for f in ("x.__class__", "open('x')", "9**9**9**9", "(" * 300):
        field.fill(f)
        field.press("Enter")
        problem.wait_for(timeout=5000)
        assert problem.inner_text().endswith((".", "…", "?"))
        assert field.get_attribute("aria-invalid") == "true"
        field.fill("x")
        field.press("Enter")
        seen.wait_figure("slope", "1")
        problem.wait_for(state="detached", timeout=5000)


def test_tables_without_numbers_say_so(visit):
    seen = visit("slope?f=foo(")
    for name in ("The numbers of these pictures", "The numbers of this picture"):
        seen.page.get_by_text(name).click()
    notes = seen.page.get_by_text("Nothing is computed yet.")
    notes.nth(1).wait_for(timeout=5000)


def test_each_path_of_the_chain_rule_has_a_heading(visit):
    seen = visit("slope?f=x*x")
    headings = seen.page.locator(".chain h3, .chain h4")
    headings.nth(3).wait_for()
    assert headings.all_inner_texts() == [
        "Forward",
        "Backward, to x, on 2 paths",
        "Path 1: by the second x of f",
        "Path 2: by the first x of f",
    ]


def test_a_slider_answers_within_20_milliseconds(visit):
    seen = visit("slope?f=sin(x**2)/(1 + x**2)")
    seen.rest()
    assert seen.answers_in(seen.page.get_by_label("x, the place", exact=True)) <= 20.0
