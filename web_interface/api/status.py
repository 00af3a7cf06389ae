"""/api/devices/status, /api/lines/status, /api/books, /readyz, /healthz."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from domain.access import Actor, Role
from domain.health import Books, DestinationBook, DeviceStatus, LineStatus, StorageStatus, Vitals
from domain.refused import RefusedSummary
from domain.role import RoleStatus
from web_interface.api import models
from web_interface.api.alerts import NoParameters
from web_interface.api.answers import Json, Strict, described
from web_interface.api.metrics import metrics_text
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339, rfc3339_or_none
from web_interface.locale import t
from web_interface.services import Services

Viewer = Annotated[Actor, Need(Role.VIEWER)]


class StorageIn(Strict):
    language: Literal["ru", "en"] | None = Field(None, description="of `words`; the site's without it")


async def healthz(_request: Request) -> Response:
    """The process lives; nothing more."""
    return PlainTextResponse("ok\n")


def status_routes(services: Services) -> APIRouter:
    """What the product knows about itself."""
    router = APIRouter(tags=["status"])

    @router.get(
        "/api/devices/status", response_model=None, responses=described(models.Devices, 422), summary="State of each device"
    )
    async def devices(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        return Json({"items": [device_item(device) for device in services.status.devices()]})

    @router.get("/api/lines/status", response_model=None, responses=described(models.Lines, 422), summary="State of each line")
    async def lines(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        return Json({"items": [line_item(line) for line in services.status.lines()]})

    @router.get(
        "/api/books", response_model=None, responses=described(models.BooksOut, 422), summary="What was read and where it went"
    )
    async def books(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """read = kept + filtered + rejected, always; each destination: kept = delivered + pending + quarantined + dropped."""
        return Json(books_out(services.status.books()))

    _detail_routes(router, services)
    _machine_routes(router, services)
    return router


def _detail_routes(router: APIRouter, services: Services) -> None:
    """Under /api/status: what a page shows of each part."""

    @router.get(
        "/api/status/performance", response_model=None, responses=described(models.PerformanceOut, 422),
        summary="How the process does, in the last 24 hours",
    )  # fmt: skip
    async def performance(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """A reading every half minute, oldest first; from memory, so since the start at most."""
        return Json({"items": [vitals_item(reading) for reading in services.vitals.readings()]})

    @router.get(
        "/api/status/roles", response_model=None, responses=described(models.RolesOut, 422),
        summary="The processes of an installation whose roles run apart",
    )  # fmt: skip
    async def roles(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """Empty where one process does everything. `state` silent: nothing was heard of it for 15 s. Counts since its start."""
        now_us = services.live.shop().now_us
        return Json({"items": [role_item(role, now_us) for role in services.status.roles()]})

    @router.get(
        "/api/status/storage", response_model=None, responses=described(models.StorageOut, 422), summary="How keeping does"
    )
    async def storage(actor: Viewer, query: Annotated[StorageIn, Query()]) -> Response:
        """From memory; what must be asked of the database is some seconds old."""
        language = query.language or services.plant.plant.site.language
        found = services.status.storage()
        state = "unbalanced" if found.state == "ok" and not services.status.books().balanced else found.state
        return Json(storage_out(found, t(f"status.keeping.{state}", language)))

    @router.get(
        "/api/status/errors", response_model=None, responses=described(models.ErrorsOut, 422),
        summary="Errors of communication by device and kind",
    )  # fmt: skip
    async def errors(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """`by_hour`: the last 24 hours, the running one at the end; `total` since the device's line started."""
        return Json({"items": [
            {"device": e.device_id, "line": e.line_id, "kind": e.kind, "total": e.total, "by_hour": list(e.by_hour)}
            for e in services.vitals.errors()
        ]})  # fmt: skip


def _machine_routes(router: APIRouter, services: Services) -> None:
    """For other programs: orchestrators and Prometheus."""

    @router.get("/readyz", response_model=None, responses=described(models.Ready, 422, 503), summary="Are samples being kept?")
    async def readyz(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        storage = services.status.storage()
        ready = services.status.keeping()
        body = {"ready": ready, "storage": storage.state, "cause": storage.cause}
        return Json(body, 200 if ready else 503)

    @router.get(
        "/metrics", response_model=None, responses=described(None, 422, content={"text/plain": {}}), summary="For Prometheus"
    )
    async def metrics(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        return Response(metrics_text(services), media_type="text/plain; version=0.0.4; charset=utf-8")


def storage_out(storage: StorageStatus, words: str) -> dict[str, Any]:
    return {
        "engine": storage.database, "state": storage.state, "words": words,
        "cause": storage.cause, "size_bytes": storage.size_bytes, "disk_free_bytes": storage.disk_free_bytes,
        "backlog_samples": storage.backlog_samples, "oldest_waiting": rfc3339_or_none(storage.backlog_oldest_us),
        "last_write": rfc3339_or_none(storage.last_write_us), "write_ms": storage.write_latency_ms,
        "journal_bytes": storage.journal_bytes, "journal_limit_bytes": storage.journal_limit_bytes,
        "warnings": list(storage.warnings), "refused": refused_out(storage.refused),
    }  # fmt: skip


def refused_out(summary: RefusedSummary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    newest = summary.newest
    told = None if newest is None else {
        "noted": rfc3339(newest.noted_us), "kind": newest.kind, "tag": summary.newest_tag or None, "reason": newest.reason,
    }  # fmt: skip
    return {"entries": summary.entries, "by_kind": dict(summary.by_kind), "newest": told}


def role_item(role: RoleStatus, now_us: int) -> dict[str, Any]:
    return {
        "name": role.name, "role": role.role, "host": role.host, "pid": role.pid, "started": rfc3339(role.started_us),
        "told": rfc3339(role.time_us), "state": role.state_at(now_us), "detail": role.detail, "taken": role.taken,
        "delivered": role.delivered, "refused": role.refused, "waiting": role.waiting,
        "oldest_waiting": rfc3339_or_none(role.oldest_waiting_us), "lines": list(role.line_ids),
        "refusals": [
            {"where": one.where, "count": one.count, "newest": rfc3339_or_none(one.newest_us or None), "reason": one.reason}
            for one in role.refusals
        ],
        "shares": [{"topic": share.topic, "partition": share.partition, "lag": share.lag} for share in role.shares],
    }  # fmt: skip


def vitals_item(reading: Vitals) -> dict[str, Any]:
    return {
        "time": rfc3339(reading.time_us), "cpu_cores": round(reading.cpu, 4),
        "memory_bytes": reading.memory_bytes,
        "loop_lag_ms": round(reading.loop_lag_ms, 2), "poll_late_ms": reading.poll_late_ms,
        "polls_skipped": reading.polls_skipped,
        "waiting_samples": reading.waiting_samples, "written_per_s": round(reading.written_per_s, 2),
        "write_ms": reading.write_ms,
    }  # fmt: skip


def device_item(device: DeviceStatus) -> dict[str, Any]:
    return {
        "device": device.device_id,
        "line": device.line_id,
        "profile": device.profile,
        "state": device.state,
        "since": rfc3339(device.since_us),
        "last_success": rfc3339_or_none(device.last_success_us),
        "last_error": device.last_error,
        "polls": device.polls,
        "timeouts": device.timeouts,
        "errors": dict(device.errors),
        "latency_ms": device.latency_ms,
        "next_attempt": rfc3339_or_none(device.next_attempt_us),
        "scan_s": device.scan_s,
    }


def line_item(line: LineStatus) -> dict[str, Any]:
    return {
        "line": line.line_id,
        "transport": line.transport,
        "target": line.target,
        "state": line.state,
        "since": rfc3339(line.since_us),
        "devices": line.devices,
        "devices_online": line.devices_online,
        "latency_ms": line.latency_ms,
        "load": line.load,
        "errors_last_hour": line.errors_last_hour,
        "last_error": line.last_error,
        "next_attempt": rfc3339_or_none(line.next_attempt_us),
        "cycle_asked_s": line.cycle_asked_s,
        "cycle_calculated_s": line.cycle_calculated_s,
        "cycle_measured_s": line.cycle_measured_s,
        "warning": line.warning,
    }


def _taken(books: Books, destination: DestinationBook) -> int:
    return books.kept if destination.taken is None else destination.taken


def books_out(books: Books) -> dict[str, Any]:
    return {
        "since": rfc3339(books.since_us),
        "read": books.read,
        "kept": books.kept,
        "filtered": books.filtered,
        "rejected": dict(books.rejected),
        "in_flight": books.in_flight,
        "balanced": books.balanced,
        "destinations": [
            {
                "name": d.name,
                "enabled": d.enabled,
                "delivered": d.delivered,
                "pending": d.pending,
                "quarantined": d.quarantined,
                "dropped": d.dropped,
                "last_error": d.last_error,
                "oldest_pending": rfc3339_or_none(d.oldest_pending_us),
                "taken": _taken(books, d),
                "refused_other": d.refused_other,
                "balanced": not d.enabled or _taken(books, d) == d.delivered + d.pending + d.quarantined + d.dropped,
            }
            for d in books.destinations
        ],
    }
