"""Error pages say in plain words what to do next; what support asks for lies behind a fold."""

from __future__ import annotations

import re

import pytest

from web_interface.locale import LANGUAGES
from web_interface.plain.page import LONGEST_ADDRESS, error_page

AGAIN = re.compile(r"через минуту|повторите|try again|in a minute", re.IGNORECASE)


def plain_layer(html: str) -> str:
    """What is read before anything is unfolded."""
    return html.partition("<details>")[0]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("status", [400, 403, 404, 405, 413])
async def test_what_waiting_does_not_heal_is_not_to_be_tried_again(lang: str, status: int) -> None:
    html = error_page(status, lang, asked="/machines/gone").decode()
    assert AGAIN.search(plain_layer(html)) is None
    assert str(status) not in plain_layer(html)
    assert f"HTTP {status}" in html
    assert "/machines/gone" in html


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_waiting_heals_says_so(lang: str, status: int) -> None:
    html = error_page(status, lang, reference="0a1b2c3d").decode()
    assert "0a1b2c3d" in plain_layer(html)
    assert re.search("минуту|minute", plain_layer(html))


async def test_a_missing_role_is_named() -> None:
    assert "роль не ниже «Инженер»" in error_page(403, "ru", needs="Инженер").decode()
    assert "role “Engineer” and above" in error_page(403, "en", needs="Engineer").decode()


async def test_an_address_of_html_or_of_any_length_is_text() -> None:
    html = error_page(404, "en", asked="/<script>alert(1)</script>" + "x" * 5000).decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html
    assert "x" * (LONGEST_ADDRESS + 1) not in html
