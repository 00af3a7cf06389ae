"""What pages and API routes ask for. The implementations are built in main.py; tests may build small ones.

Every call that changes something takes the Actor, checks its role (raises Forbidden) and writes the audit itself, so that no
page and no route can forget it. Times are UTC microseconds; energies kWh; powers kW.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import domain.report
from domain.access import Actor, ApiKey, AuditEntry, Role, User
from domain.alert import Alert, Change, KeyHold, LimitRule
from domain.alert_rule import AlertRule
from domain.backup import BackupFile, BackupJob
from domain.balance import BalanceFinding, BalanceReport
from domain.baseline import Baseline, BaselineDefinition, BaselineDraft, PeriodRow, Savings
from domain.browse import BrowsedNode
from domain.commissioning import Connected, Connection, ScanStep
from domain.commissioning import ReadNow as ReadNow
from domain.commissioning import ReadNowRow as ReadNowRow
from domain.cube import CubeAnswer, Dimension
from domain.device_table import DevicePreview
from domain.efficiency import GroupEfficiency
from domain.energy import NO_SHIFT_PRICE, Efficiency, EnergyAccount, ShiftPrice, ShiftWindow
from domain.errors import Forbidden as Forbidden
from domain.errors import MonitorError
from domain.explain import Explanation
from domain.feed import FeedService, FeedStatus
from domain.feed_setting import FeedSettingService
from domain.figures import (
    Cost,
    CostHour,
    Demand,
    IdleLedger,
    LeftOn,
    LoadCurve,
    PowerFactor,
    RunningDemand,
    StandbyAdvice,
)
from domain.finding import AnomalyModel, AnomalyTraining, Finding, FindingRehearsal
from domain.floor import FloorPicture, FloorPlan, Place
from domain.health import Books, DeviceStatus, ErrorCount, LineStatus, StorageStatus, TaskStatus, Vitals
from domain.hygiene import Hygiene
from domain.idle import IdleNote
from domain.inspection import FrameField, InspectedItem, Outcome, QualityModel
from domain.kpi import GroupKpis, SpecificEnergy
from domain.line_frame import LineFrames
from domain.log_line import LogLine
from domain.loop import ControlLoop, LoopEpisode, LoopReport
from domain.note import MachineNote
from domain.notification import Channel, ChannelHealth, DeliveryState, Message, Notice, Subscription
from domain.plan import PlanFact, PlanInterval
from domain.plant import Device, Line, Machine, Plant, Tag
from domain.plant_version import PlantDiff, VersionChanges, VersionFile
from domain.plugin import PluginStatus
from domain.ports import RawSeries, RollupSeries, Step
from domain.production import PartCount, ProgramStretch
from domain.profile import Profile
from domain.profile_file import ProfileDraft, ProfileEntry, ProfileFile
from domain.rehearsal import RehearsalJob
from domain.report import (
    Draft,
    PeriodKind,
    ReportJob,
    ReportOutline,
    ReportRun,
    ReportSchedule,
    ReportWorkbook,
    ScheduleNow,
    WorkbookFile,
    WorkbookName,
)
from domain.state import MachineState, StateInterval, StateThresholds
from domain.state_rule import LearnedBorders, Recompute, Rehearsal
from domain.substate import SubStates
from domain.tariff import PricePreview
from domain.trend_view import TrendView
from domain.trust import ServerCertificate
from domain.virtual import FormulaCheck, VirtualTag, VirtualTagNow
from web_interface.trends.reader import Cell, Chosen, Stretch


@dataclass(frozen=True, slots=True)
class LatestValue:
    """The last known value of a tag. `stale`: older than 3 intervals. A bad value has `value` None and a `reason`;
    `last_good` and `last_good_us` then tell what it was and when."""

    tag: Tag
    machine_id: str | None
    time_us: int
    value: float | None
    quality: int
    text: str | None = None
    last_good: float | None = None
    last_good_us: int | None = None


@dataclass(frozen=True, slots=True)
class MachineNow:
    """A machine as its card shows it. `spark`: (time_us, kW or None) of the running shift, at most 120 points, oldest first."""

    machine: Machine
    state: MachineState
    state_since_us: int
    power_kw: float | None
    power_quality: int
    last_good_kw: float | None
    last_good_us: int | None
    shift: EnergyAccount | None
    kef: Efficiency | None
    intervals: Sequence[StateInterval] = ()
    spark: Sequence[tuple[int, float | None]] = ()


@dataclass(frozen=True, slots=True)
class ShopNow:
    """The overview. `power_trend`: (time_us, kW or None) 5-min means of the day; `yesterday` the same, shifted by a day."""

    now_us: int
    power_kw: float | None
    shift: ShiftWindow | None
    shift_energy_kwh: float | None
    shift_completeness: float
    kef: Efficiency | None
    machines: Sequence[MachineNow]
    data_health: float  # 0..1: good share of the last values
    devices_online: int
    devices_total: int
    power_trend: Sequence[tuple[int, float | None]] = ()
    yesterday: Sequence[tuple[int, float | None]] = ()
    kef_trend: Sequence[tuple[int, float | None]] = ()
    shift_cost: float | None = None
    shift_price: ShiftPrice = NO_SHIFT_PRICE
    newest_us: int | None = None  # time of the newest good value of all tags; None before the first


@dataclass(frozen=True, slots=True)
class ReportTemplate:
    """`id` "shift"; titles ru and en; formats pdf and xlsx; `content`: what it consists of."""

    id: str
    title: Mapping[str, str]
    formats: tuple[str, ...]
    content: domain.report.ReportTemplate


@dataclass(frozen=True, slots=True)
class IssuedReport:
    id: int
    template: str
    format: str
    from_us: int
    to_us: int
    issued_us: int
    issued_by: str
    file_name: str
    size_bytes: int
    template_version: int | None = None
    language: str | None = None
    scheduled: bool = False


class LiveService(Protocol):
    """From memory: no query per browser per second."""

    def tags(self) -> Sequence[Tag]: ...
    def tag(self, name: str) -> Tag:
        """Raises NotFound with the nearest names."""
        ...

    def latest(self, *, device: str | None = None, machine: str | None = None, tag: str | None = None) -> Sequence[LatestValue]:
        """Raises NotFound for an unknown device, machine or tag."""
        ...

    def shop(self) -> ShopNow: ...
    def machine(self, machine_id: str) -> MachineNow:
        """Raises NotFound."""
        ...

    def subscribe(self, *kinds: str) -> AsyncIterator[tuple[str, object]]:
        """Events as they happen: ("sample", Sequence[LatestValue]) at most each 0.25 s, ("state", StateInterval),
        ("alert", Alert), ("plant", None). A slow reader loses the oldest and gets ("lost", count) first."""
        ...


class HistoryService(Protocol):
    async def raw(self, tag: str, from_us: int, to_us: int, limit: int) -> RawSeries: ...
    async def rollup(self, tag: str, step: Step, from_us: int, to_us: int) -> RollupSeries: ...


class TrendService(Protocol):
    """Curves of tags over any window, each at the tier that fits."""

    def tags(self) -> Sequence[Tag]:
        """What can be drawn: all tags of the plant but texts."""
        ...

    async def choose(self, names: Sequence[str]) -> Chosen:
        """Tags by name, also removed ones; what is unknown is told, never raised."""
        ...

    async def read(self, tags: Sequence[Tag], from_us: int, to_us: int, *, growth: bool = False) -> Sequence[Stretch]:
        """At most some 2 000 points each. `growth`: counters by what they grew by in each bucket."""
        ...

    def workbook(self, title: str, note: str, heads: Sequence[str], columns: Sequence[Sequence[Cell]]) -> bytes:
        """A table as XLSX. CPU-bound: call it off the event loop."""
        ...


class TrendViewService(Protocol):
    """Saved views of trends: one's own and those shared with all."""

    async def visible(self, actor: Actor) -> Sequence[TrendView]: ...
    async def get(self, view_id: int, actor: Actor) -> TrendView:
        """Raises NotFound, also for another's that is not shared."""
        ...

    def may_change(self, view: TrendView, actor: Actor) -> bool: ...
    def newer_than(self, view: TrendView) -> TrendView | None:
        """What somebody saved over it since; from memory."""
        ...

    async def create(self, name: str, address: str, actor: Actor, *, shared: bool) -> TrendView:
        """Raises ConfigError, Conflict (the name is taken)."""
        ...

    async def save(self, seen: TrendView, actor: Actor, *, name: str, address: str, shared: bool) -> TrendView:
        """Over the version that was seen. Raises ViewChanged, NotFound, Forbidden, ConfigError, Conflict."""
        ...

    async def delete(self, view_id: int, actor: Actor) -> None: ...
    async def exported(self, actor: Actor, words: str) -> None:
        """Into the audit."""
        ...


class EnergyService(Protocol):
    """Energy, states and efficiency for any window."""

    def shifts(self, from_us: int, to_us: int) -> Sequence[ShiftWindow]: ...
    def shift_at(self, time_us: int) -> ShiftWindow | None: ...
    def shifts_of_day(self, day: date) -> Sequence[ShiftWindow]: ...
    async def states(self, machine_id: str, from_us: int, to_us: int) -> Sequence[StateInterval]: ...
    async def account(self, machine_id: str, from_us: int, to_us: int) -> EnergyAccount: ...
    async def efficiency(self, machine_id: str, from_us: int, to_us: int) -> Efficiency: ...
    async def energy(self, by: str, from_us: int, to_us: int) -> Sequence[EnergyAccount]:
        """`by`: shift | day | hour; one account per machine and interval that begins in the window."""
        ...


class EfficiencyService(Protocol):
    """Efficiency cards (КЭФ): a machine's own, or any other."""

    async def efficiency(self, machine_id: str, from_us: int, to_us: int, card: str | None = None) -> Efficiency:
        """Raises NotFound for a machine or card that does not exist."""
        ...

    async def grouped(
        self, by: str, step: str, from_us: int, to_us: int, card: str | None = None, subject: str = "site"
    ) -> Sequence[GroupEfficiency]:
        """`by` machine | section | site, `step` hour | shift | day | total; machines of different cards stay apart."""
        ...


class ProductionFiguresService(Protocol):
    """Energy per part and program, times after ISO 22400-2."""

    async def specific(self, machine_id: str, from_us: int, to_us: int) -> SpecificEnergy:
        """Raises NotFound."""
        ...

    async def by_program(self, machine_id: str, from_us: int, to_us: int) -> Sequence[SpecificEnergy]:
        """Most energy first; empty where no program is told. Raises NotFound."""
        ...

    async def oee(self, by: str, from_us: int, to_us: int, subject: str = "site") -> Sequence[GroupKpis]:
        """`by` machine | section | site. Raises NotFound."""
        ...


class ExplainService(Protocol):
    """Opens any figure of the product."""

    def figures(self) -> Sequence[str]: ...
    async def explain(
        self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str] | None = None
    ) -> Explanation:
        """`subject`: machine id, "section:<name>" or "site". Raises NotFound."""
class ProductionService(Protocol):
    """Parts and programs of machines whose control tells them."""
    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount:
        """`parts` None where none are counted. Raises NotFound."""
        ...
    async def programs(
        self, machine_id: str, from_us: int, to_us: int, *, with_parts: bool = True
    ) -> Sequence[ProgramStretch]:
        """Stretches that tile the elapsed part of the window; empty where no program is told. Raises NotFound."""
        ...


class BaselineService(Protocol):
    """Energy baselines in versions, and savings against them."""

    async def all(self) -> Sequence[Baseline]: ...
    async def get(self, baseline_id: int) -> Baseline:
        """Raises NotFound."""
        ...

    async def draft(self, definition: BaselineDefinition) -> BaselineDraft:
        """Fitted, not stored. Raises ConfigError that names the field."""
        ...

    async def create(self, definition: BaselineDefinition, actor: Actor) -> Baseline:
        """Raises Forbidden (below engineer), ConfigError, BaselineRefused (no model), Conflict (name taken)."""
        ...

    async def fit_anew(self, baseline_id: int, definition: BaselineDefinition, actor: Actor) -> Baseline:
        """The next version of that name; the stored one stays. Raises as `create`, NotFound."""
        ...

    async def delete(self, baseline_id: int, actor: Actor) -> None: ...
    async def training(self, baseline_id: int) -> Sequence[PeriodRow]: ...
    async def savings(self, baseline_id: int, from_us: int, to_us: int) -> Savings:
        """Raises NotFound, ConfigError (a source is gone)."""
        ...


class BalanceService(Protocol):
    """Meters against each other."""

    async def report(self, from_us: int, to_us: int) -> BalanceReport:
        """As the samples stand now. Raises ConfigError when the window is too long."""
        ...

    async def findings(self, from_us: int, to_us: int) -> Sequence[BalanceFinding]:
        """What the daily runs found, newest first."""


class LoopService(Protocol):
    """How well control loops do."""

    @property
    def loops(self) -> Sequence[ControlLoop]:
        """As the plant names them."""
        ...

    async def report(self, loop_id: str, from_us: int, to_us: int) -> LoopReport:
        """As the samples stand now. Raises NotFound, ConfigError when the window is too long."""
        ...

    async def episodes(self, loop_id: str, from_us: int, to_us: int) -> Sequence[LoopEpisode]:
        """Stored ones that begin in the window, in order. Raises NotFound."""
        ...


class StateService(Protocol):
    """Borders of states: learned, tried on the past, the past judged anew."""
    async def learned(self, machine_id: str) -> LearnedBorders:
        """From the power of the last two weeks. Raises NotFound."""
    async def rehearse(self, machine_id: str, proposed: StateThresholds) -> Rehearsal:
        """The last 30 days under the present and the proposed borders. Raises NotFound, ConfigError (reason and fix)."""
    async def substates(self, machine_id: str, from_us: int, to_us: int) -> SubStates:
        """Stand-by, warm-up, ready, processing, where the power shows them. Raises NotFound."""
        ...

    def recomputes(self) -> Sequence[Recompute]:
        """The last one of each machine."""
    async def cancel(self, machine_id: str, actor: Actor) -> Recompute:
        """Raises NotFound without a running one, Forbidden below engineer."""
        ...


class AlertService(Protocol):
    """What stands and what people do about it. Each act raises NotFound, Conflict, Forbidden, StorageError."""

    def active(self) -> Sequence[Alert]:
        """Not over and not held, the most urgent first."""
        ...

    def held(self) -> Sequence[Alert]:
        """Standing, but shelved, suppressed by design or out of service."""
        ...

    def holds(self) -> Sequence[KeyHold]:
        """Shelved conditions and rules out of service, whether they stand or not."""
        ...

    def on_duty(self) -> Sequence[str]: ...
    async def history(self, from_us: int, to_us: int, limit: int = 1000) -> Sequence[Alert]: ...
    async def alert(self, alert_id: int) -> Alert: ...
    async def changes(self, alert_id: int) -> Sequence[Change]: ...
    async def hygiene(self, from_us: int, to_us: int, positions: int = 1) -> Hygiene: ...
    async def acknowledge(self, alert_id: int, actor: Actor, note: str | None = None) -> Alert:
        """Raises NotFound, Conflict (already acknowledged), Forbidden (below operator)."""
        ...

    async def acknowledge_all(
        self, alert_ids: Sequence[int], actor: Actor, note: str | None = None
    ) -> Mapping[int, str | None]:
        """Each by itself: id -> None, or why not."""
        ...

    async def shelve(self, alert_id: int, until_us: int, reason: str, actor: Actor) -> Alert:
        """At most 24 h; raises ConfigError when it is longer or without reason."""
        ...

    async def unshelve(self, alert_id: int, actor: Actor) -> Alert: ...
    async def comment(self, alert_id: int, text: str, actor: Actor) -> Alert: ...
    async def take_out_of_service(self, rule_id: str, reason: str, actor: Actor) -> KeyHold: ...
    async def put_in_service(self, rule_id: str, actor: Actor) -> None: ...


class RehearsalService(Protocol):
    """What a rule or filter would have done in the last days, as jobs. Raises ConfigError, Conflict (too many), NotFound."""

    def start_rule(self, rule: AlertRule, days: int = 30) -> RehearsalJob: ...
    def start_filter(
        self, tag: Tag, low: float | None, high: float | None, *, spike: bool, days: int = 30
    ) -> RehearsalJob: ...
    def job(self, job_id: str) -> RehearsalJob: ...
    def cancel(self, job_id: str) -> RehearsalJob: ...
    async def wait(self, job_id: str, seconds: float) -> RehearsalJob:
        """The job when it is over, or as it is after so long."""
        ...


class PlantService(Protocol):
    """Reading and changing the configuration; a change is live within seconds."""

    @property
    def plant(self) -> Plant: ...
    def profiles(self) -> Sequence[Profile]: ...
    def entry(self, section: str, entry_id: str) -> Mapping[str, object]:
        """The stored fields of one entry of `section` (lines, devices, machines), for its form; no secrets. Raises NotFound."""
        ...

    def section(self, name: str) -> object:
        """The stored value of shifts, calendar or plans, which are edited as a whole; None when it is not there."""
        ...

    async def save_section(self, name: str, value: object, actor: Actor) -> None:
        """Replace shifts, calendar or plans. Raises ConfigError that names the field, Forbidden."""
        ...

    async def save_line(
        self, line: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Line: ...
    async def delete_line(self, line_id: str, actor: Actor) -> None: ...
    async def save_device(
        self, device: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Device:
        """`device`: the fields of a plant file's device. Raises ConfigError that names the field, Conflict, Forbidden."""
        ...

    async def delete_device(self, device_id: str, actor: Actor) -> None: ...
    async def save_machine(
        self, machine: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Machine: ...
    def detectors(self, machine_id: str | None) -> Mapping[str, Mapping[str, object]]:
        """Parameters of the detectors as stored for one machine, or for all of them (None): rule -> parameter -> value."""
        ...

    async def save_detectors(
        self, machine_id: str | None, rules: Mapping[str, Mapping[str, object]], actor: Actor
    ) -> None:
        """All that is said of one machine, or of all of them. Raises ConfigError that names the field, NotFound, Forbidden."""
        ...

    async def delete_machine(self, machine_id: str, actor: Actor) -> None: ...
    async def save_limit(self, rule: LimitRule, actor: Actor) -> LimitRule: ...
    async def delete_limit(self, rule_id: int, actor: Actor) -> None: ...
    async def save_alert_rule(self, rule: Mapping[str, object], actor: Actor, *, new: bool) -> AlertRule:
        """`rule`: the fields of a plant file's rule. Raises ConfigError that names the field, Conflict, NotFound, Forbidden."""
        ...

    async def delete_alert_rule(self, rule_id: str, actor: Actor) -> None: ...
    async def draft_alert_rule(self, rule: Mapping[str, object]) -> AlertRule:
        """As it would be saved; nothing is stored. Raises ConfigError."""
        ...

    async def import_yaml(self, text: str, actor: Actor, known: int | None = None) -> None:
        """`known`: the version the user was shown as running; Conflict when another one runs by now."""
        ...

    def export_yaml(self, actor: Actor) -> str: ...
    async def read_now(
        self, device: Mapping[str, object], actor: Actor, line: Mapping[str, object] | None = None
    ) -> ReadNow:
        """Read a device (saved or only drafted) once, on its live line or the drafted `line`. Needs admin."""
        ...

    def scan(self, line: str | Mapping[str, object], addresses: Sequence[int], actor: Actor) -> AsyncIterator[ScanStep]:
        """Which addresses answer on a line (its id, or the fields of a drafted one). Raises ConfigError, LineDown, Forbidden."""
        ...

    async def browse(self, line_id: str, parent: str | None, actor: Actor) -> Sequence[BrowsedNode]:
        """What lies below a node of a line's server (None: its top). Raises NotFound, ConfigError, LineDown, DeviceRefused."""
        ...

    async def check_line(self, line: Mapping[str, object], actor: Actor) -> Line:
        """A new line as it would be saved; nothing is stored. Raises ConfigError that names the field, Conflict, Forbidden."""
        ...

    async def connect(self, wanted: Connection, actor: Actor) -> Connected:
        """Add a device with its line, machine and limits: all or nothing. Raises ConfigError, Conflict, NotFound, Forbidden."""
        ...

    async def check_connection(self, wanted: Connection, actor: Actor) -> None:
        """Would `connect` take it? Nothing is stored. Raises as `connect` does."""
        ...

    async def disconnect(self, done: Connected, actor: Actor) -> None:
        """Take back what `connect` made. Raises Conflict, Forbidden."""
        ...


class ProfileService(Protocol):
    """Device profiles as files. Everything that changes or reads a device needs admin."""

    def entries(self) -> Sequence[ProfileEntry]:
        """All profiles by name, with those whose file is wrong."""
        ...

    async def file(self, name: str) -> ProfileFile:
        """Raises NotFound, StorageError."""
        ...

    async def earlier(self, name: str, number: int) -> str:
        """A text that was replaced. Raises NotFound."""
        ...

    def check(self, name: str, document: Mapping[str, object]) -> ProfileDraft:
        """What the loader says of plain values."""
        ...

    def check_text(self, name: str, text: str) -> ProfileDraft:
        """What the loader says of YAML."""
        ...

    def text_of(self, document: Mapping[str, object]) -> str:
        """The document as a file."""
        ...

    def users(self, name: str) -> Sequence[str]:
        """Devices that are read by the profile."""
        ...

    async def copy(self, source: str, name: str, title: str, actor: Actor) -> ProfileFile:
        """Raises ConfigError that names the field, Conflict, NotFound, Forbidden."""
        ...

    async def save(self, name: str, text: str, actor: Actor, known: str) -> ProfileFile:
        """`known`: fingerprint of the text the user began with. Raises ConfigError with every problem, Conflict, NotFound."""
        ...

    async def delete(self, name: str, actor: Actor) -> None:
        """Raises Conflict (in use), NotFound."""
        ...

    async def read_now(
        self, name: str, document: Mapping[str, object], target: Mapping[str, object], actor: Actor
    ) -> ReadNow:
        """Try the draft's good points on {device: id} or {line: id, address: n}. Raises ConfigError, NotFound."""
        ...


class DeviceTableService(Protocol):
    """Devices as a table for a spreadsheet. Needs admin."""

    async def preview(self, name: str, content: bytes, actor: Actor) -> DevicePreview:
        """What importing the file would do; nothing is stored. Raises ConfigError (no table, too large)."""
        ...

    async def apply(self, found: DevicePreview, name: str, actor: Actor) -> None:
        """The right rows as one version. Raises Conflict (another version runs by now), ConfigError."""
        ...

    async def table(self, kind: str, actor: Actor, words: Mapping[str, str]) -> bytes:
        """The devices there are, `kind` csv or xlsx; `words`: what each column means."""
        ...

    async def points(self, name: str, content: bytes, actor: Actor) -> Sequence[Mapping[str, object]]:
        """Points of a profile, one a row, as its file would have them. Raises ConfigError."""
        ...


class PlantHistoryService(Protocol):
    """Kept versions of the configuration. Looking needs the role engineer, changing admin."""

    async def versions(self, actor: Actor, limit: int = 25, before: int | None = None) -> Sequence[VersionChanges]:
        """Newest first, at most 50, each with what it changed; `before`: only lower numbers."""
        ...

    async def running(self) -> int:
        """Number of the version that runs; 0 when there is no plant yet."""
        ...

    async def version(self, number: int, actor: Actor) -> VersionFile:
        """Raises NotFound."""
        ...

    async def step(self, number: int, actor: Actor) -> PlantDiff | None:
        """What a version changed of the one before; None when that one is not kept. Raises NotFound."""
        ...

    async def way_back(self, number: int, actor: Actor) -> PlantDiff:
        """What rolling back to the version would change of what runs. Raises NotFound."""
        ...

    async def preview(self, text: str, actor: Actor) -> PlantDiff:
        """What importing the plant file would change; nothing is stored. Raises ConfigError with every problem."""
        ...

    async def roll_back(self, number: int, actor: Actor, known: int | None = None) -> int:
        """Number of the new version. Raises ConfigError (does not validate today), NotFound, Conflict."""
        ...


class AccessService(Protocol):
    """Accounts, sessions, keys. Passwords are hashed off the event loop, at most two at a time."""

    def set_up_needed(self) -> bool: ...
    async def set_up(self, code: str, name: str, password: str, source: str) -> User:
        """First administrator, with the one-time code from the service log. Raises Forbidden, ConfigError (weak password)."""
        ...

    async def login(self, name: str, password: str, source: str) -> tuple[User, str]:
        """The user and the new session's id. Raises Forbidden (unknown user and wrong password alike), TooMany."""
        ...

    def session(self, session_id: str, *, touch: bool = True) -> User | None:
        """The user of a live session; `touch` starts its idle clock anew."""
        ...

    def on_session_end(self, callback: Callable[[str], None]) -> None:
        """`callback(session id)` whenever a session ends."""
        ...

    async def refused(self, actor: str, source: str, subject: str) -> None:
        """Write a request that was turned away to the audit."""
        ...

    def logout(self, session_id: str) -> None: ...
    async def key(self, key: str) -> Actor | None: ...
    async def users(self) -> Sequence[User]: ...
    async def create_user(self, name: str, role: Role, password: str, actor: Actor, full_name: str = "") -> User: ...
    async def set_password(self, user_id: int, password: str, actor: Actor, old: str | None = None) -> None: ...
    async def set_role(self, user_id: int, role: Role, actor: Actor) -> None: ...
    async def set_enabled(self, user_id: int, enabled: bool, actor: Actor) -> None: ...
    async def set_preferences(self, user_id: int, *, language: str | None = None, theme: str | None = None) -> None: ...
    async def keys(self) -> Sequence[ApiKey]: ...
    async def create_key(self, name: str, role: Role, actor: Actor, expires_us: int | None = None) -> tuple[ApiKey, str]: ...
    async def revoke_key(self, key_id: int, actor: Actor) -> None: ...
    async def audit(self, limit: int = 200, before: int | None = None) -> Sequence[AuditEntry]: ...


class TooMany(MonitorError):
    """Too many attempts or requests; `retry_after_s` seconds until the next is looked at."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"too many attempts; try again in {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class LineWatchService(Protocol):
    """What goes over a line, while somebody looks. Needs admin."""

    def frames(self, line_id: str, after: int, actor: Actor) -> LineFrames:
        """Frames since number `after`; listening begins with the first question and ends some seconds after the last.

        Raises NotFound, Forbidden.
        """
        ...


class StatusService(Protocol):
    def lines(self) -> Sequence[LineStatus]: ...
    def devices(self) -> Sequence[DeviceStatus]: ...
    def tasks(self) -> Sequence[TaskStatus]: ...
    def plugins(self) -> Sequence[PluginStatus]:
        """Plug-ins that read messages; none where the folder holds none."""
        ...

    def storage(self) -> StorageStatus: ...
    def books(self) -> Books: ...
    def feeds(self) -> Sequence[FeedStatus]:
        """See domain.feed.FeedService.feeds."""
        ...

    def started_us(self) -> int: ...
    def samples_per_second(self) -> float: ...
    def loop_lag_ms(self) -> float: ...
    def keeping(self) -> bool:
        """Readiness: samples are being kept."""
        ...


class VitalsService(Protocol):
    """How the process and the talk with devices did in the last 24 hours; from memory."""

    def readings(self) -> Sequence[Vitals]:
        """Every half minute, oldest first."""
        ...

    def errors(self) -> Sequence[ErrorCount]:
        """By device and kind, those with most in the last 24 hours first."""
        ...


class ReportService(Protocol):
    """Templates edited, reports issued, kept and found again. Each change raises Forbidden (below engineer)."""

    async def templates(self) -> Sequence[ReportTemplate]: ...
    async def template(self, template_id: str) -> ReportTemplate:
        """Raises NotFound."""
        ...

    async def save_template(
        self, draft: Draft, actor: Actor, *, known_version: int, logo: bytes | None = None, keep_logo: bool = True,
        workbook: WorkbookFile | None = None, keep_workbook: bool = True,
    ) -> ReportTemplate:
        """`known_version` 0: a new one. Raises ConfigError that names the place, Conflict (changed meanwhile)."""
        ...

    async def save_workbook(
        self, template_id: str, workbook: WorkbookFile | None, actor: Actor, *, known_version: int
    ) -> ReportTemplate:
        """The template's own workbook, or none: its next version. Raises NotFound, ConfigError, Conflict."""
        ...

    async def check_workbook(self, workbook: WorkbookFile, actor: Actor) -> ReportWorkbook:
        """What it would fill; nothing is stored. Raises ConfigError that says what is wrong with it."""
        ...

    async def workbook(self, template_id: str) -> WorkbookFile:
        """As it was sent. Raises NotFound."""
        ...

    def workbook_names(self, language: str) -> Sequence[WorkbookName]:
        """Every name that cells of a workbook may have."""
        ...

    async def example_workbook(self, language: str) -> bytes:
        """An XLSX with every name on a cell."""
        ...

    async def delete_template(self, template_id: str, actor: Actor) -> None:
        """A user's own, or the changes of a shipped one. Raises NotFound."""
        ...

    async def preview(
        self, draft: Draft, from_us: int, to_us: int, language: str | None, actor: Actor, workbook: WorkbookFile | None = None
    ) -> bytes:
        """The PDF of a draft, or the `workbook` filled; nothing is stored. Raises ConfigError."""
        ...

    async def outline(self, draft: Draft, from_us: int, to_us: int, language: str | None, actor: Actor) -> ReportOutline:
        """The same in words. Raises ConfigError."""
        ...

    def period(self, kind: PeriodKind, back: int) -> ShiftWindow | None:
        """The period of that kind that runs now (`back` 0) or was so many before; None where the calendar has none."""
        ...

    async def start(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> ReportJob:
        """Issue in the background. Raises NotFound, ConfigError, Forbidden, Conflict (too many run)."""
        ...

    def job(self, job_id: str) -> ReportJob:
        """Raises NotFound."""
        ...

    def cancel(self, job_id: str, actor: Actor) -> ReportJob: ...
    async def wait(self, job_id: str, seconds: float) -> ReportJob:
        """The job when it is over, or as it is after so long."""
        ...

    async def schedules(self) -> Sequence[ScheduleNow]: ...
    async def save_schedule(self, draft: Draft, actor: Actor, *, schedule_id: int, known_version: int) -> ReportSchedule:
        """A new one with id 0. Raises ConfigError that names the field, Conflict, NotFound."""
        ...

    async def delete_schedule(self, schedule_id: int, actor: Actor) -> None: ...
    async def try_again(self, schedule_id: int, from_us: int, actor: Actor) -> ReportRun:
        """A failed period, now. Raises NotFound."""
        ...

    async def issued(self, limit: int = 100, text: str = "", template: str = "") -> Sequence[IssuedReport]: ...
    async def issue(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> IssuedReport: ...
    async def file(self, report_id: int) -> tuple[IssuedReport, bytes]: ...


class CubeService(Protocol):
    """Energy and time by any of shift, state, machine, section, day, hour, crew, break."""

    async def ask(
        self, from_us: int, to_us: int, by: Sequence[Dimension], machines: Sequence[str] = (), sections: Sequence[str] = ()
    ) -> CubeAnswer:
        """Of the elapsed part of the window. Raises NotFound."""
        ...


class PlanFactService(Protocol):
    """Plan against fact."""

    async def facts(self, interval: PlanInterval, from_us: int, to_us: int) -> Sequence[PlanFact]:
        """Every plan in force in each interval that overlaps the window and has begun."""
class MoneyService(Protocol):
    """Energy figures and money. `subject`: a machine id, "section:<name>" or "site"; raises NotFound for others."""

    async def cost(self, subject: str, from_us: int, to_us: int) -> Cost: ...
    async def costs(self, by: str, from_us: int, to_us: int) -> Sequence[Cost]:
        """`by` machine | section | site, the dearest first."""
        ...

    async def cost_hours(self, subject: str, from_us: int, to_us: int) -> Sequence[CostHour]: ...
    async def demand(self, from_us: int, to_us: int) -> Demand: ...
    def running_demand(self) -> RunningDemand | None: ...
    async def power_factor(self, subject: str, from_us: int, to_us: int) -> PowerFactor: ...
    async def load_curves(self, by: str, from_us: int, to_us: int) -> Sequence[LoadCurve]: ...
    async def idle_ledger(self, from_us: int, to_us: int) -> IdleLedger: ...
    async def left_on(self) -> Sequence[LeftOn]:
        """Machines that idle outside their shifts now, the most expensive first."""
        ...

    async def add_idle_note(self, machine_id: str, from_us: int, to_us: int, text: str, actor: Actor) -> IdleNote:
        """Why it idled. Raises NotFound, ConfigError, Forbidden (below operator)."""
        ...

    async def standby(self) -> Sequence[StandbyAdvice]: ...
    async def standby_of(self, machine_id: str) -> StandbyAdvice: ...
    async def price_tables(self) -> Sequence[tuple[str, int, int, int]]:
        """(name, first hour, last hour, count) of each table of hourly prices."""
        ...

    async def import_prices(
        self, table: str, name: str, content: bytes, unit: str, actor: Actor, *, keep: bool
    ) -> PricePreview:
        """Look into a file of hourly prices (`unit` kWh | MWh); kept with `keep` when nothing is wrong.

        Raises ConfigError, Forbidden (below engineer).
        """
        ...


class VirtualTagService(Protocol):
    """Tags computed from other tags. Everything needs the role engineer."""

    def list(self) -> Sequence[VirtualTagNow]: ...
    async def check(self, draft: Mapping[str, object], actor: Actor) -> FormulaCheck:
        """A draft (`tag`, `formula`, `quantity`, `unit`; all but the formula may be missing) looked at; nothing is stored.

        It stands in for the virtual tag of its name, if there is one. Raises Forbidden.
        """
        ...

    async def save(self, fields: Mapping[str, object], actor: Actor, *, new: bool) -> VirtualTag:
        """Raises ConfigError, Conflict, NotFound, Forbidden. The history is computed in the background."""
        ...

    async def delete(self, tag: str, actor: Actor) -> None:
        """Its history stays. Raises Conflict while others use it."""
        ...


class AnomalyTrainings(Protocol):
    """Models being learned, and the last ones that were."""

    def jobs(self) -> Sequence[AnomalyTraining]:
        """The newest first."""
        ...

    def job(self, job_id: str) -> AnomalyTraining:
        """Raises NotFound."""
        ...

    async def wait(self, job_id: str, seconds: float) -> AnomalyTraining:
        """The job when it is over, or as it is after so long. Raises NotFound."""
        ...


class FindingService(Protocol):
    """Findings of the detectors, and the models and rehearsals behind them."""

    async def findings(
        self, from_us: int, to_us: int, *, machine: str | None = None, rule: str | None = None, limit: int = 1000
    ) -> Sequence[Finding]:
        """Those that overlap the window, newest first. Raises NotFound for an unknown machine ("site": the supply) or rule."""
        ...

    def running(self) -> Sequence[Finding]:
        """What lasts now, the oldest first."""
        ...

    async def models(self, machine: str | None = None) -> Sequence[AnomalyModel]: ...
    async def train(
        self, machine: str, actor: Actor, *, days: int = 14, keep: bool = True
    ) -> tuple[AnomalyModel, FindingRehearsal]:
        """Raises Forbidden (below engineer), NotFound, Conflict when too little is known of the machine."""
        ...

    async def start_training(
        self, machine: str, from_us: int, to_us: int, actor: Actor, *, keep: bool = True
    ) -> AnomalyTraining:
        """Learn from a good period, as a job. Raises Forbidden, NotFound, ConfigError (the period), Conflict (one runs)."""
        ...

    @property
    def trainings(self) -> AnomalyTrainings: ...
    async def cancel_training(self, job_id: str, actor: Actor) -> AnomalyTraining: ...
    async def rehearse(
        self, rule: str, machine: str, *, days: int = 30, parameters: Mapping[str, float] | None = None
    ) -> FindingRehearsal:
        """What the rule would have told of a machine, or of the supply ("site").

        Raises NotFound, Conflict (unknown parameter, value out of bounds, a rule that does not watch that).
        """
        ...

    async def changes(self, machine: str, channel: str, from_us: int, to_us: int) -> Sequence[tuple[int, float, float]]:
        """(time, mean before, mean after) of changes of level in production. Raises NotFound."""
        ...


class NoteService(Protocol):
    """Operators' notes on machines."""

    async def notes(self, machine_id: str, from_us: int, to_us: int) -> Sequence[MachineNote]:
        """Of [from_us, to_us), in order of time. Raises NotFound."""
        ...

    async def add(self, machine_id: str, time_us: int, text: str, actor: Actor) -> MachineNote:
        """A note on the instant. Raises Forbidden (below operator), NotFound, ConfigError."""
        ...


class FloorService(Protocol):
    """The floor plan: a picture with places of machines. Changes need the role engineer and are audited."""

    @property
    def version(self) -> int:
        """Of the plan as last read or saved: open pages see from it that somebody changed it."""
        ...

    async def plan(self) -> FloorPlan:
        """Places of machines that are gone are not in it."""
        ...

    async def picture(self) -> tuple[FloorPicture, bytes]:
        """Raises NotFound while there is none."""
        ...

    async def save_places(self, places: Mapping[str, Place], known_version: int, actor: Actor) -> FloorPlan:
        """All places anew. Raises Forbidden, NotFound, ConfigError, Conflict."""
        ...

    async def save_picture(self, content: bytes | None, known_version: int | None, actor: Actor) -> FloorPlan:
        """None takes it away. `known_version` None: whatever stands there. Raises Forbidden, ConfigError, Conflict."""
        ...

    async def draw(self, known_version: int, actor: Actor) -> FloorPlan:
        """A plain plan by sections with every machine on it. Raises Forbidden, Conflict."""
        ...


class InspectionService(Protocol):
    """Inspected items of a device and the models that judge them."""

    async def items(self, device_id: str, limit: int = 200) -> Sequence[InspectedItem]:
        """The newest first."""
        ...

    async def models(self, device_id: str) -> Sequence[QualityModel]:
        """All versions, the newest first."""
        ...

    async def label(self, device_id: str, number: int, label: Outcome, actor: Actor) -> None:
        """What a person says of an item. Raises Forbidden (below operator), NotFound."""
        ...

    async def train(self, device_id: str, kind: str, actor: Actor) -> QualityModel:
        """A new version, not switched on. Raises Forbidden (below engineer), ConfigError."""
        ...

    async def rehearse(self, device_id: str, version: int) -> Mapping[str, int]:
        """How a version would have judged the labelled items. Raises NotFound."""
        ...

    async def activate(self, device_id: str, version: int | None, actor: Actor) -> None:
        """Let a version judge; None: nobody. Raises Forbidden (below engineer), NotFound."""
        ...


class FrameService(Protocol):
    """The frame tester. Nothing is sent or stored."""

    def devices(self) -> Sequence[str]:
        """Ids of the devices that send frames."""
        ...

    def fields(self, device_id: str, pasted: str) -> Sequence[FrameField]:
        """Every field of a pasted frame. Raises NotFound, ConfigError."""
        ...


class CertificateService(Protocol):
    """Certificates that servers of lines showed, and the product's own. Everything needs the role admin."""

    async def certificates(self, actor: Actor) -> Sequence[ServerCertificate]:
        """Those that wait to be approved first."""
        ...

    async def own(self, actor: Actor) -> tuple[str, bytes] | None:
        """Fingerprint and DER bytes of the product's own; None until a line needed one."""
        ...

    async def approve(self, known: str, actor: Actor) -> None:
        """Trust the one with that fingerprint. Raises NotFound."""
        ...

    async def withdraw(self, known: str, actor: Actor) -> None:
        """Trust it no longer. Raises NotFound."""
        ...

    async def forget(self, known: str, actor: Actor) -> None:
        """Drop one that waits. Raises NotFound."""
        ...


class BackupService(Protocol):
    """Backups in the data folder. Everything needs the role admin: they hold hashes of passwords and sealed secrets."""

    @property
    def folder(self) -> Path: ...
    async def files(self, actor: Actor) -> Sequence[BackupFile]:
        """Newest first."""
        ...

    async def job(self, actor: Actor) -> BackupJob | None:
        """The last one asked for since the start."""
        ...

    async def start(self, actor: Actor) -> BackupJob:
        """In the background. Raises Conflict (one is being made, too many lie there, too little room)."""
        ...

    async def file(self, name: str, actor: Actor) -> Path:
        """To be sent; in the audit. Raises NotFound."""
        ...

    async def delete(self, name: str, actor: Actor) -> None:
        """Raises NotFound."""
        ...


class LogService(Protocol):
    """The program's own log, its newest lines. Needs the role engineer."""

    def lines(self, actor: Actor, *, level: str = "INFO", text: str = "", limit: int = 500) -> Sequence[LogLine]:
        """Newest first, of `level` or worse, that hold `text`."""
        ...


class NotificationService(Protocol):
    """Channels, who gets what, and what is on its way. Secrets go in and never come out."""

    async def channels(self) -> Sequence[Channel]: ...
    def health(self) -> Sequence[ChannelHealth]: ...
    async def save_channel(self, channel: Channel, secret: str | None, actor: Actor) -> Channel:
        """`secret` None keeps the old one, "" removes it. Raises ConfigError that names the field, Conflict, Forbidden."""
        ...

    async def delete_channel(self, channel_id: int, actor: Actor) -> None: ...
    async def test(self, channel_id: int, address: str, language: str, actor: Actor) -> None:
        """Raises DeliveryFailed with the reason."""
        ...

    async def preview(self, channel: Channel, language: str, actor: Actor) -> Message: ...
    async def subscriptions(self, actor: Actor, everybody: bool = False) -> Sequence[Subscription]: ...
    async def save_subscription(self, subscription: Subscription, actor: Actor) -> Subscription:
        """One's own (`user_id` 0), or as admin anybody's."""
        ...

    async def delete_subscription(self, subscription_id: int, actor: Actor) -> None: ...
    async def outbox(
        self, limit: int, actor: Actor, state: DeliveryState | None = None, before: int | None = None
    ) -> Sequence[Notice]: ...
    async def settle(self, notice_ids: Sequence[int], actor: Actor, *, again: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything pages and routes may use."""

    live: LiveService
    history: HistoryService
    trends: TrendService
    trend_views: TrendViewService
    energy: EnergyService
    alerts: AlertService
    plant: PlantService
    plant_history: PlantHistoryService
    profiles: ProfileService
    device_tables: DeviceTableService
    line_watch: LineWatchService
    access: AccessService
    status: StatusService
    vitals: VitalsService
    reports: ReportService
    rehearsals: RehearsalService
    explain: ExplainService
    efficiency: EfficiencyService
    per_part: ProductionFiguresService
    production: ProductionService
    cube: CubeService
    plan_facts: PlanFactService
    virtual_tags: VirtualTagService
    baselines: BaselineService
    balance: BalanceService
    loops: LoopService
    notifications: NotificationService
    money: MoneyService
    states: StateService
    findings: FindingService
    notes: NoteService
    floor: FloorService
    backups: BackupService
    certificates: CertificateService
    inspection: InspectionService
    frames: FrameService
    log: LogService
    feeds: FeedService
    feed_settings: FeedSettingService
