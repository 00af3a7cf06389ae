"""Every error of the API as application/problem+json (RFC 9457), in plain words. The one place that maps errors to codes."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import ConfigError, Conflict, DeviceError, Forbidden, MonitorError, NotFound, StorageError
from domain.notification import DeliveryFailed
from web_interface.security.answers import new_reference, problem_body
from web_interface.services.access import TooMany

log = logging.getLogger(__name__)


class WrongParameter(BaseModel):
    """One parameter that was not taken."""

    name: str = Field(description="name of the parameter, with dots inside a body")
    detail: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[WrongParameter] | None = Field(None, description="422: what is wrong with which parameter")
    nearest: list[str] | None = Field(None, description="404: existing names that are close")
    limit: int | None = Field(None, description="400: the most that is answered at once")
    reference: str | None = Field(None, description="500: number of the entry in the log")


class TooLarge(MonitorError):
    """The answer would be larger than `limit` allows."""

    def __init__(self, detail: str, limit: int) -> None:
        super().__init__(detail)
        self.limit = limit


class BadParameter(MonitorError):
    """A parameter that is well-formed but makes no sense here."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name, self.detail = name, detail


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> Response:
    """A problem as a response."""
    kept = {name: value for name, value in more.items() if value is not None}
    return Response(problem_body(status, detail, **kept), status, dict(headers or {}), "application/problem+json")


def add_handlers(app: FastAPI) -> None:
    """Map what routes and services raise."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(MonitorError, _monitor)


async def _invalid(_request: Request, exc: Any) -> Response:
    errors = [wrong(error) for error in exc.errors()]
    detail = "; ".join(f"{e['name']}: {e['detail']}" for e in errors[:5])
    return problem(422, detail, errors=errors)


def wrong(error: Mapping[str, Any]) -> dict[str, str]:
    """A validation error of pydantic: the parameter's name and what is wrong with it."""
    place: Sequence[object] = error["loc"]
    name = ".".join(str(part) for part in place[1:]) or str(place[0])
    if error["type"] == "extra_forbidden":
        return {"name": name, "detail": "there is no such parameter here"}
    if error["type"] == "json_invalid":
        return {"name": "body", "detail": "this is not JSON"}
    return {"name": name, "detail": str(error["msg"]).removeprefix("Value error, ")}


async def _http(_request: Request, exc: Any) -> Response:
    if exc.status_code == 400 and isinstance(exc.__cause__, ValueError):  # bytes that are no UTF-8, numbers too long to read
        return problem(422, "body: this is not JSON", errors=[{"name": "body", "detail": "this is not JSON"}])
    words = {404: "there is nothing at this path", 405: "this method is not used here"}
    detail = words.get(exc.status_code, exc.detail)
    return problem(exc.status_code, detail, exc.headers)


async def _monitor(request: Request, exc: Any) -> Response:
    match exc:
        case NotFound():
            nearest = list(exc.near) or None
            return problem(404, str(exc), nearest=nearest)
        case BadParameter():
            return problem(422, str(exc), errors=[{"name": exc.name, "detail": exc.detail}])
        case TooLarge():
            return problem(400, str(exc), limit=exc.limit)
        case Forbidden():
            return problem(403, str(exc))
        case Conflict():
            return problem(409, str(exc))
        case ConfigError():
            return problem(422, str(exc))
        case TooMany():
            return problem(429, str(exc), {"retry-after": str(math.ceil(exc.retry_after_s))})
        case StorageError():
            log.warning("%s %s: %s", request.method, request.url.path, exc)
            return problem(503, "the database does not answer now; live values do", {"retry-after": "5"})
        case DeliveryFailed():
            return problem(502, str(exc))
        case DeviceError():
            return problem(502, str(exc))
    reference = new_reference()
    log.error("reference %s: %s %s", reference, request.method, request.url.path, exc_info=exc)
    return problem(500, "something went wrong on the server", reference=reference)
