"""The invented shop and clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from domain.access import Role
from tests.web_interface.clients import client, make_key, web
from tests.web_interface.fake_shop import ShopClock
from tests.web_interface.fakes import FakeServices, build_services


@pytest.fixture
def services() -> FakeServices:
    """The shop with its clock standing still at 13:42:08."""
    return build_services(ShopClock(running=False))


@pytest.fixture
def app(services: FakeServices) -> FastAPI:
    return web(services)


@pytest.fixture
async def viewer(app: FastAPI, services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    """A program with a viewer's key."""
    async with client(app, key=await make_key(services, Role.VIEWER)) as c:
        yield c


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without key or session."""
    async with client(app) as c:
        yield c
