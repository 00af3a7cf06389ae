"""The rest of the overview as plain data: machine cards, alerts, the chart's points. Pure: the shop in, data out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from domain.alert import Alert, AlertState
from domain.energy import ShiftWindow
from domain.plant import Plant
from domain.state import MachineState
from web_interface.components.marks import ATTENTION, priority_letter, priority_name, state_letter, state_name
from web_interface.format import MISSING, Format
from web_interface.locale import t
from web_interface.services.live import MachineNow, ShopNow
from web_interface.texts import alert_sentence, alert_subject

Data = dict[str, Any]
_PANEL_ALERTS = 12


def machine_href(machine_id: str) -> str:
    return f"/machines/{quote(machine_id, safe='')}"


def by_section(machines: Sequence[MachineNow]) -> Mapping[str, Sequence[MachineNow]]:
    """Machines in the plant's order, grouped; the key is "section · board" as the head says it."""
    found: dict[str, list[MachineNow]] = {}
    for m in machines:
        found.setdefault(section_title(m), []).append(m)
    return found


def section_title(m: MachineNow) -> str:
    return " · ".join(part for part in (m.machine.section, m.machine.board) if part)


def section_kw(machines: Sequence[MachineNow], fmt: Format) -> str:
    """Sum of the known powers of a section."""
    known = [m.power_kw for m in machines if m.power_kw is not None]
    return fmt.number(sum(known), 1) if known else MISSING


def card(m: MachineNow, shop: ShopNow, fmt: Format) -> Data:
    """One machine card; spark and strip share the axis of the shift."""
    lang = fmt.lang
    since = fmt.duration((shop.now_us - m.state_since_us) / 1e6)
    energy = m.shift.energy_kwh if m.shift else None
    state = state_name(m.state, lang)
    return {
        "id": m.machine.id,
        "href": machine_href(m.machine.id),
        "name": m.machine.name,
        "state": m.state.value,
        "letter": state_letter(m.state, lang),
        "stateName": state,
        "since": since,
        "kw": None if m.shown_kw is None else fmt.number(m.shown_kw, 1),
        "unit": fmt.unit("kW"),
        "was": "" if m.shown_kw is not None else _was(m, fmt),
        "kefName": kef_name(m, shop, lang),
        "kef": fmt.kef(m.kef.value) if m.kef and m.kef.value is not None else "",
        "energy": fmt.value(energy, "kWh", 0) if energy is not None else "",
        "spark": spark(m, shop.shift),
        "strip": strip(m, shop.shift, shop.now_us),
        "rank": ATTENTION.index(m.state),
    }


def _was(m: MachineNow, fmt: Format) -> str:
    """The last known power of a silent machine."""
    if m.machine.meter is None:
        return t("card.no_meter", fmt.lang)
    if m.last_good_kw is None:
        return t("card.never", fmt.lang)
    return t("card.was", fmt.lang, value=fmt.value(m.last_good_kw, "kW", 1))


def kef_name(m: MachineNow, shop: ShopNow, lang: str) -> str:
    """КЭФ; with the card's name where the machines of the shop do not all have the same."""
    return t("card.kef", lang) if m.kef is None or not _several_cards(shop) else f"{t('card.kef', lang)} {m.kef.card}"


_judged: list[tuple[ShopNow, bool]] = []


def _several_cards(shop: ShopNow) -> bool:
    """Whether the shop's machines have different cards; asked for each of them, so found once for the same shop."""
    if not _judged or _judged[0][0] is not shop:
        _judged[:] = [(shop, len({other.kef.card for other in shop.machines if other.kef is not None}) > 1)]
    return _judged[0][1]


_sparks: dict[tuple[str, float | None, int, int], tuple[Sequence[tuple[int, float | None]], list[list[float | None]]]] = {}
_MOST_SPARKS = 2000


def spark(m: MachineNow, shift: ShiftWindow | None) -> list[list[float | None]]:
    """Points 0..100 over the shift, scaled to the machine's own maximum. Drawn once for the same list of points."""
    if shift is None:
        return []
    key = (m.machine.id, m.machine.rated_kw, shift.from_us, shift.to_us)
    known = _sparks.get(key)
    if known is None or known[0] is not m.spark:
        if len(_sparks) > _MOST_SPARKS:
            _sparks.clear()
        known = _sparks[key] = (m.spark, _draw(m, shift))
    return known[1]


def _draw(m: MachineNow, shift: ShiftWindow) -> list[list[float | None]]:
    top = max((v for _, v in m.spark if v is not None), default=0.0)
    top = max(top, (m.machine.rated_kw or 0.0) * 0.05, 0.01)
    width = shift.to_us - shift.from_us
    return [
        [round((at - shift.from_us) / width * 100, 1), None if v is None else round(max(0.0, v) / top * 96 + 2, 1)]
        for at, v in m.spark
        if shift.from_us <= at <= shift.to_us
    ]


def strip(m: MachineNow, shift: ShiftWindow | None, now_us: int) -> list[list[Any]]:
    """[from %, width %, state] of the shift so far."""
    if shift is None:
        return []
    width = shift.to_us - shift.from_us
    found: list[list[Any]] = []
    for interval in m.intervals:
        a, b = max(interval.from_us, shift.from_us), min(interval.to_us or now_us, shift.to_us, now_us)
        if b > a:
            found.append([round((a - shift.from_us) / width * 100, 1), round((b - a) / width * 100, 1), interval.state.value])
    return found


def alerts(active: Sequence[Alert], plant: Plant, now_us: int, fmt: Format, *, may_acknowledge: bool) -> Data:
    """The panel: what waits for acknowledgement first, then by priority and age."""
    order = {AlertState.UNACKNOWLEDGED: 0, AlertState.ACKNOWLEDGED: 1, AlertState.RETURNED: 2}
    ranked = sorted(active, key=lambda a: (order.get(a.state, 3), a.priority.rank, -a.raised_us))
    return {
        "rows": [alert_row(a, plant, now_us, fmt) for a in ranked[:_PANEL_ALERTS]],
        "acknowledge": t("action.acknowledge", fmt.lang),
        "empty": t("alerts.none", fmt.lang),
        "mayAck": may_acknowledge,
    }


def alert_row(a: Alert, plant: Plant, now_us: int, fmt: Format) -> Data:
    """One alert in the panel."""
    return {
        "id": a.id,
        "priority": a.priority.value,
        "letter": priority_letter(a.priority, fmt.lang),
        "prioName": priority_name(a.priority, fmt.lang),
        "name": alert_subject(a, plant, fmt.lang),
        "href": machine_href(a.machine_id) if a.machine_id else "",
        "key": a.key,
        "time": f" · {fmt.clock(a.raised_us)}",
        "when": f" · {fmt.duration((now_us - a.raised_us) / 1e6, coarse=True)}",
        "text": alert_sentence(a, fmt),
        "open": a.state in {AlertState.UNACKNOWLEDGED, AlertState.RETURNED},
        "returned": a.state is AlertState.RETURNED,
        "by": initials(a.acknowledged_by or ""),
        "byFull": a.acknowledged_by or "",
        "mayAck": a.id > 0,
    }


def initials(name: str) -> str:
    """ "Anna Kuznetsova" is "A. K."; a login name stays whole."""
    words = name.replace(".", ". ").split()
    return " ".join(f"{w[0]}." for w in words[:2]) if len(words) > 1 else name


def points_ms(trend: Sequence[tuple[int, float | None]]) -> list[list[float | None]]:
    """[ms, kW] for the chart, one decimal."""
    return [[at // 1000, None if v is None else round(v, 1)] for at, v in trend]


def sum_kwh(trend: Sequence[tuple[int, float | None]], until_us: int, width_s: float = 300.0) -> float:
    """Energy under 5-min means up to `until_us`; gaps count nothing."""
    hours = width_s / 3600
    return sum(v * hours for at, v in trend if v is not None and at < until_us)


def needs_attention(m: MachineNow) -> bool:
    return m.state in {MachineState.ALARM, MachineState.NO_DATA}
