"""What every page is held to: axe, both colours, narrow windows, and while it waits."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from xpnet.lab.page import request
from xpnet.lab.pages import PAGES
from xpnet.lab.pages.slope import Slope
from xpnet.lab.session import Session

pytestmark = pytest.mark.browser

STATES = {
    "slope": "slope?f=x*x",
    "descent": "descent?steps=12&step=9&who=Adam",
    "neuron": "neuron",
    "neuron with a dead ReLU": "neuron?activation=ReLU&loss=squared%20error&b=-9",
    "network": "network?step=30&points=20&layers=3-2",
    "three classes": "network?data=blobs&activation=ReLU&points=20&layers=4",
    "image": "image?source=skies&layers=two",
    "code": "code",
}


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_and_narrow_windows_are_enough(visit, state):
    seen = visit(STATES[state], color_scheme="light")
    seen.rest()
    seen.open_all()
    assert seen.violations() == []
    seen.page.emulate_media(color_scheme="dark")
    seen.rest()
    assert seen.violations("color-contrast") == []
    for width in (1280, 800, 640, 380):  # 640: as 1280 at 200 %
        seen.page.set_viewport_size({"width": width, "height": 800})
        seen.page.wait_for_timeout(50)
        assert seen.fits(), width


def test_every_page_is_looked_at():
    assert {state.split("?")[0] for state in STATES.values()} == {p.name for p in PAGES}


# --- a page that waits ----------------------------------------------------------------


class Sluggish(Slope):
    """The page Slope when the machine has much to do."""

    go_on = threading.Event()
    go_on.set()

    @request("look", keep="last")
    def look(self, ask):
        self.go_on.wait(20.0)
        return super().look(ask)


@pytest.fixture(scope="module")
def make_session():
    """Sessions whose first page is slow."""
    return partial(Session, [Sluggish, *PAGES[1:]])


def test_a_page_says_that_it_waits_and_holds_no_other_page_up(visit):
    Sluggish.go_on.clear()
    seen = visit("slope")
    notice = seen.page.get_by_text("One moment: the lab is computing.")
    notice.wait_for(timeout=5000)
    assert seen.page.locator("main").get_attribute("aria-busy") == "true"
    seen.page.get_by_role("link", name="Neuron").click()
    seen.wait_figure("cost", "0.4432")
    seen.page.go_back()
    seen.page.get_by_role("heading", name="Slope", level=1).wait_for()
    assert notice.is_visible()
    Sluggish.go_on.set()
    seen.wait_figure("slope", "6")
    notice.wait_for(state="hidden", timeout=5000)
    assert seen.page.locator("main").get_attribute("aria-busy") == "false"
