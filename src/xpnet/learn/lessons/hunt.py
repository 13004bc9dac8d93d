"""The hunt for a planted error: find the line, then what belongs there."""

from __future__ import annotations

from .answers import LETTERS, Verdict, choose
from .bug import Bug
from .screen import HINT, Screen

__all__ = ["hunt"]


def hunt(bug: Bug, screen: Screen) -> None:
    """Show the lines, let the wrong one be found, and the one to replace it.

    `check_grads` runs on the lines as they stand, and on each replacement that is
    tried: it is what says whether a line is right.
    """
    screen.outcome.questions += 2
    screen.say(f"? Find the bug. {bug.says}")
    screen.code(bug.source, numbered=True)
    _find(bug, screen)
    screen.line()
    _mend(bug, screen)


def _find(bug: Bug, screen: Screen) -> None:
    complaint = bug.complaint(bug.broken())
    where = bug.where(complaint)
    said = f"check_grads says: {complaint} {where}".rstrip()
    lines = len(bug.source.splitlines())

    def check(typed: str) -> Verdict:
        word = typed.casefold().removeprefix("line ").strip(" .:)#")
        if word == str(bug.number):
            return Verdict(True, f"Found. {said}")
        if word not in map(str, range(1, lines + 1)):
            return Verdict(False, f"Please type the number of a line, 1 to {lines}.")
        return Verdict(False, f"That line is as it should be. {where}")

    if not screen.is_watched:
        screen.say(said)
    screen.until_right(
        "Which line is wrong? (its number; `check` runs check_grads): ",
        check,
        f"line {bug.number}: {bug.line}",
        {"check": said} | dict.fromkeys(HINT, f"Hint: {bug.hint}"),
    )


def _mend(bug: Bug, screen: Screen) -> None:
    screen.say(f"? What belongs in line {bug.number}?")
    screen.choices(bug.choices)

    def check(typed: str) -> Verdict:
        chosen = choose(typed, bug.choices)
        if chosen is None:
            return Verdict(False, "Please type the letter of a line.")
        complaint = bug.complaint(bug.mended(bug.choices[chosen]))
        if complaint:
            return Verdict(False, f"With that line, check_grads says: {complaint}")
        return Verdict(True, "With that line, check_grads finds nothing.")

    letter = LETTERS[bug.choices.index(bug.fixes[0])]
    screen.until_right(
        "Your answer (one letter): ",
        check,
        f"{letter}) {bug.fixes[0]}",
        dict.fromkeys(HINT, f"Hint: {bug.hint}"),
    )
