"""GET /api/explain."""

from __future__ import annotations

import httpx
import pytest

from web_interface.api.explain import ExplanationOut


async def test_a_figure_is_opened(viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get(
        "/api/explain?figure=energy&subject=lathe-1&from=2026-11-19T04:00:00Z&to=2026-11-19T10:00:00Z&option=card=K2"
    )
    assert answer.status_code == 200
    body = ExplanationOut.model_validate(answer.json())
    assert (body.figure, body.subject, body.formula) == ("energy", "lathe-1", "E_prod + E_idle")
    assert body.substituted == "77.46 + 8.74"
    assert body.terms[0].value == 77.46
    assert body.options == {"card": "K2"}
    assert body.gaps[0].what == "no_data"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("figure=nonsense", 404), ("figure=energy&subject=no-such", 404), ("", 422), ("figure=energy&card=K2", 422),
        ("figure=energy&option=K2", 422), ("figure=energy&from=2020-01-01T00:00:00Z", 400),
        ("figure=energy&from=2026-11-19T04:00:00Z&to=2026-11-19T04:00:00Z", 422),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(viewer: httpx.AsyncClient, query: str, code: int) -> None:
    assert (await viewer.get(f"/api/explain?{query}")).status_code == code
