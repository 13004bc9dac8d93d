"""What every page of the lab is: a class, made anew for each session, with requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, TypeVar

from ..errors import OptionError
from .ask import Ask
from .own import Own
from .wire import Frame

__all__ = ["Keep", "Page", "request"]

Keep = Literal["each", "last", "anew", "never"]

_Answer = TypeVar("_Answer", bound=Callable[..., "Frame | list[Frame]"])


def request(kind: str, *, keep: Keep = "each") -> Callable[[_Answer], _Answer]:
    """Make a method of a page the answer to requests of one type.

    The method takes an `Ask` and returns a `Frame`, or a list of them. It need not set
    "page", "type" and "id" in the header: the type of a reply is that of its request
    unless the method says otherwise.

    Parameters
    ----------
    kind : str
        The type.
    keep : {"each", "last", "anew", "never"}
        What an export keeps. "each": every answer, in order, as the steps of a training
        need it. "last": one answer for each different request, for answers that depend
        on the request alone. "anew": as "each", and what the page kept before is
        forgotten, as at the start of a training. "never": nothing.

    Examples
    --------
    >>> class Echo(Page):
    ...     name, title = "echo", "Echo"
    ...
    ...     @request("say")
    ...     def say(self, ask):
    ...         return Frame({"text": ask.text("text", 10)})
    >>> Echo().handle({"type": "say", "text": "hello"})[0].header
    {'type': 'say', 'text': 'hello'}
    """

    def mark(method: _Answer) -> _Answer:
        method.answers = (kind, keep)  # type: ignore[attr-defined]
        return method

    return mark


class Page:
    """One page: the state of one session, and a method for each type of request.

    A page has `name` (the word in its address), `title`, and methods marked with
    `request`. Nothing in it knows of a browser or a socket, and nothing runs but while
    it answers: the browser asks for the next steps of a training when it wants them.

    Parameters
    ----------
    own : Own, optional
        The model and the data that a user brought with `lab.open`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    requests: ClassVar[Mapping[str, tuple[str, Keep]]] = {}

    def __init__(self, own: Own | None = None) -> None:
        self.own = own

    def __init_subclass__(cls) -> None:
        """Collect the marked methods, by the type that each answers."""
        marked = {}
        for name, value in vars(cls).items():
            if (answers := getattr(value, "answers", None)) is not None:
                kind, keep = answers
                marked[kind] = (name, keep)
        cls.requests = {**cls.requests, **marked}

    def handle(self, message: Mapping[str, Any]) -> list[Frame]:
        """Answer one request.

        Raises
        ------
        OptionError
            If there is no such type, or a field is missing or out of range.
        """
        kind = Ask(message).text("type", 100)
        if kind not in self.requests:
            raise OptionError(
                f"the page {self.name} has no request {kind!r}; use one of "
                f"{', '.join(self.requests)}."
            )
        method, _ = self.requests[kind]
        answer = getattr(self, method)(Ask(message))
        frames = answer if isinstance(answer, list) else [answer]
        return [Frame({"type": kind, **f.header}, f.arrays) for f in frames]

    def keep(self) -> Iterable[dict[str, Any]]:
        """Return requests that an export asks and keeps besides those of the session.

        A slider lives on in the exported file where this returns a request for each
        of its marks: a replay answers with the kept request that is nearest.
        """
        return ()
