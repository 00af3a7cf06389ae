"""Changes of the plant, drawn: entries with their fields, then the lines of the plant file; and a question that shows them."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from domain.plant_version import EntryChange, PlantDiff
from web_interface.components import button, el, icon
from web_interface.locale import t
from web_interface.pages import shell
from web_interface.pages.plant_diff_view import EntryWords, entry_words, yaml_parts

MOST_ENTRIES = 60
MOST_LINES = 400
SIGNS = {"added": "add_circle_outline", "removed": "remove_circle_outline", "changed": "edit"}


def draw_diff(page: shell.Page, diff: PlantDiff, *, testid: str = "plant-diff") -> None:
    """Long ones are cut, with the number of what is left out."""
    with el("div", "em-diff", testid=testid):
        if not diff.changes:
            el("p", "em-quiet", page.t("history.same"), f"{testid}-same")
        draw_entries(diff.changes, page.lang)
        if diff.yaml:
            with el("details", "em-more em-diff-more", testid=f"{testid}-yaml"):
                el("summary", text=page.t("history.yaml"))
                with el("pre", "em-diff-yaml em-mono"):
                    for kind, text in yaml_parts(diff.yaml, MOST_LINES):
                        el("span", f"em-diff-{kind}", text + "\n")
                if (left := len(diff.yaml) - MOST_LINES) > 0:
                    el("p", "em-quiet", page.t("history.lines_left", n=left))


def draw_entries(changes: Sequence[EntryChange], lang: str) -> None:
    """Each entry with its fields."""
    for entry in entry_words(changes[:MOST_ENTRIES], lang):
        _draw_entry(entry)
    if (left := len(changes) - MOST_ENTRIES) > 0:
        el("p", "em-quiet", t("history.more", lang, n=left))


def _draw_entry(entry: EntryWords) -> None:
    with el("section", f"em-diff-entry em-diff-entry-{entry.kind}", testid=f"diff-{entry.kind}"):
        with el("header", "em-diff-head"):
            icon(SIGNS[entry.kind], "em-diff-sign")
            el("b", text=entry.head)
            if entry.code:
                el("span", "em-quiet em-mono", entry.code)
            el("span", "em-diff-kind", entry.kind_words)
        with el("dl", "em-diff-fields"):
            for field in entry.fields:
                with el("dt", title=field.place):
                    el("span", text=field.label)
                    if field.place not in {field.label, ""}:
                        el("span", "em-diff-place em-mono", field.place)
                with el("dd"):
                    if entry.kind != "added":
                        el("span", "em-diff-old", field.old)
                    if entry.kind == "changed":
                        el("span", "em-quiet", "→")
                    if entry.kind != "removed":
                        el("span", "em-diff-new", field.new)


class DiffConfirm:
    """Asks before the configuration is replaced, and shows what changes. `await ask()` is True when the user agrees."""

    def __init__(self, page: shell.Page, title: str, words: str, yes: str, diff: PlantDiff, *, testid: str) -> None:
        with ui.dialog() as self._dialog, el("div", "em-dialog em-dialog-wide em-diff-dialog", testid=testid, role="alertdialog"):
            el("h2", "em-card-title", title)
            el("p", "em-dialog-text", words)
            with el("div", "em-diff-scroll"):
                draw_diff(page, diff, testid=f"{testid}-diff")
            with el("div", "em-dialog-actions"):
                button(page.t("action.cancel"), lambda: self._dialog.submit(False), testid=f"{testid}-no")
                button(yes, lambda: self._dialog.submit(True), kind="danger", testid=f"{testid}-yes")

    async def ask(self) -> bool:
        answer = bool(await self._dialog)
        if not self._dialog.is_deleted:
            self._dialog.delete()
        return answer
