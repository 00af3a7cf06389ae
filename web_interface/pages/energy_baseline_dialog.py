"""The dialog that makes a baseline: subject, variables, training window; tried out before it is stored."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.element import Element

from domain.baseline import SECTION_PREFIX, SITE, Baseline, BaselineDefinition, BaselineDraft, Period, Variable, VariableKind
from domain.errors import MonitorError
from domain.quantity import Kind, Quantity
from web_interface.components import NumberField, button, choice_field, el, icon, notify, number_field, text_field
from web_interface.pages import energy_baselines_view as view_of
from web_interface.pages import shell
from web_interface.pages.admin_frame import attempt
from web_interface.pages.admin_words import said

VARIABLES = 4
DEFAULT_DAYS = 90
HEATING_BASE_C, COOLING_BASE_C = 18.0, 22.0
_SYMBOLS = {
    VariableKind.PARTS: "parts", VariableKind.HOURS: "hours", VariableKind.ON_HOURS: "on_hours", VariableKind.HEATING: "hdd",
    VariableKind.COOLING: "cdd", VariableKind.SHIFTS: "shifts",
}  # fmt: skip


class BaselineDialog:
    """`await ask()` is the stored baseline, None when the user leaves. With `before` its next version is made."""

    def __init__(self, page: shell.Page, before: Baseline | None) -> None:
        self._page, self._before = page, before
        self._plant = page.services.plant.plant
        self._zone = ZoneInfo(self._plant.site.timezone)
        self._made: Baseline | None = None

    async def ask(self) -> Baseline | None:
        """Show it and wait."""
        page = self._page
        title = page.t("baseline.new.title") if self._before is None else page.t("baseline.again.title")
        with ui.dialog() as dialog, el("div", "em-dialog em-dialog-wide", testid="baseline-dialog", role="dialog"):
            self._dialog = dialog
            el("h2", "em-card-title", title)
            el("p", "em-dialog-text", page.t("baseline.new.words"))
            with el("div", "em-form"):
                self._build_fields()
            self._result = el("div", "em-baseline-draft", testid="baseline-draft")
            with el("div", "em-dialog-actions"):
                button(page.t("action.cancel"), lambda: dialog.submit(None), testid="baseline-cancel")
                button(page.t("baseline.try"), self._try, icon_name="show_chart", testid="baseline-try")
                button(page.t("action.save"), self._save, kind="primary", testid="baseline-save")
        await dialog
        if not dialog.is_deleted:
            dialog.delete()
        return self._made

    def _build_fields(self) -> None:
        page, before = self._page, self._before.definition if self._before is not None else None
        t = page.t
        self._name = text_field(t("baseline.field.name"), before.name if before else "", testid="baseline-name")
        if before is not None:
            self._name.disable()
        subjects = self._subjects()
        subject = before.subject if before and before.subject in subjects else SITE
        self._subject = choice_field(t("baseline.field.subject"), subjects, subject, testid="baseline-subject", search=True)
        periods = {p.value: t(f"baseline.period.{p.value}") for p in Period}
        self._period = choice_field(
            t("baseline.field.period"), periods, before.period.value if before else "day", testid="baseline-period"
        )
        first, last = self._training()
        self._from = self._date(t("baseline.field.from"), first, "baseline-from")
        self._to = self._date(t("baseline.field.to"), last, "baseline-to")
        options = self._sources()
        chosen = [_key(v) for v in before.variables] if before else []
        self._variables = []
        for n in range(VARIABLES):
            value = chosen[n] if n < len(chosen) and chosen[n] in options else ""
            label = t("baseline.field.variable", n=n + 1)
            self._variables.append(choice_field(label, options, value, testid=f"baseline-variable-{n + 1}", search=True))
        heating, cooling = self._bases()
        self._heating = self._degrees("heating", heating)
        self._cooling = self._degrees("cooling", cooling)

    def _degrees(self, name: str, value: float) -> NumberField:
        label = self._page.t(f"baseline.field.{name}")
        return number_field(label, value, testid=f"baseline-{name}", unit="°C", lang=self._page.lang, low=-40, high=60)

    def _bases(self) -> tuple[float, float]:
        """Base temperatures of the version before."""
        found = {VariableKind.HEATING: HEATING_BASE_C, VariableKind.COOLING: COOLING_BASE_C}
        for v in self._before.definition.variables if self._before is not None else ():
            if v.kind in found and v.base_c is not None:
                found[v.kind] = v.base_c
        return found[VariableKind.HEATING], found[VariableKind.COOLING]

    def _date(self, label: str, value: date, testid: str) -> ui.input:
        with el("label", "em-field"):
            el("span", "em-field-label", label)
            made = ui.input(value=value.isoformat()).props("outlined dense type=date")
            made.props["data-testid"], made.props["aria-label"] = testid, label
            return made.classes("em-input")

    def _training(self) -> tuple[date, date]:
        """First and last day of training: of the version before, else the last 90 whole days."""
        if self._before is not None:
            d = self._before.definition
            return self._day(d.train_from_us), self._day(d.train_to_us - 1)
        last = self._day(self._page.hub.shop().now_us) - timedelta(days=1)
        return last - timedelta(days=DEFAULT_DAYS - 1), last

    def _day(self, time_us: int) -> date:
        return datetime.fromtimestamp(time_us // 1_000_000, UTC).astimezone(self._zone).date()

    def _midnight(self, day: date) -> int:
        return round(datetime.combine(day, time(), self._zone).timestamp()) * 1_000_000

    def _subjects(self) -> dict[str, str]:
        """Shop, sections, machines."""
        sections = dict.fromkeys(m.section for m in self._plant.machines if m.section)
        keys = [SITE, *(f"{SECTION_PREFIX}{s}" for s in sections), *(m.id for m in self._plant.machines)]
        return {key: view_of.subject_words(key, self._plant, self._page.lang) for key in keys}

    def _sources(self) -> dict[str, str]:
        """All that can be a variable: key -> words."""
        found = [Variable("", VariableKind.HOURS), Variable("", VariableKind.ON_HOURS), Variable("", VariableKind.SHIFTS)]
        counting = (m for m in self._plant.machines if m.control is not None and m.control.part_count is not None)
        found += [Variable("", VariableKind.PARTS, m.id) for m in counting]
        tags = self._page.services.live.tags()
        for tag in tags:
            if tag.quantity is Quantity.TEMPERATURE:
                found += [Variable("", VariableKind.HEATING, tag.name), Variable("", VariableKind.COOLING, tag.name)]
        for tag in tags:
            if tag.kind in {Kind.GAUGE, Kind.COUNTER}:
                found.append(Variable("", VariableKind.TAG, tag.name, None, "sum" if tag.kind is Kind.COUNTER else "mean"))
        fmt = self._page.viewer.fmt
        subject = self._page.t("baseline.subject.own")
        words = {_key(v): view_of.variable_words(v, subject, self._plant, fmt).strip(" ,") for v in found}
        return {"": self._page.t("baseline.variable.none"), **words}

    def _definition(self) -> BaselineDefinition | None:
        """What the form says; None after a note when a date is missing or a number is none."""
        try:
            first, last = date.fromisoformat(str(self._from.value)), date.fromisoformat(str(self._to.value))
        except ValueError:
            notify(self._page.t("baseline.field.date_wrong"), good=False)
            return None
        if self._heating.trouble() or self._cooling.trouble():
            notify(self._page.t("detector.wrong"), good=False)
            return None
        variables = [self._variable(str(field.value)) for field in self._variables if field.value]
        names: dict[str, int] = {}
        unique = []
        for v in variables:
            names[v.name] = names.get(v.name, 0) + 1
            suffix = "" if names[v.name] == 1 else str(names[v.name])
            unique.append(Variable(v.name + suffix, v.kind, v.source, v.base_c, v.statistic))
        return BaselineDefinition(
            str(self._name.value or "").strip(), str(self._subject.value), Period(str(self._period.value)), tuple(unique),
            self._midnight(first), self._midnight(last + timedelta(days=1)),
        )  # fmt: skip

    def _variable(self, key: str) -> Variable:
        kind_name, source, statistic = key.split("|")
        kind = VariableKind(kind_name)
        base = {VariableKind.HEATING: self._heating.value, VariableKind.COOLING: self._cooling.value}.get(kind)
        symbol = _SYMBOLS.get(kind) or "".join(c if c.isalnum() else "_" for c in source)[-30:].lstrip("_0123456789")
        return Variable(symbol, kind, source, base, statistic)

    # -- acting ----------------------------------------------------------------------------------------------------

    async def _try(self) -> None:
        """Fit and show what the model would be worth."""
        definition = self._definition()
        if definition is None:
            return
        if not definition.name:
            definition = BaselineDefinition(
                "?", definition.subject, definition.period, definition.variables, definition.train_from_us, definition.train_to_us
            )
        found: list[BaselineDraft] = []

        async def fit() -> None:
            found.append(await self._page.services.baselines.draft(definition))

        if await attempt(self._page, fit, self._wrong) and found:
            self._show(found[0])

    def _show(self, draft: BaselineDraft) -> None:
        page, fmt = self._page, self._page.viewer.fmt
        self._result.clear()
        with self._result:
            if draft.fit is not None:
                good = draft.fit.holds
                words = page.t("baseline.verdict.holds" if good else "baseline.verdict.fails")
                figures = page.t(
                    "baseline.draft.figures", n=fmt.number(draft.fit.n, 0), r2=fmt.number(draft.fit.r2, 3),
                    cv=fmt.percent(draft.fit.cv_rmse),
                )  # fmt: skip
                self._line("task_alt" if good else "error", "em-good" if good else "em-alarm", words, figures)
            for reason in draft.reasons:
                self._line("error" if reason.blocking else "help_outline", "em-alarm" if reason.blocking else "em-quiet",
                           *view_of.reason_words(reason, fmt))  # fmt: skip

    def _line(self, icon_name: str, tone: str, words: str, more: str) -> Element:
        with el("div", "em-reason") as line:
            icon(icon_name, tone)
            with el("div", "em-reason-words"):
                el("b", text=words)
                el("span", "em-quiet", more)
        return line

    def _wrong(self, exc: MonitorError) -> None:
        reasons: Any = getattr(exc, "reasons", ())
        self._result.clear()
        with self._result:
            if not reasons:
                self._line("error", "em-alarm", self._page.t("baseline.wrong"), said(exc, self._page.lang))
            for reason in reasons:
                self._line("error", "em-alarm", *view_of.reason_words(reason, self._page.viewer.fmt))

    async def _save(self) -> None:
        definition = self._definition()
        if definition is None:
            return
        service, before, actor = self._page.services.baselines, self._before, self._page.actor()

        async def keep() -> None:
            if before is None:
                self._made = await service.create(definition, actor)
            else:
                self._made = await service.fit_anew(before.id, definition, actor)

        if await attempt(self._page, keep, self._wrong):
            self._dialog.submit(True)


def _key(variable: Variable) -> str:
    """A choice's value."""
    return f"{variable.kind.value}|{variable.source}|{variable.statistic}"
