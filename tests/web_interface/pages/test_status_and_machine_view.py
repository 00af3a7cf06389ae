"""Status, machine and alert pages as plain data: figures add up, missing is a dash, the worst stands first."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from domain.alert import Alert, AlertState, Priority
from domain.plant import Tag
from domain.quality import Quality
from domain.quantity import Quantity
from domain.role import Refusals, RoleStatus, Share
from domain.sample import TagId
from domain.state import MachineState
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_status import FakeStatus
from tests.web_interface.fakes import build_services
from web_interface.api.models import RolesOut
from web_interface.api.status import role_item
from web_interface.format import MISSING, Format
from web_interface.pages import alerts_view, machine_view, status_view, trend
from web_interface.services import Services
from web_interface.services.live import LatestValue
from web_interface.texts import technical

RU = Format("ru", ZoneInfo("Europe/Moscow"))
S = 1_000_000


@pytest.fixture
async def services() -> Services:
    return build_services()


def value(point: str, number: float | None, quality: int = 0) -> LatestValue:
    tag = Tag(TagId(1), f"m1.{point}", "m1", point, Quantity.OTHER, "")
    return LatestValue(tag, "lathe", 0, number, quality)


def test_lost_phase_is_a_dash_with_its_reason_never_zero() -> None:
    points = {"voltage_l1": value("voltage_l1", 231.4), "voltage_l2": value("voltage_l2", None, Quality.TIMEOUT)}
    rows = {row["id"]: row["cells"] for row in machine_view.phase_rows(points, RU)}
    assert rows["l1"]["voltage"]["text"] == "231,4"
    assert rows["l2"]["voltage"]["text"] == MISSING
    assert rows["l2"]["voltage"]["sub"]
    assert rows["l3"]["voltage"]["text"] == ""


def test_imbalance_needs_all_three_phases() -> None:
    points = {f"voltage_l{n}": value(f"voltage_l{n}", u) for n, u in ((1, 231.4), (2, 230.8), (3, 232.1))}
    assert machine_view.imbalance(points) == pytest.approx(0.0029, abs=1e-4)
    assert machine_view.imbalance({k: v for k, v in points.items() if k != "voltage_l3"}) is None


def test_current_lags_its_voltage_by_the_angle_of_the_power_factor() -> None:
    measured = {"voltage_l2": 230.0, "current_l2": 5.0, "power_factor_l2": 0.5}
    points = {point: value(point, number) for point, number in measured.items()}
    drawn = machine_view.phasor(points, RU)
    assert drawn["u"] == [None, [1.0, 120.0], None]
    assert drawn["i"][1][1] == pytest.approx(180.0)
    assert drawn["i"][0] is None


async def test_gantt_sums_equal_the_account_to_the_last_digit(services: Services) -> None:
    now = services.live.machine("ctx-1250")
    assert now.shift is not None
    window = (now.shift.from_us, now.shift.from_us + 8 * 3600 * S)
    data = machine_view.gantt(now, window, now.shift.to_us, RU, 8.24, "₽")
    account = now.shift
    assert data["sum"]["totals"][2] == RU.number(sum(account.by_state_kwh.values()), 1)
    shares = [row["totals"][1] for row in data["rows"] if row["totals"][1] != MISSING]
    assert sum(float(s.replace(",", ".").replace("\u00a0%", "")) for s in shares) == pytest.approx(100, abs=0.3)
    for row in data["rows"]:
        assert all(0 <= x <= 100 and w >= 0 for x, w, _ in row["bars"])


async def test_explanation_carries_the_formula_with_its_numbers(services: Services) -> None:
    data = machine_view.explain(services.live.machine("ctx-1250"), services.plant.plant, RU)
    assert data is not None
    card = services.live.machine("ctx-1250").kef
    assert card is not None
    assert data["formula"]["top_value"] == RU.value(card.numerator_kwh, "kWh", 2)
    assert data["formula"]["result"] == RU.number(card.value, 3)
    assert {part["state"] for part in data["parts"]} >= {MachineState.PRODUCTION.value}


async def test_status_names_the_silent_device_by_its_machine_and_what_to_check(services: Services) -> None:
    view = status_view.StatusView(services, RU, services.live.shop().now_us)
    items = view.todo()["items"]
    assert "HAAS VF-2" in items[0]["title"]
    assert items[0]["technical"]
    assert view.verdict() == (view.t("status.books.balanced"), True)
    books = view.books()
    assert sum(row["share"] for row in books["rows"]) == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize(("kind", "words"), [("put_get", "PUT/GET"), ("login_refused", "DNC"), ("", "пароль")])
async def test_status_says_what_to_do_about_a_device_that_denies_access(
    services: Services, monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    silent = next(device for device in services.status.devices() if device.state == "offline")
    errors = {"access": 3, **({kind: 1} if kind else {})}
    monkeypatch.setattr(services.status, "devices", lambda: [replace(silent, errors=errors)])
    (item, *_) = status_view.StatusView(services, RU, services.live.shop().now_us).todo()["items"]
    assert words in item["words"]


async def test_every_table_of_the_status_page_has_a_cell_for_each_column(services: Services) -> None:
    view = status_view.StatusView(services, RU, services.live.shop().now_us)
    for mode in ("lines", "devices", "tasks"):
        columns, rows = view.table(mode)
        assert rows
        assert all({c["key"] for c in columns} == set(row["cells"]) for row in rows)


def alert(number: int, priority: Priority, state: AlertState, raised: int = 0) -> Alert:
    return Alert(number, f"k{number}", "high", priority, state, None, "m1.x", "m1", 1.0, 0.5, "kW", raised)


def test_standing_alerts_come_by_priority_and_returned_ones_last() -> None:
    listed = alerts_view.ordered([
        alert(1, Priority.LOW, AlertState.UNACKNOWLEDGED),
        alert(2, Priority.CRITICAL, AlertState.RETURNED),
        alert(3, Priority.HIGH, AlertState.ACKNOWLEDGED),
        alert(4, Priority.HIGH, AlertState.UNACKNOWLEDGED),
    ])
    assert [a.id for a in listed] == [4, 3, 1, 2]


async def test_who_may_not_acknowledge_gets_no_button(services: Services) -> None:
    alerts, plant = services.alerts.active(), services.plant.plant
    for may in (True, False):
        rows = alerts_view.rows(alerts, plant, 0, RU, selected=None, may_acknowledge=may)
        assert any(row["cells"]["do"]["actions"] for row in rows) is may


def test_gap_breaks_the_line() -> None:
    points = trend._with_gaps([(0, 1.0), (S, 1.5), (60 * S, 2.0)], 3 * S)
    assert [p[1] for p in points] == [1.0, 1.5, None, 2.0]


def test_ticks_stand_at_round_minutes_of_the_sites_clock() -> None:
    begin = 1_763_550_120 * S  # 14:02 in Moscow
    labels = [label for _, label, _ in trend.time_ticks(begin, begin + 2 * 3600 * S, RU)]
    assert labels == ["14:15", "14:30", "14:45", "15:00", "15:15", "15:30", "15:45", "16:00"]


@pytest.mark.parametrize(
    ("values", "zero"),
    [([0.2, 17.9], True), ([229.1, 232.4], False), ([], True), ([5.0, 5.0], False), ([-3.0, 4.0], True)],
)
def test_axis_holds_all_values_in_few_round_steps(values: list[float], zero: bool) -> None:
    found = trend.axis(values, zero=zero)
    assert all(found["min"] <= v <= found["max"] for v in values)
    assert 1 <= round((found["max"] - found["min"]) / found["interval"]) <= 6
    if zero:
        assert found["min"] <= 0 <= found["max"]


async def test_plug_ins_are_a_table_of_the_status_page_where_there_are_any(services: Services) -> None:
    view = status_view.StatusView(services, RU, 0)
    assert "plugins" in view.modes()
    columns, rows = view.table("plugins")
    assert {column["key"] for column in columns} == set(rows[0]["cells"])
    assert rows[0]["cells"]["hangs"]["text"] == "1"
    assert rows[1]["cells"]["state"]["tone"] == "alarm"
    assert "SyntaxError" in rows[1]["cells"]["last_error"]["text"]


async def test_cameras_are_a_table_of_the_status_page_with_their_counts_and_last_error(services: Services) -> None:
    view = status_view.StatusView(services, RU, shop.START_US)
    assert view.modes()["cameras"] == "Камеры 2"
    columns, rows = view.table("cameras")
    assert {column["key"] for column in columns} == set(rows[0]["cells"])
    assert rows[0]["cells"]["taken"]["text"] == "128"
    assert rows[0]["cells"]["missing"]["sub"] == [["камера ответила HTTP 503", "em-quiet"]]
    assert rows[1]["cells"]["missing"]["text"] == "—"


async def test_processes_of_an_installation_are_shown_with_what_waits_and_a_silent_one_says_so(services: Services) -> None:
    status = services.status
    assert isinstance(status, FakeStatus)
    assert status_view.StatusView(services, RU, shop.START_US).roles()[1] == []  # one process does everything
    ingest = RoleStatus(
        "ingest-a", "ingest", "host", 7, 0, shop.START_US, "away", "the database is away", 9, 8, 0, 12, None,
        (Share("energy.samples", 0, 5), Share("energy.samples", 1, 7)),
    )  # fmt: skip
    status.apart = [ingest, replace(ingest, name="web-a", role="web", state="ok", detail=None, time_us=shop.START_US - 16 * S)]
    columns, rows = status_view.StatusView(services, RU, shop.START_US).roles()
    away, silent = (row["cells"] for row in rows)
    assert all(set(cells) == {column["key"] for column in columns} for cells in (away, silent))
    assert (away["process_waiting"]["text"], away["partitions"]["text"], away["process_state"]["text"]) == ("12", "2", "ожидает")
    assert away["process_state"]["sub"][0][0] == "the database is away"
    assert (silent["process_state"]["text"], silent["process_state"]["tone"]) == ("молчит", "alarm")


async def test_what_a_process_set_apart_is_told_with_where_it_lies_and_why(services: Services) -> None:
    status = services.status
    assert isinstance(status, FakeStatus)
    collect = RoleStatus("collect-a", "collect", "edge-1", 7, 0, shop.START_US, "ok", None, 9, 8, 0, 0, refusals=(
        Refusals("kafka", 3, shop.START_US - 60 * S, "message of 2 MB"), Refusals("influxdb", 1, 0, "field type conflict"),
    ))  # fmt: skip
    ingest = replace(collect, name="ingest-a", role="ingest", refusals=(Refusals("tables", 2, shop.START_US, "time out of range"),))
    assert RolesOut.model_validate({"items": [role_item(one, shop.START_US) for one in (collect, ingest)]}).items[0].refusals[0].count == 3
    status.apart = [collect, ingest]
    told = [item for item in status_view.StatusView(services, RU, shop.START_US).todo()["items"] if "-a:" in item["title"]]
    assert [item["title"].split(":")[0] for item in told] == ["collect-a", "collect-a", "ingest-a"]
    assert "edge-1" in told[0]["words"]
    assert "message of 2 MB" in told[0]["technical"]
    assert "таблицы" in told[2]["title"]


def test_a_line_that_cannot_keep_up_is_told_with_the_time_its_pass_takes() -> None:
    services = build_services(shop.ShopClock(running=False))
    [first, *_] = services.status.lines()
    slow = replace(first, warning="line.overloaded", cycle_calculated_s=0.04, cycle_measured_s=1.79, cycle_asked_s=1.0)
    services.status.lines = lambda: [slow]  # type: ignore[method-assign]
    titles = [item["title"] for item in status_view.StatusView(services, RU, services.clock.now_us()).todo()["items"]]
    assert "Линия tcp1 не успевает: проход занимает 1,79 с, задан каждые 1,0 с" in titles


def test_what_a_silent_device_is_noted_with_is_told_in_the_users_language() -> None:
    assert technical("no usable value for 10 s", RU) == "нет годного значения дольше 10\u00a0с"
    assert technical("E 700124", RU) == "E 700124"


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_what_was_not_kept_is_told_in_words_and_never_by_the_programs_own_name(services: Services, lang: str) -> None:
    found = status_view.StatusView(services, Format(lang, ZoneInfo("Europe/Moscow")), shop.START_US)
    told = found.books()["reasons"]
    assert "unregistered" not in told
    assert "unknown" not in told
    assert told.count(" · ") == 2
    _, rows = found.table("devices")
    assert {row["cells"]["profile"] for row in rows} >= {services.plant.plant.devices[0].profile.title[lang]}
