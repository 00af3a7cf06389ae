"""Plug-ins of the invented shop: the shipped example really reads; the other does not load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import data_collection.mqtt.examples
from application.plugins import Plugins
from data_collection.mqtt.plugin_host import trial_of
from domain.plugin import PluginTrial
from domain.ports import Clock
from domain.stores import AuditStore

EXAMPLES = Path(data_collection.mqtt.examples.__file__).parent


async def _tried(_collector: str, name: str, message: Mapping[str, object] | None) -> PluginTrial:
    if name != "axis_loads":
        return PluginTrial("", {}, (), "does not load: SyntaxError: invalid syntax (line 3)")
    return await trial_of(EXAMPLES / f"{name}.py", message)


def fake_plugins(clock: Clock, audit: AuditStore) -> Plugins:
    return Plugins(_tried, audit, clock)
