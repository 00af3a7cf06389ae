"""The plant: its document, the tables that SQL readers see, the register of tags, secrets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Table, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from database import tables
from database.engine import Store
from database.keys import Sealer
from domain.errors import StorageError
from domain.plant import Plant, Tag
from domain.plant_version import KEPT_VERSIONS, Authorship, PlantVersion
from domain.profile import Group
from domain.quantity import Quantity
from domain.registry import tags_of_plant
from domain.sample import TagId

THE_PLANT = 1
_VERSION = tables.tables_plant_versions.plant_version


class PlantRepository:
    """Implements domain.stores.PlantStore and domain.plant_version.PlantVersionStore."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store, self._sealer = store, sealer
        self._text, self._document = "", dict[str, object]()  # as read last: it is asked for every few seconds, and may be long

    async def load(self) -> Mapping[str, object] | None:
        """The stored document, None when there is no plant yet. Not to be changed: the same one may come again."""
        async with self._store.read() as connection:
            stored = await connection.scalar(select(tables.plant_document.c.document_json))
        if stored is None:
            return None
        if stored != self._text:
            self._text, self._document = stored, json.loads(stored)
        return self._document

    async def version(self) -> int:
        """Grows with each save; 0 when there is no plant yet."""
        async with self._store.read() as connection:
            return int(await connection.scalar(select(tables.plant_document.c.version)) or 0)

    async def timezone(self) -> str:
        """IANA name of the site's zone; UTC when there is no plant yet."""
        async with self._store.read() as connection:
            return str(await connection.scalar(select(tables.plant_document.c.timezone)) or "UTC")

    async def save(self, document: Mapping[str, object], plant: Plant, by: Authorship | None = None) -> Sequence[Tag]:
        """Replace the document and bring the tables up to date; all tags of the plant with their ids (kept for good).

        `by`: who did it, for the version that is kept; None keeps none.
        """
        text = json.dumps(document, ensure_ascii=False)
        async with self._store.write() as connection:
            version = await connection.scalar(select(tables.plant_document.c.version).with_for_update())
            row = {"id": THE_PLANT, "version": (version or 0) + 1, "timezone": plant.site.timezone, "document_json": text}
            await connection.execute(self._store.upsert(tables.plant_document), row)
            if by is not None:
                await self._keep_version(connection, (version or 0) + 1, by, text)
            await self._replace(connection, tables.line, [
                {"id": line.id, "transport": line.transport, "target": line.target, "enabled": line.enabled}
                for line in plant.lines
            ])
            await self._replace(connection, tables.device, [
                {
                    "id": device.id, "line": device.line, "profile": device.profile.name, "address": device.address,
                    "scan_s": device.scan_s, "enabled": device.enabled,
                }
                for device in plant.devices
            ])
            await self._replace(connection, tables.machine, [
                {
                    "id": machine.id, "name": machine.name, "section": machine.section, "meter": machine.meter,
                    "rated_kw": machine.rated_kw,
                }
                for machine in plant.machines
            ])
            return await self._register(connection, plant)

    async def _keep_version(self, connection: AsyncConnection, number: int, by: Authorship, text: str) -> None:
        """The newest are kept: what a mistake needs is among them, and the table stays bounded."""
        row = {"number": number, **dataclasses.asdict(by), "subject": by.subject[:300], "document_json": text}
        await connection.execute(self._store.upsert(_VERSION), row)
        await connection.execute(delete(_VERSION).where(_VERSION.c.number <= number - KEPT_VERSIONS))

    async def versions(self, limit: int, before: int | None = None) -> Sequence[PlantVersion]:
        """Newest first; `before`: only lower numbers."""
        wanted = select(*(column for column in _VERSION.c if column.name != "document_json"))
        if before is not None:
            wanted = wanted.where(_VERSION.c.number < before)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_VERSION.c.number.desc()).limit(limit))).all()
        return [_version_of(row) for row in rows]

    async def document(self, number: int) -> tuple[PlantVersion, Mapping[str, object]] | None:
        """One version with its document, None when it is not kept."""
        if not 0 < number < 2**63:
            return None
        async with self._store.read() as connection:
            row = (await connection.execute(select(_VERSION).where(_VERSION.c.number == number))).first()
        return None if row is None else (_version_of(row), json.loads(row.document_json))

    async def _replace(self, connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
        """What is no longer in the plant stays, inactive: its history is still readable."""
        await connection.execute(update(table).values(active=False))
        if rows:
            await connection.execute(self._store.upsert(table), [{**row, "active": True} for row in rows])

    async def _register(self, connection: AsyncConnection, plant: Plant) -> list[Tag]:
        wanted = tags_of_plant(plant)
        found = await connection.execute(select(tables.tag.c.name, tables.tag.c.id))
        known = {str(name): int(tag_id) for name, tag_id in found.all()}
        highest = int(await connection.scalar(select(func.max(tables.tag.c.id))) or 0)
        rows, tags = [], []
        for tag in wanted:
            tag_id = known.get(tag.name)
            if tag_id is None:
                tag_id = highest = highest + 1
            rows.append(_tag_row(tag, tag_id))
            tags.append(_with_id(tag, tag_id))
        await connection.execute(update(tables.tag).values(active=False))
        if rows:
            await connection.execute(self._store.upsert(tables.tag), rows)
        return tags

    async def tags(self) -> Sequence[Tag]:
        """All registered tags, also of removed devices."""
        async with self._store.read() as connection:
            rows = await connection.execute(select(tables.tag).order_by(tables.tag.c.id))
            return [tag_of_row(row) for row in rows.all()]

    async def set_secret(self, name: str, value: str | None) -> None:
        """Store a secret encrypted; None removes it."""
        async with self._store.write() as connection:
            if value is None:
                await connection.execute(delete(tables.secret).where(tables.secret.c.name == name))
            else:
                row = {"name": name, "sealed": self._sealer.seal(name, value)}
                await connection.execute(self._store.upsert(tables.secret), row)

    async def secret(self, name: str) -> str | None:
        """Raises StorageError when the key file is another database's."""
        async with self._store.read() as connection:
            sealed = await connection.scalar(select(tables.secret.c.sealed).where(tables.secret.c.name == name))
        return None if sealed is None else self._sealer.open(name, bytes(sealed))

    async def secrets(
        self, names: Collection[str], unreadable: Callable[[StorageError], None] | None = None
    ) -> Mapping[str, str]:
        """See PlantStore.secrets."""
        async with self._store.read() as connection:
            rows = (await connection.execute(select(tables.secret.c.name, tables.secret.c.sealed))).all()
        found: dict[str, str] = {}
        for row in (row for row in rows if row.name in names):
            try:
                found[row.name] = self._sealer.open(row.name, bytes(row.sealed))
            except StorageError as exc:
                if unreadable is None:
                    raise
                unreadable(exc)
        return found

    async def drop_unreadable_secrets(self) -> Sequence[str]:
        """Remove those that the key file at hand does not open (after a restore without the old keys); their names."""
        names = []
        async with self._store.write() as connection:
            for row in (await connection.execute(select(tables.secret))).all():
                try:
                    self._sealer.open(row.name, row.sealed)
                except StorageError:
                    names.append(row.name)
            await connection.execute(delete(tables.secret).where(tables.secret.c.name.in_(names)))
        return names


def _version_of(row: Row[Any]) -> PlantVersion:
    return PlantVersion(row.number, Authorship(row.time_us, row.author, row.source, row.action, row.subject))


def _tag_row(tag: Tag, tag_id: int) -> dict[str, Any]:
    return {
        "id": tag_id, "name": tag.name, "device_id": tag.device_id, "point": tag.point, "quantity": tag.quantity.value,
        "unit": tag.unit, "read_group": tag.group.value, "interval_s": tag.interval_s, "wrap_at": tag.wrap_at,
        "max_rate": tag.max_rate, "enum_json": json.dumps(dict(tag.enum), ensure_ascii=False) if tag.enum else None,
        "active": True,
    }


def _with_id(tag: Tag, tag_id: int) -> Tag:
    return Tag(
        TagId(tag_id), tag.name, tag.device_id, tag.point, tag.quantity, tag.unit, tag.group, tag.interval_s, tag.wrap_at,
        tag.max_rate, dict(tag.enum),
    )


def tag_of_row(row: Row[Any]) -> Tag:
    """From a row of table tag."""
    enum = {int(number): str(name) for number, name in json.loads(row.enum_json).items()} if row.enum_json else {}
    return Tag(
        TagId(row.id), row.name, row.device_id, row.point, Quantity(row.quantity), row.unit, Group(row.read_group),
        row.interval_s, row.wrap_at, row.max_rate, enum,
    )
