"""Hourly prices, the settled idle ledger, notes on idling."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, delete, func, select

from database import tables_figures as tables
from database.engine import Store
from domain.idle import IdleNote, IdlePiece
from domain.tariff import HourPrice

_PRICE, _PIECE, _DAY, _NOTE = tables.hour_price, tables.idle_interval, tables.idle_day, tables.idle_note


class PriceRepository:
    """Implements domain.tariff.PriceStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save_prices(self, table: str, prices: Sequence[HourPrice]) -> None:
        """Insert or update."""
        if prices:
            rows = [{"price_table": table, "time_us": p.time_us, "price_per_kwh": p.price_per_kwh} for p in prices]
            async with self._store.write() as connection:
                await connection.execute(self._store.upsert(_PRICE), rows)

    async def prices(self, table: str, from_us: int, to_us: int) -> Sequence[HourPrice]:
        """Of the hours that begin in the window, in order of time."""
        wanted = (
            select(_PRICE.c.time_us, _PRICE.c.price_per_kwh)
            .where(_PRICE.c.price_table == table, _PRICE.c.time_us >= from_us, _PRICE.c.time_us < to_us)
            .order_by(_PRICE.c.time_us)
        )
        async with self._store.read() as connection:
            return [HourPrice(row.time_us, row.price_per_kwh) for row in (await connection.execute(wanted)).all()]

    async def price_tables(self) -> Sequence[tuple[str, int, int, int]]:
        """(name, first hour, last hour, count) of each table."""
        name, time_us = _PRICE.c.price_table, _PRICE.c.time_us
        wanted = select(name, func.min(time_us), func.max(time_us), func.count()).group_by(name).order_by(name)
        async with self._store.read() as connection:
            return [(row[0], row[1], row[2], row[3]) for row in (await connection.execute(wanted)).all()]


class IdleRepository:
    """Implements domain.idle.IdleStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def settled(self, first: date, last: date, basis: str) -> Sequence[tuple[str, date, float]]:
        """(machine, day, known seconds) settled under that basis."""
        wanted = select(_DAY.c.machine_id, _DAY.c.day, _DAY.c.known_s).where(
            _DAY.c.day >= first, _DAY.c.day <= last, _DAY.c.basis == basis
        )
        async with self._store.read() as connection:
            return [(row.machine_id, row.day, row.known_s) for row in (await connection.execute(wanted)).all()]

    async def settle(
        self, machine_id: str, day: date, basis: str, known_s: float, rule_version: int, pieces: Sequence[IdlePiece]
    ) -> None:
        """Replace the day's pieces and mark it settled, in one transaction."""
        rows = [_piece_row(piece, day, rule_version) for piece in pieces]
        async with self._store.write() as connection:
            await connection.execute(delete(_PIECE).where(_PIECE.c.machine_id == machine_id, _PIECE.c.day == day))
            if rows:
                await connection.execute(self._store.upsert(_PIECE), rows)
            marker = {"machine_id": machine_id, "day": day, "basis": basis, "known_s": known_s}
            await connection.execute(self._store.upsert(_DAY), [marker])

    async def unsettle(self, machine_id: str, first: date, last: date) -> None:
        """Its past changed: these days are to be computed again."""
        async with self._store.write() as connection:
            await connection.execute(
                delete(_DAY).where(_DAY.c.machine_id == machine_id, _DAY.c.day >= first, _DAY.c.day <= last)
            )

    async def pieces(self, first: date, last: date) -> Sequence[IdlePiece]:
        """Of all machines, by machine and time, of days that are stored."""
        wanted = select(_PIECE).where(_PIECE.c.day >= first, _PIECE.c.day <= last)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_PIECE.c.machine_id, _PIECE.c.from_us))).all()
        return [_piece(row) for row in rows]

    async def add_note(self, note: IdleNote) -> IdleNote:
        """The answer carries the id."""
        row = {name: value for name, value in dataclasses.asdict(note).items() if name != "id"}
        async with self._store.write() as connection:
            return dataclasses.replace(note, id=await self._store.insert_id(connection, _NOTE, row))

    async def notes(self, from_us: int, to_us: int) -> Sequence[IdleNote]:
        """Notes on stretches that overlap the window, oldest first."""
        wanted = select(_NOTE).where(_NOTE.c.from_us < to_us, _NOTE.c.to_us > from_us).order_by(_NOTE.c.written_us, _NOTE.c.id)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted)).all()
        return [IdleNote(r.id, r.machine_id, r.from_us, r.to_us, r.text, r.author, r.written_us) for r in rows]


def _piece_row(piece: IdlePiece, day: date, rule_version: int) -> dict[str, Any]:
    return {**dataclasses.asdict(piece), "day": day, "rule_version": rule_version}


def _piece(row: Row[Any]) -> IdlePiece:
    return IdlePiece(
        row.machine_id, row.from_us, row.to_us, row.reason, row.shift, row.shift_day, row.energy_kwh, row.estimated_kwh
    )
