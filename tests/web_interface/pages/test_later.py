"""Every page is delivered at once, however long what it shows has to be asked for."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from unittest.mock import patch

from tests.web_interface.clients import client, log_in
from tests.web_interface.fakes import FakeServices
from web_interface.app import WebOptions, build_web

PAGES = [
    ("/energy", "engineer", "money", "idle_ledger", "energy-tabs"),
    ("/alerts/hygiene", "viewer", "alerts", "hygiene", "hygiene-days"),
    ("/reports", "viewer", "reports", "runs", "reports-tabs"),
    ("/notifications", "viewer", "notifications", "channels", "page-"),
    ("/admin", "admin", "access", "users", "admin-card-users"),
    ("/admin/users", "admin", "access", "users", "admin-tabs"),
    ("/admin/keys", "admin", "access", "keys", "admin-tabs"),
    ("/admin/audit", "admin", "access", "audit", "admin-tabs"),
    ("/admin/notifications", "admin", "notifications", "channels", "admin-tabs"),
    ("/admin/virtual/new", "engineer", "virtual_tags", "check", "virtual-form-card"),
]


async def test_no_page_waits_for_what_it_shows(services: FakeServices) -> None:
    """One walk over all of them: the library of the pages takes one application a process."""

    async def never(*_args: object, **_more: object) -> None:
        await asyncio.Event().wait()

    app = build_web(services, options=WebOptions(now_us=services.clock.now_us))
    async with app.router.lifespan_context(app), AsyncExitStack() as stack:
        browsers = {role: await stack.enter_async_context(client(app)) for role in sorted({page[1] for page in PAGES})}
        for role, browser in browsers.items():
            await log_in(browser, role)
        for path, role, service, question, frame in PAGES:
            with patch.object(getattr(services, service), question, never):
                answer = await browsers[role].get(path)
            assert answer.status_code == 200, path
            assert frame in answer.text, path
