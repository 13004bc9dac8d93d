"""The command line: ``xpnet train digits``, ``xpnet devices``, ``xpnet --version``."""

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; click loads here and not before.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``xpnet``; by default those of this process.

    Returns
    -------
    int
        0 when it worked, 1 when the training itself failed, 2 when something was asked
        for that cannot be had (one sentence on standard error), 130 after Ctrl-C.

    Examples
    --------
    >>> main(["--version"]) == 0
    xpnet ...
    True
    """
    from .app import run

    return run(argv)
