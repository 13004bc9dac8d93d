"""Try every probe on every library; write results.json and docs/third_party.md.

Run it in a clone in which SciPy, array-api-extra, einops, scikit-learn,
array-api-strict and PyTorch are installed::

    SCIPY_ARRAY_API=1 PYTHONPATH=src:tests python -m third_party.survey

It takes a minute. With words behind it, only the probes whose name holds one of them
are tried again.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from libraries import NUMPY, STRICT, TORCH
from third_party.harness import Probe, Verdict, verdict
from third_party.probes_others import einops_probes, extra_probes, sklearn_probes
from third_party.probes_scipy import probes as scipy_probes

HERE = Path(__file__).parent
TEMPLATE = HERE / "page.md"
RECORD = HERE / "results.json"
PAGE = HERE.parents[1] / "docs" / "third_party.md"
TARGETS = {"numpy": NUMPY, "array-api-strict": STRICT, "torch": TORCH}
PACKAGES = ("scipy", "array-api-extra", "einops", "scikit-learn")
OTHERS = ("numpy", "array-api-strict", "torch")
LIMIT = 20  # seconds for one probe
MARKS = {"order 2": "✓ order 2", "flat": "flat", "leaves": "→ NumPy", "fails": "✗"}


def all_probes() -> list[Probe]:
    """Return every probe, by package."""
    return [*scipy_probes(), *extra_probes(), *einops_probes(), *sklearn_probes()]


def tried(probe: Probe, library: str) -> Verdict:
    """Return the verdict on a probe, "fails" where it takes too long."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"stopped after {LIMIT} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        with doubles() if library == "torch" else contextlib.nullcontext():
            found = verdict(probe, TARGETS[library])
    finally:
        signal.alarm(0)
    return Verdict(found.result, shortened(found.reason))


@contextlib.contextmanager
def doubles() -> Iterator[None]:
    """Let PyTorch make new arrays in float64, as the other libraries do."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def shortened(reason: str) -> str:
    """Return a reason on one line, without places of this machine."""
    reason = re.sub(r"<module '([\w.]+)' from '[^']*'>?", r"`\1`", reason)
    reason = re.sub(r"<class '([\w.]+)'>", r"`\1`", reason)
    reason = re.sub(r"/\S*/site-packages/", "", reason)
    reason = " ".join(reason.replace("|", "/").split())
    return reason if len(reason) <= 160 else f"{reason[:157]}..."


def record(words: list[str]) -> dict[str, Any]:
    """Return the verdicts on all probes and the versions they were found with."""
    known: dict[str, Any] = {}
    if words:
        known = {row["call"]: row for row in json.loads(RECORD.read_text())["probes"]}
    rows = []
    for probe in all_probes():
        if words and not any(w in probe.name for w in words) and probe.text in known:
            rows.append(known[probe.text])
            continue
        verdicts = {library: tried(probe, library) for library in TARGETS}
        rows.append(
            {
                "name": probe.name,
                "call": probe.text,
                **{library: found.result for library, found in verdicts.items()},
                "why": {
                    library: found.reason
                    for library, found in verdicts.items()
                    if found.reason
                },
            }
        )
    versions = {
        name: importlib.metadata.version(name).partition("+")[0]
        for name in (*PACKAGES, *OTHERS)
    }
    return {"versions": versions, "probes": rows}


# --- the page -------------------------------------------------------------------------


def group_of(name: str) -> str:
    """Return the heading that a function stands under."""
    parts = name.split(".")
    if parts[0] == "scipy":
        return ".".join(parts[:2])
    return parts[0]


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table of one group."""
    lines = [
        "| call | NumPy | array-api-strict | PyTorch | why not |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        marks = [MARKS[row[library]] for library in TARGETS]
        call = row["call"].replace("|", "\\|")
        lines.append(f"| `{call}` | " + " | ".join([*marks, reasons(row)]) + " |")
    return "\n".join(lines)


def reasons(row: dict[str, Any]) -> str:
    """Return why a probe has no derivative, once where the libraries agree."""
    why = {k: v for k, v in row["why"].items() if row[k] in ("leaves", "fails")}
    if not why:
        return ""
    if len(why) == len(TARGETS) and len(set(why.values())) == 1:
        return next(iter(why.values()))
    parts: dict[str, list[str]] = {}
    for library, reason in why.items():
        parts.setdefault(reason, []).append(library)
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in parts.items())


def summary(rows: list[dict[str, Any]]) -> str:
    """Return the table that counts the calls by package and mark, on NumPy."""
    lines = [
        "| | calls | " + " | ".join(MARKS.values()) + " |",
        "|---|---|" + "---|" * len(MARKS),
    ]
    groups = dict.fromkeys(group_of(row["name"]) for row in rows)
    for group in groups:
        chosen = [row for row in rows if group_of(row["name"]) == group]
        count = Counter(row["numpy"] for row in chosen)
        numbers = [str(count[mark]) for mark in MARKS]
        lines.append(f"| {group} | {len(chosen)} | " + " | ".join(numbers) + " |")
    for library in TARGETS:
        count = Counter(row[library] for row in rows)
        numbers = [f"**{count[mark]}**" for mark in MARKS]
        lines.append(
            f"| **all, on {library}** | **{len(rows)}** | " + " | ".join(numbers) + " |"
        )
    return "\n".join(lines)


def page(found: dict[str, Any]) -> str:
    """Return the text of docs/third_party.md."""
    rows = found["probes"]
    scipy = [row for row in rows if row["name"].startswith("scipy.")]
    text = TEMPLATE.read_text("utf-8").format(
        **found["versions"],
        functions=len({row["name"] for row in scipy}),
        calls=len(scipy),
        summary=summary(rows),
    )
    for group in dict.fromkeys(group_of(row["name"]) for row in rows):
        chosen = [row for row in rows if group_of(row["name"]) == group]
        text += f"\n## {group}\n\n{table(chosen)}\n"
    return text


def as_json(found: dict[str, Any]) -> str:
    """Return the record with one probe on a line."""
    versions = json.dumps(found["versions"])
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in found["probes"])
    return f'{{"versions": {versions}, "probes": [\n{rows}\n]}}\n'


def main() -> None:
    """Try everything, or what the words name, and write the record and the page."""
    found = record(sys.argv[1:])
    RECORD.write_text(as_json(found), "utf-8")
    PAGE.write_text(page(found), "utf-8")
    print(summary(found["probes"]))


if __name__ == "__main__":
    main()
