"""What devices and the subjects of alerts are called in a report."""

from __future__ import annotations

from domain.alert import Alert
from reports.model import Report
from reports.wording import Wording


def meter_name(device_id: str, report: Report, words: Wording) -> str:
    """The machine behind it, or the site's feed, with the meter's own id."""
    name = words.t("report.col.feeding") if device_id == report.main_meter else report.meters.get(device_id)
    return device_id if name is None else f"{name} ({device_id})"


def alert_subject(alert: Alert, report: Report, words: Wording) -> str:
    """Whom the alert is about: a machine, the feed, a device; what concerns all is the site's."""
    rows = {row.machine_id: row.name for row in report.machines}
    if alert.machine_id is not None:
        return rows.get(alert.machine_id, alert.machine_id)
    if alert.device_id and alert.device_id == report.main_meter:
        return words.t("report.col.feeding")
    return report.meters.get(alert.device_id or "") or alert.device_id or alert.tag or report.site
