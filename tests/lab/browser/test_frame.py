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
    page.wait_for_timeout(250)
    assert "theme=dark" in page.url
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


def test_a_lost_connection_is_said_and_found_again(browser, make_session):
    from xpnet.lab.server import Server

    context = browser.new_context()
    page = context.new_page()
    with Server(make_session) as first:
        page.goto(f"{first.url}#slope")
        page.get_by_text("connected", exact=True).wait_for()
    page.get_by_text("connection lost").wait_for(timeout=5000)
    context.close()


@pytest.mark.parametrize("name", ["slope", "descent"])
def test_a_saved_page_goes_on_without_a_server(visit, tmp_path, name):
    session = Session()
    first = {
        "slope": [
            {"type": "curve", "f": "x**2", "low": -2, "high": 5},
            {"type": "look", "f": "x**2", "x": 3, "h": 1, "dtype": "float64"},
        ],
        "descent": [
            {"type": "surface", "f": "narrow valley", "box": [-3, 3, -1, 1]},
            {
                "type": "race",
                "f": "narrow valley",
                "x": -2.5,
                "y": 0.6,
                "rates": [0.036, 0.005, 0.03, 0.1],
                "steps": 60,
            },
        ],
    }
    for message in first[name]:
        session.handle({"page": name, **message})
    path = tmp_path / "page.html"
    path.write_text(exported(session, name, f"#{name}?theme=dark"), "utf-8")
    seen = visit(url=path.as_uri())
    page = seen.page
    page.get_by_text("recorded", exact=True).wait_for()
    if name == "slope":
        seen.wait_figure("slope", "6")
        page.get_by_label("x, the place", exact=True).focus()
        for _ in range(60):
            page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(300)
        x = float(page.get_by_label("x, the place, exactly").input_value())
        assert x != 3
        assert abs(float(seen.figure("slope").replace("−", "-")) - 2 * x) <= 0.25
    else:
        page.locator("caption", has_text="After 0 steps").wait_for()
        page.get_by_role("button", name="to the end").click()
        page.locator("caption", has_text=re.compile("After 60 steps")).wait_for()
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    assert all(url.startswith(("file:", "data:")) for url in seen.requests)
