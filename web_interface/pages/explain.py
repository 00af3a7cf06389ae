"""Makes any figure of a page openable: a click or Enter on it shows where the number comes from.

explainable(page, tile, "energy", "site", window)      # window: (from_us, to_us), or a function that gives it when asked
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from nicegui import ui
from nicegui.element import Element

from domain.errors import MonitorError, NotFound
from domain.explain import Explanation
from web_interface.components import Part, button, el, notify
from web_interface.pages import shell
from web_interface.pages.explain_view import figure_name, panel

log = logging.getLogger(__name__)

Window = tuple[int, int]
Onward = Callable[[str], Sequence[tuple[str, str, str]]]  # figure -> links beyond it: test name, words, address


class ExplanationPanel(Part, component="../components/explanation.js"):
    """Where a number comes from, in blocks."""


def explainable(
    page: shell.Page,
    element: Element,
    figure: str,
    subject: str,
    window: Window | Callable[[], Window],
    options: Mapping[str, str] | None = None,
    onward: Onward | None = None,
) -> Element:
    """`element` opens the explanation of `figure` for `subject` (machine id, "section:<name>", "site"), and under it the
    links of `onward`. Returns it.

    Nothing happens to the element while no part of the product explains that figure.
    """
    if not any(figure == family or figure.startswith(f"{family}.") for family in page.services.explain.figures()):
        return element
    label = page.t("explain.open", name=figure_name(figure, page.lang))
    element.classes("em-explainable")
    element.props.update({"tabindex": 0, "role": "button", "aria-label": label, "title": label, "data-figure": figure})

    async def open_it() -> None:
        span = window() if callable(window) else window
        await show(page, figure, subject, span, options, onward)

    element.on("click", open_it).on("keydown.enter", open_it)
    return element


async def show(
    page: shell.Page, figure: str, subject: str, window: Window,
    options: Mapping[str, str] | None = None, onward: Onward | None = None,
) -> None:  # fmt: skip
    """Ask for the explanation and show it at the right edge; a failure is told where the user looks."""
    try:
        found = await page.services.explain.explain(figure, subject, *window, options)
    except NotFound:
        notify(page.t("explain.unknown"), good=False)
        return
    except (MonitorError, OSError) as exc:
        log.warning("%s of %s is not explained: %s", figure, subject, exc)
        notify(page.t("explain.failed"), good=False)
        return
    _open(page, found, onward)


def _open(page: shell.Page, explanation: Explanation, onward: Onward | None) -> None:
    with (
        page.client.layout, ui.dialog(value=True) as dialog,
        el("div", "em-explain-drawer", testid="explain-panel", role="dialog", aria_label=page.t("explain.title")),
    ):  # fmt: skip
        dialog.props("position=right maximized transition-show=slide-left transition-hide=slide-right")
        with el("header", "em-card-head"):
            el("h2", "em-card-title", page.t("explain.title"))
            with el("div", "em-card-tools"):
                words = page.t("action.close")
                button(icon_name="close", on_click=dialog.close, label=words, testid="explain-close", kind="quiet")
        if onward is not None:
            with el("nav", "em-explain-onward", testid="explain-onward", aria_label=page.t("explain.onward")):
                el("span", "em-quiet", page.t("explain.onward"))
                for name, words, href in onward(explanation.figure):
                    el("a", "em-link", words, f"onward-{name}", href=href)
        ExplanationPanel(panel(explanation, page.services.plant.plant, page.viewer.fmt), "explanation")
    dialog.on("hide", dialog.delete)
