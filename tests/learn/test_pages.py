"""What the pages on the microscope and on landscapes show is what is printed."""

import re
from pathlib import Path

import pytest

from test_readme import run

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(
    r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize("page", ["microscope", "landscape"])
def test_the_output_under_an_example_is_its_output(page):
    names: dict[str, object] = {"__name__": page}
    for code, shown in BLOCK.findall((DOCS / f"{page}.md").read_text("utf-8")):
        printed = run(code, 1, names)
        if "learn.landscape(" in code:  # a network's digits depend on the machine
            printed, shown = (text.partition("\n")[0] for text in (printed, shown))
        assert printed == shown
