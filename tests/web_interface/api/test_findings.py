"""Findings over the API: shapes, filters, what is refused and how."""

from __future__ import annotations

from fastapi import FastAPI

from domain.access import Role
from domain.detector import RULES
from tests.web_interface.clients import client, log_in


async def test_findings_come_with_evidence_cost_and_filters(app: FastAPI) -> None:
    async with client(app) as c:
        await log_in(c, Role.VIEWER.value)
        items = (await c.get("/api/findings")).json()["items"]
        first = items[0]
        assert (first["rule"], first["machine"], first["to"], first["severity"]) == ("long_idle", "lathe-2", None, "medium")
        assert first["evidence"][0] == {"name": "duration", "value": 95, "unit": "min", "limit": 30}
        assert first["waste_cost"] == 31.3
        assert [i["machine"] for i in items if i["rule"] == "voltage_range"] == [None]
        anomaly = next(i for i in items if i["rule"] == "anomaly")
        assert anomaly["contributions"][0] == {"tag": "current_l2", "share": 0.71}
        only = (await c.get("/api/findings?machine=furnace-1&rule=anomaly")).json()["items"]
        assert [i["rule"] for i in only] == ["anomaly"]
        assert [i["rule"] for i in (await c.get("/api/findings/running")).json()["items"]] == ["long_idle"]


async def test_unknown_names_and_long_windows_are_told(app: FastAPI) -> None:
    async with client(app) as c:
        await log_in(c, Role.ENGINEER.value)
        unknown = await c.get("/api/findings?rule=long_idel")
        assert (unknown.status_code, "long_idle" in unknown.json()["nearest"]) == (404, True)
        assert (await c.get("/api/findings?machine=nobody")).status_code == 404
        long = await c.get("/api/findings?from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z")
        assert (long.status_code, long.json()["limit"]) == (400, 400)
        body = {"rule": "long_idle", "machine": "lathe-1", "parameters": {"minutes": 3}}
        refused = await c.post("/api/findings/rehearse", json=body)
        assert refused.status_code == 409
        assert "no parameter 'minutes'" in refused.json()["detail"]
        assert (await c.post("/api/anomalies/train", json={"machine": "lathe-1", "days": 0})).status_code == 422


async def test_rules_models_and_rehearsals(app: FastAPI) -> None:
    async with client(app) as c:
        await log_in(c, Role.ENGINEER.value)
        rules = {item["rule"]: item["parameters"] for item in (await c.get("/api/findings/rules")).json()["items"]}
        assert set(rules) == set(RULES)
        assert rules["long_idle"][0] == {"name": "min_minutes", "default": 30, "low": 1, "high": 10080, "unit": "min"}
        (model,) = (await c.get("/api/anomalies/models?machine=furnace-1")).json()["items"]
        assert (model["version"], model["groups"]) == (2, ["production", "idle"])
        assert "inverse" not in str(model)
        trained = (await c.post("/api/anomalies/train", json={"machine": "furnace-1", "keep": False})).json()
        assert (trained["kept"], trained["rehearsal"]["count"]) == (False, 7)
        changes = (await c.get("/api/anomalies/changes?machine=furnace-1")).json()
        assert changes["items"][0]["after"] == 6.9


async def test_parameters_are_set_for_one_machine_and_what_is_wrong_is_named(app: FastAPI) -> None:
    async with client(app) as c:
        await log_in(c, Role.ENGINEER.value)
        rules = {"long_idle": {"min_minutes": 45}, "dry_run": {"enabled": False}}
        made = await c.put("/api/findings/detectors", json={"machine": "lathe-1", "rules": rules})
        assert made.json() == {"machine": "lathe-1", "rules": {"long_idle": {"min_minutes": 45}, "dry_run": {"enabled": False}}}
        assert (await c.get("/api/findings/detectors?machine=lathe-1")).json() == made.json()
        assert (await c.get("/api/findings/detectors")).json() == {"machine": None, "rules": {}}
        wrong = await c.put("/api/findings/detectors", json={"rules": {"long_idle": {"min_minutes": 0}}})
        assert wrong.status_code == 422
        assert "min_minutes" in wrong.text
        assert (await c.get("/api/findings/detectors?machine=nobody")).status_code == 404


async def test_a_good_period_is_trained_on_or_refused_with_the_reason(app: FastAPI) -> None:
    async with client(app) as c:
        await log_in(c, Role.ENGINEER.value)
        period = {"machine": "furnace-1", "from": "2026-11-01T00:00:00Z", "to": "2026-11-15T00:00:00Z", "keep": False}
        trained = (await c.post("/api/anomalies/train", json=period)).json()
        assert (trained["model"]["from"], trained["model"]["to"]) == ("2026-11-01T00:00:00.000Z", "2026-11-15T00:00:00.000Z")
        assert trained["model"]["above"] == {"production": 0.001, "idle": 0.0}
        short = await c.post("/api/anomalies/train", json=period | {"from": "2026-11-14T00:00:00Z"})
        assert (short.status_code, "200 are needed" in short.json()["detail"]) == (409, True)
        future = await c.post("/api/anomalies/train", json=period | {"to": "2027-01-01T00:00:00Z"})
        assert (future.status_code, "in the future" in future.json()["detail"]) == (422, True)
