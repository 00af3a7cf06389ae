"""Pages over services that take five seconds to answer: the frame is there with grey blocks, the figures follow."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Visit, at

PREVIEW_OPTIONS = ("--slow", "5")


@pytest.mark.parametrize(
    ("path", "frame", "figure"),
    [("/alerts/hygiene?days=1", "hygiene-days", "hygiene-peak"), ("/admin/users", "admin-tabs", "users-table")],
)
async def test_the_frame_comes_first_and_what_it_waits_for_after_it(visit: Visit, path: str, frame: str, figure: str) -> None:
    page = await visit(path)
    await page.wait_for_selector(at(frame))
    assert await page.locator(at(figure)).count() == 0
    assert await page.locator(at("loading")).count() == 1
    await page.wait_for_selector(at(figure))
    await page.wait_for_selector(at("loading"), state="detached")


async def test_the_settings_lead_on_before_they_are_counted(visit: Visit) -> None:
    page = await visit("/admin")
    assert await page.inner_text(at("admin-fact-users")) == ""
    await page.wait_for_function("document.querySelector('[data-testid=admin-fact-users]').textContent !== ''")
