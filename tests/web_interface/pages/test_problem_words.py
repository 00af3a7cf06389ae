"""Every problem of the sections about shifts, money, rules and detectors, said in the user's language: none is forgotten."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from config.plant_file import PlantFileError, parse_plant
from config.problems import Path as Place
from config.problems import Report
from config.profile_catalog import ProfileCatalog
from domain.detector import RULES
from web_interface.locale import keys_of
from web_interface.pages import admin_words

ROOT = Path(__file__).resolve().parents[3]
READERS = (
    "plant_alerts", "plant_calendar", "plant_control", "plant_detectors", "plant_kef", "plant_metering", "plant_money",
    "plant_plans", "plant_reader", "plant_virtual", "profile_points", "profile_checks",
    "places/lsv2", "places/s7", "plant_inspections",
)  # fmt: skip
CATALOG = ProfileCatalog.shipped()

BASE = """
site: {name: X}
lines: [{id: tcp1, transport: modbus-tcp, host: h}]
devices:
  - {id: m1, profile: eastron-sdm630, line: tcp1, address: 1}
  - {id: m2, profile: eastron-sdm630, line: tcp1, address: 2}
  - id: cnc
    line: tcp1
    address: 3
    points:
      - {tag: prog, quantity: text, table: holding, address: 0, type: string, length: 10}
      - {tag: mode, quantity: state, table: holding, address: 10, type: uint16, enum: {1: ACTIVE, 2: READY}}
"""
POINTS = """
site: {name: X}
lines: [{id: tcp1, transport: modbus-tcp, host: h}, {id: plc, transport: s7, host: h}]
devices:
  - id: d1
    line: tcp1
    points:
      - 5
      - {tag: A, quantity: state, table: holding, address: 0, type: uint16}
      - {tag: b, quantity: power_factor, table: holding, address: 1, type: uint16, unit: V, scale: 0, plausible: [3, 1]}
      - {tag: c, quantity: voltage, table: holding, address: 2}
      - {tag: d, quantity: other, table: holding, address: 3, type: uint16, unit: [5], enum: {}}
      - {tag: e, quantity: voltage, unit: kg, table: holding, address: 4, type: string, length: 2, enum: {x: y}, wrap_at: 5}
      - {tag: f, quantity: text, table: holding, address: 5, type: string, length: 2, plausible: [1, 3], enum: 5}
      - {tag: g, quantity: temperature, unit: °C, table: holding, address: 65535, type: float32, secondary: true, length: 2}
      - {tag: h, quantity: state, table: coil, address: 1, type: uint16, bit: 3}
      - {tag: i, quantity: state, table: holding, address: 9, type: bit}
      - {tag: j, quantity: state, table: holding, address: 9, type: float32, bit: 3, sentinel: word}
  - {id: d2, line: plc, points: [{tag: k, quantity: state}]}
"""
PLACES = """
site: {name: X}
lines:
  - {id: tcp1, transport: modbus-tcp, host: h}
  - {id: plc, transport: s7, host: h}
  - {id: hh, transport: lsv2, host: h}
  - {id: bus1, transport: mqtt, host: h, topic: t, tls: true, key_file: a.key}
  - {id: bus2, transport: mqtt, host: h, topic: t, cert_file: a.pem, key_file: a.key}
devices:
  - {id: d1, line: tcp1, points: [{tag: a, quantity: text, table: holding, address: 0, type: string, length: 2, bytes_per_register: 1}]}
  - id: d2
    line: hh
    points:
      - {tag: a, quantity: state}
      - {tag: b, quantity: state, query: program_stack, item: main}
      - {tag: c, quantity: text, memory: word, address: 3}
  - id: d3
    line: plc
    points:
      - {tag: a, quantity: state, type: BOOL, address: DB10.DBD4}
      - {tag: b, quantity: other, type: REAL, address: M10.3}
      - {tag: c, quantity: other, type: REAL, address: DB1.DBW2, length: 3}
      - {tag: d, quantity: other, type: STRING, address: DB1.20, length: 3}
      - {tag: e, quantity: other, type: FLOAT, address: here}
      - {tag: f, quantity: other, type: LREAL, address: DB1.65530}
"""
OVER = """
site: {name: X}
lines: [{id: tcp1, transport: modbus-tcp, host: h}]
devices:
  - id: d1
    line: tcp1
    points:
      - {tag: m, quantity: text, table: holding, address: 0, type: string, length: 20}
      - {tag: n, quantity: state, table: holding, address: 2, type: uint16}
"""
TWICE = OVER.replace("tag: m", "tag: n").replace("address: 2", "address: 300")
CAMERAS = """
site: {name: X}
lines: [{id: tcp1, transport: modbus-tcp, host: h}, {id: qc, transport: tcp-frames, host: h, encoding: binary}]
devices:
  - {id: m1, profile: eastron-sdm630, line: tcp1, address: 1}
  - {id: cell, profile: plc-frames, line: qc, scan_s: 1}
inspections:
  - {device: z, camera: {folder: /a, url: "ftp://h/a", max_mb: 99}}
  - {device: m1, camera: {}}
  - {device: cell, camera: {folder: camera, user: u, auth: digest, pattern: "../*", area: [1, 2], shift_px: 32, size_px: 64}}
  - {device: cell, camera: {folder: /a, password: p}}
  - {device: cell, camera: {url: "http://h/a", pattern: "*.jpg"}}
  - {device: cell}
"""
WRONG = """
site: {name: X, timezone: Europe/Moskow, main_meter: m9}
shifts:
  - {name: "1", start: "07:00", end: "15:00", breaks: [
      {name: lunch, start: "16:00", end: "16:30"}, {name: tea, start: "10:00", end: "10:30"},
      {name: rest, start: "10:15", end: "10:45"}]}
  - {name: "2", start: "14:00", end: "20:00"}
  - {name: "3", start: "20:00", end: "21:00"}
  - {name: "3", start: "21:00", end: "22:00"}
  - {name: "4", start: "7", end: "15:00", days: [funday]}
  - {name: "5", start: "22:00", end: "23:00", rotation: {cycle_days: 1, anchor: soon, on: [1]}}
  - {name: "6", start: "22:00", end: "23:00", rotation: {cycle_days: 4, anchor: "2026-01-05", on: [5]}}
calendar:
  country: XX
  holidays:
    - {date: "2026-07-20"}
    - {date: "2026-07-21", name: A}
    - {date: "2026-07-21", name: B}
  exceptions:
    - {date: "2026-08-01"}
    - {date: "2026-08-02", closed: true, works_as: mon}
    - {date: "2026-08-05", shifts: [{name: x, start: "06:00", end: "23:30"}]}
    - {date: "2026-08-04", shifts: [{name: y, start: "20:00", end: "07:00"}]}
    - {date: "20260804", closed: true}
tariffs:
  - {valid_from: 2026-01-01, category: 1, zones: [{name: d, price_per_kwh: 1}], valid_to: 2025-12-01, table: t}
  - {valid_from: 2026-02-01, category: 2, price_per_kwh: 3, power: {capacity_per_kw_month: 1}, valid_to: 2026-03-31}
  - {valid_from: 2026-05-01, category: 3, power: {network_per_kw_month: 1}, table: t, valid_to: 2026-06-30}
  - {valid_from: 2026-06-01, category: 4, table: t}
  - {valid_from: 2026-07-01, category: 2, zones: [{name: d, price_per_kwh: 1, spans: [{from: "07:00", to: "23:00"}]}]}
  - {valid_from: 2026-08-01, category: 2, zones: [
      {name: d, price_per_kwh: 1, spans: [{from: "00:00", to: "24:00"}]}, {name: n, price_per_kwh: 1, spans: [{from: "23:00", to: "07:00"}]}]}
  - {valid_from: 2026-09-01, category: 2, zones: [
      {name: d, price_per_kwh: 1, spans: [{from: "07:10", to: "24:00", days: [funday]}]}, {name: d, price_per_kwh: 1, spans: []}]}
  - {valid_from: 2026-09-01, category: 3, table: t, power: {network_hours: [25]}}
co2: [{valid_from: soon, kg_per_kwh: 9}]
fuel: [{valid_from: 2026-01-01, t_per_mwh: 9, source: s}]
connection: [{valid_from: 2026-01-01, demand_window_min: 20, tg_limit: 9, high_load_hours: [x]}]
lines: [{id: tcp1, transport: modbus-tcp, host: h}]
devices:
  - {id: m1, profile: eastron-sdm630, line: tcp1, address: 1, fed_by: m2}
  - {id: m2, profile: eastron-sdm630, line: tcp1, address: 2, fed_by: m1}
  - {id: m3, profile: eastron-sdm630, line: tcp1, address: 4, fed_by: m9}
  - {id: m4, profile: eastron-sdm630, line: tcp1, address: 5, fed_by: m1, feeds: m1, meter_class: 9S, ct_class: 9}
  - id: cnc
    line: tcp1
    address: 3
    points:
      - {tag: prog, quantity: text, table: holding, address: 0, type: string, length: 10}
      - {tag: mode, quantity: state, table: holding, address: 10, type: uint16, enum: {1: ACTIVE, 2: READY}}
virtual_tags:
  - {tag: reserve, formula: "1", quantity: active_power}
  - {tag: m1.reserve, formula: "1", quantity: active_power}
  - {tag: shop.a, formula: "1", quantity: active_power, unit: kWh}
  - {tag: shop.b, formula: "1", quantity: active_power}
  - {tag: shop.b, formula: "1", quantity: power}
  - {tag: shop.b, formula: "1", quantity: active_power}
machines:
  - {id: s, section: s, meter: m2}
  - {id: lathe, meter: m8, section: s, shifts: [9], standby: {off_kw: 3, idle_kw: 2}, kef: {card: K2}, kef_target: 2}
  - {id: b, states: {idle_above_kw: 3, production_above_kw: 1, hysteresis_kw: 9}, kef: {card: K1, process_power: m1.voltage_l1}}
  - {id: c, states: {idle_above_kw: 3, production_above_kw: 3.5, hysteresis_kw: 1}, kef: {card: K3, good_parts: m1.x, idle_kw: some}}
  - {id: d, control: {execution: cnc.mode, running: [ACTIVE, 7, REDY], idle: [ACTIVE], part_count: cnc.prog, program: m1.x}}
  - {id: ea, control: {alarm_active: cnc.mode}}
  - {id: e, control: {running: [1], idle: word, shortest_cycle_s: 0}, kef: {card: K4}}
  - {id: f, control: {execution: cnc.mode}, kef: {card: K5}}
  - {id: g, control: {execution: m8.mode}, kef: {card: K9}}
plans:
  - {machine: lathe, section: s, by: day, kwh: 1}
  - {machine: z, by: day, kwh: 1}
  - {by: day, shift: "1"}
  - {by: week, kwh: 1}
  - {by: month, kwh: 5, valid_from: soon}
  - {by: month, kwh: 5}
  - {by: month, kwh: 5}
  - {machine: lathe, by: day, parts: 5}
  - {machine: lathe, by: day, parts: 5}
limits:
  - {tag: cnc.prog, high: 1}
  - {tag: m1.voltage_l1}
  - {tag: m1.voltage_l1, high: 1}
  - {tag: m1.voltage_l2, high: 10, low: 5, hysteresis: 5}
  - {tag: m1.voltage_l3, high: 3, critical_high: 2}
  - {tag: m1.power, high: 3}
alert_rules:
  - {id: r1, high: 1}
  - {id: r1, scope: {}, high: 1}
  - {id: r2, kind: state, scope: {tag: m1.voltage_l1}, longer_than_s: 0, high: 1}
  - {id: r3, scope: {tag: cnc.prog}, longer_than_s: 5, states: [idle], per: min, baseline: {constant: 1}, high: 1}
  - {id: r4, scope: {site: false, point: frequency}, high: 1, states: [asleep], only_in_shifts: [9]}
  - {id: r5, kind: state, states: [idle], scope: {machine: z, point: frequency}, longer_than_s: 60}
  - {id: r6, scope: {profile: eastron-sdm630, point: pressure}, high: 1, kind: levle}
  - {id: r7, scope: {section: s, point: frequency}, high: 1, priority: worst, message: {ru: ""}}
  - {id: r8, kind: deviation, scope: {tag: m1.voltage_l1}, high: 1}
  - {id: r9, kind: deviation, scope: {tag: m1.voltage_l1}, high: 1, baseline: {}}
  - {id: r10, kind: deviation, scope: {tag: m1.voltage_l1}, high: 1, baseline: {constant: 0}, only_while: [idle]}
  - {id: r11, kind: deviation, scope: {tag: m1.voltage_l1}, high: 1, baseline: {tag: m1.x, model: m}}
  - {id: r12, kind: rate, scope: {tag: m7.voltage_l1}, high: 1, per: week, over_s: 0}
duty:
  - {users: anna}
  - {users: [anna], shift: "8"}
  - {users: [anna], shift: "1", start: "7:00", end: "8"}
escalation:
  high: [{after_min: 5, to: duty}, {after_min: 5, to: boss}, {after_min: 5, to: admins}]
detectors:
  low_cos_phi: {limit: 0.99, target: 0.9}
  long_idle: {min_minutes: 0, enabled: perhaps}
  machines: {z: {}, lathe: {voltage_range: {nominal_v: 230}, long_idel: {}}}
"""
MANY_CAMERAS = CAMERAS.partition("inspections:")[0] + "inspections: [" + ", ".join("{}" for _ in range(51)) + "]"
OTHERS = (
    "calendar: {subdivision: MOS}",
    "calendar: {country: DE, subdivision: MOS}",
    "calendar: {country: RU, subdivision: MOS}",
    "shifts: [{name: a, start: '06:00', end: '14:00'}, {name: b, start: '14:00', end: '22:00'}]\n"
    "calendar: {exceptions: [{date: '2026-08-05', shifts: [{name: n, start: '22:00', end: '07:00'}]}]}",
    "alert_rules: [{id: r, scope: {tag: m1.frequency}, high: 1, only_in_shifts: true}]",
    "machines: [{id: a, shifts: [x]}]",
    "virtual_tags: [" + ", ".join("{}" for _ in range(501)) + "]",
    "virtual_tags: [{tag: s.a, formula: 'm1.active_power +', quantity: active_power}]",
    "site: 3",
)


class Heard:
    """Where in the readers problems were reported from."""

    def __init__(self) -> None:
        self.places: set[tuple[str, int]] = set()

    def listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tell = Report.problem

        def problem(report: Report, path: Place, message: str, expected: str = "") -> None:
            frame: FrameType | None = inspect.currentframe()
            while frame is not None:
                self.places.add((Path(frame.f_code.co_filename).stem, frame.f_lineno))
                frame = frame.f_back
            tell(report, path, message, expected)

        monkeypatch.setattr(Report, "problem", problem)


def problems_of(text: str) -> PlantFileError:
    with pytest.raises(PlantFileError) as caught:
        parse_plant(text, catalog=CATALOG, environ={})
    return caught.value


def texts() -> Iterator[str]:
    yield from (WRONG, POINTS, PLACES, OVER, TWICE, CAMERAS, MANY_CAMERAS)
    for other in OTHERS:
        section = other.partition(":")[0]
        yield "\n".join(line for line in BASE.splitlines() if not line.startswith(f"{section}:")) + f"\n{other}\n"
    yield "- 3"


def sites(reader: str) -> Iterator[tuple[int, int]]:
    """First and last line of each call that reports a problem."""
    tree = ast.parse((ROOT / "config" / f"{reader}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "problem":
            if re.search("sequential|one read", ast.unparse(node)):  # of profile files only: no plant file has a layout, or reads
                continue
            yield node.lineno, node.end_lineno or node.lineno


def test_the_wrong_files_make_every_reader_say_everything_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    heard.listen(monkeypatch)
    for text in texts():
        problems_of(text)
    silent = [
        f"{reader}:{first}"
        for reader in READERS
        for first, last in sites(reader)
        if not any((Path(reader).name, line) in heard.places for line in range(first, last + 1))
    ]
    assert silent == []


# ---- said in words -------------------------------------------------------------------------------------------------------
NAMES = frozenset(
    {"true", "in", "place", "lines", "devices", "machines", "limits", "shifts", "RU", "DE", "KZ", "HH", "MM", "level", "off", "input"}
    | {"https", "srv", "trigger", "part", "jpg", "M1_PASSWORD"}  # parts of examples
    | {key.rpartition(".")[2] for key in keys_of("ru") if key.startswith("admin.field.")}
)
ENGLISH = re.compile(r"\b(is|are|the|of|a|an|has|no|not|or|and|must|expected|such|than|that|which|with|there|does|only|each)\b")
OFFERED = re.compile(r"(?:.*one of |a list of )?(?P<names>[\w./-]+(?:, [\w./-]+)*)")  # names that would be right


def tokens(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z][A-Za-z_0-9]*", text))


def foreign(words: str, typed: str, expected: str = "") -> set[str]:
    """English of `words` that is no name: neither of a field nor typed by the user nor one that is offered instead."""
    bare = re.sub("«.*?»", "", words)
    offered = OFFERED.fullmatch(expected)
    names = tokens(offered["names"]) if offered else set()
    return (tokens(bare) - NAMES - tokens(typed) - names) | set(ENGLISH.findall(bare))


@pytest.mark.parametrize("text", list(texts()), ids=lambda text: text.strip().splitlines()[-1][:30])
def test_every_problem_is_said_in_russian_with_line_and_field(text: str) -> None:
    error = problems_of(text)
    found = admin_words.troubles(error, "ru")
    assert len(found) == len(error.problems)
    wrong = {
        f"{one.place}: {one.words}": left
        for one, problem in zip(found, error.problems, strict=True)
        if (left := foreign(one.words, text, problem.expected)) or not re.search("[А-Яа-я]", one.words)
    }
    assert wrong == {}
    assert [one.words for one in found if re.search(r"\{\{|\d to \d", one.words)] == []
    assert all(one.line for one in found)
    own_names = RULES.keys() | {"z", "long_idel", "x"}  # of rules, machines and values, not of fields
    unnamed = [one.place for one in found if not one.label and not one.place.endswith("]")]
    assert {place.rpartition(".")[2] for place in unnamed if place} - own_names == set()
