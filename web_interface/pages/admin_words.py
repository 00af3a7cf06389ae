"""What is wrong with an entry, in the user's language and at its field. Services say it in English, in known sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from domain.errors import MonitorError
from web_interface.locale import has, t
from web_interface.pages.expected_patterns import EXPECTED
from web_interface.pages.formula_words import placed_words
from web_interface.pages.place_patterns import PLACES, PLACES_EXPECTED
from web_interface.pages.plant_patterns import GENERAL, NAMES, PLANT, Patterns
from web_interface.pages.service_patterns import SERVICES

_SENTENCES: Patterns = (*PLACES, *PLANT, *SERVICES, *NAMES, *GENERAL)
_PLACE = r"[a-z][a-z_]*(?:\.[a-z_]+|\[\d+\])*"
_FIELD_FIRST = re.compile(
    rf"(?P<field>{_PLACE}|[a-z]+ name): (?P<rest>.+)|(?P<subject>[a-z]+(?:_[a-z]+)+) (?P<said>is .+)", re.DOTALL
)
_WANTED = re.compile("[;:] expected ")
_OBVIOUS = re.compile(r"a text|\w+: …")  # of a field that is not filled in


@dataclass(frozen=True, slots=True)
class Trouble:
    """One wrong thing. `field`: name of the form's field, "" for the whole; `place`, `line`: where in a file.

    `label`: what the field is called, "" for the whole or a field without a name of its own. `path`: the place for programs.
    """

    field: str
    words: str
    place: str = ""
    line: int | None = None
    label: str = ""
    path: tuple[str | int, ...] = ()


def sentence(text: str, lang: str) -> str:
    """A sentence of a service in the user's language, with what is expected; one that is not known stays as it is."""
    placed = placed_words(text, lang)
    if placed:
        return placed
    message, *rest = _WANTED.split(text, maxsplit=1)
    if not rest and message.startswith("expected "):
        return t("problem.expected", lang, rest=_wanted(message.removeprefix("expected "), lang))
    words = _worded(message, _SENTENCES, "problem", lang)
    return _joined(words, _wanted("".join(rest), lang), lang) if words else text


def said(exc: MonitorError, lang: str) -> str:
    """All that an error says in one line, each with the name of its field."""
    return "; ".join(f"{found.label}. {found.words}" if found.label else found.words for found in troubles(exc, lang))


def troubles(exc: MonitorError, lang: str, own: str = "") -> Sequence[Trouble]:
    """Everything an error says. `own` ("devices[m1]"): the entry whose fields the form shows; others keep their place."""
    problems = getattr(exc, "problems", None)
    if not problems:
        first = _FIELD_FIRST.fullmatch(str(exc))
        if first is None:
            return [Trouble("", sentence(str(exc), lang))]
        field = (first["field"] or first["subject"]).replace(" ", "_")
        return [Trouble(field, sentence(first["rest"] or first["said"], lang), label=label_of(field, lang))]
    return [_trouble(problem, lang, own) for problem in problems]


def label_of(field: str, lang: str) -> str:
    """What people call the field at the end of a place ("variables[0].base_c"); "" when it has no name."""
    key = f"admin.field.{field.rpartition('.')[2].partition('[')[0]}"
    return t(key, lang) if has(key, lang) else ""


def problem_words(message: str, expected: str, lang: str) -> str:
    """What is wrong, and what would be right."""
    return _joined(sentence(message, lang), _wanted(expected, lang), lang)


def _trouble(problem: object, lang: str, own: str) -> Trouble:
    """From an entry of `.problems`: line, field, message, expected, path."""
    message, expected = str(getattr(problem, "message", problem)), str(getattr(problem, "expected", ""))
    place = str(getattr(problem, "field", ""))
    path = tuple(getattr(problem, "path", ()))
    words = sentence(message, lang)
    if not (message == "is missing" and _OBVIOUS.fullmatch(expected)):
        words = _joined(words, _wanted(expected, lang), lang)
    inside = path[2:] if len(path) > 1 and isinstance(path[1], int) else path[1:]  # of an entry of a list, or of a section
    field = ".".join(str(step) for step in inside) if own and place.startswith(own) else ""
    label = label_of(path[-1], lang) if path and isinstance(path[-1], str) else ""
    return Trouble(field, words, place, getattr(problem, "line", None), label, path)


def _wanted(expected: str, lang: str) -> str:
    """What would be right; names and values stay as they are."""
    return _worded(expected, (*PLACES_EXPECTED, *EXPECTED), "expected", lang) or expected


def _joined(words: str, wanted: str, lang: str) -> str:
    return t("problem.and_expected", lang, words=words, expected=wanted) if wanted else words


def _worded(text: str, patterns: Patterns, prefix: str, lang: str) -> str:
    for pattern, key in patterns:
        found = re.fullmatch(pattern, text, re.DOTALL)
        if found is not None:
            values = {name: _value(name, value or "", lang) for name, value in found.groupdict().items()}
            return t(f"{prefix}.{key}", lang, **values)
    return ""


# -- values of the sentences -------------------------------------------------------------------------------------------------


def _value(name: str, value: str, lang: str) -> str:
    """A group of a pattern as the text shows it."""
    special = _SPECIAL.get(name)
    return special(value, lang) if special is not None else _number(value, lang)


def _number(text: str, lang: str) -> str:
    """A bare number with the decimal sign of the language; anything else as it is."""
    return text.replace(".", ",") if lang == "ru" and re.fullmatch(r"-?\d+\.\d+", text) else text


def _known(prefix: str) -> Callable[[str, str], str]:
    """A word that the catalogues may have under `prefix`."""

    def named(word: str, lang: str) -> str:
        key = f"{prefix}.{word}"
        return t(key, lang) if has(key, lang) else word

    return named


def _thing(what: str, lang: str) -> str:
    return _known("problem.what")(re.sub("[ -]", "_", what), lang)


def _when(moment: str, lang: str) -> str:
    """"mon 07:00" with the day of the language."""
    day, space, rest = moment.partition(" ")
    return _known("calendar.day")(day, lang) + space + rest


def _listed(words: str, lang: str) -> str:
    """Names with the conjunctions of the language between them."""
    either, both = t("problem.or", lang), t("problem.and", lang)
    return words.replace(" or ", f" {either} ").replace(" and ", f" {both} ")


def _needs(words: str, lang: str) -> str:
    """"alert_rules peak, plans 2" as the sections are called."""
    said = []
    for place in words.split(", "):
        section, _, name = place.partition(" ")
        key = f"history.section.{section}" + (".one" if name else "")
        what = t(key, lang) if has(key, lang) else section
        said.append(t("history.named", lang, what=what, name=name) if name else what)
    return ", ".join(said)


def _chain(words: str, _lang: str) -> str:
    return words.replace(" is fed by ", " ← ")


def _span(words: str, _lang: str) -> str:
    return words.replace(" to ", "–")


_SPECIAL: Mapping[str, Callable[[str, str], str]] = {
    "what": _thing, "field": _known("admin.field"), "when": _when, "words": _listed, "sample": _listed, "chain": _chain,
    "needs": _needs,
    "span": _span, "place": _span,
    "state": _known("admin.field"), "unit": _known("unit"), "kind": _known("problem.kind"), "quantity": _known("point"),
}  # fmt: skip
