"""Each detector finds what it is for, keeps silent otherwise, and goes on after a restart as if nothing had happened."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from analysis.detectors.catalog import MACHINE_RULES, SUPPLY_RULES, machine_detectors, supply_detectors
from analysis.detectors.drift import Cusum, robust_centre
from analysis.detectors.episode import Detector, run
from analysis.detectors.histogram import LogHistogram
from analysis.detectors.minute import CHANNELS, MINUTE_US, Minute
from analysis.detectors.supply import largest_deviation_percent, negative_sequence_percent
from analysis.detectors.waste import MOST_SPANS, QUARTER_US, WasteTimes
from domain.detector import RULES, DetectorSettings
from domain.finding import Finding, Severity

T0 = 1_763_542_800_000_000 - 1_763_542_800_000_000 % (10 * MINUTE_US)  # on the grid of 10-min means


def minute(index: int, *, state: str = "production", **values: object) -> Minute:
    """The index-th minute; `values` by channel or field."""
    means = [None] * len(CHANNELS)
    fields: dict[str, object] = {}
    for name, value in values.items():
        if name in CHANNELS:
            means[CHANNELS.index(name)] = value  # type: ignore[call-overload]
        else:
            fields[name] = value
    seconds = {f"{state}_s": 60.0} if state in {"off", "idle", "production"} else {}
    return replace(Minute(T0 + index * MINUTE_US, tuple(means), **seconds), **fields)  # type: ignore[arg-type]


def detector(rule: str, **parameters: float) -> Detector:
    settings = DetectorSettings({rule: parameters})
    if rule in SUPPLY_RULES:
        return next(d for d in supply_detectors(settings) if d.rule == rule)
    return next(d for d in machine_detectors("m", settings, 0.3) if d.rule == rule)


def found(rule: str, minutes: Sequence[Minute], **parameters: float) -> list[Finding]:
    return run(detector(rule, **parameters), minutes)


def value(finding: Finding, name: str) -> float:
    return next(e.value for e in finding.evidence if e.name == name)


# -- use of a machine ---------------------------------------------------------------------------------------------------------


def test_long_idle_tells_duration_and_energy_and_ends_with_the_work() -> None:
    day = [minute(i, active_power=6.0) for i in range(20)]
    day += [minute(i, state="idle", active_power=2.4) for i in range(20, 65)]
    day += [minute(i, active_power=6.0) for i in range(65, 80)]
    (finding,) = found("long_idle", day)
    assert (finding.from_us, finding.to_us) == (T0 + 20 * MINUTE_US, T0 + 65 * MINUTE_US)
    assert finding.waste_kwh == pytest.approx(2.4 * 45 / 60)
    assert value(finding, "duration") == 45
    assert value(finding, "power_mean") == pytest.approx(2.4)
    assert finding.severity is Severity.LOW


def test_long_idle_is_medium_from_a_certain_waste_and_short_pauses_are_not_told() -> None:
    idle = [minute(i, state="idle", active_power=2.4) for i in range(150)]
    (finding,) = found("long_idle", idle)
    assert finding.to_us is None
    assert finding.severity is Severity.MEDIUM
    assert found("long_idle", idle[:29]) == []


def test_outside_shifts_only_off_shift_speaks() -> None:
    night = [minute(i, state="idle", active_power=2.4, in_shift=False) for i in range(60)]
    assert found("long_idle", night) == []
    (finding,) = found("off_shift", night)
    assert value(finding, "duration") == 60
    assert finding.waste_kwh == pytest.approx(2.4)
    assert found("off_shift", [replace(m, in_shift=True) for m in night]) == []
    assert found("off_shift", [replace(m, in_shift=None) for m in night]) == []
    assert found("off_shift", [minute(i, state="off", active_power=0.1, in_shift=False) for i in range(60)]) == []


def test_a_gap_in_the_data_ends_a_finding_where_it_was_last_seen() -> None:
    idle = [minute(i, state="idle", active_power=2.4) for i in (*range(40), *range(100, 140))]
    first, second = found("long_idle", idle)
    assert first.to_us == T0 + 40 * MINUTE_US
    assert second.from_us == T0 + 100 * MINUTE_US
    watch = detector("long_idle")
    for row in idle[:40]:
        watch.feed(row)
    (ended,) = watch.finish(T0 + 60 * MINUTE_US)
    assert ended.to_us == T0 + 40 * MINUTE_US
    assert watch.finish(T0 + 90 * MINUTE_US) == []


def test_program_power_is_judged_by_the_programs_own_habit() -> None:
    random.seed(3)
    usual = [
        minute(i, active_power=random.gauss(8, 0.3) if i % 2 else random.gauss(4, 0.2), program="A" if i % 2 else "B")
        for i in range(1400)
    ]
    assert found("program_power", usual) == []
    worn = [minute(1400 + i, active_power=6.0, program="B") for i in range(30)]
    (finding,) = found("program_power", usual + worn)
    assert finding.detail == "B"
    assert finding.waste_kwh == pytest.approx((6.0 - 4.0) * 0.5, rel=0.05)
    assert found("program_power", [*usual, *(replace(m, program="A") for m in worn)]) == []  # low for A, usual there is 8 kW
    assert found("program_power", usual[:1000] + worn) == []  # 500 minutes of B are too few to know


def test_dry_run_needs_a_no_load_level_that_can_be_told_apart() -> None:
    random.seed(5)
    cuts = [minute(i, active_power=random.gauss(9, 0.8) if i % 10 else 4.1) for i in range(700)]
    air = [minute(700 + i, active_power=4.0) for i in range(12)]
    (finding,) = found("dry_run", cuts + air)
    assert finding.from_us >= T0 + 700 * MINUTE_US - MINUTE_US
    assert value(finding, "no_load") == pytest.approx(4.1, rel=0.02)
    even = [minute(i, active_power=random.gauss(9, 0.3)) for i in range(900)]
    assert found("dry_run", even) == []
    (set_by_hand,) = found("dry_run", [*air, *(minute(712 + i, active_power=9.0) for i in range(5))], no_load_kw=4.2)
    assert set_by_hand.waste_kwh == pytest.approx(4.0 * 12 / 60)


def test_specific_energy_drifts_and_comes_back() -> None:
    random.seed(11)

    def blocks(count: int, kw: float, start: int) -> list[Minute]:
        return [minute(start + i, active_power=random.gauss(kw, 0.4)) for i in range(count * 60)]

    steady = blocks(40 + 200, 6.0, 0)
    assert found("specific_energy", steady) == []
    drifted = steady + blocks(30, 6.6, len(steady))
    (finding,) = found("specific_energy", drifted)
    assert finding.to_us is None
    assert value(finding, "specific_change") == pytest.approx(10, abs=1.5)  # some even blocks before it belong to its sum
    assert finding.waste_kwh == pytest.approx(0.6 * 30, rel=0.15)
    assert finding.from_us >= T0 + (len(steady) - 6 * 60) * MINUTE_US
    repaired = drifted + blocks(120, 5.9, len(drifted))
    (ended,) = found("specific_energy", repaired)
    assert ended.to_us is not None


def test_specific_energy_counts_parts_where_they_are_known() -> None:
    def blocks(count: int, parts: float, start: int) -> list[Minute]:
        return [minute(start + i, active_power=6.0, parts=parts) for i in range(count * 60)]

    day = blocks(60, 0.2, 0)
    (finding,) = found("specific_energy", day + blocks(20, 0.15, len(day)))  # the same power, fewer parts
    specific = finding.evidence[0]
    assert specific.unit == "kWh/part"
    assert specific.limit == pytest.approx(6 / 12)
    assert specific.value == pytest.approx(6 / 9)


def test_one_odd_block_neither_shapes_the_centre_nor_signals() -> None:
    centre, sigma = robust_centre([10.0] * 20 + [11.0] * 20 + [500.0])
    assert centre == 11.0
    assert sigma < 2
    cusum = Cusum(0.5, 5.0)
    assert cusum.add(100.0) is False
    assert cusum.sum == 3.5


# -- supply ------------------------------------------------------------------------------------------------------------------


def line_voltages(u1: complex, u2: complex) -> tuple[float, float, float]:
    """Amounts of U12, U23, U31 of a positive and a negative sequence."""
    a = complex(-0.5, math.sqrt(3) / 2)
    phases = (u1 + u2, a * a * u1 + a * u2, a * u1 + a * a * u2)
    return tuple(abs(phases[i] - phases[(i + 1) % 3]) for i in range(3))  # type: ignore[return-value]


@pytest.mark.parametrize("percent", [0.0, 0.5, 2.0, 3.7, 20.0])
@pytest.mark.parametrize("angle", [0.0, 0.7, 2.5])
def test_negative_sequence_from_line_voltages_is_that_of_the_phasors(percent: float, angle: float) -> None:
    u2 = complex(math.cos(angle), math.sin(angle)) * 230 * percent / 100
    assert negative_sequence_percent(*line_voltages(230, u2)) == pytest.approx(percent, abs=1e-5)


def test_largest_deviation_worked_example() -> None:
    assert largest_deviation_percent((396.0, 399.0, 405.0)) == pytest.approx(1.25)  # mean 400, farthest 5
    assert largest_deviation_percent((0.0, 0.0, 0.0)) is None
    assert negative_sequence_percent(0.0, 0.0, 0.0) is None


def test_voltage_imbalance_in_ten_minute_means() -> None:
    bad = dict(zip(("voltage_l12", "voltage_l23", "voltage_l31"), line_voltages(230, 230 * 0.03), strict=True))
    minutes = [minute(i, **bad) for i in range(30)]
    (finding,) = found("voltage_imbalance", minutes)
    assert value(finding, "negative_sequence") == pytest.approx(3.0, abs=1e-3)
    assert found("voltage_imbalance", minutes[:19]) == []  # one 10-min mean
    phases = [minute(i, voltage_l1=230.0, voltage_l2=230.0, voltage_l3=210.0) for i in range(30)]
    (by_phases,) = found("voltage_imbalance", phases)
    assert value(by_phases, "phase_deviation") == pytest.approx(100 * (670 / 3 - 210) / (670 / 3))


def test_voltage_range_looks_at_ten_minute_means_not_at_dips() -> None:
    dip = [minute(i, voltage_l1=180.0 if i == 4 else 231.0, voltage_l2=230.0, voltage_l3=229.0) for i in range(20)]
    assert found("voltage_range", dip) == []
    low = [minute(i, voltage_l1=205.0, voltage_l2=230.0, voltage_l3=229.0) for i in range(20)]
    (finding,) = found("voltage_range", low)
    assert value(finding, "voltage_worst") == 205
    assert finding.evidence[0].limit == pytest.approx(207)
    assert finding.severity is Severity.MEDIUM
    line = [minute(i, voltage_l12=355.0, voltage_l23=398.0, voltage_l31=398.0) for i in range(20)]
    assert len(found("voltage_range", line)) == 1


def test_voltage_week_tells_when_five_percent_are_used_up() -> None:
    """51 of 1008 windows are over 5 %, 50 are not."""

    def week(outside: int, number: int = 1) -> list[Minute]:
        return [
            minute(i, voltage_l1=200.0 if i < outside * 10 else 230.0, voltage_l2=230.0, voltage_l3=230.0, week=number)
            for i in range(1500)
        ]

    assert found("voltage_week", week(50)) == []
    (finding,) = found("voltage_week", week(51))
    assert value(finding, "week_outside") == pytest.approx(100 * 51 / 1008)
    next_week = [replace(m, time_us=m.time_us + 1500 * MINUTE_US, week=2) for m in week(0)]
    (ended,) = found("voltage_week", week(51) + next_week)
    assert ended.to_us == T0 + 1500 * MINUTE_US


def test_frequency_by_ten_second_means() -> None:
    good = (50.0, 49.98, 50.02, 50.0, 50.3, 49.7)
    assert found("frequency_range", [minute(i, frequency_10s=good) for i in range(60)]) == []
    (finding,) = found("frequency_range", [minute(i, frequency_10s=(50.0, 49.5) if i == 5 else good) for i in range(20)])
    assert value(finding, "frequency_worst") == 49.5
    assert finding.evidence[0].limit == pytest.approx(49.6)
    (week,) = found("frequency_week", [minute(i, frequency_10s=good, week=1) for i in range(2000)])
    assert value(week, "week_outside") > 5
    assert found("frequency_week", [minute(i, frequency_10s=good, week=1) for i in range(1500)]) == []


def test_low_cos_phi_tells_the_missing_kvar() -> None:
    """120 kW at cos φ 0.65 need 120·(1.1691 − 0.35) = 98 kvar to come to tg φ 0.35."""
    tg = math.tan(math.acos(0.65))
    rows = [minute(i, active_power=120.0, reactive_power=120 * tg) for i in range(40)]
    (finding,) = found("low_cos_phi", rows)
    assert value(finding, "cos_phi") == pytest.approx(0.65)
    assert value(finding, "kvar_needed") == pytest.approx(98.4, abs=0.2)
    by_factor = [minute(i, active_power=120.0, power_factor=-0.65) for i in range(40)]
    assert value(found("low_cos_phi", by_factor)[0], "cos_phi") == pytest.approx(0.65)
    assert found("low_cos_phi", [minute(i, active_power=0.2, reactive_power=2.0) for i in range(40)]) == []
    assert found("low_cos_phi", [minute(i, active_power=120.0) for i in range(40)]) == []


def test_current_imbalance_only_at_work_and_under_load() -> None:
    loaded = {"current_l1": 20.0, "current_l2": 20.0, "current_l3": 8.0}
    (finding,) = found("current_imbalance", [minute(i, **loaded) for i in range(30)])
    assert value(finding, "current_deviation") == pytest.approx(50)
    assert value(finding, "current_l3") == 8
    assert found("current_imbalance", [minute(i, state="idle", **loaded) for i in range(30)]) == []
    assert found("current_imbalance", [minute(i, current_l1=2.0, current_l2=2.0, current_l3=0.5) for i in range(30)]) == []


# -- all of them -------------------------------------------------------------------------------------------------------------


def busy_days() -> list[Minute]:
    """Two days with everything wrong now and then."""
    random.seed(17)
    rows = []
    for i in range(2880):
        hour = i / 60 % 24
        state = "production" if 8 <= hour < 14 else "idle" if hour < 18 else "off"
        kw = {"production": random.gauss(9, 0.5) if i % 7 else 4.0, "idle": 2.2, "off": 0.1}[state]
        if i > 2000 and state == "production":
            kw = 4.05 if i < 2100 else kw * 1.5
        volts = [random.gauss(231, 2) - (28 if 300 < i < 420 else 0) for _ in range(3)]
        rows.append(
            minute(
                i,
                state=state,
                active_power=kw,
                reactive_power=kw * 1.3,
                voltage_l1=volts[0],
                voltage_l2=volts[1] * 0.93,
                voltage_l3=volts[2],
                current_l1=kw * 3,
                current_l2=kw * 3,
                current_l3=kw * 1.2,
                frequency_10s=(50.0, 49.5 if i % 400 == 0 else 50.01),
                in_shift=7 <= hour < 15,
                week=i // 1440,
            )
        )
    return [row for i, row in enumerate(rows) if not 1000 <= i < 1030]


def all_detectors() -> list[Detector]:
    settings = DetectorSettings(
        {
            "dry_run": {"learn_minutes": 300},
            "program_power": {"learn_minutes": 300},
            "specific_energy": {"learn_blocks": 10, "block_minutes": 30},
        }
    )
    return [*machine_detectors("m", settings, 0.3), *supply_detectors(settings)]


def test_a_restart_at_any_minute_changes_nothing() -> None:
    """Except for a running 10-min mean, which is lost: restarts here lie on the grid."""
    rows = busy_days()
    whole = [run(each, rows) for each in all_detectors()]
    assert sum(map(len, whole)) > 8
    again: list[dict[tuple[str, int], Finding]] = [{} for _ in whole]
    running = all_detectors()
    for place in range(0, len(rows), 130):
        fresh = all_detectors()
        for old, new in zip(running, fresh, strict=True):
            new.restore(json.loads(json.dumps(old.memory())))
        running = fresh
        for keep, each in zip(again, running, strict=True):
            for row in rows[place : place + 130]:
                keep.update({(f.key, f.from_us): f for f in each.feed(row)})
    assert [sorted(keep.values(), key=lambda f: f.from_us) for keep in again] == whole


def test_the_same_minutes_give_the_same_findings() -> None:
    rows = busy_days()
    assert [run(each, rows) for each in all_detectors()] == [run(each, rows) for each in all_detectors()]


def test_every_rule_has_a_detector_and_can_be_switched_off() -> None:
    assert {*MACHINE_RULES, *SUPPLY_RULES, "anomaly"} == set(RULES)
    off = DetectorSettings({rule: {"enabled": 0.0} for rule in RULES}, {"m": {"dry_run": {"enabled": 1.0}}})
    assert [d.rule for d in machine_detectors("m", off, None)] == ["dry_run"]
    assert supply_detectors(off) == []
    for rule, parameters in RULES.items():
        for name, parameter in parameters.items():
            assert parameter.low <= parameter.default <= parameter.high, (rule, name)


def test_a_machine_overrides_the_site() -> None:
    settings = DetectorSettings({"long_idle": {"min_minutes": 10.0}}, {"m": {"long_idle": {"min_minutes": 60.0}}})
    assert settings.of("long_idle", "m") == {"min_minutes": 60.0, "medium_kwh": 5.0}
    assert settings.of("long_idle", "other") == {"min_minutes": 10.0, "medium_kwh": 5.0}


def test_the_histogram_is_right_within_one_percent_bounded_and_forgets() -> None:
    random.seed(1)
    values = [random.lognormvariate(1, 0.5) for _ in range(5000)]
    histogram = LogHistogram()
    for each in values:
        histogram.add(each)
    for q in (0.05, 0.5, 0.95):
        assert histogram.quantile(q) == pytest.approx(sorted(values)[int(q * len(values))], rel=0.015)
    assert LogHistogram(histogram.memory()).quantile(0.5) == histogram.quantile(0.5)
    for _ in range(200_000):
        histogram.add(20.0)
    assert histogram.total <= 20_000
    assert histogram.quantile(0.5) == pytest.approx(20, rel=0.02)
    assert LogHistogram().quantile(0.5) is None


# -- when it was wasted ------------------------------------------------------------------------------------------------------


def test_waste_is_told_by_quarter_hours_and_stays_bounded() -> None:
    begin = T0 // QUARTER_US * QUARTER_US
    times = WasteTimes()
    times.add(begin + 5 * MINUTE_US, begin + 35 * MINUTE_US, 3.0)
    found = [(s.from_us - begin, s.to_us - begin, s.energy_kwh) for s in times.spans()]
    minutes = [(a / MINUTE_US, b / MINUTE_US, round(kwh, 9)) for a, b, kwh in found]
    assert minutes == [(5, 15, 1.0), (15, 30, 1.5), (30, 35, 0.5)]
    long = WasteTimes(times.memory())
    for i in range(3 * MOST_SPANS):
        long.add(begin + (3 + i) * QUARTER_US, begin + (4 + i) * QUARTER_US, 0.25)
    assert len(long.spans()) == MOST_SPANS
    assert sum(s.energy_kwh for s in long.spans()) == pytest.approx(3.0 + 0.25 * 3 * MOST_SPANS)


def test_every_rule_with_waste_tells_when_it_was_wasted() -> None:
    random.seed(11)
    steady = [minute(i, active_power=random.gauss(6.0, 0.4)) for i in range(45 * 60)]
    drifted = [minute(len(steady) + i, active_power=random.gauss(7.5, 0.4)) for i in range(20 * 60)]
    (drift,) = found("specific_energy", steady + drifted)
    (air,) = found("dry_run", [minute(i, active_power=4.0 if i < 60 else 9.0) for i in range(70)], no_load_kw=4.2)
    for finding in (drift, air):
        assert finding.waste_kwh is not None
        assert finding.waste_kwh > 0
        assert sum(s.energy_kwh for s in finding.waste_spans) == pytest.approx(finding.waste_kwh)
        assert all(s.from_us // QUARTER_US == (s.to_us - 1) // QUARTER_US for s in finding.waste_spans)


def test_the_memory_of_a_drift_keeps_when_it_was_wasted() -> None:
    random.seed(11)
    rows = [minute(i, active_power=random.gauss(6.0 if i < 45 * 60 else 7.5, 0.4)) for i in range(60 * 60 + 30)]
    whole, parted = detector("specific_energy"), detector("specific_energy")
    for row in rows[: 50 * 60 + 30]:
        whole.feed(row)
        parted.feed(row)
    restored = detector("specific_energy")
    restored.restore(json.loads(json.dumps(parted.memory())))
    told = [[f for row in rows[50 * 60 + 30 :] for f in each.feed(row)] for each in (whole, restored)]
    assert told[0]
    assert [f.waste_spans for f in told[0]] == [f.waste_spans for f in told[1]]
