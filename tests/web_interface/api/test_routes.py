"""Alerts, machines, energy, status, books, reports, plant, metrics: the contract's fields."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from domain.access import Role
from domain.errors import StorageError
from domain.health import Books, DestinationBook
from tests.web_interface.clients import client, log_in, make_key
from tests.web_interface.fakes import FakeServices
from web_interface.api import models, production, state_rules

WINDOW = {"from": "2026-11-19T04:00:00Z", "to": "2026-11-19T10:42:00Z"}


async def get(c: httpx.AsyncClient, path: str, status: Any = 200, **params: Any) -> dict[str, Any]:
    answer = await c.get(path, params=params or None)
    assert answer.status_code == status, answer.text
    return answer.json()  # type: ignore[no-any-return]


@pytest.fixture
async def operator(app: FastAPI, services: FakeServices):  # type: ignore[no-untyped-def]
    async with client(app, key=await make_key(services, Role.OPERATOR)) as c:
        yield c


@pytest.fixture
async def admin(app: FastAPI, services: FakeServices):  # type: ignore[no-untyped-def]
    async with client(app, key=await make_key(services, Role.ADMIN)) as c:
        yield c


async def test_active_alerts_most_urgent_first(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, "/api/alerts/active")
    models.Alerts.model_validate(body)
    first = body["items"][0]
    assert (first["id"], first["state"], first["priority"], first["machine"]) == (1, "unacknowledged", "critical", "furnace-1")
    assert (first["tag"], first["rule"], first["value"], first["limit"]) == ("m11.current_l2", "critical_high", 78.4, 75)
    assert (first["raised"], first["acknowledged_by"]) == ("2026-11-19T10:31:12.000Z", None)


async def test_history_comes_in_parts_that_join(viewer: httpx.AsyncClient) -> None:
    whole = await get(viewer, "/api/alerts")
    models.AlertHistory.model_validate(whole)
    assert whole["next"] is None
    ids, path = [], "/api/alerts?limit=2"
    while path:
        part = await get(viewer, path)
        assert len(part["items"]) <= 2
        ids += [item["id"] for item in part["items"]]
        path = part["next"]
    assert ids == [item["id"] for item in whole["items"]]
    assert len(ids) > 4, "more than two parts"


async def test_taking_an_alert_over(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/api/alerts/1/acknowledge", json={"note": "electrician called"})
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["acknowledged_by"]) == ("acknowledged", "key:operator-key")
    assert answer.json()["note"] == "electrician called"
    again = await operator.post("/api/alerts/1/acknowledge")
    assert (again.status_code, again.json()["status"]) == (409, 409)
    assert (await operator.post("/api/alerts/2/acknowledge")).status_code == 200, "a body is not needed"
    assert (await operator.post("/api/alerts/99/acknowledge")).status_code == 404


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.0", "1e3", "٣", "9" * 30])
async def test_an_alert_number_that_is_none(operator: httpx.AsyncClient, number: str) -> None:
    answer = await operator.post(f"/api/alerts/{number}/acknowledge")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["name"] == "alert_id"


@pytest.mark.parametrize("body", [{"note": 5}, {"note": "x" * 1001}, {"text": "x"}, [], "note"])
async def test_a_wrong_note(operator: httpx.AsyncClient, body: object) -> None:
    answer = await operator.post("/api/alerts/1/acknowledge", json=body)
    assert answer.status_code == 422
    assert (await get(operator, "/api/alerts/active"))["items"][0]["state"] == "unacknowledged"


async def test_machines_states_and_card(viewer: httpx.AsyncClient) -> None:
    machines = await get(viewer, "/api/machines")
    models.Machines.model_validate(machines)
    assert len(machines["items"]) == 12
    assert machines["items"][0]["name"] == "16К20 №1"
    states = await get(viewer, "/api/machines/lathe-1/states", **WINDOW)
    models.States.model_validate(states)
    assert states["items"][-1]["to"] is None
    assert all(a["to"] == b["from"] for a, b in zip(states["items"], states["items"][1:], strict=False))
    card = await get(viewer, "/api/machines/lathe-1/efficiency", **WINDOW)
    models.EfficiencyCard.model_validate(card)
    assert (card["card"], card["version"], card["value"]) == ("K1", 3, 0.87)
    assert card["value"] == pytest.approx(card["numerator_kwh"] / card["denominator_kwh"])
    assert card["inputs"]["production"]["energy_kwh"] == pytest.approx(card["numerator_kwh"])


async def test_parts_and_programs(viewer: httpx.AsyncClient) -> None:
    parts = await get(viewer, "/api/machines/lathe-1/parts", **WINDOW)
    production.Parts.model_validate(parts)
    assert (parts["parts"], parts["refused"], parts["doubtful"][0]["kind"]) == (101, 3763, "jump")
    programs = await get(viewer, "/api/machines/lathe-1/programs", **WINDOW)
    production.Programs.model_validate(programs)
    assert programs["items"][0] == {
        "program": "VAL_2041.NC", "from": "2026-11-19T04:00:00.000Z", "to": programs["items"][0]["to"],
        "seconds": programs["items"][0]["seconds"], "parts": 101, "main": None,
    }  # fmt: skip
    await get(viewer, "/api/machines/lathe-1/programs", 400, **{**WINDOW, "from": "2026-10-01T00:00:00Z"})


async def test_learned_borders_and_their_rehearsal(viewer: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    learned = await get(viewer, "/api/machines/lathe-1/states/learned")
    state_rules.Learned.model_validate(learned)
    assert learned["borders"]["production_above_kw"] == 3.16
    assert sum(b["seconds"] for b in learned["histogram"]) == pytest.approx(1_015_000, rel=0.01)
    assert (await get(viewer, "/api/machines/furnace-1/states/learned"))["reasons"] == ["one_mode"]
    finer = await get(viewer, "/api/machines/lathe-1/substates", **WINDOW)
    state_rules.SubStatesOut.model_validate(finer)
    assert [item["state"] for item in finer["items"]] == ["warm_up", "processing"]
    answer = await admin.post("/api/machines/lathe-1/states/rehearsal", json=learned["borders"])
    state_rules.RehearsalOut.model_validate(answer.json())
    assert answer.json()["changed_minutes"] == 130
    assert {s["state"]: s["changed_minutes"] for s in answer.json()["states"]}["production"] == 120
    wrong = await admin.post("/api/machines/lathe-1/states/rehearsal", json={"idle_above_kw": 3, "production_above_kw": 3.1})
    assert wrong.status_code == 422
    assert "overlaps idle_above_kw (3); expected more than 3.155" in wrong.json()["detail"]


async def test_borders_are_set_and_the_past_is_judged_anew(admin: httpx.AsyncClient, viewer: httpx.AsyncClient) -> None:
    answer = await admin.put("/api/machines/lathe-1/states/borders", json={"idle_above_kw": 0.25, "production_above_kw": 3.0})
    assert answer.json() == {"idle_above_kw": 0.25, "production_above_kw": 3.0, "min_dwell_s": 10.0, "hysteresis_kw": None}
    jobs = await get(viewer, "/api/states/recompute")
    state_rules.Recomputes.model_validate(jobs)
    assert jobs["items"][0]["progress"] == pytest.approx(2 / 3)
    cancelled = await admin.post("/api/states/recompute/lathe-1/cancel")
    assert cancelled.json()["status"] == "cancelled"
    assert (await admin.post("/api/states/recompute/lathe-1/cancel")).status_code == 404


@pytest.mark.parametrize("what", ["states", "efficiency", "parts", "programs", "states/learned"])
async def test_an_unknown_machine(viewer: httpx.AsyncClient, what: str) -> None:
    body = await get(viewer, f"/api/machines/lathe-9/{what}", 404)
    assert "lathe-1" in body["nearest"]


async def test_energy(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, "/api/energy", by="shift", **{"from": "2026-11-19T04:00:00Z", "to": "2026-11-19T05:00:00Z"})
    models.Energy.model_validate(body)
    assert len(body["items"]) == 12
    haas = next(item for item in body["items"] if item["machine"] == "haas-vf2")
    assert (haas["energy_kwh"], haas["estimated_kwh"], haas["running"], haas["label"]) == (49.0, 1.0, True, "1")
    assert haas["estimated_share"] == pytest.approx(1 / 49)
    assert (await get(viewer, "/api/energy", 422, by="month"))["errors"][0]["name"] == "by"
    too_long = await get(viewer, "/api/energy", 400, by="hour", **{"from": "1990-01-01T00:00:00Z"})
    assert too_long["limit"] == 100_000


async def test_status_of_devices_and_lines(viewer: httpx.AsyncClient) -> None:
    body = await get(viewer, "/api/devices/status")
    models.Devices.model_validate(body)
    lost = next(item for item in body["items"] if item["device"] == "m7")
    assert (lost["state"], lost["timeouts"], lost["errors"]) == ("offline", 74, {"timeout": 74})
    assert lost["next_attempt"] == "2026-11-19T10:42:30.000Z"
    lines = await get(viewer, "/api/lines/status")
    models.Lines.model_validate(lines)
    assert {item["line"]: item["state"] for item in lines["items"]}["gw2"] == "partial"


async def test_books_balance_and_say_so_when_they_do_not(
    viewer: httpx.AsyncClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = await get(viewer, "/api/books")
    models.BooksOut.model_validate(body)
    assert body["balanced"] is True
    assert body["read"] == body["kept"] + body["filtered"] + sum(body["rejected"].values())
    assert all(d["balanced"] for d in body["destinations"])
    wrong = Books(0, 10, 8, 0, {"crc": 1}, (DestinationBook("database", True, 7, 0, 0, 0),))
    monkeypatch.setattr(services.status, "books", lambda: wrong)
    body = await get(viewer, "/api/books")
    assert (body["balanced"], body["destinations"][0]["balanced"]) == (False, False)


async def test_readiness_follows_keeping_and_liveness_does_not(viewer: httpx.AsyncClient, services: FakeServices) -> None:
    assert (await get(viewer, "/readyz"))["ready"] is True
    services.status.storage_state = "journal"  # type: ignore[attr-defined]
    assert (await get(viewer, "/readyz"))["ready"] is True
    services.status.storage_state = "failed"  # type: ignore[attr-defined]
    assert (await get(viewer, "/readyz", 503)) == {"ready": False, "storage": "failed", "cause": "the database does not answer"}
    assert (await viewer.get("/healthz")).text == "ok\n"


async def test_reports_are_issued_listed_and_fetched(app: FastAPI, services: FakeServices, viewer: httpx.AsyncClient) -> None:
    async with client(app, key=await make_key(services, Role.ENGINEER)) as engineer:
        answer = await engineer.post("/api/reports", json={"template": "shift", "format": "pdf", **WINDOW})
        assert answer.status_code == 201, answer.text
        item = answer.json()
        models.ReportItem.model_validate(item)
        assert (item["from"], item["issued_by"]) == ("2026-11-19T04:00:00.000Z", "key:engineer-key")
        unknown = await engineer.post("/api/reports", json={"template": "shfit", **WINDOW})
        assert unknown.status_code == 404
        for wrong in ({"format": "doc"}, {"from": "x"}, {"to": WINDOW["from"]}, {"language": "de"}, {"extra": 1}):
            answer = await engineer.post("/api/reports", json={"template": "shift", **WINDOW, **wrong})
            assert answer.status_code == 422, wrong
        assert (
            await engineer.post("/api/reports", content=b"{", headers={"content-type": "application/json"})
        ).status_code == 422
    listed = await get(viewer, "/api/reports")
    models.Reports.model_validate(listed)
    assert [t["id"] for t in listed["templates"]][:2] == ["shift", "day"]
    file = await viewer.get(listed["items"][0]["file"])
    assert file.headers["content-type"] == "application/pdf"
    assert file.content.startswith(b"%PDF")
    disposition = file.headers["content-disposition"]
    assert 'filename="report-1.pdf"' in disposition
    assert "filename*=UTF-8''shift-1-%D1%81%D0%BC%D0%B5%D0%BD%D0%BD%D1%8B%D0%B9.pdf" in disposition
    assert (await viewer.get("/api/reports/9/file")).status_code == 404


async def test_the_plant_file_goes_out_and_in(admin: httpx.AsyncClient) -> None:
    exported = await admin.get("/api/plant")
    assert exported.headers["content-type"].startswith("application/yaml")
    changed = exported.text.replace("Механический цех", "Цех № 2")
    answer = await admin.put("/api/plant", content=changed.encode(), headers={"content-type": "application/yaml"})
    assert answer.status_code == 204
    assert "Цех № 2" in (await admin.get("/api/plant")).text
    wrong = await admin.put("/api/plant", content=b"site: [", headers={"content-type": "application/yaml"})
    assert wrong.status_code == 422
    assert "plant.yaml" in wrong.json()["detail"]
    assert (await admin.put("/api/plant", content=b"\xff\xfe", headers={"content-type": "application/yaml"})).status_code == 422
    assert (await admin.put("/api/plant", json={})).status_code == 415


async def test_metrics_are_prometheus(viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(answer.text)
        for s in family.samples
    }
    assert samples["energy_device_up", (("device", "m7"), ("line", "gw2"))] == 0
    assert samples["energy_device_up", (("device", "m1"), ("line", "tcp1"))] == 1
    assert samples["energy_device_errors_total", (("device", "m7"), ("kind", "timeout"), ("line", "gw2"))] == 74
    assert samples["energy_samples_kept_total", ()] == 9_874_112
    assert samples["energy_destination_pending", (("destination", "kafka"),)] == 412
    assert samples["energy_alerts_active", (("priority", "critical"), ("state", "unacknowledged"))] == 1
    assert samples["energy_event_loop_lag_seconds", ()] == pytest.approx(0.0013)
    assert samples["energy_backlog_samples", ()] == 0
    assert samples["energy_task_up", (("task", "writer"),)] == 1
    assert samples["energy_task_up", (("task", "watchdog"),)] == 1  # has done what it had to: nothing to be woken for


async def test_paths_and_methods_that_are_none(viewer: httpx.AsyncClient) -> None:
    nowhere = await viewer.get("/api/nothing/here")
    assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, "application/problem+json")
    assert (await viewer.get("/api")).status_code == 404
    for method in ("POST", "DELETE", "PATCH"):
        wrong = await viewer.request(method, "/api/data/latest")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
        assert wrong.headers["content-type"] == "application/problem+json"
    assert (await viewer.put("/api/reports")).headers["allow"] == "GET, POST"
    assert (await viewer.post("/metrics")).status_code == 405


async def test_with_the_database_away_live_answers_and_history_says_why(
    viewer: httpx.AsyncClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageError("(2003, \"Can't connect to MySQL server on '10.0.0.3'\")")

    monkeypatch.setattr(services.history, "raw", away)
    assert (await viewer.get("/api/data/latest")).status_code == 200
    answer = await viewer.get("/api/data/period?tag=m1.active_power")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "MySQL" not in answer.text
    assert "10.0.0.3" not in answer.text


async def test_what_nobody_caught_shows_a_number_and_no_more(
    viewer: httpx.AsyncClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    monkeypatch.setattr(services.live, "latest", broken)
    answer = await viewer.get("/api/data/latest")
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text
    assert body["reference"] in caplog.text
    assert "SELECT secret" in caplog.text


# ---- the audit --------------------------------------------------------------------------------------------------------


async def test_the_audit_is_searched_paged_and_taken_away(app: FastAPI, services: FakeServices) -> None:
    async with client(app) as c:
        await log_in(c, "admin")
        for number in range(5):
            await services.access.refused("guest", "10.9.9.9", f"GET /secret/{number}")
        first = (await c.get("/api/audit", params={"text": "secret", "failed": "true", "limit": 3})).json()
        assert [item["subject"] for item in first["items"]] == ["GET /secret/4", "GET /secret/3", "GET /secret/2"]
        rest = (await c.get("/api/audit", params={"text": "secret", "limit": 3, "before": first["next_before"]})).json()
        assert ([item["subject"][-1] for item in rest["items"]], rest["next_before"]) == (["1", "0"], None)
        table = await c.get("/api/audit", params={"text": "secret", "format": "csv"})
        assert table.headers["content-type"].startswith("text/csv")
        assert len(table.content.decode("utf-8-sig").splitlines()) == 6
        newest = (await c.get("/api/audit", params={"limit": 1})).json()["items"][0]
        assert (newest["action"], newest["subject"]) == ("audit_export", "5")
        book = await c.get("/api/audit", params={"format": "xlsx", "language": "ru"})
        assert book.content.startswith(b"PK")
        turned = await c.get("/api/audit", params={"from": "2026-11-19T10:00:00Z", "to": "2026-11-19T09:00:00Z"})
        assert (turned.status_code, turned.json()["detail"]) == (422, "to: expected a time after `from`")
