"""An application built in a process in which another one has served pages: NiceGUI's own application is one a process."""

from __future__ import annotations

from nicegui import Client, core

from tests.web_interface.clients import client, log_in
from tests.web_interface.fake_shop import ShopClock
from tests.web_interface.fakes import build_services
from web_interface.app import WebOptions, build_web


async def test_a_second_application_serves_its_pages_after_the_first_one_has() -> None:
    left = []
    for _ in range(2):
        services = build_services(ShopClock(running=False))
        app = build_web(services, options=WebOptions(now_us=services.clock.now_us))
        async with client(app) as browser:
            await log_in(browser)
            assert (await browser.get("/no-such-page")).status_code == 404, "through NiceGUI's layers"
        left.append((len(core.app.user_middleware), Client.shared_head_html))
    assert left[0] == left[1], "not once more with every application"
