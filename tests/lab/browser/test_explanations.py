"""What a notebook shows of explanations and of moving pictures, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from learn import explained
from xpnet import learn, optim
from xpnet.learn.html import explanation_html

Visits = Callable[..., Any]

# What is wider than the cell of a table that it stands in.
WIDE = """() => [...document.querySelectorAll("td, th")]
    .filter((cell) => cell.scrollWidth > cell.clientWidth + 1)
    .map((cell) => cell.textContent)"""
# The words of a graph that stick out of their box.
OUTSIDE = """() => [...document.querySelectorAll("svg g > rect.box")].flatMap((rect) =>
    [...rect.parentNode.querySelectorAll("text")].filter((text) =>
        text.getBBox().x < rect.getBBox().x || text.getBBox().x + text.getBBox().width
            > rect.getBBox().x + rect.getBBox().width
    ).map((text) => text.textContent))"""


@pytest.fixture
def notebook(visit: Visits, tmp_path: Path) -> Visits:
    """Open explanations as a narrow notebook shows them, with everything open."""

    def opened(*explanations: dict[str, Any], **options: Any) -> Any:
        page = tmp_path / "notebook.html"
        page.write_text(
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Notebook'
            "</title><style>:root{color-scheme:light dark}</style></head><body><main>"
            "<h1>Notebook</h1><h2>Explanations</h2>"
            f"{''.join(map(explanation_html, explanations))}</main></body></html>",
            encoding="utf-8",
        )
        seen = visit(url=page.as_uri(), width=700, **options)
        seen.page.evaluate(
            "() => document.querySelectorAll('details').forEach((d) => d.open = true)"
        )
        return seen

    return opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_explanation_is_for_all(notebook: Visits, scheme: str) -> None:
    assert notebook(explained.neuron(), color_scheme=scheme).violations() == []


def test_explanations_fit_a_narrow_notebook(notebook: Visits) -> None:
    long = explained.broadcast()
    long["steps"][-1]["expression"] = " + ".join(f"a_long_name_{k}" for k in range(9))
    seen = notebook(long, explained.mlp(), explained.convolution())
    assert seen.fits()
    assert seen.page.evaluate(WIDE) == []
    assert seen.page.evaluate(OUTSIDE) == []


def test_a_movie_can_be_stopped_moved_and_read(visit: Visits, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    from xpnet.learn import plots

    way = learn.descend("x^2 + 4y^2", (2.0, 1.0), optim.SGD, steps=4, lr=0.1)
    file = tmp_path / "movie.html"
    plots.animate(way, theme="dark").save(file, dpi=50)
    seen = visit(url=file.as_uri(), reduced_motion="reduce")
    assert seen.violations() == []
    first = seen.page.get_attribute("#picture", "src")
    seen.page.focus("#frame")
    seen.page.keyboard.press("ArrowRight")
    assert seen.page.inner_text("#number") == "1"
    assert seen.page.get_attribute("#picture", "src") != first
    seen.page.click("#play")
    seen.until("() => document.getElementById('play').textContent === 'Play'")
    assert seen.page.inner_text("#number") == "4"
