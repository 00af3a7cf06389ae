"""Where a point of an MQTT device lies."""

from __future__ import annotations

import re
from typing import Final

from config.fields import Fields, shown
from domain.places.mqtt import MqttPlace
from domain.quantity import Quantity

_PATH: Final = re.compile(r'\$?(\.?[^.\[\]"]+|\[-?\d{1,6}\]|\["[^"]*"\])*\Z')
_FILTER: Final = re.compile(r"[^#+\0]*(?:(?:(?<![^/])\+(?![^/]))[^#+\0]*)*(?:(?<![^/])#)?\Z")


def read(fields: Fields, _quantity: Quantity) -> MqttPlace:
    """The place of one point."""
    path, time = _path(fields, "path"), _path(fields, "time")
    topic = fields.text("topic", longest=1000)
    if topic is not None and not _FILTER.match(topic):
        fields.problem("topic", f"is {shown(topic)}", "a topic filter such as sensor/{cnc_id}/power; +, # alone in a level")
    metric = fields.text("metric", longest=1000)
    by_plugin = fields.flag("by_plugin")
    given = [name for name in ("path", "metric", "by_plugin") if fields.has(name)]
    if len(given) > 1:
        fields.problem(given[1], f"stands beside {given[0]}", "one of path, metric, by_plugin")
    if not given and topic is None:
        expected = "path: payload.spindle.speed, or metric, or by_plugin: true"
        fields.problem("path", "is missing: nothing says where the value lies", expected)
    return MqttPlace(path or "", topic, time, metric, by_plugin)


def _path(fields: Fields, name: str) -> str | None:
    value = fields.text(name, longest=1000)
    if value is not None and not _PATH.match(value):
        fields.problem(name, f"is {shown(value)}", 'a path such as payload.axes[0].load or payload["a.b"]; $ is all of it')
    return value
