"""What a lesson says and asks, through two functions that somebody else brings."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from .answers import LETTERS, Verdict

__all__ = ["HINT", "Ask", "Leave", "Outcome", "Screen", "Show"]

Show = Callable[[str], None]
Ask = Callable[[str], str]

HINT = ("hint", "?")  # what asks for one
_LEAVE = ("quit", "exit")
_WIDTH = 80  # of a paragraph
_LONG = 100  # of a line that the library printed
_INDENT = "    "


class Leave(Exception):
    """The person wants to stop here."""


@final
@dataclass(slots=True)
class Outcome:
    """How a lesson went: how many questions, and what became of them."""

    questions: int = 0
    right: int = 0
    shown: int = 0
    left: bool = False

    def __str__(self) -> str:
        if self.left:
            return "You stopped here; the lesson begins anew next time."
        if not self.right:
            return "That is the end of the lesson."
        of = f"{self.right} of {self.questions} answers were yours"
        return f"That is the end of the lesson: {of}."


@final
class Screen:
    """Lines that are shown, lines that are typed, and the count of the answers.

    Parameters
    ----------
    show : callable
        Gets each line that is to be seen.
    ask : callable, optional
        Gets a prompt and returns the line that was typed; see `Runner`.
    """

    def __init__(self, show: Show, ask: Ask | None = None) -> None:
        self._show = show
        self._ask = ask
        self._blank = True  # nothing to keep a distance from
        self.outcome = Outcome()

    @property
    def is_watched(self) -> bool:
        """Whether somebody is there to type."""
        return self._ask is not None

    # --- what is shown ----------------------------------------------------------------

    def line(self, line: str = "") -> None:
        """Show one line, and never two empty ones together."""
        if line or not self._blank:
            self._show(line)
        self._blank = not line

    def say(self, paragraph: str) -> None:
        """Show a paragraph, broken into lines unless it is indented."""
        if paragraph.startswith(" "):
            self.code(textwrap.dedent(paragraph))
        else:
            for line in textwrap.wrap(paragraph, _WIDTH):
                self.line(line)

    def code(self, text: str, *, numbered: bool = False) -> None:
        """Show lines as they are, with a distance from what is around them."""
        self.line()
        for number, line in enumerate(text.splitlines(), 1):
            self.line(f"{f'{number:4}  ' if numbered else _INDENT}{line}".rstrip())
        self.line()

    def printed(self, text: str) -> None:
        """Show what a program printed."""
        for line in text.splitlines():
            for part in textwrap.wrap(line, _LONG, subsequent_indent="  ") or [""]:
                self.line(f"  │ {part}".rstrip())

    def choices(self, choices: Sequence[str]) -> None:
        """Show what there is to choose from, each with its letter."""
        for letter, choice in zip(LETTERS, choices, strict=False):
            self.line(f"  {letter}) {choice}")

    # --- what is typed ----------------------------------------------------------------

    def read(self, prompt: str) -> str:
        """Return what was typed; nothing where nobody is there to type."""
        if self._ask is None:
            return ""
        try:
            typed = self._ask(prompt).strip()
        except EOFError:
            self._ask = None
            return ""
        if typed.casefold() in _LEAVE:
            raise Leave
        return typed

    def until_right(
        self,
        prompt: str,
        check: Callable[[str], Verdict],
        answer: str,
        words: Mapping[str, str],
    ) -> None:
        """Ask until an answer is right, or an empty line asks for it.

        Words such as ``hint`` are no answers: they are replied to.
        """
        while typed := self.read(prompt):
            if typed.casefold() in words:
                self.say(words[typed.casefold()])
                continue
            verdict = check(typed)
            if verdict.right:
                self.outcome.right += 1
                self.say(verdict.says or "Right.")
                return
            self.say(f"Not yet. {verdict.says}")
        self.reveal(answer)

    def reveal(self, answer: str) -> None:
        """Show an answer that nobody gave."""
        self.outcome.shown += 1
        self.say(f"The answer: {answer}")
