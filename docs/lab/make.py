"""Take the pictures of docs/lab.md: the lab's pages, in a real browser.

    python docs/lab/make.py [--chromium /usr/bin/chromium] [PAGE ...]

It needs Chromium and the packages of `xpnet[lab,plot,sklearn]`, Playwright and pillow.
Each page is opened, brought to a state worth seeing by its own controls, and written as
a PNG with a palette beside this file. Nothing in a picture is drawn by hand.
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path
from typing import Any

from xpnet import lab

FOLDER = Path(__file__).parent
SIZE = {"width": 1280, "height": 1000}
FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
--disable-background-networking --disable-component-update""".split()

# The state in the address, and the button that is pressed, for how many seconds.
STATES = {
    "slope": ("f=x**3 - 2x&x=1.2&h=0.8", None, 0.0),
    "descent": ("", "Play", 6.0),
    "neuron": ("", "Ten steps", 0.5),
    "network": ("", "Train", 4.0),
    "image": ("", "Train", 4.0),
    "code": ("", None, 0.0),
}


def main() -> None:
    """Take the pictures that are asked for."""
    parser = argparse.ArgumentParser(description="Take the pictures of the lab's page.")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=", ".join(STATES))
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with lab.open(browser=False, block=False) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=options.chromium, args=FLAGS)
        for page in options.pages or STATES:
            sheet = browser.new_page(viewport=SIZE, color_scheme="light")
            write(page, shot(sheet, server.url, page))
            sheet.close()
        browser.close()


def shot(sheet: Any, address: str, page: str) -> bytes:
    """Return a picture of a page as a PNG."""
    state, button, seconds = STATES[page]
    sheet.goto(f"{address}#{page}?{state}")
    sheet.wait_for_load_state("networkidle")
    sheet.wait_for_timeout(3000)
    if button is not None:
        sheet.get_by_role("button", name=button, exact=True).click()
        sheet.wait_for_timeout(1000 * seconds)
    sheet.mouse.move(0, 0)
    sheet.evaluate("scrollTo(0, 0)")
    taken: bytes = sheet.screenshot()
    return taken


def write(page: str, taken: bytes) -> None:
    """Write a picture with a palette of 256 colours."""
    from PIL import Image

    path = FOLDER / f"{page}.png"
    with Image.open(io.BytesIO(taken)) as image:
        few = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
    few.save(path, optimize=True)
    print(f"{path.stat().st_size:7,d} bytes  {path.name}")


if __name__ == "__main__":
    main()
