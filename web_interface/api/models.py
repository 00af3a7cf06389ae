"""What the API answers, field by field. Times RFC 3339 UTC with milliseconds; energies kWh; powers kW."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Grade = Literal["good", "uncertain", "bad"]
State = Literal["off", "idle", "production", "alarm", "no_data"]


class LatestItem(BaseModel):
    device: str
    machine: str | None
    tag: str = Field(examples=["m1.active_power"])
    quantity: str
    value: float | str | None = Field(description="null exactly when the quality is bad")
    unit: str
    quality: Grade
    reason: str | None = Field(description="why the quality is not good")
    time: str
    last_good: float | None = Field(description="when bad: the last good value, never to be shown as live")
    last_good_time: str | None


class Latest(BaseModel):
    time: str
    items: list[LatestItem]


class Series(BaseModel):
    tag: str
    unit: str
    columns: list[str]
    points: list[list[float | str | None]]


class Period(BaseModel):
    from_: str = Field(alias="from")
    to: str
    step: Literal["raw", "1m", "15m", "1h", "1d"]
    series: list[Series]


class AlertHold(BaseModel):
    kind: Literal["shelved", "suppressed", "out_of_service"]
    since: str
    until: str | None
    by: str | None
    reason: str


class AlertItem(BaseModel):
    id: int
    state: Literal["unacknowledged", "acknowledged", "returned", "cleared"]
    priority: Literal["critical", "high", "medium", "low"]
    machine: str | None
    device: str | None
    tag: str | None
    rule: str
    value: float | None
    limit: float | None
    unit: str
    raised: str
    returned: str | None
    acknowledged: str | None
    acknowledged_by: str | None
    note: str | None
    detail: str
    rule_id: str | None
    rule_version: str
    message: dict[str, str]
    repeats: int = Field(description="how often it came again")
    last_raised: str | None
    chattering: bool
    hold: AlertHold | None
    group: str | None = Field(description="alerts of one cause share it")
    escalation: int = Field(description="steps taken")


class AlertChange(BaseModel):
    number: int
    action: str
    state: Literal["unacknowledged", "acknowledged", "returned", "cleared"]
    time: str
    by: str | None
    note: str | None
    to: list[str]


class AlertWithChanges(AlertItem):
    transitions: list[AlertChange]


class BulkItem(BaseModel):
    id: int
    error: str | None


class BulkAnswer(BaseModel):
    items: list[BulkItem]


class NoisyAlert(BaseModel):
    alert: AlertItem
    raises: int
    share: float


class FloodItem(BaseModel):
    from_: str = Field(alias="from")
    to: str
    raises: int


class HourRaises(BaseModel):
    hour: str
    raises: int


class HygieneOut(BaseModel):
    from_: str = Field(alias="from")
    to: str
    positions: int
    raises: int
    per_day: float | None
    per_hour: float | None
    per_10_min: float | None
    peak_per_10_min: int
    band: Literal["acceptable", "manageable", "demanding", "over_demanding", "unacceptable"] | None
    flood_share: float
    floods: list[FloodItem]
    by_hour: list[HourRaises]
    top: list[NoisyAlert]
    kinds: int = Field(description="different conditions among the raises")
    top_share: float | None = Field(
        description="share of the ten conditions that come most, 0 to 1; null of fewer than 50 raises or of ten kinds and less,"
        " where it tells nothing"
    )
    chattering: list[NoisyAlert]
    stale: list[AlertItem]
    by_priority: dict[str, float]
    truncated: bool


class AlertRuleItem(BaseModel):
    id: str
    source: Literal["alert_rules", "limits"]
    version: str
    out_of_service: AlertHold | None
    rule: dict[str, object] = Field(description="the fields of the plant file")


class AlertRules(BaseModel):
    items: list[AlertRuleItem]


class RehearsalOccasion(BaseModel):
    subject: str
    side: str
    from_: str = Field(alias="from")
    to: str | None
    value: float
    limit: float


class DayCount(BaseModel):
    day: str
    count: int


class RuleRehearsalOut(BaseModel):
    rule_version: str
    from_: str = Field(alias="from")
    to: str
    subjects: int
    alerts: int
    standing_s: float
    suppressed_s: float
    busiest_day: DayCount | None
    by_day: list[DayCount]
    examples: list[RehearsalOccasion]
    fine: bool = Field(description="every sample counted; false: minute means stand for some")


class FilterExample(BaseModel):
    time: str
    value: float


class FilterRehearsalOut(BaseModel):
    tag: str
    from_: str = Field(alias="from")
    to: str
    samples: int
    changed: int = Field(description="good samples that would be refused")
    changed_kwh: float | None
    restored: int = Field(description="refused samples that would be taken")
    changed_state_s: float | None = Field(description="time the machine would be in another state; null: not by this tag")
    fine: bool = Field(description="all samples of the window were tried")
    by_day: list[DayCount]
    examples: list[FilterExample]


class RehearsalOut(BaseModel):
    id: str
    state: Literal["running", "done", "cancelled", "failed"]
    progress: float
    error: str
    result: RuleRehearsalOut | FilterRehearsalOut | None


class DutyOut(BaseModel):
    users: list[str]


class Alerts(BaseModel):
    items: list[AlertItem]


class AlertHistory(Alerts):
    next: str | None = Field(description="path of the rest, null when there is none")


class DeviceItem(BaseModel):
    device: str
    line: str
    profile: str
    state: Literal["online", "offline", "disabled", "waiting"]
    since: str
    last_success: str | None
    last_error: str | None
    polls: int
    timeouts: int
    errors: dict[str, int]
    latency_ms: float | None
    next_attempt: str | None
    scan_s: float


class LineItem(BaseModel):
    line: str
    transport: str
    target: str
    state: Literal["online", "partial", "down", "disabled"]
    since: str
    devices: int
    devices_online: int
    latency_ms: float | None
    load: float | None
    errors_last_hour: int
    last_error: str | None
    next_attempt: str | None
    cycle_asked_s: float | None
    cycle_calculated_s: float | None
    cycle_measured_s: float | None
    warning: str | None


class Devices(BaseModel):
    items: list[DeviceItem]


class Lines(BaseModel):
    items: list[LineItem]


class MachineItem(BaseModel):
    id: str
    name: str
    section: str
    board: str
    meter: str | None
    rated_kw: float | None
    state: State
    since: str
    power_kw: float | None
    quality: Grade
    shift_energy_kwh: float | None
    efficiency: float | None = Field(description="the machine's card of the running shift, K1 where none is set")
    efficiency_card: str | None


class Machines(BaseModel):
    items: list[MachineItem]


class StateItem(BaseModel):
    state: State
    from_: str = Field(alias="from")
    to: str | None = Field(description="null while it lasts")
    energy_kwh: float | None
    program: str | None = Field(None, description="on longest in it; null while none is known, and in windows over 31 days")


class States(BaseModel):
    machine: str
    from_: str = Field(alias="from")
    to: str
    items: list[StateItem]


class MachineNote(BaseModel):
    id: int
    machine: str
    time: str = Field(description="the instant it is about")
    text: str
    author: str
    written: str


class MachineNotes(BaseModel):
    machine: str
    from_: str = Field(alias="from")
    to: str
    items: list[MachineNote]


class StateShare(BaseModel):
    seconds: float
    energy_kwh: float


class Term(BaseModel):
    symbol: str
    value: float | None
    unit: str
    source: str


class EfficiencyCard(BaseModel):
    """A card: what the number is, what went in, how far to trust it."""

    machine: str
    card: str = Field(examples=["K1"])
    version: int
    definition: str
    from_: str = Field(alias="from")
    to: str
    value: float | None
    numerator_kwh: float
    denominator_kwh: float
    completeness: float
    estimated_share: float
    complete: bool
    inputs: dict[State, StateShare]
    terms: list[Term] = Field(description="the formula's symbols with their values")
    reason: str | None = Field(description="why there is no value, as a key")
    source: Literal["counter", "integrated_power", "none"]


class EnergyItem(BaseModel):
    machine: str
    label: str
    from_: str = Field(alias="from")
    to: str
    energy_kwh: float | None
    estimated_kwh: float
    estimated_share: float
    completeness: float
    source: Literal["counter", "integrated_power", "none"]
    running: bool


class Energy(BaseModel):
    by: Literal["shift", "day", "hour"]
    from_: str = Field(alias="from")
    to: str
    items: list[EnergyItem]


class Destination(BaseModel):
    name: str
    enabled: bool
    delivered: int
    pending: int
    quarantined: int
    dropped: int
    taken: int
    balanced: bool
    refused_other: int = Field(description="beside the balance: refused texts, of the database events too")
    last_error: str | None
    oldest_pending: str | None


class RefusedNewest(BaseModel):
    noted: str
    kind: Literal["sample", "text", "event", "message"]
    tag: str | None
    reason: str


class RefusedCount(BaseModel):
    entries: int
    by_kind: dict[str, int]
    newest: RefusedNewest | None


class StorageOut(BaseModel):
    """How keeping does. `backlog_samples`: read and not yet in the tables."""

    engine: Literal["sqlite", "mysql", "postgresql"]
    state: Literal["ok", "journal", "full", "failed"]
    words: str = Field(description="the state in plain words")
    cause: str | None
    size_bytes: int | None = Field(description="of the database, as it reckons; null until it was asked")
    disk_free_bytes: int = Field(description="where the data folder lies")
    backlog_samples: int
    oldest_waiting: str | None
    last_write: str | None = Field(description="when samples reached the tables last; null: not since the start")
    write_ms: float | None
    journal_bytes: int
    journal_limit_bytes: int
    warnings: list[str]
    refused: RefusedCount | None = Field(description="what no table can hold, see /api/quarantine; null until it was asked")


class BooksOut(BaseModel):
    """read = kept + filtered + rejected + in flight (read just now, not yet on the disk); for each destination
    taken = delivered + pending + quarantined + dropped (the database takes what is kept, a feed also events)."""

    since: str
    read: int
    kept: int
    filtered: int
    rejected: dict[str, int]
    in_flight: int
    balanced: bool
    destinations: list[Destination]


class TemplateItem(BaseModel):
    id: str
    title: dict[str, str]
    formats: list[str]
    period: str
    version: int
    shipped: bool


class WorkbookCells(BaseModel):
    name: str
    sheet: str
    first: str
    count: int


class WorkbookOut(BaseModel):
    file_name: str
    size_bytes: int
    sha256: str
    cells: list[WorkbookCells]


class WorkbookNameOut(BaseModel):
    name: str
    words: str
    listed: bool = Field(description="fills a column or a row of cells")


class WorkbookNames(BaseModel):
    items: list[WorkbookNameOut]


class ReportTemplateOut(TemplateItem):
    name: str
    blocks: list[str]
    figures: list[str]
    machines: list[str]
    areas: list[str]
    language: str | None
    page: str
    has_logo: bool
    workbook: WorkbookOut | None


class ReportTemplates(BaseModel):
    items: list[ReportTemplateOut]


class ReportItem(BaseModel):
    id: int
    template: str
    format: str
    from_: str = Field(alias="from")
    to: str
    issued: str
    issued_by: str
    file_name: str
    size_bytes: int
    file: str = Field(description="path of the file")
    template_version: int | None = None
    language: str | None = None
    scheduled: bool = False


class ReportJobOut(BaseModel):
    id: str
    template: str
    format: str
    from_: str = Field(alias="from")
    to: str
    by: str
    started: str
    state: Literal["running", "done", "failed", "cancelled"]
    step: str
    report_id: int | None = Field(description="set when it is done")
    error: str


class ReportRunOut(BaseModel):
    from_: str = Field(alias="from")
    to: str
    state: Literal["waiting", "done", "failed"]
    tries: int
    error: str
    report_id: int | None


class ReportScheduleOut(BaseModel):
    id: int
    template: str
    format: str
    delay_min: int
    enabled: bool
    folder: str
    channel_id: int | None
    mail_to: list[str]
    version: int


class ReportScheduleNow(ReportScheduleOut):
    next: str | None = Field(description="when it is made next")
    runs: list[ReportRunOut]


class ReportSchedules(BaseModel):
    items: list[ReportScheduleNow]


class Reports(BaseModel):
    templates: list[TemplateItem]
    items: list[ReportItem]
    next: str | None = Field(description="path of the rest, null when there is none")


class SessionOut(BaseModel):
    name: str
    role: Literal["viewer", "operator", "engineer", "admin"]
    csrf_token: str | None = Field(description="to be sent as X-CSRF-Token with changing requests of a session; null for a key")


class Ready(BaseModel):
    ready: bool
    storage: str
    cause: str | None


class VitalsOut(BaseModel):
    time: str
    cpu_cores: float = Field(description="cores used; 1 is one whole core")
    memory_bytes: int
    loop_lag_ms: float = Field(description="99th percentile of a minute")
    poll_late_ms: float | None = Field(description="99th percentile of how late polls began since the last reading")
    polls_skipped: int
    waiting_samples: int
    written_per_s: float
    write_ms: float | None


class PerformanceOut(BaseModel):
    items: list[VitalsOut]


class ShareOut(BaseModel):
    topic: str
    partition: int
    lag: int | None = Field(description="messages that wait in it")


class RoleRefusals(BaseModel):
    where: str = Field(description="a feed of that process, or tables")
    count: int
    newest: str | None
    reason: str


class RoleOut(BaseModel):
    name: str
    role: Literal["collect", "ingest", "web"]
    host: str
    pid: int
    started: str
    told: str = Field(description="when it told this")
    state: Literal["starting", "ok", "away", "silent"]
    detail: str | None
    taken: int = Field(description="samples read from devices or from Kafka since its start")
    delivered: int = Field(description="samples in Kafka (collect), in the tables (ingest), shown (web)")
    refused: int
    waiting: int = Field(description="samples on its disk (collect), messages in Kafka (ingest, web)")
    oldest_waiting: str | None
    lines: list[str] = Field(description="those it polls")
    shares: list[ShareOut]
    refusals: list[RoleRefusals] = Field(description="what lies set apart at that process, with the newest reason")


class RolesOut(BaseModel):
    items: list[RoleOut]


class ErrorOut(BaseModel):
    device: str
    line: str
    kind: str
    total: int
    by_hour: list[int]


class ErrorsOut(BaseModel):
    items: list[ErrorOut]
