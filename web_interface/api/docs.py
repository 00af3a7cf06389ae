"""/api/openapi.json and /api/docs: the description, and a page that shows it without the internet."""

from __future__ import annotations

from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response

from domain.access import Actor, Role
from web_interface.api.alerts import NoParameters
from web_interface.api.answers import Json, described
from web_interface.api.roles import Need, role_of

VERSION = "1.0"
INTRODUCTION = (
    "Times are RFC 3339 in UTC with milliseconds; units are canonical (kW, kvar, kVA, V, A, Hz, kWh, kvarh, °C). "
    "Send `Authorization: Bearer KEY`, or use the session of the pages (changing requests then need the header `X-CSRF-Token`). "
    "Errors are application/problem+json (RFC 9457)."
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} API</title><link rel="icon" href="/static/plain/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/theme/fonts.css"><link rel="stylesheet" href="/static/api-docs/docs.css">
<script src="/static/api-docs/docs.js" defer></script></head>
<body><div id="docs" data-source="/api/openapi.json" data-testid="api-docs">
<noscript><p>The description is at <a href="/api/openapi.json">/api/openapi.json</a>.</p></noscript></div></body></html>
"""


def describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1 of all API routes; each tells the role it needs."""
    if app.openapi_schema is None:
        routes = [route for route in app.routes if role_of(route) is not None]
        schema = get_openapi(title=app.title, version=VERSION, openapi_version="3.1.0", description=INTRODUCTION, routes=routes)
        schema.setdefault("components", {})["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "an API key"},
            "session": {"type": "apiKey", "in": "cookie", "name": "energy_session", "description": "the session of the pages"},
        }
        schema["security"] = [{"key": []}, {"session": []}]
        for route in routes:
            role = role_of(route)
            for method in getattr(route, "methods", None) or ():
                operation = schema["paths"].get(getattr(route, "path", ""), {}).get(method.lower())
                if operation is not None and role is not None:
                    operation["x-role"] = role.value
                    _only_problems(operation)
        app.openapi_schema = schema
    return app.openapi_schema


def _only_problems(operation: dict[str, Any]) -> None:
    """Errors are always problem+json, never the framework's own form."""
    for code, response in operation["responses"].items():
        content = response.get("content", {})
        if code.isdigit() and int(code) >= 400 and "application/json" in content and not (code == "503" and _is_ready(content)):
            schema = content.pop("application/json")
            content["application/problem+json"] = schema


def _is_ready(content: dict[str, Any]) -> bool:
    return "Ready" in str(content["application/json"].get("schema", {}).get("$ref", ""))


def docs_routes(app: FastAPI) -> APIRouter:
    """Both need a session or key: a stranger learns nothing about the product."""
    router = APIRouter(prefix="/api", include_in_schema=False)

    @router.get("/openapi.json", response_model=None, responses=described(None))
    async def openapi(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]) -> Response:
        return Json(describe(app))

    @router.get("/docs", response_model=None)
    async def docs(
        request: Request, actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        return Response(_PAGE.format(title=escape(app.title)), media_type="text/html")

    return router
