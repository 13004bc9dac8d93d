"""A lesson in a terminal, from a file of answers, or without anybody to answer."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ...errors import XpnetError
from .lesson import Lesson
from .progress import remember
from .runner import Runner
from .screen import Ask, Leave, Outcome

__all__ = ["is_watched", "play", "script"]


def is_watched() -> bool:
    """Whether a person can read what is printed and type an answer."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def play(lesson: Lesson, answers: Sequence[str] | None = None) -> Outcome:
    """Play a lesson on standard output, and return how it went.

    In a terminal it asks, and remembers a lesson that was played to its end. Elsewhere
    it shows every answer itself.

    Parameters
    ----------
    lesson : Lesson
        What to play.
    answers : sequence of str, optional
        Lines to take as answers, in order; when they are used up, the rest is shown.
    """
    ask: Ask | None = None
    if answers is not None:
        ask = _from_lines(answers) if answers else None
    elif is_watched():
        ask = _from_keyboard
        _show("Type an answer, `hint` for a hint, Enter to see the answer, or `quit`.")
        _show("")
    outcome = Runner(_show, ask).play(lesson)
    _show("")
    _show(str(outcome))
    if ask is _from_keyboard and not outcome.left:
        remember(lesson.name)
    return outcome


def script(lesson: Lesson) -> None:
    """Play a lesson as a program of its own: ``python -m``, and its name."""
    try:
        play(lesson)
    except XpnetError as error:
        sys.exit(f"xpnet: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _from_lines(lines: Sequence[str]) -> Ask:
    """Return a function that answers with one line after the other."""
    rest = iter(lines)

    def ask(prompt: str) -> str:
        line = next(rest, None)
        if line is None:
            raise EOFError
        _show(prompt + line.rstrip("\n"))
        return line

    return ask


def _from_keyboard(prompt: str) -> str:
    try:
        return input(prompt)
    except EOFError:  # Ctrl-D
        _show("")
        raise Leave from None
    except UnicodeDecodeError:  # bytes of another encoding: no answer, and no end
        return "\N{REPLACEMENT CHARACTER}"


def _show(line: str) -> None:
    """Print a line, with ``?`` where the terminal cannot write a character."""
    try:
        print(line)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        print(line.encode(encoding, "replace").decode(encoding))
