"""What /api/energy/... answers. Energies kWh, powers kW, reactive kvar(h), money in the site's currency, hours h."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Reason = Literal["left_on", "outside", "waiting", "break", "warm_up"]


class Window(BaseModel):
    from_: str = Field(alias="from")
    to: str


class Trusted(Window):
    completeness: float = Field(description="share of the elapsed time with measured energy, 0 to 1")
    estimated_share: float = Field(description="share of the energy that is estimated, 0 to 1")
    running: bool


class ZoneItem(BaseModel):
    zone: str
    energy_kwh: float
    cost: float | None
    hours: float
    price_per_kwh: float | None = Field(description="null where it varied")


class PowerItem(BaseModel):
    kind: Literal["capacity", "network"]
    power_kw: float | None
    price_per_kw_month: float
    cost: float | None
    hours_known: int


class CostItem(Trusted):
    subject: str
    energy_kwh: float | None
    cost: float | None
    unpriced_kwh: float
    zones: list[ZoneItem]
    power: list[PowerItem]


class CostHourItem(BaseModel):
    time: str
    energy_kwh: float | None
    cost: float | None
    zone: str


class Costs(Window):
    currency: str
    items: list[CostItem]
    hours: list[CostHourItem] = Field(description="with by=hour: of the subject, hour by hour")


class Co2Item(Trusted):
    subject: str
    energy_kwh: float | None
    co2_kg: float | None
    co2_source: str
    fuel_t: float | None = Field(description="tonnes of conventional fuel")
    fuel_source: str


class Co2(Window):
    items: list[Co2Item]


class IdleSumItem(BaseModel):
    machine: str
    shift: str
    reason: Reason
    hours: float
    energy_kwh: float
    cost: float | None
    count: int


class IdleItem(Window):
    machine: str
    reason: Reason
    shift: str
    day: str
    hours: float
    energy_kwh: float | None
    estimated_kwh: float
    cost: float | None
    note: str
    noted_by: str
    running: bool


class WorstItem(BaseModel):
    machine: str
    hours: float
    energy_kwh: float
    cost: float | None
    share: float
    reasons_kwh: dict[str, float]
    longest: IdleItem


class LeftOnItem(BaseModel):
    machine: str
    since: str
    reason: Reason
    power_kw: float | None
    cost_per_hour: float | None
    energy_kwh: float | None
    cost: float | None


class Idle(Trusted):
    currency: str
    rule_version: int
    hours: float
    energy_kwh: float
    cost: float | None
    worst: WorstItem | None
    sums: list[IdleSumItem]
    items: list[IdleItem]
    left_on: list[LeftOnItem]


class DemandItem(Window):
    demand_kw: float | None
    complete: bool
    running: bool


class PeakMachine(BaseModel):
    machine: str
    power_kw: float


class PeakItem(DemandItem):
    machines: list[PeakMachine]


class RunningItem(Window):
    so_far_kwh: float
    power_kw: float | None
    projection_kw: float | None
    contract_kw: float | None


class DemandOut(Trusted):
    window_min: int
    contract_kw: float | None
    source: Literal["main_meter", "sum_of_machines"]
    over_contract: int
    now: RunningItem | None
    peaks: list[PeakItem]
    items: list[DemandItem]


class TangentItem(BaseModel):
    time: str
    tg_phi: float | None


class PowerFactorOut(Trusted):
    subject: str
    active_kwh: float | None
    reactive_kvarh: float | None
    tg_phi: float | None
    cos_phi: float | None
    high_load_tg_phi: float | None
    tg_limit: float | None
    required_kvar: float | None
    surcharge: float | None
    source: Literal["counter", "integrated_power", "none"]
    items: list[TangentItem]


class LoadCurveItem(Trusted):
    subject: str
    energy_kwh: float | None
    rated_kw: float | None
    mean_kw: float | None
    mean_on_kw: float | None
    max_kw: float | None
    rms_kw: float | None
    use: float | None
    load: float | None
    demand: float | None
    maximum: float | None
    form: float | None
    load_factor: float | None
    t_max_h: float | None
    utilisation: float | None


class LoadCurves(Window):
    items: list[LoadCurveItem]


class StandbyItem(BaseModel):
    machine: str
    advice: Literal["switch_off", "keep", "unknown", "none"]
    idle_since: str | None
    break_even_min: float | None
    expected_pause_min: float | None
    pauses_known: int
    saving_kwh: float | None
    saving: float | None
    warm_up_kwh: float | None
    warm_up_min: float | None
    off_kw: float | None
    idle_kw: float | None
    learned: list[str]


class Standbys(BaseModel):
    currency: str
    items: list[StandbyItem]


class NoteOut(Window):
    id: int
    machine: str
    text: str
    author: str


class PriceTableItem(Window):
    table: str
    hours: int


class PriceTables(BaseModel):
    items: list[PriceTableItem]


class PriceImport(BaseModel):
    table: str
    layout: Literal["rows", "days"]
    hours: int
    from_: str | None = Field(alias="from")
    to: str | None
    min_price_per_kwh: float | None
    max_price_per_kwh: float | None
    missing_hours: int
    problems: list[str]
    kept: bool
