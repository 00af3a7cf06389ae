"""Accounts and API keys. Passwords and keys come as hashes; nothing here can be logged in with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update

from database import tables
from database.engine import Store
from domain.access import ApiKey, Role, User
from domain.errors import Conflict, NotFound

_U, _K = tables.app_user, tables.api_key


class AccessRepository:
    """Implements domain.stores.AccessStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def users(self) -> Sequence[User]:
        async with self._store.read() as connection:
            rows = await connection.execute(select(_U).order_by(_U.c.name_folded))
            return [_user(row) for row in rows.all()]

    async def user_with_hash(self, name: str) -> tuple[User, str] | None:
        """By name, whatever its case."""
        async with self._store.read() as connection:
            row = (await connection.execute(select(_U).where(_U.c.name_folded == name.casefold()))).first()
        return None if row is None else (_user(row), row.password_hash)

    async def create_user(self, user: User, password_hash: str) -> User:
        """Raises Conflict when the name is taken (case-insensitive)."""
        async with self._store.write() as connection:
            if await connection.scalar(select(_U.c.id).where(_U.c.name_folded == user.name.casefold())) is not None:
                raise Conflict(f"user {user.name!r} exists already")
            user_id = await self._store.insert_id(connection, _U, {**_user_row(user), "password_hash": password_hash})
            return dataclasses.replace(user, id=user_id)

    async def update_user(self, user: User) -> None:
        """All but the password. Raises NotFound; Conflict when the new name is another's."""
        async with self._store.write() as connection:
            owner = await connection.scalar(select(_U.c.id).where(_U.c.name_folded == user.name.casefold()))
            if owner not in (None, user.id):
                raise Conflict(f"user {user.name!r} exists already")
            await _changed(connection.execute(update(_U).where(_U.c.id == user.id).values(**_user_row(user))), "user", user.id)

    async def set_password_hash(self, user_id: int, password_hash: str) -> None:
        async with self._store.write() as connection:
            statement = update(_U).where(_U.c.id == user_id).values(password_hash=password_hash)
            await _changed(connection.execute(statement), "user", user_id)

    async def keys(self) -> Sequence[ApiKey]:
        async with self._store.read() as connection:
            return [_key(row) for row in (await connection.execute(select(_K).order_by(_K.c.id))).all()]

    async def create_key(self, key: ApiKey, key_hash: str) -> ApiKey:
        async with self._store.write() as connection:
            row = {
                "name": key.name, "role": key.role.value, "prefix": key.prefix, "key_hash": key_hash,
                "created_us": key.created_us, "last_used_us": key.last_used_us, "expires_us": key.expires_us,
                "revoked": key.revoked,
            }
            return dataclasses.replace(key, id=await self._store.insert_id(connection, _K, row))

    async def key_by_hash(self, key_hash: str) -> ApiKey | None:
        """Also a revoked or expired one: whether it still opens anything is the caller's to judge."""
        async with self._store.read() as connection:
            row = (await connection.execute(select(_K).where(_K.c.key_hash == key_hash))).first()
        return None if row is None else _key(row)

    async def revoke_key(self, key_id: int) -> None:
        """For good. Raises NotFound."""
        async with self._store.write() as connection:
            await _changed(connection.execute(update(_K).where(_K.c.id == key_id).values(revoked=True)), "key", key_id)

    async def touch_key(self, key_id: int, time_us: int) -> None:
        async with self._store.write() as connection:
            await connection.execute(update(_K).where(_K.c.id == key_id).values(last_used_us=time_us))


async def _changed(execution: Any, what: str, number: int) -> None:
    if (await execution).rowcount == 0:
        raise NotFound(what, str(number))


def _user_row(user: User) -> dict[str, Any]:
    return {
        "name": user.name, "name_folded": user.name.casefold(), "role": user.role.value, "enabled": user.enabled,
        "full_name": user.full_name, "language": user.language, "theme": user.theme, "created_us": user.created_us,
        "last_login_us": user.last_login_us,
    }


def _user(row: Row[Any]) -> User:
    return User(
        row.id, row.name, Role(row.role), bool(row.enabled), row.full_name, row.language, row.theme, row.created_us,
        row.last_login_us,
    )


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.id, row.name, Role(row.role), row.prefix, row.created_us, row.last_used_us, row.expires_us, bool(row.revoked)
    )
