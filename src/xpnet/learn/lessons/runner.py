"""Plays a lesson through two functions: one that shows a line, one that asks for one.

Nothing here knows of a screen: the terminal, a file of answers and the tests bring
their own two functions.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from ...kernels.threads import one_blas_thread
from .answers import Answer, Verdict, choose
from .bug import Bug
from .lesson import Code, Exercise, Lesson, Predict, Text, Values

__all__ = ["Ask", "Leave", "Outcome", "Runner", "Show"]

Show = Callable[[str], None]
Ask = Callable[[str], str]

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
class Runner:
    """Plays lessons for one person.

    Parameters
    ----------
    show : callable
        Gets each line that is to be seen.
    ask : callable, optional
        Gets a prompt and returns the line that was typed. It raises EOFError when
        nobody will type any more; without it, nobody is asked, and every answer is
        shown.

    Attributes
    ----------
    values : dict of str to object
        What the steps of the lesson have computed so far, by name.

    Examples
    --------
    >>> lines = []
    >>> lesson = Lesson("hello", "A greeting")
    >>> lesson.text("Hello.")
    >>> print(Runner(lines.append).play(lesson))
    That is the end of the lesson.
    >>> lines[-1]
    'Hello.'
    """

    def __init__(self, show: Show, ask: Ask | None = None) -> None:
        self._show = show
        self._ask = ask
        self._blank = True  # nothing to keep a distance from
        self.values: Values = {}
        self._outcome = Outcome()

    def play(self, lesson: Lesson) -> Outcome:
        """Play all steps of a lesson, in order."""
        self.values, self._outcome = {}, Outcome()
        self.show(lesson.title)
        self.show("=" * len(lesson.title))
        try:
            with one_blas_thread():
                for step in lesson.steps:
                    self._step(step)
        except Leave:
            self._outcome.left = True
        return self._outcome

    def _step(self, step: Text | Code | Predict | Exercise | Bug) -> None:
        self.show("")
        match step:
            case Text():
                self._text(step)
            case Code():
                self._code(step)
            case Predict():
                self._predict(step)
            case Exercise():
                self._exercise(step)
            case Bug():
                self._bug(step)

    def show(self, line: str) -> None:
        """Show one line, and never two empty ones together."""
        if line or not self._blank:
            self._show(line)
        self._blank = not line

    # --- what is only read ------------------------------------------------------------

    def _text(self, step: Text) -> None:
        for number, paragraph in enumerate(step.paragraphs(self.values)):
            if number:
                self.show("")
            self._say(paragraph)

    def _code(self, step: Code) -> None:
        self._say(step.says)
        self._lines(step.source)
        printed = step.run(self.values)
        for line in printed.splitlines():
            for part in textwrap.wrap(line, _LONG, subsequent_indent="  ") or [""]:
                self.show(f"  │ {part}".rstrip())

    def _say(self, paragraph: str) -> None:
        """Show a paragraph, broken into lines unless it is indented."""
        if paragraph.startswith(" "):
            self._lines(textwrap.dedent(paragraph))
        else:
            for line in textwrap.wrap(paragraph, _WIDTH):
                self.show(line)

    def _lines(self, text: str) -> None:
        self.show("")
        for line in text.splitlines():
            self.show((_INDENT + line).rstrip())
        self.show("")

    # --- questions --------------------------------------------------------------------

    def _predict(self, step: Predict) -> None:
        """Ask once, run the code, and compare."""
        self._question(f"Before it runs: {step.question}", step.answer)
        typed = self._read(f"Your guess ({step.answer.form}): ")
        self._code(step.code)
        answer = step.answer.reveal(self.values)
        if not typed:
            self._outcome.shown += 1
            self._say(f"The answer: {answer}")
            return
        verdict = step.answer.check(typed, self.values)
        self._outcome.right += verdict.right
        if verdict.right:
            self._say(f"As you said: {answer}")
        else:
            self._say(f"You said {typed[:40]}. {verdict.says} It is {answer}")

    def _exercise(self, step: Exercise) -> None:
        """Ask until the answer is right, or wanted."""
        self._question(step.question, step.answer)

        def check(typed: str) -> Verdict:
            return step.answer.check(typed, self.values)

        hint = step.hint or f"Write {step.answer.form}."
        answer = step.answer.reveal(self.values)
        self._until_right(f"Your answer ({step.answer.form}): ", check, answer, hint)

    def _question(self, question: str, answer: Answer) -> None:
        self._outcome.questions += 1
        self._say(f"? {question.format_map(self.values)}")
        self._choices(answer.choices)

    def _choices(self, choices: Sequence[str]) -> None:
        for letter, choice in zip("abcdefgh", choices, strict=False):
            self.show(f"  {letter}) {choice.format_map(self.values)}")

    def _until_right(
        self, prompt: str, check: Callable[[str], Verdict], answer: str, hint: str
    ) -> None:
        while True:
            typed = self._read(prompt)
            if not typed:
                self._outcome.shown += 1
                self._say(f"The answer: {answer}")
                return
            if typed.casefold() in {"hint", "?"}:
                self._say(f"Hint: {hint.format_map(self.values)}")
                continue
            verdict = check(typed)
            if verdict.right:
                self._outcome.right += 1
                self._say(verdict.says or "Right.")
                return
            self._say(f"Not yet. {verdict.says}")

    def _read(self, prompt: str) -> str:
        """Return what was typed; nothing where nobody is there to type."""
        if self._ask is None:
            return ""
        try:
            typed = self._ask(prompt).strip()
        except EOFError:
            self._ask = None
            return ""
        if typed.casefold() == "quit":
            raise Leave
        return typed

    # --- find the bug -----------------------------------------------------------------

    def _bug(self, step: Bug) -> None:
        """Show the lines, let the wrong one be found, then the one to replace it."""
        self._outcome.questions += 2
        self._say(f"? Find the bug. {step.says}")
        self.show("")
        for number, line in enumerate(step.source.splitlines(), 1):
            self.show(f"{number:4}  {line}".rstrip())
        self.show("")
        complaint = step.complaint(step.broken())
        self._find(step, complaint)
        self._mend(step)

    def _find(self, step: Bug, complaint: str) -> None:
        said = f"check_grads says: {complaint} {step.where(complaint)}".rstrip()

        def check(typed: str) -> Verdict:
            if typed.casefold() == "check":
                return Verdict(False, said)
            if typed.strip(" .").removeprefix("line ").strip() == str(step.number):
                return Verdict(True, f"Found. {said}")
            return Verdict(False, f"That line is as it should be, I think. {said}")

        if self._ask is None:
            self._say(said)
        self._until_right(
            "Which line is wrong? (its number; `check` runs check_grads): ",
            check,
            f"line {step.number}: {step.line}",
            step.hint,
        )

    def _mend(self, step: Bug) -> None:
        self.show("")
        self._say(f"? What belongs in line {step.number}?")
        for letter, fix in zip("abcdefgh", step.choices, strict=False):
            self.show(f"  {letter}) {fix}")

        def check(typed: str) -> Verdict:
            chosen = choose(typed, step.choices)
            if chosen is None:
                return Verdict(False, "Please type the letter of a line.")
            complaint = step.complaint(step.mended(step.choices[chosen]))
            if complaint:
                return Verdict(False, f"With that line, check_grads says: {complaint}")
            return Verdict(True, "With that line, check_grads finds nothing.")

        letter = "abcdefgh"[step.choices.index(step.fixes[0])]
        answer = f"{letter}) {step.fixes[0]}"
        self._until_right("Your answer (one letter): ", check, answer, step.hint)
