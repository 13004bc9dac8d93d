"""Run data-apis/array-api-tests over every library, and write the table of results.

    python tests/conformance/run.py --suite ../array-api-tests --write

`--suite` is a checkout of the suite with its submodule. Every failure that
``expected.toml`` does not list, with its reason, makes the exit status 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VERSION = "2025.12"
# PyTorch has these for storage: it neither promotes nor computes with them
SKIPPED_DTYPES = {"torch": ("uint16", "uint32", "uint64")}
LIBRARIES = ("numpy", "array_api_strict", "torch", "jax")
PAGE = ROOT / "docs" / "conformance.md"
RESULTS = HERE / "results.json"  # what the page says, run by run


@dataclass
class Outcome:
    """What one run of the suite gave."""

    space: str
    examples: int
    counts: dict[str, int]
    failures: dict[str, str]
    seconds: float
    version: str = ""
    date: str = ""
    suite: str = ""

    @property
    def library(self) -> str:
        """The library below the namespace."""
        return self.space.removesuffix("_recorded")


def expected(space: str) -> dict[str, str]:
    """Return the tests that fail on a namespace, each with the library's reason."""
    table = tomllib.loads((HERE / "expected.toml").read_text())
    library = space.removesuffix("_recorded")
    entries = list(table.get(library, []))
    if library != space:
        entries += table["recorded"]
    reasons: dict[str, str] = {}
    for entry in entries:
        reasons |= dict.fromkeys(entry["tests"], entry["reason"])
    return reasons


def reason_for(test: str, reasons: dict[str, str]) -> str | None:
    """Return the reason of a failure, or None.

    An entry without brackets stands for every case of its test, and one that is the
    beginning of a case for all that begin so.
    """
    name = test.partition("::")[2]
    plain = name.partition("[")[0]
    for entry, reason in reasons.items():
        if entry in (name, plain) or ("[" in entry and name.startswith(entry)):
            return reason
    return None


def run_suite(suite: Path, space: str, examples: int, workers: str) -> Outcome:
    """Run the suite on one namespace and return what it gave."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "array_api_tests", "-q"]
        command += ["-p", "no:cacheprovider", f"--junitxml={report}", "--tb=line"]
        command += ["-n", workers, "--max-examples", str(examples)]
        command += ["--disable-deadline", "--derandomize"]
        paths = [str(HERE), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            "ARRAY_API_TESTS_MODULE": f"spaces.{space}",
            "ARRAY_API_TESTS_VERSION": VERSION,
            "ARRAY_API_STRICT_API_VERSION": VERSION,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        skipped = SKIPPED_DTYPES.get(space.removesuffix("_recorded"))
        if skipped:
            environment["ARRAY_API_TESTS_SKIP_DTYPES"] = ",".join(skipped)
        environment |= dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
        )
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=suite, env=environment, capture_output=True, text=True
        )
        seconds = time.perf_counter() - start
        if not report.exists():
            sys.exit(f"the suite did not run on {space}:\n{done.stdout}{done.stderr}")
        counts, failures = read_report(report)
    version = importlib.metadata.version(space.removesuffix("_recorded"))
    today = datetime.date.today().isoformat()
    return Outcome(
        space, examples, dict(counts), failures, round(seconds), version, today
    )


def read_report(report: Path) -> tuple[Counter[str], dict[str, str]]:
    """Return how many tests passed, failed and skipped, and the failures' messages."""
    counts: Counter[str] = Counter()
    failures = {}
    for case in ElementTree.parse(report).iter("testcase"):
        tags = {child.tag: child for child in case}
        bad = tags.get("failure")
        bad = tags.get("error") if bad is None else bad
        if bad is not None:
            counts["failed"] += 1
            file = case.get("classname", "").replace(".", "/") + ".py"
            message = (bad.get("message") or "").splitlines()
            failures[f"{file}::{case.get('name')}"] = message[0] if message else ""
        else:
            counts["skipped" if "skipped" in tags else "passed"] += 1
    return counts, failures


def published(path: Path | None) -> set[str] | None:
    """Return the tests that array-api-strict's own list leaves out."""
    if path is None:
        return None
    lines = [line.strip() for line in path.read_text().splitlines()]
    return {line.partition("::")[2] for line in lines if "::" in line}


# --- the page -------------------------------------------------------------------------


def kept_outcomes() -> list[Outcome]:
    """Return the latest outcome of each namespace, in the order of the page."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    order = [f"{name}{end}" for name in LIBRARIES for end in ("", "_recorded")]
    return [Outcome(**kept[space]) for space in order if space in kept]


def page(outcomes: list[Outcome]) -> str:
    """Return the text of the page of results."""
    commits = " and ".join(dict.fromkeys(o.suite[:7] for o in outcomes))
    lines = [
        "# Conformance with the Array API standard",
        "",
        f"Results of [array-api-tests](https://github.com/data-apis/array-api-tests) "
        f"(commit {commits}) for version {VERSION} of the standard with its "
        "extensions `linalg` and `fft`. *Recorded* means that every floating-point "
        "array is a variable on the tape, so that each call is recorded for "
        "differentiation.",
        "",
        "This page is written by `ci/conformance --suite DIRECTORY --write`. A "
        "failure that is not listed below, with the library's own reason, makes that "
        "command fail. Over NumPy and array-api-strict every failure is also in the "
        "list that array-api-strict publishes of what it leaves out "
        "(`--published FILE` checks that). PyTorch is run without the dtypes uint16, "
        "uint32 and uint64, which it has for storage alone: it does not promote or "
        "compute with them.",
        "",
        "| namespace | library | arrays | examples per test | passed | failed | "
        "skipped | run on |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        over = f"`xn.namespace({o.library!r})`"
        name = "`xpnet.xp`" if o.library == "numpy" else over
        kind = "recorded" if o.space.endswith("_recorded") else "plain"
        c = o.counts
        lines.append(
            f"| {name} | {o.library} {o.version} | {kind} | {o.examples} | "
            f"{c.get('passed', 0)} | {c.get('failed', 0)} | {c.get('skipped', 0)} | "
            f"{o.date} |"
        )
    for library in dict.fromkeys(o.library for o in outcomes):
        lines += _failures_of(library, [o for o in outcomes if o.library == library])
    return "\n".join(lines) + "\n"


def _failures_of(library: str, outcomes: list[Outcome]) -> list[str]:
    """Return the section that lists what fails over a library, and why."""
    by_reason: dict[str, set[str]] = {}
    for o in outcomes:
        reasons = expected(o.space)
        for test in o.failures:
            reason = reason_for(test, reasons) or "UNEXPLAINED"
            by_reason.setdefault(reason, set()).add(test)
    if not by_reason:
        return []
    lines = ["", f"## What fails over {library}, and why"]
    for reason, tests in by_reason.items():
        lines += ["", f"**{reason}**", ""]
        lines += [f"- `{test.partition('::')[2]}`" for test in sorted(tests)]
    return lines


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", type=Path, required=True)
    parser.add_argument("--libraries", nargs="*", default=list(LIBRARIES))
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--slow-examples", type=int, default=20, help="for jax")
    parser.add_argument("--workers", default="auto")
    parser.add_argument("--published", type=Path, help="array-api-strict's list")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    given = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=given.suite, capture_output=True, text=True
    ).stdout.strip()
    allowed = published(given.published)
    outcomes, surprises = [], 0
    for library in given.libraries:
        if library != "numpy" and importlib.util.find_spec(library) is None:
            print(f"{library}: not installed, left out")
            continue
        examples = given.slow_examples if library == "jax" else given.examples
        for space in (library, f"{library}_recorded"):
            outcome = run_suite(given.suite, space, examples, given.workers)
            outcome.suite = commit
            outcomes.append(outcome)
            counts = ", ".join(f"{n} {kind}" for kind, n in outcome.counts.items())
            print(f"{space}: {counts} in {outcome.seconds:.0f} s", flush=True)
            reasons = expected(space)
            for test, message in sorted(outcome.failures.items()):
                name = test.partition("::")[2]
                if library in ("numpy", "array_api_strict") and allowed is not None:
                    known = name in allowed or name.partition("[")[0] in allowed
                    if not known:
                        print(f"  not in the published list: {test}")
                        surprises += 1
                if reason_for(test, reasons) is None:
                    surprises += 1
                    print(f"  not expected: {test}\n    {re.sub(' +', ' ', message)}")
    if given.write:
        every = {o.space: dataclasses.asdict(o) for o in [*kept_outcomes(), *outcomes]}
        RESULTS.write_text(json.dumps(every, indent=1) + "\n")
        PAGE.write_text(page(kept_outcomes()))
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
