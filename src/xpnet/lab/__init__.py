"""A local page in the browser that shows the calculus on the library's real code."""

from __future__ import annotations

import contextlib
import os
import webbrowser
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import LibraryError, OptionError

if TYPE_CHECKING:
    from .server import Server
    from .session import Session

__all__ = ["open", "save"]


def open(
    model: Any = None,
    X: Any = None,
    y: Any = None,
    *,
    page: str | None = None,
    browser: bool = True,
    port: int = 0,
    block: bool = True,
) -> Server | None:
    """Open the lab in the browser, with a model of your own if you bring one.

    The page Network then trains a copy of `model` on `X` and `y`; the model itself
    keeps its weights. The lab answers this machine alone, and only who has the token
    that is in the address.

    Parameters
    ----------
    model : Module, optional
        A model of your own; without one the lab has its own small data sets and models.
    X, y : array_like, optional
        One row per example, and its target: the number of its class, 0 or 1, or what
        the model's output should be.
    page : str, optional
        The page to begin with; by default "network" for a model, else "slope".
    browser : bool
        Open a browser; the address is printed in any case.
    port : int
        0 takes one that is free.
    block : bool
        Wait until Ctrl-C. False returns at once.

    Returns
    -------
    Server or None
        With ``block=False`` the running lab: its ``.url``, and ``.close()``.

    Raises
    ------
    LibraryError
        If the packages of the lab are not installed.
    OptionError
        If there is no such page, a model without data, or the port is taken.
    ShapeError
        If the model and the data do not fit together.

    Examples
    --------
    >>> import xpnet as xn
    >>> lab = xn.lab.open(browser=False, block=False)
    The lab is at http://127.0.0.1:...
    >>> lab.close()
    """
    server = _start(model, X, y, page, port)
    first = page or ("network" if model is not None else None)
    url = f"{server.url}#{first}" if first else server.url
    with contextlib.suppress(KeyboardInterrupt):
        print(f"The lab is at {url}{' (Ctrl-C ends it)' if block else ''}", flush=True)
        if browser:
            webbrowser.open(url)
        if not block:
            return server
        server.wait()
    server.close()
    return None


def save(
    path: str | os.PathLike[str],
    page: str,
    requests: Iterable[Mapping[str, Any]],
    *,
    model: Any = None,
    X: Any = None,
    y: Any = None,
    state: str = "",
) -> Path:
    """Write a page of the lab as one HTML file that needs no server, without a browser.

    The file shows the answers to `requests`, as the button "Save as a file" of the lab
    does for what was done there. Nothing need be installed besides xpnet.

    Parameters
    ----------
    path : path-like
        The file; it is overwritten.
    page : str
        The page, such as "slope".
    requests : iterable of mapping
        What the page is asked, in order, each with a "type" and its fields.
    model, X, y
        As `open` takes them.
    state : str
        The fragment of the address that the page begins with.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        If a request is refused; the sentence is the page's own.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     look = {"type": "look", "f": "x**2", "x": 3.0, "h": 0.1}
    ...     file = save(f"{folder}/run.html", "slope", [look])
    ...     file.stat().st_size > 10_000
    True
    """
    from .export import exported

    session = _session(model, X, y, page)
    for message in requests:
        for frame in session.handle({**message, "page": page}):
            if frame.header["type"] == "error":
                raise OptionError(frame.header["message"])
    target = Path(path)
    target.write_text(exported(session, page, state), "utf-8")
    return target


def _session(model: Any, X: Any, y: Any, page: str | None) -> Session:
    """Return a session with what the user brought, that has the page."""
    from .session import Session

    data = None if X is None and y is None else (X, y)
    session = Session(model=model, data=data)
    names = [each.name for each in session.pages]
    if page is not None and page not in names:
        raise OptionError(
            f"the lab has no page {page!r}; use one of {', '.join(names)}."
        )
    return session


def _start(model: Any, X: Any, y: Any, page: str | None, port: int) -> Server:
    """Check what was asked for, and start the server."""
    _session(model, X, y, page)
    try:
        from .server import Server
    except ModuleNotFoundError as error:
        raise LibraryError(
            f"the lab needs {error.name}, which is not installed. "
            "Type: pip install 'xpnet[lab]'."
        ) from None
    return Server(lambda: _session(model, X, y, page), port=port)
