"""Accounts: who may log in, with which role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role, User
from domain.errors import ConfigError, Forbidden, MonitorError
from web_interface.components import Card, DataTable, Hub, button, notify
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import admin_frame, admin_words, shell
from web_interface.pages.admin_dialog import FormDialog
from web_interface.pages.admin_form import Field
from web_interface.pages.later import Later
from web_interface.services import Services


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/users."""

    @ui.page("/admin/users", title="")
    async def users_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "users") as page:
            body = Later(page)
        await body.fill(UsersPage(page).build)
        return None


def role_options(page: shell.Page) -> dict[Any, str]:
    """Role -> its name with what it may."""
    return {role.value: f"{page.t(f'role.{role.value}')}: {page.t(f'admin.role.{role.value}')}" for role in Role}


def last_seen(user: User, sessions: tuple[int, float] | None, fmt: Format, now_us: int) -> dict[str, Any]:
    """The cell: when the account came in last; below, how many sessions of it are open and when one was used last."""
    came = t("admin.user.never", fmt.lang) if user.last_login_us is None else fmt.moment(user.last_login_us, now_us)
    cell = {"text": came, "sort": user.last_login_us or 0}
    if sessions is None:
        return cell
    count, idle_s = sessions
    used = fmt.moment(now_us - round(idle_s * 1e6), now_us)
    return {**cell, "sub": t("admin.user.sessions", fmt.lang, n=count, used=used)}


class UsersPage:
    """One open page of accounts."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._users: Sequence[User] = ()

    async def build(self) -> None:
        """The table; each account has its own actions."""
        page = self._page
        self._users = await page.services.access.users()
        with Card(page.t("admin.users"), note=page.t("admin.users.note"), testid="users-card") as card:
            with card.tools:
                button(page.t("admin.user.new"), self._new, kind="primary", icon_name="add", testid="user-new")
            self._table = DataTable(self._columns(), self._rows(), testid="users-table", two_lines=True, on_action=self._action)

    def _columns(self) -> list[dict[str, Any]]:
        t = self._page.t
        return [
            {"key": "name", "name": t("admin.field.login"), "align": "left"},
            {"key": "full", "name": t("admin.field.full_name"), "align": "left", "grow": True},
            {"key": "role", "name": t("admin.field.role"), "align": "left"},
            {"key": "state", "name": t("status.col.state"), "align": "left"},
            {"key": "last", "name": t("admin.col.last_login"), "align": "left"},
            {"key": "do", "name": "", "align": "right", "sort": False},
        ]

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(user) for user in self._users]

    def _row(self, user: User) -> dict[str, Any]:
        page = self._page
        now_us = page.hub.shop().now_us
        own = user.id == page.viewer.user.id
        enabled = {"text": page.t("admin.user.enabled"), "icon": "check_circle", "tone": "quiet"}
        disabled = {"text": page.t("admin.user.disabled"), "icon": "pause_circle", "tone": "quiet"}
        switch = "disable" if user.enabled else "enable"
        actions = [
            {"name": "role", "text": page.t("admin.user.role")},
            {"name": "password", "text": page.t("admin.user.password")},
            {"name": switch, "text": page.t(f"admin.user.{switch}")},
        ]
        sessions = page.services.access.open_sessions().get(user.id)
        if sessions is not None and not own:
            actions.insert(2, {"name": "sign-out", "text": page.t("admin.user.sign_out")})
        parts = [[user.name, "em-b"], *([[f" {page.t('admin.user.you')}", "em-quiet"]] if own else [])]
        cells: dict[str, Any] = {
            "name": {"parts": parts, "sort": user.name},
            "full": user.full_name or "—",
            "role": {"text": page.t(f"role.{user.role.value}"), "sort": user.role.rank},
            "state": enabled if user.enabled else disabled,
            "last": last_seen(user, sessions, page.viewer.fmt, now_us),
            "do": {"text": "", "actions": actions},
        }
        return {"id": user.id, "muted": not user.enabled, "cells": cells}

    async def _show(self, words: str) -> None:
        self._users = await self._page.services.access.users()
        self._table.show({"rows": self._rows()})
        notify(words)

    async def _action(self, user_id: Any, name: str) -> None:
        user = next((user for user in self._users if user.id == user_id), None)
        if user is None:
            return
        if name == "role":
            await self._role(user)
        elif name == "password":
            await self._password(user)
        elif name == "sign-out":
            await self._sign_out(user)
        else:
            await self._enable(user, name == "enable")

    # ---- actions -----------------------------------------------------------------------------------------------------
    async def _new(self) -> None:
        page, t = self._page, self._page.t
        fields = [
            Field("name", "text", t("admin.field.login"), required=True, hint=t("admin.hint.login")),
            Field("full_name", "text", t("admin.field.full_name")),
            Field("role", "choice", t("admin.field.role"), options=role_options(page), required=True),
            Field("password", "secret", t("admin.field.password"), required=True, hint=t("admin.hint.policy")),
        ]
        dialog = FormDialog(page, t("admin.user.new"), fields, {"role": Role.VIEWER.value}, testid="user-dialog")

        async def save(found: dict[str, object]) -> None:
            full_name = str(found.get("full_name", ""))
            await page.services.access.create_user(
                str(found["name"]), Role(found["role"]), str(found["password"]), page.actor(), full_name
            )

        if await dialog.ask(save, yes=t("action.add")):
            await self._show(t("admin.user.created"))

    async def _role(self, user: User) -> None:
        page, t = self._page, self._page.t
        field = Field("role", "choice", t("admin.field.role"), options=role_options(page), required=True)
        title, words = t("admin.user.role.title", name=user.name), t("admin.user.role.words")
        dialog = FormDialog(page, title, [field], {"role": user.role.value}, testid="role-dialog", words=words)

        async def save(found: dict[str, object]) -> None:
            await page.services.access.set_role(user.id, Role(found["role"]), page.actor())

        if await dialog.ask(save):
            await self._show(t("admin.saved"))

    async def _password(self, user: User) -> None:
        """Of one's own account the old one is asked, and the session ends with the change."""
        page, t = self._page, self._page.t
        own = user.id == page.viewer.user.id
        old = [Field("old", "secret", t("admin.field.old_password"), required=True)] if own else []
        fields = [*old, Field("password", "secret", t("admin.field.new_password"), required=True, hint=t("admin.hint.policy"))]
        words = t("admin.user.password.own" if own else "admin.user.password.words")
        title = t("admin.user.password.title", name=user.name)
        dialog = FormDialog(page, title, fields, {}, testid="password-dialog", words=words)

        async def save(found: dict[str, object]) -> None:
            given = str(found["old"]) if own else None
            actor = page.actor()
            try:
                await page.services.access.set_password(user.id, str(found["password"]), actor, given)
            except Forbidden as exc:
                if own:  # it is not the right that is missing
                    raise ConfigError(f"old: {exc}") from exc
                raise

        if await dialog.ask(save):
            await self._show(t("admin.saved"))

    async def _enable(self, user: User, enabled: bool) -> None:
        page = self._page

        def say(exc: MonitorError) -> None:
            notify(admin_words.said(exc, page.lang), good=False)

        if await admin_frame.attempt(page, lambda: page.services.access.set_enabled(user.id, enabled, page.actor()), say):
            await self._show(page.t("admin.user.enabled.done" if enabled else "admin.user.disabled.done", name=user.name))

    async def _sign_out(self, user: User) -> None:
        """A phone that was lost, a screen left open: whoever it was can sign in again, so nothing is asked."""
        page = self._page

        def say(exc: MonitorError) -> None:
            notify(admin_words.said(exc, page.lang), good=False)

        if await admin_frame.attempt(page, lambda: page.services.access.end_sessions(user.id, page.actor()), say):
            await self._show(page.t("admin.user.signed_out", name=user.name))
