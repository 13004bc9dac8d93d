"""Explanations as HTML: well-formed, escaped, readable without eyes or a mouse."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

import xpnet as xn
from learn import explained
from xpnet import xp
from xpnet.learn.chain import broken, derivative, route
from xpnet.learn.digits import number
from xpnet.learn.html import element_html, explanation_html
from xpnet.learn.markup import code, details, paragraph, section, table
from xpnet.learn.symbols import inline

REAL = {
    "neuron": explained.neuron,
    "square": explained.square,
    "broadcast": explained.broadcast,
    "mlp": explained.mlp,
    "convolution": explained.convolution,
}


def parsed(shown: str) -> ElementTree.Element:
    """Parse a fragment as XML, which is stricter than HTML."""
    return ElementTree.fromstring(shown)


def said(element: ElementTree.Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def tables(tree: ElementTree.Element) -> dict[str, list[list[str]]]:
    """Return each table's rows of text by its caption."""
    found = {}
    for one in tree.iter("table"):
        caption = one.find("caption")
        assert caption is not None
        rows = [[said(cell) for cell in row] for row in one.iter("tr")]
        found[said(caption)] = rows
    return found


def products(tree: ElementTree.Element) -> list[list[str]]:
    """Return the lines of each product of the chain rule, as text."""
    found = []
    for math in tree.iter("math"):
        lines = math.find("mtable")
        if lines is not None and lines.get("displaystyle"):
            found.append([said(row) for row in lines])
    return found


@pytest.mark.parametrize("name", REAL)
def test_an_explanation_is_well_formed_and_accessible(name: str) -> None:
    shown = explanation_html(REAL[name]())
    tree = parsed(shown)
    assert not [e for e in tree.iter() if e.get("id") or e.get("onclick")]
    for one in tree.iter("table"):
        assert one.find("caption") is not None
        heads = [th for row in one.findall("thead/tr") for th in row]
        assert {th.get("scope") for th in heads} == {"col"}
        firsts = [row[0] for row in one.findall("tbody/tr")]
        assert {(cell.tag, cell.get("scope")) for cell in firsts} <= {("th", "row")}
    for region in tree.iter("div"):
        if region.get("class") == "scroll":
            assert region.get("tabindex") == "0"
            assert region.get("role") == "group"
            assert region.get("aria-label")
    assert "http" not in shown.replace("http://www.w3.org/2000/svg", "")


def test_the_neuron_in_names_symbols_and_numbers() -> None:
    tree = parsed(explanation_html(explained.neuron()))
    of_w, of_b = products(tree)
    assert of_w == [
        "∂loss∂w=∂loss∂a·∂a∂z·∂z∂w",
        "=2\u2062(a−y)·(1−tanh2\u2061(z))·x",
        "=−0.3990·0.3592·2",
        "=−0.2866",
    ]
    assert of_b[2] == "=−0.3990·0.3592·1"
    assert "w → z → a → loss" in said(tree)
    assert "Held constant: b, x, y." in said(tree)


def test_three_numbers_stand_side_by_side() -> None:
    found = tables(parsed(explanation_html(explained.neuron())))
    head, row = found["∂loss/∂w, computed in three ways"]
    assert head[1:] == ["the path", "the tape's gradient", "finite difference"]
    a, b, c = (float(cell.replace("−", "-")) for cell in row[1:])
    assert a == b == pytest.approx(c, rel=1e-6)


def test_x_times_x_has_two_paths_that_add_up() -> None:
    tree = parsed(explanation_html(explained.square()))
    assert [lines[-1] for lines in products(tree)] == ["=3", "=3"]
    found = tables(tree)["∂y/∂x, computed in three ways"]
    assert found[0][1] == "sum of 2 paths"
    assert found[1][1:] == ["6", "6", "6"]
    assert "Path 2 of 2: x → y" in said(tree)


def test_arrays_are_shown_link_by_link_and_element_by_element() -> None:
    tree = parsed(explanation_html(explained.broadcast()))
    found = tables(tree)
    links = found["Link by link"]
    assert links[1][1] == "2\u2062z"
    assert links[2][2] == "vector of 3: [44, 52, 60]"
    rows = found["∂loss/∂b, computed in three ways"][1:]
    assert [row[:3] for row in rows] == [
        ["b[0]", "44", "44"],
        ["b[1]", "52", "52"],
        ["b[2]", "60", "60"],
    ]
    assert "summed over axis 0" in said(tree)


def test_the_users_line_and_the_rule_can_be_opened() -> None:
    tree = parsed(explanation_html(explained.neuron()))
    whole = {said(d[0]): said(d) for d in tree.iter("details")}
    sources = whole["Your lines, and the library's own rules"]
    assert "a = xp.tanh(z)" in sources
    assert "unary(" in sources
    assert "explained.py, line" in sources
    assert "/learn/explained.py" not in sources  # no folders of the author's machine
    assert "All 7 operations" in whole


def test_a_user_may_call_things_what_she_likes() -> None:
    bad = explained.HOSTILE
    given = explained.neuron()
    for one in given["steps"]:
        one["name"] = one["expression"] = bad
        one["rule"] = one["operation"] = bad
        one["notes"] = [bad]
        one["line"] = {"file": bad, "number": 1, "function": bad, "text": bad}
        for x in one["inputs"]:
            if "constant" in x:
                x["name"] = bad
        for d in filter(None, one["derivatives"]):
            d["symbols"] = d["formula"] = bad
    for variable in given["variables"]:
        variable["name"] = bad
        variable["held_constant"] = [bad]
        for path in variable["paths"]:
            for part in ("names", "symbols", "back"):
                path[part] = [bad] * len(path[part])
    given["loss"]["name"] = bad
    shown = explanation_html(given)
    tags = {element.tag.rpartition("}")[2] for element in parsed(shown).iter()}
    assert "script" not in tags
    assert "<script" not in shown
    assert "alert(" in shown


def test_a_long_explanation_stays_short() -> None:
    given = explained.made_up(300)
    for one in given["steps"]:
        one["notes"] = [f"a note on {one['name']}"]
    shown = explanation_html(given)
    tree = parsed(shown)
    assert len(shown) < 250_000
    assert "The 11 other paths together: −0.75." in said(tree)
    titles = [said(summary) for summary in tree.iter("summary")]
    assert f"{len(given['steps']) - 6} more notes" in titles
    assert f"All {len(given['steps'])} operations" in titles


def test_of_a_very_long_chain_both_ends_are_shown() -> None:
    x = y = xn.asarray(0.5, requires_grad=True)
    for _ in range(700):
        y = xp.sin(y)
    given = xn.explain(y, wrt=x).to_dict()
    shown = explanation_html(given)
    tree = parsed(shown)
    assert len(shown) < 400_000
    (lines,) = products(tree)
    names, symbols, numbers, _ = lines
    assert names.startswith("∂y∂x=∂y∂")
    assert names.endswith("∂x")
    assert [line.count("⋯") for line in lines] == [1, 1, 1, 0]
    assert [line.count("·") for line in (names, numbers)] == [24, 24]
    first, last = (given["variables"][0]["paths"][0]["numbers"][k] for k in (0, -1))
    assert numbers.startswith(f"={number(first)}·")
    assert numbers.endswith(f"·{number(last)}")
    assert symbols.endswith("(x)")
    assert " → … → " in said(tree)
    assert "The last 200 of 701 operations" in said(tree)
    (last,) = (rows for caption, rows in tables(tree).items() if "last 200" in caption)
    assert len(last) == 1 + 200
    assert "what was computed, the first 60 of" in said(tree)


def test_a_value_in_a_table_is_short_beside_its_shape() -> None:
    rows = tables(parsed(explanation_html(explained.mlp())))
    row = rows["Forward: what was computed"][1]
    assert row[2] == "8 × 2 matrix"
    assert re.fullmatch(r"−0\.\d+ to 0\.\d+, norm 1\.\d+", row[3])


def test_prose_can_be_broken_into_lines_and_ranges_of_numbers_cannot() -> None:
    assert inline("g through the rule of <f>", {}) == "g through the rule of &lt;f&gt;"
    assert inline("g @ x.T", {"x": "w"}).startswith('<math alttext="g @ wᵀ">')
    assert broken("20 numbers from 0 to 1, norm 2") == (
        '<span class="one">20 numbers</span> <span class="one">from 0 to 1,</span> '
        '<span class="one">norm 2</span>'
    )
    assert broken("[1, 2] < 3") == "[1, 2] &lt; 3"
    shown = explanation_html(explained.mlp())
    assert not re.search("<td><math[^>]*><mtext>", shown)


def test_an_explanation_shows_itself_in_a_notebook() -> None:
    w = xn.asarray(3.0, requires_grad=True)
    shown = xn.explain(w**2, wrt=w)._repr_html_()
    assert "<math" in shown
    assert "<svg" in shown
    parsed(shown)


def test_two_explanations_on_one_page_do_not_meet() -> None:
    one = explanation_html(explained.neuron())
    two = explanation_html(explained.square())
    tree = parsed(f"<body>{one}{two}</body>")
    assert len([e for e in tree.iter() if e.get("class") == "xn-explain"]) == 2
    for sheet in tree.iter("style"):
        rules = re.sub(r"@media\([^)]*\)\{(.*?\})\}", r"\1", sheet.text or "")
        for rule in re.findall(r"([^{}]+)\{", rules):
            assert all(".xn-" in selector for selector in rule.split(","))


def test_one_element_is_a_table_of_its_terms() -> None:
    X = xn.asarray([[1.0, 2.0], [3.0, 4.0]])
    w = xn.asarray([[0.5], [-0.5]], requires_grad=True)
    z = X @ w
    loss = xp.sum(z**2)
    element = xn.explain(loss, wrt=w).element(0, 0)
    tree = parsed(element._repr_html_())
    (rows,) = tables(tree).values()
    assert rows[1:3] == [["z[1, 0]", "−1", "3", "−3"], ["z[0, 0]", "−1", "1", "−1"]]
    assert rows[-1] == ["sum", "", "", "−4"]
    assert "w[0, 0] → z[1, 0] → loss" in said(tree)
    assert said(tree).endswith("−1·3=−3")
    alone = element_html(element.to_dict() | {"chain": [], "terms": [], "count": 0})
    assert "→" not in said(parsed(alone))


# --- the parts ------------------------------------------------------------------------


def test_what_is_called_text_is_escaped() -> None:
    bad = "<b>&\x00"
    for shown in (
        paragraph(bad),
        code(bad),
        section(bad, ""),
        details(bad, ""),
        table(bad, [bad], []),
    ):
        assert "<b>" not in shown
        assert "&lt;b&gt;&amp;" in shown
        parsed(shown)


def test_signs_that_nobody_sees_or_that_turn_letters_around_are_named() -> None:
    shown = paragraph("a\u202eb\u2066c\u200bd\u2028e\x85f \ud800 שלום x\u2062y")
    assert shown == "<p>a\\u202eb\\u2066c\\u200bd\\u2028e f ? שלום x\u2062y</p>"


def test_code_keeps_its_lines_and_indents() -> None:
    assert code("def f():\n\treturn 1\n") == (
        '<pre tabindex="0"><code>def f():\n    return 1</code></pre>'
    )


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["∂loss/∂a", "∂a/∂z", "∂z/∂w"], "w → z → a → loss"),
        (["∂loss/∂m[0].weight"], "m[0].weight → loss"),
        ([], ""),
    ],
)
def test_the_route_of_a_path(names: list[str], shown: str) -> None:
    assert route(names) == shown


@pytest.mark.parametrize(
    ("below", "fenced"), [("w", False), ("m[0].weight", False), ("a − y", True)]
)
def test_an_expression_below_a_derivative_gets_parentheses(
    below: str, fenced: bool
) -> None:
    tree: Any = parsed(derivative("loss", below))
    assert ("(" in said(tree[1])) is fenced


def test_the_gradient_of_a_matrix_product_says_its_transposes() -> None:
    symbols = [
        given["symbols"]
        for step in explained.mlp()["steps"]
        for given in step["derivatives"]
        if given is not None and step["operation"] == "matmul"
    ]
    assert "tanhᵀ @ ∂L/∂(tanh @ model[2].weightᵀ)" in symbols
    assert "∂L/∂(tanh @ model[2].weightᵀ) @ model[2].weight" in symbols
