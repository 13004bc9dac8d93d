"""A lesson: a list of steps, in the order in which a person meets them."""

from __future__ import annotations

import contextlib
import inspect
import io
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, final

from .answers import Answer
from .bug import Bug
from .source import code_of

__all__ = ["Code", "Exercise", "Lesson", "Predict", "Step", "Text", "Values"]

Values = dict[str, Any]
_Function = TypeVar("_Function", bound=Callable[..., Values])


@final
@dataclass(frozen=True, slots=True)
class Text:
    """Paragraphs; ``{name:.2f}`` stands for a value that an earlier step computed."""

    template: str

    def paragraphs(self, values: Values) -> Iterator[str]:
        """Yield each paragraph with the numbers in it; one that is indented is kept."""
        for part in textwrap.dedent(self.template).strip("\n").split("\n\n"):
            text = part.strip("\n").format_map(values)
            yield text if text.startswith(" ") else " ".join(text.split())


@final
@dataclass(frozen=True, slots=True)
class Code:
    """A function whose lines are shown and run.

    Its docstring says what the lines do. Its parameters are values of earlier steps,
    and what it returns (``return locals()``, which is not shown) are values for later
    ones: the steps of a lesson read on like the cells of a notebook.
    """

    function: Callable[..., Values]

    @property
    def says(self) -> str:
        """What the lines do, in a sentence."""
        return " ".join((inspect.getdoc(self.function) or "").split())

    @property
    def source(self) -> str:
        """The lines that run."""
        return code_of(self.function)

    def run(self, values: Values) -> str:
        """Run the lines, add their values to `values`, and return what was printed."""
        wanted = inspect.signature(self.function).parameters
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            found = self.function(**{name: values[name] for name in wanted})
        values.update(found)
        return printed.getvalue().rstrip()


@final
@dataclass(frozen=True, slots=True)
class Predict:
    """A question that comes before the code that answers it; asked once."""

    question: str
    answer: Answer
    code: Code


@final
@dataclass(frozen=True, slots=True)
class Exercise:
    """A question that is asked until the answer is right, or wanted."""

    question: str
    answer: Answer
    hint: str = ""


Step = Text | Code | Predict | Exercise | Bug


@final
@dataclass(slots=True)
class Lesson:
    """A title and its steps; the methods add one step each, in order.

    Examples
    --------
    >>> lesson = Lesson("sums", "A first sum")
    >>> @lesson.code
    ... def add():
    ...     total = 1 + 1
    ...     return locals()
    >>> lesson.text("Together they are {total}.")
    >>> [type(step).__name__ for step in lesson.steps]
    ['Code', 'Text']
    """

    name: str
    title: str
    steps: list[Step] = field(default_factory=list)

    def text(self, template: str) -> None:
        """Add paragraphs."""
        self.steps.append(Text(template))

    def code(self, function: _Function) -> _Function:
        """Add lines that are shown and run; used as a decorator."""
        self.steps.append(Code(function))
        return function

    def predict(
        self, question: str, answer: Answer
    ) -> Callable[[_Function], _Function]:
        """Add lines, and a question that is asked before they run; a decorator."""

        def add(function: _Function) -> _Function:
            self.steps.append(Predict(question, answer, Code(function)))
            return function

        return add

    def exercise(self, question: str, answer: Answer, *, hint: str = "") -> None:
        """Add a question with as many tries as it takes."""
        self.steps.append(Exercise(question, answer, hint))

    def bug(
        self,
        name: str,
        *,
        at: Callable[[], tuple[Any, ...]],
        line: str,
        fixes: tuple[str, ...],
        hint: str,
    ) -> Callable[[_Function], _Function]:
        """Add a planted error, as `Bug` describes it; a decorator."""

        def add(function: _Function) -> _Function:
            self.steps.append(Bug(function, name, at, line, fixes, hint))
            return function

        return add
