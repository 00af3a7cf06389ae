"""What the program tells of a database that is away: asked by the short test and by the long runs."""

from __future__ import annotations

from typing import Any

from tests.e2e.process import Product

CAUGHT_UP = 500  # samples that wait for the database while all is well


async def book_of(found: Product, destination: str = "database") -> dict[str, Any]:
    """A destination's line in the books."""
    (book,) = [d for d in (await found.get("/api/books"))["destinations"] if d["name"] == destination]
    return dict(book)


async def away(found: Product) -> dict[str, Any]:
    """What is told while the database is away; empty before that is known."""
    ready: dict[str, Any] = await found.get("/readyz")
    return ready if ready["storage"] == "journal" else {}


async def caught_up(found: Product) -> bool:
    ready = await found.get("/readyz")
    return bool(ready["storage"] == "ok" and (await book_of(found))["pending"] < CAUGHT_UP)


async def alerts_of(found: Product, rule: str) -> list[str]:
    """States of the alerts of a rule that stand in the list."""
    return [str(item["state"]) for item in (await found.get("/api/alerts/active"))["items"] if item["rule"] == rule]


async def storage_alert_over(found: Product) -> bool:
    """The condition is gone; nobody had taken the alert, so it waits to be seen."""
    return all(state == "returned" for state in await alerts_of(found, "storage"))
