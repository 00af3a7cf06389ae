"""Text of a formula to its tree: recursive descent over a bounded text, depth and number of parts. Linear in the text.

    comparison = sum [("<" | "<=" | ">" | ">=" | "=" | "!=") sum]
    sum        = product {("+" | "-") product}
    product    = unary {("*" | "/") unary}
    unary      = "-" unary | primary
    primary    = number [unit] | tag | function "(" argument {";" argument} ")" | "(" comparison ")"

A tag is `device.tag`, or `{device.tag}` where the name begins with a digit.
"""

from __future__ import annotations

import difflib
import math
import re

from domain.formula.errors import FormulaError
from domain.formula.tree import Binary, Call, Negative, Node, Number, Pattern, Place, TagName, UnitName, walk
from domain.formula.units import is_unit

MOST_CHARACTERS = 2000
MOST_DEPTH = 30
MOST_PARTS = 200

FUNCTIONS: dict[str, tuple[int, int]] = {  # name -> fewest and most arguments
    "if": (3, 3), "min": (2, 20), "max": (2, 20), "abs": (1, 1), "sqrt": (1, 1), "clip": (3, 3), "coalesce": (2, 20),
    "sum": (1, 20), "rate": (2, 2), "delta": (2, 2), "avg": (2, 2), "unit": (2, 2),
}  # fmt: skip

_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\.[a-z][a-z0-9_]*")
_WORD = re.compile(r"[^\W\d][\w³]*|%|°C?")
_PATTERN = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_*-]*\.[a-z0-9_*]+")
_UNIT = re.compile(r"(?:[^\W\d]\w*|%|°C?|1)(?:/[^\W\d]\w*)?")
_BRACED = re.compile(r"\{([^{}]{1,200})\}")
_COMPARE = re.compile(r"<=|>=|!=|<|>|=")
_SUM = re.compile(r"[+-]")
_PRODUCT = re.compile(r"[*/]")


def parse(formula: str) -> Node:
    """The tree. Raises FormulaError with the place."""
    if len(formula) > MOST_CHARACTERS:
        raise FormulaError("too_long", MOST_CHARACTERS, formula=formula, count=len(formula), most=MOST_CHARACTERS)
    try:
        return _Parser(formula).whole()
    except FormulaError as wrong:
        raise wrong.within(formula) from None


def names_in(formula: str) -> frozenset[str]:
    """Tags the formula names itself, not those of its patterns; none when it does not parse."""
    try:
        return frozenset(node.name for node in walk(parse(formula)) if isinstance(node, TagName))
    except FormulaError:
        return frozenset()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth, self._parts = text, 0, 0, 0

    def whole(self) -> Node:
        self._skip()
        if self._at == len(self._text):
            raise FormulaError("empty")
        found = self._comparison()
        if self._at < len(self._text):
            self._stray()
        return found

    # -- reading -------------------------------------------------------------------------------------------------------

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
            self._skip()
        return match

    def _sign(self, sign: str, wanted: str = "") -> None:
        if not self._text.startswith(sign, self._at):
            self._missing(wanted or f"'{sign}'")
        self._at += len(sign)
        self._skip()

    def _missing(self, wanted: str) -> None:
        if self._at >= len(self._text):
            raise FormulaError("end", max(0, len(self._text.rstrip()) - 1), wanted=wanted)
        if self._text[self._at] == ",":
            raise FormulaError("comma", self._at)
        raise FormulaError("expected", self._at, wanted=wanted)

    def _stray(self) -> None:
        character = self._text[self._at]
        if character == ",":
            raise FormulaError("comma", self._at)
        if not (character.isalnum() or character in "+-*/<>=!().;_{}%°\"'"):
            raise FormulaError("character", self._at, character=character)
        rest = self._text[self._at : self._at + 20]
        raise FormulaError("left_over", self._at, len(self._text) - self._at, text=rest)

    def _made(self, start: int) -> Place:
        """The place from `start`; counts the part."""
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise FormulaError("too_many", start, most=MOST_PARTS)
        return Place(start, start + len(self._text[start : self._at].rstrip()))

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise FormulaError("too_deep", self._at, most=MOST_DEPTH)

    # -- the grammar ---------------------------------------------------------------------------------------------------

    def _comparison(self) -> Node:
        start = self._at
        left = self._sum()
        match = self._take(_COMPARE)
        if match is None:
            return left
        right = self._sum()
        return Binary(match[0], left, right, self._made(start))

    def _sum(self) -> Node:
        start = self._at
        left = self._product()
        while (match := self._take(_SUM)) is not None:
            right = self._product()
            left = Binary(match[0], left, right, self._made(start))
        return left

    def _product(self) -> Node:
        start = self._at
        left = self._unary()
        while (match := self._take(_PRODUCT)) is not None:
            right = self._unary()
            left = Binary(match[0], left, right, self._made(start))
        return left

    def _unary(self) -> Node:
        start = self._at
        if not self._text.startswith("-", self._at):
            return self._primary()
        self._sign("-")
        self._deeper()
        of = self._unary()
        self._depth -= 1
        return Negative(of, self._made(start))

    def _primary(self) -> Node:
        start = self._at
        number = self._take(_NUMBER)
        if number is not None:
            return self._number(number, start)
        if self._text.startswith("(", self._at):
            self._sign("(")
            self._deeper()
            found = self._comparison()
            self._depth -= 1
            self._sign(")")
            return found
        if self._text.startswith("{", self._at):
            braced = self._take(_BRACED)
            if braced is None:
                raise FormulaError("brace", start)
            return TagName(braced[1].strip(), self._made(start))
        tag = self._take(_TAG)
        if tag is not None:
            return TagName(tag[0], self._made(start))
        word = self._take(_WORD)
        if word is not None:
            return self._call(word[0], start)
        if self._at < len(self._text) and self._text[self._at] == "*":
            raise FormulaError("pattern_place", self._at)
        if self._at < len(self._text) and self._text[self._at] not in ")<>=!*/;,+}":
            self._stray()
        self._missing("a number, tag or function")
        raise AssertionError("not reached")

    def _number(self, match: re.Match[str], start: int) -> Node:
        value = float(match[0])
        if not math.isfinite(value):
            raise FormulaError("number", start, len(match[0]), text=match[0][:20])
        at = self._at
        unit = self._take(_WORD)
        if unit is not None and not is_unit(unit[0]):
            raise FormulaError("unknown_unit", at, len(unit[0]), name=unit[0][:40])
        return Number(value, unit[0] if unit is not None else "", self._made(start))

    def _call(self, name: str, start: int) -> Node:
        if name not in FUNCTIONS:
            if not self._text.startswith("(", self._at):
                raise FormulaError("unknown_name", start, len(name), name=name[:40])
            near = difflib.get_close_matches(name[:40].lower(), FUNCTIONS, n=3, cutoff=0.4) or list(FUNCTIONS)
            raise FormulaError("unknown_function", start, len(name), name=name[:40], near=", ".join(near))
        self._sign("(")
        self._deeper()
        args = [self._argument(name, 0)]
        while self._text.startswith(";", self._at):
            self._sign(";")
            args.append(self._argument(name, len(args)))
        self._depth -= 1
        self._sign(")", "';' or ')'")
        fewest, most = FUNCTIONS[name]
        if not fewest <= len(args) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest}…{most}"
            raise FormulaError("arguments", start, len(name), name=name, wanted=wanted, count=len(args))
        return Call(name, tuple(args), self._made(start))

    def _argument(self, name: str, index: int) -> Node:
        start = self._at
        if name == "sum":
            found = self._take(_PATTERN)
            if found is not None and "*" in found[0]:
                return Pattern(found[0], self._made(start))
            self._at = start
            return self._comparison()
        if name == "unit" and index == 1:
            found = self._take(_UNIT)
            if found is None:
                self._missing("a unit")
            elif not is_unit(found[0]):
                raise FormulaError("unknown_unit", start, len(found[0]), name=found[0][:40])
            else:
                return UnitName(found[0], self._made(start))
        return self._comparison()
