"""Drafts of schedules judged. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from domain.errors import ConfigError
from domain.report import Draft, ReportSchedule
from reports.templates import FORMATS

FIELDS = ("template", "format", "delay_min", "enabled", "folder", "channel_id", "mail_to")
LONGEST_DELAY_MIN = 2880
MOST_MAILBOXES = 20


def with_changes(schedule: ReportSchedule, draft: Draft) -> ReportSchedule:
    """The schedule with the fields of `draft`. Raises ConfigError that names the field."""
    for name in draft:
        if name not in FIELDS:
            raise ConfigError(f"{str(name)[:40]!r} is unknown; expected one of {', '.join(FIELDS)}")
    made = replace(schedule, **{name: draft[name] for name in FIELDS if name in draft})  # type: ignore[arg-type]
    made = replace(made, mail_to=tuple(made.mail_to))
    if made.format not in FORMATS:
        raise ConfigError(f"format {str(made.format)[:40]!r}: expected one of {', '.join(FORMATS)}")
    if not isinstance(made.delay_min, int) or not 0 <= made.delay_min <= LONGEST_DELAY_MIN:
        raise ConfigError(f"delay_min: is {str(made.delay_min)[:40]}; expected 0 to {LONGEST_DELAY_MIN}")
    if len(made.folder) > 1000 or not all(c.isprintable() for c in made.folder):
        raise ConfigError("folder: is too long or has control characters; expected a folder of the server")
    if len(made.mail_to) > MOST_MAILBOXES:
        raise ConfigError(f"mail_to: has {len(made.mail_to)} entries; expected at most {MOST_MAILBOXES}")
    if made.mail_to and made.channel_id is None:
        raise ConfigError("channel_id: is missing; expected the mail channel that sends the report")
    return made


def said(schedule: ReportSchedule) -> str:
    """As JSON, for the audit."""
    return json.dumps(asdict(schedule), ensure_ascii=False)
