"""The exported file in a real browser: it replays alone, and can reach nothing."""

from __future__ import annotations

import socket

import pytest

from xpnet import lab
from xpnet.lab.pages import PAGES

NOTICE = "This is a saved"
LOOK = {"type": "look", "f": "x**2", "x": 3, "h": 1, "dtype": "float64"}

pytestmark = pytest.mark.browser


STARTS = {"slope": "slope?f=x**3&x=2", "image": "image?source=skies"}


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_a_saved_page_shows_with_no_server_what_the_page_showed(visit, tmp_path, page):
    live = visit(STARTS.get(page, page))
    shown = settled(live)
    with live.page.expect_download() as started:
        live.page.get_by_text("Save as a file").click()
    path = tmp_path / f"{page}.html"
    started.value.save_as(path)
    seen = visit(url=path.as_uri())
    assert settled(seen) == shown
    seen.page.get_by_text(NOTICE).wait_for()
    assert {url.split(":")[0] for url in seen.requests} <= {"file", "data"}


def settled(seen):
    """Return the words of a page when they do not change any more."""
    seen.rest()
    text = seen.page.locator("main").inner_text()
    lines = [line for line in text.splitlines() if not line.startswith(NOTICE)]
    return "\n".join(filter(None, lines))


def test_a_file_saved_without_a_browser_replays_too(visit, tmp_path):
    requests = [
        {"type": "curve", "f": "x**3", "low": -4, "high": 4},
        {"type": "look", "f": "x**3", "x": 2, "h": 1, "dtype": "float64"},
        {"type": "errors", "f": "x**3", "x": 2},
        {"type": "chain", "f": "x**3", "x": 2},
    ]
    state = "#slope?f=x**3&x=2"
    path = lab.save(tmp_path / "run.html", "slope", requests, state=state)
    seen = visit(url=path.as_uri())
    seen.wait_figure("slope", "12")


TRIES = """async () => {
    const base = "http://127.0.0.1:PORT/";
    const refused = [];
    document.addEventListener("securitypolicyviolation",
        (event) => refused.push(event.effectiveDirective));
    await fetch(base).catch(() => {});
    try { new WebSocket(base.replace("http", "ws")); } catch {}
    const image = document.createElement("img");
    image.src = base;
    const script = document.createElement("script");
    script.src = base;
    const frame = document.createElement("iframe");
    frame.src = base;
    const inline = document.createElement("script");
    inline.textContent = "window.ran = true";
    document.body.append(image, script, frame, inline);
    navigator.sendBeacon(base, "x");
    await new Promise((resolve) => setTimeout(resolve, 300));
    return [refused, window.ran ?? false];
}"""


@pytest.mark.parametrize("kind", ["live", "saved"])
def test_the_policy_of_a_page_lets_nothing_out(visit, tmp_path, kind):
    path = lab.save(tmp_path / "run.html", "slope", [LOOK])
    seen = visit("slope") if kind == "live" else visit(url=path.as_uri())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        refused, ran = seen.page.evaluate(TRIES.replace("PORT", str(port)))
        sent = list(received(listener))
    assert not any(sent)
    assert ran is False
    assert set(refused) == {"connect-src", "frame-src", "img-src", "script-src-elem"}
    assert len(refused) == 7
    seen.problems.clear()  # the browser says each refusal in its console


def received(listener):
    """What came in: Chromium connects for a frame before it asks the policy."""
    listener.settimeout(0.2)
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            return
        with connection:
            connection.settimeout(0.2)
            try:
                yield connection.recv(1)
            except TimeoutError:
                yield b""
