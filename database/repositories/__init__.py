"""Implementations of domain.stores over the tables: domain types in, domain types out, one transaction a call."""

from database.repositories.access import AccessRepository
from database.repositories.alerts import AlertRepository
from database.repositories.audit import AUDIT_HEAD, AuditLog
from database.repositories.balance import BalanceRepository
from database.repositories.baselines import BaselineRepository
from database.repositories.books import BookRepository
from database.repositories.cube import CubeRepository
from database.repositories.efficiency import EfficiencyRepository
from database.repositories.energy import EnergyRepository
from database.repositories.events import EventRepository
from database.repositories.figures import IdleRepository, PriceRepository
from database.repositories.findings import FindingRepository
from database.repositories.floor import FloorRepository
from database.repositories.inspection import InspectionRepository
from database.repositories.loops import LoopRepository
from database.repositories.notes import NoteRepository
from database.repositories.notifications import NotificationRepository
from database.repositories.plants import PlantRepository
from database.repositories.quarantine import QuarantineRepository
from database.repositories.report_plans import ReportPlanRepository
from database.repositories.reports import ReportRepository
from database.repositories.served import BlockRepository
from database.repositories.sessions import SessionRepository
from database.repositories.state_rules import StateRuleRepository
from database.repositories.states import StateRepository
from database.repositories.trends import TrendViewRepository

__all__ = [
    "AUDIT_HEAD", "AccessRepository", "AlertRepository", "AuditLog", "BalanceRepository", "BaselineRepository",
    "BlockRepository",
    "BookRepository", "CubeRepository", "EfficiencyRepository", "EnergyRepository", "EventRepository", "FindingRepository",
    "FloorRepository", "IdleRepository", "InspectionRepository", "LoopRepository", "NoteRepository", "NotificationRepository",
    "PlantRepository",
    "PriceRepository", "QuarantineRepository", "ReportPlanRepository", "ReportRepository", "SessionRepository",
    "StateRepository", "StateRuleRepository", "TrendViewRepository",
]
