"""The command ``xpnet lab``: the local page in the browser."""

from __future__ import annotations

import click

__all__ = ["lab"]


@click.command()
@click.argument("page", required=False)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    metavar="N",
    help="Where to listen on this machine; 0, the default, takes a free port.",
)
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
def lab(page: str | None, port: int, no_browser: bool) -> None:
    """Open the lab: see the calculus in the browser, on this machine alone.

    PAGE is the one to begin with, such as slope or network. Ctrl-C ends the lab.
    """
    from .. import lab as package

    package.open(page=page, port=port, browser=not no_browser)
