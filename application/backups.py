"""Backups asked for in the pages: one at a time, beside everything else; who may, what the audit says of it."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from database import Database
from database.backup_folder import BackupFolder
from domain.access import Actor, Role
from domain.backup import BackupFile, BackupJob, BackupState
from domain.errors import Conflict, Forbidden, StorageError
from domain.ports import Clock

log = logging.getLogger(__name__)

MOST_FILES = 50
LEAST_FREE_BYTES = 64 * 2**20
REASONS = {errno.ENOSPC: "no_room", errno.EDQUOT: "no_room", errno.EACCES: "not_writable", errno.EPERM: "not_writable",
           errno.EROFS: "not_writable"}  # fmt: skip


class Backups:
    """Implements web_interface.services.BackupService. `run` is a long-lived task of the program: it makes what was asked for."""

    def __init__(self, database: Database, clock: Clock, folder: Path) -> None:
        self._database, self._clock, self._shelf = database, clock, BackupFolder(folder)
        self._job: BackupJob | None = None
        self._asked = asyncio.Event()

    @property
    def folder(self) -> Path:
        return self._shelf.folder

    async def files(self, actor: Actor) -> Sequence[BackupFile]:
        """Newest first. Raises Forbidden (below admin), StorageError."""
        await self._need(actor, "list")
        return await asyncio.to_thread(self._shelf.files)

    async def job(self, actor: Actor) -> BackupJob | None:
        """The last one asked for since the start, None when there was none. Raises Forbidden."""
        await self._need(actor, "progress")
        return self._job

    async def start(self, actor: Actor) -> BackupJob:
        """Ask for one. Raises Forbidden, Conflict (one is being made, too many lie there, too little room)."""
        await self._need(actor, "make")
        files = await asyncio.to_thread(self._shelf.files)
        if len(files) >= MOST_FILES:
            raise Conflict(f"{len(files)} backups lie there; delete one first")
        try:
            free = await asyncio.to_thread(self._shelf.free_bytes)
        except OSError as exc:
            raise StorageError(f"the folder of backups cannot be used: {exc.strerror}") from exc
        need = LEAST_FREE_BYTES + max((file.size_bytes for file in files), default=0)
        if free < need:
            raise Conflict(f"too little room for a backup: {free // 2**20} MB are free, {need // 2**20} MB are needed")
        if self._job is not None and self._job.state is BackupState.RUNNING:
            raise Conflict("a backup is being made already")
        now_us = self._clock.now_us()
        job = self._job = BackupJob(self._shelf.new_name(now_us), BackupState.RUNNING, now_us, actor.name)
        try:
            await self._audit(actor, "backup", job.name)
        except BaseException:
            self._job = None
            raise
        self._asked.set()
        return job

    async def file(self, name: str, actor: Actor) -> Path:
        """Where a backup lies, to be sent; the audit notes it. Raises Forbidden, NotFound."""
        await self._need(actor, "download")
        path = await asyncio.to_thread(self._shelf.path, name)
        await self._audit(actor, "backup_download", name)
        return path

    async def delete(self, name: str, actor: Actor) -> None:
        """Raises Forbidden, NotFound, StorageError."""
        await self._need(actor, "delete")
        await asyncio.to_thread(self._shelf.path, name)
        await self._audit(actor, "backup_delete", name)
        await asyncio.to_thread(self._shelf.delete, name)

    async def run(self) -> None:
        """Make backups as they are asked for, until cancelled; a half-written one goes."""
        await asyncio.to_thread(self._shelf.clear_drafts)
        while True:
            await self._asked.wait()
            self._asked.clear()
            job = self._job
            if job is not None and job.state is BackupState.RUNNING:
                await self._make(job)

    async def _make(self, job: BackupJob) -> None:
        def progress(done: int, tables: int, rows: int) -> None:
            self._job = replace(job, tables_done=done, tables=tables, rows=rows)

        reason = "database"
        try:
            await self._database.backup(self._shelf.folder / job.name, progress)
            reason = ""
        except StorageError as exc:
            cause = exc.__cause__
            reason = REASONS.get(cause.errno or 0, "database") if isinstance(cause, OSError) else "database"
            log.error("backup %s failed: %s", job.name, exc)
        finally:
            state = BackupState.FAILED if reason else BackupState.DONE
            self._job = replace(self._job or job, state=state, reason=reason)

    async def _audit(self, actor: Actor, action: str, subject: str) -> None:
        await self._database.audit.append(self._clock.now_us(), actor.name, actor.source, action, subject)

    async def _need(self, actor: Actor, what: str) -> None:
        if not actor.role.allows(Role.ADMIN):
            now_us = self._clock.now_us()
            await self._database.audit.append(now_us, actor.name, actor.source, "refused", f"backup {what}", result="failed")
            raise Forbidden("backups need the role admin")
