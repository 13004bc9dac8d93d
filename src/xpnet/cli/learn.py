"""``xpnet learn``: the list of lessons, and one lesson in the terminal."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import OptionError

__all__ = ["learn"]


@click.command()
@click.argument("lesson", required=False)
@click.option(
    "--answers", metavar="FILE", help="Take the answers from a file, one per line."
)
@click.option("--reveal", is_flag=True, help="Ask nothing, and show every answer.")
@click.option("--forget", is_flag=True, help="Forget which lessons were done.")
def learn(lesson: str | None, answers: str | None, reveal: bool, forget: bool) -> None:
    """Learn the calculus of neural networks in twelve lessons, with exercises.

    LESSON is a number or a name from the list, which is shown without it. In a
    terminal a lesson asks questions; elsewhere it shows the answers itself.
    """
    if answers is not None and reveal:
        raise OptionError("--answers and --reveal exclude each other: give one.")
    if forget:
        _forget()
    if lesson is not None:
        _play(lesson, _lines(answers, reveal))
    elif answers is not None or reveal:
        raise OptionError("name a lesson to play: xpnet learn 1.")
    elif not forget:
        _list()


def _lines(answers: str | None, reveal: bool) -> list[str] | None:
    """Return the lines of a file of answers, none to show all, None to ask."""
    if reveal:
        return []
    if answers is None:
        return None
    try:
        return Path(answers).read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise OptionError(f"--answers {answers} is not text in UTF-8.") from None


def _play(word: str, answers: list[str] | None) -> None:
    from ..learn.lessons import load
    from ..learn.lessons.terminal import play

    play(load(word), answers)


def _list() -> None:
    """Print the lessons, with a mark at those that were played to the end."""
    from ..learn.lessons import TITLES
    from ..learn.lessons.progress import done

    known = done()
    width = max(map(len, TITLES))
    for number, (name, title) in enumerate(TITLES.items(), 1):
        mark = "done" if name in known else ""
        click.echo(f"{number:2}  {mark:4}  {name:{width}}  {title}")
    following = [name for name in TITLES if name not in known] or list(TITLES)
    number = list(TITLES).index(following[0]) + 1
    click.echo(f"\nNext: xpnet learn {number}, or xpnet learn {following[0]}.")


def _forget() -> None:
    from ..learn.lessons.progress import forget

    forget()
    click.echo("No lesson counts as done any more.")
