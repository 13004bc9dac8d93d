"""A run as one HTML file that needs no server, no network and no xpnet."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from .._version import __version__
from ..errors import OptionError
from .document import Asset, assets, fill, import_map
from .session import Session

__all__ = ["exported"]

_LONGEST_STATE = 4096


def exported(session: Session, page: str, state: str = "") -> str:
    """Return one page of a session as a self-contained document.

    It holds the scripts and styles of the lab, and the answers that the session gave,
    with those that the page keeps besides (`Page.keep`). Its policy allows no
    connection to anywhere.

    Parameters
    ----------
    session : Session
        What was asked of it is what the file can show.
    page : str
        The page.
    state : str
        The fragment of the address, such as ``"#slope?f=x**2&x=3"``, that the file
        begins with.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    OptionError
        If there is no such page, or nothing was asked of it.
    """
    if state and not state.startswith("#"):
        raise OptionError("a state is the fragment of an address and begins with #.")
    if len(state) > _LONGEST_STATE:
        raise OptionError(
            f"a state has at most {_LONGEST_STATE} characters, not {len(state)}."
        )
    records = _records(session, page)
    nonce = hashlib.sha256(repr(records).encode()).hexdigest()[:32]
    styles = [a for a in assets().values() if a.media_type == "text/css"]
    css = "\n".join(asset.content.decode() for asset in styles)
    return fill(
        nonce=nonce,
        style=f'{_policy(nonce)}\n<style nonce="{nonce}">\n{css}\n</style>',
        import_map=import_map(_data_url),
        config={
            "mode": "replay",
            "pages": [page],
            "version": __version__,
            "state": state,
            "cut": session.recordings[page].cut,
            "records": records,
        },
    )


def _records(session: Session, page: str) -> list[dict[str, Any]]:
    """Return what was asked and answered, as the front end reads it."""
    if page not in session.recordings:
        raise OptionError(
            f"there is no page {page!r}; use one of {', '.join(session.recordings)}."
        )
    session.keep(page)
    entries = session.recordings[page].entries
    if not entries:
        raise OptionError(f"nothing was asked of the page {page}: there is no run.")
    return [
        {
            "message": entry.message,
            "keep": entry.keep,
            "frames": [base64.b64encode(data).decode() for data in entry.frames],
        }
        for entry in entries
    ]


def _data_url(asset: Asset) -> str:
    data = base64.b64encode(asset.content).decode()
    return f"data:{asset.media_type};charset=utf-8;base64,{data}"


def _policy(nonce: str) -> str:
    """Return the element that forbids every connection."""
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src 'nonce-{nonce}' data:",
            f"style-src 'nonce-{nonce}'",
            "img-src data: blob:",
            "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
