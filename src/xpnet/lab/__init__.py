"""A local page in the browser that shows the calculus on the library's real code."""

from __future__ import annotations

import contextlib
import webbrowser
from typing import TYPE_CHECKING, Any

from ..errors import LibraryError, OptionError

if TYPE_CHECKING:
    from .server import Server

__all__ = ["open"]


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
    print(f"The lab is at {url}", flush=True)
    if browser:
        webbrowser.open(url)
    if not block:
        return server
    with contextlib.suppress(KeyboardInterrupt):
        server.wait()
    return None


def _start(model: Any, X: Any, y: Any, page: str | None, port: int) -> Server:
    """Check what was asked for, and start the server."""
    from .session import Session

    data = None if X is None and y is None else (X, y)
    names = [each.name for each in Session(model=model, data=data).pages]
    if page is not None and page not in names:
        raise OptionError(
            f"the lab has no page {page!r}; use one of {', '.join(names)}."
        )
    try:
        from .server import Server
    except ModuleNotFoundError as error:
        raise LibraryError(
            f"the lab needs {error.name}, which is not installed. "
            "Type: pip install 'xpnet[lab]'."
        ) from None
    return Server(lambda: Session(model=model, data=data), port=port)
