"""What the wizard shows: its steps, who answered a scan, and at which step's field an error belongs. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from domain.commissioning import Answer
from domain.profile import Profile
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages.admin_device_fields import profile_name
from web_interface.pages.admin_words import Trouble

STEPS: Final = ("line", "address", "profile", "read", "name", "done")
MOST = 247
_OF_MACHINE: Final = {"name": "machine_name", "section": "machine_section"}
_AT_NAME: Final = ("id", "scan_s", "machine")


def answer_columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the table of a scan."""
    return [
        {"key": "address", "name": t("admin.field.address", lang), "align": "right"},
        {"key": "profile", "name": t("wizard.col.recognised", lang), "align": "left", "grow": True, "sort": False},
        {"key": "answer", "name": t("wizard.col.answer", lang), "align": "left", "sort": False},
        {"key": "time", "name": t("wizard.col.time", lang), "align": "right"},
        {"key": "do", "name": "", "align": "right", "sort": False},
    ]


def answer_row(answer: Answer, profiles: Mapping[str, Profile], fmt: Format) -> dict[str, Any]:
    """One who answered. What stands in the plant already cannot be chosen again."""
    lang = fmt.lang
    known = next((profiles[name] for name in answer.profiles if name in profiles), None)
    named = profile_name(known, lang) if known is not None else t("wizard.unknown", lang)
    sub = t(f"wizard.protocol.{answer.protocol}", lang)
    if answer.device is not None:
        sub = t("wizard.taken", lang, id=answer.device)
    elif known is not None and not answer.told:
        sub = t("wizard.by_protocol", lang)
    take = {"name": "answer-take", "icon": "arrow_forward", "label": t("wizard.take", lang), "kind": "plain"}
    cells: dict[str, Any] = {
        "address": {"text": str(answer.address), "sort": answer.address, "bold": True},
        "profile": {"text": named, "sub": sub},
        "answer": {"text": answer.answer, "mono": True},
        "time": {"text": t("wizard.ms", lang, ms=fmt.number(answer.seconds * 1000, 0)), "sort": answer.seconds},
        "do": {"text": "", "actions": [] if answer.device is not None else [take]},
    }
    return {"id": answer.address, "cells": cells, "clickable": answer.device is None}


def placed(found: Sequence[Trouble], device_id: str, machine_id: str, line_id: str) -> list[tuple[str, Trouble]]:
    """Each error with the step that asks its field, the field named as that step's form names it."""
    return [_placed(trouble, device_id, machine_id, line_id) for trouble in found]


def _placed(trouble: Trouble, device_id: str, machine_id: str, line_id: str) -> tuple[str, Trouble]:
    within = re.fullmatch(r"(lines|devices|machines|limits)\[(.*?)\]\.?(.*)", trouble.place)
    if within is None:
        return "name", trouble
    section, entry, field = within.groups()
    if section == "devices" and entry == device_id:
        own = field == "address" or field.startswith("points")
        step = "address" if own else "line" if field == "line" else "name" if field in _AT_NAME else "profile"
        return step, replace(trouble, field=field)
    if section == "machines" and entry == machine_id:
        return "name", replace(trouble, field=_OF_MACHINE.get(field, field))
    if section == "lines" and entry == line_id:
        return "line", trouble
    return "name", replace(trouble, field=f"limit.{field}") if section == "limits" else trouble
