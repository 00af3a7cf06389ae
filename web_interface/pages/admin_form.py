"""A form from a list of fields: it draws them, gives their values as a plant file would hold them, and shows what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nicegui.elements.mixins.validation_element import ValidationElement
from nicegui.elements.mixins.value_element import ValueElement

from web_interface.components import NumberField, choice_field, el, icon, number_field, several_field, switch_field, text_field
from web_interface.locale import t
from web_interface.pages.admin_words import Trouble
from web_interface.pages.typed_checks import BOUNDS, Bounds, id_check

NONE = ""  # the choice that means "not set"
LONGEST_TEXT = 200  # characters; what a plant file takes
_TEXTS = frozenset({"text", "date", "list", "lines"})


@dataclass(frozen=True, slots=True)
class Field:
    """`kind`: text | number | whole | choice | several (any of `options`) | switch | secret | date | lines | list (words and
    whole numbers, set off by commas).

    `name` with dots stands for a group (states.min_dwell_s). `default`: what is meant when the field is left out; a value equal
    to it is left out. Told while it is typed: a number beyond `low`, `high` or not greater than `above`, a text of more than
    `longest` characters, and what `check(text)` says of a text that is not empty.
    """

    name: str
    kind: str
    label: str
    unit: str = ""
    hint: str = ""
    options: Mapping[Any, str] = field(default_factory=dict)
    default: object = None
    required: bool = False
    search: bool = False
    mono: bool = False
    wide: bool = False
    low: float | None = None
    high: float | None = None
    above: float | None = None
    longest: int = LONGEST_TEXT
    check: Callable[[str], str | None] | None = None


def id_field(lang: str, *, new: bool) -> list[Field]:
    """The id of an entry: asked once, for good."""
    hint = t("admin.hint.id", lang)
    check = id_check(lang)
    return [Field("id", "text", t("admin.field.id", lang), required=True, mono=True, hint=hint, check=check)] if new else []


class Form:
    """Draws into the present slot. `values`: what is stored now, nested as in the plant file."""

    def __init__(
        self,
        fields: Sequence[Field],
        values: Mapping[str, object],
        *,
        lang: str,
        testid: str,
        on_change: Callable[[str], object] | None = None,
        classes: str = "em-form",
    ) -> None:
        self._fields, self._lang, self._testid = {f.name: f for f in fields}, lang, testid
        self._on_change = on_change
        self._controls: dict[str, ValueElement[Any]] = {}
        with el("div", classes, testid=testid) as self.root:
            for one in fields:
                self._controls[one.name] = self._control(one, _get(values, one.name))
        self._general: list[Any] = []
        self._trouble_box = el("div", "em-form-troubles", testid=f"{testid}-troubles", role="alert")

    def __contains__(self, name: str) -> bool:
        return name in self._controls

    @property
    def names(self) -> Sequence[str]:
        """Its fields."""
        return tuple(self._fields)

    def __getitem__(self, name: str) -> Any:
        """The value as it stands in the control."""
        return self._controls[name].value

    def set(self, name: str, value: object) -> None:
        """Put a value in."""
        self._controls[name].value = value

    def values(self) -> dict[str, object]:
        """Nested as in the plant file; empty fields and fields at their default are left out."""
        found: dict[str, object] = {}
        for name, one in self._fields.items():
            value = self._value(one)
            default = list(one.default) if isinstance(one.default, tuple) else one.default
            if value is not None and (one.required or value != default):
                _put(found, name, value)
        return found

    def check(self, only: Sequence[str] = ()) -> bool:
        """Are the required ones (of `only`) there and the whole numbers whole? What is wrong is said at the field."""
        self.clear()
        wrong = False
        for name, one in self._fields.items():
            if only and name not in only:
                continue
            words = self._missing(one) or self._trouble(one)
            if words:
                wrong = True
                self._mark(name, words)
        return not wrong

    def clear(self) -> None:
        """No errors."""
        for name in self._controls:
            self._mark(name, None)
        self._trouble_box.clear()

    def show(self, found: Sequence[Trouble]) -> None:
        """Each at its field; what belongs to no field stands below the form."""
        self.clear()
        rest = []
        for trouble in found:
            name = trouble.field if trouble.field in self._controls else trouble.field.rpartition(".")[2]
            if name in self._controls:
                self._mark(name, trouble.words)
            else:
                rest.append(trouble)
        with self._trouble_box:
            for trouble in rest:
                with el("div", "em-form-trouble"):
                    icon("error", "em-alarm")
                    place = f"{trouble.place}: " if trouble.place else f"{trouble.label}. " if trouble.label else ""
                    el("span", text=place + trouble.words)

    def point_out(self, name: str, words: str) -> None:
        """One thing that is wrong, at its field."""
        self._mark(name, words)

    def _mark(self, name: str, words: str | None) -> None:
        control = self._controls[name]
        if isinstance(control, ValidationElement):
            control.error = words

    def _missing(self, one: Field) -> str:
        raw = self._controls[one.name].value
        return t("problem.missing", self._lang) if one.required and (raw is None or str(raw).strip() == "") else ""

    def _trouble(self, one: Field) -> str:
        """What is expected of what is typed, else ""; nothing typed is right."""
        control = self._controls[one.name]
        if isinstance(control, NumberField):
            return control.trouble()
        return self._text_trouble(one, control.value) if one.kind in _TEXTS else ""

    def _text_trouble(self, one: Field, value: object) -> str:
        text = str(value or "").strip()
        if one.kind == "text" and (len(text) > one.longest or not text.isprintable()):
            return t("expected.text_most", self._lang, n=one.longest)
        return (one.check(text) if text and one.check is not None else "") or ""

    def _value(self, one: Field) -> object:
        raw = self._controls[one.name].value
        if one.kind == "switch":
            return bool(raw)
        if one.kind == "several":
            return list(raw) or None
        if raw is None or (isinstance(raw, str) and (not raw.strip() or raw == NONE)):
            return None
        if one.kind == "whole" or (one.kind == "number" and float(raw).is_integer()):
            return int(raw)
        if one.kind == "number":
            return float(raw)
        if one.kind == "list":
            return [int(word) if word.isdecimal() else word for word in re.split(r"[\s,;]+", str(raw).strip()) if word]
        return raw if one.kind in {"choice", "secret"} else str(raw).strip()

    def _control(self, one: Field, value: object) -> ValueElement[Any]:
        made = self._made(one, one.default if value is None else value)
        if isinstance(made, ValidationElement):
            made.props["error"] = False  # room for an error is kept, so that one moves nothing
            made.on_value_change(lambda: self._mark(one.name, None))
        if self._on_change is not None:
            told = self._on_change
            made.on_value_change(lambda: told(one.name))
        return made

    def _typed(self, one: Field) -> Callable[[Any], str | None] | None:
        """Looks at a text while it is typed."""
        return (lambda value: self._text_trouble(one, value) or None) if one.kind in _TEXTS else None

    def _made(self, one: Field, value: Any) -> ValueElement[Any]:
        testid = f"field-{one.name.replace('.', '-')}"
        label = one.label + ("\u00a0*" if one.required else "")
        if one.kind == "switch":
            return switch_field(one.label, bool(value), testid=testid)
        if one.kind == "choice":
            options = dict(one.options)
            if value is not None and value not in options:
                options[value] = str(value)
            chosen = choice_field(label, options, value, testid=testid, hint=one.hint, search=one.search)
            if one.wide:
                _slot_of(chosen).classes("em-form-double")
            return chosen
        if one.kind == "several":
            made_of = several_field(label, one.options, value or (), testid=testid, hint=one.hint)
            _slot_of(made_of).classes("em-form-wide")
            return made_of
        if one.kind in {"number", "whole"}:
            own = Bounds(one.low, one.high, one.above)
            known = BOUNDS.get(one.name.rpartition(".")[2], own) if own == Bounds() else own
            return number_field(
                label, value, testid=testid, lang=self._lang, unit=one.unit, hint=one.hint, low=known.low, high=known.high,
                above=known.above, whole=one.kind == "whole",
            )  # fmt: skip
        if one.kind in {"list", "lines"}:
            words = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value or "")
            area = text_field(label, words, testid=testid, hint=one.hint, mono=True, area=True, validation=self._typed(one))
            area.props("autogrow")
            _slot_of(area).classes("em-form-wide")
            return area
        made = text_field(
            label, "" if value is None else str(value), testid=testid, hint=one.hint, password=one.kind == "secret",
            mono=one.mono, validation=self._typed(one),
        )  # fmt: skip
        if one.wide:
            _slot_of(made).classes("em-form-double")
        if one.kind == "date":
            made.props["type"] = "date"
        made.props["autocomplete"] = "new-password" if one.kind == "secret" else "off"
        return made


def _slot_of(made: ValueElement[Any]) -> Any:
    """The element around a control with its label."""
    slot = made.parent_slot
    return made if slot is None else slot.parent


def _get(values: Mapping[str, object], name: str) -> object:
    found: object = values
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _put(into: dict[str, object], name: str, value: object) -> None:
    *groups, last = name.split(".")
    here: dict[str, Any] = into
    for group in groups:
        here = here.setdefault(group, {})
    here[last] = value
