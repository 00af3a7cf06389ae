"""What is wrong with a formula: a stable code, the place, and the words; pages translate by the code."""

from __future__ import annotations

from collections.abc import Mapping

from domain.errors import ConfigError

SENTENCES: Mapping[str, str] = {
    "empty": "the formula is empty",
    "too_long": "the formula has {count} characters; at most {most} are taken",
    "too_deep": "brackets and functions are nested more than {most} deep",
    "too_many": "the formula has more than {most} parts",
    "too_many_patterns": "the formula has more than {most} patterns",
    "chain": "more than {most} virtual tags are built upon each other",
    "too_many_tags": "the formula reads {count} tags; at most {most} are taken",
    "character": "{character!r} does not belong in a formula",
    "comma": "',' is not taken: write 0.5 for a number and ';' between arguments",
    "expected": "{wanted} is expected here",
    "end": "the formula ends too early; {wanted} is expected",
    "left_over": "{text!r} is left over",
    "number": "{text} is too large a number",
    "brace": "the brace is not closed",
    "unknown_function": "there is no function {name!r}; nearest: {near}",
    "arguments": "{name} takes {wanted} arguments, not {count}",
    "unknown_tag": "there is no tag {name!r}; nearest: {near}",
    "unknown_name": "{name!r} is neither a tag (device.tag) nor a function",
    "unknown_unit": "there is no unit {name!r}",
    "no_match": "no tag fits {name!r}",
    "text_tag": "{name!r} is a text; a formula takes numbers",
    "cycle": "the formula leads back to itself: {chain}",
    "broken_reference": "the virtual tag {name!r} is wrong itself: {reason}",
    "units_differ": "{left} and {right} do not fit together; {operation} needs one unit",
    "unit_wanted": "{unit} is not a pure number here; {wanted} is expected",
    "sqrt_unit": "the root of {unit} is no unit",
    "comparison": "a comparison stands only as the condition of if",
    "condition": "if needs a comparison first, such as m1.active_power > 3 kW",
    "zero_division": "division by zero",
    "negative_root": "the root of a negative number",
    "window": "a time from {low} to {high} is expected, such as 5 min",
    "no_tags": "the formula reads no tag; it would never change",
    "result_unit": "the formula gives {found}, the tag has {wanted}",
    "counter": "{quantity} is a counter: only sums and differences of counters, times constants, stay one",
    "pattern_place": "a pattern such as *.active_power stands only in sum",
}


class FormulaError(ConfigError):
    """A formula that cannot be taken. `at`, `length`: the place in its text, counted in characters from 0."""

    def __init__(self, code: str, at: int = 0, length: int = 1, *, formula: str = "", **params: object) -> None:
        self.code, self.at, self.length, self.formula, self.params = code, at, max(1, length), formula, params
        super().__init__(f"{self.sentence} (at character {at + 1})")

    @property
    def sentence(self) -> str:
        """In English, without the place."""
        return SENTENCES[self.code].format(**self.params)

    def within(self, formula: str) -> FormulaError:
        """The same with the text it belongs to."""
        return FormulaError(self.code, self.at, self.length, formula=formula, **self.params)

    def caret(self, most: int = 100) -> str:
        """Two lines: the formula (its part around the place where it is long) and ^ below the place."""
        first = max(0, self.at - most // 2)
        shown = self.formula[first : first + most].replace("\n", " ").replace("\t", " ")
        marks = "^" * max(1, min(self.length, most - (self.at - first)))
        return f"{shown}\n{' ' * (self.at - first)}{marks}"
