"""What pages and API routes ask for, by room. application/services.py fills it; tests may build small ones.

Every call that changes something takes the Actor, checks its role (raises Forbidden) and writes the audit itself, so that no
page and no route can forget it. Times are UTC microseconds; energies kWh; powers kW.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.alignment import AlignmentService
from domain.feed import FeedService
from domain.feed_setting import FeedSettingService
from domain.plugin import PluginTrials
from domain.refused import RefusedService
from domain.served import ServedService, ServedStatus
from web_interface.services.access import AccessService
from web_interface.services.alerts import AlertService, NotificationService, RehearsalService
from web_interface.services.efficiency import EfficiencyService, ExplainService, ProductionFiguresService
from web_interface.services.energy import BalanceService, BaselineService, CubeService, EnergyService, PlanFactService
from web_interface.services.findings import FindingService
from web_interface.services.floor import FloorService
from web_interface.services.inspection import FrameService, InspectionService
from web_interface.services.live import LiveService
from web_interface.services.machines import LoopService, NoteService, ProductionService, StateService
from web_interface.services.money import MoneyService
from web_interface.services.plant import (
    CertificateService,
    DeviceTableService,
    PlantHistoryService,
    PlantService,
    VirtualTagService,
)
from web_interface.services.profiles import ProfileService
from web_interface.services.reports import ReportService
from web_interface.services.status import BackupService, LineWatchService, LogService, StatusService, VitalsService
from web_interface.services.trends import HistoryService, TrendService, TrendViewService


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
    alignments: AlignmentService
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
    plugins: PluginTrials
    feeds: FeedService
    refused: RefusedService
    feed_settings: FeedSettingService
    modbus: ServedService
    opcua_server: ServedStatus
