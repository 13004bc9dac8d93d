"""The page Descent in a real browser, by mouse and by keyboard alone."""

from __future__ import annotations

import re

import pytest

from xpnet import optim
from xpnet.learn.descent import descend
from xpnet.learn.digits import number

pytestmark = pytest.mark.browser

START = "The start: the arrow keys move it"


def standing(seen, name):
    """Return the shown row of one optimizer, as texts."""
    row = seen.page.locator("tr", has_text=name).first
    return row.locator("td").all_inner_texts()


def ready(seen):
    seen.page.locator("caption", has_text="After").wait_for(timeout=5000)


def wait_row(seen, name, texts):
    """Wait until one optimizer's row is shown so."""
    row = seen.page.locator("tr", has_text=name).first
    row.get_by_text(texts[-1], exact=True).wait_for(timeout=5000)
    assert row.locator("td").all_inner_texts() == texts


def test_the_shown_numbers_are_those_of_the_librarys_optimizer(visit):
    seen = visit("descent?f=x^2+3y^2&x=-1.5&y=0.75&rates=0.1,0.01,0.03,0.1&step=4")
    way = descend("x^2+3y^2", (-1.5, 0.75), optim.SGD, steps=5, lr=0.1)
    x, y = way.points[4]
    slope = sum(g * g for g in way.gradients[4]) ** 0.5
    numbers = [number(v) for v in (x, y, way.values[4], slope)]
    wait_row(seen, "SGD", ["4", *numbers])
    update = seen.page.get_by_role("region", name="The step of SGD in x")
    update.wait_for(timeout=5000)
    assert "learning_rate" in update.inner_text()
    assert number(way.points[5][0], 6) in update.inner_text()


def test_a_race_with_the_mouse(visit):
    seen = visit("descent")
    page = seen.page
    ready(seen)
    page.get_by_label("surface", exact=True).select_option("himmelblau")
    page.get_by_text("Four minima of the same depth").wait_for()
    handle = page.get_by_role("button", name=START)
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y - 60, steps=4)
    page.mouse.up()
    seen.rest()
    assert float(page.get_by_label("start, x, exactly").input_value()) > 0
    page.get_by_role("button", name="Play").click()
    seen.until("() => Number(document.querySelector('.steps input').value) >= 3")
    page.get_by_role("button", name="Stop").click()
    seen.rest()
    step = int(page.get_by_label("step, exactly").input_value())
    assert 2 <= step < 60
    before = standing(seen, "Adam")
    page.get_by_role("button", name="one step back").click()
    page.get_by_role("button", name="one step on").click()
    assert standing(seen, "Adam") == before
    page.wait_for_url(re.compile(f"step={step}"))


def test_the_keyboard_alone_is_enough(visit):
    seen = visit("descent")
    page = seen.page
    ready(seen)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the page
    page.keyboard.press(".")
    page.keyboard.press(".")
    page.keyboard.press(",")
    assert page.get_by_label("step, exactly").input_value() == "1"
    seen.tab_to("f(x, y) =")
    page.keyboard.press("Control+a")
    page.keyboard.type("x^2 + y^2")
    page.keyboard.press("Enter")
    seen.tab_to("SGD, learning rate, exactly")
    page.keyboard.press("Control+a")
    page.keyboard.type("0.25")
    seen.tab_to("start, x, exactly")
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    wait_row(seen, "SGD", ["1", "1", *standing(seen, "SGD")[2:]])
    seen.tab_to(START)
    page.keyboard.press("Shift+ArrowLeft")
    assert page.get_by_label("start, x, exactly").input_value() == "1.7"


def test_where_motion_is_unwelcome_the_end_is_shown_at_once(visit):
    seen = visit("descent?steps=40", reduced_motion="reduce")
    ready(seen)
    seen.page.get_by_role("button", name="Play").click()
    seen.page.locator("caption", has_text="After 40 steps").wait_for(timeout=5000)


def test_a_race_without_racers_is_said_beside_the_picture(visit):
    seen = visit("descent")
    ready(seen)
    for name in ("SGD", "Momentum", "RMSprop", "Adam"):
        seen.page.get_by_label(f"{name} runs").uncheck()
    seen.page.get_by_text("nobody runs: choose an optimizer.").wait_for(timeout=5000)
    assert seen.page.get_by_label("f(x, y) =").get_attribute("aria-invalid") != "true"
    seen.page.get_by_label("Adam runs").check()
    seen.page.get_by_text("nobody runs").wait_for(state="hidden", timeout=5000)
    assert standing(seen, "Adam")


def test_what_is_no_formula_is_refused_with_a_sentence(visit):
    seen = visit("descent")
    ready(seen)
    field = seen.page.get_by_label("f(x, y) =")
    field.fill("x + import")
    field.press("Enter")
    problem = seen.page.locator(".field.text .problem:not(:empty)")
    problem.wait_for(timeout=5000)
    assert "import" in problem.inner_text()
