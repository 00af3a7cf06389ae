"""Blocks that any page may need: card, empty, loading, error, banner, facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui.element import Element

from web_interface.components.controls import button, el, icon, link_button
from web_interface.locale import t


class Card:
    """`with Card("title", note="kW, mean of 5 min") as card:` then `with card.head:` adds controls at the right of the head."""

    def __init__(
        self, title: str = "", *, note: str = "", note_phone: str = "", testid: str | None = None, classes: str = ""
    ) -> None:
        self.root = el("section", f"em-card {classes}", testid=testid)
        self.title_element: Element | None = None
        self.head: Element | None = None
        with self.root:
            if title:
                with el("header", "em-card-head"):
                    self.title_element = el("h2", "em-card-title", title)
                    if note:
                        el("span", "em-card-note em-desk-only" if note_phone else "em-card-note", note)
                    if note_phone:
                        el("span", "em-card-note em-phone-only", note_phone)
                    self.head = el("div", "em-card-tools")
            self.body = el("div", "em-card-body")

    def __enter__(self) -> Card:
        self.body.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.body.__exit__(*exc)

    @property
    def tools(self) -> Element:
        """The right end of the head. Raises ValueError for a card without a title."""
        if self.head is None:
            raise ValueError("a card without a title has no head")
        return self.head


def empty(icon_name: str, title: str, words: str, action: str = "", href: str = "", *, testid: str = "empty") -> Element:
    """One icon, one sentence of what will appear, one button."""
    with el("div", "em-empty", testid=testid) as block:
        icon(icon_name, "em-empty-icon")
        el("b", text=title)
        el("span", "em-quiet", words)
        if action and href:
            link_button(action, href, kind="primary", testid=f"{testid}-action")
    return block


def loading(rows: int = 3, *, testid: str = "loading") -> Element:
    """Grey blocks in the geometry of what will come; they show after 200 ms."""
    with el("div", "em-loading", testid=testid, aria_busy="true") as block:
        for _ in range(rows):
            el("div", "em-loading-row")
    return block


def error(
    lang: str,
    title: str,
    words: str,
    technical: str = "",
    actions: Sequence[tuple[str, Callable[[], Any]]] = (),
    *,
    testid: str = "error",
) -> Element:
    """Left alarm bar, what happened, what to do, buttons; the technical words are a second layer."""
    with el("section", "em-card em-error", testid=testid, role="alert") as block:
        with el("div", "em-error-head"):
            icon("error", "em-alarm")
            el("b", text=title)
        el("p", "em-error-text", words)
        if technical:
            with el("details", "em-error-more"):
                el("summary", text=t("error.technical", lang))
                el("code", "em-mono", technical)
        if actions:
            with el("div", "em-error-actions"):
                for text, handler in actions:
                    button(text, handler, small=True)
    return block


def banner(words: str, *, tone: str = "alarm", icon_name: str = "error", testid: str = "banner") -> Element:
    """A line under the top bar. `tone`: alarm | quiet."""
    with el("div", f"em-banner em-banner-{tone}", testid=testid, role="status") as block:
        icon(icon_name)
        el("span", text=words)
    return block


def facts(rows: Sequence[tuple[str, str]], *, testid: str = "facts") -> Element:
    """Name and value, one a line."""
    with el("dl", "em-facts", testid=testid) as block:
        for name, value in rows:
            el("dt", text=name)
            el("dd", text=value)
    return block
