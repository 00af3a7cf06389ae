"""Trying a plug-in: by administrators only, with a message that is one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from application.plugins import MOST_CHARACTERS, Plugins
from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden
from domain.plugin import PluginTrial
from tests.conftest import FakeClock
from tests.web_interface.memory_stores import MemoryAudit

ADMIN, ENGINEER = Actor("anna", Role.ADMIN, "test"), Actor("egor", Role.ENGINEER, "test")


async def test_only_an_administrator_tries_and_only_with_a_message() -> None:
    asked = list[tuple[str, str, Mapping[str, object] | None]]()
    audit = MemoryAudit()

    async def try_it(collector: str, name: str, message: Mapping[str, object] | None) -> PluginTrial:
        asked.append((collector, name, message))
        return PluginTrial("Kind", message or {}, ())

    plugins = Plugins(try_it, audit, FakeClock())
    with pytest.raises(Forbidden):
        await plugins.trial("c1", "mills", "", ENGINEER)
    assert [(entry.action, entry.actor) for entry in await audit.entries(5)] == [("refused", "egor")]
    for wrong in ("nonsense", "[1]", "{}", "1", "[" * 100_000, '{"a": "' + "x" * MOST_CHARACTERS + '"}', "NaN"):
        with pytest.raises(ConfigError, match="message: is"):
            await plugins.trial("c1", "mills", wrong, ADMIN)
    await plugins.trial("c1", "mills", "  ", ADMIN)
    await plugins.trial("c1", "mills", '{"cnc_id": "DMU-1"}', ADMIN)
    assert asked == [("c1", "mills", None), ("c1", "mills", {"cnc_id": "DMU-1"})]
