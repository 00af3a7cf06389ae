"""The database room's door: everything built over one URL and one data folder."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from database import backup_profiles, tables
from database.backup import Progress, back_up, restore
from database.check import CheckResult, check
from database.delivery import delivery
from database.engine import Store
from database.journal import Journal
from database.keys import Sealer, load_or_create_key
from database.migrate import upgrade
from database.outbox import DiskOutbox
from database.repositories import (
    AUDIT_HEAD,
    AccessRepository,
    AlertRepository,
    AuditLog,
    BalanceRepository,
    BaselineRepository,
    BlockRepository,
    BookRepository,
    CubeRepository,
    EfficiencyRepository,
    EnergyRepository,
    EventRepository,
    FindingRepository,
    FloorRepository,
    IdleRepository,
    InspectionRepository,
    LoopRepository,
    NoteRepository,
    NotificationRepository,
    PlantRepository,
    PriceRepository,
    QuarantineRepository,
    ReportPlanRepository,
    ReportRepository,
    SessionRepository,
    StateRepository,
    StateRuleRepository,
    TrendViewRepository,
)
from database.retention import Retention
from database.rollup import RollupKeeper
from database.rollup_query import RollupQuery
from database.samples import SampleHistory
from database.size import database_bytes
from database.space import DiskSpace
from database.writer import SampleWriter
from domain.errors import ConfigError
from domain.ports import Clock

log = logging.getLogger(__name__)

JOURNAL_LIMIT_BYTES = 8 * 1024**3  # 7 days of 1 000 samples/s at about 13 bytes each
IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Database:
    """`samples` implements domain.ports.History, the others the protocols of domain.stores.

    Long-lived tasks are the owner's to run: `writer.run`, `rollups.run`, `retention.run`.
    """

    samples: SampleHistory
    writer: SampleWriter
    rollups: RollupKeeper
    retention: Retention
    plants: PlantRepository
    states: StateRepository
    state_rules: StateRuleRepository
    energy: EnergyRepository
    efficiency: EfficiencyRepository
    alerts: AlertRepository
    access: AccessRepository
    sessions: SessionRepository
    audit: AuditLog
    reports: ReportRepository
    books: BookRepository
    events: EventRepository
    prices: PriceRepository
    idle: IdleRepository
    findings: FindingRepository
    baselines: BaselineRepository
    balance: BalanceRepository
    cube: CubeRepository
    notifications: NotificationRepository
    notes: NoteRepository
    loops: LoopRepository
    blocks: BlockRepository
    inspection: InspectionRepository
    floor: FloorRepository
    report_plans: ReportPlanRepository
    trend_views: TrendViewRepository
    quarantine: QuarantineRepository
    warnings: Sequence[str]  # weak settings of the server, for the status page
    store: Store
    data_dir: Path
    identity: bytes

    def outbox(self, feed: str, limit_bytes: int) -> DiskOutbox:
        """Of a feed; not opened yet. It belongs to this database, since tag ids do."""
        return DiskOutbox(self.data_dir / "feeds" / feed, self.identity, limit_bytes)

    async def size_bytes(self) -> int:
        """On the server's disk, or of the file. Raises StorageError."""
        return await database_bytes(self.store)

    async def check(self) -> CheckResult:
        """Integrity of the file, of the audit chain, and the books."""
        return await check(self.store, self.books, self.audit)

    async def backup(self, file: Path, progress: Progress = lambda _done, _tables, _rows: None) -> None:
        """A whole copy while everything runs. Raises StorageError; an older file of that name is then still there."""
        await back_up(self.store, file, progress, self.data_dir)

    async def restore(self, file: Path) -> Sequence[str]:
        """Into a database without a plant and samples, else Conflict. Raises StorageError when the file is no backup.

        What to know afterwards, in plain words: key files are not in a backup, and without the old ones some things are lost.
        """
        await restore(self.store, file)
        await asyncio.to_thread(backup_profiles.unpack, file, self.data_dir)
        self.audit.forget_head()
        lost = await self.plants.drop_unreadable_secrets()
        found = [f"secret {name!r} was sealed with another key file: enter it again" for name in lost]
        if await self.audit.verify() is not None:
            found.append("the audit was written with another key file: it can be read, but no longer be verified")
        for warning in found:
            log.warning("restore: %s", warning)
        return found


def _make_folder(data_dir: Path) -> None:
    """Raises ConfigError when nothing can be written there."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise ConfigError(f"the data folder {data_dir} cannot be made: {exc.strerror or exc}; set ENERGY_DATA_DIR") from exc
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise ConfigError(f"the data folder {data_dir} cannot be written; set ENERGY_DATA_DIR or give this user the right")


@contextlib.asynccontextmanager
async def open_database(
    url: str, data_dir: Path, clock: Clock, *, journal_limit_bytes: int = JOURNAL_LIMIT_BYTES, flush_s: float = 0.25,
    commit_s: float = 1.0, rollup_grace_s: float = 2.0,
) -> AsyncIterator[Database]:
    """Bring the schema up to date and build everything. Leaving keeps what the writer still holds, then closes.

    Raises ConfigError (URL, newer schema), StorageError (not reachable). Beside a running product too: only `writer.run` (or
    `put_all`) takes the journal, and only one process can have it. `rollup_grace_s`: see RollupKeeper; more where other processes
    write samples.
    """
    _make_folder(data_dir)
    store = Store(url)
    try:
        await store.prepare()
        await upgrade(store, before_change=lambda: _back_up_before_upgrade(store, data_dir))
        warnings = await store.weak_settings()
        for warning in warnings:
            log.warning("database server: %s", warning)
        way = delivery(store)
        identity = await _identity(store)
        journal = Journal(data_dir / "journal", identity, journal_limit_bytes)
        writer = SampleWriter(
            way, journal, clock, DiskSpace(data_dir), kind=store.kind, flush_s=flush_s, commit_s=commit_s, warnings=warnings
        )
        await writer.load()
        query = RollupQuery(store)
        keys = data_dir / "keys"
        samples = SampleHistory(store, query)
        database = Database(
            samples, writer, RollupKeeper(store, query, clock, writer.forget_marks, grace_us=int(rollup_grace_s * 1e6)),
            Retention(store, samples, clock),
            PlantRepository(store, Sealer(load_or_create_key(keys / "secrets.key"))),
            StateRepository(store), StateRuleRepository(store), EnergyRepository(store), EfficiencyRepository(store),
            AlertRepository(store), AccessRepository(store), SessionRepository(store),
            AuditLog(store, load_or_create_key(keys / "audit.key"), data_dir / "audit.head"),
            ReportRepository(store), BookRepository(store), EventRepository(store), PriceRepository(store), IdleRepository(store),
            FindingRepository(store), BaselineRepository(store), BalanceRepository(store), CubeRepository(store),
            NotificationRepository(store), NoteRepository(store), LoopRepository(store), BlockRepository(store),
            InspectionRepository(store),
            FloorRepository(store),
            ReportPlanRepository(store), TrendViewRepository(store), QuarantineRepository(store), warnings, store,
            data_dir, identity,
        )
        try:
            yield database
        finally:
            await writer.close()
            await way.close()
    finally:
        await store.close()


async def _identity(store: Store) -> bytes:
    """Which database this is: a journal is replayed only into the one it was written for."""
    meta = tables.meta
    async with store.write() as connection:
        for name, value in ((IDENTITY, uuid.uuid4().hex), (AUDIT_HEAD, "0")):  # both are there before anyone queues at them
            await connection.execute(store.insert_missing(meta, ["name"]), {"name": name, "value": value})
        found = await connection.scalar(select(meta.c.value).where(meta.c.name == IDENTITY))
    return bytes.fromhex(str(found))


async def _back_up_before_upgrade(store: Store, data_dir: Path) -> None:
    folder = data_dir / "backups"
    folder.mkdir(exist_ok=True, mode=0o700)
    name = f"before-upgrade-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
    log.info("backing up before the upgrade, which takes minutes with a long history ...")
    await back_up(store, folder / name, data_dir=data_dir)
    log.info("backup before the upgrade: %s", name)
