"""What to go and check, each with its technical line, as plain data."""

from __future__ import annotations

from typing import Any

from domain.feed import FeedGap, FeedStatus
from domain.health import DeviceStatus, LineStatus
from domain.refused import RefusedSummary
from domain.role import Refusals, RoleStatus
from domain.served import ServerStatus
from web_interface.pages.device_patterns import technical_words
from web_interface.pages.status_look import StatusLook
from web_interface.pages.table_refused import newest_words

_DENIED = {  # who is denied access, and what is to be done about it: the first kind that was counted
    "put_get": "comm.put_get.advice", "login_refused": "comm.login_refused.advice", "access": "status.todo.device.access",
}  # fmt: skip
CERTIFICATE_SOON_US = 30 * 86_400_000_000
GAP_SHOWN_US = 86_400_000_000


class StatusTodo:
    """Devices, lines, feeds, servers and the storage are asked for what is wrong with them."""

    def __init__(self, look: StatusLook) -> None:
        self._look, self._status, self._fmt, self._now_us, self.t = look, look.status, look.fmt, look.now_us, look.t

    def items(self) -> dict[str, Any]:
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
        items += [self._feed_refused(feed) for feed in self._status.feeds() if feed.book.quarantined or feed.book.refusals]
        items += [self._role_refused(role, one) for role in self._status.roles() for one in role.refusals]
        items += [self._feed_lost(feed) for feed in self._status.feeds() if self._lost_lately(feed)]
        items += [self._not_listening(server) for server in self._look.served if server.state == "failed"]
        items += [self._expiring(server) for server in self._look.served if self._expires_soon(server)]
        items += [self._strangers(server) for server in self._look.served if server.waiting]
        if (summary := self._status.storage().refused) is not None and summary.entries:
            items.append(self._refused(summary))
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
                "status.todo.device", machine=self._look.machine_of(device.device_id), device=device.device_id, since=since
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
        n = feed.book.quarantined or feed.book.refusals  # texts alone are no items
        return {
            "tone": "hint",
            "title": self.t("status.todo.feed.refused", feed=self.t(f"destination.{feed.name}"), n=n),
            "words": self.t("status.todo.feed.refused.words"), "technical": "",
        }  # fmt: skip

    def _role_refused(self, role: RoleStatus, one: Refusals) -> dict[str, Any]:
        """It lies at that process: here are count, newest reason and where."""
        tables = one.where == "tables"
        where = self.t("status.refused.tables" if tables else f"destination.{one.where}")
        when = self._fmt.moment(one.newest_us, self._now_us) if one.newest_us else "—"
        return {
            "tone": "hint", "title": self.t("status.todo.role.refused", role=role.name, where=where, n=one.count),
            "words": self.t("status.todo.role.refused.tables" if tables else "status.todo.role.refused.words", host=role.host),
            "technical": f"{when}: {one.reason}",
        }  # fmt: skip

    def _refused(self, summary: RefusedSummary) -> dict[str, Any]:
        newest = newest_words(summary, self._fmt, self._now_us)
        return {
            "tone": "hint", "title": self.t("status.todo.refused", n=summary.entries),
            "words": self.t("status.todo.refused.words", newest=newest), "technical": "",
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
