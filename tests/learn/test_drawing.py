"""Pictures of our own: nothing overlaps, everything fits, and names stay names."""

from __future__ import annotations

import graphlib
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from learn import explained
from xpnet import xp
from xpnet.errors import ShapeError
from xpnet.learn.drawing import graph_svg, network_svg, svg
from xpnet.learn.drawing.grouping import MOST_BOXES
from xpnet.learn.drawing.layout import layered
from xpnet.learn.drawing.outline import outline
from xpnet.learn.drawing.ranks import ranked
from xpnet.learn.theme import DARK, LIGHT

SPACE = "{http://www.w3.org/2000/svg}"

REAL = {
    "neuron": explained.neuron,
    "square": explained.square,
    "broadcast": explained.broadcast,
    "mlp": explained.mlp,
    "convolution": explained.convolution,
}
MADE_UP = {f"{size} steps": size for size in (5, 24, 40, 60, 200, 500)}


def explanation(name: str) -> dict[str, Any]:
    return REAL[name]() if name in REAL else explained.made_up(MADE_UP[name])


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def boxes(tree: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    found = []
    for rect in tree.iter(f"{SPACE}rect"):
        if rect.get("class") == "box":
            x, y, w, h = (float(rect.get(k, "")) for k in ("x", "y", "width", "height"))
            found.append((x, y, x + w, y + h))
    return found


def words(tree: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in tree.iter(f"{SPACE}text")]


# --- graphs ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*REAL, *MADE_UP])
def test_a_graph_has_no_boxes_that_overlap(name: str) -> None:
    tree = parsed(graph_svg(explanation(name)))
    found = boxes(tree)
    assert 2 <= len(found) <= 1.5 * MOST_BOXES
    assert not [pair for pair in itertools.combinations(found, 2) if svg.overlap(*pair)]
    width, height = float(tree.get("width", "")), float(tree.get("height", ""))
    assert all(box[2] < width and box[3] < height for box in found)


@pytest.mark.parametrize("name", [*REAL, *MADE_UP])
def test_arrows_go_around_the_boxes(name: str) -> None:
    tree = parsed(graph_svg(explanation(name)))
    inside = [(a + 2, b + 2, c - 2, d - 2) for a, b, c, d in boxes(tree)]
    for path in tree.iter(f"{SPACE}path"):
        numbers = [float(n) for n in re.findall(r"-?\d+\.\d", path.get("d", ""))]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        for x, y in points[1:-1]:
            assert not any(a < x < c and b < y < d for a, b, c, d in inside)


@pytest.mark.parametrize("name", [*REAL, *MADE_UP])
def test_texts_fit_into_their_boxes(name: str) -> None:
    tree = parsed(graph_svg(explanation(name)))
    for group in tree.iter(f"{SPACE}g"):
        rect = group.find(f"{SPACE}rect")
        if rect is None:
            continue
        room = float(rect.get("width", ""))
        for text in group.findall(f"{SPACE}text"):
            assert svg.width(text.text or "", 11.0) < room - 12


def test_the_graph_of_a_neuron_says_every_number() -> None:
    tree = parsed(graph_svg(explained.neuron()))
    said = words(tree)
    assert {"w", "b", "x", "y", "z", "a", "loss", "w·x", "a − y"} <= set(said)
    assert {"tanh(z)", "w·x + b", "(a − y)²", "0.5", "0.8005", "−0.2866"} <= set(said)
    assert {"x = 2", "1 − tanh²(z) = 0.3592", "2 (a − y) = −0.3990", "1"} <= set(said)


def test_x_times_x_has_two_arrows() -> None:
    tree = parsed(graph_svg(explained.square()))
    assert len(list(tree.iter(f"{SPACE}polygon"))) == 2
    assert words(tree).count("x = 3") == 2


def test_arrows_of_arrays_name_the_gradient_and_the_transpose() -> None:
    said = words(parsed(graph_svg(explained.mlp())))
    assert "1 if linear2 > 0 else 0" in said
    assert any(re.fullmatch(r".*ᵀ @ g", label) for label in said)


def test_the_path_of_interest_is_thick_and_the_others_are_dashed() -> None:
    given = explained.neuron()
    tree = parsed(graph_svg(given))
    thick = [g for g in tree.iter(f"{SPACE}g") if g.get("class") == "path"]
    assert [g for g in thick if g.find(f"{SPACE}path") is not None]
    aside = [p for p in tree.iter(f"{SPACE}path") if p.get("class") == "arrow aside"]
    assert len(aside) == 3  # from b, x and y
    none = parsed(graph_svg(given, path=()))
    assert not [g for g in none.iter() if "path" in (g.get("class") or "").split()]
    assert not [p for p in none.iter() if p.get("class") == "arrow aside"]


def test_another_path_can_be_chosen() -> None:
    given = explained.neuron()
    (steps,) = (p["steps"] for v in given["variables"][1:] for p in v["paths"])
    drawn = outline(given, steps)
    shown = {box.name for box in drawn.boxes.values() if box.path}
    assert shown == {"b", "z", "a", "a − y", "loss"}


def test_each_of_the_two_paths_of_x_times_x_has_its_own_arrow() -> None:
    given = explained.square()
    (x,) = given["variables"]
    assert sorted(path["places"] for path in x["paths"]) == [[0], [1]]
    for path in x["paths"]:
        drawn = outline(given, path)
        assert [[k] for k, a in enumerate(drawn.arrows) if a.path] == [path["places"]]
    by_steps = outline(given, x["paths"][0]["steps"])  # which do not say which
    assert [arrow.path for arrow in by_steps.arrows] == [True, True]


def test_long_chains_are_one_box_and_say_what_is_in_it() -> None:
    steps = [explained.step(0, "w", "variable", [])]
    for i in range(1, 99):
        steps.append(explained.step(i, f"t{i}", "tanh" if i % 2 else "exp", [i - 1]))
    given = {"loss": {"name": "t98", "value": 1.0}, "steps": steps, "variables": []}
    drawn = outline(given, None)
    assert [box.name for box in drawn.boxes.values()] == ["w", "97 steps", "t98"]
    group = drawn.boxes[1]
    assert group.lines == [("", "tanh ×49"), ("", "exp ×48")]
    assert "t1, t2, t3" in group.tip


def test_a_long_chain_is_one_box_on_the_path_too_and_its_arrow_claims_nothing() -> None:
    x = y = xn.asarray(0.5, requires_grad=True)
    for _ in range(150):
        y = xp.sin(y)
    drawn = outline(xn.explain(y, wrt=x).to_dict(), None)
    assert [box.name for box in drawn.boxes.values()] == ["x", "149 steps", "y"]
    assert [arrow.path for arrow in drawn.arrows] == [True, True]
    into, out = drawn.arrows
    assert into.formula == into.value == ""  # cos(x) is that of the first step only
    assert out.formula.startswith("cos(")


def test_what_many_arrows_say_alike_is_written_once() -> None:
    w = [xn.asarray(float(k), requires_grad=True) for k in range(4)]
    s = xp.stack(w)
    tree = parsed(graph_svg(xn.explain(s[2], wrt=w[2]).to_dict()))
    said = [(g.get("class"), t.text or "") for g in tree.iter(f"{SPACE}g") for t in g]
    assert [label for label in said if label[1].startswith("each: ")] == [
        ("path", "each: the part of g that came from here")
    ]


def test_labels_of_arrows_do_not_cover_one_another() -> None:
    steps = [explained.step(i, f"w{i}", "variable", []) for i in range(8)]
    steps.append(explained.step(8, "z", "stack", list(range(8))))
    for i, one in enumerate(steps[-1]["derivatives"]):
        one["symbols"] = one["formula"] = f"a formula of w{i}"
    given = {"loss": {"name": "z", "value": 1.0}, "steps": steps, "variables": []}
    tree = parsed(graph_svg(given))
    found = []
    for text in tree.iter(f"{SPACE}text"):
        if text.get("class") == "label":
            x, y = float(text.get("x", "")), float(text.get("y", ""))
            found.append((x - svg.width(text.text or "", 11.0), y - 9, x, y))
    assert len(found) == 8
    assert not [pair for pair in itertools.combinations(found, 2) if svg.overlap(*pair)]


def test_a_constant_without_a_value_is_not_drawn() -> None:
    given = [0, {"constant": True, "name": "mode", "value": None, "shape": []}]
    given.append({"constant": True, "name": "k", "value": 2.0, "shape": []})
    steps = [
        explained.step(0, "w", "variable", []),
        explained.step(1, "z", "scale", given),
    ]
    said = {"loss": {"name": "z", "value": 1.0}, "steps": steps, "variables": []}
    assert [box.name for box in outline(said, None).boxes.values()] == ["w", "k", "z"]


def test_a_long_name_has_its_line_for_itself() -> None:
    name = "encoder.layers[0].weight"
    steps = [
        explained.step(0, name, "variable", []),
        explained.step(1, "z", "exp", [0]),
    ]
    given = {"loss": {"name": "z", "value": 1.0}, "steps": steps, "variables": []}
    assert [*words(parsed(graph_svg(given)))][1:3] == [name, "variable"]


@pytest.mark.parametrize("seed", range(5))
def test_groups_of_steps_make_no_circle(seed: int) -> None:
    drawn = outline(explained.made_up(400, seed), None)
    assert len(drawn.boxes) <= 1.5 * MOST_BOXES
    sorter = graphlib.TopologicalSorter()
    for arrow in drawn.arrows:
        sorter.add(arrow.target, arrow.source)
    sorter.prepare()  # raises where there is a circle
    merged = [arrow for arrow in drawn.arrows if arrow.count > 1]
    assert merged
    assert any(
        f"{a.count} arrows" in graph_svg(explained.made_up(400, seed)) for a in merged
    )


def test_a_hostile_name_stays_a_name() -> None:
    given = explained.made_up(8, name=explained.HOSTILE)
    picture = graph_svg(given)
    tree = parsed(picture)
    assert "<script" not in picture
    assert {e.tag.removeprefix(SPACE) for e in tree.iter()} == {
        "svg",
        "title",
        "desc",
        "style",
        "rect",
        "g",
        "text",
        "path",
        "polygon",
    }


def test_a_picture_has_words_for_those_who_do_not_see_it() -> None:
    tree = parsed(graph_svg(explained.neuron()))
    assert tree.get("role") == "img"
    title, description = tree.find(f"{SPACE}title"), tree.find(f"{SPACE}desc")
    assert title is not None
    assert description is not None
    assert title.text == "How loss is computed"
    assert "w, b" in (description.text or "")
    assert "id=" not in graph_svg(explained.neuron())  # two pictures on one page


def test_an_explanation_may_come_from_json() -> None:
    given = explained.neuron()
    assert graph_svg(json.loads(json.dumps(given, allow_nan=False))) == graph_svg(given)


def test_values_that_were_not_kept_are_drawn_as_a_dash() -> None:
    steps = [
        explained.step(0, "w", "variable", []),
        explained.step(1, "z", "exp", [0], value=None, shape=None, cotangent=None),
    ]
    given = {"loss": {"name": "z", "value": None}, "steps": steps, "variables": []}
    assert "–" in words(parsed(graph_svg(given)))


# --- layout ---------------------------------------------------------------------------


def test_the_layout_uncrosses_what_can_be_uncrossed() -> None:
    sizes = dict.fromkeys("abcdef", (50.0, 20.0))
    edges = [("a", "f"), ("b", "e"), ("c", "d")]
    placed = layered(sizes, edges, lambda some: 20.0, bend=30.0)
    tops = [placed.places[key].y for key in "abc"]
    ends = [placed.places[key].y for key in "fed"]
    assert sorted(range(3), key=tops.__getitem__) == sorted(
        range(3), key=ends.__getitem__
    )
    assert [route[0][1] for route in placed.routes] == [
        route[-1][1] for route in placed.routes
    ]


def test_a_variable_and_its_transpose_stand_beside_their_use() -> None:
    sizes = dict.fromkeys(["x", "a", "b", "c", "w", "w.T", "y"], (50.0, 20.0))
    way = [("x", "a"), ("a", "b"), ("b", "c"), ("c", "y")]
    columns = ranked(sizes, [("w", "w.T"), *way, ("w.T", "y")]).columns
    assert [columns[key] for key in ("w", "w.T", "y")] == [2, 3, 4]
    twice = ranked(sizes, [("w", "w.T"), *way, ("w.T", "y"), ("w", "a")]).columns
    assert [twice[key] for key in ("w", "w.T", "a")] == [0, 1, 1]


# --- networks -------------------------------------------------------------------------


def network(sizes: list[int], gradients: bool = False) -> str:
    random = np.random.default_rng(0)
    pairs = list(itertools.pairwise(sizes))
    weights = [random.normal(size=(b, a)) for a, b in pairs]
    layers = [{"values": random.normal(size=n), "title": f"layer {n}"} for n in sizes]
    return network_svg(layers, weights, [-w for w in weights] if gradients else None)


def test_a_small_network_says_every_number() -> None:
    layers = [
        {"values": [0.5, -1.0], "names": ["x1", "x2"], "title": "input"},
        {"values": [0.25], "names": ["p"]},
    ]
    picture = network_svg(layers, [[[2.0, -0.5]]], [[[-0.1, 0.0]]])
    tree = parsed(picture)
    said = words(tree)
    assert {"0.5", "−1", "0.25", "x1", "x2", "p", "input"} <= set(said)
    assert {"2 (∂ −0.1)", "−0.5 (∂ 0)"} <= set(said)
    lines = list(tree.iter(f"{SPACE}line"))
    assert [line.get("class") for line in lines] == ["down", "none"]
    assert [line[0].text for line in lines] == [
        "weight 2, gradient −0.1",
        "weight −0.5, gradient 0",
    ]


def test_edges_are_thick_by_size_and_dashed_by_sign() -> None:
    layers = [{"values": [1.0, 1.0, 1.0]}, {"values": [1.0]}]
    tree = parsed(network_svg(layers, [[[4.0, -2.0, 0.0]]]))
    lines = list(tree.iter(f"{SPACE}line"))
    assert [line.get("class") for line in lines] == ["up", "down", "none"]
    assert [line.get("stroke-width") for line in lines] == ["5.00", "2.80", "0.60"]


def test_a_large_layer_is_cut_and_counted() -> None:
    tree = parsed(network([64, 128, 3], gradients=True))
    circles = list(tree.iter(f"{SPACE}circle"))
    assert len(circles) == 7 + 7 + 3
    assert {"… 57 more", "… 121 more"} <= set(words(tree))


def test_labels_on_edges_do_not_cover_one_another() -> None:
    tree = parsed(network([2, 3, 1], gradients=True))
    found = []
    for text in tree.iter(f"{SPACE}text"):
        if text.get("class") == "label":
            half = svg.width(text.text or "", 10.0) / 2
            x, y = float(text.get("x", "")), float(text.get("y", ""))
            found.append((x - half, y - 8, x + half, y + 1))
    assert len(found) == 9
    assert not [pair for pair in itertools.combinations(found, 2) if svg.overlap(*pair)]


def test_weights_must_fit_their_layers() -> None:
    with pytest.raises(ShapeError, match=r"weights\[0\] has shape \(2, 1\).*\(1, 2\)"):
        network_svg([{"values": [1, 2]}, {"values": [3]}], [[[1.0], [2.0]]])


# --- colours --------------------------------------------------------------------------


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    )
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "quiet", "gradient", "accent"])
def test_text_has_enough_contrast(theme: dict[str, str], name: str) -> None:
    for ground in ("paper", "box", "soft"):
        a, b = sorted((_luminance(theme[name]), _luminance(theme[ground])))
        assert (b + 0.05) / (a + 0.05) >= 4.5
