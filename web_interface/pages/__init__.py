"""The pages. Each is a module with `register(services, hub)`; a new page is one module and one line here."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui

from web_interface.components import Hub
from web_interface.pages import (
    admin,
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
    admin_notifications,
    admin_plant,
    admin_profile,
    admin_profiles,
    admin_states,
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
    my_notifications,
    overview,
    reports,
    status,
    status_log,
    status_vitals,
    trends,
)
from web_interface.services import Services

STATIC = Path(__file__).resolve().parent.parent / "static"
SETTINGS = (
    admin, admin_devices, admin_wizard, admin_import, admin_line, admin_device, admin_profiles, admin_profile,
    admin_machines, admin_states, admin_calendar, admin_limits, admin_virtual_editor, admin_virtual, admin_users, admin_keys,
    admin_notifications, admin_audit, admin_plant, admin_history, admin_backups, admin_feeds, admin_certificates,
    admin_inspection, admin_detectors,
)  # fmt: skip
PAGES = (
    overview, floor, machine, loops, trends, energy, alerts, alerts_hygiene, alerts_rules, reports, status, status_log,
    status_vitals, my_notifications, *SETTINGS,
)  # fmt: skip
# The one head of all pages: constant text, no page adds to it (see the rule on raw sinks in docs/development.md).
_HEAD = (
    '<link rel="preload" href="/static/theme/fonts/inter-latin-wght-normal.woff2" as="font" type="font/woff2" crossorigin>'
    '<link rel="preload" href="/static/theme/fonts/inter-cyrillic-wght-normal.woff2" as="font" type="font/woff2" crossorigin>'
    '<link rel="stylesheet" href="/static/theme/tokens.css"><link rel="stylesheet" href="/static/theme/app.css">'
    '<link rel="stylesheet" href="/static/theme/pages.css"><link rel="stylesheet" href="/static/theme/admin.css">'
    '<link rel="stylesheet" href="/static/theme/energy.css">'
    '<link rel="stylesheet" href="/static/theme/explain.css">'
    '<link rel="stylesheet" href="/static/theme/states.css">'
    '<link rel="stylesheet" href="/static/theme/floor.css">'
    '<link rel="stylesheet" href="/static/theme/trends.css">'
    '<link rel="stylesheet" href="/static/theme/loops.css">'
    '<link rel="stylesheet" href="/static/theme/wall.css">'
)


def register(services: Services) -> None:
    """Register every page. `/static` must be served by the application (web_interface/app.py does)."""
    ui.add_head_html(_HEAD, shared=True)
    hub = Hub(services)
    for page in PAGES:
        page.register(services, hub)


__all__ = ["STATIC", "register"]
