"""The Python on the pages of docs/ runs, in order, and says what it gives."""

import importlib.util
import re
from pathlib import Path

import pytest

from test_readme import run
from xpnet import nn

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {
    path.relative_to(DOCS).as_posix(): path.read_text("utf-8")
    for path in sorted(DOCS.glob("**/*.md"))
}
BLOCKS = {
    name: [
        (match[1], text[: match.start()].count("\n") + 2)
        for match in re.finditer(
            r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
        )
    ]
    for name, text in PAGES.items()
}
OPTIONAL = (
    "array_api_extra",
    "array_api_strict",
    "einops",
    "scipy",
    "sklearn",
    "torch",
)
NEEDED = {"images.md": ("PIL", "sklearn")}  # by a page from its first line on


def missing(code: str) -> list[str]:
    """Return the optional packages that a block imports and that are not installed."""
    return [
        package
        for package in OPTIONAL
        if re.search(rf"^(import|from) {package}\b", code, re.MULTILINE)
        and importlib.util.find_spec(package) is None
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCKS[page]])
def test_the_python_blocks_of_a_page_run_in_order(page):
    for package in NEEDED.get(page, ()):
        pytest.importorskip(package)
    if page == "gallery.md":
        pytest.importorskip("matplotlib")
        pytest.importorskip("sklearn")
        pytest.importorskip("PIL")
    names: dict[str, object] = {"__name__": page}
    skipped: list[str] = []
    for code, line in BLOCKS[page]:
        skipped += missing(code)
        if not missing(code):
            run(code, line, names)
    if skipped:
        pytest.skip(f"not installed, for a part of the page: {', '.join(skipped)}")


@pytest.mark.parametrize("page", PAGES)
def test_links_of_the_docs_to_files_and_headings_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"`[^`\n]*`", "", prose)
    for target, heading in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", prose):
        path = (DOCS / page).parent / target if target else DOCS / page
        assert path.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            assert heading in {anchor(title) for title in titles}, heading


def anchor(title: str) -> str:
    """Return the address of a heading within its page."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_the_page_for_users_of_other_libraries_has_examples():
    assert len(BLOCKS["differentiate.md"]) >= 6
    assert len(BLOCKS["transforms.md"]) > 10


def test_every_file_of_layers_has_a_page_and_every_name_is_in_the_index():
    index = PAGES["nn/README.md"]
    layers = Path(nn.__file__).parent / "layers"
    shared = {"__init__", "conv_docs", "family", "lists"}  # lists: with the containers
    for stem in {path.stem for path in layers.glob("*.py")} - shared:
        assert f"({stem}.md)" in index, stem
    for name in set(nn.__all__) - {"functional", "init"}:
        alike = re.sub(r"[23]d$", "1d", name)
        assert f"`{name}`" in index or f"`{alike}`" in index, name
    absent = index[index.index("Not here") :]
    for name in re.findall(r"`(\w+)`", absent):
        there = name == "Upsample"
        assert there is (name in nn.__all__ or name in nn.functional.__all__), name
