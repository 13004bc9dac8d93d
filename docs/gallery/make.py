"""Make the pictures of docs/gallery.md from its own code.

    python docs/gallery/make.py [--out FOLDER] [NAME ...]

Each block of Python on that page ends with a picture, and the image below it says what
the file is called; a second file with "-dark" in its name is the same on a dark
background. Words are the names of files to write, without their endings; by default
all are written. The same versions of the packages give the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from xpnet.learn import plots
from xpnet.learn.plots.movie import Movie, in_few_colours

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "gallery.md"


class Block(NamedTuple):
    """A block of Python, and the files that the picture at its end is written to."""

    code: str
    files: tuple[str, ...]


def blocks() -> list[Block]:
    """Return the blocks of the page, in order."""
    _, *parts = re.split(r"^```python\n", PAGE.read_text("utf-8"), flags=re.M)
    found = []
    for part in parts:
        code, _, below = part.partition("\n```\n")
        names = re.findall(r'(?:src|srcset)="gallery/([^"]+)"', below)
        found.append(Block(code, tuple(sorted(names))))
    return found


def files() -> list[str]:
    """Return the names of all pictures, sorted."""
    return sorted(name for block in blocks() for name in block.files)


def pictures() -> Iterator[tuple[str, Any]]:
    """Run the page; give each file's name and its picture."""
    names: dict[str, Any] = {"__name__": "gallery"}
    for block in blocks():
        *before, last = ast.parse(block.code).body
        _run(before, names)
        for file in block.files:
            with plots.use_theme("dark" if "-dark." in file else "light"):
                _run([last], names)
            yield file, names[ast.unparse(last.targets[0])]


def _run(statements: list[ast.stmt], names: dict[str, Any]) -> None:
    exec(compile(ast.Module(statements, []), str(PAGE), "exec"), names)


def write(picture: Any, path: Path) -> None:
    """Write a figure, a movie or the text of an SVG to a file, with no date in it."""
    if isinstance(picture, str):
        path.write_text(picture, encoding="utf-8")
    elif isinstance(picture, Movie):
        picture.save(path, dpi=60)
    elif path.suffix == ".svg":
        picture.savefig(path, metadata={"Date": None})
    else:
        picture.savefig(path, dpi=120, metadata={"Software": None})
        _make_smaller(path, picture.theme)


def _make_smaller(path: Path, theme: Any) -> None:
    """Write a PNG once more with a palette: a third of the bytes."""
    from PIL import Image

    with Image.open(path) as image:
        (few,) = in_few_colours([image.convert("RGB")], theme)
    few.save(path, optimize=True)


def main() -> None:
    """Write the pictures that are asked for."""
    parser = argparse.ArgumentParser(description="Make the pictures of the gallery.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of files to write")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for file, picture in pictures():
        if not options.names or Path(file).stem in options.names:
            write(picture, options.out / file)
            print(f"{(options.out / file).stat().st_size:7,d} bytes  {file}")


if __name__ == "__main__":
    main()
