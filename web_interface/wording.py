"""How reports write: the pages' own formats and catalogues, behind the reports' small protocol."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from domain.alert import Alert
from web_interface.format import Format
from web_interface.locale import t
from web_interface.texts import alert_sentence


class CatalogueWording(Format):
    """Implements reports.wording.Wording for one language and zone."""

    def t(self, key: str, /, **values: object) -> str:
        """The text of `key` in this language."""
        return t(key, self.lang, **values)

    def weekday(self, day: date) -> str:
        """Name of the weekday."""
        return t(f"report.weekday.{day.weekday()}", self.lang)

    def alert(self, alert: Alert) -> str:
        """What happened, in one sentence, as the pages say it."""
        return alert_sentence(alert, self)


def wording(language: str, zone: str, currency: str) -> CatalogueWording:
    """The writer of `language` (anything but ru is English)."""
    return CatalogueWording("ru" if language == "ru" else "en", ZoneInfo(zone), currency)
