"""Write docs/support.md: what the contract finds on each library, function by function.

Run this after adding a function or a case, on the libraries whose columns are to be
made anew (all that are installed when none is named; JAX takes minutes)::

    PYTHONPATH=src:tests python tests/calculus/support.py numpy torch

The other columns stay as they are in support.json, and so one machine with a GPU and
one without fill the table together. ``--new`` runs only the functions that a column
lacks.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("JAX_ENABLE_X64", "1")

import numpy as np

from calculus.cases import CASES
from calculus.contract import Case, check
from libraries import CUPY, JAX, NUMPY, STRICT, TORCH, Target, has, has_cupy
from xpnet import xp
from xpnet.calculus.rule import TABLE

HERE = Path(__file__).parent
RESULTS = HERE / "support.json"
PAGE = HERE.parents[1] / "docs" / "support.md"
TARGETS = (NUMPY, STRICT, TORCH, JAX, CUPY)
PARTS = {"main": xp, "linalg": xp.linalg, "fft": xp.fft, "special": xp.special}
INDEXING = {"getitem": "x[key]", "setitem": "x[key] = y"}
TITLES = {"main": "The main namespace", "indexing": "Indexing"}

KINDS = {
    "elementwise": "elementwise",
    "linear": "linear",
    "bilinear": "bilinear",
    "general": "general",
    "composite": "from others",
    "composed": "from others",
    "flat": "flat",
}

TOP = """# What works where

Written by `tests/calculus/support.py` from what the contract finds; do not edit. Each
function of the standard, and each that it lacks and xpnet adds (`special`), is run on
each library in float64: its values, its forward and its reverse derivative, and both
again for the derivative of the second order, all against central differences.

✓ stands for all of that, in every case of the contract; seven cases, at points where
the second derivative does not exist, stop at the first. A number in brackets is a note
below the table: which case is missing or different there, and the library's own reason.
"flat" functions have no derivative: their ✓ is for the values, and for a gradient of
zero. A function "from others" is computed with other functions of the table.

PyTorch's `requires_grad` is not looked at: a tensor that has it is taken without it,
and PyTorch's own autograd sees nothing of what xpnet computes. JAX's arrays are never
written to: `x[i] = v` makes a new array there as it does everywhere. What xpnet
computes can stand inside `jax.jit` and `jax.grad`. NumPy's arrays may be read-only, or
views of any kind; none is ever written to. float16 and longdouble are taken as they
are, and are not part of this table. An array of another byte order is taken as a native
copy. Masked arrays, arrays of objects and sparse tensors are refused.
"""


def functions() -> Iterator[tuple[str, str]]:
    """Yield each public function of each part: the part and the name."""
    for part, space in PARTS.items():
        for name in space.__all__:
            if name in TABLE and callable(getattr(space, name)):
                yield part, name
    for name in INDEXING:
        yield "indexing", name


def first_sentence(error: BaseException) -> str:
    """Return what an error says, as one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split()).partition("  recorded at")[0]
    head = text.partition(". ")[0]
    short = head if len(head) < 160 else head[:160].rpartition(" ")[0] + " ..."
    return f"{type(error).__name__}: {short.rstrip('.')}"


def missing(name: str, target: Target) -> list[list[str]]:
    """Return the cases of a row that fail on a target, or that the contract leaves out.

    Each is the case's label and the reason.
    """
    out = []
    for case in CASES.get(name, []):
        reason = attempt(case, target)
        left_out = bool(case.only) and target.library not in case.only
        if reason is None and left_out:
            reason = "it works, and the contract leaves it out"
        if reason is not None and [case.label, reason] not in out:
            out.append([case.label, reason])
    return out


def attempt(case: Case, target: Target) -> str | None:
    """Run one case; return None when it passes, and else the reason."""
    try:
        with (
            target.flags(*case.needs),
            np.errstate(all="ignore"),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            check(case, target, "float64", "contiguous")
    except Exception as error:
        return first_sentence(error)
    return None


def measured(target: Target, known: dict[str, Any]) -> dict[str, Any]:
    """Return one column: the version, and by row what is missing."""
    rows = {}
    for name in dict.fromkeys(name for _, name in functions()):
        if name in known:
            rows[name] = known[name]
            continue
        rows[name] = missing(name, target)
        print(f"{target.library:18} {name:22} {rows[name] or 'all'}", flush=True)
    module = importlib.import_module(target.library)
    return {"version": module.__version__, "rows": rows}


# --- the page -------------------------------------------------------------------------


def page(results: dict[str, Any]) -> str:
    """Return the text of docs/support.md."""
    notes: dict[str, int] = {}
    titles = [
        f"{t.library} {results[t.library]['version']}"
        if t.library in results
        else "cupy"
        for t in TARGETS
    ]
    lines = [TOP]
    for part in (*PARTS, "indexing"):
        lines += [f"## {TITLES.get(part, f'`{part}`')}\n"]
        lines += [f"| function | kind | {' | '.join(titles)} |", "|---" * 7 + "|"]
        for its, name in functions():
            if its == part:
                cells = [cell(results, t.library, name, notes) for t in TARGETS]
                kind = KINDS[TABLE[name].kind]
                shown = INDEXING.get(name, name)
                lines.append(f"| `{shown}` | {kind} | {' | '.join(cells)} |")
        lines.append("")
    lines.append("## Notes\n")
    lines += [f"{number}. {text}" for text, number in notes.items()]
    return "\n".join(lines) + "\n"


def cell(
    results: dict[str, Any], library: str, name: str, notes: dict[str, int]
) -> str:
    """Return one cell, and add to the notes what it refers to."""
    if name not in results.get(library, {}).get("rows", {}):
        return "not run"
    by_reason: dict[str, list[str]] = {}
    for label, reason in results[library]["rows"][name]:
        by_reason.setdefault(reason, []).append(label)
    if not by_reason:
        return "✓"
    marks = []
    for reason, labels in by_reason.items():
        text = f"{library}, {'; '.join(labels)}: {reason.replace('|', '/')}."
        marks.append(f"[{notes.setdefault(text, len(notes) + 1)}]")
    return "".join(marks)


def main(words: list[str]) -> None:
    """Make columns anew and write the page."""
    here = {"numpy", "array_api_strict"} | {n for n in ("torch", "jax") if has(n)}
    here |= {"cupy"} if has_cupy() else set()
    libraries = set(words) - {"--new"} or here
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for target in TARGETS:
        if target.library in libraries:
            column = results.get(target.library, {}) if "--new" in words else {}
            results[target.library] = measured(target, column.get("rows", {}))
            RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(results))


if __name__ == "__main__":
    main(sys.argv[1:])
