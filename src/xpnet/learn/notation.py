"""Reading a typed formula: from what learners write to what Python reads.

A formula is cut into words that are looked up in short lists; whatever is on none of
them is refused with its place. Nothing that Python could run comes through: no quotes,
dots, brackets, keywords or names but the given ones.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

from ..errors import FormulaError

__all__ = ["MAX_LENGTH", "MAX_PARENTHESES", "SAME", "quoted", "read"]

MAX_LENGTH = 500
MAX_PARENTHESES = 30
_MAX_DIGITS = 15  # a float64 holds every integer of so many digits

SAME = {
    "−": "-",
    "–": "-",
    "·": "*",
    "⋅": "*",
    "×": "*",
    "∗": "*",
    "÷": "/",
    "^": "**",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "π": "pi",
    "σ": "sigmoid",
    "√": "sqrt",
    "ln": "log",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "max": "maximum",
    "min": "minimum",
}
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_LOWERED = {mark: digit for digit, mark in enumerate(_RAISED)}

_WORD = re.compile(
    rf"""(?P<space>[ \t\u00a0\u2009\u202f]+)
      | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*|[πσ√])
      | (?P<raised>⁻?[{_RAISED}]+)
      | (?P<operator>\*\*|<=|>=|==|!=|[-+*/^<>−–·⋅×∗÷≤≥≠])
      | (?P<open>\()
      | (?P<close>\))
      | (?P<comma>,)
    """,
    re.VERBOSE,
)

_INSTEAD = {
    "=": "type the right side only, x^2 for y = x^2, and == to compare",
    ".": "a formula has no attributes; type a point in numbers only, as in 0.5",
    "[": "type parentheses ( ) instead of brackets",
    "]": "type parentheses ( ) instead of brackets",
    "{": "type parentheses ( ) instead of braces",
    "}": "type parentheses ( ) instead of braces",
    "|": "type abs(x) for |x|",
    "%": "there is no remainder in formulas; type / to divide",
    "!": "there is no factorial in formulas; type the product",
    "°": "angles are in radians; type sin(x*pi/180)",
    "\n": "type the formula on one line",
}
_INSTEAD_OF_NAMES = {
    "if": "type where(condition, a, b)",
    "else": "type where(condition, a, b)",
    "and": "type one where(condition, a, b) inside another",
    "or": "type one where(condition, a, b) inside another",
    "not": "type the comparison the other way round, as in where(x <= 0, a, b)",
    "lambda": "type what stands after the colon only",
}
_TWO_WAYS = {"/": ("/", "1/(2*x) or (1/2)*x"), "**": ("^", "2^(3*x) or (2^3)*x")}


class Word(NamedTuple):
    """A piece of the text: its kind, what it means, and where it begins."""

    kind: str
    meaning: str
    place: int  # counted from 1, as a person counts
    typed: str = ""
    apart: bool = False  # whether a space stands before it


def quoted(text: str, limit: int = 40) -> str:
    """Return a text between quotes, in printable characters, shortened."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return '"' + "".join(c if c.isprintable() else "?" for c in shown) + '"'


def read(text: str, functions: Collection[str], values: Collection[str]) -> str:
    """Return a formula as Python would write it, with every multiplication in it.

    Parameters
    ----------
    text : str
        What a person typed: ``2x² − 3 sin(x)``.
    functions, values : collection of str
        The names that may be called, and those of variables and constants.

    Raises
    ------
    FormulaError
        If anything in it is on no list, or stands where it cannot.

    Examples
    --------
    >>> read("2x² − 3 sin(x)", {"sin"}, {"x"})
    '2 * x ** (2) - 3 * sin ( x )'
    """
    if not isinstance(text, str):
        raise FormulaError(
            f'a formula is a text such as "x^2 + sin(x)", not a {type(text).__name__}.'
        )
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"the formula {quoted(text)} has {len(text)} characters, and at most "
            f"{MAX_LENGTH} are read; type a shorter one."
        )
    text = text.rstrip()
    if not text:
        raise FormulaError('the formula is empty; type one such as "x^2 + sin(x)".')
    return _Reader(text, functions, values).python()


class _Reader:
    """Walks over the words, and knows at each whether a value or an operator is due."""

    def __init__(
        self, text: str, functions: Collection[str], values: Collection[str]
    ) -> None:
        self.text = text
        self.functions = functions
        self.values = values
        self.out: list[str] = []
        self.due = "value"  # or "operator", or "(" after the name of a function
        self.operator = ""  # the one before the value that has just been read
        self.signed = False  # whether a sign stands before the value that is due
        self.last = ""  # the kind of the word before
        self.power = ""  # of the function whose argument is due, as in sin²(x)
        # kind, operator before it, place, power of the function
        self.open: list[tuple[str, str, int, str]] = []

    def python(self) -> str:
        """Return the whole formula."""
        word = None
        for word in self._words():
            getattr(self, f"_{word.kind}")(word)
            self.last = word.kind
        if self.open:
            place = self.open[-1][2]
            raise self._error(place, '"(" is never closed; type ")" where it ends')
        if self.due != "operator" and word is not None:
            raise self._error(
                word.place,
                f"nothing follows {quoted(word.typed)}; type what it acts on",
            )
        return " ".join(self.out)

    def _words(self) -> list[Word]:
        words: list[Word] = []
        at, apart = 0, False
        while at < len(self.text):
            found = _WORD.match(self.text, at)
            if found is None:
                raise self._unknown_character(at)
            kind, piece = str(found.lastgroup), found.group()
            if kind != "space":
                word = Word(kind, SAME.get(piece, piece), at + 1, piece, apart)
                words = self._with(words, word)
            apart = kind == "space"
            at = found.end()
        return words

    def _with(self, words: list[Word], word: Word) -> list[Word]:
        """Return the words and one more; sin^2 becomes sin²."""
        match words:
            case [*_, Word("name", name), Word("operator", "**") as sign] if (
                word.meaning.isdecimal() and name in self.functions
            ):
                raised = "".join(_RAISED[int(digit)] for digit in word.meaning)
                return [*words[:-1], sign._replace(kind="raised", meaning=raised)]
        return [*words, word]

    # --- one method for each kind of word ---------------------------------------------

    def _number(self, word: Word) -> None:
        if self.due == "operator":
            raise self._error(
                word.place,
                f"{quoted(word.typed)} follows a value; type an operator such as * "
                "between them",
            )
        self._value(word, self._written(word))

    def _name(self, word: Word) -> None:
        if word.meaning in self.functions:
            self._multiply(word)
            self.out.append(word.meaning)
            self.due = "("
        elif word.meaning in self.values:
            self._multiply(word)
            self._value(word, word.meaning)
        else:
            raise self._unknown_name(word)

    def _raised(self, word: Word) -> None:
        sign = "-" if word.meaning[0] == "⁻" else ""
        digits = "".join(str(_LOWERED[c]) for c in word.meaning.lstrip("⁻"))
        exponent = self._written(Word("number", digits, word.place))
        if self.last == "raised":
            self._refuse_power_of_power(word)
        elif self.due == "operator":
            self.out += ["**", f"({sign}{exponent})"]
        elif self.due == "(" and not sign:
            self.power = exponent
        elif self.due == "(":
            name = self.out[-1]
            raise self._error(
                word.place,
                f"{name}⁻ can be read in two ways; type 1/{name}(x), or the name of "
                "the inverse function such as atan(x)",
            )
        else:
            raise self._error(
                word.place,
                f"{quoted(word.typed)} must follow what it raises to a power; type "
                "it after a value, as in x² or sin(x)²",
            )

    def _operator(self, word: Word) -> None:
        if word.meaning == "**" and self.last == "raised":
            self._refuse_power_of_power(word)
        if self.due == "operator":
            self.out.append(word.meaning)
            self.operator, self.due, self.signed = word.meaning, "value", False
        elif self.due == "value" and word.meaning in "+-" and not self.signed:
            self.out.append(word.meaning)
            self.signed = True
        else:
            self._refuse_without_value(word)

    def _open(self, word: Word) -> None:
        kind = "call" if self.due == "(" else "group"
        if kind == "group":
            self._multiply(word)
        if len(self.open) == MAX_PARENTHESES:
            raise self._error(
                word.place,
                f"more than {MAX_PARENTHESES} parentheses are open; type a simpler "
                "formula",
            )
        self.open.append((kind, self.operator, word.place, self.power))
        if self.power:
            self.out.insert(-1, "(")
        self.out.append("(")
        self.operator, self.due, self.signed, self.power = "", "value", False, ""

    def _close(self, word: Word) -> None:
        if self.due != "operator":
            self._refuse_without_value(word)
        if not self.open:
            raise self._error(word.place, '")" closes nothing; type "(" before it')
        self.out.append(")")
        _, self.operator, _, power = self.open.pop()
        if power:
            self.out += ["**", f"({power})", ")"]

    def _comma(self, word: Word) -> None:
        if self.due != "operator":
            self._refuse_without_value(word)
        if not self.open or self.open[-1][0] != "call":
            raise self._error(
                word.place,
                '"," separates the arguments of a function only; type a point in '
                "numbers, as in 0.5",
            )
        self.out.append(",")
        self.operator, self.due, self.signed = "", "value", False

    # --- multiplication without a sign ------------------------------------------------

    def _multiply(self, word: Word) -> None:
        """Write the ``*`` that is meant where one value follows another."""
        if self.due == "(":
            self._refuse_without_value(word)
        if self.due == "operator":
            plain = self.operator == "**" and self.last == "number" and word.apart
            if self.operator in _TWO_WAYS and not plain:  # x^2 y is plain
                sign, example = _TWO_WAYS[self.operator]
                raise self._error(
                    word.place,
                    f"a multiplication without * after {sign} can be read in two ways; "
                    f"type * and parentheses, {example}",
                )
            self.out.append("*")
            self.operator, self.due, self.signed = "*", "value", False

    def _value(self, word: Word, python: str) -> None:
        if self.due == "(":
            self._refuse_without_value(word)
        self.out.append(python)
        self.due = "operator"

    # --- numbers ----------------------------------------------------------------------

    def _written(self, word: Word) -> str:
        """Return a number as Python writes it."""
        digits = word.meaning
        if len(digits) > 2 * _MAX_DIGITS or (
            digits.isdigit() and len(digits.lstrip("0")) > _MAX_DIGITS
        ):
            raise self._error(
                word.place,
                f"{quoted(digits, 20)} has more digits than are kept; type it "
                "as 1.5e20",
            )
        number = float(digits)
        lost = number == 0.0 and re.match(r"[0.]*[1-9]", digits)
        if lost or number == float("inf"):
            what, range_ = (
                ("less", "above 1e-307") if lost else ("more", "below 1.7e308")
            )
            raise self._error(
                word.place,
                f"{quoted(digits)} is {what} than a float64 can hold; type a number "
                f"{range_}",
            )
        return str(int(digits)) if digits.isdigit() else repr(number)

    # --- refusals ---------------------------------------------------------------------

    def _error(self, place: int, words: str) -> FormulaError:
        return FormulaError(
            f"the formula {quoted(self.text)} cannot be read at character {place}: "
            f"{words}."
        )

    def _refuse_power_of_power(self, word: Word) -> None:
        raise self._error(
            word.place,
            "a power of a power can be read in two ways; type (x^2)^3 or x^(2^3)",
        )

    def _refuse_without_value(self, word: Word) -> None:
        if self.due == "(":
            name = self.out[-1]
            raise self._error(
                word.place,
                f"{name} needs its argument in parentheses; type {name}(x), and "
                f"{name}(x)^2 for its square",
            )
        raise self._error(
            word.place,
            f"a value must stand before {quoted(word.typed)}; type one there",
        )

    def _unknown_character(self, at: int) -> FormulaError:
        character = self.text[at]
        plain = unicodedata.normalize("NFKC", character)
        name = unicodedata.name(character, f"U+{ord(character):04X}")
        if character in _INSTEAD:
            instead = _INSTEAD[character]
        elif plain != character and plain != "_" and _WORD.fullmatch(plain):
            instead = (
                "it only looks like a plain character; type "
                f"{'a plain space' if plain.isspace() else plain}"
            )
        else:
            instead = (
                "a formula has numbers, variables, + - * / ^, parentheses and "
                "functions; type it with these"
            )
        shown = quoted(character) if character.isprintable() else ""
        if not character.isascii() or not shown:  # an х may be Cyrillic
            shown = f"{shown} ({name})" if shown else name
        return self._error(at + 1, f"{shown} means nothing here; {instead}")

    def _unknown_name(self, word: Word) -> FormulaError:
        name = word.meaning
        known = sorted({*self.functions, *self.values})
        close = difflib.get_close_matches(name, known, 1, 0.6)
        if name in _INSTEAD_OF_NAMES:
            instead = _INSTEAD_OF_NAMES[name]
        elif "_" in name:
            instead = "names with an underscore are never read; type a variable"
        elif len(name) <= 4 and all(letter in self.values for letter in name):
            instead = f"type {'*'.join(name)} for a product"
        elif close:
            instead = f"type {close[0]} if that is meant"
        else:
            variables = ", ".join(v for v in self.values if v not in ("pi", "e"))
            instead = (
                f"type one of the variables ({variables}) or a function such as sin(x)"
            )
        return self._error(
            word.place, f"{quoted(word.typed)} is no known name; {instead}"
        )
