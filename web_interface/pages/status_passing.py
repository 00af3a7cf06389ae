"""Where what was kept goes: destinations, who asks the servers, the processes it passes through, as plain data."""

from __future__ import annotations

from typing import Any

from domain.feed import FeedStatus
from domain.health import DestinationBook
from domain.role import RoleStatus
from domain.served import ServerStatus
from web_interface.locale import has
from web_interface.pages.device_patterns import technical_words
from web_interface.pages.status_look import Rows, StatusLook

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


class StatusPassing:
    """The three small tables of the right column."""

    def __init__(self, look: StatusLook) -> None:
        self._look, self._status, self._fmt, self._now_us, self.t = look, look.status, look.fmt, look.now_us, look.t

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
            self._look.column("destination", grow=True),
            self._look.column("delivered", "right"),
            self._look.column("pending", "right"),
            self._look.column("quarantined", "right"),
            self._look.column("dropped", "right"),
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
                        "quarantined": self._quarantined(book),
                        "dropped": {"text": fmt.number(book.dropped, 0), "sort": book.dropped, "bold": book.dropped > 0},
                    },
                }
            )
        return columns, rows

    def _quarantined(self, book: DestinationBook) -> dict[str, Any]:
        """The samples of the balance, and what was refused beside them."""
        cell: dict[str, Any] = {"text": self._fmt.number(book.quarantined, 0), "sort": book.quarantined + book.refused_other}
        other = self.t("status.refused_other", n=book.refused_other)
        return {**cell, "sub": [[other, "em-quiet"]]} if book.refused_other else cell

    def servers(self) -> tuple[Rows, Rows]:
        """Who asks us; no rows while nobody can."""
        columns = [
            self._look.column("server", grow=True), self._look.column("clients", "right"), self._look.column("requests", "right"),
            self._look.column("refusals", "right"),
        ]  # fmt: skip
        return columns, [{"id": server.name, "cells": self._server_cells(server)} for server in self._look.served]

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
            self._look.column("process", grow=True), self._look.column("process_state"), self._look.column("passed_on", "right"),
            self._look.column("process_waiting", "right"), self._look.column("partitions", "right"),
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
        return {**cell, "sub": [[self._role_detail(role.detail)[:120], "em-quiet"]]} if role.detail else cell

    def _role_detail(self, detail: str) -> str:
        """A collector names the way out before what went wrong there."""
        way, colon, why = detail.partition(": ")
        known = technical_words(detail, self._fmt.lang)
        return f"{way}: {technical_words(why, self._fmt.lang)}" if colon and known == detail else known
