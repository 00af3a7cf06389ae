"""The REST API: parse, call a service, return. No query, no rule stands here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from web_interface.api.admin import admin_routes
from web_interface.api.alert_rules import alert_rule_routes
from web_interface.api.alerts import alert_routes
from web_interface.api.alignments import alignment_routes
from web_interface.api.audit import audit_routes
from web_interface.api.backups import backup_routes
from web_interface.api.balance import balance_routes
from web_interface.api.baselines import baseline_routes
from web_interface.api.cube import cube_routes
from web_interface.api.data import data_routes
from web_interface.api.destinations import destination_routes
from web_interface.api.docs import docs_routes
from web_interface.api.efficiency import efficiency_routes
from web_interface.api.explain import explain_routes
from web_interface.api.feeds import feed_routes
from web_interface.api.figures import figure_routes
from web_interface.api.findings import finding_routes
from web_interface.api.floor import floor_routes
from web_interface.api.inspection import inspection_routes
from web_interface.api.loops import loop_routes
from web_interface.api.machines import machine_routes
from web_interface.api.notifications import notification_routes
from web_interface.api.per_part import per_part_routes
from web_interface.api.plant_versions import plant_version_routes
from web_interface.api.problems import add_handlers, problem
from web_interface.api.production import production_routes
from web_interface.api.quarantine import quarantine_routes
from web_interface.api.report_schedules import report_schedule_routes
from web_interface.api.report_templates import report_template_routes
from web_interface.api.reports import report_routes
from web_interface.api.roles import role_of
from web_interface.api.state_rules import state_rule_routes
from web_interface.api.status import healthz, status_routes
from web_interface.api.stream import stream_routes
from web_interface.api.trend_views import trend_view_routes
from web_interface.api.trends import trend_routes
from web_interface.api.virtual_tags import virtual_tag_routes
from web_interface.services import Services

ALL_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def service_routes(services: Services, now_us: Callable[[], int]) -> tuple[APIRouter, ...]:
    """What asks the services; nothing of it belongs to one application."""
    return (
        data_routes(services, now_us),
        trend_view_routes(services),
        trend_routes(services, now_us),
        alert_routes(services, now_us),
        alert_rule_routes(services),
        machine_routes(services, now_us),
        floor_routes(services),
        explain_routes(services, now_us),
        finding_routes(services, now_us),
        efficiency_routes(services, now_us),
        cube_routes(services, now_us),
        per_part_routes(services, now_us),
        production_routes(services, now_us),
        baseline_routes(services, now_us),
        balance_routes(services, now_us),
        loop_routes(services, now_us),
        alignment_routes(services),
        inspection_routes(services, now_us),
        figure_routes(services, now_us),
        destination_routes(services),
        feed_routes(services),
        state_rule_routes(services, now_us),
        status_routes(services),
        quarantine_routes(services),
        stream_routes(services, now_us),
        report_routes(services),
        report_template_routes(services),
        report_schedule_routes(services),
        admin_routes(services),
        plant_version_routes(services),
        audit_routes(services),
        backup_routes(services),
        virtual_tag_routes(services),
        notification_routes(services),
    )


def add_api(app: FastAPI, services: Services, now_us: Callable[[], int]) -> None:
    """All routes of the API and the probes. Raises RuntimeError for a route that names no role."""
    routers = (*service_routes(services, now_us), docs_routes(app))
    for router in routers:
        for route in router.routes:
            if role_of(route) is None:
                raise RuntimeError(f"{getattr(route, 'path', route)}: a route without a role")
        app.router.routes.extend(router.routes)  # flat: what answers can be walked, and is
    app.add_route("/healthz", healthz, methods=["GET"], include_in_schema=False)
    add_handlers(app)

    async def nothing_here(request: Request) -> Response:
        """404, or 405 where the path exists for other methods."""
        allowed = _methods_at(app, request.scope)
        if allowed:
            return problem(405, "this method is not used here", {"allow": ", ".join(allowed)})
        return problem(404, "there is nothing at this path")

    for path in ("/api", "/api/{rest:path}", "/metrics", "/readyz", "/healthz"):
        app.add_route(path, nothing_here, methods=ALL_METHODS, include_in_schema=False)


def _methods_at(app: FastAPI, scope: Any) -> list[str]:
    """Methods for which this path has a route of its own."""
    found: set[str] = set()
    for route in app.routes:
        if role_of(route) is not None or getattr(route, "path", "") == "/healthz":
            methods: set[str] = getattr(route, "methods", None) or set()
            if len(methods) < len(ALL_METHODS) and route.matches({**scope, "method": next(iter(methods))})[0] is Match.FULL:
                found |= methods
    return sorted(found)
