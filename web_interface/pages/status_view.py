"""What the status page shows, as plain data: no elements here, so it can be tested without a browser."""

from __future__ import annotations

from typing import Any

from domain.health import DeviceStatus
from web_interface.format import MISSING, Format
from web_interface.locale import has
from web_interface.pages.status_look import StatusLook
from web_interface.pages.status_passing import StatusPassing
from web_interface.pages.status_tables import StatusTables
from web_interface.pages.status_todo import StatusTodo
from web_interface.services import Services


class StatusView:
    """One look at services.status, in one language, at one moment; what is large answers for itself."""

    def __init__(self, services: Services, fmt: Format, now_us: int, *, may_try: bool = False) -> None:
        look = StatusLook(services, fmt, now_us)
        self._look, self._status, self._fmt, self._now_us, self.t = look, look.status, fmt, now_us, look.t
        tables, passing = StatusTables(look, may_try=may_try), StatusPassing(look)
        self.modes, self.table, self.todo = tables.modes, tables.table, StatusTodo(look).items
        self.destinations, self.servers, self.roles = passing.destinations, passing.servers, passing.roles

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
            (self._look.bytes(storage.disk_free_bytes), self.t("status.figure.disk")),
        ]
        return {"good": good, "head": head, "words": self._silent_words(silent), "figures": [list(pair) for pair in figures]}

    def _silent_words(self, silent: list[DeviceStatus]) -> str:
        if not silent:
            return self.t("status.all_answer" if self._status.devices() else "status.no_devices")
        first = silent[0]
        age = self._fmt.duration((self._now_us - first.since_us) / 1e6)
        return self.t("status.silent", n=len(silent), name=self._look.machine_of(first.device_id), age=age)

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
        known = (key for key in (f"quality.{reason}", f"status.books.reason.{reason}") if has(key, self._fmt.lang))
        return self.t(next(known, "status.books.reason.other"))

    def storage(self) -> dict[str, tuple[str, str]]:
        """Facts about keeping: key -> (name, value)."""
        storage, fmt = self._status.storage(), self._fmt
        used = storage.journal_bytes / storage.journal_limit_bytes if storage.journal_limit_bytes else 0.0
        known = has(f"status.database.{storage.database}", fmt.lang)
        values = {
            "database": self.t(f"status.database.{storage.database}") if known else storage.database,
            "state": self.t(f"status.storage.{storage.state}"),
            "journal": self.t("status.journal.used", used=self._look.bytes(storage.journal_bytes), share=fmt.percent(used, 0)),
            "backlog": fmt.number(storage.backlog_samples, 0),
            "size": self._look.bytes(storage.size_bytes) if storage.size_bytes is not None else MISSING,
            "written": fmt.moment(storage.last_write_us, self._now_us) if storage.last_write_us is not None else MISSING,
            "refused": fmt.number(storage.refused.entries, 0) if storage.refused is not None else MISSING,
            "lag": self.t("status.ms", value=fmt.number(self._status.loop_lag_ms(), 1)),
        }
        return {key: (self.t(f"status.fact.{key}"), value) for key, value in values.items()}
