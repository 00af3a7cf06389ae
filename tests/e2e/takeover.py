"""What people do in the last moments before a `web` is killed, and what they must find at the one that takes over."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from database.engine import Store
from tests.conftest import eventually
from tests.e2e.generator import Numbered
from tests.e2e.process import PASSWORD, Product, command, plain_client

RULE = {"id": "hot", "scope": {"tag": "d1.n3"}, "high": 1, "hysteresis": 0.1}
SUM = {"tag": "all.sum", "formula": "d1.n1 + d1.n2", "quantity": "other", "unit": "1"}
DAYS, DAY_US = 3, 86_400_000_000
SECOND_PASSWORD = "Copper-Kettle-On-Fire-31"  # noqa: S105 - of an account that lives as long as a test


async def sign_in(web: Product, name: str = "admin", password: str = PASSWORD) -> httpx.AsyncClient:
    """A browser with its cookie; its owner closes it."""
    browser = plain_client(20.0)
    answer = await browser.post(f"{web.url}/login", data={"name": name, "password": password}, headers={"origin": web.url})
    assert answer.status_code == 303, (answer.status_code, answer.text)
    return browser


async def who(browser: httpx.AsyncClient, web: Product) -> str:
    """The name of who is signed in; the status where nobody is."""
    answer = await browser.get(f"{web.url}/api/session")
    return str(answer.json()["name"]) if answer.status_code == 200 else str(answer.status_code)


async def sign_out(browser: httpx.AsyncClient, web: Product) -> None:
    """Its cookie stays, as with whoever has copied it: without one nobody would be signed in, whatever the server thinks."""
    copied = dict(browser.cookies)
    token = (await browser.get(f"{web.url}/api/session")).json()["csrf_token"]
    answer = await browser.post(f"{web.url}/logout", data={"token": token}, headers={"origin": web.url})
    assert answer.status_code == 303, answer.text
    for name, value in copied.items():
        browser.cookies.set(name, value, domain="127.0.0.1")


class LastActs:
    """`prepare` and `act` while `web` runs; `check` at the `web` after it."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._api = store, plain_client(20.0, key)
        self._alert = 0
        self._stays = self._leaves = httpx.AsyncClient()
        self._other_key = ""

    async def close(self) -> None:
        for client in (self._api, self._stays, self._leaves):
            await client.aclose()

    async def _send(self, web: Product, method: str, path: str, body: Any) -> Any:
        answer = await self._api.request(method, web.url + path, json=body)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer.json()

    async def prepare(self, web: Product) -> None:
        """An alert stands, a virtual tag is computed, a schedule of reports, an account and a key are there, two are signed in."""
        await self._send(web, "POST", "/api/alert-rules", {"rule": RULE})
        await self._send(web, "POST", "/api/virtual-tags", SUM)
        await self._send(web, "POST", "/api/reports/schedules", {"template": "day"})
        self._stays, self._leaves = await sign_in(web), await sign_in(web)

        async def raised() -> bool:
            items = (await self._api.get(f"{web.url}/api/alerts/active")).json()["items"]
            self._alert = next((item["id"] for item in items if item["rule_id"] == "hot"), 0)
            return self._alert > 0

        person, key, _ = await asyncio.gather(
            command(web.folder, "user", "add", "anna", "--role", "operator", text=SECOND_PASSWORD + "\n", env=web.env),
            command(web.folder, "api-key", "create", "--name", "last", "--role", "viewer", env=web.env),
            eventually(raised, 30),
        )
        assert (person.code, key.code) == (0, 0), (person, key)
        self._other_key = key.out.strip()

    async def act(self, web: Product, stand_by: Product) -> None:
        """Reports become due, then the rest at once."""
        with pytest.raises(httpx.ConnectError):  # who stands by takes no edits
            await self._api.post(f"{stand_by.url}/api/alert-rules", json={"rule": RULE})
        schedule = (await self._api.get(f"{web.url}/api/reports/schedules")).json()["items"][0]
        async with self._store.write() as connection:  # as if it had been there for days
            await connection.execute(text(f"UPDATE report_schedule SET since_us = since_us - {DAYS * DAY_US}"))
        body = {"template": "day", "delay_min": 0, "version": schedule["version"]}
        await self._send(web, "PUT", f"/api/reports/schedules/{schedule['id']}", body)
        await self._send(web, "POST", f"/api/alerts/{self._alert}/acknowledge", {"note": "seen"})
        await self._send(web, "PUT", "/api/alert-rules/hot", {"rule": RULE | {"high": 2}})
        await sign_out(self._leaves, web)

    async def check(self, web: Product, unit: Numbered) -> None:
        """All of it is there, and what runs by itself goes on."""
        assert (await who(self._stays, web), await who(self._leaves, web)) == ("admin", "401")
        await (await sign_in(web, "anna", SECOND_PASSWORD)).aclose()
        async with plain_client(10.0, self._other_key) as other:
            assert (await other.get(f"{web.url}/api/machines")).status_code == 200
        rules = (await self._api.get(f"{web.url}/api/alert-rules")).json()["items"]
        assert [item["rule"]["high"] for item in rules if item["id"] == "hot"] == [2]
        alert = (await self._api.get(f"{web.url}/api/alerts/{self._alert}")).json()
        actions = [change["action"] for change in alert["transitions"]]
        assert (alert["state"], alert["note"], actions.count("raise"), actions.count("acknowledge")) == ("acknowledged", "seen", 1, 1)

        async def computed() -> bool:
            items = (await self._api.get(f"{web.url}/api/data/latest", params={"tag": "all.sum"})).json()["items"]
            value = items[0]["value"] if items else None
            return value is not None and len(unit.answered) - (value - 230_000_000) / 2 < 10

        await eventually(computed, 60)
        await eventually(self._reported, 60)

    async def _reported(self) -> bool:
        """Each day that was over has one report, and no report is of no day."""
        async with self._store.read() as connection:
            states = list(await connection.scalars(text("SELECT state FROM report_run")))
            reports = await connection.scalar(text("SELECT COUNT(*) FROM report_input WHERE schedule_id IS NOT NULL"))
        assert reports <= DAYS
        return states == ["done"] * DAYS and reports == DAYS
