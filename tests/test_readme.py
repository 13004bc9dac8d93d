"""README.md's Python runs, and says what it gives."""

import ast
import contextlib
import importlib.util
import io
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = [
    (match[1], README.read_text(encoding="utf-8")[: match.start()].count("\n") + 2)
    for match in re.finditer(
        r"^```python\n(.*?)^```$",
        README.read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
]


def run(code: str, first_line: int = 1, names: dict[str, object] | None = None) -> str:
    """Run one block statement by statement; return what it prints.

    Blocks that are given the same `names` go on where the one before stopped.

    A line `expression  # 6.0` whose comment is a Python literal is a claim: the
    expression must equal it.
    """
    names = {"__name__": "readme"} if names is None else names
    lines = code.splitlines()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for node in ast.parse(code).body:
            where = f"README.md, line {first_line + node.lineno - 1}"
            if not isinstance(node, ast.Expr):
                part = ast.Module([node], type_ignores=[])
                exec(compile(part, where, "exec"), names)
                continue
            value = eval(compile(ast.Expression(node.value), where, "eval"), names)
            _, _, comment = lines[node.end_lineno - 1].partition("  # ")
            with contextlib.suppress(ValueError, SyntaxError):
                claim = ast.literal_eval(comment)
                assert value == pytest.approx(claim), where
    return printed.getvalue()


def needs_digits(code: str) -> bool:
    return "load_digits" in code


def skip_without_data(code: str) -> None:
    if needs_digits(code) and importlib.util.find_spec("sklearn") is None:
        pytest.skip("scikit-learn, which holds the digits, is not installed")


@pytest.mark.parametrize(
    ("code", "line"), [pytest.param(*b, id=f"line{b[1]}") for b in BLOCKS]
)
def test_each_python_block_runs(code, line):
    skip_without_data(code)
    printed = run(code, line)
    if needs_digits(code):
        accuracy = float(printed.split()[-1])
        assert accuracy > 0.9


def test_the_readme_has_blocks_to_run():
    assert len(BLOCKS) >= 3
    assert any("xn.grad(lambda x: x**2)(3.0)  # 6.0" in code for code, _ in BLOCKS)


def test_the_training_example_is_ten_lines():
    (code,) = [code for code, _ in BLOCKS if needs_digits(code)]
    lines = [line for line in code.splitlines() if line.strip()]
    body = [line for line in lines if not line.startswith(("import ", "from "))]
    assert len(body) <= 10


def test_a_false_claim_in_a_block_is_found():
    assert run("1 + 1  # 2\nprint('hello')  # not a literal, no claim\n") == "hello\n"
    with pytest.raises(AssertionError, match="line 1"):
        run("1 + 1  # 3\n")
