"""Reports of the running product: the same figure in service, API, PDF and XLSX, and nothing that people send breaks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import openpyxl
import pytest
from pypdf import PdfReader

from application.build import Application, open_application
from config.settings import Settings
from domain.access import Actor, Role
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.report import ReportRun, WorkbookFile
from domain.sample import Batch
from reports.workbook_example import example_workbook
from tests.conftest import FakeClock
from web_interface.wording import wording

ZONE = ZoneInfo("Europe/Moscow")
S = 1_000_000
ENGINEER, VIEWER = Actor("egor", Role.ENGINEER, "test"), Actor("vera", Role.VIEWER, "test")
PLANT = """
site: {name: "Цех <1>", timezone: Europe/Moscow, language: ru, tariff_per_kwh: 8.0, contract_kw: 9}
shifts:
  - {name: "1", start: "07:00", end: "15:00", days: [mon, tue, wed, thu, fri, sat, sun]}
  - {name: "2", start: "15:00", end: "23:00", days: [mon, tue, wed, thu, fri, sat, sun]}
tariffs:
  - {valid_from: 2026-01-01, category: 2, zones: [
      {name: day, price_per_kwh: 9.12, spans: [{from: "07:00", to: "23:00"}]},
      {name: night, price_per_kwh: 4.65, spans: [{from: "23:00", to: "07:00"}]}]}
lines: [{id: l, transport: modbus-tcp, host: 127.0.0.1, port: 1}]
devices:
  - {id: m1, line: l, address: 1, scan_s: 300, points: &points [
      {tag: active_power, quantity: active_power, unit: kW, table: holding, address: 0, type: float32},
      {tag: energy_import, quantity: energy_import, unit: kWh, table: holding, address: 2, type: float64}]}
  - {id: m2, line: l, address: 2, scan_s: 300, points: *points}
machines:
  - {id: lathe, name: "Станок =1+1", section: "Токарный", meter: m1, states: {idle_above_kw: 0.3, production_above_kw: 3, min_dwell_s: 10}}
  - {id: mill, name: "6Р13", section: "Фрезерный", meter: m2, states: {idle_above_kw: 0.3, production_above_kw: 3, min_dwell_s: 10}}
"""


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC).timestamp() * 1e6)


BEGIN, NOW = us("2026-11-16T00:00"), us("2026-11-19T09:00")
SHIFT = us("2026-11-18T07:00"), us("2026-11-18T15:00")
DAYS = us("2026-11-16T00:00"), us("2026-11-19T00:00")


def power(meter: str, at: int) -> float:
    hour = (at - BEGIN) // 3_600_000_000 % 24
    working = 7 <= hour < 20
    return (6.0 if working else 2.0) if meter == "m1" else (4.0 if working else 0.0)


@asynccontextmanager
async def product(folder: Path) -> AsyncIterator[Application]:
    settings = Settings(data_dir=folder)
    async with open_application(settings, FakeClock(NOW), {}) as app:
        await app.plant.load()
        await app.plant.import_yaml(PLANT, Actor("root", Role.ADMIN, "test"))
        tags = {tag.name: tag.id for tag in await app.database.plants.tags()}

        def batches() -> object:
            for meter in ("m1", "m2"):
                ids, energy = (tags[f"{meter}.active_power"], tags[f"{meter}.energy_import"]), 100.0
                for at in range(BEGIN, NOW + S, 300 * S):
                    yield Batch(meter, at, ids, [power(meter, at), energy], [0, 0])
                    energy += power(meter, at) / 12.0

        await app.database.writer.put_all(batches())  # type: ignore[arg-type]
        yield app


async def api(app: Application, path: str, **query: object) -> dict[str, object]:
    _, key = await app.accounts.create_key(f"k{path}", Role.VIEWER, Actor("root", Role.ADMIN, "test"))
    transport = httpx.ASGITransport(app=app.web)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get(path, params=query, headers={"authorization": f"Bearer {key}"})  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).replace("\u00a0", " ")


def stamp(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("window", [SHIFT, DAYS])
async def test_the_same_figure_stands_in_api_pdf_and_xlsx(tmp_path: Path, window: tuple[int, int]) -> None:
    template = "shift" if window is SHIFT else "month"
    async with product(tmp_path) as app:
        asked = {"from": stamp(window[0]), "to": stamp(window[1])}
        cube = await api(app, "/api/energy/cube", by=["machine"], **asked)
        cost = await api(app, "/api/energy/cost", by="machine", **asked)
        idle = await api(app, "/api/energy/idle", **asked)
        kwh = {row["key"]["machine"]: row["energy_kwh"] for row in cube["items"]}  # type: ignore[attr-defined]
        money = {row["subject"]: row["cost"] for row in cost["items"]}  # type: ignore[attr-defined]
        figures = await app.reports.figures(await app.reports.template(template), *window)
        assert {row.machine_id: row.energy_kwh for row in figures.machines} == pytest.approx(kwh, rel=1e-6)
        assert {row.machine_id: row.cost for row in figures.machines} == pytest.approx(money, rel=1e-9)
        assert (figures.idle_kwh, figures.idle_cost) == pytest.approx((idle["energy_kwh"], idle["cost"] or 0.0), rel=1e-6)
        _, pdf = await app.reports.render(template, "pdf", *window, "ru")
        _, xlsx = await app.reports.render(template, "xlsx", *window, "ru")
    text = text_of(pdf)
    assert f"{idle['cost'] or 0.0:,.0f} ₽".replace(",", " ") in " ".join(text.split()), "idling at night is priced at night"
    sheet = openpyxl.load_workbook(BytesIO(xlsx))["Станки"]
    written = {sheet.cell(row, 1).value: (sheet.cell(row, 8).value, sheet.cell(row, 12).value) for row in (2, 3)}
    for machine, name in (("lathe", "Станок =1+1"), ("mill", "6Р13")):
        assert written[name] == pytest.approx((kwh[machine], money[machine]), rel=1e-6)
        assert f"{kwh[machine]:,.1f}".replace(",", " ").replace(".", ",") in text
        assert f"{money[machine]:,.0f}".replace(",", " ") in text
    peak = max(w.demand_kw or 0.0 for w in figures.demand.windows) if figures.demand else 0.0
    assert figures.max_half_hour is not None
    assert figures.max_half_hour[1] == pytest.approx(peak)


async def test_every_shipped_template_is_issued_and_kept_with_what_it_was_made_from(tmp_path: Path) -> None:
    async with product(tmp_path) as app:
        for template in await app.reports.templates():
            for kind, begin in (("pdf", b"%PDF"), ("xlsx", b"PK")):
                window = SHIFT if template.period.value == "shift" else DAYS
                stored = await app.reports.issue(template.id, kind, *window, None, VIEWER)
                kept, content = await app.reports.file(stored.id)
                assert content.startswith(begin)
                assert kept.inputs is not None
                assert (kept.inputs.template_version, kept.inputs.language) == (1, "ru")
        assert len(await app.reports.issued()) == 2 * len(await app.reports.templates())


async def test_a_template_is_changed_by_engineers_one_after_the_other(tmp_path: Path) -> None:
    draft = {"id": "own", "name": "Мой <b>отчёт</b>", "period": "day", "machines": ["lathe"]}
    async with product(tmp_path) as app:
        with pytest.raises(Forbidden):
            await app.reports.save_template(draft, VIEWER, known_version=0)
        await app.reports.save_template(draft, ENGINEER, known_version=0)
        with pytest.raises(Conflict, match="exists already"):
            await app.reports.save_template(draft, ENGINEER, known_version=0)
        await app.reports.save_template({**draft, "name": "Иначе"}, ENGINEER, known_version=1)
        with pytest.raises(Conflict, match="changed by somebody else"):
            await app.reports.save_template({**draft, "name": "Поздно"}, ENGINEER, known_version=1)
        changed = await app.reports.save_template({"id": "shift", "blocks": ["summary"]}, ENGINEER, known_version=1)
        assert (changed.version, changed.shipped) == (2, True)
        await app.reports.delete_template("shift", ENGINEER)
        assert (await app.reports.template("shift")).version == 1
        actions = [entry.action for entry in await app.database.audit.entries(20)]
        assert actions.count("report_template") == 3
        assert actions.count("report_template_delete") == 1


async def test_a_machine_that_is_gone_breaks_neither_old_nor_new_reports(tmp_path: Path) -> None:
    root = Actor("root", Role.ADMIN, "test")
    async with product(tmp_path) as app:
        await app.reports.save_template({"id": "own", "name": "Мой", "machines": ["lathe", "mill"]}, ENGINEER, known_version=0)
        old = await app.reports.issue("own", "pdf", *DAYS, "ru", ENGINEER)
        await app.plant.delete_machine("mill", root)
        assert "6Р13" in text_of((await app.reports.file(old.id))[1])
        _, new = await app.reports.render("own", "pdf", *DAYS, "ru")
        assert "больше нет: 1" in text_of(new)
        await app.plant.delete_machine("lathe", root)
        for template in ("own", "shift", "month", "balance", "reactive"):
            for kind in ("pdf", "xlsx"):
                assert (await app.reports.render(template, kind, *SHIFT, "ru"))[1]


async def test_an_own_workbook_is_filled_with_the_same_figures_and_kept_with_its_template(tmp_path: Path) -> None:
    own = example_workbook(wording("ru", "Europe/Moscow", "₽"))
    file = WorkbookFile("форма.xlsx", own)
    async with product(tmp_path) as app:
        with pytest.raises(Forbidden):
            await app.reports.save_workbook("day", file, VIEWER, known_version=1)
        with pytest.raises(ConfigError, match=r"has 50\.0 MB; expected at most 5 MB"):
            await app.reports.save_workbook("day", WorkbookFile("x", b"0" * 50_000_000), ENGINEER, known_version=1)
        assert (await app.reports.template("day")).version == 1
        saved = await app.reports.save_workbook("day", file, ENGINEER, known_version=1)
        assert (saved.version, saved.workbook.file_name if saved.workbook else "") == (2, "форма.xlsx")
        assert await app.reports.workbook("day") == file
        with pytest.raises(Conflict):
            await app.reports.save_workbook("day", None, ENGINEER, known_version=1)
        stored = await app.reports.issue("day", "xlsx", *DAYS, "ru", VIEWER)
        kept, content = await app.reports.file(stored.id)
        figures = await app.reports.figures(await app.reports.template("day"), *DAYS)
        sheet = openpyxl.load_workbook(BytesIO(content)).worksheets[0]
        got = {sheet.cell(row, 3).value: sheet.cell(row, 2).value for row in range(2, 32)}
        assert got["EM_energy_kwh"] == pytest.approx(figures.total_kwh)
        assert got["EM_cost"] == pytest.approx(figures.cost)
        assert got["EM_max_demand_kw"] is not None  # gathered although no tile of the template asks for it
        days = openpyxl.load_workbook(BytesIO(content))["По дням"]
        assert [days.cell(3, column).value is None for column in (1, 2, 3)] == [False] * 3  # nor a block
        assert kept.inputs is not None
        assert f'"sha256": "{saved.workbook.digest if saved.workbook else ""}"' in kept.inputs.inputs_json
        assert (await app.reports.render("day", "pdf", *DAYS, "ru"))[1].startswith(b"%PDF")
        assert (await app.reports.save_template({"id": "day"}, ENGINEER, known_version=2)).workbook == saved.workbook
        assert (await app.reports.save_workbook("day", None, ENGINEER, known_version=3)).workbook is None
        with pytest.raises(NotFound, match="workbook"):
            await app.reports.workbook("day")


async def test_a_report_by_itself_waits_for_figures_that_are_still_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with product(tmp_path) as app:
        monkeypatch.setattr("analysis.cube_query.MEASURED_AT_ONCE_US", 0)
        with pytest.raises(Conflict, match="figures of 144 machine hours are still being computed"):
            await app.reports.issue("month", "pdf", *DAYS, "ru", ENGINEER, run=ReportRun(1, *DAYS))
        assert await app.reports.issued() == []
        asked = await app.reports.issue("month", "pdf", *DAYS, "ru", ENGINEER)  # who asks now is told in the report
        assert "отчёт неполон" in text_of((await app.reports.file(asked.id))[1])


async def test_bad_orders_are_told_in_clear_words(tmp_path: Path) -> None:
    century = us("1926-01-01T00:00"), us("2026-01-01T00:00")
    async with product(tmp_path) as app:
        for wrong, words in (
            (("month", "pdf", *century, "ru"), "longer than 400 days"), (("month", "docx", *DAYS, "ru"), "format 'docx'"),
            (("month", "pdf", DAYS[1], DAYS[0], "ru"), "from must lie before to"),
            (("month", "pdf", NOW + S, NOW + 2 * S, "ru"), "lies in the future"),
        ):  # fmt: skip
            with pytest.raises(ConfigError, match=words):
                await app.reports.render(*wrong)  # type: ignore[arg-type]
        with pytest.raises(NotFound, match="report template"):
            await app.reports.render("x" * 500, "pdf", *DAYS, "ru")


async def test_a_period_without_data_is_not_one_of_no_consumption(tmp_path: Path) -> None:
    before = us("2026-10-01T00:00"), us("2026-11-01T00:00")
    async with product(tmp_path) as app:
        template = await app.reports.template("month")
        figures = await app.reports.figures(template, *before)
        said = await app.reports.outline(template, *before, "ru")
        _, xlsx = await app.reports.render("month", "xlsx", *before, "ru")
    assert (figures.total_kwh, figures.cost, [area.energy_kwh for area in figures.areas]) == (None, None, [None, None])
    assert said.verdict == ("Показать нечего: за этот период нет данных.", "")
    assert [value for _, value, _, _ in said.tiles if any(c.isdigit() for c in value)] == []
    sheet = openpyxl.load_workbook(BytesIO(xlsx), data_only=True)["Станки"]
    assert [sheet.cell(row, 8).value for row in (2, 3)] == [None, None]
