"""GET /api/efficiency and the card of a machine."""

from __future__ import annotations

import httpx
import pytest

from web_interface.api import models
from web_interface.api.efficiency import Cards, EfficiencyList


async def test_cards_by_interval(viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get("/api/efficiency?by=machine&step=total&card=K2")
    body = EfficiencyList.model_validate(answer.json())
    assert {item.card for item in body.items} == {"K2"}
    assert body.items[0].machines == [body.items[0].group]


async def test_a_machines_card_can_be_chosen(viewer: httpx.AsyncClient) -> None:
    own = await viewer.get("/api/machines/lathe-1/efficiency")
    assert models.EfficiencyCard.model_validate(own.json()).card == "K1"
    other = await viewer.get("/api/machines/lathe-1/efficiency?card=K2")
    assert other.json()["card"] == "K2"


async def test_definitions_of_the_cards(viewer: httpx.AsyncClient) -> None:
    cards = Cards.model_validate((await viewer.get("/api/efficiency/cards")).json())
    assert [card.id for card in cards.items] == ["K1", "K2", "K3", "K4", "K5", "K7"]
    assert cards.items[0].definition == "E_prod / E_total"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/efficiency?card=K6", 422), ("/api/efficiency?by=board", 422), ("/api/efficiency?step=month", 422),
        ("/api/machines/lathe-1/efficiency?card=K9", 422), ("/api/machines/no-such/efficiency?card=K1", 404),
        ("/api/efficiency?step=hour&from=2020-01-01T00:00:00Z", 400),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(viewer: httpx.AsyncClient, path: str, code: int) -> None:
    assert (await viewer.get(path)).status_code == code
