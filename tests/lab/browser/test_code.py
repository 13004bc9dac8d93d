"""The page Code in a real browser, by mouse and by keyboard alone."""

from __future__ import annotations

import re

import pytest

import xpnet as xn
from xpnet.learn.digits import number
from xpnet.learn.formula import Formula

pytestmark = pytest.mark.browser


def rule(seen):
    return seen.page.locator(".rule").inner_text()


def test_the_rule_of_each_step_is_shown_with_its_numbers(visit):
    seen = visit("code?f=tanh(w*x)&w=0.5&x=2")
    seen.page.get_by_role("heading", name="elementwise.py").first.wait_for()
    assert 'unary("tanh", "1 - tanh(x)**2"' in rule(seen)
    slope = xn.grad(Formula("tanh(x)"))(1.0)
    assert number(slope, 6) in rule(seen)
    seen.page.get_by_role("button", name="a", exact=True).click()
    seen.page.get_by_text(re.compile("binary")).first.wait_for()
    assert '"multiply", ("y", "x")' in rule(seen)
    seen.page.wait_for_url(re.compile("step=a"))


def test_the_keyboard_alone_is_enough(visit):
    seen = visit("code")
    seen.tab_to("loss =")
    seen.page.keyboard.press("Control+a")
    seen.page.keyboard.type("exp(x)*y")
    seen.page.keyboard.press("Enter")
    seen.page.get_by_role("button", name="loss").wait_for()
    seen.tab_to("a")
    seen.page.keyboard.press("Enter")
    seen.page.get_by_text('unary("exp", "exp(x)"').wait_for()
    assert seen.page.evaluate("() => document.activeElement.textContent") == "a"


def test_a_formula_that_cannot_be_read_says_why_beside_its_field(visit):
    seen = visit("code")
    field = seen.page.get_by_label("loss =")
    field.fill("open('x')")
    field.press("Enter")
    seen.page.locator(".field .problem:not(:empty)").wait_for()
    assert field.get_attribute("aria-invalid") == "true"


def test_another_row_of_the_table_can_be_read(visit):
    seen = visit("code?row=sum")
    seen.page.get_by_text("statistical.py").wait_for()
    seen.page.get_by_label(re.compile("One of its")).select_option("floor")
    seen.page.get_by_text("It has no derivative").wait_for()
