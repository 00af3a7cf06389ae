"""The tables of the status page: lines, devices, tasks, plug-ins and cameras, as plain data."""

from __future__ import annotations

from typing import Any

from domain.health import DeviceStatus, LineStatus
from domain.plugin import PluginStatus
from web_interface.format import MISSING
from web_interface.pages.camera_rows import camera_columns, camera_rows
from web_interface.pages.status_look import Rows, StatusLook


class StatusTables:
    """One of them at a time is shown."""

    def __init__(self, look: StatusLook, *, may_try: bool) -> None:
        self._look, self._status, self._fmt, self._now_us, self.t = look, look.status, look.fmt, look.now_us, look.t
        self._may_try = may_try

    def modes(self) -> dict[str, str]:
        """The tables with their counts; those of plug-ins and cameras where there are any."""
        status = self._status
        return {
            "lines": self.t("status.mode.lines", n=len(status.lines())),
            "devices": self.t("status.mode.devices", n=len(status.devices())),
            "tasks": self.t("status.mode.tasks", n=len(status.tasks())),
            **({"plugins": self.t("status.mode.plugins", n=len(plugins))} if (plugins := status.plugins()) else {}),
            **({"cameras": self.t("status.mode.cameras", n=len(cameras))} if (cameras := self._look.plant.cameras) else {}),
        }

    def table(self, mode: str) -> tuple[Rows, Rows]:
        """Columns and rows of one of the tables."""
        tables = {
            "lines": self._lines, "devices": self._devices, "tasks": self._tasks, "plugins": self._plugins,
            "cameras": self._camera_table,
        }  # fmt: skip
        return tables[mode]()

    def _lines(self) -> tuple[Rows, Rows]:
        columns = [
            self._look.column("line"),
            self._look.column("link", grow=True),
            self._look.column("state"),
            self._look.column("devices", "right"),
            self._look.column("latency", "right"),
            self._look.column("load"),
            self._look.column("cycle", "right"),
            self._look.column("errors", "right"),
        ]
        return columns, [self._line(line) for line in self._status.lines()]

    def _line(self, line: LineStatus) -> dict[str, Any]:
        fmt = self._fmt
        load = round(line.load * 100) if line.load is not None else None
        key = f"transport.{line.transport}"
        cycle = line.cycle_measured_s if line.cycle_measured_s is not None else line.cycle_calculated_s
        cells: dict[str, Any] = {
            "line": {"text": line.line_id, "bold": True},
            "link": {"parts": [[self.t(key) + " ", ""], [line.target, "em-quiet"]]},
            "state": self._look.state(line.state, line.since_us),
            "devices": self.t("status.of", a=line.devices_online, b=line.devices),
            "latency": {"text": fmt.number(line.latency_ms, 0), "sort": line.latency_ms or 0.0},
            "load": {"text": fmt.percent(line.load, 0) if line.load is not None else MISSING, "load": load, "sort": load or 0},
            "cycle": {
                "text": f"{fmt.number(cycle, 2)} / {fmt.number(line.cycle_asked_s, 1)}",
                "sort": cycle or 0.0,
                "tone": "alarm" if line.warning else "",
            },
            "errors": {"text": str(line.errors_last_hour), "sort": line.errors_last_hour, "bold": line.errors_last_hour > 0},
        }
        return {"id": line.line_id, "cells": cells}

    def _devices(self) -> tuple[Rows, Rows]:
        columns = [
            self._look.column("device"),
            self._look.column("machine", grow=True),
            self._look.column("profile"),
            self._look.column("state"),
            self._look.column("last"),
            self._look.column("latency", "right"),
            self._look.column("polls", "right"),
            self._look.column("timeouts", "right"),
            self._look.column("errors_total", "right"),
        ]
        return columns, [self._device(device) for device in self._status.devices()]

    def _device(self, device: DeviceStatus) -> dict[str, Any]:
        fmt = self._fmt
        machine = self._look.machine_of(device.device_id)
        others = sum(n for kind, n in device.errors.items() if kind != "timeout")
        last = fmt.moment(device.last_success_us, self._now_us) if device.last_success_us else MISSING
        cells: dict[str, Any] = {
            "device": {"text": device.device_id, "bold": True, "sub": [[device.line_id, "em-quiet"]]},
            "machine": machine if machine != device.device_id else MISSING,
            "profile": self._look.profile_of(device),
            "state": self._look.state(device.state, device.since_us),
            "last": last,
            "latency": {"text": fmt.number(device.latency_ms, 0), "sort": device.latency_ms or 0.0},
            "polls": {"text": fmt.number(device.polls, 0), "sort": device.polls},
            "timeouts": {"text": fmt.number(device.timeouts, 0), "sort": device.timeouts},
            "errors_total": {"text": fmt.number(others, 0), "sort": others},
        }
        return {"id": device.device_id, "cells": cells}

    def _tasks(self) -> tuple[Rows, Rows]:
        columns = [
            self._look.column("task"),
            self._look.column("state"),
            self._look.column("restarts", "right"),
            self._look.column("last_error", grow=True),
        ]
        rows = [
            {
                "id": task.name,
                "cells": {
                    "task": {"text": task.name, "mono": True},
                    "state": self._look.state(task.state, task.since_us),
                    "restarts": {"text": str(task.restarts), "sort": task.restarts},
                    "last_error": {"text": task.last_error or "", "tone": "quiet"},
                },
            }
            for task in self._status.tasks()
        ]
        return columns, rows

    def _plugins(self) -> tuple[Rows, Rows]:
        counts = ("messages", "readings", "plugin_errors", "hangs", "messages_dropped")
        columns = [
            self._look.column("plugin"),
            self._look.column("reads"),
            self._look.column("state"),
            *(self._look.column(name, "right") for name in counts),
            self._look.column("last_error", grow=True),
        ]
        if self._may_try:
            columns.append({"key": "do", "name": "", "align": "right", "sort": False})
        return columns, [self._plugin(plugin) for plugin in self._status.plugins()]

    def _plugin(self, plugin: PluginStatus) -> dict[str, Any]:
        figures = {
            "messages": plugin.messages, "readings": plugin.readings, "plugin_errors": plugin.errors, "hangs": plugin.hangs,
            "messages_dropped": plugin.dropped,
        }
        where = {"sub": [[plugin.collector, "em-quiet"]]} if plugin.collector else {}
        action = {"name": "plugin-try", "text": self.t("plugin.trial")}
        return {
            "id": plugin.key,
            "cells": {
                "plugin": {"text": plugin.file, "mono": True, **where},
                "reads": {"text": ", ".join(plugin.cnc_ids), "mono": True},
                "state": self._look.state(plugin.state, plugin.since_us),
                **{name: {"text": self._fmt.number(count, 0), "sort": count} for name, count in figures.items()},
                "last_error": {"text": plugin.last_error or "", "tone": "quiet"},
                **({"do": {"text": "", "actions": [action]}} if self._may_try else {}),
            },
        }

    def _camera_table(self) -> tuple[Rows, Rows]:
        rows = camera_rows(self._look.plant.cameras, self._look.cameras(), self._fmt, self._now_us)
        return camera_columns(self._fmt.lang, tools=False), rows
