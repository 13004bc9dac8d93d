"""Plays a lesson through two functions: one that shows a line, one that asks for one.

Nothing here knows of a terminal: the command line, a file of answers and the tests
bring their own two functions.
"""

from __future__ import annotations

from typing import final

from ...backend.device import use_device
from ...kernels.threads import one_blas_thread
from .answers import Answer, Verdict
from .bug import Bug
from .hunt import hunt
from .lesson import Code, Exercise, Lesson, Predict, Step, Text, Values
from .screen import HINT, Ask, Leave, Outcome, Screen, Show

__all__ = ["Runner"]


@final
class Runner:
    """Plays lessons for one person.

    Parameters
    ----------
    show : callable
        Gets each line that is to be seen.
    ask : callable, optional
        Gets a prompt and returns the line that was typed. It raises EOFError when
        nobody will type any more, and `Leave` to stop. Without it nobody is asked, and
        every answer is shown.

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
        self._show, self._ask = show, ask
        self._screen = Screen(show, ask)
        self.values: Values = {}

    def play(self, lesson: Lesson) -> Outcome:
        """Play all steps of a lesson, in order."""
        self.values, self._screen = {}, Screen(self._show, self._ask)
        self._screen.line(lesson.title)
        self._screen.line("=" * len(lesson.title))
        try:
            with one_blas_thread(), use_device("cpu"):  # whatever models are trained on
                for step in lesson.steps:
                    self._screen.line()
                    self._step(step)
        except Leave:
            self._screen.outcome.left = True
        return self._screen.outcome

    def _step(self, step: Step) -> None:
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
                hunt(step, self._screen)

    def _text(self, step: Text) -> None:
        for paragraph in step.paragraphs(self.values):
            self._screen.line()
            self._screen.say(paragraph)

    def _code(self, step: Code) -> None:
        self._screen.say(step.says)
        self._screen.code(step.source)
        self._screen.printed(step.run(self.values))

    def _predict(self, step: Predict) -> None:
        """Ask once, run the code, and compare."""
        screen, answer = self._screen, step.answer
        self._question(f"Before it runs: {step.question}", answer)
        typed = self._guess(answer)
        self._code(step.code)
        right = answer.reveal(self.values)
        if not typed:
            screen.reveal(right)
            return
        verdict = answer.check(typed, self.values)
        screen.outcome.right += verdict.right
        if verdict.right:
            screen.say(f"As you said: {right}")
        else:
            said = f"You said {typed[:40]}. {verdict.says} It is {right}"
            screen.say(said if said.endswith(".") else f"{said}.")

    def _guess(self, answer: Answer) -> str:
        """Return a guess that can be read; nothing where nobody makes one."""
        while typed := self._screen.read(f"Your guess ({answer.form}): "):
            if typed.casefold() in HINT:
                self._screen.say("A guess needs no hint: type what you expect.")
            elif unread := answer.unread(typed):
                self._screen.say(unread)
            else:
                return typed
        return ""

    def _exercise(self, step: Exercise) -> None:
        """Ask until the answer is right, or wanted."""
        answer = step.answer
        self._question(step.question, answer)

        def check(typed: str) -> Verdict:
            return answer.check(typed, self.values)

        hint = step.hint.format_map(self.values) or f"Write {answer.form}."
        self._screen.until_right(
            f"Your answer ({answer.form}): ",
            check,
            answer.reveal(self.values),
            dict.fromkeys(HINT, f"Hint: {hint}"),
        )

    def _question(self, question: str, answer: Answer) -> None:
        self._screen.outcome.questions += 1
        self._screen.say(f"? {question.format_map(self.values)}")
        self._screen.choices(answer.choices)
