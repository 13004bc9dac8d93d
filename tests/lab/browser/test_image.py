"""The page Image in a real browser, by mouse and by keyboard alone."""

from __future__ import annotations

import re

import pytest

from xpnet.data.image import index_of

pytestmark = pytest.mark.browser

PAGE = "image?source=skies"


def pixel_rows(seen):
    table = seen.page.locator("section", has_text="Its place in the vector").locator(
        "tbody"
    )
    return [row.split("\t") for row in table.first.inner_text().splitlines() if row]


def wait(seen, what):
    seen.page.get_by_text(what).first.wait_for()


def test_a_pixel_is_picked_with_the_mouse(visit):
    seen = visit(PAGE)
    wait(seen, "The pixel in row 5, column 8")
    canvas = seen.page.locator(".raster canvas").first
    box = canvas.bounding_box()
    step = box["width"] / 16
    seen.page.mouse.click(box["x"] + 3.5 * step, box["y"] + 12.5 * step)
    wait(seen, "The pixel in row 12, column 3")
    places = [row[1] for row in pixel_rows(seen)]
    assert places == [str(index_of(12, 3, c, (16, 16, 3))) for c in range(3)]
    seen.page.wait_for_url(re.compile("row=12&column=3"))


def test_the_numbers_of_every_place_are_in_a_table(visit):
    seen = visit(PAGE)
    wait(seen, "The pixel in row 5, column 8")
    seen.page.get_by_text("The numbers of the whole picture").click()
    rows = seen.page.locator("details tbody tr")
    rows.first.wait_for()
    assert rows.count() == 16 * 16 * 3


def test_the_network_trains_until_it_is_stopped(visit):
    seen = visit(PAGE)
    wait(seen, "The pixel in row")
    button = seen.page.get_by_role("button", name="Train")
    button.click()
    seen.page.wait_for_function(
        "() => Number(document.querySelector('[data-figure=step]').textContent) >= 50"
    )
    seen.page.get_by_role("button", name="Stop").click()
    seen.rest()  # else it would not come to rest
    assert float(seen.figure("test").removesuffix(" %")) > 80


def test_the_keyboard_alone_is_enough(visit):
    seen = visit(PAGE)
    wait(seen, "The pixel in row 5, column 8")
    seen.page.keyboard.press("s")
    seen.wait_figure("step", "1")
    seen.page.keyboard.press("]")
    seen.page.wait_for_url(re.compile("picture=1"))
    seen.tab_to("The chosen pixel of the picture")
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft"):
        seen.page.keyboard.press(key)
    wait(seen, "The pixel in row 7, column 7")
    seen.tab_to("The chosen place of the vector")
    seen.page.keyboard.press("ArrowRight")
    assert seen.page.get_by_label("colour", exact=True).input_value() == "1"
