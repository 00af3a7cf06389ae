"""Report templates over the API: what is wrong in a body is named."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.clients import client, make_key
from tests.web_interface.fakes import FakeServices


@pytest.mark.parametrize("logo", ["не base64", "abc", "=?=?"])
async def test_a_logo_that_is_no_base64_is_named(app: FastAPI, services: FakeServices, logo: str) -> None:
    async with client(app, key=await make_key(services, Role.ENGINEER)) as c:
        answer = await c.put("/api/reports/templates/own", json={"name": "Own", "logo": logo})
    assert (answer.status_code, answer.json()["detail"]) == (422, "logo: is no base64")
