"""JSON answers, made fast: rows are built field by field, so nothing leaves that was not meant to."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from web_interface.api.problems import Problem

OFF_LOOP_ROWS = 5_000


class Strict(BaseModel):
    """Parameters: an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class Json(Response):
    """application/json; a number that is not finite becomes null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


async def large_json(content: Any, rows: int) -> Response:
    """The same; a large one is written on a thread, so that nobody waits for it."""
    if rows < OFF_LOOP_ROWS:
        return Json(content)
    return Response(await asyncio.to_thread(orjson.dumps, content), media_type="application/json")


def described(model: Any, *codes: int, content: dict[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses`: the model of 200 and the problems of the codes; 401, 403 and 429 may come from every route."""
    words = {
        400: "Too much is asked at once",
        401: "No session, no valid key",
        408: "The body took too long",
        403: "The role does not allow it",
        404: "No such name",
        409: "It changed meanwhile",
        413: "Too large",
        415: "Not this content type",
        422: "A parameter is wrong",
        429: "Too many requests",
        502: "The other side did not take it",
        503: "The database does not answer",
    }
    found: dict[int | str, dict[str, Any]] = {}
    if model is not None:
        found[200] = {"model": model}
    if content is not None:
        found.setdefault(200, {})["content"] = content
    for code in sorted({401, 403, 429, *codes}):
        found[code] = {"model": Problem, "description": words[code], "content": {"application/problem+json": {}}}
    return found
