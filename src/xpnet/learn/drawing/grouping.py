"""Which steps of a large computation are drawn as one box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["MOST_BOXES", "Steps", "grouped_steps"]

MOST_STEPS = 40  # boxes up to which each step has its own
MOST_BOXES = 60
_RUNS = 16  # boxes of a graph that is still too large
MOST_VARIABLES = 12  # in a large graph, those with a box of their own

Steps = list[Mapping[str, Any]]


def grouped_steps(
    steps: Steps, on_path: Sequence[int], explanation: Mapping[str, Any]
) -> list[Steps]:
    """Return the steps in groups, each of which is one box."""
    groups = [[step] for step in steps]
    if len(steps) <= MOST_STEPS:
        return groups
    wanted = {v["id"] for v in explanation.get("variables", ())}
    if len(wanted) > MOST_VARIABLES:
        wanted &= set(on_path)
    alone = wanted | {steps[-1]["id"]}
    groups = _chains(steps, alone | set(on_path))
    if len(groups) > MOST_BOXES:
        groups = _chains(steps, alone)
    return groups if len(groups) <= MOST_BOXES else _runs(groups, alone)


def _chains(steps: Steps, alone: set[int]) -> list[Steps]:
    """Join each step to the one before it where nothing else goes in or comes out."""
    uses: dict[int, int] = {}
    for step in steps:
        for source in _sources(step):
            uses[source] = uses.get(source, 0) + 1
    group: dict[int, Steps] = {}
    kept = []
    for step in steps:
        source = next(iter(_sources(step)), -1)
        alone_here = step["id"] in alone or source in alone
        only = len(set(_sources(step))) == 1 and uses.get(source) == 1
        if only and not alone_here and group[source][0]["operation"] != "variable":
            group[source].append(step)
            group[step["id"]] = group[source]
        else:
            group[step["id"]] = [step]
            kept.append(group[step["id"]])
    return kept


def _runs(groups: list[Steps], alone: set[int]) -> list[Steps]:
    """Join runs of steps, in the order in which they were computed.

    What comes after a run uses it and never the other way round, so no circle arises.
    """
    free = [group for group in groups if group[0]["id"] not in alone]
    size = -(-len(free) // _RUNS)
    joined: list[Steps] = []
    open_run: Steps = []
    count = size
    for group in groups:
        if group[0]["id"] in alone:
            joined.append(group)
            count = size if group[0]["operation"] != "variable" else count
        elif count >= size:
            open_run, count = list(group), 1
            joined.append(open_run)
        else:
            open_run += group
            count += 1
    return joined


def _sources(step: Mapping[str, Any]) -> list[int]:
    return [i["id"] for i in step["inputs"] if i is not None and "id" in i]
