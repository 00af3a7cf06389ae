"""The settings of feeds and servers as the program runs with them, for administrators to look at."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from config.settings import Section, Settings, variable
from domain.access import Actor, Role
from domain.errors import Forbidden
from domain.feed_setting import FeedSetting, SettingValue

SHOWN: Final = ("kafka", "influxdb", "mqtt", "opcua_server", "modbus_server", "smtp")


class FeedSettings:
    """Implements domain.feed_setting.FeedSettingService. Settings change with a restart only, so one look is enough."""

    def __init__(self, settings: Settings) -> None:
        asked = settings.feeds_asked
        self._found = tuple(_feed(name, getattr(settings, name), on=name in asked) for name in SHOWN)

    def settings(self, actor: Actor) -> tuple[FeedSetting, ...]:
        """Raises Forbidden (below admin)."""
        if not actor.role.allows(Role.ADMIN):
            raise Forbidden("the settings of feeds need the role admin")
        return self._found


def _feed(name: str, section: Section, *, on: bool) -> FeedSetting:
    values = []
    for index, (field, info) in enumerate(type(section).model_fields.items()):
        value = getattr(section, field)
        secret = isinstance(value, SecretStr) or "SecretStr" in str(info.annotation)
        shown = "" if secret or value is None else _shown(value)
        values.append(SettingValue(variable(f"{name}.{field}"), shown, value != info.default, secret, index == 0))
    return FeedSetting(name, on, tuple(values))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return _without_password(str(value))


def _without_password(text: str) -> str:
    """A URL may hold one, whatever the checks of the settings say."""
    if "://" not in text or "@" not in text:
        return text
    parts = urlsplit(text)
    return urlunsplit(parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}"))
