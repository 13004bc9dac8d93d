"""A real browser for the lab: one Chromium for all tests, a context for each visit.

`visit("slope?f=x**2")` opens the lab at a page and returns a `Visit`. At the end of the
test nothing may have been asked of another machine, and nothing may stand in the
browser's console.
"""

from __future__ import annotations

import re
import shutil
import statistics
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

ARGUMENTS = """--no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync""".split()
HERE = {"127.0.0.1", "localhost"}


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium, as the system has it."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed"
    )
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def make_session() -> Callable[[], Any]:
    """What makes a session; a module with a model of its own overrides this."""
    from xpnet.lab.session import Session

    return Session


@pytest.fixture(scope="module")
def server(make_session: Callable[[], Any]) -> Iterator[Any]:
    """The real server, in a thread."""
    pytest.importorskip("starlette", reason="the packages of the lab are not installed")
    from xpnet.lab.server import Server

    with Server(make_session) as running:
        yield running


class Visit:
    """One open page of the lab, and what happened on it.

    Attributes
    ----------
    page : playwright.sync_api.Page
        To click and type on.
    requests, problems : list of str
        Every address that was asked for, and every error of the console.
    """

    def __init__(self, context: Any, url: str) -> None:
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page = context.new_page()
        context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(url, wait_until="commit")
        self.page.wait_for_selector("main h1")

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def foreign(self) -> list[str]:
        """Return the addresses that are not this machine's."""
        asked = map(urlsplit, self.requests)
        return [
            url.geturl()
            for url in asked
            if url.scheme not in ("data", "blob", "file") and url.hostname not in HERE
        ]

    def violations(self, *rules: str) -> list[str]:
        """Return what axe finds wrong, one line for each element; by default of all."""
        module = pytest.importorskip(
            "axe_playwright_python.sync_playwright", reason="axe is not installed"
        )
        only = {"runOnly": {"type": "rule", "values": list(rules)}}
        answer = module.Axe().run(self.page, options=only if rules else None)
        found = answer.response["violations"]
        return [
            f"{rule['id']}: {node['html'][:120]} {node['failureSummary']}"
            for rule in found
            for node in rule["nodes"]
        ]

    def rest(self) -> None:
        """Wait until no answer is awaited and nothing changes any more."""
        self.page.evaluate(
            """() => new Promise((done) => {
                let timer = 0;
                const all = { attributes: true, characterData: true, childList: true };
                const wait = () => {
                    clearTimeout(timer);
                    timer = setTimeout(look, 200);
                };
                const look = () => {
                    if (lab.pending) return wait();
                    watch.disconnect();
                    done();
                };
                const watch = new MutationObserver(wait);
                watch.observe(document.body, { ...all, subtree: true });
                wait();
            })"""
        )

    def until(self, condition: str, value: Any = None) -> None:
        """Wait until a function of JavaScript is true of `value`."""
        self.page.wait_for_function(condition, arg=value, timeout=10_000)

    def open_all(self) -> None:
        """Open everything that is folded; of long tables the rows are alike."""
        for summary in self.page.locator("summary").all():
            summary.click()
        self.rest()
        self.page.evaluate(
            """() => document.querySelectorAll("tbody").forEach((body) => {
                while (body.rows.length > 40) body.deleteRow(-1);
            })"""
        )

    def figure(self, name: str) -> str:
        """Return one of the large numbers, as it is shown."""
        return self.page.locator(f'[data-figure="{name}"]').inner_text()

    def wait_figure(self, name: str, text: str) -> None:
        """Wait until one of the large numbers is shown as `text`."""
        place = self.page.locator(f'[data-figure="{name}"]')
        place.get_by_text(re.compile(f"^{re.escape(text)}$")).wait_for(timeout=5000)

    def tab_to(self, label: str, most: int = 60) -> None:
        """Reach a control with the Tab key alone, or fail."""
        name = """() => { const e = document.activeElement;
            return e.getAttribute('aria-label') || e.labels?.[0]?.textContent.trim()
                || e.textContent.trim(); }"""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(name) == label:
                return
        pytest.fail(f"Tab does not lead to {label!r}")

    def answers_in(self, slider: Any, most: float = 20.0) -> float:
        """Return the median time in ms from a key on a slider to the drawn answer.

        Other programs may take the processor meanwhile, so there are several tries, and
        the first that is at most `most` counts, or the best.
        """
        slider.focus()
        medians = []
        for _ in range(20):
            self.page.evaluate("() => { lab.times.length = 0; }")
            for _ in range(8):
                asked = len(self.times())
                self.page.keyboard.press("ArrowRight")
                self.until("(n) => lab.times.length > n", asked)
            medians.append(statistics.median(self.times()))
            if medians[-1] <= most:
                break
        return min(medians)

    def times(self) -> list[float]:
        """Return the milliseconds from a control to its drawn answer."""
        found: list[float] = self.page.evaluate("() => lab.times")
        return found

    def fits(self) -> bool:
        """Whether nothing sticks out of the window to the right."""
        inside: bool = self.page.evaluate(
            "() => document.documentElement.scrollWidth <= innerWidth"
        )
        return inside


@pytest.fixture
def visit(browser: Any, server: Any) -> Iterator[Callable[..., Visit]]:
    """Open the lab: `visit(fragment, width=1280, height=800, **options)`.

    The options are those of a context of Playwright. With `url` a file or another
    address is opened instead.
    """
    contexts, visits = [], []

    def open_page(
        fragment: str = "",
        *,
        width: int = 1280,
        height: int = 800,
        url: str | None = None,
        **options: Any,
    ) -> Visit:
        size = {"width": width, "height": height}
        contexts.append(browser.new_context(viewport=size, **options))
        address = url or f"{server.url}#{fragment}"
        visits.append(Visit(contexts[-1], address))
        return visits[-1]

    yield open_page
    for context in contexts:
        context.close()
    assert [v.foreign() for v in visits] == [[] for _ in visits]
    assert [v.problems for v in visits] == [[] for _ in visits]
