"""The last place before the server."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web_interface.security.answers import new_reference, refuse

log = logging.getLogger(__name__)
LOGGED = "failure_logged"


class Errors:
    """What nobody caught: plain words and a reference number to the user, the traceback to the log under that number. S34."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:  # the last place before the server, whose own answer would be a bare line
            if started and scope.get("state", {}).get(LOGGED):
                return  # a live page: answered and logged where it failed
            reference = new_reference()
            log.exception("reference %s: %s %s", reference, scope["method"], scope["path"])
            if started:
                return
            await refuse(scope, receive, send, 500, "something went wrong on the server", reference=reference)
