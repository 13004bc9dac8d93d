"""The page Code: the rules that just ran, as they stand in the library's own files."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

import xpnet as xn

from ...calculus.kinds.base import TABLE
from ...errors import OptionError
from ...learn import symbols
from ...learn.explain import explain
from ...learn.formula import Formula
from ..ask import Ask
from ..chain import chain, name_results
from ..page import Page, request
from ..places import place_of
from ..wire import Frame

__all__ = ["Code"]

FAR = 1e6  # how large a number may be
NAMES = ("x", "y", "w", "b")


class Code(Page):
    """A typed formula runs on the tape, and each step shows the rule that it used.

    Requests: "run" runs a formula of x, y, w and b, and answers with its explanation,
    where each step has the row of the table beside it; "rows" names the rows of the
    whole table, and "row" shows one.
    """

    name, title = "code", "Code"

    @request("run", keep="last")
    def run(self, ask: Ask) -> Frame:
        """Answer with the steps of a formula and the rules that they used."""
        f = Formula(ask.text("f", 500), NAMES)
        values = {
            name: xn.asarray(ask.number(name, -FAR, FAR, default=1.0)) for name in NAMES
        }
        used = [name for name in NAMES if name in _words(f)]
        if not used:
            raise OptionError("the formula depends on none of x, y, w and b.")
        for name in used:
            values[name] = xn.asarray(values[name], requires_grad=True)
        explained = explain(
            f(*values.values()), wrt=[values[name] for name in used], names=values
        )
        name_results(explained)
        found = chain(explained)
        for step in found["steps"]:
            _complete(step)
        return Frame({"mathml": symbols.mathml(f.python, {}), "explanation": found})

    @request("rows", keep="last")
    def rows(self, ask: Ask) -> Frame:
        """Answer with the names of the public rows, by kind."""
        kinds: dict[str, list[str]] = {}
        for name, row in sorted(TABLE.items()):
            if row.public:
                kinds.setdefault(row.kind, []).append(name)
        return Frame({"kinds": kinds})

    @request("row", keep="last")
    def row(self, ask: Ask) -> Frame:
        """Answer with one row of the table."""
        name = ask.text("name", 60)
        if name not in TABLE or not TABLE[name].public:
            raise OptionError(f"the table has no row {name!r}.")
        return Frame({"row": _row(name)})

    def keep(self) -> Iterable[dict[str, Any]]:
        """Keep the whole table."""
        yield {"type": "rows"}
        for name, row in TABLE.items():
            if row.public:
                yield {"type": "row", "name": name}


def _words(f: Formula) -> set[str]:
    """Return the names that stand in a formula."""
    return {node.id for node in ast.walk(f.tree) if isinstance(node, ast.Name)}


def _complete(step: dict[str, Any]) -> None:
    """Put the row of the table beside a step, and its derivatives as formulas."""
    for derivative in filter(None, step["derivatives"]):
        derivative["mathml"] = symbols.mathml(derivative["symbols"], {})
    if step["operation"] in TABLE:
        step["row"] = _row(step["operation"])


def _row(name: str) -> dict[str, Any]:
    """Return what the table says of one function, and where it says it."""
    row = TABLE[name]
    place = place_of(name)
    return {
        "name": name,
        "kind": row.kind,
        "formulas": list(row.formula),
        "mathml": [symbols.mathml(formula, {}) for formula in row.formula],
        "why": row.why,
        **place._asdict(),
    }
