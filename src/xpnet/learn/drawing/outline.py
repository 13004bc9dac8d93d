"""From an explanation's dictionary to the boxes and arrows of its graph.

A graph of a few steps shows each; a large one shows chains of steps, or runs of them,
as one box.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..digits import condensed, number, shape_text, value_text
from ..symbols import text
from .grouping import Steps, grouped_steps

__all__ = ["Arrow", "Box", "Outline", "outline"]

MOST_CONSTANTS = 24  # steps up to which constants are drawn too
_NAMES = 40  # of the steps of a group that are said
_LONGEST = 22  # characters of a list that is written out


@dataclass
class Box:
    """What is drawn as one box: a step, a constant, or several steps.

    Attributes
    ----------
    key : int or str
        A name within the graph.
    name, operation : str
        The two words in its first line.
    lines : list of (str, str)
        A label and a value for each line below.
    tip : str
        What is said when the pointer rests on it, and to a screen reader.
    kind : str
        ``"variable"``, ``"constant"``, ``"step"``, ``"loss"`` or ``"group"``.
    path : bool
        Whether the path of interest goes through it.
    """

    key: int | str
    name: str
    operation: str
    lines: list[tuple[str, str]]
    tip: str
    kind: str
    path: bool = False


@dataclass
class Arrow:
    """What goes from one box to another: a value forward, a derivative back.

    Between groups of steps one arrow stands for as many as `count`. An arrow that leads
    to a group has no derivative: it would be that of one of its steps.
    """

    source: int | str
    target: int | str
    formula: str = ""
    value: str = ""
    path: bool = False
    count: int = 1


@dataclass
class Outline:
    """A graph to draw, and the sentence that describes it."""

    boxes: dict[int | str, Box]
    arrows: list[Arrow]
    title: str
    description: str


class Way(NamedTuple):
    """The path of interest: its steps, and the links between them.

    A link says from which step to which, and at which place of its inputs, where that
    is known: x·x has two.
    """

    steps: list[int]
    links: set[tuple[int, int, int | None]]

    def holds(self, below: int, above: int, place: int) -> bool:
        """Tell whether the path goes along the arrow between two steps."""
        return not self.links.isdisjoint({(below, above, place), (below, above, None)})


def outline(
    explanation: Mapping[str, Any], path: Mapping[str, Any] | Iterable[int] | None
) -> Outline:
    """Return the boxes and arrows of an explanation.

    Parameters
    ----------
    explanation : mapping
        What ``Explanation.to_dict()`` returns.
    path : mapping or iterable of int, optional
        The path of interest: one of those in `explanation`, or its steps; without it,
        the first path of the first variable.
    """
    steps = list(explanation["steps"])
    way = _way(explanation, path)
    on_path = way.steps
    groups = grouped_steps(steps, on_path, explanation)
    boxes: dict[int | str, Box] = {}
    for members in groups:
        box = _box(members, explanation)
        box.path = any(step["id"] in on_path for step in members)
        boxes[box.key] = box
    home = {step["id"]: members[0]["id"] for members in groups for step in members}
    arrows = _arrows(steps, home, way)
    if len(steps) <= MOST_CONSTANTS:
        _add_constants(steps, boxes, arrows)
    name = explanation["loss"]["name"]
    return Outline(boxes, arrows, f"How {name} is computed", _description(explanation))


def _way(
    explanation: Mapping[str, Any], path: Mapping[str, Any] | Iterable[int] | None
) -> Way:
    if path is None:
        given = (found for v in explanation["variables"] for found in v["paths"])
        path = next(given, ())
    at: Iterable[int | None] = itertools.repeat(None)
    if isinstance(path, Mapping):
        at = path.get("places") or at
        path = path["steps"]
    steps = sorted(path)
    backward = itertools.pairwise(reversed(steps))
    links = {(b, a, i) for (a, b), i in zip(backward, at, strict=False)}
    return Way(steps, links)


def _arrows(steps: Steps, home: Mapping[int, int], way: Way) -> list[Arrow]:
    """Return an arrow for each use of one box in another."""
    arrows: list[Arrow] = []
    merged: dict[tuple[int, int], Arrow] = {}
    sizes = Counter(home.values())
    grouped = len(sizes) < len(home)
    names = {step["id"]: step["name"] for step in steps}
    for step in steps:
        derivatives = step.get("derivatives") or [None] * len(step["inputs"])
        inputs = zip(step["inputs"], derivatives, strict=False)
        for i, (given, derivative) in enumerate(inputs):
            if given is None or "id" not in given:
                continue
            a, b = home[given["id"]], home[step["id"]]
            path = way.holds(given["id"], step["id"], i)
            if a == b:
                continue
            if grouped and (a, b) in merged:
                merged[a, b].path |= path
                merged[a, b].count += 1
                continue
            arrow = Arrow(a, b, path=path)
            if derivative is not None and sizes[b] == 1:
                arrow.formula = _formula(derivative, step, names)
                arrow.value = _number(derivative.get("value"))
            merged[a, b] = arrow
            arrows.append(arrow)
    return arrows


def _add_constants(
    steps: Steps, boxes: dict[int | str, Box], arrows: list[Arrow]
) -> None:
    """Add a box for each constant, once for all its uses by the same name and value."""
    for step in steps:
        for given in step["inputs"]:
            if given is None or "id" in given or given.get("value") is None:
                continue
            name = str(given.get("name") or "")
            if _is_number(name):  # the expression in the box has it
                continue
            value = _short(given.get("value"), given.get("shape"))
            key = f"{name}={value}"
            if key not in boxes:
                shown = [("value", value)]
                tip = f"{name}: a constant, {value_text(given.get('value'))}"
                box = Box(key, name, "constant", shown, tip, "constant")
                _put_before(boxes, box, step["id"])
            arrows.append(Arrow(key, step["id"]))


def _is_number(name: str) -> bool:
    try:
        float(name.replace("−", "-") or 0)
    except ValueError:
        return False
    return True


def _put_before(boxes: dict[int | str, Box], box: Box, key: int | str) -> None:
    """Insert a box before another: their order is where the layout begins."""
    after: dict[int | str, Box] = {}
    for other in list(boxes):
        if other == key or after:
            after[other] = boxes.pop(other)
    boxes[box.key] = box
    boxes.update(after)


def _box(members: Steps, explanation: Mapping[str, Any]) -> Box:
    if len(members) > 1:
        return _group_box(members)
    (step,) = members
    variable = step["operation"] == "variable"
    last = step["id"] == explanation["steps"][-1]["id"]
    kind = "variable" if variable else "loss" if last else "step"
    expression = str(step.get("expression") or "")
    lines = [("", expression)] if expression not in ("", step["name"]) else []
    lines.append(("value", _short(step.get("value"), step.get("shape"))))
    if step.get("cotangent") is not None:
        lines.append(("gradient", _short(step["cotangent"])))
    tip = (
        f"{step['name']}: {step['operation']}, {shape_text(step.get('shape') or ())}. "
    )
    tip += f"Value {value_text(step.get('value'))}."
    if step.get("cotangent") is not None:
        tip += f" Gradient {value_text(step['cotangent'])}."
    tip = " ".join([tip, *(step.get("notes") or ())])
    return Box(step["id"], step["name"], step["operation"], lines, tip, kind)


def _group_box(members: Steps) -> Box:
    """Return the box of several steps: how many, and which kinds of operation."""
    counts: dict[str, int] = {}
    for step in members:
        counts[step["operation"]] = counts.get(step["operation"], 0) + 1
    shown = [name + (f" ×{n}" if n > 1 else "") for name, n in counts.items()]
    lines = [("", line) for line in shown[:3]]
    if len(shown) > 3:
        lines[2:] = [("", f"… {len(shown) - 2} kinds more")]
    names = ", ".join(step["name"] for step in members[:_NAMES])
    names += " and others" if len(members) > _NAMES else ""
    tip = f"{len(members)} steps: {names}."
    first = members[0]["id"]
    return Box(first, f"{len(members)} steps", "", lines, tip, "group")


def _formula(
    derivative: Mapping[str, Any], step: Mapping[str, Any], names: Mapping[int, str]
) -> str:
    """Return a local derivative; `g` in it is the gradient of the box it leads to."""
    if derivative.get("elementwise", True):
        return str(derivative.get("symbols") or "")
    words = {"out": str(step["name"])}
    for letter, given in zip("xy", step["inputs"], strict=False):
        if given is not None:
            name = given.get("name") or names.get(given.get("id", -1))
            words[letter] = str(name or "constant")
    formula = str(derivative["formula"])
    if step["operation"] == "matmul" and ".T" not in formula:
        words = {letter: text("x.T", {"x": name}) for letter, name in words.items()}
    return text(formula, words)


def _number(value: Any) -> str:
    """Return a value that is one number; nothing of an array."""
    return "" if value is None or isinstance(value, list | dict) else number(value)


def _short(value: Any, shape: Any = ()) -> str:
    """Return a value in a few characters: an array by its shape and its norm."""
    shown = value_text(value, 3 if isinstance(value, list) else 4)
    if isinstance(value, list) and len(shown) > _LONGEST:
        value = condensed(value, 0)
    if not isinstance(value, dict) or "size" not in value:
        return shown
    times = " × " if len(shape or ()) < 3 else "×"
    sizes = f"{times.join(map(str, shape))}, " if shape else ""
    return f"{sizes}norm {number(value['norm'], 3)}"


def _description(explanation: Mapping[str, Any]) -> str:
    steps = explanation["steps"]
    variables = [s["name"] for s in steps if s["operation"] == "variable"]
    computed = len(steps) - len(variables)
    said = ", ".join(variables[:8]) + (" and others" if len(variables) > 8 else "")
    loss = explanation["loss"]
    return (
        f"{computed} steps from {said} to {loss['name']}, which is "
        f"{value_text(loss['value'])}. In a derivative, g is the gradient of the box "
        "that the arrow leads to."
    )
