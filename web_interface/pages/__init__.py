"""The pages. Each is a module with `register(services, hub)`; a new page is one module and one line here."""

from __future__ import annotations

from nicegui import ui

from web_interface.components import Hub
from web_interface.pages import (
    admin,
    admin_alignments,
    admin_audit,
    admin_backups,
    admin_calendar,
    admin_certificates,
    admin_detectors,
    admin_device,
    admin_devices,
    admin_feeds,
    admin_history,
    admin_import,
    admin_inspection,
    admin_keys,
    admin_limits,
    admin_line,
    admin_machines,
    admin_money,
    admin_notifications,
    admin_plant,
    admin_profile,
    admin_profiles,
    admin_site,
    admin_states,
    admin_tariff,
    admin_users,
    admin_virtual,
    admin_virtual_editor,
    admin_wizard,
    alerts,
    alerts_hygiene,
    alerts_rules,
    energy,
    floor,
    loops,
    machine,
    machines,
    my_notifications,
    overview,
    reports,
    status,
    status_log,
    status_vitals,
    trends,
)
from web_interface.services import Services

SETTINGS = (
    admin, admin_site, admin_alignments,
    admin_devices, admin_wizard, admin_import, admin_line, admin_device, admin_profiles, admin_profile,
    admin_machines, admin_states, admin_calendar, admin_money, admin_tariff, admin_limits, admin_virtual_editor, admin_virtual,
    admin_users, admin_keys,
    admin_notifications, admin_audit, admin_plant, admin_history, admin_backups, admin_feeds, admin_certificates,
    admin_inspection, admin_detectors,
)  # fmt: skip
PAGES = (
    overview, floor, machines, machine, loops, trends, energy, alerts, alerts_hygiene, alerts_rules, reports, status, status_log,
    status_vitals, my_notifications, *SETTINGS,
)  # fmt: skip
# The one head of all pages: constant text, no page adds to it (see the rule on raw sinks in docs/development.md).
_HEAD = (
    '<link rel="preload" href="/static/theme/fonts/inter-latin-wght-normal.woff2" as="font" type="font/woff2" crossorigin>'
    '<link rel="preload" href="/static/theme/fonts/inter-cyrillic-wght-normal.woff2" as="font" type="font/woff2" crossorigin>'
    '<link rel="stylesheet" href="{theme}">'
)


def register(services: Services, theme: str) -> None:
    """Register every page. `theme`: the address of their style sheet; `/static` is served by web_interface/app.py."""
    ui.add_head_html(_HEAD.format(theme=theme), shared=True)
    hub = Hub(services)
    for page in PAGES:
        page.register(services, hub)


__all__ = ["register"]
