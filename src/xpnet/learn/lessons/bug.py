"""Find the bug: a rule with a planted error, which `check_grads` gives away."""

from __future__ import annotations

import inspect
import linecache
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import xpnet as xn

from .source import code_of

__all__ = ["Bug"]


@final
@dataclass(frozen=True, slots=True)
class Bug:
    """Lines that make a function with a wrong derivative, and what could mend it.

    Parameters
    ----------
    function : callable
        Makes the function; its lines are shown. Its docstring says what they are for.
    name : str
        The name of the function that its lines make.
    at : callable
        Returns the arguments at which the derivative is checked.
    line : str
        The wrong line, without its indentation.
    fixes : tuple of str
        Lines to put in its place. The first is right, and each other one is wrong too.
    hint : str
        Where to look.
    """

    function: Callable[..., dict[str, Any]]
    name: str
    at: Callable[[], tuple[Any, ...]]
    line: str
    fixes: tuple[str, ...]
    hint: str

    @property
    def says(self) -> str:
        """What the lines are for."""
        return " ".join((inspect.getdoc(self.function) or "").split())

    @property
    def source(self) -> str:
        """The lines with the error in them."""
        return code_of(self.function)

    @property
    def number(self) -> int:
        """The number of the wrong line, from 1."""
        (found,) = (
            number
            for number, line in enumerate(self.source.splitlines(), 1)
            if line.strip() == self.line
        )
        return found

    @property
    def choices(self) -> tuple[str, ...]:
        """The fixes in the order in which they are offered: by the alphabet."""
        return tuple(sorted(self.fixes))

    def broken(self) -> Any:
        """Return the function as it stands."""
        return self.function()[self.name]

    def mended(self, fix: str) -> Any:
        """Return the function with another line in place of the wrong one."""
        lines = self.source.splitlines()
        wrong = lines[self.number - 1]
        lines[self.number - 1] = wrong.replace(self.line, fix)
        text = "\n".join(lines) + "\n"
        file = f"<{self.name}, line {self.number}: {fix}>"
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        names = dict(self.function.__globals__)
        exec(compile(text, file, "exec"), names)
        return names[self.name]

    def complaint(self, function: Any) -> str:
        """Return what `check_grads` says about a function: nothing if it is right."""
        try:
            xn.check_grads(function, *self.at())
        except xn.XpnetError as error:
            return str(error)
        return ""

    def where(self, complaint: str) -> str:
        """Return which argument and element a complaint is about, by its name."""
        found = re.search(r"input (\d+) at element (\([^)]*\))", complaint)
        if not found:
            return ""
        names = list(inspect.signature(self.broken()).parameters)
        name, element = names[int(found[1])], found[2]
        place = f"element {element} of {name}" if element != "()" else name
        return f"The worst of it is in the derivative with respect to {place}."
