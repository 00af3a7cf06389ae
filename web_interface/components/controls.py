"""Controls and plain elements in the look of the product: buttons, segments, breadcrumb, fields, confirm dialog."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.elements.mixins.value_element import ValueElement

from web_interface.components.number_field import NumberField
from web_interface.locale import t

Handler = Callable[[], Any]
_E = TypeVar("_E", bound=Element)


def el(tag: str = "div", classes: str = "", text: str | None = None, testid: str | None = None, **attrs: Any) -> TextElement:
    """An element with a text (shown as text) and attributes (`aria_label` becomes aria-label)."""
    element = TextElement(tag=tag, text=text or "")
    if classes:
        element.classes(classes)
    if testid:
        element.props["data-testid"] = testid
    for name, value in attrs.items():
        element.props[name.rstrip("_").replace("_", "-")] = value
    return element


def icon(name: str, classes: str = "") -> Element:
    """An outlined Material icon; decoration, never alone on a main action."""
    return el("i", f"em-icon material-icons-outlined {classes}", name, aria_hidden="true")


def button(
    text: str = "",
    on_click: Handler | None = None,
    *,
    kind: str = "plain",
    icon_name: str = "",
    testid: str | None = None,
    label: str = "",
    small: bool = False,
) -> Element:
    """`kind`: plain | primary (one a page) | danger | quiet (looks like a link). An icon alone needs a `label`."""
    classes = f"em-btn em-btn-{kind}" + (" em-btn-small" if small else "") + ("" if text else " em-btn-icon")
    element = el("button", classes, testid=testid, type="button")
    if label:
        element.props["aria-label"] = element.props["title"] = label
    with element:
        if icon_name:
            icon(icon_name)
        if text:
            el("span", text=text)
    if on_click is not None:
        element.on("click", lambda: on_click())  # noqa: PLW0108 - the handler takes no event
    return element


def rename(made: Element, text: str) -> None:
    """Other words on a `button` that stays: a click that is on its way to one that was replaced is lost."""
    cast("TextElement", made.default_slot.children[-1]).set_text(text)


def link_button(text: str, href: str, *, icon_name: str = "", testid: str | None = None, kind: str = "plain") -> Element:
    """Looks like a button and goes somewhere. `href` is relative."""
    with el("a", f"em-btn em-btn-{kind}", testid=testid, href=href) as element:
        if icon_name:
            icon(icon_name)
        el("span", text=text)
    return element


# In the browser, before the server hears of it: a page that is loaded again by anybody (a new shift, a connection lost for long,
# another language, its user) is the chosen one, even when the click itself was lost.
_CHOOSE_IN_ADDRESS = """(event) => {
    const { parameter, choice } = event.currentTarget.dataset;
    const address = new URL(location.href);
    if (choice) address.searchParams.set(parameter, choice);
    else address.searchParams.delete(parameter);
    history.replaceState(history.state, "", address);
    emit();
}"""


class Segmented(Element):
    """One of a few, side by side. `options`: value -> text; `on_change(value)`.

    `address`: the parameter of the page's address that keeps the choice; the first option is that without it, and what is in
    `elsewhere` leads to other pages.
    """

    def __init__(
        self,
        options: Mapping[str, str],
        value: str,
        on_change: Callable[[str], Any] | None = None,
        *,
        testid: str,
        label: str = "",
        address: str = "",
        elsewhere: Collection[str] = (),
    ) -> None:
        super().__init__("div")
        self.classes("em-seg")
        self._address, self._elsewhere = address, elsewhere
        self._props["role"], self._props["data-testid"] = "radiogroup", testid
        if label:
            self._props["aria-label"] = label
        self._on_change, self._buttons = on_change, {}
        self.value = value
        with self:
            for key, text in options.items():
                self._buttons[key] = self._segment(key, text, testid)

    def _segment(self, key: str, text: str, testid: str) -> Element:
        item = el("button", "em-seg-item", text, f"{testid}-{key}", type="button", role="radio")
        item.props["aria-checked"] = "true" if key == self.value else "false"
        if not self._address or key in self._elsewhere:
            return item.on("click", lambda: self.choose(key))
        item.props["data-parameter"] = self._address
        item.props["data-choice"] = "" if not self._buttons else key  # the first
        return item.on("click", lambda: self.choose(key), js_handler=_CHOOSE_IN_ADDRESS)

    def choose(self, key: str) -> Any:
        """Select as by a click."""
        if key == self.value:
            return None
        for name in (self.value, key):
            self._buttons[name]._props["aria-checked"] = "true" if name == key else "false"
            self._buttons[name].update()
        self.value = key
        return self._on_change(key) if self._on_change else None


class Several(ValueElement[tuple[str, ...]]):
    """Any of a few, side by side, each pressed or not. `options`: value -> text; the value keeps their order."""

    def __init__(self, options: Mapping[str, str], value: Sequence[str], *, testid: str, label: str) -> None:
        self._options = tuple(options)
        self._buttons: dict[str, Element] = {}
        super().__init__(tag="div", value=self._ordered(value))
        self.classes("em-seg em-several")
        self._props["role"], self._props["data-testid"], self._props["aria-label"] = "group", testid, label
        with self:
            for key, text in options.items():
                item = el("button", "em-seg-item", text, f"{testid}-{key}", type="button")
                self._buttons[key] = item.on("click", partial(self.turn, key))
        self._show()

    def turn(self, key: str) -> None:
        """Press it, or let it go."""
        self.value = self._ordered(set(self.value) ^ {key})

    def _ordered(self, chosen: Iterable[str]) -> tuple[str, ...]:
        known = set(chosen)
        return tuple(key for key in self._options if key in known)

    def _handle_value_change(self, value: Any) -> None:
        super()._handle_value_change(value)
        self._show()

    def _show(self) -> None:
        for key, item in self._buttons.items():
            item.props["aria-pressed"] = "true" if key in self.value else "false"
            item.update()


def several_field(label: str, options: Mapping[str, str], value: Sequence[str], *, testid: str, hint: str = "") -> Several:
    """A labelled choice of any of a few."""
    with el("div", "em-field"):
        el("span", "em-field-label", label)
        made = Several(options, value, testid=testid, label=label)
        if hint:
            el("span", "em-field-hint", hint)
        return made


def breadcrumb(crumbs: Sequence[tuple[str, str | None]], title: str) -> None:
    """(text, href) of the levels above, then where we are."""
    with el("nav", "em-crumbs", testid="breadcrumb", aria_label="breadcrumb"):
        for text, href in crumbs:
            if href:
                el("a", "em-crumb", text, href=href)
            else:
                el("span", "em-crumb", text)
            icon("chevron_right", "em-crumb-sep")
        el("h1", "em-title", title, "page-title")


def text_field(
    label: str,
    value: str = "",
    *,
    testid: str,
    hint: str = "",
    password: bool = False,
    mono: bool = False,
    validation: Callable[..., str | None] | dict[str, Callable[..., bool]] | None = None,
    area: bool = False,
) -> ui.input | ui.textarea:
    """A labelled line of text (or several with `area`). Errors appear under it and change no geometry below 20 px."""
    with _field(label):
        made: ui.input | ui.textarea = (
            ui.textarea(value=value, validation=validation)
            if area
            else ui.input(value=value, password=password, password_toggle_button=password, validation=validation)
        )
        return _dress(made, label, testid, hint, mono)


def number_field(
    label: str,
    value: float | None = None,
    *,
    testid: str,
    lang: str,
    unit: str = "",
    hint: str = "",
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    whole: bool = False,
    check: Callable[[Any], str | None] | None = None,
) -> NumberField:
    """A labelled number with its unit at the end; `check` says what else is wrong with one within its bounds."""
    with _field(label):
        made = NumberField(value, lang=lang, low=low, high=high, above=above, whole=whole, unit=unit, check=check)
        return _dress(made, label, testid, hint, False)


def choice_field(
    label: str,
    options: Mapping[Any, str],
    value: Any = None,
    *,
    testid: str,
    hint: str = "",
    on_change: Callable[[Any], Any] | None = None,
    search: bool = False,
) -> ui.select:
    """A labelled choice; `search` for long lists."""
    with _field(label):
        handler = None if on_change is None else (lambda e: on_change(e.value))
        made = ui.select(dict(options), value=value, with_input=search, on_change=handler)
        return _dress(made, label, testid, hint, False)


def switch_field(label: str, value: bool = False, *, testid: str, on_change: Callable[[bool], Any] | None = None) -> ui.switch:
    """On or off, with its words beside it."""
    made = ui.switch(label, value=value, on_change=None if on_change is None else (lambda e: on_change(bool(e.value))))
    made.props["data-testid"] = testid
    return made.classes("em-switch")


def _field(label: str) -> Element:
    element = el("label", "em-field")
    with element:
        el("span", "em-field-label", label)
    return element


def _dress(made: _E, label: str, testid: str, hint: str, mono: bool) -> _E:
    made.props("outlined dense")
    made.props["data-testid"], made.props["aria-label"] = testid, label
    if hint:
        made.props["hint"] = hint
    made.classes("em-input" + (" em-mono" if mono else ""))
    return made


class Confirm:
    """Asks before something that cannot be taken back. `await ask()` is True when the user agrees."""

    def __init__(self, lang: str, title: str, words: str, yes: str, *, danger: bool = True, testid: str = "confirm") -> None:
        with ui.dialog() as self._dialog, el("div", "em-dialog", testid=testid, role="alertdialog"):
            el("h2", "em-card-title", title)
            el("p", "em-dialog-text", words)
            with el("div", "em-dialog-actions"):
                button(t("action.cancel", lang), lambda: self._dialog.submit(False), testid=f"{testid}-no")
                button(yes, lambda: self._dialog.submit(True), kind="danger" if danger else "primary", testid=f"{testid}-yes")

    async def ask(self) -> bool:
        answer: Awaitable[Any] = self._dialog
        return bool(await answer)


def notify(words: str, *, good: bool = True) -> None:
    """A short note at the bottom: what was done, or what went wrong and what to do."""
    ui.notify(
        words,
        classes="em-note em-note-good" if good else "em-note em-note-bad",
        position="bottom",
        timeout=4000 if good else 8000,
    )
