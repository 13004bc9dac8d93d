"""The one HTML document of the lab, and the files that stand behind it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import LibraryError

__all__ = ["Asset", "assets", "fill", "import_map", "script_json", "template"]

_FOLDER = Path(__file__).parent / "static"
_DOCUMENT = "index.html"
_TYPES = {".js": "text/javascript", ".css": "text/css"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file that a browser may have: its name, its type and its bytes."""

    name: str
    media_type: str
    content: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """Return the scripts and style sheets by name; they are read once.

    Raises
    ------
    LibraryError
        If this installation lacks them.

    Examples
    --------
    >>> assets()["wire.js"].media_type
    'text/javascript'
    """
    files = sorted(path for path in _FOLDER.rglob("*") if path.suffix in _TYPES)
    if not files or not (_FOLDER / _DOCUMENT).is_file():
        raise LibraryError(
            "this installation lacks the files of the lab's pages: install xpnet again."
        )
    names = [path.relative_to(_FOLDER).as_posix() for path in files]
    return {
        name: Asset(name, _TYPES[path.suffix], path.read_bytes())
        for name, path in zip(names, files, strict=True)
    }


@cache
def template() -> str:
    """Return the document with marks such as ``{{nonce}}``, without its comments."""
    text = (_FOLDER / _DOCUMENT).read_text("utf-8")
    return re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)


def import_map(address: Callable[[Asset], str]) -> str:
    """Return the import map: ``lab/pages/slope.js`` is a name, and `address` its place.

    Parameters
    ----------
    address : callable
        Takes an `Asset` and returns its URL.

    Returns
    -------
    str
        JSON that may stand in a script element.
    """
    scripts = [a for a in assets().values() if a.media_type == "text/javascript"]
    return script_json({"imports": {f"lab/{a.name}": address(a) for a in scripts}})


def script_json(value: Any) -> str:
    r"""Return JSON that may stand in a script element: no ``<`` is left in it.

    Examples
    --------
    >>> script_json("</script>")
    '"\\u003c/script>"'
    """
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def fill(*, nonce: str, style: str, import_map: str, config: Any) -> str:
    """Return the document with its marks filled in, in one pass.

    Parameters
    ----------
    nonce : str
        What the policy asks of each element with a script or a style in it.
    style : str
        HTML: links, or style elements.
    import_map : str
        What `import_map` returned.
    config : JSON-able
        What the front end starts with.

    Returns
    -------
    str
        The HTML.
    """
    values = {
        "nonce": html.escape(nonce),
        "style": style,
        "import_map": import_map,
        "config": script_json(config),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: values[mark[1]], template())
