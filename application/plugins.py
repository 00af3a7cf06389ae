"""Trying a plug-in from the pages: with its own example or a message that was pasted, wherever the plug-in runs."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden
from domain.plugin import PluginTrial
from domain.ports import Clock
from domain.stores import AuditStore

MOST_CHARACTERS: Final = 60_000
Try = Callable[[str, str, Mapping[str, object] | None], Awaitable[PluginTrial]]
"""(collector, plug-in, message)."""


class Plugins:
    """Implements domain.plugin.PluginTrials."""

    def __init__(self, try_it: Try, audit: AuditStore, clock: Clock) -> None:
        self._try, self._audit, self._clock = try_it, audit, clock

    async def trial(self, collector: str, name: str, message: str, actor: Actor) -> PluginTrial:
        """See PluginTrials."""
        if not actor.role.allows(Role.ADMIN):
            now_us = self._clock.now_us()
            await self._audit.append(now_us, actor.name, actor.source, "refused", f"plug-in {name}", result="failed")
            raise Forbidden("trying a plug-in needs the role admin")
        return await self._try(collector, name, read_message(message) if message.strip() else None)


def read_message(text: str) -> Mapping[str, object]:
    """Raises ConfigError that names the field."""
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(f"message: is longer than {MOST_CHARACTERS} characters")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found:
        raise ConfigError('message: is no message; expected JSON such as {"cnc_id": "DMU-1", "payload": {}}')
    return found
