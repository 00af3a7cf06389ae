"""Where a point of an MQTT device lies."""

from __future__ import annotations

from dataclasses import dataclass

from domain.places import Place


@dataclass(frozen=True, slots=True)
class MqttPlace(Place):
    """`path`: of the value inside a JSON payload (`payload.axes[0].load`); empty or `$` is the payload itself.

    `topic`: a filter of its own, where the device's does not suit; `time`: path of a time stamp of its own. `metric`: name of a
    Sparkplug metric. `by_plugin`: the device's plug-in gives it, by its tag.
    """

    path: str = ""
    topic: str | None = None
    time: str | None = None
    metric: str | None = None
    by_plugin: bool = False

    @property
    def shown(self) -> str:
        if self.by_plugin:
            return "plug-in"
        return self.metric or self.path or "$"
