"""Answers given without the application: problems (RFC 9457) for programs, a small page for people."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, MutableMapping
from http import HTTPStatus
from typing import Any

from starlette.types import Receive, Scope, Send

from web_interface.plain.page import error_page, language_of

Headers = Iterable[tuple[str, str]]
PROGRAM_PATHS = ("/api/", "/metrics", "/readyz", "/healthz")


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of that name (lower case)."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None


def header_count(scope: Scope, name: bytes) -> int:
    """How often that header stands in the request."""
    return sum(1 for key, _ in scope["headers"] if key == name)


def wants_page(scope: Scope) -> bool:
    """Is a person reading this?"""
    path = str(scope["path"])
    return not path.startswith(PROGRAM_PATHS) and path != "/api" and "text/html" in (header(scope, b"accept") or "")


def problem_body(status: int, detail: str, **more: object) -> bytes:
    """application/problem+json. `detail` in plain words."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return json.dumps(body, ensure_ascii=False).encode()


def new_reference() -> str:
    """A number a user can name to find the log entry."""
    return secrets.token_hex(4)


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, detail: str, *, headers: Headers = (), reference: str | None = None
) -> None:
    """Answer with a problem or, to a browser, a page; a socket is closed before it opens."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": HTTPStatus(status).phrase})
        return
    if wants_page(scope):
        body, kind = (
            error_page(status, language_of(header(scope, b"accept-language")), reference=reference, asked=str(scope["path"])),
            "text/html; charset=utf-8",
        )
    else:
        more = {} if reference is None else {"reference": reference}
        body, kind = problem_body(status, detail, **more), "application/problem+json"
    await answer(send, status, body, kind, headers, head=scope.get("method") == "HEAD")


async def answer(send: Send, status: int, body: bytes, kind: str, headers: Headers = (), *, head: bool = False) -> None:
    """One whole response."""
    lines = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    lines += [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    start: MutableMapping[str, Any] = {"type": "http.response.start", "status": status, "headers": lines}
    await send(start)
    await send({"type": "http.response.body", "body": b"" if head else body})
