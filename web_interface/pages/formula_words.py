"""What is wrong with a formula, in the user's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from domain.formula.errors import SENTENCES
from domain.virtual import FormulaProblem
from web_interface.locale import has, t

_WANTED = {"a number, tag or function": "value", "a unit": "unit", "';' or ')'": "argument"}
_PLACED = re.compile(r"(?P<words>.+?) \(at character (?P<at>\d+)\)(?:\n(?P<caret>.*))?", re.DOTALL)
_FIELD = re.compile(r"\{(\w+)(?:![rs])?\}")


def problem_words(problem: FormulaProblem, lang: str) -> str:
    """One problem of a draft; its own sentence where the catalogues have none."""
    return _worded(problem.code, problem.params, lang) or problem.sentence


def placed_words(text: str, lang: str) -> str:
    """A sentence as the configuration says it, with its place; "" when it is none about a formula."""
    placed = _PLACED.fullmatch(text)
    if placed is None:
        return ""
    for code, pattern in _patterns().items():
        found = pattern.fullmatch(placed["words"])
        if found is not None:
            words = _worded(code, {name: value.strip("'\"") for name, value in found.groupdict().items()}, lang)
            return t("formula.placed", lang, words=words, at=placed["at"]) if words else ""
    return ""


def _worded(code: str, params: Mapping[str, object], lang: str) -> str:
    if not code or not has(f"formula.{code}", lang):
        return ""
    values = {name: str(value) for name, value in params.items()}
    if code in {"expected", "end"}:
        key = _WANTED.get(values["wanted"])
        values["wanted"] = t(f"formula.wanted.{key}", lang) if key else values["wanted"]
    return t(f"formula.{code}", lang, **values)


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    """The sentences of the formulas as patterns: groups are their parameters."""
    return {code: re.compile(_pattern(template), re.DOTALL) for code, template in SENTENCES.items()}


def _pattern(template: str) -> str:
    parts, at = [], 0
    for found in _FIELD.finditer(template):
        parts += [re.escape(template[at : found.start()]), f"(?P<{found[1]}>.*)"]
        at = found.end()
    return "".join(parts) + re.escape(template[at:])
