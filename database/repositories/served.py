"""Blocks of the Modbus server's register map: given once, never taken back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from database import tables
from database.engine import Store
from domain.served import Block

_B = tables.tables_served.modbus_block


class BlockRepository:
    """Implements domain.served.BlockStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self) -> Sequence[Block]:
        """All that were ever given, in order."""
        async with self._store.read() as connection:
            rows = (await connection.execute(select(_B.c.kind, _B.c.number, _B.c.name).order_by(_B.c.kind, _B.c.number))).all()
        return [Block(str(kind), int(number), str(name)) for kind, number, name in rows]

    async def add(self, blocks: Sequence[Block]) -> None:
        """New ones; one that is there already stays."""
        rows = [{"kind": block.kind, "number": block.number, "name": block.name} for block in blocks]
        async with self._store.write() as connection:
            await connection.execute(self._store.insert_missing(_B, ["kind", "number"]), rows)
