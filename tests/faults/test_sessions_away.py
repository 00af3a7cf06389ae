"""Signed out while the database server is away, the program killed before it is back: the cookie opens nothing afterwards (S6)."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.conftest import eventually
from tests.e2e.process import product
from tests.e2e.takeover import sign_in, sign_out, who
from tests.servers import Server


@pytest.mark.server
@pytest.mark.timeout(300)
async def test_a_logout_outlives_the_kill(postgresql: Server, tmp_path: Path) -> None:
    async with product(tmp_path / "data", DATABASE__URL=postgresql.new_url()) as found:
        await found.start()
        await found.get("/api/books")  # makes the key while there is a database to keep it
        stays, leaves = await sign_in(found), await sign_in(found)
        try:
            postgresql.kill()
            try:
                await sign_out(leaves, found)
                assert await who(stays, found) == "admin"
                found.signal(signal.SIGKILL)
                await found.ended(10.0)
            finally:
                postgresql.start()
            await found.start()
            assert (await who(stays, found), await who(leaves, found)) == ("admin", "401")
            await eventually(lambda: not (found.folder / "sessions.ended").exists(), 10.0)
        finally:
            await stays.aclose()
            await leaves.aclose()
