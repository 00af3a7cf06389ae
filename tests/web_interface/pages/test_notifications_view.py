"""Channels and subscriptions as rows and forms."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from domain.alert import Priority
from domain.errors import ConfigError
from domain.notification import Channel, ChannelHealth, ChannelKind, Event, Subscription
from domain.plant import Machine, Plant, Site
from web_interface.format import Format
from web_interface.pages import notifications_view as view

RU, EN = (Format(lang, ZoneInfo("Europe/Moscow")) for lang in ("ru", "en"))
PLANT = Plant(Site("Shop"), machines=(Machine("lathe-1", "16К20", "Токарный", "m1"),))
T = 1_763_548_800_000_000


def test_a_failing_channel_says_why_and_when_it_is_tried_again() -> None:
    channel = Channel(1, ChannelKind.EMAIL, "Почта")
    row = view.channel_row(channel, ChannelHealth(1, 3, 0, T, T, "login: mail answered 535", T + 60_000_000), RU, T)
    assert row["cells"]["state"] == {
        "text": "Не отвечает, следующая попытка 13:41:00",
        "sub": "Вход отклонён: проверьте пользователя, пароль или токен (mail answered 535)", "icon": "error", "tone": "alarm",
    }  # fmt: skip
    assert row["cells"]["waiting"]["text"] == "3"
    assert view.channel_row(Channel(1, ChannelKind.EMAIL, "x", enabled=False), None, EN, T)["cells"]["state"]["text"] == "Off"
    assert view.failure_words("something new: x", "en") == "something new: x"


def test_a_form_gives_back_what_it_was_given_and_keeps_own_texts() -> None:
    settings = {"host": "mail", "port": 25, "templates": {"en": {"subject": "!"}}}
    channel = Channel(4, ChannelKind.EMAIL, "Mail", settings=settings)
    values = {k: v for k, v in view.channel_values(channel).items() if k != "templates"}
    assert view.channel_of(channel, values) == (channel, None)
    assert view.channel_of(channel, {**values, "secret": "s"})[1] == "s"
    for kind in ChannelKind:
        assert {f.name for f in view.channel_fields(kind, "ru")} >= {"name", "enabled", "secret", "allow"}


def test_a_subscription_survives_its_form_and_wrong_times_are_named() -> None:
    s = Subscription(2, 1, 4, "anna@example.org", min_priority=Priority.MEDIUM, sections=("Токарный",), machines=("lathe-1",))
    assert view.subscription_of(s, view.subscription_values(s)) == s
    quiet = {**view.subscription_values(s), "quiet_from": "22:00", "quiet_to": "25:00"}
    with pytest.raises(ConfigError, match="quiet_to"):
        view.subscription_of(s, quiet)
    assert Event.ESCALATED in view.subscription_of(s, {**view.subscription_values(s), "on_raised": False}).events
    row = view.subscription_row(s, {4: Channel(4, ChannelKind.EMAIL, "Mail")}, PLANT, "ru")
    assert row["cells"]["what"]["text"] == "От приоритета: Средняя · Токарный, 16К20"
    names = {f.name for f in view.subscription_fields(ChannelKind.WEBHOOK, PLANT, "en")}
    assert "address" not in names
