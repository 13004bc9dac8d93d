"""What stays when the page changes: links, colours, the address, and saved files."""

from __future__ import annotations

import math
import re

import pytest

from xpnet.lab.export import exported
from xpnet.lab.session import Session
from xpnet.learn.digits import number

pytestmark = pytest.mark.browser


def test_the_pages_are_links_and_the_way_back_leads_back(visit):
    seen = visit("slope?f=x**3&x=2")
    page = seen.page
    seen.wait_figure("slope", "12")
    page.get_by_role("link", name="Descent").click()
    page.get_by_role("heading", name="Descent", level=1).wait_for()
    current = page.locator("nav [aria-current=page]")
    assert current.all_inner_texts() == ["Descent"]
    assert page.title() == "Descent · xpnet lab"
    page.go_back()
    seen.wait_figure("slope", "12")


def test_the_colours_are_chosen_and_stay_in_the_address(visit):
    seen = visit("slope", color_scheme="light")
    page = seen.page
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_label("Colours").select_option("dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.wait_for_url(re.compile("theme=dark"))
    page.get_by_role("link", name="Descent").click()
    page.get_by_role("heading", name="Descent", level=1).wait_for()
    assert page.evaluate(ground) == dark


def test_a_page_is_saved_as_a_file_with_its_state(visit):
    seen = visit("slope?f=x**3&x=2")
    seen.wait_figure("slope", "12")
    with seen.page.expect_download() as download:
        seen.page.get_by_role("link", name="Save as a file").click()
    text = download.value.path().read_text("utf-8")
    assert "#slope?f=x**3&x=2" in text
    assert "127.0.0.1" not in text


def test_an_unknown_page_leads_to_the_first(visit):
    seen = visit("nowhere")
    seen.page.get_by_role("heading", name="Slope", level=1).wait_for()


def test_every_script_can_be_read_and_comes_from_here(visit):
    seen = visit("slope")
    names = seen.page.evaluate(
        """async () => {
            const map = JSON.parse(document.querySelector('[type=importmap]').text);
            const names = Object.keys(map.imports);
            await Promise.all(names.map((name) => import(name)));
            return names;
        }"""
    )
    assert {"lab/app.js", "lab/wire.js", "lab/pages/slope.js"} <= set(names)


def test_numbers_are_written_as_in_the_librarys_texts(visit):
    values = [0.0, -0.25, 1 / 3, 2.5e-9, -1e-300, 12345678.9, 0.1 + 0.2, 99999.96]
    values += [(-1.0) ** k * math.exp(7.3 * math.sin(k)) for k in range(40)]
    texts = visit("slope").page.evaluate(
        """async (values) => {
            const { number } = await import("lab/math.js");
            return values.map((v) => [4, 8].map((digits) => number(v, digits)));
        }""",
        values,
    )
    assert texts == [[number(v, digits) for digits in (4, 8)] for v in values]


def test_a_lost_connection_is_said(browser, make_session):
    from xpnet.lab.server import Server

    context = browser.new_context()
    page = context.new_page()
    with Server(make_session) as first:
        page.goto(f"{first.url}#slope")
        page.get_by_text("connected", exact=True).wait_for()
    page.get_by_text("connection lost").wait_for(timeout=5000)
    page.get_by_role("link", name="Code").click()  # which was not loaded before
    page.get_by_text("This page cannot be had").wait_for(timeout=5000)
    context.close()


def test_the_sliders_of_a_saved_page_go_to_recorded_places(visit, tmp_path):
    session = Session()
    for message in (
        {"type": "curve", "f": "x**2", "low": -2, "high": 5},
        {"type": "look", "f": "x**2", "x": 3, "h": 1, "dtype": "float64"},
    ):
        session.handle({"page": "slope", **message})
    path = tmp_path / "page.html"
    path.write_text(exported(session, "slope", "#slope?theme=dark"), "utf-8")
    seen = visit(url=path.as_uri())
    seen.page.get_by_text("recorded", exact=True).wait_for()
    seen.wait_figure("slope", "6")
    field = seen.page.get_by_label("x, the place, exactly")
    field.fill("1.9")
    seen.wait_figure("slope", "4")  # at 2, which is recorded
    assert seen.page.get_by_label("f(x) =").is_disabled()
    theme = "() => document.documentElement.dataset.theme"
    assert seen.page.evaluate(theme) == "dark"
    assert all(url.startswith(("file:", "data:")) for url in seen.requests)
