"""Sessions of people, known by the digest of their id."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from database import tables
from database.engine import Store
from domain.access import KeptSession, Role

_S = tables.tables_sessions.web_session
_GOING_ON = (
    update(_S).where(_S.c.digest == bindparam("of")).values(
        used_us=bindparam("used"), password_mark=bindparam("mark"), confirmed_us=bindparam("confirmed")
    )
)  # fmt: skip


class SessionRepository:
    """Implements domain.stores.SessionStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def kept(self) -> Sequence[KeptSession]:
        async with self._store.read() as connection:
            rows = (await connection.execute(select(_S))).all()
        return [
            KeptSession(r.digest, r.user_id, Role(r.role), r.password_mark, r.begun_us, r.used_us, r.confirmed_us) for r in rows
        ]

    async def settle(self, begun: Sequence[KeptSession], going_on: Sequence[KeptSession], ended: Collection[str]) -> None:
        """All of it or nothing. One that has gone meanwhile does not come back by going on."""
        async with self._store.write() as connection:
            if begun:
                await connection.execute(self._store.insert_missing(_S, ["digest"]), [_row(one) for one in begun])
            if going_on:
                await connection.execute(_GOING_ON, [_news(one) for one in going_on])
            if ended:
                await connection.execute(delete(_S).where(_S.c.digest == bindparam("of")), [{"of": one} for one in sorted(ended)])

    async def end_of_user(self, user_id: int) -> None:
        async with self._store.write() as connection:
            await connection.execute(delete(_S).where(_S.c.user_id == user_id))


def _row(one: KeptSession) -> dict[str, Any]:
    return {**dataclasses.asdict(one), "role": one.role.value}


def _news(one: KeptSession) -> dict[str, Any]:
    return {"of": one.digest, "used": one.used_us, "mark": one.password_mark, "confirmed": one.confirmed_us}
