"""Changes of the plant in the user's words: entries with their fields, values as people read them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.plant_version import ChangeKind, EntryChange, FieldChange
from web_interface.locale import has, t
from web_interface.pages.admin_words import label_of

LONGEST_VALUE = 120
SHOWN_FIELDS = 3  # in a line of the list


@dataclass(frozen=True, slots=True)
class FieldWords:
    """`label`: what people call the field, its place when it has no name; `place` where it stands in the entry."""

    label: str
    place: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class EntryWords:
    """`head`: "Станок «16К20 №1»"; `code`: its id in the plant file; `kind`: added | removed | changed."""

    head: str
    code: str
    kind: str
    kind_words: str
    fields: tuple[FieldWords, ...]


def entry_words(changes: Sequence[EntryChange], lang: str) -> Sequence[EntryWords]:
    """One an entry, in their order."""
    return [
        EntryWords(
            _head(change, lang), change.entry if change.title else "", change.kind.value,
            t(f"history.kind.{change.kind.value}", lang), tuple(_field(field, lang) for field in change.fields),
        )
        for change in changes
    ]


def summary(changes: Sequence[EntryChange], lang: str) -> list[list[str]]:
    """The changes in one line: parts [text, class] for a table; more than one entry is counted."""
    if not changes:
        return [[t("history.same", lang), "em-quiet"]]
    first, *others = changes
    parts = [[f"{_head(first, lang)}: ", ""]]
    if first.kind is ChangeKind.CHANGED:
        parts += field_parts(first, lang)
    else:
        parts.append([t(f"history.kind.{first.kind.value}", lang), "em-quiet"])
    if others:
        parts.append([" " + t("history.more", lang, n=len(others)), "em-quiet"])
    return parts


def field_parts(change: EntryChange, lang: str) -> list[list[str]]:
    """The fields of one entry: before and after, or only what there is of one that came or went."""
    parts: list[list[str]] = []
    for number, field in enumerate(change.fields[:SHOWN_FIELDS]):
        words = _field(field, lang)
        said = {ChangeKind.ADDED: words.new, ChangeKind.REMOVED: words.old}.get(change.kind, f"{words.old} → {words.new}")
        parts += [[f"{', ' if number else ''}{words.label + ' ' if field.field else ''}", "em-quiet"], [said, ""]]
    if len(change.fields) > SHOWN_FIELDS:
        parts.append([", …", "em-quiet"])
    return parts


def value_words(value: object, lang: str) -> str:
    """A value of a plant file: yes and no, the language's decimal sign, lists by commas; nothing is a dash."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return t("history.yes" if value else "history.no", lang)
    if isinstance(value, float | int):
        text = f"{value:g}" if isinstance(value, float) and abs(value) < 1e15 else str(value)
        return text.replace(".", ",") if lang == "ru" else text
    if isinstance(value, list) and all(not isinstance(item, list | Mapping) for item in value):
        return _short(", ".join(value_words(item, lang) for item in value))
    if isinstance(value, Mapping):
        return _short(_group_words(value, lang))
    if isinstance(value, list):
        return _short("; ".join(value_words(item, lang) for item in value))
    return _short(str(value))


def _group_words(value: Mapping[Any, object], lang: str) -> str:
    """Fields by name; a span of time as it is written."""
    span = ("from", "to") if {"from", "to"} <= value.keys() else ()
    words = [f"{value_words(value['from'], lang)}–{value_words(value['to'], lang)}"] if span else []
    words += [f"{label_of(str(k), lang) or k}: {value_words(item, lang)}" for k, item in value.items() if k not in span]
    return ", ".join(words)


def yaml_parts(lines: Sequence[str], most: int) -> Sequence[tuple[str, str]]:
    """Neighbouring lines of a unified diff of one kind as (kind, text): add | remove | place | same; at most `most` lines."""
    kinds = {"+": "add", "-": "remove", "@": "place"}
    parts: list[tuple[str, list[str]]] = []
    for line in lines[:most]:
        kind = kinds.get(line[:1], "same")
        text = "···" if kind == "place" else f"{line[:1]} {line[1:]}"
        if parts and parts[-1][0] == kind:
            parts[-1][1].append(text)
        else:
            parts.append((kind, [text]))
    return [(kind, "\n".join(texts)) for kind, texts in parts]


def _head(change: EntryChange, lang: str) -> str:
    key = f"history.section.{change.section}" + (".one" if change.entry else "")
    what = t(key, lang) if has(key, lang) else label_of(change.section, lang)
    name = change.title or change.entry
    return t("history.named", lang, what=what, name=name) if name and what else what or name or change.section


def _field(change: FieldChange, lang: str) -> FieldWords:
    label = label_of(change.field, lang) or change.field or "—"
    return FieldWords(label, change.field, value_words(change.old, lang), value_words(change.new, lang))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
