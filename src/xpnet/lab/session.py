"""One visitor of the lab, without any transport: a request goes in, frames come out."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._version import __version__
from ..errors import OptionError, XpnetError
from .ask import Ask
from .own import Own
from .page import Page
from .pages import PAGES
from .recording import Recording
from .wire import Frame, encode, parse

__all__ = ["Session"]

_log = logging.getLogger(__name__)
_LARGEST_ID = 2**53 - 1  # what JavaScript counts exactly
_PATIENCE = 30.0  # seconds for what an export asks besides


class Session:
    """The state of one visit to the lab: `handle` answers requests.

    Each page answers one at a time.

    A request is a dict with "page", "type", an optional "id" and the fields of its
    type. Each frame that answers it has "page", "type" and "id" in its header, and
    "last", as one answer can be several frames. Whatever is wrong with a request is
    answered by a frame of type "error" with one sentence in "message"; `handle` raises
    nothing.

    Besides the pages there is the page "lab" with one request, "hello": the titles of
    the pages, the version, and whether the user brought a model.

    Parameters
    ----------
    pages : sequence of page classes, optional
        By default all pages.
    model : Module, optional
        The user's own model, for the page Network; each session trains a copy.
    data : pair of array_like, optional
        The user's own inputs and targets.

    Raises
    ------
    OptionError
        If there is a model without data or data without a model.
    ShapeError
        If the model and the data do not fit together.

    Examples
    --------
    >>> session = Session()
    >>> session.handle({"page": "nowhere", "type": "look", "id": 1})[0].header["type"]
    'error'
    """

    def __init__(
        self,
        pages: Sequence[type[Page]] | None = None,
        model: Any = None,
        data: tuple[Any, Any] | None = None,
    ) -> None:
        own = Own.of(model, data)
        self._has_model = own is not None
        self._pages = {
            page.name: page(own) for page in (PAGES if pages is None else pages)
        }
        self.recordings = {name: Recording() for name in self._pages}

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages, in their order."""
        return tuple(self._pages.values())

    def handle(self, message: Mapping[str, Any]) -> list[Frame]:
        """Answer one request.

        Parameters
        ----------
        message : mapping
            The request.

        Returns
        -------
        list of Frame
            At least one; a frame of type "error" where something was wrong.
        """
        try:
            with np.errstate(all="ignore"):  # a NaN is shown, not warned of
                frames = self._answer(message)
        except Exception as error:
            return [_refusal(message, error)]
        address = _address(message)
        return [
            Frame({**f.header, **address, "last": f is frames[-1]}, f.arrays)
            for f in frames
        ]

    def answer(self, text: str) -> list[bytes]:
        """Answer a request as it comes over a wire: JSON in, encoded frames out."""
        message: Any = None
        try:
            message = parse(text)
            return [encode(frame) for frame in self.handle(message)]
        except XpnetError as error:  # no request, or frames that cannot travel
            return [encode(_refusal(message, error))]

    def page_of(self, text: str) -> str:
        """Return the page that a request over a wire is for; "" where it is for none.

        The pages of a session know nothing of each other: requests for two of them may
        be answered at the same time.
        """
        try:
            name = _address(parse(text))["page"]
        except XpnetError:
            return ""
        return name if name in self._pages else ""

    def _answer(self, message: Mapping[str, Any]) -> list[Frame]:
        """Return the frames of the page that is asked, and keep them for an export."""
        if not isinstance(message, Mapping):
            raise OptionError("a request is an object with a page and a type.")
        ask = Ask(message)
        if "id" in ask:
            ask.whole("id", 0, _LARGEST_ID)
        name = ask.choice("page", ("lab", *self._pages))
        if name == "lab":
            return [self._hello(ask)]
        page = self._pages[name]
        frames = page.handle(message)
        _, keep = page.requests[message["type"]]
        self.recordings[name].add(message, frames, keep)
        return frames

    def keep(self, name: str) -> None:
        """Ask a page what it wants to keep for an export besides what was asked.

        Where that takes too long its end is left out, and the recording says so.
        """
        page, end = self._pages[name], time.perf_counter() + _PATIENCE
        for message in page.keep():
            _, keep = page.requests[message["type"]]
            # what is never kept puts the page back to where it was
            if keep == "never" or time.perf_counter() < end:
                self.handle({**message, "page": name})
            else:
                self.recordings[name].cut = True

    def _hello(self, ask: Ask) -> Frame:
        ask.choice("type", ("hello",))
        pages = [{"id": page.name, "title": page.title} for page in self.pages]
        return Frame(
            {
                "type": "hello",
                "pages": pages,
                "version": __version__,
                "own_model": self._has_model,
            }
        )


def _refusal(message: Any, error: Exception) -> Frame:
    """Return the frame that says what is wrong with a request."""
    address = _address(message)
    sentence = _sentence(error, address["page"])
    return Frame({"type": "error", "message": sentence, **address, "last": True})


def _address(message: Any) -> dict[str, Any]:
    """Return the page and the id that a request names, each None where it is none."""
    if not isinstance(message, Mapping):
        return {"page": None, "id": None}
    name: Any = message.get("page")
    number: Any = message.get("id")
    if not isinstance(name, str) or len(name) > 100:
        name = None
    whole = isinstance(number, int) and not isinstance(number, bool)
    if not whole or not 0 <= number <= _LARGEST_ID:
        number = None
    return {"page": name, "id": number}


def _sentence(error: Exception, page: str | None) -> str:
    """Return what went wrong; what nobody foresaw also goes to the log."""
    if isinstance(error, XpnetError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "there is not enough memory for this."
    _log.error("the page %s failed", page, exc_info=error)
    return f"the page {page} could not answer: {type(error).__name__}."
