"""Which lessons were played to the end: one small file in the person's own folder."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

__all__ = ["done", "forget", "place", "remember"]


def place() -> Path:
    """Return where the file is: a list of names and nothing else.

    ``$XDG_STATE_HOME/xpnet/lessons.json``, by default under ``~/.local/state``; on
    Windows under ``%LOCALAPPDATA%``.

    Examples
    --------
    >>> place().name
    'lessons.json'
    """
    name = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME"
    given = os.environ.get(name, "")
    base = Path(given) if os.path.isabs(given) else Path.home() / ".local" / "state"
    return base / "xpnet" / "lessons.json"


def done() -> frozenset[str]:
    """Return the names of the lessons that were played to the end.

    A file that cannot be read counts as none.
    """
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        found = json.loads(place().read_text("utf-8"))
        if isinstance(found, list):
            return frozenset(name for name in found if isinstance(name, str))
    return frozenset()


def remember(name: str) -> None:
    """Add a lesson to the list, where the file can be written."""
    names = json.dumps(sorted(done() | {name}))
    with contextlib.suppress(OSError, RuntimeError):
        file = place()
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(names + "\n", "utf-8")
        part.replace(file)


def forget() -> None:
    """Delete the file, if there is one."""
    with contextlib.suppress(OSError, RuntimeError):
        place().unlink(missing_ok=True)
