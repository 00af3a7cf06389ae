"""Secrets that were set in the pages lie sealed apart from the plant's document, each under the name of its entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

_SECTIONS: Final = (("line", "lines", "id"), ("device", "devices", "id"), ("camera", "inspections", "device"))


def secret_name(kind: str, entry_id: str) -> str:
    """`kind`: line, device or camera."""
    return f"{kind}:{entry_id}"


def secret_names(document: Mapping[str, object]) -> Iterator[str]:
    """The names under which the entries of a document may have one."""
    for kind, section, key in _SECTIONS:
        entries = document.get(section)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping):
                yield secret_name(kind, str(entry.get(key)))
