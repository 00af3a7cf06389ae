"""What the status page shows, as plain data: no elements here, so it can be tested without a browser."""

from __future__ import annotations

from typing import Any

from domain.feed import FeedGap, FeedStatus
from domain.health import DeviceStatus, LineStatus
from domain.plant import machine_of_device
from domain.plugin import PluginStatus
from domain.role import RoleStatus
from domain.served import ServerStatus
from web_interface.format import MISSING, Format
from web_interface.locale import has, t
from web_interface.pages.camera_rows import camera_columns, camera_rows
from web_interface.pages.device_patterns import technical_words
from web_interface.services import Services

Rows = list[dict[str, Any]]
_DENIED = {  # who is denied access, and what is to be done about it: the first kind that was counted
    "put_get": "comm.put_get.advice", "login_refused": "comm.login_refused.advice", "access": "status.todo.device.access",
}  # fmt: skip
CERTIFICATE_SOON_US = 30 * 86_400_000_000
GAP_SHOWN_US = 86_400_000_000
FEED_TONES = {
    "ok": ("check_circle", "quiet"),
    "starting": ("schedule", "quiet"),
    "behind": ("schedule", "quiet"),
    "away": ("error", "alarm"),
    "failed": ("error", "alarm"),
    "off": ("pause_circle", "quiet"),
}
ROLE_TONES = {
    "ok": ("check_circle", "quiet"), "starting": ("schedule", "quiet"), "away": ("error", "alarm"), "silent": ("error", "alarm"),
}  # fmt: skip
TONES = {
    "online": ("check_circle", "quiet"),
    "partial": ("error", "alarm"),
    "down": ("error", "alarm"),
    "offline": ("error", "alarm"),
    "disabled": ("pause_circle", "quiet"),
    "waiting": ("schedule", "quiet"),
    "running": ("check_circle", "quiet"),
    "restarting": ("error", "alarm"),
    "failed": ("error", "alarm"),
    "done": ("check_circle", "quiet"),
    "loading": ("schedule", "quiet"),
    "broken": ("error", "alarm"),
}


class StatusView:
    """One look at services.status, in one language, at one moment."""

    def __init__(self, services: Services, fmt: Format, now_us: int, *, may_try: bool = False) -> None:
        self._status, self._plant, self._fmt, self._now_us = services.status, services.plant.plant, fmt, now_us
        self._cameras, self._may_try = services.inspection.cameras, may_try
        self._machines = machine_of_device(self._plant)
        self._served = [one for one in (services.modbus.status(), services.opcua_server.status()) if one is not None]

    def t(self, key: str, /, **values: object) -> str:
        """The text of `key`."""
        return t(key, self._fmt.lang, **values)

    # ---- top -----------------------------------------------------------------------------------------------------
    def summary(self) -> dict[str, Any]:
        """Verdict, second line, five figures."""
        fmt, status = self._fmt, self._status
        storage, books = status.storage(), status.books()
        good = storage.state == "ok" and books.balanced
        silent = [d for d in status.devices() if d.state == "offline"]
        total = [d for d in status.devices() if d.state != "disabled"]
        if storage.state != "ok":
            head = self.t(f"status.keeping.{storage.state}")
        else:
            head = self.t("status.keeping.ok" if books.balanced else "status.keeping.unbalanced")
        latency = storage.write_latency_ms
        figures = [
            (self.t("status.of", a=len(total) - len(silent), b=len(total)), self.t("status.figure.devices")),
            (fmt.number(status.samples_per_second(), 0), self.t("status.figure.rate")),
            (
                self.t("status.ms", value=fmt.number(latency, 0)) if latency is not None else MISSING,
                self.t("status.figure.latency"),
            ),
            (fmt.duration((self._now_us - status.started_us()) / 1e6, coarse=True), self.t("status.figure.uptime")),
            (self._bytes(storage.disk_free_bytes), self.t("status.figure.disk")),
        ]
        return {"good": good, "head": head, "words": self._silent_words(silent), "figures": [list(pair) for pair in figures]}

    def _silent_words(self, silent: list[DeviceStatus]) -> str:
        if not silent:
            return self.t("status.all_answer" if self._status.devices() else "status.no_devices")
        first = silent[0]
        age = self._fmt.duration((self._now_us - first.since_us) / 1e6)
        return self.t("status.silent", n=len(silent), name=self._machine_of(first.device_id), age=age)

    def _machine_of(self, device_id: str) -> str:
        wanted = self._machines.get(device_id)
        return next((m.name for m in self._plant.machines if m.id == wanted), device_id)

    def _bytes(self, count: int) -> str:
        for name, size in (("TB", 1e12), ("GB", 1e9)):
            if count >= size:
                return self._fmt.significant(count / size, 3, 1) + "\u00a0" + self.t(f"unit.{name}")
        return self._fmt.number(count / 1e6, 0) + "\u00a0" + self.t("unit.MB")

    # ---- tables ----------------------------------------------------------------------------------------------------
    def modes(self) -> dict[str, str]:
        """The tables with their counts; those of plug-ins and cameras where there are any."""
        status = self._status
        return {
            "lines": self.t("status.mode.lines", n=len(status.lines())),
            "devices": self.t("status.mode.devices", n=len(status.devices())),
            "tasks": self.t("status.mode.tasks", n=len(status.tasks())),
            **({"plugins": self.t("status.mode.plugins", n=len(plugins))} if (plugins := status.plugins()) else {}),
            **({"cameras": self.t("status.mode.cameras", n=len(cameras))} if (cameras := self._plant.cameras) else {}),
        }

    def table(self, mode: str) -> tuple[Rows, Rows]:
        """Columns and rows of one of the tables."""
        tables = {
            "lines": self._lines, "devices": self._devices, "tasks": self._tasks, "plugins": self._plugins,
            "cameras": self._camera_table,
        }  # fmt: skip
        return tables[mode]()

    def _column(self, key: str, align: str = "left", **more: Any) -> dict[str, Any]:
        return {"key": key, "name": self.t(f"status.col.{key}"), "align": align, **more}

    def _state(self, state: str, since_us: int) -> dict[str, Any]:
        name, tone = TONES.get(state, ("error", "alarm"))
        words = self.t(f"status.state.{state}")
        if tone == "alarm":
            words += ", " + self._fmt.duration((self._now_us - since_us) / 1e6)
        return {"text": words, "icon": name, "tone": tone, "bold": tone == "alarm"}

    def _lines(self) -> tuple[Rows, Rows]:
        columns = [
            self._column("line"),
            self._column("link", grow=True),
            self._column("state"),
            self._column("devices", "right"),
            self._column("latency", "right"),
            self._column("load"),
            self._column("cycle", "right"),
            self._column("errors", "right"),
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
            "state": self._state(line.state, line.since_us),
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
            self._column("device"),
            self._column("machine", grow=True),
            self._column("profile"),
            self._column("state"),
            self._column("last"),
            self._column("latency", "right"),
            self._column("polls", "right"),
            self._column("timeouts", "right"),
            self._column("errors_total", "right"),
        ]
        return columns, [self._device(device) for device in self._status.devices()]

    def _device(self, device: DeviceStatus) -> dict[str, Any]:
        fmt = self._fmt
        others = sum(n for kind, n in device.errors.items() if kind != "timeout")
        last = fmt.moment(device.last_success_us, self._now_us) if device.last_success_us else MISSING
        cells: dict[str, Any] = {
            "device": {"text": device.device_id, "bold": True, "sub": [[device.line_id, "em-quiet"]]},
            "machine": self._machine_of(device.device_id) if self._machine_of(device.device_id) != device.device_id else MISSING,
            "profile": device.profile,
            "state": self._state(device.state, device.since_us),
            "last": last,
            "latency": {"text": fmt.number(device.latency_ms, 0), "sort": device.latency_ms or 0.0},
            "polls": {"text": fmt.number(device.polls, 0), "sort": device.polls},
            "timeouts": {"text": fmt.number(device.timeouts, 0), "sort": device.timeouts},
            "errors_total": {"text": fmt.number(others, 0), "sort": others},
        }
        return {"id": device.device_id, "cells": cells}

    def _tasks(self) -> tuple[Rows, Rows]:
        columns = [
            self._column("task"),
            self._column("state"),
            self._column("restarts", "right"),
            self._column("last_error", grow=True),
        ]
        rows = [
            {
                "id": task.name,
                "cells": {
                    "task": {"text": task.name, "mono": True},
                    "state": self._state(task.state, task.since_us),
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
            self._column("plugin"),
            self._column("reads"),
            self._column("state"),
            *(self._column(name, "right") for name in counts),
            self._column("last_error", grow=True),
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
                "state": self._state(plugin.state, plugin.since_us),
                **{name: {"text": self._fmt.number(count, 0), "sort": count} for name, count in figures.items()},
                "last_error": {"text": plugin.last_error or "", "tone": "quiet"},
                **({"do": {"text": "", "actions": [action]}} if self._may_try else {}),
            },
        }

    def _camera_table(self) -> tuple[Rows, Rows]:
        rows = camera_rows(self._plant.cameras, self._cameras(), self._fmt, self._now_us)
        return camera_columns(self._fmt.lang, tools=False), rows

    # ---- what to do --------------------------------------------------------------------------------------------------
    def todo(self) -> dict[str, Any]:
        """Silent devices, lines that are down, lines that cannot keep up: what to check, with the technical line."""
        items: list[dict[str, Any]] = []
        lines = {line.line_id: line for line in self._status.lines()}
        for line in lines.values():
            if line.state == "down":
                items.append(self._down_line(line))
        for device in self._status.devices():
            line_of = lines.get(device.line_id)
            if device.state == "offline" and line_of is not None and line_of.state != "down":
                items.append(self._silent_device(device, line_of))
        for line in lines.values():
            if line.warning and line.state != "down":
                items.append(self._slow_line(line))
        items += [self._feed_away(feed) for feed in self._status.feeds() if feed.state in {"away", "failed"}]
        items += [self._feed_refused(feed) for feed in self._status.feeds() if feed.book.quarantined]
        items += [self._feed_lost(feed) for feed in self._status.feeds() if self._lost_lately(feed)]
        items += [self._not_listening(server) for server in self._served if server.state == "failed"]
        items += [self._expiring(server) for server in self._served if self._expires_soon(server)]
        items += [self._strangers(server) for server in self._served if server.waiting]
        for words in self._status.storage().warnings:
            items.append({"tone": "hint", "title": self.t("status.todo.storage"), "words": words, "technical": ""})
        return {"items": items, "empty": self.t("status.todo.nothing" if lines else "status.no_devices")}

    def _down_line(self, line: LineStatus) -> dict[str, Any]:
        since = self._fmt.moment(line.since_us, self._now_us)
        serial = line.transport == "serial"
        return {
            "tone": "high",
            "title": self.t("status.todo.line", line=line.line_id, since=since),
            "words": self.t("status.todo.line.serial" if serial else "status.todo.line.tcp", target=line.target),
            "technical": self._technical(line.last_error, line.next_attempt_us),
        }

    def _silent_device(self, device: DeviceStatus, line: LineStatus) -> dict[str, Any]:
        since = self._fmt.moment(device.since_us, self._now_us)
        others = line.devices_online
        key = "status.todo.device.others" if others else "status.todo.device.alone"
        kind = next((kind for kind in _DENIED if device.errors.get(kind)), "") if device.errors.get("access") else ""
        return {
            "tone": "high",
            "title": self.t(
                "status.todo.device", machine=self._machine_of(device.device_id), device=device.device_id, since=since
            ),
            "words": self.t(_DENIED[kind]) if kind else self.t(key, n=others, line=line.line_id),
            "technical": self._technical(device.last_error, device.next_attempt_us, device.timeouts, device.last_success_us),
        }

    def _feed_away(self, feed: FeedStatus) -> dict[str, Any]:
        since = self._fmt.moment(feed.since_us, self._now_us)
        name = self.t(f"destination.{feed.name}")
        return {
            "tone": "high",
            "title": self.t("status.todo.feed", feed=name, since=since),
            "words": self.t("status.todo.feed.words", target=feed.target, n=self._fmt.number(feed.book.waiting, 0)),
            "technical": self._technical(feed.last_error, feed.next_attempt_us, None, feed.last_success_us),
        }

    def _feed_refused(self, feed: FeedStatus) -> dict[str, Any]:
        return {
            "tone": "hint",
            "title": self.t("status.todo.feed.refused", feed=self.t(f"destination.{feed.name}"), n=feed.book.quarantined),
            "words": self.t("status.todo.feed.refused.words"), "technical": "",
        }  # fmt: skip

    def _lost_lately(self, feed: FeedStatus) -> list[FeedGap]:
        return [gap for gap in feed.gaps if gap.reason != "given_up" and self._now_us - gap.noticed_us < GAP_SHOWN_US]

    def _feed_lost(self, feed: FeedStatus) -> dict[str, Any]:
        """What a destination never gets: from when to when, how many, why."""
        gaps, fmt = self._lost_lately(feed), self._fmt
        begin, end = min(gap.from_us for gap in gaps), max(gap.to_us for gap in gaps)
        title = self.t("status.todo.feed.lost", feed=self.t(f"destination.{feed.name}"), n=sum(gap.items for gap in gaps))
        words = self.t(
            "status.todo.feed.lost.words", begin=fmt.moment(begin, self._now_us), end=fmt.moment(end, self._now_us),
            reason=self.t(f"feeds.gap.{gaps[-1].reason}"),
        )  # fmt: skip
        return {"tone": "high", "title": title, "words": words, "technical": ""}

    def _not_listening(self, server: ServerStatus) -> dict[str, Any]:
        since = self._fmt.moment(server.since_us, self._now_us)
        name = self.t(f"destination.{server.name}")
        return {
            "tone": "high",
            "title": self.t("status.todo.server", server=name, since=since),
            "words": self.t("status.todo.server.words", target=server.target),
            "technical": self._technical(server.last_error, None),
        }

    def _expires_soon(self, server: ServerStatus) -> bool:
        return server.valid_until_us is not None and server.valid_until_us - self._now_us < CERTIFICATE_SOON_US

    def _expiring(self, server: ServerStatus) -> dict[str, Any]:
        name, day = self.t(f"destination.{server.name}"), self._fmt.day(server.valid_until_us or 0)
        return {
            "tone": "high", "title": self.t("status.todo.server.expires", server=name, day=day),
            "words": self.t("status.todo.server.expires.words"), "technical": "",
        }  # fmt: skip

    def _strangers(self, server: ServerStatus) -> dict[str, Any]:
        """Clients came whose certificates nobody has approved."""
        name, n = self.t(f"destination.{server.name}"), server.waiting
        return {
            "tone": "hint", "title": self.t("status.todo.server.strangers", server=name, n=n),
            "words": self.t("status.todo.server.strangers.words"), "technical": "",
        }  # fmt: skip

    def _technical(
        self, last_error: str | None, next_us: int | None, timeouts: int | None = None, success_us: int | None = None
    ) -> str:
        parts = [technical_words(last_error or "", self._fmt.lang)]
        if timeouts:
            parts.append(self.t("status.tech.timeouts", n=timeouts))
        if success_us:
            parts.append(self.t("status.tech.last", when=self._fmt.clock(success_us, seconds=True)))
        if next_us:
            parts.append(self.t("status.tech.next", when=self._fmt.clock(next_us, seconds=True)))
        return " · ".join(part for part in parts if part)

    def _slow_line(self, line: LineStatus) -> dict[str, Any]:
        fmt = self._fmt
        key = "status.todo.tight" if line.warning == "line.tight" else "status.todo.slow"
        values = {
            "line": line.line_id,
            "asked": fmt.number(line.cycle_asked_s, 1),
            "needed": fmt.number(max(line.cycle_calculated_s or 0.0, line.cycle_measured_s or 0.0), 2),
        }
        return {
            "tone": "hint",
            "title": self.t(key, **values),
            "words": self.t(f"{key}.words", **values),
            "technical": "",
        }

    # ---- right column --------------------------------------------------------------------------------------------------
    def verdict(self) -> tuple[str, bool]:
        """Do the books balance?"""
        balanced = self._status.books().balanced
        return self.t("status.books.balanced" if balanced else "status.books.unbalanced"), balanced

    def books(self) -> dict[str, Any]:
        """The equation with its shares."""
        books, fmt = self._status.books(), self._fmt
        rejected = sum(books.rejected.values())
        total = max(books.read, 1)
        rows = [
            ("kept", books.kept, "s1"),
            ("filtered", books.filtered, "s3"),
            ("rejected", rejected, "s5"),
            ("in_flight", books.in_flight, "s2"),
        ]
        reasons = " · ".join(
            f"{self._reason(reason)} {fmt.number(n, 0)}"
            for reason, n in sorted(books.rejected.items(), key=lambda kv: -kv[1])
            if n
        )
        return {
            "read": fmt.number(books.read, 0),
            "words": self.t("status.books.read"),
            "since": self.t("status.books.since", when=fmt.moment(books.since_us, self._now_us)),
            "rows": [
                {
                    "name": self.t(f"status.books.{name}"),
                    "value": fmt.number(n, 0),
                    "share": round(100 * n / total, 2),
                    "colour": c,
                }
                for name, n, c in rows
            ],
            "reasons": reasons,
        }

    def _reason(self, reason: str) -> str:
        key = f"quality.{reason}"
        return self.t(key) if has(key, self._fmt.lang) else reason.replace("_", " ")

    def _feed_state(self, feed: FeedStatus | None) -> dict[str, Any]:
        """Sign, and a word under the name when not all is well; since when stands in what to do. The database has the verdict."""
        if feed is None:
            return {"icon": "check_circle", "tone": "quiet"}
        name, tone = FEED_TONES.get(feed.state, ("error", "alarm"))
        found: dict[str, Any] = {"icon": name, "tone": tone, "bold": tone == "alarm"}
        return found if feed.state == "ok" else {**found, "sub": [[self.t(f"feed.state.{feed.state}"), "em-quiet"]]}

    def destinations(self) -> tuple[Rows, Rows]:
        """Where what was kept went."""
        fmt = self._fmt
        columns = [
            self._column("destination", grow=True),
            self._column("delivered", "right"),
            self._column("pending", "right"),
            self._column("quarantined", "right"),
            self._column("dropped", "right"),
        ]
        rows = []
        feeds = {feed.name: feed for feed in self._status.feeds()}
        for book in self._status.books().destinations:
            key = f"destination.{book.name}"
            rows.append(
                {
                    "id": book.name,
                    "cells": {
                        "destination": {
                            "text": self.t(key) if has(key, fmt.lang) else book.name,
                            **self._feed_state(feeds.get(book.name)),
                        },
                        "delivered": {"text": fmt.number(book.delivered, 0), "sort": book.delivered},
                        "pending": {"text": fmt.number(book.pending, 0), "sort": book.pending},
                        "quarantined": {"text": fmt.number(book.quarantined, 0), "sort": book.quarantined},
                        "dropped": {"text": fmt.number(book.dropped, 0), "sort": book.dropped, "bold": book.dropped > 0},
                    },
                }
            )
        return columns, rows

    def servers(self) -> tuple[Rows, Rows]:
        """Who asks us; no rows while nobody can."""
        columns = [
            self._column("server", grow=True), self._column("clients", "right"), self._column("requests", "right"),
            self._column("refusals", "right"),
        ]  # fmt: skip
        return columns, [{"id": server.name, "cells": self._server_cells(server)} for server in self._served]

    def _server_cells(self, server: ServerStatus) -> dict[str, Any]:
        fmt, refused = self._fmt, sum(server.refused.values())
        symbol, tone = FEED_TONES.get(server.state, ("error", "alarm"))
        return {
            "server": {"text": self.t(f"destination.{server.name}"), "icon": symbol, "tone": tone, "bold": tone == "alarm"},
            "clients": {"text": fmt.number(len(server.clients), 0), "sort": len(server.clients)},
            "requests": {"text": fmt.number(server.requests, 0), "sort": server.requests},
            "refusals": {"text": fmt.number(refused, 0), "sort": refused},
        }

    def roles(self) -> tuple[Rows, Rows]:
        """The processes of the installation; no rows where one does everything."""
        fmt = self._fmt
        columns = [
            self._column("process", grow=True), self._column("process_state"), self._column("passed_on", "right"),
            self._column("process_waiting", "right"), self._column("partitions", "right"),
        ]  # fmt: skip
        return columns, [
            {
                "id": role.name,
                "cells": {
                    "process": {"text": role.name, "sub": [[self.t(f"status.role.{role.role}"), "em-quiet"]]},
                    "process_state": self._role_state(role),
                    "passed_on": {"text": fmt.number(role.delivered, 0), "sort": role.delivered},
                    "process_waiting": {"text": fmt.number(role.waiting, 0), "sort": role.waiting},
                    "partitions": {"text": fmt.number(len(role.shares), 0) if role.shares else "", "sort": len(role.shares)},
                },
            }
            for role in self._status.roles()
        ]

    def _role_state(self, role: RoleStatus) -> dict[str, Any]:
        state = role.state_at(self._now_us)
        symbol, tone = ROLE_TONES[state]
        cell = {"text": self.t(f"status.role_state.{state}"), "icon": symbol, "tone": tone, "bold": tone == "alarm"}
        return {**cell, "sub": [[role.detail[:120], "em-quiet"]]} if role.detail else cell

    def storage(self) -> dict[str, tuple[str, str]]:
        """Facts about keeping: key -> (name, value)."""
        storage, fmt = self._status.storage(), self._fmt
        used = storage.journal_bytes / storage.journal_limit_bytes if storage.journal_limit_bytes else 0.0
        known = has(f"status.database.{storage.database}", fmt.lang)
        values = {
            "database": self.t(f"status.database.{storage.database}") if known else storage.database,
            "state": self.t(f"status.storage.{storage.state}"),
            "journal": self.t("status.journal.used", used=self._bytes(storage.journal_bytes), share=fmt.percent(used, 0)),
            "backlog": fmt.number(storage.backlog_samples, 0),
            "lag": self.t("status.ms", value=fmt.number(self._status.loop_lag_ms(), 1)),
        }
        return {key: (self.t(f"status.fact.{key}"), value) for key, value in values.items()}
