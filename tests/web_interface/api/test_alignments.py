"""Alignments over the API."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import httpx

from domain.alignment import AlignMode
from tests.web_interface.api.test_plant_versions import admin  # noqa: F401 - a fixture
from tests.web_interface.fake_alignments import FakeAlignments
from web_interface.api.alignments import AlignmentList
from web_interface.format import Format
from web_interface.locale import LANGUAGES, keys_of, t
from web_interface.pages import alignments_view as view


async def test_errors_missing_values_and_the_newest_frame(admin: httpx.AsyncClient) -> None:  # noqa: F811
    (item,) = AlignmentList.model_validate((await admin.get("/api/alignments")).json()).items
    assert (item.id, item.grid_ms, item.frames) == ("ovens", 1000, 29)
    first, second = item.series
    assert (first.mode, first.error_mean_ms, first.reason) == ("interpolate", 20.0, "stale")
    assert (second.tag, second.used, second.missing) == ("oven2.temperature", 10, {"stale": 19})
    assert item.complete == 10


def test_the_page_tells_errors_and_reasons_in_both_languages() -> None:
    (status,) = FakeAlignments().statuses()
    for lang in LANGUAGES:
        fmt = Format(lang, ZoneInfo("UTC"))
        assert "alignments." not in view.note(status, fmt)
        first, second = view.rows(status, fmt)
        assert first["cells"]["mean"]["sort"] == 20.0
        assert second["cells"]["missing"]["sort"] == 19
        assert t("alignments.reason.stale", lang) in second["cells"]["tag"]["sub"]
        assert all(f"alignments.mode.{mode.value}" in keys_of(lang) for mode in AlignMode)
        assert len(view.columns(lang)) == len(first["cells"])
