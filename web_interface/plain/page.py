"""HTML of the plain pages. Everything that is put in is escaped."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from string import Template

from web_interface.locale import LANGUAGES, has, t

LONGEST_ADDRESS = 200  # characters shown
_PAGE = Template("""<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>$title</title>
<link rel="icon" href="/static/plain/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/theme/fonts.css"><link rel="stylesheet" href="/static/plain/plain.css">
<script src="/static/plain/plain.js" defer></script>
</head>
<body>
<main class="card" data-testid="$testid">
<div class="head"><span class="logo" aria-hidden="true"></span><span class="product">$product</span></div>
$body
</main>
$foot
</body>
</html>
""")


def language_of(accept_language: str | None, default: str = "ru") -> str:
    """The first language we have of the browser's list; quality values are in falling order in every browser."""
    for part in (accept_language or "").split(","):
        code = part.partition(";")[0].strip().partition("-")[0].lower()
        if code in LANGUAGES:
            return code
    return default


def page(lang: str, title: str, testid: str, body: str, *, foot: str = "") -> bytes:
    """`body` and `foot` are our own HTML with values already escaped."""
    text = _PAGE.substitute(
        lang=lang, title=escape(title), testid=testid, product=escape(t("plain.product", lang)), body=body, foot=foot
    )
    return text.encode()


def error_page(status: int, lang: str, *, reference: str | None = None, asked: str = "", needs: str = "") -> bytes:
    """What happened and what to do, in plain words; behind a fold what support asks for: the number, and what was asked for.

    `asked`: the address; `needs`: name of the least role that is let in. Nothing technical of the inside is ever shown.
    """
    key = f"plain.error.{status}"
    words = t(key if has(key, lang) else "plain.error.other", lang)
    advice = f"plain.error.what_to_do.{status}"
    sentences = [t("plain.error.needs", lang, role=needs)] if needs else []
    sentences.append(t(advice if has(advice, lang) else "plain.error.what_to_do", lang))
    number = (
        "" if reference is None else f'<p class="note">{escape(t("plain.reference", lang))} <code>{escape(reference)}</code></p>'
    )
    body = (
        f'<h1>{escape(words)}</h1><p class="note">{escape(" ".join(sentences))}</p>{number}'
        f'<p><a class="button" href="/">{escape(t("plain.to_overview", lang))}</a></p>'
        f"<details><summary>{escape(t('plain.technical', lang))}</summary>"
        f'<p class="code">HTTP {status} {escape(HTTPStatus(status).phrase)}{_address(asked)}</p></details>'
    )
    return page(lang, words, "error-page", body)


def _address(asked: str) -> str:
    """As much of it as helps to see a typing error."""
    return f"<br>{escape(asked[:LONGEST_ADDRESS])}{'…' if len(asked) > LONGEST_ADDRESS else ''}" if asked else ""
