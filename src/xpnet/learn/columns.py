"""Text in columns, cut to the width of a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["WIDTH", "cut", "product", "shortened", "table"]

WIDTH = 100


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Return rows of text with their columns under one another."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        (
            indent + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def cut(shown: str, most: int) -> str:
    """Return a text of at most so many characters, with … where it was cut."""
    return shown if len(shown) <= most else f"{shown[: most - 2].rstrip()} …"


def shortened(parts: Sequence[str], most: int) -> list[str]:
    """Return a list without its middle where it has more than so many parts."""
    if len(parts) <= most:
        return list(parts)
    half = most // 2
    left = len(parts) - 2 * half
    return [*parts[:half], f"… {left} more …", *parts[-half:]]


def product(parts: Iterable[str]) -> list[str]:
    """Return factors; one that is a sum or negative gets parentheses."""
    factors = list(parts)
    if len(factors) == 1:
        return factors
    shown = []
    for i, part in enumerate(factors):
        loose = any(sign in _outside(part) for sign in (" + ", " − ", " if ", " = "))
        negative = i > 0 and part.startswith("−")
        shown.append(f"({part})" if loose or negative else part)
    return shown


def _outside(shown: str) -> str:
    """Return what of an expression stands outside of parentheses."""
    depth, kept = 0, []
    for c in shown:
        depth += c == "("
        if depth == 0:
            kept.append(c)
        depth -= c == ")"
    return "".join(kept)
