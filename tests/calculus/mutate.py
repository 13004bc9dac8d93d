"""Break every rule of the table in many small ways, and count what the checks catch.

Run it from the root of the project::

    ci/mutate                   # everything, on two processes
    ci/mutate elementwise       # chapters by name
    ci/mutate --sample 200      # so many mutants, drawn at random
    ci/mutate --again output    # those that survived in a former run

For each mutant (`mutants`) the living function gets the broken code, and the checks of
the contract run for every row that uses it: on NumPy in double precision, then in
single precision, in other layouts and on array-api-strict. Values and derivatives are
compared with those of the unbroken table. What survives meets the tests of
hard points, of rounding errors and of conventions that run through its function.

The last lines are the share of mutants that were caught, by chapter, and the survivors.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import gc
import io
import itertools
import multiprocessing
import os
import random
import signal
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from calculus.cases import CASES
from calculus.contract import Case, check, numeric, variations
from calculus.mutants import Mutant, functions_of, key, mutants, nested
from libraries import NUMPY, STRICT, STRICT_DEVICE1, Target
from xpnet.calculus import table
from xpnet.calculus.rule import TABLE, Binary, Unary

CHAPTERS = Path(table.__file__).parent
TESTS = Path(__file__).parent
BY_PLACE = """hard_points linalg_hard_points linalg_fft structure special_functions
    refusals random_indexing rule_corners array transforms standard""".split()
BY_ROW = ("ulp", "torch_oracle")
"""Files of tests that meet the survivors: those that run through the broken function,
and those whose parameter names a row that does."""
SAME = TESTS / "equivalent.txt"
"""Mutants that are not broken: they compute the same, as each line of it argues."""

MOST = 60
"""So many cases of a function run at most at each later stage, of its rows in turns."""
SECONDS = 20
"""A mutant that runs longer hangs, and counts as caught."""

STAGES: tuple[tuple[Target, str, str], ...] = (
    (NUMPY, "float64", "contiguous"),
    (NUMPY, "float32", "contiguous"),
    (STRICT_DEVICE1, "float64", "contiguous"),
    (STRICT, "float64", "contiguous"),
    (NUMPY, "float64", "strided"),
    (NUMPY, "float64", "reversed"),
)

# --- which functions there are, and what runs through them ----------------------------


class Chapter:
    """One file of the table: its functions, alive and compiled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.functions = functions_of(ast.parse(path.read_text("utf-8")), path)
        self.living: dict[Any, list[FunctionType]] = defaultdict(list)
        for found in gc.get_objects():
            if type(found) is FunctionType and found.__code__.co_filename == str(path):
                self.living[key(found.__code__)].append(found)
        # what only gives a signature, or ran once at the import, is not alive
        alive = [any(key(c) in self.living for c in nested(f)) for f in self.functions]
        self.mutants = [m for m in mutants(path) if alive[m.function]]

    @contextlib.contextmanager
    def broken(self, mutant: Mutant) -> Iterator[None]:
        """Let the living functions run the mutant's code."""
        old = nested(self.functions[mutant.function])
        changed = []
        for before, after in zip(old, nested(mutant.code()), strict=False):
            for function in self.living.get(key(before), ()):
                if before.co_freevars == after.co_freevars:
                    changed.append((function, function.__code__))
                    function.__code__ = after
        try:
            yield
        finally:
            for function, code in changed:
                function.__code__ = code


class Seen:
    """Which codes of the chapters run while something else does."""

    def __init__(self, chapters: Iterable[Chapter]) -> None:
        self.number = {
            key(code): (chapter.path, i)
            for chapter in chapters
            for i, function in enumerate(chapter.functions)
            for code in nested(function)
        }
        self.paths = {str(chapter.path) for chapter in chapters}

    def during(
        self, run: Callable[..., Any], *args: Any, **options: Any
    ) -> tuple[set[tuple[Path, int]], Any]:
        """Return the functions that `run` calls, and what it returns."""
        met: set[Any] = set()

        def entered(frame: Any, _event: str, _argument: Any) -> None:
            if frame.f_code.co_filename in self.paths:
                met.add(key(frame.f_code))  # and its lines are not followed

        sys.settrace(entered)
        try:
            out = run(*args, **options)
        finally:
            sys.settrace(None)
        return {self.number[code] for code in met if code in self.number}, out


_START = time.perf_counter()


def say(text: str) -> None:
    """Print how far it is."""
    print(f"{time.perf_counter() - _START:5.0f} s  {text}", flush=True)


# --- the checks -----------------------------------------------------------------------


def ways(case: Case, stage: int) -> bool:
    """Tell whether a case is checked at a stage."""
    target, dtype, layout = STAGES[stage]
    return (dtype, layout) in variations(case, target)


def attempt(case: Case, stage: int) -> None:
    """Run one check of a case."""
    target, dtype, layout = STAGES[stage]
    with target.flags(*case.needs):
        check(case, target, dtype, layout)


def passes(case: Case) -> bool:
    """Tell whether a case passes, which computes the numbers to compare with."""
    try:
        if not case.only or "numpy" in case.only:
            numeric(case)
        if ways(case, 0):
            attempt(case, 0)
    except Exception as error:
        say(f"left out: {case}: {str(error)[:200]}")
        return False
    return True


Test = Callable[[], Any]
_FAILURES = (Exception, pytest.fail.Exception)


class _Recorder:
    """A plugin that keeps tests to be run again, by what they run through."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.all: list[Test] = []
        self.by_place: dict[tuple[Path, int], list[Test]] = defaultdict(list)
        self.by_row: dict[str, list[Test]] = defaultdict(list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: Any) -> bool:
        names = pyfuncitem._fixtureinfo.argnames
        given = {name: pyfuncitem.funcargs[name] for name in names}
        test = functools.partial(pyfuncitem.obj, **given)
        if pyfuncitem.path.stem.removeprefix("test_") in BY_ROW:
            for value in given.values():
                row = getattr(value, "row", value)
                if type(row) is str and row in TABLE:
                    self.by_row[row].append(test)
            return True
        try:
            places, _ = self.seen.during(test)
        except _FAILURES as error:
            say(f"left out: {pyfuncitem.name}: {str(error)[:200]}")
            return True
        self.all.append(test)
        for place in places:
            self.by_place[place].append(test)
        return True


def collected(seen: Seen) -> _Recorder:
    """Let pytest collect the tests that meet what survives the contract."""
    recorder = _Recorder(seen)
    words = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore"]
    words += ["--timeout=0", "--rootdir", str(TESTS.parents[1])]
    for names, chosen in (
        (BY_PLACE, "not torch and not jax and not cupy and not device1"),
        (BY_ROW, ""),
    ):
        files = [str(TESTS / f"test_{name}.py") for name in names]
        with contextlib.redirect_stdout(io.StringIO()):
            pytest.main([*words, "-k", chosen, *files], plugins=[recorder])
    say(f"{len(recorder.all)} tests; others name {len(recorder.by_row)} rows")
    return recorder


def fails(tests: Iterable[Test]) -> bool:
    """Tell whether one of some tests fails."""
    for test in tests:
        try:
            test()
        except _Hung:
            raise
        except _FAILURES:
            return True
    return False


class _Hung(Exception):
    """A mutant ran too long."""


def _alarm(*_: Any) -> None:
    raise _Hung


def limit(seconds: float) -> None:
    """Raise `_Hung` after some time, and again where that was lost; 0 for never."""
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0 if seconds else 0.0)


class Checks:
    """Everything that can catch a mutant, by the function that it breaks."""

    def __init__(self, chapters: list[Chapter]) -> None:
        self.chapters = {chapter.path: chapter for chapter in chapters}
        seen = Seen(chapters)
        self.cases: dict[tuple[Path, int], list[Case]] = defaultdict(list)
        for case in (case for cases in CASES.values() for case in cases):
            places, good = seen.during(passes, case)
            for place in places if good else ():
                self.cases[place].append(case)
        for cases in self.cases.values():  # one of each row first
            cases.sort(key=_turns())
        say(f"{sum(map(len, CASES.values()))} cases")
        self.tests = collected(seen)

    def catches(self, mutant: Mutant) -> bool:
        """Tell whether anything notices that a mutant is wrong."""
        place = mutant.path, mutant.function
        with self.chapters[mutant.path].broken(mutant):
            signal.signal(signal.SIGALRM, _alarm)
            limit(SECONDS)
            try:
                return self._contract(place) or self._tests(place)
            except _Hung:
                return True
            finally:
                limit(0)

    def _contract(self, place: tuple[Path, int]) -> bool:
        cases = self.cases.get(place, [])
        for stage in range(len(STAGES)):
            for case in cases[: MOST if stage else None]:
                if not ways(case, stage):
                    continue
                try:
                    attempt(case, stage)
                except _Hung:
                    raise
                except Exception:
                    return True
        return False

    def _tests(self, place: tuple[Path, int]) -> bool:
        limit(6 * SECONDS)
        if fails(self.tests.by_place.get(place, ())):
            return True
        rows = {case.row for case in self.cases.get(place, [])}
        chosen = sorted(rows)[:6]
        return fails(test for name in chosen for test in self.tests.by_row[name])


def _turns() -> Callable[[Case], Any]:
    """Return a key that takes the cases of different rows in turns."""
    counts: dict[str, itertools.count[int]] = defaultdict(itertools.count)
    return lambda case: next(counts[case.row])


def equivalent(path: Path = SAME) -> set[tuple[str, str, str]]:
    """Return the mutants that compute the same: chapter, line of the source, change."""
    known = set()
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            chapter, rest = line.split(" | ", 1)
            rest, _why = rest.rsplit(" | ", 1)
            source, change = rest.rsplit(" | ", 1)
            known.add((chapter, source, change))
    return known


# --- flags of rows --------------------------------------------------------------------


def flags() -> list[str]:
    """Return the rows whose strong zero can be taken away."""
    return [
        name
        for name, row in TABLE.items()
        if isinstance(row, (Unary, Binary)) and row.singular is not False
    ]


def flag_caught(name: str) -> bool:
    """Tell whether a test notices that a row has lost its strong zero."""
    row: Any = TABLE[name]
    kept = row.singular
    row.singular = False
    try:
        return fails(_checks.tests.all)
    finally:
        row.singular = kept


# --- the run --------------------------------------------------------------------------

_checks: Checks
_todo: list[Mutant]
_left_out = [0]


def _one(i: int) -> tuple[int, bool]:
    quiet = contextlib.redirect_stdout(io.StringIO())  # doctest prints what fails
    with quiet, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return i, _checks.catches(_todo[i])


def _flag(name: str) -> tuple[str, bool]:
    return name, flag_caught(name)


def main() -> int:
    """Run, and print the table."""
    global _checks, _todo
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="files of the table, without .py")
    parser.add_argument("--sample", type=int, help="how many mutants, at random")
    parser.add_argument("--again", type=Path, help="only the survivors in an output")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--least", type=float, default=95.0, help="per cent to reach")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.chdir(TESTS.parents[1])  # where the names of tests start
    paths = sorted(CHAPTERS.glob("*.py"))
    if options.chapters:
        paths = [path for path in paths if path.stem in options.chapters]
    chapters = [Chapter(path) for path in paths]
    with np.errstate(all="ignore"):
        _checks = Checks(chapters)
    known = equivalent()
    every = [mutant for chapter in chapters for mutant in chapter.mutants]
    _todo = [m for m in every if (m.path.stem, m.source, m.change) not in known]
    say(f"{len(every) - len(_todo)} mutants compute the same and are left out")
    chosen = list(range(len(_todo)))
    if options.again:
        text = options.again.read_text("utf-8")
        chosen = [i for i in chosen if f"survived  {_todo[i]}\n" in text]
    if options.sample:
        chosen = random.Random(options.seed).sample(
            chosen, min(options.sample, len(chosen))
        )
    say(f"{len(chosen)} of {len(_todo)} mutants")
    context = multiprocessing.get_context("fork")
    results: dict[int, bool] = {}
    with ProcessPoolExecutor(options.processes, mp_context=context) as pool:
        for i, caught in pool.map(_one, sorted(chosen), chunksize=4):
            results[i] = caught
            if not caught:
                say(f"survived  {_todo[i]}")
            elif len(results) % 100 == 0:
                say(f"{len(results)} done")
        rows = [] if options.chapters or len(chosen) < len(_todo) else flags()
        lost = dict(pool.map(_flag, rows))
    _left_out[0] = len(every) - len(_todo)
    return report(results, lost, options.least)


def report(
    results: dict[int, bool],
    lost: dict[str, bool],
    least: float,
) -> int:
    """Print the survivors and the shares; return 1 where too few are caught."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for i in sorted(results):
        caught = results[i]
        entry = counts[_todo[i].path.stem]
        entry[0] += caught
        entry[1] += 1
        if not caught:
            print(f"survived  {_todo[i]}")
    for name, caught in lost.items():
        entry = counts["strong zeros"]
        entry[0] += caught
        entry[1] += 1
        if not caught:
            print(f"survived  {name}: without its strong zero")
    print(f"\n{'chapter':20s} {'caught':>7s} {'of':>6s} {'%':>7s}")
    caught, total = (sum(entry[k] for entry in counts.values()) for k in (0, 1))
    for name, (a, b) in [*sorted(counts.items()), ("together", (caught, total))]:
        print(f"{name:20s} {a:7d} {b:6d} {100 * a / max(b, 1):7.1f}")
    if _left_out[0] and len(results) == len(_todo):
        raw = 100 * caught / (total + _left_out[0])
        print(
            f"{_left_out[0]} left out as equivalent; {raw:.1f} % if they had survived"
        )
    say("done")
    return int(100 * caught < least * total)


if __name__ == "__main__":
    sys.exit(main())
