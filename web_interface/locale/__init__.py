"""Message catalogues: gettext .po files, one folder a language, read as they are; message ids are stable keys.

A file holds the keys of one part of the interface (common.po, overview.po ...). A key stands in every language.
"""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)

LANGUAGES = ("ru", "en")
_FOLDER = Path(__file__).parent
_missing: set[tuple[str, str]] = set()


def plural_form(lang: str, n: float) -> int:
    """Index of the plural form for `n`: Russian has three (1, 2..4, 5..), a fraction takes the second; English two."""
    if lang != "ru":
        return 0 if n == 1 else 1
    if n != int(n):
        return 1
    last, two = abs(int(n)) % 10, abs(int(n)) % 100
    if last == 1 and two != 11:
        return 0
    return 1 if 2 <= last <= 4 and not 12 <= two <= 14 else 2


def read_po(text: str) -> Mapping[str, tuple[str, ...]]:
    """Messages of a .po file: key -> texts (one, or one a plural form). Raises ValueError with the line that makes no sense."""
    found: dict[str, tuple[str, ...]] = {}
    into = ""
    entries: dict[str, str] = {}

    def close() -> None:
        nonlocal entries
        key, forms = entries.get("msgid", ""), [v for k, v in sorted(entries.items()) if k.startswith("msgstr")]
        if key and forms:
            if key in found:
                raise ValueError(f"message {key!r} stands twice")
            found[key] = tuple(forms)
        entries = {}

    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("msg"):
            into, _, line = line.partition(" ")
            if into == "msgid":
                close()
            entries[into] = ""
        if not into or not (line.startswith('"') and line.endswith('"')):
            raise ValueError(f"line {number}: {raw!r} is not part of a message")
        entries[into] += ast.literal_eval(line)
    close()
    return found


@cache
def catalogue(lang: str) -> Mapping[str, tuple[str, ...]]:
    """All messages of a language. Raises ValueError naming file and key on a damaged file or a key in two files."""
    merged: dict[str, tuple[str, ...]] = {}
    for path in sorted((_FOLDER / lang).glob("*.po")):
        try:
            messages = read_po(path.read_text(encoding="utf-8"))
        except (ValueError, SyntaxError) as exc:
            raise ValueError(f"{lang}/{path.name}: {exc}") from exc
        if twice := merged.keys() & messages.keys():
            raise ValueError(f"{lang}/{path.name}: {', '.join(sorted(twice))} stands in another file too")
        merged.update(messages)
    return merged


def has(key: str, lang: str) -> bool:
    """Is there a text for `key`?"""
    return key in catalogue(lang)


def t(key: str, lang: str, /, **values: object) -> str:
    """The text of `key` in `lang`, with {names} replaced; `n` picks the plural form.

    An unknown key is its own text and is logged once.
    """
    forms = catalogue(lang if lang in LANGUAGES else "en").get(key)
    if forms is None:
        if (lang, key) not in _missing:
            _missing.add((lang, key))
            log.error("no text for %s in %s", key, lang)
        return key
    n = values.get("n")
    index = plural_form(lang, n) if len(forms) > 1 and isinstance(n, (int, float)) else 0
    return forms[index].format_map(values) if values else forms[index]


def keys_of(lang: str) -> Iterator[str]:
    """All keys of a language."""
    return iter(catalogue(lang))
