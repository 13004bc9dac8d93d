"""What pages are made of: escaped text, tables, sections, parts that open and close.

Every function that takes `text` escapes it; what is called `inner` or `markup` is
markup already.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

__all__ = ["code", "details", "escaped", "paragraph", "section", "table", "unbroken"]

_ILLEGAL = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
# What nobody sees, and what turns the order of the letters around it.
_HIDDEN = re.compile("[\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def escaped(text: str) -> str:
    r"""Return a text as it stands in markup, without what no XML may hold.

    Signs that nobody sees, or that turn the order of letters, are named: ``\u202e``.
    """
    legal = _ILLEGAL.sub(" ", text).encode("utf-8", "replace").decode()
    return html.escape(_HIDDEN.sub(lambda m: f"\\u{ord(m[0]):04x}", legal))


def paragraph(text: str, name: str = "") -> str:
    """Return a paragraph of text."""
    return f"<p{_classed(name)}>{escaped(text)}</p>"


def unbroken(text: str) -> str:
    """Return text that stays in one line."""
    return f'<span class="one">{escaped(text)}</span>'


def code(text: str) -> str:
    """Return lines of code as they are; wide ones can be scrolled by keyboard."""
    lines = "\n".join(map(escaped, text.expandtabs(4).rstrip().split("\n")))
    return f'<pre tabindex="0"><code>{lines}</code></pre>'


def section(title: str, inner: str, level: int = 4) -> str:
    """Return markup under a heading."""
    return f"<section><h{level}>{escaped(title)}</h{level}>{inner}</section>"


def details(title: str, inner: str, *, opened: bool = False) -> str:
    """Return markup that a click on its title shows and hides."""
    state = ' open=""' if opened else ""
    return f"<details{state}><summary>{escaped(title)}</summary>{inner}</details>"


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], name: str = ""
) -> str:
    """Return a table whose first column names its rows.

    `caption` and `head` are text, the cells are markup. It can be scrolled by keyboard
    where it is wider than the page.
    """
    top = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in head)
    body = "".join(_table_row(row) for row in rows)
    label = escaped(caption)
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="{label}">'
        f"<table{_classed(name)}><caption>{label}</caption>"
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _table_row(cells: Sequence[str]) -> str:
    first, *rest = cells
    others = "".join(f"<td>{cell}</td>" for cell in rest)
    return f'<tr><th scope="row">{first}</th>{others}</tr>'


def _classed(name: str) -> str:
    return f' class="{name}"' if name else ""
