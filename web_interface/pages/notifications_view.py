"""Channels, outbox and subscriptions as rows and form fields. Pure: domain things in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any

from domain.alert import Priority
from domain.errors import ConfigError
from domain.notification import Channel, ChannelHealth, ChannelKind, Event, Notice, QuietHours, Subscription
from domain.plant import Plant
from web_interface.components.marks import priority_name
from web_interface.format import MISSING, Format
from web_interface.locale import has, t
from web_interface.pages.admin_form import NONE, Field
from web_interface.texts import alert_sentence, alert_subject

Data = dict[str, Any]
PICKED = (Event.RAISED, Event.RETURNED, Event.ACKNOWLEDGED)  # escalations always reach whom they name


def failure_words(error: str, lang: str) -> str:
    """"connect: host:25" in plain words; the second layer stays in brackets."""
    kind, _, detail = error.partition(": ")
    key = f"notify.failed.{kind}"
    return t(key, lang, detail=detail or MISSING) if has(key, lang) else error


# -- channels ----------------------------------------------------------------------------------------------------------------


def channel_columns(lang: str) -> list[Data]:
    """Of the table of channels."""
    return [
        {"key": "name", "name": t("admin.field.name", lang), "align": "left", "grow": True},
        {"key": "state", "name": t("notify.col.state", lang), "align": "left", "sort": False},
        {"key": "success", "name": t("notify.col.success", lang), "align": "left"},
        {"key": "waiting", "name": t("notify.col.waiting", lang), "align": "right"},
        {"key": "do", "name": "", "align": "right", "sort": False},
    ]


def channel_row(channel: Channel, health: ChannelHealth | None, fmt: Format, now_us: int) -> Data:
    """How it does, in words; what to press."""
    lang, last = fmt.lang, health.last_success_us if health is not None else None
    failing = health is not None and health.next_attempt_us is not None
    words = t("notify.state.new" if last is None else "notify.state.works", lang)
    state: Data = {"text": words, "icon": "schedule" if last is None else "check_circle", "tone": "quiet"}
    if not channel.enabled:
        state = {"text": t("notify.state.off", lang), "icon": "pause_circle", "tone": "quiet"}
    elif failing and health is not None and health.next_attempt_us is not None:
        when = t("notify.state.failing", lang, when=fmt.clock(health.next_attempt_us, seconds=True))
        state = {"text": when, "sub": failure_words(health.last_error, lang), "icon": "error", "tone": "alarm"}
    actions = [{"name": name, "text": t(f"notify.action.{name}", lang)} for name in ("test", "edit", "delete")]
    return {
        "id": channel.id,
        "muted": not channel.enabled,
        "cells": {
            "name": {"text": channel.name, "bold": True, "sub": t(f"notify.kind.{channel.kind.value}", lang)},
            "state": state,
            "success": {"text": MISSING if last is None else fmt.moment(last, now_us), "sort": last or 0},
            "waiting": {"text": fmt.number(health.waiting if health is not None else 0, 0)},
            "do": {"text": "", "actions": actions},
        },
    }


def channel_fields(kind: ChannelKind, lang: str) -> list[Field]:
    """The form of one kind."""
    allow = Field("allow", "list", t("notify.field.allow", lang), hint=t("notify.hint.allow", lang))
    by_kind = {
        ChannelKind.EMAIL: [
            Field("host", "text", t("notify.field.host", lang), hint=t("notify.hint.host", lang), mono=True),
            Field("port", "whole", t("notify.field.port", lang), default=587),
            Field("security", "choice", t("notify.field.security", lang), default="starttls",
                  options={name: t(f"notify.security.{name}", lang) for name in ("starttls", "tls", "none")}),
            Field("user", "text", t("notify.field.user", lang)),
            Field("sender", "text", t("notify.field.sender", lang), hint=t("notify.hint.address.email", lang)),
        ],
        ChannelKind.TELEGRAM: [
            Field("base_url", "text", t("notify.field.base_url", lang), hint=t("notify.hint.base_url", lang), mono=True),
        ],
        ChannelKind.WEBHOOK: [
            Field("url", "text", t("notify.field.url", lang), hint=t("notify.hint.url", lang), required=True, mono=True),
        ],
        ChannelKind.APPRISE: [],
    }  # fmt: skip
    hint = t("notify.hint.apprise" if kind is ChannelKind.APPRISE else "notify.hint.secret", lang)
    return [
        Field("name", "text", t("admin.field.name", lang), required=True),
        Field("enabled", "switch", t("notify.field.enabled", lang), default=True, required=True),
        *by_kind[kind],
        Field("secret", "secret", t(f"notify.field.secret.{kind.value}", lang), hint=hint),
        allow,
    ]


def channel_values(channel: Channel) -> Data:
    """For its form."""
    return {"name": channel.name, "enabled": channel.enabled, **channel.settings}


def channel_of(channel: Channel, values: Mapping[str, object]) -> tuple[Channel, str | None]:
    """From its form: the channel and its new secret (None: the old one stays). Own texts of messages stay."""
    rest = {name: value for name, value in values.items() if name not in {"name", "enabled", "secret"}}
    if "templates" in channel.settings:
        rest["templates"] = channel.settings["templates"]
    secret = values.get("secret")
    made = Channel(channel.id, channel.kind, str(values.get("name", "")), bool(values.get("enabled", True)), rest)
    return made, None if secret is None else str(secret)


# -- outbox ------------------------------------------------------------------------------------------------------------------


def outbox_columns(lang: str) -> list[Data]:
    """Of the table of what is on its way."""
    names = ("when", "who", "channel", "what", "state", "tries")
    columns: list[Data] = [{"key": name, "name": t(f"notify.col.{name}", lang), "align": "left"} for name in names]
    columns[3]["grow"] = True
    columns[5]["align"] = "right"
    return [*columns, {"key": "do", "name": "", "align": "right", "sort": False}]


def outbox_row(
    notice: Notice, channels: Mapping[int, Channel], users: Mapping[int, str], plant: Plant, fmt: Format, now_us: int
) -> Data:
    """One notice with why it is not delivered."""
    lang, state = fmt.lang, notice.state.value
    bad = state == "failed"
    open_ = state in {"waiting", "failed"}
    channel = channels.get(notice.channel_id)
    look = {"icon": "error", "tone": "alarm"} if bad else {"icon": "schedule", "tone": "quiet"}
    cell: Data = {"text": t(f"notify.outbox.{state}", lang), **look}
    if notice.last_error:
        cell["sub"] = failure_words(notice.last_error, lang)
    names = ("retry", "discard")
    return {
        "id": notice.id,
        "cells": {
            "when": {"text": fmt.moment(notice.event_us, now_us), "sort": notice.event_us},
            "who": {"text": users.get(notice.user_id, MISSING), "sub": notice.address},
            "channel": {"text": channel.name if channel is not None else MISSING},
            "what": {"text": alert_subject(notice.alert, plant, lang), "sub": alert_sentence(notice.alert, fmt)},
            "state": cell,
            "tries": {"text": fmt.number(notice.tries, 0)},
            "do": {"text": "", "actions": [{"name": n, "text": t(f"notify.outbox.{n}", lang)} for n in names] if open_ else []},
        },
    }


# -- subscriptions -----------------------------------------------------------------------------------------------------------


def subscription_columns(lang: str) -> list[Data]:
    """Of the table of what one gets."""
    return [
        {"key": "channel", "name": t("notify.channel", lang), "align": "left"},
        {"key": "what", "name": t("notify.mine.what", lang), "align": "left", "grow": True},
        {"key": "when", "name": t("notify.mine.when", lang), "align": "left"},
        {"key": "do", "name": "", "align": "right", "sort": False},
    ]


def subscription_row(s: Subscription, channels: Mapping[int, Channel], plant: Plant, lang: str) -> Data:
    """What it is about and when it comes, in words."""
    names = {machine.id: machine.name for machine in plant.machines}
    scope = [*s.sections, *(names.get(machine, machine) for machine in s.machines)]
    about = ", ".join(scope) or t("notify.mine.everything", lang)
    events = [t(f"notify.event.{event.value}.pick", lang) for event in PICKED if event in s.events]
    when = [t("notify.mine.digested", lang, n=s.digest_min) if s.digest_min else t("notify.mine.at_once", lang)]
    if s.quiet is not None:
        when.append(t("notify.mine.quiet_words", lang, start=s.quiet.start.strftime("%H:%M"), end=s.quiet.end.strftime("%H:%M")))
    if not s.enabled:
        when = [t("notify.mine.off", lang)]
    channel = channels.get(s.channel_id)
    return {
        "id": s.id,
        "muted": not s.enabled,
        "cells": {
            "channel": {"text": channel.name if channel is not None else MISSING, "bold": True, "sub": s.address},
            "what": {
                "text": f"{t('notify.mine.priority', lang)}: {priority_name(s.min_priority, lang)} · {about}",
                "sub": ", ".join(events),
            },
            "when": {"text": ", ".join(when)},
            "do": {"text": "", "actions": [
                {"name": "edit", "text": t("notify.action.edit", lang)}, {"name": "end", "text": t("notify.mine.end", lang)},
            ]},
        },
    }  # fmt: skip


def subscription_fields(kind: ChannelKind, plant: Plant, lang: str) -> list[Field]:
    """Of one's own subscription on a channel of that kind."""
    priorities = {priority.value: priority_name(priority, lang) for priority in Priority}
    everything = {NONE: t("notify.mine.everything", lang)}
    sections = everything | {m.section: m.section for m in plant.machines if m.section}
    machines = everything | {m.id: m.name for m in plant.machines}
    fields = [
        Field("enabled", "switch", t("notify.field.enabled", lang), default=True, required=True),
        Field("min_priority", "choice", t("notify.mine.priority", lang), options=priorities, required=True),
        *(Field(f"on_{e.value}", "switch", t(f"notify.event.{e.value}.pick", lang), required=True) for e in PICKED),
        Field("section", "choice", t("notify.mine.sections", lang), options=sections),
        Field("machine", "choice", t("notify.mine.machines", lang), options=machines, search=True),
        Field("quiet_from", "text", t("notify.mine.quiet_from", lang), hint=t("notify.hint.quiet", lang)),
        Field("quiet_to", "text", t("notify.mine.quiet_to", lang), hint=t("notify.hint.quiet", lang)),
        Field("passes", "choice", t("notify.mine.passes", lang), options=priorities, default=Priority.CRITICAL.value),
        Field("digest_min", "whole", t("notify.mine.digest", lang), default=0, hint=t("notify.hint.digest", lang)),
    ]
    if kind.needs_address:
        hint = t(f"notify.hint.address.{kind.value}", lang)
        fields.insert(0, Field("address", "text", t("notify.mine.address", lang), required=True, hint=hint))
    return fields


def subscription_values(s: Subscription) -> Data:
    """For its form."""
    quiet = s.quiet
    return {
        "address": s.address, "enabled": s.enabled, "min_priority": s.min_priority.value, "digest_min": s.digest_min,
        **{f"on_{event.value}": event in s.events for event in PICKED},
        "section": s.sections[0] if s.sections else NONE, "machine": s.machines[0] if s.machines else NONE,
        "quiet_from": quiet.start.strftime("%H:%M") if quiet else "", "quiet_to": quiet.end.strftime("%H:%M") if quiet else "",
        "passes": quiet.passes.value if quiet else Priority.CRITICAL.value,
    }  # fmt: skip


def subscription_of(s: Subscription, values: Mapping[str, object]) -> Subscription:
    """From its form. Raises ConfigError that names the field."""
    quiet = None
    if values.get("quiet_from") or values.get("quiet_to"):
        begin, end = _clock(values, "quiet_from"), _clock(values, "quiet_to")
        quiet = QuietHours(begin, end, Priority(str(values.get("passes", Priority.CRITICAL.value))))
    events = {event for event in PICKED if values.get(f"on_{event.value}")} | {Event.ESCALATED}
    return Subscription(
        s.id, s.user_id, s.channel_id, str(values.get("address", "")), bool(values.get("enabled", True)),
        Priority(str(values["min_priority"])), frozenset(events), _some(values.get("section")),
        _some(values.get("machine")), s.rules, quiet, int(str(values.get("digest_min") or 0)),
    )  # fmt: skip


def _some(value: object) -> tuple[str, ...]:
    return (str(value),) if value else ()


def _clock(values: Mapping[str, object], name: str) -> time:
    try:
        return time.fromisoformat(str(values.get(name, "")))
    except ValueError:
        raise ConfigError(f'{name}: expected "HH:MM"') from None


def by_id(channels: Sequence[Channel]) -> dict[int, Channel]:
    """For look-ups."""
    return {channel.id: channel for channel in channels}
