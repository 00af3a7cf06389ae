"""The description is valid, complete, and true: generated requests, each answer checked against it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from domain.access import Role
from tests.web_interface.api.test_roles import TABLE
from tests.web_interface.clients import client, make_key, web
from tests.web_interface.fake_shop import ShopClock
from tests.web_interface.fakes import FakeServices, build_services
from web_interface.api.docs import describe

SHOP = build_services(ShopClock(running=False))
APP = web(SHOP)
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


async def test_every_route_is_described_with_its_role(viewer: httpx.AsyncClient) -> None:
    schema = (await viewer.get("/api/openapi.json")).json()
    assert schema["openapi"].startswith("3.1")
    found = {(m.upper(), p): op["x-role"] for p, ops in schema["paths"].items() for m, op in ops.items()}
    hidden = {("GET", "/api/openapi.json"), ("GET", "/api/docs")}
    assert found == {key: row[0].value for key, row in TABLE.items() if key not in hidden}
    assert set(schema["components"]["securitySchemes"]) == {"key", "session"}


async def test_a_stranger_learns_nothing(stranger: httpx.AsyncClient) -> None:
    for path in ("/api/openapi.json", "/api/docs", "/openapi.json", "/docs", "/redoc"):
        assert (await stranger.get(path)).status_code == 401


async def test_the_docs_need_nothing_from_elsewhere(viewer: httpx.AsyncClient, app: FastAPI) -> None:
    page = (await viewer.get("/api/docs")).text
    assert "http://" not in page
    assert "https://" not in page
    assert "/static/api-docs/docs.js" in page


def unbounded(schemas: dict[str, Any], asked: dict[str, Any], path: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Whole numbers of a request that may be larger than any database takes."""
    name = asked.get("$ref", "").rpartition("/")[2]
    if name in seen:
        return
    asked = schemas[name] if name else asked
    seen = seen | {name} if name else seen
    if asked.get("type") == "integer" and "enum" not in asked and not asked.get("maximum", 1e99) <= 2**63:
        yield path
    parts = [*((path, part) for kind in ("anyOf", "oneOf", "allOf") for part in asked.get(kind, ()))]
    parts += [(f"{path}.{key}", part) for key, part in asked.get("properties", {}).items()]
    parts += [(f"{path}[]", asked["items"])] if "items" in asked else []
    for where, part in parts:
        yield from unbounded(schemas, part, where, seen)


def test_every_whole_number_that_is_taken_has_an_end() -> None:
    """One beyond the 64 bits of a database was answered 500."""
    found = describe(APP)
    schemas = found["components"]["schemas"]
    wrong = []
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            parts = [(row["name"], row["schema"]) for row in operation.get("parameters", ())]
            parts += [("body", kind.get("schema", {})) for kind in operation.get("requestBody", {}).get("content", {}).values()]
            wrong += [f"{method} {path}: {where}" for name, part in parts for where in unbounded(schemas, part, name)]
    assert wrong == []


schema = schemathesis.openapi.from_dict(describe(APP)).exclude(path="/api/stream")
schema.app = APP
OPERATIONS = [found.ok() for found in schema.get_all_operations()]


@pytest.fixture(scope="module")
def key() -> str:
    import asyncio

    return asyncio.run(make_key(SHOP, Role.ADMIN))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda found: found.label)  # the library's own ids are all the same to pytest
def test_generated_requests_get_what_the_description_says(operation: Any, key: str) -> None:
    """Half of the names are real ones: invented ones hardly ever hit."""

    @given(case=operation.as_strategy())
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    def ask(case: Any) -> None:
        if len(str(case.query) + str(case.body)) % 2:
            for name, real in (("machine_id", "lathe-1"), ("alert_id", 1), ("report_id", 1)):
                if name in case.path_parameters:
                    case.path_parameters[name] = real
            if "tag" in case.query:
                several = case.path.endswith("period")
                case.query["tag"] = ["m7.active_power", "m1.energy_import"] if several else "m7.active_power"
        case.call_and_validate(headers={"Authorization": f"Bearer {key}", "Host": "localhost"}, checks=CHECKS)

    ask()


async def test_answers_to_hostile_values_stay_described(app: FastAPI, services: FakeServices) -> None:
    codes = {p: {m: set(op["responses"]) for m, op in ops.items()} for p, ops in describe(app)["paths"].items()}
    async with client(app, key=await make_key(services, Role.ADMIN)) as c:
        for (method, path), (_, url, _request) in TABLE.items():
            if path not in codes:
                continue
            for query in ("nonsense=1", "from=x", "%00=%00"):
                answer = await c.request(method, f"{url.partition('?')[0]}?{query}", json={} if method != "GET" else None)
                assert str(answer.status_code) in codes[path][method.lower()], (method, path, answer.status_code)
