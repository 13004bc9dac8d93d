"""The Python on the pages of docs/ runs, and says what it gives."""

import importlib.util
import re
from pathlib import Path

import pytest

from test_readme import run

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {path.name: path.read_text("utf-8") for path in sorted(DOCS.glob("*.md"))}
BLOCKS = [
    pytest.param(name, match[1], text[: match.start()].count("\n") + 2, id=name)
    for name, text in PAGES.items()
    for match in re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
]
OPTIONAL = (
    "array_api_extra",
    "array_api_strict",
    "einops",
    "scipy",
    "sklearn",
    "torch",
)


@pytest.mark.parametrize(("page", "code", "line"), BLOCKS)
def test_each_python_block_of_the_docs_runs(page, code, line):
    for package in OPTIONAL:
        wanted = re.search(rf"^(import|from) {package}\b", code, re.MULTILINE)
        if wanted and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    run(code, line)


@pytest.mark.parametrize("page", PAGES)
def test_links_of_the_docs_to_files_and_headings_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"`[^`\n]*`", "", prose)
    for target, heading in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", prose):
        path = (DOCS / target) if target else DOCS / page
        assert path.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            assert heading in {anchor(title) for title in titles}, heading


def anchor(title: str) -> str:
    """Return the address of a heading within its page."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_the_page_for_users_of_other_libraries_has_examples():
    pages = [block.values[0] for block in BLOCKS]
    assert pages.count("differentiate.md") >= 6
