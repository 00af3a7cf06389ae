"""The energy page is delivered at once; figures that take long follow it."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from tests.web_interface.clients import client, log_in
from tests.web_interface.fakes import FakeServices
from web_interface.app import WebOptions, build_web


async def test_the_page_does_not_wait_for_its_figures(services: FakeServices) -> None:
    async def never(*_window: int) -> None:
        await asyncio.Event().wait()

    app = build_web(services, options=WebOptions(now_us=services.clock.now_us))
    with patch.object(services.money, "idle_ledger", never):
        async with app.router.lifespan_context(app), client(app) as browser:
            await log_in(browser, "engineer")
            answer = await browser.get("/energy")
    assert answer.status_code == 200
    assert "energy-tabs" in answer.text
    assert "loading" in answer.text
