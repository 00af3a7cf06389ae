"""The field above a table that may grow long."""

from __future__ import annotations

from typing import Any

from web_interface.locale import t

MANY = 15  # rows; fewer are seen at a glance


def table_search(
    lang: str, label: str = "table.search", none: str = "table.search.none", from_rows: int = MANY
) -> dict[str, Any]:
    """For `DataTable(search=...)`: shown from so many rows on, and what is said when nothing is found."""
    return {"label": t(label, lang), "none": t(none, lang), "from": from_rows}
