"""The plant for a collector: from the database, or as it was known last while the database is away.

What was read is kept in the data folder, sealed as a whole with the key beside it: it holds passwords of devices.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from database import tables
from database.engine import Store
from database.ingest import shared_store
from database.keys import Sealer, load_or_create_key
from database.migrate import current_revision, head_revision
from database.outbox import DiskOutbox
from database.repositories import PlantRepository
from database.repositories.inspection import InspectionRepository
from domain.errors import StorageError
from domain.inspection import QualityModel
from domain.plant import Tag
from domain.plant_secrets import secret_names
from domain.profile import Group
from domain.quantity import Quantity
from domain.sample import TagId

log = logging.getLogger(__name__)

FILE = "plant.sealed"


@dataclass(frozen=True, slots=True)
class EdgePicture:
    """All that a collector needs of the database. `identity`: which database the tags' numbers belong to."""

    identity: str
    version: int
    document: Mapping[str, Any]
    tags: Sequence[Tag]
    secrets: Mapping[str, str]
    models: Sequence[QualityModel] = ()  # those that judge the items of inspected devices
    numbers: Mapping[str, int] = field(default_factory=dict)  # of the last inspected item of each device

    @property
    def judging(self) -> Mapping[str, int]:
        """Version of each device's model."""
        return {model.device_id: model.version for model in self.models}


class EdgePlant:
    """Reads and remembers it."""

    def __init__(self, store: Store, data_dir: Path) -> None:
        self._store, self._data_dir = store, data_dir
        self._sealer = Sealer(load_or_create_key(data_dir / "keys" / "secrets.key"))
        self._plants, self._inspected = PlantRepository(store, self._sealer), InspectionRepository(store)

    async def fresh(self) -> EdgePicture | None:
        """From the database; None while there is no plant. Raises StorageError: away, or its schema is not this program's."""
        found = await current_revision(self._store)
        if found != head_revision():
            raise StorageError(f"the schema is {found or 'not made yet'}; main.py web or main.py prepare brings it up to date")
        version = await self._plants.version()
        document = await self._plants.load()
        if document is None:
            return None
        async with self._store.read() as connection:
            identity = await connection.scalar(select(tables.meta.c.value).where(tables.meta.c.name == "identity"))
        models = [model for model in await self._inspected.models() if model.active]
        picture = EdgePicture(
            str(identity), version, document, await self._plants.tags(), await self._secrets(document), models,
            await self._inspected.last_numbers(),
        )  # fmt: skip
        self._remember(picture)
        return picture

    async def version(self) -> int:
        """Grows with each change. Raises StorageError."""
        return await self._plants.version()

    async def judging(self) -> Mapping[str, int]:
        """As in the picture, asked quickly. Raises StorageError."""
        return await self._inspected.judging()

    def remembered(self) -> EdgePicture | None:
        """As it was known last; None without. A file that cannot be read is none."""
        try:
            found = json.loads(self._sealer.open(FILE, self._file.read_bytes()))
            tags = [_tag(fields) for fields in found.pop("tags")]
            models = [QualityModel(**fields) for fields in found.pop("models", ())]
            return EdgePicture(tags=tags, models=models, **found)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, StorageError) as exc:
            log.error("%s cannot be read: %s", self._file, exc)
            return None

    def outbox(self, identity: str, feed: str, limit_bytes: int) -> DiskOutbox:
        """Of a feed; not opened yet."""
        return DiskOutbox(self._data_dir / "feeds" / feed, bytes.fromhex(identity), limit_bytes)

    @property
    def _file(self) -> Path:
        return self._data_dir / FILE

    async def _secrets(self, document: Mapping[str, Any]) -> Mapping[str, str]:
        """One that another key sealed is told and left out: its device stays away, the others are read."""
        return await self._plants.secrets(set(secret_names(document)), self._tell_of_key)

    def _tell_of_key(self, exc: StorageError) -> None:
        log.error("%s; copy keys/secrets.key of the data folder of web to %s", exc, self._data_dir / "keys")

    def _remember(self, picture: EdgePicture) -> None:
        text = json.dumps({
            "identity": picture.identity, "version": picture.version, "document": picture.document,
            "tags": [_fields(tag) for tag in picture.tags], "secrets": picture.secrets,
            "models": [asdict(model) for model in picture.models], "numbers": picture.numbers,
        })  # fmt: skip
        beside = self._file.with_suffix(".new")
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._sealer.seal(FILE, text))
                file.flush()
                os.fsync(file.fileno())
            beside.rename(self._file)
        except OSError as exc:
            log.error("the plant cannot be remembered in %s: %s", self._file, exc)


def _fields(tag: Tag) -> dict[str, Any]:
    return {**asdict(tag), "quantity": tag.quantity.value, "group": tag.group.value, "enum": list(tag.enum.items())}


def _tag(fields: dict[str, Any]) -> Tag:
    enum = {int(number): str(name) for number, name in fields.pop("enum")}
    kinds = {"quantity": Quantity(fields["quantity"]), "group": Group(fields["group"])}
    return Tag(**{**fields, **kinds, "id": TagId(fields["id"]), "enum": enum})


@asynccontextmanager
async def open_edge_plant(url: str, data_dir: Path) -> AsyncIterator[EdgePlant]:
    """The database need not be there. Raises ConfigError (URL, SQLite)."""
    store = shared_store(url)
    try:
        yield EdgePlant(store, data_dir)
    finally:
        await store.close()


__all__ = ["EdgePicture", "EdgePlant", "open_edge_plant"]
