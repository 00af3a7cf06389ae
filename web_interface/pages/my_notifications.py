"""What I am told, and how: everybody's own page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from domain.access import Role
from domain.notification import Channel, Subscription
from web_interface.components import Card, DataTable, Hub, button, el, empty, notify
from web_interface.pages import admin_frame, shell
from web_interface.pages import notifications_view as view
from web_interface.pages.admin_dialog import FormDialog
from web_interface.pages.admin_form import Field
from web_interface.pages.later import Later
from web_interface.services import Services

PATH = "/notifications"


def register(services: Services, hub: Hub) -> None:
    """The page at /notifications, reached from the user's menu."""

    @ui.page(PATH, title="")
    async def my_notifications_page() -> None:
        with shell.page(services, hub, active="", title_key="notify.mine") as page, el("div", "em-admin"):
            body = Later(page, rows=4)
        await body.fill(MyNotifications(page).build)


class MyNotifications:
    """One open page."""

    def __init__(self, page: shell.Page) -> None:
        self._page, self._service = page, page.services.notifications
        self._channels: Sequence[Channel] = ()
        self._mine: Sequence[Subscription] = ()

    async def build(self) -> None:
        """A table of subscriptions, or what is missing first."""
        page = self._page
        self._channels = [channel for channel in await self._service.channels() if channel.enabled]
        with Card(page.t("notify.mine"), note=page.t("notify.mine.note"), testid="mine-card") as card:
            if not self._channels:
                action = (page.t("notify.mine.channels"), "/admin/notifications") if page.viewer.may(Role.ADMIN) else ("", "")
                empty("notifications_none", page.t("notify.mine.none"), page.t("notify.mine.no_channels"), *action)
                return
            with card.tools:
                button(page.t("notify.mine.new"), self._new, kind="primary", icon_name="add", testid="mine-new")
            columns = view.subscription_columns(page.lang)
            self._table = DataTable(
                columns, [], testid="mine-table", empty=page.t("notify.mine.none"), two_lines=True, on_action=self._action
            )
        await self._refresh()

    async def _refresh(self) -> None:
        page = self._page
        self._mine = await self._service.subscriptions(page.actor())
        channels = view.by_id(self._channels)
        self._table.show({"rows": [view.subscription_row(s, channels, page.services.plant.plant, page.lang) for s in self._mine]})

    async def _new(self) -> None:
        page, picked = self._page, []
        if len(self._channels) == 1:
            await self._edit(Subscription(0, 0, self._channels[0].id))
            return
        options: dict[Any, str] = {channel.id: channel.name for channel in self._channels}

        async def pick(values: dict[str, object]) -> None:
            picked.append(int(str(values["channel"])))

        fields = [Field("channel", "choice", page.t("notify.channel"), options=options, required=True)]
        dialog = FormDialog(page, page.t("notify.mine.new"), fields, {"channel": self._channels[0].id}, testid="mine-channel")
        if await dialog.ask(pick, yes=page.t("action.continue")):
            await self._edit(Subscription(0, 0, picked[0]))

    async def _edit(self, subscription: Subscription) -> None:
        page = self._page
        channel = next((c for c in self._channels if c.id == subscription.channel_id), None)
        if channel is None:
            return

        async def save(values: dict[str, object]) -> None:
            await self._service.save_subscription(view.subscription_of(subscription, values), page.actor())

        fields = view.subscription_fields(channel.kind, page.services.plant.plant, page.lang)
        values = view.subscription_values(subscription)
        if await FormDialog(page, channel.name, fields, values, testid="mine-dialog").ask(save):
            notify(page.t("notify.saved"))
            await self._refresh()

    async def _action(self, subscription_id: Any, name: str) -> None:
        page = self._page
        subscription = next((s for s in self._mine if s.id == subscription_id), None)
        if subscription is None:
            return
        if name == "edit":
            await self._edit(subscription)
        elif await admin_frame.attempt(page, lambda: self._service.delete_subscription(subscription.id, page.actor())):
            notify(page.t("notify.deleted"))
            await self._refresh()


