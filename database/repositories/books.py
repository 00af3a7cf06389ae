"""The books as the database has them."""

from __future__ import annotations

import json

from sqlalchemy import select

from database import tables
from database.engine import Store
from database.ledger import THE_BOOK, books_of_row
from domain.health import Books

_T = tables.book


class BookRepository:
    """Implements domain.stores.BookStore. While the product runs its writer keeps the row, together with the samples."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self) -> Books | None:
        """As of the last commit; None when nothing was ever kept."""
        async with self._store.read() as connection:
            row = (await connection.execute(select(_T).where(_T.c.id == THE_BOOK))).mappings().first()
        return None if row is None else books_of_row(row)

    async def save(self, books: Books) -> None:
        """Overwrite the counts, for a database that no writer works on."""
        own = next((d for d in books.destinations if d.name == "database"), None)
        other = [
            [d.name, d.enabled, d.delivered, d.pending, d.quarantined, d.dropped, d.last_error, d.oldest_pending_us]
            for d in books.destinations if d.name != "database"
        ]
        row = {
            "id": THE_BOOK, "flush_number": 0, "since_us": books.since_us, "read_count": books.read, "kept_count": books.kept,
            "filtered_count": books.filtered, "rejected_json": json.dumps(dict(books.rejected)),
            "delivered_count": own.delivered if own else books.kept, "quarantined_count": own.quarantined if own else 0,
            "dropped_count": own.dropped if own else 0, "journal_seq": 0, "other_json": json.dumps(other), "last_seen_us": 0,
            "refused_other_count": own.refused_other if own else 0,
        }
        update = [name for name in row if name not in {"id", "flush_number", "journal_seq", "last_seen_us"}]
        async with self._store.write() as connection:
            await connection.execute(self._store.upsert(_T, update=update), row)
