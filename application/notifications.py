"""Notifications put together: the pages' own sentences, the mail server of the settings, secrets, users, alerts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from analysis.alerts import AlertEngine
from config.settings import Settings
from database import Database
from domain.access import User
from domain.alert import Alert
from domain.notification import Event
from domain.plant import Plant
from domain.ports import Clock
from notifications.engine import NotificationEngine, Parts
from notifications.senders import MailServer, senders
from notifications.senders.mail import ANYWHERE
from notifications.service import Notifications, secret_name
from notifications.templates import Templates
from web_interface.components.marks import priority_name
from web_interface.format import Format
from web_interface.locale import t
from web_interface.texts import alert_sentence, alert_subject


class CatalogueWords:
    """Implements notifications.templates.Words: alerts are told as the pages tell them."""

    def __init__(self, language: str, plant: Plant) -> None:
        self._lang, self._plant = "ru" if language == "ru" else "en", plant
        self._fmt = Format(self._lang, ZoneInfo(plant.site.timezone), plant.site.currency)

    @property
    def site(self) -> str:
        return self._plant.site.name

    @property
    def templates(self) -> Templates:
        """As shipped; a channel may bring its own."""
        names = ("subject", "body", "digest_subject", "digest_line")
        return Templates(*(t(f"notify.template.{name}", self._lang).replace("[", "{").replace("]", "}") for name in names))

    def sentence(self, alert: Alert) -> str:
        return alert_sentence(alert, self._fmt)

    def subject(self, alert: Alert) -> str:
        return alert_subject(alert, self._plant, self._lang)

    def priority(self, alert: Alert) -> str:
        return priority_name(alert.priority, self._lang)

    def event(self, event: Event) -> str:
        return t(f"notify.event.{event.value}", self._lang)

    def moment(self, time_us: int) -> str:
        return f"{self._fmt.day(time_us)} {self._fmt.clock(time_us, seconds=True)}"

    def value(self, alert: Alert) -> str:
        return self._fmt.value(alert.value, alert.unit)

    def limit(self, alert: Alert) -> str:
        return self._fmt.value(alert.limit, alert.unit)

    def more(self, n: int) -> str:
        return t("notify.more", self._lang, n=n)


def mail_server(settings: Settings) -> MailServer | None:
    """Of ENERGY_SMTP__…; the administrator of the machine named it, so any address may be its own."""
    smtp = settings.smtp
    if smtp.host is None:
        return None
    password = smtp.password.get_secret_value() if smtp.password is not None else None
    sender = smtp.sender or (smtp.user if smtp.user and "@" in smtp.user else f"energy-monitoring@{smtp.host}")
    return MailServer(str(smtp.host), int(smtp.port), smtp.security, smtp.user, password, sender, ANYWHERE)


def base_url(settings: Settings) -> str:
    """Address of the pages for links in messages; "" while they listen on this machine only."""
    web = settings.web
    names = [host for host in web.allowed_hosts if host not in {"localhost", "127.0.0.1"}]
    if not names:
        return ""
    scheme, port = ("https", 443) if web.tls else ("http", 80)
    return f"{scheme}://{names[0]}" + ("" if web.port == port or ":" in names[0] else f":{web.port}")


def build_notifications(
    settings: Settings, clock: Clock, database: Database, alerts: AlertEngine, plant: Callable[[], Plant]
) -> tuple[NotificationEngine, Notifications]:
    """The engine (listens to the alerts from now on) and its service."""
    store = database.notifications

    async def users() -> Sequence[User]:
        return await database.access.users()

    async def secret(channel_id: int) -> str | None:
        return await database.plants.secret(secret_name(channel_id))

    def words(language: str) -> CatalogueWords:
        return CatalogueWords(language, plant())

    def test_words(language: str) -> tuple[str, str]:
        lang = "ru" if language == "ru" else "en"
        return t("notify.test.subject", lang, site=plant().site.name), t("notify.test.text", lang)

    engine = NotificationEngine(
        Parts(store, store, users, secret, senders(mail_server(settings)), words, plant, alerts, clock, base_url(settings))
    )
    alerts.on_alert(engine.on_alert)
    service = Notifications(
        store, engine, database.audit, clock, set_secret=database.plants.set_secret, secret=database.plants.secret, users=users,
        words=words, test_words=test_words,
    )  # fmt: skip
    return engine, service
