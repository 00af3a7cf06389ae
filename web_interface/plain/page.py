"""HTML of the plain pages. Everything that is put in is escaped."""

from __future__ import annotations

from html import escape
from string import Template

from web_interface.locale import LANGUAGES, has, t

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


def error_page(status: int, lang: str, *, reference: str | None = None) -> bytes:
    """What happened and what to do, in plain words; a reference number instead of anything technical."""
    key = f"plain.error.{status}"
    words = t(key if has(key, lang) else "plain.error.other", lang)
    number = (
        "" if reference is None else f'<p class="note">{escape(t("plain.reference", lang))} <code>{escape(reference)}</code></p>'
    )
    advice = f"plain.error.what_to_do.{status}"
    what_to_do = t(advice if has(advice, lang) else "plain.error.what_to_do", lang)
    body = (
        f'<h1>{escape(words)}</h1><p class="note">{escape(what_to_do)}</p>{number}'
        f'<p><a class="button" href="/">{escape(t("plain.to_overview", lang))}</a></p>'
        f'<p class="code">{status}</p>'
    )
    return page(lang, words, "error-page", body)
