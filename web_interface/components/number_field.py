"""A field for a number, typed as people of either language write it; what is wrong is said while it is typed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from web_interface.format import plain, read_number
from web_interface.locale import t


class NumberField(ui.number):
    """`value` is None while what stands there is no number: `trouble()` then says what is expected.

    A text field to the browser: its own kind of number drops "1,5" without a word unless the browser speaks Russian. Numbers
    beyond the bounds are told of and never bent.
    """

    def __init__(
        self, value: float | None, *, lang: str, low: float | None = None, high: float | None = None, above: float | None = None,
        whole: bool = False, unit: str = "", check: Callable[[Any], str | None] | None = None,
    ) -> None:
        self._lang, self._low, self._high, self._above, self._whole, self._check = lang, low, high, above, whole, check
        self._typed: str | None = None  # as it stands in the browser while somebody types; "" is a text too
        super().__init__(value=value, suffix=unit or None, validation=lambda _value: self.trouble() or None)
        self._props["type"], self._props["inputmode"] = "text", "numeric" if whole and low is not None and low >= 0 else "decimal"

    def trouble(self) -> str:
        """What is expected of what stands there; "" when it is right, or empty."""
        value, lang = self.value, self._lang
        if value is None and self._typed:
            return t("expected.whole" if self._whole else "expected.number", lang)
        if value is None:
            return ""
        if not math.isfinite(value):
            return t("expected.number", lang)
        if self._whole and not float(value).is_integer():
            return t("expected.whole", lang)
        return self._beyond(value) or (self._check(value) if self._check is not None else "") or ""

    def _beyond(self, value: float) -> str:
        low, high, above, lang = self._low, self._high, self._above, self._lang
        if (low is None or value >= low) and (above is None or value > above) and (high is None or value <= high):
            return ""
        bounds = (("low", above if low is None else low), ("high", high))
        said = {name: plain(bound, lang) for name, bound in bounds if bound is not None}
        kind = "most" if len(said) == 1 and high is not None else "range" if high is not None else "least"
        if above is not None:
            kind = "above" if high is None else "above_most"
        return t(f"expected.number_{kind}", lang, **said)

    def sanitize(self) -> None:
        """Nothing is bent; a number that could be read is shown as it was understood."""
        if self.value is not None:
            self._typed = None
            with self._props.suspend_updates():
                self._props[self.VALUE_PROP] = self._value_to_model_value(self.value)
            self.update()

    def _event_args_to_value(self, e: GenericEventArguments) -> float | None:
        self._typed = str(e.args or "").strip()
        value = read_number(self._typed, self._lang)
        with self._props.suspend_updates():
            self._props[self.VALUE_PROP] = e.args or ""  # an error that comes or goes must not take away what is being typed
        if value is None and self.value is None:
            self.validate(return_result=False)  # from nothing to what is no number the value does not change
        return value

    def _handle_value_change(self, value: Any) -> None:
        if self._typed is not None and read_number(self._typed, self._lang) != value:
            self._typed = None  # somebody else put it in
        super()._handle_value_change(value)

    def _value_to_model_value(self, value: Any) -> Any:
        if self._typed is not None:
            return self._typed
        return "" if value is None else plain(value, self._lang)
