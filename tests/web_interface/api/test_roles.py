"""Every route against every role. A route that is missing here fails, as does a wrong answer."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from starlette.routing import Mount, Route

from domain.access import Role
from domain.report import WorkbookFile
from reports.templates import BY_ID
from tests.web_interface import fake_shop as shop
from tests.web_interface.clients import client, log_in, make_key, web
from tests.web_interface.fake_baselines import as_at_start
from tests.web_interface.fake_floor import FLOOR_VERSION, PICTURE, MemoryFloor
from tests.web_interface.fake_reports import WORKBOOK, FakeReports
from tests.web_interface.fake_shop import DAY_US, START_US, ShopClock
from tests.web_interface.fake_upkeep import FIRST
from tests.web_interface.fakes import FakeServices, build_services
from web_interface.api.roles import role_of

V, O, E, A = Role.VIEWER, Role.OPERATOR, Role.ENGINEER, Role.ADMIN  # noqa: E741
BORDERS = {"idle_above_kw": 0.3, "production_above_kw": 3.1}
WINDOW = {"from": "2026-11-19T04:00:00Z", "to": "2026-11-19T10:00:00Z"}
FAILED = datetime.fromtimestamp((START_US - 40 * DAY_US) / 1e6, UTC).isoformat()
RULE = {"id": "hot", "scope": {"tag": "m1.active_power"}, "high": 12}
ORDER = {
    "name": "Цех: детали и погода", "subject": "site", "from": "2026-08-01T00:00:00Z", "to": "2026-10-30T00:00:00Z",
    "variables": [
        {"name": "parts", "kind": "parts", "source": "lathe-1"},
        {"name": "hdd", "kind": "heating_degree_days", "source": "weather.temperature", "base_c": 18},
    ],
}
VIEW = {"name": "Night", "address": "tag=m1.active_power&period=today", "shared": False}
CHANNEL = {"kind": "webhook", "name": "hook", "settings": {"url": "https://example.org/hook"}}
# (method, path of the route) -> lowest role, a request that succeeds
TABLE: dict[tuple[str, str], tuple[Role, str, dict[str, object]]] = {
    ("GET", "/api/data/latest"): (V, "/api/data/latest", {}),
    ("GET", "/api/data/period"): (V, "/api/data/period?tag=m1.active_power", {}),
    ("GET", "/api/trends"): (V, "/api/trends?tag=m1.active_power", {}),
    ("GET", "/api/alignments"): (V, "/api/alignments", {}),
    ("GET", "/api/feeds"): (V, "/api/feeds", {}),
    ("GET", "/api/feeds/{name}/quarantine"): (A, "/api/feeds/influxdb/quarantine", {}),
    ("POST", "/api/feeds/{name}/quarantine/retry"): (A, "/api/feeds/influxdb/quarantine/retry", {"json": {"ids": [1]}}),
    ("POST", "/api/feeds/{name}/quarantine/discard"): (A, "/api/feeds/influxdb/quarantine/discard", {"json": {"confirm": True}}),
    ("POST", "/api/feeds/{name}/backlog/discard"): (A, "/api/feeds/influxdb/backlog/discard", {"json": {"confirm": True}}),
    ("GET", "/api/feeds/modbus"): (A, "/api/feeds/modbus", {}),
    ("GET", "/api/feeds/opcua_server"): (A, "/api/feeds/opcua_server", {}),
    ("GET", "/api/feeds/modbus/registers"): (V, "/api/feeds/modbus/registers?format=csv", {}),
    ("GET", "/api/status/performance"): (V, "/api/status/performance", {}),
    ("GET", "/api/quarantine"): (A, "/api/quarantine", {}),
    ("POST", "/api/quarantine/discard"): (A, "/api/quarantine/discard", {"json": {"confirm": True}}),
    ("GET", "/api/status/storage"): (V, "/api/status/storage", {}),
    ("GET", "/api/status/roles"): (V, "/api/status/roles", {}),
    ("GET", "/api/status/errors"): (V, "/api/status/errors", {}),
    ("GET", "/api/trends/views"): (V, "/api/trends/views", {}),
    ("POST", "/api/trends/views"): (V, "/api/trends/views", {"json": {"name": "New", "address": "tag=m1.active_power"}}),
    ("GET", "/api/trends/views/{view_id}"): (V, "/api/trends/views/1", {}),
    ("PUT", "/api/trends/views/{view_id}"): (V, "/api/trends/views/1", {"json": {**VIEW, "version": 1}}),
    ("DELETE", "/api/trends/views/{view_id}"): (V, "/api/trends/views/1", {}),
    ("GET", "/api/trends/file"): (V, "/api/trends/file?tag=m1.active_power", {}),
    ("GET", "/api/alerts/active"): (V, "/api/alerts/active", {}),
    ("GET", "/api/alerts"): (V, "/api/alerts", {}),
    ("POST", "/api/alerts/{alert_id}/acknowledge"): (O, "/api/alerts/1/acknowledge", {"json": {"note": "seen"}}),
    ("GET", "/api/alerts/held"): (V, "/api/alerts/held", {}),
    ("GET", "/api/alerts/hygiene"): (V, "/api/alerts/hygiene", {}),
    ("GET", "/api/alerts/{alert_id}"): (V, "/api/alerts/1", {}),
    ("POST", "/api/alerts/{alert_id}/shelve"): (O, "/api/alerts/1/shelve", {"json": {"minutes": 60, "reason": "called"}}),
    ("POST", "/api/alerts/{alert_id}/unshelve"): (O, "/api/alerts/7/unshelve", {}),
    ("POST", "/api/alerts/{alert_id}/comment"): (O, "/api/alerts/1/comment", {"json": {"text": "looking at it"}}),
    ("POST", "/api/alerts/bulk-acknowledge"): (O, "/api/alerts/bulk-acknowledge", {"json": {"ids": [1, 2]}}),
    ("GET", "/api/alert-rules"): (V, "/api/alert-rules", {}),
    ("POST", "/api/alert-rules"): (E, "/api/alert-rules", {"json": {"rule": RULE}}),
    ("PUT", "/api/alert-rules/{rule_id}"): (E, "/api/alert-rules/hot", {"json": {"rule": RULE}}),
    ("DELETE", "/api/alert-rules/{rule_id}"): (E, "/api/alert-rules/hot", {}),
    ("POST", "/api/alert-rules/{rule_id}/out-of-service"): (
        E, "/api/alert-rules/hot/out-of-service", {"json": {"reason": "sensor"}},
    ),
    ("POST", "/api/alert-rules/{rule_id}/in-service"): (E, "/api/alert-rules/hot/in-service", {}),
    ("POST", "/api/alert-rules/rehearse"): (E, "/api/alert-rules/rehearse", {"json": {"rule": RULE}}),
    ("POST", "/api/alert-rules/rehearse-filter"): (
        E, "/api/alert-rules/rehearse-filter", {"json": {"tag": "m1.active_power", "high": 99}},
    ),
    ("GET", "/api/alert-rules/rehearsals/{job_id}"): (E, "/api/alert-rules/rehearsals/1", {}),
    ("DELETE", "/api/alert-rules/rehearsals/{job_id}"): (E, "/api/alert-rules/rehearsals/1", {}),
    ("GET", "/api/duty"): (V, "/api/duty", {}),
    ("GET", "/api/machines"): (V, "/api/machines", {}),
    ("GET", "/api/machines/{machine_id}/states"): (V, "/api/machines/lathe-1/states", {}),
    ("GET", "/api/machines/{machine_id}/states/learned"): (V, "/api/machines/lathe-1/states/learned", {}),
    ("GET", "/api/machines/{machine_id}/notes"): (V, "/api/machines/lathe-1/notes", {}),
    ("POST", "/api/machines/{machine_id}/notes"): (
        O, "/api/machines/lathe-1/notes", {"json": {"time": WINDOW["from"], "text": "new insert"}},
    ),
    ("GET", "/api/floor"): (V, "/api/floor", {}),
    ("PUT", "/api/floor/places"): (E, "/api/floor/places", {"json": {"version": FLOOR_VERSION, "places": []}}),
    ("GET", "/api/floor/picture"): (V, "/api/floor/picture", {}),
    ("PUT", "/api/floor/picture"): (
        E, "/api/floor/picture", {"content": PICTURE, "headers": {"content-type": "image/png"}},
    ),
    ("DELETE", "/api/floor/picture"): (E, "/api/floor/picture", {}),
    ("GET", "/api/machines/{machine_id}/substates"): (V, "/api/machines/lathe-1/substates", {}),
    ("POST", "/api/machines/{machine_id}/states/rehearsal"): (E, "/api/machines/lathe-1/states/rehearsal", {"json": BORDERS}),
    ("PUT", "/api/machines/{machine_id}/states/borders"): (E, "/api/machines/lathe-1/states/borders", {"json": BORDERS}),
    ("GET", "/api/states/recompute"): (V, "/api/states/recompute", {}),
    ("POST", "/api/states/recompute/{machine_id}/cancel"): (E, "/api/states/recompute/lathe-1/cancel", {}),
    ("GET", "/api/machines/{machine_id}/parts"): (V, "/api/machines/lathe-1/parts", {}),
    ("GET", "/api/machines/{machine_id}/programs"): (V, "/api/machines/lathe-1/programs", {}),
    ("GET", "/api/machines/{machine_id}/efficiency"): (V, "/api/machines/lathe-1/efficiency", {}),
    ("GET", "/api/energy/specific"): (V, "/api/energy/specific?machine=lathe-1", {}),
    ("GET", "/api/kpi/oee"): (V, "/api/kpi/oee", {}),
    ("GET", "/api/efficiency"): (V, "/api/efficiency", {}),
    ("GET", "/api/efficiency/cards"): (V, "/api/efficiency/cards", {}),
    ("GET", "/api/explain"): (V, "/api/explain?figure=energy&subject=lathe-1", {}),
    ("GET", "/api/baselines"): (V, "/api/baselines", {}),
    ("POST", "/api/baselines"): (E, "/api/baselines", {"json": {**ORDER, "name": "new"}}),
    ("POST", "/api/baselines/draft"): (E, "/api/baselines/draft", {"json": ORDER}),
    ("GET", "/api/baselines/{baseline_id}"): (V, "/api/baselines/1", {}),
    ("PUT", "/api/baselines/{baseline_id}"): (E, "/api/baselines/1", {"json": ORDER}),
    ("DELETE", "/api/baselines/{baseline_id}"): (E, "/api/baselines/2", {}),
    ("GET", "/api/baselines/{baseline_id}/savings"): (V, "/api/baselines/1/savings", {}),
    ("GET", "/api/balance"): (V, "/api/balance", {}),
    ("GET", "/api/balance/findings"): (V, "/api/balance/findings", {}),
    ("GET", "/api/loops"): (V, "/api/loops", {}),
    ("GET", "/api/loops/comparison"): (V, "/api/loops/comparison?loop=oven-opcua&loop=oven-s7", {}),
    ("GET", "/api/loops/{loop_id}/performance"): (V, "/api/loops/oven-opcua/performance", {}),
    ("GET", "/api/loops/{loop_id}/episodes"): (V, "/api/loops/oven-opcua/episodes", {}),
    ("GET", "/api/inspection/items"): (V, "/api/inspection/items?device=cell", {}),
    ("GET", "/api/inspection/items/{device_id}/{number}/picture"): (V, "/api/inspection/items/cell/27/picture", {}),
    ("GET", "/api/inspection/cameras"): (V, "/api/inspection/cameras", {}),
    ("GET", "/api/inspection/counts"): (V, "/api/inspection/counts?device=cell", {}),
    ("PUT", "/api/inspection/items/{device_id}/{number}/label"): (
        O, "/api/inspection/items/cell/30/label", {"json": {"label": "good"}},
    ),
    ("GET", "/api/inspection/models"): (V, "/api/inspection/models?device=cell", {}),
    ("POST", "/api/inspection/models"): (E, "/api/inspection/models", {"json": {"device": "cell", "kind": "limits"}}),
    ("GET", "/api/inspection/models/{device_id}/{version}/rehearsal"): (V, "/api/inspection/models/cell/1/rehearsal", {}),
    ("PUT", "/api/inspection/models/{device_id}/active"): (
        E, "/api/inspection/models/cell/active", {"json": {"version": 1}},
    ),
    ("GET", "/api/findings"): (V, "/api/findings", {}),
    ("GET", "/api/findings/running"): (V, "/api/findings/running", {}),
    ("GET", "/api/findings/rules"): (V, "/api/findings/rules", {}),
    ("GET", "/api/findings/detectors"): (V, "/api/findings/detectors?machine=lathe-1", {}),
    ("PUT", "/api/findings/detectors"): (
        E, "/api/findings/detectors", {"json": {"machine": "lathe-1", "rules": {"long_idle": {"min_minutes": 45}}}},
    ),
    ("POST", "/api/findings/rehearse"): (E, "/api/findings/rehearse", {"json": {"rule": "long_idle", "machine": "lathe-1"}}),
    ("GET", "/api/anomalies/models"): (V, "/api/anomalies/models", {}),
    ("POST", "/api/anomalies/train"): (E, "/api/anomalies/train", {"json": {"machine": "lathe-1"}}),
    ("GET", "/api/anomalies/changes"): (V, "/api/anomalies/changes?machine=lathe-1", {}),
    ("GET", "/api/energy"): (V, "/api/energy", {}),
    ("GET", "/api/energy/cube"): (V, "/api/energy/cube", {}),
    ("GET", "/api/energy/cost"): (V, "/api/energy/cost?by=hour", {}),
    ("GET", "/api/energy/co2"): (V, "/api/energy/co2", {}),
    ("GET", "/api/energy/load-curve"): (V, "/api/energy/load-curve?by=section", {}),
    ("GET", "/api/energy/demand"): (V, "/api/energy/demand", {}),
    ("GET", "/api/energy/power-factor"): (V, "/api/energy/power-factor", {}),
    ("GET", "/api/energy/idle"): (V, "/api/energy/idle", {}),
    ("POST", "/api/energy/idle/notes"): (O, "/api/energy/idle/notes", {"json": {"machine": "lathe-2", "text": "no parts", **WINDOW}}),
    ("GET", "/api/energy/standby"): (V, "/api/energy/standby", {}),
    ("GET", "/api/energy/prices"): (V, "/api/energy/prices", {}),
    ("POST", "/api/energy/prices"): (
        E, "/api/energy/prices?table=supplier", {"content": "2026-11-19;10;5.2", "headers": {"content-type": "text/csv"}},
    ),
    ("GET", "/api/energy/plan"): (V, "/api/energy/plan", {}),
    ("GET", "/api/calendar"): (V, "/api/calendar", {}),
    ("GET", "/api/devices/status"): (V, "/api/devices/status", {}),
    ("GET", "/api/lines/status"): (V, "/api/lines/status", {}),
    ("GET", "/api/books"): (V, "/api/books", {}),
    ("GET", "/api/stream"): (V, "/api/stream?device=none", {}),  # answers 404: the stream itself never ends
    ("GET", "/api/reports"): (V, "/api/reports", {}),
    ("POST", "/api/reports"): (E, "/api/reports", {"json": {"template": "shift", **WINDOW}}),
    ("GET", "/api/reports/templates"): (V, "/api/reports/templates", {}),
    ("GET", "/api/reports/templates/{template_id}"): (V, "/api/reports/templates/shift", {}),
    ("PUT", "/api/reports/templates/{template_id}"): (E, "/api/reports/templates/own", {"json": {"name": "Own"}}),
    ("DELETE", "/api/reports/templates/{template_id}"): (E, "/api/reports/templates/own", {}),
    ("GET", "/api/reports/templates/{template_id}/workbook"): (V, "/api/reports/templates/own/workbook", {}),
    ("PUT", "/api/reports/templates/{template_id}/workbook"): (
        E, "/api/reports/templates/day/workbook?version=1", {"content": WORKBOOK, "headers": {"content-type": "application/octet-stream"}},
    ),
    ("DELETE", "/api/reports/templates/{template_id}/workbook"): (E, "/api/reports/templates/day/workbook?version=1", {}),
    ("GET", "/api/reports/workbook/names"): (V, "/api/reports/workbook/names", {}),
    ("GET", "/api/reports/workbook/example"): (V, "/api/reports/workbook/example", {}),
    ("POST", "/api/reports/preview"): (E, "/api/reports/preview", {"json": {"template": {"name": "Own"}, **WINDOW}}),
    ("POST", "/api/reports/jobs"): (E, "/api/reports/jobs", {"json": {"template": "shift", **WINDOW}}),
    ("GET", "/api/reports/jobs/{job_id}"): (V, "/api/reports/jobs/j1", {}),
    ("DELETE", "/api/reports/jobs/{job_id}"): (E, "/api/reports/jobs/j1", {}),
    ("GET", "/api/reports/schedules"): (V, "/api/reports/schedules", {}),
    ("POST", "/api/reports/schedules"): (E, "/api/reports/schedules", {"json": {"template": "shift"}}),
    ("PUT", "/api/reports/schedules/{schedule_id}"): (
        E, "/api/reports/schedules/1", {"json": {"template": "shift", "version": 1}},
    ),
    ("DELETE", "/api/reports/schedules/{schedule_id}"): (E, "/api/reports/schedules/1", {}),
    ("POST", "/api/reports/schedules/{schedule_id}/retry"): (E, "/api/reports/schedules/2/retry", {"json": {"from": FAILED}}),
    ("GET", "/api/reports/{report_id}/file"): (V, "/api/reports/1/file", {}),
    ("GET", "/api/plant"): (E, "/api/plant", {}),
    ("PUT", "/api/plant"): (
        A, "/api/plant", {"content": "site: {name: New}", "headers": {"content-type": "application/yaml"}},
    ),
    ("GET", "/api/plant/versions"): (E, "/api/plant/versions", {}),
    ("GET", "/api/plant/versions/{number}"): (E, "/api/plant/versions/1", {}),
    ("GET", "/api/plant/versions/{number}/changes"): (E, "/api/plant/versions/1/changes", {}),
    ("POST", "/api/plant/versions/{number}/rollback"): (A, "/api/plant/versions/1/rollback", {"json": {"known": 2}}),
    ("POST", "/api/plant/preview"): (
        A, "/api/plant/preview", {"content": "site: {name: New}", "headers": {"content-type": "application/yaml"}},
    ),
    ("GET", "/api/audit"): (A, "/api/audit?text=login", {}),
    ("GET", "/api/backups"): (A, "/api/backups", {}),
    ("POST", "/api/backups"): (A, "/api/backups", {}),
    ("GET", "/api/backups/{name}/file"): (A, f"/api/backups/{FIRST}/file", {}),
    ("DELETE", "/api/backups/{name}"): (A, f"/api/backups/{FIRST}", {}),
    ("GET", "/api/log"): (E, "/api/log?level=WARNING", {}),
    ("GET", "/api/virtual-tags"): (E, "/api/virtual-tags", {}),
    ("POST", "/api/virtual-tags"): (
        E, "/api/virtual-tags", {"json": {"tag": "all.spare", "formula": "2 * m1.active_power", "quantity": "active_power"}},
    ),
    ("POST", "/api/virtual-tags/check"): (E, "/api/virtual-tags/check", {"json": {"formula": "2 * m1.active_power"}}),
    ("PUT", "/api/virtual-tags/{tag}"): (
        E, "/api/virtual-tags/shop.reserve", {"json": {"formula": "m1.active_power", "quantity": "active_power"}},
    ),
    ("DELETE", "/api/virtual-tags/{tag}"): (E, "/api/virtual-tags/shop.reserve", {}),
    ("GET", "/api/notifications/channels"): (A, "/api/notifications/channels", {}),
    ("POST", "/api/notifications/channels"): (A, "/api/notifications/channels", {"json": CHANNEL}),
    ("PUT", "/api/notifications/channels/{channel_id}"): (A, "/api/notifications/channels/1", {"json": CHANNEL}),
    ("DELETE", "/api/notifications/channels/{channel_id}"): (A, "/api/notifications/channels/1", {}),
    ("POST", "/api/notifications/channels/{channel_id}/test"): (A, "/api/notifications/channels/1/test", {"json": {}}),
    ("POST", "/api/notifications/preview"): (A, "/api/notifications/preview", {"json": {"channel": CHANNEL}}),
    ("GET", "/api/notifications/subscriptions"): (V, "/api/notifications/subscriptions", {}),
    ("POST", "/api/notifications/subscriptions"): (V, "/api/notifications/subscriptions", {"json": {"channel_id": 1}}),
    ("PUT", "/api/notifications/subscriptions/{subscription_id}"): (
        V, "/api/notifications/subscriptions/1", {"json": {"channel_id": 1}},
    ),
    ("DELETE", "/api/notifications/subscriptions/{subscription_id}"): (V, "/api/notifications/subscriptions/1", {}),
    ("GET", "/api/notifications/outbox"): (A, "/api/notifications/outbox", {}),
    ("POST", "/api/notifications/outbox"): (A, "/api/notifications/outbox", {"json": {"ids": [1], "action": "retry"}}),
    ("GET", "/api/session"): (V, "/api/session", {}),
    ("GET", "/api/openapi.json"): (V, "/api/openapi.json", {}),
    ("GET", "/api/docs"): (V, "/api/docs", {}),
    ("GET", "/metrics"): (V, "/metrics", {}),
    ("GET", "/readyz"): (V, "/readyz", {}),
}  # fmt: skip
OPEN = {"/login", "/setup", "/healthz", "/favicon.ico", "/static"}  # no session needed
ANY_SESSION = {"/logout"}
CATCH_ALL = {"/api", "/api/{rest:path}", "/metrics", "/readyz", "/healthz"}  # 404 and 405, behind the gate as all else


ADDRESSES = (f"10.0.{n // 250}.{n % 250 + 1}" for n in itertools.count())  # who fails too often from one is made to wait


@pytest.fixture(scope="module")
def read_only() -> tuple[FastAPI, FakeServices]:
    """One shop for all that change nothing: building the application anew for hundreds of tests costs minutes."""
    services = build_services(ShopClock(running=False))
    return web(services), services


@pytest.fixture
def at_work(read_only: tuple[FastAPI, FakeServices], method: str) -> tuple[FastAPI, FakeServices]:
    """A shop of its own for who changes something."""
    if method == "GET":
        return read_only
    services = build_services(ShopClock(running=False))
    return web(services), services


def test_every_route_stands_in_the_table(app: FastAPI) -> None:
    seen = set()
    for route in app.routes:
        path = getattr(route, "path", "")
        role = role_of(route)
        if role is None:
            assert path in OPEN | ANY_SESSION | CATCH_ALL, f"{path} asks for no role"
            assert isinstance(route, (Route, Mount))
            continue
        for method in route.methods:  # type: ignore[attr-defined]
            seen.add((method, path))
            assert TABLE[method, path][0] is role
    assert seen == set(TABLE)


@pytest.mark.parametrize(("method", "path"), TABLE)
@pytest.mark.parametrize("by", ["key", "session"])
async def test_each_route_for_each_role(at_work: tuple[FastAPI, FakeServices], method: str, path: str, by: str) -> None:
    app, services = at_work
    lowest, url, request = TABLE[method, path]
    for role in Role:
        async with client(app, address=next(ADDRESSES)) as c:
            if by == "session":
                await log_in(c, role.value)
            else:
                c.headers["authorization"] = f"Bearer {await make_key(services, role)}"
            if path.startswith(("/api/reports/jobs/", "/api/reports/schedules")):
                services.reports.__init__(services.clock)  # type: ignore[misc]
                await services.reports.start("shift", "pdf", 0, 1, "ru", await _admin(services))
            if path == "/api/reports/templates/{template_id}":
                await as_known(services.reports, method)
            if path.startswith("/api/trends/views"):
                services.trend_views._store.__init__()  # type: ignore[attr-defined]
                assert (await c.post("/api/trends/views", json=VIEW)).status_code == 201
            if path.endswith("/workbook"):
                await with_workbook(services.reports)
            if path == "/api/reports/{report_id}/file":
                await services.reports.issue("shift", "pdf", 0, 1, "ru", await _admin(services))
            if path == "/api/states/recompute/{machine_id}/cancel":
                services.states.__init__(services.clock)  # type: ignore[misc]
            if path.startswith("/api/alerts/"):
                services.alerts.__init__(services.live)  # type: ignore[misc]
            if path.startswith("/api/floor"):
                services.floor.__init__(shop.plant, MemoryFloor.drawn(), services.audit_store, services.clock)  # type: ignore[misc]
            if path.startswith("/api/baselines"):
                as_at_start(services.baselines)
            await _prepare_rules(services, method, path)
            refusals = services.audit_store.actions().count("refused")
            answer = await c.request(method, url, **request)  # type: ignore[arg-type]
            if role.allows(lowest):
                expected = {404} if path == "/api/stream" else {200, 201, 202, 204}
                assert answer.status_code in expected, (role, answer.text)
            else:
                assert answer.status_code == 403, role
                assert answer.headers["content-type"] == "application/problem+json"
                assert services.audit_store.actions().count("refused") == refusals + 1


async def as_known(reports: FakeReports, method: str) -> None:
    """No template of one's own, or one to delete."""
    reports.kept.pop("own", None)
    if method == "DELETE":
        reports.kept["own"] = replace(reports.kept["day"], id="own", name="Own")


async def with_workbook(reports: FakeReports) -> None:
    """A template at its first version, another one with a workbook."""
    reports.kept.update({"day": BY_ID["day"], "own": replace(BY_ID["day"], id="own", name="Own")})
    reports.books["own"] = WorkbookFile("форма.xlsx", WORKBOOK)


async def _prepare_rules(services: FakeServices, method: str, path: str) -> None:
    """A rule to change, one out of service, a rehearsal to ask for."""
    if "{rule_id}" in path or (method, path) == ("POST", "/api/alert-rules"):
        admin = await _admin(services)
        await services.plant.delete_alert_rule("hot", admin)
        if "{rule_id}" in path:
            await services.plant.save_alert_rule(RULE, admin, new=True)
            if path.endswith("in-service"):
                await services.alerts.take_out_of_service("hot", "sensor", admin)
    if "{job_id}" in path:
        services.rehearsals.start_rule(await services.plant.draft_alert_rule(RULE))


async def _admin(services: FakeServices):  # type: ignore[no-untyped-def]
    from tests.web_interface.clients import ADMIN

    return ADMIN


@pytest.mark.parametrize(("method", "path"), TABLE)
async def test_nothing_without_key_or_session(read_only: tuple[FastAPI, FakeServices], method: str, path: str) -> None:
    async with client(read_only[0], address=next(ADDRESSES)) as c:
        for headers in ({}, {"authorization": "Bearer em_AAAAAAAAAAAAAAAAAAAAAA"}, {"cookie": "energy_session=forged"}):
            _, url, request = TABLE[method, path]
            more = dict(request)
            answer = await c.request(method, url, headers={**more.pop("headers", {}), **headers}, **more)  # type: ignore[dict-item, arg-type]
            assert answer.status_code == 401, answer.text
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_what_is_open_answers_a_stranger(app: FastAPI) -> None:
    async with client(app) as c:
        for path in ("/healthz", "/login", "/favicon.ico", "/static/plain/plain.css", "/static/theme/tokens.css"):
            assert (await c.get(path)).status_code == 200, path
        for path in (
            "/static/api-docs/docs.js",
            "/nothing",
            "/_nicegui/x",
            "/static/../app.py",
            "/static/plain/../api-docs/docs.js",
        ):
            assert (await c.get(path)).status_code == 401, path
