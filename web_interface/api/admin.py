"""/api/plant and /api/session: the configuration as a plant file; who I am."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from domain.access import Actor, Role
from web_interface.api import models
from web_interface.api.alerts import NoParameters
from web_interface.api.answers import Json, described
from web_interface.api.problems import BadParameter, problem
from web_interface.api.roles import Need
from web_interface.auth import visit_of
from web_interface.auth.sessions import anti_forgery_token
from web_interface.services import Services

YAML = "application/yaml"
_YAML_TYPES = {YAML, "application/x-yaml", "text/yaml", "text/x-yaml"}


def admin_routes(services: Services) -> APIRouter:
    """GET and PUT /api/plant, GET /api/session."""
    router = APIRouter(prefix="/api", tags=["configuration"])

    @router.get("/plant", response_model=None, responses=described(None, 422, content={YAML: {}}), summary="The plant file")
    async def export(actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()]) -> Response:
        """Of what runs, without secrets. Needs the role engineer."""
        return Response(services.plant.export_yaml(actor), media_type=f"{YAML}; charset=utf-8")

    @router.put(
        "/plant",
        response_model=None,
        status_code=204,
        summary="Replace the configuration by a plant file",
        responses=described(None, 408, 409, 413, 415, 422, 503),
        openapi_extra={"requestBody": {"required": True, "content": {YAML: {"schema": {"type": "string"}}}}},
    )
    async def load(
        request: Request, actor: Annotated[Actor, Need(Role.ADMIN)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role admin. 422 with every problem, its line and field; then nothing has changed."""
        text = await plant_text(request)
        if isinstance(text, Response):
            return text
        await services.plant.import_yaml(text, actor)
        return Response(status_code=204)

    @router.get("/session", response_model=None, responses=described(models.SessionOut, 422), summary="Who I am")
    async def session(
        request: Request, actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        visit = visit_of(request)
        session_id = visit.session_id if visit is not None else None
        token = anti_forgery_token(session_id) if session_id is not None else None
        return Json({"name": actor.name, "role": actor.role.value, "csrf_token": token})

    return router


async def plant_text(request: Request) -> str | Response:
    """The plant file in the body; a problem for another content type. Raises BadParameter."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _YAML_TYPES:
        return problem(415, f"send the plant file as {YAML}")
    try:
        return (await request.body()).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise BadParameter("body", "the plant file is not UTF-8") from exc
