"""Saved views: own ones and shared ones, changed by whoever may, over the version one has seen; every change is in the audit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from domain.access import Actor, Role
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.ports import Clock
from domain.stores import AuditStore
from domain.trend_view import TrendView, TrendViewStore
from web_interface.trends.query import LONGEST, TrendQuery

LONGEST_NAME = 100
MOST_VIEWS = 200  # of one user


class ViewChanged(Conflict):
    """Somebody saved the view meanwhile. `now` is how it stands; None when it was deleted."""

    def __init__(self, now: TrendView | None) -> None:
        super().__init__("the view was deleted meanwhile" if now is None else f"{now.changed_by} saved the view meanwhile")
        self.now = now


class TrendViews:
    """Implements web_interface.services.TrendViewService."""

    def __init__(self, store: TrendViewStore, audit: AuditStore, clock: Clock) -> None:
        self._store, self._audit, self._clock = store, audit, clock
        self._saved: dict[int, TrendView | None] = {}  # by this process: open pages hear of it without asking the store

    async def visible(self, actor: Actor) -> Sequence[TrendView]:
        """Own ones and those shared with all, by name."""
        return [view for view in await self._store.all() if view.shared or view.owner == actor.name]

    async def get(self, view_id: int, actor: Actor) -> TrendView:
        """Raises NotFound, also for another's that is not shared."""
        found = await self._store.get(view_id)
        if found is None or not (found.shared or found.owner == actor.name):
            raise NotFound("view", str(view_id))
        return found

    def may_change(self, view: TrendView, actor: Actor) -> bool:
        """One's own; a shared one also from the role engineer on."""
        return view.owner == actor.name or (view.shared and actor.role.allows(Role.ENGINEER))

    def newer_than(self, view: TrendView) -> TrendView | None:
        """What somebody saved over `view` since it was read; None as far as is known. From memory."""
        saved = self._saved.get(view.id)
        return saved if saved is not None and saved.version > view.version else None

    async def create(self, name: str, address: str, actor: Actor, *, shared: bool) -> TrendView:
        """Raises ConfigError (name, address), Conflict (the name is taken, too many)."""
        view = TrendView(0, checked_name(name), actor.name, shared, checked_address(address), 1, self._clock.now_us(), actor.name)
        await self._need_room(view)
        await self._write(actor, "trend_view_create", view.name, None, view)
        return await self._store.create(view)

    async def save(self, seen: TrendView, actor: Actor, *, name: str, address: str, shared: bool) -> TrendView:
        """Over the version that was seen. Raises ViewChanged, Forbidden, NotFound, ConfigError, Conflict (name taken)."""
        before = await self._changeable(seen.id, actor)
        if before.version != seen.version:
            raise ViewChanged(before)
        view = replace(
            before, name=checked_name(name), address=checked_address(address), shared=shared, version=before.version + 1,
            changed_us=self._clock.now_us(), changed_by=actor.name,
        )
        await self._need_room(view)
        await self._write(actor, "trend_view_update", view.name, before, view)
        if not await self._store.replace(view, before.version):
            raise ViewChanged(await self._store.get(seen.id))
        self._saved[view.id] = view
        return view

    async def delete(self, view_id: int, actor: Actor) -> None:
        """Raises NotFound, Forbidden."""
        before = await self._changeable(view_id, actor)
        await self._write(actor, "trend_view_delete", before.name, before, None)
        await self._store.delete(view_id)

    async def exported(self, actor: Actor, words: str) -> None:
        """Data left as a file: the audit keeps what and by whom."""
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, "trend_export", words[:300])

    async def _changeable(self, view_id: int, actor: Actor) -> TrendView:
        found = await self.get(view_id, actor)
        if not self.may_change(found, actor):
            now_us, subject = self._clock.now_us(), f"trend view {found.name}"
            await self._audit.append(now_us, actor.name, actor.source, "refused", subject, result="failed")
            raise Forbidden("a view of somebody else can be changed from the role engineer on")
        return found

    async def _need_room(self, view: TrendView) -> None:
        """Before the audit hears of it. The store looks again, for two at once."""
        others = [other for other in await self._store.all() if other.owner == view.owner and other.id != view.id]
        if any(other.name == view.name for other in others):
            raise Conflict(f"a view {view.name!r} of {view.owner} exists already; choose another name")
        if len(others) >= MOST_VIEWS:
            raise Conflict(f"{view.owner} has {MOST_VIEWS} views already; delete one first")

    async def _write(self, actor: Actor, action: str, name: str, old: TrendView | None, new: TrendView | None) -> None:
        before, after = (None if view is None else _words(view) for view in (old, new))
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, action, name, old=before, new=after)


def checked_name(name: str) -> str:
    """Raises ConfigError."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigError(f"name: is empty or too long; expected a text of at most {LONGEST_NAME} characters")
    return name


def checked_address(address: str) -> str:
    """As our own page writes it. Raises ConfigError."""
    query = replace(TrendQuery.of(address), view=0)
    if not query.tags or len(address) > LONGEST:
        raise ConfigError("address: has no tag or is too long; expected what the page of trends shows")
    return query.address


def _words(view: TrendView) -> str:
    return json.dumps({"name": view.name, "shared": view.shared, "address": view.address}, ensure_ascii=False)
