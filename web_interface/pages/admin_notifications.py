"""Channels of notifications and what waits to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.notification import Channel, ChannelKind, DeliveryFailed, DeliveryState, Notice
from web_interface.components import Card, Confirm, DataTable, Hub, button, notify
from web_interface.pages import admin_frame, shell
from web_interface.pages import notifications_view as view
from web_interface.pages.admin_dialog import FormDialog
from web_interface.pages.admin_form import Field
from web_interface.pages.later import Later
from web_interface.services import Services

MOST_NOTICES = 200


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/notifications."""

    @ui.page("/admin/notifications", title="")
    async def notifications_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "notifications") as page:
            body = Later(page)
        await body.fill(NotificationsPage(page).build)
        return None


class NotificationsPage:
    """One open page of channels."""

    def __init__(self, page: shell.Page) -> None:
        self._page, self._service = page, page.services.notifications
        self._channels: Sequence[Channel] = ()

    async def build(self) -> None:
        """Channels, then the outbox."""
        page, lang = self._page, self._page.lang
        with Card(page.t("notify.channels"), note=page.t("notify.channels.note"), testid="channels-card") as card:
            with card.tools:
                button(page.t("notify.channel.new"), self._new, kind="primary", icon_name="add", testid="channel-new")
            self._table = DataTable(
                view.channel_columns(lang), [], testid="channels-table", empty=page.t("notify.channels.none"), two_lines=True,
                on_action=self._channel_action,
            )  # fmt: skip
        with Card(page.t("notify.outbox"), note=page.t("notify.outbox.note"), testid="outbox-card"):
            self._outbox = DataTable(
                view.outbox_columns(lang), [], testid="outbox-table", empty=page.t("notify.outbox.none"), two_lines=True,
                on_action=self._notice_action,
            )  # fmt: skip
        await self._refresh()

    async def _refresh(self) -> None:
        page, fmt, now_us = self._page, self._page.viewer.fmt, self._page.hub.shop().now_us
        self._channels = await self._service.channels()
        health = {one.channel_id: one for one in self._service.health()}
        self._table.show({"rows": [view.channel_row(c, health.get(c.id), fmt, now_us) for c in self._channels]})
        users = {user.id: user.full_name or user.name for user in await page.services.access.users()}
        notices = await self._open_notices()
        plant, channels = page.services.plant.plant, view.by_id(self._channels)
        self._outbox.show({"rows": [view.outbox_row(n, channels, users, plant, fmt, now_us) for n in notices]})

    async def _open_notices(self) -> Sequence[Notice]:
        actor = self._page.actor()
        failed = await self._service.outbox(MOST_NOTICES, actor, DeliveryState.FAILED)
        waiting = await self._service.outbox(MOST_NOTICES, actor, DeliveryState.WAITING)
        return sorted([*failed, *waiting], key=lambda notice: -notice.event_us)[:MOST_NOTICES]

    async def _new(self) -> None:
        page, t = self._page, self._page.t
        kinds: dict[Any, str] = {kind.value: t(f"notify.kind.{kind.value}") for kind in ChannelKind}
        picked: list[str] = []

        async def pick(values: dict[str, object]) -> None:
            picked.append(str(values["kind"]))

        fields = [Field("kind", "choice", t("notify.kind"), options=kinds, required=True)]
        dialog = FormDialog(page, t("notify.channel.new"), fields, {"kind": ChannelKind.EMAIL.value}, testid="channel-kind")
        if await dialog.ask(pick, yes=t("action.continue")):
            await self._edit(Channel(0, ChannelKind(picked[0]), ""))

    async def _edit(self, channel: Channel) -> None:
        page = self._page
        title = page.t("notify.channel.edit", name=channel.name) if channel.id else page.t(f"notify.kind.{channel.kind.value}")

        async def save(values: dict[str, object]) -> None:
            made, secret = view.channel_of(channel, values)
            await self._service.save_channel(made, secret, page.actor())

        fields = view.channel_fields(channel.kind, page.lang)
        if await FormDialog(page, title, fields, view.channel_values(channel), testid="channel-dialog").ask(save):
            notify(page.t("notify.saved"))
            await self._refresh()

    async def _channel_action(self, channel_id: Any, name: str) -> None:
        channel = next((c for c in self._channels if c.id == channel_id), None)
        if channel is None:
            return
        if name == "edit":
            await self._edit(channel)
        elif name == "test":
            await self._test(channel)
        else:
            await self._delete(channel)

    async def _test(self, channel: Channel) -> None:
        page = self._page
        fields = []
        if channel.kind.needs_address:
            hint = page.t(f"notify.hint.address.{channel.kind.value}")
            fields = [Field("address", "text", page.t("notify.test.address"), required=True, hint=hint)]

        async def send(values: dict[str, object]) -> None:
            try:
                await self._service.test(channel.id, str(values.get("address", "")), page.lang, page.actor())
            except DeliveryFailed as exc:
                notify(view.failure_words(str(exc), page.lang), good=False)
                return
            notify(page.t("notify.test.done"))

        title = page.t("notify.test.title", name=channel.name)
        await FormDialog(page, title, fields, {}, testid="channel-test").ask(send, yes=page.t("notify.test.send"))

    async def _delete(self, channel: Channel) -> None:
        page = self._page
        words = page.t("notify.delete.words", name=channel.name)
        title, yes = page.t("notify.delete.title"), page.t("notify.action.delete")
        confirm = Confirm(page.lang, title, words, yes, testid="channel-delete")
        if await confirm.ask() and await admin_frame.attempt(
            page, lambda: self._service.delete_channel(channel.id, page.actor())
        ):
            notify(page.t("notify.deleted"))
            await self._refresh()

    async def _notice_action(self, notice_id: Any, name: str) -> None:
        page = self._page
        if await admin_frame.attempt(
            page, lambda: self._service.settle([int(notice_id)], page.actor(), again=name == "retry")
        ):
            await self._refresh()
