"""The pictures of docs/gallery.md are there, small, and made by its code."""

import re
import types
from pathlib import Path

import pytest

from xpnet.learn import lessons

pytest.importorskip("matplotlib", reason="the gallery is drawn with matplotlib")

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "gallery"
PAGE = (DOCS / "gallery.md").read_text("utf-8")
KEPT = sorted(path.name for path in FOLDER.glob("*.*") if path.suffix != ".py")


@pytest.fixture(scope="module")
def make():
    """Return docs/gallery/make.py as a module."""
    path = FOLDER / "make.py"
    module = types.ModuleType("make")  # not imported: that would leave a cache there
    module.__file__ = str(path)
    exec(compile(path.read_text("utf-8"), str(path), "exec"), module.__dict__)
    return module


def test_the_page_the_script_and_the_folder_name_the_same_pictures(make):
    named = set(re.findall(r"gallery/([\w-]+\.(?:svg|png|gif))", PAGE))
    assert make.files() == sorted(named)
    assert sorted(named) == KEPT


def test_the_table_leads_to_every_lesson_and_page_and_to_examples_that_exist():
    table = [line for line in PAGE.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 10  # the guides' contents
    words = re.findall(r"`xpnet learn ([\w-]+)`", PAGE)
    assert set(words) == set(lessons.TITLES)
    pages = {"slope", "descent", "neuron", "network", "image", "code"}
    assert set(re.findall(r"`xpnet lab (\w+)`", PAGE)) == pages
    for path in re.findall(r"`(examples/\w+\.py)`", PAGE):
        assert (DOCS.parent / path).exists(), path
    for row in table[2:]:
        assert re.search(r"\(#[\w-]+\)", row), row  # and to a picture on this page


def test_each_block_ends_with_a_picture_that_has_a_text(make):
    assert len(make.blocks()) == PAGE.count("```python")
    for block in make.blocks():
        assert block.files, block.code
        last = block.code.splitlines()
        assert any(re.match(r"(figure|movie|picture) = ", line) for line in last)
    alts = re.findall(r'<img alt="([^"]*)"', PAGE)
    assert len(alts) == len(make.blocks())
    assert min(map(len, alts)) > 20


def test_no_picture_is_large():
    sizes = {name: (FOLDER / name).stat().st_size for name in KEPT}
    assert {name: size for name, size in sizes.items() if size > 60 * 1024} == {}
    assert sum(sizes.values()) < 1024 * 1024


def test_the_pictures_that_are_kept_hold_no_date_and_load_nothing():
    for name in KEPT:
        if name.endswith(".svg"):
            text = (FOLDER / name).read_text("utf-8")
            assert "dc:date" not in text, name
            assert not re.search(r'(href|src)="(?!#)', text), name


def test_the_script_writes_the_same_bytes_again(make, tmp_path, monkeypatch):
    first = make.blocks()[0]._replace(files=("slope.png", "slope.svg"))
    monkeypatch.setattr(make, "blocks", lambda: [first])
    made = {}
    for folder in ("one", "two"):
        monkeypatch.setattr("sys.argv", ["make.py", "--out", str(tmp_path / folder)])
        make.main()
        made[folder] = [(tmp_path / folder / f).read_bytes() for f in first.files]
    assert made["one"] == made["two"]


def test_the_first_picture_is_what_the_page_draws_today(make, tmp_path, monkeypatch):
    first = make.blocks()[0]._replace(files=("slope-dark.svg", "slope.svg"))
    monkeypatch.setattr(make, "blocks", lambda: [first])
    version = re.compile(r"Matplotlib v[\w.]+")
    for name, picture in make.pictures():
        make.write(picture, tmp_path / name)
        made, kept = ((at / name).read_text("utf-8") for at in (tmp_path, FOLDER))
        if version.findall(kept) == version.findall(made):  # another draws otherwise
            assert kept == made
