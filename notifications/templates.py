"""Texts of messages: templates with named places, filled in without any evaluation, escaped for where they go. Pure.

A place is `{name}`; unknown ones are refused when a template is saved. Values never bring line breaks into a subject (a mail
header), nor markup into HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Protocol

from domain.alert import Alert
from domain.errors import ConfigError
from domain.notification import Channel, Event, Message, Notice
from notifications.choose import most_urgent

PLACES = frozenset(
    {"site", "subject", "sentence", "priority", "event", "time", "machine", "tag", "value", "limit", "note", "link", "n"}
)
TEMPLATE_NAMES = ("subject", "body", "digest_subject", "digest_line")
LONGEST_SUBJECT, LONGEST_TEMPLATE = 200, 2000
MOST_LINES = 50
_PLACE = re.compile(r"\{([a-z_]+)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Templates:
    """Of one language and channel; the digest's subject counts with {n}."""

    subject: str
    body: str
    digest_subject: str
    digest_line: str


class Words(Protocol):
    """How alerts are told in one language: the pages' own sentences."""

    def sentence(self, alert: Alert) -> str: ...
    def subject(self, alert: Alert) -> str: ...
    def priority(self, alert: Alert) -> str: ...
    def event(self, event: Event) -> str: ...
    def moment(self, time_us: int) -> str: ...
    def value(self, alert: Alert) -> str: ...
    def limit(self, alert: Alert) -> str: ...
    def more(self, n: int) -> str:
        """"... and n more: see the list of alerts"."""
        ...

    @property
    def site(self) -> str: ...
    @property
    def templates(self) -> Templates: ...


def check_template(text: str, field: str) -> str:
    """The template as it is kept. Raises ConfigError that names the field and the place that is unknown."""
    if len(text) > LONGEST_TEMPLATE:
        raise ConfigError(f"{field}: is longer than {LONGEST_TEMPLATE} characters")
    unknown = [name for name in _PLACE.findall(text) if name not in PLACES]
    if unknown:
        places = ", ".join(f"{{{place}}}" for place in sorted(PLACES))
        raise ConfigError(f"{field}: there is no place {{{unknown[0]}}}; expected {places}")
    rest = _PLACE.sub("", text)
    if "{" in rest or "}" in rest:
        raise ConfigError(f"{field}: a brace stands alone; a place is written {{machine}}")
    return text


def templates_of(channel: Channel, language: str, shipped: Templates) -> Templates:
    """The channel's own texts of that language where it has some (settings: templates, language, name), else the shipped."""
    own = channel.settings.get("templates")
    texts = own.get(language) if isinstance(own, Mapping) else None
    if not isinstance(texts, Mapping):
        return shipped
    return replace(shipped, **{name: str(texts[name]) for name in TEMPLATE_NAMES if texts.get(name)})


def check_templates(value: object) -> dict[str, dict[str, str]]:
    """Own texts as they are kept: language -> name -> text, empty ones left out. Raises ConfigError that names the field."""
    if not isinstance(value, Mapping):
        raise ConfigError("settings.templates: expected languages (ru, en) with their texts")
    found: dict[str, dict[str, str]] = {}
    for language, texts in value.items():
        if language not in {"ru", "en"} or not isinstance(texts, Mapping):
            raise ConfigError("settings.templates: expected languages (ru, en) with their texts")
        for name, text in texts.items():
            field = f"settings.templates.{language}.{name}"
            if name not in TEMPLATE_NAMES:
                raise ConfigError(f"{field}: is no text; expected {', '.join(TEMPLATE_NAMES)}")
            if str(text).strip():
                found.setdefault(str(language), {})[str(name)] = check_template(str(text), field)
    return found


def filled(template: str, values: Mapping[str, str]) -> str:
    """Every known place with its value; nothing in a value is looked at again."""
    return _PLACE.sub(lambda found: values.get(found[1], ""), template)


def one_line(text: str) -> str:
    """For a header: no line break, no control character, bounded."""
    return _CONTROL.sub(" ", text).strip()[:LONGEST_SUBJECT]


def message_of(notices: Sequence[Notice], message_id: str, words: Words, base_url: str, own: Templates | None = None) -> Message:
    """One notice as its own message, several as a list in which none is missing (beyond 50 lines: counted, with the link)."""
    first = notices[0]
    values = [_values(notice, words, base_url, len(notices)) for notice in notices]
    templates = words.templates if own is None else own
    priority = most_urgent(notices)
    if len(notices) == 1:
        subject, lines = filled(templates.subject, values[0]), filled(templates.body, values[0]).split("\n")
    else:
        subject = filled(templates.digest_subject, values[0])
        lines = [filled(templates.digest_line, each) for each in values[:MOST_LINES]]
        if len(values) > MOST_LINES:
            lines.append(words.more(len(values) - MOST_LINES))
    link = values[0]["link"] if len(notices) == 1 else f"{base_url}/alerts" if base_url else ""
    if link and not any(link in line for line in lines):
        lines.append(link)
    text = "\n".join(lines)
    facts = {"id": message_id, "site": words.site, "items": [_facts(notice, words) for notice in notices]}
    return Message(message_id, first.address, one_line(subject), text, _html(one_line(subject), lines, link), priority, facts)


def _values(notice: Notice, words: Words, base_url: str, n: int) -> dict[str, str]:
    alert = notice.alert
    link = f"{base_url}/alerts" + (f"?alert={alert.id}" if alert.id else "") if base_url else ""
    return {
        "site": words.site, "subject": words.subject(alert), "sentence": words.sentence(alert), "priority": words.priority(alert),
        "event": words.event(notice.event), "time": words.moment(notice.event_us), "machine": alert.machine_id or "",
        "tag": alert.tag or "", "value": words.value(alert), "limit": words.limit(alert), "note": alert.note or "", "link": link,
        "n": str(n),
    }


def _facts(notice: Notice, words: Words) -> dict[str, object]:
    """For programs: stable names, numbers as numbers, times as UTC microseconds."""
    alert = notice.alert
    return {
        "key": notice.key, "event": notice.event.value, "event_time_us": notice.event_us, "alert_id": alert.id or None,
        "alert_key": alert.key, "rule": alert.rule, "priority": alert.priority.value, "state": alert.state.value,
        "machine": alert.machine_id, "device": alert.device_id, "tag": alert.tag, "value": alert.value, "limit": alert.limit,
        "unit": alert.unit, "raised_time_us": alert.raised_us, "sentence": words.sentence(alert), "subject": words.subject(alert),
    }


def _html(subject: str, lines: Sequence[str], link: str) -> str:
    """The same text as a small HTML page: every value escaped, a link only to ourselves."""
    rows = []
    for line in lines:
        if link and line == link:
            rows.append(f'<p><a href="{escape(link, quote=True)}">{escape(link)}</a></p>')
        else:
            rows.append(f"<p>{escape(line)}</p>" if line.strip() else "")
    head = f'<head><meta charset="utf-8"><title>{escape(subject)}</title></head>'
    return f"<!doctype html><html>{head}<body>{''.join(rows)}</body></html>"
