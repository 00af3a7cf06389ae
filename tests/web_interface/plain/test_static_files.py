"""The product's own files in a browser's store: one style sheet for all pages, kept until it changes, no byte sent twice."""

from __future__ import annotations

import gzip

from fastapi import FastAPI

from tests.web_interface.clients import client
from web_interface.static_files import SHEETS, STATIC, ThemeSheet


def test_no_sheet_of_the_theme_is_left_out() -> None:
    assert sorted(SHEETS) == sorted(file.stem for file in (STATIC / "theme").glob("*.css"))


async def test_all_sheets_come_as_one_in_their_order_packed_and_kept(app: FastAPI) -> None:
    href = ThemeSheet().href
    async with client(app) as c:
        answer = await c.get(href, headers={"accept-encoding": "gzip"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert int(answer.headers["content-length"]) < len(answer.content) / 3
        assert "@import" not in answer.text
        starts = [answer.text.index((STATIC / "theme" / f"{name}.css").read_text(encoding="utf-8")[-200:]) for name in SHEETS]
        assert starts == sorted(starts)
        plain = await c.get(href, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content


async def test_a_sheet_of_another_release_is_asked_about_again(app: FastAPI) -> None:
    async with client(app) as c:
        answer = await c.get("/static/theme/pages-all.css?v=older")
        assert answer.headers["cache-control"] == "no-cache"
        again = await c.get("/static/theme/pages-all.css?v=older", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_typefaces_are_kept_and_other_files_asked_about(app: FastAPI) -> None:
    async with client(app) as c:
        fonts = await c.get("/static/theme/fonts/inter-latin-wght-normal.woff2")
        assert fonts.headers["cache-control"] == "public, max-age=31536000, immutable"
        icon = await c.get("/static/plain/icon.svg")
        assert icon.headers["cache-control"] == "no-cache"
        assert (await c.get("/static/plain/icon.svg", headers={"if-none-match": icon.headers["etag"]})).status_code == 304


def test_the_packed_form_does_not_change_from_start_to_start() -> None:
    first, second = ThemeSheet(), ThemeSheet()
    assert first.href == second.href
    assert gzip.decompress(first._packed) == second._plain
